//! A registry in memory whose faults a test chooses, on a port of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crossdock_oci::Digest;

/// A request whose body is not read yet.
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
}

/// The treatment of a request instead of the usual one.
pub(crate) enum Fault {
    /// An answer after the body was read.
    Answer(&'static str, &'static [(&'static str, &'static str)], String),
    /// An answer before the body was read; the connection is closed then.
    Early(&'static str, String),
    /// The connection is closed without an answer, before the request is carried out.
    Drop,
    /// The request is carried out, and the connection closed without an answer.
    DropAfter,
    /// The answer's body is cut off after so many bytes.
    Truncate(usize),
    /// The answer's body is this instead.
    Body(Vec<u8>),
    /// The answer comes byte by byte, with this much time between two.
    Trickle(Duration),
    /// The body is not read and no answer comes.
    Mute,
    /// The body is read, and no answer comes.
    MuteInstead,
    /// The request is carried out, and no answer comes.
    MuteAfter,
    /// The request is carried out once so many requests about repositories are there. If they do not come, it is refused.
    Until(usize),
}

type Plan = Box<dyn FnMut(&Request, usize) -> Option<Fault> + Send>;

#[derive(Default)]
pub(crate) struct State {
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    /// By digest: media type and bytes.
    pub(crate) manifests: BTreeMap<String, (String, Vec<u8>)>,
    pub(crate) tags: BTreeMap<String, String>,
    uploads: BTreeMap<String, Vec<u8>>,
    next: usize,
    /// Each request: its method and target.
    pub(crate) log: Vec<String>,
    /// The Range headers received.
    pub(crate) ranges: Vec<String>,
    /// The Authorization headers received.
    pub(crate) authorizations: BTreeSet<String>,
    /// Whether parts of blobs are served.
    pub(crate) serves_ranges: bool,
    /// The status of an answer that creates something.
    pub(crate) created: &'static str,
}

pub(crate) struct Fake {
    pub(crate) port: u16,
    pub(crate) state: Arc<Mutex<State>>,
}

impl Fake {
    /// Starts a registry without faults.
    pub(crate) fn start() -> Self {
        Self::with(|_, _| None)
    }

    /// Starts a registry. `fault` gets each request and the number of requests before with the same method and path.
    pub(crate) fn with(fault: impl FnMut(&Request, usize) -> Option<Fault> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State { created: "201 Created", ..State::default() }));
        let plan: Arc<Mutex<Plan>> = Arc::new(Mutex::new(Box::new(fault)));
        let shared = Arc::clone(&state);
        // Ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, plan) = (Arc::clone(&shared), Arc::clone(&plan));
                thread::spawn(move || serve(&stream, &state, &plan));
            }
        });
        Self { port, state }
    }

    pub(crate) fn host(&self) -> crossdock_registry::Host {
        format!("127.0.0.1:{}", self.port).parse().unwrap()
    }

    pub(crate) fn repository(&self, path: &str) -> crossdock_oci::Repository {
        format!("127.0.0.1:{}/{path}", self.port).parse().unwrap()
    }

    /// Returns the requests whose line contains each of the words.
    pub(crate) fn requests(&self, words: &[&str]) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.log.iter().filter(|line| words.iter().all(|word| line.contains(word))).cloned().collect()
    }
}

/// Waits until so many requests about repositories were received, and returns whether they were.
fn gathered(state: &Mutex<State>, count: usize) -> bool {
    let end = std::time::Instant::now() + Duration::from_secs(10);
    let received = || {
        state
            .lock()
            .unwrap()
            .log
            .iter()
            .filter(|line| line.contains("/manifests/") || line.contains("/blobs/"))
            .count()
    };
    while received() < count && std::time::Instant::now() < end {
        thread::sleep(Duration::from_millis(5));
    }
    received() >= count
}

fn serve(stream: &TcpStream, state: &Mutex<State>, plan: &Mutex<Plan>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_head(&mut reader) {
        let line = format!("{} {}", request.method, request.target);
        let before = {
            let mut state = state.lock().unwrap();
            if let Some(authorization) = request.headers.get("authorization") {
                state.authorizations.insert(authorization.clone());
            }
            state.ranges.extend(request.headers.get("range").cloned());
            let path = line.split('?').next().unwrap().to_owned();
            let before = state.log.iter().filter(|line| line.split('?').next() == Some(&path)).count();
            state.log.push(line);
            before
        };
        let fault = (plan.lock().unwrap())(&request, before);
        match &fault {
            Some(Fault::Drop) => {
                let _closed = stream.shutdown(Shutdown::Both);
                return;
            }
            Some(Fault::Mute) => {
                thread::sleep(Duration::from_secs(600));
                return;
            }
            Some(Fault::Early(status, body)) => {
                respond(stream, status, &[("connection", "close")], body.as_bytes(), false, None);
                let _closed = stream.shutdown(Shutdown::Write);
                return;
            }
            _ => {}
        }
        if request.headers.get("expect").is_some_and(|expect| expect == "100-continue") {
            let mut stream = stream;
            if stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_err() {
                return;
            }
        }
        let length =
            request.headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let silent = || thread::sleep(Duration::from_secs(600));
        if matches!(fault, Some(Fault::MuteInstead)) {
            return silent();
        }
        let is_head = request.method == "HEAD";
        if let Some(Fault::Until(count)) = fault
            && !gathered(state, count)
        {
            respond(stream, "400 Bad Request", &[], b"", is_head, None);
            continue;
        }
        if let Some(Fault::Answer(status, headers, body)) = &fault {
            respond(stream, status, headers, body.as_bytes(), is_head, None);
            continue;
        }
        let (status, headers, mut answer) = answer(&request, body, &mut state.lock().unwrap());
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match fault {
            Some(Fault::MuteAfter) => return silent(),
            Some(Fault::DropAfter) => {
                let _closed = stream.shutdown(Shutdown::Both);
                return;
            }
            Some(Fault::Truncate(length)) => {
                respond(stream, status, &headers, &answer, is_head, Some(length));
                let _closed = stream.shutdown(Shutdown::Both);
                return;
            }
            Some(Fault::Body(bytes)) => answer = bytes,
            Some(Fault::Trickle(pause)) => {
                respond(stream, status, &headers, &answer, is_head, Some(0));
                let mut stream = stream;
                for byte in answer {
                    thread::sleep(pause);
                    if stream.write_all(&[byte]).is_err() {
                        return;
                    }
                }
                continue;
            }
            _ => {}
        }
        respond(stream, status, &headers, &answer, is_head, None);
    }
}

fn read_head(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok().filter(|read| *read > 0)?;
    // A TLS handshake is not UTF-8. The answer in plain text tells the client so.
    let Ok(line) = String::from_utf8(line) else {
        return Some(Request { method: "TLS".into(), target: String::new(), headers: BTreeMap::new() });
    };
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Some(Request { method, target, headers })
}

fn respond(
    mut stream: &TcpStream,
    status: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    is_head: bool,
    truncated: Option<usize>,
) {
    let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    if !is_head {
        bytes.extend(&body[..truncated.unwrap_or(body.len()).min(body.len())]);
    }
    let _closed = stream.write_all(&bytes);
}

type Answer = (&'static str, Vec<(&'static str, String)>, Vec<u8>);

fn answer(request: &Request, body: Vec<u8>, state: &mut State) -> Answer {
    let error = |status, code: &str| {
        (status, vec![], format!(r#"{{"errors":[{{"code":"{code}","message":"m"}}]}}"#).into_bytes())
    };
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    if request.method == "TLS" {
        return ("400 Bad Request", vec![("connection", "close".into())], vec![]);
    }
    if path == "/v2/" {
        return ("200 OK", vec![], b"{}".to_vec());
    }
    let digest_of_query = || {
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix("digest="))
            .map(|digest| digest.replace("%3A", ":"))
    };
    let name = path.rsplit('/').next().unwrap().to_owned();
    match request.method.as_str() {
        "POST" if path.ends_with("/blobs/uploads/") => {
            state.next += 1;
            let id = state.next.to_string();
            state.uploads.insert(id.clone(), Vec::new());
            ("202 Accepted", vec![("location", format!("{path}{id}?_state=a"))], vec![])
        }
        "PATCH" | "PUT" if path.contains("/blobs/uploads/") => {
            let Some(upload) = state.uploads.get_mut(&name) else {
                return error("404 Not Found", "BLOB_UPLOAD_UNKNOWN");
            };
            upload.extend(body);
            let Some(digest) = digest_of_query() else {
                return ("202 Accepted", vec![("location", format!("{path}?_state=b"))], vec![]);
            };
            let bytes = state.uploads.remove(&name).unwrap();
            if Digest::of(&bytes).to_string() != digest {
                return error("400 Bad Request", "DIGEST_INVALID");
            }
            state.blobs.insert(digest, bytes);
            (state.created, vec![], vec![])
        }
        "GET" | "HEAD" if path.contains("/blobs/") => match state.blobs.get(&name) {
            Some(bytes) => {
                let start = request
                    .headers
                    .get("range")
                    .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
                match start.filter(|_| state.serves_ranges) {
                    Some(start) => {
                        let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
                        ("206 Partial Content", vec![("content-range", range)], bytes[start..].to_vec())
                    }
                    None => ("200 OK", vec![], bytes.clone()),
                }
            }
            None => error("404 Not Found", "BLOB_UNKNOWN"),
        },
        "GET" | "HEAD" if path.contains("/manifests/") => {
            let digest = state.tags.get(&name).cloned().unwrap_or(name);
            match state.manifests.get(&digest) {
                Some((kind, bytes)) => ("200 OK", vec![("content-type", kind.clone())], bytes.clone()),
                None => error("404 Not Found", "MANIFEST_UNKNOWN"),
            }
        }
        "PUT" if path.contains("/manifests/") => {
            let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let strings = |value: &serde_json::Value| value["digest"].as_str().map(str::to_owned);
            let children = value["manifests"].as_array().into_iter().flatten().filter_map(strings);
            if let Some(missing) = children.into_iter().find(|digest| !state.manifests.contains_key(digest)) {
                return ("400 Bad Request", vec![], unknown(&missing));
            }
            let layers = value["layers"].as_array().into_iter().flatten();
            let blobs: Vec<_> = layers.chain(value.get("config")).filter_map(strings).collect();
            if let Some(missing) = blobs.iter().find(|digest| !state.blobs.contains_key(*digest)) {
                return ("400 Bad Request", vec![], unknown(missing));
            }
            let digest = Digest::of(&body).to_string();
            state.manifests.insert(digest.clone(), (request.headers["content-type"].clone(), body));
            if !name.starts_with("sha256:") {
                state.tags.insert(name, digest);
            }
            (state.created, vec![], vec![])
        }
        "GET" if path.ends_with("/tags/list") => {
            let names: Vec<&String> = state.tags.keys().collect();
            let last = query.split('&').find_map(|pair| pair.strip_prefix("last="));
            let rest: Vec<&&String> =
                names.iter().filter(|name| last.is_none_or(|last| name.as_str() > last)).take(2).collect();
            let next = rest
                .last()
                .filter(|end| Some(**end) != names.last())
                .map(|end| format!("<{path}?last={end}&n=2>; rel=\"next\""));
            let headers = next.map(|next| ("link", next)).into_iter().collect();
            ("200 OK", headers, serde_json::json!({ "tags": rest }).to_string().into_bytes())
        }
        _ => error("404 Not Found", "UNSUPPORTED"),
    }
}

fn unknown(digest: &str) -> Vec<u8> {
    format!(
        r#"{{"errors":[{{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown","detail":"{digest}"}}]}}"#
    )
    .into_bytes()
}
