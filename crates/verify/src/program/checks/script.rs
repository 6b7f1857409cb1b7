//! Checks that the kernel finds and starts the interpreter of a script.

use super::{Subject, check_file};
use crate::program::busybox;
use crate::program::container::{Container, not_executable, on_search_path, shown_path};
use crate::program::inspect::{Inspection, Script};
use crate::root::{EntryKind, ResolveError, Resolved};
use crate::{Effect, Finding, codes};

/// The depth to which Linux follows scripts that name scripts (`exec_binprm`).
const MAX_SCRIPT_DEPTH: u8 = 5;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Inspection::Script(script) = subject.facts else { return };
    if let Some(finding) = broken_line(subject, script) {
        findings.push(finding);
        return;
    }
    match subject.container {
        None => {
            let message = format!(
                "{} is a script for {}; no image was given to search for it.",
                subject.path, script.interpreter
            );
            findings.push(
                subject.finding(codes::SCRIPT_UNCHECKED, message).with_evidence("#!", &*script.interpreter),
            );
        }
        Some(image) => in_image(subject, script, image, findings),
    }
}

/// Returns the finding about a damaged `#!` line.
fn broken_line(subject: &Subject<'_>, script: &Script) -> Option<Finding> {
    let path = subject.path;
    // The kernel splits the line only at blanks and tabs, so that a carriage return stays in the last word.
    let (code, message) = if script.has_carriage_return && !script.tolerates_carriage_return() {
        let so = carriage_return(path, script);
        let message = format!("{path} has a carriage return at the end of its `#!` line, so {so}.");
        (codes::SCRIPT_CARRIAGE_RETURN, message)
    } else if script.interpreter.is_empty() || script.is_truncated {
        let why = if script.is_truncated {
            "names an interpreter longer than 255 bytes"
        } else {
            "names no interpreter"
        };
        let message = format!(
            "{path} begins with a `#!` line that {why}: a node shows `exec {path}: exec format error`."
        );
        (codes::SCRIPT_LINE_BROKEN, message)
    } else if subject.depth >= MAX_SCRIPT_DEPTH {
        let message = format!(
            "{path} is the {}th script in a row that names a script as its interpreter: a node shows `too many levels of symbolic links`.",
            subject.depth + 1
        );
        (codes::SCRIPT_LINE_BROKEN, message)
    } else {
        return None;
    };
    Some(subject.finding(code, message).with_evidence("#!", &*script.interpreter))
}

/// Describes the effect of a carriage return, which depends on the word that it ends.
fn carriage_return(path: &str, script: &Script) -> String {
    let interpreter = &script.interpreter;
    match &script.argument {
        None => format!(
            "the kernel looks for {interpreter:?}: a node shows `exec {path}: no such file or directory`"
        ),
        Some(argument) if script.interpreter_name() == "env" => {
            format!("env looks for {argument:?} and stops: `No such file or directory`, exit 127")
        }
        Some(argument) => format!(
            "{interpreter} gets the argument {argument:?} and fails: it names neither an option nor a file"
        ),
    }
}

fn in_image(subject: &Subject<'_>, script: &Script, image: Container<'_>, findings: &mut Vec<Finding>) {
    let path = subject.path;
    let found = match image.resolve(&script.interpreter) {
        Ok(found) => found,
        Err(ResolveError::Unreadable(error)) => {
            findings.push(subject.finding(codes::UNREADABLE, format!("{path}: {error}.")));
            return;
        }
        Err(error) => {
            let message = format!(
                "{path} is a script for {}, and {error}: a node shows `exec {path}: no such file or directory`, although {path} \
                 exists.",
                script.interpreter
            );
            findings.push(
                subject
                    .finding(codes::SCRIPT_INTERPRETER_MISSING, message)
                    .with_evidence("#!", &*script.interpreter),
            );
            return;
        }
    };
    // The kernel opens the interpreter as it opens a program, so the user must be allowed to execute it.
    if let Some(finding) = not_executable(subject.target, &script.interpreter, &found, image.user) {
        findings.push(finding);
    }
    if found.entry.kind == EntryKind::File {
        interpreter(subject, script, &found, image, findings);
    }
    // An interpreter that is a script again would repeat the note. What a shell runs is followed (`launch`).
    if subject.depth == 0 && !script.is_for_shell() {
        let message = format!(
            "{path} is a script for {}: the programs that it starts were not verified.",
            script.interpreter
        );
        findings.push(subject.finding(codes::SCRIPT_ENTRY_POINT, message));
    }
}

/// Checks that the interpreter starts, and with `env` also the program that env starts.
fn interpreter(
    subject: &Subject<'_>,
    script: &Script,
    found: &Resolved,
    image: Container<'_>,
    findings: &mut Vec<Finding>,
) {
    findings.extend(check_started(subject, found, image));
    let words: Vec<&str> = [&*script.interpreter].into_iter().chain(script.argument.as_deref()).collect();
    if let Some(finding) = busybox::check(image.root, subject.target, found, &words) {
        // Neither without the applet nor without the option the command is started.
        let starts_nothing = finding.code.effect() == Effect::Fails;
        findings.push(finding);
        if starts_nothing {
            return;
        }
    }
    let Some(command) = script.env_target() else { return };
    let Some(found) = command_of_env(subject, command, image, findings) else { return };
    findings.extend(not_executable(subject.target, command, &found, image.user));
    if found.entry.kind == EntryKind::File {
        findings.extend(check_started(subject, &found, image));
        findings.extend(busybox::check(image.root, subject.target, &found, &[command]));
    }
}

/// Returns the program that env starts. A command with a slash is not searched on PATH. `None` if there is none, which
/// a finding reports.
fn command_of_env(
    subject: &Subject<'_>,
    command: &str,
    image: Container<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Resolved> {
    let why = if command.contains('/') {
        match image.resolve(command) {
            Ok(found) => return Some(found),
            Err(ResolveError::Unreadable(error)) => {
                findings.push(subject.finding(codes::UNREADABLE, format!("{}: {error}.", subject.path)));
                return None;
            }
            Err(error) => format!("and {error}"),
        }
    } else {
        match on_search_path(image, command) {
            Some(found) => return Some(found),
            None => {
                format!("which is not on the image's PATH ({})", shown_path(&image.search_path().join(":")))
            }
        }
    };
    let message = format!(
        "{} starts {command} with env, {why}: env stops with `can't execute '{command}': No such file or directory`, exit 127.",
        subject.path
    );
    findings.push(subject.finding(codes::SCRIPT_COMMAND_MISSING, message).with_evidence("#!", command));
    None
}

fn check_started(subject: &Subject<'_>, found: &Resolved, image: Container<'_>) -> Vec<Finding> {
    // Without the plan's expectations, which are for the script's own path.
    check_file(found, subject.target, None, image, subject.depth + 1)
}
