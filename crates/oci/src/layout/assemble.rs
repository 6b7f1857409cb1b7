use std::collections::{BTreeMap, BTreeSet};

use crossdock_fs::FileError;

use super::blob::{BlobError, BlobStore};
use crate::layer::Layer;
use crate::model::{
    Descriptor, Digest, Document, EncodeError, History, ImageConfig, ImageManifest, Index, PlatformObject,
    RootFs, RuntimeConfig, Timestamp, media_type,
};

/// The input of [`assemble`]: an image for one or more platforms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The creation time: the date of the sources, so that a rebuild has the same digest.
    pub created: Timestamp,
    /// The annotations of the index and each manifest, with keys of image-spec, annotations.md.
    pub annotations: BTreeMap<String, String>,
    /// The platforms, in any order.
    pub platforms: Vec<PlatformImage>,
}

/// The part of an [`Image`] for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformImage {
    /// The platform that the image runs on.
    pub platform: PlatformObject,
    /// The settings of its containers.
    pub config: RuntimeConfig,
    /// The layers, lowest first, at least one. Their blobs must be in the store.
    pub layers: Vec<Layer>,
    /// The history of these layers; empty, or with an entry for each layer besides those marked as empty.
    pub history: Vec<History>,
}

/// An image in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assembled {
    /// The index, whose digest identifies the image.
    pub index: Descriptor,
    /// The manifests, in the index's order.
    pub manifests: Vec<PlatformManifest>,
}

/// The manifest for one platform of an [`Assembled`] image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlatformManifest {
    /// The platform that the image runs on.
    pub platform: PlatformObject,
    /// The descriptor of the manifest.
    pub manifest: Descriptor,
    /// The descriptor of the configuration.
    pub config: Descriptor,
}

/// Writes configurations, manifests and the index of an image into `store`. There is always an index, even for one
/// platform. Platforms are sorted, so that the digest does not depend on the order in which they were given.
///
/// A history is optional (image-spec, config.md), and engines accept its absence.
///
/// # Errors
/// If there is no platform or one occurs twice, if a platform has no layers, if a layer's blob is not in the store, or
/// if the store cannot be written.
pub fn assemble(store: &BlobStore, image: &Image) -> Result<Assembled, AssembleError> {
    if image.platforms.is_empty() {
        return Err(AssembleError::NoPlatform);
    }
    let mut platforms: Vec<_> = image.platforms.iter().collect();
    platforms.sort_by_key(|entry| order(&entry.platform));
    let mut seen = BTreeSet::new();
    let mut manifests = Vec::new();
    for entry in platforms {
        if !seen.insert(&entry.platform) {
            return Err(AssembleError::PlatformTwice { platform: entry.platform.to_string() });
        }
        manifests.push(assemble_platform(store, image, entry)?);
    }
    let entries = manifests.iter().map(|manifest| manifest.manifest.clone()).collect();
    // An index even for one platform: containerd checks the platform of an index's entries, and takes a manifest by
    // itself for any node.
    let index = write_index(store, media_type::INDEX, entries, image.annotations.clone())?;
    Ok(Assembled { index, manifests })
}

/// Writes an index of manifests into `store`, sorted by platform: its digest does not depend on their order.
///
/// # Errors
/// If `manifests` is empty, if two are for the same platform, or if the store cannot be written.
pub fn write_index(
    store: &BlobStore,
    media_type: &str,
    mut manifests: Vec<Descriptor>,
    annotations: BTreeMap<String, String>,
) -> Result<Descriptor, AssembleError> {
    let platform = |entry: &Descriptor| entry.platform.clone().unwrap_or_default();
    manifests.sort_by_key(|entry| order(&platform(entry)));
    if manifests.is_empty() {
        return Err(AssembleError::NoPlatform);
    }
    if let Some(pair) = manifests.windows(2).find(|pair| platform(&pair[0]) == platform(&pair[1])) {
        return Err(AssembleError::PlatformTwice { platform: platform(&pair[0]).to_string() });
    }
    let mut index = Index::new(manifests, annotations);
    index.media_type = Some(media_type.to_owned());
    Ok(Descriptor::new(media_type, store.put(&Document::new(index)?.raw)?))
}

/// Returns a sort key that puts platforms without a variant first: some tools take the first entry that matches.
fn order(platform: &PlatformObject) -> impl Ord + use<> {
    let PlatformObject { architecture, os, os_version, os_features, variant } = platform.clone();
    (os, architecture, variant, os_version, os_features)
}

fn assemble_platform(
    store: &BlobStore,
    image: &Image,
    entry: &PlatformImage,
) -> Result<PlatformManifest, AssembleError> {
    if let Some(layer) = entry.layers.iter().find(|layer| !store.has(&layer.descriptor.blob())) {
        let platform = entry.platform.to_string();
        return Err(AssembleError::LayerMissing { platform, digest: layer.descriptor.digest });
    }
    if entry.layers.is_empty() {
        return Err(AssembleError::NoLayers { platform: entry.platform.to_string() });
    }
    let config = Document::new(ImageConfig {
        created: Some(image.created.to_string()),
        platform: entry.platform.clone(),
        config: entry.config.clone(),
        rootfs: RootFs::new(entry.layers.iter().map(|layer| layer.diff_id).collect()),
        history: entry.history.clone(),
    })?;
    let config = Descriptor::new(media_type::CONFIG, store.put(&config.raw)?);
    let layers = entry.layers.iter().map(|layer| layer.descriptor.clone()).collect();
    let manifest = Document::new(ImageManifest::new(config.clone(), layers, image.annotations.clone()))?;
    let mut manifest = Descriptor::new(media_type::MANIFEST, store.put(&manifest.raw)?);
    // In the index too, where engines choose by it without fetching a configuration.
    manifest.platform = Some(entry.platform.clone());
    Ok(PlatformManifest { platform: entry.platform.clone(), manifest, config })
}

/// An error of assembling an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// The image has no platforms.
    #[error("an image needs at least one platform")]
    NoPlatform,
    /// Two entries of the index have the same platform.
    #[error("the image has the platform {platform} twice; a node could start either")]
    PlatformTwice {
        /// The platform.
        platform: String,
    },
    /// A platform has no layers. Such an image is valid but cannot start, so the caller has lost its layers.
    #[error("internal error: the image has no layers for {platform}; please report it")]
    NoLayers {
        /// The platform.
        platform: String,
    },
    /// A layer was not written into this store.
    #[error("layer {digest} of {platform} is not in the store; write it there before assembling")]
    LayerMissing {
        /// The platform of the layer.
        platform: String,
        /// The digest of the layer's blob.
        digest: Digest,
    },
    /// A document cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The store's blobs cannot be used.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The store's files cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::{Compression, Content, LayerBuilder, Owner};

    fn platform_image(store: &BlobStore, architecture: &str) -> PlatformImage {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        let content = Content::from(architecture.as_bytes().to_vec());
        builder.add_file("app", 0o755, Owner::ROOT, content).unwrap();
        let mut writer = store.writer().unwrap();
        let layer = builder.write(&mut writer, Compression::Gzip, NonZeroUsize::MIN).unwrap();
        writer.complete_as(layer.descriptor.digest).unwrap();
        PlatformImage {
            platform: PlatformObject::new("linux", architecture),
            config: RuntimeConfig { entrypoint: vec!["/app".into()], ..RuntimeConfig::default() },
            layers: vec![layer],
            history: Vec::new(),
        }
    }

    fn store() -> (tempfile::TempDir, BlobStore) {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::create(directory.path()).unwrap();
        (directory, store)
    }

    fn image(platforms: Vec<PlatformImage>) -> Image {
        let annotations = [("org.opencontainers.image.version".to_owned(), "1.0".to_owned())].into();
        Image { created: Timestamp::EPOCH, annotations, platforms }
    }

    #[test]
    fn the_index_leads_to_manifests_and_configurations() {
        let (_directory, store) = store();
        let platforms = vec![platform_image(&store, "arm64"), platform_image(&store, "amd64")];
        let assembled = assemble(&store, &image(platforms.clone())).unwrap();
        let index: Index =
            Document::parse(store.read(&assembled.index.digest, 9999).unwrap(), "image index").unwrap().value;
        assert_eq!(index.annotations["org.opencontainers.image.version"], "1.0");
        let names: Vec<_> =
            index.manifests.iter().map(|entry| entry.platform.as_ref().unwrap().to_string()).collect();
        assert_eq!(names, ["linux/amd64", "linux/arm64"]);
        let raw = store.read(&index.manifests[1].digest, 9999).unwrap();
        let manifest = Document::<ImageManifest>::parse(raw, "image manifest").unwrap().value;
        assert_eq!(manifest.layers, [platforms[0].layers[0].descriptor.clone()]);
        let raw = store.read(&manifest.config.digest, 9999).unwrap();
        let config = Document::<ImageConfig>::parse(raw, "image configuration").unwrap().value;
        assert_eq!(config.rootfs.diff_ids, [platforms[0].layers[0].diff_id]);
        assert_eq!(config.created.as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(config.platform.architecture, "arm64");
    }

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_platforms() {
        let (_directory, store) = store();
        let (one, two) = (platform_image(&store, "arm64"), platform_image(&store, "amd64"));
        let first = assemble(&store, &image(vec![one.clone(), two.clone()])).unwrap();
        assert_eq!(assemble(&store, &image(vec![two, one])).unwrap(), first);
    }

    #[test]
    fn incomplete_images_are_rejected() {
        let (_directory, store) = store();
        let one = platform_image(&store, "amd64");
        assert!(matches!(assemble(&store, &image(vec![])), Err(AssembleError::NoPlatform)));
        let twice = image(vec![one.clone(), one.clone()]);
        assert!(matches!(assemble(&store, &twice), Err(AssembleError::PlatformTwice { .. })));
        let empty = PlatformImage { layers: Vec::new(), ..one.clone() };
        let error = assemble(
            &store,
            &image(vec![
                one.clone(),
                PlatformImage { platform: PlatformObject::new("linux", "arm64"), ..empty },
            ]),
        )
        .unwrap_err();
        assert!(
            matches!(&error, AssembleError::NoLayers { platform } if platform == "linux/arm64"),
            "{error}"
        );
        std::fs::remove_file(store.path(&one.layers[0].descriptor.digest)).unwrap();
        assert!(matches!(assemble(&store, &image(vec![one])), Err(AssembleError::LayerMissing { .. })));
    }
}
