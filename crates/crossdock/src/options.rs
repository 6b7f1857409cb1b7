//! What a call may choose: which images, platforms and nodes, how they are built, and what is written.

use std::num::NonZeroUsize;

use camino::Utf8PathBuf;
use crossdock_platform::Platform;
use crossdock_project::Network;
use crossdock_project::config::{Config, Source, Sourced};
use crossdock_runner::engine::Builder;
use crossdock_runner::plan::LoadEngine;
use crossdock_runner::planner::{Archive, Goal, Pack, Request};
use crossdock_system::process::Command;

use crate::context::Context;
use crate::error::{Error, ErrorKind, usage};

/// Choices of a call that builds, verifies or tags a project's images. What is not chosen comes from `CROSSDOCK_*`
/// variables, then from `crossdock.toml`, then from the project itself.
///
/// Fields keep who chose a value, so that an error can name it; the methods note the caller.
///
/// ```
/// use crossdock::BuildOptions;
///
/// let options = BuildOptions::new().platforms(["linux/amd64", "linux/arm64"]).output("/srv/images");
/// assert_eq!(options.platforms.len(), 2);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BuildOptions {
    /// How far a run goes. [`Goal::Dist`] unless chosen: build, verify and tag.
    pub goal: Goal,
    /// The configuration file instead of the nearest `crossdock.toml`; relative to the context's directory.
    pub config: Option<Utf8PathBuf>,
    /// Platforms to build for, as `linux/arm64`.
    pub platforms: Vec<Sourced<String>>,
    /// Nodes to verify against, in any vocabulary: `m7g.large`, `linux/arm64`, or `deploy:NAME` of the configuration.
    pub nodes: Vec<Sourced<String>>,
    /// Names of the images; all if empty.
    pub images: Vec<Sourced<String>>,
    /// The directory that layouts are written to; relative to the context's directory.
    pub output: Option<Sourced<Utf8PathBuf>>,
    /// Tag templates.
    pub tags: Vec<Sourced<String>>,
    /// The repository; with several images their names are appended.
    pub repository: Option<Sourced<String>>,
    /// Whether an archive is written next to each layout.
    pub archive: Archive,
    /// Whether release archives of the programs are written.
    pub pack: Pack,
    /// The engine that receives the finished image.
    pub load: Option<LoadEngine>,
    /// The engine that builds; crossdock itself if `None`.
    pub builder: Option<Sourced<Builder>>,
    /// Options for the engine that builds.
    pub engine: EngineOptions,
    /// The number of things that a compiler may do at once; its own choice if `None`.
    pub jobs: Option<Sourced<usize>>,
    /// Whether tools may reach the network.
    pub network: Network,
    /// The machine to plan for instead of this one: a platform, or a file that describes a host. Such a plan can be
    /// looked at and not executed.
    pub host: Option<String>,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            goal: Goal::Dist,
            config: None,
            platforms: Vec::new(),
            nodes: Vec::new(),
            images: Vec::new(),
            output: None,
            tags: Vec::new(),
            repository: None,
            archive: Archive::None,
            pack: Pack::None,
            load: None,
            builder: None,
            engine: EngineOptions::default(),
            jobs: None,
            network: Network::Online,
            host: None,
        }
    }
}

fn of_caller<T>(field: &str, value: T) -> Sourced<T> {
    Sourced::new(value, Source::Caller(field.to_owned()))
}

fn each_of_caller(field: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Vec<Sourced<String>> {
    values.into_iter().map(|value| of_caller(field, value.into())).collect()
}

impl BuildOptions {
    /// Returns the options that choose nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses how far a run goes.
    #[must_use]
    pub fn goal(self, goal: Goal) -> Self {
        Self { goal, ..self }
    }

    /// Chooses the configuration file.
    #[must_use]
    pub fn config(self, file: impl Into<Utf8PathBuf>) -> Self {
        Self { config: Some(file.into()), ..self }
    }

    /// Chooses the platforms to build for.
    #[must_use]
    pub fn platforms(self, platforms: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { platforms: each_of_caller("platforms", platforms), ..self }
    }

    /// Chooses the nodes to verify against.
    #[must_use]
    pub fn nodes(self, nodes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { nodes: each_of_caller("nodes", nodes), ..self }
    }

    /// Chooses the images.
    #[must_use]
    pub fn images(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { images: each_of_caller("images", names), ..self }
    }

    /// Chooses the directory that layouts are written to.
    #[must_use]
    pub fn output(self, directory: impl Into<Utf8PathBuf>) -> Self {
        Self { output: Some(of_caller("output", directory.into())), ..self }
    }

    /// Chooses the tag templates.
    #[must_use]
    pub fn tags(self, templates: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { tags: each_of_caller("tags", templates), ..self }
    }

    /// Chooses the repository.
    #[must_use]
    pub fn repository(self, repository: impl Into<String>) -> Self {
        Self { repository: Some(of_caller("repository", repository.into())), ..self }
    }

    /// Chooses the engine that builds.
    #[must_use]
    pub fn builder(self, builder: Builder) -> Self {
        Self { builder: Some(of_caller("builder", builder)), ..self }
    }

    /// Chooses the number of things that a compiler may do at once.
    #[must_use]
    pub fn jobs(self, jobs: NonZeroUsize) -> Self {
        Self { jobs: Some(of_caller("jobs", jobs.get())), ..self }
    }

    /// Lets no tool reach the network.
    #[must_use]
    pub fn offline(self) -> Self {
        Self { network: Network::Offline, ..self }
    }

    /// Chooses the machine to plan for.
    #[must_use]
    pub fn host(self, host: impl Into<String>) -> Self {
        Self { host: Some(host.into()), ..self }
    }
}

/// Options for the engine that builds, in the syntax that docker, podman and buildx share. They are checked before an
/// engine sees them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineOptions {
    /// Base images from OCI layouts instead of a registry: `NAME=oci:PATH` or `NAME=oci:PATH:TAG`.
    pub base_from: Vec<String>,
    /// Build arguments: `NAME=VALUE`.
    pub build_args: Vec<String>,
    /// Secrets: `id=NAME,src=FILE` or `id=NAME,env=VARIABLE`.
    pub secrets: Vec<String>,
    /// SSH agents: `default`, or `ID=SOCKET`.
    pub ssh: Vec<String>,
    /// Caches that are read, as `type=local,src=DIRECTORY`.
    pub cache_from: Vec<String>,
    /// Caches that are written.
    pub cache_to: Vec<String>,
}

impl Context {
    /// Reads the configuration that a call or the environment names, else the nearest.
    pub(crate) fn config(&self, named: Option<&Utf8PathBuf>) -> Result<Config, Error> {
        let named = named.or(self.overrides.config.as_ref().map(|config| &config.value));
        match named {
            Some(file) => Config::read(&self.environment.directory.join(file)),
            None => Config::find(&self.environment.directory),
        }
        .map_err(usage)
    }

    /// The network setting of a call, which `CROSSDOCK_OFFLINE` can only restrict.
    pub(crate) fn network(&self, asked: Network) -> Network {
        match self.overrides.offline.as_ref().is_some_and(|offline| offline.value) {
            true => Network::Offline,
            false => asked,
        }
    }

    /// The planner's request: the options of a call over those of the environment. It names no engine yet.
    pub(crate) fn request(&self, options: &BuildOptions) -> Result<Request, Error> {
        let overrides = &self.overrides;
        let directory = &self.environment.directory;
        let or = |given: &[Sourced<String>], fallback: &[Sourced<String>]| match given.is_empty() {
            true => fallback.to_vec(),
            false => given.to_vec(),
        };
        let output = options.output.clone().or_else(|| overrides.output.clone());
        let mut request = Request::new(self.network(options.network), self.cache.clone());
        request.goal = options.goal;
        request.platforms = or(&options.platforms, &overrides.platforms);
        request.nodes = or(&options.nodes, &overrides.nodes);
        request.images = or(&options.images, &overrides.images);
        request.output = output.map(|path| path.map(|path| directory.join(path)));
        request.tags = or(&options.tags, &overrides.tags);
        request.repository = options.repository.clone().or_else(|| overrides.repository.clone());
        request.archive = options.archive;
        request.pack = options.pack;
        request.load = options.load.map(|engine| self.server(engine)).transpose()?;
        request.jobs = options.jobs.clone().or_else(|| overrides.jobs.clone());
        request.source_date_epoch = self.source_date_epoch()?;
        request.remapped = self.cargo_home().map(|home| (home, "/cargo".to_owned())).into_iter().collect();
        request.variables = self.environment.variables.clone();
        Ok(request)
    }

    fn cargo_home(&self) -> Option<Utf8PathBuf> {
        let own = self.environment.get("CARGO_HOME").map(|home| self.environment.directory.join(home));
        own.or_else(|| Some(self.environment.home()?.join(".cargo")))
    }

    /// Asks an engine for the platform of its server: the client may run on another one.
    fn server(&self, engine: LoadEngine) -> Result<(LoadEngine, Platform), Error> {
        let (verb, format) = match engine {
            LoadEngine::Docker => ("version", "{{.Server.Os}}/{{.Server.Arch}}"),
            LoadEngine::Podman => ("info", "{{.Version.OsArch}}"),
        };
        let asked = Command::new(engine.as_str(), self.environment.directory.clone())
            .args([verb, "--format", format]);
        let answer = self.processes.stdout(&asked).map_err(|error| {
            Error::new(ErrorKind::Missing, &error).hint(format!(
                "--load {} hands the image to a running engine; start it, or leave the option out",
                engine.as_str()
            ))
        })?;
        let platform =
            Platform::parse(answer.trim()).map_err(|error| Error::new(ErrorKind::Program, &error))?;
        Ok((engine, platform.normalized()))
    }
}
