//! Reads existing images from layouts and archives of any origin.

mod docker;
mod images;
mod tar_file;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use crossdock_fs::FileError;

use super::archive::{ARCHIVE_MARK, blob_path};
use super::blob::{BlobError, BlobStore};
use super::{Layout, LayoutError};
use crate::layer::decode::{Coding, DecodeError};
use crate::layer::tar_reader::TarError;
use crate::model::{
    DOCUMENT_LIMIT, Descriptor, Digest, Document, DocumentError, EncodeError, ImageConfig, ImageManifest,
    Index, PlatformObject, media_type,
};
use crate::rootfs::{KeptContent, LayerBlob, LayerSource, RootError, RootLimits, RootView};
use docker::{DockerArchive, DockerImage};
use images::Images;
use tar_file::TarFile;

/// The number of images for platforms in one source, beyond which it is rejected.
const MAX_IMAGES: usize = 4000;
/// The size of all documents of one source together, in bytes. Each image keeps its documents in memory, so a document
/// that several images share counts several times.
const DOCUMENTS_LIMIT: u64 = 32 << 20;

/// A layout's directory, or an archive as `docker save`, `podman save`, skopeo or crossdock write it: a tar with an
/// image layout or with docker's older form, uncompressed or compressed with gzip or zstd.
#[derive(Debug)]
pub struct ImageSource {
    path: PathBuf,
    blobs: Blobs,
    images: Vec<SourceImage>,
    referrers: Vec<SourceReferrer>,
}

/// A manifest about an image, such as a signature, that a source lists without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceReferrer {
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// The digest of the manifest that it is about.
    pub subject: Digest,
}

/// An image of a source with its names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceImage {
    /// The names in the source: full names where available, otherwise tags. Often none.
    pub names: Vec<String>,
    /// The descriptor of the index or manifest that the source lists.
    pub descriptor: Descriptor,
    /// The images for platforms, in the index's order.
    pub platforms: Vec<SourcePlatform>,
    /// Manifests that the index lists but the source lacks: `docker save` of one platform keeps the whole index.
    pub absent: Vec<Descriptor>,
    /// The index's entries that are not images: attestations, signatures and other artifacts.
    pub skipped: Vec<Descriptor>,
}

/// The image for one platform in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourcePlatform {
    /// The descriptor that leads to the manifest, with the platform of the index.
    pub descriptor: Descriptor,
    /// The manifest. docker's older archives have none, so it is derived from their `manifest.json`.
    pub manifest: Document<ImageManifest>,
    /// The configuration.
    pub config: Document<ImageConfig>,
    /// The entries of indexes that lead to the manifest, outermost first; none if the source lists the manifest itself.
    /// A node takes one entry of each index by its platform, so it may not reach every manifest for its platform.
    pub way: Vec<IndexEntry>,
}

/// An entry of an index on the way to a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexEntry {
    /// The position in its index.
    pub position: usize,
    /// The platform that the index names for it.
    pub platform: Option<PlatformObject>,
}

impl SourcePlatform {
    /// Returns the platform according to the index, or, if that has none, according to the configuration.
    pub fn platform(&self) -> &PlatformObject {
        self.descriptor.platform.as_ref().unwrap_or(&self.config.value.platform)
    }
}

/// The store of the blobs.
#[derive(Debug)]
enum Blobs {
    Layout(BlobStore),
    Archive(TarFile),
    Docker(DockerArchive),
}

impl ImageSource {
    /// Opens the layout or archive at `path` and reads its manifests and configurations, but no layers.
    ///
    /// A compressed archive is decompressed to an unnamed file in the directory `temporary`. Symbolic links are followed,
    /// also in a layout: other tools make layouts with links, and nothing is written here.
    ///
    /// # Errors
    /// If `path` is neither, or a manifest or configuration is missing, damaged or exceeds a limit.
    pub fn open(path: impl Into<PathBuf>, temporary: &Path) -> Result<Self, SourceError> {
        let path = path.into();
        let metadata = fs::metadata(&path).map_err(FileError::on("read", &path))?;
        if metadata.is_dir() {
            let layout = Layout::open_following_links(&path)?;
            return Self::listed(path, Blobs::Layout(layout.blobs().clone()), &layout.index()?);
        }
        match open_archive(&path, temporary)? {
            Archive::Oci(tar, index) => Self::listed(path, Blobs::Archive(tar), &index),
            Archive::Docker(docker, images) => {
                let mut source =
                    Self { path, blobs: Blobs::Docker(docker), images: Vec::new(), referrers: Vec::new() };
                source.images = Images::of(&source).of_docker(&images)?;
                Ok(source)
            }
        }
    }

    /// Reads one image of a layout, whether or not its `index.json` lists it.
    ///
    /// # Errors
    /// If a manifest or configuration of the image is missing, damaged or exceeds a limit.
    pub fn of_layout(layout: &Layout, image: &Descriptor) -> Result<Self, SourceError> {
        let index = Index::new(vec![image.clone()], Default::default());
        Self::listed(layout.path().to_owned(), Blobs::Layout(layout.blobs().clone()), &index)
    }

    /// Reads the images that an index lists.
    fn listed(path: PathBuf, blobs: Blobs, index: &Index) -> Result<Self, SourceError> {
        let mut source = Self { path, blobs, images: Vec::new(), referrers: Vec::new() };
        (source.images, source.referrers) = Images::of(&source).listed(index)?;
        Ok(source)
    }

    /// Returns whether the source is an archive in docker's older form, which has no manifests: those of its images are
    /// derived, and no other tool knows their digests.
    pub fn is_docker_form(&self) -> bool {
        matches!(self.blobs, Blobs::Docker(_))
    }

    /// Returns the path of the directory or file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the images, in the source's order.
    pub fn images(&self) -> &[SourceImage] {
        &self.images
    }

    /// Returns the manifests about images, such as signatures, which the source lists without a name as oras writes them.
    pub fn referrers(&self) -> &[SourceReferrer] {
        &self.referrers
    }

    /// Returns the annotations of an image: those of its index, or of its manifest if it has no index.
    ///
    /// # Errors
    /// If the index is missing, damaged or exceeds a limit.
    pub fn annotations(&self, image: &SourceImage) -> Result<BTreeMap<String, String>, SourceError> {
        if media_type::is_index(&image.descriptor.media_type) {
            let index: Document<Index> = Images::of(self).document(&image.descriptor, "image index")?;
            return Ok(index.value.annotations);
        }
        let manifest = image.platforms.first().map(|platform| &platform.manifest.value);
        Ok(manifest.map(|manifest| manifest.annotations.clone()).unwrap_or_default())
    }

    /// Returns a reader of a blob. Its bytes are not checked.
    ///
    /// # Errors
    /// If the source does not have the blob.
    pub fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, SourceError> {
        let found = match &self.blobs {
            Blobs::Layout(store) => {
                return Ok(Box::new(BufReader::with_capacity(128 * 1024, store.get(digest)?)));
            }
            Blobs::Archive(tar) => tar.file(&blob_path(digest)),
            Blobs::Docker(docker) => docker.open_blob(digest),
        };
        match found {
            Some(reader) => Ok(Box::new(BufReader::with_capacity(128 * 1024, reader))),
            None => Err(BlobError::Missing { digest: *digest, store: self.path.clone() }.into()),
        }
    }

    /// Merges the layers of an image to a root, verifying the digests of each.
    ///
    /// `temporary` is the directory for unnamed temporary files, if they are needed: see [`RootView`].
    ///
    /// # Errors
    /// If a layer is missing, damaged or exceeds the limits.
    pub fn root(
        &self,
        image: &SourcePlatform,
        limits: RootLimits,
        kept: KeptContent,
        temporary: &Path,
    ) -> Result<RootView<'_>, SourceError> {
        let layers = &image.manifest.value.layers;
        let diff_ids = &image.config.value.rootfs.diff_ids;
        if layers.len() != diff_ids.len() {
            return Err(SourceError::LayerCount { layers: layers.len(), diff_ids: diff_ids.len() });
        }
        let mut root = RootView::new(limits, temporary).keeping(kept);
        for (&Descriptor { digest, .. }, &diff_id) in layers.iter().zip(diff_ids) {
            // A missing blob is an error of the source and not of the layer.
            self.blob(&digest)?;
            let blob = Box::new(SourceBlob { source: self, digest });
            root.apply(LayerSource { blob, digest, diff_id })?;
        }
        Ok(root)
    }
}

/// A blob of a source.
struct SourceBlob<'a> {
    source: &'a ImageSource,
    digest: Digest,
}

impl LayerBlob for SourceBlob<'_> {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        self.source.blob(&self.digest).map_err(io::Error::other)
    }
}

/// Returns whether a file is an archive that [`write_archive`](crate::write_archive) wrote, with whatever image. A file
/// that cannot be read is not.
pub fn is_own_archive(path: &Path) -> bool {
    // crossdock compresses the layers and never the archive.
    let Ok(Some(tar)) = TarFile::open_plain(path) else { return false };
    matches!(index(&tar), Ok(Some(index)) if index.annotations.contains_key(ARCHIVE_MARK))
}

/// An open archive in one of its two forms.
enum Archive {
    Oci(TarFile, Index),
    Docker(DockerArchive, Vec<DockerImage>),
}

fn open_archive(path: &Path, temporary: &Path) -> Result<Archive, SourceError> {
    let broken = |fault: ArchiveFault| SourceError::Archive { path: path.to_owned(), source: fault.into() };
    let tar = TarFile::open(path, temporary).map_err(broken)?;
    // Archives end with `index.json` and `manifest.json`: one that was cut off between two files has neither.
    if tar.lacks_end() && tar.file("index.json").is_none() && tar.file("manifest.json").is_none() {
        return Err(broken(ArchiveFault::CutOff));
    }
    // Docker since version 25 and crossdock write both forms. The index comes first, since `manifest.json` names only
    // one platform of an image.
    if let Some(index) = index(&tar).map_err(broken)? {
        return Ok(Archive::Oci(tar, index));
    }
    let (docker, images) = DockerArchive::open(tar).map_err(broken)?;
    Ok(Archive::Docker(docker, images))
}

fn index(tar: &TarFile) -> Result<Option<Index>, ArchiveFault> {
    let Some(raw) = tar.read("index.json", DOCUMENT_LIMIT)? else { return Ok(None) };
    Ok(Some(Document::parse(raw, "image index")?.value))
}

/// An error of reading a source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The directory is not a layout, or a damaged one.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The file is not an archive of images, or a damaged one.
    #[error("`{}` is not an archive of images that crossdock can read", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A blob is missing or damaged.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The length of a document differs from its descriptor's. Registries and containerd reject such an image.
    #[error("{digest} has {found} bytes, but its descriptor says {declared}")]
    Size {
        /// The digest of the document.
        digest: Digest,
        /// The length according to the descriptor, in bytes.
        declared: u64,
        /// The length of the document, in bytes.
        found: u64,
    },
    /// A document cannot be parsed.
    #[error("cannot parse {digest}")]
    Document {
        /// The digest of the document.
        digest: Digest,
        /// The cause.
        source: DocumentError,
    },
    /// The numbers of layers in manifest and configuration differ.
    #[error(
        "the manifest has {layers} layers, but the configuration has {diff_ids} diff_ids; build the image again"
    )]
    LayerCount {
        /// The number of layers in the manifest.
        layers: usize,
        /// The number of layers in the configuration.
        diff_ids: usize,
    },
    /// The source has more images than the limit.
    #[error("`{}` lists more than {MAX_IMAGES} images", path.display())]
    TooMany {
        /// The path of the source.
        path: PathBuf,
    },
    /// The documents of the source exceed the limit.
    #[error("`{}` has more than {DOCUMENTS_LIMIT} bytes of indexes, manifests and configurations", path.display())]
    TooLong {
        /// The path of the source.
        path: PathBuf,
    },
    /// The documents of the source have more values than the limit.
    #[error("`{}` has more than {limit} values in its indexes, manifests and configurations", path.display())]
    TooManyValues {
        /// The path of the source.
        path: PathBuf,
        /// The number of values that are read.
        limit: usize,
    },
    /// A document cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A layer cannot be applied.
    #[error(transparent)]
    Root(#[from] RootError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Returns whether a file begins as a tar (POSIX, § ustar Interchange Format) or a compressed stream, and so may be an
/// archive of images.
///
/// # Errors
/// If the file cannot be read.
pub fn may_be_archive(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    // A ustar header has its magic at 257.
    fs::File::open(path)?.take(262).read_to_end(&mut start)?;
    Ok(Coding::of(&start) != Coding::Plain || start.get(257..262) == Some(b"ustar"))
}

impl SourceError {
    /// Returns whether the file is of another kind, such as a program or another tar, rather than a damaged archive of
    /// images.
    pub fn is_no_archive(&self) -> bool {
        let Self::Archive { source, .. } = self else { return false };
        matches!(source.downcast_ref(), Some(ArchiveFault::NoTar(_) | ArchiveFault::NoImages))
    }
}

/// The cause of a [`SourceError::Archive`].
#[derive(Debug, thiserror::Error)]
enum ArchiveFault {
    #[error("it is not a readable tar")]
    Tar(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("it is not a tar")]
    NoTar(#[source] TarError),
    #[error("it is cut off: its end is missing; copy or write it again")]
    CutOff,
    #[error("it has neither `index.json` nor `manifest.json`")]
    NoImages,
    #[error("its `{name}` is missing")]
    Missing { name: String },
    #[error("its `manifest.json` lists more than {limit} {items}")]
    TooMany { items: &'static str, limit: usize },
    #[error("its `{name}` is longer than {limit} bytes")]
    TooLong { name: String, limit: u64 },
    #[error("decompressed it is longer than {0} bytes; it may be a decompression bomb")]
    Bomb(u64),
    #[error("its `manifest.json` is not in docker's form")]
    DockerJson(#[source] serde_json::Error),
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(transparent)]
    File(#[from] FileError),
}

impl From<TarError> for ArchiveFault {
    fn from(error: TarError) -> Self {
        match error {
            TarError::Truncated(_) => Self::CutOff,
            TarError::Read(error) => error.into(),
            // Without a valid first header the file is something else rather than a damaged tar.
            TarError::Checksum(0) | TarError::Field { at: 0, .. } => Self::NoTar(error),
            _ => Self::Tar(Box::new(error)),
        }
    }
}

/// Converts an error of decompressing the archive.
impl From<io::Error> for ArchiveFault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::CutOff,
            _ => Self::Tar(Box::new(error)),
        }
    }
}

impl From<DecodeError> for ArchiveFault {
    fn from(error: DecodeError) -> Self {
        Self::Tar(Box::new(error))
    }
}

#[cfg(test)]
mod tests;
