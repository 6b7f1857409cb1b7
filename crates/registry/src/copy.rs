//! Copies of images: from a registry to another one, and from anywhere into a layout.

use std::collections::BTreeSet;
use std::io::{self, Read};

use crossdock_oci::{Blob, BlobStore, Descriptor, Digest, Repository};

use crate::auth::Scope;
use crate::client::Location;
use crate::content::{ImageContent, checked};
use crate::error::RegistryError;
use crate::graph::{Graph, Node, Parts, is_foreign, total};
use crate::pull::Fetch;
use crate::push::PushOptions;
use crate::referrers::Lists;
use crate::registry::{Manifest, Registry, Selector};
use crate::space::check_space;
use crate::transfer::{Gate, Moved, TransferEvent, TransferObserver, for_each};
use crate::upload::{Check, Upload};

/// The content of one repository of a registry.
#[derive(Debug)]
pub struct Remote<'a> {
    registry: &'a Registry,
    location: Location,
    scope: Scope,
}

/// The manifests that were copied although the image does not list them, and those that were not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Carried {
    /// Signatures, attestations and the like that were copied with the image.
    pub referrers: Vec<Digest>,
    /// Those that were left behind, with the reason.
    pub left: Vec<(Digest, String)>,
}

impl<'a> Remote<'a> {
    /// Returns the content of a repository.
    ///
    /// # Errors
    /// If the repository's host is invalid.
    pub fn new(registry: &'a Registry, repository: &Repository) -> Result<Self, RegistryError> {
        let location = Location::of(repository)?;
        let scope = Scope::pull(&location.path);
        Ok(Self { registry, location, scope })
    }
}

impl ImageContent for Remote<'_> {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        let selector = Selector::Digest(descriptor.digest);
        Ok(self.registry.manifest_at(&self.location, &selector, &self.scope)?.bytes)
    }

    fn open(&self, blob: &Blob, at: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let mut reader =
            self.registry.blob_at(&self.location, blob, &self.scope).map_err(io::Error::other)?;
        io::copy(&mut reader.by_ref().take(at), &mut io::sink())?;
        Ok(Box::new(reader))
    }

    fn has(&self, blob: &Blob) -> bool {
        self.registry.has_blob_at(&self.location, blob, &self.scope).unwrap_or(false)
    }

    /// Copies a blob as a pull does: again if the connection is lost, and until the client is cancelled.
    fn copy_blob(
        &self,
        store: &BlobStore,
        blob: &Blob,
        observer: &dyn TransferObserver,
    ) -> Result<(), RegistryError> {
        let Self { registry, location, scope } = self;
        Fetch { registry, location, scope, store, observer }.fetch(blob, &Gate::new(1))
    }
}

impl Registry {
    /// Copies what is about an image, and about the manifests that it lists, from one repository to another: signatures,
    /// attestations, SBOMs. What cannot be copied is returned with its reason.
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
        let root = self.manifest_at(&source.location, &Selector::Digest(*image), &source.scope)?;
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
        let source = Remote::new(self, from)?;
        let target = Location::of(to)?;
        let scope = Scope::push(&target.path);
        let graph = Graph::read(image, &mut |descriptor| checked(content, descriptor))
            .map_err(|error| error.with_host(&source.location.host))?;
        let mut keeps_lists = Lists::default();
        let mut subjects: Vec<Digest> = graph.nodes.iter().map(|node| node.descriptor.digest).collect();
        let mut seen: BTreeSet<Digest> = subjects.iter().copied().collect();
        let (mut carried, mut beyond) = (Carried::default(), BTreeSet::new());
        // Referrers of referrers are carried too, each once.
        while let Some(subject) = subjects.pop() {
            for referrer in self.referrers_by(&source.location, &subject, &source.scope, &mut keeps_lists)? {
                let digest = referrer.descriptor.digest;
                if seen.contains(&digest) {
                    continue;
                }
                if seen.len() >= REFERRERS {
                    if beyond.insert(digest) {
                        let reason = format!("at most {REFERRERS} manifests are copied with an image");
                        carried.left.push((digest, reason));
                    }
                    continue;
                }
                seen.insert(digest);
                let upload =
                    Upload { registry: self, location: &target, scope: &scope, observer, gate: None };
                match carry(&upload, &source, from, &subject, &referrer.descriptor) {
                    Ok(()) => {
                        carried.referrers.push(digest);
                        subjects.push(digest);
                    }
                    Err(RegistryError::Cancelled) => return Err(RegistryError::Cancelled),
                    Err(error) => carried.left.push((digest, error.to_string())),
                }
            }
        }
        Ok(carried)
    }
}

/// The number of manifests that are copied with an image.
const REFERRERS: usize = 4000;

/// Copies one manifest with its blobs.
fn carry(
    upload: &Upload<'_>,
    source: &Remote<'_>,
    from: &Repository,
    subject: &Digest,
    descriptor: &Descriptor,
) -> Result<(), RegistryError> {
    let bytes = source.document(descriptor)?;
    for blob in Parts::of(descriptor, &bytes)?.blobs {
        let blob = blob.blob();
        let open = |at| source.open(&blob, at);
        let by = upload.blob(&blob, &open, std::slice::from_ref(from), Check::MountFirst)?;
        upload.observer.event(TransferEvent::Finished { digest: blob.digest, bytes: blob.size, by });
    }
    let manifest = Manifest { descriptor: descriptor.clone(), bytes };
    upload.registry.put_referrer_at(upload.location, &manifest, subject, upload.scope)
}

/// Copies an image into a store of blobs, each hashed while it is read.
///
/// # Errors
/// If something cannot be read, has another digest, or cannot be written.
pub fn copy_into(
    store: &BlobStore,
    content: &dyn ImageContent,
    image: &Descriptor,
    jobs: usize,
    observer: &dyn TransferObserver,
) -> Result<(), RegistryError> {
    let graph = Graph::read(image, &mut |descriptor| checked(content, descriptor))?;
    copy_graph(store, content, &graph.nodes, Graph::blobs(&graph.nodes), jobs, observer)
}

/// Copies blobs, and then the manifests and indexes that lead to them.
pub(crate) fn copy_graph(
    store: &BlobStore,
    content: &dyn ImageContent,
    nodes: &[Node],
    mut blobs: Vec<Descriptor>,
    jobs: usize,
    observer: &dyn TransferObserver,
) -> Result<(), RegistryError> {
    blobs.retain(|blob| !is_foreign(blob) || content.has(&blob.blob()));
    check_space(store, &blobs, None)?;
    observer.event(TransferEvent::Planned { blobs: blobs.len(), bytes: total(&blobs) });
    let gate = Gate::new(jobs);
    for_each(blobs, jobs, |blob| {
        let blob = blob.blob();
        let mut by = Moved::Present;
        if !store.has(&blob) || store.verify(&blob.digest).is_err() {
            gate.pass(|| content.copy_blob(store, &blob, observer))?;
            by = Moved::Sent;
        }
        observer.event(TransferEvent::Finished { digest: blob.digest, bytes: blob.size, by });
        Ok(())
    })?;
    nodes.iter().try_for_each(|node| store.put(&node.bytes).map(drop))?;
    Ok(())
}

/// Returns options that let a registry take blobs from the repository that is copied.
pub fn copy_options(options: PushOptions, from: &Repository) -> PushOptions {
    PushOptions { mount_from: vec![from.clone()], ..options }
}
