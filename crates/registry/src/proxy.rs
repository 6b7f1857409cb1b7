//! The choice of a proxy, after the rules of Go's [`httpproxy`](https://pkg.go.dev/golang.org/x/net/http/httpproxy), which
//! every other registry client follows.
//!
//! There is one difference: a proxy whose address is invalid is an error, where Go connects without a proxy.

mod bypass;

use std::collections::BTreeMap;
use std::fmt;

use bypass::Bypass;

use crate::credentials::Secret;
use crate::host::{Host, Origin, Scheme};

/// The protocol that a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// HTTP: absolute request targets for `http`, CONNECT for `https` (RFC 9110 § 9.3.6).
    Http,
    /// SOCKS 5 (RFC 1928).
    Socks5,
}

/// A proxy. [`Display`](fmt::Display) prints its address without user and password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proxy {
    /// The protocol that it speaks.
    pub protocol: ProxyProtocol,
    /// The server.
    pub origin: Origin,
    /// The name and password of its user; `None` if unspecified.
    pub user: Option<(String, Secret)>,
}

impl Proxy {
    /// Returns an HTTP proxy without a user.
    pub fn new(origin: Origin) -> Self {
        Self { protocol: ProxyProtocol::Http, origin, user: None }
    }
}

/// Why no proxy can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The address is not a URL or `HOST:PORT`. The value is not shown, because it may hold a password.
    #[error("{variable} is not the address of a proxy: {reason}; set it to `http://HOST:PORT`")]
    Invalid {
        /// The name of the variable.
        variable: &'static str,
        /// The part that is wrong.
        reason: &'static str,
    },
    /// A web server sets HTTP_PROXY from the request header `Proxy` of whoever calls its CGI programs (CVE-2016-5385).
    #[error(
        "HTTP_PROXY is not trusted, because REQUEST_METHOD is set as for a CGI program; unset REQUEST_METHOD"
    )]
    Cgi,
}

/// The rules that the environment's variables give.
///
/// ```
/// use crossdock_registry::proxy::ProxyRules;
/// use crossdock_registry::{Origin, Scheme};
///
/// let variables = [("HTTPS_PROXY", "proxy.corp:3128"), ("NO_PROXY", ".internal,10.0.0.0/8")];
/// let rules = ProxyRules::from_variables(&variables.map(|(name, value)| (name.into(), value.into())).into());
/// let origin = Origin::new(Scheme::Https, &"ghcr.io".parse()?);
/// assert_eq!(rules.proxy_for(&origin)?.unwrap().to_string(), "http://proxy.corp:3128");
/// let origin = Origin::new(Scheme::Https, &"registry.internal".parse()?);
/// assert_eq!(rules.proxy_for(&origin)?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ProxyRules {
    http: Result<Option<Proxy>, ProxyError>,
    https: Result<Option<Proxy>, ProxyError>,
    bypass: Bypass,
}

impl ProxyRules {
    /// Reads `http_proxy`, `https_proxy`, `no_proxy` and `REQUEST_METHOD`; the first three also in upper case, where the lower
    /// case comes first.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Self {
        let get = |name: &str| variables.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let any = |lower: &str, upper: &str| get(lower).or_else(|| get(upper));
        let parse = |value: Option<&str>, variable: &'static str| {
            let parsed = value.map(parse_proxy).transpose();
            parsed.map_err(|reason| ProxyError::Invalid { variable, reason })
        };
        let mut http = parse(any("http_proxy", "HTTP_PROXY"), "HTTP_PROXY");
        if http != Ok(None) && get("REQUEST_METHOD").is_some() {
            http = Err(ProxyError::Cgi);
        }
        Self {
            http,
            https: parse(any("https_proxy", "HTTPS_PROXY"), "HTTPS_PROXY"),
            bypass: Bypass::parse(any("no_proxy", "NO_PROXY").unwrap_or_default()),
        }
    }

    /// Returns rules that use no proxy.
    pub fn none() -> Self {
        Self::from_variables(&BTreeMap::new())
    }

    /// Returns the rules that use one proxy for every host that is not this machine.
    pub fn always(proxy: Proxy) -> Self {
        Self { http: Ok(Some(proxy.clone())), https: Ok(Some(proxy)), bypass: Bypass::parse("") }
    }

    /// Returns the proxy for requests to `origin`; `None` for a direct connection.
    ///
    /// # Errors
    /// Fails if the variable for this scheme is invalid or not to be trusted.
    pub fn proxy_for(&self, origin: &Origin) -> Result<Option<&Proxy>, ProxyError> {
        let proxy = match origin.scheme {
            Scheme::Http => &self.http,
            Scheme::Https => &self.https,
        };
        // As in Go: a CGI program's error comes first. An invalid address matters only where it would be used.
        match proxy {
            Ok(Some(_)) | Err(ProxyError::Invalid { .. })
                if self.bypass.matches(origin.host.name(), origin.port()) =>
            {
                Ok(None)
            }
            Ok(proxy) => Ok(proxy.as_ref()),
            Err(error) => Err(error.clone()),
        }
    }
}

impl Default for ProxyRules {
    fn default() -> Self {
        Self::none()
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            ProxyProtocol::Http => write!(f, "{}", self.origin),
            ProxyProtocol::Socks5 => write!(f, "socks5://{}", self.origin.host),
        }
    }
}

/// Reads a URL, or `HOST[:PORT]` as one of scheme `http`.
fn parse_proxy(value: &str) -> Result<Proxy, &'static str> {
    let (scheme, rest) = match value.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
        _ => ("http", value),
    };
    let (protocol, scheme, usual_port) = match scheme.to_ascii_lowercase().as_str() {
        "http" => (ProxyProtocol::Http, Scheme::Http, 80),
        "https" => (ProxyProtocol::Http, Scheme::Https, 443),
        // Go lets the proxy resolve names for both.
        "socks5" | "socks5h" => (ProxyProtocol::Socks5, Scheme::Http, 1080),
        _ => return Err("the scheme is none of http, https, socks5 and socks5h"),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, address) = match authority.rsplit_once('@') {
        Some((user, address)) => (Some(user), address),
        None => (None, authority),
    };
    let host = match (address.parse::<Host>(), protocol) {
        (Ok(host), ProxyProtocol::Socks5) if host.port().is_none() => format!("{host}:{usual_port}").parse(),
        // `HOST:` without a number.
        (Err(_), _) if address.ends_with(':') => format!("{address}{usual_port}").parse(),
        (host, _) => host,
    };
    let host = host.map_err(|_| "it is not a host with an optional port")?;
    let user = user.map(parse_user).transpose()?;
    Ok(Proxy { protocol, origin: Origin::new(scheme, &host), user })
}

/// Returns whether a text is a URL's scheme (RFC 3986 §3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Reads `USER[:PASSWORD]` with percent-encoded characters.
fn parse_user(text: &str) -> Result<(String, Secret), &'static str> {
    // Go's validUserinfo.
    let is_user = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !text.chars().all(is_user) {
        return Err("the user or password has a character that must be percent-encoded");
    }
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    Ok((percent_decode(user)?, Secret::new(percent_decode(password)?)))
}

fn percent_decode(text: &str) -> Result<String, &'static str> {
    const INVALID: &str = "a percent sign in the user or password is not followed by two hexadecimal digits";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = rest else { return Err(INVALID) };
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(INVALID);
        // Two hexadecimal digits are at most 255.
        bytes.push((digit(*high)? * 16 + digit(*low)?) as u8);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| "the user or password is not UTF-8")
}
