//! Pulling an image into a layout.

use std::io::{self, Read, Write};
use std::sync::atomic::AtomicU64;

use crossdock_fs::FileError;
use crossdock_oci::{
    Blob, BlobError, BlobStore, BlobWriter, Descriptor, Layout, Pruning, Reference, Repository,
};

use crate::auth::Scope;
use crate::client::{Location, told};
use crate::error::RegistryError;
use crate::graph::{Graph, Node, is_foreign, total};
use crate::registry::{Manifest, Registry, Selector};
use crate::retry::{self, ATTEMPTS};
use crate::space::check_space;
use crate::transfer::{Counting, Gate, Moved, TransferEvent, TransferObserver, for_each};
use crate::transport::Answer;

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
        let manifest = self.manifest(repository, selector)?;
        self.pull_manifest(repository, selector, manifest, layout, observer)
    }

    /// Pulls an image whose manifest or index is known, as [`pull`](Self::pull) does.
    ///
    /// # Errors
    /// As of [`pull`](Self::pull).
    pub fn pull_manifest(
        &self,
        repository: &Repository,
        selector: &Selector,
        root: Manifest,
        layout: &Layout,
        observer: &dyn TransferObserver,
    ) -> Result<Descriptor, RegistryError> {
        let location = Location::of(repository)?;
        let scope = Scope::pull(&location.path);
        let lock = layout.lock()?;
        let store = &layout.blobs().deferring();
        let fetch = Fetch { registry: self, location: &location, scope: &scope, store, observer };
        let descriptor = root.descriptor;
        fetch.image(&descriptor, root.bytes)?;
        // Before the layout lists the image.
        store.sync()?;
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
        })
        .map_err(|error| error.with_host(&self.location.host))?;
        let mut blobs = Graph::blobs(&graph.nodes);
        // Nodes fetch them from elsewhere, and many registries do not have them.
        blobs.retain(|blob| !is_foreign(blob));
        blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
        check_space(self.store, &blobs, Some(&self.location.host))?;
        self.observer.event(TransferEvent::Planned { blobs: blobs.len(), bytes: total(&blobs) });
        let jobs = self.registry.settings().jobs;
        let gate = Gate::new(jobs);
        for_each(blobs, jobs, |blob| gate.pass(|| self.blob(&blob.blob(), &gate)))?;
        // An index comes after all that it lists, so that a killed run leaves no document without its blobs.
        Ok(put_documents(self.store, &graph.nodes)?)
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

    /// Fetches a blob, again if the connection is lost: from where it broke off, if the server serves parts.
    pub(crate) fn fetch(&self, blob: &Blob, gate: &Gate) -> Result<(), RegistryError> {
        let (mut attempt, mut kept) = (0, None);
        loop {
            let before = size(kept.as_ref());
            let error = match self.attempt(blob, &mut kept) {
                Err(error) if error.is_lost() || matches!(error, RegistryError::Digest { .. }) => error,
                result => return result,
            };
            gate.halve();
            // A connection that breaks off again and again still carries a large blob, bit by bit.
            if size(kept.as_ref()) >= before.saturating_add(PROGRESS) {
                attempt = 0;
            }
            attempt += 1;
            if attempt == ATTEMPTS || matches!(error, RegistryError::Digest { .. }) && attempt == 2 {
                return Err(error);
            }
            retry::wait(attempt - 1, None, self.registry.settings(), &|| told(&error))?;
        }
    }

    /// Fetches what is missing of a blob. What arrives is kept if the connection is lost, and hashed as a whole.
    fn attempt(&self, blob: &Blob, kept: &mut Option<Partial>) -> Result<(), RegistryError> {
        let (answer, start) =
            self.registry.blob_from(self.location, blob, self.scope, size(kept.as_ref()))?;
        let mut partial = match kept.take() {
            Some(partial) if partial.size == start => partial,
            other => {
                self.restart(other.as_ref());
                Partial { writer: self.store.writer_of(blob.digest.algorithm())?, size: 0 }
            }
        };
        match self.receive(blob, answer, &mut partial) {
            Ok(()) => {}
            Err(error) if error.is_lost() => {
                *kept = Some(partial);
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        let size = partial.size;
        match partial.writer.complete_as(blob.digest) {
            Ok(_) => Ok(()),
            Err(BlobError::Corrupt { expected, found }) => {
                self.observer.event(TransferEvent::Restarted { bytes: size });
                let host = self.location.host.to_string();
                Err(RegistryError::Digest { host, expected, found })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn receive(&self, blob: &Blob, answer: Answer, partial: &mut Partial) -> Result<(), RegistryError> {
        let place = || {
            let action = format!("read blob {} of `{}`", blob.digest, self.location.path);
            self.registry.client.place_of(self.location, action)
        };
        let counted = AtomicU64::new(0);
        let mut reader = Counting::new(answer.into_reader(), self.observer, &counted);
        let mut buffer = vec![0; 256 * 1024];
        loop {
            if self.registry.settings().cancel.is_cancelled() {
                return Err(RegistryError::Cancelled);
            }
            let read = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(place().unreachable(error)),
            };
            if read as u64 > blob.size - partial.size {
                return Err(place()
                    .protocol(format!("sends more than the {} bytes that the image declares", blob.size)));
            }
            let path = self.store.path(&blob.digest);
            partial.writer.write_all(&buffer[..read]).map_err(FileError::on("write", &path))?;
            partial.size += read as u64;
        }
        let missing = blob.size - partial.size;
        if missing > 0 {
            let message = format!("{missing} of {} bytes are missing", blob.size);
            return Err(place().unreachable(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
        }
        Ok(())
    }

    /// Reports that what was received is fetched again.
    fn restart(&self, partial: Option<&Partial>) {
        if let Some(partial) = partial.filter(|partial| partial.size > 0) {
            self.observer.event(TransferEvent::Restarted { bytes: partial.size });
        }
    }
}

/// Writes manifests and indexes, each after those that it lists.
pub(crate) fn put_documents(store: &BlobStore, nodes: &[Node]) -> Result<(), FileError> {
    let put = |node: &Node| store.put_as(node.descriptor.digest.algorithm(), &node.bytes);
    nodes.iter().try_for_each(|node| put(node).map(drop))
}

/// The bytes after which a download counts as one that moves on, and may break off as often as a new one.
const PROGRESS: u64 = 1 << 20;

/// The first bytes of a blob.
struct Partial {
    writer: BlobWriter,
    size: u64,
}

fn size(partial: Option<&Partial>) -> u64 {
    partial.map_or(0, |partial| partial.size)
}
