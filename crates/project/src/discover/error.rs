use camino::{Utf8Path, Utf8PathBuf};

use crate::language::{Language, LanguageError};
use crossdock_platform::listed;
use crossdock_system::process::ProcessError;

/// The error for a project that cannot be discovered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// The directory has no project of one known language.
    #[error(transparent)]
    Language(#[from] LanguageError),
    /// The project has libraries only.
    #[error("{directory} has no program: {found}; add {remedy}")]
    NoProgram {
        /// The directory.
        directory: Utf8PathBuf,
        /// The packages that it has instead.
        found: String,
        /// The change that adds a program.
        remedy: &'static str,
    },
    /// Cargo.lock does not match Cargo.toml.
    #[error(
        "{lock} does not match Cargo.toml, and crossdock never changes it; update it with \
         `cargo update --workspace` and commit it"
    )]
    StaleLock {
        /// The lock file.
        lock: Utf8PathBuf,
    },
    /// `cargo` or `go` is not installed.
    #[error("{directory} is a {language} project, and `{program}` was not found")]
    NoTool {
        /// The directory.
        directory: Utf8PathBuf,
        /// The language.
        language: Language,
        /// The program that was not found.
        program: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The tool refused the project.
    #[error(transparent)]
    Tool(ToolError),
    /// The tool's answer does not have the documented form.
    #[error("cannot parse the output of `{command}`")]
    Answer {
        /// The command.
        command: String,
        /// The reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A bug of crossdock: a thread that asked about the project panicked.
    #[error("internal error: a thread that asked about the project in {directory} panicked; report this")]
    Panicked {
        /// The directory.
        directory: Utf8PathBuf,
    },
    /// Go cannot load packages.
    #[error("go cannot load the packages of {directory}:\n{}", .reasons.join("\n"))]
    Broken {
        /// The module's root.
        directory: Utf8PathBuf,
        /// Go's messages.
        reasons: Vec<String>,
    },
    /// A file that decides how the project is built cannot be read.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: Utf8PathBuf,
        /// The reason.
        reason: String,
    },
}

/// The error for a tool that failed when it was asked about a project.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[error("{}", refusal(.directory, .tool, .process))]
pub struct ToolError {
    /// The directory.
    pub directory: Utf8PathBuf,
    /// `cargo` or `go`.
    pub tool: String,
    /// How it ended.
    pub process: ProcessError,
}

/// Shows the tool's own message, which helps, and leaves out its command line, which does not.
fn refusal(directory: &Utf8PathBuf, tool: &str, process: &ProcessError) -> String {
    match process {
        ProcessError::Failed { stderr, .. } => {
            // rustup appends one if RUST_BACKTRACE is set.
            let message = stderr.split("\nStack backtrace:").next().unwrap_or(stderr);
            format!("{tool} refused the project in {directory}:\n{}", message.trim_end())
        }
        other => other.to_string(),
    }
}

/// Lists names in a message, at most eight of them.
pub(super) fn some<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.len() {
        0..=8 => listed(names),
        more => format!("{} and {} more", listed(names.into_iter().take(7)).replace(" and ", ", "), more - 7),
    }
}

/// Distinguishes a missing tool from one that failed.
pub(super) fn tool_error(directory: &Utf8Path, language: Language, error: ProcessError) -> ProjectError {
    let directory = directory.to_owned();
    match error {
        ProcessError::Start { program, source } if source.kind() == std::io::ErrorKind::NotFound => {
            ProjectError::NoTool { directory, language, program, source }
        }
        process => {
            let tool = match language {
                Language::Rust => "cargo".to_owned(),
                Language::Go => "go".to_owned(),
            };
            ProjectError::Tool(ToolError { directory, tool, process })
        }
    }
}
