//! Pushing an image: blobs, then manifests, then indexes, then tags.

use std::collections::BTreeSet;
use std::sync::Mutex;

use crossdock_oci::{Descriptor, Digest, Repository, Tag};

use crate::auth::Scope;
use crate::client::{Location, told};
use crate::content::{ImageContent, read_document};
use crate::error::RegistryError;
use crate::graph::{Graph, Node, is_foreign, total};
use crate::registry::{Manifest, Registry, Selector, absent_as_none, manifest_name};
use crate::retry;
use crate::transfer::{Gate, Moved, TransferEvent, TransferObserver, for_each};
use crate::upload::{Check, SMALL, Upload};

/// The destination of a push.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PushOptions {
    /// The tags that point at the image once it is complete; none pushes it by digest only.
    pub tags: Vec<Tag>,
    /// Repositories of the same registry that may have blobs of the image, as that of its base image.
    pub mount_from: Vec<Repository>,
    /// Whether the registry is asked for what it has before anything is written.
    pub look_up: LookUp,
}

/// Whether a push looks up what a registry has before it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LookUp {
    /// It does, and writes only the rest.
    #[default]
    First,
    /// It mounts each blob before it asks for it, and writes every manifest: fewer requests where another repository of the
    /// registry is known to have everything.
    Never,
}

impl PushOptions {
    /// Returns options with these tags.
    pub fn new(tags: impl IntoIterator<Item = Tag>) -> Self {
        Self { tags: tags.into_iter().collect(), mount_from: Vec::new(), look_up: LookUp::First }
    }
}

/// The result of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pushed {
    /// The digest of the image.
    pub digest: Digest,
    /// Whether the registry had everything already: the image, all that it lists, and its tags.
    pub unchanged: bool,
    /// The number of bytes of blobs that were sent.
    pub sent: u64,
}

impl Registry {
    /// Pushes an image: its blobs in parallel, then manifests, then indexes, and its tags last. What the registry has is not
    /// sent again; if it has everything, nothing is sent.
    ///
    /// # Errors
    /// If the image cannot be read or the registry refuses a part of it. No tag then names an image that is not complete.
    pub fn push(
        &self,
        content: &dyn ImageContent,
        image: &Descriptor,
        repository: &Repository,
        options: &PushOptions,
        observer: &dyn TransferObserver,
    ) -> Result<Pushed, RegistryError> {
        let location = Location::of(repository)?;
        let scope = Scope::push(&location.path);
        let graph = Graph::read(image, &mut |descriptor| read_document(content, descriptor))?;
        let gate = Gate::new(self.settings().jobs);
        let upload =
            Upload { registry: self, location: &location, scope: &scope, observer, gate: Some(&gate) };
        let push = Push { upload, content, options, nodes: &graph.nodes, sent: Mutex::default() };
        let mut pushed = push.run(&graph);
        if let (Err(error), Some(creator)) = (&pushed, &self.settings().creator)
            && error.is_unknown_name()
        {
            let Location { host, path, .. } = &location;
            self.client.created.ensure(creator.as_ref(), host, path).map_err(|source| {
                RegistryError::NotCreated { host: host.to_string(), repository: path.clone(), source }
            })?;
            pushed = push.run(&graph);
        }
        self.warnings().iter().for_each(|warning| observer.event(TransferEvent::Warning(warning)));
        pushed
    }
}

/// The number of times that a registry is given time to show what was written.
const WAITS: u32 = 4;

struct Push<'a> {
    upload: Upload<'a>,
    content: &'a dyn ImageContent,
    options: &'a PushOptions,
    nodes: &'a [Node],
    sent: Mutex<u64>,
}

impl Push<'_> {
    fn run(&self, graph: &Graph) -> Result<Pushed, RegistryError> {
        let Some(root) = graph.root() else { return Err(RegistryError::Cancelled) };
        let digest = root.descriptor.digest;
        let untagged = self.tags_elsewhere(digest)?;
        let missing = match self.options.look_up {
            LookUp::First => self.missing(graph)?,
            LookUp::Never => graph.nodes.iter().map(|node| node.descriptor.digest).collect(),
        };
        let (nodes, present): (Vec<&Node>, Vec<&Node>) =
            graph.nodes.iter().partition(|node| missing.contains(&node.descriptor.digest));
        let blobs = self.blobs(&nodes);
        let lost = self.lost(&present, &blobs)?;
        let unchanged = missing.is_empty() && lost.is_empty() && untagged.is_empty();
        if !unchanged {
            self.send_blobs(blobs.into_iter().chain(lost).collect())?;
            self.send_documents(&nodes, digest)?;
            self.finish(root, &missing, &untagged)?;
        }
        if self.upload.registry.settings().verify_pushes {
            self.read_back(root)?;
        }
        let sent = self.sent.lock().map_or(0, |sent| *sent);
        Ok(Pushed { digest, unchanged, sent })
    }

    /// Returns the tags that do not name the image yet.
    fn tags_elsewhere(&self, digest: Digest) -> Result<Vec<&Tag>, RegistryError> {
        let found = Mutex::new(Vec::new());
        let Upload { registry, location, scope, .. } = self.upload;
        for_each(self.options.tags.iter().enumerate().collect(), self.jobs(), |(at, tag)| {
            let selector = Selector::Tag(tag.clone());
            let named = hidden_as_none(registry.manifest_at(location, &selector, scope))?;
            if named.is_none_or(|named| named.descriptor.digest != digest) {
                lock(&found).push((at, tag));
            }
            Ok(())
        })?;
        let mut found = found.into_inner().unwrap_or_default();
        found.sort_by_key(|(at, _)| *at);
        Ok(found.into_iter().map(|(_, tag)| tag).collect())
    }

    /// Returns the manifests and indexes that the registry does not have. Cleanup jobs delete what no tag names, so each is
    /// looked up.
    fn missing(&self, graph: &Graph) -> Result<BTreeSet<Digest>, RegistryError> {
        let missing = Mutex::new(BTreeSet::new());
        for_each(graph.nodes.iter().collect(), self.jobs(), |node: &Node| {
            let digest = node.descriptor.digest;
            if !self.has(node, graph)? {
                lock(&missing).insert(digest);
            }
            Ok(())
        })?;
        let mut missing = missing.into_inner().unwrap_or_default();
        // An index is written again after something that it lists: a registry may hold it, and refuse to serve it.
        for node in &graph.nodes {
            if node.children.iter().any(|child| missing.contains(child)) {
                missing.insert(node.descriptor.digest);
            }
        }
        Ok(missing)
    }

    /// Returns whether the registry shows a document. The image itself is read if no tag was: the status of a server that
    /// answers 200 to everything proves nothing, and its bytes do.
    fn has(&self, node: &Node, graph: &Graph) -> Result<bool, RegistryError> {
        let Upload { registry, location, scope, .. } = self.upload;
        let digest = node.descriptor.digest;
        let is_image = graph.root().is_some_and(|root| root.descriptor.digest == digest);
        let found = match is_image && self.options.tags.is_empty() {
            true => registry.manifest_at(location, &Selector::Digest(digest), scope).map(|_| true),
            false => registry.has_manifest_at(location, &digest, scope),
        };
        Ok(hidden_as_none(found)?.unwrap_or(false))
    }

    /// Returns the blobs of some documents that a registry stores.
    fn blobs(&self, nodes: &[&Node]) -> Vec<Descriptor> {
        let mut blobs = Graph::blobs(nodes.iter().copied());
        blobs.retain(|blob| !is_foreign(blob) || self.content.has(&blob.blob()));
        blobs
    }

    /// Returns the blobs of documents that the registry has, without having them: damaged storage and cleanup jobs delete
    /// blobs of manifests that stay. `others` are looked up when they are sent.
    fn lost(&self, present: &[&Node], others: &[Descriptor]) -> Result<Vec<Descriptor>, RegistryError> {
        let mut blobs = self.blobs(present);
        blobs.retain(|blob| others.iter().all(|other| other.digest != blob.digest));
        let lost = Mutex::new(Vec::new());
        let Upload { registry, location, scope, .. } = self.upload;
        for_each(blobs, self.jobs(), |blob| {
            match registry.has_blob_at(location, &blob.blob(), scope) {
                Ok(false) => lock(&lost).push(blob),
                // The registry accepted the manifest, and shows it.
                Err(error) if !error.is_denied() => return Err(error),
                _ => {}
            }
            Ok(())
        })?;
        Ok(lost.into_inner().unwrap_or_default())
    }

    fn send_blobs(&self, mut blobs: Vec<Descriptor>) -> Result<(), RegistryError> {
        // The largest first: the last one to end is then a short one.
        blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
        // Small ones are sent next to the first large ones.
        if let Some(rest) = blobs.get_mut(self.jobs()..) {
            rest.sort_by_key(|blob| blob.size > SMALL);
        }
        let observer = self.upload.observer;
        observer.event(TransferEvent::Planned { blobs: blobs.len(), bytes: total(&blobs) });
        let check = match self.options.look_up {
            LookUp::First => Check::First,
            LookUp::Never => Check::MountFirst,
        };
        // The gate lets as many through as may be sent at once. Others are looked up meanwhile, unless only one request at a
        // time is wanted.
        let threads = if self.jobs() == 1 { 1 } else { 2 * self.jobs() };
        for_each(blobs, threads, |blob| self.send_blob(&blob, check))
    }

    fn send_blob(&self, blob: &Descriptor, check: Check) -> Result<(), RegistryError> {
        let blob = blob.blob();
        let open = |at| self.content.open(&blob, at);
        let by = self.upload.blob(&blob, &open, &self.options.mount_from, check)?;
        if by == Moved::Sent {
            *lock(&self.sent) += blob.size;
        }
        let event = TransferEvent::Finished { digest: blob.digest, bytes: blob.size, by };
        self.upload.observer.event(event);
        Ok(())
    }

    /// Writes the documents below the image by digest, each level after the one that it lists.
    fn send_documents(&self, nodes: &[&Node], root: Digest) -> Result<(), RegistryError> {
        let below: Vec<&&Node> = nodes.iter().filter(|node| node.descriptor.digest != root).collect();
        let heights: BTreeSet<usize> = below.iter().map(|node| node.height).collect();
        for height in heights {
            let level = below.iter().filter(|node| node.height == height).map(|node| **node).collect();
            for_each(level, self.jobs(), |node| self.put(node, &Selector::Digest(node.descriptor.digest)))?;
        }
        Ok(())
    }

    /// Writes the image under its tags, or by its digest if it has none.
    fn finish(
        &self,
        root: &Node,
        missing: &BTreeSet<Digest>,
        untagged: &[&Tag],
    ) -> Result<(), RegistryError> {
        let digest = root.descriptor.digest;
        // Under an immutable tag that names it, the image can only be written by its digest.
        if untagged.is_empty() && missing.contains(&digest) {
            return self.put(root, &Selector::Digest(digest));
        }
        untagged.iter().try_for_each(|tag| self.put_tag(root, tag))
    }

    /// Reads the image back under each of its names.
    fn read_back(&self, root: &Node) -> Result<(), RegistryError> {
        let digest = root.descriptor.digest;
        let mut names: Vec<Selector> = self.options.tags.iter().cloned().map(Selector::Tag).collect();
        if names.is_empty() {
            names.push(Selector::Digest(digest));
        }
        for_each(names, self.jobs(), |name| self.read_back_name(&name, digest))
    }

    /// Reads a manifest back. What was just written may be shown later, as from another copy of the registry's data.
    fn read_back_name(&self, name: &Selector, expected: Digest) -> Result<(), RegistryError> {
        let Upload { registry, location, scope, .. } = self.upload;
        let shown = manifest_name(location, name);
        registry.once_shown(&format!("`{shown}` as it was pushed"), || {
            let found = absent_as_none(registry.manifest_at(location, name, scope))?;
            match found.map(|found| found.descriptor.digest) {
                Some(found) if found == expected => Ok(()),
                found => {
                    let (host, name) = (location.host.to_string(), shown.clone());
                    Err(RegistryError::NotShown { host, name, expected, found })
                }
            }
        })
    }

    /// Points a tag at the image. A refusal is success if the tag names the image, as of an immutable tag.
    fn put_tag(&self, root: &Node, tag: &Tag) -> Result<(), RegistryError> {
        let selector = Selector::Tag(tag.clone());
        let Err(error) = self.put(root, &selector) else { return Ok(()) };
        let Upload { registry, location, scope, .. } = self.upload;
        registry.unless_named(location, tag, &root.descriptor.digest, scope, error)
    }

    /// Writes a document. If the registry does not find something that the document lists, although it said to have it,
    /// exactly that is sent once more; then the document is tried again for a while, since some registries show what was
    /// written only later.
    fn put(&self, node: &Node, selector: &Selector) -> Result<(), RegistryError> {
        let settings = self.upload.registry.settings();
        let (mut again, mut waits) = (BTreeSet::new(), 0);
        loop {
            let error = match self.put_once(node, selector) {
                Ok(()) => return Ok(()),
                Err(error) if error.is_about_content() => error,
                Err(error) => return Err(error),
            };
            if self.send_again(node, &error, &mut again)? {
                continue;
            }
            if waits == WAITS {
                return Err(error);
            }
            retry::wait(waits, None, settings, &|| told(&error))?;
            waits += 1;
        }
    }

    /// Writes a document, and lists it among the referrers of its subject if it has one.
    fn put_once(&self, node: &Node, selector: &Selector) -> Result<(), RegistryError> {
        let Upload { registry, location, scope, .. } = self.upload;
        let manifest = Manifest { descriptor: node.descriptor.clone(), bytes: node.bytes.clone() };
        if let (Some(subject), Selector::Digest(_)) = (&node.subject, selector) {
            return registry.put_referrer_at(location, &manifest, &subject.digest, scope);
        }
        registry.put_manifest_at(location, selector, &node.descriptor.media_type, &node.bytes, scope)?;
        Ok(())
    }

    /// Sends what a document lists and the registry says to miss: what its answer names, else everything. Returns whether
    /// there was anything that was not sent again before.
    fn send_again(
        &self,
        node: &Node,
        error: &RegistryError,
        again: &mut BTreeSet<Digest>,
    ) -> Result<bool, RegistryError> {
        let RegistryError::Refused(refusal) = error else { return Ok(false) };
        let listed = || node.blobs.iter().map(|blob| &blob.digest).chain(&node.children);
        let names_some = listed().any(|digest| refusal.mentioned.contains(digest));
        let is_missing = |digest: &Digest| !names_some || refusal.mentioned.contains(digest);
        let missing: BTreeSet<Digest> = listed().filter(|digest| is_missing(digest)).copied().collect();
        let missing: BTreeSet<Digest> = missing.into_iter().filter(|digest| again.insert(*digest)).collect();
        let blobs = node.blobs.iter().filter(|blob| missing.contains(&blob.digest));
        let blobs: Vec<_> = blobs.filter(|blob| self.content.has(&blob.blob())).collect();
        for_each(blobs, self.jobs(), |blob| self.send_blob(blob, Check::No))?;
        for child in self.nodes.iter().filter(|child| missing.contains(&child.descriptor.digest)) {
            self.put(child, &Selector::Digest(child.descriptor.digest))?;
        }
        Ok(!missing.is_empty())
    }

    fn jobs(&self) -> usize {
        self.upload.registry.settings().jobs
    }
}

/// Returns `None` for what a registry does not have or refuses to show. If it refuses everything, the upload fails.
fn hidden_as_none<T>(result: Result<T, RegistryError>) -> Result<Option<T>, RegistryError> {
    match absent_as_none(result) {
        Err(error) if error.is_denied() => Ok(None),
        result => result,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
