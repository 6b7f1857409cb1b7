//! Copies of images: from a registry to another one, and from anywhere into a layout.

use std::io::{self, Read};
use std::path::PathBuf;

use crossdock_oci::{Blob, BlobStore, Descriptor, Digest, Repository};

use crate::auth::Scope;
use crate::client::Location;
use crate::content::{ImageContent, read_document};
use crate::error::RegistryError;
use crate::graph::{Graph, Node, is_foreign, total};
use crate::pull::{Fetch, put_documents};
use crate::push::PushOptions;
use crate::registry::{Manifest, Registry, Selector};
use crate::space::check_space;
use crate::transfer::{Gate, Moved, TransferEvent, TransferObserver, for_each};

/// The content of one repository of a registry.
#[derive(Debug)]
pub struct Remote<'a> {
    registry: &'a Registry,
    location: Location,
    scope: Scope,
    known: Option<Box<Manifest>>,
}

impl<'a> Remote<'a> {
    /// Returns the content of a repository.
    ///
    /// # Errors
    /// If the repository's host is invalid.
    pub fn new(registry: &'a Registry, repository: &Repository) -> Result<Self, RegistryError> {
        let location = Location::of(repository)?;
        let scope = Scope::pull(&location.path);
        Ok(Self { registry, location, scope, known: None })
    }

    /// Adds a manifest that was read before, so that it is not read again.
    #[must_use]
    pub fn with_manifest(self, manifest: Manifest) -> Self {
        Self { known: Some(Box::new(manifest)), ..self }
    }
}

impl ImageContent for Remote<'_> {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        if let Some(known) = self.known.as_ref().filter(|known| known.descriptor.digest == descriptor.digest)
        {
            return Ok(known.bytes.clone());
        }
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

    fn file(&self, digest: &Digest) -> PathBuf {
        format!("{}/{}@{digest}", self.location.host, self.location.path).into()
    }

    /// Copies a blob as a pull does: again if the connection is lost, and until the client is cancelled.
    fn copy_blob(
        &self,
        store: &BlobStore,
        blob: &Blob,
        observer: &dyn TransferObserver,
    ) -> Result<(), RegistryError> {
        let Self { registry, location, scope, .. } = self;
        Fetch { registry, location, scope, store, observer }.fetch(blob, &Gate::new(1))
    }
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
    let graph = Graph::read(image, &mut |descriptor| read_document(content, descriptor))?;
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
    let store = &store.deferring();
    blobs.retain(|blob| !is_foreign(blob) || content.has(&blob.blob()));
    check_space(store, &blobs, None)?;
    observer.event(TransferEvent::Planned { blobs: blobs.len(), bytes: total(&blobs) });
    copy_blobs(store, content, blobs.iter().map(Descriptor::blob), jobs, observer)?;
    put_documents(store, nodes)?;
    Ok(store.sync()?)
}

/// Copies blobs into a store, each hashed while it is read, several at the same time. Those that the store has are read again,
/// and not copied unless they are damaged.
///
/// # Errors
/// If one cannot be read, has another digest, or cannot be written.
pub fn copy_blobs(
    store: &BlobStore,
    content: &dyn ImageContent,
    blobs: impl IntoIterator<Item = Blob>,
    jobs: usize,
    observer: &dyn TransferObserver,
) -> Result<(), RegistryError> {
    let gate = Gate::new(jobs);
    for_each(blobs.into_iter().collect(), jobs, |blob| {
        let mut by = Moved::Present;
        if !store.has(&blob) || store.verify(&blob.digest).is_err() {
            gate.pass(|| content.copy_blob(store, &blob, observer))?;
            by = Moved::Sent;
        }
        observer.event(TransferEvent::Finished { digest: blob.digest, bytes: blob.size, by });
        Ok(())
    })
}

/// Returns options that let a registry take blobs from the repository that is copied.
pub fn copy_options(options: PushOptions, from: &Repository) -> PushOptions {
    PushOptions { mount_from: vec![from.clone()], ..options }
}
