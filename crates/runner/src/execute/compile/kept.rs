//! The programs that `go build` keeps in the cache from run to run, and their digests, which are computed once.
//!
//! `go build` decides by the build ID inside a program whether it is up to date, and only sets its time if so. It would keep
//! one that was damaged elsewhere, so that each program has a record of what crossdock had compiled.

use std::fs::Metadata;
use std::io::{ErrorKind, Read, Write};

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::{AtomicFile, FileStamp, open_regular_no_follow, read_regular_no_follow};
use crossdock_oci::Digest;

use super::super::ExecuteError;
use super::super::error::{file_error, other_file_error};
use super::super::output::remove_file;
use super::Compiled;

/// The start of a program, which holds its build ID: as much as Go reads to find it (cmd/internal/buildid, `readSize`).
const HEAD: u64 = 32 * 1024;

/// The length of a record; real ones have about 250 bytes.
const RECORD_LIMIT: u64 = 4096;

/// A program that an earlier run compiled, undamaged.
#[derive(Debug)]
pub(super) struct Kept {
    record: Record,
    identity: Identity,
}

/// The record of a program. Whoever may write the program may write its record too, so that the cache is refused where
/// others may write it.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    digest: Digest,
    /// The stamp of the file when its digest was known.
    stamp: String,
    /// The digest of its head.
    head: Digest,
}

/// The properties of a file that stay when only its time is set.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    inode: Option<u64>,
    size: u64,
    created: Option<std::time::SystemTime>,
}

/// Returns the program that an earlier run compiled to `path`, if there is one. One that was changed since is removed.
pub(super) fn find(path: &Utf8Path) -> Result<Option<(Utf8PathBuf, Kept)>, ExecuteError> {
    let metadata = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error(path)(error)),
        Ok(metadata) => metadata,
    };
    // Go writes regular files only.
    let record = if metadata.is_file() { Record::read(path) } else { None };
    let is_undamaged = match &record {
        None => false,
        Some(record) if FileStamp::new(&metadata).is_some_and(|stamp| stamp.to_string() == record.stamp) => {
            true
        }
        Some(record) => digest(path)? == record.digest,
    };
    match record {
        Some(record) if is_undamaged => {
            Ok(Some((path.to_owned(), Kept { record, identity: Identity::of(&metadata) })))
        }
        _ => {
            remove_file(path)?;
            Ok(None)
        }
    }
}

/// Returns a program after `go build`, and writes its record. `kept` is what was there before.
pub(super) fn compiled(path: &Utf8Path, kept: Option<&Kept>) -> Result<Compiled, ExecuteError> {
    let head = head(path)?;
    let metadata = std::fs::symlink_metadata(path).map_err(file_error(path))?;
    // The build ID has a digest of the content: Go would not write another content with it.
    let same = kept.filter(|kept| kept.identity == Identity::of(&metadata) && kept.record.head == head);
    let digest = match same {
        Some(kept) => kept.record.digest,
        None => digest(path)?,
    };
    // Go has set the time of an unchanged one, too. Without a stamp it is read again in the next run.
    let stamp = FileStamp::seal(path.as_std_path()).ok().flatten();
    let text = stamp.as_ref().map(FileStamp::to_string).unwrap_or_default();
    Record { digest, stamp: text, head }.write(path)?;
    Ok(Compiled { path: path.to_owned(), known: stamp.map(|stamp| (digest, stamp)) })
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = Some(std::os::unix::fs::MetadataExt::ino(metadata));
        #[cfg(not(unix))]
        let inode = None;
        // Not every file system knows it. It tells a new file from an old one whose inode was free again.
        Self { inode, size: metadata.len(), created: metadata.created().ok() }
    }
}

impl Record {
    /// Returns the record of a program; `None` if it is missing or of an earlier version.
    fn read(program: &Utf8Path) -> Option<Self> {
        let bytes = read_regular_no_follow(record_file(program).as_std_path(), RECORD_LIMIT).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let mut lines = text.lines();
        let digest = lines.next()?.parse().ok()?;
        let stamp = lines.next()?.to_owned();
        let head = lines.next()?.parse().ok()?;
        Some(Self { digest, stamp, head })
    }

    fn write(&self, program: &Utf8Path) -> Result<(), ExecuteError> {
        let path = record_file(program);
        let directory = path.parent().unwrap_or(&path);
        let text = format!("{}\n{}\n{}\n", self.digest, self.stamp, self.head);
        let mut file = AtomicFile::create_in(directory.as_std_path()).map_err(other_file_error(directory))?;
        file.write_all(text.as_bytes()).map_err(file_error(&path))?;
        // Not flushed to the disk: after a crash, a program without its record is compiled again.
        drop(file.persist(path.as_std_path()).map_err(other_file_error(&path))?);
        Ok(())
    }
}

fn digest(program: &Utf8Path) -> Result<Digest, ExecuteError> {
    let file = open_regular_no_follow(program.as_std_path()).map_err(file_error(program))?;
    Ok(Digest::of_reader(file).map_err(file_error(program))?.0)
}

fn head(program: &Utf8Path) -> Result<Digest, ExecuteError> {
    let file = open_regular_no_follow(program.as_std_path()).map_err(file_error(program))?;
    Ok(Digest::of_reader(file.take(HEAD)).map_err(file_error(program))?.0)
}

/// Returns the file that keeps a program's digest from run to run.
fn record_file(program: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{program}.sha256"))
}

#[cfg(test)]
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "the tests write programs as `go build` does, and damage them")]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    struct Fixture {
        _directory: tempfile::TempDir,
        program: Utf8PathBuf,
    }

    impl Fixture {
        fn new(content: &[u8]) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let program = Utf8PathBuf::from_path_buf(directory.path().join("app")).unwrap();
            std::fs::write(&program, content).unwrap();
            let compiled = compiled(&program, None).unwrap();
            assert_eq!(compiled.known.unwrap().0, Digest::of(content));
            Self { _directory: directory, program }
        }

        /// Sets the time as `go build` sets that of a program that is up to date.
        fn touch(&self) {
            let file = std::fs::File::options().append(true).open(&self.program).unwrap();
            file.set_modified(SystemTime::now() + Duration::from_millis(1)).unwrap();
        }
    }

    fn long(last: u8) -> Vec<u8> {
        let mut content = vec![7; 40_000];
        content.push(last);
        content
    }

    #[test]
    fn an_unchanged_program_is_not_read_again() {
        let fixture = Fixture::new(&long(1));
        let kept = find(&fixture.program).unwrap().unwrap().1;
        fixture.touch();
        // A digest that only the record has shows that the file was not read.
        let kept = Kept { record: Record { digest: Digest::of(b"record"), ..kept.record }, ..kept };
        let again = compiled(&fixture.program, Some(&kept)).unwrap();
        assert_eq!(again.known.unwrap().0, Digest::of(b"record"));
    }

    #[test]
    fn a_damaged_program_is_removed() {
        let fixture = Fixture::new(&long(1));
        std::fs::write(&fixture.program, long(2)).unwrap();
        assert!(find(&fixture.program).unwrap().is_none());
        assert!(!fixture.program.exists());
        for record in ["", "sha256:00\n", "\u{fffd}"] {
            let fixture = Fixture::new(&long(1));
            std::fs::write(record_file(&fixture.program), record).unwrap();
            assert!(find(&fixture.program).unwrap().is_none(), "{record:?}");
        }
        assert!(find(&fixture.program).unwrap().is_none());
    }

    #[test]
    fn a_program_that_was_only_touched_is_kept() {
        let fixture = Fixture::new(&long(1));
        fixture.touch();
        assert!(find(&fixture.program).unwrap().is_some());
    }

    #[test]
    fn a_new_program_of_the_same_size_is_read() {
        let fixture = Fixture::new(&long(1));
        let kept = find(&fixture.program).unwrap().unwrap().1;
        // As `go build` replaces it: another file.
        std::fs::remove_file(&fixture.program).unwrap();
        std::fs::write(&fixture.program, long(2)).unwrap();
        assert_eq!(compiled(&fixture.program, Some(&kept)).unwrap().known.unwrap().0, Digest::of(&long(2)));
        // And into the same file, with another build ID.
        let kept = find(&fixture.program).unwrap().unwrap().1;
        let mut other = long(2);
        other[100] = 8;
        std::fs::write(&fixture.program, &other).unwrap();
        assert_eq!(compiled(&fixture.program, Some(&kept)).unwrap().known.unwrap().0, Digest::of(&other));
    }
}
