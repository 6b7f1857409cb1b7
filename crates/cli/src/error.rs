//! The one error at the edge: a kind that decides the exit code, a message, and what to do next.

use std::fmt;

use crossdock::{Error, ErrorKind};

/// How the process ends. The numbers are part of the interface: `--help` and the README state them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The answer is no: verification failed, a description is unknown, generated files differ.
    Rejected = 1,
    /// The call or the configuration is wrong.
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
    (Exit::Done, "done"),
    (
        Exit::Rejected,
        "the answer is no: verification failed, a description is unknown or ambiguous, or generated files differ",
    ),
    (Exit::Usage, "the call or the configuration is wrong"),
    (Exit::Missing, "a tool or a toolchain is missing; `doctor` says which and how to get it"),
    (Exit::Program, "a compiler or another program failed; its own message stands above"),
    (Exit::InputOutput, "reading, writing or the network failed"),
    (Exit::Interrupted, "interrupted (Ctrl-C); nothing half-written is left"),
];

/// What a person is told when a command does not succeed.
#[derive(Debug)]
pub struct CommandError {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong, where, and why. Empty when everything was said already.
    pub message: String,
    /// What to do next.
    pub hints: Vec<String>,
}

impl CommandError {
    /// An error whose message is an error's whole chain of causes.
    pub fn new(exit: Exit, error: &dyn std::error::Error) -> Self {
        Self { exit, message: Error::chain(error), hints: Vec::new() }
    }

    /// An error in one's own words.
    pub fn message(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hints: Vec::new() }
    }

    /// Ends with this exit code; everything was said already.
    pub fn silent(exit: Exit) -> Self {
        Self::message(exit, "")
    }

    /// With something to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hints.iter().try_for_each(|hint| write!(f, "\n  help: {hint}"))
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
            // The kinds are closed within this repository; a newer library's kind is still a failure.
            _ => Self::InputOutput,
        }
    }
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        Self { exit: error.kind().into(), message: error.message().to_owned(), hints: error.hints().to_vec() }
    }
}
