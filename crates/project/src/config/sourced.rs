//! A value with its provenance, so that a plan or an error can say who asked for it.

use std::fmt;

use camino::Utf8PathBuf;
use serde::Serialize;

/// A value that remembers where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Who set it.
    pub source: Source,
}

/// Who set a value; the order is the order of precedence, strongest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// An option of the command line, as `--platform`.
    CommandLine(String),
    /// An environment variable, as `CROSSDOCK_PLATFORM`.
    Environment(String),
    /// A place in a configuration file; line and column count from 1, columns in characters.
    File {
        /// The file.
        path: Utf8PathBuf,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// Read off the project itself, as `Cargo.toml` or `go.mod`.
    Project(String),
    /// A field of the options that a program passed to the library, as `platforms`.
    Caller(String),
    /// crossdock's own choice, with the reason.
    Default(String),
}

impl<T> Sourced<T> {
    /// A value and who set it.
    pub fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }

    /// crossdock's own choice.
    pub fn default_because(value: T, why: impl Into<String>) -> Self {
        Self::new(value, Source::Default(why.into()))
    }

    /// The same provenance for a value made of this one.
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
