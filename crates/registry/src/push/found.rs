//! Looks up the parts of an image that a registry has before it is pushed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crossdock_oci::{Blob, Digest, Tag};
use ureq::http::Method;

use super::{LookUp, Push, Upload, lock};
use crate::error::RegistryError;
use crate::graph::{Graph, Node};
use crate::registry::{Manifest, Selector, absent_as_none, manifest_name};
use crate::transfer::for_each;

/// The parts of an image that a registry has.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// The tags that do not name the image yet, in their order.
    pub(super) untagged: Vec<&'a Tag>,
    /// The manifests and indexes that it does not have. Cleanup jobs delete what no tag names.
    pub(super) missing: BTreeSet<Digest>,
}

impl Found<'_> {
    /// Returns whether the registry has all documents and tags.
    pub(super) fn is_all(&self) -> bool {
        self.untagged.is_empty() && self.missing.is_empty()
    }
}

/// The answer of a registry about a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Present,
    Absent,
    /// It refuses to tell.
    Hidden,
}

enum Question<'a> {
    Tag(&'a Tag),
    Document(&'a Node),
}

impl<'a> Push<'a> {
    /// Asks the registry for the tags and all documents at once, since each answer takes a round trip and none depends on
    /// another.
    pub(super) fn look_up(&self, graph: &'a Graph) -> Result<Found<'a>, RegistryError> {
        let mut questions: Vec<Question<'a>> = self.options.tags.iter().map(Question::Tag).collect();
        let is_first = self.options.look_up == LookUp::First;
        if is_first {
            questions.extend(graph.nodes.iter().map(Question::Document));
        }
        self.prepare(graph)?;
        let mut found = self.ask(graph, questions)?;
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
        let result =
            for_each(questions.into_iter().enumerate().collect(), self.questions(), |(at, question)| {
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

    /// Asks for a blob.
    pub(super) fn shown(&self, blob: &Blob) -> Result<Shown, RegistryError> {
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
