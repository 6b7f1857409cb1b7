//! HTTP requests: one request, one answer, without redirects, credentials or retries.

mod buffers;
mod client_certificates;
mod connect;
mod connection;
mod pace;
mod silence;
mod tls;
mod trust;

use std::io::{self, Read};
use std::time::Duration;

use crossdock_system::process::Cancel;
use ureq::http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use ureq::{Agent, SendBody, Timeout};

use crate::host::{Host, Origin, Scheme};
use crate::proxy::ProxyRules;
use crate::settings::Notify;
pub(crate) use connect::{NoHandshake, NotTls, ProxyRefusal, Silent};
use connect::{NoResolver, Opener};
pub(crate) use tls::TlsFault;
pub(crate) use trust::Trust;

/// The length above which a body is sent only after the server has agreed to read it, in bytes.
const EXPECT_ABOVE: u64 = 1 << 20;
/// The longest time until the head of an answer. A shorter one follows from the request; see [`silence`].
const ANSWER: Duration = Duration::from_secs(600);
/// The length of the longest document that is read into memory, in bytes. As for manifests of layouts.
pub(crate) const DOCUMENT_LIMIT: u64 = 8 << 20;

/// Sends requests, each over a connection of a pool.
#[derive(Debug)]
pub(crate) struct Transport {
    agent: Agent,
}

/// The events that end a connection.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// The time without enough progress.
    pub(crate) stall: Duration,
    pub(crate) cancel: Cancel,
    /// Receives a sentence about each longer wait for an answer.
    pub(crate) notify: Option<Notify>,
}

/// A connection that was given up because the client was cancelled.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// The body of a request.
pub(crate) enum Body<'a> {
    None,
    Bytes(&'a [u8]),
    Reader { reader: &'a mut dyn Read, length: u64 },
}

/// The answer to a request.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: ureq::Body,
}

impl Transport {
    /// Creates a transport.
    pub(crate) fn new(trust: Trust, proxies: ProxyRules, user_agent: &str, limits: Limits) -> Self {
        let config = ureq::config::Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(user_agent)
            .accept_encoding("")
            .max_response_header_size(64 * 1024)
            .max_idle_connections(32)
            .max_idle_connections_per_host(16)
            .max_idle_age(Duration::from_secs(15))
            .timeout_await_100(Some(Duration::from_secs(1)))
            .timeout_recv_response(Some(ANSWER))
            .build();
        let opener = Opener { trust, proxies, limits };
        Self { agent: Agent::with_parts(config, opener, NoResolver) }
    }

    /// Sends one request. Every status is an answer, a redirect included.
    ///
    /// # Errors
    /// If the server does not answer.
    pub(crate) fn send(
        &self,
        method: Method,
        uri: &Uri,
        headers: HeaderMap,
        body: Body<'_>,
    ) -> Result<Answer, ureq::Error> {
        connection::forget_end();
        let mut request = Request::builder().method(method).uri(uri.clone()).body(())?;
        *request.headers_mut() = headers;
        let response = match body {
            Body::None => self.agent.run(request)?,
            Body::Bytes(bytes) => self.agent.run(request.map(|()| bytes))?,
            Body::Reader { reader, length } => {
                request.headers_mut().insert("content-length", length.into());
                if length > EXPECT_ABOVE {
                    request
                        .headers_mut()
                        .insert("expect", ureq::http::HeaderValue::from_static("100-continue"));
                }
                let mut exact = Exact { reader, left: length };
                self.agent.run(request.map(|()| SendBody::from_reader(&mut exact)))?
            }
        };
        Ok(Answer::new(response))
    }
}

/// Reads the announced number of bytes. ureq asks a reader that ends before for ever.
struct Exact<'a> {
    reader: &'a mut dyn Read,
    left: u64,
}

/// A body that ends before its announced length.
#[derive(Debug, thiserror::Error)]
#[error("the file is {missing} bytes shorter than its descriptor says; restore it or build the image again")]
pub(crate) struct ShortBody {
    missing: u64,
}

impl Read for Exact<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let buffer = &mut buffer[..length];
        let read = if connection::has_ended() {
            // The connection drops these bytes: the answer is there, and ureq reads it after the whole body.
            buffer.fill(0);
            length
        } else {
            self.reader.read(buffer)?
        };
        if read == 0 && length > 0 {
            let short = ShortBody { missing: self.left };
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, short));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

impl Answer {
    fn new(response: Response<ureq::Body>) -> Self {
        let (parts, body) = response.into_parts();
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// Returns the value of a header; `None` if it is absent or not text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the wait that the answer asks for (RFC 9110 § 10.2.3). Dates are not read: clocks differ.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
    }

    /// Reads the body of a document.
    ///
    /// # Errors
    /// If it is cut off or longer than [`DOCUMENT_LIMIT`].
    pub(crate) fn document(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let limited = self.body.as_reader();
        limited.take(DOCUMENT_LIMIT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > DOCUMENT_LIMIT {
            let message = format!("the answer is longer than {DOCUMENT_LIMIT} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(bytes)
    }

    /// Reads the beginning of an error's body. Nobody depends on the rest of it.
    pub(crate) fn explanation(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // An explanation that breaks off is still one.
        let _length = self.body.as_reader().take(64 * 1024).read_to_end(&mut bytes);
        bytes
    }

    /// Returns a reader of the body.
    pub(crate) fn into_reader(self) -> impl Read + Send + 'static {
        self.body.into_with_config().limit(u64::MAX).reader()
    }
}

/// Returns the origin of an address; `None` if it is not a complete one of HTTP.
pub(crate) fn origin_of(uri: &Uri) -> Option<Origin> {
    let scheme = match uri.scheme_str()? {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    let authority = uri.authority()?.as_str();
    // A user and password in an address are none of ours: they are not sent.
    let host: Host = authority.rsplit('@').next()?.parse().ok()?;
    Some(Origin::new(scheme, &host))
}

/// Returns the address that `location` means in an answer from `base` (RFC 9110 § 10.2.2): a complete address, one
/// without the scheme, or a path with or without its query.
pub(crate) fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next()?;
    let scheme = base.scheme_str()?;
    let authority = base.authority()?;
    let complete = if location.starts_with("http://") || location.starts_with("https://") {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{}{location}", base.path())
    } else if location.is_empty() {
        return None;
    } else {
        let directory = base.path().rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{scheme}://{authority}{directory}/{location}")
    };
    complete.parse().ok()
}

/// Returns the error inside ureq's, whose message is the system's.
pub(crate) fn plain(error: ureq::Error) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        ureq::Error::Io(error) => Box::new(error),
        ureq::Error::Timeout(Timeout::RecvResponse) => Box::new(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("the server did not answer the request within {} seconds", ANSWER.as_secs()),
        )),
        other => Box::new(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved() {
        let base: Uri = "https://reg.example:5000/v2/a/blobs/uploads/?mount=x".parse().unwrap();
        for (location, expected) in [
            ("https://store.example/x?y=1#part", Some("https://store.example/x?y=1")),
            ("http://reg.example:5000/u", Some("http://reg.example:5000/u")),
            ("//store.example/x", Some("https://store.example/x")),
            (
                "/v2/a/blobs/uploads/1?_state=a%2Fb",
                Some("https://reg.example:5000/v2/a/blobs/uploads/1?_state=a%2Fb"),
            ),
            ("1?s=2", Some("https://reg.example:5000/v2/a/blobs/uploads/1?s=2")),
            ("?s=2", Some("https://reg.example:5000/v2/a/blobs/uploads/?s=2")),
            ("", None),
            ("/a b", None),
        ] {
            let resolved = resolve(&base, location).map(|uri| uri.to_string());
            assert_eq!(resolved.as_deref(), expected, "{location}");
        }
    }
}
