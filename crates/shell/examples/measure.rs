//! Measures how many scripts of real packages are followed: `cargo run -p crossdock-shell --example measure -- DIRECTORY`.
//!
//! The directory holds one directory per package, with the package's files below. Every file that begins with `#!` and a
//! shell counts as a script. Each is read by the real shell (`-n`) and by us, then followed with the arguments `app --flag`
//! and an image's usual environment. Set `VERBOSE` as a second argument to list what was not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossdock_shell::{
    Dialect, EndKind, Entry, Environment, Executable, Files, Outcome, Start, Value, check, follow,
};

/// The files of a package, and those of this machine. A program that neither has is unknown: another package may have it.
struct Package {
    root: PathBuf,
}

impl Package {
    fn paths(&self, path: &str) -> [PathBuf; 2] {
        [self.root.join(path.trim_start_matches('/')), PathBuf::from(path)]
    }
}

impl Files for Package {
    fn entry(&self, path: &str) -> Entry {
        let Some(found) = self.paths(path).iter().find_map(|path| fs::metadata(path).ok()) else {
            return if path.contains("bin/") { Entry::Unknown } else { Entry::Absent };
        };
        match (found.is_dir(), found.is_file()) {
            (true, _) => Entry::Directory,
            (_, true) => Entry::File(executable(&found)),
            _ => Entry::Other,
        }
    }

    fn entries(&self, directory: &str) -> Option<Vec<String>> {
        let found = self.paths(directory).into_iter().filter_map(|path| fs::read_dir(path).ok()).flatten();
        let names: BTreeSet<String> =
            found.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        Some(names.into_iter().collect())
    }

    fn canonical(&self, path: &str) -> Option<String> {
        let inside = self.root.join(path.trim_start_matches('/'));
        if inside.exists() {
            return Some(path.to_owned());
        }
        fs::canonicalize(path).ok()?.to_str().map(str::to_owned)
    }

    fn is_link(&self, path: &str) -> Option<bool> {
        Some(
            self.paths(path)
                .iter()
                .any(|path| fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())),
        )
    }

    fn output(&self, words: &[&str]) -> Option<String> {
        match words {
            ["uname"] | ["uname", "-s"] => Some("Linux".to_owned()),
            ["uname", "-m"] | ["arch"] => Some("x86_64".to_owned()),
            _ => None,
        }
    }

    fn text(&self, path: &str) -> Option<Vec<u8>> {
        self.paths(path).iter().find_map(|path| fs::read(path).ok())
    }
}

#[cfg(unix)]
fn executable(found: &fs::Metadata) -> Executable {
    use std::os::unix::fs::PermissionsExt as _;
    if found.permissions().mode() & 0o111 != 0 { Executable::Yes } else { Executable::No }
}

#[cfg(not(unix))]
fn executable(_: &fs::Metadata) -> Executable {
    Executable::Unknown
}

#[derive(Default)]
struct Count {
    scripts: usize,
    packages: BTreeSet<String>,
    refused_by_shell: usize,
    wrong_syntax: Vec<String>,
    final_known: usize,
    all_known: usize,
    causes: BTreeMap<String, usize>,
    unknown: Vec<String>,
    slowest: Duration,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().ok_or("usage: measure DIRECTORY [VERBOSE]")?);
    let verbose = arguments.next().is_some();
    let mut count = Count::default();
    for package in fs::read_dir(&directory)? {
        let package = package?;
        let mut scripts = Vec::new();
        find_scripts(&package.path(), &mut scripts)?;
        for (path, text, dialect) in scripts {
            count.packages.insert(package.file_name().to_string_lossy().into_owned());
            measure(&mut count, &package.path(), &path, text, dialect)?;
        }
    }
    report(&count, verbose)
}

fn find_scripts(
    directory: &Path,
    found: &mut Vec<(PathBuf, Vec<u8>, Dialect)>,
) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let kind = fs::symlink_metadata(&path)?;
        if kind.is_dir() {
            find_scripts(&path, found)?;
        } else if kind.is_file() {
            let text = fs::read(&path)?;
            if let Some(dialect) = dialect(&text) {
                found.push((path, text, dialect));
            }
        }
    }
    Ok(())
}

/// Returns the shell of a script's first line.
fn dialect(text: &[u8]) -> Option<Dialect> {
    let line = text.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line.strip_prefix(b"#!")?).ok()?;
    let mut words = line.split_whitespace();
    let program = words.next()?;
    let program =
        if program.ends_with("/env") { words.find(|word| !word.starts_with('-'))? } else { program };
    Dialect::of_program(program)
}

#[expect(clippy::disallowed_methods, reason = "the real shell decides whether a script is one")]
fn shell(dialect: Dialect) -> std::process::Command {
    std::process::Command::new(if dialect == Dialect::Bash { "bash" } else { "dash" })
}

fn measure(
    count: &mut Count,
    root: &Path,
    path: &Path,
    text: Vec<u8>,
    dialect: Dialect,
) -> Result<(), Box<dyn Error>> {
    count.scripts += 1;
    let accepted = shell(dialect).arg("-n").arg(path).output()?.status.success();
    let ours = check(&text, dialect);
    count.refused_by_shell += usize::from(!accepted);
    if accepted != ours.is_ok() {
        count.wrong_syntax.push(format!("{}: {ours:?}", path.display()));
    }
    let name = Path::new("/").join(path.strip_prefix(root)?).display().to_string();
    let start = Start {
        dialect,
        name: Value::from(name),
        arguments: vec!["app".into(), "--flag".into()],
        environment: Environment::only([
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", "/root"),
        ]),
        user: Some(0),
        ..Start::new(text)
    };
    let before = Instant::now();
    let outcome = follow(&start, &Package { root: root.to_owned() });
    let took = before.elapsed();
    count.slowest = count.slowest.max(took);
    if is_final_known(&outcome) {
        count.final_known += 1;
    } else {
        let what = format!("{}: {:?} {:?}", path.display(), outcome.ends, outcome.unfollowed);
        count.unknown.push(what);
    }
    count.all_known += usize::from(outcome.unfollowed.is_empty());
    let causes: BTreeSet<String> =
        outcome.unfollowed.iter().map(|found| format!("{:?}", found.cause)).collect();
    for cause in causes {
        *count.causes.entry(cause).or_default() += 1;
    }
    Ok(())
}

/// Whether every way in which the script ends is known, with the program that remains.
fn is_final_known(outcome: &Outcome) -> bool {
    let program = |index: usize| outcome.programs[index].words[0].text().is_some();
    outcome.ends.iter().all(|end| match end.kind {
        EndKind::Exec(index) | EndKind::Last(index) => program(index),
        EndKind::Unknown => false,
        EndKind::Exit(_) | EndKind::Fails { .. } | EndKind::Waits | EndKind::Forever => true,
    })
}

fn report(count: &Count, verbose: bool) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let share = |part: usize| 100.0 * part as f64 / count.scripts.max(1) as f64;
    writeln!(out, "{} scripts of {} packages", count.scripts, count.packages.len())?;
    writeln!(
        out,
        "{} refused by their shell, {} read differently by us",
        count.refused_by_shell,
        count.wrong_syntax.len()
    )?;
    writeln!(out, "final program known: {} ({:.1} %)", count.final_known, share(count.final_known))?;
    writeln!(out, "everything followed: {} ({:.1} %)", count.all_known, share(count.all_known))?;
    writeln!(out, "scripts by cause: {:?}", count.causes)?;
    writeln!(out, "slowest: {:?}", count.slowest)?;
    for line in count.wrong_syntax.iter().chain(count.unknown.iter().filter(|_| verbose)) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
