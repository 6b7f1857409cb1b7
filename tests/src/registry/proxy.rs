//! A proxy between a client and a registry that injects the faults of a schedule.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::http::{Answer, Connection, Flow, Handler, Head, HttpServer, Request, Tls};
use super::schedule::{Fault, Place, Planned, Times};

/// A running proxy, which ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    server: HttpServer,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: u16,
    scheme: &'static str,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Vec<Planned>,
    /// The number of requests so far.
    seen: BTreeMap<Place, usize>,
    /// The rights to read what was redirected, by target.
    rights: BTreeMap<String, String>,
    /// A line for each request, with its fault.
    log: Vec<String>,
    injected: usize,
    /// The targets on another host that got credentials.
    crossed: Vec<String>,
}

impl Proxy {
    /// Starts a proxy before the plain-HTTP server on a port of the loopback interface. With `tls` it speaks TLS with its
    /// clients.
    pub fn start(upstream: u16, faults: &[Planned], tls: Option<Tls>) -> Self {
        let state = State { faults: faults.to_vec(), ..State::default() };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared { upstream, scheme, state: Mutex::new(state) });
        let server = HttpServer::start_with(Forward(Arc::clone(&shared)), tls);
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

    /// Ends all faults.
    pub fn heal(&self) {
        self.shared.state().faults.clear();
    }

    /// Returns the number of faults that happened.
    pub fn injected(&self) -> usize {
        self.shared.state().injected
    }

    /// Returns the targets on another host to which the client sent credentials.
    pub fn credentials_elsewhere(&self) -> Vec<String> {
        self.shared.state().crossed.clone()
    }

    /// Returns a line for each request with its fault.
    pub fn log(&self) -> String {
        self.shared.state().log.join("\n")
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the fault of the next request of a purpose.
    fn fault(&self, request: &Request) -> Option<Fault> {
        let place = place(request)?;
        let mut state = self.state();
        let seen = state.seen.entry(place).or_default();
        let at = *seen;
        *seen += 1;
        let happens = |planned: &&Planned| {
            let last = match planned.times {
                Times::Only(times) => planned.skip + times,
                Times::UntilHealed => usize::MAX,
            };
            planned.place == place && (planned.skip..last).contains(&at)
        };
        let fault = state.faults.iter().find(happens).map(|planned| planned.fault);
        state.injected += usize::from(fault.is_some());
        let fault_text = fault.map_or(String::new(), |fault| format!("  ← {fault:?}"));
        state.log.push(format!("{} {}{fault_text}", request.method, request.target));
        fault
    }

    /// Adds a line to the log.
    fn note(&self, line: String) {
        self.state().log.push(line);
    }
}

/// Returns the purpose of a request; `None` if no fault ever happens to it.
fn place(request: &Request) -> Option<Place> {
    let path = request.path();
    let by_digest = path.contains(":");
    Some(match request.method.as_str() {
        "GET" if path == "/v2/" => Place::Base,
        "GET" if path == "/token" => Place::Token,
        "HEAD" if path.contains("/manifests/") => Place::ManifestHead,
        "GET" if path.contains("/manifests/") => Place::ManifestGet,
        "PUT" if path.contains("/manifests/") && by_digest => Place::ManifestPut,
        "PUT" if path.contains("/manifests/") => Place::TagPut,
        "POST" if path.contains("/blobs/uploads/") => Place::UploadPost,
        "PATCH" => Place::UploadPatch,
        "PUT" => Place::UploadPut,
        "HEAD" if path.contains("/blobs/") => Place::BlobHead,
        "GET" if path.contains("/blobs/") => Place::BlobGet,
        _ => return None,
    })
}

struct Forward(Arc<Shared>);

impl Handler for Forward {
    fn serve(&self, connection: &mut Connection, request: &Request) -> io::Result<Flow> {
        let shared = &*self.0;
        let fault = shared.fault(request);
        match fault {
            Some(Fault::DropBefore) => return Ok(Flow::Close),
            Some(Fault::DropInBody(most)) => return read_at_most(connection, request, most),
            Some(Fault::Early(status)) => return early(connection, request, status),
            Some(Fault::Delay(time)) => std::thread::sleep(time),
            _ => {}
        }
        let pause = if fault == Some(Fault::SlowBody) { Duration::from_millis(2) } else { Duration::ZERO };
        let mut body = Vec::new();
        connection.read_body(request, &mut |part| {
            body.extend_from_slice(part);
            std::thread::sleep(pause);
            Ok(())
        })?;
        if let Some(answer) = fault.and_then(|fault| invented(fault, &body)) {
            return send(shared, connection, request, answer, fault);
        }
        let mut forwarded = request.clone();
        if let Some(Fault::ExpiredToken(401)) = fault {
            forwarded.headers.set("Authorization", "Bearer expired");
        }
        let mut answer = forward(shared, forwarded, &body)?;
        if fault == Some(Fault::Redirect) && answer.status < 300 {
            answer = redirect(shared, request);
        }
        send(shared, connection, request, answer, fault)
    }
}

/// Returns the answer to a request that the registry does not get.
fn invented(fault: Fault, body: &[u8]) -> Option<Answer> {
    let error = |status: u16, code: &str| {
        let text = format!("{{\"errors\":[{{\"code\":\"{code}\",\"message\":\"injected\"}}]}}");
        Answer::new(status).body("application/json", text)
    };
    match fault {
        Fault::Status(416) => Some(error(416, "RANGE_INVALID")),
        Fault::Status(status) => Some(page(status)),
        Fault::RetryAfter(status) => Some(page(status).with("Retry-After", "0")),
        Fault::ForgetUpload => Some(error(404, "BLOB_UPLOAD_UNKNOWN")),
        Fault::StaleHit => Some(Answer::new(200).with("Content-Type", "application/octet-stream")),
        Fault::StaleMiss => Some(Answer::new(404)),
        Fault::Lag => {
            let document: serde_json::Value = serde_json::from_slice(body).ok()?;
            let layer = &document["layers"][0]["digest"];
            let digest = layer.as_str().or_else(|| document["manifests"][0]["digest"].as_str())?;
            let text = format!(
                "{{\"errors\":[{{\"code\":\"MANIFEST_BLOB_UNKNOWN\",\"message\":\"blob unknown to registry\",\
                 \"detail\":{{\"Digest\":\"{digest}\"}}}}]}}"
            );
            Some(Answer::new(400).body("application/json", text))
        }
        // Public ECR answers 400 without a challenge; others say that access is denied.
        Fault::ExpiredToken(400) => Some(error(400, "DENIED")),
        Fault::ExpiredToken(403) => Some(error(403, "DENIED")),
        _ => None,
    }
}

/// Returns a redirect of a request that the registry would have fulfilled to another name of this host. Its URL holds the
/// right to it.
fn redirect(shared: &Shared, request: &Request) -> Answer {
    let host = request.headers.get("Host").unwrap_or_default().replace("127.0.0.1", "localhost");
    if let Some(right) = request.headers.get("Authorization") {
        shared.state().rights.insert(request.target.clone(), right.to_owned());
    }
    Answer::new(307).with("Location", format!("{}://{host}/open{}", shared.scheme, request.target))
}

fn page(status: u16) -> Answer {
    Answer::new(status).body("text/html", format!("<html><h1>{status}</h1></html>"))
}

/// Reads so much of the body and ends the connection.
fn read_at_most(connection: &mut Connection, request: &Request, most: usize) -> io::Result<Flow> {
    let mut left = most;
    connection.read_body(request, &mut |part| {
        left = left.checked_sub(part.len()).ok_or(io::ErrorKind::ConnectionAborted)?;
        Ok(())
    })?;
    Ok(Flow::Close)
}

/// Answers after the first bytes of the body. Then the connection is shut down for writing only, and closed a little later:
/// at once, the bytes on their way could cause a reset that overtakes the answer.
fn early(connection: &mut Connection, request: &Request, status: u16) -> io::Result<Flow> {
    // A client that waits for `100 Continue` sends no body.
    if request.headers.get("Expect").is_none() {
        let _first = read_at_most(connection, request, 1);
    }
    page(status).with("Connection", "close").write(connection.writer())?;
    connection.end_of_answers();
    std::thread::sleep(Duration::from_millis(100));
    Ok(Flow::Close)
}

/// Gives a request that a redirect caused the right that its URL holds. It must have no credentials: it is for another host.
fn authorize_redirected(shared: &Shared, request: &mut Request) {
    if request.headers.get("Authorization").is_some() {
        shared.state().crossed.push(request.target.clone());
    }
    while let Some(target) = request.target.strip_prefix("/open") {
        request.target = target.to_owned();
    }
    if let Some(right) = shared.state().rights.get(&request.target) {
        request.headers.set("Authorization", right);
    }
}

/// Sends a request to the registry and returns its answer.
fn forward(shared: &Shared, mut request: Request, body: &[u8]) -> io::Result<Answer> {
    if request.target.starts_with("/open/") {
        authorize_redirected(shared, &mut request);
    }
    let mut upstream = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.upstream))?;
    upstream.set_nodelay(true)?;
    let mut headers = request.headers;
    for name in ["Expect", "Transfer-Encoding", "Content-Length", "Connection"] {
        headers.remove(name);
    }
    headers.set("Connection", "close");
    headers.set("Content-Length", body.len().to_string());
    headers.set("X-Forwarded-Proto", shared.scheme);
    let head = Head { line: format!("{} {} HTTP/1.1", request.method, request.target), headers };
    upstream.write_all(&head.bytes())?;
    // A registry that refuses a body answers before it has read it.
    let written = upstream.write_all(body);
    let mut reader = BufReader::new(upstream);
    let Some(head) = Head::read(&mut reader)? else {
        return Err(written.err().unwrap_or(io::ErrorKind::UnexpectedEof.into()));
    };
    let status = head.line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let mut answer = Answer::new(status.ok_or(io::ErrorKind::InvalidData)?);
    let length = head.headers.body_length();
    answer.headers = head.headers;
    answer.headers.remove("Connection");
    let mut content = Vec::new();
    if request.method == "HEAD" {
        answer.stated_length = length;
    } else {
        reader.take(length.unwrap_or(u64::MAX)).read_to_end(&mut content)?;
    }
    answer.body = Arc::new(content);
    Ok(answer)
}

/// Sends an answer with the faults that happen to answers.
fn send(
    shared: &Shared,
    connection: &mut Connection,
    request: &Request,
    mut answer: Answer,
    fault: Option<Fault>,
) -> io::Result<Flow> {
    shared.note(format!("    → {}", answer.status));
    if request.method == "HEAD" {
        answer.body = Arc::default();
    }
    match fault {
        Some(Fault::DropAfter) => return Ok(Flow::Close),
        Some(Fault::Corrupt) => {
            let body = Arc::make_mut(&mut answer.body);
            let middle = body.len() / 2;
            body.get_mut(middle).into_iter().for_each(|byte| *byte ^= 1);
        }
        Some(Fault::Truncate) => {
            let bytes = [answer.head().as_slice(), &answer.body].concat();
            connection.writer().write_all(&bytes[..bytes.len() / 2])?;
            return Ok(Flow::Close);
        }
        Some(Fault::SlowAnswer) => {
            let bytes = [answer.head().as_slice(), &answer.body].concat();
            for part in bytes.chunks(bytes.len() / 20 + 1) {
                connection.writer().write_all(part)?;
                connection.writer().flush()?;
                std::thread::sleep(Duration::from_millis(2));
            }
            return Ok(Flow::Continue);
        }
        Some(Fault::DowngradedLocation) => {
            if let Some(location) = answer.headers.get("Location").map(str::to_owned) {
                let host = request.headers.get("Host").unwrap_or_default();
                let (_, rest) = location.split_once("://").unwrap_or_default();
                let path = rest.find('/').map_or(location.as_str(), |start| &rest[start..]);
                answer.headers.set("Location", format!("http://{host}{path}"));
            }
        }
        _ => {}
    }
    answer.write(connection.writer())?;
    Ok(Flow::Continue)
}
