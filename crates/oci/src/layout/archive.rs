use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use crossdock_fs::FileError;
use serde::Serialize;
use tar::{EntryType, Header};

use super::blob::BlobError;
use super::{IMAGE_NAME, LAYOUT_VERSION, Layout, LayoutError, named_entries};
use crate::model::{
    Algorithm, DOCUMENT_LIMIT, Descriptor, Digest, Document, DocumentError, EncodeError, Hasher,
    ImageManifest, Index, Reference, canonical_bytes,
};

/// The annotation of `index.json` that marks an archive as written by crossdock, which may therefore overwrite it.
pub(crate) const ARCHIVE_MARK: &str = "crossdock.archive";

/// Writes an image as one tar that docker, podman, skopeo and ctr load: an image layout whose `index.json` names the
/// image, together with docker's `manifest.json`.
///
/// Docker before version 25 reads only `manifest.json`, which has a single platform; `docker` selects it by a
/// manifest of `image`. The other tools see all platforms. The bytes depend only on the arguments.
///
/// # Errors
/// If `docker` is not part of `image`, a blob is missing or damaged, or `sink` fails.
pub fn write_archive(
    layout: &Layout,
    image: &Descriptor,
    names: &[Reference],
    docker: &Descriptor,
    sink: &mut dyn Write,
) -> Result<(), ArchiveError> {
    let mut needed = BTreeSet::new();
    layout.collect(image, 0, &mut needed)?;
    if !needed.contains(&docker.digest) {
        return Err(ArchiveError::NotInImage { docker: docker.digest, image: image.digest });
    }
    let docker = docker_manifest(layout, names, docker)?;
    write(layout, &needed, named_entries(image, names), Some(docker), sink)
}

/// Writes an image as an image layout in one tar, skopeo's `oci-archive:`, whose `index.json` names the image and lists
/// `referrers`: the manifests about it, such as signatures, without names. The bytes depend only on the arguments.
///
/// # Errors
/// If a blob is missing or damaged, or `sink` fails.
pub fn write_oci_archive(
    layout: &Layout,
    image: &Descriptor,
    names: &[Reference],
    referrers: &[Descriptor],
    sink: &mut dyn Write,
) -> Result<(), ArchiveError> {
    let mut needed = BTreeSet::new();
    layout.collect(image, 0, &mut needed)?;
    referrers.iter().try_for_each(|referrer| layout.collect(referrer, 0, &mut needed))?;
    let mut entries = named_entries(image, names);
    entries.extend(referrers.iter().cloned());
    write(layout, &needed, entries, None, sink)
}

/// The form of an archive that a container engine loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadForm {
    /// An image layout: podman keeps its digests.
    Oci,
    /// The same with docker's `manifest.json`, which docker reads unless it keeps its images in containerd's store.
    Docker,
}

/// Writes the part of an image that an engine of one platform needs, under `names`: the image's index as it is, and of its
/// manifests only `platform`, with configuration and layers. The store of `layout` needs no more.
///
/// # Errors
/// If a blob is missing or damaged, or `sink` fails.
pub fn write_load_archive(
    layout: &Layout,
    image: &Descriptor,
    names: &[Reference],
    platform: &Descriptor,
    form: LoadForm,
    sink: &mut dyn Write,
) -> Result<(), ArchiveError> {
    let mut needed = BTreeSet::new();
    layout.collect_indexes(image, &mut needed)?;
    layout.collect(platform, 0, &mut needed)?;
    let docker = match form {
        LoadForm::Oci => None,
        LoadForm::Docker => Some(docker_manifest(layout, names, platform)?),
    };
    write(layout, &needed, named_entries(image, names), docker, sink)
}

/// Writes the part of an image that a node of one platform needs, for containerd to import: the image's index as it is,
/// so that it keeps its digest, and of its manifests only `platform`, with configuration and layers. `index.json` lists
/// the image under each of `names`, and under each repository's name with the digest.
///
/// The other manifests are absent: import it without `--all-platforms`.
///
/// # Errors
/// If `platform` is not part of `image`, a blob is missing or damaged, or `sink` fails.
pub fn write_node_archive(
    layout: &Layout,
    image: &Descriptor,
    names: &[Reference],
    platform: &Descriptor,
    sink: &mut dyn Write,
) -> Result<(), ArchiveError> {
    let mut all = BTreeSet::new();
    layout.collect(image, 0, &mut all)?;
    if !all.contains(&platform.digest) {
        return Err(ArchiveError::NotInImage { docker: platform.digest, image: image.digest });
    }
    let mut needed = BTreeSet::from([image.digest]);
    layout.collect(platform, 0, &mut needed)?;
    let mut entries = named_entries(image, names);
    let repositories: BTreeSet<String> = names.iter().map(|name| name.repository.full_name()).collect();
    entries.extend(repositories.into_iter().map(|repository| {
        let name = format!("{repository}@{}", image.digest);
        let annotations = BTreeMap::from([(IMAGE_NAME.to_owned(), name)]);
        Descriptor { annotations, ..image.clone() }
    }));
    write(layout, &needed, entries, None, sink)
}

/// Writes blobs, and the documents that list the images among them.
fn write(
    layout: &Layout,
    blobs: &BTreeSet<Digest>,
    entries: Vec<Descriptor>,
    docker: Option<Vec<u8>>,
    sink: &mut dyn Write,
) -> Result<(), ArchiveError> {
    let mark = BTreeMap::from([(ARCHIVE_MARK.to_owned(), "1".to_owned())]);
    let index = Document::new(Index::new(entries, mark))?;
    let mut tar = tar::Builder::new(sink);
    let algorithms: BTreeSet<Algorithm> = blobs.iter().map(Digest::algorithm).collect();
    let of_algorithms = algorithms.iter().map(|algorithm| format!("blobs/{algorithm}/"));
    for directory in std::iter::once("blobs/".to_owned()).chain(of_algorithms) {
        append(&mut tar, &directory, EntryType::Directory, 0o755, 0, io::empty())?;
    }
    for digest in blobs {
        append_blob(&mut tar, layout, digest)?;
    }
    // The documents come last: an archive that was cut off between two files has neither, and readers notice.
    let docker = docker.map(|docker| ("manifest.json", docker));
    let documents = [("index.json", index.raw)].into_iter().chain(docker);
    for (name, bytes) in documents.chain([("oci-layout", LAYOUT_VERSION.to_vec())]) {
        append(&mut tar, name, EntryType::Regular, 0o644, bytes.len() as u64, &bytes[..])?;
    }
    tar.finish()?;
    Ok(())
}

/// An image in docker's `manifest.json` (docker's image/spec v1.2, § Combined Image JSON + Filesystem Changeset
/// Format).
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

fn docker_manifest(
    layout: &Layout,
    names: &[Reference],
    docker: &Descriptor,
) -> Result<Vec<u8>, ArchiveError> {
    let raw = layout.blobs().read(&docker.digest, DOCUMENT_LIMIT)?;
    let manifest = Document::<ImageManifest>::parse(raw, "image manifest")
        .map_err(|source| ArchiveError::Document { digest: docker.digest, source })?;
    // As the names were given: docker normalizes them itself when it loads the archive.
    let names: BTreeSet<_> = names.iter().map(Reference::to_string).collect();
    let image = DockerImage {
        config: blob_path(&manifest.value.config.digest),
        repo_tags: names.into_iter().collect(),
        layers: manifest.value.layers.iter().map(|layer| blob_path(&layer.digest)).collect(),
    };
    Ok(canonical_bytes(&[image])?)
}

/// Returns the path of a blob in an archive or a layout (image-spec, image-layout.md § Blobs).
pub(super) fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}

fn append_blob(
    tar: &mut tar::Builder<&mut dyn Write>,
    layout: &Layout,
    digest: &Digest,
) -> Result<(), ArchiveError> {
    let file = layout.blobs().get(digest)?;
    let path = layout.blobs().path(digest);
    let size = file.metadata().map_err(FileError::on("read", &path))?.len();
    // `take`: the header has declared the length, and a file that grows must not shift what follows it.
    let mut reader = Hashing { inner: file.take(size), hasher: Hasher::new(digest.algorithm()) };
    append(tar, &blob_path(digest), EntryType::Regular, 0o644, size, &mut reader)?;
    let found = reader.hasher.finish();
    if found == *digest { Ok(()) } else { Err(BlobError::Corrupt { expected: *digest, found }.into()) }
}

fn append(
    tar: &mut tar::Builder<&mut dyn Write>,
    path: &str,
    kind: EntryType,
    mode: u32,
    size: u64,
    content: impl Read,
) -> Result<(), ArchiveError> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    // The name of a blob with a sha512 digest does not fit into the header, and gets one of GNU before it.
    Ok(tar.append_data(&mut header, path, content)?)
}

/// Passes reads through and computes their digest.
struct Hashing<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// An error of writing an archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The manifest to choose belongs to another image.
    #[error("manifest {docker} is not part of image {image}")]
    NotInImage {
        /// The digest of the manifest.
        docker: Digest,
        /// The digest of the image.
        image: Digest,
    },
    /// The manifest for docker cannot be parsed.
    #[error("cannot parse manifest {digest}")]
    Document {
        /// The digest of the manifest.
        digest: Digest,
        /// The cause.
        source: DocumentError,
    },
    /// A document cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The image in the layout is damaged.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A blob is missing or damaged.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A blob cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Writing to the sink failed.
    #[error("cannot write the archive")]
    Write(#[from] io::Error),
}
