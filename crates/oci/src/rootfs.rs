//! The merged root of an image.

mod apply;
mod spill;
mod tree;

use std::borrow::Cow;
use std::io::{self, Read, Seek};
use std::path::PathBuf;

use crate::layer::decode::{DecodeError, decode};
use crate::layer::tar_reader::{TarError, TarReader};
use crate::model::{Digest, Hasher};
use apply::Applier;
use crossdock_fs::FileError;
pub use spill::FileReader;
use spill::Spill;
use tree::{Kind, Tree};

/// The files of an image as a container sees them: its layers applied in order.
///
/// The rules are those of image-spec, layer.md, and where that leaves room, of containerd: a whiteout and an opaque
/// mark hide what lower layers hold and nothing of their own layer; a real folder replaces a link of its name; a
/// path that leads through a link is put where the link leads, within the root; hard links share one content.
///
/// Memory holds the tree and 16 MiB of content; more goes to one temporary file without a name.
#[derive(Debug)]
pub struct RootView {
    tree: Tree,
    spill: Spill,
    limits: RootLimits,
    layers: u32,
    bytes: u64,
    disputed: Vec<String>,
}

/// How much a root may hold: what is more is refused as hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootLimits {
    /// Entries of all layers, and folders that are there only as parents of one.
    pub entries: u64,
    /// Bytes of all layers, unpacked.
    pub bytes: u64,
    /// Bytes of names, of links' targets and of extended attributes: what stays in memory beside the entries.
    pub metadata: u64,
}

impl Default for RootLimits {
    /// 500,000 entries, 16 GiB, and 64 MiB of metadata.
    fn default() -> Self {
        Self { entries: 500_000, bytes: 16 << 30, metadata: 64 << 20 }
    }
}

/// A layer's blob, to be applied to a root.
pub struct LayerSource<'a> {
    /// The blob's bytes: a tar, plain or compressed with gzip.
    pub reader: Box<dyn Read + 'a>,
    /// What the manifest says that the bytes' digest is.
    pub digest: Digest,
    /// What the configuration says that the plain tar's digest is.
    pub diff_id: Digest,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootEntry {
    /// Where it really is, from the root, links resolved; bytes that are no UTF-8 are replaced.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, at most 0o7777.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// A file's length in bytes, else 0.
    pub size: u64,
    /// Extended attributes by name.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Which layer it is from, the lowest being 0.
    pub layer: u32,
    node: usize,
}

/// The kinds of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link with this target; seen only by [`RootView::lookup_link`] and in listings.
    Symlink(Vec<u8>),
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

impl RootView {
    /// A root without layers.
    ///
    /// `temporary` is the folder for the file without a name, should there be one.
    pub fn new(limits: RootLimits, temporary: impl Into<PathBuf>) -> Self {
        let (tree, spill) = (Tree::new(limits), Spill::new(temporary.into()));
        Self { tree, spill, limits, layers: 0, bytes: 0, disputed: Vec::new() }
    }

    /// Applies the next layer on top, and checks both its digests.
    ///
    /// # Errors
    /// When the layer is damaged, hostile, compressed in an unknown way or not what its digests say. The root is
    /// then not to be used.
    pub fn apply(&mut self, layer: LayerSource<'_>) -> Result<(), RootError> {
        let digest = layer.digest;
        self.apply_checked(layer).map_err(|fault| {
            let fault = Box::new(name_limit(fault, self.limits));
            RootError { layer: digest, fault }
        })
    }

    /// What is at `path`, links followed.
    ///
    /// # Errors
    /// When it does not exist, when something on the way is no folder, or when links lead in a circle.
    pub fn lookup(&self, path: impl AsRef<[u8]>) -> Result<RootEntry, LookupError> {
        self.tree.resolve(path.as_ref(), tree::Last::Follow).map(|(node, real)| self.entry(node, &real))
    }

    /// What is at `path`, a link itself when the last part is one.
    ///
    /// # Errors
    /// As for [`lookup`](Self::lookup).
    pub fn lookup_link(&self, path: impl AsRef<[u8]>) -> Result<RootEntry, LookupError> {
        self.tree.resolve(path.as_ref(), tree::Last::Keep).map(|(node, real)| self.entry(node, &real))
    }

    /// A reader of the file's content; empty for what is no regular file.
    pub fn open(&self, entry: &RootEntry) -> FileReader<'_> {
        match self.tree.node(entry.node).kind {
            Kind::File { offset, size } => self.spill.reader(offset, size),
            _ => self.spill.reader(0, 0),
        }
    }

    /// The whole content of the file at `path`, links followed; borrowed where it is in memory.
    ///
    /// # Errors
    /// When it cannot be found, is no regular file, or is longer than `limit` bytes.
    pub fn read(&self, path: impl AsRef<[u8]>, limit: u64) -> Result<Cow<'_, [u8]>, ReadError> {
        let entry = self.lookup(path)?;
        if entry.kind != EntryKind::File {
            return Err(ReadError::NotAFile { path: entry.path });
        }
        if entry.size > limit {
            return Err(ReadError::TooLong { path: entry.path, size: entry.size, limit });
        }
        let Kind::File { offset, size } = self.tree.node(entry.node).kind else { return Ok(Cow::default()) };
        self.spill.bytes(offset, size).map_err(|source| ReadError::Spill { path: entry.path, source })
    }

    /// What is in the folder at `path`, sorted by name; links are not followed.
    ///
    /// # Errors
    /// When there is no folder.
    pub fn list(&self, path: impl AsRef<[u8]>) -> Result<Vec<RootEntry>, LookupError> {
        let path = path.as_ref();
        let (node, real) = self.tree.resolve(path, tree::Last::Follow)?;
        match &self.tree.node(node).kind {
            Kind::Dir(children) => Ok(children
                .iter()
                .map(|(name, child)| self.entry(child.node, &tree::join(&real, name)))
                .collect()),
            _ => Err(LookupError::not_a_dir(path)),
        }
    }

    /// All entries but the root itself, each folder before what is in it, sorted by name within a folder.
    pub fn walk(&self) -> impl Iterator<Item = RootEntry> {
        let mut stack = vec![(tree::ROOT, Vec::new())];
        std::iter::from_fn(move || {
            let (node, path): (usize, Vec<u8>) = stack.pop()?;
            if let Kind::Dir(children) = &self.tree.node(node).kind {
                let below = children.iter().rev();
                stack.extend(below.map(|(name, child)| (child.node, tree::join(&path, name))));
            }
            Some(self.entry(node, &path))
        })
        .skip(1)
    }

    /// Paths that engines place differently, sorted: a layer puts something below a link that a lower layer made.
    /// containerd follows the link, docker and podman replace it by a folder.
    pub fn disputed(&self) -> &[String] {
        &self.disputed
    }

    fn entry(&self, node: usize, path: &[u8]) -> RootEntry {
        let found = self.tree.node(node);
        let (kind, size) = match &found.kind {
            Kind::File { size, .. } => (EntryKind::File, *size),
            Kind::Dir(_) => (EntryKind::Dir, 0),
            Kind::Symlink(target) => (EntryKind::Symlink(target.to_vec()), 0),
            Kind::CharDevice => (EntryKind::CharDevice, 0),
            Kind::BlockDevice => (EntryKind::BlockDevice, 0),
            Kind::Fifo => (EntryKind::Fifo, 0),
        };
        RootEntry {
            path: tree::display(path),
            kind,
            mode: found.mode,
            uid: found.uid,
            gid: found.gid,
            size,
            xattrs: found.xattrs.to_vec(),
            layer: found.layer,
            node,
        }
    }

    fn apply_checked(&mut self, layer: LayerSource<'_>) -> Result<(), Fault> {
        let mut blob = Metered::new(layer.reader, u64::MAX);
        let mut plain = Metered::new(decode(&mut blob)?, self.limits.bytes - self.bytes);
        let mut tar = TarReader::new(&mut plain);
        while let Some(entry) = tar.next_entry()? {
            Applier { root: self }.apply(entry, &mut tar)?;
        }
        tar.drain()?;
        self.bytes += plain.count;
        let diff_id = plain.finish();
        io::copy(&mut blob, &mut io::sink()).map_err(TarError::Read)?;
        let digest = blob.finish();
        if digest != layer.digest {
            return Err(Fault::Digest(digest));
        }
        if diff_id != layer.diff_id {
            return Err(Fault::DiffId { expected: layer.diff_id, found: diff_id });
        }
        self.spill.flush()?;
        self.layers += 1;
        Ok(())
    }
}

/// Tells an exceeded limit from a broken stream.
fn name_limit(fault: Fault, limits: RootLimits) -> Fault {
    match fault {
        Fault::Tar(TarError::Read(error)) if error.kind() == io::ErrorKind::QuotaExceeded => {
            Fault::Bytes(limits.bytes)
        }
        fault => fault,
    }
}

/// Hashes and counts what is read, up to a limit.
struct Metered<R> {
    inner: R,
    hasher: Hasher,
    count: u64,
    limit: u64,
}

impl<R> Metered<R> {
    fn new(inner: R, limit: u64) -> Self {
        Self { inner, hasher: Hasher::default(), count: 0, limit }
    }

    fn finish(self) -> Digest {
        self.hasher.finish()
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.count += read as u64;
        if self.count > self.limit { Err(io::ErrorKind::QuotaExceeded.into()) } else { Ok(read) }
    }
}

impl Seek for FileReader<'_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.seek_to(to)
    }
}

/// A layer that cannot be applied.
#[derive(Debug, thiserror::Error)]
#[error("layer {layer} cannot be unpacked")]
pub struct RootError {
    /// The layer's blob.
    pub layer: Digest,
    #[source]
    fault: Box<Fault>,
}

/// Why not.
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
        "its plain tar has the digest {found}, but the configuration says {expected}; docker refuses the image"
    )]
    DiffId { expected: Digest, found: Digest },
    #[error("with it the image has more than {0} bytes; it may be a decompression bomb")]
    Bytes(u64),
    #[error("its entry `{path}` {why}")]
    Entry { path: String, why: EntryFault },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EntryFault {
    #[error("holds `..`, with which it could leave the root")]
    DotDot,
    #[error("has a part that is longer than a name may be, 255 bytes")]
    Long,
    #[error("lies more than {} folders deep", tree::MAX_DEPTH)]
    Deep,
    #[error("lies below something that is no folder")]
    ParentNotDir,
    #[error("lies below links that lead in a circle or too far")]
    Loop,
    #[error("is a hard link to something that is not in the image")]
    LinkMissing,
    #[error("is a hard link to a folder")]
    LinkToDir,
    #[error("would replace the root itself")]
    Root,
    #[error("is a whiteout that names nothing")]
    Whiteout,
    #[error("is a link without a target")]
    NoTarget,
    #[error("has an owner beyond 32 bits")]
    Owner,
    #[error("gives the image more than {0} entries, folders that only lead to one counted")]
    Entries(u64),
    #[error("gives the image more than {0} bytes of names, links and extended attributes")]
    Metadata(u64),
}

/// Nothing can be found at a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The path, or where a link on it leads, does not exist.
    #[error("`{path}` does not exist in the image")]
    NotFound {
        /// What is missing, links resolved.
        path: String,
    },
    /// A part of the path that is no folder.
    #[error("`{path}` is not a folder in the image")]
    NotADir {
        /// That part.
        path: String,
    },
    /// More links on the way than the 40 that a kernel follows, or than any image has a use for.
    #[error("`{path}` leads through too many links, or in a circle")]
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

/// A file of an image that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not there.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// It has no content.
    #[error("`{path}` is not a regular file in the image")]
    NotAFile {
        /// Where it is.
        path: String,
    },
    /// It is longer than was asked for.
    #[error("`{path}` has {size} bytes in the image, more than the {limit} that are read")]
    TooLong {
        /// Where it is.
        path: String,
        /// Its length in bytes.
        size: u64,
        /// The most that is read.
        limit: u64,
    },
    /// The temporary file failed.
    #[error("cannot read back `{path}` from the temporary file")]
    Spill {
        /// Where it is.
        path: String,
        /// Why not.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests;
