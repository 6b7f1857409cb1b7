//! How long a description takes to be read, and how often memory is asked for.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crossdock_platform::{Vocabulary, known_names};
use serde_json::{Value, json};

use super::Setting;
use super::row::{Goal, Row};
use crate::shell::{Failure, Tool, repository};

/// Every known name is read, in its own vocabulary and in all of them; then by the program, line by line.
pub(super) fn rows(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let program = build_lookup()?;
    let rounds = setting.rounds.max(5);
    let answers: Result<Vec<Value>, Failure> = (0..rounds).map(|_| run_lookup(&program)).collect();
    let answers = answers?;
    let row = |name, which: &str, what: &str, unit, limit| {
        let ours = answers.iter().filter_map(|answer| answer[which][what].as_f64()).collect();
        Row { name, ours, theirs: vec![], unit, goal: Goal::AtMost(limit) }
    };
    let lines = setting.directory.join("names.jsonl");
    let count = write_lines(&lines)?;
    let a_line = (0..rounds).map(|_| microseconds_per_line(&setting.crossdock, &lines, count));
    Ok(vec![
        row("a name in its vocabulary", "own", "microseconds", "µs", 1.0),
        row("a name in its vocabulary: allocations", "own", "allocations", "", 3.0),
        row("a name in all vocabularies", "all", "microseconds", "µs", 1.0),
        row("a name in all vocabularies: allocations", "all", "allocations", "", 6.0),
        Row {
            name: "a line of `target --stdin` (50,000 a second)",
            ours: a_line.collect::<Result<_, _>>()?,
            theirs: vec![],
            unit: "µs",
            goal: Goal::AtMost(20.0),
        },
    ])
}

/// Builds the release form of crossdock-platform's example.
fn build_lookup() -> Result<PathBuf, Failure> {
    Tool::new(["cargo", "build", "--release", "--package", "crossdock-platform", "--example", "lookup"])
        .run()?;
    Ok(repository().join("target/release/examples/lookup"))
}

fn run_lookup(program: &Path) -> Result<Value, Failure> {
    let tool = Tool::new([program.display().to_string()]);
    let output = tool.stdout()?;
    serde_json::from_str(&output)
        .map_err(|error| Failure::Answer(format!("`{tool}` printed {output:?}: {error}")))
}

/// Writes 100,000 lines of known names, and returns how many.
fn write_lines(path: &Path) -> Result<u32, Failure> {
    let names: Vec<String> = Vocabulary::ALL.iter().flat_map(|vocabulary| known_names(*vocabulary)).collect();
    let mut file = BufWriter::new(File::create(path).map_err(Failure::file(path))?);
    let mut count = 0;
    for name in names.iter().cycle().take(100_000) {
        writeln!(file, "{}", json!({ "input": name })).map_err(Failure::file(path))?;
        count += 1;
    }
    file.flush().map_err(Failure::file(path))?;
    Ok(count)
}

fn microseconds_per_line(crossdock: &Path, lines: &Path, count: u32) -> Result<f64, Failure> {
    // Some of the names are ambiguous, which is the exit code 1.
    let call = format!("'{}' target --stdin <'{}' || [ $? -eq 1 ]", crossdock.display(), lines.display());
    let start = Instant::now();
    Tool::new(["sh", "-c", call.as_str()]).stdout()?;
    Ok(start.elapsed().as_secs_f64() * 1e6 / f64::from(count))
}
