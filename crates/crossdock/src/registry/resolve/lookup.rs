//! Digests that registries tell, each asked for once.

use std::collections::BTreeMap;

use crossdock_oci::{Descriptor, Digest, Document, Index, RegistryReference, Repository, media_type};
use crossdock_registry::{Manifest, Registry, Selector};

use crate::error::Error;
use crate::subject::failed;

/// The look-ups of a run, by the normalized name of the reference.
pub(super) struct LookUps<'a> {
    registry: &'a Registry,
    found: BTreeMap<String, Found>,
}

/// The index or manifest that a tag names.
struct Found {
    /// The normalized name of the repository.
    repository: String,
    digest: Digest,
    /// The entries of the index; empty for a manifest.
    entries: Vec<Descriptor>,
}

impl<'a> LookUps<'a> {
    pub(super) fn new(registry: &'a Registry) -> Self {
        Self { registry, found: BTreeMap::new() }
    }

    /// Returns the digest of the index or manifest that a tag names.
    pub(super) fn digest(&mut self, reference: &RegistryReference) -> Result<Digest, Error> {
        let name = reference.full_name();
        if let Some(found) = self.found.get(&name) {
            return Ok(found.digest);
        }
        let selector = Selector::from(reference);
        let Manifest { descriptor, bytes, .. } =
            self.registry.manifest(&reference.repository, &selector).map_err(failed)?;
        let index = media_type::is_index(&descriptor.media_type)
            .then(|| Document::<Index>::parse(bytes, "image index").ok())
            .flatten();
        let entries = index.map(|index| index.value.manifests).unwrap_or_default();
        let (repository, digest) = (reference.repository.full_name(), descriptor.digest);
        self.found.insert(name, Found { repository, digest, entries });
        Ok(digest)
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
