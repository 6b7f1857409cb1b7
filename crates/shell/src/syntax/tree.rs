//! The tree of a script.

use std::cell::OnceCell;
use std::rc::Rc;

use crate::outcome::{Position, SyntaxError};

/// A script as the shell reads it: one complete command after the other, until an error.
///
/// The shell runs each complete command before it reads the next, so an error matters only if the shell gets there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Script {
    pub(crate) lines: Vec<List>,
    pub(crate) error: Option<SyntaxError>,
}

/// Commands that run one after the other.
pub(crate) type List = Vec<Item>;

/// A command of a list with its terminator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) first: Pipeline,
    pub(crate) rest: Vec<(Connector, Pipeline)>,
    pub(crate) background: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connector {
    And,
    Or,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pipeline {
    pub(crate) negated: bool,
    pub(crate) commands: Vec<Command>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) position: Position,
    pub(crate) kind: CommandKind,
    pub(crate) redirections: Vec<Redirection>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CommandKind {
    Simple {
        assignments: Vec<Assignment>,
        words: Vec<Word>,
    },
    Subshell(List),
    Group(List),
    If {
        clauses: Vec<(List, List)>,
        otherwise: Option<List>,
    },
    Case {
        subject: Word,
        arms: Vec<Arm>,
    },
    For {
        name: String,
        words: Option<Vec<Word>>,
        body: List,
    },
    /// bash's `for ((…))` and `select`: the body runs an unknown number of times.
    Repeat {
        name: Option<String>,
        body: List,
    },
    Loop {
        until: bool,
        condition: List,
        body: List,
    },
    Function {
        name: String,
        body: Rc<Command>,
    },
    /// `[[ … ]]`
    Conditional(Vec<Word>),
    /// `(( … ))`
    Arithmetic(Word),
}

/// One arm of `case`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arm {
    pub(crate) patterns: Vec<Word>,
    pub(crate) body: List,
    pub(crate) after: AfterArm,
}

/// The next step after an arm of `case`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterArm {
    /// `;;`
    Leave,
    /// `;&`
    NextBody,
    /// `;;&`
    NextPattern,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) append: bool,
    pub(crate) value: Assigned,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Assigned {
    Scalar(Word),
    /// `name=(…)`
    Array(Vec<Word>),
    /// `name[index]=…`
    Element(Word),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redirection {
    pub(crate) descriptor: Option<u32>,
    pub(crate) kind: RedirectionKind,
    pub(crate) target: Word,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RedirectionKind {
    Read,
    Write,
    Append,
    ReadWrite,
    Duplicate,
    /// `&>`: standard output and standard error.
    WriteBoth,
    /// `<<`: the text begins after the line, so it is filled in when the parser gets there.
    Here(Rc<OnceCell<Word>>),
    /// `<<<`
    HereText,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) position: Position,
    pub(crate) pieces: Vec<Piece>,
}

impl Word {
    /// Returns the text of a word without quotes and expansions.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text { text, quoted: false }] => Some(text),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text {
        text: String,
        quoted: bool,
    },
    /// `~` or `~user` at the beginning of a word, or after `=` or `:` in what may be an assignment.
    Home {
        user: String,
    },
    Parameter {
        name: String,
        operation: Operation,
        quoted: bool,
    },
    Substitution {
        lines: Script,
        quoted: bool,
    },
    Arithmetic {
        expression: Box<Word>,
        quoted: bool,
    },
    /// bash's `<(…)`: a path that is not known, and the commands.
    Process {
        lines: Script,
    },
    /// The words of `(…)` after `name=` in the arguments of `declare` and the like.
    Array(Vec<Word>),
    /// Text that is not known, for instance since it is not UTF-8.
    Unknown {
        quoted: bool,
    },
}

/// The operation of `${…}` on a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    Get,
    Length,
    /// `${x-w}`, `${x:-w}`: `empty` is whether an empty value counts as unset.
    Default {
        empty: bool,
        word: Box<Word>,
    },
    Assign {
        empty: bool,
        word: Box<Word>,
    },
    Error {
        empty: bool,
        word: Box<Word>,
    },
    Alternative {
        empty: bool,
        word: Box<Word>,
    },
    Remove {
        side: crate::pattern::Side,
        size: crate::pattern::Size,
        pattern: Box<Word>,
    },
    /// `${x[@]}` of bash.
    Elements,
    /// `${x[*]}` of bash.
    JoinedElements,
    /// `${#x[@]}`
    ElementCount,
    /// `${x[index]}`
    Element(Box<Word>),
    /// An operation that the dialect refuses when it gets there.
    Bad,
    /// `${!x}`: the operation applies to the variable that `x` names.
    Indirect(Box<Operation>),
    /// `${!x@}` and `${!x*}`: the names of the variables whose names begin so.
    Names,
    /// `${x:offset:length}`
    Substring {
        offset: Box<Word>,
        length: Option<Box<Word>>,
    },
    /// `${x/p/w}`, `${x//p/w}`
    Replace {
        all: bool,
        pattern: Box<Word>,
        word: Box<Word>,
    },
    /// `${x^^}` and `${x,,}`
    Case {
        upper: bool,
    },
    /// Any other operation of bash, with the words in it. Its result counts as unknown.
    Other(Vec<Word>),
}
