//! Uploads of blobs (distribution-spec § Pushing blobs).

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossdock_oci::{Blob, Digest, Repository};
use ureq::http::{HeaderValue, Method, Uri};

use crate::auth::{Scope, percent_encode};
use crate::checked::Checked;
use crate::client::{Call, Content, Location, Open, Target, told, unreadable};
use crate::ecr::is_ecr;
use crate::error::RegistryError;
use crate::registry::Registry;
use crate::retry::{self, ATTEMPTS, is_transient};
use crate::source::Source;
use crate::transfer::{Counting, Gate, Moved, TransferEvent, TransferObserver, Unobserved};
use crate::transport::Answer;

/// Uploads blobs to one repository.
pub(crate) struct Upload<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) location: &'a Location,
    pub(crate) scope: &'a Scope,
    pub(crate) observer: &'a dyn TransferObserver,
    pub(crate) gate: Option<&'a Gate>,
    pub(crate) begun: Begun,
}

/// The answers to requests for uploads whose bytes did not follow yet.
#[derive(Default)]
pub(crate) struct Begun(Mutex<BTreeMap<Digest, Result<Answer, RegistryError>>>);

impl Begun {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Digest, Result<Answer, RegistryError>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the registry is asked for a blob before it is uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// It is uploaded only if the registry does not have it.
    First,
    /// It is uploaded unless the registry can take it from another repository: the registry was asked before.
    Mount,
    /// The registry is asked to take it from another repository, and asked for it only if that fails.
    MountFirst,
    /// It is uploaded: the registry said that it has the blob, and then that it has not.
    No,
}

/// The lengths of parts that are tried in turn when a server refuses a request as too large. Cloudflare takes 100 MB, and
/// nginx by default 1 MiB.
const PARTS: [u64; 4] = [90_000_000, 16 << 20, 4 << 20, 1 << 20];

/// The length up to which a blob, such as a configuration, is sent next to the larger ones instead of after them, in bytes.
pub(crate) const SMALL: u64 = 64 << 10;

/// The result of one attempt.
enum Attempt {
    Done,
    /// The server, or a proxy before it, refuses a request of this length.
    TooLarge(RegistryError),
    /// Another attempt may succeed, from a new upload.
    Failed(RegistryError, Option<std::time::Duration>),
}

impl Registry {
    /// Uploads a blob, unless the registry has it. `open` opens its bytes from an offset to their end, again if the upload
    /// has to start anew.
    ///
    /// # Errors
    /// If the registry refuses it, or the bytes cannot be read.
    pub fn put_blob(
        &self,
        repository: &Repository,
        blob: &Blob,
        open: &(dyn Fn(u64) -> io::Result<Box<dyn Read + Send>> + Sync),
    ) -> Result<Moved, RegistryError> {
        let location = Location::of(repository)?;
        let scope = Scope::push(&location.path);
        let open: &Open<'_> = &|at| Ok(open(at)? as Box<dyn Read + Send>);
        let upload = Upload::new(self, &location, &scope, &Unobserved);
        upload.blob(blob, open, &[], Check::First)
    }
}

impl<'a> Upload<'a> {
    /// An upload that waits for nothing and has asked for nothing.
    pub(crate) fn new(
        registry: &'a Registry,
        location: &'a Location,
        scope: &'a Scope,
        observer: &'a dyn TransferObserver,
    ) -> Self {
        Self { registry, location, scope, observer, gate: None, begun: Begun::default() }
    }
}

impl Upload<'_> {
    /// Uploads a blob, or has the registry take it from one of the other repositories of the same host.
    pub(crate) fn blob(
        &self,
        blob: &Blob,
        open: &Open<'_>,
        others: &[Repository],
        check: Check,
    ) -> Result<Moved, RegistryError> {
        let mounts = || others.iter().any(|other| self.mount(blob, other));
        match check {
            Check::First if self.has(blob)? => return Ok(Moved::Present),
            Check::First | Check::Mount | Check::MountFirst if mounts() => return Ok(Moved::Mounted),
            Check::MountFirst if self.has(blob)? => return Ok(Moved::Present),
            _ => {}
        }
        match self.gate {
            Some(gate) if blob.size > SMALL => gate.pass(|| self.bytes(blob, open)),
            _ => self.bytes(blob, open),
        }
    }

    /// Asks for the upload of a blob that the registry is being asked for: the bytes follow at once unless it has the blob. An
    /// upload without bytes expires.
    pub(crate) fn begin(&self, blob: &Blob) {
        let answer = self.registry.client.send_once(&self.start(blob));
        self.begun.lock().insert(blob.digest, answer);
    }

    /// Returns the request that starts an upload.
    fn start(&self, blob: &Blob) -> Call<'_> {
        let action = format!("upload blob {} to `{}`", blob.digest, self.location.path);
        self.registry.call(self.location, Method::POST, "blobs/uploads/", self.scope, action)
    }

    /// Returns whether the registry shows the blob. If it refuses to tell, the upload brings its last word.
    fn has(&self, blob: &Blob) -> Result<bool, RegistryError> {
        match self.registry.has_blob_at(self.location, blob, self.scope) {
            Err(error) if error.is_denied() => Ok(false),
            result => result,
        }
    }

    /// Asks the registry to take a blob from another repository. Any failure means a plain upload.
    fn mount(&self, blob: &Blob, other: &Repository) -> bool {
        let Ok(from) = Location::of(other) else { return false };
        if from.host != self.location.host || from.path == self.location.path {
            return false;
        }
        let path = format!("blobs/uploads/?mount={}&from={}", blob.digest, percent_encode(&from.path));
        let scope = self.scope.clone().and_pull(&from.path);
        let action = format!("mount blob {}", blob.digest);
        let call = self.registry.call(self.location, Method::POST, &path, &scope, action);
        // 202 opens an upload, which is left to expire: it may be bound to the wider token.
        self.registry.client.send_once(&call).is_ok_and(|answer| answer.status == 201)
    }

    fn bytes(&self, blob: &Blob, open: &Open<'_>) -> Result<Moved, RegistryError> {
        let mut part = self.registry.settings().chunk_size.map(NonZeroU64::get).filter(|_| self.may_split());
        let (mut attempt, mut is_checked) = (0, false);
        loop {
            let mut moved = 0;
            let result = self.attempt(blob, open, part, &mut moved);
            if let Ok(Attempt::Failed(error, _)) | Err(error) = &result
                && error.status() == Some(400)
                && !std::mem::replace(&mut is_checked, true)
            {
                check(blob, open)?;
            }
            let (error, asked) = match result? {
                Attempt::Done => return Ok(Moved::Sent),
                Attempt::TooLarge(error) => match self.smaller(part, blob.size) {
                    Some(smaller) => {
                        self.restart(moved);
                        part = Some(smaller);
                        continue;
                    }
                    None => return Err(error),
                },
                Attempt::Failed(error, asked) => (error, asked),
            };
            self.restart(moved);
            attempt += 1;
            if attempt == ATTEMPTS {
                return Err(error);
            }
            if error.is_lost() {
                self.gate.iter().for_each(|gate| gate.halve());
                // The registry may have got it all, and only its answer was lost.
                if self.has(blob)? {
                    return Ok(Moved::Sent);
                }
            }
            retry::wait(attempt - 1, asked, self.registry.settings(), &|| told(&error))?;
        }
    }

    fn restart(&self, moved: u64) {
        if moved > 0 {
            self.observer.event(TransferEvent::Restarted { bytes: moved });
        }
    }

    /// Returns whether the registry takes blobs in parts. ECR drops all parts but the first, and answers 201; Google's
    /// Artifact Registry refuses them.
    fn may_split(&self) -> bool {
        let host = self.location.host.name();
        !is_ecr(host) && !host.ends_with("-docker.pkg.dev")
    }

    fn smaller(&self, part: Option<u64>, size: u64) -> Option<u64> {
        let limit = part.unwrap_or(u64::MAX).min(size);
        PARTS.into_iter().find(|smaller| *smaller < limit).filter(|_| self.may_split())
    }

    fn attempt(
        &self,
        blob: &Blob,
        open: &Open<'_>,
        part: Option<u64>,
        moved: &mut u64,
    ) -> Result<Attempt, RegistryError> {
        let client = &self.registry.client;
        let start = self.start(blob);
        let base = client.address(&start)?;
        let begun = self.begun.lock().remove(&blob.digest);
        let answer = match begun.unwrap_or_else(|| client.send_once(&start)) {
            Ok(answer) if answer.status == 202 => answer,
            result => return self.failed(&start, result),
        };
        let address = client.upload_address(&start, &base, &answer)?;
        let source = Source::new(open);
        let address = match part.filter(|part| *part < blob.size) {
            None => address,
            Some(part) => match self.parts(&start, blob, &source, part, address, moved)? {
                Ok(address) => address,
                Err(attempt) => return Ok(attempt),
            },
        };
        let is_split = part.is_some_and(|part| part < blob.size);
        let length = if is_split { 0 } else { blob.size };
        let mut call = start.clone();
        call.method = Method::PUT;
        call.target = Target::Address(with_digest(&address, blob).ok_or_else(|| {
            client.place(&start).protocol("continues an upload at something that is not an address")
        })?);
        call.headers.insert("content-type", HeaderValue::from_static("application/octet-stream"));
        let result = self.send_range(&call, &source, 0, length, moved);
        match result {
            Ok(answer) if answer.status == 201 => Ok(Attempt::Done),
            // Not the answer of a registry that has created it (distribution-spec § Pushing blobs): it is asked.
            Ok(answer) if matches!(answer.status.as_u16(), 200 | 202 | 204) => match self.has(blob)? {
                true => Ok(Attempt::Done),
                false => {
                    let error = client.place(&call).not_written(answer.status.as_u16());
                    Ok(Attempt::Failed(error, None))
                }
            },
            result => self.failed(&call, result),
        }
    }

    /// Uploads a blob in parts and returns the address for the end of the upload.
    fn parts(
        &self,
        start: &Call<'_>,
        blob: &Blob,
        source: &Source<'_, '_>,
        part: u64,
        mut address: Uri,
        moved: &mut u64,
    ) -> Result<Result<Uri, Attempt>, RegistryError> {
        let client = &self.registry.client;
        // GHCR takes 4 MiB in a request with a range.
        let part = if self.location.host.name() == "ghcr.io" { part.min(4 << 20) } else { part };
        let mut at = 0;
        while at < blob.size {
            let length = part.min(blob.size - at);
            let mut call = start.clone();
            call.method = Method::PATCH;
            call.target = Target::Address(address.clone());
            call.headers.insert("content-type", HeaderValue::from_static("application/octet-stream"));
            let range = format!("{at}-{}", at + length - 1);
            if let Ok(range) = HeaderValue::from_str(&range) {
                call.headers.insert("content-range", range);
            }
            match self.send_range(&call, source, at, length, moved) {
                Ok(answer) if matches!(answer.status.as_u16(), 201 | 202 | 204) => {
                    // A part without a new address is followed by the next one at the same.
                    if answer.header("location").is_some() {
                        address = client.upload_address(&call, &address, &answer)?;
                    }
                }
                result => return self.failed(&call, result).map(Err),
            }
            at += length;
        }
        Ok(Ok(address))
    }

    /// Sends a range of a blob's bytes with a call.
    fn send_range(
        &self,
        call: &Call<'_>,
        source: &Source<'_, '_>,
        at: u64,
        length: u64,
        moved: &mut u64,
    ) -> Result<Answer, RegistryError> {
        if length == 0 {
            return self.registry.client.send_once(call);
        }
        let counted = AtomicU64::new(0);
        let open_range = |from: u64| -> io::Result<Box<dyn Read + Send + '_>> {
            let reader = source.open_at(at + from)?.take(length - from);
            Ok(Box::new(Counting::new(reader, self.observer, &counted)))
        };
        let content = Content::Blob { open: &open_range, length };
        let result = self.registry.client.send_once(&Call { content, ..call.clone() });
        *moved += counted.load(Ordering::Relaxed);
        result
    }

    /// Sorts the failures of an attempt.
    fn failed(
        &self,
        call: &Call<'_>,
        result: Result<Answer, RegistryError>,
    ) -> Result<Attempt, RegistryError> {
        let answer = match result {
            Ok(answer) => answer,
            Err(error) if error.is_lost() => return Ok(Attempt::Failed(error, None)),
            // That of a token server.
            Err(RegistryError::Refused(refusal)) if is_transient(refusal.status) => {
                let asked = refusal.retry_after;
                return Ok(Attempt::Failed(RegistryError::Refused(refusal), asked));
            }
            Err(error) => return Err(error),
        };
        let (status, asked) = (answer.status.as_u16(), answer.retry_after());
        let error = self.registry.client.refused(call, answer);
        let code = error.code().unwrap_or_default();
        let is_of_upload = code.starts_with("BLOB_UPLOAD_")
            || matches!(code, "DIGEST_INVALID" | "SIZE_INVALID" | "RANGE_INVALID");
        match status {
            413 => Ok(Attempt::TooLarge(error)),
            // A load balancer sends 400 without a code where the body came too slowly.
            400 if code.is_empty() => Ok(Attempt::Failed(error, asked)),
            416 => Ok(Attempt::Failed(error, asked)),
            _ if is_of_upload || is_transient(status) => Ok(Attempt::Failed(error, asked)),
            _ => Err(error),
        }
    }
}

/// Reads a blob that a registry refuses, and returns an error if its bytes are not those of its digest. They are not hashed while
/// they are sent: the registry does that (distribution-spec § Pushing blobs), and hashing takes longer than sending.
fn check(blob: &Blob, open: &Open<'_>) -> Result<(), RegistryError> {
    let read = open(0).and_then(|reader| io::copy(&mut Checked::new(reader, *blob), &mut io::sink()));
    read.map(drop).map_err(unreadable)
}

/// Returns the address that ends an upload.
fn with_digest(address: &Uri, blob: &Blob) -> Option<Uri> {
    let separator = match address.query() {
        None => "?",
        Some("") => "",
        Some(_) => "&",
    };
    format!("{address}{separator}digest={}", percent_encode(&blob.digest.to_string())).parse().ok()
}
