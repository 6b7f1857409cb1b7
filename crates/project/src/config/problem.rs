//! Problems of a configuration, each shown with its place and the line of the file.

use std::fmt;

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
    /// Templates give no value. All problems, in the order of the images.
    #[error("{}", joined(.0))]
    Values(Vec<ValueProblem>),
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
    /// The text of the line, or of a part of it.
    pub(super) snippet: String,
    /// The number of characters of the text before the wrong ones.
    pub(super) before: usize,
    /// The number of wrong characters, which are underlined.
    pub(super) width: usize,
}

/// A value of an image that cannot be used here and now, such as a template with a variable that has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: image `{image}`: `{key}`: {message}{}", after_semicolon(.help))]
#[non_exhaustive]
pub struct ValueProblem {
    /// The place of the value.
    pub at: Source,
    /// The name of the image.
    pub image: String,
    /// The key of the value, such as `labels.team`.
    pub key: String,
    /// The message.
    pub message: String,
    /// The remedy; empty if the message contains it.
    pub help: String,
}

fn after_semicolon(help: &str) -> String {
    if help.is_empty() { String::new() } else { format!("; {help}") }
}

/// Replaces control characters: text of a file must not control the terminal that shows it.
pub(super) fn printable(text: &str) -> String {
    let plain = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    text.chars().map(plain).collect()
}

/// Splits serde's `` unknown field `x`, expected one of `a`, `b` `` into a message and a hint with the nearest name.
pub(super) fn explain(message: &str) -> (String, String) {
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
        let Self { path, line, column, message, help, snippet, before, width } = self;
        let margin = " ".repeat(line.to_string().len());
        write!(f, "{path}:{line}:{column}: {message}")?;
        if !help.is_empty() {
            write!(f, "; {help}")?;
        }
        // A tab is as wide in the line as in the one that underlines it.
        let indent: String =
            snippet.chars().take(*before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "\n{margin} |\n{line} | {snippet}\n{margin} | {indent}{}", "^".repeat(*width))
    }
}

fn joined(problems: &[impl fmt::Display]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}
