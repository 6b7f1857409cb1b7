//! Merges images for single platforms, from layouts and archives, into one image.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crossdock_fs::FileError;

use super::assemble::write_index;
use super::{AssembleError, BlobError, BlobStore, ImageSource, SourceError, SourcePlatform};
use crate::model::{Blob, Descriptor, Digest, media_type};

/// The image for one platform that [`merge`] takes from a source.
#[derive(Debug, Clone, Copy)]
pub struct MergePart<'a> {
    /// The source of the image's blobs.
    pub source: &'a ImageSource,
    /// The image.
    pub image: &'a SourcePlatform,
}

/// Copies images for single platforms into `store`, byte for byte, and writes their index. Images that [`assemble`]
/// wrote get the digest that it gives to all of them at once, whatever the order of `parts`.
///
/// The index is of the family of its manifests: OCI's, or Docker's manifest list, which has no annotations
/// (distribution, docs/content/spec/manifest-v2-2.md).
///
/// # Errors
/// If `parts` is empty, if two images have one platform or one digest, if OCI's and Docker's media types are mixed, if a blob
/// is missing or damaged, or if the store cannot be written.
///
/// [`assemble`]: crate::assemble()
pub fn merge(
    store: &BlobStore,
    parts: &[MergePart<'_>],
    annotations: &BTreeMap<String, String>,
) -> Result<Descriptor, MergeError> {
    let family = family(parts)?;
    let mut digests = BTreeSet::new();
    if let Some(twice) = parts.iter().find(|part| !digests.insert(part.image.descriptor.digest)) {
        return Err(MergeError::DigestTwice { digest: twice.image.descriptor.digest });
    }
    for part in parts {
        copy_image(store, part)?;
    }
    let no_annotations = BTreeMap::new();
    let annotations = if family == media_type::INDEX { annotations } else { &no_annotations };
    let manifests = parts.iter().map(|part| entry(part.image)).collect();
    Ok(write_index(store, family, manifests, annotations.clone())?)
}

/// Returns the media type of the index, which is of the family of all manifests.
fn family(parts: &[MergePart<'_>]) -> Result<&'static str, MergeError> {
    let is_docker = |part: &&MergePart<'_>| part.image.descriptor.media_type == media_type::DOCKER_MANIFEST;
    match (parts.iter().find(is_docker), parts.iter().find(|part| !is_docker(part))) {
        (Some(docker), Some(oci)) => Err(MergeError::Mixed {
            docker: docker.image.platform().to_string(),
            oci: oci.image.platform().to_string(),
        }),
        (Some(_), None) => Ok(media_type::DOCKER_INDEX),
        _ => Ok(media_type::INDEX),
    }
}

/// Returns the entry of an image in the index. Annotations of the entry are left out: they name the image in its layout.
fn entry(image: &SourcePlatform) -> Descriptor {
    Descriptor {
        platform: Some(image.platform().clone()),
        ..Descriptor::new(&image.descriptor.media_type, image.descriptor.blob())
    }
}

fn copy_image(store: &BlobStore, part: &MergePart<'_>) -> Result<(), MergeError> {
    let MergePart { source, image } = part;
    let manifest = &image.manifest;
    if let Some(declared) = &manifest.value.media_type
        && *declared != image.descriptor.media_type
    {
        return Err(MergeError::MediaType {
            digest: image.descriptor.digest,
            listed: image.descriptor.media_type.clone(),
            declared: declared.clone(),
        });
    }
    for layer in &manifest.value.layers {
        copy_blob(store, source, layer.blob())?;
    }
    store.put_as(manifest.value.config.digest.algorithm(), &image.config.raw)?;
    store.put_as(image.descriptor.digest.algorithm(), &manifest.raw)?;
    Ok(())
}

fn copy_blob(store: &BlobStore, source: &ImageSource, blob: Blob) -> Result<(), MergeError> {
    if store.has(&blob) && store.verify(&blob.digest).is_ok() {
        return Ok(());
    }
    let mut reader = source.blob(&blob.digest)?;
    let mut writer = store.writer_of(blob.digest.algorithm())?;
    io::copy(&mut reader, &mut writer).map_err(FileError::on("copy a blob of", source.path()))?;
    let found = writer.complete_as(blob.digest)?;
    if found.size == blob.size {
        return Ok(());
    }
    Err(SourceError::Size { digest: blob.digest, declared: blob.size, found: found.size }.into())
}

/// An error of merging images.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// The images have media types of both families, which no index may list.
    #[error(
        "the image for {docker} has Docker's media types and the one for {oci} has OCI's; convert one of them, e.g. with \
         `skopeo copy --format oci`"
    )]
    Mixed {
        /// The platform of an image with Docker's media types.
        docker: String,
        /// The platform of an image with OCI's media types.
        oci: String,
    },
    /// One manifest is listed for two platforms.
    #[error("manifest {digest} is the image for two platforms; build each of them")]
    DigestTwice {
        /// The digest of the manifest.
        digest: Digest,
    },
    /// A manifest has another media type than its index says. Registries reject it.
    #[error("manifest {digest} is listed as `{listed}` and calls itself `{declared}`; build the image again")]
    MediaType {
        /// The digest of the manifest.
        digest: Digest,
        /// The media type of the entry in the index.
        listed: String,
        /// The media type in the manifest.
        declared: String,
    },
    /// The index cannot be written.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// A source is damaged.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A blob is damaged.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}
