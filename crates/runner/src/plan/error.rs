//! Why there is no plan.

use camino::Utf8PathBuf;

use super::recipe::RecipeError;
use crossdock_project::SelectError;
use crossdock_project::config::{Source, Sourced};

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
    /// Nodes for which a file would be written that builds nothing for them, and that nobody judges.
    #[error("{why}")]
    Unserved {
        /// Which nodes, and what to do.
        why: String,
    },
    /// A name that no deploy target has.
    #[error("there is no deploy target `{name}` (asked for by {asked}); {help}")]
    UnknownDeploy {
        /// The name.
        name: String,
        /// Who asked.
        asked: Source,
        /// The nearest, or all.
        help: String,
    },
    /// It is not clear which programs go into an image.
    #[error(transparent)]
    Programs(#[from] SelectError),
    /// It is not clear which programs go into an image that is declared.
    #[error("{at}: image `{image}` is not clear")]
    Declared {
        /// The image.
        image: String,
        /// Who declares it.
        at: Source,
        /// What is not clear.
        source: Box<SelectError>,
    },
    /// A caller of the library did not discover a project that the configuration names.
    #[error("{folder} is named by an image and was not among the projects given to the planner")]
    NotLookedInto {
        /// The project's folder.
        folder: Utf8PathBuf,
    },
    /// Two images that would be written to one place.
    #[error("two images are named `{name}`: {first} and {second}; give one of them another name")]
    TwoImages {
        /// The name.
        name: String,
        /// Who named the first.
        first: Source,
        /// Who named the second.
        second: Source,
    },
    /// Two images of which one would be written over the other.
    #[error(
        "the images `{first}` and `{second}` ({at}) would both be written to {path}; give one of them another name"
    )]
    OnePlace {
        /// The one.
        first: String,
        /// The other.
        second: String,
        /// Who asked for the other.
        at: Source,
        /// The place.
        path: Utf8PathBuf,
    },
    /// Two images that would have one name.
    #[error(
        "the images `{}` ({}) and `{}` ({}) both are `{reference}`, and whichever is pushed last takes the name from the \
         other; give them different `repository` or `tags`",
        .images[0].value, .images[0].source, .images[1].value, .images[1].source
    )]
    OneReference {
        /// The name and tag.
        reference: String,
        /// The images' names.
        images: Box<[Sourced<String>; 2]>,
    },
    /// A file that cannot lie where it is configured to.
    #[error("{at}: {what} {why}; {help}")]
    File {
        /// The image, which of its files, and where that would lie.
        what: String,
        /// Where that is configured.
        at: Source,
        /// What is wrong.
        why: String,
        /// What to do.
        help: String,
    },
    /// A platform that runs no containers.
    #[error(
        "`{platform}` ({asked}) runs no containers; images are built for linux, and `--pack` makes release archives for others"
    )]
    NoContainers {
        /// The platform.
        platform: String,
        /// Who asked.
        asked: Source,
    },
    /// C code that would be dropped silently.
    #[error(
        "image `{image}`: CGO_ENABLED=0 would silently drop the C code of {packages}; decide with `cgo = true` or `cgo = false` in [image.{image}] of crossdock.toml"
    )]
    Cgo {
        /// The image.
        image: String,
        /// Import paths.
        packages: String,
    },
    /// What the user's environment or files say contradicts what the plan needs.
    #[error("image `{image}`: {theirs} contradicts {ours}; {help}")]
    Conflict {
        /// The image.
        image: String,
        /// The user's setting and where it stands.
        theirs: String,
        /// crossdock's setting and why it is needed.
        ours: String,
        /// What to do.
        help: String,
    },
    /// What an engine cannot build.
    #[error(transparent)]
    Recipe(Box<RecipeError>),
    /// What contradicts the engine that builds.
    #[error("image `{image}`: {why}")]
    Engine {
        /// The image.
        image: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A tag or a repository that the distribution specification does not allow.
    #[error("{at}: image `{image}`: {why}")]
    Reference {
        /// The image.
        image: String,
        /// Who gave it.
        at: Source,
        /// What is wrong.
        why: String,
    },
}

impl From<RecipeError> for PlanError {
    fn from(error: RecipeError) -> Self {
        match error {
            RecipeError::Plan(error) => error,
            other => Self::Recipe(Box::new(other)),
        }
    }
}

/// ` (did you mean …?)`, when there is something near.
fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}
