use std::path::Path;

use crate::error::FileError;

/// Sets the mode of a file to 0755, so that every user may execute it.
///
/// Where files have no mode (Windows) this does nothing: the name's extension decides there what can be executed.
///
/// # Errors
/// If the file does not exist or belongs to another user.
pub fn make_executable(path: impl AsRef<Path>) -> Result<(), FileError> {
    set_executable(path.as_ref())
}

#[cfg(unix)]
fn set_executable(path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, mode).map_err(FileError::on("make executable", path))
}

#[cfg(not(unix))]
fn set_executable(_: &Path) -> Result<(), FileError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn everyone_may_execute_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("script");
        crate::write_atomically(&path, b"#!/bin/sh\n").unwrap();
        make_executable(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o755);
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let error = make_executable("no/such/script").unwrap_err();
        assert_eq!(error.to_string(), "cannot make executable `no/such/script`");
        assert!(error.is_not_found());
    }
}
