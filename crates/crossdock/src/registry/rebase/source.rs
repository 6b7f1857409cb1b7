//! Reads the documents of an image and its bases, and copies their layers.

use std::collections::BTreeMap;

use crossdock_oci::{Descriptor, Digest, PlatformObject, RegistryReference, Repository, Tag, media_type};
use crossdock_platform::Platform;
use crossdock_registry::{ImageContent, Registry, Selector, platforms, read_config, read_document};
use crossdock_subjects::parse_platform;
use serde_json::Value;

use super::document::Parts;
use crate::error::{Error, ErrorKind};
use crate::subject::{Endpoint, Opened, failed};

/// An image with the documents of all its platforms.
pub(super) struct Image {
    /// The media type of its index, or of its manifest if it has no index.
    pub(super) media_type: String,
    pub(super) index: Option<Value>,
    pub(super) platforms: Vec<PlatformImage>,
    /// Manifests of the index that are about the image, such as attestations of BuildKit.
    pub(super) dropped: Vec<Descriptor>,
}

/// The image for one platform.
pub(super) struct PlatformImage {
    pub(super) platform: Platform,
    pub(super) digest: Digest,
    pub(super) parts: Parts,
}

impl Image {
    pub(super) fn read(opened: &Opened<'_>) -> Result<Self, Error> {
        let (content, image) = (opened.content(), &opened.image);
        let is_index = media_type::is_index(&image.media_type);
        let index = if is_index { Some(json(&opened.document(image)?)?) } else { None };
        let found = platforms(content, image).map_err(failed)?;
        let mut read = Vec::new();
        for entry in found {
            let platform = parse_platform(&entry.platform).ok_or_else(|| {
                let message = format!("{} is an unknown platform", entry.platform);
                Error::from_message(ErrorKind::Usage, message)
            })?;
            let parts = parts(content, &entry.descriptor)?;
            read.push(PlatformImage { platform, digest: entry.descriptor.digest, parts });
        }
        if read.is_empty() {
            return Err(Error::from_message(ErrorKind::InputOutput, "it has no image for any platform"));
        }
        let listed = index.iter().flat_map(|index| index["manifests"].as_array().into_iter().flatten());
        let listed = listed.filter_map(|entry| serde_json::from_value::<Descriptor>(entry.clone()).ok());
        let is_about = |entry: &Descriptor| entry.platform.as_ref().is_some_and(PlatformObject::is_unknown);
        let dropped = listed.filter(is_about).collect();
        Ok(Self { media_type: image.media_type.clone(), index, platforms: read, dropped })
    }

    /// Returns the base that the annotations name: by its digest, then by its tag.
    pub(super) fn annotated(&self) -> Vec<Endpoint> {
        let annotations = self.annotations();
        let name = annotations.get("org.opencontainers.image.base.name");
        let Some(named) = name.and_then(|name| name.parse::<RegistryReference>().ok()) else {
            return Vec::new();
        };
        let by_digest = self.annotated_digest().map(|digest| RegistryReference {
            tag: None,
            digest: Some(digest),
            ..named.clone()
        });
        let by_tag = named.tag.is_some().then_some(RegistryReference { digest: None, ..named });
        by_digest.into_iter().chain(by_tag).map(Endpoint::Registry).collect()
    }

    /// Returns the digest of the base that the annotations name.
    pub(super) fn annotated_digest(&self) -> Option<Digest> {
        self.annotations().get("org.opencontainers.image.base.digest")?.parse().ok()
    }

    /// Returns the annotations of the index, else of the first manifest.
    fn annotations(&self) -> BTreeMap<String, String> {
        let first = self.platforms.first().map(|platform| &platform.parts.manifest);
        let documents = first.into_iter().chain(&self.index);
        let annotations = documents.filter_map(|document| {
            serde_json::from_value::<BTreeMap<String, String>>(document["annotations"].clone()).ok()
        });
        annotations.flatten().collect()
    }
}

fn parts(content: &dyn ImageContent, manifest: &Descriptor) -> Result<Parts, Error> {
    let manifest = json(&read_document(content, manifest).map_err(failed)?)?;
    let config: Descriptor = serde_json::from_value(manifest["config"].clone()).map_err(|error| {
        Error::from_message(ErrorKind::InputOutput, format!("a manifest names no configuration: {error}"))
    })?;
    let config = json(&read_config(content, &config).map_err(failed)?)?;
    Ok(Parts { manifest, config })
}

fn json(bytes: &[u8]) -> Result<Value, Error> {
    let value: Result<Value, _> = serde_json::from_slice(bytes);
    match value {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => {
            Err(Error::from_message(ErrorKind::InputOutput, "a document of the image is not a JSON object"))
        }
        Err(error) => Err(Error::from_message(
            ErrorKind::InputOutput,
            format!("a document of the image is not JSON: {error}"),
        )),
    }
}

/// The number of tags of a repository among which an unnamed base is looked for.
const TAGS: usize = 100;

/// Returns the tag of the new base's repository whose image has the most of the first layers of another image.
pub(super) fn tagged_base(registry: &Registry, image: &Image, onto: &Endpoint) -> Option<Endpoint> {
    let Endpoint::Registry(RegistryReference { repository, .. }) = onto else { return None };
    let own = image.platforms.first()?;
    let mut best: Option<(usize, Tag)> = None;
    // Some registries list no tags: then nothing is found.
    for tag in registry.tags(repository).unwrap_or_default().iter().take(TAGS) {
        let Ok(tag) = tag.parse::<Tag>() else { continue };
        let layers = layers_of(registry, repository, &tag, own).unwrap_or(0);
        if layers > best.as_ref().map_or(0, |(most, _)| *most) {
            best = Some((layers, tag));
        }
    }
    let (_, tag) = best?;
    let repository = repository.clone();
    Some(Endpoint::Registry(RegistryReference { repository, tag: Some(tag), digest: None }))
}

/// Returns the number of layers of a tag's image if they are the first ones of another image; else 0.
fn layers_of(
    registry: &Registry,
    repository: &Repository,
    tag: &Tag,
    own: &PlatformImage,
) -> Result<usize, Error> {
    let found = registry.manifest(repository, &Selector::Tag(tag.clone())).map_err(failed)?;
    let content = crossdock_registry::Remote::new(registry, repository).map_err(failed)?;
    for entry in platforms(&content, &found.descriptor).map_err(failed)? {
        if parse_platform(&entry.platform).as_ref() == Some(&own.platform) {
            let base = parts(&content, &entry.descriptor)?;
            // Neither the image itself nor one that is built on it is its base.
            let layers = own.parts.layers_above(&base).unwrap_or(0);
            return Ok(if layers < own.parts.layers().len() { layers } else { 0 });
        }
    }
    Ok(0)
}
