//! The layouts into which images are pulled, copied and merged.

#[cfg(feature = "registry")]
mod fill;

use std::fs;

use camino::Utf8Path;
use crossdock_oci::Layout;

use crate::error::{Error, ErrorKind, input_output};
#[cfg(feature = "registry")]
pub(crate) use fill::fill;

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

/// Splits the place of a layout or archive from the name of an image in it, at the first colon: a name may hold more of them.
pub(crate) fn path_and_name(rest: &str) -> (&str, Option<&str>) {
    match rest.split_once(':') {
        Some((path, name)) => (path, Some(name)),
        None => (rest, None),
    }
}
