//! What every command starts with: the environment, the settings of the call, and from them configuration, projects,
//! host and plan.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::Platform;

use super::arguments::{Building, Color as ColorChoice, EngineName, Global, Selection};
use super::error::{CommandError, Exit};
use super::output;
use crate::ui::plan::Detail;
use crate::ui::{Progress, Verbosity};
use crossdock_project::Network;
use crossdock_project::config::{Config, Overrides, Source, Sourced};
use crossdock_runner::execute::{Color, Judging, Settings};
use crossdock_runner::plan::{Archive, Engine, Goal, Pack, Request};
use crossdock_system::environment::{Environment, Terminal};
use crossdock_system::process::{Cancel, Command, Processes};

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

    /// How much of a plan a person wants to see.
    pub(super) fn detail(&self) -> Detail {
        if self.global.verbose { Detail::Whole } else { Detail::Brief }
    }

    pub(super) fn progress(&self) -> Progress {
        let verbosity = match (self.global.quiet, self.global.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        };
        Progress::new(self.environment.terminal, verbosity)
    }

    pub(super) fn settings(&self, judging: Judging, jobs: Option<NonZeroUsize>) -> Settings {
        let jobs = jobs.map(NonZeroUsize::get).or(self.overrides.jobs.as_ref().map(|jobs| jobs.value));
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

    /// The configuration file that the call or the environment names.
    pub(super) fn named_config(&self) -> Option<&Utf8PathBuf> {
        self.global.config.as_ref().or(self.overrides.config.as_ref().map(|config| &config.value))
    }

    /// Reads the configuration.
    pub(super) fn config(&self) -> Result<Config, CommandError> {
        let read = match self.named_config() {
            Some(file) => Config::read(&self.environment.directory.join(file)),
            None => Config::find(&self.environment.directory),
        };
        read.map_err(|error| CommandError::new(Exit::Usage, &error))
    }

    pub(super) fn request(&self, building: &Building, goal: Goal) -> Result<Request, CommandError> {
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
        let jobs = building.finishing.jobs.map(|jobs| Sourced::new(jobs.get(), option("--jobs")));
        Ok(Request {
            goal,
            platforms: many(platform, "--platform", &overrides.platforms),
            nodes: many(nodes, "--for", &overrides.nodes),
            images: many(image, "--image", &overrides.images),
            output: output.map(|folder| folder.map(|folder| directory.join(folder))),
            tags: many(tag, "--tag", &overrides.tags),
            repository: repository.or_else(|| overrides.repository.clone()),
            archive: if building.finishing.archive { Archive::Beside } else { Archive::None },
            pack: if building.pack { Pack::Releases } else { Pack::None },
            load: building.finishing.load.map(|engine| self.server(engine)).transpose()?,
            engine: None,
            jobs: jobs.or_else(|| overrides.jobs.clone()),
            network: self.network(building.finishing.offline),
            source_date_epoch: self.source_date_epoch()?,
            cache: self.cache.clone(),
            remapped: self.cargo_home().map(|home| (home, "/cargo".to_owned())).into_iter().collect(),
            variables: self.environment.variables.clone(),
        })
    }

    /// Whether tools may reach the network, by the call's own `--offline` or what stands for it.
    pub(super) fn network(&self, offline: bool) -> Network {
        match offline || self.overrides.offline.as_ref().is_some_and(|offline| offline.value) {
            true => Network::Offline,
            false => Network::Online,
        }
    }

    /// <https://reproducible-builds.org/specs/source-date-epoch/>
    pub(super) fn source_date_epoch(&self) -> Result<Option<i64>, CommandError> {
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

fn folder_of(path: &Utf8Path) -> Result<Utf8PathBuf, CommandError> {
    match path.is_dir() {
        true => Ok(path.to_owned()),
        false => Err(CommandError::message(
            Exit::Usage,
            format!("{path} is no folder; --directory takes one that exists"),
        )),
    }
}

/// Follows `--color` from here on.
pub(super) fn choose_color(choice: ColorChoice) {
    match choice {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
}
