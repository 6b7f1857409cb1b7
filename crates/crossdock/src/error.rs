//! The error of every call: a kind for programs, a message that names the problem and its place, and hints.

use std::fmt;

pub use crossdock_runner::execute::ErrorKind;
use crossdock_runner::report::Report;

/// The error of a call.
///
/// [`Display`](fmt::Display) writes the message, with the messages of all causes, then one `help:` line for each hint.
///
/// Messages and hints name options and commands as the command line of crossdock spells them, because one text serves both:
/// `--platform` is [`BuildOptions::platforms`](crate::BuildOptions::platforms()), `--for` is `nodes`. A program whose users
/// cannot type these decides by the [kind](Error::kind) and words its own instructions.
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

    /// Returns an error with the given message.
    pub fn from_message(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), report: None }
    }

    /// Joins the messages of an error and its causes with `: `. Skips a cause whose text the message before it ends with.
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

    /// Adds a hint: an imperative that says what to do next.
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

    /// Returns the hints, most useful first; may be empty.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Returns the state of every image when the call failed; `None` if nothing was executed.
    pub fn report(&self) -> Option<&Report> {
        self.report.as_deref()
    }

    /// Attaches the report of a failed execution.
    pub(crate) fn with_report(mut self, report: Report) -> Self {
        self.report = Some(Box::new(report));
        self
    }

    /// Prepends a context to the message: `{context}: {message}`.
    pub(crate) fn at(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// Appends a line to the message.
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

// Shorthands for `map_err`.

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
    fn causes_follow_the_message_without_repetition() {
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
