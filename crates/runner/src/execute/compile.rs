//! Runs the compilers, and finds the programs that they make.

mod go_progress;
mod kept;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Message as CargoMessage, PackageId};
use crossdock_fs::{FileLock, FileStamp, read_regular_no_follow, write_record};
use crossdock_oci::Digest;
use crossdock_system::process::{Command, OutputLine};
use crossdock_toolchain::choice::Wrapper;

use go_progress::{GoProgress, naming_packages};
use kept::{Kept, Records};

use super::error::{file_error, other_file_error};
use super::observer::{Reporter, ToolLine};
use super::output::{create_directory, create_output_directory, remove_file, wait_for};
use super::{Color, ExecuteError, StepContext, into_inner, lock, too_early};
use crate::plan::{Artifact, CargoBuild, CargoProgram, GoBuild, ImagePlan, ProgramPlan};
use crate::text::short_hash;

impl StepContext<'_> {
    /// Writes a script that a compiler calls in place of a tool, or a file of settings for it.
    pub(super) fn write_wrapper(&self, wrapper: &Wrapper) -> Result<String, ExecuteError> {
        let path = &wrapper.path;
        if let Some(directory) = path.parent() {
            create_directory(directory)?;
        }
        crossdock_fs::write_executable(path.as_std_path(), wrapper.content.as_bytes())
            .map_err(other_file_error(path))?;
        Ok(String::new())
    }

    pub(super) fn cargo(&self, build: &CargoBuild, reporter: &Reporter<'_>) -> Result<String, ExecuteError> {
        let found: Mutex<BTreeMap<Artifact, Utf8PathBuf>> = Mutex::default();
        // Presentation only, and therefore not part of the plan: neither colours nor a progress bar change what is
        // compiled.
        let color = match self.color {
            Color::Always => "always",
            Color::Never => "never",
        };
        let command = build
            .command
            .clone()
            .env("CARGO_TERM_PROGRESS_WHEN", "always")
            // Without a terminal cargo draws its bar only if it is told a width too (The Cargo Book,
            // `term.progress.when`).
            .env("CARGO_TERM_PROGRESS_WIDTH", "120")
            .env("CARGO_TERM_COLOR", color);
        let _builds = build.copies.as_ref().map(|_| self.lock_target_directory(build)).transpose()?;
        let status = self.processes.stream(&command, &|line| match line {
            // The plan's `--message-format=json-render-diagnostics` makes cargo write JSON to standard output and
            // leaves the compiler's own text on standard error.
            OutputLine::Stdout(message) => lock(&found).extend(programs(message, &build.programs)),
            OutputLine::Stderr(line) => reporter.line(read_cargo_line(line)),
        })?;
        if !status.success() {
            return Err(ExecuteError::Compiler { command: build.command.to_string(), status });
        }
        let mut found = into_inner(found);
        // A feature that a program requires may be off, and cargo then succeeds without building it.
        if let Some(lost) = build.programs.iter().find(|program| !found.contains_key(&program.artifact)) {
            return Err(not_made(&lost.artifact, &build.command));
        }
        if let Some(copies) = &build.copies {
            found.iter_mut().try_for_each(|(artifact, program)| copy_program(copies, artifact, program))?;
        }
        let found = found.into_iter().map(|(artifact, path)| (artifact, Compiled { path, known: None }));
        lock(&self.state).artifacts.extend(found);
        Ok(String::new())
    }

    /// Locks a target directory that projects share. Cargo writes programs of one name to one path, whichever project they
    /// are from, and its own lock ends with it: the next build could replace a program before it is packed.
    fn lock_target_directory(&self, build: &CargoBuild) -> Result<FileLock, ExecuteError> {
        let directory = build.target_directory.join("crossdock");
        let elsewhere = "give cargo another target directory, e.g. with CARGO_TARGET_DIR";
        create_output_directory(&directory, elsewhere)?;
        let path = directory.join(".lock");
        wait_for(self.cancel, Duration::from_millis(50), || {
            let acquired = FileLock::try_acquire(path.as_std_path());
            Ok(acquired.map_err(|error| file_error(&path)(error.source))?.ok())
        })
    }

    pub(super) fn go(&self, build: &GoBuild, reporter: &Reporter<'_>) -> Result<String, ExecuteError> {
        create_directory(&build.output)?;
        // Before the programs are compiled: pruning could otherwise remove one between its compilation and its
        // packing.
        self.protect_programs(&build.output)?;
        // Images may share a program.
        let programs: BTreeSet<&Utf8PathBuf> = build.programs.iter().map(|(_, program)| program).collect();
        let mut records = Records::read(&build.output);
        let kept = programs.iter().map(|program| Ok((*program, records.find(program)?)));
        let kept: BTreeMap<&Utf8PathBuf, Option<Kept>> = kept.collect::<Result<_, ExecuteError>>()?;
        let progress = GoProgress::new(&build.packages);
        let status = self.processes.stream(&naming_packages(&build.command), &|line| {
            let (OutputLine::Stdout(text) | OutputLine::Stderr(text)) = line;
            reporter.line(progress.read(text));
        })?;
        if !status.success() {
            return Err(ExecuteError::Compiler { command: build.command.to_string(), status });
        }
        if let Some((lost, _)) = build.programs.iter().find(|(_, path)| !path.is_file()) {
            return Err(not_made(lost, &build.command));
        }
        let mut known = BTreeMap::new();
        for (program, kept) in &kept {
            known.insert(*program, records.compiled(program, kept.as_ref())?);
        }
        records.write()?;
        let artifacts = build.programs.iter().filter_map(|(artifact, path)| {
            known.get(path).map(|compiled| (artifact.clone(), compiled.clone()))
        });
        lock(&self.state).artifacts.extend(artifacts);
        Ok(String::new())
    }

    /// Returns a program that an earlier step compiled.
    pub(super) fn compiled(
        &self,
        image: &ImagePlan,
        program: &ProgramPlan,
    ) -> Result<Compiled, ExecuteError> {
        let found = lock(&self.state).artifacts.get(&program.artifact).cloned();
        Ok(found.ok_or_else(|| too_early(image, format!("program `{}`", program.artifact.0)))?)
    }
}

/// A program that this run compiled, or found up to date.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub(super) path: Utf8PathBuf,
    /// Its digest, with the stamp that the file had then; `None` if it was not read.
    pub(super) known: Option<(Digest, FileStamp)>,
}

/// The file with the stamps of a program and of its copy.
const COPIED: &str = ".copied";

/// The longest such file that is read, in bytes.
const RECORD_LIMIT: u64 = 1024;

/// Copies a program to a path of its own, which replaces `program`. A copy that an earlier run made of the same file is kept.
fn copy_program(
    copies: &Utf8Path,
    artifact: &Artifact,
    program: &mut Utf8PathBuf,
) -> Result<(), ExecuteError> {
    let directory = copies.join(short_hash(&artifact.0));
    create_directory(&directory)?;
    // A release archive takes the name of the file.
    let copy = directory.join(program.file_name().unwrap_or("program"));
    let record = directory.join(COPIED);
    let original = FileStamp::of(program.as_std_path()).filter(FileStamp::is_final);
    let line = |copy: Option<FileStamp>| Some(format!("{}\n{}\n", original.as_ref()?, copy?));
    let known = read_regular_no_follow(record.as_std_path(), RECORD_LIMIT).ok();
    if known.is_none() || known != line(FileStamp::of(copy.as_std_path())).map(String::into_bytes) {
        remove_file(&record)?;
        remove_file(&copy)?;
        std::fs::copy(&*program, &copy).map_err(file_error(program))?;
        if let Some(line) = line(FileStamp::seal(copy.as_std_path()).ok().flatten()) {
            write_record(&record, line.as_bytes()).map_err(other_file_error(&record))?;
        }
    }
    *program = copy;
    Ok(())
}

fn not_made(program: &Artifact, command: &Command) -> ExecuteError {
    ExecuteError::NotMade { output: program.0.clone(), command: command.to_string() }
}

/// Returns the programs that a message of cargo announces: several where images share one.
///
/// Cargo's artifact messages do not name the triple. The Cargo Book ("Build cache") says where programs of `--target`
/// are: in the directory of that name, below the target directory.
fn programs(message: &str, wanted: &[CargoProgram]) -> Vec<(Artifact, Utf8PathBuf)> {
    // Build scripts and procedural macros print lines of their own between cargo's messages.
    let Ok(CargoMessage::CompilerArtifact(made)) = serde_json::from_str(message) else { return Vec::new() };
    // Libraries and build scripts are announced in the same way, without an executable.
    let Some(path) = made.executable else { return Vec::new() };
    let is_it = |program: &&CargoProgram| {
        made.package_id == PackageId { repr: program.package.clone() }
            && made.target.name == program.binary
            && made.target.is_bin()
            && triple_directory(&path) == Some(program.triple.as_str())
    };
    wanted.iter().filter(is_it).map(|program| (program.artifact.clone(), path.clone())).collect()
}

/// Returns `TRIPLE` of `…/TRIPLE/PROFILE/PROGRAM`.
fn triple_directory(program: &Utf8Path) -> Option<&str> {
    program.parent()?.parent()?.file_name()
}

/// Classifies a line of cargo's standard error.
fn read_cargo_line(line: &str) -> ToolLine<'_> {
    // Cargo redraws its bar with carriage returns and escape sequences.
    let plain = anstream::adapter::strip_str(line.trim_start()).to_string();
    let Some((verb, rest)) = plain.trim_start().split_once(' ') else { return ToolLine::output(line) };
    match verb {
        "Building" if rest.contains('[') => read_bar(rest)
            .map_or(ToolLine::Blank, |(done, total, what)| ToolLine::Progress { done, total, what }),
        "Compiling" | "Fresh" | "Finished" | "Downloading" | "Downloaded" | "Updating" | "Locking"
        | "Blocking" | "Adding" | "Checking" => ToolLine::Verbose(line),
        _ => ToolLine::output(line),
    }
}

/// Reads `[=====>     ] 37/120: serde, tokio`.
fn read_bar(text: &str) -> Option<(u64, u64, String)> {
    let (_, counted) = text.split_once(']')?;
    let (count, what) = counted.trim().split_once(':').unwrap_or((counted.trim(), ""));
    let (done, total) = count.split_once('/')?;
    Some((done.trim().parse().ok()?, total.trim().parse().ok()?, what.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_bar_of_cargo_is_read() {
        let line =
            read_cargo_line("\u{1b}[1m\u{1b}[92m    Building\u{1b}[0m [====>     ] 37/120: serde, tokio");
        assert_eq!(line, ToolLine::Progress { done: 37, total: 120, what: "serde, tokio".to_owned() });
        assert_eq!(
            read_cargo_line("error[E0308]: mismatched types"),
            ToolLine::output("error[E0308]: mismatched types")
        );
        assert_eq!(read_cargo_line("   Compiling serde v1.0"), ToolLine::Verbose("   Compiling serde v1.0"));
    }

    #[cfg(unix)]
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test writes a program as cargo does, and damages its copy"
    )]
    fn a_copy_is_made_again_if_the_program_or_the_copy_changed() {
        use std::os::unix::fs::MetadataExt;
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let program = root.join("app");
        let write = |text: &str| {
            std::fs::write(&program, text).unwrap();
            while !FileStamp::of(program.as_std_path()).unwrap().is_final() {
                std::thread::sleep(Duration::from_millis(2));
            }
        };
        let copy = || {
            let mut path = program.clone();
            copy_program(&root.join("copies"), &Artifact("app".to_owned()), &mut path).unwrap();
            let metadata = std::fs::metadata(&path).unwrap();
            (std::fs::read_to_string(&path).unwrap(), path, (metadata.ctime(), metadata.ctime_nsec()))
        };
        write("one");
        let first = copy();
        assert_eq!((first.0.as_str(), copy()), ("one", first.clone()));
        write("two");
        let second = copy();
        assert_eq!(second.0, "two");
        std::fs::write(&second.1, "bad").unwrap();
        assert_eq!(copy().0, "two");
    }

    #[test]
    fn only_programs_of_the_plan_are_taken() {
        let wanted = CargoProgram {
            artifact: Artifact("app/app@linux/arm64#app".to_owned()),
            package: "path+file:///p#app@0.1.0".to_owned(),
            binary: "app".to_owned(),
            triple: "aarch64-unknown-linux-musl".to_owned(),
        };
        let message = |triple: &str, kind: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"path+file:///p#app@0.1.0","manifest_path":"/p/Cargo.toml","target":{{"kind":["{kind}"],"crate_types":["bin"],"name":"app","src_path":"/p/src/main.rs","edition":"2024","doc":true,"doctest":false,"test":true}},"profile":{{"opt_level":"3","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false}},"features":[],"filenames":["/t/{triple}/release/app"],"executable":"/t/{triple}/release/app","fresh":false}}"#
            )
        };
        let other_image =
            CargoProgram { artifact: Artifact("app/app@linux/arm64#other".to_owned()), ..wanted.clone() };
        let wanted = [wanted, other_image];
        let found = |message: &str| programs(message, &wanted);
        let path = Utf8PathBuf::from("/t/aarch64-unknown-linux-musl/release/app");
        assert_eq!(
            found(&message("aarch64-unknown-linux-musl", "bin")),
            wanted.clone().map(|wanted| (wanted.artifact, path.clone()))
        );
        assert_eq!(found(&message("x86_64-unknown-linux-musl", "bin")), []);
        assert_eq!(found(&message("aarch64-unknown-linux-musl", "example")), []);
        assert_eq!(found("not JSON: a build script printed this"), []);
    }
}
