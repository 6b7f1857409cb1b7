//! What a person or a program may watch of a run.

use std::time::Duration;

use crate::plan::{Step, StepId};

/// Watches a run. Events come one at a time, in the order in which they happened.
pub trait Observer {
    /// Something happened.
    fn event(&mut self, event: Event<'_>);
}

/// What happened.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A step began.
    Started(&'a Step),
    /// The step's own tool says how far it is.
    Progress {
        /// The step.
        step: &'a StepId,
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
        /// What it is at.
        what: &'a str,
    },
    /// A line that the step's tool wrote for people: a warning or an error of a compiler.
    Line {
        /// The step.
        step: &'a StepId,
        /// Without its line end.
        text: &'a str,
    },
    /// A line in which the step's tool says that it gets on: worth reading only for who asked for everything.
    Chatter {
        /// The step.
        step: &'a StepId,
        /// Without its line end.
        text: &'a str,
    },
    /// A step is done.
    Finished {
        /// The step.
        step: &'a Step,
        /// How long it took.
        took: Duration,
        /// What came of it, in a few words.
        outcome: &'a str,
    },
    /// A step failed; the error follows as the run's result.
    Failed {
        /// The step.
        step: &'a Step,
        /// How long it took.
        took: Duration,
    },
    /// A step came to its end, and its answer is no: an image would not start.
    Refused {
        /// The step.
        step: &'a Step,
        /// How long it took.
        took: Duration,
        /// The answer, in a few words.
        outcome: &'a str,
    },
    /// A step was ended before it was done, because another one failed or the run was interrupted. Nothing is known to
    /// be wrong with it.
    Cancelled {
        /// The step.
        step: &'a Step,
        /// How long it took.
        took: Duration,
    },
    /// Something that a person should know.
    Warning(&'a str),
    /// Something that is worth knowing and in order.
    Note(&'a str),
}

/// Watches nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: Event<'_>) {}
}
