//! `cargo xtask ci`: what continuous integration runs, whole, within an hour.

use std::time::{Duration, Instant};

use comfy_table::{Table, presets};

use crate::shell::{Failure, Tool, say};
use crate::{doc, prerequisites, test};

/// What all steps together may take. Continuous integration ends after an hour.
const BUDGET: Duration = Duration::from_secs(57 * 60);

/// A step and how it ended.
struct Step {
    name: &'static str,
    took: Duration,
    result: Result<(), Failure>,
    tests: Tests,
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
    let steps = [
        step("install", |_| prerequisites::install()),
        step("format", |_| Tool::new(["cargo", "fmt", "--all", "--check"]).run()),
        step("lint", |_| lint().run()),
        step("rustdoc", |_| rustdoc().run()),
        step("generated docs", |_| doc::check()),
        step("package", |_| package().run()),
        step("test", |tests| watch(&test::command(None), BUDGET.saturating_sub(start.elapsed()), tests)),
        step("test --long", |tests| {
            watch(&test::long_command(None), BUDGET.saturating_sub(start.elapsed()), tests)
        }),
    ];
    say(&table(&steps, start.elapsed()).to_string());
    let failed: Vec<&str> = steps.iter().filter(|step| step.result.is_err()).map(|step| step.name).collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Answer(format!("failed: {}", failed.join(", ")))) }
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

fn step(name: &'static str, run: impl FnOnce(&mut Tests) -> Result<(), Failure>) -> Step {
    say(&format!("\n=== {name}"));
    let (start, mut tests) = (Instant::now(), Tests::default());
    let result = run(&mut tests);
    if let Err(failure) = &result {
        say(&format!("error: {failure}"));
    }
    Step { name, took: start.elapsed(), result, tests }
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
        let result = if step.result.is_ok() { "ok" } else { "FAILED" };
        let Tests { passed, failed, ignored } = step.tests;
        let counted = passed + failed + ignored > 0;
        let tests = if counted {
            format!("{passed} passed, {failed} failed, {ignored} ignored")
        } else {
            String::new()
        };
        table.add_row([step.name.to_owned(), result.to_owned(), step.took.as_secs().to_string(), tests]);
    }
    table.add_row(["total".to_owned(), String::new(), total.as_secs().to_string(), String::new()]);
    table
}

#[cfg(test)]
mod tests {
    use super::Tests;

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
