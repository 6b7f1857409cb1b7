//! Image layouts and archives: storing, assembling and reading images.

mod archive;
mod assemble;
mod blob;
mod cache;
mod convert;
mod merge;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crossdock_fs::{
    FileError, FileLock, LockOwner, is_temporary, mark_output, read_regular_no_follow, refuse_link,
    write_atomically,
};

use crate::model::{
    DOCUMENT_LIMIT, Descriptor, Digest, Document, DocumentError, EncodeError, ImageManifest, Index,
    Reference, media_type,
};
use blob::{Links, retain};

pub use archive::{
    ArchiveError, LoadForm, write_archive, write_load_archive, write_node_archive, write_oci_archive,
};
pub use assemble::{AssembleError, Assembled, Image, PlatformImage, PlatformManifest, assemble, write_index};
pub use blob::{BlobError, BlobStore, BlobWriter, Pruned};
pub use cache::{CacheError, CacheInfo, LayerCache, PruneLimits};
pub use convert::convert_docker;
pub use merge::{MergeError, MergePart, merge};
pub use source::{
    ImageSource, IndexEntry, SourceError, SourceImage, SourcePlatform, SourceReferrer, is_own_archive,
    may_be_archive,
};

/// The annotation of an entry of `index.json` with its tag (image-spec, annotations.md).
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation of an entry of `index.json` with its full name, which containerd and docker read on import.
pub(crate) const IMAGE_NAME: &str = "io.containerd.image.name";
/// The content of the file `oci-layout`.
pub(crate) const LAYOUT_VERSION: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// An image layout: a directory with blobs and an `index.json` that names images (image-spec, image-layout.md).
///
/// Readers need no lock: `index.json` is replaced atomically, after all blobs that it leads to. Writers take the
/// [lock](Self::lock) first; the methods that change `index.json` or remove blobs borrow it as proof.
///
/// A layout whose directory, or a file or directory in it, is a symbolic link is refused: crossdock makes none, and a
/// repository can contain one that leads to the user's own files.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
    blobs: BlobStore,
}

/// The treatment of a layout's other images when one is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pruning {
    /// Keeps the other images, except under the names that move to the new image.
    KeepOthers,
    /// Makes the new image the only one.
    ReplaceAll,
}

/// Exclusive use of a layout among processes, for as long as this value lives.
///
/// The methods that change a layout borrow one, so that no caller can forget to take it.
#[derive(Debug)]
pub struct LayoutLock(#[expect(dead_code, reason = "dropping it releases the lock")] FileLock);

impl Layout {
    /// Opens the layout in `directory`, which is created if missing, with a `.gitignore` that keeps it out of version
    /// control.
    ///
    /// # Errors
    /// If the directory cannot be created or written, has content other than a layout, or is or contains a symbolic
    /// link.
    pub fn create(directory: impl Into<PathBuf>) -> Result<Self, LayoutError> {
        let root = directory.into();
        let marker = root.join("oci-layout");
        refuse_links(&root)?;
        if marker.exists() {
            check_version(&root, Links::Refuse)?;
            return Ok(Self { blobs: BlobStore::create(&root)?, root });
        }
        refuse_other_content(&root)?;
        let blobs = BlobStore::create(&root)?;
        mark_output(&root)?;
        // The marker comes last: until then the directory counts as one whose creation was interrupted, and is
        // completed later.
        write_atomically(&marker, LAYOUT_VERSION)?;
        Ok(Self { root, blobs })
    }

    /// Opens the existing layout in `directory`.
    ///
    /// # Errors
    /// If the file `oci-layout` is missing or has an unknown version, or the directory is or contains a symbolic link.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, LayoutError> {
        let root = directory.into();
        refuse_links(&root)?;
        check_version(&root, Links::Refuse)?;
        Ok(Self { blobs: BlobStore::open(&root), root })
    }

    /// Opens the existing layout in `directory` for reading, following symbolic links. It is never written.
    pub(crate) fn open_following_links(directory: impl Into<PathBuf>) -> Result<Self, LayoutError> {
        let root = directory.into();
        check_version(&root, Links::Follow)?;
        Ok(Self { blobs: BlobStore::with_links(&root, Links::Follow), root })
    }

    /// Returns the layout's directory.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Returns the store of the layout's blobs. Hold the [lock](Self::lock) from adding blobs until publishing their
    /// image: a concurrent [prune](Self::prune) removes blobs that no image needs.
    pub fn blobs(&self) -> &BlobStore {
        &self.blobs
    }

    /// Locks the layout for this process, or returns the owner that has locked it.
    ///
    /// # Errors
    /// If the lock's file cannot be used.
    pub fn try_lock(&self) -> Result<Result<LayoutLock, LockOwner>, FileError> {
        Ok(FileLock::try_acquire(&self.lock_path())?.map(LayoutLock))
    }

    /// Locks the layout for this process, blocking while another process has locked it.
    ///
    /// # Errors
    /// If the lock's file cannot be used.
    pub fn lock(&self) -> Result<LayoutLock, FileError> {
        FileLock::acquire(&self.lock_path()).map(LayoutLock)
    }

    /// Reads `index.json`. A layout without one is empty.
    ///
    /// # Errors
    /// If the file cannot be read or is not an index.
    pub fn index(&self) -> Result<Index, LayoutError> {
        let path = self.index_path();
        match self.blobs.links().read(&path, DOCUMENT_LIMIT) {
            Ok(bytes) if bytes.len() as u64 > DOCUMENT_LIMIT => Err(LayoutError::IndexTooLong { path }),
            Ok(bytes) => match Document::parse(bytes, "image index") {
                Ok(document) => Ok(document.value),
                Err(source) => Err(LayoutError::Document { path, source }),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Index::new(Vec::new(), BTreeMap::new()))
            }
            Err(error) => Err(FileError::on("read", &path)(error).into()),
        }
    }

    /// Replaces `index.json` atomically.
    ///
    /// # Errors
    /// If the directory is not writable or full; the old file is then unchanged.
    pub fn write_index(&self, _lock: &LayoutLock, index: &Index) -> Result<(), LayoutError> {
        let document = Document::new(index.clone())?;
        // One that stays as it is need not wait for the disk.
        let length = document.raw.len() as u64;
        if read_regular_no_follow(&self.index_path(), length).is_ok_and(|found| found == document.raw) {
            return Ok(());
        }
        Ok(write_atomically(self.index_path(), &document.raw)?)
    }

    /// Lists `image` in `index.json`, in one atomic step: under each of `names`, or without a name if there are none.
    ///
    /// A name that belonged to another image moves to this one: also a mere tag, as other tools write it. The image's entry
    /// without a name is removed once it has one.
    ///
    /// # Errors
    /// If the image's blob is not in the layout, or `index.json` cannot be read or written.
    pub fn publish(
        &self,
        lock: &LayoutLock,
        image: &Descriptor,
        names: &[Reference],
        pruning: Pruning,
    ) -> Result<(), LayoutError> {
        // An index that names a missing blob would break the layout for its readers, who take no lock.
        if !self.blobs.has(&image.blob()) {
            return Err(BlobError::Missing { digest: image.digest, store: self.root.clone() }.into());
        }
        let mut index = self.index()?;
        let entries = named_entries(image, names);
        let values = |key| entries.iter().filter_map(move |entry: &Descriptor| entry.annotations.get(key));
        let moved: BTreeSet<_> = values(IMAGE_NAME).collect();
        // skopeo, oras and regctl name images only so, and take the first entry of a name.
        let taken: BTreeSet<_> = values(IMAGE_NAME).chain(values(REF_NAME)).collect();
        index.manifests.retain(|entry| {
            let stays = match (entry.annotations.get(IMAGE_NAME), entry.annotations.get(REF_NAME)) {
                (None, None) => entry.digest != image.digest,
                (Some(name), _) => !moved.contains(name),
                (None, Some(tag)) => !taken.contains(tag),
            };
            pruning == Pruning::KeepOthers && stays
        });
        index.manifests.extend(entries);
        self.write_index(lock, &index)
    }

    /// Lists manifests about images in `index.json`, without names, as oras does. One that is listed already stays as it is.
    ///
    /// # Errors
    /// If the blob of one of them is not in the layout, or `index.json` cannot be read or written.
    pub fn list_referrers(&self, lock: &LayoutLock, referrers: &[Descriptor]) -> Result<(), LayoutError> {
        let mut index = self.index()?;
        let listed: BTreeSet<Digest> = index.manifests.iter().map(|entry| entry.digest).collect();
        let new: Vec<_> = referrers.iter().filter(|referrer| !listed.contains(&referrer.digest)).collect();
        if let Some(missing) = new.iter().find(|referrer| !self.blobs.has(&referrer.blob())) {
            return Err(BlobError::Missing { digest: missing.digest, store: self.root.clone() }.into());
        }
        if new.is_empty() {
            return Ok(());
        }
        index.manifests.extend(new.into_iter().cloned());
        self.write_index(lock, &index)
    }

    /// Removes blobs that no image of `index.json` needs, and files that a killed process left half-written.
    ///
    /// # Errors
    /// If a manifest cannot be read or a directory is a symbolic link, in which case nothing is removed, or if a file
    /// cannot be removed.
    pub fn prune(&self, _lock: &LayoutLock) -> Result<Pruned, LayoutError> {
        let mut needed = BTreeSet::new();
        for descriptor in &self.index()?.manifests {
            self.collect(descriptor, 0, &mut needed)?;
        }
        let names: BTreeSet<String> = needed.iter().map(Digest::hex).collect();
        let (files, bytes) = self.blobs.retain(|name, _| names.contains(name))?;
        let (more, more_bytes) = retain(&self.root, |name, _| !is_temporary(name))?;
        Ok(Pruned { files: files + more, bytes: bytes + more_bytes })
    }

    /// Adds the digests of `descriptor` and of all blobs that it leads to.
    pub(crate) fn collect(
        &self,
        descriptor: &Descriptor,
        depth: u32,
        needed: &mut BTreeSet<Digest>,
    ) -> Result<(), LayoutError> {
        // A blob that several images share is followed once, which also ends a loop of indexes.
        if !needed.insert(descriptor.digest) {
            return Ok(());
        }
        let digest = descriptor.digest;
        let broken = |source| LayoutError::Document { path: self.blobs.path(&digest), source };
        if media_type::is_index(&descriptor.media_type) {
            if depth >= MAX_DEPTH {
                return Err(LayoutError::TooDeep { digest });
            }
            let raw = self.blobs.read(&digest, DOCUMENT_LIMIT)?;
            let index = Document::<Index>::parse(raw, "image index").map_err(broken)?.value;
            index.manifests.iter().try_for_each(|entry| self.collect(entry, depth + 1, needed))?;
        } else if media_type::is_manifest(&descriptor.media_type) {
            let raw = self.blobs.read(&digest, DOCUMENT_LIMIT)?;
            let manifest = Document::<ImageManifest>::parse(raw, "image manifest").map_err(broken)?.value;
            needed.insert(manifest.config.digest);
            needed.extend(manifest.layers.iter().map(|layer| layer.digest));
        }
        Ok(())
    }

    /// Adds the digests of an image's indexes, those that lie in one another included.
    pub(crate) fn collect_indexes(
        &self,
        image: &Descriptor,
        needed: &mut BTreeSet<Digest>,
    ) -> Result<(), LayoutError> {
        let mut queue = vec![image.clone()];
        while let Some(index) = queue.pop() {
            if !media_type::is_index(&index.media_type) || !self.blobs.has(&index.blob()) {
                continue;
            }
            if needed.insert(index.digest) {
                let raw = self.blobs.read(&index.digest, DOCUMENT_LIMIT)?;
                let broken = |source| LayoutError::Document { path: self.blobs.path(&index.digest), source };
                queue.extend(Document::<Index>::parse(raw, "image index").map_err(broken)?.value.manifests);
            }
        }
        Ok(())
    }

    fn index_path(&self) -> PathBuf {
        self.root.join("index.json")
    }

    fn lock_path(&self) -> PathBuf {
        self.root.join(".lock")
    }
}

/// The depth of nested indexes; real images have two.
pub(crate) const MAX_DEPTH: u32 = 8;

/// Returns the image's entries for `index.json`: one for each name, or one without a name.
pub(crate) fn named_entries(image: &Descriptor, names: &[Reference]) -> Vec<Descriptor> {
    let nameless = Descriptor { annotations: BTreeMap::new(), ..image.clone() };
    if names.is_empty() {
        return vec![nameless];
    }
    let names: BTreeSet<_> = names.iter().collect();
    let mut named = BTreeSet::new();
    // Different names may be equal when normalized, as `app` and `docker.io/app` are.
    let is_first = |name: &&Reference| named.insert(name.full_name());
    let entry = |name: &Reference| {
        let mut entry = nameless.clone();
        entry.annotations.insert(REF_NAME.to_owned(), name.tag.to_string());
        entry.annotations.insert(IMAGE_NAME.to_owned(), name.full_name());
        entry
    };
    names.into_iter().filter(is_first).map(entry).collect()
}

/// Rejects a directory with other content, which the layout's `.gitignore` would hide from version control.
fn refuse_other_content(root: &Path) -> Result<(), LayoutError> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(FileError::on("list", root)(error).into()),
    };
    for entry in entries {
        let name = entry.map_err(FileError::on("list", root))?.file_name();
        // Creating a layout may have been interrupted after these.
        let ours = name
            .to_str()
            .is_some_and(|name| matches!(name, "blobs" | ".gitignore" | ".lock") || is_temporary(name));
        // Another process may have created the layout since the directory was listed.
        if !ours && !root.join("oci-layout").exists() {
            let found = name.to_string_lossy().into_owned();
            return Err(LayoutError::OtherContent { path: root.to_owned(), found });
        }
    }
    Ok(())
}

/// Refuses a layout with a symbolic link at any of the names that writers use. Blobs are replaced by renaming, which does
/// not follow a link, and are checked when they are read.
fn refuse_links(root: &Path) -> Result<(), LayoutError> {
    BlobStore::open(root).refuse_links()?;
    for name in ["oci-layout", "index.json", ".lock"] {
        refuse_link(&root.join(name))?;
    }
    Ok(())
}

fn check_version(root: &Path, links: Links) -> Result<(), LayoutError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Marker {
        image_layout_version: String,
    }
    let path = root.join("oci-layout");
    let bytes = match links.read(&path, DOCUMENT_LIMIT) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(LayoutError::NotALayout { path: root.to_owned() });
        }
        Err(error) => return Err(FileError::on("read", &path)(error).into()),
    };
    match serde_json::from_slice::<Marker>(&bytes) {
        Ok(marker) if marker.image_layout_version.starts_with("1.") => Ok(()),
        _ => Err(LayoutError::UnknownVersion { path }),
    }
}

/// An error of using a layout.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The directory has no file `oci-layout`.
    #[error("`{}` is not an OCI image layout: it has no file `oci-layout`", path.display())]
    NotALayout {
        /// The directory.
        path: PathBuf,
    },
    /// The directory has other content.
    #[error("`{}` is neither an image layout nor empty: it contains `{found}`; name another directory", path.display())]
    OtherContent {
        /// The directory.
        path: PathBuf,
        /// The name of one of the other files.
        found: String,
    },
    /// The file `oci-layout` has another version.
    #[error("`{}` does not have version 1 of the image layout; it is newer than crossdock or damaged", path.display())]
    UnknownVersion {
        /// The file.
        path: PathBuf,
    },
    /// An index or manifest cannot be parsed.
    #[error("cannot parse `{}`", path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: DocumentError,
    },
    /// The file `index.json` is too long.
    #[error("`{}` has more than {DOCUMENT_LIMIT} bytes, the limit for an index", path.display())]
    IndexTooLong {
        /// The file.
        path: PathBuf,
    },
    /// Indexes are nested too deeply.
    #[error("index {digest} is nested more than {MAX_DEPTH} indexes deep; the image is damaged or hostile")]
    TooDeep {
        /// The digest of the index.
        digest: Digest,
    },
    /// A document cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A blob is missing or damaged.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> (tempfile::TempDir, Layout) {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::create(directory.path().join("with space/ü")).unwrap();
        (directory, layout)
    }

    /// Puts an image without layers into the layout.
    fn image(layout: &Layout, text: &str) -> Descriptor {
        let config = Descriptor::new(media_type::CONFIG, layout.blobs().put(text.as_bytes()).unwrap());
        let manifest = Document::new(ImageManifest::new(config, vec![], BTreeMap::new())).unwrap();
        Descriptor::new(media_type::MANIFEST, layout.blobs().put(&manifest.raw).unwrap())
    }

    fn names(layout: &Layout) -> Vec<(String, Digest)> {
        let name = |entry: &Descriptor| entry.annotations.get(IMAGE_NAME).cloned().unwrap_or_default();
        layout.index().unwrap().manifests.iter().map(|entry| (name(entry), entry.digest)).collect()
    }

    fn reference(text: &str) -> Reference {
        text.parse().unwrap()
    }

    #[test]
    fn only_layouts_are_opened_and_only_empty_directories_become_one() {
        let (directory, layout) = layout();
        let ignored = fs::read_to_string(layout.path().join(".gitignore")).unwrap();
        assert!(
            ignored.ends_with("\n*\n") && crossdock_fs::is_marked_output(layout.path()).unwrap(),
            "{ignored}"
        );
        assert!(layout.index().unwrap().manifests.is_empty());
        Layout::create(layout.path()).unwrap();
        Layout::open(layout.path()).unwrap();
        assert!(matches!(Layout::open(directory.path()), Err(LayoutError::NotALayout { .. })));
        write_atomically(directory.path().join("main.go"), b"package main").unwrap();
        assert!(matches!(Layout::create(directory.path()), Err(LayoutError::OtherContent { .. })));
        assert!(!directory.path().join(".gitignore").exists());
        write_atomically(directory.path().join("oci-layout"), b"{}").unwrap();
        assert!(matches!(Layout::open(directory.path()), Err(LayoutError::UnknownVersion { .. })));
        assert!(matches!(Layout::create(directory.path()), Err(LayoutError::UnknownVersion { .. })));
    }

    #[test]
    fn devices_and_overlong_files_are_not_read() {
        let (_directory, layout) = layout();
        let index = layout.path().join("index.json");
        fs::File::create(&index).unwrap().set_len(DOCUMENT_LIMIT + 1).unwrap();
        assert!(matches!(layout.index(), Err(LayoutError::IndexTooLong { .. })));
        #[cfg(unix)]
        for endless in ["/dev/zero", "/dev/null"] {
            fs::remove_file(&index).unwrap();
            std::os::unix::fs::symlink(endless, &index).unwrap();
            assert!(matches!(layout.index(), Err(LayoutError::File(_))));
            let blob = layout.blobs().path(&Digest::of(endless.as_bytes()));
            std::os::unix::fs::symlink(endless, blob).unwrap();
            assert!(matches!(layout.blobs().get(&Digest::of(endless.as_bytes())), Err(BlobError::File(_))));
        }
    }

    #[test]
    fn a_published_name_moves_and_others_stay() {
        let (_directory, layout) = layout();
        let lock = layout.lock().unwrap();
        let (one, two) = (image(&layout, "1"), image(&layout, "2"));
        let publish = |image, names: &[Reference]| {
            layout.publish(&lock, image, names, Pruning::KeepOthers).unwrap();
        };
        publish(&one, &[]);
        publish(&one, &[]);
        assert_eq!(names(&layout), [(String::new(), one.digest)]);
        publish(
            &one,
            &[reference("r.example/a:1"), reference("r.example/a:latest"), reference("r.example/a:1")],
        );
        publish(&two, &[reference("r.example/a:latest")]);
        assert_eq!(
            names(&layout),
            [("r.example/a:1".to_owned(), one.digest), ("r.example/a:latest".to_owned(), two.digest)]
        );
        layout.publish(&lock, &two, &[], Pruning::ReplaceAll).unwrap();
        assert_eq!(names(&layout), [(String::new(), two.digest)]);
    }

    /// skopeo, buildx and oras write only the tag.
    #[test]
    fn images_with_only_a_tag_stay() {
        let (_directory, layout) = layout();
        let lock = layout.lock().unwrap();
        let (one, two) = (image(&layout, "1"), image(&layout, "2"));
        let mut tagged = one.clone();
        tagged.annotations.insert(REF_NAME.to_owned(), "1.0".to_owned());
        layout.write_index(&lock, &Index::new(vec![tagged.clone()], BTreeMap::new())).unwrap();
        layout.publish(&lock, &two, &[], Pruning::KeepOthers).unwrap();
        layout.publish(&lock, &two, &[reference("r.example/a:2.0")], Pruning::KeepOthers).unwrap();
        layout.prune(&lock).unwrap();
        let entries = layout.index().unwrap().manifests;
        assert_eq!(entries[0], tagged);
        assert_eq!(entries.iter().map(|entry| entry.digest).collect::<Vec<_>>(), [one.digest, two.digest]);
        assert!(layout.blobs().has(&one.blob()));
        // As skopeo moves it: the other entry would go on to be the image of this tag.
        layout.publish(&lock, &two, &[reference("r.example/a:1.0")], Pruning::KeepOthers).unwrap();
        let entries = layout.index().unwrap().manifests;
        assert_eq!(entries.iter().map(|entry| entry.digest).collect::<Vec<_>>(), [two.digest, two.digest]);
    }

    #[test]
    fn two_spellings_of_a_name_are_one_entry() {
        let (_directory, layout) = layout();
        let lock = layout.lock().unwrap();
        let one = image(&layout, "1");
        let names_given = ["app:1", "docker.io/app:1", "docker.io/library/app:1", "a:1"].map(reference);
        layout.publish(&lock, &one, &names_given, Pruning::KeepOthers).unwrap();
        let expected = ["docker.io/library/a:1", "docker.io/library/app:1"];
        assert_eq!(names(&layout), expected.map(|name| (name.to_owned(), one.digest)));
    }

    #[test]
    fn a_missing_image_is_not_published() {
        let (_directory, layout) = layout();
        let lock = layout.lock().unwrap();
        let absent =
            Descriptor::new(media_type::MANIFEST, crate::Blob { digest: Digest::of(b"no"), size: 2 });
        let result = layout.publish(&lock, &absent, &[], Pruning::KeepOthers);
        assert!(matches!(result, Err(LayoutError::Blob(BlobError::Missing { .. }))));
        assert!(layout.index().unwrap().manifests.is_empty());
    }

    #[test]
    fn pruning_keeps_the_blobs_of_listed_images() {
        let (_directory, layout) = layout();
        let lock = layout.lock().unwrap();
        let (one, two) = (image(&layout, "1"), image(&layout, "2"));
        layout.publish(&lock, &one, &[], Pruning::KeepOthers).unwrap();
        write_atomically(layout.blobs().directory().join(".crossdock-tmp-x"), b"half").unwrap();
        write_atomically(layout.path().join(".crossdock-tmp-y"), b"half").unwrap();
        assert_eq!(layout.prune(&lock).unwrap().files, 4);
        assert!(layout.blobs().has(&one.blob()));
        assert!(!layout.blobs().has(&two.blob()));
        assert_eq!(layout.prune(&lock).unwrap(), Pruned::default());
    }

    #[test]
    fn a_damaged_manifest_stops_pruning() {
        let (_directory, layout) = layout();
        let lock = layout.lock().unwrap();
        let one = image(&layout, "1");
        layout.publish(&lock, &one, &[], Pruning::KeepOthers).unwrap();
        write_atomically(layout.blobs().path(&one.digest), b"{}").unwrap();
        assert!(layout.prune(&lock).is_err());
        assert!(layout.blobs().path(&Digest::of(b"1")).exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused_and_nothing_that_they_lead_to_changes() {
        for name in ["", "blobs", "blobs/sha256", "oci-layout", "index.json", ".lock"] {
            let (directory, layout) = layout();
            drop(layout.lock().unwrap());
            layout.write_index(&layout.lock().unwrap(), &Index::new(Vec::new(), BTreeMap::new())).unwrap();
            let (path, moved) = (layout.path().join(name), directory.path().join("moved"));
            let path = path.components().as_path();
            fs::rename(path, &moved).unwrap();
            std::os::unix::fs::symlink(&moved, path).unwrap();
            let letter = moved.is_dir().then(|| moved.join("letter"));
            letter.iter().for_each(|letter| write_atomically(letter, b"dear").unwrap());
            for opened in [Layout::create(layout.path()), Layout::open(layout.path())] {
                let Err(LayoutError::File(error)) = opened else {
                    panic!("`{name}` is followed: {opened:?}")
                };
                assert!(error.source.to_string().contains("symbolic link"), "{name}: {error:?}");
            }
            assert!(letter.is_none_or(|letter| letter.exists()), "{name}");
            Layout::open_following_links(layout.path()).unwrap().index().unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn pruning_refuses_linked_directories_and_keeps_other_files() {
        let (directory, layout) = layout();
        let lock = layout.lock().unwrap();
        image(&layout, "1");
        let blobs = layout.blobs().directory();
        let others = ["letter", &"A".repeat(64), &"a".repeat(63)];
        others.iter().for_each(|name| write_atomically(blobs.join(name), b"dear").unwrap());
        assert_eq!(layout.prune(&lock).unwrap().files, 2);
        assert!(others.iter().all(|name| blobs.join(name).exists()));
        let moved = directory.path().join("moved");
        fs::rename(&blobs, &moved).unwrap();
        write_atomically(moved.join("b".repeat(64)), b"dear").unwrap();
        std::os::unix::fs::symlink(&moved, &blobs).unwrap();
        assert!(layout.prune(&lock).is_err());
        assert_eq!(fs::read_dir(&moved).unwrap().count(), 4);
    }
}
