use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::FileError;
use crate::stamp::seal;

// Pruning deletes files with this prefix from directories in which other programs may write too, so it names
// crossdock.
const TEMPORARY_PREFIX: &str = ".crossdock-tmp-";

/// Returns whether `name` is the name of a half-written file: one that a process is writing now, or that a killed
/// process left.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY_PREFIX)
}

/// Replaces the file at `path` with `bytes`: afterwards, and after a crash at any moment, it holds the old content or
/// the new content, never a part.
///
/// The bytes go to a temporary file in the same directory, are flushed to the disk, and are renamed into place. The
/// directory must exist. The file's mode is 0644 within the umask.
///
/// # Errors
/// If the directory is missing, not writable or full; the old file is then unchanged.
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FileError> {
    let path = path.as_ref();
    let file = AtomicFile::create_in(parent_of(path))?;
    file.as_file().write_all(bytes).map_err(FileError::on("write", path))?;
    file.commit(path)
}

/// Replaces the file at `path` as [`write_atomically`] does, but without waiting for the disk: for records that only save time.
/// After a crash the file may hold a part of them, which its reader must notice.
///
/// # Errors
/// If the directory is missing, not writable or full; the old file is then unchanged.
pub fn write_record(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FileError> {
    let path = path.as_ref();
    let file = AtomicFile::create_in(parent_of(path))?;
    file.as_file().write_all(bytes).map_err(FileError::on("write", path))?;
    file.persist(path).map(drop)
}

/// A temporary file that becomes visible under its final name only when it is complete.
///
/// Dropping it without [`commit`](Self::commit) removes it. A killed process leaves it under a name that
/// [`is_temporary`] recognizes.
#[derive(Debug)]
pub struct AtomicFile {
    file: NamedTempFile,
}

impl AtomicFile {
    /// Creates a temporary file in `directory`, which must be on the file system of the final path.
    ///
    /// # Errors
    /// If the directory is missing or not writable.
    pub fn create_in(directory: &Path) -> Result<Self, FileError> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY_PREFIX);
        // tempfile's default is 0600, but container engines read layouts as other users.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o644));
        }
        let file = builder.tempfile_in(directory).map_err(FileError::on("create a file in", directory))?;
        Ok(Self { file })
    }

    /// Returns the path of the temporary file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns the open file, for what [`Write`] does not offer: its times, or a copy that the kernel makes.
    pub fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// Flushes the content to the disk and renames the file to `path`, replacing a file of that name.
    ///
    /// # Errors
    /// If the disk is full or the rename fails; a file at `path` is then unchanged.
    pub fn commit(self, path: &Path) -> Result<(), FileError> {
        // Before the rename: some file systems would otherwise show an empty file under the new name after a crash.
        // `sync_data` (fdatasync(2)) writes the length too and omits only the times.
        self.file.as_file().sync_data().map_err(FileError::on("write", path))?;
        self.persist(path)?;
        sync_directory(parent_of(path));
        Ok(())
    }

    /// Renames the file to `path` as [`commit`](Self::commit) does, but leaves it to the caller to flush the returned file
    /// ([`File::sync_data`]) and then its directory ([`sync_directory`]), of many files at once. Until then, a crash may leave
    /// a part of the content under the name: its readers must notice, as those of content that is named by its digest do.
    ///
    /// # Errors
    /// If the rename fails; a file at `path` is then unchanged.
    pub fn persist(self, path: &Path) -> Result<File, FileError> {
        // A change at any later moment is then seen in the file's stamp. A file system that keeps no times has none.
        seal(self.file.as_file()).ok();
        self.file.persist(path).map_err(|error| FileError::on("replace", path)(error.error))
    }
}

/// The errors name the directory. They pass through writers of other crates (tar, gzip), which only know [`io::Error`], and
/// a full disk must say which one it is.
impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.as_file_mut().write(bytes);
        written.map_err(|error| self.in_directory(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.as_file_mut().flush();
        flushed.map_err(|error| self.in_directory(error))
    }
}

impl AtomicFile {
    fn in_directory(&self, error: io::Error) -> io::Error {
        // `write_all` and `io::copy` repeat an interrupted write, which they recognize by its kind.
        io::Error::new(error.kind(), FileError::on("write a file in", parent_of(self.path()))(error))
    }
}

/// Makes a rename durable. Some file systems refuse to sync a directory; the rename is atomic all the same, and only
/// its durability after a power failure is lost.
pub fn sync_directory(directory: &Path) {
    if let Ok(directory) = File::open(directory) {
        directory.sync_all().ok();
    }
}

pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        // The parent of a plain file name is the empty path, for which every system call fails (path_resolution(7)).
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("name with ü");
        write_atomically(&path, b"old and longer").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_directory_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let error = write_atomically(directory.path().join("no/file"), b"").unwrap_err();
        assert!(error.to_string().contains("no`"), "{error}");
        assert!(error.is_not_found());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_named() {
        use std::error::Error;

        let directory = tempfile::tempdir().unwrap();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let path = tempfile::TempPath::try_from_path(directory.path().join("blob")).unwrap();
        let mut file = AtomicFile { file: NamedTempFile::from_parts(full, path) };
        let error = file.write_all(b"bytes").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(error.to_string(), format!("cannot write a file in `{}`", directory.path().display()));
        assert!(error.source().unwrap().to_string().contains("No space left"), "{error:?}");
    }

    #[test]
    fn a_dropped_file_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = AtomicFile::create_in(directory.path()).unwrap();
        file.write_all(b"half").unwrap();
        assert!(is_temporary(file.path().file_name().unwrap().to_str().unwrap()));
        drop(file);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
