//! The evaluator's own state: the limits, the context of a command, and what was found so far.

use std::collections::HashMap;
use std::rc::Rc;

use crate::evaluate::asks::Asks;
use crate::evaluate::state::{Content, LastKind, State, WHOLE};
use crate::outcome::{
    Asked, Cause, Exit, Failure, Found, How, Outcome, Place, Position, Program, Reason, StandardInput,
    Unfollowed,
};
use crate::start::{Files, Start};
use crate::value::Value;

/// The most programs that are listed.
const MOST_PROGRAMS: usize = 2_000;
/// How deep commands, calls and substitutions may be nested while they run, so that the stack stays below 1 MiB.
const DEEPEST: usize = 70;

/// Where a command is.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Whether its status decides something, so that `set -e` does not apply.
    pub(crate) condition: bool,
    /// [`How::Foreground`] unless the command is within something else.
    pub(crate) how: How,
    /// Whether it runs in a subshell, in which `exec` and `exit` end only that.
    pub(crate) subshell: bool,
    /// Whether its failure would reach the script.
    pub(crate) propagates: bool,
    /// The sourced file.
    pub(crate) file: Option<String>,
}

/// The other descriptors in a command substitution. What is written to a copy of standard output is captured too.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Descriptors {
    /// Whether another descriptor, such as standard error, leads to the captured output.
    pub(crate) copied: bool,
    /// Whether a command writes to another descriptor.
    pub(crate) written: bool,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    words: Vec<Value>,
    position: Position,
    file: Option<String>,
    how: How,
    found: Found,
    input: StandardInput,
}

pub(crate) struct Evaluator<'a> {
    pub(crate) start: &'a Start,
    pub(crate) files: &'a dyn Files,
    pub(crate) context: Context,
    pub(crate) outcome: Outcome,
    pub(crate) depth: usize,
    /// The functions that run, each with the place of its call, the innermost last.
    pub(crate) running: Vec<(Rc<str>, Place)>,
    pub(crate) asks: Asks,
    /// The things that conditions found to be lacking in whose branches the script is, the innermost last.
    because: Vec<Vec<Asked>>,
    /// Whether the words that are expanded decide what follows, as those of `[` and `case`.
    decides: bool,
    /// Why builtins failed, see [`LastKind::Failed`].
    reasons: Vec<Reason>,
    /// The last command of the command substitution that ran last.
    pub(crate) substituted: Option<LastKind>,
    pub(crate) descriptors: Descriptors,
    /// The `return`s outside functions, with their words.
    pub(crate) returns: Vec<(Position, String)>,
    steps: u64,
    known: HashMap<Key, usize>,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(start: &'a Start, files: &'a dyn Files, steps: u64) -> Self {
        let context =
            Context { condition: false, how: How::Foreground, subshell: false, propagates: true, file: None };
        Self {
            start,
            files,
            context,
            outcome: Outcome::default(),
            depth: 0,
            running: Vec::new(),
            asks: Asks::default(),
            because: Vec::new(),
            decides: false,
            reasons: Vec::new(),
            substituted: None,
            descriptors: Descriptors::default(),
            returns: Vec::new(),
            steps,
            known: HashMap::new(),
        }
    }

    /// Pays for work. Returns whether there is more to spend.
    pub(crate) fn pay(&mut self, steps: usize, position: Position) -> bool {
        let before = self.steps;
        self.steps = self.steps.saturating_sub(steps as u64);
        if before > 0 && self.steps == 0 {
            self.unfollowed(Cause::TooLarge, position, String::new());
        }
        self.steps > 0
    }

    /// Returns the steps that are left.
    pub(crate) fn left(&self) -> u64 {
        self.steps
    }

    pub(crate) fn is_exhausted(&self) -> bool {
        self.steps == 0
    }

    /// Runs a part one level deeper. `None` if that is too deep.
    pub(crate) fn deeper<T>(&mut self, position: Position, run: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.depth >= DEEPEST {
            self.unfollowed(Cause::TooDeep, position, String::new());
            return None;
        }
        self.depth += 1;
        let result = run(self);
        self.depth -= 1;
        Some(result)
    }

    /// Runs a part in a changed context.
    pub(crate) fn within<T>(
        &mut self,
        change: impl FnOnce(&mut Context),
        run: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.context.clone();
        change(&mut self.context);
        let result = run(self);
        self.context = before;
        result
    }

    pub(crate) fn unfollowed(&mut self, cause: Cause, position: Position, text: String) {
        let found = Unfollowed { cause, position, file: self.context.file.clone(), text };
        if self.outcome.unfollowed.len() < MOST_PROGRAMS && !self.outcome.unfollowed.contains(&found) {
            self.outcome.unfollowed.push(found);
        }
    }

    /// Lists the `return`s outside functions after which the script, whose last command is in this line, has others.
    pub(crate) fn early_returns(&mut self, last_line: u32) {
        for (position, text) in std::mem::take(&mut self.returns) {
            if position.line < last_line {
                self.unfollowed(Cause::Return, position, text);
            }
        }
    }

    /// Notes that a builtin failed, and why `set -e` then ends the script.
    pub(crate) fn fails_for(&mut self, state: &mut State, reason: Reason, position: Position) {
        if self.reasons.len() < MOST_PROGRAMS {
            state.set_last(LastKind::Failed(self.reasons.len()), position);
            self.reasons.push(reason);
        }
    }

    /// Returns the reason for which a command failed.
    pub(crate) fn reason(&self, last: Option<LastKind>) -> Reason {
        let is_missing = |program: usize| {
            matches!(self.outcome.programs[program].found, Found::Missing | Found::NotExecutable(_))
        };
        match last {
            Some(LastKind::Program(program)) if is_missing(program) => Reason::Program(program),
            Some(LastKind::Failed(reason)) => self.reasons[reason].clone(),
            _ => Reason::Command,
        }
    }

    /// Returns a place in the file that is read.
    pub(crate) fn place(&self, position: Position) -> Place {
        Place { position, file: self.context.file.clone() }
    }

    /// Runs a branch that was chosen for these answers.
    pub(crate) fn branch<T>(&mut self, asked: &[Asked], run: impl FnOnce(&mut Self) -> T) -> T {
        self.because.push(asked.to_vec());
        let result = run(self);
        self.because.pop();
        result
    }

    /// Notes the circumstances of a command that ends the script with a failure, and what it asked about itself.
    pub(crate) fn exits(&mut self, position: Position, own: Vec<Asked>) {
        let place = self.place(position);
        let caller = self.running.last().map(|(_, place)| place.clone());
        let is_known = self.outcome.exits.iter().any(|exit| exit.place == place && exit.caller == caller);
        if !is_known && self.outcome.exits.len() < MOST_PROGRAMS {
            let branch = || self.because.last().cloned().unwrap_or_default();
            let asked = if own.is_empty() { branch() } else { own };
            self.outcome.exits.push(Exit { place, caller, asked });
        }
    }

    /// Runs a part that expands words which decide what follows.
    pub(crate) fn deciding<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.decides, true);
        if !self.context.condition && !before {
            self.asks.begin();
        }
        let result = run(self);
        self.decides = before;
        result
    }

    /// Notes the look-up of a variable, by which the script may decide, if the environment does not set it.
    pub(crate) fn asks_variable(&self, state: &State, name: &str, content: &Content) {
        let given = self.start.environment.values.get(name);
        let is_given = given.is_some_and(|value| value.text() != Some(""));
        if state.rest != Content::Unset || is_given || !crate::syntax::is_name(name) {
            return;
        }
        if given.is_some() || !state.variables.contains_key(name) {
            self.asks.want(name);
        }
        let is_empty = match content {
            Content::Unset => true,
            Content::Scalar(value) => value.text() == Some(""),
            Content::Unknown | Content::Array(_) => false,
        };
        if is_empty && (self.decides || self.context.condition) && self.asks.is_wanted(name) {
            self.asks.add(Asked::Variable(name.to_owned()));
        }
    }

    /// Lists a program, once for each place and words.
    pub(crate) fn program(&mut self, program: Program) -> usize {
        let key = Key {
            words: program.words.clone(),
            position: program.position,
            file: program.file.clone(),
            how: program.how,
            found: program.found.clone(),
            input: program.input.clone(),
        };
        if let Some(index) = self.known.get(&key) {
            let known = &mut self.outcome.programs[*index];
            known.failure = known.failure.min(program.failure);
            known.changes.join(&program.changes);
            return *index;
        }
        if self.outcome.programs.len() >= MOST_PROGRAMS {
            self.steps = self.steps.min(1);
            self.pay(1, program.position);
            return self.outcome.programs.len() - 1;
        }
        self.outcome.programs.push(program);
        self.known.insert(key, self.outcome.programs.len() - 1);
        self.outcome.programs.len() - 1
    }

    /// Notes that states of this weight run a program.
    pub(crate) fn runs(&mut self, program: usize, weight: u64) {
        if weight >= WHOLE {
            self.outcome.programs[program].certain = true;
        }
    }

    /// Returns how a program runs in the current context.
    pub(crate) fn how(&self, exec: bool) -> How {
        match self.context.how {
            How::Foreground if exec && !self.context.subshell => How::Exec,
            How::Foreground if self.context.condition => How::Condition,
            how => how,
        }
    }

    /// Returns what a program's failure does in the current context.
    pub(crate) fn failure(&self, state: &State, how: How) -> Failure {
        if how == How::Exec {
            Failure::Ends
        } else if self.context.condition {
            Failure::Decides
        } else if state.options.errexit && self.context.propagates {
            Failure::Ends
        } else {
            Failure::Continues
        }
    }
}
