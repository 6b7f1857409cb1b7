//! Digests that registries tell, each asked for once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use crossdock_kubernetes::NodePlatform;
use crossdock_oci::{
    Blob, Descriptor, Digest, Document, Index, PlatformObject, RegistryReference, Repository, media_type,
};
use crossdock_registry::{ImageContent, Manifest, Registry, RegistryError, Remote, Selector, platforms};

use crate::context::Context;
use crate::error::Error;
use crate::subject::failed;

/// The look-ups of a run, by the normalized name of the reference.
pub(super) struct LookUps<'a> {
    context: &'a Context,
    registry: &'a Registry,
    found: BTreeMap<String, Found>,
    /// The platforms of images, by `repository@digest`.
    platforms: BTreeMap<String, BTreeSet<NodePlatform>>,
    /// Remarks on digests that files have, by `repository@digest`.
    missing: BTreeMap<String, Option<String>>,
}

/// The index or manifest that a tag names.
struct Found {
    /// The normalized name of the repository.
    repository: String,
    digest: Digest,
    document: Manifest,
    /// The entries of the index; empty for a manifest.
    entries: Vec<Descriptor>,
}

impl Found {
    fn new(repository: &Repository, document: Manifest) -> Self {
        let index = media_type::is_index(&document.descriptor.media_type)
            .then(|| Document::<Index>::parse(document.bytes.clone(), "image index").ok())
            .flatten();
        let entries = index.map(|index| index.value.manifests).unwrap_or_default();
        Self { repository: repository.full_name(), digest: document.descriptor.digest, document, entries }
    }
}

impl<'a> LookUps<'a> {
    pub(super) fn new(context: &'a Context, registry: &'a Registry) -> Self {
        Self {
            context,
            registry,
            found: BTreeMap::new(),
            platforms: BTreeMap::new(),
            missing: BTreeMap::new(),
        }
    }

    /// Returns the digest of the index or manifest that a tag names.
    pub(super) fn digest(&mut self, reference: &RegistryReference) -> Result<Digest, Error> {
        let name = reference.full_name();
        if let Some(found) = self.found.get(&name) {
            return Ok(found.digest);
        }
        let selector = Selector::from(reference);
        self.context.check_online(reference)?;
        let document = self.registry.manifest(&reference.repository, &selector).map_err(failed)?;
        let digest = document.descriptor.digest;
        self.found.insert(name, Found::new(&reference.repository, document));
        Ok(digest)
    }

    /// Returns a sentence if the registry does not have a digest, or does not tell.
    pub(super) fn missing(&mut self, repository: &Repository, digest: Digest) -> Option<String> {
        let reference = RegistryReference { repository: repository.clone(), tag: None, digest: Some(digest) };
        let name = reference.full_name();
        if let Some(known) = self.missing.get(&name) {
            return known.clone();
        }
        let found = self.context.check_online(&reference).and_then(|()| {
            self.registry.find_manifest(repository, &Selector::Digest(digest)).map_err(failed)
        });
        let missing = match found {
            Ok(Some(document)) => {
                self.found.insert(name.clone(), Found::new(repository, document));
                None
            }
            Ok(None) => {
                Some("its registry does not have this digest, so that no node can pull it".to_owned())
            }
            Err(error) => Some(format!("its digest could not be looked up: {}", error.message())),
        };
        self.missing.insert(name, missing.clone());
        missing
    }

    /// Returns the platforms of an image with a digest, as nodes are labelled; empty if it names none, as an artifact.
    pub(super) fn platforms(
        &mut self,
        reference: &RegistryReference,
    ) -> Result<BTreeSet<NodePlatform>, Error> {
        let name = reference.full_name();
        if let Some(known) = self.platforms.get(&name) {
            return Ok(known.clone());
        }
        let repository = reference.repository.full_name();
        let known = self
            .found
            .values()
            .find(|found| found.repository == repository && reference.digest == Some(found.digest));
        let remote = Remote::new(self.registry, &reference.repository).map_err(failed)?;
        let fetched;
        let document = match known {
            Some(found) => &found.document,
            None => {
                self.context.check_online(reference)?;
                let selector = Selector::from(reference);
                fetched = self.registry.manifest(&reference.repository, &selector).map_err(failed)?;
                &fetched
            }
        };
        let content = Known { remote, document };
        let found = platforms(&content, &document.descriptor).map_err(failed)?;
        let found: BTreeSet<_> = found.into_iter().filter_map(|found| label(found.platform)).collect();
        self.platforms.insert(name, found.clone());
        Ok(found)
    }

    /// Returns the platform and the index of a manifest that an index of its repository, looked up before, lists.
    pub(super) fn child(&self, repository: &Repository, digest: &Digest) -> Option<(String, Digest)> {
        let repository = repository.full_name();
        self.found.values().filter(|found| found.repository == repository).find_map(|found| {
            let entry = found.entries.iter().find(|entry| entry.digest == *digest)?;
            let platform =
                entry.platform.as_ref().map_or_else(|| "one platform".to_owned(), ToString::to_string);
            Some((platform, found.digest))
        })
    }
}

/// Returns the platform as nodes are labelled; `None` if a label cannot have it as its value.
fn label(platform: PlatformObject) -> Option<NodePlatform> {
    let is_value = |text: &str| {
        let is_end = |c: char| c.is_ascii_alphanumeric();
        (1..=63).contains(&text.len())
            && text.starts_with(is_end)
            && text.ends_with(is_end)
            && text.chars().all(|c| is_end(c) || "-_.".contains(c))
    };
    let PlatformObject { os, architecture, .. } = platform;
    (is_value(&os) && is_value(&architecture)).then_some(NodePlatform { os, architecture })
}

/// The content of a repository, of which one document was read before.
struct Known<'a> {
    remote: Remote<'a>,
    document: &'a Manifest,
}

impl ImageContent for Known<'_> {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        match descriptor.digest == self.document.descriptor.digest {
            true => Ok(self.document.bytes.clone()),
            false => self.remote.document(descriptor),
        }
    }

    fn open(&self, blob: &Blob, at: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        self.remote.open(blob, at)
    }

    fn has(&self, blob: &Blob) -> bool {
        self.remote.has(blob)
    }
}
