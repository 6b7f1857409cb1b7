//! Signatures, attestations and SBOMs that cosign before version 3 stores under tags, `sha256-<hex>.sig`, `.att` and `.sbom`,
//! instead of as referrers (cosign, specs/SIGNATURE_SPEC.md § Storage).

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crossdock_oci::{Digest, Repository, Tag};

use crate::auth::Scope;
use crate::carry::{Carried, carry_blobs};
use crate::client::Location;
use crate::copy::Remote;
use crate::error::RegistryError;
use crate::graph::Parts;
use crate::registry::{Manifest, Registry, Selector, absent_as_none};
use crate::transfer::{TransferObserver, for_each};
use crate::upload::Upload;

/// The ends of the tags.
const KINDS: [&str; 3] = ["sig", "att", "sbom"];

impl Registry {
    /// Returns the manifests that cosign stored about some manifests under tags of its own, with these tags. No request if all
    /// tags of the repository are known and none is of cosign.
    ///
    /// # Errors
    /// If the registry does not answer, or shows something else than a manifest.
    pub(crate) fn cosign_tags(
        &self,
        location: &Location,
        subjects: &BTreeSet<Digest>,
        tags: Option<&[String]>,
        scope: &Scope,
    ) -> Result<Vec<(Tag, Manifest)>, RegistryError> {
        let possible = subjects.iter().flat_map(|subject| {
            let stem = subject.to_string().replace(':', "-");
            KINDS.into_iter().filter_map(move |kind| format!("{stem}.{kind}").parse::<Tag>().ok())
        });
        let mut possible: Vec<Tag> = possible.collect();
        if let Some(tags) = tags {
            possible.retain(|tag| tags.iter().any(|listed| *listed == tag.to_string()));
        }
        let found = Mutex::new(Vec::new());
        for_each(possible, self.settings().jobs, |tag| {
            match absent_as_none(self.manifest_at(location, &Selector::Tag(tag.clone()), scope)) {
                Ok(None) => {}
                Err(error) if error.is_denied() => {}
                Ok(Some(manifest)) => {
                    found.lock().unwrap_or_else(PoisonError::into_inner).push((tag, manifest));
                }
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_by_key(|(tag, _)| tag.to_string());
        Ok(found)
    }

    /// Copies what cosign stored under tags to another repository, under the same tags. A tag that names
    /// something else there stays, since it may hold the signatures of others.
    pub(crate) fn carry_cosign_tags(
        &self,
        tagged: &[(Tag, Manifest)],
        from: &Repository,
        to: &Repository,
        observer: &dyn TransferObserver,
    ) -> Result<Carried, RegistryError> {
        let (source, location) = (Remote::new(self, from)?, Location::of(to)?);
        let scope = Scope::push(&location.path);
        let upload = Upload::new(self, &location, &scope, observer);
        let mut carried = Carried::default();
        for (tag, manifest) in tagged {
            let digest = manifest.descriptor.digest;
            match carry_tag(&upload, &source, tag, manifest, from) {
                Ok(()) => carried.referrers.push(digest),
                Err(RegistryError::Cancelled) => return Err(RegistryError::Cancelled),
                Err(error) => carried.left.push((digest, error.to_string())),
            }
        }
        Ok(carried)
    }
}

fn carry_tag(
    upload: &Upload<'_>,
    source: &Remote<'_>,
    tag: &Tag,
    manifest: &Manifest,
    from: &Repository,
) -> Result<(), RegistryError> {
    let Upload { registry, location, scope, .. } = upload;
    let (selector, Manifest { descriptor, bytes }) = (Selector::Tag(tag.clone()), manifest);
    match absent_as_none(registry.manifest_at(location, &selector, scope))? {
        Some(there) if there.descriptor.digest == descriptor.digest => return Ok(()),
        Some(there) => {
            let (host, tag, found) = (location.host.to_string(), tag.clone(), there.descriptor.digest);
            return Err(RegistryError::TagTaken { host, tag, found });
        }
        None => {}
    }
    carry_blobs(upload, source, Parts::of(descriptor, bytes)?.blobs, std::slice::from_ref(from))?;
    registry.put_manifest_at(location, &selector, &descriptor.media_type, bytes, scope).map(drop)
}
