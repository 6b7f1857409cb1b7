use camino::Utf8PathBuf;

use crossdock_project::config::ConfigError;
use crossdock_project::{Language, ProjectError, SelectError};
use crossdock_runner::plan::PlanError;

/// Why a project gets no scaffold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScaffoldError {
    /// What the directory holds is not understood.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// Its `crossdock.toml` is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its programs are not clear.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// Its deploy targets are not known.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A package whose workspace lies elsewhere.
    #[error(
        "{directory} is a member of the workspace {root}, and a scaffold belongs into a workspace's root: \
         run `crossdock init {root}`"
    )]
    WorkspaceMember {
        /// The package's directory.
        directory: Utf8PathBuf,
        /// The workspace's.
        root: Utf8PathBuf,
    },
    /// `--template` where a project is already.
    #[error(
        "{directory} holds {found}; --template writes a program into an empty directory, so leave it out here"
    )]
    NotEmpty {
        /// The directory.
        directory: Utf8PathBuf,
        /// What is in it.
        found: String,
    },
    /// An option that this project cannot take.
    #[error("{option}: {reason}")]
    InvalidOption {
        /// The option.
        option: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// crossdock cannot be had from where it should come.
    #[error(
        "crossdock cannot be had from {place}, so that no cargo command would work here any more:\n{reason}"
    )]
    CrossdockUnavailable {
        /// From where.
        place: String,
        /// Cargo's words.
        reason: String,
    },
    /// A file of the user's into which something should be merged cannot take it.
    #[error("{path}: {reason}; nothing was written (`--without xtask` leaves this file alone)")]
    UserFileEdit {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        reason: String,
    },
    /// A place where nothing may be written.
    #[error("{path} {reason}; nothing was written")]
    Unwritable {
        /// The file or directory.
        path: Utf8PathBuf,
        /// Why not.
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
    /// A file or directory cannot be written.
    #[error("{path} cannot be written: {source}; {written}")]
    Write {
        /// The file.
        path: Utf8PathBuf,
        /// What was written before.
        written: String,
        /// The system's reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// One of our own templates is wrong.
    #[error("the template {name} does not fit: {source:#}; please report this")]
    Template {
        /// The template.
        name: &'static str,
        /// Why.
        #[source]
        source: minijinja::Error,
    },
    /// The language of `--template` is not that of the directory.
    #[error("{directory} holds a {found} project made by `crossdock init`, and --template says {asked}")]
    TemplateMismatch {
        /// The directory.
        directory: Utf8PathBuf,
        /// The language that is there.
        found: Language,
        /// The language that was asked for.
        asked: Language,
    },
}
