//! The images for single platforms that an image has, wherever it is.

use std::collections::BTreeSet;

use crossdock_oci::{
    BlobStore, Descriptor, Digest, Document, ImageConfig, ImageManifest, PlatformObject, media_type,
};

use crate::content::{ImageContent, read_config, read_document};
use crate::copy::{copy_graph, copy_into};
use crate::error::RegistryError;
use crate::graph::{Graph, Parts};
use crate::transfer::TransferObserver;

/// The image for one platform in an index, or an image without an index.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlatformManifest {
    /// The descriptor of its manifest, as the index has it.
    pub descriptor: Descriptor,
    /// Its platform according to the index, or, if that has none, according to the configuration.
    pub platform: PlatformObject,
}

/// The number of manifests of an image that are looked at.
const MOST: usize = 1000;
/// The number of indexes of an image that are followed.
const MAX_INDEXES: usize = 100;

/// Returns the images for platforms in an image, in the order of its index. Attestations and other artifacts are left out.
/// Only indexes are read, and configurations where an index names no platform.
///
/// # Errors
/// If a document cannot be read or has another digest.
pub fn platforms(
    content: &dyn ImageContent,
    image: &Descriptor,
) -> Result<Vec<PlatformManifest>, RegistryError> {
    let mut found = Vec::new();
    add(content, image, &mut BTreeSet::new(), &mut found)?;
    Ok(found)
}

fn add(
    content: &dyn ImageContent,
    listed: &Descriptor,
    seen: &mut BTreeSet<Digest>,
    found: &mut Vec<PlatformManifest>,
) -> Result<(), RegistryError> {
    if listed.platform.as_ref().is_some_and(PlatformObject::is_unknown) || found.len() >= MOST {
        return Ok(());
    }
    if media_type::is_index(&listed.media_type) {
        // An index is followed once: a few small indexes that list one another many times would otherwise expand to an
        // endless list.
        if seen.len() >= MAX_INDEXES || !seen.insert(listed.digest) {
            return Ok(());
        }
        let bytes = read_document(content, listed)?;
        let children = Parts::of(listed, &bytes)?.manifests;
        return children.iter().take(MOST).try_for_each(|child| add(content, child, seen, found));
    }
    if !media_type::is_manifest(&listed.media_type) {
        return Ok(());
    }
    if let Some(platform) = listed.platform.clone().filter(|platform| !platform.is_empty()) {
        found.push(PlatformManifest { descriptor: listed.clone(), platform });
    } else if let Some(platform) = configured_platform(content, listed)? {
        found.push(PlatformManifest { descriptor: listed.clone(), platform });
    }
    Ok(())
}

/// Returns the platform that the configuration of a manifest names; `None` for an artifact.
fn configured_platform(
    content: &dyn ImageContent,
    listed: &Descriptor,
) -> Result<Option<PlatformObject>, RegistryError> {
    let broken = |source| RegistryError::Document { host: None, digest: listed.digest, source };
    let bytes = read_document(content, listed)?;
    let manifest = Document::<ImageManifest>::parse(bytes, "image manifest").map_err(broken)?.value;
    let config = manifest.config;
    if !matches!(config.media_type.as_str(), media_type::CONFIG | media_type::DOCKER_CONFIG) {
        return Ok(None);
    }
    let bytes = read_config(content, &config)?;
    let config = Document::<ImageConfig>::parse(bytes, "image configuration").map_err(broken)?;
    Ok(Some(config.value.platform))
}

/// Copies an image into a store of blobs, but the layers only of its manifests in `needed`: everything that is needed to
/// tell its platforms, and to read the files of some of them.
///
/// # Errors
/// If something cannot be read, has another digest, or cannot be written.
pub fn copy_needed_into(
    store: &BlobStore,
    content: &dyn ImageContent,
    image: &Descriptor,
    needed: &BTreeSet<Digest>,
    jobs: usize,
    observer: &dyn TransferObserver,
) -> Result<(), RegistryError> {
    let graph = Graph::read(image, &mut |descriptor| read_document(content, descriptor))?;
    let (mut blobs, mut seen) = (Vec::new(), BTreeSet::new());
    for node in &graph.nodes {
        // The configuration is the first one.
        let count = if needed.contains(&node.descriptor.digest) { node.blobs.len() } else { 1 };
        let taken = node.blobs.iter().take(count).filter(|blob| seen.insert(blob.digest));
        blobs.extend(taken.cloned());
    }
    blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
    copy_graph(store, content, &graph.nodes, blobs, jobs, observer)
}

/// Copies the part of an image that one platform needs into a store of blobs: its index as it is, so that it keeps its
/// digest, and of its manifests only `manifest`, with its blobs.
///
/// # Errors
/// If something cannot be read, has another digest, or cannot be written.
pub fn copy_platform_into(
    store: &BlobStore,
    content: &dyn ImageContent,
    image: &Descriptor,
    manifest: &Descriptor,
    jobs: usize,
    observer: &dyn TransferObserver,
) -> Result<(), RegistryError> {
    copy_into(store, content, manifest, jobs, observer)?;
    if image.digest != manifest.digest {
        let graph = Graph::read(image, &mut |descriptor| read_document(content, descriptor))?;
        let indexes = graph.nodes.iter().filter(|node| media_type::is_index(&node.descriptor.media_type));
        for index in indexes {
            store.put_as(index.descriptor.digest.algorithm(), &index.bytes)?;
        }
    }
    Ok(())
}
