//! A call of the program: its context, and the options that commands share.

use std::io::IsTerminal;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock::config::{Source, Sourced};
use crossdock::execute::{Color, ExecuteOptions, Scope, Unproven};
use crossdock::generated::{check_writable, write_atomically};
use crossdock::index::IndexOptions;
use crossdock::plan::{Archive, Goal, LoadEngine, Pack};
use crossdock::process::{Cancel, Environment, StandardInput, Terminal};
use crossdock::registry::{PromoteOptions, RebaseOptions, TakenTags};
use crossdock::run::RunOptions;
use crossdock::verify::VerifyOptions;
use crossdock::{BuildOptions, Builder, Context, EngineOptions, KindCluster, Locking, Network, Notice};
use serde::Serialize;

use crate::arguments::{
    BuildArgs, Color as ColorChoice, EngineName, EngineOptionArgs, FinishArgs, Global, IndexCreateCommand,
    LoadTarget, PromoteCommand, RebaseCommand, RunCommand, SelectionArgs, StrictnessArgs,
};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::ui::Detail;
use crate::ui::live::Show;
use crate::ui::transfer::Transfer;
use crate::ui::waiting::watch;
use crate::ui::{Progress, Verbosity};

/// A call of the program.
pub(crate) struct Session {
    /// The name by which people call the program, e.g. `crossdock` or `cargo xtask`.
    pub(crate) name: &'static str,
    pub(crate) context: Context,
    global: Global,
}

impl Session {
    pub(crate) fn new(
        name: &'static str,
        global: Global,
        mut environment: Environment,
        cancel: &Cancel,
    ) -> Result<Self, CommandError> {
        if let Some(directory) = &global.directory {
            environment.directory = existing_directory(&environment.directory.join(directory))?;
        }
        choose_color(global.color);
        let quiet = global.quiet;
        output::live().set_show(show(&environment, quiet));
        let context = Context::builder(environment)
            .program(name)
            .cancel(cancel)
            .watch(watch(output::live()))
            .on_notice(move |notice| match notice {
                Notice::Note(_) if quiet => {}
                Notice::Note(text) => output::note(text),
                Notice::Warning(text) => output::warning(text),
                _ => {}
            });
        Ok(Self { name, context: context.finish()?, global })
    }

    pub(crate) fn json(&self) -> bool {
        self.global.json
    }

    pub(crate) fn quiet(&self) -> bool {
        self.global.quiet
    }

    pub(crate) fn terminal(&self) -> Terminal {
        self.context.environment().terminal
    }

    /// Resolves a path from the command line.
    pub(crate) fn path(&self, path: &Utf8Path) -> Utf8PathBuf {
        self.context.directory().join(path)
    }

    /// Returns how much of a plan to show.
    pub(crate) fn detail(&self) -> Detail {
        if self.global.verbose { Detail::Whole } else { Detail::Brief }
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress::new(output::live().clone(), self.verbosity())
    }

    /// Shows a push, pull or copy until the value is dropped.
    pub(crate) fn transfer(&self, title: &str) -> Transfer {
        Transfer::new(output::live().clone(), self.verbosity(), title)
    }

    fn verbosity(&self) -> Verbosity {
        match (self.global.quiet, self.global.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }

    pub(crate) fn execute_options(&self, strictness: StrictnessArgs, finish: &FinishArgs) -> ExecuteOptions {
        let mut options = ExecuteOptions::new().scope(scope(strictness));
        options.jobs = finish.jobs;
        options.network = network(finish.offline);
        options.unproven = unproven(strictness);
        options.color = match (self.global.color, self.terminal()) {
            (ColorChoice::Always, _) => Color::Always,
            (ColorChoice::Auto, Terminal::Interactive)
                if self.variable("NO_COLOR").is_none() && self.variable("TERM") != Some("dumb") =>
            {
                Color::Always
            }
            _ => Color::Never,
        };
        options
    }

    /// Writes the JSON answer to the file of `--metadata-file`.
    pub(crate) fn write_metadata(
        &self,
        answer: &impl Serialize,
        file: Option<&Utf8Path>,
    ) -> Result<(), CommandError> {
        let Some(file) = file else { return Ok(()) };
        let text = output::json_text(answer)?;
        self.write_output(file, "--metadata-file", &format!("{text}\n"))
    }

    /// Checks that the file of an option can be written, before work is done whose result would be lost.
    pub(crate) fn check_output(&self, file: Option<&Utf8Path>, option: &str) -> Result<(), CommandError> {
        let Some(file) = file else { return Ok(()) };
        check_writable(&self.path(file))
            .map_err(CommandError::from)
            .map_err(|error| CommandError { message: format!("`{option}`: {}", error.message), ..error })
    }

    /// Writes the file that an option names. Its directory is created if missing.
    pub(crate) fn write_output(&self, file: &Utf8Path, option: &str, text: &str) -> Result<(), CommandError> {
        let path = self.path(file);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(|error| {
                let message = format!("cannot create {directory} for the file of `{option}`: {error}");
                CommandError::message(Exit::InputOutput, message)
            })?;
        }
        write_atomically(&path, text.as_bytes()).map_err(|error| CommandError::new(Exit::InputOutput, &error))
    }

    /// Refuses a call that needs a registry, and forbids the network with its option or with `CROSSDOCK_OFFLINE`.
    pub(crate) fn check_online(&self, offline: bool, what: &str) -> Result<(), CommandError> {
        let by_variable = self.context.overrides().offline.as_ref().is_some_and(|offline| offline.value);
        let (forbids, remedy) = match (offline, by_variable) {
            (true, _) => ("--offline", "omit `--offline`"),
            (false, true) => ("CROSSDOCK_OFFLINE", "unset CROSSDOCK_OFFLINE"),
            (false, false) => return Ok(()),
        };
        let message = format!("`{what}` needs a registry, and {forbids} forbids the network");
        Err(CommandError::message(Exit::Usage, message).hint(remedy))
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.context.environment().get(name)
    }

    /// Returns the configuration file that the call or the environment names.
    pub(crate) fn named_config(&self) -> Option<&Utf8PathBuf> {
        let from_environment = self.context.overrides().config.as_ref().map(|config| &config.value);
        self.global.config.as_ref().or(from_environment)
    }

    /// Returns the options for a build that is only shown: `crossdock.lock` stays as it is.
    pub(crate) fn shown_options(&self, args: &BuildArgs, goal: Goal) -> Result<BuildOptions, CommandError> {
        let mut options = self.build_options(args, goal)?;
        if options.locking == Locking::Extend {
            options.locking = Locking::Keep;
        }
        Ok(options)
    }

    /// Returns the library's options for those of the command line.
    pub(crate) fn build_options(&self, args: &BuildArgs, goal: Goal) -> Result<BuildOptions, CommandError> {
        let BuildArgs { selection, since, finish, pack, engine } = args;
        let mut options = self.selection(selection);
        options.goal = goal;
        options.since.clone_from(since);
        options.archive = if finish.archive { Archive::Tar } else { Archive::None };
        options.pack = if *pack { Pack::Releases } else { Pack::None };
        match &finish.load {
            Some(LoadTarget::Engine(engine)) => options.load = Some(load_engine(*engine)),
            Some(LoadTarget::Kind(name)) => options.cluster = Some(KindCluster { name: name.clone() }),
            None => {}
        }
        options.jobs = finish.jobs.map(|jobs| from_option("--jobs", jobs.get()));
        options.network = network(finish.offline);
        options.locking = if finish.locked { Locking::Locked } else { Locking::Extend };
        options.engine = engine_options(&engine.options);
        if let Some(text) = &engine.builder {
            let builder: Builder = text.parse().map_err(|error| CommandError::new(Exit::Usage, &error))?;
            options.builder = Some(from_option("--builder", builder));
        }
        Ok(options)
    }

    /// Returns the options that choose images, platforms and nodes.
    pub(crate) fn selection(&self, args: &SelectionArgs) -> BuildOptions {
        let mut options = BuildOptions::new();
        options.config = self.global.config.clone();
        options.platforms = many(&args.platform, "--platform");
        options.nodes = many(&args.nodes, "--for");
        options.images = many(&args.image, "--image");
        options.cgo = args.cgo.map(|cgo| from_option("--cgo", cgo));
        options.tags = many(&args.tag, "--tag");
        options.output = args.output.clone().map(|path| from_option("--output", path));
        options.repository = args.repository.clone().map(|name| from_option("--repository", name));
        options
    }

    /// Returns the library's options of a container for those of the command line.
    pub(crate) fn run_options(&self, args: &RunCommand) -> RunOptions {
        let mut options = RunOptions::new();
        options.image = args.image.clone().map(|name| from_option("IMAGE", name));
        options.engine = args.load.map(load_engine);
        options.publish.clone_from(&args.publish);
        options.arguments.clone_from(&args.arguments);
        options.network = network(args.offline);
        options.config = self.global.config.clone();
        if !std::io::stdin().is_terminal() {
            options.input = StandardInput::Inherited;
        }
        options
    }

    /// Returns the library's options of a merge for those of the command line.
    pub(crate) fn index_options(&self, args: &IndexCreateCommand) -> IndexOptions {
        let mut options = IndexOptions::new();
        options.platforms = many(&args.platform, "--platform");
        options.images = args.image.iter().map(|name| from_option("--image", name.clone())).collect();
        options.nodes = many(&args.nodes, "--for");
        options.config = self.global.config.clone();
        options.annotations = args.annotation.iter().cloned().collect();
        options.unproven = unproven(args.output.strictness);
        options.scope = scope(args.output.strictness);
        options
    }

    /// Returns the library's options of a promotion for those of the command line.
    pub(crate) fn promote_options(&self, args: &PromoteCommand) -> PromoteOptions {
        let mut options = PromoteOptions::new();
        options.nodes = many(&args.nodes.nodes, "--for");
        options.image = args.image.clone().map(|name| from_option("--image", name));
        options.config = self.global.config.clone();
        options.scope = scope(args.output.strictness);
        options.unproven = unproven(args.output.strictness);
        options.taken = if args.immutable { TakenTags::Refuse } else { TakenTags::Move };
        options
    }

    /// Returns the library's options of a rebase for those of the command line.
    pub(crate) fn rebase_options(&self, args: &RebaseCommand) -> RebaseOptions {
        let mut options = RebaseOptions::new();
        options.nodes = many(&args.nodes.nodes, "--for");
        options.config = self.global.config.clone();
        options.scope = scope(args.output.strictness);
        options.unproven = unproven(args.output.strictness);
        options
    }

    /// Returns the options with the nodes of `--for`, else of `--platform`. An environment variable replaces each option
    /// that is absent.
    pub(crate) fn verify_options(&self, args: &SelectionArgs, strictness: StrictnessArgs) -> VerifyOptions {
        let chosen = self.selection(args);
        let overrides = self.context.overrides();
        let or = |given: Vec<Sourced<String>>, fallback: &[Sourced<String>]| {
            if given.is_empty() { fallback.to_vec() } else { given }
        };
        let nodes = or(chosen.nodes, &overrides.nodes);
        let mut options = VerifyOptions::new().scope(scope(strictness));
        options.nodes = match nodes.is_empty() {
            true => or(chosen.platforms, &overrides.platforms),
            // Both are asked for, and none is dropped silently.
            false => nodes.into_iter().chain(chosen.platforms).collect(),
        };
        options.config = chosen.config;
        options
    }
}

fn load_engine(engine: EngineName) -> LoadEngine {
    match engine {
        EngineName::Docker => LoadEngine::Docker,
        EngineName::Podman => LoadEngine::Podman,
    }
}

fn many(values: &[String], option: &str) -> Vec<Sourced<String>> {
    values.iter().map(|value| from_option(option, value.clone())).collect()
}

fn unproven(strictness: StrictnessArgs) -> Unproven {
    if strictness.strict { Unproven::Refuse } else { Unproven::Warn }
}

/// Returns how running work is shown. A terminal that cannot move its cursor, and the log of a pipeline that has a terminal,
/// get lines: cargo decides in the same way whether it draws a progress bar.
fn show(environment: &Environment, quiet: bool) -> Show {
    let is_pipeline = environment.get("CI").is_some() || environment.get("TF_BUILD").is_some();
    match environment.terminal {
        _ if quiet => Show::Nothing,
        Terminal::Interactive if environment.get("TERM") != Some("dumb") && !is_pipeline => Show::Live,
        Terminal::Interactive | Terminal::Plain => Show::Lines,
    }
}

fn scope(strictness: StrictnessArgs) -> Scope {
    if strictness.all { Scope::All } else { Scope::Planned }
}

pub(crate) fn network(offline: bool) -> Network {
    if offline { Network::Offline } else { Network::Online }
}

fn from_option<T>(option: &str, value: T) -> Sourced<T> {
    Sourced::new(value, Source::CommandLine(option.to_owned()))
}

pub(crate) fn engine_options(args: &EngineOptionArgs) -> EngineOptions {
    let mut options = EngineOptions::default();
    options.base_from.clone_from(&args.base_from);
    options.build_args.clone_from(&args.build_arg);
    options.secrets.clone_from(&args.secret);
    options.ssh.clone_from(&args.ssh);
    options.cache_from.clone_from(&args.cache_from);
    options.cache_to.clone_from(&args.cache_to);
    options
}

fn existing_directory(path: &Utf8Path) -> Result<Utf8PathBuf, CommandError> {
    if path.is_dir() {
        Ok(path.to_owned())
    } else {
        let message = format!("{path} is not a directory; pass --directory an existing one");
        Err(CommandError::message(Exit::Usage, message))
    }
}

/// Applies `--color` to all later output.
pub(crate) fn choose_color(choice: ColorChoice) {
    match choice {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
}
