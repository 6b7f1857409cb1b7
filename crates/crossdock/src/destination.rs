//! The layouts into which images are pulled, copied and merged.

use std::fs;

use camino::Utf8Path;
use crossdock_oci::Layout;

use crate::error::{Error, ErrorKind, input_output};

/// The file in a layout that crossdock built for a project; the runner writes it.
const PROJECT_RECORD: &str = ".crossdock.json";

/// Refuses a directory that holds something else than a layout for any image. To be called before anything is fetched.
///
/// # Errors
/// It holds other files, or the images of a project.
pub(crate) fn check(directory: &Utf8Path) -> Result<(), Error> {
    refuse_project(directory)?;
    let is_empty = fs::read_dir(directory).map_or(true, |mut entries| entries.next().is_none());
    if !is_empty {
        // Nothing is created in a directory that has other content.
        Layout::create(directory.as_std_path()).map_err(input_output)?;
    }
    Ok(())
}

/// Refuses the layout of a project: its next run would remove a foreign image, and `tag` and `push` would take the image for
/// the project's own.
fn refuse_project(directory: &Utf8Path) -> Result<(), Error> {
    if !directory.join(PROJECT_RECORD).exists() {
        return Ok(());
    }
    let message = format!("{directory} is the layout in which crossdock builds an image of a project");
    Err(Error::from_message(ErrorKind::Usage, message).hint("choose another directory"))
}

/// Fills the layout in a directory, which is created if missing. If that fails, the directory is removed if this call created
/// it and no other one fills it.
///
/// # Errors
/// Those of `fill`, and the directory cannot be a layout.
pub(crate) fn fill<T>(
    directory: &Utf8Path,
    fill: impl FnOnce(&Layout) -> Result<T, Error>,
) -> Result<T, Error> {
    check(directory)?;
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).map_err(|error| input_output(error).at(parent))?;
    }
    // Unlike a look whether it is there, this tells which of two runs created it.
    let is_new = fs::create_dir(directory).is_ok();
    let layout = Layout::create(directory.as_std_path()).map_err(input_output)?;
    fill(&layout).inspect_err(|_| {
        if is_new {
            remove_unused(&layout);
        }
    })
}

/// Removes a layout that lists no image, unless another run has locked it.
fn remove_unused(layout: &Layout) {
    let Ok(Ok(_lock)) = layout.try_lock() else { return };
    if layout.index().is_ok_and(|index| index.manifests.is_empty()) {
        // A failure to remove it must not hide the error that led here.
        let _left = fs::remove_dir_all(layout.path());
    }
}
