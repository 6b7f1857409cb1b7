use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The identity of a file's content, without reading it: device, inode, size, and the times of the last changes of content
/// and inode. Two equal stamps of one path mean that nobody changed the file in between, if the first one
/// [is final](Self::is_final) or the file was [sealed](Self::seal).
///
/// Build systems decide in the same way whether a file has to be read again. It finds accidents and other programs' writes.
/// Only somebody who can set the clock, or write the disk below the file system, changes a file behind it.
///
/// Its text is for records that are compared later. Systems without inodes have no stamps, and neither have file systems whose
/// times are too coarse to tell two changes apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStamp {
    text: String,
    newest: SystemTime,
}

/// The time within which a second change of a file may leave its times as they are. Linux counts them in ticks of its clock,
/// which take 10 ms at most (`CONFIG_HZ`).
const TICK: Duration = Duration::from_millis(20);

/// The unit of the times of coarse file systems, in nanoseconds: exFAT counts in 10 ms, ext4 with small inodes and HFS+ in
/// seconds, FAT in two.
#[cfg(unix)]
const COARSE: i64 = 10_000_000;

impl FileStamp {
    /// Returns the stamp of a regular file, without following a link; `None` if there is none or the system has no inodes.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::symlink_metadata(path).ok()?;
        if metadata.is_file() { Self::new(&metadata) } else { None }
    }

    /// Returns the stamp of a file with this metadata; `None` if the system has no inodes, or if both times are multiples of
    /// 10 ms: those of a fine file system are only by chance, one in 10^14.
    #[cfg(unix)]
    pub fn new(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let (device, inode, size) = (metadata.dev(), metadata.ino(), metadata.len());
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        if modified.1 % COARSE == 0 && changed.1 % COARSE == 0 {
            return None;
        }
        let text = format!(
            "{device}:{inode}:{size}:{}.{:09}:{}.{:09}",
            modified.0, modified.1, changed.0, changed.1
        );
        let changed = u64::try_from(changed.0).ok().zip(u32::try_from(changed.1).ok());
        let changed = changed.map(|(seconds, nanoseconds)| Duration::new(seconds, nanoseconds));
        let newest = metadata.modified().ok()?.max(SystemTime::UNIX_EPOCH + changed?);
        Some(Self { text, newest })
    }

    /// Returns `None`: this system has no inodes.
    #[cfg(not(unix))]
    pub fn new(_: &Metadata) -> Option<Self> {
        None
    }

    /// Returns whether every later change of the content leads to another stamp: the last change is longer ago than a tick
    /// of the file system's clock.
    pub fn is_final(&self) -> bool {
        // A time in the future is from another clock.
        SystemTime::now().duration_since(self.newest).is_ok_and(|age| age >= TICK)
    }

    /// Sets the file's time of change to the exact time, and returns its stamp. The kernel sets the start of the present tick
    /// instead, so that a change at any later moment, even of the same tick, leads to another stamp.
    ///
    /// # Errors
    /// If the file belongs to another user or its file system is read-only.
    pub fn seal(path: &Path) -> io::Result<Option<Self>> {
        seal(&File::options().append(true).open(path)?)?;
        Ok(Self::of(path))
    }
}

/// Sets the time of the last change of an open file to the exact time: see [`FileStamp::seal`].
pub(crate) fn seal(file: &File) -> io::Result<()> {
    file.set_modified(SystemTime::now())
}

impl fmt::Display for FileStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "the tests change files as other programs do")]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_a_sealed_file_changes_its_stamp() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        for round in 0..200_u32 {
            std::fs::write(&path, round.to_le_bytes()).unwrap();
            let sealed = FileStamp::seal(&path).unwrap().unwrap();
            assert_eq!(FileStamp::of(&path).unwrap(), sealed);
            std::fs::write(&path, (round + 1).to_le_bytes()).unwrap();
            assert_ne!(FileStamp::of(&path).unwrap(), sealed, "round {round}");
        }
    }

    #[test]
    fn an_atomically_written_file_is_sealed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        for round in 0..50_u32 {
            crate::write_atomically(&path, &round.to_le_bytes()).unwrap();
            let written = FileStamp::of(&path).unwrap();
            std::fs::write(&path, (round + 1).to_le_bytes()).unwrap();
            assert_ne!(FileStamp::of(&path).unwrap(), written, "round {round}");
        }
    }

    #[test]
    fn a_stamp_is_final_once_the_clock_went_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        std::fs::write(&path, "x").unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        assert!(!FileStamp::of(&path).unwrap().is_final());
        std::thread::sleep(TICK * 2);
        assert!(FileStamp::of(&path).unwrap().is_final());
        // A time that is set back does not make it older: the inode was changed only now.
        file.set_modified(SystemTime::now() - Duration::from_millis(1500)).unwrap();
        assert!(!FileStamp::of(&path).unwrap().is_final());
        file.set_modified(SystemTime::now() + Duration::from_secs(60)).unwrap();
        std::thread::sleep(TICK * 2);
        assert!(!FileStamp::of(&path).unwrap().is_final());
        assert_eq!(FileStamp::of(directory.path()), None);
        std::os::unix::fs::symlink(&path, directory.path().join("link")).unwrap();
        assert_eq!(FileStamp::of(&directory.path().join("link")), None);
    }
}
