//! The options of a call: which images, platforms and nodes, how they are built, and what is written.

use std::num::NonZeroUsize;

use camino::Utf8PathBuf;
use crossdock_platform::Platform;
use crossdock_project::config::{Config, Source, Sourced};
use crossdock_project::{Network, WrittenPath, seeing_checkout};
use crossdock_runner::engine::Builder;
use crossdock_runner::plan::LoadEngine;
use crossdock_runner::planner::{Archive, Goal, Pack, Request, Tagging};

use crate::context::Context;
use crate::error::{Error, ErrorKind, usage};

/// Options of a call that builds, verifies or tags a project's images. An unset option comes from `CROSSDOCK_*`
/// variables, else from `crossdock.toml`, else from the project itself.
///
/// Fields keep the source of a value, so that an error can name it. The methods name the caller as the source.
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
    /// How far a run goes. The default is [`Goal::Dist`]: build, verify and tag.
    pub goal: Goal,
    /// The configuration file instead of the nearest `crossdock.toml`; relative to the context's directory.
    pub config: Option<Utf8PathBuf>,
    /// Platforms to build for, e.g. `linux/arm64`.
    pub platforms: Vec<Sourced<String>>,
    /// Nodes to verify against, in any vocabulary: `m7g.large`, `linux/arm64`, or `deploy:NAME` of the configuration.
    pub nodes: Vec<Sourced<String>>,
    /// Names of the images; all images if empty.
    pub images: Vec<Sourced<String>>,
    /// The commit since which an image's inputs must have changed for it to be built: a branch, a tag or any other revision
    /// of git. If `None`, every image is built.
    pub since: Option<String>,
    /// Whether Go programs are built with cgo; as configured if `None`.
    pub cgo: Option<Sourced<bool>>,
    /// The directory that layouts are written to; relative to the context's directory.
    pub output: Option<Sourced<Utf8PathBuf>>,
    /// Tag templates.
    pub tags: Vec<Sourced<String>>,
    /// Whether images get tags.
    pub tagging: Tagging,
    /// The repository; with several images their names are appended.
    pub repository: Option<Sourced<String>>,
    /// The file that the caller writes the report to; relative to the context's directory. The run does not write it, and
    /// refuses a build that would read it.
    pub metadata_file: Option<Utf8PathBuf>,
    /// Whether to write an archive next to each layout.
    pub archive: Archive,
    /// Whether to write release archives of the programs.
    pub pack: Pack,
    /// The engine that receives the finished image.
    pub load: Option<LoadEngine>,
    /// The cluster of kind whose nodes receive the finished image.
    pub cluster: Option<KindCluster>,
    /// The engine that builds; crossdock itself if `None`.
    pub builder: Option<Sourced<Builder>>,
    /// Options for the engine that builds.
    pub engine: EngineOptions,
    /// The number of jobs of a compiler; the compiler's own default if `None`.
    pub jobs: Option<Sourced<usize>>,
    /// Whether tools may reach the network.
    pub network: Network,
    /// Whether the lock file of base images may be extended.
    pub locking: Locking,
    /// How the registries of base images are reached.
    #[cfg(feature = "registry")]
    pub registry: crate::client::RegistryOptions,
    /// The host to plan for instead of this machine: a platform, or a file that describes a host. Such a plan is for
    /// inspection: [`execute`](crate::execute()) refuses the plan of another platform.
    pub host: Option<String>,
}

/// The treatment of a base image that the lock file does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locking {
    /// Its tag is looked up, and the digest is added to the lock file.
    #[default]
    Extend,
    /// It is an error, so that nothing changes unnoticed.
    Locked,
    /// Its tag is looked up, and the lock file stays as it is: for what is only shown.
    Keep,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            goal: Goal::Dist,
            config: None,
            platforms: Vec::new(),
            nodes: Vec::new(),
            images: Vec::new(),
            since: None,
            cgo: None,
            output: None,
            tags: Vec::new(),
            tagging: Tagging::default(),
            repository: None,
            metadata_file: None,
            archive: Archive::None,
            pack: Pack::None,
            load: None,
            cluster: None,
            builder: None,
            engine: EngineOptions::default(),
            jobs: None,
            network: Network::Online,
            locking: Locking::default(),
            #[cfg(feature = "registry")]
            registry: crate::client::RegistryOptions::default(),
            host: None,
        }
    }
}

fn from_caller<T>(field: &str, value: T) -> Sourced<T> {
    Sourced::new(value, Source::Caller(field.to_owned()))
}

fn each_from_caller(
    field: &str,
    values: impl IntoIterator<Item = impl Into<String>>,
) -> Vec<Sourced<String>> {
    values.into_iter().map(|value| from_caller(field, value.into())).collect()
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
        Self { platforms: each_from_caller("platforms", platforms), ..self }
    }

    /// Chooses the nodes to verify against.
    #[must_use]
    pub fn nodes(self, nodes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { nodes: each_from_caller("nodes", nodes), ..self }
    }

    /// Chooses the images.
    #[must_use]
    pub fn images(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { images: each_from_caller("images", names), ..self }
    }

    /// Leaves out the images whose inputs have not changed since a commit.
    #[must_use]
    pub fn since(self, revision: impl Into<String>) -> Self {
        Self { since: Some(revision.into()), ..self }
    }

    /// Chooses whether Go programs are built with cgo.
    #[must_use]
    pub fn cgo(self, cgo: bool) -> Self {
        Self { cgo: Some(from_caller("cgo", cgo)), ..self }
    }

    /// Chooses the directory that layouts are written to.
    #[must_use]
    pub fn output(self, directory: impl Into<Utf8PathBuf>) -> Self {
        Self { output: Some(from_caller("output", directory.into())), ..self }
    }

    /// Chooses the tag templates.
    #[must_use]
    pub fn tags(self, templates: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { tags: each_from_caller("tags", templates), ..self }
    }

    /// Gives images no tags: they are reached by their digests.
    #[must_use]
    pub fn untagged(self) -> Self {
        Self { tagging: Tagging::None, ..self }
    }

    /// Names the file that the caller writes the report to, which no build may read.
    #[must_use]
    pub fn metadata_file(self, file: impl Into<Utf8PathBuf>) -> Self {
        Self { metadata_file: Some(file.into()), ..self }
    }

    /// Chooses the repository.
    #[must_use]
    pub fn repository(self, repository: impl Into<String>) -> Self {
        Self { repository: Some(from_caller("repository", repository.into())), ..self }
    }

    /// Chooses the engine that builds.
    #[must_use]
    pub fn builder(self, builder: Builder) -> Self {
        Self { builder: Some(from_caller("builder", builder)), ..self }
    }

    /// Chooses the number of jobs of a compiler.
    #[must_use]
    pub fn jobs(self, jobs: NonZeroUsize) -> Self {
        Self { jobs: Some(from_caller("jobs", jobs.get())), ..self }
    }

    /// Forbids to extend the lock file of base images.
    #[must_use]
    pub fn locked(self) -> Self {
        Self { locking: Locking::Locked, ..self }
    }

    /// Forbids tools to use the network.
    #[must_use]
    pub fn offline(self) -> Self {
        Self { network: Network::Offline, ..self }
    }

    /// Chooses the host to plan for.
    #[must_use]
    pub fn host(self, host: impl Into<String>) -> Self {
        Self { host: Some(host.into()), ..self }
    }
}

/// Options for the engine that builds, in the syntax that docker, podman and buildx share. They are checked before the
/// engine receives them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineOptions {
    /// Base images from OCI layouts instead of a registry: `NAME=oci:PATH` or `NAME=oci:PATH:TAG`.
    pub base_from: Vec<String>,
    /// Build arguments: `NAME=VALUE`, or `NAME` with the value of the environment variable.
    pub build_args: Vec<String>,
    /// Secrets: `id=NAME,src=FILE` or `id=NAME,env=VARIABLE`.
    pub secrets: Vec<String>,
    /// SSH agents: `default`, or `ID=SOCKET`.
    pub ssh: Vec<String>,
    /// Build caches to read, e.g. `type=local,src=DIRECTORY`.
    pub cache_from: Vec<String>,
    /// Build caches to write.
    pub cache_to: Vec<String>,
}

impl Context {
    /// Reads the configuration that the call or the environment names, else the nearest one.
    pub(crate) fn config(&self, named: Option<&Utf8PathBuf>) -> Result<Config, Error> {
        let named = named.or(self.overrides.config.as_ref().map(|config| &config.value));
        match named {
            Some(file) => Config::read(&self.environment.directory.join(file)),
            None => Config::find(&self.environment.directory),
        }
        .map_err(usage)
    }

    /// Returns the network setting of a call, which `CROSSDOCK_OFFLINE` can only restrict.
    pub(crate) fn network(&self, chosen: Network) -> Network {
        let offline = self.overrides.offline.as_ref().is_some_and(|offline| offline.value);
        if offline { Network::Offline } else { chosen }
    }

    /// Returns the planner's request: the options of a call, completed by those of the environment. It has no engine yet.
    pub(crate) fn request(&self, options: &BuildOptions) -> Result<Request, Error> {
        let overrides = &self.overrides;
        let directory = &self.environment.directory;
        let or = |given: &[Sourced<String>], fallback: &[Sourced<String>]| {
            if given.is_empty() { fallback.to_vec() } else { given.to_vec() }
        };
        let output = options.output.clone().or_else(|| overrides.output.clone());
        let mut request = Request::new(self.network(options.network), self.cache_directory()?.to_owned());
        request.goal = options.goal;
        request.platforms = or(&options.platforms, &overrides.platforms);
        request.nodes = or(&options.nodes, &overrides.nodes);
        request.images = or(&options.images, &overrides.images);
        request.cgo.clone_from(&options.cgo);
        request.output = output.map(|path| path.map(|path| directory.join(path)));
        request.tags = or(&options.tags, &overrides.tags);
        request.tagging = options.tagging;
        request.repository = options.repository.clone().or_else(|| overrides.repository.clone());
        request.metadata_file = options.metadata_file.as_ref().map(|file| directory.join(file));
        request.metadata_file_seen_in = request.metadata_file.as_ref().and_then(|file| {
            seeing_checkout(file, WrittenPath::File, &self.processes).map(ToOwned::to_owned)
        });
        request.archive = options.archive;
        request.pack = options.pack;
        request.load = options.load.map(|engine| self.server(engine)).transpose()?;
        request.cluster = options.cluster.as_ref().map(|cluster| self.kind_cluster(cluster)).transpose()?;
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

    /// Returns an engine that answers and the platform of its server: the chosen one, else docker or podman.
    pub(crate) fn engine_at_hand(&self, chosen: Option<LoadEngine>) -> Result<(LoadEngine, Platform), Error> {
        if let Some(engine) = chosen {
            return self.server(engine);
        }
        self.server(LoadEngine::Docker).or_else(|docker| {
            self.server(LoadEngine::Podman).map_err(|podman| {
                let message =
                    format!("no container engine answers: {}\n{}", docker.message(), podman.message());
                Error::from_message(ErrorKind::Missing, message)
                    .hint("start docker or podman; `doctor` lists how to install one")
            })
        })
    }

    /// Queries the platform of an engine's server, which may differ from the client's.
    fn server(&self, engine: LoadEngine) -> Result<(LoadEngine, Platform), Error> {
        let platform = crate::container_engine::server_platform(self, engine).map_err(|error| {
            error.hint(format!(
                "--load {} needs a running engine; start it, or omit the option",
                engine.as_str()
            ))
        })?;
        Ok((engine, platform))
    }
}

/// A cluster of kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KindCluster {
    /// Its name; `KIND_CLUSTER_NAME`, else `kind`, if `None`.
    pub name: Option<String>,
}
