use std::io::{self, BufRead, Write};
use std::sync::Arc;

/// The longest head of a message.
const HEAD_LIMIT: usize = 64 << 10;

/// Header fields in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Returns the first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Replaces a field.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.0.push((name.to_owned(), value.into()));
    }

    /// Removes a field.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    /// Returns the length of the body that follows; `None` if the fields do not say.
    pub fn body_length(&self) -> Option<u64> {
        self.get("Content-Length").and_then(|value| value.trim().parse().ok())
    }

    /// Returns whether the body that follows is in chunks.
    pub fn is_chunked(&self) -> bool {
        self.get("Transfer-Encoding").is_some_and(|value| value.to_ascii_lowercase().ends_with("chunked"))
    }

    /// Returns whether the sender ends the connection after this message.
    pub fn closes(&self) -> bool {
        self.get("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    fn write(&self, into: &mut Vec<u8>) {
        for (name, value) in &self.0 {
            into.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        into.extend_from_slice(b"\r\n");
    }
}

/// The first line of a message and its header fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The first line.
    pub line: String,
    /// The header fields.
    pub headers: Headers,
}

impl Head {
    /// Reads a head; `None` at the end of the connection.
    ///
    /// # Errors
    ///
    /// The connection broke, or this is not HTTP.
    pub fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut left = HEAD_LIMIT;
        let mut line = || -> io::Result<String> {
            let mut line = Vec::new();
            io::Read::take(&mut *from, left as u64).read_until(b'\n', &mut line)?;
            left -= line.len();
            match line.strip_suffix(b"\r\n") {
                Some(line) => String::from_utf8(line.to_vec()).map_err(|_| invalid("a head is not UTF-8")),
                None if line.is_empty() => Ok(String::new()),
                None => Err(invalid("a line of a head has no end")),
            }
        };
        let first = line()?;
        if first.is_empty() {
            return Ok(None);
        }
        let mut headers = Headers::default();
        loop {
            let next = line()?;
            if next.is_empty() {
                return Ok(Some(Self { line: first, headers }));
            }
            let (name, value) = next.split_once(':').ok_or_else(|| invalid("a header field has no colon"))?;
            headers.0.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }

    /// Returns the bytes of the head.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\n", self.line).into_bytes();
        self.headers.write(&mut bytes);
        bytes
    }
}

/// A request without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path and query, as sent.
    pub target: String,
    /// The header fields.
    pub headers: Headers,
}

impl Request {
    /// Interprets the head of a request.
    ///
    /// # Errors
    ///
    /// It is not the head of a request.
    pub fn from_head(head: Head) -> io::Result<Self> {
        let mut parts = head.line.split(' ');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(method), Some(target), Some(version), None) if version.starts_with("HTTP/1.") => {
                Ok(Self { method: method.to_owned(), target: target.to_owned(), headers: head.headers })
            }
            _ => Err(invalid("not a request of HTTP/1")),
        }
    }

    /// Returns the path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Returns the decoded values of a parameter of the query.
    pub fn parameters(&self, name: &str) -> Vec<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| decode(value)).collect()
    }

    /// Returns the decoded value of a parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.parameters(name).into_iter().next()
    }
}

/// Decodes `%41` and `+`.
fn decode(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], escaped) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// An answer with its whole body.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields, without those of the body's length.
    pub headers: Headers,
    /// The body.
    pub body: Arc<Vec<u8>>,
    /// The length that the head states, where that is not the body's: an answer to HEAD, or a truncated one.
    pub stated_length: Option<u64>,
}

impl Answer {
    /// Creates an answer without a body.
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// Sets a header field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.set(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Arc::new(body.into());
        self.with("Content-Type", media_type)
    }

    /// Writes the answer.
    ///
    /// # Errors
    ///
    /// The connection broke.
    pub fn write(&self, to: &mut (impl Write + ?Sized)) -> io::Result<()> {
        to.write_all(&self.head())?;
        to.write_all(&self.body)?;
        to.flush()
    }

    /// Returns the bytes of the head.
    pub fn head(&self) -> Vec<u8> {
        let mut headers = self.headers.clone();
        let length = self.stated_length.unwrap_or(self.body.len() as u64);
        headers.set("Content-Length", length.to_string());
        Head { line: format!("HTTP/1.1 {} {}", self.status, reason(self.status)), headers }.bytes()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200..=299 => "OK",
        300..=399 => "Redirect",
        400..=499 => "Client Error",
        _ => "Server Error",
    }
}

pub(super) fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_its_query_decoded() {
        let text = b"PUT /v2/a/blobs/uploads/1?digest=sha256%3Aab&x=a+b HTTP/1.1\r\nhost: h\r\nContent-Length: 3\r\n\r\nabc";
        let mut reader = text.as_slice();
        let request = Request::from_head(Head::read(&mut reader).unwrap().unwrap()).unwrap();
        assert_eq!((request.method.as_str(), request.path()), ("PUT", "/v2/a/blobs/uploads/1"));
        assert_eq!(request.parameter("digest").as_deref(), Some("sha256:ab"));
        assert_eq!(request.parameter("x").as_deref(), Some("a b"));
        assert_eq!((request.headers.get("Host"), request.headers.body_length()), (Some("h"), Some(3)));
        assert_eq!(reader, b"abc");
    }

    #[test]
    fn what_is_not_http_is_an_error_and_the_end_is_none() {
        assert!(Head::read(&mut b"".as_slice()).unwrap().is_none());
        for text in ["\x16\x03\x01 no", "GET / HTTP/1.1\r\nno colon\r\n\r\n"] {
            assert!(Head::read(&mut text.as_bytes()).is_err(), "{text:?}");
        }
        let endless = vec![b'a'; HEAD_LIMIT + 10];
        assert!(Head::read(&mut endless.as_slice()).is_err());
    }
}
