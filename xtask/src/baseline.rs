//! `cargo xtask baseline`: records the program's answers and compares them.
//!
//! Records the digests of both examples, every JSON output, every `--help`, and the exit codes of a table of calls
//! (`tests/baseline/calls.toml`). The records are reviewed text files next to that table; values that depend on the
//! machine are normalized in `normalise.rs`. A change that keeps the behavior changes no record.

mod calls;
mod cold;
mod compare;
mod help;
mod normalise;
mod observe;
mod projects;
mod sandbox;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::arguments::Baseline;
use crate::shell::{Failure, Tool, repository};
use compare::Records;

pub(crate) use cold::{LIMIT as COLD_LIMIT, build as build_cold};

/// Records the answers, or compares them with the records.
pub(crate) fn run(options: &Baseline) -> Result<(), Failure> {
    let program = match &options.program {
        Some(program) => std::path::absolute(program).map_err(Failure::file(program))?,
        None => development_build()?,
    };
    let directory = repository().join("tests/baseline");
    let observed = observe::all(&program, &directory.join("calls.toml"))?;
    let result = if options.record {
        observed.write(&directory)
    } else {
        compare::check(&Records::read(&directory)?, &observed, options.words)
    };
    // Measure the cold build even if the records differ.
    let cold = if options.cold { cold::run(&directory, options.record) } else { Ok(()) };
    result.and(cold)
}

/// Builds this repository's program. It is found by its own name, because the name of its package may change.
fn development_build() -> Result<PathBuf, Failure> {
    let build = Tool::new(["cargo", "build", "--quiet", "--bin", "crossdock", "--message-format", "json"]);
    let messages = build.stdout()?;
    let executables = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    executables
        .filter(|message| message["target"]["name"] == "crossdock")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| Failure::Answer(format!("`{build}` names no executable")))
}

/// Writes a file, and creates the directories above it.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let parent = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(Failure::file(parent))?;
    std::fs::write(path, text).map_err(Failure::file(path))
}
