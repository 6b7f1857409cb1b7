//! Checks that the program of a health check is in the image and for its platform.

use crate::image::{ImageFacts, entry_point};
use crate::program::busybox::BusyBox;
use crate::program::checks::check_file;
use crate::program::container::{Container, on_search_path};
use crate::root::Resolved;
use crate::{Effect, Finding, Target, codes};

/// Words that a shell does not look up on PATH.
const SHELL_WORDS: &str = ". : [ alias break case cd command continue do done echo elif else esac eval exec exit export false fi for if \
                           kill local printf pwd read return set shift test then times trap true type ulimit umask unset until wait \
                           while";

/// Docker and podman run the check; Kubernetes ignores it, so that a broken one does not keep the image from starting.
pub(super) fn check(
    image: &ImageFacts,
    target: &Target,
    container: Container<'_>,
    findings: &mut Vec<Finding>,
) {
    let (words, line): (Vec<String>, Option<&str>) = match image.health_check.split_first() {
        Some((kind, words)) if kind == "CMD" && !words.is_empty() => (words.to_vec(), None),
        Some((kind, [line, ..])) if kind == "CMD-SHELL" => (in_shell(image, line), Some(line)),
        _ => return,
    };
    let check = image.clone().with_entrypoint(words).with_cmd([""; 0]);
    let mut found = Vec::new();
    let program = entry_point::find(&check, target, container, &mut found);
    if let Some(program) = &program {
        found.extend(check_file(program, target, None, container, 0));
    }
    let why = match found.iter().find(|finding| finding.code.effect() == Effect::Fails) {
        Some(finding) => reason(finding),
        None => match (program, line) {
            (Some(shell), Some(line)) => match missing_command(line, container, &shell) {
                Some(word) => format!("{word:?} is not on the image's PATH"),
                None => return,
            },
            _ => return,
        },
    };
    let message = format!(
        "The health check {:?} does not start: {why}. Docker and podman mark the container as unhealthy.",
        image.health_check[1..].join(" ")
    );
    findings.push(
        Finding::new(codes::HEALTH_CHECK_BROKEN, target.name(), "", message)
            .with_evidence("Healthcheck", image.health_check.join(" ")),
    );
}

/// Returns the words that run a line in the image's shell (`getShell` in moby's `daemon/health.go`).
fn in_shell(image: &ImageFacts, line: &str) -> Vec<String> {
    let shell = match image.shell.as_slice() {
        [] => vec!["/bin/sh".to_owned(), "-c".to_owned()],
        shell => shell.to_vec(),
    };
    shell.into_iter().chain([line.to_owned()]).collect()
}

fn reason(finding: &Finding) -> String {
    let is_absent = [codes::ENTRY_POINT_MISSING, codes::ENTRY_POINT_NOT_ON_PATH, codes::SHELL_MISSING];
    if is_absent.contains(&finding.code) {
        format!("{:?} is not in the image", finding.path)
    } else {
        finding.message.trim_end_matches('.').to_owned()
    }
}

/// Returns the first word of the line if it is a plain command that the image does not have.
fn missing_command<'l>(line: &'l str, container: Container<'_>, shell: &Resolved) -> Option<&'l str> {
    let word = line.split_whitespace().next()?;
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./+".contains(&byte));
    if !is_plain || SHELL_WORDS.split(' ').any(|known| known == word) {
        return None;
    }
    let is_there = if word.contains('/') {
        container.resolve(word).is_ok()
    } else {
        on_search_path(container, word).is_some()
    };
    // The shell of BusyBox may run an applet without a file of its name (`FEATURE_SH_STANDALONE`).
    let is_applet =
        || BusyBox::read(container.root, shell).is_some_and(|busybox| busybox.has(word) != Some(false));
    (!is_there && !is_applet()).then_some(word)
}
