//! `cargo xtask bench`: how fast crossdock is beside what people would run by hand. Contenders take turns in one run;
//! a row is the median of the rounds' ratios, so that a busy machine disturbs both sides alike. Never a timed test.

mod contender;
mod ko;
mod layers;
mod lookup;
mod programs;
mod row;
mod small;

use std::path::PathBuf;

use crate::chore::Bench;
use crate::shell::{Failure, Tool, repository, say};
use row::Row;

/// What every group of rows needs.
struct Setting {
    /// The program that is measured, in its release form.
    crossdock: PathBuf,
    /// Where projects are copied to and caches are kept.
    folder: PathBuf,
    /// How often each contender runs.
    rounds: usize,
}

/// A group of rows.
type Group = (&'static str, fn(&Setting) -> Result<Vec<Row>, Failure>);

/// The groups, short ones first.
const GROUPS: &[Group] = &[
    ("plan", small::plan),
    ("memory", small::memory),
    ("lookup", lookup::rows),
    ("layers", layers::rows),
    ("go", programs::go),
    ("ko", ko::rows),
    ("rust", programs::rust),
];

/// Measures the groups that were asked for, prints the table and writes `target/bench/results.json`.
pub(crate) fn run(options: &Bench) -> Result<(), Failure> {
    let setting = prepare(options)?;
    let asked = |name: &str| options.groups.is_empty() || options.groups.iter().any(|group| group == name);
    if let Some(unknown) = options.groups.iter().find(|asked| GROUPS.iter().all(|(name, _)| name != asked)) {
        let known: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).collect();
        return Err(Failure::Answer(format!("no group {unknown:?}; the groups are {}", known.join(", "))));
    }
    let mut rows = Vec::new();
    for (name, measure) in GROUPS.iter().filter(|(name, _)| asked(name)) {
        say(&format!("\n=== {name}"));
        rows.extend(measure(&setting)?);
    }
    row::write_json(&rows, &setting.folder.join("results.json"))?;
    say(&row::table(&rows).to_string());
    Ok(())
}

fn prepare(options: &Bench) -> Result<Setting, Failure> {
    Tool::new(["cargo", "build", "--release", "--package", "crossdock"]).run()?;
    let folder = repository().join("target/bench");
    std::fs::create_dir_all(&folder).map_err(Failure::file(&folder))?;
    let crossdock = repository().join("target/release/crossdock");
    Ok(Setting { crossdock, folder, rounds: options.rounds.max(1) })
}
