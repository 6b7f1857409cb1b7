//! Findings about the links of a chain.

use super::process::{Process, Role};
use super::search::NotFound;
use crate::program::container::{ANYONE, denied};
use crate::root::{EntryKind, Resolved};
use crate::{Code, Effect, Finding, Target, codes};

/// The number of characters of a chain that a message shows. A longer one is cut in its middle.
const MAX_STORY: usize = 400;

/// Returns the finding about a link that cannot be followed.
pub(super) fn unknown(target: &Target, path: &str, why: &str) -> Finding {
    let message = format!("The program that {path} starts was not verified: {why}.");
    Finding::new(codes::LAUNCH_UNKNOWN, target.name(), path, message)
}

/// Returns the finding about a chain that is longer than any real one.
pub(super) fn too_long(target: &Target, process: &Process) -> Finding {
    let name = process.name().unwrap_or_default();
    let message = "The programs that the image starts one after the other are too many to follow.";
    Finding::new(codes::LAUNCH_UNKNOWN, target.name(), name, message)
}

/// Returns the finding about a file that a loader is to start and that no loader can load.
pub(super) fn not_loadable(target: &Target, process: &Process, found: &Resolved) -> Finding {
    let loader = process.loader.as_deref().unwrap_or_default();
    let message = format!(
        "{loader} starts only ELF programs, and {} is none: it shows `invalid ELF header`, exit 127.",
        found.path
    );
    let help = "Name the interpreter of the script as the program, or leave the loader out.";
    Finding::new(codes::LAUNCH_REFUSED, target.name(), &found.path, message).with_help(help)
}

/// Returns the finding about a process whose program is not started.
pub(super) fn not_found(target: &Target, process: &Process, error: NotFound) -> Finding {
    let word = process.words.first().map(ToString::to_string).unwrap_or_default();
    match error {
        NotFound::Absent(why) => absent(target, &word, &why),
        NotFound::Unknown(why) => unknown(target, &word, &why),
        NotFound::Denied(found) if found.entry.kind != EntryKind::File => {
            let message = format!(
                "{} is not a regular file, so that it is not started: `permission denied`.",
                found.path
            );
            Finding::new(codes::ENTRY_POINT_NOT_A_FILE, target.name(), &found.path, message)
        }
        NotFound::Denied(found) => {
            let name = match (&process.user, process.user_word.as_str()) {
                (Some(user), _) => format!("User {}:{}", user.uid, user.gid),
                (None, "") => "A user who is only known when it runs".to_owned(),
                (None, word) => format!("The user `{word}`, who is only known when it runs,"),
            };
            let user = process.user.as_ref().unwrap_or(&ANYONE);
            denied(target, &found, user, &name, "`permission denied`")
        }
    }
}

/// Returns the finding about a command that the image does not have.
pub(super) fn absent(target: &Target, word: &str, why: &str) -> Finding {
    let finding = |message: String| Finding::new(codes::LAUNCH_COMMAND_MISSING, target.name(), word, message);
    let Some(name) = word.strip_suffix('\r') else {
        return finding(format!("{word} is not started: {why}."));
    };
    let message = format!(
        "{name} is not started: a carriage return follows its name, `{name}\\r: not found`, exit 127."
    );
    Finding::new(codes::SCRIPT_CARRIAGE_RETURN, target.name(), name, message)
}

/// Returns the finding about a program that commands of a script have made one that cannot be started.
pub(super) fn not_executable_any_more(target: &Target, found: &Resolved, why: &str) -> Finding {
    let message = format!("{} is not started, `permission denied`: {why}.", found.path);
    let help = "Remove the command, or let it give the mode 0755.";
    Finding::new(codes::NOT_EXECUTABLE, target.name(), &found.path, message).with_help(help)
}

/// The findings about libraries, which depend on where the loader searches.
const OF_LIBRARIES: [Code; 6] = [
    codes::LIBRARY_MISSING,
    codes::LIBRARY_WRONG,
    codes::SYMBOL_MISSING,
    codes::SYMBOL_VERSION_MISSING,
    codes::LOADER_LIBRARY_PAIR,
    codes::LOADER_LEVEL_TOO_HIGH,
];

/// Returns whether a finding depends on variables of the process that are unknown.
pub(super) fn depends_on_variables(process: &Process, finding: &Finding) -> bool {
    let is_any_unknown =
        ["LD_LIBRARY_PATH", "LD_PRELOAD"].iter().any(|name| process.environment.is_unknown(name));
    is_any_unknown && OF_LIBRARIES.contains(&finding.code)
}

/// Returns whether a finding depends on circumstances of the process that are unknown.
pub(super) fn is_doubtful(process: &Process, finding: &Finding) -> bool {
    let of_users = [
        codes::NOT_EXECUTABLE,
        codes::INTERPRETER_NOT_EXECUTABLE,
        codes::LAUNCH_FILE_MISSING,
        codes::SCRIPT_NOT_READABLE,
    ];
    let is_user_unknown = process.user.is_none();
    depends_on_variables(process, finding)
        || ((is_user_unknown || process.has_new_cache) && OF_LIBRARIES.contains(&finding.code))
        || (is_user_unknown && of_users.contains(&finding.code))
}

/// Returns the finding about a link that may not be reached, or not in this way.
pub(super) fn weakened(finding: Finding) -> Finding {
    if finding.code.effect() != Effect::Fails {
        return finding;
    }
    with_code(codes::LAUNCH_MAY_FAIL, finding)
}

/// Returns the finding about a step that cannot be followed, and without which nothing starts.
pub(super) fn weakened_unknown(finding: Finding) -> Finding {
    with_code(codes::LAUNCH_MAY_FAIL, finding)
}

/// Returns the finding as it counts for the start of the image; `None` if it does not.
pub(super) fn for_role(role: Role, finding: Finding) -> Option<Finding> {
    let may_fail = finding.code == codes::LAUNCH_MAY_FAIL;
    match (role, finding.code.effect()) {
        (Role::Program, _) | (Role::Step, Effect::Fails) => Some(finding),
        // Its end is not known anyway, since any program may fail.
        (Role::Step, _) => may_fail.then_some(finding),
        (Role::Aside, Effect::Fails) => Some(with_code(codes::LAUNCH_HELPER_FAILS, finding)),
        (Role::Aside, _) => None,
    }
}

/// Returns a finding under another code; its own becomes evidence.
fn with_code(code: Code, finding: Finding) -> Finding {
    let mut other = Finding::new(code, &finding.platform, &finding.path, finding.message)
        .with_help(finding.help)
        .with_evidence("finding", finding.code.id());
    other.evidence.extend(finding.evidence);
    other
}

/// Puts the chain that leads to a link before the message of its finding.
pub(super) fn with_story(mut finding: Finding, story: &str) -> Finding {
    if !story.is_empty() {
        finding.message = format!("{}: {}", shortened(story), lower_first(&finding.message));
    }
    finding
}

/// Lowers the first letter of an article, because the message continues a sentence.
fn lower_first(message: &str) -> String {
    if ["The ", "User "].iter().any(|word| message.starts_with(word)) {
        message[..1].to_ascii_lowercase() + &message[1..]
    } else {
        message.to_owned()
    }
}

fn shortened(story: &str) -> String {
    let count = story.chars().count();
    if count <= MAX_STORY {
        return story.to_owned();
    }
    let start: String = story.chars().take(MAX_STORY / 2).collect();
    let end: String = story.chars().skip(count - MAX_STORY / 2).collect();
    format!("{start} … {end}")
}
