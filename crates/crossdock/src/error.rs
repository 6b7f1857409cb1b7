//! The error of every call: a kind to decide by, a message that names what is wrong and where, and what to do next.

use std::fmt;

use crate::execute::Report;

/// The reason why a call failed, as a program decides by it. The command line maps each kind to an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The answer is no: verification failed, a description is unknown or ambiguous, or generated files differ.
    Rejected,
    /// An option, an argument or the configuration is wrong.
    Usage,
    /// A tool or a toolchain is missing; the hints name what installs it.
    Missing,
    /// A compiler, an engine or another program failed.
    Program,
    /// Reading, writing or the network failed.
    InputOutput,
    /// The [`Cancel`](crate::process::Cancel) of the call was used.
    Interrupted,
}

/// The error of a call.
///
/// [`Display`](fmt::Display) writes the message, with the messages of all causes, then one `help:` line for each hint.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hints: Vec<String>,
    report: Option<Box<Report>>,
}

impl Error {
    /// Returns an error with its message and those of its causes.
    pub fn new(kind: ErrorKind, error: &dyn std::error::Error) -> Self {
        Self::from_message(kind, Self::chain(error))
    }

    /// Returns an error with a message of the caller's own.
    pub fn from_message(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), report: None }
    }

    /// Joins the messages of an error and its causes. A cause that the message before it already ends with is left out.
    pub fn chain(error: &dyn std::error::Error) -> String {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let words = inner.to_string();
            if !text.ends_with(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            cause = inner.source();
        }
        text
    }

    /// Adds an instruction that helps, as an imperative.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the message without the hints.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns what to do next, most useful first; may be empty.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Returns what became of every image before the call failed; `None` if nothing was executed.
    pub fn report(&self) -> Option<&Report> {
        self.report.as_deref()
    }

    /// Adds the result of an execution that failed.
    pub(crate) fn with_report(mut self, report: Report) -> Self {
        self.report = Some(Box::new(report));
        self
    }

    /// Puts a context before the message: `{context}: {message}`.
    pub(crate) fn at(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// Adds a line to the message.
    pub(crate) fn line(mut self, line: &str) -> Self {
        self.message.extend(["\n", line]);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hints.iter().try_for_each(|hint| write!(f, "\n  help: {hint}"))
    }
}

impl std::error::Error for Error {}

/// Shorthands for `map_err`.
pub(crate) fn usage(error: impl std::error::Error) -> Error {
    Error::new(ErrorKind::Usage, &error)
}

pub(crate) fn missing(error: impl std::error::Error) -> Error {
    Error::new(ErrorKind::Missing, &error)
}

pub(crate) fn input_output(error: impl std::error::Error) -> Error {
    Error::new(ErrorKind::InputOutput, &error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    #[test]
    fn causes_follow_the_message_and_repeated_ones_are_left_out() {
        let inner = Layer("no such file", None);
        let middle = Layer("a.toml: no such file", Some(Box::new(inner)));
        let outer = Layer("the configuration is unreadable", Some(Box::new(middle)));
        let error = Error::new(ErrorKind::Usage, &outer).hint("name another one");
        assert_eq!(
            error.to_string(),
            "the configuration is unreadable: a.toml: no such file\n  help: name another one"
        );
    }
}
