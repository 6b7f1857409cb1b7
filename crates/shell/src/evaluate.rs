//! Follows a script from its start to its ends.

mod arithmetic;
mod asks;
mod braces;
mod builtins;
mod conditions;
mod effects;
mod expand;
mod files;
mod find;
mod flow;
mod input;
mod machine;
mod operands;
mod order;
mod printed;
mod simple;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use machine::Evaluator;
use state::{Content, Input, Last, LastKind, Mode, OptionPlace, Source, State, Status, Variable, WHOLE};

use crate::budget::Budget;
use crate::outcome::{Cause, End, EndKind, How, Outcome, Position, StandardInput, Unfollowed};
use crate::start::{Dialect, Files, Start};
use crate::syntax;
use crate::syntax::Lines;
use crate::touched::Touched;
use crate::value::Value;

/// The largest script that is read. Real ones stay below 300 KiB.
const LARGEST: usize = 1024 * 1024;

/// Follows a script and returns the programs that it may run, and its ends.
///
/// Never panics, and takes a bounded time for any text: what exceeds the limits of this crate is listed as
/// [`Cause::TooLarge`] or [`Cause::TooDeep`] in [`Outcome::unfollowed`], and the end is [`EndKind::Unknown`].
pub fn follow(start: &Start, files: &dyn Files) -> Outcome {
    follow_within(start, files, &mut Budget::of_one_script())
}

/// Follows a script as [`follow`] does, for a budget that it shares with others. What the budget does not pay for is listed
/// as [`Cause::TooLarge`].
pub fn follow_within(start: &Start, files: &dyn Files, budget: &mut Budget) -> Outcome {
    if start.text.len() > LARGEST {
        return not_followed(Cause::TooLarge);
    }
    if start.text.contains(&0) {
        return not_followed(Cause::Binary);
    }
    let steps = budget.start(&start.text);
    if budget.is_spent() {
        return not_followed(Cause::TooLarge);
    }
    let text = String::from_utf8_lossy(&start.text);
    let mut lines = Lines::new(&text, start.dialect, Position::FIRST);
    let mut evaluator = Evaluator::new(start, files, steps);
    evaluator.outcome.carriage_return = first_carriage_return(&text);
    let states = run(&mut evaluator, start, &mut lines);
    evaluator.outcome.syntax_error = lines.finish().filter(|error| !error.limit).cloned();
    evaluator.early_returns(lines.last());
    budget.pay(steps - evaluator.left());
    let mut outcome = evaluator.outcome;
    outcome.ends = ends(&states);
    outcome
}

fn run(evaluator: &mut Evaluator<'_>, start: &Start, lines: &mut Lines<'_>) -> Vec<State> {
    let state = initial(start);
    if start.options.noexec {
        return vec![state];
    }
    let states = evaluator.text(vec![state], lines);
    for state in &states {
        evaluator.exit_trap(state);
    }
    states
}

fn not_followed(cause: Cause) -> Outcome {
    Outcome {
        ends: vec![End { kind: EndKind::Unknown, certain: true, position: Position::FIRST }],
        unfollowed: vec![Unfollowed { cause, position: Position::FIRST, file: None, text: String::new() }],
        ..Outcome::default()
    }
}

fn first_carriage_return(text: &str) -> Option<Position> {
    let offset = text.find("\r\n")?;
    let line = text[..offset].matches('\n').count() + 1;
    let column = offset - text[..offset].rfind('\n').map_or(0, |newline| newline + 1) + 1;
    Some(Position { line: u32::try_from(line).ok()?, column: u32::try_from(column).ok()? })
}

fn initial(start: &Start) -> State {
    let rest = if start.environment.rest_is_unknown { Content::Unknown } else { Content::Unset };
    let exported = |value: &Value| Variable { content: Content::Scalar(value.clone()), exported: true };
    let variables: BTreeMap<Rc<str>, Variable> = start
        .environment
        .values
        .iter()
        .map(|(name, value)| (Rc::from(name.as_str()), exported(value)))
        .collect();
    State {
        weight: WHOLE,
        mode: Mode::Run,
        status: Status::Known(0),
        variables: Rc::new(variables),
        rest,
        arguments: Rc::new(start.arguments.clone()),
        functions: Rc::default(),
        options: start.options,
        directory: start.directory.clone(),
        touched: Arc::new(Touched::default()),
        output: None,
        input: match &start.input {
            StandardInput::Inherited => Source::Script,
            StandardInput::Text(text) => Source::Known(Input::new(text)),
            StandardInput::Unknown => Source::Unknown,
        },
        option: OptionPlace::default(),
        last: vec![Last { kind: LastKind::Other, position: Position::FIRST }],
        exit_trap: None,
        readonly: Rc::new(readonly(start.dialect)),
        frames: Vec::new(),
        background: false,
        waited: false,
    }
}

/// Returns the variables that the shell itself protects.
fn readonly(dialect: Dialect) -> BTreeSet<Rc<str>> {
    let names: &[&str] = match dialect {
        Dialect::Bash => &["BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"],
        Dialect::Dash | Dialect::Ash => &[],
    };
    names.iter().map(|name| Rc::from(*name)).collect()
}

impl Evaluator<'_> {
    /// Runs the commands of `trap … EXIT`, which do not change how the script ends.
    fn exit_trap(&mut self, state: &State) {
        let Some(text) = state.exit_trap.clone() else { return };
        if matches!(state.mode, Mode::Ended(EndKind::Exec(_), _)) {
            return;
        }
        let script = syntax::parse(&text, self.start.dialect, Position::FIRST);
        let mut inner = state.clone();
        inner.mode = Mode::Run;
        if let Mode::Ended(EndKind::Exit(status), _) = state.mode {
            inner.status = status.map_or(Status::Unknown, Status::Known);
        }
        self.subshell(inner, How::Trap, Position::FIRST, |evaluator, states| {
            evaluator.lines(states, &script)
        });
    }
}

/// Returns the ends of all states, each once.
fn ends(states: &[State]) -> Vec<End> {
    let mut ends: Vec<(EndKind, Position, u64)> = Vec::new();
    let mut add = |kind: EndKind, position: Position, weight: u64| match ends
        .iter_mut()
        .find(|(other, at, _)| *other == kind && *at == position)
    {
        Some((_, _, sum)) => *sum = sum.saturating_add(weight),
        None => ends.push((kind, position, weight)),
    };
    for state in states {
        match &state.mode {
            Mode::Ended(EndKind::Exit(_), position) if state.waited => {
                add(EndKind::Waits, *position, state.weight);
            }
            Mode::Ended(kind, position) => add(kind.clone(), *position, state.weight),
            _ => {
                let several = state.last.len() > 1;
                for last in &state.last {
                    let kind = match last.kind {
                        LastKind::Program(program) => EndKind::Last(program),
                        LastKind::Wait | LastKind::Other if state.waited => EndKind::Waits,
                        LastKind::Unknown => EndKind::Unknown,
                        LastKind::Wait | LastKind::Other | LastKind::Failed(_) => {
                            EndKind::Exit(state.status.known())
                        }
                    };
                    add(kind, last.position, if several { 0 } else { state.weight });
                }
            }
        }
    }
    let end = |(kind, position, weight)| End { kind, certain: weight >= WHOLE, position };
    ends.into_iter().map(end).collect()
}
