use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crossdock_fs::{
    FileError, FileStamp, create_directory_no_follow, is_temporary, read_regular_no_follow, refuse_link,
    write_atomically, write_record,
};
use serde::{Deserialize, Serialize};

use super::blob::{BlobError, BlobStore, GRACE, Pruned, for_each_file, is_hex_digest, retain};
use crate::layer::{Compression, Fingerprint, Layer, LayerError, TarSource, fingerprint, write_known};
use crate::model::{Algorithm, Digest, EncodeError, canonical_bytes};

/// A cache of compressed layers, keyed by content.
///
/// The key of an entry is the digest of the uncompressed tar together with the compressor's settings. Nothing else
/// about a build (directory, date, name) is part of it, so an entry never becomes stale. The blob of an entry is
/// verified whenever it is used, unless its [stamp](FileStamp) shows that nobody changed it since, and a damaged one is made
/// again. Any number of processes may use one cache: blobs and entries appear complete or not at all, and a removed one is
/// only made again.
///
/// A source whose [identity](TarSource::identity) is known from an earlier call is not read again: its record leads to the
/// entry, and counts only together with it.
#[derive(Debug, Clone)]
pub struct LayerCache {
    root: PathBuf,
    blobs: BlobStore,
}

/// The contents of a cache in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheInfo {
    /// The number of layers.
    pub layers: u64,
    /// The size of the layers and their entries in bytes.
    pub bytes: u64,
    /// The time since the last use of the layer unused for longest, in seconds; 0 for an empty cache.
    pub longest_unused: u64,
}

/// The limits to which a cache is pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneLimits {
    /// Layers not used for this long are removed.
    pub unused_for: Duration,
    /// The least recently used layers are removed until the blobs have at most this many bytes.
    pub bytes: u64,
}

impl PruneLimits {
    /// Limits that keep no layer.
    pub const EVERYTHING: Self = Self { unused_for: Duration::ZERO, bytes: 0 };
}

/// The largest entry that is read, in bytes; real ones have a few hundred.
const ENTRY_LIMIT: u64 = 64 * 1024;

impl LayerCache {
    /// Opens the cache in `directory`, which is created if missing.
    ///
    /// # Errors
    /// If the directory, or one of the cache's in it, is a symbolic link or cannot be created.
    pub fn create(directory: impl Into<PathBuf>) -> Result<Self, FileError> {
        let root = directory.into();
        let blobs = BlobStore::create(&root)?;
        let cache = Self { root, blobs };
        create_directory_no_follow(&cache.layers())?;
        create_directory_no_follow(&cache.records())?;
        Ok(cache)
    }

    /// Puts the layer's blob into `store`, from the cache if possible. Otherwise the layer is compressed on `threads`
    /// threads and added to the cache.
    ///
    /// # Errors
    /// If a file of the layer cannot be read or changes while it is read, or if the cache or the store cannot be
    /// written.
    pub fn provide(
        &self,
        source: &dyn TarSource,
        compression: Compression,
        threads: NonZeroUsize,
        store: &BlobStore,
    ) -> Result<Layer, CacheError> {
        let identity = source.identity();
        if let Some(layer) = identity.and_then(|identity| self.recall(&identity, compression, store)) {
            return Ok(layer);
        }
        let layer = self.provide_read(source, compression, threads, store)?;
        // The source was read in between, and may have been changed.
        if let Some(identity) = identity
            && source.identity() == Some(identity)
        {
            self.remember(&self.record(&identity, compression), &layer);
        }
        Ok(layer)
    }

    /// Puts the blob of a layer into `store` that an earlier call of [`provide`](Self::provide) made of a source of this
    /// identity, and returns the layer; `None` if there is none, or its entry or its blob was changed since.
    pub fn recall(&self, identity: &Digest, compression: Compression, store: &BlobStore) -> Option<Layer> {
        let path = self.record(identity, compression);
        let record: Record =
            serde_json::from_slice(&read_regular_no_follow(&path, ENTRY_LIMIT).ok()?).ok()?;
        let entry = self.entry(&record.layer.diff_id, compression);
        let layer: Layer = serde_json::from_slice(&read_regular_no_follow(&entry, ENTRY_LIMIT).ok()?).ok()?;
        let blob = self.blobs.path(&layer.descriptor.digest);
        let is_recorded = layer == record.layer && record.stamp == stamp(&blob)?;
        if !is_recorded || store.adopt(&layer.descriptor.digest, &self.blobs).is_err() {
            return None;
        }
        // A new link to the blob changes its stamp.
        if stamp(&blob)? != record.stamp {
            self.remember(&path, &layer);
        }
        mark_used(&entry);
        Some(layer)
    }

    /// Provides the layer of a source that has to be read.
    fn provide_read(
        &self,
        source: &dyn TarSource,
        compression: Compression,
        threads: NonZeroUsize,
        store: &BlobStore,
    ) -> Result<Layer, CacheError> {
        let fingerprint = fingerprint(source)?;
        let entry = self.entry(&fingerprint.diff_id, compression);
        if let Some(layer) = self.recall_entry(&entry, &fingerprint)
            // A failure is met again below, where it is either repaired or reported.
            && store.adopt(&layer.descriptor.digest, &self.blobs).is_ok()
        {
            return Ok(layer);
        }
        let mut writer = self.blobs.writer()?;
        let layer = write_known(source, &fingerprint, &mut writer, compression, threads)?;
        writer.complete()?;
        // After the blob: an entry never leads to a blob that is not there yet, and a young blob without one is not
        // pruned.
        write_atomically(&entry, &canonical_bytes(&layer)?)?;
        match store.adopt(&layer.descriptor.digest, &self.blobs) {
            // Another process pruned the cache since the blob was written: bypass the cache.
            Err(BlobError::Missing { .. }) => {
                let mut writer = store.writer()?;
                write_known(source, &fingerprint, &mut writer, compression, threads)?;
                writer.complete()?;
            }
            adopted => adopted?,
        }
        Ok(layer)
    }

    /// Counts the layers and the bytes in the cache.
    ///
    /// # Errors
    /// If the cache's directory cannot be listed.
    pub fn info(&self) -> Result<CacheInfo, FileError> {
        let entries = self.entries()?;
        let now = SystemTime::now();
        let unused = |entry: &Entry| now.duration_since(entry.used).unwrap_or_default().as_secs();
        let mut bytes = entries.iter().map(|entry| entry.size).sum();
        for_each_file(&self.blobs.directory(), |_, metadata| bytes += metadata.len())?;
        Ok(CacheInfo {
            layers: entries.len() as u64,
            bytes,
            longest_unused: entries.iter().map(unused).max().unwrap_or_default(),
        })
    }

    /// Removes the layers beyond the limits, then blobs without an entry and half-written files.
    ///
    /// Blobs and half-written files younger than an hour are kept, since another process may still use them. (For
    /// blobs, a shorter `unused_for` replaces the hour.) A blob that is removed while a process needs it is made
    /// again.
    ///
    /// # Errors
    /// If the directory cannot be listed, or a file in it cannot be removed.
    pub fn prune(&self, limits: PruneLimits) -> Result<Pruned, FileError> {
        self.blobs.refuse_links()?;
        refuse_link(&self.layers())?;
        refuse_link(&self.records())?;
        let mut entries = self.entries()?;
        // The most recently used come first, so that the limit of bytes cuts off the others.
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
        let half_written =
            retain(&self.layers(), |name, metadata| !is_temporary(name) || is_young(metadata, GRACE))?;
        let blobs = self.blobs.retain(|name, metadata| match is_temporary(name) {
            true => is_young(metadata, GRACE),
            false => kept.iter().any(|kept| kept == name) || is_young(metadata, GRACE.min(limits.unused_for)),
        })?;
        for (files, bytes) in [half_written, blobs] {
            pruned.files += files;
            pruned.bytes += bytes;
        }
        self.prune_records()?;
        Ok(pruned)
    }

    /// Removes the layers with these blobs. An entry holds what somebody wrote there: if its blob turns out not to be the
    /// layer, every image that uses the entry is damaged, until it is made again.
    ///
    /// # Errors
    /// If the cache's directory cannot be listed, or a file in it cannot be removed.
    pub fn forget(&self, blobs: &[Digest]) -> Result<(), FileError> {
        let is_meant = |layer: &Layer| blobs.contains(&layer.descriptor.digest);
        for entry in self.entries()?.iter().filter(|entry| entry.layer.as_ref().is_some_and(is_meant)) {
            remove(&entry.path)?;
        }
        blobs.iter().try_for_each(|blob| remove(&self.blobs.path(blob)))
    }

    /// Returns the layer of an entry, or `None` if there is no valid entry or its blob is damaged.
    fn recall_entry(&self, entry: &Path, fingerprint: &Fingerprint) -> Option<Layer> {
        let layer: Layer = serde_json::from_slice(&read_regular_no_follow(entry, ENTRY_LIMIT).ok()?).ok()?;
        if layer.diff_id != fingerprint.diff_id || layer.uncompressed_size != fingerprint.size {
            return None;
        }
        let blob = self.blobs.verify(&layer.descriptor.digest).ok()?;
        if blob != layer.descriptor.blob() {
            return None;
        }
        mark_used(entry);
        Some(layer)
    }

    /// Records what a source leads to. Without the record it is only read again.
    fn remember(&self, path: &Path, layer: &Layer) {
        let Some(stamp) = stamp(&self.blobs.path(&layer.descriptor.digest)) else { return };
        let Ok(bytes) = canonical_bytes(&Record { layer: layer.clone(), stamp }) else { return };
        write_record(path, &bytes).ok();
    }

    fn record(&self, identity: &Digest, compression: Compression) -> PathBuf {
        let key = format!("crossdock record 1\n{identity}\n{}\n", compression.settings());
        self.records().join(format!("{}.json", Digest::of(key.as_bytes()).hex()))
    }

    fn entry(&self, diff_id: &Digest, compression: Compression) -> PathBuf {
        // The first line is a version: a change of the entries' form gives them other names instead of old ones a new
        // meaning.
        let key = format!("crossdock layer 1\n{diff_id}\n{}\n", compression.settings());
        self.layers().join(format!("{}.json", Digest::of(key.as_bytes()).hex()))
    }

    fn entries(&self) -> Result<Vec<Entry>, FileError> {
        let mut entries = Vec::new();
        for_each_file(&self.layers(), |path, metadata| {
            // A file that another process is writing, or that is not the cache's.
            let name = path.file_name().map(|name| name.to_string_lossy());
            if !name.is_some_and(|name| {
                name.strip_suffix(".json").is_some_and(|hex| is_hex_digest(hex, Algorithm::Sha256))
            }) {
                return;
            }
            let layer = read_regular_no_follow(&path, ENTRY_LIMIT)
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok());
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            entries.push(Entry { path, layer, used, size: metadata.len() });
        })?;
        Ok(entries)
    }

    fn layers(&self) -> PathBuf {
        self.root.join("layers")
    }

    fn records(&self) -> PathBuf {
        self.root.join("records")
    }

    /// Removes the records of layers that are not there any more. They are parts of layers, and not counted.
    fn prune_records(&self) -> Result<(), FileError> {
        let kept: BTreeSet<Digest> =
            self.entries()?.into_iter().filter_map(|entry| Some(entry.layer?.diff_id)).collect();
        retain(&self.records(), |name, metadata| {
            if is_temporary(name) {
                return is_young(metadata, GRACE);
            }
            let path = self.records().join(name);
            let record = read_regular_no_follow(&path, ENTRY_LIMIT);
            let record = record.ok().and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok());
            record.is_some_and(|record| kept.contains(&record.layer.diff_id))
        })?;
        Ok(())
    }
}

/// The layer that a source leads to, and the stamp of its blob in the cache when its bytes were known to be right.
#[derive(Serialize, Deserialize)]
struct Record {
    layer: Layer,
    stamp: String,
}

fn stamp(path: &Path) -> Option<String> {
    FileStamp::of(path).map(|stamp| stamp.to_string())
}

fn is_young(metadata: &fs::Metadata, limit: Duration) -> bool {
    metadata.modified().is_ok_and(|time| time.elapsed().unwrap_or_default() < limit)
}

/// Records that an entry is used: pruning goes by that. A cache that is read-only still serves.
fn mark_used(entry: &Path) {
    FileStamp::seal(entry).ok();
}

struct Entry {
    path: PathBuf,
    /// `None` if the file has the name of an entry but is not one of this version; pruning removes it.
    layer: Option<Layer>,
    used: SystemTime,
    size: u64,
}

fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::on("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// An error of providing a layer from the cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The layer cannot be made.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The blob cannot be stored.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The entry cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A file of the cache cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests damage files on purpose")]
mod tests {
    use std::fs::{File, FileTimes};

    use crossdock_fs::AtomicFile;

    use super::*;
    use crate::{Content, LayerBuilder, Owner, Timestamp};

    struct Fixture {
        _directory: tempfile::TempDir,
        cache: LayerCache,
        store: BlobStore,
    }

    impl Fixture {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let cache = LayerCache::create(directory.path().join("cache")).unwrap();
            let store = BlobStore::create(directory.path().join("layout")).unwrap();
            Self { _directory: directory, cache, store }
        }

        fn provide(&self, content: &str) -> Layer {
            let mut builder = LayerBuilder::new(Timestamp::EPOCH);
            let content = Content::from(content.as_bytes().to_vec());
            builder.add_file("x", 0o644, Owner::ROOT, content).unwrap();
            self.cache.provide(&builder, Compression::Gzip, NonZeroUsize::MIN, &self.store).unwrap()
        }
    }

    #[test]
    fn a_forgotten_layer_is_made_again() {
        let fixture = Fixture::new();
        let (one, two) = (fixture.provide("one"), fixture.provide("two"));
        // An entry with the blob of another layer: each blob by itself is undamaged.
        let planted = Layer { descriptor: two.descriptor.clone(), ..one.clone() };
        let entries = fixture.cache.entries().unwrap();
        let entry = entries.iter().find(|entry| entry.layer.as_ref() == Some(&one)).unwrap();
        fs::write(&entry.path, serde_json::to_vec(&planted).unwrap()).unwrap();
        assert_eq!(fixture.provide("one"), planted);
        fixture.cache.forget(&[planted.descriptor.digest]).unwrap();
        assert_eq!((fixture.provide("one"), fixture.provide("two")), (one, two));
        fixture.cache.forget(&[Digest::of(b"unknown")]).unwrap();
        assert_eq!(fixture.cache.info().unwrap().layers, 2);
    }

    #[test]
    fn a_known_layer_comes_from_the_cache() {
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

    fn builder(content: Content) -> LayerBuilder {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        builder.add_file("x", 0o755, Owner::ROOT, content).unwrap();
        builder
    }

    fn provide(fixture: &Fixture, content: Content) -> Layer {
        let source = builder(content);
        fixture.cache.provide(&source, Compression::Gzip, NonZeroUsize::MIN, &fixture.store).unwrap()
    }

    #[cfg(unix)]
    #[test]
    fn a_file_with_a_known_digest_is_read_once() {
        let fixture = Fixture::new();
        let directory = tempfile::tempdir().unwrap();
        let known = |name: &str, bytes: &[u8], digest: &[u8]| {
            let path = directory.path().join(name);
            write_atomically(&path, bytes).unwrap();
            let stamp = FileStamp::of(&path).unwrap();
            Content::Known { path, digest: Digest::of(digest), stamp }
        };
        let one = provide(&fixture, known("one", b"1", b"1"));
        // Another content shows that this file is not read.
        assert_eq!(provide(&fixture, known("two", b"2", b"1")), one);
        // One that was changed since its digest was computed is read, and not recorded.
        let changed = known("three", b"3", b"3");
        write_atomically(directory.path().join("three"), b"4").unwrap();
        let four = provide(&fixture, changed);
        assert_eq!(provide(&fixture, Content::from(b"4".to_vec())), four);
        assert_ne!(provide(&fixture, known("three", b"3", b"3")), four);
        // A damaged blob is found in spite of the record.
        let path = fixture.cache.blobs.path(&one.descriptor.digest);
        let good = fs::read(&path).unwrap();
        fs::write(&path, &good[1..]).unwrap();
        assert_eq!(provide(&fixture, known("one", b"1", b"1")), one);
        assert_eq!(fs::read(&path).unwrap(), good);
        // And one that has vanished.
        fixture.cache.prune(PruneLimits::EVERYTHING).unwrap();
        assert_eq!(fs::read_dir(fixture.cache.records()).unwrap().count(), 0);
        assert_eq!(provide(&fixture, known("one", b"1", b"1")), one);
        assert_eq!(fs::read_dir(fixture.cache.records()).unwrap().count(), 1);
        fixture.store.verify(&one.descriptor.digest).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_changed_file_is_read_again() {
        let fixture = Fixture::new();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let write = |content: &str, age: u64| {
            fs::write(&path, content).unwrap();
            let file = File::options().append(true).open(&path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_millis(age)).unwrap();
            provide(&fixture, Content::File(path.clone()))
        };
        for age in [0, 1500] {
            let one = write("one", age);
            assert_eq!(provide(&fixture, Content::File(path.clone())), one);
            let two = write("two", age);
            assert_ne!(two, one);
            assert_eq!(provide(&fixture, Content::from("two")), two);
        }
    }

    #[test]
    fn the_identity_of_a_source_is_that_of_its_tar() {
        let identity = |mtime: i64, mode, owner, content: &'static str| {
            let mut builder = LayerBuilder::new(Timestamp::from_unix(mtime.unsigned_abs()).unwrap());
            builder.add_file("x", mode, owner, Content::from(content)).unwrap();
            builder.identity().unwrap()
        };
        let usual = identity(0, 0o755, Owner::ROOT, "a");
        assert_eq!(identity(0, 0o755, Owner::ROOT, "a"), usual);
        for other in [
            identity(1, 0o755, Owner::ROOT, "a"),
            identity(0, 0o644, Owner::ROOT, "a"),
            identity(0, 0o755, Owner { uid: 0, gid: 1 }, "a"),
            identity(0, 0o755, Owner::ROOT, "b"),
        ] {
            assert_ne!(other, usual);
        }
        let of = |add: &dyn Fn(&mut LayerBuilder)| {
            let mut builder = LayerBuilder::new(Timestamp::EPOCH);
            add(&mut builder);
            builder.identity().unwrap()
        };
        let link = |to: &'static str| of(&|builder| builder.add_symlink("x", to).unwrap());
        assert_ne!(link("a"), link("b"));
        assert_ne!(of(&|builder| builder.add_dir("a", 0o755, Owner::ROOT).unwrap()), link("a"));
    }

    #[test]
    fn damage_is_detected_and_repaired() {
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
    fn damaged_entries_are_replaced() {
        let fixture = Fixture::new();
        let layer = fixture.provide("one");
        let other = fixture.provide("two");
        let entries = fixture.cache.entries().unwrap();
        let [other_entry, layer_entry] = [&other, &layer].map(|layer| canonical_bytes(layer).unwrap());
        for bytes in [&b"{"[..], &[0xff; 9], &other_entry, &layer_entry] {
            entries.iter().for_each(|entry| fs::write(&entry.path, bytes).unwrap());
            assert_eq!(fixture.provide("one"), layer);
            assert_eq!(fixture.provide("two"), other);
        }
    }

    #[test]
    fn an_entry_with_an_absurd_size_does_not_overflow() {
        let fixture = Fixture::new();
        let layer = fixture.provide("one");
        let mut absurd = fixture.provide("two");
        let digest = absurd.descriptor.digest;
        absurd.descriptor.size = u64::MAX;
        let entries = fixture.cache.entries().unwrap();
        let bad = &entries.iter().find(|entry| entry.layer.as_ref() != Some(&layer)).unwrap().path;
        fs::write(bad, canonical_bytes(&absurd).unwrap()).unwrap();
        // Pruning counts the most recently used entry first.
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
    fn half_written_files_are_kept_for_an_hour() {
        let fixture = Fixture::new();
        let directories = [fixture.cache.layers(), fixture.cache.blobs.directory()];
        let half_written = directories.map(|directory| AtomicFile::create_in(&directory).unwrap());
        fixture.cache.prune(PruneLimits::EVERYTHING).unwrap();
        assert!(half_written.iter().all(|file| file.path().exists()), "a writer may still use it");
        for file in &half_written {
            file.as_file().set_modified(SystemTime::now() - 2 * GRACE).unwrap();
        }
        assert_eq!(fixture.cache.prune(PruneLimits::EVERYTHING).unwrap().files, 2);
        assert!(half_written.iter().all(|file| !file.path().exists()), "its writer was killed");
    }

    #[test]
    fn layers_are_pruned_by_age_and_size() {
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
        assert_eq!(pruned.files, 1, "the entry is removed, its young blob is kept");
        fixture.cache.blobs.verify(&new.descriptor.digest).unwrap();
        fixture.cache.prune(PruneLimits::EVERYTHING).unwrap();
        assert_eq!(fixture.cache.info().unwrap(), CacheInfo::default());
        assert_eq!(fixture.provide("new"), new);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused_and_other_files_are_kept() {
        let fixture = Fixture::new();
        fixture.provide("one");
        let root = fixture.cache.root.clone();
        for letter in ["layers/letter.json", "blobs/sha256/letter"] {
            write_atomically(root.join(letter), b"dear").unwrap();
        }
        fixture.cache.prune(PruneLimits::EVERYTHING).unwrap();
        for (directory, files) in [("layers", 1), ("blobs/sha256", 1)] {
            let (path, moved) = (root.join(directory), root.with_extension("moved"));
            assert_eq!(fs::read_dir(&path).unwrap().count(), files, "{directory}");
            fs::rename(&path, &moved).unwrap();
            std::os::unix::fs::symlink(&moved, &path).unwrap();
            assert!(fixture.cache.prune(PruneLimits::EVERYTHING).is_err());
            assert!(LayerCache::create(&root).is_err());
            fs::remove_file(&path).unwrap();
            fs::rename(&moved, &path).unwrap();
        }
        LayerCache::create(&root).unwrap();
    }
}
