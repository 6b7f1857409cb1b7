use std::fs::{self, File, FileTimes};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crossdock_fs::{FileError, is_temporary, read_regular, write_atomically};
use serde::Serialize;

use super::blob::{BlobError, BlobStore, retain};
use crate::layer::{Compression, Fingerprint, Layer, LayerError, TarSource, fingerprint, write_known};
use crate::model::{Digest, canonical_bytes};

/// Layers that were compressed before, by content.
///
/// An entry's key is the digest of the plain tar and of the compressor's settings, so that nothing about a build
/// (folder, day, name) is part of it, and an entry never goes stale. The blob behind an entry is checked each time
/// it is used; one that is not what its name says is made anew. Any number of processes may use one cache: blobs
/// and entries appear whole or not at all, and a removed one is only made again.
#[derive(Debug, Clone)]
pub struct LayerCache {
    root: PathBuf,
    blobs: BlobStore,
}

/// What a cache holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CacheInfo {
    /// How many layers.
    pub layers: u64,
    /// The bytes of all files in it.
    pub bytes: u64,
    /// The longest time since which one of the layers was not used, in seconds.
    pub longest_unused: u64,
}

/// What may stay when a cache is pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneLimits {
    /// Layers that were not used for so long go.
    pub unused_for: Duration,
    /// Then the ones whose last use lies furthest back go, until the blobs have at most so many bytes.
    pub bytes: u64,
}

impl PruneLimits {
    /// Nothing stays.
    pub const EVERYTHING: Self = Self { unused_for: Duration::ZERO, bytes: 0 };
}

/// What pruning removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// How long a half-written file, or a blob without an entry, is left alone: another process may be at work on it.
const GRACE: Duration = Duration::from_secs(3600);

/// The most that is read of an entry, in bytes; they have a few hundred.
const ENTRY_LIMIT: u64 = 64 * 1024;

impl LayerCache {
    /// The cache in `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn create(folder: impl Into<PathBuf>) -> Result<Self, FileError> {
        let root = folder.into();
        let blobs = BlobStore::create(&root)?;
        let cache = Self { root, blobs };
        let layers = cache.layers();
        fs::create_dir_all(&layers).map_err(FileError::on("create", &layers))?;
        Ok(cache)
    }

    /// Puts the layer's blob into `store`: from the cache when it is there, whole; else compressed on `threads`
    /// threads and kept for the next time.
    ///
    /// # Errors
    /// When a file of the layer cannot be read or changes meanwhile, and when the cache or the store cannot be
    /// written.
    pub fn provide(
        &self,
        source: &dyn TarSource,
        compression: Compression,
        threads: NonZeroUsize,
        store: &BlobStore,
    ) -> Result<Layer, CacheError> {
        let fingerprint = fingerprint(source)?;
        let entry = self.entry(&fingerprint, compression);
        if let Some(layer) = self.recall(&entry, &fingerprint)
            && store.adopt(&layer.descriptor.digest, &self.blobs).is_ok()
        {
            return Ok(layer);
        }
        let mut writer = self.blobs.writer()?;
        let layer = write_known(source, &fingerprint, &mut writer, compression, threads)?;
        writer.complete()?;
        write_atomically(&entry, &canonical_bytes(&layer))?;
        match store.adopt(&layer.descriptor.digest, &self.blobs) {
            // Someone pruned the cache this very moment: write past it.
            Err(BlobError::Missing { .. }) => {
                let mut writer = store.writer()?;
                write_known(source, &fingerprint, &mut writer, compression, threads)?;
                writer.complete()?;
            }
            adopted => adopted?,
        }
        Ok(layer)
    }

    /// Counts what is there.
    ///
    /// # Errors
    /// When the cache's folder cannot be listed.
    pub fn info(&self) -> Result<CacheInfo, FileError> {
        let entries = self.entries()?;
        let now = SystemTime::now();
        let unused = |entry: &Entry| now.duration_since(entry.used).unwrap_or_default().as_secs();
        let mut bytes = entries.iter().map(|entry| entry.size).sum();
        for_each_file(&self.blobs.folder(), |_, metadata| bytes += metadata.len())?;
        Ok(CacheInfo {
            layers: entries.len() as u64,
            bytes,
            longest_unused: entries.iter().map(unused).max().unwrap_or_default(),
        })
    }

    /// Removes what the limits do not let stay, then blobs that no entry names and half-written files.
    ///
    /// What is younger than an hour, and than the limit for unused layers, is left to the process that may be
    /// writing it. Even a blob that is taken away from under a process does no harm: it is made again.
    ///
    /// # Errors
    /// When the folder cannot be listed, or a file in it cannot be removed.
    pub fn prune(&self, limits: PruneLimits) -> Result<Pruned, FileError> {
        let mut entries = self.entries()?;
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.used));
        let now = SystemTime::now();
        let (mut kept, mut kept_bytes) = (Vec::new(), 0_u64);
        let mut pruned = Pruned::default();
        for entry in entries {
            let unused = now.duration_since(entry.used).unwrap_or_default();
            let size = entry.layer.as_ref().map_or(0, |layer| layer.descriptor.size);
            match entry.layer {
                Some(layer)
                    if unused < limits.unused_for && kept_bytes.saturating_add(size) <= limits.bytes =>
                {
                    kept_bytes = kept_bytes.saturating_add(size);
                    kept.push(layer.descriptor.digest.hex());
                }
                _ => {
                    remove(&entry.path)?;
                    pruned.files += 1;
                    pruned.bytes += entry.size;
                }
            }
        }
        let young = |metadata: &fs::Metadata, grace| {
            metadata.modified().is_ok_and(|time| now.duration_since(time).unwrap_or_default() < grace)
        };
        let half_written =
            retain(&self.layers(), |name, metadata| !is_temporary(name) || young(metadata, GRACE))?;
        let blobs = self.blobs.retain(|name, metadata| match is_temporary(name) {
            true => young(metadata, GRACE),
            false => kept.iter().any(|kept| kept == name) || young(metadata, GRACE.min(limits.unused_for)),
        })?;
        for (files, bytes) in [half_written, blobs] {
            pruned.files += files;
            pruned.bytes += bytes;
        }
        Ok(pruned)
    }

    /// The layer that an entry remembers, when its blob is whole.
    fn recall(&self, entry: &PathBuf, fingerprint: &Fingerprint) -> Option<Layer> {
        let layer: Layer = serde_json::from_slice(&read_regular(entry, ENTRY_LIMIT).ok()?).ok()?;
        if layer.diff_id != fingerprint.diff_id || layer.uncompressed_size != fingerprint.size {
            return None;
        }
        let blob = self.blobs.verify(&layer.descriptor.digest).ok()?;
        if blob != layer.descriptor.blob() {
            return None;
        }
        // The time of the last use decides what pruning removes; a cache that cannot be written serves all the same.
        if let Ok(file) = File::options().append(true).open(entry) {
            file.set_times(FileTimes::new().set_modified(SystemTime::now())).ok();
        }
        Some(layer)
    }

    fn entry(&self, fingerprint: &Fingerprint, compression: Compression) -> PathBuf {
        let key = format!("crossdock layer 1\n{}\n{}\n", fingerprint.diff_id, compression.settings());
        self.layers().join(format!("{}.json", Digest::of(key.as_bytes()).hex()))
    }

    fn entries(&self) -> Result<Vec<Entry>, FileError> {
        let folder = self.layers();
        let mut entries = Vec::new();
        for_each_file(&folder, |path, metadata| {
            // Another process may be writing it this moment.
            if path.file_name().is_some_and(|name| is_temporary(&name.to_string_lossy())) {
                return;
            }
            let layer =
                read_regular(&path, ENTRY_LIMIT).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            entries.push(Entry { path, layer, used, size: metadata.len() });
        })?;
        Ok(entries)
    }

    fn layers(&self) -> PathBuf {
        self.root.join("layers")
    }
}

struct Entry {
    path: PathBuf,
    /// Absent when the file is no entry of this version: it goes when the cache is pruned.
    layer: Option<Layer>,
    used: SystemTime,
    size: u64,
}

fn for_each_file(folder: &PathBuf, mut found: impl FnMut(PathBuf, &fs::Metadata)) -> Result<(), FileError> {
    for entry in fs::read_dir(folder).map_err(FileError::on("list", folder))? {
        let entry = entry.map_err(FileError::on("list", folder))?;
        // A file that is gone by now was removed or renamed by another process.
        if let Ok(metadata) = entry.metadata()
            && metadata.is_file()
        {
            found(entry.path(), &metadata);
        }
    }
    Ok(())
}

fn remove(path: &PathBuf) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::on("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// A layer that the cache cannot provide.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The layer itself cannot be made.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// Its blob cannot be stored.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The cache's files cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests damage files on purpose")]
mod tests {
    use crossdock_fs::AtomicFile;

    use super::*;
    use crate::{Content, LayerBuilder, Owner, Timestamp};

    struct Fixture {
        _folder: tempfile::TempDir,
        cache: LayerCache,
        store: BlobStore,
    }

    impl Fixture {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let cache = LayerCache::create(folder.path().join("cache")).unwrap();
            let store = BlobStore::create(folder.path().join("layout")).unwrap();
            Self { _folder: folder, cache, store }
        }

        fn provide(&self, content: &str) -> Layer {
            let mut builder = LayerBuilder::new(Timestamp::EPOCH);
            let content = Content::from(content.as_bytes().to_vec());
            builder.add_file("x", 0o644, Owner::ROOT, content).unwrap();
            self.cache.provide(&builder, Compression::Gzip, NonZeroUsize::MIN, &self.store).unwrap()
        }
    }

    #[test]
    fn the_second_time_comes_from_the_cache() {
        let fixture = Fixture::new();
        let layer = fixture.provide("one");
        let path = fixture.cache.blobs.path(&layer.descriptor.digest);
        let made = fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(fixture.provide("one"), layer);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), made, "it was made again");
        assert_ne!(fixture.provide("two"), layer);
        assert_eq!(fixture.cache.info().unwrap().layers, 2);
        fixture.store.verify(&layer.descriptor.digest).unwrap();
    }

    #[test]
    fn damage_is_noticed_and_repaired() {
        let fixture = Fixture::new();
        let layer = fixture.provide("one");
        let path = fixture.cache.blobs.path(&layer.descriptor.digest);
        let good = fs::read(&path).unwrap();
        for bit in [0, 77, good.len() * 8 - 1] {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &bad).unwrap();
            assert_eq!(fixture.provide("one"), layer);
            assert_eq!(fs::read(&path).unwrap(), good);
            fixture.store.verify(&layer.descriptor.digest).unwrap();
        }
        fs::write(&path, &good[..good.len() / 2]).unwrap();
        assert_eq!(fixture.provide("one"), layer);
        fs::remove_file(&path).unwrap();
        assert_eq!(fixture.provide("one"), layer);
    }

    #[test]
    fn a_damaged_entry_is_no_entry() {
        let fixture = Fixture::new();
        let layer = fixture.provide("one");
        let other = fixture.provide("two");
        let entries = fixture.cache.entries().unwrap();
        for bytes in [&b"{"[..], &[0xff; 9], &canonical_bytes(&other), &canonical_bytes(&layer)] {
            entries.iter().for_each(|entry| fs::write(&entry.path, bytes).unwrap());
            assert_eq!(fixture.provide("one"), layer);
            assert_eq!(fixture.provide("two"), other);
        }
    }

    #[test]
    fn an_entry_of_an_absurd_size_is_counted_as_such() {
        let fixture = Fixture::new();
        let layer = fixture.provide("one");
        let mut absurd = fixture.provide("two");
        let digest = absurd.descriptor.digest;
        absurd.descriptor.size = u64::MAX;
        let entries = fixture.cache.entries().unwrap();
        let bad = &entries.iter().find(|entry| entry.layer.as_ref() != Some(&layer)).unwrap().path;
        fs::write(bad, canonical_bytes(&absurd)).unwrap();
        // The one that was used last is counted first.
        let before = SystemTime::now() - Duration::from_secs(9);
        File::options().append(true).open(bad).unwrap().set_modified(before).unwrap();
        let limits = |bytes| PruneLimits { unused_for: Duration::from_secs(600), bytes };
        assert_eq!(fixture.cache.prune(limits(u64::MAX)).unwrap(), Pruned::default());
        assert_eq!(fixture.cache.prune(limits(1 << 20)).unwrap().files, 1);
        assert!(!bad.exists());
        assert_eq!(fixture.provide("two").descriptor.digest, digest);
        assert_eq!(fixture.cache.info().unwrap().layers, 2);
    }

    #[test]
    fn what_is_being_written_stays_until_its_writer_must_be_dead() {
        let fixture = Fixture::new();
        let names = [fixture.cache.layers(), fixture.cache.blobs.folder()];
        let half_written = names.map(|folder| AtomicFile::create_in(&folder).unwrap());
        fixture.cache.prune(PruneLimits::EVERYTHING).unwrap();
        assert!(half_written.iter().all(|file| file.path().exists()), "a writer is at work on it");
        for file in &half_written {
            file.as_file().set_modified(SystemTime::now() - 2 * GRACE).unwrap();
        }
        assert_eq!(fixture.cache.prune(PruneLimits::EVERYTHING).unwrap().files, 2);
        assert!(half_written.iter().all(|file| !file.path().exists()), "its writer was killed");
    }

    #[test]
    fn prunes_by_age_and_size() {
        let fixture = Fixture::new();
        let old = fixture.provide("old");
        let new = fixture.provide("new");
        let day = Duration::from_secs(86_400);
        for entry in fixture.cache.entries().unwrap() {
            if entry.layer.as_ref() == Some(&old) {
                let file = File::options().append(true).open(&entry.path).unwrap();
                file.set_times(FileTimes::new().set_modified(SystemTime::now() - 3 * day)).unwrap();
            }
        }
        let keep_all = PruneLimits { unused_for: 9 * day, bytes: u64::MAX };
        assert_eq!(fixture.cache.prune(keep_all).unwrap(), Pruned::default());
        assert!(fixture.cache.info().unwrap().longest_unused >= 3 * 86_400);
        let pruned = fixture.cache.prune(PruneLimits { unused_for: 2 * day, bytes: u64::MAX }).unwrap();
        assert_eq!(pruned.files, 1, "the entry goes, its young blob waits");
        fixture.cache.blobs.verify(&new.descriptor.digest).unwrap();
        fixture.cache.prune(PruneLimits::EVERYTHING).unwrap();
        assert_eq!(fixture.cache.info().unwrap(), CacheInfo::default());
        assert_eq!(fixture.provide("new"), new);
    }
}
