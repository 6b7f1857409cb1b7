//! Layers: what goes into one, and its bytes.

pub mod base;
pub(crate) mod decode;
mod entry;
mod gzip;
pub(crate) mod tar_reader;
mod tar_writer;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use crossdock_fs::FileError;
use serde::{Deserialize, Serialize};

use crate::model::{Blob, Descriptor, Digest, Hasher, Timestamp, media_type};
use entry::Node;

/// Collects files for a layer and writes them as a tar that depends on nothing but them.
///
/// Entries are sorted by path, every parent folder is present (mode 0755, owned by root, unless it was added
/// itself), owners have numbers but no names, all times are the one given, and there are no extended attributes.
/// Extended headers (PAX) appear only where a path is longer than 100 bytes or not ASCII, or a number too large.
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
    mtime: Timestamp,
    entries: BTreeMap<String, Node>,
}

/// Where a layer's plain tar comes from: a [`LayerBuilder`], or a layer that someone else made.
///
/// Writing it twice must give the same bytes; who does not is noticed by a checksum.
pub trait TarSource {
    /// Writes the plain tar.
    ///
    /// # Errors
    /// When what it is made of cannot be read, or `out` fails.
    fn write_tar(&self, out: &mut dyn Write) -> Result<(), LayerError>;
}

impl TarSource for LayerBuilder {
    fn write_tar(&self, out: &mut dyn Write) -> Result<(), LayerError> {
        LayerBuilder::write_tar(self, out)
    }
}

/// Reads the tar once and says what it is.
pub(crate) fn fingerprint(source: &dyn TarSource) -> Result<Fingerprint, LayerError> {
    let mut tee = Fingerprinter::new(io::sink());
    let mut crc = crc32fast::Hasher::new();
    source.write_tar(&mut CrcWriter { inner: &mut tee, crc: &mut crc })?;
    let (diff_id, size) = tee.finish();
    Ok(Fingerprint { diff_id, size, crc32: crc.finalize() })
}

/// Writes a layer whose fingerprint is known, without hashing its tar a second time.
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

/// Who owns an entry, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

impl Owner {
    /// User and group 0.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };
}

/// Where a file's bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// From memory.
    Bytes(Cow<'static, [u8]>),
    /// From a regular file of this machine (links are followed), read when the layer is written.
    File(PathBuf),
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

/// How a layer is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// As a plain tar.
    None,
    /// As gzip, a member for each mebibyte, compressed on several threads; its bytes do not depend on their number.
    Gzip,
}

impl Compression {
    /// The media type of a layer stored so.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::None => media_type::LAYER,
            Self::Gzip => media_type::LAYER_GZIP,
        }
    }

    /// Everything that the compressed bytes depend on beside the tar.
    pub(crate) fn settings(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => gzip::SETTINGS,
        }
    }
}

/// A layer that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Type, digest and length of the compressed bytes.
    pub descriptor: Descriptor,
    /// The digest of the plain tar, for the configuration's `rootfs`.
    pub diff_id: Digest,
    /// The length of the plain tar in bytes.
    pub uncompressed_size: u64,
}

/// The identity of a layer's plain tar, known without compressing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// The digest of the plain tar.
    pub diff_id: Digest,
    /// Its length in bytes.
    pub size: u64,
    crc32: u32,
}

impl LayerBuilder {
    /// An empty layer, all of whose entries will have this time of change.
    pub fn new(mtime: Timestamp) -> Self {
        Self { mtime, entries: BTreeMap::new() }
    }

    /// Adds a regular file. `path` is its place in the image, with or without a leading `/`; `mode` holds the
    /// permission bits, at most 0o7777.
    ///
    /// # Errors
    /// When the path or the mode is not possible in an image, or something else has the path already.
    pub fn add_file(
        &mut self,
        path: &str,
        mode: u32,
        owner: Owner,
        content: Content,
    ) -> Result<(), LayerError> {
        self.add(path, Node::file(path, mode, owner, content)?)
    }

    /// Adds a folder, or gives mode and owner to one that is there only as a parent.
    ///
    /// # Errors
    /// As for [`add_file`](Self::add_file).
    pub fn add_dir(&mut self, path: &str, mode: u32, owner: Owner) -> Result<(), LayerError> {
        self.add(path, Node::dir(path, mode, owner)?)
    }

    /// Adds a symbolic link, owned by root, with this target, which need not exist.
    ///
    /// # Errors
    /// As for [`add_file`](Self::add_file), and when the target is empty or holds a NUL.
    pub fn add_symlink(&mut self, path: &str, target: &str) -> Result<(), LayerError> {
        self.add(path, Node::symlink(path, target)?)
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The paths of all entries in order, without leading `/`; parents included.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Reads all content once and says what the tar will be.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn fingerprint(&self) -> Result<Fingerprint, LayerError> {
        fingerprint(self)
    }

    /// Writes the layer into `sink` on `threads` threads beside the caller's, and says what was written.
    ///
    /// Content is streamed: memory stays at a few megabytes for each thread, whatever the layer's size.
    ///
    /// # Errors
    /// When a file cannot be read or changes meanwhile, or `sink` fails.
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

    /// Writes the plain tar.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn write_tar(&self, out: &mut dyn Write) -> Result<(), LayerError> {
        for (path, node) in &self.entries {
            tar_writer::write_entry(out, path, node, self.mtime)?;
        }
        tar_writer::write_end(out)
    }

    fn add(&mut self, path: &str, node: Node) -> Result<(), LayerError> {
        let path = entry::image_path(path)?;
        for (slash, _) in path.match_indices('/') {
            let parent = &path[..slash];
            match self.entries.get(parent) {
                Some(entry) if entry.is_dir() => {}
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

/// Hashes and counts what passes through.
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

/// Computes the checksum that gzip computes anyway, so that a second pass can tell changed content for free.
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

/// A layer that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// A path that no image can hold, or that would mean something else in a layer.
    #[error("`{}` cannot be a path in an image: {why}", path.escape_debug())]
    Path {
        /// The path as given.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A mode with more than permission bits.
    #[error("mode {mode:#o} of `{path}` has more than permission bits; use at most 0o7777")]
    Mode {
        /// Whose mode.
        path: String,
        /// The mode as given.
        mode: u32,
    },
    /// Two entries for one path that differ.
    #[error("`/{path}` is given twice, with different content, mode or owner; remove one or move it")]
    Duplicate {
        /// The path in the image.
        path: String,
    },
    /// An entry below a file or link.
    #[error("`/{path}` cannot be in the image because `/{parent}` is not a folder there")]
    ParentNotDir {
        /// The path in the image.
        path: String,
        /// The part of it that is no folder.
        parent: String,
    },
    /// Only regular files have content.
    #[error("`{}` is not a regular file; name the files to be put into the image", path.display())]
    NotAFile {
        /// The file of this machine.
        path: PathBuf,
    },
    /// A file grew or shrank while it was read.
    #[error("`{}` changed while it was being read; run again when nothing writes to it", path.display())]
    FileChanged {
        /// The file of this machine.
        path: PathBuf,
    },
    /// Some file changed between two readings.
    #[error(
        "a file changed while its layer was being made; run again when nothing writes to the layer's files"
    )]
    ContentChanged,
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The sink failed.
    #[error("cannot write the layer")]
    Write(#[from] io::Error),
}

#[cfg(test)]
mod tests;
