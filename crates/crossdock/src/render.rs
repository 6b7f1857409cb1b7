//! Dockerfiles and bake files of a project's images.

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
use crate::error::{Error, ErrorKind, usage};
use crate::options::{BuildOptions, EngineOptions};

/// Choices of [`render`](render()) and [`render_bake`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RenderOptions {
    /// The images, platforms, nodes and configuration; other fields are without effect.
    pub build: BuildOptions,
    /// Whether programs are compiled on the build machine for each platform, or the file is fixed to one; as configured
    /// if `None`.
    pub mode: Option<DockerfileMode>,
    /// The builder that will read the files. [`render_bake`] is always for BuildKit.
    pub frontend: Option<Frontend>,
    /// How compilers' caches outlive a build: mounts, unless chosen. The classic builder has only layers.
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
    recipe: DockerfileRequest,
    rendered: Rendered,
}

/// A bake file, and the Dockerfiles that it refers to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RenderedBake {
    /// The bake file in JSON.
    pub json: String,
    /// The Dockerfiles; empty if the bake file contains them.
    pub dockerfiles: Vec<RenderedDockerfile>,
    /// The root of the project, in which the bake file is used.
    pub root: Utf8PathBuf,
}

/// Renders a Dockerfile for each image, and for each platform where a file is fixed to one. Nothing is written.
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
/// The configuration or a template is wrong, or the builder cannot build such a file ([`ErrorKind::Missing`]).
pub fn render(context: &Context, options: &RenderOptions) -> Result<Vec<RenderedDockerfile>, Error> {
    let frontend = options.frontend.clone().unwrap_or(Frontend::BuildKit);
    let layered = matches!(frontend, Frontend::Classic(_));
    let caching = options.caching.unwrap_or(if layered { Caching::Layer } else { Caching::Mounts });
    let recipes = Recipes::new(context, options, frontend, caching, &[])?;
    let mut files = recipes.render()?;
    for file in &mut files {
        file.rendered.notes.extend(left_out::notes(&file.recipe));
    }
    Ok(files)
}

/// Renders a bake file for BuildKit. With a directory the Dockerfiles are files of their own in it, otherwise the bake
/// file contains them. Nothing is written.
///
/// # Errors
/// As [`render`](render()); and an engine option is wrong.
pub fn render_bake(
    context: &Context,
    options: &RenderOptions,
    engine: &EngineOptions,
    directory: Option<&Utf8Path>,
) -> Result<RenderedBake, Error> {
    let passed: Options = context.engine_options(engine)?;
    let caching = passed.caching().unwrap_or(Caching::Mounts);
    let recipes = Recipes::new(context, options, Frontend::BuildKit, caching, &passed.base_from)?;
    let root = recipes.config.root.clone();
    let place = directory.map_or(Dockerfiles::Inline, Dockerfiles::In);
    let bake = bake::bake(&recipes.recipes, &root, place, &passed).map_err(|error| explained(&error))?;
    let json = serde_json::to_string_pretty(&bake).map_err(crate::error::input_output)?;
    let dockerfiles = if directory.is_some() { recipes.render()? } else { Vec::new() };
    Ok(RenderedBake { json: format!("{json}\n"), dockerfiles, root })
}

/// Returns the classic builder of a machine: a platform, or this machine if `None`. An engine's machine runs Linux, also
/// the one inside of Docker Desktop.
///
/// # Errors
/// The text is no platform, or this machine has none that is known.
pub fn classic_frontend(machine: Option<&str>) -> Result<Frontend, Error> {
    let platform = match machine {
        Some(text) => Platform::parse(text)
            .map_err(|error| usage(error).hint("--host takes a platform, as linux/amd64"))?,
        None => crossdock_toolchain::host::current_platform().map_err(crate::error::missing)?,
    };
    Ok(Frontend::Classic(Platform::new(Os::Linux, platform.architecture())))
}

impl RenderedDockerfile {
    /// Returns the name of the image.
    pub fn image(&self) -> &str {
        &self.recipe.image
    }

    /// Returns a file name that no other file of the same call has.
    pub fn file_name(&self) -> String {
        file_name(&self.recipe)
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
        &self.recipe.context
    }

    /// Returns the references that the image gets.
    pub fn references(&self) -> &[String] {
        &self.recipe.references
    }

    /// Returns the date of the image, in seconds since 1970, which is the build argument `SOURCE_DATE_EPOCH`.
    pub fn created(&self) -> i64 {
        self.recipe.created
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

    /// Returns whether the file is for the classic builder, which reads no `.dockerignore` but the context's own.
    pub fn is_classic(&self) -> bool {
        matches!(self.recipe.file.engine, Frontend::Classic(_))
    }

    /// Returns the command that builds the file at a path, as a shell takes it.
    pub fn build_command(&self, path: &Utf8Path) -> String {
        let platforms: Vec<String> = self.rendered.platforms.iter().map(ToString::to_string).collect();
        let epoch = format!("SOURCE_DATE_EPOCH={}", self.recipe.created);
        let verb: &[&str] = match self.recipe.file.engine {
            Frontend::BuildKit => &["buildx", "build"],
            Frontend::Classic(_) => &["build"],
        };
        let mut build = Command::new("docker", self.recipe.context.clone()).args(verb.iter().copied());
        build = build.args(["--file", path.as_str()]);
        build = build.args(["--platform", &platforms.join(","), "--build-arg", &epoch]);
        for id in &self.rendered.secrets {
            build = build.args(["--secret", &format!("id={id},src=FILE")]);
        }
        if self.rendered.ssh {
            build = build.args(["--ssh", "default"]);
        }
        if let Some(reference) = self.recipe.references.first() {
            build = build.args(["--tag", reference]);
        }
        build.args([self.recipe.context.as_str()]).short()
    }
}

/// The Dockerfiles that a call asks for, before they are text.
struct Recipes {
    config: Config,
    recipes: Vec<DockerfileRequest>,
}

impl Recipes {
    fn new(
        context: &Context,
        options: &RenderOptions,
        engine: Frontend,
        caching: Caching,
        bases: &[BaseFrom],
    ) -> Result<Self, Error> {
        let config = context.config(options.build.config.as_ref())?;
        let request = request(context, &options.build)?;
        let projects: Projects = context.projects(&config, &request, WithoutTools::ReadManifests)?;
        let mut inputs = DockerfileInputs::read(&config).map_err(usage)?;
        // A base that is given takes the place of what the lock file pins.
        inputs.digests.retain(|name, _| !bases.iter().any(|base| base.name == *name));
        let mut settings = DockerfileSettings::default();
        settings.mode = options.mode;
        settings.engine = engine;
        settings.caching = caching;
        settings.templates = inputs.templates;
        settings.digests = inputs.digests;
        let recipes = dockerfile_requests(&config, &projects, &request, &settings).map_err(usage)?;
        Ok(Self { config, recipes })
    }

    fn render(&self) -> Result<Vec<RenderedDockerfile>, Error> {
        let files = self
            .recipes
            .iter()
            .map(|recipe| Ok(RenderedDockerfile { recipe: recipe.clone(), rendered: recipe.render()? }));
        files.collect::<Result<_, DockerfileError>>().map_err(|error| explained(&error))
    }
}

fn request(context: &Context, build: &BuildOptions) -> Result<Request, Error> {
    let BuildOptions { images, platforms, nodes, network, .. } = build.clone();
    context.request(&BuildOptions {
        images,
        platforms,
        nodes,
        network,
        goal: Goal::Build,
        ..BuildOptions::new()
    })
}

/// What another builder would do is no mistake of the call: something is missing here.
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
