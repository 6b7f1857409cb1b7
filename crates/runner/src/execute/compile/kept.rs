//! The programs that `go build` keeps in the cache from run to run, and their digests, which are computed once.
//!
//! `go build` decides by the build ID inside a program whether it is up to date, and only sets its time if so. It would keep
//! one that was damaged elsewhere, so that a file next to the programs records what crossdock had compiled.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::{ErrorKind, Read};

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::{FileLock, FileStamp, open_regular_no_follow, read_regular_no_follow, write_record};
use crossdock_oci::Digest;
use serde::{Deserialize, Serialize};

use super::super::ExecuteError;
use super::super::error::{file_error, other_file_error};
use super::super::output::remove_file;
use super::Compiled;

/// The start of a program, which holds its build ID: as much as Go reads to find it (cmd/internal/buildid, `readSize`).
const HEAD: u64 = 32 * 1024;

/// The file with the records of a directory's programs. No program of Go has such a name: `go build` ignores directories that
/// begin with a dot.
pub(super) const RECORDS: &str = ".programs.json";

/// The longest file of records that is read, in bytes; a program takes about 300.
const LIMIT: u64 = 64 * 1024 * 1024;

/// A program that an earlier run compiled, undamaged.
#[derive(Debug)]
pub(super) struct Kept {
    record: Record,
    identity: Identity,
}

/// The record of a program. Whoever may write the program may write its record too, so that the cache is refused where
/// others may write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    digest: Digest,
    /// The stamp of the file when its digest was known; empty if it has none.
    stamp: String,
    /// The digest of its head.
    head: Digest,
}

/// The records of the programs in a directory, by their names.
#[derive(Debug)]
pub(super) struct Records {
    path: Utf8PathBuf,
    known: BTreeMap<String, Record>,
    new: BTreeMap<String, Record>,
}

/// The properties of a file that stay when only its time is set.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    inode: Option<u64>,
    size: u64,
    created: Option<std::time::SystemTime>,
}

impl Records {
    /// Reads the records of a directory. Those that cannot be read are missing.
    pub(super) fn read(directory: &Utf8Path) -> Self {
        let path = directory.join(RECORDS);
        let known = read(&path);
        Self { path, known, new: BTreeMap::new() }
    }

    /// Returns the program that an earlier run compiled to `path`, if there is one. One that was changed since is removed.
    pub(super) fn find(&self, path: &Utf8Path) -> Result<Option<Kept>, ExecuteError> {
        let metadata = match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file_error(path)(error)),
            Ok(metadata) => metadata,
        };
        // Go writes regular files only.
        let record = if metadata.is_file() { self.known.get(name(path)) } else { None };
        let has_stamp = |record: &Record| {
            FileStamp::new(&metadata).is_some_and(|stamp| stamp.to_string() == record.stamp)
        };
        let is_undamaged = match record {
            None => false,
            Some(record) => has_stamp(record) || digest(path)? == record.digest,
        };
        match record {
            Some(record) if is_undamaged => {
                Ok(Some(Kept { record: record.clone(), identity: Identity::of(&metadata) }))
            }
            _ => {
                remove_file(path)?;
                Ok(None)
            }
        }
    }

    /// Returns a program after `go build`, and records it. `kept` is what was there before.
    pub(super) fn compiled(
        &mut self,
        path: &Utf8Path,
        kept: Option<&Kept>,
    ) -> Result<Compiled, ExecuteError> {
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
        self.new.insert(name(path).to_owned(), Record { digest, stamp: text, head });
        Ok(Compiled { path: path.to_owned(), known: stamp.map(|stamp| (digest, stamp)) })
    }

    /// Writes the new records next to those of other programs, which another run may write at the same time.
    pub(super) fn write(self) -> Result<(), ExecuteError> {
        let Self { path, new, .. } = self;
        let _lock = FileLock::acquire(path.with_extension("lock").as_std_path())
            .map_err(|error| file_error(&path)(error.source))?;
        let mut records = read(&path);
        records.extend(new);
        // The keys are text and the values are not maps, so that encoding cannot fail.
        let bytes = serde_json::to_vec(&records).unwrap_or_default();
        // After a crash, programs without their records are compiled again.
        write_record(&path, &bytes).map_err(other_file_error(&path))
    }
}

fn read(path: &Utf8Path) -> BTreeMap<String, Record> {
    let bytes = read_regular_no_follow(path.as_std_path(), LIMIT).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn name(program: &Utf8Path) -> &str {
    program.file_name().unwrap_or_default()
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

fn digest(program: &Utf8Path) -> Result<Digest, ExecuteError> {
    let file = open_regular_no_follow(program.as_std_path()).map_err(file_error(program))?;
    Ok(Digest::of_reader(file).map_err(file_error(program))?.0)
}

fn head(program: &Utf8Path) -> Result<Digest, ExecuteError> {
    let file = open_regular_no_follow(program.as_std_path()).map_err(file_error(program))?;
    Ok(Digest::of_reader(file.take(HEAD)).map_err(file_error(program))?.0)
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
            let fixture = Self { _directory: directory, program };
            assert_eq!(fixture.compiled(None), Digest::of(content));
            fixture
        }

        fn records(&self) -> Records {
            Records::read(self.program.parent().unwrap())
        }

        fn find(&self) -> Option<Kept> {
            self.records().find(&self.program).unwrap()
        }

        /// Returns the digest of the program after a build.
        fn compiled(&self, kept: Option<&Kept>) -> Digest {
            let mut records = self.records();
            let compiled = records.compiled(&self.program, kept).unwrap();
            records.write().unwrap();
            compiled.known.unwrap().0
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
        let kept = fixture.find().unwrap();
        fixture.touch();
        // A digest that only the record has shows that the file was not read.
        let kept = Kept { record: Record { digest: Digest::of(b"record"), ..kept.record }, ..kept };
        assert_eq!(fixture.compiled(Some(&kept)), Digest::of(b"record"));
    }

    #[test]
    fn a_damaged_program_is_removed() {
        let fixture = Fixture::new(&long(1));
        std::fs::write(&fixture.program, long(2)).unwrap();
        assert!(fixture.find().is_none());
        assert!(!fixture.program.exists());
        for records in ["", "{}", "[1]", r#"{"app":{"digest":"sha256:00"}}"#] {
            let fixture = Fixture::new(&long(1));
            std::fs::write(fixture.records().path, records).unwrap();
            assert!(fixture.find().is_none(), "{records:?}");
        }
        assert!(fixture.find().is_none());
    }

    #[test]
    fn records_of_other_programs_stay() {
        let fixture = Fixture::new(&long(1));
        let other = fixture.program.with_file_name("other");
        std::fs::write(&other, long(3)).unwrap();
        // Another run reads its records before and writes them after this one.
        let mut late = fixture.records();
        let mut early = fixture.records();
        early.compiled(&other, None).unwrap();
        early.write().unwrap();
        late.compiled(&fixture.program, None).unwrap();
        late.write().unwrap();
        assert!(fixture.records().find(&other).unwrap().is_some() && fixture.find().is_some());
    }

    #[test]
    fn a_program_that_was_only_touched_is_kept() {
        let fixture = Fixture::new(&long(1));
        fixture.touch();
        assert!(fixture.find().is_some());
    }

    #[test]
    fn a_new_program_of_the_same_size_is_read() {
        let fixture = Fixture::new(&long(1));
        let kept = fixture.find().unwrap();
        // As `go build` replaces it: another file.
        std::fs::remove_file(&fixture.program).unwrap();
        std::fs::write(&fixture.program, long(2)).unwrap();
        assert_eq!(fixture.compiled(Some(&kept)), Digest::of(&long(2)));
        // And into the same file, with another build ID.
        let kept = fixture.find().unwrap();
        let mut other = long(2);
        other[100] = 8;
        std::fs::write(&fixture.program, &other).unwrap();
        assert_eq!(fixture.compiled(Some(&kept)), Digest::of(&other));
    }
}
