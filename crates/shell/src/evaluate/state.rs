//! The state of a shell at one point of a script.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use crate::outcome::{EndKind, Position, StandardInput};
use crate::start::Options;
use crate::syntax::tree::Command;
use crate::touched::Touched;
use crate::value::Value;

/// The weight of all ways through a script together. Each fork divides a weight, so that the weights of the states at a
/// command add up to this if and only if no way leads around it.
pub(crate) const WHOLE: u64 = 1 << 62;

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Unset,
    /// Unset or any value.
    Unknown,
    Scalar(Value),
    Array(Vec<Value>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) content: Content,
    pub(crate) exported: bool,
}

/// The exit status of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Known(u8),
    /// Not zero.
    Failure,
    Unknown,
}

impl Status {
    pub(crate) fn of(success: Option<bool>) -> Self {
        match success {
            Some(true) => Self::Known(0),
            Some(false) => Self::Known(1),
            None => Self::Unknown,
        }
    }

    /// Whether it is zero: `None` if unknown.
    pub(crate) fn success(self) -> Option<bool> {
        match self {
            Self::Known(status) => Some(status == 0),
            Self::Failure => Some(false),
            Self::Unknown => None,
        }
    }

    pub(crate) fn known(self) -> Option<u8> {
        match self {
            Self::Known(status) => Some(status),
            Self::Failure | Self::Unknown => None,
        }
    }

    fn join(self, other: Self) -> Self {
        match (self.success(), other.success()) {
            _ if self == other => self,
            (Some(false), Some(false)) => Self::Failure,
            _ => Self::Unknown,
        }
    }
}

/// Where the shell goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    Run,
    Break(u32),
    Continue(u32),
    Return,
    /// bash skips the rest of the commands that it read together.
    Discard,
    Ended(EndKind, Position),
}

/// The command that ran last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LastKind {
    Program(usize),
    Wait,
    /// A builtin that failed for the reason of this number.
    Failed(usize),
    Other,
    /// Commands that could not be followed.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Last {
    pub(crate) kind: LastKind,
    pub(crate) position: Position,
}

/// The known text that commands read from their standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    text: Arc<str>,
    at: usize,
}

/// Where a command reads its standard input from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// From where the script does.
    Script,
    Known(Input),
    Unknown,
}

impl Source {
    /// Returns the text; `None` if unknown.
    pub(crate) fn text(&mut self) -> Option<&mut Input> {
        match self {
            Source::Known(input) => Some(input),
            Source::Script | Source::Unknown => None,
        }
    }

    /// Returns the input of a program that is started now.
    pub(crate) fn of_program(&self) -> StandardInput {
        match self {
            Source::Script => StandardInput::Inherited,
            Source::Known(input) if input.at == 0 => StandardInput::Text(input.text.clone()),
            Source::Known(input) => StandardInput::Text(input.rest().into()),
            Source::Unknown => StandardInput::Unknown,
        }
    }
}

impl From<Option<Input>> for Source {
    fn from(input: Option<Input>) -> Self {
        input.map_or(Source::Unknown, Source::Known)
    }
}

impl Input {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.into(), at: 0 }
    }

    /// Takes the next line without its newline, and tells whether it has one. `None` at the end.
    pub(crate) fn take_line(&mut self) -> Option<(String, bool)> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let line = rest.split('\n').next().unwrap_or_default().to_owned();
        let is_whole = rest.len() > line.len();
        self.at += line.len() + usize::from(is_whole);
        Some((line, is_whole))
    }

    pub(crate) fn take_rest(&mut self) -> String {
        let rest = self.rest().to_owned();
        self.at = self.text.len();
        rest
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

/// How far `getopts` has come within a word of several options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct OptionPlace {
    /// The number of the word: another OPTIND starts anew.
    pub(crate) word: usize,
    /// The number of letters that were read.
    pub(crate) letters: usize,
}

type Bodies = Vec<Option<Rc<Command>>>;
type Variables = BTreeMap<Rc<str>, Variable>;
/// Variables that a command or a function's `local` hid, with their former state.
pub(crate) type Frame = Vec<(Rc<str>, Option<Variable>)>;

#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) weight: u64,
    pub(crate) mode: Mode,
    pub(crate) status: Status,
    pub(crate) variables: Rc<Variables>,
    /// The content of every variable that is not listed.
    pub(crate) rest: Content,
    pub(crate) arguments: Rc<Vec<Value>>,
    /// The bodies that a function may have, `None` among them if it may be undefined.
    pub(crate) functions: Rc<BTreeMap<Rc<str>, Bodies>>,
    pub(crate) options: Options,
    pub(crate) directory: Value,
    pub(crate) touched: Arc<Touched>,
    /// The captured output within a command substitution.
    pub(crate) output: Option<Value>,
    /// The standard input.
    pub(crate) input: Source,
    pub(crate) option: OptionPlace,
    pub(crate) last: Vec<Last>,
    pub(crate) exit_trap: Option<Rc<str>>,
    /// The variables that certainly cannot be assigned.
    pub(crate) readonly: Rc<BTreeSet<Rc<str>>>,
    pub(crate) frames: Vec<Frame>,
    /// Whether a program was started in the background.
    pub(crate) background: bool,
    /// Whether the script waited for one.
    pub(crate) waited: bool,
}

impl State {
    pub(crate) fn is_running(&self) -> bool {
        self.mode == Mode::Run
    }

    pub(crate) fn variable(&self, name: &str) -> &Content {
        self.variables.get(name).map_or(&self.rest, |variable| &variable.content)
    }

    /// Sets a variable, which keeps its export flag.
    pub(crate) fn assign(&mut self, name: &str, content: Content) {
        let allexport = self.options.allexport;
        let variables = Rc::make_mut(&mut self.variables);
        match variables.get_mut(name) {
            Some(variable) => {
                variable.content = content;
                variable.exported |= allexport;
            }
            None => {
                // A variable of an unknown environment is exported if it exists: assigning to it keeps that possible.
                let exported = allexport;
                variables.insert(name.into(), Variable { content, exported });
            }
        }
    }

    /// Whether a variable certainly cannot be assigned.
    pub(crate) fn is_readonly(&self, name: &str) -> bool {
        self.readonly.contains(name)
    }

    /// Makes a variable one that cannot be assigned.
    pub(crate) fn protect(&mut self, name: &str) {
        if !self.is_readonly(name) {
            Rc::make_mut(&mut self.readonly).insert(name.into());
        }
    }

    pub(crate) fn export(&mut self, name: &str, exported: bool) {
        let rest = self.rest.clone();
        let variables = Rc::make_mut(&mut self.variables);
        variables.entry(name.into()).or_insert(Variable { content: rest, exported }).exported = exported;
    }

    /// Marks a command as the last one.
    pub(crate) fn set_last(&mut self, kind: LastKind, position: Position) {
        self.last.clear();
        self.last.push(Last { kind, position });
    }

    pub(crate) fn end(&mut self, kind: EndKind, position: Position) {
        self.mode = Mode::Ended(kind, position);
    }

    /// Forgets what unknown commands may have changed: every variable and argument.
    pub(crate) fn forget(&mut self) {
        self.arguments = Rc::new(vec![Value::many()]);
        for variable in Rc::make_mut(&mut self.variables).values_mut() {
            variable.content = Content::Unknown;
        }
        self.rest = Content::Unknown;
        self.touch_anything();
    }

    /// Forgets the variables that an assignment to a name with this beginning may have changed. PATH is hardly among them.
    pub(crate) fn forget_variables(&mut self, beginning: &str) {
        for (name, variable) in Rc::make_mut(&mut self.variables) {
            if name.starts_with(beginning) && &**name != "PATH" {
                variable.content = Content::Unknown;
            }
        }
        self.rest = Content::Unknown;
    }

    pub(crate) fn touch_anything(&mut self) {
        let Touched { anything, gone, closed, .. } = &*self.touched;
        if !anything || !gone.is_empty() || !closed.is_empty() {
            let touched = Arc::make_mut(&mut self.touched);
            touched.anything = true;
            touched.gone.clear();
            touched.closed.clear();
        }
    }

    /// Whether two states differ in nothing but their weight.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.mode == other.mode
            && self.status == other.status
            && is_same_end(&self.last, &other.last)
            && self.output == other.output
            && self.input == other.input
            && self.option == other.option
            && self.waited == other.waited
            && self.options == other.options
            && self.directory == other.directory
            && self.background == other.background
            && self.exit_trap == other.exit_trap
            && self.rest == other.rest
            && self.arguments == other.arguments
            && self.variables == other.variables
            && self.functions == other.functions
            && self.touched == other.touched
            && self.readonly == other.readonly
            && self.frames == other.frames
    }

    /// Whether a loop would go on from both states in the same way.
    pub(crate) fn is_repeated(&self, other: &Self) -> bool {
        let mut this = self.clone();
        this.status = other.status;
        this.last.clone_from(&other.last);
        this.is_same(other)
    }

    /// Keeps only what both states know.
    pub(crate) fn join(&mut self, other: &Self) {
        self.weight = self.weight.saturating_add(other.weight);
        self.status = self.status.join(other.status);
        self.join_variables(other);
        if self.arguments != other.arguments {
            self.arguments = Rc::new(vec![Value::many()]);
        }
        self.join_functions(other);
        self.options.errexit &= other.options.errexit;
        self.options.nounset &= other.options.nounset;
        if self.directory != other.directory {
            self.directory = Value::unknown();
        }
        self.join_touched(other);
        if self.output != other.output {
            self.output = Some(Value::unknown());
        }
        if self.input != other.input {
            self.input = Source::Unknown;
        }
        self.waited |= other.waited;
        self.last.extend(&other.last);
        self.last.sort_unstable();
        self.last.dedup();
        self.exit_trap = self.exit_trap.take().or_else(|| other.exit_trap.clone());
        self.background |= other.background;
        if self.readonly != other.readonly {
            Rc::make_mut(&mut self.readonly).retain(|name| other.readonly.contains(name));
        }
        self.frames.truncate(other.frames.len());
    }

    fn join_variables(&mut self, other: &Self) {
        if self.rest != other.rest {
            self.rest = Content::Unknown;
        }
        if self.variables == other.variables {
            return;
        }
        let rest = Variable { content: self.rest.clone(), exported: false };
        let variables = Rc::make_mut(&mut self.variables);
        for (name, theirs) in other.variables.iter() {
            let ours = variables.entry(name.clone()).or_insert_with(|| rest.clone());
            if ours.content != theirs.content {
                ours.content = Content::Unknown;
            }
            ours.exported |= theirs.exported;
        }
        for (name, ours) in variables.iter_mut() {
            if !other.variables.contains_key(name) && ours.content != other.rest {
                ours.content = Content::Unknown;
            }
        }
    }

    fn join_functions(&mut self, other: &Self) {
        if self.functions == other.functions {
            return;
        }
        let functions = Rc::make_mut(&mut self.functions);
        for (name, theirs) in other.functions.iter() {
            let ours = functions.entry(name.clone()).or_insert_with(|| vec![None]);
            for body in theirs {
                if !ours.contains(body) {
                    ours.push(body.clone());
                }
            }
        }
        for (name, ours) in functions.iter_mut() {
            if !other.functions.contains_key(name) && !ours.contains(&None) {
                ours.push(None);
            }
        }
    }

    /// Adds the paths that another way through the script may have changed.
    pub(crate) fn join_touched(&mut self, other: &Self) {
        if self.touched == other.touched {
            return;
        }
        Arc::make_mut(&mut self.touched).join(&other.touched);
    }

    /// Divides the state for the two outcomes of an unknown condition.
    pub(crate) fn fork(mut self) -> (Self, Self) {
        let mut other = self.clone();
        other.weight = self.weight / 2;
        self.weight -= other.weight;
        self.status = Status::Known(0);
        other.status = Status::Failure;
        (self, other)
    }
}

/// Whether two last commands end a script alike. The place of a builtin does not matter.
fn is_same_end(one: &[Last], other: &[Last]) -> bool {
    let is_builtin = |last: &[Last]| matches!(last, [Last { kind: LastKind::Other, .. }]);
    one == other || (is_builtin(one) && is_builtin(other))
}

/// The most states that are followed side by side. More are joined.
const MOST_STATES: usize = 8;

/// Puts equal states together, and joins states if there are too many.
pub(crate) fn merge(states: Vec<State>) -> Vec<State> {
    let mut merged: Vec<State> = Vec::with_capacity(states.len().min(MOST_STATES));
    for state in states {
        match merged.iter_mut().find(|other| other.is_same(&state)) {
            Some(other) => other.weight = other.weight.saturating_add(state.weight),
            None => merged.push(state),
        }
    }
    if merged.len() > MOST_STATES { join_by_mode(merged) } else { merged }
}

/// Joins all states that go on at the same place.
pub(crate) fn join_by_mode(states: Vec<State>) -> Vec<State> {
    let mut joined: Vec<State> = Vec::new();
    for state in states {
        match joined.iter_mut().find(|other| other.mode == state.mode) {
            Some(other) => other.join(&state),
            None => joined.push(state),
        }
    }
    joined
}

/// Moves the weight of ways that end in a failure to those that go on: what follows is certain unless the script fails.
pub(crate) fn absorb_failures(states: &mut [State]) {
    let is_failure = |state: &State| match &state.mode {
        Mode::Ended(EndKind::Exit(Some(status)), _) => *status != 0,
        Mode::Ended(EndKind::Fails { .. }, _) => true,
        _ => false,
    };
    let Some(survivor) = states.iter().position(|state| !is_failure(state)) else { return };
    let mut moved = 0_u64;
    for state in states.iter_mut().filter(|state| is_failure(state)) {
        moved = moved.saturating_add(std::mem::take(&mut state.weight));
    }
    let survivor = &mut states[survivor];
    survivor.weight = survivor.weight.saturating_add(moved);
}
