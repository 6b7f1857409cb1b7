//! The live progress of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use crossdock::execute::{Event, Observer};
use crossdock::plan::{Step, StepId};

use super::live::{First, Live, Running};
use super::style::{BAD, DIM, GOOD, WARN, paint};
use super::text::{message, one_line, plain, shown, tool_line};
use super::width::fold;
use super::{duration, moved};

/// The amount of progress to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Only failures.
    Quiet,
    /// Each step and its outcome.
    Normal,
    /// Also the commands and all output of tools.
    Verbose,
}

/// Shows the progress of a run on standard error: a line for each step and its outcome, and the steps that run.
pub(crate) struct Progress {
    verbosity: Verbosity,
    live: Live,
    running: BTreeMap<StepId, RunningStep>,
    /// The output of each step's tool. A quiet run shows it only if the step fails.
    held: BTreeMap<StepId, Vec<String>>,
}

struct RunningStep {
    work: Running,
    /// Whether the tool counts what it has done. Its lines then say less than its counts.
    counts: bool,
}

impl Progress {
    /// Returns a view of a run.
    pub(crate) fn new(live: Live, verbosity: Verbosity) -> Self {
        Self { verbosity, live, running: BTreeMap::new(), held: BTreeMap::new() }
    }

    fn say(&self, line: &str) {
        self.live.write(&shown(line));
    }

    fn started(&mut self, step: &Step) {
        if self.verbosity == Verbosity::Verbose
            && let Some(command) = step.command()
        {
            self.say(&paint(DIM, format!("$ {command}")));
        }
        if self.verbosity != Verbosity::Quiet {
            let first = if step.is_long() { First::AtOnce } else { First::WhenSlow };
            let work = self.live.start(&step.title, first);
            self.running.insert(step.id.clone(), RunningStep { work, counts: false });
        }
    }

    fn progress(&mut self, step: &StepId, counted: &str) {
        if let Some(running) = self.running.get_mut(step) {
            running.counts = true;
            running.work.detail(counted.trim_end());
        }
    }

    fn line(&mut self, step: &StepId, text: &str) {
        match self.verbosity {
            Verbosity::Quiet => self.held.entry(step.clone()).or_default().push(text.to_owned()),
            _ => self.live.write(&tool_line(text)),
        }
    }

    /// A line of a tool that is of interest only while it is the last one, or in a verbose run.
    fn verbose_line(&mut self, step: &StepId, text: &str) {
        if self.verbosity == Verbosity::Verbose {
            self.line(step, text);
        }
        if let Some(running) = self.running.get(step).filter(|running| !running.counts) {
            running.work.detail(&plain(text));
        }
    }

    fn ended(&mut self, step: &Step, mark: &str, took: Duration, outcome: &str) {
        self.running.remove(&step.id);
        let title = format!("  {mark} {}", one_line(&step.title));
        let [outcome, took] = [one_line(outcome), duration(took)]
            .map(|text| if text.is_empty() { text } else { paint(DIM, text) });
        self.say(&fold([title.as_str(), &outcome, &took], self.live.columns(), OUTCOME));
    }
}

/// The column at which titles of steps begin, and outcomes that do not fit next to them.
const OUTCOME: usize = 6;

impl Observer for Progress {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Started(step) => self.started(step),
            Event::Progress { step, done, total, what } => {
                self.progress(step, &format!("{done}/{total} {what}"));
            }
            Event::Moved { step, done, total } => self.progress(step, &moved(done, total)),
            Event::Output { step, text } => self.line(step, text),
            Event::VerboseOutput { step, text } => self.verbose_line(step, text),
            Event::Finished { step, took, outcome } if self.verbosity == Verbosity::Quiet => {
                let _shown_only_on_failure = (self.held.remove(&step.id), took, outcome);
            }
            Event::Finished { step, took, outcome } => self.ended(step, &paint(GOOD, "ok "), took, outcome),
            Event::Failed { step, took } => {
                for line in self.held.remove(&step.id).unwrap_or_default() {
                    self.live.write(&tool_line(&line));
                }
                self.ended(step, &paint(BAD, "bad"), took, "");
            }
            Event::Refused { step, took, outcome } => self.ended(step, &paint(BAD, "bad"), took, outcome),
            Event::Cancelled { step, .. } if self.verbosity == Verbosity::Quiet => {
                let _shown_only_on_failure = self.held.remove(&step.id);
            }
            Event::Cancelled { step, took } => self.ended(step, &paint(DIM, "end"), took, "not finished"),
            Event::Note(_) if self.verbosity == Verbosity::Quiet => {}
            Event::Note(text) => self.say(&format!("{} {}", paint(DIM, "note:"), message(text))),
            Event::Warning(text) => self.say(&format!("{} {}", paint(WARN, "warning:"), message(text))),
            _ => {}
        }
    }
}
