//! Files that programs of a script need, change or remove.

use crossdock_shell::{End, Trouble};

use super::Context;
use super::process::Process;
use crate::{Finding, codes};

/// Returns the finding about a program that fails because of a file, with which `set -e` ends the script. A deployment may
/// mount another file or directory there, so that it is not certain.
pub(super) fn refused(
    context: Context<'_>,
    process: &Process,
    end: &End,
    script: &str,
    program: &str,
    path: &str,
    trouble: Trouble,
) -> Finding {
    let user = process
        .user
        .as_ref()
        .map(|user| format!("user {}", user.uid))
        .unwrap_or_else(|| "the user".to_owned());
    let why = match trouble {
        Trouble::Absent => format!("the image does not have {path}"),
        Trouble::Exists => format!("the image has {path} already"),
        Trouble::Directory => format!("{path} is a directory"),
        Trouble::NotDirectory => format!("{path} is not a directory"),
        Trouble::ReadOnly => format!("{user} may not write to the directory {path}"),
        Trouble::NotOwner => format!("{user} does not own {path}"),
    };
    let help = match trouble {
        Trouble::Absent => "Put the file or directory into the image, or let the deployment mount it.",
        Trouble::Exists => "Use `mkdir -p` or `ln -sf`, which do not fail then.",
        Trouble::NotDirectory => "Correct the path.",
        Trouble::Directory => "Name the file, or use the option `-r`.",
        Trouble::ReadOnly | Trouble::NotOwner => {
            "Create it in the Dockerfile and give it to the user, e.g. `COPY --chown` or `RUN chown`, or let the deployment \
             mount a volume there."
        }
    };
    let line = end.position.line;
    let message = format!(
        "Line {line} of {script} runs {program}, which fails because {why}, and with `set -e` the script ends."
    );
    Finding::new(codes::LAUNCH_MAY_FAIL, context.target.name(), path, message).with_help(help)
}
