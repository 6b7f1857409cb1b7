use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::error::Refusal;
use super::habits::{Content, Referrers, Repositories, Tags};
use super::store::{Manifest, Repository, digest_like};
use super::{Call, State};
use crate::registry::http::Answer;

/// The largest manifest that most registries accept.
const LARGEST: usize = 4 << 20;

/// The media type of an index.
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Answers a request for a manifest by tag or digest.
pub(super) fn get(call: &Call<'_>, name: &str, reference: &str) -> Result<Answer, Refusal> {
    let state = call.shared.state();
    let repository = state.store.repository(name).ok_or_else(|| Refusal::NameUnknown(name.to_owned()))?;
    let digest = repository.tags.get(reference).map_or(reference, String::as_str);
    let manifest = repository.manifests.get(digest);
    let manifest = manifest.ok_or_else(|| Refusal::ManifestUnknown(reference.to_owned()))?;
    let answer =
        Answer::new(200).with("Content-Type", &manifest.media_type).with("Docker-Content-Digest", digest);
    Ok(Answer { body: Arc::clone(&manifest.bytes), ..answer })
}

/// Takes a manifest.
pub(super) fn put(call: &mut Call<'_>, name: &str, reference: &str) -> Result<Answer, Refusal> {
    let bytes = call.body()?;
    let media_type = call.request.headers.get("Content-Type").unwrap_or_default().to_owned();
    let state = &mut *call.shared.state();
    check_rate(call, state)?;
    if state.store.repository(name).is_none() && call.habits.repositories == Repositories::MustExist {
        return Err(Refusal::NameUnknown(name.to_owned()));
    }
    let repository = state.store.create(name);
    let (digest, tags) = names(call, repository, reference, &bytes)?;
    let document: Value =
        serde_json::from_slice(&bytes).map_err(|error| Refusal::ManifestInvalid(error.to_string()))?;
    if document["mediaType"].as_str().is_some_and(|stated| stated != media_type) {
        let message = format!("the document is {}, the request {media_type:?}", document["mediaType"]);
        return Err(Refusal::ManifestInvalid(message));
    }
    let manifest = Manifest { media_type, bytes: Arc::new(bytes) };
    let missing = repository.missing(&manifest);
    if let Some(first) = missing.first() {
        if call.habits.content == Content::Checked {
            return Err(Refusal::ContentUnknown(first.clone()));
        }
        let fault = format!("{name}: {reference} was pushed before {}", missing.join(", "));
        state.record.faults.push(fault);
    }
    let subject = document["subject"]["digest"].as_str().map(str::to_owned);
    let repository = state.store.create(name);
    repository.manifests.insert(digest.clone(), manifest);
    for tag in &tags {
        repository.tags.insert(tag.clone(), digest.clone());
    }
    Ok(accepted(call, name, &digest, subject, &tags))
}

fn check_rate(call: &Call<'_>, state: &mut State) -> Result<(), Refusal> {
    let Some(most) = call.habits.manifests_per_second else { return Ok(()) };
    let accepted = &mut state.store.accepted_manifests;
    accepted.retain(|time| time.elapsed() < Duration::from_secs(1));
    if accepted.len() >= most {
        return Err(Refusal::TooMany);
    }
    accepted.push(Instant::now());
    Ok(())
}

/// Returns the digest and the tags under which a manifest is pushed, after checking that they are allowed. A push by digest
/// names its tags as parameters.
fn names(
    call: &Call<'_>,
    repository: &Repository,
    reference: &str,
    bytes: &[u8],
) -> Result<(String, Vec<String>), Refusal> {
    if bytes.len() > LARGEST {
        return Err(Refusal::ManifestInvalid(format!("a manifest has at most {LARGEST} bytes")));
    }
    if reference.starts_with("sha512:") && !call.habits.sha512 {
        return Err(Refusal::DigestInvalid("unsupported digest algorithm".to_owned()));
    }
    let by_digest = reference.contains(':');
    let wanted = if by_digest { reference } else { "sha256:" };
    let digest = digest_like(wanted, bytes);
    let digest = digest.filter(|digest| !by_digest || digest == reference);
    let digest = digest.ok_or_else(|| Refusal::DigestInvalid(format!("{reference} is not its digest")))?;
    let tags = if by_digest { call.request.parameters("tag") } else { vec![reference.to_owned()] };
    for tag in &tags {
        let now = repository.tags.get(tag);
        match call.habits.tags {
            Tags::Immutable if now.is_some_and(|now| *now != digest) => {
                return Err(Refusal::Denied("mutable tag cannot be overwritten".to_owned()));
            }
            Tags::ImmutableEvenIfEqual if now.is_some() => return Err(Refusal::TagImmutable(tag.clone())),
            _ => {}
        }
    }
    Ok((digest, tags))
}

fn accepted(call: &Call<'_>, name: &str, digest: &str, subject: Option<String>, tags: &[String]) -> Answer {
    let mut answer = Answer::new(201);
    if call.habits.manifest_location {
        let location = format!("/v2/{name}/manifests/{digest}");
        answer = answer.with("Location", location).with("Docker-Content-Digest", digest);
    }
    if let Some(subject) = subject.filter(|_| call.habits.referrers.lists()) {
        answer = answer.with("OCI-Subject", subject);
    }
    if let Some(tag) = tags.first().filter(|_| call.request.parameter("tag").is_some()) {
        answer = answer.with("OCI-Tag", tag);
    }
    answer
}

/// Lists tags, in pages if the client wishes so.
pub(super) fn tags(call: &Call<'_>, name: &str) -> Result<Answer, Refusal> {
    let state = call.shared.state();
    let repository = state.store.repository(name).ok_or_else(|| Refusal::NameUnknown(name.to_owned()))?;
    let last = call.request.parameter("last").unwrap_or_default();
    let mut tags: Vec<&String> = repository.tags.keys().filter(|tag| **tag > last).collect();
    let most = call.request.parameter("n").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
    let more = tags.len() > most;
    tags.truncate(most);
    let document = json!({ "name": name, "tags": tags });
    let answer = Answer::new(200).body("application/json", document.to_string());
    Ok(match tags.last().filter(|_| more) {
        Some(last) => {
            let link = format!("</v2/{name}/tags/list?n={most}&last={last}>; rel=\"next\"");
            answer.with("Link", link)
        }
        None => answer,
    })
}

/// Lists the manifests that name a subject.
pub(super) fn referrers(call: &Call<'_>, name: &str, subject: &str) -> Result<Answer, Refusal> {
    match call.habits.referrers {
        Referrers::Absent => return Err(Refusal::NotFound),
        Referrers::Subject => return get(call, name, subject),
        Referrers::Api | Referrers::ApiWithNull => {}
    }
    let state = call.shared.state();
    let wanted = call.request.parameter("artifactType");
    let manifests = state.store.repository(name).map(|repository| &repository.manifests);
    let descriptors = manifests.into_iter().flatten().filter_map(|(digest, manifest)| {
        let document = manifest.document();
        if document["subject"]["digest"] != subject {
            return None;
        }
        let kind = document["artifactType"].as_str().or(document["config"]["mediaType"].as_str());
        if wanted.is_some() && wanted.as_deref() != kind {
            return None;
        }
        let mut descriptor = json!({
            "mediaType": manifest.media_type, "digest": digest, "size": manifest.bytes.len(), "artifactType": kind,
        });
        if document["annotations"].is_object() {
            descriptor["annotations"] = document["annotations"].clone();
        }
        Some(descriptor)
    });
    let mut list = Value::Array(descriptors.collect());
    if call.habits.referrers == Referrers::ApiWithNull && list.as_array().is_some_and(Vec::is_empty) {
        list = Value::Null;
    }
    let document = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": list });
    let answer = Answer::new(200).body(INDEX, document.to_string());
    Ok(if wanted.is_some() { answer.with("OCI-Filters-Applied", "artifactType") } else { answer })
}
