//! The options of a call.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use crossdock_dockerfile::render::{self, Caching};
use crossdock_platform::Platform;

use crate::engine::{Builder, Engine, Options};
use crate::plan::{Cluster, LoadEngine, ResolvedBase, Since};
use crossdock_project::Network;
use crossdock_project::config::{DockerfileMode, Sourced};
use crossdock_system::availability::{Availability, Unavailable};

/// The last stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goal {
    /// Compile and assemble.
    Build,
    /// Verify an earlier build.
    Verify,
    /// Verify and tag an earlier build.
    Tag,
    /// Build, verify and tag.
    Dist,
}

/// Whether images get tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tagging {
    /// Those of the call, else of the configuration.
    #[default]
    Templates,
    /// None: images are reached by their digests.
    None,
}

/// The options of a call.
///
/// [`Request::new`] asks for everything that the configuration names; set the fields that differ.
///
/// ```
/// use crossdock_project::Network;
/// use crossdock_runner::planner::{Goal, Request};
///
/// let mut request = Request::new(Network::Offline, "/home/me/.cache/crossdock".into());
/// request.goal = Goal::Build;
/// assert!(request.images.is_empty(), "all images of the configuration");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// The last stage.
    pub goal: Goal,
    /// `--platform`: the platforms to build.
    pub platforms: Vec<Sourced<String>>,
    /// `--for`: descriptions of the nodes for which the images are verified.
    pub nodes: Vec<Sourced<String>>,
    /// `--image`: the names of the images; empty for all.
    pub images: Vec<Sourced<String>>,
    /// `--since`: the comparison with a commit. Images that it leaves out are not planned.
    pub since: Option<Since>,
    /// `--cgo`: whether Go programs are built with cgo, whatever the configuration says.
    pub cgo: Option<Sourced<bool>>,
    /// `--output`: the directory of the layouts. Absolute.
    pub output: Option<Sourced<Utf8PathBuf>>,
    /// `--tag`: tag templates instead of the configured ones.
    pub tags: Vec<Sourced<String>>,
    /// Whether images get tags.
    pub tagging: Tagging,
    /// `--repository`: a repository, or a prefix if there are several images.
    pub repository: Option<Sourced<String>>,
    /// `--metadata-file`: the file for the report of the run. Absolute.
    pub metadata_file: Option<Utf8PathBuf>,
    /// The root of the checkout in which git sees that file; `None` if git ignores it.
    pub metadata_file_seen_in: Option<Utf8PathBuf>,
    /// Whether an archive is written next to each layout.
    pub archive: Archive,
    /// `--pack`: whether release archives are written.
    pub pack: Pack,
    /// `--load`: an engine and the platform of its server, which may differ from the host's.
    pub load: Option<(LoadEngine, Platform)>,
    /// `--load kind`: the cluster whose nodes receive the images.
    pub cluster: Option<Cluster>,
    /// `--builder`: the engine that builds; `None` if crossdock builds the images itself.
    pub engine: Option<EngineRequest>,
    /// `--jobs`: the number of jobs of a compiler; `None` for the compiler's own default.
    pub jobs: Option<Sourced<usize>>,
    /// Whether tools may use the network.
    pub network: Network,
    /// The base images that are not built in, as found. One that an image needs and that is not among them is an error.
    pub bases: Vec<ResolvedBase>,
    /// `SOURCE_DATE_EPOCH`, in seconds since the Unix epoch.
    pub source_date_epoch: Option<i64>,
    /// The directory of wrappers and intermediate files. Absolute.
    pub cache: Utf8PathBuf,
    /// Directories whose paths must not be in a Rust program, each with its replacement. CARGO_HOME is one.
    pub remapped: Vec<(Utf8PathBuf, String)>,
    /// The environment variables. Tag templates may read those that the configuration names.
    pub variables: BTreeMap<String, String>,
}

impl Request {
    /// Returns a request for everything that the configuration names and nothing else. `cache` must be absolute.
    pub fn new(network: Network, cache: Utf8PathBuf) -> Self {
        Self {
            goal: Goal::Dist,
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
            metadata_file_seen_in: None,
            archive: Archive::None,
            pack: Pack::None,
            load: None,
            cluster: None,
            engine: None,
            jobs: None,
            network,
            bases: Vec::new(),
            source_date_epoch: None,
            cache,
            remapped: Vec::new(),
            variables: BTreeMap::new(),
        }
    }
}

/// A container engine that builds.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EngineRequest {
    /// The engine, and the source of its name.
    pub builder: Sourced<Builder>,
    /// The engine's own description, or why it has none.
    pub engine: Availability<Engine>,
    /// The name of this machine, by which temporary names in a shared engine differ from those of other machines.
    pub machine: String,
    /// The user's options for the engine.
    pub options: Options,
    /// How Dockerfiles are rendered.
    pub settings: DockerfileSettings,
}

impl EngineRequest {
    /// Returns a request for an engine that was not asked yet: [`engine`](Self::engine) is unavailable until it is set.
    pub fn new(
        builder: Sourced<Builder>,
        machine: String,
        options: Options,
        settings: DockerfileSettings,
    ) -> Self {
        let engine = Availability::Unavailable(Unavailable::because("it was not asked"));
        Self { builder, engine, machine, options, settings }
    }
}

/// How Dockerfiles are rendered. The default is for BuildKit with cache mounts and crossdock's own templates.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DockerfileSettings {
    /// One file for all platforms or one for each; `None` for the image's configuration.
    pub mode: Option<DockerfileMode>,
    /// The builder that will read the file.
    pub engine: render::Engine,
    /// How dependencies are cached if the image's configuration has no setting.
    pub caching: Caching,
    /// The user's own templates by name.
    pub templates: BTreeMap<String, String>,
    /// Digests of base images by name and tag, from the lock file.
    pub digests: BTreeMap<String, String>,
    /// Whether the file has the flags of this machine.
    pub machine_flags: MachineFlags,
}

/// Whether a Dockerfile has the compilers' flags that variables and files of this machine set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MachineFlags {
    /// The file has them: it builds what a build on this machine builds.
    #[default]
    Carried,
    /// The file leaves them out: it is the same on every machine.
    LeftOut,
}

impl Default for DockerfileSettings {
    fn default() -> Self {
        Self {
            mode: None,
            engine: render::Engine::BuildKit,
            caching: Caching::Mounts,
            templates: BTreeMap::new(),
            digests: BTreeMap::new(),
            machine_flags: MachineFlags::default(),
        }
    }
}

/// Whether an archive of an image is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Archive {
    /// No archive.
    #[default]
    None,
    /// `NAME.tar` next to the layout.
    Tar,
}

/// Whether release archives of the programs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Pack {
    /// No release archives.
    #[default]
    None,
    /// One for each platform, with SHA256SUMS. Platforms that run no containers are built too.
    Releases,
}

/// Inputs that tests of the planner start from.
#[cfg(test)]
pub(super) mod testing {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::Request;
    use crossdock_project::config::{Config, Defaults, ImageConfig, Source, Sourced};
    use crossdock_project::{GoMain, GoModule, GoModules, GoRole, Network, Sources};

    /// A value from the command line.
    pub(crate) fn stated<T>(value: T) -> Sourced<T> {
        Sourced::new(value, Source::CommandLine("a test".to_owned()))
    }

    /// The configuration of a project in `/p` without `crossdock.toml`.
    pub(crate) fn config() -> Config {
        Config::unconfigured("/p".into())
    }

    /// An image of the project in `/p`.
    pub(crate) fn image(name: &str) -> ImageConfig {
        ImageConfig::new(stated(name.to_owned()), stated("/p".into()), &Defaults::default())
    }

    /// A Go module `example.com/NAME` in `/p` with its main packages, by their names and directories.
    pub(crate) fn go_module(name: &str, mains: &[(&str, &str)]) -> GoModule {
        let path = format!("example.com/{name}");
        let main = |(name, directory): &(&str, &str)| GoMain {
            name: (*name).to_owned(),
            import_path: format!("example.com/{name}"),
            directory: (*directory).into(),
            module_path: path.clone(),
            module_directory: "/p".into(),
            role: GoRole::Default,
            platforms: BTreeMap::new(),
            packages: Arc::default(),
            embeds: Vec::new(),
        };
        GoModule {
            root: "/p".into(),
            path: path.clone(),
            go_version: None,
            toolchain: None,
            modules: GoModules::default(),
            sources: Sources::default(),
            mains: mains.iter().map(main).collect(),
            inputs: None,
            old_layouts: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// A request for everything.
    pub(crate) fn request() -> Request {
        Request::new(Network::Offline, "/cache".into())
    }
}
