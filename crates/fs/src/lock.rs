use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

use crate::error::FileError;
use crate::links::{open_no_follow, open_regular_no_follow};

/// A lock between processes, exclusive or shared, held for as long as this value lives.
///
/// The lock is advisory (`flock`, `LockFileEx`). The operating system releases it when the process ends for whatever
/// reason, so a killed process blocks nobody. The lock's file stays: removing it would let two processes lock two
/// different files of the same name.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

/// The process that holds a lock, in words for a message: `process 7 on host since 2023-11-14T22:13:20Z`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockOwner(String);

impl FileLock {
    /// Takes the lock in the file at `path`, which is created if missing, or returns the owner that holds it.
    ///
    /// # Errors
    /// If the file is a symbolic link, or cannot be opened, locked or written.
    pub fn try_acquire(path: &Path) -> Result<Result<Self, LockOwner>, FileError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => sign(file, path).map(Ok),
            Err(TryLockError::WouldBlock) => Ok(Err(LockOwner::read(path))),
            Err(TryLockError::Error(error)) => Err(FileError::on("lock", path)(error)),
        }
    }

    /// Takes the lock in the file at `path`, which is created if missing, and blocks while another process holds it.
    ///
    /// # Errors
    /// If the file is a symbolic link, or cannot be opened, locked or written.
    pub fn acquire(path: &Path) -> Result<Self, FileError> {
        let file = open(path)?;
        file.lock().map_err(FileError::on("lock", path))?;
        sign(file, path)
    }

    /// Takes the lock in the file at `path`, which is created if missing, together with other processes that share it, or
    /// returns the owner that holds it exclusively. While it is shared, no process can
    /// [acquire](Self::try_acquire) it.
    ///
    /// # Errors
    /// If the file is a symbolic link, or cannot be opened or locked.
    pub fn try_share(path: &Path) -> Result<Result<Self, LockOwner>, FileError> {
        let file = open(path)?;
        match file.try_lock_shared() {
            Ok(()) => {
                // The signature of an earlier owner. Windows denies changing a file that is locked for sharing.
                file.set_len(0).ok();
                Ok(Ok(Self { _file: file }))
            }
            Err(TryLockError::WouldBlock) => Ok(Err(LockOwner::read(path))),
            Err(TryLockError::Error(error)) => Err(FileError::on("lock", path)(error)),
        }
    }
}

impl LockOwner {
    fn this_process() -> Self {
        let now = humantime::format_rfc3339_seconds(SystemTime::now());
        Self(format!("process {} on {} since {now}", std::process::id(), host_name()))
    }

    /// Reads the owner's signature. Its length and characters are bounded, since it goes to a terminal and any process
    /// may have written the file.
    fn read(path: &Path) -> Self {
        let mut bytes = Vec::new();
        let read = open_regular_no_follow(path).and_then(|file| file.take(500).read_to_end(&mut bytes));
        let text: String =
            String::from_utf8_lossy(&bytes).chars().filter(|char| !char.is_control()).collect();
        match read {
            Ok(1..) => Self(text),
            // The file is empty between the owner's locking and signing it and while the lock is shared, and Windows
            // denies reading it.
            _ => Self("another process".to_owned()),
        }
    }
}

impl fmt::Display for LockOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn open(path: &Path) -> Result<File, FileError> {
    // Not truncated: the file may hold the signature of the process that has the lock. Not followed: signing would
    // overwrite the file that a link in a cloned repository leads to.
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    open_no_follow(&mut options, path).map_err(FileError::on("open the lock", path))
}

fn sign(mut file: File, path: &Path) -> Result<FileLock, FileError> {
    let owner = LockOwner::this_process();
    // Written in place, unlike other files: the lock belongs to the file and not to its name, so that after a rename
    // the next process would lock another file.
    file.set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| file.write_all(owner.0.as_bytes()))
        .map_err(FileError::on("write the lock", path))?;
    Ok(FileLock { _file: file })
}

#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    "this machine".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_names_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".lock");
        let first = FileLock::try_acquire(&path).unwrap().unwrap();
        let owner = FileLock::try_acquire(&path).unwrap().unwrap_err().to_string();
        assert!(owner.starts_with(&format!("process {} on ", std::process::id())), "{owner}");
        assert!(owner.contains(" since 2"), "{owner}");
        drop(first);
        let second = FileLock::acquire(&path).unwrap();
        assert!(FileLock::try_acquire(&path).unwrap().is_err());
        drop(second);
    }

    #[test]
    fn a_shared_lock_excludes_exclusive_ones() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".lock");
        let exclusive = FileLock::acquire(&path).unwrap();
        assert!(FileLock::try_share(&path).unwrap().is_err());
        drop(exclusive);
        let shared =
            [FileLock::try_share(&path).unwrap().unwrap(), FileLock::try_share(&path).unwrap().unwrap()];
        let owner = FileLock::try_acquire(&path).unwrap().unwrap_err().to_string();
        assert_eq!(owner, "another process", "the owner before is named");
        drop(shared);
        FileLock::try_acquire(&path).unwrap().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_refused_and_its_target_is_unchanged() {
        let directory = tempfile::tempdir().unwrap();
        let (letter, lock) = (directory.path().join("letter"), directory.path().join(".lock"));
        crate::write_atomically(&letter, b"dear").unwrap();
        std::os::unix::fs::symlink(&letter, &lock).unwrap();
        assert!(FileLock::acquire(&lock).is_err());
        let error = FileLock::try_acquire(&lock).unwrap_err();
        assert!(error.source.to_string().contains("symbolic link"), "{error:?}");
        assert_eq!(std::fs::read(&letter).unwrap(), b"dear");
    }
}
