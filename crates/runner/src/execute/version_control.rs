//! Keeps what a run writes out of git. A file that git sees would make the next build one of a changed checkout: its tags,
//! annotations and version would say `dirty`.
//!
//! Layouts and the directories that crossdock makes ignore themselves. This is about the others: cargo's directory, and
//! archives in a directory of the user's.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::{create_directory_no_follow, is_marked_output, write_atomically};
use crossdock_project::config::grammar::normalized_path;
use crossdock_project::{WrittenPath, checkout_root, seeing_checkout};
use crossdock_system::process::{Command, Processes};

use super::ExecuteError;
use super::error::other_file_error;
use super::output::is_absent_or_empty;
use crate::plan::{Action, Plan};

/// Makes a directory ignore itself. The text differs from that of crossdock's own output: a program in cargo's directory may
/// be somebody's input.
const IGNORE: &str = "# Written by crossdock, because cargo builds here and git ignored nothing of it.\n*\n";

/// Makes cargo's directories ignore themselves where git would see them.
///
/// # Errors
/// If git would see what the run writes, in a directory that holds files of the user's.
pub(super) fn keep_out(plan: &Plan, processes: &Processes) -> Result<(), ExecuteError> {
    for directory in cargo_directories(plan) {
        if builds_among_sources(plan, directory) {
            return Err(ExecuteError::BuildsAmongSources { path: directory.to_owned() });
        }
        let Some(checkout) = seeing_checkout(directory, WrittenPath::Directory, processes) else { continue };
        let may_ignore_itself = !directory.join(".gitignore").exists()
            && (is_absent_or_empty(directory)?
                || is_cargos(directory) && !holds_tracked_files(directory, processes));
        if !may_ignore_itself {
            return Err(seen(directory, checkout));
        }
        create_directory_no_follow(directory.as_std_path()).map_err(other_file_error(directory))?;
        write_atomically(directory.join(".gitignore"), IGNORE.as_bytes())
            .map_err(other_file_error(directory))?;
    }
    for archive in archives(plan) {
        let Some(directory) = archive.parent() else { continue };
        let marked = is_marked_output(directory.as_std_path()).map_err(other_file_error(directory))?;
        if marked || is_absent_or_empty(directory)? {
            continue;
        }
        if let Some(checkout) = seeing_checkout(archive, WrittenPath::File, processes) {
            return Err(seen(archive, checkout));
        }
    }
    Ok(())
}

fn cargo_directories(plan: &Plan) -> BTreeSet<&Utf8Path> {
    let builds = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Cargo(build) => Some(build.target_directory.as_path()),
        _ => None,
    });
    builds.collect()
}

fn archives(plan: &Plan) -> BTreeSet<&Utf8Path> {
    let images = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Archive { image } => plan.image(image),
        _ => None,
    });
    images.filter_map(|image| image.archive.as_deref()).collect()
}

/// Returns whether a directory of cargo's holds a project of a checkout, as one with `target-dir = "."` does. It cannot
/// ignore itself, and no line of a `.gitignore` names all that cargo writes there.
fn builds_among_sources(plan: &Plan, directory: &Utf8Path) -> bool {
    let directory = normalized_path(directory);
    let holds = |project: &Utf8Path| project.starts_with(&directory);
    checkout_root(&directory).is_some()
        && (holds(&plan.root) || plan.images.iter().any(|image| holds(&image.project.directory)))
}

/// Returns whether git tracks a file below a directory, which must then not ignore itself.
fn holds_tracked_files(directory: &Utf8Path, processes: &Processes) -> bool {
    let command = Command::git(directory).args(["ls-files", "--", "."]);
    processes.output(&command).is_ok_and(|answer| !answer.stdout.is_empty())
}

/// Returns whether cargo made a directory: by the tag that it gives to directories that it creates, or by the file that it
/// writes to each.
fn is_cargos(directory: &Utf8Path) -> bool {
    directory.join(".rustc_info.json").is_file() || directory.join("CACHEDIR.TAG").is_file()
}

fn seen(path: &Utf8Path, checkout: &Utf8Path) -> ExecuteError {
    let below = path.strip_prefix(checkout).unwrap_or(path);
    ExecuteError::SeenByGit {
        path: path.to_owned(),
        line: Utf8PathBuf::from(format!("/{below}")),
        ignore: checkout.join(".gitignore"),
    }
}
