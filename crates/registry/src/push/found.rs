//! Looks up the parts of an image that a registry has before it is pushed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crossdock_oci::{Blob, Descriptor, Digest, Tag};
use ureq::http::Method;

use super::{LookUp, Push, Upload, lock};
use crate::error::RegistryError;
use crate::graph::{Graph, Node};
use crate::registry::{Manifest, Selector, absent_as_none, manifest_name};
use crate::transfer::for_each;
use crate::upload::SMALL;

/// The parts of an image that a registry has.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// The tags that do not name the image yet, in their order.
    pub(super) untagged: Vec<&'a Tag>,
    /// The manifests and indexes that it does not have. Cleanup jobs delete what no tag names.
    pub(super) missing: BTreeSet<Digest>,
    /// The blobs that it was asked for.
    blobs: BTreeMap<Digest, Shown>,
}

/// The answer of a registry about a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Present,
    Absent,
    /// It refuses to tell.
    Hidden,
}

impl Found<'_> {
    /// Returns the registry's answer about a blob; `None` if it was not asked.
    pub(super) fn blob(&self, digest: &Digest) -> Option<Shown> {
        self.blobs.get(digest).copied()
    }
}

enum Question<'a> {
    Tag(&'a Tag),
    Document(&'a Node),
    Blob(Blob),
    /// Not a question: an upload is asked for meanwhile.
    Upload(Blob),
}

impl<'a> Push<'a> {
    /// Asks the registry what it has: for the tags and all documents at once, since each answer takes a round trip and none
    /// depends on another, and then for all blobs, unless everything is there. Blobs of documents that are there are asked for
    /// too: damaged storage and cleanup jobs delete blobs of manifests that stay.
    pub(super) fn look_up(&self, graph: &'a Graph) -> Result<Found<'a>, RegistryError> {
        let mut questions: Vec<Question<'a>> = self.options.tags.iter().map(Question::Tag).collect();
        let is_first = self.options.look_up == LookUp::First;
        if is_first {
            questions.extend(graph.nodes.iter().map(Question::Document));
        }
        self.prepare(graph)?;
        let mut found = self.ask(graph, questions)?;
        let has_all = found.untagged.is_empty() && found.missing.is_empty();
        // A push that is verified also verifies the blobs that it does not send.
        if is_first && (!has_all || self.upload.registry.settings().verify_pushes) {
            let blobs = self.blobs(&graph.nodes.iter().collect::<Vec<_>>());
            let mut questions: Vec<_> = blobs.iter().map(|blob| Question::Blob(blob.blob())).collect();
            questions.extend(self.first_upload(graph, &found).map(Question::Upload));
            found.blobs = self.ask(graph, questions)?.blobs;
        }
        // The order of the options, whatever the order of the answers.
        found.untagged = self.options.tags.iter().filter(|tag| found.untagged.contains(tag)).collect();
        if !is_first {
            found.missing = graph.nodes.iter().map(|node| node.descriptor.digest).collect();
        }
        // An index is written again after something that it lists: a registry may hold it, and refuse to serve it.
        for node in &graph.nodes {
            if node.children.iter().any(|child| found.missing.contains(child)) {
                found.missing.insert(node.descriptor.digest);
            }
        }
        Ok(found)
    }

    /// Returns the blob whose upload is asked for while the registry is asked for all blobs, so that its bytes start a round trip
    /// earlier: the largest one. If the registry has a part of the image, it may have this blob too.
    fn first_upload(&self, graph: &Graph, found: &Found<'_>) -> Option<Blob> {
        let is_new = graph.nodes.iter().all(|node| found.missing.contains(&node.descriptor.digest));
        if !is_new || !self.options.mount_from.is_empty() || self.jobs() == 1 {
            return None;
        }
        let blobs = self.blobs(&graph.nodes.iter().collect::<Vec<_>>());
        blobs.iter().map(Descriptor::blob).filter(|blob| blob.size > SMALL).max_by_key(|blob| blob.size)
    }

    /// Sends the request that each of the others would send first.
    fn prepare(&self, graph: &Graph) -> Result<(), RegistryError> {
        let Upload { registry, location, scope, .. } = self.upload;
        let tag = self.options.tags.first().cloned().map(Selector::Tag);
        let image = graph.root().map(|root| Selector::Digest(root.descriptor.digest));
        let Some(selector) = tag.or(image) else { return Ok(()) };
        let action = format!("read `{}`", manifest_name(location, &selector));
        registry.client.prepare(&registry.call(location, Method::GET, "", scope, action))
    }

    fn ask(&self, graph: &Graph, questions: Vec<Question<'a>>) -> Result<Found<'a>, RegistryError> {
        let (found, failed) = (Mutex::new(Found::default()), Mutex::new(BTreeMap::new()));
        // Answers are short, so there may be more of these than of uploads, unless only one request at a time is wanted.
        let threads = if self.jobs() == 1 { 1 } else { 4 * self.jobs() };
        let result = for_each(questions.into_iter().enumerate().collect(), threads, |(at, question)| {
            self.answer(graph, question, &found).map_err(|error| {
                lock(&failed).insert(at, error);
                RegistryError::Cancelled
            })
        });
        // The first one asks for a tag, and its answer has words; those to `HEAD` have none.
        match (failed.into_inner().unwrap_or_default().pop_first(), result) {
            (Some((_, error)), _) | (None, Err(error)) => Err(error),
            (None, Ok(())) => Ok(found.into_inner().unwrap_or_default()),
        }
    }

    fn answer(
        &self,
        graph: &Graph,
        question: Question<'a>,
        found: &Mutex<Found<'a>>,
    ) -> Result<(), RegistryError> {
        match question {
            Question::Tag(tag) => {
                let root = graph.root().map(|root| &root.bytes);
                if self.tagged(tag)?.is_none_or(|named| Some(&named.bytes) != root) {
                    lock(found).untagged.push(tag);
                }
            }
            Question::Document(node) => {
                if !self.has(node, graph)? {
                    lock(found).missing.insert(node.descriptor.digest);
                }
            }
            Question::Blob(blob) => {
                let shown = self.shown(&blob)?;
                lock(found).blobs.insert(blob.digest, shown);
            }
            Question::Upload(blob) => self.upload.begin(&blob),
        }
        Ok(())
    }

    /// Returns the manifest that a tag names; `None` if it names none.
    fn tagged(&self, tag: &Tag) -> Result<Option<Manifest>, RegistryError> {
        let Upload { registry, location, scope, .. } = self.upload;
        let named = registry.manifest_at(location, &Selector::Tag(tag.clone()), scope);
        hidden_as_none(named)
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

    fn shown(&self, blob: &Blob) -> Result<Shown, RegistryError> {
        let Upload { registry, location, scope, .. } = self.upload;
        match registry.has_blob_at(location, blob, scope) {
            Ok(true) => Ok(Shown::Present),
            Ok(false) => Ok(Shown::Absent),
            Err(error) if error.is_denied() => Ok(Shown::Hidden),
            Err(error) => Err(error),
        }
    }
}

/// Returns `None` for what a registry does not have or refuses to show. If it refuses everything, the upload fails.
fn hidden_as_none<T>(result: Result<T, RegistryError>) -> Result<Option<T>, RegistryError> {
    match absent_as_none(result) {
        Err(error) if error.is_denied() => Ok(None),
        result => result,
    }
}
