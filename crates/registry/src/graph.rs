//! The documents and blobs of an image.

use std::collections::BTreeSet;

use crossdock_oci::{Descriptor, Digest, Document, ImageManifest, Index, media_type};

use crate::error::RegistryError;

/// The depth of nested indexes; real images have two.
const MAX_DEPTH: usize = 8;
/// The number of manifests and indexes of one image.
const MAX_DOCUMENTS: usize = 4000;
/// The size of the manifests and indexes of one image together, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// A manifest or an index of an image.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) descriptor: Descriptor,
    pub(crate) bytes: Vec<u8>,
    /// The manifests and indexes that it lists.
    pub(crate) children: Vec<Digest>,
    /// The blobs that it lists.
    pub(crate) blobs: Vec<Descriptor>,
    /// The manifest that it is about.
    pub(crate) subject: Option<Descriptor>,
    /// The number of indexes below it, of which 0 is a manifest's.
    pub(crate) height: usize,
}

/// The manifests and indexes of an image, each after those that it lists. The last one is the image itself.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    /// By digest and kind: an index may list a manifest also as something that leads nowhere.
    seen: BTreeSet<(Digest, Kind)>,
    bytes: u64,
}

/// The kind of a document, of which its descriptor decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Index,
    Manifest,
    Other,
}

impl Kind {
    fn of(descriptor: &Descriptor) -> Self {
        if media_type::is_index(&descriptor.media_type) {
            Self::Index
        } else if media_type::is_manifest(&descriptor.media_type) {
            Self::Manifest
        } else {
            Self::Other
        }
    }
}

impl Graph {
    /// Reads the documents of an image, each once.
    pub(crate) fn read(
        root: &Descriptor,
        read: &mut dyn FnMut(&Descriptor) -> Result<Vec<u8>, RegistryError>,
    ) -> Result<Self, RegistryError> {
        let mut graph = Self::default();
        graph.add(root, 0, read)?;
        Ok(graph)
    }

    fn add(
        &mut self,
        descriptor: &Descriptor,
        depth: usize,
        read: &mut dyn FnMut(&Descriptor) -> Result<Vec<u8>, RegistryError>,
    ) -> Result<usize, RegistryError> {
        let digest = descriptor.digest;
        let key = (digest, Kind::of(descriptor));
        if !self.seen.insert(key) {
            let known =
                self.nodes.iter().find(|node| (node.descriptor.digest, Kind::of(&node.descriptor)) == key);
            return Ok(known.map_or(0, |node| node.height));
        }
        let excessive = |problem| Err(RegistryError::Excessive { host: None, digest, problem });
        if depth > MAX_DEPTH {
            return excessive(format!("nests indexes more than {MAX_DEPTH} deep"));
        }
        let bytes = read(descriptor)?;
        self.bytes += bytes.len() as u64;
        if self.seen.len() > MAX_DOCUMENTS || self.bytes > MAX_BYTES {
            return excessive(format!(
                "has more than {MAX_DOCUMENTS} manifests or {MAX_BYTES} bytes of them"
            ));
        }
        let Parts { manifests, blobs, subject } = Parts::of(descriptor, &bytes)?;
        let mut height = 0;
        for child in &manifests {
            height = height.max(self.add(child, depth + 1, read)? + 1);
        }
        let children = manifests.iter().map(|child| child.digest).collect();
        self.nodes.push(Node { descriptor: descriptor.clone(), bytes, children, blobs, subject, height });
        Ok(height)
    }

    /// Returns the image itself.
    pub(crate) fn root(&self) -> Option<&Node> {
        self.nodes.last()
    }

    /// Returns the blobs of some nodes, each once.
    pub(crate) fn blobs<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Vec<Descriptor> {
        let mut seen = BTreeSet::new();
        let blobs = nodes.into_iter().flat_map(|node| &node.blobs);
        blobs.filter(|blob| seen.insert(blob.digest)).cloned().collect()
    }
}

/// The parts of a document that lead to others.
pub(crate) struct Parts {
    pub(crate) manifests: Vec<Descriptor>,
    pub(crate) blobs: Vec<Descriptor>,
    pub(crate) subject: Option<Descriptor>,
}

impl Parts {
    pub(crate) fn of(descriptor: &Descriptor, bytes: &[u8]) -> Result<Self, RegistryError> {
        #[derive(serde::Deserialize)]
        struct Subject {
            #[serde(default)]
            subject: Option<Descriptor>,
        }
        let broken = |source| RegistryError::Document { host: None, digest: descriptor.digest, source };
        let subject = || serde_json::from_slice::<Subject>(bytes).ok().and_then(|found| found.subject);
        if media_type::is_index(&descriptor.media_type) {
            let index = Document::<Index>::parse(bytes.to_vec(), "image index").map_err(broken)?.value;
            return Ok(Self { manifests: index.manifests, blobs: Vec::new(), subject: subject() });
        }
        if media_type::is_manifest(&descriptor.media_type) {
            let manifest =
                Document::<ImageManifest>::parse(bytes.to_vec(), "image manifest").map_err(broken)?.value;
            let mut blobs = vec![manifest.config];
            blobs.extend(manifest.layers);
            return Ok(Self { manifests: Vec::new(), blobs, subject: subject() });
        }
        // A document of a kind that is not known leads to nothing that could be moved.
        Ok(Self { manifests: Vec::new(), blobs: Vec::new(), subject: None })
    }
}

/// Returns whether registries do not store a layer, which nodes fetch from an address in its descriptor (image-spec,
/// layer.md § Non-Distributable Layers).
pub(crate) fn is_foreign(blob: &Descriptor) -> bool {
    blob.media_type.contains("nondistributable") || blob.media_type.contains(".foreign.")
}

/// Returns the total length of blobs.
pub(crate) fn total(blobs: &[Descriptor]) -> u64 {
    blobs.iter().fold(0, |sum: u64, blob| sum.saturating_add(blob.size))
}
