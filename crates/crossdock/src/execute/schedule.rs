//! Runs steps as soon as what they need is done, as many side by side as there are jobs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::observer::{Event, Observer};
use super::{ExecuteError, StepContext};
use crate::plan::{Action, Step, StepId};

/// What a worker tells the thread that watches.
pub(super) enum Message {
    Progress { step: usize, done: u64, total: u64, what: String },
    Line { step: usize, text: String },
    Chatter { step: usize, text: String },
    Warning(String),
    Done { step: usize, took: Duration, result: Result<String, ExecuteError> },
}

/// Runs every step. The first failure ends what is running; its error is the result.
pub(super) fn run(
    steps: &[Step],
    jobs: usize,
    context: &StepContext<'_>,
    observer: &mut dyn Observer,
) -> Result<BTreeMap<StepId, Duration>, ExecuteError> {
    let (sender, receiver) = mpsc::channel();
    let mut queue = Queue::new(steps);
    let mut took_by_step = BTreeMap::new();
    let mut failure: Option<ExecuteError> = None;
    thread::scope(|scope| {
        loop {
            while failure.is_none() && queue.running.len() < jobs.max(1) {
                let Some(step) = queue.next() else { break };
                observer.event(Event::Started(&steps[step]));
                let sender = sender.clone();
                scope.spawn(move || {
                    let started = Instant::now();
                    let result = context.perform(step, &steps[step], &sender);
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
                Message::Done { step, took, result } => {
                    queue.finish(step);
                    took_by_step.insert(steps[step].id.clone(), took);
                    match result {
                        Ok(outcome) => {
                            observer.event(Event::Finished { step: &steps[step], took, outcome: &outcome });
                        }
                        Err(error) => {
                            observer.event(Event::Failed { step: &steps[step], took });
                            if failure.is_none() {
                                failure = Some(error);
                                context.cancel.cancel();
                            }
                        }
                    }
                }
            }
        }
    });
    failure.map_or(Ok(took_by_step), Err)
}

/// Which steps wait, run and are done, by their index in the plan.
struct Queue<'a> {
    steps: &'a [Step],
    waiting: VecDeque<usize>,
    running: BTreeSet<usize>,
    done: BTreeSet<&'a StepId>,
}

impl<'a> Queue<'a> {
    fn new(steps: &'a [Step]) -> Self {
        Self { steps, waiting: (0..steps.len()).collect(), running: BTreeSet::new(), done: BTreeSet::new() }
    }

    /// The first waiting step that may start now.
    fn next(&mut self) -> Option<usize> {
        let place = self.waiting.iter().position(|step| self.is_ready(&self.steps[*step]))?;
        let step = self.waiting.remove(place)?;
        self.running.insert(step);
        Some(step)
    }

    fn is_ready(&self, step: &Step) -> bool {
        let cargo_is_free =
            || !self.running.iter().any(|running| matches!(self.steps[*running].action, Action::Cargo(_)));
        // Cargo uses every processor by itself and locks its target folder: two calls would only wait for each other.
        step.after.iter().all(|needed| self.done.contains(needed))
            && (!matches!(step.action, Action::Cargo(_)) || cargo_is_free())
    }

    fn finish(&mut self, step: usize) {
        self.running.remove(&step);
        self.done.insert(&self.steps[step].id);
    }
}
