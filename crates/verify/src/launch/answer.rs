//! The result of following a script.

use std::collections::HashSet;

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
    /// Adds why the script ends before a program in the image's own environment: a deployment must set variables. Everything
    /// else holds for such a deployment.
    pub(super) fn demanding(mut self, as_set: Self) -> Self {
        let is_end = |code| code == codes::LAUNCH_UNKNOWN || code == codes::LAUNCH_MAY_FAIL;
        for (process, finding) in as_set.findings {
            if is_end(finding.code) && self.findings.iter().all(|(_, other)| *other != finding) {
                self.findings.push((process, finding));
            }
        }
        self
    }

    /// Adds the answer for the image's own environment to this one, which holds for any deployment. What only happens with
    /// the image's own is not certain: a deployment may change it.
    pub(super) fn combine(self, as_set: Self) -> Self {
        let Answer { mut starts, mut helpers, mut findings } = self;
        let has_unknown = as_set.findings.iter().any(|(_, finding)| finding.code == codes::LAUNCH_UNKNOWN);
        let fails = as_set.findings.iter().any(|(_, finding)| finding.code.effect() == Effect::Fails);
        if (fails || !as_set.starts.is_empty()) && !has_unknown {
            findings.retain(|(_, finding)| finding.code != codes::LAUNCH_UNKNOWN);
            let ways: HashSet<u64> = as_set.starts.iter().map(Process::way).collect();
            for process in &mut starts {
                process.is_covered |= !ways.contains(&process.way());
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
    let mut ways: HashSet<u64> = processes.iter().map(Process::way).collect();
    processes.extend(more.into_iter().filter(|process| ways.insert(process.way())).map(Process::doubtful));
}
