use std::collections::{BTreeMap, BTreeSet};

use crossdock_fs::FileError;

use super::blob::{BlobError, BlobStore};
use crate::layer::Layer;
use crate::model::{
    Descriptor, Digest, Document, ImageConfig, ImageManifest, Index, PlatformObject, RootFs, RuntimeConfig,
    Timestamp, media_type,
};

/// An image for one or more platforms, before it has manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// When it was made: the date of its sources, not of the clock.
    pub created: Timestamp,
    /// Facts for the index and each manifest, with the keys of image-spec, annotations.md.
    pub annotations: BTreeMap<String, String>,
    /// The platforms, in any order.
    pub platforms: Vec<PlatformImage>,
}

/// What an image is on one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformImage {
    /// Where it runs.
    pub platform: PlatformObject,
    /// How it starts.
    pub config: RuntimeConfig,
    /// What it holds, lowest first; the blobs are in the store already.
    pub layers: Vec<Layer>,
}

/// An image that is in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembled {
    /// The index: the image's identity.
    pub index: Descriptor,
    /// The manifests under it, in the index's order.
    pub manifests: Vec<PlatformManifest>,
}

/// One platform's manifest in an assembled image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformManifest {
    /// Where it runs.
    pub platform: PlatformObject,
    /// The manifest.
    pub manifest: Descriptor,
    /// Its configuration.
    pub config: Descriptor,
}

/// Writes configurations, manifests and the index of an image into `store`; always an index, also for one
/// platform. Platforms are sorted, so that the digest does not depend on the order in which they were given.
///
/// There is no history: an image's layers have none to tell, and engines accept its absence.
///
/// # Errors
/// When there is no platform, or one twice; when a layer's blob is not in the store; when the store cannot be
/// written.
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
    let index = Document::new(Index::new(entries, image.annotations.clone()));
    let index = Descriptor::new(media_type::INDEX, store.put(&index.raw)?);
    Ok(Assembled { index, manifests })
}

/// Plain platforms come before their variants: some tools take the first entry that fits.
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
    let config = Document::new(ImageConfig {
        created: Some(image.created.to_string()),
        platform: entry.platform.clone(),
        config: entry.config.clone(),
        rootfs: RootFs::new(entry.layers.iter().map(|layer| layer.diff_id).collect()),
        history: Vec::new(),
    });
    let config = Descriptor::new(media_type::CONFIG, store.put(&config.raw)?);
    let layers = entry.layers.iter().map(|layer| layer.descriptor.clone()).collect();
    let manifest = Document::new(ImageManifest::new(config.clone(), layers, image.annotations.clone()));
    let mut manifest = Descriptor::new(media_type::MANIFEST, store.put(&manifest.raw)?);
    manifest.platform = Some(entry.platform.clone());
    Ok(PlatformManifest { platform: entry.platform.clone(), manifest, config })
}

/// An image that cannot be assembled.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// Nothing to assemble.
    #[error("an image needs at least one platform")]
    NoPlatform,
    /// Two entries of one index for the same platform.
    #[error("the image has platform {platform} twice; a node could start either")]
    PlatformTwice {
        /// The platform.
        platform: String,
    },
    /// A layer that was not written into this store.
    #[error("layer {digest} of {platform} is not in the store; write it there before assembling")]
    LayerMissing {
        /// Whose layer.
        platform: String,
        /// Its blob.
        digest: Digest,
    },
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
        }
    }

    fn store() -> (tempfile::TempDir, BlobStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = BlobStore::create(folder.path()).unwrap();
        (folder, store)
    }

    fn image(platforms: Vec<PlatformImage>) -> Image {
        let annotations = [("org.opencontainers.image.version".to_owned(), "1.0".to_owned())].into();
        Image { created: Timestamp::EPOCH, annotations, platforms }
    }

    #[test]
    fn index_leads_to_everything() {
        let (_folder, store) = store();
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
    fn order_of_platforms_does_not_matter() {
        let (_folder, store) = store();
        let (one, two) = (platform_image(&store, "arm64"), platform_image(&store, "amd64"));
        let first = assemble(&store, &image(vec![one.clone(), two.clone()])).unwrap();
        assert_eq!(assemble(&store, &image(vec![two, one])).unwrap(), first);
    }

    #[test]
    fn refuses_what_cannot_be() {
        let (_folder, store) = store();
        let one = platform_image(&store, "amd64");
        assert!(matches!(assemble(&store, &image(vec![])), Err(AssembleError::NoPlatform)));
        let twice = image(vec![one.clone(), one.clone()]);
        assert!(matches!(assemble(&store, &twice), Err(AssembleError::PlatformTwice { .. })));
        std::fs::remove_file(store.path(&one.layers[0].descriptor.digest)).unwrap();
        assert!(matches!(assemble(&store, &image(vec![one])), Err(AssembleError::LayerMissing { .. })));
    }
}
