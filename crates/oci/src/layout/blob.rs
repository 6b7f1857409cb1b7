use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use crate::model::{Blob, Digest, Hasher};
use crossdock_fs::{AtomicFile, FileError, open_regular, read_regular, write_atomically};

/// Blobs named by their digests: `blobs/sha256/<hex>` below a folder (image-spec, image-layout.md § Blobs).
///
/// Many processes may write to one store: a blob appears under its name only when it is whole.
#[derive(Debug, Clone)]
pub struct BlobStore {
    root: PathBuf,
}

impl BlobStore {
    /// The store in `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn create(folder: impl Into<PathBuf>) -> Result<Self, FileError> {
        let store = Self::open(folder);
        let blobs = store.folder();
        fs::create_dir_all(&blobs).map_err(FileError::on("create", &blobs))?;
        Ok(store)
    }

    /// The store in `folder`, for reading. Nothing is looked at yet.
    pub fn open(folder: impl Into<PathBuf>) -> Self {
        Self { root: folder.into() }
    }

    /// Where the blob is, or would be.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.folder().join(digest.hex())
    }

    /// Whether a blob of this name and length is there. Its bytes are not looked at: see [`verify`](Self::verify).
    pub fn has(&self, blob: &Blob) -> bool {
        fs::metadata(self.path(&blob.digest)).is_ok_and(|found| found.is_file() && found.len() == blob.size)
    }

    /// A writer for a new blob.
    ///
    /// # Errors
    /// When the store's folder is missing or not writable.
    pub fn writer(&self) -> Result<BlobWriter, FileError> {
        let file = AtomicFile::create_in(&self.folder())?;
        Ok(BlobWriter { store: self.clone(), file, hasher: Hasher::default(), size: 0 })
    }

    /// Writes `bytes` as a blob, unless it is there already, whole.
    ///
    /// # Errors
    /// When the store's folder is missing, not writable or full.
    pub fn put(&self, bytes: &[u8]) -> Result<Blob, FileError> {
        let blob = Blob { digest: Digest::of(bytes), size: bytes.len() as u64 };
        let path = self.path(&blob.digest);
        if self.has(&blob) && read_regular(&path, blob.size).is_ok_and(|found| found == bytes) {
            return Ok(blob);
        }
        write_atomically(&path, bytes)?;
        Ok(blob)
    }

    /// Opens a blob for reading; its bytes are not checked.
    ///
    /// # Errors
    /// When it is missing or cannot be read.
    pub fn get(&self, digest: &Digest) -> Result<File, BlobError> {
        let path = self.path(digest);
        open_regular(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => BlobError::Missing { digest: *digest, store: self.root.clone() },
            _ => FileError::on("read", &path)(source).into(),
        })
    }

    /// Reads a whole blob of at most `limit` bytes and checks its digest: for manifests and configurations.
    ///
    /// # Errors
    /// When it is missing, longer than `limit`, or has other bytes than its name says.
    pub fn read(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, BlobError> {
        let file = self.get(digest)?;
        let path = self.path(digest);
        let size = file.metadata().map_err(FileError::on("read", &path))?.len();
        if size > limit {
            return Err(BlobError::TooLong { digest: *digest, size, limit });
        }
        let mut bytes = Vec::new();
        let mut reader = io::Read::take(file, limit);
        io::Read::read_to_end(&mut reader, &mut bytes).map_err(FileError::on("read", &path))?;
        check(*digest, Digest::of(&bytes))?;
        Ok(bytes)
    }

    /// Reads the blob to its end and compares its digest with its name.
    ///
    /// # Errors
    /// When it is missing or its bytes are others.
    pub fn verify(&self, digest: &Digest) -> Result<Blob, BlobError> {
        let reader = BufReader::new(self.get(digest)?);
        let path = self.path(digest);
        let (found, size) = Digest::of_reader(reader).map_err(FileError::on("read", &path))?;
        check(*digest, found)?;
        Ok(Blob { digest: found, size })
    }

    /// Takes a blob over from another store: as a hard link where the file system can, else as a copy.
    ///
    /// The bytes are trusted to be what the name says; [`verify`](Self::verify) them in `from` first. A file that
    /// is already there under the name is replaced.
    ///
    /// # Errors
    /// When it is missing in `from`, or this store's folder is not writable or full.
    pub fn adopt(&self, digest: &Digest, from: &Self) -> Result<(), BlobError> {
        let (source, target) = (from.path(digest), self.path(digest));
        if same_file(&source, &target) {
            return Ok(());
        }
        let mut reader = from.get(digest)?;
        let temporary = AtomicFile::create_in(&self.folder())?;
        let link = temporary.path().with_extension("link");
        if fs::hard_link(&source, &link).is_ok() {
            let renamed = fs::rename(&link, &target);
            // Renaming one link of a file over another link of the same file does nothing and leaves both.
            fs::remove_file(&link).ok();
            return Ok(renamed.map_err(FileError::on("replace", &target))?);
        }
        io::copy(&mut reader, &mut temporary.as_file()).map_err(FileError::on("write", &target))?;
        Ok(temporary.commit(&target)?)
    }

    /// Removes every blob that `keep` does not name, and half-written files that a killed process left.
    /// Returns how many files went and how many bytes they had.
    pub(crate) fn retain(&self, keep: impl Fn(&str, &fs::Metadata) -> bool) -> Result<(u64, u64), FileError> {
        retain(&self.folder(), keep)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join("blobs").join("sha256")
    }
}

/// Removes the files of a folder that `keep` does not want; folders stay. Returns their number and bytes.
pub(crate) fn retain(
    folder: &Path,
    keep: impl Fn(&str, &fs::Metadata) -> bool,
) -> Result<(u64, u64), FileError> {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(folder).map_err(FileError::on("list", folder))? {
        let entry = entry.map_err(FileError::on("list", folder))?;
        // What is gone by now was removed or renamed by another process.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() || keep(&entry.file_name().to_string_lossy(), &metadata) {
            continue;
        }
        match fs::remove_file(entry.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(FileError::on("remove", &entry.path())(error));
            }
            _ => (files, bytes) = (files + 1, bytes + metadata.len()),
        }
    }
    Ok((files, bytes))
}

#[cfg(unix)]
fn same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(not(unix))]
fn same_file(_: &Path, _: &Path) -> bool {
    false
}

fn check(expected: Digest, found: Digest) -> Result<(), BlobError> {
    if expected == found { Ok(()) } else { Err(BlobError::Corrupt { expected, found }) }
}

/// Writes a blob whose digest is not known yet, and hashes it on the way.
///
/// Only [`complete`](Self::complete) puts it into the store; a writer that is dropped leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    store: BlobStore,
    file: AtomicFile,
    hasher: Hasher,
    size: u64,
}

impl BlobWriter {
    /// Makes the bytes durable and gives the blob its name.
    ///
    /// # Errors
    /// When the disk is full or the store's folder is gone.
    pub fn complete(self) -> Result<Blob, FileError> {
        let blob = Blob { digest: self.hasher.finish(), size: self.size };
        self.file.commit(&self.store.path(&blob.digest))?;
        Ok(blob)
    }

    /// As [`complete`](Self::complete), when the digest was promised from outside.
    ///
    /// # Errors
    /// Also when the bytes do not have the promised digest; the store is then as before.
    pub fn complete_as(self, expected: Digest) -> Result<Blob, BlobError> {
        check(expected, self.hasher.clone().finish())?;
        Ok(self.complete()?)
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A blob that a store cannot give.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// No file has the digest's name.
    #[error("blob {digest} is not in `{}`; build the image again", store.display())]
    Missing {
        /// What was asked for.
        digest: Digest,
        /// Where it should be.
        store: PathBuf,
    },
    /// The bytes are not those that the name promises.
    #[error("blob {expected} is corrupt: its bytes have the digest {found}; build the image again")]
    Corrupt {
        /// The name.
        expected: Digest,
        /// The bytes' digest.
        found: Digest,
    },
    /// A document that is longer than any real one.
    #[error("blob {digest} has {size} bytes, more than the {limit} that such a document may have")]
    TooLong {
        /// Its name.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
        /// The longest that is read.
        limit: u64,
    },
    /// The store's files could not be used.
    #[error(transparent)]
    File(#[from] FileError),
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests damage files on purpose")]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, BlobStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = BlobStore::create(folder.path()).unwrap();
        (folder, store)
    }

    fn files(store: &BlobStore) -> usize {
        fs::read_dir(store.folder()).unwrap().count()
    }

    #[test]
    fn writes_under_its_digest() {
        let (_folder, store) = store();
        let mut writer = store.writer().unwrap();
        writer.write_all(b"hel").unwrap();
        writer.write_all(b"lo").unwrap();
        let blob = writer.complete().unwrap();
        assert_eq!(blob, Blob { digest: Digest::of(b"hello"), size: 5 });
        assert!(store.has(&blob));
        assert_eq!(store.read(&blob.digest, 5).unwrap(), b"hello");
        assert!(matches!(store.read(&blob.digest, 4), Err(BlobError::TooLong { size: 5, .. })));
        assert_eq!(store.put(b"hello").unwrap(), blob);
        assert_eq!(files(&store), 1);
    }

    #[test]
    fn a_dropped_or_wrong_writer_leaves_nothing() {
        let (_folder, store) = store();
        let mut writer = store.writer().unwrap();
        writer.write_all(b"hello").unwrap();
        assert!(matches!(writer.complete_as(Digest::of(b"other")), Err(BlobError::Corrupt { .. })));
        drop(store.writer().unwrap());
        assert_eq!(files(&store), 0);
    }

    #[test]
    fn a_flipped_bit_is_noticed_and_repaired() {
        let (_folder, store) = store();
        let blob = store.put(b"hello").unwrap();
        fs::write(store.path(&blob.digest), b"hellp").unwrap();
        assert!(matches!(store.verify(&blob.digest), Err(BlobError::Corrupt { .. })));
        assert!(matches!(store.read(&blob.digest, 99), Err(BlobError::Corrupt { .. })));
        store.put(b"hello").unwrap();
        assert_eq!(store.verify(&blob.digest).unwrap(), blob);
    }

    #[test]
    fn adopts_over_a_broken_file_and_twice() {
        let (_one, from) = store();
        let (_two, to) = store();
        let blob = from.put(b"hello").unwrap();
        fs::write(to.path(&blob.digest), b"junk").unwrap();
        to.adopt(&blob.digest, &from).unwrap();
        to.adopt(&blob.digest, &from).unwrap();
        assert_eq!(to.verify(&blob.digest).unwrap(), blob);
        assert_eq!(files(&to), 1);
        assert!(matches!(to.adopt(&Digest::of(b"no"), &from), Err(BlobError::Missing { .. })));
    }
}
