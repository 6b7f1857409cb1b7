//! `cargo xtask ci`: what continuous integration runs, whole, within an hour.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use comfy_table::{Table, presets};

use crate::shell::{Failure, Tool, repository, say};
use crate::test;

/// What all steps together may take. Continuous integration ends after an hour.
const BUDGET: Duration = Duration::from_secs(52 * 60);

/// When a step that is still running is ended: continuous integration would end it after an hour, without a word.
const END: Duration = Duration::from_secs(58 * 60);

/// The long tests in the order of what they are worth, and the minutes that each may need on two idle processors, about
/// half as much again as was measured. One that would not end within [`BUDGET`] is not begun, and said so: `cargo xtask test --long` runs all.
const LONG: &[(&str, &str, u64)] = &[
    ("crossdock-tests", "kill", 3),
    ("crossdock-tests", "reproducible", 5),
    ("crossdock-tests", "published", 10),
    ("crossdock-tests", "engines", 7),
    ("crossdock-tests", "engine_inputs", 3),
    ("crossdock-tests", "engine_results", 3),
    ("crossdock-tests", "cgo", 4),
    ("crossdock-tests", "init", 4),
    ("crossdock-tests", "own_release", 8),
    ("crossdock-tests", "engine_debian", 8),
    ("crossdock-tests", "routes", 9),
    ("crossdock", "routes", 6),
];

/// How many lines of a failed step are shown. All of them are in its log.
const SHOWN: usize = 80;

/// A step and how it ended.
struct Step {
    name: String,
    took: Duration,
    outcome: Outcome,
    tests: Tests,
    /// What a person needs to see of it: nothing, unless it failed.
    shown: Vec<String>,
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

/// Runs every step, also after one failed. What a step prints goes to its log; what failed is shown at the end, before
/// the table, because of a long log only the end is kept in many places.
pub(crate) fn run() -> Result<(), Failure> {
    let start = Instant::now();
    let logs = repository().join("target/ci");
    std::fs::create_dir_all(&logs).map_err(Failure::file(&logs))?;
    let mut steps = Vec::new();
    for (name, tool) in short()? {
        steps.push(step(name, &tool, left(END, start), &logs)?);
    }
    for (package, target, minutes) in LONG {
        steps.push(long(package, target, *minutes, start, &logs)?);
    }
    for step in steps.iter().filter(|step| step.outcome == Outcome::Failed) {
        say(&format!("\n=== {} failed\n{}", step.name, step.shown.join("\n")));
    }
    say(&format!("\nthe whole output of each step is in {}", logs.display()));
    say(&table(&steps, start.elapsed()).to_string());
    let failed = steps.iter().filter(|step| step.outcome == Outcome::Failed);
    let failed: Vec<&str> = failed.map(|step| step.name.as_str()).collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Answer(format!("failed: {}", failed.join(", ")))) }
}

/// The steps that always run, in this order.
fn short() -> Result<Vec<(&'static str, Tool)>, Failure> {
    let xtask = std::env::current_exe().map_err(Failure::file(Path::new("cargo xtask")))?;
    let xtask = |words: [&str; 2]| Tool::new([&xtask.display().to_string(), words[0], words[1]]);
    Ok(vec![
        ("install", xtask(["test", "--install"])),
        ("format", Tool::new(["cargo", "fmt", "--all", "--check"])),
        ("lint", lint()),
        ("rustdoc", rustdoc()),
        ("generated docs", xtask(["doc", "--check"])),
        ("package", package()?),
        ("test", test::command(None)),
    ])
}

/// What is left of a time.
fn left(whole: Duration, start: Instant) -> Duration {
    whole.saturating_sub(start.elapsed())
}

fn long(package: &str, target: &str, minutes: u64, start: Instant, logs: &Path) -> Result<Step, Failure> {
    let name = format!("test --long: {package} {target}");
    if left(BUDGET, start) < Duration::from_secs(minutes * 60) {
        say(&format!("{name}: not begun, as it may take {minutes} minutes, and that much is not left"));
        let (took, tests, shown) = (Duration::ZERO, Tests::default(), Vec::new());
        return Ok(Step { name, took, outcome: Outcome::NotBegun, tests, shown });
    }
    step(&name, &test::long_target(package, target), left(END, start), logs)
}

fn lint() -> Tool {
    Tool::new(["cargo", "clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])
}

fn rustdoc() -> Tool {
    Tool::new(["cargo", "doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings")
}

/// What would be published compiles on its own. Examples and tests are not published.
///
/// For `cargo package` a package of one name and version never changes: it takes what an earlier run of this step
/// unpacked (below `CARGO_HOME`, by the path of the target folder) and compiled for this one. So both go first.
fn package() -> Result<Tool, Failure> {
    let target = repository().join("target/package-alone");
    forget(&target)?;
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    for unpacked in cargo_home.iter().flat_map(|home| unpacked_packages(&home.join("registry/src"))) {
        forget(&unpacked)?;
    }
    let words = ["cargo", "package", "--workspace", "--exclude", "xtask", "--exclude", "crossdock-tests"];
    Ok(Tool::new(words).arg("--allow-dirty").arg("--target-dir").arg(target.display().to_string()))
}

/// Our own packages as `cargo package` unpacked them from a registry that has no host, which is what its temporary
/// ones are.
fn unpacked_packages(sources: &Path) -> Vec<PathBuf> {
    let below = |folder: &Path, prefix: &'static str| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| entry.path())
    };
    below(sources, "-").flat_map(|registry| below(&registry, "crossdock")).collect()
}

/// Removes a folder that may be missing.
fn forget(folder: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::file(folder)(error)),
        _ => Ok(()),
    }
}

fn step(name: &str, tool: &Tool, limit: Duration, logs: &Path) -> Result<Step, Failure> {
    let path: PathBuf = logs.join(format!("{}.log", name.replace([' ', ':'], "-")));
    let mut log = File::create(&path).map_err(Failure::file(&path))?;
    let (start, mut tests, mut shown, mut write) =
        (Instant::now(), Tests::default(), Extract::default(), Ok(()));
    let result = tool.watch(limit, |line| {
        write = std::mem::replace(&mut write, Ok(())).and_then(|()| writeln!(log, "{line}"));
        tests.add(line);
        shown.add(line);
    });
    write.map_err(Failure::file(&path))?;
    let (outcome, shown) = match result {
        Ok(()) => (Outcome::Done, Vec::new()),
        Err(failure) => (Outcome::Failed, shown.with(&failure)),
    };
    Ok(Step { name: name.to_owned(), took: start.elapsed(), outcome, tests, shown })
}

/// The lines of a step that say why it failed: of tests, cargo's parts between `failures:` and `test result:`; where
/// there are none, the last lines.
#[derive(Debug, Default)]
struct Extract {
    last: VecDeque<String>,
    failures: Vec<String>,
    inside: bool,
}

impl Extract {
    fn add(&mut self, line: &str) {
        self.inside = (self.inside || line == "failures:") && !line.starts_with("test result: ");
        if self.inside {
            self.failures.push(line.to_owned());
        }
        self.last.push_back(line.to_owned());
        if self.last.len() > SHOWN {
            self.last.pop_front();
        }
    }

    /// The lines and what ended the step.
    fn with(self, failure: &Failure) -> Vec<String> {
        let mut lines = if self.failures.is_empty() { self.last.into() } else { self.failures };
        if lines.len() > SHOWN {
            let left_out = lines.len() - SHOWN;
            lines.splice(SHOWN / 2..SHOWN / 2 + left_out, [format!("[{left_out} lines left out]")]);
        }
        lines.push(format!("error: {failure}"));
        lines
    }
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
    use super::{Extract, LONG, SHOWN, Tests};
    use crate::shell::{Failure, repository};

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

    #[test]
    fn a_failed_step_shows_its_failures() {
        let mut extract = Extract::default();
        let lines = [
            "test a ... FAILED",
            "failures:",
            "---- a",
            "panicked",
            "failures:",
            "    a",
            "test result: FAILED.",
        ];
        lines.into_iter().chain(["test b ... ok"; 200]).for_each(|line| extract.add(line));
        let shown = extract.with(&Failure::Answer("it failed".to_owned()));
        assert_eq!(shown, ["failures:", "---- a", "panicked", "failures:", "    a", "error: it failed"]);
    }

    #[test]
    fn a_failed_step_without_tests_shows_its_end() {
        let mut extract = Extract::default();
        (0..200).for_each(|line| extract.add(&line.to_string()));
        let shown = extract.with(&Failure::Answer("it failed".to_owned()));
        assert_eq!(shown.first().map(String::as_str), Some("120"));
        assert_eq!(shown.len(), SHOWN + 1);
    }
}
