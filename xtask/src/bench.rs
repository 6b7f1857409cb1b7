//! `cargo xtask bench`: compares the speed of crossdock with that of commands run by hand. Contenders take turns in one
//! run, and a row is the median of the rounds' ratios, so that a busy machine affects both sides alike. It is not a test.

mod contender;
mod ko;
mod layers;
mod lookup;
mod monorepo;
mod programs;
mod rebase;
mod registry;
mod row;
mod server;
mod small;
mod verify;

use std::path::PathBuf;

use crate::arguments::Bench;
use crate::baseline;
use crate::shell::{Failure, Tool, repository, say};
use row::{Goal, Row};

/// The settings of all groups.
struct Setting {
    /// The measured program, a release build.
    crossdock: PathBuf,
    /// The directory for copies of projects and for caches.
    directory: PathBuf,
    /// The number of runs of each contender.
    rounds: usize,
    /// The uncompressed size of the image that is verified.
    image_megabytes: usize,
}

/// A group of rows.
type Group = (&'static str, fn(&Setting) -> Result<Vec<Row>, Failure>);

/// The groups, short ones first.
const GROUPS: &[Group] = &[
    ("plan", small::plan),
    ("memory", small::memory),
    ("lookup", lookup::rows),
    ("files", verify::files),
    ("layers", layers::rows),
    ("image", verify::image),
    ("zstd", verify::zstd),
    ("go", programs::go),
    ("ko", ko::rows),
    ("rebase", rebase::rows),
    ("registry", registry::rows),
    ("rust", programs::rust),
    ("monorepo", monorepo::rows),
    ("xtask", cold_xtask),
];

/// Measures the chosen groups, prints the table and writes `target/bench/results.json`.
pub(crate) fn run(options: &Bench) -> Result<(), Failure> {
    let setting = prepare(options)?;
    let chosen = |name: &str| options.groups.is_empty() || options.groups.iter().any(|group| group == name);
    if let Some(unknown) = options.groups.iter().find(|group| GROUPS.iter().all(|(name, _)| name != group)) {
        let known: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).collect();
        return Err(Failure::Answer(format!(
            "unknown group {unknown:?}; the groups are {}",
            known.join(", ")
        )));
    }
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for (name, measure) in GROUPS.iter().filter(|(name, _)| chosen(name)) {
        say(&format!("\n=== {name}"));
        // A failed group must not discard the results of the others, which took minutes.
        match measure(&setting) {
            Ok(measured) => {
                // At once: the whole run takes long, and may be ended early.
                say(&row::table(&measured).to_string());
                rows.extend(measured);
            }
            Err(failure) => {
                say(&format!("error: {failure}"));
                failed.push(*name);
            }
        }
    }
    row::write_json(&rows, &setting.directory.join("results.json"))?;
    say(&row::table(&rows).to_string());
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::Answer(format!("not measured: {}", failed.join(", "))))
    }
}

/// Measures a build of `xtask` from scratch, once, because it takes minutes.
fn cold_xtask(_: &Setting) -> Result<Vec<Row>, Failure> {
    let (ours, theirs) = (vec![baseline::build_cold()?], vec![]);
    Ok(vec![Row { name: "cold xtask", ours, theirs, unit: "s", goal: Goal::AtMost(baseline::COLD_LIMIT) }])
}

fn prepare(options: &Bench) -> Result<Setting, Failure> {
    let crossdock = match &options.program {
        Some(program) => std::path::absolute(program).map_err(Failure::file(program))?,
        None => {
            Tool::new(["cargo", "build", "--release", "--package", "crossdock-cli"]).run()?;
            repository().join("target/release/crossdock")
        }
    };
    let directory = repository().join("target/bench");
    std::fs::create_dir_all(&directory).map_err(Failure::file(&directory))?;
    Ok(Setting {
        crossdock,
        directory,
        rounds: options.rounds.max(1),
        image_megabytes: options.image_megabytes,
    })
}
