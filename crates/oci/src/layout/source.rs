//! Images that are there already, in a layout or an archive, whoever made them.

mod docker;
mod images;
mod tar_file;

use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::archive::ARCHIVE_MARK;
use super::blob::{BlobError, BlobStore};
use super::{Layout, LayoutError};
use crate::layer::decode::{Coding, DecodeError};
use crate::layer::tar_reader::TarError;
use crate::model::{
    DOCUMENT_LIMIT, Descriptor, Digest, Document, DocumentError, ImageConfig, ImageManifest, Index,
    PlatformObject,
};
use crate::rootfs::{LayerSource, RootError, RootLimits, RootView};
use crossdock_fs::FileError;
use docker::DockerArchive;
use images::Images;
use tar_file::TarFile;

/// More images for platforms than this in one source are refused.
const MAX_IMAGES: usize = 4000;
/// So much may the documents of one source have together, in bytes, those that are read again counted again; each
/// image keeps its own in memory.
const DOCUMENTS_LIMIT: u64 = 32 << 20;

/// A layout folder, or an archive as `docker save`, `podman save`, skopeo or crossdock write them: an image layout
/// in a tar, or docker's older form, plain or compressed with gzip or zstd.
#[derive(Debug)]
pub struct ImageSource {
    path: PathBuf,
    blobs: Blobs,
    images: Vec<SourceImage>,
}

/// One entry of a source: an image under its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceImage {
    /// The names it has there: full ones where they are given, else tags. Often none.
    pub names: Vec<String>,
    /// The index or manifest that the source lists.
    pub descriptor: Descriptor,
    /// The images for platforms, in the index's order.
    pub platforms: Vec<SourcePlatform>,
    /// Manifests that the index lists but the source does not hold: `docker save` writes such for one platform.
    pub absent: Vec<Descriptor>,
    /// What the index lists beside images: attestations, signatures, other artifacts.
    pub skipped: Vec<Descriptor>,
}

/// One platform's image in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePlatform {
    /// The entry that leads to it, with the platform that the index says.
    pub descriptor: Descriptor,
    /// Its manifest; docker's older archives have none, and then this is what it would be.
    pub manifest: Document<ImageManifest>,
    /// Its configuration.
    pub config: Document<ImageConfig>,
}

impl SourcePlatform {
    /// The platform that the index says, else the one of the configuration.
    pub fn platform(&self) -> &PlatformObject {
        self.descriptor.platform.as_ref().unwrap_or(&self.config.value.platform)
    }
}

/// Where the blobs are.
#[derive(Debug)]
enum Blobs {
    Layout(BlobStore),
    Archive(TarFile),
    Docker(DockerArchive),
}

impl ImageSource {
    /// Reads what images the folder or archive at `path` has. Layers are not looked at yet.
    ///
    /// A compressed archive is unpacked to a file without a name in the folder `temporary`.
    ///
    /// # Errors
    /// When it is neither, or a manifest or configuration in it is missing, damaged or hostile.
    pub fn open(path: impl Into<PathBuf>, temporary: &Path) -> Result<Self, SourceError> {
        let path = path.into();
        let metadata = fs::metadata(&path).map_err(FileError::on("read", &path))?;
        let (blobs, index) = if metadata.is_dir() {
            let layout = Layout::open(&path)?;
            (Blobs::Layout(layout.blobs().clone()), Some(layout.index()?))
        } else {
            open_archive(&path, temporary)?
        };
        let mut source = Self { path, blobs, images: Vec::new() };
        source.images = match (&index, &source.blobs) {
            (Some(index), _) => Images::of(&source).listed(index)?,
            (None, Blobs::Docker(docker)) => Images::of(&source).of_docker(docker)?,
            (None, _) => Vec::new(),
        };
        Ok(source)
    }

    /// One image of a layout, whether or not its `index.json` names it yet.
    ///
    /// # Errors
    /// When a manifest or configuration of it is missing, damaged or hostile.
    pub fn of_layout(layout: &Layout, image: &Descriptor) -> Result<Self, SourceError> {
        let blobs = Blobs::Layout(layout.blobs().clone());
        let mut source = Self { path: layout.path().to_owned(), blobs, images: Vec::new() };
        let index = Index::new(vec![image.clone()], Default::default());
        source.images = Images::of(&source).listed(&index)?;
        Ok(source)
    }

    /// The folder or file that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The images, in the source's order.
    pub fn images(&self) -> &[SourceImage] {
        &self.images
    }

    /// A reader of a blob. Its bytes are not checked.
    ///
    /// # Errors
    /// When the source does not have it.
    pub fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + '_>, SourceError> {
        let found = match &self.blobs {
            Blobs::Layout(store) => {
                return Ok(Box::new(BufReader::with_capacity(128 * 1024, store.get(digest)?)));
            }
            Blobs::Archive(tar) => tar.file(&format!("blobs/sha256/{}", digest.hex())),
            Blobs::Docker(docker) => docker.open_blob(digest),
        };
        match found {
            Some(reader) => Ok(Box::new(BufReader::with_capacity(128 * 1024, reader))),
            None => Err(BlobError::Missing { digest: *digest, store: self.path.clone() }.into()),
        }
    }

    /// The merged root of one platform's image, every layer's digests checked.
    ///
    /// `temporary` is the folder for a file without a name, should the content need one: see [`RootView`].
    ///
    /// # Errors
    /// When a layer is missing, damaged or hostile.
    pub fn root(
        &self,
        image: &SourcePlatform,
        limits: RootLimits,
        temporary: &Path,
    ) -> Result<RootView, SourceError> {
        let layers = &image.manifest.value.layers;
        let diff_ids = &image.config.value.rootfs.diff_ids;
        if layers.len() != diff_ids.len() {
            return Err(SourceError::LayerCount { layers: layers.len(), diff_ids: diff_ids.len() });
        }
        let mut root = RootView::new(limits, temporary);
        for (layer, diff_id) in layers.iter().zip(diff_ids) {
            let reader = self.blob(&layer.digest)?;
            root.apply(LayerSource { reader, digest: layer.digest, diff_id: *diff_id })?;
        }
        Ok(root)
    }
}

/// Whether a file is an archive that [`write_archive`](crate::write_archive) wrote, whatever image it holds. One that
/// cannot be read is not.
pub fn is_own_archive(path: &Path) -> bool {
    // Crossdock compresses the layers and never the archive.
    let Ok(Some(tar)) = TarFile::open_plain(path) else { return false };
    matches!(index(&tar), Ok(Some(index)) if index.annotations.contains_key(ARCHIVE_MARK))
}

fn open_archive(path: &Path, temporary: &Path) -> Result<(Blobs, Option<Index>), SourceError> {
    let broken = |fault: ArchiveFault| SourceError::Archive { path: path.to_owned(), source: fault.into() };
    let tar = TarFile::open(path, temporary).map_err(broken)?;
    // Archives end with `index.json` and `manifest.json`: one that was cut between two files has neither.
    if tar.lacks_end() && tar.file("index.json").is_none() && tar.file("manifest.json").is_none() {
        return Err(broken(ArchiveFault::CutOff));
    }
    if let Some(index) = index(&tar).map_err(broken)? {
        return Ok((Blobs::Archive(tar), Some(index)));
    }
    let docker = DockerArchive::open(tar).map_err(broken)?;
    Ok((Blobs::Docker(docker), None))
}

fn index(tar: &TarFile) -> Result<Option<Index>, ArchiveFault> {
    let Some(raw) = tar.read("index.json", DOCUMENT_LIMIT)? else { return Ok(None) };
    Ok(Some(Document::parse(raw, "image index")?.value))
}

/// A source that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The folder is no layout, or a broken one.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The file is no archive of images, or a broken one.
    #[error("`{}` is not an archive of images that crossdock can read", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A blob is missing or damaged.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A document has another length than its descriptor says; registries and containerd refuse it.
    #[error("{digest} has {found} bytes, but what leads to it says {said}")]
    Size {
        /// The document.
        digest: Digest,
        /// What its descriptor says.
        said: u64,
        /// Its length in bytes.
        found: u64,
    },
    /// A document is not what it should be.
    #[error("cannot understand {digest}")]
    Document {
        /// The document.
        digest: Digest,
        /// Why not.
        source: DocumentError,
    },
    /// Manifest and configuration do not agree.
    #[error(
        "the manifest has {layers} layers, but the configuration {diff_ids} diff_ids; build the image again"
    )]
    LayerCount {
        /// How many layers.
        layers: usize,
        /// How many identities of layers.
        diff_ids: usize,
    },
    /// More images than any real source has.
    #[error("`{}` lists more than {MAX_IMAGES} images", path.display())]
    TooMany {
        /// The source.
        path: PathBuf,
    },
    /// More manifests and configurations than any real source has.
    #[error("`{}` has more than {DOCUMENTS_LIMIT} bytes of indices, manifests and configurations", path.display())]
    TooLong {
        /// The source.
        path: PathBuf,
    },
    /// A layer cannot be applied.
    #[error(transparent)]
    Root(#[from] RootError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Whether a file begins as an archive of images may: as a tar (POSIX, "ustar Interchange Format"), or compressed.
///
/// # Errors
/// When the file cannot be read.
pub fn may_be_archive(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    fs::File::open(path)?.take(262).read_to_end(&mut start)?;
    Ok(Coding::of(&start) != Coding::Plain || start.get(257..262) == Some(b"ustar"))
}

impl SourceError {
    /// Whether the file is something else, as a program or a tar of other things, rather than a broken archive of images.
    pub fn is_no_archive(&self) -> bool {
        let Self::Archive { source, .. } = self else { return false };
        matches!(source.downcast_ref(), Some(ArchiveFault::NoTar(_) | ArchiveFault::NoImages))
    }
}

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
enum ArchiveFault {
    #[error("it is not a tar that can be read")]
    Tar(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("it is no tar")]
    NoTar(#[source] TarError),
    #[error("it is cut off: its end is missing; copy or write it again")]
    CutOff,
    #[error("it has neither `index.json` nor `manifest.json`")]
    NoImages,
    #[error("its `{name}` is missing")]
    Missing { name: String },
    #[error("its `manifest.json` lists more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
    #[error("its `{name}` is longer than {limit} bytes")]
    TooLong { name: String, limit: u64 },
    #[error("unpacked it is longer than {0} bytes; it may be a decompression bomb")]
    Bomb(u64),
    #[error("its `manifest.json` is not docker's")]
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
            TarError::Checksum(0) | TarError::Field { at: 0, .. } => Self::NoTar(error),
            _ => Self::Tar(Box::new(error)),
        }
    }
}

/// Of reading what is compressed.
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
