//! The command line: parses arguments, calls a command, and ends with its exit code.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches};
use crossdock::process::{Cancel, Environment, process_arguments};

use crate::arguments::{
    Arguments, CacheCommand, Command, ConfigCommand, IndexCommand, RenderCommand, ShellName,
};
use crate::commands::{
    cache, config, describe, dist, doctor, env, index, init, lint, login, plan, promote, push, rebase,
    registry, render, resolve, run, update, verify, version,
};
use crate::error::{CommandError, Exit};
use crate::output;
use crate::session::Session;
use crate::ui::live::Show;

/// The time for work that goes on after Ctrl-C: a container has ten seconds to stop.
const CLEAN_UP: Duration = Duration::from_secs(20);

/// The command line of crossdock, under its own name or as part of another program.
pub struct App {
    name: &'static str,
    chores: Vec<Chore>,
}

/// A command that a project adds to those of crossdock.
struct Chore {
    name: &'static str,
    about: &'static str,
    run: fn(&Environment, &[OsString]) -> ExitCode,
}

impl Default for App {
    fn default() -> Self {
        Self::named("crossdock")
    }
}

impl App {
    /// Returns the command line under the name by which people call it, e.g. `cargo xtask`.
    pub fn named(name: &'static str) -> Self {
        Self { name, chores: Vec::new() }
    }

    /// Adds a command of the project, which receives the arguments after its name.
    #[must_use]
    pub fn chore(
        mut self,
        name: &'static str,
        about: &'static str,
        run: fn(&Environment, &[OsString]) -> ExitCode,
    ) -> Self {
        self.chores.push(Chore { name, about, run });
        self
    }

    /// Runs with the environment and arguments of this process, and ends child processes on Ctrl-C.
    pub fn exec(self) -> ExitCode {
        let environment = match Environment::from_process() {
            Ok(environment) => environment.before_cargo_run(),
            Err(error) => {
                self.end_evaluation(&process_arguments());
                return fail(&CommandError::new(Exit::InputOutput, &error));
            }
        };
        let cancel = Cancel::default();
        let on_interrupt = cancel.clone();
        // Without a handler Ctrl-C still ends this process, but its child processes may stay.
        if let Err(error) = ctrlc::set_handler(move || {
            on_interrupt.cancel();
            on_interrupt.wait_for_clean_up(CLEAN_UP);
            // A prompt or a long computation does not check for cancellation, so end it after children have had time.
            std::thread::sleep(Duration::from_secs(3));
            output::live().set_show(Show::Nothing);
            output::error("interrupted");
            std::process::exit(Exit::Interrupted as i32)
        }) {
            output::warning(&format!("Ctrl-C will not end child processes: {error}"));
        }
        self.exec_in(environment, &cancel)
    }

    /// Runs in a given environment.
    pub fn exec_in(self, environment: Environment, cancel: &Cancel) -> ExitCode {
        let matches = match self.command().try_get_matches_from(&environment.arguments) {
            Ok(matches) => matches,
            Err(error) => return self.usage(&error, &environment.arguments),
        };
        if let Some((name, chosen)) = matches.subcommand()
            && let Some(chore) = self.chores.iter().find(|chore| chore.name == name)
        {
            let rest: Vec<OsString> = chosen.get_many("arguments").into_iter().flatten().cloned().collect();
            return (chore.run)(&environment, &rest);
        }
        let arguments = match Arguments::from_arg_matches(&matches) {
            Ok(arguments) => arguments,
            Err(error) => return self.usage(&error, &environment.arguments),
        };
        match self.dispatch(arguments, environment, cancel) {
            Ok(_) if cancel.is_cancelled() => code(Exit::Interrupted),
            Ok(exit) => exit,
            Err(_) if cancel.is_cancelled() => fail(&CommandError::message(Exit::Interrupted, "interrupted")),
            Err(error) => fail(&error),
        }
    }

    fn dispatch(
        &self,
        arguments: Arguments,
        environment: Environment,
        cancel: &Cancel,
    ) -> Result<ExitCode, CommandError> {
        let Arguments { global, command } = arguments;
        let session = |global, environment| Session::new(self.name, global, environment, cancel);
        let exit = match command {
            // The exit code is that of the image's program.
            Command::Run(arguments) => return run::run(&session(global, environment)?, &arguments),
            // Explanations need no project, configuration or cache, so they also work without HOME.
            Command::Target(arguments) => describe::run(&arguments, &global, environment, cancel),
            Command::Env(arguments) => {
                let json = global.json;
                env::run(session(global, environment), &arguments, json.then_some(ShellName::Json))
            }
            Command::Plan(arguments) => plan::run(&session(global, environment)?, &arguments),
            Command::Build(arguments) => dist::build(&session(global, environment)?, &arguments),
            Command::Verify(arguments) => verify::run(&session(global, environment)?, &arguments),
            Command::Tag(arguments) => dist::tag_images(&session(global, environment)?, &arguments),
            Command::Dist(arguments) => dist::dist(&session(global, environment)?, &arguments),
            Command::Init(arguments) => init::run(&session(global, environment)?, &arguments),
            Command::Doctor(arguments) => doctor::run(&session(global, environment)?, &arguments),
            Command::Render(RenderCommand::Dockerfile(arguments)) => {
                render::dockerfile(&session(global, environment)?, &arguments)
            }
            Command::Render(RenderCommand::Bake(arguments)) => {
                render::bake(&session(global, environment)?, &arguments)
            }
            Command::Push(arguments) => push::run(&session(global, environment)?, &arguments),
            Command::Inspect(arguments) => registry::show(&session(global, environment)?, &arguments),
            Command::Copy(arguments) => registry::copy_image(&session(global, environment)?, &arguments),
            Command::Promote(arguments) => promote::run(&session(global, environment)?, &arguments),
            Command::Resolve(arguments) => resolve::run(&session(global, environment)?, &arguments),
            Command::Pull(arguments) => push::pull_image(&session(global, environment)?, &arguments),
            Command::Login(arguments) => login::run(&session(global, environment)?, arguments),
            Command::Logout(arguments) => login::logout(&session(global, environment)?, &arguments),
            Command::Index(IndexCommand::Create(arguments)) => {
                index::create(&session(global, environment)?, &arguments)
            }
            Command::Rebase(arguments) => rebase::run(&session(global, environment)?, &arguments),
            Command::Update(arguments) => update::run(&session(global, environment)?, &arguments),
            Command::Lint(arguments) => lint::run(&session(global, environment)?, &arguments),
            Command::Config(ConfigCommand::Check) => config::check(&session(global, environment)?),
            Command::Cache(CacheCommand::Info) => cache::info(&session(global, environment)?),
            Command::Cache(CacheCommand::Prune { keep_days }) => {
                cache::prune(&session(global, environment)?, keep_days)
            }
            Command::Completions { shell } => self.completions(shell),
            Command::Version => version::run(&session(global, environment)?),
        };
        exit.map(code)
    }

    /// Prints clap's message. Help and version go to standard output and are not errors.
    fn usage(&self, error: &clap::Error, arguments: &[OsString]) -> ExitCode {
        if error.use_stderr() {
            self.end_evaluation(arguments);
        }
        // If the stream is closed, no other one is left to report it on.
        let _closed = error.print();
        code(if error.use_stderr() { Exit::Usage } else { Exit::Done })
    }

    /// For a call of `env`, prints text that makes the shell's evaluation of the output fail.
    fn end_evaluation(&self, arguments: &[OsString]) {
        if let Some(text) = env::refused(&self.command(), arguments) {
            // The call fails already; a closed standard output is not evaluated.
            let _closed = output::data(text);
        }
    }

    fn command(&self) -> clap::Command {
        let command = Arguments::command().name(self.name).bin_name(self.name);
        self.chores.iter().fold(command, |command, chore| {
            let rest = clap::Arg::new("arguments")
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .value_parser(clap::value_parser!(OsString));
            command.subcommand(
                clap::Command::new(chore.name).about(chore.about).arg(rest).disable_help_flag(true),
            )
        })
    }

    fn completions(&self, shell: clap_complete::Shell) -> Result<Exit, CommandError> {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut self.command(), self.name.replace(' ', "-"), &mut script);
        output::data(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Done)
    }
}

fn fail(error: &CommandError) -> ExitCode {
    if !error.message.is_empty() {
        output::error(error);
    }
    code(error.exit)
}

fn code(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}
