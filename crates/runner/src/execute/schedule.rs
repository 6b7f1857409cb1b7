//! Runs steps as soon as what they need is done, as many side by side as there are jobs.

use std::collections::{BTreeSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::failure::Ran;
use super::observer::{Event, Observer};
use super::{ExecuteError, StepContext};
use crate::plan::{Action, Step, StepId};
use crossdock_system::process::ProcessError;

/// What a worker tells the thread that watches.
pub(super) enum Message {
    Progress { step: usize, done: u64, total: u64, what: String },
    Line { step: usize, text: String },
    Chatter { step: usize, text: String },
    Warning(String),
    Note(String),
    Done { step: usize, took: Duration, result: Result<Outcome, ExecuteError> },
}

/// What a step that came to its end says, in a few words.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It did what it was there for.
    Yes(String),
    /// It was there for an answer, and the answer is no.
    No(String),
}

/// Runs every step. What is wrong with one image ends the steps after it; any other failure ends what is running.
pub(super) fn run(
    steps: &[Step],
    jobs: usize,
    context: &StepContext<'_>,
    observer: &mut dyn Observer,
) -> Ran {
    let (sender, receiver) = mpsc::channel();
    let mut queue = Queue::new(steps);
    let mut ran = Ran::default();
    thread::scope(|scope| {
        loop {
            while ran.fatal.is_none() && queue.running.len() < jobs.max(1) {
                let Some(step) = queue.next(&ran.done) else { break };
                observer.event(Event::Started(&steps[step]));
                let sender = sender.clone();
                scope.spawn(move || {
                    let started = Instant::now();
                    let result = unwound(&steps[step], || context.perform(step, &steps[step], &sender));
                    // The receiver lives until every worker has reported: sending cannot fail.
                    let _received = sender.send(Message::Done { step, took: started.elapsed(), result });
                });
            }
            if queue.running.is_empty() {
                break;
            }
            let Ok(message) = receiver.recv() else { break };
            match message {
                Message::Progress { step, done, total, what } => {
                    observer.event(Event::Progress { step: &steps[step].id, done, total, what: &what });
                }
                Message::Line { step, text } => {
                    observer.event(Event::Line { step: &steps[step].id, text: &text })
                }
                Message::Chatter { step, text } => {
                    observer.event(Event::Chatter { step: &steps[step].id, text: &text });
                }
                Message::Warning(text) => observer.event(Event::Warning(&text)),
                Message::Note(text) => observer.event(Event::Note(&text)),
                Message::Done { step, took, result } => {
                    queue.running.remove(&step);
                    ran.took.insert(steps[step].id.clone(), took);
                    match result {
                        Ok(outcome) => {
                            ran.done.insert(steps[step].id.clone());
                            observer.event(outcome.event(&steps[step], took));
                        }
                        Err(error) => {
                            observer.event(ended(&error, &steps[step], took));
                            failed(&mut ran, &steps[step], error, context);
                        }
                    }
                }
            }
        }
    });
    ran
}

impl Outcome {
    fn event<'a>(&'a self, step: &'a Step, took: Duration) -> Event<'a> {
        match self {
            Self::Yes(outcome) => Event::Finished { step, took, outcome },
            Self::No(outcome) => Event::Refused { step, took, outcome },
        }
    }
}

/// A step that only says that it was interrupted has nothing wrong with it.
fn ended<'a>(error: &ExecuteError, step: &'a Step, took: Duration) -> Event<'a> {
    match error {
        ExecuteError::Cancelled | ExecuteError::Process(ProcessError::Cancelled) => {
            Event::Cancelled { step, took }
        }
        _ => Event::Failed { step, took },
    }
}

/// A step that panics is a step that fails: the run waits for every step's word.
fn unwound(
    step: &Step,
    perform: impl FnOnce() -> Result<Outcome, ExecuteError>,
) -> Result<Outcome, ExecuteError> {
    // What a panic leaves half done is behind locks that are read all the same, and nothing of it is tagged.
    std::panic::catch_unwind(AssertUnwindSafe(perform)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
        let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(ExecuteError::Panicked { step: step.title.clone(), message: message.unwrap_or_default() })
    })
}

fn failed(ran: &mut Ran, step: &Step, error: ExecuteError, context: &StepContext<'_>) {
    match step.image() {
        Some(image) if error.is_about_one_image() => {
            ran.refusals.entry(image.to_owned()).or_insert(error);
        }
        // Once the run ends, the rest only say that they were interrupted.
        _ if ran.fatal.is_some() => {}
        _ => {
            ran.fatal = Some(error);
            context.cancel.cancel();
        }
    }
}

/// Which steps wait and which run, by their index in the plan.
struct Queue<'a> {
    steps: &'a [Step],
    waiting: VecDeque<usize>,
    running: BTreeSet<usize>,
}

impl<'a> Queue<'a> {
    fn new(steps: &'a [Step]) -> Self {
        Self { steps, waiting: (0..steps.len()).collect(), running: BTreeSet::new() }
    }

    /// The first waiting step that may start now.
    fn next(&mut self, done: &BTreeSet<StepId>) -> Option<usize> {
        let place = self.waiting.iter().position(|step| self.is_ready(&self.steps[*step], done))?;
        let step = self.waiting.remove(place)?;
        self.running.insert(step);
        Some(step)
    }

    fn is_ready(&self, step: &Step, done: &BTreeSet<StepId>) -> bool {
        let cargo_is_free =
            || !self.running.iter().any(|running| matches!(self.steps[*running].action, Action::Cargo(_)));
        // Cargo uses every processor by itself and locks its target folder: two calls would only wait for each other.
        step.after.iter().all(|needed| done.contains(needed))
            && (!matches!(step.action, Action::Cargo(_)) || cargo_is_free())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_panics_fails_in_words() {
        let action = Action::Assemble { image: "app".to_owned() };
        let step = Step {
            id: StepId("assemble:app".to_owned()),
            after: Vec::new(),
            title: "assemble app".to_owned(),
            action,
        };
        let said = |result: Result<Outcome, ExecuteError>| result.unwrap_err().to_string();
        let text = said(unwound(&step, || panic!("index {} is out of range", 3)));
        let expected = "`assemble app` ended with a mistake of crossdock's own: index 3 is out of range; please report it";
        assert_eq!(text, expected);
        assert!(said(unwound(&step, || panic!("plain"))).contains("own: plain;"));
        let fine = || Outcome::Yes("fine".to_owned());
        assert_eq!(unwound(&step, || Ok(fine())).unwrap(), fine());
    }
}
