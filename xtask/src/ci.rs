//! `cargo xtask ci`: runs what continuous integration runs, within an hour on a quiet machine. The ledger of its long steps
//! is `xtask/ci.toml`.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use comfy_table::{Table, presets};
use serde::Deserialize;

use crate::shell::{Failure, Tool, repository, say};
use crate::test;

/// The time within which a step must be able to end, so that it is begun. A quiet machine needs less than an hour; the rest
/// is for a busy one, because a step that is not begun fails the run.
const BUDGET: Duration = Duration::from_secs(82 * 60);

/// When a step that is still running is ended: continuous integration would end it after 90 minutes, without a word.
const END: Duration = Duration::from_secs(86 * 60);

/// `xtask/ci.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ledger {
    long: Vec<Long>,
    excused: Vec<Excused>,
}

/// The long tests of one file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Long {
    package: String,
    target: String,
    minutes: u64,
}

/// A step that may be left out when there is no time for it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Excused {
    step: String,
    reason: String,
}

impl Ledger {
    fn read() -> Result<Self, Failure> {
        toml::from_str(include_str!("../ci.toml"))
            .map_err(|error| Failure::Answer(format!("xtask/ci.toml: {error}")))
    }

    /// Whether a step makes the run fail: it failed, or it was not begun and nobody excused it.
    fn refuses(&self, name: &str, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Done => false,
            Outcome::Failed => true,
            Outcome::NotBegun => !self.excused.iter().any(|excused| excused.step == name),
        }
    }
}

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
    let ledger = Ledger::read()?;
    let logs = repository().join("target/ci");
    std::fs::create_dir_all(&logs).map_err(Failure::file(&logs))?;
    let mut steps = Vec::new();
    for (name, tool) in short()? {
        steps.push(step(name, &tool, left(END, start), &logs)?);
    }
    for test in &ledger.long {
        steps.push(long(test, start, &logs)?);
    }
    for step in steps.iter().filter(|step| step.outcome == Outcome::Failed) {
        say(&format!("\n=== {} failed\n{}", step.name, step.shown.join("\n")));
    }
    say(&format!("\nthe whole output of each step is in {}", logs.display()));
    say(&table(&steps, start.elapsed()).to_string());
    for excused in &ledger.excused {
        say(&format!("{}: may be left out: {}", excused.step, excused.reason));
    }
    let failed = steps.iter().filter(|step| ledger.refuses(&step.name, step.outcome));
    let failed: Vec<&str> = failed.map(|step| step.name.as_str()).collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::Answer(format!("failed or not begun: {}", failed.join(", "))))
    }
}

/// The steps that always run, in this order.
fn short() -> Result<Vec<(&'static str, Tool)>, Failure> {
    let xtask = std::env::current_exe().map_err(Failure::file(Path::new("cargo xtask")))?;
    let xtask = |words: &[&str]| {
        words.iter().fold(Tool::new([xtask.display().to_string()]), |tool, word| tool.arg(*word))
    };
    Ok(vec![
        ("install", xtask(&["test", "--install"])),
        ("format", Tool::new(["cargo", "fmt", "--all", "--check"])),
        ("lint", lint()),
        ("rustdoc", rustdoc()),
        ("generated docs", xtask(&["doc", "--check"])),
        ("ratchet", xtask(&["ratchet"])),
        ("package", package()?),
        ("test", test::command(None)),
    ])
}

/// What is left of a time.
fn left(whole: Duration, start: Instant) -> Duration {
    whole.saturating_sub(start.elapsed())
}

fn long(test: &Long, start: Instant, logs: &Path) -> Result<Step, Failure> {
    let Long { package, target, minutes } = test;
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
    use super::{BUDGET, Excused, Extract, Ledger, Outcome, SHOWN, Tests};
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
                    found.push((package.to_owned(), path.file_stem().unwrap().to_str().unwrap().to_owned()));
                }
            }
        }
        found.sort();
        let mut listed: Vec<_> =
            Ledger::read().unwrap().long.into_iter().map(|test| (test.package, test.target)).collect();
        listed.sort();
        assert_eq!(found, listed);
    }

    /// The short steps need a quarter of an hour.
    #[test]
    fn the_ledger_fits() {
        let minutes: u64 = Ledger::read().unwrap().long.iter().map(|test| test.minutes).sum();
        // What a step may need is about twice what it needs on a quiet machine.
        assert!(
            15 + minutes / 2 <= 60,
            "{minutes} minutes of long steps take more than an hour with the others"
        );
        assert!(minutes <= BUDGET.as_secs() / 60, "the last step could not begin");
    }

    #[test]
    fn a_step_that_was_not_begun_fails_the_run_unless_it_is_excused() {
        let excused = vec![Excused { step: "b".to_owned(), reason: "no such machine".to_owned() }];
        let ledger = Ledger { long: Vec::new(), excused };
        assert!(ledger.refuses("a", Outcome::NotBegun) && !ledger.refuses("b", Outcome::NotBegun));
        assert!(ledger.refuses("b", Outcome::Failed) && !ledger.refuses("a", Outcome::Done));
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
