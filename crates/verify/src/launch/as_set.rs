//! Scripts with the environment exactly as the image sets it.
//!
//! A deployment may set any variable. A script is therefore followed with unknown variables, which proves what holds for every
//! deployment, and once more with the image's own: that resolves what depends on variables, and shows what happens if
//! nothing is set.

use crossdock_shell::{EndKind, Outcome, Reason, Value};

use super::Context;
use super::process::Process;
use super::shell::Answer;
use super::startup;
use crate::{Effect, codes};

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

/// Puts the answers for any deployment and for the image's own environment together. What only happens with the image's
/// own is not certain: a deployment may change it.
pub(super) fn combine(deployed: Answer, as_set: Answer, demands_variables: bool) -> Answer {
    if demands_variables {
        return deployed;
    }
    let Answer { mut starts, mut helpers, mut findings } = deployed;
    let has_unknown = as_set.findings.iter().any(|(_, finding)| finding.code == codes::LAUNCH_UNKNOWN);
    let fails = as_set.findings.iter().any(|(_, finding)| finding.code.effect() == Effect::Fails);
    if (fails || !as_set.starts.is_empty()) && !has_unknown {
        findings.retain(|(_, finding)| finding.code != codes::LAUNCH_UNKNOWN);
        for process in &mut starts {
            process.is_covered |= !as_set.starts.iter().any(|other| is_same(process, other));
        }
    }
    add(&mut starts, as_set.starts);
    add(&mut helpers, as_set.helpers);
    for (process, finding) in as_set.findings {
        let is_noise = finding.code == codes::LAUNCH_HELPER_MISSING;
        if !is_noise && findings.iter().all(|(_, other)| *other != finding) {
            findings.push((process.doubtful(), finding));
        }
    }
    Answer { starts, helpers, findings }
}

/// Adds the processes that are not among those for any deployment.
fn add(processes: &mut Vec<Process>, more: Vec<Process>) {
    for process in more {
        if !processes.iter().any(|other| is_same(other, &process)) {
            processes.push(process.doubtful());
        }
    }
}

/// Returns whether two processes start the same program in the same way.
fn is_same(one: &Process, other: &Process) -> bool {
    let how = |process: &Process| (process.words.clone(), process.search.clone(), process.directory.clone());
    how(one) == how(other) && one.environment == other.environment
}
