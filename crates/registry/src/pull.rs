//! Pulling an image into a layout.

use std::io::{self, Read, Write};
use std::sync::atomic::AtomicU64;

use crossdock_fs::FileError;
use crossdock_oci::{Blob, BlobStore, Descriptor, Layout, Pruning, Reference, Repository};

use crate::auth::Scope;
use crate::checked::WrongDigest;
use crate::client::Location;
use crate::error::RegistryError;
use crate::graph::{Graph, is_foreign, total};
use crate::registry::{Registry, Selector};
use crate::retry::{self, ATTEMPTS};
use crate::transfer::{Counting, Gate, Moved, TransferEvent, TransferObserver, for_each};

impl Registry {
    /// Pulls an image into a layout and lists it in the layout's `index.json`: under `repository:tag` if a tag selects it.
    /// Every byte is hashed while it is read; a blob appears in the layout only if it has its digest.
    ///
    /// # Errors
    /// If the image cannot be fetched, or the layout cannot be written. The layout then lists what it listed before.
    pub fn pull(
        &self,
        repository: &Repository,
        selector: &Selector,
        layout: &Layout,
        observer: &dyn TransferObserver,
    ) -> Result<Descriptor, RegistryError> {
        let location = Location::of(repository)?;
        let scope = Scope::pull(&location.path);
        let root = self.manifest_at(&location, selector, &scope)?;
        let lock = layout.lock()?;
        let fetch =
            Fetch { registry: self, location: &location, scope: &scope, store: layout.blobs(), observer };
        let descriptor = root.descriptor.clone();
        fetch.image(&descriptor, root.bytes)?;
        let names: Vec<Reference> = match selector {
            Selector::Tag(tag) => vec![Reference { repository: repository.clone(), tag: tag.clone() }],
            Selector::Digest(_) => Vec::new(),
        };
        layout.publish(&lock, &descriptor, &names, Pruning::KeepOthers)?;
        self.warnings().iter().for_each(|warning| observer.event(TransferEvent::Warning(warning)));
        Ok(descriptor)
    }
}

/// Fetches blobs of one repository into a store.
pub(crate) struct Fetch<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) location: &'a Location,
    pub(crate) scope: &'a Scope,
    pub(crate) store: &'a BlobStore,
    pub(crate) observer: &'a dyn TransferObserver,
}

impl Fetch<'_> {
    /// Fetches an image whose first document is known.
    pub(crate) fn image(&self, root: &Descriptor, bytes: Vec<u8>) -> Result<(), RegistryError> {
        let mut first = Some(bytes);
        let graph = Graph::read(root, &mut |descriptor| match first.take() {
            Some(bytes) => Ok(bytes),
            None => self.document(descriptor),
        })?;
        let mut blobs = Graph::blobs(&graph.nodes);
        // Nodes fetch them from elsewhere, and many registries do not have them.
        blobs.retain(|blob| !is_foreign(blob));
        blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
        self.observer.event(TransferEvent::Planned { blobs: blobs.len(), bytes: total(&blobs) });
        let jobs = self.registry.settings().jobs;
        let gate = Gate::new(jobs);
        for_each(blobs, jobs, |blob| gate.pass(|| self.blob(&blob.blob(), &gate)))?;
        // An index comes after all that it lists, so that a killed run leaves no document without its blobs.
        graph.nodes.iter().try_for_each(|node| self.store.put(&node.bytes).map(drop))?;
        Ok(())
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        if self.store.has(&descriptor.blob())
            && let Ok(bytes) = self.store.read(&descriptor.digest, crate::registry::MANIFEST_LIMIT)
        {
            return Ok(bytes);
        }
        let selector = Selector::Digest(descriptor.digest);
        Ok(self.registry.manifest_at(self.location, &selector, self.scope)?.bytes)
    }

    fn blob(&self, blob: &Blob, gate: &Gate) -> Result<(), RegistryError> {
        let mut by = Moved::Present;
        if !self.store.has(blob) || self.store.verify(&blob.digest).is_err() {
            self.fetch(blob, gate)?;
            by = Moved::Sent;
        }
        self.observer.event(TransferEvent::Finished { digest: blob.digest, bytes: blob.size, by });
        Ok(())
    }

    /// Fetches a blob, again if the connection is lost.
    pub(crate) fn fetch(&self, blob: &Blob, gate: &Gate) -> Result<(), RegistryError> {
        let settings = self.registry.settings();
        let mut attempt = 0;
        loop {
            let moved = AtomicU64::new(0);
            let error = match self.attempt(blob, &moved) {
                Err(error) if error.is_lost() || matches!(error, RegistryError::Digest { .. }) => error,
                result => return result,
            };
            self.observer.event(TransferEvent::Restarted { bytes: moved.into_inner() });
            gate.halve();
            attempt += 1;
            if attempt == ATTEMPTS || matches!(error, RegistryError::Digest { .. }) && attempt == 2 {
                return Err(error);
            }
            retry::wait(attempt - 1, None, settings.patience, &settings.cancel)?;
        }
    }

    fn attempt(&self, blob: &Blob, moved: &AtomicU64) -> Result<(), RegistryError> {
        let reader = self.registry.blob_at(self.location, blob, self.scope)?;
        let mut writer = self.store.writer()?;
        let mut reader = Counting::new(reader, self.observer, moved);
        let mut buffer = vec![0; 256 * 1024];
        loop {
            if self.registry.settings().cancel.is_cancelled() {
                return Err(RegistryError::Cancelled);
            }
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    let path = self.store.path(&blob.digest);
                    writer.write_all(&buffer[..read]).map_err(FileError::on("write", &path))?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broken(blob, error)),
            }
        }
        writer.complete_as(blob.digest)?;
        Ok(())
    }

    fn broken(&self, blob: &Blob, error: io::Error) -> RegistryError {
        let place = self
            .registry
            .client
            .place_of(self.location, format!("read blob {} of `{}`", blob.digest, self.location.path));
        match error.get_ref().and_then(|inner| inner.downcast_ref::<WrongDigest>()) {
            Some(&WrongDigest { expected, found }) => {
                RegistryError::Digest { host: place.host, expected, found }
            }
            None => place.unreachable(error),
        }
    }
}
