//! Pushing an image: blobs, then manifests, then indexes, then tags.

mod found;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;

use crossdock_oci::{Algorithm, Blob, Descriptor, Digest, Repository, Tag};

use crate::auth::Scope;
use crate::client::{Location, told};
use crate::content::{ImageContent, read_document};
use crate::error::RegistryError;
use crate::graph::{Graph, Node, is_foreign, total};
use crate::registry::{Manifest, Registry, Selector, absent_as_none, manifest_name};
use crate::retry;
use crate::transfer::{Gate, Moved, TransferEvent, TransferObserver, for_each};
use crate::upload::{Begun, Check, SMALL, Upload};
use found::{Found, Shown};

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
    /// The manifests that a push without tags writes.
    pub extent: Extent,
}

/// The manifests that a push without tags writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// All of them.
    #[default]
    Whole,
    /// All but the image's own, which is written with its first tag: [`Registry::put_tag`]. An image whose digest is not
    /// SHA-256 is written whole, since a tag does not say of which algorithm the digest is.
    Below,
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
        let tags = tags.into_iter().collect();
        Self { tags, mount_from: Vec::new(), look_up: LookUp::First, extent: Extent::Whole }
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
        let upload = Upload {
            registry: self,
            location: &location,
            scope: &scope,
            observer,
            gate: Some(&gate),
            begun: Begun::default(),
        };
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

/// The number of the largest blobs of a new image whose uploads begin before the registry answered that it does not have them.
/// An upload without bytes expires.
const EARLY: usize = 2;

struct Push<'a> {
    upload: Upload<'a>,
    content: &'a dyn ImageContent,
    options: &'a PushOptions,
    nodes: &'a [Node],
    sent: Mutex<Sent>,
}

/// The blobs that a push wrote.
#[derive(Debug, Default)]
struct Sent {
    /// The number of blobs that the registry did not have.
    blobs: usize,
    /// The number of bytes of blobs that were sent to it.
    bytes: u64,
}

impl Push<'_> {
    fn run(&self, graph: &Graph) -> Result<Pushed, RegistryError> {
        let Some(root) = graph.root() else { return Err(RegistryError::Cancelled) };
        let digest = root.descriptor.digest;
        let found = self.look_up(graph)?;
        // Blobs of documents that are there are asked for too: damaged storage and cleanup jobs delete blobs of manifests that
        // stay. A push that is verified also verifies the blobs of an image that is there.
        let missing: Vec<&Node> =
            graph.nodes.iter().filter(|node| found.missing.contains(&node.descriptor.digest)).collect();
        if !found.is_all() || self.upload.registry.settings().verify_pushes {
            self.send_blobs(graph, &missing)?;
        }
        let unchanged = found.is_all() && lock(&self.sent).blobs == 0;
        if !unchanged {
            self.send_documents(&missing, digest)?;
            self.finish(root, &found)?;
        }
        if self.upload.registry.settings().verify_pushes && self.is_named(root) {
            self.read_back(root)?;
        }
        Ok(Pushed { digest, unchanged, sent: lock(&self.sent).bytes })
    }

    /// Sends the blobs that a registry stores and does not have. The bytes of one follow its own answer: none waits for the
    /// answers about others.
    fn send_blobs(&self, graph: &Graph, missing: &[&Node]) -> Result<(), RegistryError> {
        let wanted = Graph::blobs(missing.iter().copied());
        let wanted: BTreeSet<Digest> = wanted.iter().map(|blob| blob.digest).collect();
        let mut blobs = Graph::blobs(&graph.nodes);
        blobs.retain(|blob| !is_foreign(blob) || self.content.has(&blob.blob()));
        // The largest first: the last one to end is then a short one.
        blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
        // Small ones are sent next to the first large ones.
        if let Some(rest) = blobs.get_mut(self.jobs()..) {
            rest.sort_by_key(|blob| blob.size > SMALL);
        }
        let observer = self.upload.observer;
        observer.event(TransferEvent::Planned { blobs: blobs.len(), bytes: total(&blobs) });
        let is_new = missing.len() == graph.nodes.len();
        let early = match is_new && self.options.mount_from.is_empty() && self.jobs() > 1 {
            true => EARLY,
            false => 0,
        };
        // The gate lets as many through as may be sent at once. Others are asked for and mounted meanwhile.
        for_each(blobs.into_iter().enumerate().collect(), self.questions(), |(place, blob)| {
            if self.options.look_up == LookUp::Never {
                return self.send_blob(&blob, Check::MountFirst);
            }
            let shown = match place < early && blob.size > SMALL {
                true => self.shown_and_begun(&blob.blob())?,
                false => self.shown(&blob.blob())?,
            };
            match shown {
                Shown::Absent => self.send_blob(&blob, Check::Mount),
                Shown::Hidden if wanted.contains(&blob.digest) => self.send_blob(&blob, Check::Mount),
                Shown::Hidden | Shown::Present => {
                    self.finished(&blob, Moved::Present);
                    Ok(())
                }
            }
        })
    }

    /// Asks for a blob and meanwhile for its upload, so that its bytes start a round trip earlier.
    fn shown_and_begun(&self, blob: &Blob) -> Result<Shown, RegistryError> {
        thread::scope(|scope| {
            let begin = || self.upload.begin(blob);
            // Without a thread, the upload begins later.
            let _begun = thread::Builder::new().spawn_scoped(scope, begin).ok();
            self.shown(blob)
        })
    }

    /// Returns the number of requests with short answers at a time: more than uploads, unless only one request is wanted.
    fn questions(&self) -> usize {
        if self.jobs() == 1 { 1 } else { 4 * self.jobs() }
    }

    fn send_blob(&self, blob: &Descriptor, check: Check) -> Result<(), RegistryError> {
        let open = |at| self.content.open(&blob.blob(), at);
        let by = self.upload.blob(&blob.blob(), &open, &self.options.mount_from, check);
        let by = by.map_err(|error| error.in_file(&self.content.file(&blob.digest)))?;
        if by != Moved::Present {
            let mut sent = lock(&self.sent);
            sent.blobs += 1;
            sent.bytes += if by == Moved::Sent { blob.size } else { 0 };
        }
        self.finished(blob, by);
        Ok(())
    }

    fn finished(&self, blob: &Descriptor, by: Moved) {
        self.upload.observer.event(TransferEvent::Finished { digest: blob.digest, bytes: blob.size, by });
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
    fn finish(&self, root: &Node, found: &Found<'_>) -> Result<(), RegistryError> {
        let digest = root.descriptor.digest;
        // Under an immutable tag that names it, the image can only be written by its digest.
        if (found.untagged.is_empty() || is_other(&digest))
            && found.missing.contains(&digest)
            && self.is_named(root)
        {
            self.put(root, &Selector::Digest(digest))?;
        }
        found.untagged.iter().try_for_each(|tag| self.put_tag(root, tag))
    }

    /// Returns whether the image itself is written, and not only what is below it.
    fn is_named(&self, root: &Node) -> bool {
        let is_left = self.options.extent == Extent::Below && self.options.tags.is_empty();
        !is_left || is_other(&root.descriptor.digest)
    }

    /// Reads the image back under each of its names.
    fn read_back(&self, root: &Node) -> Result<(), RegistryError> {
        let mut names: Vec<Selector> = self.options.tags.iter().cloned().map(Selector::Tag).collect();
        if names.is_empty() {
            names.push(Selector::Digest(root.descriptor.digest));
        }
        for_each(names, self.jobs(), |name| self.read_back_name(&name, root))
    }

    /// Reads a manifest back. What was just written may be shown later, as from another copy of the registry's data.
    fn read_back_name(&self, name: &Selector, root: &Node) -> Result<(), RegistryError> {
        let Upload { registry, location, scope, .. } = self.upload;
        let shown = manifest_name(location, name);
        registry.once_shown(&format!("`{shown}` as it was pushed"), || {
            let found = absent_as_none(registry.manifest_at(location, name, scope))?;
            match found {
                Some(found) if found.bytes == root.bytes => Ok(()),
                found => {
                    let (expected, found) =
                        (root.descriptor.digest, found.map(|found| found.descriptor.digest));
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

/// Returns whether a manifest cannot be written by a tag only: a tag does not say of which algorithm the digest is, and registries
/// take SHA-256 then.
fn is_other(digest: &Digest) -> bool {
    digest.algorithm() != Algorithm::Sha256
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
