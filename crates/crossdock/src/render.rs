//! Dockerfiles and bake files for a project's images.

mod left_out;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::render::{RenderError, Rendered};
use crossdock_platform::{Os, Platform};
use crossdock_project::WithoutTools;
use crossdock_project::config::{Config, DockerfileInputs};
use crossdock_runner::engine::{BaseFrom, Options};
use crossdock_runner::planner::bake::{self, Dockerfiles, file_name};
use crossdock_runner::planner::{
    DockerfileError, DockerfileRequest, DockerfileSettings, Goal, Projects, Request, dockerfile_requests,
};
use crossdock_system::process::Command;

pub use crossdock_dockerfile::render::{Caching, Engine as Frontend};
pub use crossdock_project::config::DockerfileMode;

use crate::context::Context;
use crate::discover::rendered;
use crate::error::{Error, ErrorKind, usage};
use crate::options::{BuildOptions, EngineOptions, Locking};

/// Options of [`render`](render()) and [`render_bake`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RenderOptions {
    /// The images, platforms, nodes, cgo, network and configuration; other fields have no effect.
    pub build: BuildOptions,
    /// Whether programs are cross-compiled on the builder's platform, or each file is fixed to one platform; as
    /// configured if `None`.
    pub mode: Option<DockerfileMode>,
    /// The builder that will read the files; BuildKit if `None`. [`render_bake`] is always for BuildKit.
    pub frontend: Option<Frontend>,
    /// How compilers' caches outlive a build. If `None`, mounts for BuildKit and layers for the classic builder.
    pub caching: Option<Caching>,
}

impl RenderOptions {
    /// Returns the options for a selection of images, platforms and nodes.
    #[must_use]
    pub fn new(build: BuildOptions) -> Self {
        Self { build, ..Self::default() }
    }

    /// Chooses the mode.
    #[must_use]
    pub fn mode(self, mode: DockerfileMode) -> Self {
        Self { mode: Some(mode), ..self }
    }

    /// Chooses the builder that will read the files.
    #[must_use]
    pub fn frontend(self, frontend: Frontend) -> Self {
        Self { frontend: Some(frontend), ..self }
    }
}

/// A rendered Dockerfile with its `.dockerignore`.
#[derive(Debug, Clone)]
pub struct RenderedDockerfile {
    request: DockerfileRequest,
    rendered: Rendered,
}

/// A bake file, and the Dockerfiles that it refers to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RenderedBake {
    /// The bake file in JSON.
    pub json: String,
    /// The Dockerfiles; empty if they are inline in the bake file.
    pub dockerfiles: Vec<RenderedDockerfile>,
    /// The root of the project, the directory in which to run bake.
    pub root: Utf8PathBuf,
    /// Sentences that deserve a person's attention.
    pub notes: Vec<String>,
}

/// Renders a Dockerfile for each image, or for each of its platforms if files are fixed to a platform. Nothing is
/// written.
///
/// ```
/// use crossdock::render::{RenderOptions, render};
/// use crossdock::BuildOptions;
///
/// # let (_directory, context) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/example.rs"))?;
/// let options = RenderOptions::new(BuildOptions::new().platforms(["linux/amd64", "linux/arm64"]));
/// let files = render(&context, &options)?;
/// assert!(files[0].dockerfile().contains("GOARCH"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The configuration or a template is invalid, or the builder cannot build such a file ([`ErrorKind::Missing`]).
pub fn render(context: &Context, options: &RenderOptions) -> Result<Vec<RenderedDockerfile>, Error> {
    context.unless_cancelled(|| {
        let frontend = options.frontend.clone().unwrap_or(Frontend::BuildKit);
        let layered = matches!(frontend, Frontend::Classic(_));
        let caching = options.caching.unwrap_or(if layered { Caching::Layer } else { Caching::Mounts });
        let mut files = Requests::new(context, options, frontend, caching, &[])?.render()?;
        for file in &mut files {
            file.rendered.notes.extend(file.request.notes.iter().cloned());
            file.rendered.notes.extend(left_out::notes(&file.request));
            file.rendered.notes.extend(file.request.left_out.iter().cloned());
            file.rendered.notes.extend(only_for_this_commit(&file.request));
        }
        Ok(files)
    })
}

/// Returns a sentence about the values that the file has from this commit or this environment.
fn only_for_this_commit(request: &DockerfileRequest) -> Option<String> {
    let varying = request.varying.as_ref()?;
    Some(format!(
        "the Dockerfile of image `{}` is only for this commit and this environment ({varying}): render it again for each \
         build.",
        request.image
    ))
}

/// Renders a bake file for BuildKit. With a directory, it refers to separate Dockerfiles there; otherwise they are
/// inline in it. Nothing is written.
///
/// # Errors
/// Those of [`render`](render()), and an invalid engine option.
pub fn render_bake(
    context: &Context,
    options: &RenderOptions,
    engine: &EngineOptions,
    directory: Option<&Utf8Path>,
) -> Result<RenderedBake, Error> {
    context.unless_cancelled(|| {
        let passed: Options = context.engine_options(engine)?;
        let caching = passed.caching().unwrap_or(Caching::Mounts);
        let requests = Requests::new(context, options, Frontend::BuildKit, caching, &passed.base_from)?;
        let root = requests.config.root.clone();
        let place = directory.map_or(Dockerfiles::Inline, Dockerfiles::In);
        let bake =
            bake::bake(&requests.requests, &root, place, &passed).map_err(|error| explained(&error))?;
        let json = serde_json::to_string_pretty(&bake).map_err(crate::error::input_output)?;
        let dockerfiles = if directory.is_some() { requests.render()? } else { Vec::new() };
        let mut notes = Vec::<String>::new();
        for note in requests.requests.iter().flat_map(|request| request.notes.iter().chain(&request.left_out))
        {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        Ok(RenderedBake { json: format!("{json}\n"), dockerfiles, root, notes })
    })
}

/// Returns the classic builder of a machine: a platform, or this machine if `None`. The platform's operating system is
/// always Linux, because engines run on Linux, in Docker Desktop too.
///
/// # Errors
/// The text is not a platform, or this machine's platform is unknown.
pub fn classic_frontend(machine: Option<&str>) -> Result<Frontend, Error> {
    let platform = match machine {
        Some(text) => Platform::parse(text)
            .map_err(|error| usage(error).hint("pass --host a platform, e.g. linux/amd64"))?,
        None => crossdock_toolchain::host::current_platform().map_err(crate::error::missing)?,
    };
    Ok(Frontend::Classic(Platform::new(Os::Linux, platform.architecture())))
}

impl RenderedDockerfile {
    /// Returns the name of the image.
    pub fn image(&self) -> &str {
        &self.request.image
    }

    /// Returns a file name that is unique among the files of one call.
    pub fn file_name(&self) -> String {
        file_name(&self.request)
    }

    /// Returns the text of the Dockerfile.
    pub fn dockerfile(&self) -> &str {
        &self.rendered.dockerfile
    }

    /// Returns the text of the `.dockerignore`.
    pub fn dockerignore(&self) -> &str {
        &self.rendered.dockerignore
    }

    /// Returns the platforms that the file builds for.
    pub fn platforms(&self) -> &[Platform] {
        &self.rendered.platforms
    }

    /// Returns the build context. Absolute.
    pub fn context(&self) -> &Utf8Path {
        &self.request.context
    }

    /// Returns the references of the image.
    pub fn references(&self) -> &[String] {
        &self.request.references
    }

    /// Returns the date of the image, in seconds since 1970, which is the build argument `SOURCE_DATE_EPOCH`.
    pub fn created(&self) -> i64 {
        self.request.created
    }

    /// Returns the identifiers of the secrets that the file uses.
    pub fn secrets(&self) -> &[String] {
        &self.rendered.secrets
    }

    /// Returns whether the file uses an SSH agent.
    pub fn uses_ssh(&self) -> bool {
        self.rendered.ssh
    }

    /// Returns sentences that deserve a person's attention.
    pub fn notes(&self) -> &[String] {
        &self.rendered.notes
    }

    /// Returns whether the file is for the classic builder, which reads only the `.dockerignore` in the context.
    pub fn is_classic(&self) -> bool {
        matches!(self.request.file.engine, Frontend::Classic(_))
    }

    /// Returns the command that builds the file at a path, quoted for a shell.
    pub fn build_command(&self, path: &Utf8Path) -> String {
        let platforms: Vec<String> = self.rendered.platforms.iter().map(ToString::to_string).collect();
        let epoch = format!("SOURCE_DATE_EPOCH={}", self.request.created);
        let verb: &[&str] = match self.request.file.engine {
            Frontend::BuildKit => &["buildx", "build"],
            Frontend::Classic(_) => &["build"],
        };
        let mut build = Command::new("docker", self.request.context.clone()).args(verb.iter().copied());
        build = build.args(["--file", path.as_str()]);
        build = build.args(["--platform", &platforms.join(","), "--build-arg", &epoch]);
        for id in &self.rendered.secrets {
            build = build.args(["--secret", &format!("id={id},src=FILE")]);
        }
        if self.rendered.ssh {
            build = build.args(["--ssh", "default"]);
        }
        if let Some(reference) = self.request.references.first() {
            build = build.args(["--tag", reference]);
        }
        build.args([self.request.context.as_str()]).short()
    }
}

/// The Dockerfiles of a call before rendering.
struct Requests {
    config: Config,
    requests: Vec<DockerfileRequest>,
}

impl Requests {
    fn new(
        context: &Context,
        options: &RenderOptions,
        engine: Frontend,
        caching: Caching,
        bases: &[BaseFrom],
    ) -> Result<Self, Error> {
        let config = context.config(options.build.config.as_ref())?;
        let mut request = request(context, &options.build)?;
        // Only the rendered files are written.
        let build = BuildOptions { locking: Locking::Keep, ..options.build.clone() };
        request.bases = context.bases(&config, &request, &build)?;
        let projects: Projects = context.projects(&config, &request, WithoutTools::ReadManifests)?;
        let mut inputs = DockerfileInputs::read(&config).map_err(usage)?;
        // A base image given by --base-from replaces the one that the lock file pins.
        inputs.digests.retain(|name, _| !bases.iter().any(|base| base.name == *name));
        let mut settings = DockerfileSettings::default();
        settings.mode = options.mode;
        settings.engine = engine;
        settings.caching = caching;
        settings.templates = inputs.templates;
        settings.digests = inputs.digests;
        let rendered = rendered(&config, &projects, &request)?;
        let requests = dockerfile_requests(&rendered, &projects, &request, &settings).map_err(usage)?;
        Ok(Self { config, requests })
    }

    fn render(&self) -> Result<Vec<RenderedDockerfile>, Error> {
        let files = self
            .requests
            .iter()
            .map(|request| Ok(RenderedDockerfile { request: request.clone(), rendered: request.render()? }));
        files.collect::<Result<_, DockerfileError>>().map_err(|error| explained(&error))
    }
}

fn request(context: &Context, build: &BuildOptions) -> Result<Request, Error> {
    let BuildOptions { images, platforms, nodes, cgo, network, .. } = build.clone();
    context.request(&BuildOptions {
        images,
        platforms,
        nodes,
        cgo,
        network,
        goal: Goal::Build,
        ..BuildOptions::new()
    })
}

/// Converts an error of rendering. If only the builder lacks the ability, the call is correct and something is missing.
fn explained(error: &DockerfileError) -> Error {
    let kind = match error {
        DockerfileError::Render { source, .. } => match source.as_ref() {
            RenderError::ClassicCross { .. }
            | RenderError::ClassicForeign { .. }
            | RenderError::ClassicFeature { .. } => ErrorKind::Missing,
            _ => ErrorKind::Usage,
        },
        _ => ErrorKind::Usage,
    };
    Error::new(kind, error)
}
