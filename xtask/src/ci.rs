//! `cargo xtask ci`: what continuous integration runs, whole, within an hour.

use std::time::{Duration, Instant};

use comfy_table::{Table, presets};

use crate::shell::{Failure, Tool, say};
use crate::{doc, prerequisites, test};

/// What all steps together may take. Continuous integration ends after an hour.
const BUDGET: Duration = Duration::from_secs(57 * 60);

/// The long tests in the order of what they are worth, and the minutes that each needs on two idle processors without
/// any cache. One that would not end within [`BUDGET`] is not begun, and said so: `cargo xtask test --long` runs all.
const LONG: &[(&str, &str, u64)] = &[
    ("crossdock-tests", "kill", 2),
    ("crossdock-tests", "reproducible", 5),
    ("crossdock-tests", "published", 12),
    ("crossdock-tests", "engines", 10),
    ("crossdock-tests", "init", 4),
    ("crossdock-tests", "own_release", 8),
    ("crossdock-tests", "routes", 12),
    ("crossdock", "routes", 12),
];

/// A step and how it ended.
struct Step {
    name: String,
    took: Duration,
    outcome: Outcome,
    tests: Tests,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    Failed,
    /// There was no time left to begin it.
    NotBegun,
}

/// The sum of what `cargo test` reports.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tests {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Runs every step, also after one failed, and ends with a table. The tests come last, so that their results are
/// the end of the log.
pub(crate) fn run() -> Result<(), Failure> {
    let start = Instant::now();
    let mut steps = vec![
        step("install", |_| prerequisites::install()),
        step("format", |_| Tool::new(["cargo", "fmt", "--all", "--check"]).run()),
        step("lint", |_| lint().run()),
        step("rustdoc", |_| rustdoc().run()),
        step("generated docs", |_| doc::check()),
        step("package", |_| package().run()),
        step("test", |tests| watch(&test::command(None), left(start), tests)),
    ];
    steps.extend(LONG.iter().map(|(package, target, minutes)| long(package, target, *minutes, start)));
    say(&table(&steps, start.elapsed()).to_string());
    let failed = steps.iter().filter(|step| step.outcome == Outcome::Failed);
    let failed: Vec<&str> = failed.map(|step| step.name.as_str()).collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Answer(format!("failed: {}", failed.join(", ")))) }
}

/// What is left of the budget.
fn left(start: Instant) -> Duration {
    BUDGET.saturating_sub(start.elapsed())
}

fn long(package: &str, target: &str, minutes: u64, start: Instant) -> Step {
    let name = format!("test --long: {package} {target}");
    if left(start) < Duration::from_secs(minutes * 60) {
        say(&format!("\n=== {name}\nnot begun: it may take {minutes} minutes, and that much is not left"));
        let (took, tests) = (Duration::ZERO, Tests::default());
        return Step { name, took, outcome: Outcome::NotBegun, tests };
    }
    step(&name, |tests| watch(&test::long_target(package, target), left(start), tests))
}

fn lint() -> Tool {
    Tool::new(["cargo", "clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])
}

fn rustdoc() -> Tool {
    Tool::new(["cargo", "doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings")
}

/// What would be published compiles on its own. Examples and tests are not published.
fn package() -> Tool {
    Tool::new([
        "cargo",
        "package",
        "--workspace",
        "--exclude",
        "xtask",
        "--exclude",
        "crossdock-tests",
        "--allow-dirty",
    ])
}

fn step(name: &str, run: impl FnOnce(&mut Tests) -> Result<(), Failure>) -> Step {
    say(&format!("\n=== {name}"));
    let (start, mut tests) = (Instant::now(), Tests::default());
    let result = run(&mut tests);
    if let Err(failure) = &result {
        say(&format!("error: {failure}"));
    }
    let outcome = if result.is_ok() { Outcome::Done } else { Outcome::Failed };
    Step { name: name.to_owned(), took: start.elapsed(), outcome, tests }
}

fn watch(tool: &Tool, limit: Duration, tests: &mut Tests) -> Result<(), Failure> {
    tool.watch(limit, |line| tests.add(line))
}

impl Tests {
    /// Adds one of cargo's lines: `test result: ok. 3 passed; 0 failed; 1 ignored; …`. Other lines add nothing.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for (count, what) in counts.split("; ").filter_map(|part| part.split_once(' ')) {
            let count = count.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }
}

fn table(steps: &[Step], total: Duration) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(["step", "result", "seconds", "tests"]);
    for step in steps {
        let result = match step.outcome {
            Outcome::Done => "ok",
            Outcome::Failed => "FAILED",
            Outcome::NotBegun => "NOT BEGUN: no time",
        };
        let Tests { passed, failed, ignored } = step.tests;
        let counted = passed + failed + ignored > 0;
        let tests = if counted {
            format!("{passed} passed, {failed} failed, {ignored} ignored")
        } else {
            String::new()
        };
        table.add_row([step.name.clone(), result.to_owned(), step.took.as_secs().to_string(), tests]);
    }
    table.add_row(["total".to_owned(), String::new(), total.as_secs().to_string(), String::new()]);
    table
}

#[cfg(test)]
mod tests {
    use super::{LONG, Tests};
    use crate::shell::repository;

    /// A long test in a file that nobody listed would never run here.
    #[test]
    fn every_long_test_has_its_place() {
        let mut found = Vec::new();
        let root = repository();
        for (package, folder) in [("crossdock-tests", "tests/tests"), ("crossdock", "crates/crossdock/tests")]
        {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let source = if path.is_dir() { path.join("main.rs") } else { path.clone() };
                if std::fs::read_to_string(source).is_ok_and(|text| text.contains("fn long_")) {
                    found.push((package, path.file_stem().unwrap().to_str().unwrap().to_owned()));
                }
            }
        }
        found.sort();
        let mut listed: Vec<_> =
            LONG.iter().map(|(package, target, _)| (*package, (*target).to_owned())).collect();
        listed.sort();
        assert_eq!(found, listed);
    }

    #[test]
    fn cargos_lines_are_added_up() {
        let mut tests = Tests::default();
        tests.add(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s",
        );
        tests.add(
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s",
        );
        tests.add("test module::name ... ok");
        assert_eq!(tests, Tests { passed: 4, failed: 2, ignored: 1 });
    }
}
