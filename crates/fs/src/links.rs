use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use crate::error::FileError;
use crate::regular::not_regular;

/// Opens a regular file for reading. Unlike [`open_regular`](crate::open_regular), a symbolic link is refused.
///
/// For files that crossdock wrote: it writes no links, so a link of such a name was put there by somebody else, as by a
/// commit of a cloned repository. Only the last component of the path is checked.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] if the file is a link or not a regular file; otherwise the operating system's error.
pub fn open_regular_no_follow(path: &Path) -> io::Result<File> {
    let metadata = without_trailing_separator(path).symlink_metadata()?;
    if metadata.is_symlink() {
        return Err(link_error());
    }
    // Before opening: opening a FIFO blocks until a writer appears.
    if !metadata.is_file() {
        return Err(not_regular());
    }
    open_no_follow(OpenOptions::new().read(true), path)
}

/// Reads at most `limit + 1` bytes of a regular file, as [`read_regular`](crate::read_regular) does, but refuses a
/// symbolic link.
///
/// # Errors
/// As [`open_regular_no_follow`], and if reading fails.
pub fn read_regular_no_follow(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular_no_follow(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Creates a directory, and its parents, unless it exists. A symbolic link at `path` is refused; links among its parents
/// are followed.
///
/// # Errors
/// If `path` is a link or another file, or the directory cannot be created.
pub fn create_directory_no_follow(path: &Path) -> Result<(), FileError> {
    refuse_link(path)?;
    fs::create_dir_all(path).map_err(FileError::on("create", path))
}

/// Refuses a symbolic link at `path`. A missing file is not an error.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] if `path` is a link.
pub fn refuse_link(path: &Path) -> Result<(), FileError> {
    if is_link(path) { Err(FileError::on("use", path)(link_error())) } else { Ok(()) }
}

/// Returns whether only this process's user may change the content of a regular file: it belongs to that user, and others
/// may not write it. Always true where files have no mode (Windows).
///
/// # Errors
/// If the file's metadata cannot be read.
pub fn is_private(file: &File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
        Ok(metadata.is_file() && is_own && metadata.mode() & 0o022 == 0)
    }
    #[cfg(not(unix))]
    Ok(metadata.is_file())
}

/// Opens a file with `options`; a symbolic link at `path` is refused by the kernel, without a race between a check and
/// opening it.
pub(crate) fn open_no_follow(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    // The error number for a link differs between systems: ELOOP, EMLINK on FreeBSD, EFTYPE on NetBSD.
    let file = open(options, path).map_err(|error| if is_link(path) { link_error() } else { error })?;
    // Checked once more on the open file, since the name may lead elsewhere by now. A lock is opened for reading and
    // writing, which does not block on a FIFO either (fifo(7)).
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_regular()) }
}

#[cfg(unix)]
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(path)
}

#[cfg(not(unix))]
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    if is_link(path) { Err(link_error()) } else { options.open(path) }
}

fn is_link(path: &Path) -> bool {
    without_trailing_separator(path).symlink_metadata().is_ok_and(|metadata| metadata.is_symlink())
}

/// Returns the path without a final `/` or `/.`, which makes the system follow a link (POSIX.1-2017, 4.13 Pathname
/// Resolution).
fn without_trailing_separator(path: &Path) -> &Path {
    path.components().as_path()
}

fn link_error() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is a symbolic link, which crossdock neither makes nor follows here; remove it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_directories_are_opened() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        crate::write_atomically(&path, b"12345").unwrap();
        assert_eq!(read_regular_no_follow(&path, 3).unwrap(), b"1234");
        assert_eq!(read_regular_no_follow(&path, 5).unwrap(), b"12345");
        let absent = open_regular_no_follow(&directory.path().join("no")).unwrap_err();
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
        assert_eq!(open_regular_no_follow(directory.path()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let below = directory.path().join("a/b");
        create_directory_no_follow(&below).unwrap();
        create_directory_no_follow(&below).unwrap();
        assert!(below.is_dir());
        assert!(create_directory_no_follow(&path).is_err(), "a file is not a directory");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_change_is_not_private() {
        use std::os::unix::fs::{PermissionsExt, chown};
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let file = file.as_file_mut();
        for (mode, expected) in [(0o644, true), (0o755, true), (0o664, false), (0o646, false)] {
            file.set_permissions(fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_private(file).unwrap(), expected, "{mode:o}");
        }
        let foreign = match rustix::process::geteuid().is_root() {
            true => {
                let file = tempfile::NamedTempFile::new().unwrap();
                chown(file.path(), Some(12_345), None).unwrap();
                file.reopen().unwrap()
            }
            false => File::open("/etc/passwd").unwrap(),
        };
        assert!(!is_private(&foreign).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        crate::write_atomically(&file, b"secret").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let error = open_regular_no_follow(&link).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("symbolic link"), "{error}");
        let error = open_no_follow(OpenOptions::new().write(true), &link).unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
        for (target, name) in [(directory.path(), "directory"), (Path::new("/no/such"), "dangling")] {
            let link = directory.path().join(name);
            std::os::unix::fs::symlink(target, &link).unwrap();
            for path in [link.clone(), link.join(""), link.join(".")] {
                let error = create_directory_no_follow(&path).unwrap_err();
                assert!(error.source.to_string().contains("symbolic link"), "{error:?}");
            }
        }
    }
}
