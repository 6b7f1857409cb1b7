//! Why there is no plan.

use camino::Utf8PathBuf;

use crate::config::Source;

/// Why there is no plan. Each is a mistake in the call, the configuration or the project, never of the host: what the
/// host lacks is part of a plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A name that no image has.
    #[error("there is no image `{name}` (asked for by {asked}); the images are: {}{}", .known.join(", "), did_you_mean(.nearest))]
    UnknownImage {
        /// The name.
        name: String,
        /// Who asked.
        asked: Source,
        /// The names that exist.
        known: Vec<String>,
        /// The nearest of them.
        nearest: Option<String>,
    },
    /// A description of a platform or a node that crossdock does not know.
    #[error("`{text}` ({asked}) {why}")]
    Description {
        /// The description.
        text: String,
        /// Who gave it.
        asked: Source,
        /// What is wrong with it, and the nearest known ones.
        why: String,
    },
    /// A name that no deploy target has.
    #[error("there is no deploy target `{name}` (asked for by {asked}){}", did_you_mean(.nearest))]
    UnknownDeploy {
        /// The name.
        name: String,
        /// Who asked.
        asked: Source,
        /// The nearest known name.
        nearest: Option<String>,
    },
    /// The project builds no program.
    #[error("{folder} has no program to put into an image: {why}")]
    NoProgram {
        /// The project's folder.
        folder: Utf8PathBuf,
        /// What it has instead.
        why: String,
    },
    /// A program or package that the project does not have.
    #[error("image `{image}`: {folder} has no {kind} `{name}` (asked for by {asked}); it has: {}{}", .known.join(", "), did_you_mean(.nearest))]
    UnknownProgram {
        /// The image.
        image: String,
        /// The project's folder.
        folder: Utf8PathBuf,
        /// `binary` or `package`.
        kind: &'static str,
        /// The name.
        name: String,
        /// Who asked.
        asked: Source,
        /// The names that exist.
        known: Vec<String>,
        /// The nearest of them.
        nearest: Option<String>,
    },
    /// Several programs where one is needed.
    #[error("image `{image}` ({declared}) needs one program and {folder} has {}: {}; choose with `binaries = [\"{}\"]`", .names.len(), .names.join(", "), .names.first().map_or("", String::as_str))]
    SeveralPrograms {
        /// The image.
        image: String,
        /// Who declared it.
        declared: Source,
        /// The project's folder.
        folder: Utf8PathBuf,
        /// The programs.
        names: Vec<String>,
    },
    /// Two images that would be written to one place.
    #[error("two images are named `{name}`: {first} and {second}; give one of them another name")]
    TwoImages {
        /// The name.
        name: String,
        /// The first.
        first: String,
        /// The second.
        second: String,
    },
    /// What one setting says, another one forbids.
    #[error("{0}")]
    Contradiction(String),
    /// A tag or a repository that the distribution specification does not allow.
    #[error("{0}")]
    Reference(String),
}

/// ` (did you mean …?)`, when there is something near.
pub(super) fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}
