//! What is wrong with a configuration, said at its line and column with the line itself.

use std::fmt;
use std::ops::Range;

use camino::Utf8PathBuf;

use super::Source;
use crossdock_platform::{listed, nearest};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{path} cannot be read; {help}")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
        /// What to do.
        help: String,
    },
    /// Files say what crossdock does not understand, or contradict themselves. All that is wrong, in the files' order.
    #[error("{}", joined(.0))]
    Invalid(Vec<Problem>),
    /// A variable of the environment holds what its option does not take.
    #[error("{variable} is {value:?}: {reason}")]
    Variable {
        /// The variable.
        variable: String,
        /// Its value.
        value: String,
        /// What it takes.
        reason: String,
    },
}

/// One thing that is wrong at one place of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: Utf8PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do; empty when the message says it.
    pub help: String,
    /// The line's text.
    snippet: String,
    /// How many characters are wrong.
    width: usize,
}

/// A configuration file's text, and where in it things stand.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) path: Utf8PathBuf,
    pub(super) text: String,
}

impl Document {
    /// The place of a byte offset.
    pub(super) fn source(&self, span: &Range<usize>) -> Source {
        let (line, column) = self.position(span.start);
        Source::File { path: self.path.clone(), line, column }
    }

    /// Something wrong at a place.
    pub(super) fn problem(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        let (line, column) = self.position(span.start);
        let snippet = shown(self.text.lines().nth(line - 1).unwrap_or_default());
        let marked = self.text.get(span.clone()).and_then(|text| text.lines().next()).unwrap_or_default();
        let room = snippet.chars().count().saturating_sub(column - 1);
        Problem {
            path: self.path.clone(),
            line,
            column,
            message: shown(&message.into()),
            help: shown(&help.into()),
            snippet,
            width: marked.chars().count().min(room).max(1),
        }
    }

    /// What the TOML reader complains of.
    pub(super) fn unreadable(&self, error: &toml::de::Error) -> Problem {
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

/// Text of a file as a terminal may show it: without control characters.
fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    text.chars().map(plain).collect()
}

/// serde says `` unknown field `x`, expected one of `a`, `b` ``: its names decide what was meant.
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

/// serde speaks of its own data model where TOML has plainer words.
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
        // A tab takes the same room in the line and in the one that points at it.
        let indent: String =
            snippet.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "\n{margin} |\n{line} | {snippet}\n{margin} | {indent}{}", "^".repeat(*width))
    }
}

fn joined(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n\n")
}
