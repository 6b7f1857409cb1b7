//! Archives that are written.

use std::io::BufWriter;

use camino::Utf8Path;
use crossdock_fs::AtomicFile;
use crossdock_oci::{
    ArchiveError, Descriptor, Layout, Reference, is_own_archive, write_archive, write_oci_archive,
};

use super::ArchiveForm;
use crate::error::{Error, ErrorKind, input_output};

/// Refuses a file that crossdock did not write. To be called before anything is fetched.
///
/// # Errors
/// It exists, and is not an archive of crossdock's.
pub(crate) fn check_archive(file: &Utf8Path) -> Result<(), Error> {
    // A link that leads nowhere is somebody's too.
    let Ok(metadata) = file.symlink_metadata() else { return Ok(()) };
    if metadata.is_file() && is_own_archive(file.as_std_path()) {
        return Ok(());
    }
    let message = format!("{file} exists, and crossdock did not write it");
    Err(Error::from_message(ErrorKind::Usage, message).hint("remove it, or choose another name"))
}

/// Writes an image of a layout, with the manifests about it, next to the file's path and moves it there once it is
/// complete. In docker's form the image is that of one platform.
///
/// # Errors
/// The layout is damaged, or the file cannot be written; a file of that name is then unchanged.
pub(crate) fn write_archive_file(
    file: &Utf8Path,
    form: ArchiveForm,
    layout: &Layout,
    image: &Descriptor,
    names: &[Reference],
    referrers: &[Descriptor],
) -> Result<(), Error> {
    check_archive(file)?;
    let directory = match file.parent() {
        Some(directory) if !directory.as_str().is_empty() => directory,
        _ => Utf8Path::new("."),
    };
    std::fs::create_dir_all(directory).map_err(|error| input_output(error).at(directory))?;
    let temporary = AtomicFile::create_in(directory.as_std_path()).map_err(input_output)?;
    let mut writer = BufWriter::with_capacity(1 << 20, temporary);
    let written: Result<(), ArchiveError> = match form {
        ArchiveForm::Oci => write_oci_archive(layout, image, names, referrers, &mut writer),
        ArchiveForm::Docker => write_archive(layout, image, names, image, &mut writer),
    };
    written.map_err(input_output)?;
    let temporary = writer.into_inner().map_err(|error| input_output(error.into_error()).at(file))?;
    temporary.commit(file.as_std_path()).map_err(input_output)
}
