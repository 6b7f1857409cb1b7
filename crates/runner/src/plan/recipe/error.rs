//! Why there is no Dockerfile.

use camino::Utf8PathBuf;
use crossdock_dockerfile::render::RenderError;

use super::super::error::PlanError;
use crossdock_project::SelectError;
use crossdock_project::config::Source;

/// Why there is no Dockerfile of an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// The call, the configuration or the project is wrong.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What is asked for does not render.
    #[error("image `{image}` has no Dockerfile")]
    Render {
        /// The image.
        image: String,
        /// Why not.
        source: Box<RenderError>,
    },
    /// A user that Kubernetes cannot check.
    #[error(
        "image `{image}`: the user `{user}` is a name, and a Dockerfile of crossdock has numbers, which \
         `runAsNonRoot` can check; write `user = \"65532:65532\"`"
    )]
    User {
        /// The image.
        image: String,
        /// The user.
        user: String,
    },
    /// A compiler that has no image of its own.
    #[error(
        "image `{image}`: {file} selects the toolchain `{channel}`, and there is no image of it on Debian 12 or newer; name one that `rust` \
         has as `toolchain = \"1.95\"` in [image.{image}.dockerfile]"
    )]
    Toolchain {
        /// The image.
        image: String,
        /// The channel.
        channel: String,
        /// The file that selects it.
        file: Utf8PathBuf,
    },
    /// A compiler that does not take the project.
    #[error(
        "{at}: image `{image}`: `toolchain` is {version}, and the module asks for `{asked}`; take that or a newer one"
    )]
    TooOld {
        /// The image.
        image: String,
        /// Where the version stands.
        at: Source,
        /// The version.
        version: String,
        /// What the project asks for.
        asked: String,
    },
    /// Something that an engine does not see.
    #[error(
        "image `{image}`: {what} {path} is not below {context}, which is the folder that an engine is sent; move it \
         there, or make the folder above both the project's root"
    )]
    Outside {
        /// The image.
        image: String,
        /// What it is.
        what: &'static str,
        /// Where it lies.
        path: Utf8PathBuf,
        /// What is sent.
        context: Utf8PathBuf,
    },
}

impl From<SelectError> for RecipeError {
    fn from(error: SelectError) -> Self {
        Self::Plan(error.into())
    }
}
