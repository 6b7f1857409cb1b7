//! Compares what we say about scripts with what real shells do.
//!
//! Each script runs in a real shell whose PATH is a directory of programs that record their arguments. The scripts have
//! nothing unknown in them, so both lists of runs must be equal, and so must the exit status where we tell one.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crossdock_shell::{
    Dialect, EndKind, Entry, Environment, Executable, Files, Found, Program, Start, Value, check, follow,
};

/// The programs in PATH. `fail` exits with 1.
const PROGRAMS: [&str; 10] = ["id", "a", "b", "c", "app", "gosu", "tini", "java", "server", "fail"];

/// Programs of a directory that record their runs, too. `40-link` leads to the first.
const HOOKS: [&str; 3] = ["10-first", "20-second", "deep/30"];

/// Programs of the machine that scripts ask. They leave no record.
const TOOLS: [&str; 9] = ["cat", "sort", "find", "run-parts", "dirname", "readlink", "head", "which", "sed"];

/// The file system of this machine.
struct Machine;

impl Files for Machine {
    fn entry(&self, path: &str) -> Entry {
        let Ok(found) = fs::metadata(path) else { return Entry::Absent };
        if found.is_dir() {
            return Entry::Directory;
        }
        let executable = found.permissions().mode() & 0o111 != 0;
        if found.is_file() {
            Entry::File(if executable { Executable::Yes } else { Executable::No })
        } else {
            Entry::Other
        }
    }

    fn entries(&self, directory: &str) -> Option<Vec<String>> {
        let Ok(entries) = fs::read_dir(directory) else { return Some(Vec::new()) };
        Some(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
    }

    fn text(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(path).ok()
    }

    fn canonical(&self, path: &str) -> Option<String> {
        fs::canonicalize(path).ok()?.to_str().map(str::to_owned)
    }

    fn is_link(&self, path: &str) -> Option<bool> {
        Some(fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()))
    }

    fn may_change_files(&self, words: &[&str]) -> bool {
        let name = base_name(words[0]);
        !PROGRAMS.contains(&name) && !TOOLS.contains(&name) && !words[0].contains("hooks/")
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns a program's words as it records them.
fn recorded(program: &Program) -> String {
    let words = program.words.iter().map(Value::to_string).enumerate();
    let words = words.map(|(at, word)| if at == 0 { base_name(&word).to_owned() } else { word });
    words.collect::<Vec<_>>().join("\x1f")
}

/// Held while a test runs. A process that another thread starts inherits the open file of a program that is being written, for
/// a moment, and Linux refuses to execute a file that is open for writing.
static ALONE: Mutex<()> = Mutex::new(());

/// A directory with programs that record their runs, removed at the end.
struct Stage {
    directory: PathBuf,
}

impl Stage {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let directory = target.join(format!("shell-{}-{number}", std::process::id()));
        fs::create_dir_all(directory.join("bin")).unwrap();
        let log = directory.join("log");
        // One write each, so that programs that run at the same time do not mix their lines.
        let text = format!(
            "#!/bin/dash\nline=${{0##*/}}\nfor word; do line=\"$line\x1f$word\"; done\nprintf '%s\\n' \"$line\" >> '{}'\n\
             case ${{0##*/}} in fail) exit 1;; id) echo 0;; esac\n",
            log.display()
        );
        for program in PROGRAMS {
            let path = directory.join("bin").join(program);
            write(&path, &text);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for tool in TOOLS {
            let places = ["/usr/bin", "/bin"].map(|place| Path::new(place).join(tool));
            let place = places.iter().find(|place| place.exists());
            let place = place.unwrap_or_else(|| panic!("this test needs `{tool}`"));
            std::os::unix::fs::symlink(place, directory.join("bin").join(tool)).unwrap();
        }
        write(&directory.join("bin/refused"), "");
        write(&directory.join("sourced.sh"), "x=sourced; b from sourced\n");
        fs::create_dir_all(directory.join("parts")).unwrap();
        write(&directory.join("parts/1.sh"), "a one\n");
        write(&directory.join("parts/2.sh"), "a two\n");
        write(&directory.join("parts/notes.txt"), "no script\n");
        write(&directory.join("lines"), "one 1\ntwo  2 x\n\nlast");
        fs::create_dir_all(directory.join("hooks/deep")).unwrap();
        for hook in HOOKS {
            let path = directory.join("hooks").join(hook);
            write(&path, &text);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        write(&directory.join("hooks/30-off"), &text);
        write(&directory.join("hooks/notes.txt"), "");
        std::os::unix::fs::symlink("10-first", directory.join("hooks/40-link")).unwrap();
        Self { directory }
    }

    /// Runs a script. Returns the runs that the programs recorded, and the exit status.
    fn run(&self, shell: &[&str], script: &str, arguments: &[&str]) -> (Vec<String>, Option<i32>) {
        let log = self.directory.join("log");
        if log.exists() {
            fs::remove_file(&log).unwrap();
        }
        let path = self.directory.join("script");
        write(&path, script);
        let mut command = program(shell[0]);
        command.args(&shell[1..]).arg("./script").args(arguments).current_dir(&self.directory);
        command.env_clear().env("PATH", self.directory.join("bin")).env("HOME", "/home/user");
        let output = output(&mut command, shell[0]);
        let text = fs::read_to_string(&log).unwrap_or_default();
        (text.split_terminator('\n').map(str::to_owned).collect(), output.status.code())
    }

    fn start(&self, dialect: Dialect, script: &str, arguments: &[&str]) -> Start {
        let path = self.directory.join("bin").display().to_string();
        Start {
            dialect,
            name: Value::from("./script"),
            arguments: arguments.iter().map(|word| Value::from(*word)).collect(),
            environment: Environment::only([("PATH", path.as_str()), ("HOME", "/home/user")]),
            directory: Value::from(self.directory.display().to_string()),
            user: Some(0),
            ..Start::new(script)
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.directory));
    }
}

#[expect(clippy::disallowed_methods, reason = "the stage is new, and no other process reads it")]
fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a test that compares with real shells has to start them")]
fn program(name: &str) -> Command {
    Command::new(name)
}

fn output(command: &mut Command, shell: &str) -> Output {
    let package = match shell.rsplit('/').next() {
        Some("busybox") => "busybox-static",
        name => name.unwrap(),
    };
    command.output().unwrap_or_else(|error| {
        panic!("this test needs `{shell}`, e.g. `apt-get install {package}`: {error}")
    })
}

fn shells(dialects: &str) -> impl Iterator<Item = (Dialect, &'static [&'static str])> {
    let all: [(char, Dialect, &[&str]); 3] = [
        ('d', Dialect::Dash, &["/bin/dash"]),
        ('b', Dialect::Bash, &["/bin/bash"]),
        ('a', Dialect::Ash, &["/bin/busybox", "ash"]),
    ];
    let chosen = all.into_iter().filter(|(letter, ..)| dialects.contains(*letter));
    chosen.map(|(_, dialect, shell)| (dialect, shell))
}

/// Scripts: the dialects (dash, bash, ash) in which they behave the same, with `u` if the status of a program decides; the
/// script; its arguments.
const SCRIPTS: &[(&str, &str, &[&str])] = &include!("scripts.in");

#[test]
fn scripts_run_the_programs_that_we_say() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let stage = Stage::new();
    let mut wrong = Vec::new();
    for (dialects, script, arguments) in SCRIPTS {
        for (dialect, shell) in shells(dialects) {
            let (runs, status) = stage.run(shell, script, arguments);
            let outcome = follow(&stage.start(dialect, script, arguments), &Machine);
            // A missing program leaves no record.
            let found = |program: &&Program| matches!(program.found, Found::At(_));
            let mut said: Vec<String> = outcome
                .programs
                .iter()
                .filter(found)
                .map(recorded)
                .filter(|line| !TOOLS.iter().any(|tool| line.split('\x1f').next() == Some(tool)))
                .collect();
            let mut runs = runs;
            // Programs of a pipeline or in the background run in any order.
            if [" | ", " |& ", " & "].iter().any(|operator| script.contains(operator)) {
                said.sort();
                runs.sort();
            }
            let our_status = match outcome.ends.as_slice() {
                [end] => match end.kind {
                    EndKind::Exit(status) => status,
                    EndKind::Fails { status, .. } => Some(status),
                    _ => None,
                },
                _ => None,
            };
            let same_status = our_status.is_none_or(|ours| Some(i32::from(ours)) == status);
            let is_certain = outcome.programs.iter().filter(found).all(|program| program.certain);
            // Whether a program fails is not known: its status may decide what follows.
            let is_decided = !dialects.contains('u');
            let same_runs = if is_decided { said == runs } else { contains_in_order(&said, &runs) };
            if !same_runs || !same_status || !outcome.unfollowed.is_empty() || is_certain != is_decided {
                wrong.push(format!(
                    "{dialect:?}: {script}\n  real: {runs:?} {status:?}\n  ours: {said:?} {:?}\n  {:?} certain {is_certain}",
                    outcome.ends, outcome.unfollowed
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), SCRIPTS.len(), wrong.join("\n"));
}

/// Whether all items are in a list in their order.
fn contains_in_order(list: &[String], items: &[String]) -> bool {
    let mut list = list.iter();
    items.iter().all(|item| list.any(|other| other == item))
}

/// Texts for `-n`: each is read by every shell, and ours must agree with it whether it is a script.
const TEXTS: &[&str] = &include!("texts.in");

#[test]
fn syntax_errors_are_those_of_the_shells() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let stage = Stage::new();
    let path = stage.directory.join("text");
    let mut wrong = Vec::new();
    for text in TEXTS {
        write(&path, text);
        for (dialect, shell) in shells("dba") {
            let mut command = program(shell[0]);
            command.args(&shell[1..]).args(["-n", "./text"]).current_dir(&stage.directory).env_clear();
            let output = output(&mut command, shell[0]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let ours = check(text.as_bytes(), dialect);
            // Bash accepts here-documents without an end with a warning.
            let refused = !output.status.success();
            let same_words = match (&ours, dialect) {
                (Err(error), Dialect::Dash) => {
                    said.contains(&format!(": {}: Syntax error: {}", error.position.line, error.message))
                }
                _ => true,
            };
            if refused != ours.is_err() || !same_words {
                wrong.push(format!("{dialect:?}: {text:?}\n  real: {said:?}\n  ours: {ours:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), TEXTS.len(), wrong.join("\n"));
}
