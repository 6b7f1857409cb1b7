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

use crate::baseline;
use crate::chore::Bench;
use crate::shell::{Failure, Tool, repository, say};
use row::{Goal, Row};

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
    ("xtask", cold_xtask),
];

/// Measures the groups that were asked for, prints the table and writes `target/bench/results.json`.
pub(crate) fn run(options: &Bench) -> Result<(), Failure> {
    let setting = prepare(options)?;
    let asked = |name: &str| options.groups.is_empty() || options.groups.iter().any(|group| group == name);
    if let Some(unknown) = options.groups.iter().find(|asked| GROUPS.iter().all(|(name, _)| name != asked)) {
        let known: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).collect();
        return Err(Failure::Answer(format!("no group {unknown:?}; the groups are {}", known.join(", "))));
    }
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for (name, measure) in GROUPS.iter().filter(|(name, _)| asked(name)) {
        say(&format!("\n=== {name}"));
        // What one group lacks does not throw away what the others took minutes to measure.
        match measure(&setting) {
            Ok(measured) => rows.extend(measured),
            Err(failure) => {
                say(&format!("error: {failure}"));
                failed.push(*name);
            }
        }
    }
    row::write_json(&rows, &setting.folder.join("results.json"))?;
    say(&row::table(&rows).to_string());
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::Answer(format!("not measured: {}", failed.join(", "))))
    }
}

/// A build of `xtask` from nothing, once: it takes minutes.
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
    let folder = repository().join("target/bench");
    std::fs::create_dir_all(&folder).map_err(Failure::file(&folder))?;
    Ok(Setting { crossdock, folder, rounds: options.rounds.max(1) })
}
