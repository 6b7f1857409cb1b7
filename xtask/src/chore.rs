//! The chores and their command line.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser};

use crate::shell::{Failure, say};
use crate::{bench, ci, doc, test};

/// The chores of crossdock's repository. Every other command is crossdock's own.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
pub(crate) enum Chore {
    /// Installs what the tests need and runs them
    Test(Test),
    /// What continuous integration runs: formatting, lints, documentation, packaging and all tests
    Ci,
    /// Measures crossdock beside what people would run by hand
    Bench(Bench),
    /// Writes the generated parts of the documentation
    Doc(Doc),
}

/// Which tests run.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Also run the tests that take long: published projects, hundreds of runs
    #[arg(long)]
    pub(crate) long: bool,
    /// Run only tests whose name holds this
    pub(crate) filter: Option<String>,
}

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// How often each contender runs; the medians are shown
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Only these groups: plan, memory, layers, go, ko, rust
    pub(crate) groups: Vec<String>,
}

/// Whether the documentation is written or compared.
#[derive(Debug, Args)]
pub(crate) struct Doc {
    /// Change nothing; fail when a generated part is not what it would be
    #[arg(long)]
    pub(crate) check: bool,
}

impl Chore {
    /// The chore that a command line names, or nothing where the command is not a chore.
    pub(crate) fn from_command_line(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        let name = arguments.get(1)?.to_str()?;
        Self::command().find_subcommand(name).is_some().then(|| Self::parse_from(arguments))
    }

    /// Does it.
    pub(crate) fn run(self) -> ExitCode {
        let result = match self {
            Self::Test(options) => test::run(&options),
            Self::Ci => ci::run(),
            Self::Bench(options) => bench::run(&options),
            Self::Doc(options) => doc::run(&options),
        };
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                say(&format!("error: {failure}"));
                failure.exit_code()
            }
        }
    }
}

impl Failure {
    /// crossdock's own exit codes: 3 for a missing tool, 4 for a program that failed, 5 for input and output.
    fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Answer(_) => 1,
            Self::Missing(_) => 3,
            Self::Failed { .. } | Self::Overdue { .. } => 4,
            Self::File { .. } | Self::Start { .. } => 5,
        })
    }
}
