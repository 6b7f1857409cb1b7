use std::sync::Arc;

use super::Call;
use super::error::Refusal;
use crate::registry::http::Answer;

/// Answers a request for a blob, or redirects it.
pub(super) fn get(call: &Call<'_>, name: &str, digest: &str) -> Result<Answer, Refusal> {
    if !call.habits.redirects_blobs || call.request.method == "HEAD" {
        return content(call, name, digest);
    }
    content(call, name, digest)?;
    let scheme = call.request.headers.get("X-Forwarded-Proto").unwrap_or("http");
    let host = call.on_other_host();
    Ok(Answer::new(307).with("Location", format!("{scheme}://{host}/storage/{name}/{digest}?signature=1")))
}

/// Answers as a storage service does, whose URLs hold the right to read. It refuses any other right.
pub(super) fn from_storage(call: &Call<'_>, name: &str, digest: &str) -> Result<Answer, Refusal> {
    if call.request.headers.get("Authorization").is_some() {
        let fault = format!("credentials were sent to the storage service for {digest}");
        call.shared.state().record.faults.push(fault);
        return Err(Refusal::TwoAuthorizations);
    }
    content(call, name, digest)
}

fn content(call: &Call<'_>, name: &str, digest: &str) -> Result<Answer, Refusal> {
    let state = call.shared.state();
    let repository = state.store.repository(name).ok_or_else(|| Refusal::NameUnknown(name.to_owned()))?;
    let blob = repository.blobs.get(digest).ok_or_else(|| Refusal::BlobUnknown(digest.to_owned()))?;
    let answer = Answer::new(200)
        .with("Content-Type", "application/octet-stream")
        .with("Docker-Content-Digest", digest)
        .with("Accept-Ranges", "bytes");
    let Some(range) = call.request.headers.get("Range") else {
        return Ok(Answer { body: Arc::clone(blob), ..answer });
    };
    let (first, last) = range_of(range, blob.len()).ok_or(Refusal::Range(blob.len() as u64))?;
    let content_range = format!("bytes {first}-{last}/{}", blob.len());
    let body = Arc::new(blob[first..=last].to_vec());
    Ok(Answer { status: 206, body, ..answer.with("Content-Range", content_range) })
}

/// Returns the first and last byte of `bytes=FIRST-[LAST]`; `None` if the blob has no such bytes.
fn range_of(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let first: usize = first.parse().ok()?;
    let last = if last.is_empty() { length.checked_sub(1)? } else { last.parse().ok()? };
    let last = last.min(length.checked_sub(1)?);
    (first <= last).then_some((first, last))
}
