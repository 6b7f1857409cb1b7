//! Looking up images, wherever they are.

use std::collections::{BTreeMap, BTreeSet};

use crossdock_oci::{
    Descriptor, Digest, Document, ImageConfig, ImageManifest, Index, PlatformObject, media_type,
};
use crossdock_registry::{Registry, manifests_of};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, input_output};
use crate::subject::{Endpoint, Opened, failed, open};

/// An image as a registry, a layout, an archive or an engine holds it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// `repository@digest` in a registry, else the place and the digest.
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
    /// The digest by which an engine or an archive that keeps no manifests knows it, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_digest: Option<Digest>,
    /// Its referrers: signatures, attestations, SBOMs.
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
    /// The manifest that a referrer is about, if it is not the image itself but the one for a platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Digest>,
}

/// The number of an index's entries that are looked up.
const ENTRIES: usize = 1000;
/// The number of indexes of an image that are followed.
const INDEXES: usize = 100;

/// Looks up an image with its platforms, and what is about it. No layer of an image in a registry is fetched.
///
/// # Errors
/// The image does not exist, cannot be fetched, or is damaged.
pub fn inspect(context: &Context, registry: &Registry, from: &Endpoint) -> Result<Inspection, Error> {
    context.unless_cancelled(|| {
        let opened = open(context, registry, from)?;
        let Descriptor { digest, size, media_type, .. } = opened.image.clone();
        let place = match from {
            Endpoint::Registry(reference) => reference.repository.to_string(),
            from => from.to_string(),
        };
        let mut inspection = Inspection {
            reference: format!("{place}@{digest}"),
            digest,
            media_type,
            size,
            annotations: BTreeMap::new(),
            platforms: Vec::new(),
            others: Vec::new(),
            source_digest: opened.original,
            referrers: Vec::new(),
        };
        inspection.add(registry, &opened, &opened.image, &mut BTreeSet::new())?;
        let mut subjects = manifests_of(opened.content(), &opened.image).map_err(failed)?;
        // The referrers of the image itself come first.
        subjects.remove(&digest);
        for subject in std::iter::once(digest).chain(subjects).take(ENTRIES) {
            let found = match (from, opened.source()) {
                (Endpoint::Registry(reference), _) => {
                    let referrers = registry.referrers(&reference.repository, &subject).map_err(failed)?;
                    referrers.into_iter().map(|found| entry(found.descriptor, found.artifact_type)).collect()
                }
                (_, Some(source)) => {
                    let about = source.referrers().iter().filter(|listed| listed.subject == subject);
                    let entries = about.map(|listed| stored_entry(&opened, &listed.descriptor));
                    entries.collect::<Result<Vec<_>, _>>()?
                }
                _ => Vec::new(),
            };
            let of = Some(subject).filter(|subject| *subject != digest);
            inspection
                .referrers
                .extend(found.into_iter().map(|found| InspectedEntry { subject: of, ..found }));
        }
        Ok(inspection)
    })
}

impl Inspection {
    /// Adds what an index or a manifest leads to. An index is followed once.
    fn add(
        &mut self,
        registry: &Registry,
        opened: &Opened<'_>,
        image: &Descriptor,
        seen: &mut BTreeSet<Digest>,
    ) -> Result<(), Error> {
        let is_outermost = seen.is_empty();
        if seen.len() >= INDEXES || !seen.insert(image.digest) {
            return Ok(());
        }
        let bytes = opened.document(image)?;
        if media_type::is_index(&image.media_type) {
            let index = Document::<Index>::parse(bytes, "image index").map_err(input_output)?.value;
            if is_outermost {
                self.annotations = index.annotations;
            }
            for listed in index.manifests.into_iter().take(ENTRIES) {
                if self.platforms.len() + self.others.len() >= ENTRIES {
                    return Ok(());
                }
                if media_type::is_index(&listed.media_type) {
                    self.add(registry, opened, &listed, seen)?;
                    continue;
                }
                let is_image = media_type::is_manifest(&listed.media_type)
                    && !listed.platform.as_ref().is_some_and(PlatformObject::is_unknown);
                // `docker save` of one platform keeps the whole index.
                let is_absent = opened
                    .source()
                    .is_some_and(|source| source.images().iter().any(|image| image.absent.contains(&listed)));
                if is_image && !is_absent {
                    let manifest = parse(opened.document(&listed)?)?;
                    self.platforms.push(platform(registry, opened, &listed, manifest)?);
                } else {
                    self.others.push(entry(listed, String::new()));
                }
            }
        } else if media_type::is_manifest(&image.media_type) {
            let manifest = parse(bytes)?;
            self.annotations.clone_from(&manifest.annotations);
            // An artifact has another configuration, and no platform.
            if matches!(manifest.config.media_type.as_str(), media_type::CONFIG | media_type::DOCKER_CONFIG) {
                self.platforms.push(platform(registry, opened, image, manifest)?);
            } else {
                self.others.extend(manifest.layers.into_iter().map(|layer| entry(layer, String::new())));
            }
        }
        Ok(())
    }
}

/// Returns the entry of a manifest in a layout, whose kind is in the manifest itself.
fn stored_entry(opened: &Opened<'_>, descriptor: &Descriptor) -> Result<InspectedEntry, Error> {
    let bytes = opened.document(descriptor)?;
    let kind = artifact_type(&bytes);
    let annotations = parse(bytes).map(|manifest| manifest.annotations)?;
    Ok(InspectedEntry { annotations, ..entry(descriptor.clone(), kind) })
}

/// Returns the kind of an artifact: its own, or that of its configuration (image-spec, manifest.md).
fn artifact_type(manifest: &[u8]) -> String {
    #[derive(Default, serde::Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Kinds {
        artifact_type: String,
        config: Config,
    }
    #[derive(Default, serde::Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Config {
        media_type: String,
    }
    let Kinds { artifact_type, config } = serde_json::from_slice(manifest).unwrap_or_default();
    if artifact_type.is_empty() { config.media_type } else { artifact_type }
}

fn parse(bytes: Vec<u8>) -> Result<ImageManifest, Error> {
    Ok(Document::<ImageManifest>::parse(bytes, "image manifest").map_err(input_output)?.value)
}

fn platform(
    registry: &Registry,
    opened: &Opened<'_>,
    listed: &Descriptor,
    manifest: ImageManifest,
) -> Result<InspectedPlatform, Error> {
    let bytes = opened.config(registry, &manifest.config)?;
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
    InspectedEntry { digest, kind, size, annotations, subject: None }
}
