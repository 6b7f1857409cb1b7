use std::sync::Arc;

use super::error::Refusal;
use super::habits::{Chunks, Locations, Mount, Repositories};
use super::store::{Upload, digest_like};
use super::{Call, State};
use crate::registry::http::Answer;

/// Begins an upload, mounts a blob, or takes a whole one.
pub(super) fn begin(call: &mut Call<'_>, name: &str) -> Result<Answer, Refusal> {
    let must_exist = call.habits.repositories == Repositories::MustExist;
    if must_exist && call.shared.state().store.repository(name).is_none() {
        return Err(Refusal::NameUnknown(name.to_owned()));
    }
    if let Some(digest) = call.request.parameter("mount") {
        if let Some(answer) = mount(call, name, &digest)? {
            return Ok(answer);
        }
    } else if let Some(digest) = call.request.parameter("digest").filter(|_| call.habits.single_post) {
        let bytes = call.body()?;
        return store(call, name, &digest, bytes);
    }
    let mut state = call.shared.state();
    let id = state.store.upload_id();
    state.store.create(name).uploads.insert(id.clone(), Upload::default());
    drop(state);
    Ok(accepted(call, name, &id, 0, 202))
}

/// Mounts a blob; returns `None` if an upload must begin instead.
fn mount(call: &Call<'_>, name: &str, digest: &str) -> Result<Option<Answer>, Refusal> {
    match call.habits.mount {
        Mount::Works => {}
        Mount::Answers(202) => return Ok(None),
        Mount::Answers(403) => {
            return Err(Refusal::Denied("requested access to the resource is denied".into()));
        }
        Mount::Answers(status) => return Ok(Some(Answer::new(status))),
    }
    let Some(from) = call.request.parameter("from") else { return Ok(None) };
    let mut state = call.shared.state();
    let source = state.store.repository(&from).and_then(|source| source.blobs.get(digest)).cloned();
    let Some(blob) = source else { return Ok(None) };
    state.store.create(name).blobs.insert(digest.to_owned(), blob);
    drop(state);
    Ok(Some(created(call, name, digest)))
}

/// Returns the offset of an upload.
pub(super) fn status(call: &Call<'_>, name: &str, id: &str) -> Result<Answer, Refusal> {
    let length = upload(&mut call.shared.state(), name, id)?.bytes.len();
    Ok(accepted(call, name, id, length, 204))
}

/// Appends a chunk.
pub(super) fn append(call: &mut Call<'_>, name: &str, id: &str) -> Result<Answer, Refusal> {
    refuse_credentials(call, id)?;
    let offset = upload(&mut call.shared.state(), name, id)?.bytes.len() as u64;
    if call.habits.chunks == Chunks::Refused {
        return Err(Refusal::Unsupported);
    }
    let first = call.request.headers.get("Content-Range").and_then(|range| range.split('-').next());
    let first = first.map(|first| first.trim_start_matches("bytes ").parse::<u64>());
    let body = call.body()?;
    if first.is_some_and(|first| first != Ok(offset)) {
        return Err(Refusal::Range(offset));
    }
    if let Chunks::AtMost(most) = call.habits.chunks
        && body.len() as u64 > most
    {
        return Err(Refusal::Range(offset));
    }
    let only_first = call.habits.chunks == Chunks::OnlyTheFirst;
    let mut state = call.shared.state();
    let upload = upload(&mut state, name, id)?;
    // ECR answers 201 and forgets the rest.
    if !only_first || upload.chunks == 0 {
        upload.bytes.extend_from_slice(&body);
    }
    upload.chunks += 1;
    let stated = if only_first { offset as usize + body.len() } else { upload.bytes.len() };
    drop(state);
    Ok(accepted(call, name, id, stated, if only_first { 201 } else { 202 }))
}

/// Ends an upload with its last bytes.
pub(super) fn finish(call: &mut Call<'_>, name: &str, id: &str) -> Result<Answer, Refusal> {
    refuse_credentials(call, id)?;
    upload(&mut call.shared.state(), name, id)?;
    let digest = call.request.parameter("digest").unwrap_or_default();
    let body = call.body()?;
    let mut state = call.shared.state();
    let begun = std::mem::take(&mut upload(&mut state, name, id)?.bytes);
    state.store.create(name).uploads.remove(id);
    drop(state);
    // Most uploads are one body, which is not copied.
    let bytes = if begun.is_empty() { body } else { [begun, body].concat() };
    store(call, name, &digest, bytes)
}

/// Forgets an upload.
pub(super) fn cancel(call: &Call<'_>, name: &str, id: &str) -> Result<Answer, Refusal> {
    let mut state = call.shared.state();
    upload(&mut state, name, id)?;
    state.store.create(name).uploads.remove(id);
    Ok(Answer::new(204))
}

fn upload<'s>(state: &'s mut State, name: &str, id: &str) -> Result<&'s mut Upload, Refusal> {
    let found = state.store.repository_mut(name).and_then(|repository| repository.uploads.get_mut(id));
    found.ok_or(Refusal::UploadUnknown)
}

/// Refuses credentials where uploads go to another host.
fn refuse_credentials(call: &Call<'_>, id: &str) -> Result<(), Refusal> {
    if call.habits.locations != Locations::OtherHost || call.request.headers.get("Authorization").is_none() {
        return Ok(());
    }
    call.shared.state().record.faults.push(format!("credentials were sent to the other host of {id}"));
    Err(Refusal::TwoAuthorizations)
}

fn store(call: &Call<'_>, name: &str, digest: &str, bytes: Vec<u8>) -> Result<Answer, Refusal> {
    if digest.starts_with("sha512:") && !call.habits.sha512 {
        return Err(Refusal::DigestInvalid("unsupported digest algorithm".to_owned()));
    }
    let actual = digest_like(digest, &bytes);
    if actual.as_deref() != Some(digest) {
        let message = format!("provided digest did not match uploaded content: {digest}, not {actual:?}");
        return Err(Refusal::DigestInvalid(message));
    }
    call.shared.state().store.create(name).blobs.insert(digest.to_owned(), Arc::new(bytes));
    Ok(created(call, name, digest))
}

fn created(call: &Call<'_>, name: &str, digest: &str) -> Answer {
    let location = format!("/v2/{name}/blobs/{digest}");
    let scheme = call.request.headers.get("X-Forwarded-Proto").unwrap_or("http");
    let location = match (call.habits.locations, call.request.headers.get("Host")) {
        (Locations::Relative, _) | (_, None) => location,
        (_, Some(host)) => format!("{scheme}://{host}{location}"),
    };
    Answer::new(201).with("Location", location).with("Docker-Content-Digest", digest)
}

fn accepted(call: &Call<'_>, name: &str, id: &str, length: usize, status: u16) -> Answer {
    Answer::new(status)
        .with("Location", call.location(&format!("/v2/{name}/blobs/uploads/{id}")))
        .with("Docker-Upload-UUID", id)
        .with("Range", format!("0-{}", length.saturating_sub(1)))
}
