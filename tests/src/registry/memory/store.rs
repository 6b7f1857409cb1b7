use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha512};

/// A digest in OCI notation.
pub type Digest = String;

/// Returns the digest of bytes with the algorithm of another digest; `None` if the algorithm is unknown.
pub(super) fn digest_like(wanted: &str, bytes: &[u8]) -> Option<Digest> {
    let hex = |hash: &[u8]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match wanted.split_once(':')?.0 {
        "sha256" => Some(format!("sha256:{}", hex(&Sha256::digest(bytes)))),
        "sha512" => Some(format!("sha512:{}", hex(&Sha512::digest(bytes)))),
        _ => None,
    }
}

/// A manifest or index as it was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The media type of the request.
    pub media_type: String,
    /// The bytes.
    pub bytes: Arc<Vec<u8>>,
}

impl Manifest {
    /// Returns the document.
    pub fn document(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("only JSON is accepted")
    }

    /// Returns the digests of the manifests that it names, its subject excepted.
    pub fn children(&self) -> Vec<Digest> {
        let document = self.document();
        digests(document["manifests"].as_array().into_iter().flatten())
    }

    /// Returns the digests of the blobs that it names. Layers with URLs are elsewhere.
    pub fn blobs(&self) -> Vec<Digest> {
        let document = self.document();
        let layers = ["layers", "blobs"].into_iter().flat_map(|key| document[key].as_array()).flatten();
        let here = layers.filter(|layer| layer["urls"].as_array().is_none_or(Vec::is_empty));
        digests(here.chain([&document["config"]]))
    }
}

fn digests<'v>(descriptors: impl Iterator<Item = &'v Value>) -> Vec<Digest> {
    descriptors.filter_map(|descriptor| descriptor["digest"].as_str().map(str::to_owned)).collect()
}

/// A repository.
#[derive(Debug, Default)]
pub(super) struct Repository {
    pub(super) blobs: BTreeMap<Digest, Arc<Vec<u8>>>,
    pub(super) manifests: BTreeMap<Digest, Manifest>,
    pub(super) tags: BTreeMap<String, Digest>,
    pub(super) uploads: BTreeMap<String, Upload>,
}

/// An upload that has begun.
#[derive(Debug, Default)]
pub(super) struct Upload {
    pub(super) bytes: Vec<u8>,
    pub(super) chunks: usize,
}

impl Repository {
    /// Returns what a manifest names, directly or not, and the repository lacks.
    pub(super) fn missing(&self, manifest: &Manifest) -> Vec<Digest> {
        let (mut missing, mut seen) = (Vec::new(), BTreeSet::new());
        let mut left = vec![manifest.clone()];
        while let Some(manifest) = left.pop() {
            missing.extend(manifest.blobs().into_iter().filter(|digest| !self.blobs.contains_key(digest)));
            for child in manifest.children() {
                match self.manifests.get(&child) {
                    Some(found) if seen.insert(child.clone()) => left.push(found.clone()),
                    Some(_) => {}
                    None => missing.push(child),
                }
            }
        }
        missing
    }
}

/// All repositories.
#[derive(Debug, Default)]
pub(super) struct Store {
    repositories: BTreeMap<String, Repository>,
    uploads: usize,
    pub(super) accepted_manifests: Vec<Instant>,
}

impl Store {
    pub(super) fn create(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }

    pub(super) fn repository(&self, name: &str) -> Option<&Repository> {
        self.repositories.get(name)
    }

    pub(super) fn repository_mut(&mut self, name: &str) -> Option<&mut Repository> {
        self.repositories.get_mut(name)
    }

    /// Returns an id that no upload had before.
    pub(super) fn upload_id(&mut self) -> String {
        self.uploads += 1;
        format!("upload-{}", self.uploads)
    }

    pub(super) fn remove(&mut self, name: &str, digest: &str) -> bool {
        let Some(repository) = self.repositories.get_mut(name) else { return false };
        let (manifest, blob) = (repository.manifests.remove(digest), repository.blobs.remove(digest));
        let tag = repository.tags.remove(digest);
        manifest.is_some() || blob.is_some() || tag.is_some()
    }

    /// Returns one line for each tag that names something that is not all there.
    pub(super) fn broken_tags(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (name, repository) in &self.repositories {
            for (tag, digest) in &repository.tags {
                let missing = match repository.manifests.get(digest) {
                    Some(manifest) => repository.missing(manifest),
                    None => vec![digest.clone()],
                };
                if !missing.is_empty() {
                    broken.push(format!("{name}:{tag} names {digest}, which lacks {}", missing.join(", ")));
                }
            }
        }
        broken
    }
}
