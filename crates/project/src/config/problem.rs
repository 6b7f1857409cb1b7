//! Problems of a configuration, each shown with its place and the line of the file.

use std::fmt;
use std::ops::Range;

use camino::Utf8PathBuf;

use super::Source;
use crossdock_platform::{listed, nearest};

/// The error for a configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{path} cannot be read; {help}")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
        /// The remedy.
        help: String,
    },
    /// Files are invalid or contradict each other. All problems, in the order of the files.
    #[error("{}", joined(.0))]
    Invalid(Vec<Problem>),
    /// An environment variable has a value that its option does not accept.
    #[error("{variable} is {value:?}: {reason}")]
    Variable {
        /// The variable.
        variable: String,
        /// Its value.
        value: String,
        /// The values that it accepts.
        reason: String,
    },
}

/// A problem at one place of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The file.
    pub path: Utf8PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The message.
    pub message: String,
    /// The remedy; empty if the message contains it.
    pub help: String,
    /// The text of the line.
    snippet: String,
    /// The number of wrong characters, which are underlined.
    width: usize,
}

/// The text of a configuration file, which turns byte offsets into places.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) path: Utf8PathBuf,
    pub(super) text: String,
}

impl Document {
    /// Returns the place of a span as the source of a value.
    pub(super) fn source(&self, span: &Range<usize>) -> Source {
        let (line, column) = self.position(span.start);
        Source::File { path: self.path.clone(), line, column }
    }

    /// Creates a problem at a span.
    pub(super) fn problem(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        let (line, column) = self.position(span.start);
        let snippet = printable(self.text.lines().nth(line - 1).unwrap_or_default());
        let marked = self.text.get(span.clone()).and_then(|text| text.lines().next()).unwrap_or_default();
        // A value over several lines is underlined up to the end of its first one.
        let room = snippet.chars().count().saturating_sub(column - 1);
        Problem {
            path: self.path.clone(),
            line,
            column,
            message: printable(&message.into()),
            help: printable(&help.into()),
            snippet,
            width: marked.chars().count().min(room).max(1),
        }
    }

    /// Turns an error of the TOML parser into a problem.
    pub(super) fn toml_problem(&self, error: &toml::de::Error) -> Problem {
        let span = error.span().unwrap_or(0..0);
        let (message, help) = explain(error.message());
        self.problem(&span, message, help)
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset.min(self.text.len())).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
    }
}

/// Replaces control characters: text of a file must not control the terminal that shows it.
fn printable(text: &str) -> String {
    let plain = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    text.chars().map(plain).collect()
}

/// Splits serde's `` unknown field `x`, expected one of `a`, `b` `` into a message and a hint with the nearest name.
fn explain(message: &str) -> (String, String) {
    let message = message.trim();
    let (what, rest) =
        match (message.strip_prefix("unknown field "), message.strip_prefix("unknown variant ")) {
            (Some(rest), _) => ("key", rest),
            (_, Some(rest)) => ("value", rest),
            _ => return (in_toml_words(message), String::new()),
        };
    let mut names = rest.split('`').skip(1).step_by(2);
    let unknown = names.next().unwrap_or_default();
    let known: Vec<&str> = names.collect();
    let help = match nearest(unknown, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("known here: {}", listed(known)),
    };
    (format!("unknown {what} `{unknown}`"), help)
}

/// Replaces the words of serde's data model by those of TOML.
fn in_toml_words(message: &str) -> String {
    if let Some(key) = message.strip_prefix("missing field ") {
        return format!("the key {key} is missing");
    }
    let words = [
        ("expected a sequence", "expected a list in brackets"),
        ("expected a map", "expected a table"),
        ("expected a boolean", "expected true or false"),
        ("invalid type: sequence", "invalid type: list"),
        ("invalid type: map", "invalid type: table"),
        ("\n", ": "),
    ];
    words.into_iter().fold(message.to_owned(), |message, (serde, toml)| message.replace(serde, toml))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, message, help, snippet, width } = self;
        let margin = " ".repeat(line.to_string().len());
        write!(f, "{path}:{line}:{column}: {message}")?;
        if !help.is_empty() {
            write!(f, "; {help}")?;
        }
        // A tab is as wide in the line as in the one that underlines it.
        let indent: String =
            snippet.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "\n{margin} |\n{line} | {snippet}\n{margin} | {indent}{}", "^".repeat(*width))
    }
}

fn joined(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n\n")
}
