//! Runs each step once its predecessors are done, as many at the same time as there are jobs, and collects how they end.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crossdock_system::process::ProcessError;

use super::error::InternalError;
use super::observer::{Event, Message, Observer, Outcome};
use super::{ExecuteError, Failure, StepContext, lock};
use crate::plan::{Action, ImagePlan, Plan, Step, StepId};
use crate::report::{ImageStatus, Report, UnfinishedImage, UnfinishedReason};

/// Runs every step. An error of one image stops the steps after it; any other error stops all steps.
pub(super) fn run(
    steps: &[Step],
    jobs: NonZeroUsize,
    context: &StepContext<'_>,
    observer: &mut dyn Observer,
) -> Ran {
    let (sender, receiver) = mpsc::channel();
    let (started, waiting) = mpsc::channel::<usize>();
    let waiting = Mutex::new(waiting);
    let mut queue = Queue::new(steps);
    let mut ran = Ran::default();
    thread::scope(|scope| {
        // Dropped with this closure, which ends the threads.
        let started = started;
        // As many threads as steps ever ran at the same time: a thread for each of thousands of steps takes longer than some
        // of the steps.
        let mut threads = 0;
        loop {
            // After an error that ends the run nothing new starts, but the loop goes on until every running step has ended:
            // its process must not outlive the run.
            while ran.fatal.is_none() && queue.running.len() < jobs.get() {
                let Some(step) = queue.next() else { break };
                observer.event(Event::Started(&steps[step]));
                if threads < queue.running.len() {
                    threads += 1;
                    let (sender, waiting) = (sender.clone(), &waiting);
                    scope.spawn(move || work(steps, context, waiting, &sender));
                }
                // The threads live as long as the sender.
                let _sent = started.send(step);
            }
            if queue.running.is_empty() {
                break;
            }
            let Ok(message) = receiver.recv() else { break };
            match message {
                Message::Progress { step, done, total, what } => {
                    observer.event(Event::Progress { step: &steps[step].id, done, total, what: &what });
                }
                Message::Moved { step, done, total } => {
                    observer.event(Event::Moved { step: &steps[step].id, done, total });
                }
                Message::Output { step, text } => {
                    observer.event(Event::Output { step: &steps[step].id, text: &text });
                }
                Message::VerboseOutput { step, text } => {
                    observer.event(Event::VerboseOutput { step: &steps[step].id, text: &text });
                }
                Message::Warning(text) => observer.event(Event::Warning(&text)),
                Message::Note(text) => observer.event(Event::Note(&text)),
                Message::Done { step, took, result } => {
                    queue.running.remove(&step);
                    if result.is_ok() {
                        queue.done(step);
                    }
                    let step = &steps[step];
                    ran.took.insert(step.id.clone(), took);
                    match result {
                        Ok(outcome) => {
                            ran.done.insert(step.id.clone());
                            observer.event(outcome.event(step, took));
                        }
                        Err(error) => {
                            observer.event(error_event(&error, step, took));
                            ran.add_error(step, error, context);
                        }
                    }
                }
            }
        }
    });
    ran
}

/// Runs the steps that are sent to `waiting`, and sends how each ended.
fn work(
    steps: &[Step],
    context: &StepContext<'_>,
    waiting: &Mutex<mpsc::Receiver<usize>>,
    sender: &mpsc::Sender<Message>,
) {
    loop {
        // The lock ends with this statement, before the step is run.
        let Ok(step) = lock(waiting).recv() else { return };
        let started = Instant::now();
        let result = catch_panic(&steps[step], || context.perform(step, &steps[step], sender));
        // The receiver lives until every thread has ended, so that sending cannot fail.
        let _received = sender.send(Message::Done { step, took: started.elapsed(), result });
    }
}

/// Returns the event of a step that ended with an error. One that only was interrupted did not fail.
fn error_event<'a>(error: &ExecuteError, step: &'a Step, took: Duration) -> Event<'a> {
    match error {
        ExecuteError::Cancelled | ExecuteError::Process(ProcessError::Cancelled) => {
            Event::Cancelled { step, took }
        }
        _ => Event::Failed { step, took },
    }
}

/// Turns a panic into an error: the loop above waits for a message of every step that it started.
fn catch_panic(
    step: &Step,
    perform: impl FnOnce() -> Result<Outcome, ExecuteError>,
) -> Result<Outcome, ExecuteError> {
    // Nothing that a panic leaves half done is tagged, and poisoned locks are read all the same.
    std::panic::catch_unwind(AssertUnwindSafe(perform)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
        let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let message = message.unwrap_or_else(|| "without a message".to_owned());
        Err(InternalError::Panic { step: step.title.clone(), message }.into())
    })
}

/// The steps that may start and those that run, by their index in the plan.
struct Queue<'a> {
    steps: &'a [Step],
    ready: BTreeSet<usize>,
    running: BTreeSet<usize>,
    /// The number of predecessors of each step that are not done.
    waits_for: Vec<usize>,
    successors: Vec<Vec<usize>>,
}

impl<'a> Queue<'a> {
    fn new(steps: &'a [Step]) -> Self {
        let places: BTreeMap<&StepId, usize> =
            steps.iter().enumerate().map(|(place, step)| (&step.id, place)).collect();
        let mut successors = vec![Vec::new(); steps.len()];
        for (place, step) in steps.iter().enumerate() {
            // A step after one that the plan does not have never starts.
            for needed in step.after.iter().filter_map(|needed| places.get(needed)) {
                successors[*needed].push(place);
            }
        }
        let waits_for: Vec<usize> = steps.iter().map(|step| step.after.len()).collect();
        let ready = (0..steps.len()).filter(|place| waits_for[*place] == 0).collect();
        Self { steps, ready, running: BTreeSet::new(), waits_for, successors }
    }

    /// Takes the first step of those that may start now.
    fn next(&mut self) -> Option<usize> {
        // Cargo uses every processor by itself and locks its target directory: a second cargo would only wait.
        let is_cargo = |step: &usize| matches!(self.steps[*step].action, Action::Cargo(_));
        let cargo_runs = self.running.iter().any(is_cargo);
        // In the order of the plan, so that two runs of one job show the same course.
        let step = self.ready.iter().copied().find(|step| !(cargo_runs && is_cargo(step)))?;
        self.ready.remove(&step);
        self.running.insert(step);
        Some(step)
    }

    /// Notes that a step has succeeded.
    fn done(&mut self, step: usize) {
        for successor in std::mem::take(&mut self.successors[step]) {
            self.waits_for[successor] -= 1;
            if self.waits_for[successor] == 0 {
                self.ready.insert(successor);
            }
        }
    }
}

/// The ends of the steps of a run.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// The steps that ended, and the time that each took.
    pub(super) took: BTreeMap<StepId, Duration>,
    /// The steps that succeeded.
    pub(super) done: BTreeSet<StepId>,
    /// The errors that concern one image only, by its name.
    pub(super) refusals: BTreeMap<String, ExecuteError>,
    /// The error that ended the run.
    pub(super) fatal: Option<ExecuteError>,
}

impl Ran {
    fn add_error(&mut self, step: &Step, error: ExecuteError, context: &StepContext<'_>) {
        match step.image() {
            Some(image) if error.is_about_one_image() => {
                self.refusals.entry(image.to_owned()).or_insert(error);
            }
            // The first error ended the run; the steps that it stopped only report that they were interrupted.
            _ if self.fatal.is_some() => {}
            _ => {
                self.fatal = Some(error);
                context.cancel.cancel();
            }
        }
    }

    /// Completes the report of the run and returns it as the run's result.
    pub(super) fn end(mut self, plan: &Plan, mut report: Report) -> Result<Report, Box<Failure>> {
        for image in &mut report.images {
            let is_refused = self.refusals.get(&image.name).is_some_and(ExecuteError::is_refusal);
            image.status = match image.status {
                ImageStatus::Built if is_refused => ImageStatus::Refused,
                ImageStatus::Built if !image.verdicts.is_empty() => ImageStatus::Verified,
                status => status,
            };
        }
        let open: BTreeSet<&str> =
            plan.steps.iter().filter(|step| !self.done.contains(&step.id)).filter_map(Step::image).collect();
        let unfinished = |image| self.unfinished(image, open.contains(image.name.as_str()));
        report.unfinished = plan.images.iter().filter_map(unfinished).collect();
        match self.most_severe() {
            Some(error) => Err(Box::new(Failure { error, report })),
            None => Ok(report),
        }
    }

    /// Returns the reason why an image was not completed. `is_open` says whether one of its steps did not succeed.
    fn unfinished(&self, image: &ImagePlan, is_open: bool) -> Option<UnfinishedImage> {
        let (reason, why) = match (self.refusals.get(&image.name), &self.fatal) {
            (Some(error), _) if error.is_refusal() => (UnfinishedReason::Refused, error.to_string()),
            (Some(error), _) => (UnfinishedReason::NotBuilt, error.to_string()),
            (None, Some(fatal)) if is_open => {
                (UnfinishedReason::RunEnded, format!("the run ended before: {fatal}"))
            }
            _ => return None,
        };
        Some(UnfinishedImage { image: image.name.clone(), reason, why })
    }

    /// Takes the error that ended the run, else a refusal, else any error of an image.
    fn most_severe(&mut self) -> Option<ExecuteError> {
        let refused = self.refusals.iter().find(|(_, error)| error.is_refusal());
        let name = refused.or(self.refusals.iter().next()).map(|(name, _)| name.clone());
        self.fatal.take().or_else(|| self.refusals.remove(&name?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_step_is_an_internal_error() {
        let action = Action::Assemble { image: "app".to_owned() };
        let step = Step {
            id: StepId("assemble:app".to_owned()),
            after: Vec::new(),
            title: "assemble app".to_owned(),
            action,
        };
        let message = |result: Result<Outcome, ExecuteError>| result.unwrap_err().to_string();
        let text = message(catch_panic(&step, || panic!("index {} is out of range", 3)));
        let expected =
            "internal error: step `assemble app` panicked: index 3 is out of range; please report it";
        assert_eq!(text, expected);
        assert!(message(catch_panic(&step, || panic!("plain"))).contains("panicked: plain;"));
        let fine = || Outcome::Succeeded("fine".to_owned());
        assert_eq!(catch_panic(&step, || Ok(fine())).unwrap(), fine());
    }
}
