//! Looks at configuration, projects and host, all at once, and plans.

use std::collections::BTreeSet;
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::Platform;

use super::arguments::{Building, Selection};
use super::error::{CommandError, Exit};
use super::output;
use super::session::Session;
use crossdock_project::config::{Config, ImageConfig, Linkage};
use crossdock_project::{self as project, Discovery, Project, ProjectError};
use crossdock_runner::plan::{Goal, Pack, Plan, Projects, Request, Target, named_targets, plan};
use crossdock_toolchain::host::{Also, Host, Needs, detect, remedies};

/// A plan and everything that it was made of.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) host: Host,
    config: Config,
    request: Request,
}

/// Whether rustup can add targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rustup {
    /// Nothing was heard to the contrary.
    Reachable,
    /// It was tried and failed.
    Unreachable,
}

/// Whether the files of a project may speak for it where its own tools are not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProjectTools {
    /// What is built here needs them anyway.
    Needed,
    /// An engine brings them.
    Replaceable,
}

impl Session {
    /// Plans what a call asks for.
    pub(super) fn plan(
        &self,
        building: &Building,
        goal: Goal,
        host: Option<&str>,
    ) -> Result<Planned, CommandError> {
        let config = self.config()?;
        let mut request = self.request(building, goal)?;
        // What only judges or names what was built asks nobody who builds.
        if matches!(goal, Goal::Build | Goal::Dist) {
            request.engine = self.engine(&building.engine, &config)?;
        }
        let (projects, host) = self.look(&config, &request, host)?;
        let plan = make(&config, &projects, &host, &request)?;
        Ok(Planned { plan, host, config, request })
    }

    /// Plans again after the host has changed.
    pub(super) fn plan_again(&self, planned: Planned, rustup: Rustup) -> Result<Planned, CommandError> {
        let Planned { config, mut request, .. } = planned;
        if let Some(asked) = &mut request.engine {
            self.ask_again(asked);
        }
        let (projects, mut host) = self.look(&config, &request, None)?;
        if rustup == Rustup::Unreachable {
            host = host.without_rustup_server();
        }
        let plan = make(&config, &projects, &host, &request)?;
        Ok(Planned { plan, host, config, request })
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
        let tools = match request.engine {
            Some(_) => ProjectTools::Replaceable,
            None => ProjectTools::Needed,
        };
        // An engine brings its own compilers: none of this machine's is asked.
        let needs = match request.engine {
            Some(_) => Needs::default(),
            None => needs(config, &folders(config, request)),
        };
        let (projects, seen) = thread::scope(|scope| {
            let given = scope.spawn(|| match host {
                Some(text) => self.given_host(text),
                None => {
                    detect(&self.processes, &needs).map_err(|error| CommandError::new(Exit::Missing, &error))
                }
            });
            (self.projects(config, request, tools), given.join())
        });
        let projects = projects?;
        let mut seen = seen.map_err(|_| ended_early())??;
        let dynamic = config.images.iter().any(|image| image.linkage.value == Linkage::Dynamic);
        let wants_c = host_needs_c_compiler(&projects) || dynamic || request.pack == Pack::Releases;
        if request.engine.is_none() && wants_c && !seen.tools.contains_key("zig") && host.is_none() {
            let also = Needs { also: BTreeSet::from([Also::CCompiler]), ..Needs::default() };
            let more =
                detect(&self.processes, &also).map_err(|error| CommandError::new(Exit::Missing, &error))?;
            seen.tools.extend(more.tools);
        }
        Ok((projects, seen))
    }

    /// Asks the projects' tools, all at once.
    pub(super) fn projects(
        &self,
        config: &Config,
        request: &Request,
        tools: ProjectTools,
    ) -> Result<Projects, CommandError> {
        let folders = folders(config, request);
        let mut projects = Projects::default();
        let found: Vec<_> = thread::scope(|scope| {
            let asked: Vec<_> = folders
                .iter()
                .map(|folder| {
                    let git = scope.spawn(move || project::git(folder, &self.processes));
                    let images = config.images.iter().filter(|image| image.path.value == *folder);
                    let discovery = Discovery::of_images(images, request.network);
                    let project = scope.spawn(move || self.project(folder, &discovery, tools));
                    (folder, project, git)
                })
                .collect();
            asked.into_iter().map(|(folder, project, git)| (folder, project.join(), git.join())).collect()
        });
        for (folder, project, git) in found {
            let project = project.map_err(|_| ended_early())?;
            let project = project.map_err(|error| at_features(config, folder, project_error(&error)))?;
            let own = documents(folder);
            let documents = if own.is_empty() { documents(project.root()) } else { own };
            projects.documents.insert(folder.clone(), documents);
            projects.projects.insert(folder.clone(), project);
            let git = git.map_err(|_| ended_early())?;
            if git.available().is_some() || project::checkout(folder).is_some() {
                projects.git.insert(folder.clone(), git);
            }
        }
        Ok(projects)
    }

    /// Asks the project's own tools; its files where an engine has those tools and this machine has not.
    fn project(
        &self,
        folder: &Utf8Path,
        discovery: &Discovery,
        tools: ProjectTools,
    ) -> Result<Project, ProjectError> {
        match project::discover(folder, discovery, &self.processes) {
            Err(ProjectError::NoTool { program, .. }) if tools == ProjectTools::Replaceable => {
                if !self.quiet() {
                    output::note(&format!(
                        "`{program}` is not here: what {folder} consists of is read from its files alone"
                    ));
                }
                project::read_files(folder, discovery, &self.environment)
            }
            asked => asked,
        }
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
}

fn ended_early() -> CommandError {
    CommandError::message(
        Exit::InputOutput,
        "a thread that asked the project's tools ended early; please report this",
    )
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
    let with = |manifests: &[&str]| {
        let holds = |folder: &Utf8Path| manifests.iter().any(|manifest| folder.join(manifest).is_file());
        let has = |folder: &&Utf8PathBuf| folder.ancestors().any(holds);
        folders.iter().filter(has).cloned().collect()
    };
    let routes = config.images.iter().any(|image| !image.toolchain.is_empty());
    Needs {
        rust: with(&["Cargo.toml"]),
        go: with(&["go.mod", "go.work"]),
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

pub(super) fn project_error(error: &ProjectError) -> CommandError {
    let (exit, commands): (Exit, Vec<String>) = match error {
        ProjectError::NoTool { program, .. } => {
            let remedies = remedies::install(program, &crossdock_toolchain::host::here());
            (Exit::Missing, remedies.iter().map(ToString::to_string).collect())
        }
        ProjectError::Tool(tool) => match crossdock_toolchain::host::missing_toolchain(tool) {
            Some(install) => (Exit::Missing, vec![install.to_string()]),
            None => (Exit::Program, Vec::new()),
        },
        ProjectError::Answer { .. } => (Exit::Program, Vec::new()),
        _ => (Exit::Usage, Vec::new()),
    };
    let hints = commands.iter().map(|command| format!("what brings it: {command}")).collect();
    CommandError { hints, ..CommandError::new(exit, error) }
}

/// Cargo names a feature that a package has not; who asked for it stands in the configuration.
fn at_features(config: &Config, folder: &Utf8Path, error: CommandError) -> CommandError {
    let images = config.images.iter().filter(|image| image.path.value == *folder);
    let named = |image: &&ImageConfig| {
        let quoted = |name: &String| error.message.contains(name.as_str());
        error.message.contains("feature") && image.features.names.iter().any(quoted)
    };
    let places: Vec<String> = images
        .filter(named)
        .filter_map(|image| {
            let place = image.features_at.as_ref()?;
            Some(format!("image `{}` asks for it with `features` at {place}", image.name.value))
        })
        .collect();
    places.into_iter().fold(error, CommandError::hint)
}

fn make(config: &Config, projects: &Projects, host: &Host, request: &Request) -> Result<Plan, CommandError> {
    plan(config, projects, host, request).map_err(|error| CommandError::new(Exit::Usage, &error))
}

/// README and licence files of a project, sorted; a folder that cannot be listed has none.
fn documents(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
    let is_document = |name: &str| {
        let name = name.to_ascii_uppercase();
        ["README", "LICENSE", "LICENCE", "COPYING", "NOTICE"].iter().any(|start| name.starts_with(start))
    };
    let mut documents: Vec<Utf8PathBuf> = entries
        .filter(|entry| is_document(entry.file_name()) && entry.path().is_file())
        .map(|entry| entry.into_path())
        .collect();
    documents.sort();
    documents
}
