//! The manifests about an image that follow it: signatures, attestations, SBOMs.

use crossdock_oci::{Digest, ImageSource, Repository, SourceReferrer};
use crossdock_registry::{About, AllAbout, Carried, Registry, TransferObserver, about, manifests_of};
use serde::Serialize;

use crate::error::Error;
use crate::subject::{Opened, failed};

/// A manifest about the image that was not copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeftBehind {
    /// Its digest.
    pub digest: Digest,
    /// The reason.
    pub why: String,
}

/// The manifests about an image that followed it, and those that did not.
#[derive(Debug, Default)]
pub(super) struct Followers {
    pub(super) referrers: Vec<Digest>,
    pub(super) left: Vec<LeftBehind>,
}

impl From<Carried> for Followers {
    fn from(carried: Carried) -> Self {
        Self { referrers: carried.referrers, left: left_behind(carried.left).collect() }
    }
}

/// Returns what is left behind, each with its reason.
pub(super) fn left_behind(
    left: impl IntoIterator<Item = (Digest, String)>,
) -> impl Iterator<Item = LeftBehind> {
    left.into_iter().map(|(digest, why)| LeftBehind { digest, why })
}

/// Returns what is about an open image, in its registry or its layout.
pub(super) fn about_opened(registry: &Registry, opened: &Opened<'_>) -> Result<AllAbout, Error> {
    let subjects = || manifests_of(opened.content(), &opened.image).map_err(failed);
    if let Some(repository) = opened.repository() {
        let subjects = subjects()?;
        let mut all = registry.all_about(repository, &subjects).map_err(failed)?;
        let tagged = std::mem::take(&mut all.tagged);
        all.beyond.extend(tagged.into_iter().map(|(tag, manifest)| {
            let why = format!("cosign finds it by the tag `{tag}`, which only a registry keeps");
            (manifest.descriptor.digest, why)
        }));
        return Ok(all);
    }
    let listed = opened.source().map(ImageSource::referrers).unwrap_or_default();
    if listed.is_empty() {
        return Ok(AllAbout::default());
    }
    let of = |listed: &SourceReferrer| About::new(listed.descriptor.clone(), listed.subject);
    Ok(about(&subjects()?, &listed.iter().map(of).collect::<Vec<_>>()))
}

/// Writes what is about an open image to a repository that has the image.
pub(super) fn carry(
    registry: &Registry,
    opened: &Opened<'_>,
    to: &Repository,
    observer: &dyn TransferObserver,
) -> Result<Followers, Error> {
    let carried = match opened.repository() {
        Some(from) if from.full_name() == to.full_name() => return Ok(Followers::default()),
        Some(from) => registry.copy_referrers_of(opened.content(), &opened.image, from, to, observer),
        None => {
            let all = about_opened(registry, opened)?;
            registry.carry(opened.content(), &all.found, to, &[], observer)
        }
    };
    carried.map(Followers::from).map_err(failed)
}
