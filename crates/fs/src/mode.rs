use std::fs::Metadata;
use std::io::Write;
use std::path::Path;

use crate::atomic::{AtomicFile, parent_of};
use crate::error::FileError;

/// Writes an executable file in one step, unless an equal one exists: another process may be running that one, and Linux
/// executes no file that is open for writing (ETXTBSY).
///
/// # Errors
/// If the file cannot be written or made executable.
pub fn write_executable(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let is_equal = std::fs::read(path).is_ok_and(|known| known == content);
    let is_ready = std::fs::metadata(path).is_ok_and(|found| is_executable(&found) || cfg!(not(unix)));
    if is_equal && is_ready {
        return Ok(());
    }
    let file = AtomicFile::create_in(parent_of(path))?;
    file.as_file().write_all(content).map_err(FileError::on("write", path))?;
    // Before the rename: another process may call the file as soon as it has its name.
    make_executable(file.path())?;
    file.commit(path)
}

/// Returns whether any user may execute a file. Always false where files have no mode (Windows).
#[cfg(unix)]
pub fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

/// Returns whether any user may execute a file. Always false where files have no mode (Windows).
#[cfg(not(unix))]
pub fn is_executable(_: &Metadata) -> bool {
    false
}

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
    fn an_equal_executable_is_not_written_again() {
        use std::os::unix::fs::MetadataExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("script");
        let inode = || std::fs::metadata(&path).unwrap().ino();
        write_executable(&path, b"#!/bin/sh\n").unwrap();
        let first = inode();
        write_executable(&path, b"#!/bin/sh\n").unwrap();
        assert_eq!(inode(), first);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        write_executable(&path, b"#!/bin/sh\n").unwrap();
        assert!(is_executable(&std::fs::metadata(&path).unwrap()));
        write_executable(&path, b"#!/bin/sh\ntrue\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"#!/bin/sh\ntrue\n");
    }

    /// Two versions of crossdock with one cache replace each other's scripts, and a compiler calls them meanwhile.
    #[test]
    fn a_replaced_executable_can_be_executed_at_every_moment() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("script");
        write_executable(&path, b"#!/bin/sh\n").unwrap();
        let is_done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for version in 0..50 {
                    write_executable(&path, format!("#!/bin/sh\n# {version}\n").as_bytes()).unwrap();
                }
                is_done.store(true, std::sync::atomic::Ordering::Relaxed);
            });
            while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(is_executable(&std::fs::metadata(&path).unwrap()));
            }
        });
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let error = make_executable("no/such/script").unwrap_err();
        assert_eq!(error.to_string(), "cannot make executable `no/such/script`");
        assert!(error.is_not_found());
    }
}
