//! Checks that the interpreter may read the script: to start it, the kernel needs only the execute permission.

use super::Subject;
use crate::program::inspect::{Inspection, Script};
use crate::root::resolve;
use crate::{Finding, codes};

/// The beginnings of the names of interpreters that open the script themselves.
const READERS: &[&str] = &[
    "sh",
    "ash",
    "bash",
    "dash",
    "ksh",
    "mksh",
    "zsh",
    "fish",
    "busybox",
    "python",
    "pypy",
    "perl",
    "ruby",
    "node",
    "bun",
    "deno",
    "php",
    "lua",
    "tclsh",
    "Rscript",
    "execlineb",
    "pwsh",
];

pub(super) fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let (Inspection::Script(script), Some(image)) = (subject.facts, subject.container) else { return };
    let Ok(found) = resolve(image.root, subject.path) else { return };
    if image.user.may_read(&found.entry) {
        return;
    }
    let (path, interpreter) = (subject.path, reader(script));
    let (entry, user) = (&found.entry, image.user);
    let mode = format!("mode {:04o}, owner {}:{}", entry.mode, entry.uid, entry.gid);
    let (code, effect) = if READERS.iter().any(|name| is_version_of(interpreter, name)) {
        (codes::SCRIPT_NOT_READABLE, "a node shows `Permission denied`, exit 2, 126 or 127")
    } else {
        (codes::SCRIPT_MAY_NOT_BE_READABLE, "it does not start if the interpreter reads the script")
    };
    let message = format!(
        "{path} is a script, which {interpreter} opens as {user}, who may not read it ({mode}): {effect}."
    );
    findings.push(subject.finding(code, message).with_evidence(path, mode));
}

/// Returns the name of the program that opens the script.
fn reader(script: &Script) -> &str {
    let name = script.env_target().unwrap_or_else(|| script.interpreter_name());
    name.rsplit('/').next().unwrap_or(name)
}

/// Returns whether a name is this one, perhaps with a version such as `3.12`.
fn is_version_of(name: &str, stem: &str) -> bool {
    let rest = name.strip_prefix(stem);
    rest.is_some_and(|rest| {
        rest.chars().all(|letter| letter.is_ascii_digit() || letter == '.' || letter == '-')
    })
}
