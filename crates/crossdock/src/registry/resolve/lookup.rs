//! Digests that registries tell, each asked for once.

use std::collections::BTreeMap;

use crossdock_oci::{Digest, Document, Index, RegistryReference, Repository, media_type};
use crossdock_registry::{Manifest, Registry, Selector};

use crate::error::Error;
use crate::subject::failed;

/// The manifests that were looked up, by the normalized name of their reference.
pub(super) struct LookUps<'a> {
    registry: &'a Registry,
    found: BTreeMap<String, (String, Manifest)>,
}

impl<'a> LookUps<'a> {
    pub(super) fn new(registry: &'a Registry) -> Self {
        Self { registry, found: BTreeMap::new() }
    }

    /// Returns the digest of the index or manifest that a tag names.
    pub(super) fn digest(&mut self, reference: &RegistryReference) -> Result<Digest, Error> {
        let name = reference.full_name();
        if let Some((_, manifest)) = self.found.get(&name) {
            return Ok(manifest.descriptor.digest);
        }
        let selector = Selector::from(reference);
        let manifest = self.registry.manifest(&reference.repository, &selector).map_err(failed)?;
        let digest = manifest.descriptor.digest;
        self.found.insert(name, (reference.repository.full_name(), manifest));
        Ok(digest)
    }

    /// Returns the platform and the index of a manifest that an index of its repository, looked up before, lists.
    pub(super) fn child(&self, repository: &Repository, digest: &Digest) -> Option<(String, Digest)> {
        let repository = repository.full_name();
        self.found.values().filter(|(of, _)| *of == repository).find_map(|(_, manifest)| {
            if !media_type::is_index(&manifest.descriptor.media_type) {
                return None;
            }
            let index = Document::<Index>::parse(manifest.bytes.clone(), "image index").ok()?.value;
            let entry = index.manifests.iter().find(|entry| entry.digest == *digest)?;
            let platform =
                entry.platform.as_ref().map_or_else(|| "one platform".to_owned(), ToString::to_string);
            Some((platform, manifest.descriptor.digest))
        })
    }
}
