//! A registry of ours: in memory, as the [distribution specification] describes, with switchable habits of hosted services
//! and a record of each request.
//!
//! [distribution specification]: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md

mod authorization;
mod blobs;
mod error;
mod habits;
mod manifests;
mod record;
mod route;
mod store;
mod uploads;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use habits::{Auth, Chunks, Content, Habits, Locations, Mount, Referrers, Repositories, Tags};
pub use record::{Entry, Record};
pub use store::{Digest, Manifest};

use super::http::{Answer, Connection, Flow, Handler, HttpServer, Request};
use authorization::Tokens;
use error::Refusal;
use route::Route;
use store::Store;

/// The host name under which the registry hands out storage and upload locations when they must be on another host than
/// `127.0.0.1`. It is the same server.
pub const OTHER_HOST: &str = "localhost";

/// A running registry, which ends when it is dropped.
#[derive(Debug)]
pub struct MemoryRegistry {
    server: HttpServer,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    habits: Habits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    store: Store,
    tokens: Tokens,
    record: Record,
}

impl MemoryRegistry {
    /// Starts an empty registry on a free port of the loopback interface.
    pub fn start(habits: Habits) -> Self {
        let shared = Arc::new(Shared { habits, state: Mutex::default() });
        let server = HttpServer::start(Service(Arc::clone(&shared)));
        Self { server, shared }
    }

    /// Returns its port.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Returns `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// Creates an empty repository, which registries like ECR want before a push.
    pub fn create(&self, repository: &str) {
        self.shared.state().store.create(repository);
    }

    /// Returns the digest of a tag.
    pub fn tag(&self, repository: &str, tag: &str) -> Option<Digest> {
        self.shared.state().store.repository(repository)?.tags.get(tag).cloned()
    }

    /// Returns the tags of a repository in order.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let state = self.shared.state();
        state.store.repository(repository).map_or(Vec::new(), |found| found.tags.keys().cloned().collect())
    }

    /// Returns a manifest by its digest.
    pub fn manifest(&self, repository: &str, digest: &str) -> Option<Manifest> {
        self.shared.state().store.repository(repository)?.manifests.get(digest).cloned()
    }

    /// Removes a manifest or blob, as a cleanup job does; returns whether it was there.
    pub fn remove(&self, repository: &str, digest: &str) -> bool {
        self.shared.state().store.remove(repository, digest)
    }

    /// Makes all tokens that were handed out invalid.
    pub fn expire_tokens(&self) {
        self.shared.state().tokens.expire();
    }

    /// Returns one line for each tag that names something whose content is not all there, or that did so when it was
    /// pushed, and for each credential that was sent to another host.
    pub fn faults(&self) -> Vec<String> {
        let state = self.shared.state();
        let mut faults = state.record.faults.clone();
        faults.extend(state.store.broken_tags());
        faults
    }

    /// Returns the requests so far.
    pub fn record(&self) -> Record {
        self.shared.state().record.clone()
    }

    /// Forgets the requests so far.
    pub fn forget_record(&self) {
        self.shared.state().record = Record::default();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Service(Arc<Shared>);

/// A request that passed authorization, with what its handler needs.
struct Call<'c> {
    habits: &'c Habits,
    shared: &'c Shared,
    connection: &'c mut Connection,
    request: &'c Request,
    /// The bytes of the body that were read.
    received: u64,
}

impl Call<'_> {
    /// Reads the whole body. One above the registry's limit is refused after its first byte too much, and the rest is
    /// never read.
    fn body(&mut self) -> Result<Vec<u8>, Refusal> {
        let limit = self.habits.body_limit.unwrap_or(u64::MAX);
        if self.request.headers.body_length().is_some_and(|length| length > limit) {
            return Err(Refusal::TooLarge);
        }
        let (mut body, mut excess) = (Vec::new(), false);
        let read = self.connection.read_body(self.request, &mut |part| {
            body.extend_from_slice(part);
            excess = body.len() as u64 > limit;
            if excess { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(()) }
        });
        self.received = body.len() as u64;
        match read {
            Ok(()) => Ok(body),
            Err(_) if excess => Err(Refusal::TooLarge),
            Err(error) => Err(Refusal::Broken(error)),
        }
    }

    /// Returns a Location in the registry's manner.
    fn location(&self, path: &str) -> String {
        let scheme = self.request.headers.get("X-Forwarded-Proto").unwrap_or("http");
        let host = self.request.headers.get("Host").unwrap_or_default();
        match self.habits.locations {
            Locations::Relative => path.to_owned(),
            Locations::Absolute => format!("{scheme}://{host}{path}"),
            Locations::OtherHost => format!("{scheme}://{}{path}", self.on_other_host()),
        }
    }

    /// Returns the other name of this server with the port that the client used; behind a [`Tunnel`](super::Tunnel), where
    /// it used none, with the server's own.
    fn on_other_host(&self) -> String {
        let host = self.request.headers.get("Host").unwrap_or_default();
        match host.rsplit_once(':') {
            Some((_, port)) => format!("{OTHER_HOST}:{port}"),
            None => format!("{OTHER_HOST}:{}", self.connection.port()),
        }
    }
}

impl Handler for Service {
    fn serve(&self, connection: &mut Connection, request: &Request) -> io::Result<Flow> {
        let shared = &*self.0;
        let mut call = Call { habits: &shared.habits, shared, connection, request, received: 0 };
        let answered = answer(&mut call);
        let received = call.received;
        std::thread::sleep(shared.habits.delay);
        let refused = answered.is_err();
        let mut answer = match answered {
            Ok(answer) => answer,
            Err(Refusal::Broken(error)) => return Err(error),
            Err(refusal) => refusal.answer(),
        };
        if request.method == "HEAD" {
            answer.stated_length.get_or_insert(answer.body.len() as u64);
            answer.body = Arc::default();
        }
        shared.state().record.add(request, &answer, received);
        answer.write(connection.writer())?;
        // The body of a refused request may follow, unread.
        let unread = refused
            && received == 0
            && (request.headers.is_chunked() || request.headers.body_length() > Some(0));
        Ok(if unread { Flow::Close } else { Flow::Continue })
    }
}

fn answer(call: &mut Call<'_>) -> Result<Answer, Refusal> {
    let request = call.request;
    let method = request.method.as_str();
    let route = Route::of(request.path()).ok_or(Refusal::NotFound)?;
    if let Route::Token = route {
        return authorization::token(call);
    }
    authorization::check(call, &route)?;
    match (method, route) {
        ("GET" | "HEAD", Route::Base) => Ok(Answer::new(200).body("application/json", "{}")),
        ("POST", Route::Uploads(name)) => uploads::begin(call, name),
        ("GET", Route::Upload(name, id)) => uploads::status(call, name, id),
        ("PATCH", Route::Upload(name, id)) => uploads::append(call, name, id),
        ("PUT", Route::Upload(name, id)) => uploads::finish(call, name, id),
        ("DELETE", Route::Upload(name, id)) => uploads::cancel(call, name, id),
        ("GET" | "HEAD", Route::Blob(name, digest)) => blobs::get(call, name, digest),
        ("GET" | "HEAD", Route::Storage(name, digest)) => blobs::from_storage(call, name, digest),
        ("GET" | "HEAD", Route::Manifest(name, reference)) => manifests::get(call, name, reference),
        ("PUT", Route::Manifest(name, reference)) => manifests::put(call, name, reference),
        ("DELETE", Route::Manifest(name, digest) | Route::Blob(name, digest)) => {
            let removed = call.shared.state().store.remove(name, digest);
            if removed { Ok(Answer::new(202)) } else { Err(Refusal::BlobUnknown(digest.to_owned())) }
        }
        ("GET", Route::Tags(name)) => manifests::tags(call, name),
        ("GET", Route::Referrers(name, digest)) => manifests::referrers(call, name, digest),
        _ => Err(Refusal::Unsupported),
    }
}
