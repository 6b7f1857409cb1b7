//! A value with its source, so that a plan or an error can name it.

use std::fmt;

use camino::Utf8PathBuf;
use serde::Serialize;

/// A value that remembers its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Its source.
    pub source: Source,
}

/// The source of a value. The order is that of precedence, strongest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// An option of the command line, such as `--platform`.
    CommandLine(String),
    /// An environment variable, such as `CROSSDOCK_PLATFORM`.
    Environment(String),
    /// A place in a configuration file. Line and column count from 1, the column in characters.
    File {
        /// The file.
        path: Utf8PathBuf,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// The project itself, such as `Cargo.toml` or `go.mod`.
    Project(String),
    /// An option that a program passed to the library, such as `platforms`.
    Caller(String),
    /// crossdock's default, with the reason.
    Default(String),
}

impl<T> Sourced<T> {
    /// Creates a value with its source.
    pub fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }

    /// Creates a default value with its reason.
    pub fn default_because(value: T, why: impl Into<String>) -> Self {
        Self::new(value, Source::Default(why.into()))
    }

    /// Converts the value and keeps its source.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced { value: change(self.value), source: self.source }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine(option) => write!(f, "{option} on the command line"),
            Self::Environment(variable) => write!(f, "the environment variable {variable}"),
            Self::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Self::Project(what) => write!(f, "{what}"),
            Self::Caller(field) => write!(f, "`{field}` of the caller's options"),
            Self::Default(why) => write!(f, "the default: {why}"),
        }
    }
}
