//! Symbolic links on the way to what a run writes. A clone may bring a link that leads to files of the user's, and nothing
//! behind it is written or removed. A link that the user made, such as one to a larger disk, is followed.

use std::io::{Error, ErrorKind};

use camino::Utf8Path;
use crossdock_fs::refuse_link;
use crossdock_project::checkout_root;
use crossdock_system::process::{Command, Processes};

use super::ExecuteError;
use super::error::file_error;
use crate::plan::Plan;

/// Refuses a link in the place of a directory that crossdock chose, and a link above one that git tracks: cargo's
/// directory may be one.
///
/// # Errors
/// [`ExecuteError::File`], which names the link.
pub(super) fn refuse_links(plan: &Plan, processes: &Processes) -> Result<(), ExecuteError> {
    for directory in &plan.own_directories {
        refuse_link(directory.as_std_path()).map_err(|error| file_error(directory)(error.source))?;
    }
    let checkout = checkout_root(&plan.root).unwrap_or(&plan.root);
    for directory in &plan.own_directories {
        // The user entered the directories above a project, through whatever links.
        let leads_to_project =
            |path: &Utf8Path| plan.images.iter().any(|image| image.project.directory.starts_with(path));
        let above = directory.ancestors().skip(1);
        let above = above.take_while(|path| path.starts_with(checkout) && !leads_to_project(path));
        for path in above.filter(|path| path.is_symlink()) {
            if is_tracked(path, processes) {
                let why = "it is a symbolic link of the repository, and nothing is written behind it; remove it from the \
                           repository, or set CARGO_TARGET_DIR to another directory";
                return Err(file_error(path)(Error::new(ErrorKind::InvalidInput, why)));
            }
        }
    }
    Ok(())
}

/// Returns whether git tracks a link. Without an answer of git it is the user's own.
fn is_tracked(link: &Utf8Path, processes: &Processes) -> bool {
    let (Some(directory), Some(name)) = (link.parent(), link.file_name()) else { return false };
    let name = format!(":(literal){name}");
    let command = Command::git(directory).args(["ls-files", "--error-unmatch", "--"]).args([name]);
    processes.output(&command).is_ok_and(|answer| answer.status.success())
}
