//! `cargo xtask ci`: runs the steps of continuous integration, within an hour on a quiet machine. The ledger of its long steps
//! is `xtask/ci.toml`.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use comfy_table::{Table, presets};
use serde::Deserialize;

use crate::shell::{Failure, Tool, repository, say};
use crate::test;

/// The time within which a step must be expected to end; otherwise it is not begun. A quiet machine needs less than an
/// hour. The rest is for a busy one, because a step that is not begun fails the run.
const BUDGET: Duration = Duration::from_secs(82 * 60);

/// The time after which a running step is killed. Continuous integration kills the run after 90 minutes, without a report.
const END: Duration = Duration::from_secs(86 * 60);

/// The free space, in GB, that a run needs for the target directory, the tests' engines and their base images, with a
/// margin. A full disk fails many tests in ways that do not name it.
const SPACE: u64 = 24;

/// `xtask/ci.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ledger {
    /// The expected minutes of each step that always runs.
    short: BTreeMap<String, u64>,
    long: Vec<Long>,
    #[serde(default)]
    excused: Vec<Excused>,
}

/// The long tests of one file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Long {
    package: String,
    target: String,
    /// The expected minutes; of the longest group, if there are groups.
    minutes: u64,
    /// Groups of tests, of which each commit runs one; if empty, each commit runs all tests.
    #[serde(default)]
    groups: Vec<Vec<String>>,
    /// The files with this word take turns: each commit runs one of them, or of its groups.
    turns: Option<String>,
}

/// A step that may be omitted if the time is short.
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

    /// Returns, for each file of long tests, the number of the group that the commit with this turn runs: 0 if it has no
    /// groups, `None` if it is another file's turn.
    fn groups(&self, turn: usize) -> Vec<Option<usize>> {
        let mut earlier = BTreeMap::new();
        let with_same_word = self.long.iter().map(|test| {
            let Some(word) = &test.turns else { return (0, 1) };
            let place: &mut usize = earlier.entry(word).or_default();
            *place += 1;
            let count = self.long.iter().filter(|other| other.turns.as_ref() == Some(word)).count();
            (*place - 1, count)
        });
        let turns = self.long.iter().zip(with_same_word);
        turns
            .map(|(test, (place, count))| {
                (turn % count == place).then(|| turn / count % test.groups.len().max(1))
            })
            .collect()
    }

    /// Whether a step makes the run fail: it failed, or it was not begun and is not excused.
    fn refuses(&self, name: &str, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Done | Outcome::Rotated => false,
            Outcome::Failed => true,
            Outcome::NotBegun => !self.excused.iter().any(|excused| excused.step == name),
        }
    }
}

/// The number of lines of a failed step to show. Its log contains all of them.
const SHOWN: usize = 80;

/// A step and its outcome.
struct Step {
    name: String,
    /// The expected minutes in the ledger.
    planned: u64,
    took: Duration,
    outcome: Outcome,
    /// The free space of the repository's disk after the step, in GB.
    free: Option<u64>,
    tests: Tests,
    /// The lines to show to a person; empty unless it failed.
    shown: Vec<String>,
}

/// The outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    Failed,
    /// The time left was too short to begin it.
    NotBegun,
    /// Another commit runs it.
    Rotated,
}

/// The sums of the counts that `cargo test` reports.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tests {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Runs every step, also after a failure. The output of a step goes to its log. Failures are shown at the end, before
/// the table, because many services keep only the end of a long log.
pub(crate) fn run() -> Result<(), Failure> {
    let start = Instant::now();
    let ledger = Ledger::read()?;
    let logs = repository().join("target/ci");
    std::fs::create_dir_all(&logs).map_err(Failure::file(&logs))?;
    forget_packages()?;
    if let Some(free) = free_space().filter(|free| *free < SPACE) {
        say(&format!("the disk of {} has {free} GB left; a run needs {SPACE} GB", repository().display()));
    }
    let mut steps = Vec::new();
    for (name, tool) in short()? {
        let planned = ledger.short.get(name).copied().unwrap_or_default();
        steps.push(step(name, planned, &tool, left(END, start), &logs)?);
    }
    // Later steps need the space and not these.
    forget_packages()?;
    forget(&repository().join("target/tmp/consumers"))?;
    let turn = turn()?;
    for (test, group) in ledger.long.iter().zip(ledger.groups(turn)) {
        steps.extend(long(test, group, start, &logs)?);
    }
    for step in steps.iter().filter(|step| step.outcome == Outcome::Failed) {
        say(&format!("\n=== {} failed\n{}", step.name, step.shown.join("\n")));
    }
    say(&format!("\nthe complete output of each step is in {}", logs.display()));
    say(&table(&steps, start.elapsed()).to_string());
    for excused in &ledger.excused {
        say(&format!("{}: may be omitted: {}", excused.step, excused.reason));
    }
    let failed = steps.iter().filter(|step| ledger.refuses(&step.name, step.outcome));
    let failed: Vec<&str> = failed.map(|step| step.name.as_str()).collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::Answer(format!("failed or not begun: {}", failed.join(", "))))
    }
}

/// Returns the steps that always run, in order.
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
        ("package", package()),
        ("test", test::command(None)),
    ])
}

/// Returns the free space of the repository's disk in GB (10^9 bytes); `None` if the system does not report it.
fn free_space() -> Option<u64> {
    let space = rustix::fs::statvfs(repository()).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize) / 1_000_000_000)
}

/// Returns the rest of a period that began at `start`.
fn left(whole: Duration, start: Instant) -> Duration {
    whole.saturating_sub(start.elapsed())
}

/// Returns the number that selects the groups of this commit. Consecutive commits have consecutive numbers, so that each
/// group runs every few commits. A shallow clone cannot count its commits; there the commit's hash decides.
fn turn() -> Result<usize, Failure> {
    let git = |words: &[&str]| words.iter().fold(Tool::new(["git"]), |tool, word| tool.arg(*word)).stdout();
    if git(&["rev-parse", "--is-shallow-repository"])?.trim() == "false" {
        let count = git(&["rev-list", "--count", "HEAD"])?;
        count
            .trim()
            .parse()
            .map_err(|error| Failure::Answer(format!("git counted {count:?} commits: {error}")))
    } else {
        let hash = git(&["rev-parse", "HEAD"])?;
        let digits = hash.get(..6).unwrap_or_default();
        usize::from_str_radix(digits, 16)
            .map_err(|error| Failure::Answer(format!("git named the commit {hash:?}: {error}")))
    }
}

/// Runs one group of the long tests of a file, or all if it has no groups; one step for each group. `None` runs none.
fn long(test: &Long, group: Option<usize>, start: Instant, logs: &Path) -> Result<Vec<Step>, Failure> {
    let Long { package, target, minutes, groups, .. } = test;
    let name = format!("test --long: {package} {target}");
    let parts: Vec<(String, &[String])> = if groups.is_empty() {
        vec![(name, &[])]
    } else {
        let names = (1..).map(|number| format!("{name}, group {number} of {}", groups.len()));
        names.zip(groups.iter().map(Vec::as_slice)).collect()
    };
    let steps = parts.into_iter().enumerate().map(|(index, (name, tests))| {
        if group == Some(index) {
            begin(name, *minutes, &test::long_target(package, target, tests), start, logs)
        } else {
            Ok(without_run(name, *minutes, Outcome::Rotated))
        }
    });
    steps.collect()
}

/// Runs a step if enough time is left.
fn begin(name: String, minutes: u64, tool: &Tool, start: Instant, logs: &Path) -> Result<Step, Failure> {
    if left(BUDGET, start) < Duration::from_secs(minutes * 60) {
        say(&format!(
            "{name}: not begun, because it may take {minutes} minutes, which is more than the time left"
        ));
        return Ok(without_run(name, minutes, Outcome::NotBegun));
    }
    step(&name, minutes, tool, left(END, start), logs)
}

fn without_run(name: String, planned: u64, outcome: Outcome) -> Step {
    Step {
        name,
        planned,
        took: Duration::ZERO,
        outcome,
        free: None,
        tests: Tests::default(),
        shown: Vec::new(),
    }
}

fn lint() -> Tool {
    Tool::new(["cargo", "clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])
}

fn rustdoc() -> Tool {
    Tool::new(["cargo", "doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings")
}

/// Returns the target directory of `cargo package`.
fn package_target() -> PathBuf {
    repository().join("target/package-alone")
}

/// Returns the command that checks that each published package compiles by itself. Examples and tests are not published.
fn package() -> Tool {
    let words = ["cargo", "package", "--workspace", "--exclude", "xtask", "--exclude", "crossdock-tests"];
    let target = package_target().display().to_string();
    Tool::new(words).arg("--allow-dirty").arg("--target-dir").arg(target)
}

/// Removes the results of earlier runs of [`package`]. For cargo a package with a given name and version never changes:
/// it would reuse the old one that it unpacked (below `CARGO_HOME`, by the path of the target directory) and compiled.
fn forget_packages() -> Result<(), Failure> {
    forget(&package_target())?;
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let sources = cargo_home.map(|home| home.join("registry/src"));
    sources.iter().flat_map(|sources| unpacked_packages(sources)).try_for_each(|unpacked| forget(&unpacked))
}

/// Returns the directories of our own packages that `cargo package` unpacked. It unpacks them from a temporary registry
/// without a host, whose directory begins with `-`.
fn unpacked_packages(sources: &Path) -> Vec<PathBuf> {
    let below = |directory: &Path, prefix: &'static str| {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        entries
            .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| entry.path())
    };
    below(sources, "-").flat_map(|registry| below(&registry, "crossdock")).collect()
}

/// Removes a directory that may be missing.
fn forget(directory: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::file(directory)(error)),
        _ => Ok(()),
    }
}

fn step(name: &str, planned: u64, tool: &Tool, limit: Duration, logs: &Path) -> Result<Step, Failure> {
    let path: PathBuf = logs.join(format!("{}.log", name.replace([' ', ':', ','], "-")));
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
    let free = free_space();
    Ok(Step { name: name.to_owned(), planned, took: start.elapsed(), outcome, free, tests, shown })
}

/// The lines that explain the failure of a step: for tests, the parts between `failures:` and `test result:`; else the
/// last lines.
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

    /// Returns the lines, with the failure as the last one.
    fn with(self, failure: &Failure) -> Vec<String> {
        let mut lines = if self.failures.is_empty() { self.last.into() } else { self.failures };
        if lines.len() > SHOWN {
            let left_out = lines.len() - SHOWN;
            lines.splice(SHOWN / 2..SHOWN / 2 + left_out, [format!("[{left_out} lines omitted]")]);
        }
        lines.push(format!("error: {failure}"));
        lines
    }
}

impl Tests {
    /// Adds the counts of a line `test result: ok. 3 passed; 0 failed; 1 ignored; …`. Ignores other lines.
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
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_header(["step", "result", "seconds", "planned", "GB free", "tests"]);
    for step in steps {
        let result = match step.outcome {
            Outcome::Done => "ok",
            Outcome::Failed => "FAILED",
            Outcome::NotBegun => "NOT BEGUN: no time",
            Outcome::Rotated => "another commit's turn",
        };
        let Tests { passed, failed, ignored } = step.tests;
        let counted = passed + failed + ignored > 0;
        let tests = if counted {
            format!("{passed} passed, {failed} failed, {ignored} ignored")
        } else {
            String::new()
        };
        let planned = (step.planned * 60).to_string();
        table.add_row([
            step.name.clone(),
            result.to_owned(),
            step.took.as_secs().to_string(),
            planned,
            step.free.map(|free| free.to_string()).unwrap_or_default(),
            tests,
        ]);
    }
    table.add_row(["total", "", &total.as_secs().to_string(), "", "", ""]);
    table
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use super::{BUDGET, Excused, Extract, Ledger, Long, Outcome, SHOWN, Tests, long, short};
    use crate::shell::{Failure, files, repository};

    /// Returns the names of a file's ignored tests, except those that another test starts.
    fn ignored_in(path: &Path) -> Vec<String> {
        let source = std::fs::read_to_string(path).unwrap();
        let mut lines = source.lines().map(str::trim_start);
        let mut names = Vec::new();
        while let Some(attribute) = lines.find(|line| line.starts_with("#[ignore")) {
            let function = lines.find_map(|line| line.strip_prefix("fn ")?.split('(').next());
            let name = function.unwrap_or_else(|| panic!("{}: {attribute} is on no test", path.display()));
            if !attribute.starts_with("#[ignore = \"started by ") {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// Returns the ignored tests of the repository by their packages and test programs, with the paths of their modules.
    fn ignored_tests() -> BTreeMap<(String, String), Vec<String>> {
        let mut found = BTreeMap::<_, Vec<String>>::new();
        for path in files(repository()).unwrap() {
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            for name in ignored_in(&path) {
                assert!(
                    name.starts_with("long_"),
                    "{}: `{name}` never runs: name it `long_…`",
                    path.display()
                );
                let package =
                    path.ancestors().find(|directory| directory.join("Cargo.toml").exists()).unwrap();
                let manifest = std::fs::read_to_string(package.join("Cargo.toml")).unwrap();
                let package_name = manifest.lines().find_map(|line| line.strip_prefix("name = ")).unwrap();
                let place = path.strip_prefix(package).unwrap().with_extension("");
                let place: Vec<&str> = place.iter().map(|part| part.to_str().unwrap()).collect();
                let ["tests", target, modules @ ..] = &place[..] else {
                    panic!("{}: `{name}` never runs: move it into `tests`", path.display());
                };
                let modules = modules.iter().filter(|part| **part != "main").map(|part| format!("{part}::"));
                let target = (package_name.trim_matches('"').to_owned(), (*target).to_owned());
                found.entry(target).or_default().push(modules.collect::<String>() + &name);
            }
        }
        found
    }

    /// An ignored test with another name, or in an unlisted file, would never run.
    #[test]
    fn every_ignored_test_has_its_place() {
        let found: Vec<_> = ignored_tests().into_keys().collect();
        let mut listed: Vec<_> =
            Ledger::read().unwrap().long.into_iter().map(|test| (test.package, test.target)).collect();
        listed.sort();
        assert_eq!(found, listed);
    }

    #[test]
    fn every_step_that_always_runs_has_its_minutes() {
        let named: BTreeSet<String> = short().unwrap().into_iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(named, Ledger::read().unwrap().short.into_keys().collect());
    }

    /// A busy machine needs the expected minutes, and then the last step must still begin. The files that take turns count
    /// with the longest.
    #[test]
    fn the_ledger_fits_whichever_groups_run() {
        let ledger = Ledger::read().unwrap();
        let mut turns = BTreeMap::<_, u64>::new();
        for (number, test) in ledger.long.iter().enumerate() {
            let own = number.to_string();
            let longest = turns.entry(test.turns.as_ref().unwrap_or(&own).clone()).or_default();
            *longest = test.minutes.max(*longest);
        }
        let minutes = ledger.short.values().chain(turns.values()).sum::<u64>();
        assert!(minutes <= BUDGET.as_secs() / 60, "{minutes} minutes: the last step could not begin");
    }

    /// Every group runs within some number of commits, and each commit runs one file of those that take turns.
    #[test]
    fn each_group_has_its_turn() {
        let ledger = Ledger::read().unwrap();
        let mut missing: BTreeSet<(usize, usize)> = BTreeSet::new();
        for (number, test) in ledger.long.iter().enumerate() {
            missing.extend((0..test.groups.len().max(1)).map(|group| (number, group)));
        }
        for turn in 0..120 {
            let groups = ledger.groups(turn);
            let mut begun = BTreeSet::new();
            for (number, test) in ledger.long.iter().enumerate() {
                let Some(group) = groups[number] else { continue };
                missing.remove(&(number, group));
                if let Some(word) = &test.turns {
                    assert!(begun.insert(word), "{word}: two files at turn {turn}");
                }
            }
            let words: BTreeSet<_> = ledger.long.iter().filter_map(|test| test.turns.as_ref()).collect();
            assert_eq!(begun, words, "turn {turn}");
        }
        assert_eq!(missing, BTreeSet::new());
    }

    /// A long test in no group would never run.
    #[test]
    fn groups_hold_every_long_test_of_their_file_once() {
        let mut tests = ignored_tests();
        for test in Ledger::read().unwrap().long.into_iter().filter(|test| !test.groups.is_empty()) {
            let mut found = tests.remove(&(test.package, test.target.clone())).unwrap_or_default();
            let mut listed = test.groups.concat();
            found.sort();
            listed.sort();
            assert_eq!(found, listed, "{}", test.target);
            assert!(test.groups.iter().all(|group| !group.is_empty()), "{}", test.target);
        }
    }

    #[test]
    fn one_group_runs_at_each_commit_and_the_others_are_named() {
        let groups = vec![vec!["long_a".to_owned()], vec!["long_b".to_owned()], vec!["long_c".to_owned()]];
        let test =
            Long { package: "p".to_owned(), target: "t".to_owned(), minutes: 1000, groups, turns: None };
        // More minutes than there are: nothing is begun, whoever's turn it is.
        let steps = long(&test, Some(1), std::time::Instant::now(), Path::new("/nowhere")).unwrap();
        let outcomes: Vec<_> = steps.iter().map(|step| (step.name.as_str(), step.outcome)).collect();
        assert_eq!(
            outcomes,
            [
                ("test --long: p t, group 1 of 3", Outcome::Rotated),
                ("test --long: p t, group 2 of 3", Outcome::NotBegun),
                ("test --long: p t, group 3 of 3", Outcome::Rotated),
            ]
        );
    }

    #[test]
    fn a_group_runs_by_the_exact_names_of_its_tests() {
        let named = crate::test::long_target("p", "t", &["long_a".to_owned(), "long_b".to_owned()]);
        assert_eq!(named.to_string(), "cargo test --package p --test t -- --ignored --exact long_a long_b");
        let all = crate::test::long_target("p", "t", &[]);
        assert_eq!(all.to_string(), "cargo test --package p --test t -- --ignored long_");
    }

    #[test]
    fn a_step_that_was_not_begun_fails_the_run_unless_it_is_excused() {
        let excused = vec![Excused { step: "b".to_owned(), reason: "no such machine".to_owned() }];
        let ledger = Ledger { short: BTreeMap::new(), long: Vec::new(), excused };
        assert!(ledger.refuses("a", Outcome::NotBegun) && !ledger.refuses("b", Outcome::NotBegun));
        assert!(ledger.refuses("b", Outcome::Failed) && !ledger.refuses("a", Outcome::Done));
        assert!(!ledger.refuses("a", Outcome::Rotated));
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
