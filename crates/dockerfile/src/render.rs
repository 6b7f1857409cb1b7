//! Renders Dockerfiles that cross-compile from a typed request.
//!
//! A request becomes typed stages, which templates turn into text; a user may extend the templates block by block. A
//! combination that does not start is an error: a program on a base that lacks its C library is refused with the
//! nearest valid choice.

mod check;
mod combination;
mod error;
mod request;
mod script;
mod stages;
mod templates;
mod values;

use crossdock_platform::Platform;

pub use combination::{Base, Debian, Linking, nearest_base};
pub use error::RenderError;
pub use request::{
    Build, Caching, Container, Engine, File, Health, Mode, Modules, Private, Program, Request,
};
pub use templates::Origin;

/// A rendered Dockerfile, its `.dockerignore`, and what the engine must be told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rendered {
    /// The Dockerfile.
    pub dockerfile: String,
    /// The template and line that made each of its instructions. Empty if the template prints differently when marked.
    pub origins: Vec<Origin>,
    /// Its `.dockerignore`.
    pub dockerignore: String,
    /// The platforms to pass to the engine as `--platform`. Fixed mode needs them too: a constant platform in the file
    /// only selects the base image, while the engine labels the result with its own platform.
    pub platforms: Vec<Platform>,
    /// The ids of the secrets to pass.
    pub secrets: Vec<String>,
    /// Whether to pass an SSH agent as `default`.
    pub ssh: bool,
    /// Advice for the person who builds the file, one sentence each.
    pub notes: Vec<String>,
}

/// Renders a Dockerfile and its `.dockerignore`.
///
/// ```
/// use crossdock_dockerfile::render::{Linking, Mode, Program, Request, render};
/// use crossdock_platform::Platform;
///
/// let program = Program::new("server", "./cmd/server");
/// let mode = Mode::Cross(vec![Platform::LINUX_AMD64, Platform::LINUX_ARM64]);
/// let rendered = render(&Request::new(Linking::GoStatic, "1.26", vec![program], mode))?;
/// assert!(rendered.dockerfile.contains("FROM --platform=$BUILDPLATFORM golang:1.26-trixie AS build\n"));
/// # Ok::<(), crossdock_dockerfile::render::RenderError>(())
/// ```
///
/// # Errors
/// A combination that does not start, a platform without a compiler, a feature that the builder lacks, a value that is
/// not valid in a Dockerfile, or an error in a user's template, with its line.
pub fn render(request: &Request) -> Result<Rendered, RenderError> {
    check::check(request)?;
    let stages = stages::Stages::new(request)?;
    let texts = templates::texts(request, &stages)?;
    Ok(Rendered {
        dockerfile: texts.dockerfile,
        origins: texts.origins,
        dockerignore: texts.dockerignore,
        platforms: request.platforms(),
        secrets: stages.secrets,
        ssh: request.private.iter().any(|private| matches!(private, Private::Ssh(_))),
        notes: stages.notes,
    })
}
