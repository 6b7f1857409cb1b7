//! Scripts with the environment exactly as the image sets it.
//!
//! A deployment may set any variable. A script is therefore followed with unknown variables, which proves what holds for every
//! deployment, and once more with the image's own: that resolves what depends on variables, and shows what happens if
//! nothing is set.

use crossdock_shell::{EndKind, Outcome, Reason, Value};

use super::Context;
use super::process::Process;
use super::startup;

/// Returns the variables that runtimes set for every container, unless the process has them.
pub(super) fn variables(context: Context<'_>, process: &Process) -> impl Iterator<Item = (String, Value)> {
    let home = Value::from(startup::home(context, process));
    // Only a container with a terminal has TERM.
    let set = [("HOME", home), ("HOSTNAME", Value::unknown()), ("TERM", Value::unknown())];
    let is_missing =
        |name: &str| process.environment.get(name).is_none() && !process.environment.is_unknown(name);
    set.into_iter().filter(move |(name, _)| is_missing(name)).map(|(name, value)| (name.to_owned(), value))
}

/// Returns whether the script stops because a variable is not set: it demands a deployment that sets it.
pub(super) fn demands_variables(outcome: &Outcome) -> bool {
    let is_nameless =
        |index: usize| outcome.programs.get(index).is_some_and(|program| program.words[0].text() == Some(""));
    outcome.ends.iter().filter(|end| end.certain).any(|end| match &end.kind {
        EndKind::Exit(Some(status)) => *status != 0,
        EndKind::Fails { reason: Reason::Program(index), .. } => is_nameless(*index),
        EndKind::Fails { reason, .. } => matches!(reason, Reason::Unset(_) | Reason::Command),
        EndKind::Exec(index) | EndKind::Last(index) => is_nameless(*index),
        _ => false,
    })
}
