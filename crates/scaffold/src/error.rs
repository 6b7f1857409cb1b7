//! Why `init` fails.

use camino::Utf8PathBuf;

use crossdock_project::config::ConfigError;
use crossdock_project::{Language, ProjectError, SelectError};
use crossdock_runner::planner::PlanError;

/// Why a scaffold cannot be planned or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScaffoldError {
    /// The directory holds no project, or the project's tools refuse it.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The project's `crossdock.toml` is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The programs for the images cannot be selected.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The deploy targets cannot be resolved.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The package belongs to a workspace with another root.
    #[error(
        "{directory} is a member of the workspace {root}, and only the root of a workspace takes a scaffold: \
         run `crossdock init {root}`"
    )]
    WorkspaceMember {
        /// The package's directory.
        directory: Utf8PathBuf,
        /// The workspace's root.
        root: Utf8PathBuf,
    },
    /// `--template` was given for a directory that holds other files.
    #[error("{directory} holds {found}; --template writes a program into an empty directory, leave it out")]
    NotEmpty {
        /// The directory.
        directory: Utf8PathBuf,
        /// One of the files in it.
        found: String,
    },
    /// An option has an invalid value or does not fit the project.
    #[error("{option}: {reason}")]
    InvalidOption {
        /// The option, as on the command line.
        option: String,
        /// The problem and its remedy.
        reason: String,
    },
    /// cargo cannot get crossdock from the given source.
    #[error(
        "crossdock is not available from {place}, and with it no cargo command would work in this project:\n{reason}"
    )]
    CrossdockUnavailable {
        /// The source, as `--crossdock` takes it.
        place: String,
        /// The message of cargo.
        reason: String,
    },
    /// A file that the user maintains cannot take an entry.
    #[error("{path}: {reason}; nothing was written (`--without xtask` leaves this file unchanged)")]
    Merge {
        /// The file.
        path: Utf8PathBuf,
        /// The problem, in words that follow the path.
        reason: String,
    },
    /// A path cannot be written, which was found before anything was written.
    #[error("{path} {reason}; nothing was written")]
    Unwritable {
        /// The file or directory.
        path: Utf8PathBuf,
        /// The problem, in words that follow the path.
        reason: String,
    },
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A file or directory could not be written.
    #[error("{path} cannot be written: {source}; {written}")]
    Write {
        /// The file.
        path: Utf8PathBuf,
        /// Which files were written before, in words.
        written: String,
        /// The system's reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A template of crossdock does not fit its values, which is a bug in crossdock.
    #[error("internal error: the template `{name}` does not fit its values: {source:#}; report this")]
    Template {
        /// The name of the template.
        name: &'static str,
        /// The reason.
        #[source]
        source: minijinja::Error,
    },
    /// The language of `--template` differs from that of an earlier call.
    #[error("{directory} holds a {found} project made by `crossdock init`, and --template names {asked}")]
    TemplateMismatch {
        /// The directory.
        directory: Utf8PathBuf,
        /// The language of the existing program.
        found: Language,
        /// The requested language.
        asked: Language,
    },
}
