//! Finds out everything that a plan is made of: configuration, programs, host, git and engine, all at once.

use std::collections::BTreeSet;
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::Platform;
use crossdock_project::config::{Config, ImageConfig, Linkage, Sourced};
use crossdock_project::{
    self as project, DiscoverOptions, Network, Project, ProjectError, ProjectsOptions, WithoutTools,
};
use crossdock_runner::planner::{Goal, Pack, Projects, Request, programs};
use crossdock_toolchain::host::{Host, Needs, Probe, detect, remedies};

use crate::context::Context;
use crate::error::{Error, ErrorKind, missing, usage};
use crate::options::BuildOptions;

/// The configuration, the projects with their programs, and the machine, as [`discover`] found them.
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
    /// Its name, which is the name of its file.
    pub name: String,
    /// The package that it is built from: a Cargo package, or an import path of Go.
    pub package: String,
}

impl Discovered {
    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the machine that builds, and the tools that were found on it.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the programs that the chosen images contain, sorted.
    ///
    /// # Errors
    /// An image names a program that its project does not have, or which of several is meant is not decided.
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

/// Reads the configuration, and asks the projects' own tools (cargo, go, git), this machine and, if one builds, the
/// engine. It changes nothing.
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
/// The configuration is wrong, there is no project, or one of its tools is missing or failed.
pub fn discover(context: &Context, options: &BuildOptions) -> Result<Discovered, Error> {
    let config = context.config(options.config.as_ref())?;
    let mut request = context.request(options)?;
    // Verifying and tagging use what was built, so they need no engine.
    if matches!(options.goal, Goal::Build | Goal::Dist) {
        request.engine = context.engine(options, &config)?;
    }
    let (projects, host) = context.ask_tools(&config, &request, options.host.as_deref())?;
    Ok(Discovered { config, projects, host, request })
}

/// Asks the tools and the engine again after this machine has changed. `rustup` says whether adding targets failed.
pub(crate) fn discover_again(
    context: &Context,
    found: Discovered,
    rustup: Rustup,
) -> Result<Discovered, Error> {
    let Discovered { config, mut request, .. } = found;
    if let Some(asked) = &mut request.engine {
        context.ask_again(asked);
    }
    let (projects, mut host) = context.ask_tools(&config, &request, None)?;
    if rustup == Rustup::Unreachable {
        host = host.without_rustup_server();
    }
    Ok(Discovered { config, projects, host, request })
}

/// Whether rustup can add targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rustup {
    /// Nothing says that it cannot.
    Reachable,
    /// It was tried and failed.
    Unreachable,
}

/// A configuration that was read, and the programs that it means.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CheckedConfig {
    /// The configuration.
    pub config: Config,
    /// The programs of each image, as far as the projects' files tell them; `None` if no project could be read.
    pub programs: Option<Vec<FoundProgram>>,
}

/// Reads the configuration and checks, without the network, that its images name programs that exist. Projects that
/// cannot be read are skipped with a note.
///
/// # Errors
/// The configuration is wrong, or an image names a program that its project does not have.
pub fn check_config(context: &Context, options: &BuildOptions) -> Result<CheckedConfig, Error> {
    let config = context.config(options.config.as_ref())?;
    let mut projects = Projects::default();
    for folder in config.project_directories(&BTreeSet::new()) {
        let images = config.images.iter().filter(|image| image.path.value == folder);
        let discovery = DiscoverOptions::for_images(images, Network::Offline);
        // Only files: a tool runs what the project names, and this command is for looking at a foreign project.
        match project::read_manifests(&folder, &discovery, &context.environment) {
            Ok(project) => drop(projects.projects.insert(folder, project)),
            Err(error) => context.warn(&format!("the programs of {folder} are not checked: {error}")),
        }
    }
    if projects.projects.is_empty() {
        return Ok(CheckedConfig { config, programs: None });
    }
    let readable = |image: &&ImageConfig| projects.projects.contains_key(&image.path.value);
    let images = config.images.iter().filter(readable).map(|image| Sourced::clone(&image.name)).collect();
    let options = BuildOptions { goal: Goal::Build, ..options.clone() };
    let mut request = context.request(&options)?;
    request.images = images;
    let programs = Some(found_programs(&config, &projects, &request)?);
    Ok(CheckedConfig { config, programs })
}

impl Context {
    /// Asks the projects' tools and the host's, all at once.
    fn ask_tools(
        &self,
        config: &Config,
        request: &Request,
        host: Option<&str>,
    ) -> Result<(Projects, Host), Error> {
        // An engine brings the projects' tools too.
        let without_tools = match request.engine {
            Some(_) => WithoutTools::ReadManifests,
            None => WithoutTools::Fail,
        };
        // An engine brings its own compilers: none of this machine's is asked.
        let needs = match request.engine {
            Some(_) => Needs::default(),
            None => needs(config, &config.project_directories(&names(&request.images))),
        };
        let (projects, seen) = thread::scope(|scope| {
            let given = scope.spawn(|| match host {
                Some(text) => self.given_host(text),
                None => detect(&self.processes, &needs).map_err(missing),
            });
            (self.projects(config, request, without_tools), given.join())
        });
        let projects = projects?;
        let mut seen = seen.map_err(|_| ended_early())??;
        let dynamic = config.images.iter().any(|image| image.linkage.value == Linkage::Dynamic);
        let wants_c = host_needs_c_compiler(&projects) || dynamic || request.pack == Pack::Releases;
        if request.engine.is_none() && wants_c && !seen.tools.contains_key("zig") && host.is_none() {
            let needs = Needs::default().with_probes([Probe::CCompiler]);
            let more = detect(&self.processes, &needs).map_err(missing)?;
            seen.tools.extend(more.tools);
        }
        Ok((projects, seen))
    }

    /// Asks the projects' tools, all at once.
    pub(crate) fn projects(
        &self,
        config: &Config,
        request: &Request,
        without_tools: WithoutTools,
    ) -> Result<Projects, Error> {
        let mut options = ProjectsOptions::default();
        options.images = names(&request.images);
        options.network = request.network;
        options.without_tools = without_tools;
        let projects = Projects::discover(config, &options, &self.processes)
            .map_err(|refused| at_features(config, &refused.directory, project_error(&refused.error)))?;
        for (folder, program) in &projects.missing_tools {
            self.note(&format!(
                "`{program}` is not here: what {folder} consists of is read from its files alone"
            ));
        }
        Ok(projects)
    }

    fn given_host(&self, text: &str) -> Result<Host, Error> {
        let path = self.environment.directory.join(text);
        if path.is_file() {
            return Host::from_file(&path).map_err(|error| Error::new(ErrorKind::Usage, &error));
        }
        let platform = Platform::parse(text).map_err(|error| {
            Error::new(ErrorKind::Usage, &error)
                .hint("--host takes a platform, as darwin/arm64, or a file that describes a host")
        })?;
        Ok(Host::hypothetical(&platform))
    }
}

fn ended_early() -> Error {
    Error::from_message(
        ErrorKind::InputOutput,
        "a thread that asked the project's tools ended early; please report this",
    )
}

fn names(images: &[Sourced<String>]) -> BTreeSet<String> {
    images.iter().map(|image| image.value.clone()).collect()
}

/// What the host is asked, as far as files tell it before any tool has answered.
fn needs(config: &Config, folders: &BTreeSet<Utf8PathBuf>) -> Needs {
    let with = |manifests: &[&str]| -> BTreeSet<Utf8PathBuf> {
        let holds = |folder: &Utf8Path| manifests.iter().any(|manifest| folder.join(manifest).is_file());
        let has = |folder: &&Utf8PathBuf| folder.ancestors().any(holds);
        folders.iter().filter(has).cloned().collect()
    };
    let routes = config.images.iter().any(|image| !image.toolchain.is_empty());
    Needs::default()
        .with_rust(with(&["Cargo.toml"]))
        .with_go(with(&["go.mod", "go.work"]))
        .with_probes(routes.then_some(Probe::Distribution))
}

/// Whether anything is compiled from C.
fn host_needs_c_compiler(projects: &Projects) -> bool {
    projects.projects.values().any(|project| match project {
        Project::Rust(workspace) => workspace.packages.iter().any(|package| !package.native_code.is_empty()),
        Project::Go(module) => module.mains.iter().any(|main| !main.cgo_packages.is_empty()),
    })
}

pub(crate) fn project_error(error: &ProjectError) -> Error {
    let (kind, commands): (ErrorKind, Vec<String>) = match error {
        ProjectError::NoTool { program, .. } => {
            let remedies = remedies::install(program, &crossdock_toolchain::host::current_system());
            (ErrorKind::Missing, remedies.iter().map(ToString::to_string).collect())
        }
        ProjectError::Tool(tool) => match crossdock_toolchain::host::missing_toolchain(tool) {
            Some(install) => (ErrorKind::Missing, vec![install.to_string()]),
            None => (ErrorKind::Program, Vec::new()),
        },
        ProjectError::Answer { .. } => (ErrorKind::Program, Vec::new()),
        ProjectError::Panicked { .. } => (ErrorKind::InputOutput, Vec::new()),
        _ => (ErrorKind::Usage, Vec::new()),
    };
    let hints = commands.iter().map(|command| format!("what brings it: {command}"));
    hints.fold(Error::new(kind, error), Error::hint)
}

/// Cargo names a feature that a package has not; who asked for it stands in the configuration.
fn at_features(config: &Config, folder: &Utf8Path, error: Error) -> Error {
    let images = config.images.iter().filter(|image| image.path.value == *folder);
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
