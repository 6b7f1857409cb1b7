//! The result of following a script.

use super::process::Process;
use crate::{Effect, Finding, codes};

/// The programs that a script starts, and the findings about it, each with the process that it is about.
#[derive(Default)]
pub(super) struct Answer {
    /// The programs that may remain at its end.
    pub(super) starts: Vec<Process>,
    /// The programs that run before.
    pub(super) helpers: Vec<Process>,
    pub(super) findings: Vec<(Process, Finding)>,
}

impl Answer {
    /// Adds the answer for the image's own environment to this one, which holds for any deployment. What only happens with
    /// the image's own is not certain: a deployment may change it.
    pub(super) fn combine(self, as_set: Self, demands_variables: bool) -> Self {
        if demands_variables {
            return self;
        }
        let Answer { mut starts, mut helpers, mut findings } = self;
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
