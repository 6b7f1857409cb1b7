//! Opening connections: addresses, proxies, TLS.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout};

use super::connection::{Connection, Deadline, is_timeout};
use super::tls::in_words;
use super::trust::Trust;
use super::{Limits, origin_of};
use crate::host::{Origin, Scheme};
use crate::proxy::{Proxy, ProxyProtocol, ProxyRules};

/// Opens connections, through a proxy where the rules name one.
pub(crate) struct Opener {
    pub(crate) trust: Trust,
    pub(crate) proxies: ProxyRules,
    pub(crate) limits: Limits,
}

/// A server that answers a TLS handshake with something else, as one of plain HTTP does.
#[derive(Debug, thiserror::Error)]
#[error("the server does not speak TLS")]
pub(crate) struct NotTls;

/// A server that closes the connection at a TLS handshake, without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the server closes the connection instead of speaking TLS")]
pub(crate) struct NoHandshake;

/// A host that does not answer while a connection is opened.
#[derive(Debug, thiserror::Error)]
#[error("it {} within {} seconds", .silence, .after.as_secs())]
pub(crate) struct Silent {
    silence: &'static str,
    after: Duration,
}

/// Replaces the system's words for a time limit, which name neither the limit nor the server's part.
fn silent(error: io::Error, silence: &'static str, after: Duration) -> io::Error {
    if is_timeout(&error) {
        io::Error::new(io::ErrorKind::TimedOut, Silent { silence, after })
    } else {
        error
    }
}

/// A proxy that does not open a connection.
#[derive(Debug, thiserror::Error)]
#[error("the proxy `{proxy}` does not open a connection: {reason}")]
pub(crate) struct ProxyRefusal {
    proxy: Origin,
    reason: String,
    /// Whether another attempt would end alike.
    pub(crate) is_final: bool,
}

/// The time for a connection or a handshake.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The silence of a server that accepts connections and says nothing.
const HANDSHAKE: &str = "accepts a connection and does not answer the TLS handshake";
/// The length of the longest answer of a proxy, in bytes.
const ANSWER_LIMIT: usize = 16 * 1024;

impl Connector for Opener {
    type Out = Connection;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Connection>, ureq::Error> {
        let origin = origin_of(details.uri).ok_or_else(|| ureq::Error::BadUri(details.uri.to_string()))?;
        let limit = Deadline::of(details.timeout).left(TIMEOUT);
        // Plain HTTP is allowed with this machine, so that nothing for it may leave it.
        let proxy = if origin.host.is_loopback() {
            None
        } else {
            self.proxies.proxy_for(&origin).map_err(io::Error::other)?
        };
        let mut socket = match proxy {
            Some(proxy) => open_through(proxy, &origin, limit)?,
            None => open(&origin, limit)?,
        };
        let tls = match origin.scheme {
            Scheme::Https => {
                let config = self.trust.config(&origin.host)?;
                Some(shake_hands(config, &mut socket, &origin, limit.min(self.limits.stall))?)
            }
            Scheme::Http => None,
        };
        Ok(Some(Connection::new(socket, tls, origin.host.to_string(), &self.limits)))
    }
}

/// Connects to the first address that accepts. The names of this machine stand only for its own addresses: a resolver
/// may send `app.localhost` elsewhere.
fn open(origin: &Origin, limit: Duration) -> io::Result<TcpStream> {
    let is_loopback = origin.host.is_loopback();
    let problem =
        if is_loopback { "the host has no address on this machine" } else { "the host has no address" };
    let mut last = io::Error::new(io::ErrorKind::NotFound, problem);
    let addresses = (origin.host.name(), origin.port()).to_socket_addrs()?;
    for address in addresses.filter(|address| !is_loopback || address.ip().to_canonical().is_loopback()) {
        match TcpStream::connect_timeout(&address, limit) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                return Ok(socket);
            }
            Err(error) => last = silent(error, "does not accept a connection", limit),
        }
    }
    Err(last)
}

/// Opens a connection to `target` by a proxy's CONNECT (RFC 9110 § 9.3.6).
fn open_through(proxy: &Proxy, target: &Origin, limit: Duration) -> io::Result<TcpStream> {
    let refusal = |reason: String| ProxyRefusal { proxy: proxy.origin.clone(), reason, is_final: false };
    let refuse = |reason: String| io::Error::other(refusal(reason));
    let refuse_for_good = |reason| io::Error::other(ProxyRefusal { is_final: true, ..refusal(reason) });
    if proxy.protocol != ProxyProtocol::Http || proxy.origin.scheme == Scheme::Https {
        return Err(refuse_for_good(
            "crossdock speaks plain HTTP to proxies; name it as `http://…`".to_owned(),
        ));
    }
    let mut socket = open(&proxy.origin, limit).map_err(|error| refuse(error.to_string()))?;
    set_timeouts(&socket, Some(limit))?;
    let name = target.host.name();
    let name = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    let authority = format!("{name}:{}", target.port());
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some((user, password)) = &proxy.user {
        let encoded = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
        request.push_str(&format!("Proxy-Authorization: Basic {encoded}\r\n"));
    }
    request.push_str("\r\n");
    socket.write_all(request.as_bytes())?;
    let answer = read_head(&mut socket)
        .map_err(|error| refuse(silent(error, "does not answer", limit).to_string()))?;
    set_timeouts(&socket, None)?;
    let line = answer.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(socket),
        Some("407") => Err(refuse_for_good("it requires a user and password (407)".to_owned())),
        // It does not allow this host.
        Some(status) if status.starts_with('4') && !matches!(status, "408" | "429") => {
            Err(refuse_for_good(format!("it answers `{}`", line.escape_debug())))
        }
        _ => Err(refuse(format!("it answers `{}`", line.escape_debug()))),
    }
}

/// Reads an answer's head. Byte by byte: what follows it belongs to the server behind the proxy.
fn read_head(socket: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < ANSWER_LIMIT {
        socket.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn shake_hands(
    config: Arc<ClientConfig>,
    socket: &mut TcpStream,
    origin: &Origin,
    limit: Duration,
) -> io::Result<ClientConnection> {
    let name = ServerName::try_from(origin.host.name().to_owned()).map_err(io::Error::other)?;
    let mut tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
    set_timeouts(socket, Some(limit))?;
    while tls.wants_write() {
        tls.write_tls(socket)?;
    }
    // An alert or a handshake record (RFC 8446 § 5.1). The answer of a server of plain HTTP starts with a letter.
    let mut first = [0];
    match socket.peek(&mut first) {
        Ok(0) => return Err(io::Error::other(NoHandshake)),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
            return Err(io::Error::other(NoHandshake));
        }
        Ok(_) if !matches!(first[0], 21 | 22) => return Err(io::Error::other(NotTls)),
        result => drop(result.map_err(|error| silent(error, HANDSHAKE, limit))?),
    }
    while tls.is_handshaking() {
        tls.complete_io(socket).map_err(|error| silent(in_words(error), HANDSHAKE, limit))?;
    }
    set_timeouts(socket, None)?;
    Ok(tls)
}

fn set_timeouts(socket: &TcpStream, limit: Option<Duration>) -> io::Result<()> {
    socket.set_read_timeout(limit)?;
    socket.set_write_timeout(limit)
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

/// Resolves nothing: behind a proxy the proxy does it, and otherwise [`open`].
#[derive(Debug)]
pub(crate) struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}
