//! Tags of manifests that a repository has.

use crossdock_oci::{Digest, Repository, Tag};

use crate::auth::Scope;
use crate::client::Location;
use crate::error::RegistryError;
use crate::registry::{Manifest, Registry, Selector, absent_as_none};

impl Registry {
    /// Points a tag at a manifest or an index, byte for byte, whose content the repository has. Success if the registry
    /// refuses it because an immutable tag names it already.
    ///
    /// # Errors
    /// If the registry refuses the tag, or does not find what the manifest lists.
    pub fn put_tag(
        &self,
        repository: &Repository,
        manifest: &Manifest,
        tag: &Tag,
    ) -> Result<(), RegistryError> {
        let location = Location::of(repository)?;
        let (scope, selector) = (Scope::push(&location.path), Selector::Tag(tag.clone()));
        let Manifest { descriptor, bytes } = manifest;
        match self.put_manifest_at(&location, &selector, &descriptor.media_type, bytes, &scope) {
            Ok(_) => Ok(()),
            Err(error) => self.unless_named(&location, tag, &descriptor.digest, &scope, error),
        }
    }

    /// Returns an error of writing a tag, unless it is a refusal and the tag names the image, as an immutable tag may.
    pub(crate) fn unless_named(
        &self,
        location: &Location,
        tag: &Tag,
        digest: &Digest,
        scope: &Scope,
        error: RegistryError,
    ) -> Result<(), RegistryError> {
        if !error.status().is_some_and(|status| (400..500).contains(&status)) {
            return Err(error);
        }
        let named = self.manifest_at(location, &Selector::Tag(tag.clone()), scope);
        match absent_as_none(named) {
            Ok(Some(named)) if digest.is_of(&named.bytes) => Ok(()),
            Ok(Some(named)) => Err(error.for_taken_tag(tag, &named.descriptor.digest)),
            _ => Err(error),
        }
    }
}
