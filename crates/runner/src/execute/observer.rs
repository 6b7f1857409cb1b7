//! Events of a run, and the messages of its steps from which they are made.

use std::sync::mpsc::Sender;
use std::time::Duration;

use super::ExecuteError;
use crate::plan::{Step, StepId};

/// Receives the events of a run.
///
/// ```
/// use crossdock_runner::execute::{Event, Observer};
///
/// /// Collects the titles of the steps that succeeded.
/// #[derive(Default)]
/// struct Titles(Vec<String>);
///
/// impl Observer for Titles {
///     fn event(&mut self, event: Event<'_>) {
///         if let Event::Finished { step, .. } = event {
///             self.0.push(step.title.clone());
///         }
///     }
/// }
/// ```
pub trait Observer {
    /// Called for each event, in the order in which they happened, always from the thread that called
    /// [`execute`](super::execute). The run waits for the call to return.
    fn event(&mut self, event: Event<'_>);
}

/// An event of a run.
///
/// A step that starts sends [`Started`](Event::Started), any number of outputs, and then exactly one of
/// [`Finished`](Event::Finished), [`Failed`](Event::Failed), [`Refused`](Event::Refused) and
/// [`Cancelled`](Event::Cancelled). A step whose predecessor failed sends nothing.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A step started.
    Started(&'a Step),
    /// The tool that a step runs reported its progress. The units of cargo are those of its progress bar. The units of go
    /// are packages; those that its cache has count as done once go compiles one that imports them.
    Progress {
        /// The step.
        step: &'a StepId,
        /// The units done.
        done: u64,
        /// The units in total.
        total: u64,
        /// The names of the units in work; empty if the tool does not tell.
        what: &'a str,
    },
    /// Layers of a base image were moved into the cache.
    Moved {
        /// The step.
        step: &'a StepId,
        /// The bytes that are there.
        done: u64,
        /// The bytes in total.
        total: u64,
    },
    /// The tool that a step runs wrote a line that the user should see: a warning or an error of a compiler. A failed
    /// build of an engine sends its whole log.
    Output {
        /// The step.
        step: &'a StepId,
        /// The line, without its line end. It may hold colours, see [`Color`](super::Color).
        text: &'a str,
    },
    /// The tool that a step runs wrote a line of progress, of interest only in a verbose run.
    VerboseOutput {
        /// The step.
        step: &'a StepId,
        /// The line, without its line end.
        text: &'a str,
    },
    /// A step succeeded.
    Finished {
        /// The step.
        step: &'a Step,
        /// The time that it took.
        took: Duration,
        /// Its result in a few words, as a size or a path; may be empty.
        outcome: &'a str,
    },
    /// A step failed. If several did, the run's [`Failure`](super::Failure) holds the first error that ended the run, and the
    /// errors of single images.
    Failed {
        /// The step.
        step: &'a Step,
        /// The time that it took.
        took: Duration,
    },
    /// A verification ran to its end and rejected the image, in a run in which no later step depends on it.
    Refused {
        /// The step.
        step: &'a Step,
        /// The time that it took.
        took: Duration,
        /// The verdict.
        outcome: &'a str,
    },
    /// A step was stopped because another one failed or the run was cancelled. The step itself may be in order.
    Cancelled {
        /// The step.
        step: &'a Step,
        /// The time that it took.
        took: Duration,
    },
    /// The run found something that the user should look at: one or more lines of text. Warnings of the plan come before
    /// the first step.
    Warning(&'a str),
    /// The run did something that the user may want to know: one or more lines of text.
    Note(&'a str),
}

/// An observer that ignores every event.
#[derive(Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: Event<'_>) {}
}

/// A message of a step's thread to the thread that calls the observer. Steps are named by their index in the plan.
pub(super) enum Message {
    Progress { step: usize, done: u64, total: u64, what: String },
    Moved { step: usize, done: u64, total: u64 },
    Output { step: usize, text: String },
    VerboseOutput { step: usize, text: String },
    Warning(String),
    Note(String),
    Done { step: usize, took: Duration, result: Result<Outcome, ExecuteError> },
}

/// The end of a step, with its result in a few words.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeeded(String),
    /// The step's verdict is negative, and no other step depends on it.
    Refused(String),
}

impl Outcome {
    pub(super) fn event<'a>(&'a self, step: &'a Step, took: Duration) -> Event<'a> {
        match self {
            Self::Succeeded(outcome) => Event::Finished { step, took, outcome },
            Self::Refused(outcome) => Event::Refused { step, took, outcome },
        }
    }
}

/// A line of a tool's output, by its meaning for a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ToolLine<'a> {
    Output(&'a str),
    Verbose(&'a str),
    Progress { done: u64, total: u64, what: String },
    Blank,
}

impl<'a> ToolLine<'a> {
    /// Returns a line as output that a user should see; a line of spaces is left out.
    pub(super) fn output(text: &'a str) -> Self {
        if text.trim().is_empty() { Self::Blank } else { Self::Output(text) }
    }
}

/// Sends the messages of one step.
pub(super) struct Reporter<'a> {
    pub(super) step: usize,
    pub(super) sender: &'a Sender<Message>,
}

impl Reporter<'_> {
    pub(super) fn line(&self, line: ToolLine<'_>) {
        let step = self.step;
        self.send(match line {
            ToolLine::Output(text) => Message::Output { step, text: text.to_owned() },
            ToolLine::Verbose(text) => Message::VerboseOutput { step, text: text.to_owned() },
            ToolLine::Progress { done, total, what } => Message::Progress { step, done, total, what },
            ToolLine::Blank => return,
        });
    }

    /// Tells how many bytes were moved.
    pub(super) fn moved(&self, done: u64, total: u64) {
        self.send(Message::Moved { step: self.step, done, total });
    }

    pub(super) fn warn(&self, text: String) {
        self.send(Message::Warning(text));
    }

    pub(super) fn note(&self, text: String) {
        self.send(Message::Note(text));
    }

    fn send(&self, message: Message) {
        // The receiver lives until every step's thread has ended, so that sending cannot fail.
        let _received = self.sender.send(message);
    }
}
