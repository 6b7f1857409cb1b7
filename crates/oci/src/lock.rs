use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::error::FileError;
use crate::time::Timestamp;

/// Exclusive use of a layout's folder, for as long as this value lives.
///
/// The system takes the lock away when the process ends, in whatever way; the file stays.
#[derive(Debug)]
pub struct LayoutLock {
    _file: File,
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder(String);

impl Holder {
    fn this_process() -> Self {
        Self(format!("process {} on {} since {}", std::process::id(), host_name(), Timestamp::now()))
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Takes the lock in the file at `path`, or says who has it.
pub(crate) fn try_lock(path: &Path) -> Result<Result<LayoutLock, Holder>, FileError> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => sign(file, path).map(Ok),
        Err(TryLockError::WouldBlock) => Ok(Err(holder(path))),
        Err(TryLockError::Error(error)) => Err(FileError::on("lock", path)(error)),
    }
}

/// Takes the lock in the file at `path` as soon as it is free.
pub(crate) fn lock(path: &Path) -> Result<LayoutLock, FileError> {
    let file = open(path)?;
    file.lock().map_err(FileError::on("lock", path))?;
    sign(file, path)
}

fn open(path: &Path) -> Result<File, FileError> {
    // Not truncated: it may hold the name of the process that has it.
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(FileError::on("open the lock", path))
}

fn sign(mut file: File, path: &Path) -> Result<LayoutLock, FileError> {
    let text = Holder::this_process().0;
    file.set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| file.write_all(text.as_bytes()))
        .map_err(FileError::on("write the lock", path))?;
    Ok(LayoutLock { _file: file })
}

fn holder(path: &Path) -> Holder {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(500).read_to_end(&mut bytes));
    let text: String = String::from_utf8_lossy(&bytes).chars().filter(|char| !char.is_control()).collect();
    match read {
        // It is empty for the moment between locking and signing.
        Ok(1..) => Holder(text),
        _ => Holder("another process".to_owned()),
    }
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
    fn one_at_a_time_and_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".lock");
        let first = try_lock(&path).unwrap().unwrap();
        let holder = try_lock(&path).unwrap().unwrap_err().to_string();
        assert!(holder.starts_with(&format!("process {} on ", std::process::id())), "{holder}");
        assert!(holder.contains(" since 2"), "{holder}");
        drop(first);
        let second = lock(&path).unwrap();
        assert!(try_lock(&path).unwrap().is_err());
        drop(second);
    }
}
