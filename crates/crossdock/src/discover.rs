//! Discovers the input of a plan: configuration, programs, host, git and engine.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::Platform;
use crossdock_project::config::{BaseImage, Config, ImageConfig, Linkage, RenderedConfig, Sourced};
use crossdock_project::{
    self as project, DiscoverOptions, Network, Project, ProjectError, ProjectsOptions, ToolError,
    WithoutTools,
};
use crossdock_runner::plan::ResolvedBase;
use crossdock_runner::planner::{
    Goal, Pack, Projects, Request, programs, project_platforms, template_values,
};
use crossdock_system::process::ProcessError;
use crossdock_toolchain::host::{Needs, Probe, detect, remedies};

pub use crossdock_toolchain::host::Host;

use crate::cache::ANSWERS;
use crate::context::Context;
use crate::error::{Error, ErrorKind, missing, usage};
use crate::options::BuildOptions;

/// The configuration, the projects with their programs, and the host, as found by [`discover`].
#[derive(Debug, Clone)]
pub struct Discovered {
    pub(crate) config: Config,
    pub(crate) projects: Projects,
    pub(crate) host: Host,
    pub(crate) request: Request,
}

/// A program of a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct FoundProgram {
    /// The image that contains it.
    pub image: String,
    /// Its name, which is also its file name.
    pub name: String,
    /// The package it is built from: a Cargo package, or a Go import path.
    pub package: String,
}

impl Discovered {
    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the host: the machine that builds, and the tools found on it.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns whether an image is built on a base image of a registry.
    pub fn has_registry_bases(&self) -> bool {
        self.request.bases.iter().any(|base| matches!(base.base, BaseImage::Registry(_)))
    }

    /// Returns the programs that the chosen images contain, sorted.
    ///
    /// # Errors
    /// An image names a program that its project does not have, or the choice among several programs is ambiguous.
    pub fn programs(&self) -> Result<Vec<FoundProgram>, Error> {
        found_programs(&self.config, &self.projects, &self.request)
    }
}

fn found_programs(
    config: &Config,
    projects: &Projects,
    request: &Request,
) -> Result<Vec<FoundProgram>, Error> {
    let found = programs(config, projects, request).map_err(usage)?;
    Ok(found
        .into_iter()
        .map(|found| FoundProgram { image: found.image, name: found.name, package: found.package })
        .collect())
}

/// Returns the configuration with the values of the templates of the chosen images, if the call builds them.
pub(crate) fn rendered(
    config: &Config,
    projects: &Projects,
    request: &Request,
) -> Result<RenderedConfig, Error> {
    let values = || template_values(config, projects, request).map_err(usage);
    let rendered = match request.goal {
        Goal::Build | Goal::Dist => config.rendered(&values()?),
        // These take an image as it was built. A later commit or another environment may lack its values.
        Goal::Verify => config.rendered(&BTreeMap::new()),
        // The version and commit of the image are compared with those of the plan.
        Goal::Tag => config.clone().with_known_annotations(&values()?).rendered(&BTreeMap::new()),
    };
    rendered.map_err(usage)
}

/// Reads the configuration, and queries the projects' own tools (cargo, go, git), the host and, if one builds, the
/// container engine. A base image that `crossdock.lock` does not have is looked up and added; nothing else is changed.
///
/// ```
/// use crossdock::{BuildOptions, discover};
///
/// # let (_directory, context) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/example.rs"))?;
/// let programs = discover(&context, &BuildOptions::new())?.programs()?;
/// assert_eq!((programs[0].name.as_str(), programs[0].image.as_str()), ("hello", "hello"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The configuration is invalid, no project exists, or one of its tools is missing or failed.
pub fn discover(context: &Context, options: &BuildOptions) -> Result<Discovered, Error> {
    context.unless_cancelled(|| {
        let config = context.config(options.config.as_ref())?;
        let mut request = context.request(options)?;
        // Verifying and tagging use what was built, so they need no engine.
        if matches!(options.goal, Goal::Build | Goal::Dist) {
            request.engine = context.engine(options, &config)?;
        }
        if matches!(options.goal, Goal::Build | Goal::Dist) {
            request.bases = context.bases(&config, &request, options)?;
        }
        let (projects, host) = context.query_tools(&config, &request, options.host.as_deref())?;
        if let Some(revision) = &options.since {
            let values = rendered(&config, &projects, &request)?;
            let since = crate::since::compare(context, &config, &values, &projects, &request, revision)?;
            request.since = Some(since);
        }
        Ok(Discovered { config, projects, host, request })
    })
}

/// Discovers again after an installation has changed the host. The configuration is kept.
pub(crate) fn discover_again(
    context: &Context,
    found: Discovered,
    rustup: Rustup,
) -> Result<Discovered, Error> {
    let Discovered { config, mut request, .. } = found;
    if let Some(engine) = &mut request.engine {
        context.query_engine(engine);
    }
    let (projects, mut host) = context.query_tools(&config, &request, None)?;
    if rustup == Rustup::Unreachable {
        host = host.without_rustup_server();
    }
    Ok(Discovered { config, projects, host, request })
}

/// Whether rustup can download targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rustup {
    /// No attempt has failed.
    Reachable,
    /// An attempt failed.
    Unreachable,
}

/// A configuration and the programs of its images.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CheckedConfig {
    /// The configuration.
    pub config: Config,
    /// The programs of each image, as far as the projects' manifests list them; `None` if no project is readable.
    pub programs: Option<Vec<FoundProgram>>,
}

/// Reads the configuration and checks, without the network, that its images name existing programs. Unreadable
/// projects are skipped with a warning.
///
/// # Errors
/// The configuration is invalid, or an image names a program that its project does not have.
pub fn check_config(context: &Context, options: &BuildOptions) -> Result<CheckedConfig, Error> {
    context.unless_cancelled(|| {
        let config = context.config(options.config.as_ref())?;
        let options = BuildOptions { goal: Goal::Build, ..options.clone() };
        let mut request = context.request(&options)?;
        let platforms = project_platforms(&config, &request).map_err(usage)?;
        let mut projects = Projects::default();
        for directory in config.project_directories(&BTreeSet::new()) {
            let images = config.images.iter().filter(|image| image.path.value == directory);
            let mut discovery = DiscoverOptions::for_images(images, Network::Offline);
            if let Some(platforms) = platforms.get(&directory) {
                discovery.platforms.clone_from(platforms);
            }
            // Only manifests are read: a tool would run what the project names, and this command must be safe in a foreign
            // project.
            match project::read_manifests(&directory, &discovery, &context.environment) {
                Ok(project) => drop(projects.projects.insert(directory, project)),
                Err(error) => context.warn(&format!("the programs of {directory} are not checked: {error}")),
            }
        }
        if projects.projects.is_empty() {
            return Ok(CheckedConfig { config, programs: None });
        }
        let readable = |image: &&ImageConfig| projects.projects.contains_key(&image.path.value);
        let images = config.images.iter().filter(readable).map(|image| Sourced::clone(&image.name)).collect();
        request.images = images;
        let programs = Some(found_programs(&config, &projects, &request)?);
        Ok(CheckedConfig { config, programs })
    })
}

impl Context {
    /// Looks up the base images that are not built in.
    #[cfg(feature = "registry")]
    pub(crate) fn bases(
        &self,
        config: &Config,
        request: &Request,
        options: &BuildOptions,
    ) -> Result<Vec<ResolvedBase>, Error> {
        crate::base::resolve(self, config, request, options)
    }

    /// Finds no base images: without a client of registries there are only the built-in ones.
    #[cfg(not(feature = "registry"))]
    pub(crate) fn bases(
        &self,
        _: &Config,
        _: &Request,
        _: &BuildOptions,
    ) -> Result<Vec<ResolvedBase>, Error> {
        Ok(Vec::new())
    }

    /// Queries the projects' tools and the host at the same time.
    fn query_tools(
        &self,
        config: &Config,
        request: &Request,
        host: Option<&str>,
    ) -> Result<(Projects, Host), Error> {
        // An engine brings its own compilers and projects' tools, so this host needs neither.
        let (without_tools, needs) = match request.engine {
            Some(_) => (WithoutTools::ReadManifests, Needs::default()),
            None => (WithoutTools::Fail, needs(config, &config.project_directories(&names(&request.images)))),
        };
        let (projects, host_found) = thread::scope(|scope| {
            let detected = scope.spawn(|| match host {
                Some(text) => self.named_host(text),
                None => detect(&self.processes, &needs).map_err(missing),
            });
            (self.projects(config, request, without_tools), detected.join())
        });
        let projects = projects?;
        let mut found = host_found.map_err(|_| ended_early())??;
        // Detecting C compilers starts processes, so it is done only for projects that need one. zig includes one.
        let dynamic = config.images.iter().any(|image| image.linkage.value == Linkage::Dynamic);
        let wants_c = compiles_c(&projects, config, request) || dynamic || request.pack == Pack::Releases;
        if request.engine.is_none() && wants_c && !found.tools.contains_key("zig") && host.is_none() {
            let needs = Needs::default().with_probes([Probe::CCompiler]);
            let more = detect(&self.processes, &needs).map_err(missing)?;
            found.tools.extend(more.tools);
        }
        Ok((projects, found))
    }

    /// Queries the projects' tools, all at the same time.
    pub(crate) fn projects(
        &self,
        config: &Config,
        request: &Request,
        without_tools: WithoutTools,
    ) -> Result<Projects, Error> {
        let mut options = ProjectsOptions::default();
        options.images = names(&request.images);
        options.platforms = project_platforms(config, request).map_err(usage)?;
        options.network = request.network;
        options.without_tools = without_tools;
        // A cache that others may write is refused, by the execution with an error.
        let cache = self.cache_directory()?;
        let is_own = crossdock_fs::open_cache(cache.as_std_path()).is_ok();
        options.answers = is_own.then(|| cache.join(ANSWERS));
        let projects = Projects::discover(config, &options, &self.processes)
            .map_err(|refused| at_features(config, &refused.directory, project_error(&refused.error)))?;
        for (directory, program) in &projects.missing_tools {
            self.note(&format!(
                "`{program}` was not found: the contents of {directory} are read from its manifests only"
            ));
        }
        Ok(projects)
    }

    fn named_host(&self, text: &str) -> Result<Host, Error> {
        let path = self.environment.directory.join(text);
        if path.is_file() {
            return Host::from_file(&path).map_err(|error| Error::new(ErrorKind::Usage, &error));
        }
        let platform = Platform::parse(text).map_err(|error| {
            Error::new(ErrorKind::Usage, &error)
                .hint("pass --host a platform, e.g. darwin/arm64, or a file that describes a host")
        })?;
        Ok(Host::hypothetical(&platform))
    }
}

fn ended_early() -> Error {
    Error::from_message(ErrorKind::InputOutput, "a thread that detects the host panicked; please report this")
}

fn names(images: &[Sourced<String>]) -> BTreeSet<String> {
    images.iter().map(|image| image.value.clone()).collect()
}

/// Returns what to detect on the host, derived from the files of the projects before any tool has answered.
fn needs(config: &Config, directories: &BTreeSet<Utf8PathBuf>) -> Needs {
    let with = |manifests: &[&str]| -> BTreeSet<Utf8PathBuf> {
        let holds =
            |directory: &Utf8Path| manifests.iter().any(|manifest| directory.join(manifest).is_file());
        let has = |directory: &&Utf8PathBuf| directory.ancestors().any(holds);
        directories.iter().filter(has).cloned().collect()
    };
    let routes = config.images.iter().any(|image| !image.toolchain.is_empty());
    Needs::default()
        .with_rust(with(&["Cargo.toml"]))
        .with_go(with(&["go.mod", "go.work"]))
        .with_probes(routes.then_some(Probe::Distribution))
}

/// Whether any program is compiled with a C compiler. Go uses one only if somebody decided for cgo.
fn compiles_c(projects: &Projects, config: &Config, request: &Request) -> bool {
    let mut decisions = config.images.iter().filter_map(|image| image.cgo.as_ref()).chain(&request.cgo);
    decisions.any(|cgo| cgo.value)
        || projects.projects.values().any(|project| match project {
            Project::Rust(workspace) => {
                workspace.packages.iter().any(|package| !package.native_code.is_empty())
            }
            Project::Go(_) => false,
        })
}

pub(crate) fn project_error(error: &ProjectError) -> Error {
    let (kind, commands): (ErrorKind, Vec<String>) = match error {
        ProjectError::NoTool { program, .. } => {
            let remedies = remedies::install(program, &crossdock_toolchain::host::current_system());
            (ErrorKind::Missing, remedies.iter().map(ToString::to_string).collect())
        }
        // The machine cannot start a tool that is installed: too many open files or processes, no memory.
        ProjectError::Tool(ToolError { process: ProcessError::Start { .. }, .. }) => {
            (ErrorKind::InputOutput, Vec::new())
        }
        ProjectError::Tool(tool) => match crossdock_toolchain::host::missing_toolchain(tool) {
            Some(install) => (ErrorKind::Missing, vec![install.to_string()]),
            None => (ErrorKind::Program, Vec::new()),
        },
        ProjectError::Answer { .. } => (ErrorKind::Program, Vec::new()),
        ProjectError::Panicked { .. } => (ErrorKind::InputOutput, Vec::new()),
        _ => (ErrorKind::Usage, Vec::new()),
    };
    let hints = commands.iter().map(|command| format!("install it with: {command}"));
    hints.fold(Error::new(kind, error), Error::hint)
}

/// Adds where the configuration asks for a feature that cargo does not find: cargo names only the feature.
fn at_features(config: &Config, directory: &Utf8Path, error: Error) -> Error {
    let images = config.images.iter().filter(|image| image.path.value == *directory);
    let named = |image: &&ImageConfig| {
        let quoted = |name: &String| error.message().contains(name.as_str());
        error.message().contains("feature") && image.features.names.iter().any(quoted)
    };
    let places: Vec<String> = images
        .filter(named)
        .filter_map(|image| {
            let place = image.features_at.as_ref()?;
            Some(format!("image `{}` asks for it with `features` at {place}", image.name.value))
        })
        .collect();
    places.into_iter().fold(error, Error::hint)
}
