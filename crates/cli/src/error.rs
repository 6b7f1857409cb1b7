//! The error of a command: an exit code, a message, and hints.

use std::fmt;

use crossdock::{Error, ErrorKind};

use crate::ui::text::message;

/// The exit code of the process, of which a greater one is graver. The numbers are part of the interface: `--help` and the
/// documentation list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Success.
    Done = 0,
    /// The result is negative: verification failed, a description is unknown or ambiguous, or generated files differ.
    Rejected = 1,
    /// The call or the configuration is invalid.
    Usage = 2,
    /// A tool or a toolchain is missing.
    Missing = 3,
    /// A compiler or another program failed.
    Program = 4,
    /// Reading, writing or the network failed.
    InputOutput = 5,
    /// Interrupted.
    Interrupted = 130,
}

/// Exit codes and their meanings, for `--help` and the documentation.
pub const EXIT_CODES: [(Exit, &str); 7] = [
    (Exit::Done, "success"),
    (
        Exit::Rejected,
        "the result is negative: verification failed, a description is unknown or ambiguous, or generated files differ",
    ),
    (Exit::Usage, "the call or the configuration is invalid"),
    (Exit::Missing, "a tool or a toolchain is missing; `doctor` lists it and how to install it"),
    (Exit::Program, "a compiler or another program failed; see its output above"),
    (Exit::InputOutput, "reading, writing or the network failed"),
    (Exit::Interrupted, "interrupted (Ctrl-C); no partially written files remain"),
];

/// The error of a command that did not succeed.
#[derive(Debug)]
pub struct CommandError {
    /// The exit code.
    pub exit: Exit,
    /// The problem, its place and its causes. Empty if everything has been printed already.
    pub message: String,
    /// Instructions that help, most useful first.
    pub hints: Vec<String>,
}

impl CommandError {
    /// Returns an error with the messages of `error` and all its causes.
    pub fn new(exit: Exit, error: &dyn std::error::Error) -> Self {
        Self { exit, message: Error::chain(error), hints: Vec::new() }
    }

    /// Returns an error with the given message.
    pub fn message(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hints: Vec::new() }
    }

    /// Returns an error that only sets the exit code, because everything has been printed already.
    pub fn silent(exit: Exit) -> Self {
        Self::message(exit, "")
    }

    /// Adds a hint: an imperative that says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&message(&self.message))?;
        self.hints.iter().try_for_each(|hint| write!(f, "\n  help: {}", message(hint)))
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Rejected => Self::Rejected,
            ErrorKind::Usage => Self::Usage,
            ErrorKind::Missing => Self::Missing,
            ErrorKind::Program => Self::Program,
            ErrorKind::Interrupted => Self::Interrupted,
            // The library's kind may grow; a new kind is still a failure.
            _ => Self::InputOutput,
        }
    }
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        Self { exit: error.kind().into(), message: error.message().to_owned(), hints: error.hints().to_vec() }
    }
}
