use std::fs::File;
use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::FileError;

const TEMPORARY_PREFIX: &str = ".crossdock-tmp-";

/// Whether a file's name is that of a half-written file: one that a process is at work on, or that a killed one left.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY_PREFIX)
}

/// Replaces the file at `path` by `bytes`: afterwards, and after a crash at any moment, it has the old content or
/// the new one, never a part.
///
/// The bytes go to a temporary file in the same folder, reach the disk, and are renamed into place. The folder
/// must exist. The file's mode is 0644 within the umask.
///
/// # Errors
/// When the folder is missing, not writable or full; the old file is then untouched.
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FileError> {
    let path = path.as_ref();
    let mut file = temporary_beside(path)?;
    file.write_all(bytes).map_err(FileError::on("write", path))?;
    persist(file, path)
}

/// A new temporary file in the folder of `path`.
pub(crate) fn temporary_beside(path: &Path) -> Result<NamedTempFile, FileError> {
    temporary_in(folder_of(path))
}

/// A new temporary file in `folder`, readable by others as an ordinary new file is.
pub(crate) fn temporary_in(folder: &Path) -> Result<NamedTempFile, FileError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o644));
    }
    builder.tempfile_in(folder).map_err(FileError::on("create a file in", folder))
}

/// Makes the temporary file's content durable and gives it its name.
pub(crate) fn persist(file: NamedTempFile, path: &Path) -> Result<(), FileError> {
    file.as_file().sync_data().map_err(FileError::on("write", path))?;
    file.persist(path).map_err(|error| FileError::on("replace", path)(error.error))?;
    sync_folder(folder_of(path));
    Ok(())
}

/// Makes a rename durable. Some file systems refuse to sync a folder; the rename is atomic all the same, so
/// that only its durability after a power failure is lost.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        folder.sync_all().ok();
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("name with ü");
        write_atomically(&path, b"old and longer").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_atomically(folder.path().join("no/file"), b"").unwrap_err();
        assert!(error.to_string().contains("no`"), "{error}");
        assert!(error.is_not_found());
    }
}
