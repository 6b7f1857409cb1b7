//! What every command starts with: the environment, the settings of the call, and from them configuration, projects,
//! host and plan.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::Platform;

use super::arguments::{Building, Color as ColorChoice, EngineName, Global, Selection};
use super::error::{CommandError, Exit};
use super::output;
use crate::config::{Config, Overrides, Source, Sourced};
use crate::environment::{Environment, Terminal};
use crate::execute::{Color, Judging, Settings};
use crate::host::{Also, Host, Needs, detect};
use crate::plan::{Archive, Engine, Goal, Plan, Projects, Request, Target, named_targets, plan};
use crate::process::{Cancel, Command, Processes};
use crate::project::{self, Discovery, Network, Project, ProjectError};
use crate::ui::{Progress, Verbosity};

pub(super) struct Session {
    /// What people call the program: `crossdock`, `cargo xtask`.
    pub(super) name: &'static str,
    pub(super) environment: Arc<Environment>,
    pub(super) cancel: Cancel,
    pub(super) processes: Processes,
    pub(super) cache: Utf8PathBuf,
    pub(super) overrides: Overrides,
    global: Global,
}

impl Session {
    pub(super) fn new(
        name: &'static str,
        global: Global,
        mut environment: Environment,
        cancel: &Cancel,
    ) -> Result<Self, CommandError> {
        if let Some(folder) = &global.directory {
            environment.directory = folder_of(&environment.directory.join(folder))?;
        }
        choose_color(global.color);
        let (overrides, warnings) = Overrides::of_environment(&environment)
            .map_err(|error| CommandError::new(Exit::Usage, &error))?;
        if !global.quiet {
            warnings.iter().for_each(|warning| output::note(warning));
        }
        let cache = environment.cache_directory().ok_or_else(|| {
            CommandError::message(
                Exit::Usage,
                "there is no folder for the cache: neither CROSSDOCK_CACHE_DIR nor HOME is set",
            )
        })?;
        let environment = Arc::new(environment);
        Ok(Self {
            name,
            cancel: cancel.clone(),
            processes: Processes::new(environment.clone(), cancel.clone()),
            environment,
            cache,
            overrides,
            global,
        })
    }

    pub(super) fn json(&self) -> bool {
        self.global.json
    }

    pub(super) fn quiet(&self) -> bool {
        self.global.quiet
    }

    pub(super) fn progress(&self) -> Progress {
        let verbosity = match (self.global.quiet, self.global.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        };
        Progress::new(self.environment.terminal, verbosity)
    }

    pub(super) fn settings(&self, judging: Judging, jobs: Option<usize>) -> Settings {
        let jobs = jobs.or(self.overrides.jobs.as_ref().map(|jobs| jobs.value));
        let processors = || thread::available_parallelism().map_or(1, usize::from);
        let color = match (self.global.color, self.environment.terminal) {
            (ColorChoice::Always, _) => Color::Always,
            (ColorChoice::Auto, Terminal::Interactive) if self.environment.get("NO_COLOR").is_none() => {
                Color::Always
            }
            _ => Color::Never,
        };
        Settings { jobs: jobs.unwrap_or_else(processors), color, cache: self.cache.clone(), judging }
    }

    /// Reads the configuration.
    pub(super) fn config(&self) -> Result<Config, CommandError> {
        let given =
            self.global.config.as_ref().or(self.overrides.config.as_ref().map(|config| &config.value));
        let read = match given {
            Some(file) => Config::read(&self.environment.directory.join(file)),
            None => Config::find(&self.environment.directory),
        };
        read.map_err(|error| CommandError::new(Exit::Usage, &error))
    }

    /// Plans what a call asks for.
    pub(super) fn plan(
        &self,
        building: &Building,
        goal: Goal,
        host: Option<&str>,
    ) -> Result<Plan, CommandError> {
        let config = self.config()?;
        let request = self.request(building, goal)?;
        let (projects, host) = self.look(&config, &request, host)?;
        plan(&config, &projects, &host, &request).map_err(|error| CommandError::new(Exit::Usage, &error))
    }

    /// The nodes that a call names with `--for`, else with `--platform`; none when it names neither.
    pub(super) fn targets(&self, selection: &Selection) -> Result<Vec<Target>, CommandError> {
        let building = Building { selection: selection.clone(), ..Building::default() };
        let request = self.request(&building, Goal::Verify)?;
        let nodes = if request.nodes.is_empty() { &request.platforms } else { &request.nodes };
        let config = match nodes.iter().any(|node| node.value.starts_with("deploy:")) {
            true => self.config()?,
            false => Config::unconfigured(&self.environment.directory),
        };
        named_targets(&config, nodes).map_err(|error| CommandError::new(Exit::Usage, &error))
    }

    /// Asks the projects' tools and the host's, all at once.
    fn look(
        &self,
        config: &Config,
        request: &Request,
        host: Option<&str>,
    ) -> Result<(Projects, Host), CommandError> {
        let folders = folders(config, request);
        let needs = needs(config, &folders);
        let mut projects = Projects::default();
        let (found, seen) = thread::scope(|scope| {
            let given = scope.spawn(|| match host {
                Some(text) => self.given_host(text),
                None => {
                    detect(&self.processes, &needs).map_err(|error| CommandError::new(Exit::Missing, &error))
                }
            });
            let asked: Vec<_> = folders
                .iter()
                .map(|folder| {
                    let git = scope.spawn(|| project::git(folder, &self.processes));
                    let discovery = discovery(config, folder, request);
                    let project = scope.spawn(move || project::discover(folder, &discovery, &self.processes));
                    (folder, project, git)
                })
                .collect();
            let found: Vec<_> = asked
                .into_iter()
                .map(|(folder, project, git)| (folder, project.join(), git.join()))
                .collect();
            (found, given.join())
        });
        for (folder, project, git) in found {
            let project = project.map_err(|_| ended_early())?;
            let project = project.map_err(|error| project_error(&error))?;
            projects.projects.insert(folder.clone(), project);
            projects.git.insert(folder.clone(), git.map_err(|_| ended_early())?);
        }
        let mut seen = seen.map_err(|_| ended_early())??;
        if host_needs_c_compiler(&projects) && !seen.tools.contains_key("zig") && host.is_none() {
            let also = Needs { also: BTreeSet::from([Also::CCompiler]), ..Needs::default() };
            let more =
                detect(&self.processes, &also).map_err(|error| CommandError::new(Exit::Missing, &error))?;
            seen.tools.extend(more.tools);
        }
        Ok((projects, seen))
    }

    fn given_host(&self, text: &str) -> Result<Host, CommandError> {
        let path = self.environment.directory.join(text);
        if path.is_file() {
            return Host::from_file(&path).map_err(|error| CommandError::new(Exit::Usage, &error));
        }
        let platform = Platform::parse(text).map_err(|error| {
            CommandError::new(Exit::Usage, &error)
                .hint("--host takes a platform, as darwin/arm64, or a file that describes a host")
        })?;
        Ok(Host::hypothetical(&platform))
    }

    fn request(&self, building: &Building, goal: Goal) -> Result<Request, CommandError> {
        let Selection { platform, nodes, image, output, tag, repository } = &building.selection;
        let overrides = &self.overrides;
        let option = |name: &str| Source::CommandLine(name.to_owned());
        let many = |given: &[String], name: &str, fallback: &[Sourced<String>]| match given.is_empty() {
            true => fallback.to_vec(),
            false => given.iter().map(|value| Sourced::new(value.clone(), option(name))).collect(),
        };
        let directory = &self.environment.directory;
        let output = match output {
            Some(folder) => Some(Sourced::new(folder.clone(), option("--output"))),
            None => overrides.output.clone(),
        };
        let repository = repository.clone().map(|value| Sourced::new(value, option("--repository")));
        let jobs = building.jobs.map(|jobs| Sourced::new(jobs, option("--jobs")));
        let offline = building.offline || overrides.offline.as_ref().is_some_and(|offline| offline.value);
        Ok(Request {
            goal,
            platforms: many(platform, "--platform", &overrides.platforms),
            nodes: many(nodes, "--for", &overrides.nodes),
            images: many(image, "--image", &overrides.images),
            output: output.map(|folder| folder.map(|folder| directory.join(folder))),
            tags: many(tag, "--tag", &overrides.tags),
            repository: repository.or_else(|| overrides.repository.clone()),
            archive: if building.archive { Archive::Beside } else { Archive::None },
            load: building.load.map(|engine| self.server(engine)).transpose()?,
            jobs: jobs.or_else(|| overrides.jobs.clone()),
            network: if offline { Network::Offline } else { Network::Online },
            source_date_epoch: self.source_date_epoch()?,
            cache: self.cache.clone(),
            remapped: self.cargo_home().map(|home| (home, "/cargo".to_owned())).into_iter().collect(),
            variables: self.environment.variables.clone(),
        })
    }

    /// <https://reproducible-builds.org/specs/source-date-epoch/>
    fn source_date_epoch(&self) -> Result<Option<i64>, CommandError> {
        let Some(text) = self.environment.get("SOURCE_DATE_EPOCH") else { return Ok(None) };
        let seconds = text.parse::<i64>().ok().filter(|seconds| (0..=MAX_DATE).contains(seconds));
        let wrong = || {
            let message = format!(
                "SOURCE_DATE_EPOCH is `{text}`; it takes a number of seconds since 1970, up to the year 9999"
            );
            CommandError::message(Exit::Usage, message)
        };
        seconds.map(Some).ok_or_else(wrong)
    }

    fn cargo_home(&self) -> Option<Utf8PathBuf> {
        let own = self.environment.get("CARGO_HOME").map(|home| self.environment.directory.join(home));
        own.or_else(|| Some(self.environment.home()?.join(".cargo")))
    }

    /// Asks an engine for the platform of its server: the client may run on another one.
    fn server(&self, engine: EngineName) -> Result<(Engine, Platform), CommandError> {
        let (engine, format) = match engine {
            EngineName::Docker => (Engine::Docker, "{{.Server.Os}}/{{.Server.Arch}}"),
            EngineName::Podman => (Engine::Podman, "{{.Version.OsArch}}"),
        };
        let verb = if engine == Engine::Docker { "version" } else { "info" };
        let asked = Command::new(engine.as_str(), self.environment.directory.clone())
            .args([verb, "--format", format]);
        let said = self.processes.stdout(&asked).map_err(|error| {
            CommandError::new(Exit::Missing, &error).hint(format!(
                "--load {} hands the image to a running engine; start it, or leave the option out",
                engine.as_str()
            ))
        })?;
        let platform =
            Platform::parse(said.trim()).map_err(|error| CommandError::new(Exit::Program, &error))?;
        Ok((engine, platform.normalized()))
    }
}

/// The last second of the year 9999: RFC 3339 has four digits for a year.
const MAX_DATE: i64 = 253_402_300_799;

fn ended_early() -> CommandError {
    CommandError::message(
        Exit::InputOutput,
        "a thread that asked the project's tools ended early; please report this",
    )
}

fn folder_of(path: &Utf8Path) -> Result<Utf8PathBuf, CommandError> {
    match path.is_dir() {
        true => Ok(path.to_owned()),
        false => Err(CommandError::message(
            Exit::Usage,
            format!("{path} is no folder; --directory takes one that exists"),
        )),
    }
}

fn choose_color(choice: ColorChoice) {
    match choice {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
}

/// The project folders that the call touches.
fn folders(config: &Config, request: &Request) -> BTreeSet<Utf8PathBuf> {
    let asked =
        |name: &str| request.images.is_empty() || request.images.iter().any(|image| image.value == name);
    match config.images.is_empty() {
        true => BTreeSet::from([config.root.clone()]),
        false => {
            let wanted = config.images.iter().filter(|image| asked(&image.name.value));
            wanted.map(|image| image.path.value.clone()).collect()
        }
    }
}

/// What the host is asked, as far as files tell it before any tool has answered.
fn needs(config: &Config, folders: &BTreeSet<Utf8PathBuf>) -> Needs {
    let with = |manifest: &str| {
        let has = |folder: &&Utf8PathBuf| folder.ancestors().any(|above| above.join(manifest).is_file());
        folders.iter().filter(has).cloned().collect()
    };
    let routes = config.images.iter().any(|image| !image.toolchain.is_empty());
    Needs {
        rust: with("Cargo.toml"),
        go: with("go.mod"),
        also: routes.then_some(Also::Distribution).into_iter().collect(),
    }
}

/// Whether anything is compiled from C.
fn host_needs_c_compiler(projects: &Projects) -> bool {
    projects.projects.values().any(|project| match project {
        Project::Rust(workspace) => workspace.packages.iter().any(|package| !package.native_code.is_empty()),
        Project::Go(module) => module.mains.iter().any(|main| !main.cgo_packages.is_empty()),
    })
}

/// What is asked of a project: what its images ask for, taken together.
fn discovery(config: &Config, folder: &Utf8Path, request: &Request) -> Discovery {
    let mut discovery = Discovery { network: request.network, ..Discovery::default() };
    for image in config.images.iter().filter(|image| image.path.value == folder) {
        let features = &image.features;
        discovery.language = image.language.as_ref().map(|language| language.value);
        discovery.features.names.extend(features.names.iter().cloned());
        discovery.features.all |= features.all;
        discovery.features.no_default |= features.no_default;
    }
    discovery
}

fn project_error(error: &ProjectError) -> CommandError {
    CommandError::new(Exit::Usage, error)
}
