//! What a run leaves that does not end well: the reason, and everything that was reached all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ExecuteError;
use crate::plan::{ImagePlan, Plan, StepId};
use crate::report::{Reason, Report, Status, Unfinished};

/// A run that did not end well.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// Why: what ended the run, or else the gravest that was said of an image.
    #[source]
    pub error: ExecuteError,
    /// What came of every image until then.
    pub report: Report,
}

/// What the steps of a run came to.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// Steps that ended, and how long each took.
    pub(super) took: BTreeMap<StepId, Duration>,
    /// Those that ended well.
    pub(super) done: BTreeSet<StepId>,
    /// What is wrong with one image alone, by its name: the others went on.
    pub(super) refusals: BTreeMap<String, ExecuteError>,
    /// What ended the run.
    pub(super) fatal: Option<ExecuteError>,
}

impl ExecuteError {
    /// Whether it says something of one image and nothing of the machine: then the other images go on.
    pub(super) fn is_about_one_image(&self) -> bool {
        self.is_refusal() || matches!(self, Self::NotBuilt { .. })
    }

    /// Whether verification said no.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::WrongProgram { .. } | Self::Labelled(_))
    }
}

impl Ran {
    /// The report of the run as its result.
    pub(super) fn end(mut self, plan: &Plan, mut report: Report) -> Result<Report, Box<Failure>> {
        for image in &mut report.images {
            let refused = self.refusals.get(&image.name).is_some_and(ExecuteError::is_refusal);
            image.status = match image.status {
                Status::Built if refused => Status::Refused,
                Status::Built if !image.verdicts.is_empty() => Status::Judged,
                status => status,
            };
        }
        report.unfinished = plan.images.iter().filter_map(|image| self.unfinished(plan, image)).collect();
        match self.gravest() {
            Some(error) => Err(Box::new(Failure { error, report })),
            None => Ok(report),
        }
    }

    fn unfinished(&self, plan: &Plan, image: &ImagePlan) -> Option<Unfinished> {
        let own = plan.steps.iter().filter(|step| step.image() == Some(image.name.as_str()));
        let is_done = own.into_iter().all(|step| self.done.contains(&step.id));
        let (reason, why) = match (self.refusals.get(&image.name), &self.fatal) {
            (Some(error), _) if error.is_refusal() => (Reason::Refused, error.to_string()),
            (Some(error), _) => (Reason::NotBuilt, error.to_string()),
            (None, Some(fatal)) if !is_done => (Reason::Ended, format!("the run ended before: {fatal}")),
            _ => return None,
        };
        Some(Unfinished { image: image.name.clone(), reason, why })
    }

    fn gravest(&mut self) -> Option<ExecuteError> {
        let refused = self.refusals.iter().find(|(_, error)| error.is_refusal());
        let name = refused.or(self.refusals.iter().next()).map(|(name, _)| name.clone());
        self.fatal.take().or_else(|| self.refusals.remove(&name?))
    }
}
