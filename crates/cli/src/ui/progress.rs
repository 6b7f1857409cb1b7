//! The live progress of a run.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use crossdock::execute::{Event, Observer};
use crossdock::plan::{Step, StepId};
use crossdock::process::Terminal;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::duration;
use super::style::{BAD, DIM, GOOD, WARN, paint};
use super::text::{message, one_line, shown, tool_line};

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

/// Shows the progress of a run on standard error: a live line per running step on a terminal, plain lines elsewhere.
pub(crate) struct Progress {
    verbosity: Verbosity,
    bars: MultiProgress,
    live: Option<BTreeMap<StepId, ProgressBar>>,
    /// The output of each step's tool. A quiet run shows it only if the step fails.
    held: BTreeMap<StepId, Vec<String>>,
}

impl Progress {
    /// Returns a view of a run.
    pub(crate) fn new(terminal: Terminal, verbosity: Verbosity) -> Self {
        let live = terminal == Terminal::Interactive && verbosity != Verbosity::Quiet;
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self {
            verbosity,
            bars: MultiProgress::with_draw_target(target),
            live: live.then(BTreeMap::new),
            held: BTreeMap::new(),
        }
    }

    /// Prints a line above the live lines.
    pub(crate) fn say(&self, line: &str) {
        self.write(&shown(line));
    }

    /// A line that is safe for a terminal already.
    fn write(&self, line: &str) {
        self.bars.suspend(|| {
            // If standard error is a closed pipe, the run goes on without messages.
            let _closed = writeln!(anstream::stderr(), "{line}");
        });
    }

    fn started(&mut self, step: &Step) {
        if self.verbosity == Verbosity::Verbose
            && let Some(command) = step.command()
        {
            self.say(&paint(DIM, format!("$ {command}")));
        }
        match &mut self.live {
            Some(live) => {
                let bar =
                    self.bars.add(ProgressBar::new_spinner().with_style(spinner()).with_message(title(step)));
                bar.enable_steady_tick(Duration::from_millis(100));
                live.insert(step.id.clone(), bar);
            }
            None if self.verbosity != Verbosity::Quiet && step.is_long() => {
                self.say(&format!("  ... {}", title(step)))
            }
            None => {}
        }
    }

    fn progress(&self, step: &StepId, done: u64, total: u64, what: &str) {
        if let Some(bar) = self.live.as_ref().and_then(|live| live.get(step)) {
            bar.set_prefix(shown(&one_line(&format!(" {done}/{total} {what}"))));
        }
    }

    fn line(&mut self, step: &StepId, text: &str) {
        match self.verbosity {
            Verbosity::Quiet => self.held.entry(step.clone()).or_default().push(text.to_owned()),
            _ => self.write(&tool_line(text)),
        }
    }

    fn ended(&mut self, step: &Step, mark: &str, took: Duration, outcome: &str) {
        if let Some(bar) = self.live.as_mut().and_then(|live| live.remove(&step.id)) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
        let gap = if outcome.is_empty() { "" } else { "  " };
        let tail = paint(DIM, format!("{outcome}{gap}{}", duration(took)));
        self.say(&format!("  {mark} {}  {tail}", title(step)));
    }
}

impl Observer for Progress {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Started(step) => self.started(step),
            Event::Progress { step, done, total, what } => self.progress(step, done, total, what),
            Event::Output { step, text } => self.line(step, text),
            Event::VerboseOutput { step, text } if self.verbosity == Verbosity::Verbose => {
                self.line(step, text)
            }
            Event::VerboseOutput { .. } => {}
            Event::Finished { step, took, outcome } if self.verbosity == Verbosity::Quiet => {
                let _shown_only_on_failure = (self.held.remove(&step.id), took, outcome);
            }
            Event::Finished { step, took, outcome } => self.ended(step, &paint(GOOD, "ok "), took, outcome),
            Event::Failed { step, took } => {
                for line in self.held.remove(&step.id).unwrap_or_default() {
                    self.write(&tool_line(&line));
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

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(live) = &mut self.live else { return };
        std::mem::take(live).into_values().for_each(|bar| bar.finish_and_clear());
    }
}

/// A step's title in one line, and for the live lines, which indicatif writes, without control characters.
fn title(step: &Step) -> String {
    shown(&one_line(&step.title))
}

fn spinner() -> ProgressStyle {
    // The template is a valid constant, so the fallback is never used.
    ProgressStyle::with_template("  {spinner:.cyan}   {msg}{prefix:.dim}  {elapsed:.dim}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}
