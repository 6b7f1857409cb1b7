//! The evaluator's answer: the programs of a script, its ends, and what could not be followed.

use std::fmt;
use std::sync::Arc;

use crate::touched::Changes;
use crate::value::Value;

/// A place in a script. Both numbers count from 1, columns in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Position {
    /// The beginning of a text.
    pub(crate) const FIRST: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A script that the shell refuses to read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The place at which the shell notices the error.
    pub position: Position,
    /// The error in the shell's words, such as `"fi" unexpected`.
    pub message: String,
    /// Whether the script itself is fine as far as this crate can tell, and only our limits were exceeded.
    pub limit: bool,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: syntax error: {}", self.position.line, self.message)
    }
}

impl std::error::Error for SyntaxError {}

/// How the shell runs a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum How {
    /// `exec`: in place of the shell.
    Exec,
    /// The shell waits for it.
    Foreground,
    /// `&`: the shell goes on.
    Background,
    /// As one of several programs of a pipeline.
    Pipeline,
    /// In a command substitution.
    Substitution,
    /// To decide a condition.
    Condition,
    /// By a trap.
    Trap,
}

/// The consequence for the script if a program fails or is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Failure {
    /// The script ends.
    Ends,
    /// The script goes on.
    Continues,
    /// The script chooses what follows by the program's status.
    Decides,
}

/// Where the shell finds a program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Found {
    /// At this absolute path.
    At(String),
    /// Nowhere: the shell reports status 127.
    Missing,
    /// At this path, which is a directory or not executable: the shell reports status 126.
    NotExecutable(String),
    /// Unknown: the command word, PATH or the file system is, or an earlier program may have created it.
    Unknown,
}

/// The standard input of a program or of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum StandardInput {
    /// That of its starter.
    #[default]
    Inherited,
    /// This text.
    Text(Arc<str>),
    /// Unknown.
    Unknown,
}

/// A program that a script may run. Builtins and functions are not programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The command word and the arguments, at least one.
    pub words: Vec<Value>,
    /// The place of the command word.
    pub position: Position,
    /// The sourced file in which it is. `None` if the script itself.
    pub file: Option<String>,
    /// How it runs.
    pub how: How,
    /// Whether it runs unless an earlier program fails.
    pub certain: bool,
    /// The consequence of its failure.
    pub failure: Failure,
    /// Where the shell finds it.
    pub found: Found,
    /// Whether earlier commands may have written another file to that place.
    pub rewritten: bool,
    /// Whether it has no execute bits at first, and only commands of which it is not known what they do may give it some.
    pub guessed: bool,
    /// Exported variables that differ from the environment with which the shell started. `None` if unset.
    pub environment: Vec<(String, Option<Value>)>,
    /// Its working directory.
    pub directory: Value,
    /// Its standard input: a here-document, a file, or what the program before it in a pipeline prints.
    pub input: StandardInput,
    /// The files that earlier commands may have changed.
    pub changes: Changes,
}

/// Why the shell ends a script early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The program with this index is missing or not executable, and `set -e` is on.
    Program(usize),
    /// A command without a program failed, and `set -e` is on.
    Command,
    /// `${name:?}` or `set -u`, and this variable is unset.
    Unset(String),
    /// A syntax error, see [`Outcome::syntax_error`] unless it is in a sourced file or the text of `eval`.
    Syntax,
    /// `cd` to this path, which is not a directory, failed, and `set -e` is on.
    Directory(String),
    /// A program that changes or reads files failed because of one of them, and `set -e` is on.
    File {
        /// The program, as the script names it.
        program: String,
        /// The file or directory.
        path: String,
        /// The cause.
        trouble: Trouble,
    },
    /// This sourced file is missing.
    Source(String),
    /// A builtin or an expansion refuses its arguments, such as `set -e\r`.
    Builtin(String),
}

/// The trouble of a program with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It does not exist.
    Absent,
    /// It exists, and the program would create it.
    Exists,
    /// It is a directory, and the program takes only files.
    Directory,
    /// It is not a directory, and the program would create a file in it.
    NotDirectory,
    /// The user may not write to it.
    ReadOnly,
    /// The user is not its owner.
    NotOwner,
}

/// How a script ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndKind {
    /// The program with this index replaces the shell. It may be missing, see [`Program::found`].
    Exec(usize),
    /// The program with this index is the last that the shell waits for.
    Last(usize),
    /// The shell exits with this status, after `exit`, a builtin or the end of the script. `None` if unknown.
    Exit(Option<u8>),
    /// The shell gives up.
    Fails {
        /// Its exit status.
        status: u8,
        /// The cause.
        reason: Reason,
    },
    /// The shell waits for programs in the background.
    Waits,
    /// The shell repeats a loop without end.
    Forever,
    /// Unknown, see [`Outcome::unfollowed`].
    Unknown,
}

/// Something that a script lacks, and asked about before it decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// This variable, which the environment does not set.
    Variable(String),
    /// This command, which is neither in PATH nor, if it is a path, in the image.
    Command(String),
    /// This path, at which there is nothing.
    File(String),
    /// This path, which the user may not execute.
    Execution(String),
}

/// A line of a script, or of a file that it sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The position.
    pub position: Position,
    /// The sourced file. `None` if the script itself.
    pub file: Option<String>,
}

/// The circumstances of a command that ends the script with a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The command.
    pub place: Place,
    /// The call of the function in which it is. `None` outside functions.
    pub caller: Option<Place>,
    /// The things that the condition in whose branch it is found to be lacking.
    pub asked: Vec<Asked>,
}

/// One way in which a script ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The kind of end.
    pub kind: EndKind,
    /// Whether the script ends like this unless a program fails before.
    pub certain: bool,
    /// The command that ends it.
    pub position: Position,
}

/// Why a part of a script could not be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// `eval` of a text that is not known.
    Eval,
    /// A sourced file whose text is not known.
    Source,
    /// A command word that is not known.
    CommandWord,
    /// More work than this crate does for one script.
    TooLarge,
    /// Commands or calls nested deeper than this crate follows.
    TooDeep,
    /// A `return` outside functions, which ends the script before its last command.
    Return,
    /// A loop whose end is not known: its variables count as unknown afterwards.
    Loop,
    /// A binary file, recognised by a zero byte.
    Binary,
}

/// A part of a script that could not be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfollowed {
    /// Why.
    pub cause: Cause,
    /// Where.
    pub position: Position,
    /// The sourced file in which it is. `None` if the script itself.
    pub file: Option<String>,
    /// The words in question as far as they are known.
    pub text: String,
}

/// Everything that [`follow`](crate::follow) finds out about a script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The programs that it may run, in the order in which the first run of each is met.
    pub programs: Vec<Program>,
    /// The ways in which it ends, at least one.
    pub ends: Vec<End>,
    /// Whether it goes on only if variables are set, or tests succeed, of which nothing is known.
    pub demands_unknown: bool,
    /// The commands that end it with a failure, each once for each place that calls its function.
    pub exits: Vec<Exit>,
    /// The parts that could not be followed.
    pub unfollowed: Vec<Unfollowed>,
    /// The first carriage return before a newline. Shells take it as part of the word.
    pub carriage_return: Option<Position>,
    /// The first error at which the shell stops reading. Commands on earlier lines run.
    pub syntax_error: Option<SyntaxError>,
}
