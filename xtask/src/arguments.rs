//! The command lines of the chores.

use clap::Parser;

/// Installs the tools that the tests need and runs the tests.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask test")]
pub(crate) struct Test {
    /// Also run the tests that take long: published projects, hundreds of runs
    #[arg(long)]
    pub(crate) long: bool,
    /// Only install the tools that the tests need
    #[arg(long, conflicts_with_all = ["long", "filter"])]
    pub(crate) install: bool,
    /// Run only tests whose name contains this
    pub(crate) filter: Option<String>,
}

/// Runs the steps of continuous integration: formatting, lints, documentation, packaging and all tests.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask ci")]
pub(crate) struct Ci {}

/// Compares the speed of crossdock with that of commands that people would run by hand.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
pub(crate) struct Bench {
    /// Number of runs of each contender; the medians are shown
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Measure this program instead of this repository's release build
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<std::path::PathBuf>,
    /// The uncompressed size of the image that is verified, in MB
    #[arg(long, value_name = "MB", default_value_t = 2000)]
    pub(crate) image_megabytes: usize,
    /// Only these groups: plan, memory, lookup, files, layers, image, zstd, go, ko, rebase, registry, rust, monorepo, xtask
    pub(crate) groups: Vec<String>,
}

/// Writes the generated parts of the documentation.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask doc")]
pub(crate) struct Doc {
    /// Change nothing; fail if a generated part is out of date
    #[arg(long)]
    pub(crate) check: bool,
}

/// Compares the program's answers with the records in tests/baseline: digests of the examples, JSON, help, exit codes.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask baseline")]
pub(crate) struct Baseline {
    /// Record the answers instead of comparing them
    #[arg(long)]
    pub(crate) record: bool,
    /// Run this program instead of this repository's development build
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<std::path::PathBuf>,
    /// Accept changed words in help and in JSON text; they are still shown
    #[arg(long, conflicts_with = "record")]
    pub(crate) words: bool,
    /// Also build xtask from scratch, which takes about two minutes, and compare the time with its limit
    #[arg(long)]
    pub(crate) cold: bool,
}

/// Counts the worst habits of comments, messages and documents. A count may only fall.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask ratchet")]
pub(crate) struct Ratchet {
    /// Lower the recorded counts to the present ones
    #[arg(long)]
    pub(crate) write: bool,
    /// Show every occurrence of one habit
    #[arg(long, value_name = "NAME", conflicts_with = "write")]
    pub(crate) list: Option<String>,
}
