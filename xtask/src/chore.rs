//! The chores, as functions of [`crossdock_cli::App`].

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use crossdock_cli::{Environment, Exit};

use crate::arguments::Ci;
use crate::shell::{Failure, say};
use crate::{baseline, bench, ci, doc, ratchet, test};

/// The function of a chore, for [`crossdock_cli::App`].
pub(crate) type Run = fn(&Environment, &[OsString]) -> ExitCode;

/// The chores, with their descriptions for `--help`.
pub(crate) const CHORES: [(&str, &str, Run); 6] = [
    ("test", "Install the tools that this repository's tests need and run the tests", |_, words| {
        run("test", words, |options| test::run(&options))
    }),
    ("ci", "Run the steps of continuous integration", |_, words| run("ci", words, |Ci {}| ci::run())),
    ("baseline", "Compare the program's answers with the recorded ones", |_, words| {
        run("baseline", words, |options| baseline::run(&options))
    }),
    ("bench", "Compare the speed of crossdock with that of commands run by hand", |_, words| {
        run("bench", words, |options| bench::run(&options))
    }),
    ("ratchet", "Count the worst habits of this repository's prose", |_, words| {
        run("ratchet", words, |options| ratchet::run(&options))
    }),
    ("doc", "Write the generated parts of the documentation", |_, words| {
        run("doc", words, |options| doc::run(&options))
    }),
];

fn run<O: Parser>(name: &str, words: &[OsString], chore: impl FnOnce(O) -> Result<(), Failure>) -> ExitCode {
    let options =
        O::parse_from(std::iter::once(format!("cargo xtask {name}").into()).chain(words.iter().cloned()));
    match chore(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("error: {failure}"));
            ExitCode::from(failure.exit() as u8)
        }
    }
}

impl Failure {
    /// Returns the exit code that crossdock itself uses for such a failure.
    fn exit(&self) -> Exit {
        match self {
            Self::Answer(_) => Exit::Rejected,
            Self::Missing(_) => Exit::Missing,
            Self::Failed { .. } | Self::Overdue { .. } => Exit::Program,
            Self::File { .. } | Self::Start { .. } => Exit::InputOutput,
        }
    }
}
