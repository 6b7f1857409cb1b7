//! Manifests about an image, carried between registries and layouts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crossdock_oci::{Descriptor, Digest, Repository, Tag};

use crate::auth::Scope;
use crate::client::Location;
use crate::content::{ImageContent, read_document};
use crate::copy::Remote;
use crate::error::RegistryError;
use crate::graph::{Graph, Parts};
use crate::referrers::{Lists, Referrer};
use crate::registry::{Manifest, Registry, Selector};
use crate::transfer::{TransferEvent, TransferObserver, for_each};
use crate::upload::{Check, Upload};

/// The manifests that were copied although the image does not list them, and those that were not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Carried {
    /// Signatures, attestations and the like that were copied with the image.
    pub referrers: Vec<Digest>,
    /// Those that were left behind, with the reason.
    pub left: Vec<(Digest, String)>,
}

/// A manifest about another one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// The digest of the manifest that it is about.
    pub subject: Digest,
}

impl About {
    /// Returns a manifest about `subject`.
    pub fn new(descriptor: Descriptor, subject: Digest) -> Self {
        Self { descriptor, subject }
    }
}

/// The manifests about an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AllAbout {
    /// Each after what it is about.
    pub found: Vec<About>,
    /// Those beyond the limit, with the reason.
    pub beyond: Vec<(Digest, String)>,
    /// Those that cosign before version 3 stored under tags, with these.
    pub tagged: Vec<(Tag, Manifest)>,
}

impl AllAbout {
    /// Returns whether nothing is about the image.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.beyond.is_empty() && self.tagged.is_empty()
    }
}

/// The number of manifests that are carried with an image.
const MOST: usize = 4000;

/// Returns the digests of an image and of all manifests that it lists.
///
/// # Errors
/// If a manifest cannot be read or has another digest.
pub fn manifests_of(
    content: &dyn ImageContent,
    image: &Descriptor,
) -> Result<BTreeSet<Digest>, RegistryError> {
    let graph = Graph::read(image, &mut |descriptor| read_document(content, descriptor))?;
    Ok(graph.nodes.iter().map(|node| node.descriptor.digest).collect())
}

/// Returns those of `listed` that are about one of `subjects`, or about such a manifest.
pub fn about(subjects: &BTreeSet<Digest>, listed: &[About]) -> AllAbout {
    let mut of_subject: BTreeMap<Digest, Vec<&About>> = BTreeMap::new();
    listed.iter().for_each(|about| of_subject.entry(about.subject).or_default().push(about));
    let (mut queue, mut seen): (Vec<Digest>, _) = (subjects.iter().copied().collect(), subjects.clone());
    let mut found = Vec::new();
    while let Some(subject) = queue.pop() {
        for about in of_subject.remove(&subject).into_iter().flatten() {
            if seen.insert(about.descriptor.digest) {
                queue.push(about.descriptor.digest);
                found.push(about.clone());
            }
        }
    }
    AllAbout { found, ..AllAbout::default() }
}

impl Registry {
    /// Copies what is about an image, and about the manifests that it lists, from one repository to another: signatures,
    /// attestations, SBOMs, also those that cosign stores under tags. What cannot be copied is returned with its reason.
    ///
    /// # Errors
    /// If the lists cannot be read.
    pub fn copy_referrers(
        &self,
        image: &Digest,
        from: &Repository,
        to: &Repository,
        observer: &dyn TransferObserver,
    ) -> Result<Carried, RegistryError> {
        let source = Remote::new(self, from)?;
        let root = self.manifest(from, &Selector::Digest(*image))?;
        self.copy_referrers_of(&source, &root.descriptor, from, to, observer)
    }

    /// Copies what is about an image as [`copy_referrers`](Self::copy_referrers) does, for an image whose manifests can be
    /// read elsewhere, such as in a layout that it was pulled into.
    ///
    /// # Errors
    /// If the manifests or the lists cannot be read.
    pub fn copy_referrers_of(
        &self,
        content: &dyn ImageContent,
        image: &Descriptor,
        from: &Repository,
        to: &Repository,
        observer: &dyn TransferObserver,
    ) -> Result<Carried, RegistryError> {
        let host = Location::of(from)?.host;
        let subjects = manifests_of(content, image).map_err(|error| error.with_host(&host))?;
        self.copy_all_about(&self.all_about(from, &subjects)?, from, to, observer)
    }

    /// Copies what [`all_about`](Self::all_about) found in a repository to another one. What cannot be copied is returned with
    /// its reason.
    ///
    /// # Errors
    /// If the transfer is cancelled.
    pub fn copy_all_about(
        &self,
        all: &AllAbout,
        from: &Repository,
        to: &Repository,
        observer: &dyn TransferObserver,
    ) -> Result<Carried, RegistryError> {
        let source = Remote::new(self, from)?;
        let mut carried = self.carry(&source, &all.found, to, std::slice::from_ref(from), observer)?;
        carried.left.extend(all.beyond.iter().cloned());
        let Carried { referrers, left } = self.carry_cosign_tags(&all.tagged, from, to, observer)?;
        carried.referrers.extend(referrers);
        carried.left.extend(left);
        Ok(carried)
    }

    /// Returns what a repository holds about manifests, and about what it holds about these, each after what it is about:
    /// signatures, attestations, SBOMs.
    ///
    /// # Errors
    /// If the lists cannot be read.
    pub fn all_about(
        &self,
        repository: &Repository,
        subjects: &BTreeSet<Digest>,
    ) -> Result<AllAbout, RegistryError> {
        let location = Location::of(repository)?;
        let scope = Scope::pull(&location.path);
        let tags = self.known_tags(&location, &scope)?;
        let mut lists = Lists::new(tags.as_deref());
        let (mut wave, mut seen): (Vec<Digest>, _) = (subjects.iter().copied().collect(), subjects.clone());
        let mut all = AllAbout::default();
        while !wave.is_empty() {
            let mut next = Vec::new();
            for (subject, referrer) in self.referrers_of_all(&location, wave, &scope, &mut lists)? {
                let digest = referrer.descriptor.digest;
                if !seen.insert(digest) {
                    continue;
                }
                if subjects.len() + all.found.len() >= MOST {
                    all.beyond.push((digest, format!("at most {MOST} manifests are copied with an image")));
                    continue;
                }
                next.push(digest);
                all.found.push(About::new(referrer.descriptor, subject));
            }
            wave = next;
        }
        all.tagged = self.cosign_tags(&location, subjects, tags.as_deref(), &scope)?;
        Ok(all)
    }

    /// Returns what is about each of some manifests. The first answer says whether the registry keeps lists; the others are
    /// asked for side by side.
    fn referrers_of_all(
        &self,
        location: &Location,
        mut subjects: Vec<Digest>,
        scope: &Scope,
        lists: &mut Lists<'_>,
    ) -> Result<Vec<(Digest, Referrer)>, RegistryError> {
        let rest = subjects.split_off(subjects.len().min(1));
        let found = Mutex::new(BTreeMap::new());
        let keep = |subject, listed| {
            found.lock().unwrap_or_else(PoisonError::into_inner).insert(subject, listed);
        };
        for first in subjects {
            keep(first, self.referrers_by(location, &first, scope, lists)?);
        }
        let known = *lists;
        for_each(rest, self.settings().jobs, |subject| {
            keep(subject, self.referrers_by(location, &subject, scope, &mut known.clone())?);
            Ok(())
        })?;
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        let each = |(subject, listed): (Digest, Vec<Referrer>)| {
            listed.into_iter().map(move |referrer| (subject, referrer))
        };
        Ok(found.into_iter().flat_map(each).collect())
    }

    /// Writes manifests about an image to a repository that has the image, with their blobs, which the registry takes from the
    /// repositories of `mount_from` if it can. What cannot be written is returned with its reason, and what is about that with
    /// it.
    ///
    /// # Errors
    /// If the transfer is cancelled.
    pub fn carry(
        &self,
        content: &dyn ImageContent,
        all: &[About],
        to: &Repository,
        mount_from: &[Repository],
        observer: &dyn TransferObserver,
    ) -> Result<Carried, RegistryError> {
        let location = Location::of(to)?;
        let scope = Scope::push(&location.path);
        let upload = Upload::new(self, &location, &scope, observer);
        let (mut carried, mut failed) = (Carried::default(), BTreeSet::new());
        for about in all.iter().take(MOST) {
            let digest = about.descriptor.digest;
            if failed.contains(&about.subject) {
                failed.insert(digest);
                carried.left.push((digest, format!("{}, which it is about, was left behind", about.subject)));
                continue;
            }
            match carry_one(&upload, content, about, mount_from) {
                Ok(()) => carried.referrers.push(digest),
                Err(RegistryError::Cancelled) => return Err(RegistryError::Cancelled),
                Err(error) => {
                    failed.insert(digest);
                    carried.left.push((digest, error.to_string()));
                }
            }
        }
        let beyond = all.iter().skip(MOST).map(|about| about.descriptor.digest);
        let reason = format!("at most {MOST} manifests are copied with an image");
        carried.left.extend(beyond.map(|digest| (digest, reason.clone())));
        Ok(carried)
    }
}

fn carry_one(
    upload: &Upload<'_>,
    content: &dyn ImageContent,
    about: &About,
    mount_from: &[Repository],
) -> Result<(), RegistryError> {
    let bytes = read_document(content, &about.descriptor)?;
    carry_blobs(upload, content, Parts::of(&about.descriptor, &bytes)?.blobs, mount_from)?;
    let manifest = Manifest { descriptor: about.descriptor.clone(), bytes };
    upload.registry.put_referrer_at(upload.location, &manifest, &about.subject, upload.scope)
}

/// Writes blobs that the registry may have in one of the repositories of `mount_from`.
pub(crate) fn carry_blobs(
    upload: &Upload<'_>,
    content: &dyn ImageContent,
    blobs: Vec<Descriptor>,
    mount_from: &[Repository],
) -> Result<(), RegistryError> {
    for blob in blobs {
        let blob = blob.blob();
        let by = upload.blob(&blob, &|at| content.open(&blob, at), mount_from, Check::MountFirst);
        let by = by.map_err(|error| error.in_file(&content.file(&blob.digest)))?;
        upload.observer.event(TransferEvent::Finished { digest: blob.digest, bytes: blob.size, by });
    }
    Ok(())
}
