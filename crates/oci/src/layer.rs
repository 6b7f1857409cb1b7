//! Layers: collecting their files, writing their bytes, and reading tars of any origin.

pub mod base;
pub(crate) mod decode;
pub(crate) mod entry;
pub(crate) mod gzip;
mod sparse;
pub(crate) mod tar_reader;
mod tar_writer;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use crossdock_fs::{FileError, FileStamp};
use serde::{Deserialize, Serialize};

use crate::model::{Blob, Descriptor, Digest, Hasher, Timestamp, media_type};
use entry::{Node, NodeKind};

/// Collects files for a layer and writes them as a tar whose bytes depend only on what was added.
///
/// Entries are sorted by path, every parent directory is present (mode 0755, owned by root, unless it was added
/// itself), owners are numeric only, all entries have the same modification time, and there are no extended attributes.
/// PAX extended headers appear only if a path is longer than 100 bytes or not ASCII, or a number is too large.
///
/// ```
/// use std::num::NonZeroUsize;
/// use crossdock_oci::{Compression, Content, LayerBuilder, Owner, Timestamp};
///
/// let mut builder = LayerBuilder::new(Timestamp::EPOCH);
/// builder.add_file("/app/hello", 0o755, Owner::ROOT, Content::from("#!/bin/sh\necho hello\n"))?;
/// let mut blob = Vec::new();
/// let layer = builder.write(&mut blob, Compression::Gzip, NonZeroUsize::MIN)?;
/// assert_eq!(layer.descriptor.size, blob.len() as u64);
/// # Ok::<(), crossdock_oci::LayerError>(())
/// ```
#[derive(Debug, Clone)]
pub struct LayerBuilder {
    pub(crate) mtime: Timestamp,
    pub(crate) entries: BTreeMap<String, Node>,
}

/// A source of a layer's uncompressed tar: a [`LayerBuilder`], or a layer of another image.
///
/// Writing the tar twice must yield the same bytes; a source that violates this is caught by a CRC mismatch
/// ([`LayerError::ContentChanged`]).
pub trait TarSource {
    /// Writes the uncompressed tar.
    ///
    /// # Errors
    /// If the content cannot be read or `out` fails.
    fn write_tar(&self, out: &mut dyn Write) -> Result<(), LayerError>;

    /// Returns a digest of everything that the tar depends on, without reading the content of files: sources with equal
    /// digests write equal tars. `None` if that is not known, also because a file was changed only now.
    fn identity(&self) -> Option<Digest> {
        None
    }
}

impl TarSource for LayerBuilder {
    fn write_tar(&self, out: &mut dyn Write) -> Result<(), LayerError> {
        LayerBuilder::write_tar(self, out)
    }

    fn identity(&self) -> Option<Digest> {
        let mut text = format!("{:?}\n", self.mtime);
        for (path, node) in &self.entries {
            let Node { mode, owner, kind } = node;
            let content = match kind {
                NodeKind::File(content) => format!("file {}", content.identity()?),
                NodeKind::Dir | NodeKind::ImpliedDir => "dir".to_owned(),
                NodeKind::Symlink(target) => format!("link {target:?}"),
            };
            text.push_str(&format!("{path:?} {mode:o} {}:{} {content}\n", owner.uid, owner.gid));
        }
        Some(Digest::of(text.as_bytes()))
    }
}

/// Computes the fingerprint of the tar without storing it.
pub(crate) fn fingerprint(source: &dyn TarSource) -> Result<Fingerprint, LayerError> {
    let mut tee = Fingerprinter::new(io::sink());
    let mut crc = crc32fast::Hasher::new();
    source.write_tar(&mut CrcWriter { inner: &mut tee, crc: &mut crc })?;
    let (diff_id, size) = tee.finish();
    Ok(Fingerprint { diff_id, size, crc32: crc.finalize() })
}

/// Writes a layer whose fingerprint is known, without hashing its tar a second time: a CRC-32 detects changed content
/// at a fraction of the cost of SHA-256.
pub(crate) fn write_known(
    source: &dyn TarSource,
    fingerprint: &Fingerprint,
    sink: &mut dyn Write,
    compression: Compression,
    threads: NonZeroUsize,
) -> Result<Layer, LayerError> {
    let mut blob = Fingerprinter::new(sink);
    let crc32 = match compression {
        Compression::None => {
            let mut crc = crc32fast::Hasher::new();
            source.write_tar(&mut CrcWriter { inner: &mut blob, crc: &mut crc })?;
            crc.finalize()
        }
        Compression::Gzip => gzip::compress(&mut blob, threads, |out| source.write_tar(out))?.1,
    };
    if crc32 != fingerprint.crc32 {
        return Err(LayerError::ContentChanged);
    }
    Ok(layer(compression, blob.finish(), fingerprint.diff_id, fingerprint.size))
}

/// The owner of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The user ID.
    pub uid: u32,
    /// The group ID.
    pub gid: u32,
}

impl Owner {
    /// User and group 0.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };
}

/// The content of a file in a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Bytes in memory.
    Bytes(Cow<'static, [u8]>),
    /// A regular file of this machine, read when the layer is written; symbolic links are followed.
    File(PathBuf),
    /// A regular file of this machine whose digest is known. It is read only if no earlier run packed it.
    Known {
        /// The path.
        path: PathBuf,
        /// The digest of the file's content.
        digest: Digest,
        /// The stamp that the file had when its digest was computed.
        stamp: FileStamp,
    },
}

impl From<&'static str> for Content {
    fn from(text: &'static str) -> Self {
        Self::Bytes(Cow::Borrowed(text.as_bytes()))
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Cow::Owned(bytes))
    }
}

/// The compression of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Compression {
    /// No compression: a plain tar.
    None,
    /// gzip with one member for each mebibyte. The bytes do not depend on the number of threads.
    Gzip,
}

impl Compression {
    /// Returns the media type of a layer with this compression.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::None => media_type::LAYER,
            Self::Gzip => media_type::LAYER_GZIP,
        }
    }

    /// Returns everything that the compressed bytes depend on besides the tar, for a cache's key.
    pub(crate) fn settings(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => gzip::SETTINGS,
        }
    }
}

/// A layer as written by [`LayerBuilder::write`] or taken from a [`LayerCache`](crate::LayerCache).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// The descriptor of the compressed blob.
    pub descriptor: Descriptor,
    /// The digest of the uncompressed tar, listed in the configuration's `rootfs.diff_ids`.
    pub diff_id: Digest,
    /// The length of the uncompressed tar in bytes.
    pub uncompressed_size: u64,
}

/// The identity of a layer's uncompressed tar, computed without compressing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fingerprint {
    /// The digest of the uncompressed tar.
    pub diff_id: Digest,
    /// The length of the uncompressed tar in bytes.
    pub size: u64,
    crc32: u32,
}

impl LayerBuilder {
    /// Creates an empty layer. All entries will have the modification time `mtime`.
    pub fn new(mtime: Timestamp) -> Self {
        Self { mtime, entries: BTreeMap::new() }
    }

    /// Adds a regular file. `path` is the path in the image, with or without a leading `/`; `mode` holds the permission
    /// bits, at most 0o7777.
    ///
    /// # Errors
    /// If the path or the mode is invalid in an image, or the path is taken by a different entry.
    pub fn add_file(
        &mut self,
        path: &str,
        mode: u32,
        owner: Owner,
        content: Content,
    ) -> Result<(), LayerError> {
        self.add(path, Node::file(path, mode, owner, content)?)
    }

    /// Adds a directory, or sets mode and owner of one that was created only as a parent.
    ///
    /// # Errors
    /// As for [`add_file`](Self::add_file).
    pub fn add_dir(&mut self, path: &str, mode: u32, owner: Owner) -> Result<(), LayerError> {
        self.add(path, Node::dir(path, mode, owner)?)
    }

    /// Adds a symbolic link, owned by root. The target need not exist.
    ///
    /// # Errors
    /// As for [`add_file`](Self::add_file), and if the target is empty or contains a NUL.
    pub fn add_symlink(&mut self, path: &str, target: &str) -> Result<(), LayerError> {
        self.add(path, Node::symlink(path, target)?)
    }

    /// Returns whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the paths of all entries in order, without leading `/`, including parents.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Reads all content once and computes the tar's fingerprint.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn fingerprint(&self) -> Result<Fingerprint, LayerError> {
        fingerprint(self)
    }

    /// Writes the layer into `sink`, compressing on `threads` threads besides the caller's.
    ///
    /// Content is streamed: memory use is a few megabytes for each thread, whatever the layer's size.
    ///
    /// # Errors
    /// If a file cannot be read or changes while it is read, or `sink` fails.
    pub fn write(
        &self,
        sink: &mut dyn Write,
        compression: Compression,
        threads: NonZeroUsize,
    ) -> Result<Layer, LayerError> {
        let mut blob = Fingerprinter::new(sink);
        let (diff_id, size) = match compression {
            Compression::None => {
                let mut tee = Fingerprinter::new(&mut blob);
                self.write_tar(&mut tee)?;
                tee.finish()
            }
            Compression::Gzip => {
                gzip::compress(&mut blob, threads, |out| {
                    let mut tee = Fingerprinter::new(out);
                    self.write_tar(&mut tee)?;
                    Ok::<_, LayerError>(tee.finish())
                })?
                .0
            }
        };
        Ok(layer(compression, blob.finish(), diff_id, size))
    }

    /// Writes the uncompressed tar.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn write_tar(&self, out: &mut dyn Write) -> Result<(), LayerError> {
        // In the order of their bytes a directory comes before its content: its path is the beginning of theirs.
        for (path, node) in &self.entries {
            tar_writer::write_entry(out, path, node, self.mtime)?;
        }
        tar_writer::write_end(out)
    }

    pub(crate) fn add(&mut self, path: &str, node: Node) -> Result<(), LayerError> {
        let path = entry::image_path(path)?;
        for (slash, _) in path.match_indices('/') {
            let parent = &path[..slash];
            match self.entries.get(parent) {
                Some(entry) if entry.is_dir() => {}
                // A link as a parent is refused too: docker refuses one whose target is in another layer.
                Some(_) => {
                    return Err(LayerError::ParentNotDir { path: path.clone(), parent: parent.to_owned() });
                }
                None => drop(self.entries.insert(parent.to_owned(), Node::implied_dir())),
            }
        }
        match self.entries.get(&path) {
            Some(present) if !present.gives_way_to(&node)? => Err(LayerError::Duplicate { path }),
            _ => {
                self.entries.insert(path, node);
                Ok(())
            }
        }
    }
}

fn layer(compression: Compression, (digest, blob_size): (Digest, u64), diff_id: Digest, size: u64) -> Layer {
    let descriptor = Descriptor::new(compression.media_type(), Blob { digest, size: blob_size });
    Layer { descriptor, diff_id, uncompressed_size: size }
}

/// Passes writes through and computes their digest and length.
struct Fingerprinter<W> {
    inner: W,
    hasher: Hasher,
    size: u64,
}

impl<W> Fingerprinter<W> {
    fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::default(), size: 0 }
    }

    fn finish(self) -> (Digest, u64) {
        (self.hasher.finish(), self.size)
    }
}

impl<W: Write> Write for Fingerprinter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Passes writes through and computes their CRC-32. gzip computes the same checksum anyway, so a second pass over the
/// content detects changes at no cost.
struct CrcWriter<'a> {
    inner: &'a mut dyn Write,
    crc: &'a mut crc32fast::Hasher,
}

impl Write for CrcWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.crc.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// An error of making a layer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// The path is invalid in an image, or has a special meaning in a layer.
    #[error("`{}` is not a valid path in an image: {reason}", path.escape_debug())]
    Path {
        /// The path as given.
        path: String,
        /// The problem.
        reason: &'static str,
    },
    /// The mode has bits other than permissions.
    #[error("mode {mode:#o} of `{path}` has more than permission bits; use at most 0o7777")]
    Mode {
        /// The path as given.
        path: String,
        /// The mode as given.
        mode: u32,
    },
    /// Two different entries have the same path.
    #[error("`/{path}` is given twice, with different content, mode or owner; remove one or move it")]
    Duplicate {
        /// The path in the image.
        path: String,
    },
    /// A parent of the path is a file or a symbolic link.
    #[error("`/{path}` cannot be added because `/{parent}` is not a directory in the image")]
    ParentNotDir {
        /// The path in the image.
        path: String,
        /// The parent that is not a directory.
        parent: String,
    },
    /// A layer below has something else in the place of a directory.
    #[error(
        "`/{path}` cannot be added: in the base, `/{parent}` is a file, or a link that does not lead to a directory; take another \
         base, or another path"
    )]
    ParentBelow {
        /// The path in the image.
        path: String,
        /// The parent that is not a directory.
        parent: String,
    },
    /// A layer below has a directory in the place of a file.
    #[error(
        "`/{path}` is a directory of the base, which a file would replace; move the file, or name it in the directory"
    )]
    DirectoryBelow {
        /// The path in the image.
        path: String,
    },
    /// The content is not a regular file.
    #[error("`{}` is not a regular file; name the files to add to the image", path.display())]
    NotAFile {
        /// The path on this machine.
        path: PathBuf,
    },
    /// A file grew or shrank while it was read.
    #[error("`{}` changed while it was read; run again when nothing writes to it", path.display())]
    FileChanged {
        /// The path on this machine.
        path: PathBuf,
    },
    /// A file changed between two readings.
    #[error("a file changed while its layer was made; run again when nothing writes to the layer's files")]
    ContentChanged,
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Writing to the sink failed.
    #[error("cannot write the layer")]
    Write(#[from] io::Error),
}

#[cfg(test)]
mod tests;
