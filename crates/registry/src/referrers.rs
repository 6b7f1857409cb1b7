//! Manifests about other manifests: signatures, attestations, SBOMs (distribution-spec § Listing Referrers).

use std::time::{Duration, Instant};

use crossdock_oci::{Blob, Descriptor, Digest, Repository, Tag, media_type};
use serde_json::{Value, json};
use ureq::http::Method;

use crate::auth::Scope;
use crate::client::{Location, Target};
use crate::error::{RegistryError, explanation};
use crate::registry::{LIST_LIMIT, Listed, Manifest, Registry, Selector, absent_as_none};
use crate::retry;

/// A manifest that is about another one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Referrer {
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// Its kind, such as `application/vnd.dev.sigstore.bundle.v0.3+json`; empty if the list does not say.
    pub artifact_type: String,
}

/// The number of attempts to add an entry to a list that others write too.
const ATTEMPTS: u32 = 20;
/// The number of pages of a list that are read.
const PAGES: usize = 100;
/// The shortest time after which an entry is looked for again.
const SETTLE: Duration = Duration::from_millis(150);
/// The longest time of that kind.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

impl Registry {
    /// Returns the manifests that are about another one: from the registry's list, or, where it keeps none, from the index
    /// under the tag `sha256-<hex>`.
    ///
    /// # Errors
    /// If the registry does not answer, or with something else than a list.
    pub fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Vec<Referrer>, RegistryError> {
        let location = Location::of(repository)?;
        let scope = Scope::pull(&location.path);
        self.referrers_at(&location, subject, &scope)
    }

    /// Writes a manifest that is about another one, whose blobs must be there. Where the registry keeps no list of referrers,
    /// the manifest joins the index under the tag `sha256-<hex>`, also while others write it.
    ///
    /// # Errors
    /// If the registry refuses the manifest or the tag.
    pub fn put_referrer(
        &self,
        repository: &Repository,
        media_type: &str,
        bytes: &[u8],
        subject: &Digest,
    ) -> Result<Digest, RegistryError> {
        let location = Location::of(repository)?;
        let scope = Scope::push(&location.path);
        let blob = Blob { digest: Digest::of(bytes), size: bytes.len() as u64 };
        let descriptor = Descriptor::new(media_type, blob);
        let manifest = Manifest { descriptor, bytes: bytes.to_vec() };
        self.put_referrer_at(&location, &manifest, subject, &scope)?;
        Ok(blob.digest)
    }

    pub(crate) fn referrers_at(
        &self,
        location: &Location,
        subject: &Digest,
        scope: &Scope,
    ) -> Result<Vec<Referrer>, RegistryError> {
        self.referrers_by(location, subject, scope, &mut Lists::default())
    }

    /// Returns what is about a manifest, and learns whether the registry keeps lists.
    pub(crate) fn referrers_by(
        &self,
        location: &Location,
        subject: &Digest,
        scope: &Scope,
        lists: &mut Lists<'_>,
    ) -> Result<Vec<Referrer>, RegistryError> {
        let listed = if lists.are_absent { None } else { self.listed(location, subject, scope, lists)? };
        if let Some(entries) = listed {
            return Ok(entries.iter().filter_map(referrer).collect());
        }
        let list = if lists.may_have_tag(subject) { self.fallback(location, subject, scope)? } else { None };
        Ok(list.map_or_else(Vec::new, |list| entries(&list.bytes)).iter().filter_map(referrer).collect())
    }

    /// Reads the registry's list; `None` if it keeps none.
    fn listed(
        &self,
        location: &Location,
        subject: &Digest,
        scope: &Scope,
        lists: &mut Lists<'_>,
    ) -> Result<Option<Vec<Value>>, RegistryError> {
        let path = format!("referrers/{subject}");
        let action = format!("list what is about {subject}");
        let mut call = self.call(location, Method::GET, &path, scope, action).accepting(media_type::INDEX);
        let (mut found, mut length) = (Vec::new(), 0);
        for number in 0..PAGES {
            let base = self.client.address(&call)?;
            // Registries that do not know the API answer in all these ways. After a first page it is known.
            let unknown: &[u16] = &[200, 400, 404, 405, 406, 415, 501];
            let page = self.client.document(&call, if number == 0 { unknown } else { &[200] })?;
            if page.status != 200 {
                // Without a code of the specification, the address is unknown, whatever it is about.
                if matches!(explanation(&page.bytes).0.as_deref(), None | Some("UNSUPPORTED")) {
                    lists.are_absent = true;
                }
                return Ok(None);
            }
            let next = self.client.next_page(&call, &base, &page.headers)?;
            let bytes = page.bytes;
            length += bytes.len() as u64;
            if length > LIST_LIMIT {
                return Err(self.client.place(&call).protocol(format!("lists more than {LIST_LIMIT} bytes")));
            }
            if number > 0 && !is_list(&bytes) {
                return Err(self.client.place(&call).protocol("answers with something else than a list"));
            }
            // Some serve the subject itself at this address, or a page for people.
            if subject.is_of(&bytes) || !is_list(&bytes) {
                return Ok(None);
            }
            found.extend(entries(&bytes));
            let Some(next) = next else { return Ok(Some(found)) };
            call.target = Target::Address(next);
        }
        Err(self.client.place(&call).protocol(format!("lists more than {PAGES} pages")))
    }

    /// Reads the index under the fallback tag; `None` if there is none.
    fn fallback(
        &self,
        location: &Location,
        subject: &Digest,
        scope: &Scope,
    ) -> Result<Option<Manifest>, RegistryError> {
        let Ok(tag) = fallback_tag(subject) else { return Ok(None) };
        absent_as_none(self.manifest_at(location, &Selector::Tag(tag), scope))
    }

    /// Writes a manifest that is about another one, and lists it under the fallback tag if the registry does not.
    pub(crate) fn put_referrer_at(
        &self,
        location: &Location,
        manifest: &Manifest,
        subject: &Digest,
        scope: &Scope,
    ) -> Result<(), RegistryError> {
        let selector = Selector::Digest(manifest.descriptor.digest);
        let kind = &manifest.descriptor.media_type;
        match self.put_manifest_at(location, &selector, kind, &manifest.bytes, scope)? {
            Listed::BySubject => Ok(()),
            Listed::No => self.add_to_fallback(location, manifest, subject, scope),
        }
    }

    /// Adds a manifest to the index under the fallback tag. Others may write the tag at the same time, and registries have no
    /// conditional writes: each writer looks again until its entry stays.
    fn add_to_fallback(
        &self,
        location: &Location,
        manifest: &Manifest,
        subject: &Digest,
        scope: &Scope,
    ) -> Result<(), RegistryError> {
        let Ok(tag) = fallback_tag(subject) else { return Ok(()) };
        let selector = Selector::Tag(tag);
        let digest = manifest.descriptor.digest;
        let settings = self.settings();
        for attempt in 0..ATTEMPTS {
            let started = Instant::now();
            let list = self.fallback(location, subject, scope)?;
            let known = list.map_or_else(Vec::new, |list| entries(&list.bytes));
            if attempt > 0 && known.iter().any(|entry| is_of(entry, &digest)) {
                return Ok(());
            }
            let list = with_entry(known, manifest);
            self.put_manifest_at(location, &selector, media_type::INDEX, &list, scope)
                .map_err(|error| error.for_fallback_tag(&selector.to_string()))?;
            // Another writer that read the list before this one wrote it writes within about that time.
            let settled = (started.elapsed() * 3).max(SETTLE).mul_f64(1.0 + retry::chance());
            retry::sleep(settled.min(LONGEST_WAIT), &settings.cancel)?;
        }
        Err(self
            .client
            .place(&self.call(
                location,
                Method::PUT,
                "",
                scope,
                format!("list {digest} under the tag {selector}"),
            ))
            .protocol("loses the entry whenever it is written; other writers replace the tag"))
    }
}

/// The knowledge about a repository's lists of referrers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lists<'a> {
    /// Whether the registry answered that it keeps none.
    are_absent: bool,
    /// All tags of the repository, of which some may be of lists; `None` if they are unknown.
    tags: Option<&'a [String]>,
}

impl<'a> Lists<'a> {
    /// Returns the lists of a repository with these tags.
    pub(crate) fn new(tags: Option<&'a [String]>) -> Self {
        Self { are_absent: false, tags }
    }

    /// Returns whether there may be a list under the fallback tag.
    fn may_have_tag(&self, subject: &Digest) -> bool {
        let Some(tags) = self.tags else { return true };
        fallback_tag(subject).is_ok_and(|tag| tags.iter().any(|listed| *listed == tag.to_string()))
    }
}

fn fallback_tag(subject: &Digest) -> Result<Tag, crossdock_oci::ReferenceError> {
    // At most 64 digits (distribution-spec § Referrers Tag Schema).
    format!("{}-{}", subject.algorithm(), &subject.hex()[..64]).parse()
}

/// Returns whether a document is an index. An empty list may be `null`.
fn is_list(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Value>(bytes).is_ok_and(|list| {
        list.get("manifests").is_some_and(|manifests| manifests.is_array() || manifests.is_null())
    })
}

/// Returns the entries of an index, with fields that are not known.
fn entries(index: &[u8]) -> Vec<Value> {
    match serde_json::from_slice::<Value>(index) {
        Ok(Value::Object(mut index)) => match index.remove("manifests") {
            Some(Value::Array(entries)) => entries,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn referrer(entry: &Value) -> Option<Referrer> {
    let descriptor = serde_json::from_value(entry.clone()).ok()?;
    let artifact_type = entry.get("artifactType").and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(Referrer { descriptor, artifact_type })
}

fn is_of(entry: &Value, digest: &Digest) -> bool {
    entry.get("digest").and_then(Value::as_str) == Some(digest.to_string().as_str())
}

/// Returns an index with one more entry: the descriptor, the kind and the annotations of a manifest (distribution-spec
/// § Pushing Manifests with Subject).
fn with_entry(mut entries: Vec<Value>, manifest: &Manifest) -> Vec<u8> {
    let Descriptor { media_type, digest, size, .. } = &manifest.descriptor;
    if !entries.iter().any(|entry| is_of(entry, digest)) {
        let document: Value = serde_json::from_slice(&manifest.bytes).unwrap_or_default();
        let mut entry = json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size });
        let kind =
            document.get("artifactType").filter(|kind| kind.as_str().is_some_and(|kind| !kind.is_empty()));
        // Without a kind of its own, a manifest has that of its configuration.
        if let Some(kind) = kind.or_else(|| document.get("config")?.get("mediaType")) {
            entry["artifactType"] = kind.clone();
        }
        if let Some(annotations) = document.get("annotations").filter(|annotations| annotations.is_object()) {
            entry["annotations"] = annotations.clone();
        }
        entries.push(entry);
    }
    let index = json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": entries });
    index.to_string().into_bytes()
}
