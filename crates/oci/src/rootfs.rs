//! The merged root file system of an image.

mod above;
mod apply;
mod contents;
mod describe;
mod layers;
mod merge;
mod names;
mod pipeline;
mod spill;
mod tree;

use std::borrow::Cow;
use std::io::{self, BufRead, Read};
use std::path::PathBuf;

use crossdock_fs::FileError;

use crate::layer::decode::DecodeError;
use crate::layer::tar_reader::{TarError, TarReader};
use crate::model::Digest;
use apply::Applier;
use contents::Contents;
use describe::{AttributeSets, Description};
use pipeline::{Chunks, decoded_apart};
use spill::Piece;
use tree::{Kind, Tree};

pub use spill::FileReader;

/// The number of disputed entries that are kept.
const MAX_DISPUTES: usize = 1000;

/// The files of an image as a container sees them: its layers applied in order.
///
/// The rules are those of image-spec, layer.md, and where that is ambiguous, of containerd with overlays, its default: each
/// layer is unpacked into a directory of its own, and the kernel shows these on each other. A path leads through links of its
/// own layer, within the root; a link of a lower layer is replaced by a directory. A hard link names a file of its own
/// layer. `tests/layers/cases.txt` has the cases with what engines do.
///
/// The tree and 8 MiB of content are kept in memory. Of the remaining content, an unnamed temporary file has what checks
/// of programs usually read ([`KeptContent`]). The rest is read again from its layer when it is asked for: the layer is
/// then decompressed once more, to another temporary file, and verified again.
#[derive(Debug)]
pub struct RootView<'a> {
    tree: Tree,
    contents: Contents<'a>,
    attributes: AttributeSets,
    limits: RootLimits,
    layers: u32,
    bytes: u64,
    disputed: Vec<Dispute>,
    /// The directory that the last entry of the root itself describes.
    own_entry: Option<u32>,
}

/// An entry that docker and podman treat differently from containerd, whose root this is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dispute {
    /// The path of the entry.
    pub path: String,
    /// The number of the layer that has the entry, the lowest being 0.
    pub layer: u32,
    /// The behaviour of docker and podman.
    pub difference: Difference,
}

/// The behaviour of docker and podman where containerd's differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// They refuse the image: two entries of one name in a layer, an entry below a link whose target its layer lacks, a
    /// path through more than 40 links, or others that containerd accepts.
    Refused,
    /// podman refuses the image: a link has an attribute of the name space `user`. docker and containerd leave that out.
    RefusedByPodman,
    /// They give a directory without an entry to root with the mode 0755; containerd keeps what lower layers say of it.
    ImpliedDirectory,
    /// A directory without an entry takes the place of a link of a lower layer with the storage `overlay`; with `vfs` the
    /// layer's entries go where the link leads.
    LinkReplaced,
    /// They keep an attribute of the name space `trusted`, which containerd leaves out. Those of overlayfs change the root.
    TrustedAttribute,
}

/// The limits of a root. Layers of unknown origin may be decompression bombs, so larger roots are rejected. A limit on
/// entries or metadata above 2^29 means 2^29.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RootLimits {
    /// The number of entries of all layers, counting directories that exist only as parents.
    pub entries: u64,
    /// The uncompressed bytes of all layers, and the holes of their sparse files.
    pub bytes: u64,
    /// The bytes of names and link targets and of distinct descriptions, which are kept in memory. Extended attributes
    /// are not.
    pub metadata: u64,
}

impl Default for RootLimits {
    /// Returns the limits 500,000 entries, 16 GiB, and 16 MiB of metadata. A root within them takes some 40 MiB of memory,
    /// and a usual one less than 100 bytes for each entry.
    fn default() -> Self {
        Self { entries: 500_000, bytes: 16 << 30, metadata: 16 << 20 }
    }
}

/// The content that is kept when a layer is applied. Other content can be read too, but takes as long as its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum KeptContent {
    /// Programs, libraries and scripts, recognized by their first bytes, and small files.
    #[default]
    Programs,
    /// Also every file that a permission bit makes executable.
    Executables,
}

/// The blob of a layer, to be applied to a [`RootView`].
pub struct LayerSource<'a> {
    /// The blob: a tar, uncompressed or compressed with gzip or zstd. It is opened again if content that was not kept is
    /// read.
    pub blob: Box<dyn LayerBlob + 'a>,
    /// The digest of these bytes according to the manifest.
    pub digest: Digest,
    /// The digest of the uncompressed tar according to the configuration.
    pub diff_id: Digest,
}

/// A blob that can be read several times.
pub trait LayerBlob: Send + Sync {
    /// Opens the blob for reading from its start.
    ///
    /// # Errors
    /// If the blob cannot be opened.
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>>;
}

impl<B: AsRef<[u8]> + Send + Sync> LayerBlob for B {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(self.as_ref()))
    }
}

impl std::fmt::Debug for LayerSource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { digest, diff_id, .. } = self;
        f.debug_struct("LayerSource")
            .field("digest", digest)
            .field("diff_id", diff_id)
            .finish_non_exhaustive()
    }
}

/// An entry of a root.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RootEntry {
    /// The absolute path with all links resolved; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// The type of the entry.
    pub kind: EntryKind,
    /// The permission bits, at most 0o7777.
    pub mode: u32,
    /// The user ID of the owner.
    pub uid: u32,
    /// The group ID of the owner.
    pub gid: u32,
    /// The length of a file in bytes, 0 for other entries.
    pub size: u64,
    /// The number of the layer that the entry is from, the lowest being 0.
    pub layer: u32,
    /// The file that the path names: hard links to one file have the same identity.
    pub file: FileId,
    attributes: Option<Piece>,
}

/// The identity of a file, directory or other node within one root, as an inode number identifies one on a disk. It
/// stays valid until the next layer is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// The type of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link with this target; returned only by [`RootView::lookup_link`] and in listings.
    Symlink(Vec<u8>),
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

impl<'a> RootView<'a> {
    /// Creates a root without layers.
    ///
    /// `temporary` is the directory for unnamed temporary files, if they are needed.
    pub fn new(limits: RootLimits, temporary: impl Into<PathBuf>) -> Self {
        let (tree, contents) = (Tree::new(limits), Contents::new(temporary.into()));
        let attributes = AttributeSets::default();
        let (disputed, own_entry) = (Vec::new(), None);
        Self { tree, contents, attributes, limits, layers: 0, bytes: 0, disputed, own_entry }
    }

    /// Sets the content that is kept of the layers that are applied from now on.
    #[must_use]
    pub fn keeping(mut self, kept: KeptContent) -> Self {
        self.contents.keep(kept);
        self
    }

    /// Applies the next layer on top and verifies both its digests.
    ///
    /// # Errors
    /// If the layer is damaged, exceeds the limits, has an unknown compression or does not match its digests. The root
    /// must not be used afterwards.
    pub fn apply(&mut self, layer: LayerSource<'a>) -> Result<(), RootError> {
        let digest = layer.digest;
        self.apply_checked(layer).map_err(|fault| {
            let fault = Box::new(name_limit(fault, self.limits));
            RootError { layer: digest, fault }
        })
    }

    /// Returns the entry at `path`, following links.
    ///
    /// # Errors
    /// If the path does not exist, if one of its parents is not a directory, or if links form a loop.
    pub fn lookup(&self, path: impl AsRef<[u8]>) -> Result<RootEntry, LookupError> {
        self.tree.resolve(path.as_ref(), tree::Last::Follow).map(|(node, real)| self.entry(node, &real))
    }

    /// Returns the entry at `path`, which is a link itself if the last component is one.
    ///
    /// # Errors
    /// As for [`lookup`](Self::lookup).
    pub fn lookup_link(&self, path: impl AsRef<[u8]>) -> Result<RootEntry, LookupError> {
        self.tree.resolve(path.as_ref(), tree::Last::Keep).map(|(node, real)| self.entry(node, &real))
    }

    /// Returns a reader of the entry's content, which is empty if the entry is not a regular file.
    ///
    /// Reading fails if the content was not kept and its layer cannot be read again or has changed.
    pub fn open(&self, entry: &RootEntry) -> FileReader<'_> {
        match self.tree.kind(entry.file.0) {
            Kind::File(content) => self.contents.reader(content),
            _ => FileReader::new(&self.contents.spill, 0, 0),
        }
    }

    /// Returns the extended attributes of an entry as names and values.
    ///
    /// # Errors
    /// If the temporary file cannot be read.
    pub fn attributes(&self, entry: &RootEntry) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        entry
            .attributes
            .map_or_else(|| Ok(Vec::new()), |piece| describe::attributes(&self.contents.spill, piece))
    }

    /// Returns the whole content of the file at `path`, following links; borrowed if it is in memory.
    ///
    /// # Errors
    /// If the file does not exist, is not a regular one, is longer than `limit` bytes, or cannot be read again.
    pub fn read(&self, path: impl AsRef<[u8]>, limit: u64) -> Result<Cow<'_, [u8]>, ReadError> {
        let entry = self.lookup(path)?;
        let Kind::File(content) = self.tree.kind(entry.file.0) else {
            return Err(ReadError::NotAFile { path: entry.path });
        };
        if entry.size > limit {
            return Err(ReadError::TooLong { path: entry.path, size: entry.size, limit });
        }
        self.contents.bytes(content).map_err(|source| ReadError::Again { path: entry.path, source })
    }

    /// Iterates over the entries of the directory at `path`, sorted by name; links among them are not followed.
    ///
    /// # Errors
    /// As for [`lookup`](Self::lookup), and if the path is not a directory.
    pub fn list(&self, path: impl AsRef<[u8]>) -> Result<impl Iterator<Item = RootEntry>, LookupError> {
        let path = path.as_ref();
        let (node, real) = self.tree.resolve(path, tree::Last::Follow)?;
        if !self.tree.is_dir(node) {
            return Err(LookupError::not_a_dir(path));
        }
        let names = self.tree.names();
        let entry = move |name| self.entry(names.node(name), &tree::join(&real, names.bytes(name)));
        Ok(self.tree.children(node).into_iter().map(entry))
    }

    /// Iterates over all entries except the root itself, each directory before its entries, sorted by name.
    pub fn walk(&self) -> impl Iterator<Item = RootEntry> {
        let names = self.tree.names();
        // Names with the length of their directory's path. The stack yields its last element first.
        let below = |node, length| self.tree.children(node).into_iter().rev().map(move |name| (name, length));
        let (mut stack, mut path) = (below(tree::ROOT, 0).collect::<Vec<_>>(), Vec::new());
        std::iter::from_fn(move || {
            let (name, length) = stack.pop()?;
            path.truncate(length);
            path.push(b'/');
            path.extend_from_slice(names.bytes(name));
            let node = names.node(name);
            stack.extend(below(node, path.len()));
            Some(self.entry(node, &path))
        })
    }

    /// Returns the entries that docker and podman treat differently, in the order of the layers; at most 1000 of them.
    pub fn disputed(&self) -> &[Dispute] {
        &self.disputed
    }

    /// Returns the root directory as the last entry `./` or `/` of a layer describes it; `None` without such an entry.
    /// containerd and overlays ignore the entry, storage that copies layers does not.
    pub fn own_entry(&self) -> Option<RootEntry> {
        self.own_entry.map(|node| self.entry(node, b"/"))
    }

    /// Ends reading.
    ///
    /// # Errors
    /// If content was asked for that could not be read again. Its reader got an error too, but may have taken the file
    /// for absent: nothing that was concluded from this root is certain.
    pub fn close(self) -> Result<(), RootError> {
        let fault = self.contents.layers.into_fault();
        fault.map_or(Ok(()), |(layer, fault)| Err(RootError { layer, fault: Box::new(fault) }))
    }

    fn dispute(&mut self, path: &str, difference: Difference) {
        let dispute = Dispute { path: path.to_owned(), layer: self.layers, difference };
        if self.disputed.len() < MAX_DISPUTES && self.disputed.last() != Some(&dispute) {
            self.disputed.push(dispute);
        }
    }

    fn entry(&self, node: u32, path: &[u8]) -> RootEntry {
        let (kind, size) = match self.tree.kind(node) {
            Kind::File(content) => (EntryKind::File, self.contents.size(content)),
            Kind::Dir { .. } => (EntryKind::Dir, 0),
            Kind::Symlink(target) => (EntryKind::Symlink(self.tree.target(target).to_vec()), 0),
            Kind::CharDevice => (EntryKind::CharDevice, 0),
            Kind::BlockDevice => (EntryKind::BlockDevice, 0),
            Kind::Fifo => (EntryKind::Fifo, 0),
            // Hidden by the merge.
            Kind::Whiteout => (EntryKind::CharDevice, 0),
        };
        let Description { mode, uid, gid, layer, attributes } = *self.tree.description(node);
        RootEntry {
            path: tree::display(path),
            kind,
            mode,
            uid,
            gid,
            size,
            layer,
            file: FileId(node),
            attributes,
        }
    }

    fn apply_checked(&mut self, layer: LayerSource<'a>) -> Result<(), Fault> {
        let limit = self.limits.bytes.saturating_sub(self.bytes);
        let (refused, length) = decode_verified(&layer, |plain| {
            let mut plain = Limited { inner: plain, count: 0, limit };
            let mut tar = TarReader::new(&mut plain);
            let refused = match self.apply_entries(&mut tar) {
                // Read to the end: in a damaged blob, the entry is not the builder's.
                Err(fault) if fault.refused().is_some() => Some(fault),
                applied => applied.map(|()| None)?,
            };
            tar.drain()?;
            Ok((refused, plain.count))
        })?;
        if let Some(fault) = refused {
            return Err(fault);
        }
        self.bytes += length;
        self.contents.end_layer(layer, length)?;
        self.layers += 1;
        Ok(())
    }

    fn apply_entries<R: BufRead>(&mut self, tar: &mut TarReader<R>) -> Result<(), Fault> {
        let mut applier = Applier::new(self);
        while let Some(entry) = tar.next_entry()? {
            applier.apply(entry, tar)?;
        }
        applier.merge();
        Ok(())
    }
}

/// An entry because of which every engine refuses its layer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedEntry {
    /// The path of the entry.
    pub path: String,
    /// The reason, which continues a sentence about the entry: `is a hard link to a directory`.
    pub reason: String,
}

/// Calls `use_plain` with the uncompressed bytes of a layer, and verifies both digests.
fn decode_verified<T>(
    layer: &LayerSource<'_>,
    use_plain: impl FnOnce(Chunks) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let blob = layer.blob.open().map_err(TarError::Read)?;
    let algorithms = (layer.digest.algorithm(), layer.diff_id.algorithm());
    let (used, digests) = decoded_apart(blob, algorithms, use_plain)?;
    // The digest of the blob first: if that is right, a wrong diff_id is the fault of the builder and not of the transfer.
    if digests.blob != layer.digest {
        return Err(Fault::Digest(digests.blob));
    }
    if digests.plain != layer.diff_id {
        return Err(Fault::DiffId { expected: layer.diff_id, found: digests.plain });
    }
    Ok(used)
}

/// Distinguishes an exceeded limit from a broken stream: [`Limited`] can only report an [`io::Error`].
fn name_limit(fault: Fault, limits: RootLimits) -> Fault {
    match fault {
        Fault::Tar(TarError::Read(error)) if error.kind() == io::ErrorKind::QuotaExceeded => {
            Fault::Bytes(limits.bytes)
        }
        fault => fault,
    }
}

/// Passes bytes through, counts them, and fails beyond a limit.
struct Limited<R> {
    inner: R,
    count: u64,
    limit: u64,
}

impl<R: BufRead> BufRead for Limited<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let bytes = self.inner.fill_buf()?;
        match usize::try_from(self.limit - self.count).unwrap_or(usize::MAX) {
            0 if !bytes.is_empty() => Err(io::ErrorKind::QuotaExceeded.into()),
            left => Ok(&bytes[..bytes.len().min(left)]),
        }
    }

    fn consume(&mut self, amount: usize) {
        self.inner.consume(amount);
        self.count += amount as u64;
    }
}

impl<R: BufRead> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

/// An error of applying a layer.
#[derive(Debug, thiserror::Error)]
#[error("layer {layer} cannot be unpacked")]
#[non_exhaustive]
pub struct RootError {
    /// The digest of the layer's blob.
    pub layer: Digest,
    #[source]
    fault: Box<Fault>,
}

impl RootError {
    /// Returns whether the directory of temporary files cannot be used, for example because its disk is full. The layer
    /// itself may be whole.
    pub fn is_about_temporary_files(&self) -> bool {
        matches!(*self.fault, Fault::File(_))
    }

    /// Returns whether the layer exceeds a limit of this library, whose message says so: another copy of it would as well.
    pub fn is_about_limits(&self) -> bool {
        match &*self.fault {
            Fault::Decode(DecodeError::Window(_)) | Fault::Bytes(_) => true,
            Fault::Entry { reason, .. } => reason.is_limit(),
            _ => false,
        }
    }

    /// Returns the entry because of which Docker, containerd and podman refuse the layer, with overlays, their default.
    /// `None` if the layer is damaged, or exceeds a limit of this library.
    pub fn refused(&self) -> Option<RefusedEntry> {
        self.fault.refused()
    }
}

/// The cause of a [`RootError`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Tar(#[from] TarError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("its bytes have the digest {0}; fetch or build the image again")]
    Digest(Digest),
    #[error(
        "its uncompressed tar has the digest {found}, but the configuration says {expected}; docker refuses the image"
    )]
    DiffId { expected: Digest, found: Digest },
    #[error("its uncompressed tar became longer while the image was read; verify it again")]
    Grown,
    #[error("with it the image exceeds {0} bytes; it may be a decompression bomb")]
    Bytes(u64),
    #[error("its entry `{path}` {reason}")]
    Entry { path: String, reason: EntryFault },
}

impl Fault {
    fn refused(&self) -> Option<RefusedEntry> {
        let Fault::Entry { path, reason } = self else { return None };
        (!reason.is_limit()).then(|| RefusedEntry { path: path.clone(), reason: reason.to_string() })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EntryFault {
    #[error("has a component longer than 255 bytes")]
    Long,
    #[error("is more than {} directories deep", tree::MAX_DEPTH)]
    Deep,
    #[error("is below an entry that is not a directory")]
    ParentNotDir,
    #[error("is below links that form a loop")]
    Loop,
    #[error("leads through too many links, or through ones with too long targets")]
    Links,
    #[error("is a hard link to a file that is not in its layer")]
    LinkMissing,
    #[error("is a hard link to a directory")]
    LinkToDir,
    #[error("has a type that no engine unpacks (`unhandled tar header type`)")]
    Kind,
    #[error("is a whiteout without a name")]
    Whiteout,
    #[error("is a whiteout of an entry of its own layer")]
    WhiteoutOfOwn,
    #[error("is a link without a target")]
    NoTarget,
    #[error("gives the image more than {0} entries, including implied directories")]
    Entries(u64),
    #[error("gives the image more than {0} bytes of names and links")]
    Metadata(u64),
}

impl EntryFault {
    fn is_limit(self) -> bool {
        matches!(self, Self::Deep | Self::Links | Self::Entries(_) | Self::Metadata(_))
    }
}

/// An error of looking up a path in a root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The path, or the target of a link on it, does not exist.
    #[error("`{path}` does not exist in the image")]
    NotFound {
        /// The missing path, with links resolved.
        path: String,
    },
    /// A parent of the path is not a directory.
    #[error("`{path}` is not a directory in the image")]
    NotADir {
        /// The parent.
        path: String,
    },
    /// The path leads through more than the 40 links that Linux follows, or through ones with too many components.
    #[error("`{path}` leads through too many links or a loop")]
    Loop {
        /// The path as given.
        path: String,
    },
}

impl LookupError {
    fn not_a_dir(path: &[u8]) -> Self {
        Self::NotADir { path: tree::display(path) }
    }
}

/// An error of reading a file of a root.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The path cannot be found.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The entry is not a regular file.
    #[error("`{path}` is not a regular file in the image")]
    NotAFile {
        /// The resolved path.
        path: String,
    },
    /// The file is longer than the caller's limit.
    #[error("`{path}` has {size} bytes in the image, more than the limit of {limit}")]
    TooLong {
        /// The resolved path.
        path: String,
        /// The length of the file in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The content cannot be read back: from the temporary file, or from its layer.
    #[error("cannot read `{path}` again")]
    Again {
        /// The resolved path.
        path: String,
        /// The operating system's error.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests;
