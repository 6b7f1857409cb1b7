use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use crossdock_fs::{
    AtomicFile, FileError, FileStamp, create_directory_no_follow, is_private, is_temporary, open_regular,
    open_regular_no_follow, read_regular_no_follow, refuse_link, sync_directory, write_record,
};
use serde::Serialize;

use crate::model::{Algorithm, Blob, Digest, Hasher};
use crate::rootfs::{LayerBlob, LayerSource};

/// A store of blobs named by their digests: `blobs/<algorithm>/<hex>` in a directory (image-spec, image-layout.md § Blobs).
///
/// Several processes may write to one store: a blob appears under its name only when it is complete.
///
/// Symbolic links in a store are refused: crossdock makes none, and a directory that came with a repository could lead
/// anywhere.
#[derive(Debug, Clone)]
pub struct BlobStore {
    root: PathBuf,
    links: Links,
    unsynced: Option<Arc<Unsynced>>,
}

/// Blobs that have their names and may not be on the disk yet.
#[derive(Debug, Default)]
struct Unsynced(Mutex<Vec<(PathBuf, File)>>);

impl Unsynced {
    /// The number of files that are kept open at most.
    const MOST: usize = 64;

    fn lock(&self) -> MutexGuard<'_, Vec<(PathBuf, File)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The treatment of symbolic links in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// For directories that crossdock writes.
    Refuse,
    /// For images of other tools, which are only read: bazel's rules_oci links the blobs of its layouts.
    Follow,
}

impl Links {
    /// Opens a regular file for reading.
    pub(crate) fn open(self, path: &Path) -> io::Result<File> {
        match self {
            Self::Refuse => open_regular_no_follow(path),
            Self::Follow => open_regular(path),
        }
    }

    /// Reads at most `limit + 1` bytes of a regular file.
    pub(crate) fn read(self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(self.open(path)?, limit.saturating_add(1)), &mut bytes)?;
        Ok(bytes)
    }
}

/// The files that pruning removed, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Pruned {
    /// The number of files.
    pub files: u64,
    /// The size of these files in bytes.
    pub bytes: u64,
}

/// The age up to which half-written files, and blobs without an entry, are kept: another process may still use them.
pub(super) const GRACE: Duration = Duration::from_secs(3600);

/// A layer in a store.
struct StoredLayer<'a> {
    store: &'a BlobStore,
    digest: Digest,
}

impl LayerBlob for StoredLayer<'_> {
    fn open(&self) -> io::Result<Box<dyn io::Read + Send + '_>> {
        Ok(Box::new(self.store.get(&self.digest).map_err(io::Error::other)?))
    }
}

impl BlobStore {
    /// Opens the store in `directory`, which is created if missing.
    ///
    /// # Errors
    /// If the directory, or one of the store's in it, is a symbolic link or cannot be created.
    pub fn create(directory: impl Into<PathBuf>) -> Result<Self, FileError> {
        let store = Self::open(directory);
        store.directories().iter().try_for_each(|path| create_directory_no_follow(path))?;
        Ok(store)
    }

    /// Opens the store in `directory` for reading, without accessing it yet.
    pub fn open(directory: impl Into<PathBuf>) -> Self {
        Self::with_links(directory, Links::Refuse)
    }

    pub(crate) fn with_links(directory: impl Into<PathBuf>, links: Links) -> Self {
        Self { root: directory.into(), links, unsynced: None }
    }

    /// Returns the store as one whose new blobs are flushed to the disk together, by [`sync`](Self::sync): each by itself
    /// would make the others wait. A crash before that may leave a damaged blob under its name, which
    /// [`verify`](Self::verify) and [`read`](Self::read) notice, so nothing may name the blobs before.
    #[must_use]
    pub fn deferring(&self) -> Self {
        Self { unsynced: Some(Arc::default()), ..self.clone() }
    }

    /// Flushes the new blobs of a [deferring](Self::deferring) store to the disk.
    ///
    /// # Errors
    /// If the disk is full or fails.
    pub fn sync(&self) -> Result<(), FileError> {
        let Some(unsynced) = &self.unsynced else { return Ok(()) };
        let files = std::mem::take(&mut *unsynced.lock());
        let directories: BTreeSet<&Path> = files.iter().filter_map(|(path, _)| path.parent()).collect();
        // At the same time: the disk gets all their blocks at once, and a journal ends one transaction for several files.
        let failure = Mutex::new(Ok(()));
        thread::scope(|scope| {
            let failure = &failure;
            for files in files.chunks(Unsynced::MOST / 8) {
                let sync = move || {
                    if let Err(error) = sync_all(files) {
                        *failure.lock().unwrap_or_else(PoisonError::into_inner) = Err(error);
                    }
                };
                // Without another thread, this one does it.
                if thread::Builder::new().spawn_scoped(scope, sync).is_err() {
                    sync();
                }
            }
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        directories.into_iter().for_each(sync_directory);
        Ok(())
    }

    /// Gives a complete file its name.
    fn commit(&self, file: AtomicFile, path: &Path) -> Result<(), FileError> {
        let Some(unsynced) = &self.unsynced else { return file.commit(path) };
        let file = file.persist(path)?;
        let count = {
            let mut files = unsynced.lock();
            files.push((path.to_owned(), file));
            files.len()
        };
        if count < Unsynced::MOST { Ok(()) } else { self.sync() }
    }

    pub(crate) fn links(&self) -> Links {
        self.links
    }

    /// Refuses the store if one of its directories is a symbolic link.
    pub(crate) fn refuse_links(&self) -> Result<(), FileError> {
        self.directories().iter().try_for_each(|path| refuse_link(path))
    }

    /// Returns the directory that holds `blobs`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of the blob, whether or not it exists.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.directory_of(digest.algorithm()).join(digest.hex())
    }

    /// Returns whether a blob of this digest and length exists. Its bytes are not checked: see
    /// [`verify`](Self::verify).
    pub fn has(&self, blob: &Blob) -> bool {
        let path = self.path(&blob.digest);
        let found = match self.links {
            Links::Refuse => fs::symlink_metadata(path),
            Links::Follow => fs::metadata(path),
        };
        found.is_ok_and(|found| found.is_file() && found.len() == blob.size)
    }

    /// Returns a writer of a new blob with a SHA-256 digest.
    ///
    /// # Errors
    /// If the store's directory is missing or not writable.
    pub fn writer(&self) -> Result<BlobWriter, FileError> {
        self.writer_of(Algorithm::Sha256)
    }

    /// Returns a writer of a new blob with a digest of this algorithm.
    ///
    /// # Errors
    /// If the store's directory is missing or not writable.
    pub fn writer_of(&self, algorithm: Algorithm) -> Result<BlobWriter, FileError> {
        let directory = self.directory_of(algorithm);
        if algorithm != Algorithm::Sha256 {
            // The other one is made with the store.
            create_directory_no_follow(&directory)?;
        }
        let file = AtomicFile::create_in(&directory)?;
        Ok(BlobWriter { store: self.clone(), file, hasher: Hasher::new(algorithm), size: 0 })
    }

    /// Writes `bytes` as a blob with a SHA-256 digest, unless it exists with these bytes.
    ///
    /// # Errors
    /// If the store's directory is missing, not writable or full.
    pub fn put(&self, bytes: &[u8]) -> Result<Blob, FileError> {
        self.put_as(Algorithm::Sha256, bytes)
    }

    /// Writes `bytes` as a blob with a digest of this algorithm, unless it exists with these bytes.
    ///
    /// # Errors
    /// If the store's directory is missing, not writable or full.
    pub fn put_as(&self, algorithm: Algorithm, bytes: &[u8]) -> Result<Blob, FileError> {
        let blob = Blob { digest: algorithm.digest(bytes), size: bytes.len() as u64 };
        let path = self.path(&blob.digest);
        // A damaged blob of the right length is replaced, so the bytes are compared.
        if self.has(&blob) && read_regular_no_follow(&path, blob.size).is_ok_and(|found| found == bytes) {
            return Ok(blob);
        }
        let writer = self.writer_of(algorithm)?;
        writer.file.as_file().write_all(bytes).map_err(FileError::on("write", &path))?;
        self.commit(writer.file, &path)?;
        Ok(blob)
    }

    /// Opens a blob for reading. Its bytes are not checked.
    ///
    /// # Errors
    /// If the blob is missing or cannot be read.
    pub fn get(&self, digest: &Digest) -> Result<File, BlobError> {
        let path = self.path(digest);
        self.links.open(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => BlobError::Missing { digest: *digest, store: self.root.clone() },
            _ => FileError::on("read", &path)(source).into(),
        })
    }

    /// Reads a whole blob of at most `limit` bytes and verifies its digest; for manifests and configurations.
    ///
    /// # Errors
    /// If the blob is missing, longer than `limit`, or does not match its digest.
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
        check(*digest, digest.of_other(&bytes))?;
        Ok(bytes)
    }

    /// Returns a blob as a layer of a [`RootView`](crate::RootView), which verifies both digests when it is applied.
    pub fn layer(&self, digest: &Digest, diff_id: &Digest) -> LayerSource<'_> {
        LayerSource {
            blob: Box::new(StoredLayer { store: self, digest: *digest }),
            digest: *digest,
            diff_id: *diff_id,
        }
    }

    /// Notes that a blob is in use, as the time of its last change: pruning a cache goes by that. One that was noted within
    /// the last day stays as it is, so that its [stamp](FileStamp) does. A store that is read-only still serves.
    pub fn mark_used(&self, digest: &Digest) {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let path = self.path(digest);
        let noted = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified());
        if noted.is_ok_and(|noted| noted.elapsed().is_ok_and(|age| age < DAY)) {
            return;
        }
        FileStamp::seal(&path).ok();
    }

    /// Verifies a blob as [`verify`](Self::verify) does, unless a record of an earlier call has the stamp that its file has
    /// now. The records are files in the store's directory `verified`.
    ///
    /// # Errors
    /// If the blob is missing or does not match its digest.
    pub fn verify_once(&self, digest: &Digest) -> Result<Blob, BlobError> {
        let path = self.path(digest);
        let record = self.root.join("verified").join(digest.hex());
        let before = FileStamp::of(&path).map(|stamp| stamp.to_string());
        let recorded = read_regular_no_follow(&record, 256).ok();
        if let Some(stamp) = &before
            && recorded.is_some_and(|recorded| recorded == stamp.as_bytes())
        {
            let size = fs::symlink_metadata(&path).map_err(FileError::on("read", &path))?.len();
            return Ok(Blob { digest: *digest, size });
        }
        let blob = self.verify(digest)?;
        // Without a record it is read again the next time.
        if let (Some(stamp), Some(directory)) = (before, record.parent())
            && create_directory_no_follow(directory).is_ok()
        {
            write_record(&record, stamp.as_bytes()).ok();
        }
        Ok(blob)
    }

    /// Reads a blob to its end and verifies its digest.
    ///
    /// # Errors
    /// If the blob is missing or does not match its digest.
    pub fn verify(&self, digest: &Digest) -> Result<Blob, BlobError> {
        let reader = BufReader::new(self.get(digest)?);
        let path = self.path(digest);
        let found = digest.algorithm().digest_reader(reader);
        let (found, size) = found.map_err(FileError::on("read", &path))?;
        check(*digest, found)?;
        Ok(Blob { digest: found, size })
    }

    /// Takes over a blob from another store: as a hard link if the file system supports it and only this process's user
    /// may change the file, otherwise as a copy, which nobody can change through the other name.
    ///
    /// The bytes are not checked; [`verify`](Self::verify) them in `from` first. An existing file of that name is
    /// replaced.
    ///
    /// # Errors
    /// If the blob is missing in `from`, or this store's directory is not writable or full.
    pub fn adopt(&self, digest: &Digest, from: &Self) -> Result<(), BlobError> {
        let (source, target) = (from.path(digest), self.path(digest));
        let mut reader = from.get(digest)?;
        let is_private = is_private(&reader).map_err(FileError::on("read", &source))?;
        if is_private && same_file(&source, &target) {
            return Ok(());
        }
        let temporary = self.writer_of(digest.algorithm())?.file;
        // link(2) fails if the name is taken, so the link gets a temporary name first and is renamed over the old
        // file. The name is one that pruning recognizes if the process is killed in between.
        let link = temporary.path().with_extension("link");
        if is_private && fs::hard_link(&source, &link).is_ok() {
            let renamed = fs::rename(&link, &target);
            // rename(2) does nothing if both names are links of one file, and then leaves both.
            fs::remove_file(&link).ok();
            return Ok(renamed.map_err(FileError::on("replace", &target))?);
        }
        io::copy(&mut reader, &mut temporary.as_file()).map_err(FileError::on("write", &target))?;
        Ok(temporary.commit(&target)?)
    }

    /// Removes the blobs that were not [used](Self::mark_used) for some time, and half-written files that are older than an
    /// hour: another process may still write younger ones.
    ///
    /// # Errors
    /// If the directory cannot be listed, or a file in it cannot be removed.
    pub fn prune(&self, unused_for: Duration) -> Result<Pruned, FileError> {
        let now = SystemTime::now();
        // They belong to the blobs, and are written again where those are still there.
        match fs::remove_dir_all(self.root.join("verified")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(FileError::on("remove", &self.root.join("verified"))(error));
            }
            _ => {}
        }
        let (files, bytes) = self.retain(|name, metadata| {
            let limit = if is_temporary(name) { GRACE } else { unused_for };
            metadata.modified().is_ok_and(|time| now.duration_since(time).unwrap_or_default() < limit)
        })?;
        Ok(Pruned { files, bytes })
    }

    /// Returns the number of blobs and their bytes.
    ///
    /// # Errors
    /// If the directory cannot be listed.
    pub fn usage(&self) -> Result<(u64, u64), FileError> {
        let (mut blobs, mut bytes) = (0, 0);
        for (algorithm, directory) in self.used_directories() {
            for_each_file(&directory, |path, metadata| {
                let name = path.file_name().map(|name| name.to_string_lossy());
                if name.is_some_and(|name| is_hex_digest(&name, algorithm)) {
                    (blobs, bytes) = (blobs + 1, bytes + metadata.len());
                }
            })?;
        }
        Ok((blobs, bytes))
    }

    /// Removes the blobs and half-written files that `keep` rejects, and returns their number and bytes.
    pub(crate) fn retain(&self, keep: impl Fn(&str, &fs::Metadata) -> bool) -> Result<(u64, u64), FileError> {
        self.refuse_links()?;
        let mut removed = (0, 0);
        for (algorithm, directory) in self.used_directories() {
            let (files, bytes) = retain(&directory, |name, metadata| {
                let is_own = is_temporary(name) || is_hex_digest(name, algorithm);
                !is_own || keep(name, metadata)
            })?;
            removed = (removed.0 + files, removed.1 + bytes);
        }
        Ok(removed)
    }

    fn directories(&self) -> [PathBuf; 3] {
        [self.root.clone(), self.root.join("blobs"), self.directory()]
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.directory_of(Algorithm::Sha256)
    }

    /// Returns the directory of each algorithm that has one. That of SHA-256 is always there.
    fn used_directories(&self) -> impl Iterator<Item = (Algorithm, PathBuf)> {
        let directories = Algorithm::ALL.map(|algorithm| (algorithm, self.directory_of(algorithm)));
        directories.into_iter().filter(|(algorithm, path)| *algorithm == Algorithm::Sha256 || path.exists())
    }

    fn directory_of(&self, algorithm: Algorithm) -> PathBuf {
        self.root.join("blobs").join(algorithm.name())
    }
}

/// Calls a function for each regular file of a directory.
pub(super) fn for_each_file(
    directory: &Path,
    mut found: impl FnMut(PathBuf, &fs::Metadata),
) -> Result<(), FileError> {
    for entry in fs::read_dir(directory).map_err(FileError::on("list", directory))? {
        let entry = entry.map_err(FileError::on("list", directory))?;
        // Another process may have removed or renamed the file since it was listed.
        if let Ok(metadata) = entry.metadata()
            && metadata.is_file()
        {
            found(entry.path(), &metadata);
        }
    }
    Ok(())
}

fn sync_all(files: &[(PathBuf, File)]) -> Result<(), FileError> {
    files.iter().try_for_each(|(path, file)| file.sync_data().map_err(FileError::on("write", path)))
}

/// Returns whether a name is a blob's: the lower-case hexadecimal digits of a digest (image-spec, descriptor.md § Registered
/// algorithms).
pub(crate) fn is_hex_digest(name: &str, algorithm: Algorithm) -> bool {
    name.len() == algorithm.digits() && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Removes the files of a directory that `keep` rejects, and returns their number and bytes. Directories stay.
pub(crate) fn retain(
    directory: &Path,
    keep: impl Fn(&str, &fs::Metadata) -> bool,
) -> Result<(u64, u64), FileError> {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(directory).map_err(FileError::on("list", directory))? {
        let entry = entry.map_err(FileError::on("list", directory))?;
        // Another process may have removed or renamed the file since it was listed.
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
    let identity = |path| fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()));
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(not(unix))]
fn same_file(_: &Path, _: &Path) -> bool {
    false
}

fn check(expected: Digest, found: Digest) -> Result<(), BlobError> {
    if expected == found { Ok(()) } else { Err(BlobError::Corrupt { expected, found }) }
}

/// A writer of a blob whose digest is computed while it is written.
///
/// Only [`complete`](Self::complete) puts the blob into the store; dropping the writer leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    store: BlobStore,
    file: AtomicFile,
    hasher: Hasher,
    size: u64,
}

impl BlobWriter {
    /// Flushes the bytes to the disk, unless the store [defers](BlobStore::deferring) that, and names the blob by its digest.
    ///
    /// # Errors
    /// If the disk is full or the store's directory does not exist any more.
    pub fn complete(self) -> Result<Blob, FileError> {
        let blob = Blob { digest: self.hasher.finish(), size: self.size };
        self.store.commit(self.file, &self.store.path(&blob.digest))?;
        Ok(blob)
    }

    /// Completes the blob as [`complete`](Self::complete) does, if it has the expected digest.
    ///
    /// # Errors
    /// As [`complete`](Self::complete), and if the digest differs; the store is then unchanged.
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

/// An error of reading or writing a blob.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The blob does not exist.
    #[error("blob {digest} is not in `{}`; build the image again", store.display())]
    Missing {
        /// The digest of the blob.
        digest: Digest,
        /// The directory or archive searched.
        store: PathBuf,
    },
    /// The bytes do not match the digest.
    #[error("blob {expected} is corrupt: its bytes have the digest {found}; build the image again")]
    Corrupt {
        /// The expected digest.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// A document is longer than the limit.
    #[error("blob {digest} has {size} bytes, more than the limit of {limit} for such a document")]
    TooLong {
        /// The digest of the blob.
        digest: Digest,
        /// The length of the blob in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file of the store cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests damage files on purpose")]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, BlobStore) {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::create(directory.path()).unwrap();
        (directory, store)
    }

    fn files(store: &BlobStore) -> usize {
        fs::read_dir(store.directory()).unwrap().count()
    }

    #[test]
    fn deferred_blobs_have_their_names_at_once_and_are_synced_together() {
        let (_directory, store) = store();
        let deferring = store.deferring();
        let count = Unsynced::MOST + 3;
        let blobs: Vec<Blob> =
            (0..count).map(|number| deferring.put(number.to_string().as_bytes()).unwrap()).collect();
        for blob in &blobs {
            assert_eq!(store.verify(&blob.digest).unwrap(), *blob);
        }
        // Not more files stay open.
        assert_eq!(deferring.unsynced.as_ref().unwrap().lock().len(), 3);
        deferring.sync().unwrap();
        assert!(deferring.unsynced.as_ref().unwrap().lock().is_empty());
        assert_eq!(files(&store), count);
        store.sync().unwrap();
    }

    #[test]
    fn each_algorithm_has_its_directory() {
        let (directory, store) = store();
        let blob = store.put_as(Algorithm::Sha512, b"hello").unwrap();
        assert!(directory.path().join("blobs/sha512").join(blob.digest.hex()).is_file());
        assert_eq!((store.verify(&blob.digest).unwrap(), store.has(&blob)), (blob, true));
        assert_eq!(store.read(&blob.digest, 9).unwrap(), b"hello");
        let mut writer = store.writer_of(Algorithm::Sha512).unwrap();
        writer.write_all(b"other").unwrap();
        let other = writer.complete_as(Algorithm::Sha512.digest(b"other")).unwrap();
        fs::write(store.path(&blob.digest), b"hellp").unwrap();
        assert!(matches!(store.verify(&blob.digest), Err(BlobError::Corrupt { .. })));
        assert_eq!(store.retain(|name, _| name == other.digest.hex()).unwrap(), (1, 5));
        assert_eq!(store.verify(&other.digest).unwrap(), other);
    }

    #[test]
    fn a_blob_is_named_by_its_digest() {
        let (_directory, store) = store();
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
    fn a_dropped_or_mismatched_writer_leaves_nothing() {
        let (_directory, store) = store();
        let mut writer = store.writer().unwrap();
        writer.write_all(b"hello").unwrap();
        assert!(matches!(writer.complete_as(Digest::of(b"other")), Err(BlobError::Corrupt { .. })));
        drop(store.writer().unwrap());
        assert_eq!(files(&store), 0);
    }

    #[test]
    fn a_flipped_bit_is_detected_and_repaired() {
        let (_directory, store) = store();
        let blob = store.put(b"hello").unwrap();
        fs::write(store.path(&blob.digest), b"hellp").unwrap();
        assert!(matches!(store.verify(&blob.digest), Err(BlobError::Corrupt { .. })));
        assert!(matches!(store.read(&blob.digest, 99), Err(BlobError::Corrupt { .. })));
        store.put(b"hello").unwrap();
        assert_eq!(store.verify(&blob.digest).unwrap(), blob);
    }

    #[cfg(unix)]
    #[test]
    fn a_verified_blob_is_read_again_only_after_a_change() {
        let (_directory, store) = store();
        let blob = store.put(b"hello").unwrap();
        assert_eq!(store.verify_once(&blob.digest).unwrap(), blob);
        assert_eq!(store.verify_once(&blob.digest).unwrap(), blob);
        fs::write(store.path(&blob.digest), b"hellp").unwrap();
        assert!(matches!(store.verify_once(&blob.digest), Err(BlobError::Corrupt { .. })));
        // A record of other bytes does not count either.
        let stamp = FileStamp::of(&store.path(&blob.digest)).unwrap().to_string();
        fs::write(store.root.join("verified").join(blob.digest.hex()), &stamp[1..]).unwrap();
        assert!(store.verify_once(&blob.digest).is_err());
        fs::remove_file(store.path(&blob.digest)).unwrap();
        assert!(matches!(store.verify_once(&blob.digest), Err(BlobError::Missing { .. })));
    }

    #[test]
    fn adopting_replaces_a_damaged_file_and_can_be_repeated() {
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

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_write_is_copied() {
        use std::os::unix::fs::PermissionsExt;
        let (_one, from) = store();
        let (_two, to) = store();
        let blob = from.put(b"hello").unwrap();
        let path = from.path(&blob.digest);
        to.adopt(&blob.digest, &from).unwrap();
        assert!(same_file(&path, &to.path(&blob.digest)));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        to.adopt(&blob.digest, &from).unwrap();
        assert!(!same_file(&path, &to.path(&blob.digest)));
        fs::write(&path, b"hellp").unwrap();
        assert_eq!(to.verify(&blob.digest).unwrap(), blob);
    }
}
