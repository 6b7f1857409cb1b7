//! Dockerfiles that cross-compile, from a typed request.
//!
//! A request becomes typed stages, and those a text by templates, which a user may extend block by block. Only what
//! starts is rendered: a program on a base that lacks its C library is refused with the nearest valid choice.

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

/// A rendered Dockerfile with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rendered {
    /// The Dockerfile.
    pub dockerfile: String,
    /// The line of a template that made each of its instructions, as far as that is known.
    pub origins: Vec<Origin>,
    /// Its `.dockerignore`.
    pub dockerignore: String,
    /// The platforms to pass to the engine as `--platform`. They are needed in fixed mode too: a constant platform in
    /// the file chooses the base image, and engines label the result with their own.
    pub platforms: Vec<Platform>,
    /// The secrets to pass, by id.
    pub secrets: Vec<String>,
    /// Whether an ssh agent is to be passed as `default`.
    pub ssh: bool,
    /// What a person should know, as sentences.
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
/// A combination that does not start, a platform that cannot be compiled for, a builder that cannot do what is asked,
/// a value that does not belong into a Dockerfile, and every fault of a user's template, with its line.
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
