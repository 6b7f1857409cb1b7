//! The overhead of crossdock over the compilers: `dist` of the examples, compared with scripts (`bench/*.sh`).

use std::path::Path;

use super::Setting;
use super::contender::{Contender, turns};
use super::row::{Goal, Row};
use crate::shell::{Failure, Tool, repository};

/// Compares the Go example with two calls of `go build`.
pub(super) fn go(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let theirs = Contender::new(&setting.directory.join("go-script"), "k8s-ssh-server", |project| {
        script("go.sh").arg(project.display().to_string()).arg(project.join("output").display().to_string())
    })?;
    let names = ["Go example, cold: dist / go build", "Go example, nothing changed: dist / go build"];
    compare(setting, "k8s-ssh-server", &theirs, names)
}

/// Compares the Rust example with one call of cargo.
pub(super) fn rust(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let theirs = Contender::new(&setting.directory.join("rust-script"), "http-api", |project| {
        script("rust.sh").arg(project.display().to_string())
    })?;
    let names =
        ["Rust example, cold: dist / cargo build", "Rust example, nothing changed: dist / cargo build"];
    compare(setting, "http-api", &theirs, names)
}

/// Returns the contender `crossdock dist` in a copy of an example.
pub(super) fn dist(setting: &Setting, directory: &Path, example: &str) -> Result<Contender, Failure> {
    let program = setting.crossdock.display().to_string();
    Contender::new(directory, example, |_| Tool::new([program.as_str(), "dist", "--quiet"]))
}

fn compare(
    setting: &Setting,
    example: &str,
    theirs: &Contender,
    [cold, unchanged]: [&'static str; 2],
) -> Result<Vec<Row>, Failure> {
    let ours = dist(setting, &setting.directory.join(format!("{example}-dist")), example)?;
    let first = turns(setting.rounds, |_| ours.run_cold(), |_| theirs.run_cold())?;
    let again = turns(setting.rounds, |_| ours.run(), |_| theirs.run())?;
    Ok(vec![
        Row { name: cold, ours: first.0, theirs: first.1, unit: "s", goal: Goal::RatioAtMost(1.10) },
        Row { name: unchanged, ours: again.0, theirs: again.1, unit: "s", goal: Goal::AboveAtMost(0.150) },
    ])
}

fn script(name: &str) -> Tool {
    Tool::new(["sh"]).arg(repository().join("bench").join(name).display().to_string())
}
