//! `crossdock verify`: this project's images, or things that somebody else built.

use std::path::Path;

use camino::Utf8Path;
use crossdock_oci::{ImageSource, may_be_archive};
use crossdock_verify::{Report, Verdict};

use super::arguments::{Building, Strictness, VerifyArguments};
use super::error::{CommandError, Exit};
use super::session::Session;
use super::{dist, output};
use crate::ui;
use crossdock_runner::execute::Scope;
use crossdock_runner::plan::{Goal, Target};
use crossdock_runner::report::TargetReport;
use crossdock_subjects::{Planned, of_itself, unreadable, verify, verify_file};

pub(super) fn run(session: &Session, arguments: &VerifyArguments) -> Result<Exit, CommandError> {
    if arguments.subjects.is_empty() {
        return project(session, arguments);
    }
    let targets = session.targets(&arguments.selection)?;
    let temporary = session.environment.temporary_directory();
    let mut worst = Verdict::Starts;
    for subject in &arguments.subjects {
        let path = session.environment.directory.join(subject);
        for (name, reports) in judged(&path, &targets, arguments.strictness, &temporary)? {
            worst = worst.max(show(session, &name, reports)?);
        }
    }
    Ok(exit(worst, arguments.strictness))
}

fn project(session: &Session, arguments: &VerifyArguments) -> Result<Exit, CommandError> {
    let building = Building { selection: arguments.selection.clone(), ..Building::default() };
    let plan = session.plan(&building, Goal::Verify, None)?.plan;
    let (report, error) = match dist::execute_plan(session, &plan, arguments.strictness, None) {
        Ok(report) => (report, None),
        Err(failure) => (failure.report, Some(failure.error)),
    };
    let mut worst = Verdict::Starts;
    for image in report.images.iter().filter(|image| !image.verdicts.is_empty()) {
        let name = image.references.first().unwrap_or(&image.name);
        worst = worst.max(show(session, name, image.verdicts.clone())?);
    }
    match error {
        Some(error) => Err(dist::edge(session, &error, &report)),
        None => Ok(exit(worst, arguments.strictness)),
    }
}

fn exit(worst: Verdict, strictness: Strictness) -> Exit {
    match worst {
        Verdict::Fails => Exit::No,
        Verdict::Unproven if strictness.strict => Exit::No,
        _ => Exit::Done,
    }
}

/// Shows the verdicts on one subject and returns the gravest.
fn show(session: &Session, name: &str, targets: Vec<TargetReport>) -> Result<Verdict, CommandError> {
    let worst = targets.iter().map(|target| target.verdict).max().unwrap_or(Verdict::Unproven);
    if session.json() {
        for target in targets {
            let line = Report::new(name, target.for_, target.findings);
            let line =
                serde_json::to_string(&line).map_err(|error| CommandError::new(Exit::InputOutput, &error))?;
            output::answer(&line)?;
        }
    } else {
        output::answer(&ui::verdicts(name, &targets))?;
    }
    Ok(worst)
}

/// The verdicts on a file or folder: one list for each image in it.
fn judged(
    path: &Utf8Path,
    targets: &[Target],
    strictness: Strictness,
    temporary: &Path,
) -> Result<Vec<(String, Vec<TargetReport>)>, CommandError> {
    let failed = |error: &dyn std::error::Error| {
        let error = CommandError::new(Exit::InputOutput, error);
        CommandError { message: format!("{path}: {}", error.message), ..error }
    };
    let metadata = std::fs::metadata(path).map_err(|error| failed(&error))?;
    if !metadata.is_dir() && !metadata.is_file() {
        let message =
            format!("{path} is a pipe, a socket or a device: write what comes from it into a file first");
        return Err(CommandError::message(Exit::InputOutput, message));
    }
    if !metadata.is_dir() && !may_be_archive(path.as_std_path()).map_err(|error| failed(&error))? {
        return program(path, &metadata, targets).map(|reports| vec![(path.to_string(), reports)]);
    }
    let source = match ImageSource::open(path.as_std_path(), temporary) {
        Ok(source) => source,
        // What is compressed and no archive is judged as the program that somebody took it for.
        Err(error) if error.is_no_archive() && !targets.is_empty() => {
            return program(path, &metadata, targets).map(|reports| vec![(path.to_string(), reports)]);
        }
        Err(error) => return Err(CommandError::new(Exit::InputOutput, &error)),
    };
    if source.images().is_empty() {
        return Err(CommandError::message(Exit::InputOutput, format!("{path} holds no image")));
    }
    let scope = if strictness.all { Scope::All } else { Scope::Planned };
    let judged = source.images().iter().map(|image| {
        let own: Vec<Target> =
            image.platforms.iter().filter_map(|found| of_itself(found.platform())).collect();
        let targets = if targets.is_empty() { &own } else { targets };
        let reports = verify(&source, image, targets, &Planned::new(), scope, temporary)
            .map_err(|error| failed(&error).hint(AGAIN))?;
        let silent = image.platforms.iter().filter(|found| of_itself(found.platform()).is_none());
        let reports = reports.into_iter().chain(silent.map(|found| unreadable(found.platform())));
        Ok((format!("{path}@{}", image.descriptor.digest), reports.collect()))
    });
    judged.collect()
}

const AGAIN: &str = "nothing can be said of an image that is damaged: build, pull or copy it again";

/// A program is read into memory; the largest known ones have some hundred million bytes.
const LARGEST: u64 = 4 << 30;

fn program(
    path: &Utf8Path,
    metadata: &std::fs::Metadata,
    targets: &[Target],
) -> Result<Vec<TargetReport>, CommandError> {
    if targets.is_empty() {
        let message = format!(
            "{path} is a program; say where it shall start, as `--for linux/arm64` or `--for m7g.large`"
        );
        return Err(CommandError::message(Exit::Usage, message));
    }
    if metadata.len() > LARGEST {
        let message =
            format!("{path} has {} bytes, more than any program: nothing can be said of it", metadata.len());
        return Err(CommandError::message(Exit::InputOutput, message));
    }
    let bytes = std::fs::read(path)
        .map_err(|error| CommandError::message(Exit::InputOutput, format!("{path}: {error}")))?;
    let mode = mode(metadata);
    Ok(targets.iter().map(|target| verify_file(path.as_str(), &bytes, mode, target)).collect())
}

#[cfg(unix)]
fn mode(metadata: &std::fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    Some(metadata.permissions().mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &std::fs::Metadata) -> Option<u32> {
    None
}
