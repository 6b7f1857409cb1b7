//! Proxy servers.

use crate::credentials::Secret;
use crate::host::{Host, Origin};

/// Decides which proxy server a request goes through.
#[derive(Debug, Clone, Default)]
pub struct ProxyRules {
    /// The proxy of every host that is not this machine.
    every: Option<Proxy>,
}

/// A proxy server that opens connections with CONNECT (RFC 9110 § 9.3.6).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proxy {
    /// The server.
    pub origin: Origin,
    /// The name and password of its user; `None` if unspecified.
    pub user: Option<(String, Secret)>,
}

impl Proxy {
    /// Returns a proxy without a user.
    pub fn new(origin: Origin) -> Self {
        Self { origin, user: None }
    }
}

impl ProxyRules {
    /// Returns the rules that use no proxy.
    pub fn none() -> Self {
        Self::default()
    }

    /// Returns the rules that use one proxy for every host that is not this machine.
    pub fn always(proxy: Proxy) -> Self {
        Self { every: Some(proxy) }
    }

    /// Returns the proxy for requests to `origin`; `None` for a direct connection.
    pub fn proxy_for(&self, origin: &Origin) -> Option<&Proxy> {
        let is_remote = |host: &Host| !host.is_loopback();
        self.every.as_ref().filter(|_| is_remote(&origin.host))
    }
}
