use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The host of a registry as references name it, with an optional port: `registry.example:5000`, `[2001:db8::1]:5000`.
///
/// Names are compared without regard to case, as DNS does.
///
/// ```
/// use crossdock_registry::Host;
/// let host: Host = "registry.example:5000".parse()?;
/// assert_eq!((host.name(), host.port()), ("registry.example", Some(5000)));
/// assert!("[::1]:5000".parse::<Host>()?.is_loopback());
/// # Ok::<(), crossdock_registry::HostError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    /// Without brackets.
    name: String,
    port: Option<u16>,
}

/// The protocol of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}

/// The scheme, host and port of a request. Credentials are bound to all three.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The scheme.
    pub scheme: Scheme,
    /// The host and, if it is not the scheme's own, the port.
    pub host: Host,
}

impl Host {
    /// Returns the name or address, without brackets and port, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the port; `None` if unspecified.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Returns whether the host is this machine: `localhost`, a name below it (RFC 6761 § 6.3), or a loopback address.
    pub fn is_loopback(&self) -> bool {
        let name = self.name.strip_suffix('.').unwrap_or(&self.name);
        name == "localhost"
            || name.ends_with(".localhost")
            || self.name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// Returns whether this is Docker Hub, by any of the names that references, configurations and its API use.
    pub fn is_docker_hub(&self) -> bool {
        self.port.is_none_or(|port| port == 443)
            && matches!(self.name.as_str(), "docker.io" | "index.docker.io" | "registry-1.docker.io")
    }

    /// Returns the host that serves the API. Docker Hub's is not the one that references name.
    pub fn api(&self) -> Self {
        if self.is_docker_hub() {
            return Self { name: "registry-1.docker.io".to_owned(), port: None };
        }
        self.clone()
    }
}

impl Scheme {
    /// Returns the port of an address that names none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// Returns the scheme as an address spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Origin {
    /// Returns the origin of a scheme and a host. The scheme's own port counts as unspecified.
    pub fn new(scheme: Scheme, host: &Host) -> Self {
        let port = host.port.filter(|port| *port != scheme.default_port());
        Self { scheme, host: Host { name: host.name.clone(), port } }
    }

    /// Returns the port, which is the scheme's own if the host has none.
    pub fn port(&self) -> u16 {
        self.host.port.unwrap_or(self.scheme.default_port())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.contains(':') {
            true => write!(f, "[{}]", self.name)?,
            false => f.write_str(&self.name)?,
        }
        self.port.iter().try_for_each(|port| write!(f, ":{port}"))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        // The part before `@` may be a password, which no message repeats.
        let shown = text.rsplit_once('@').map_or(text.to_owned(), |(_, host)| format!("…@{host}"));
        let fail = || HostError { text: shown.clone() };
        let (name, rest) = match text.strip_prefix('[') {
            Some(bracketed) => {
                let (address, rest) = bracketed.split_once(']').ok_or_else(fail)?;
                address.parse::<std::net::Ipv6Addr>().map_err(|_| fail())?;
                (address, rest)
            }
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match rest.strip_prefix(':') {
            // `parse` by itself accepts a sign.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| fail())?)
            }
            None if rest.is_empty() => None,
            _ => return Err(fail()),
        };
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if name.is_empty() || !name.bytes().all(fits) {
            return Err(fail());
        }
        Ok(Self { name: name.to_ascii_lowercase(), port })
    }
}

/// An error of parsing a [`Host`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a host with an optional port, e.g. `registry.example:5000`")]
pub struct HostError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        text.parse().unwrap()
    }

    #[test]
    fn hosts_are_parsed_and_displayed() {
        for text in ["registry.example", "localhost:5000", "[::1]:5000", "[2001:db8::1]", "192.0.2.1:80"] {
            assert_eq!(host(text).to_string(), text);
        }
        assert_eq!(host("Registry.Example"), host("registry.example"));
        for text in
            ["", ":5000", "a:b", "a:+1", "a:99999", "[::1", "[::g]:1", "[::1]x", "a b", "a/b", "user@host"]
        {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_hosts_are_known() {
        for text in
            ["localhost", "app.localhost:1", "127.0.0.1", "127.1.2.3:80", "[::1]:5000", "[::ffff:127.0.0.1]"]
        {
            assert!(host(text).is_loopback(), "{text}");
        }
        for text in ["localhost.example", "192.168.0.1", "[::2]", "notlocalhost", "127.0.0.1.example"] {
            assert!(!host(text).is_loopback(), "{text}");
        }
    }

    #[test]
    fn the_own_port_of_a_scheme_is_unspecified() {
        assert_eq!(Origin::new(Scheme::Https, &host("a:443")), Origin::new(Scheme::Https, &host("a")));
        assert_ne!(Origin::new(Scheme::Http, &host("a:443")), Origin::new(Scheme::Http, &host("a")));
        assert_ne!(Origin::new(Scheme::Http, &host("a")), Origin::new(Scheme::Https, &host("a")));
    }
}
