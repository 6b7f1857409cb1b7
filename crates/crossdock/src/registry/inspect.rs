//! Looking up images.

use std::collections::BTreeMap;

use crossdock_oci::{
    Descriptor, Digest, Document, ImageConfig, ImageManifest, Index, PlatformObject, RegistryReference,
    Repository, media_type,
};
use crossdock_registry::{Manifest, Registry, Selector};
use serde::Serialize;

use super::failed;
use super::pull::selector;
use crate::context::Context;
use crate::error::{Error, input_output};

/// An image as a registry holds it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// `repository@digest`.
    pub reference: String,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// The length of its index or manifest, in bytes.
    pub size: u64,
    /// The annotations of its index or manifest.
    pub annotations: BTreeMap<String, String>,
    /// Its images for platforms, in the order of the index.
    pub platforms: Vec<InspectedPlatform>,
    /// The entries of its index that are not images: attestations and other artifacts.
    pub others: Vec<InspectedEntry>,
    /// Its referrers in the registry: signatures, attestations, SBOMs.
    pub referrers: Vec<InspectedEntry>,
}

/// The image for one platform.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct InspectedPlatform {
    /// The platform according to the index, or, if that has none, according to the configuration.
    pub platform: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The bytes that a node pulls: layers and configuration.
    pub size: u64,
    /// Its layers, lowest first.
    pub layers: Vec<InspectedEntry>,
    /// Its configuration.
    pub config: ImageConfig,
}

/// A descriptor in an index, a manifest or a list of referrers.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct InspectedEntry {
    /// The digest.
    pub digest: Digest,
    /// The kind of an artifact, else the media type.
    pub kind: String,
    /// The length in bytes.
    pub size: u64,
    /// The annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The number of an index's entries that are looked up.
const ENTRIES: usize = 1000;

/// Looks up an image with its platforms, and what is about it. No layer is fetched.
///
/// # Errors
/// The image does not exist, cannot be fetched, or is damaged.
pub fn inspect(
    context: &Context,
    registry: &Registry,
    reference: &RegistryReference,
) -> Result<Inspection, Error> {
    context.unless_cancelled(|| {
        let repository = &reference.repository;
        let found = registry.manifest(repository, &selector(reference)?).map_err(failed)?;
        let Descriptor { digest, size, media_type, .. } = found.descriptor.clone();
        let mut inspection = Inspection {
            reference: format!("{repository}@{digest}"),
            digest,
            media_type,
            size,
            annotations: BTreeMap::new(),
            platforms: Vec::new(),
            others: Vec::new(),
            referrers: Vec::new(),
        };
        inspection.add(registry, repository, found)?;
        let referrers = registry.referrers(repository, &digest).map_err(failed)?;
        inspection.referrers =
            referrers.into_iter().map(|found| entry(found.descriptor, found.artifact_type)).collect();
        Ok(inspection)
    })
}

impl Inspection {
    /// Adds what an index or a manifest leads to.
    fn add(&mut self, registry: &Registry, repository: &Repository, found: Manifest) -> Result<(), Error> {
        if media_type::is_index(&found.descriptor.media_type) {
            let index = Document::<Index>::parse(found.bytes, "image index").map_err(input_output)?.value;
            self.annotations = index.annotations;
            for listed in index.manifests.into_iter().take(ENTRIES) {
                let is_image = media_type::is_manifest(&listed.media_type)
                    && !listed.platform.as_ref().is_some_and(PlatformObject::is_unknown);
                if is_image {
                    let selector = Selector::Digest(listed.digest);
                    let manifest = registry.manifest(repository, &selector).map_err(failed)?;
                    let manifest = parse(manifest.bytes)?;
                    self.platforms.push(platform(registry, repository, &listed, manifest)?);
                } else {
                    self.others.push(entry(listed, String::new()));
                }
            }
        } else if media_type::is_manifest(&found.descriptor.media_type) {
            let manifest = parse(found.bytes)?;
            self.annotations.clone_from(&manifest.annotations);
            // An artifact has another configuration, and no platform.
            if matches!(manifest.config.media_type.as_str(), media_type::CONFIG | media_type::DOCKER_CONFIG) {
                self.platforms.push(platform(registry, repository, &found.descriptor, manifest)?);
            } else {
                self.others.extend(manifest.layers.into_iter().map(|layer| entry(layer, String::new())));
            }
        }
        Ok(())
    }
}

fn parse(bytes: Vec<u8>) -> Result<ImageManifest, Error> {
    Ok(Document::<ImageManifest>::parse(bytes, "image manifest").map_err(input_output)?.value)
}

fn platform(
    registry: &Registry,
    repository: &Repository,
    listed: &Descriptor,
    manifest: ImageManifest,
) -> Result<InspectedPlatform, Error> {
    let bytes = registry.document(repository, &manifest.config.blob()).map_err(failed)?;
    let config = Document::<ImageConfig>::parse(bytes, "image configuration").map_err(input_output)?.value;
    let named = listed.platform.as_ref().filter(|platform| !platform.is_empty());
    let layers = manifest.layers.iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.size));
    Ok(InspectedPlatform {
        platform: named.unwrap_or(&config.platform).to_string(),
        digest: listed.digest,
        size: layers.saturating_add(manifest.config.size),
        layers: manifest.layers.into_iter().map(|layer| entry(layer, String::new())).collect(),
        config,
    })
}

fn entry(descriptor: Descriptor, artifact_type: String) -> InspectedEntry {
    let Descriptor { media_type, digest, size, annotations, .. } = descriptor;
    let kind = if artifact_type.is_empty() { media_type } else { artifact_type };
    InspectedEntry { digest, kind, size, annotations }
}
