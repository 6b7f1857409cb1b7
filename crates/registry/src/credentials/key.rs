//! The keys of configuration files: `ghcr.io`, `https://index.docker.io/v1/`, `registry.example:5000/team`.

use crate::ecr::is_ecr;
use crate::host::{Host, HostError};

/// The key under which docker has stored Docker Hub's credentials since its first registry.
pub(super) const HUB_URL: &str = "https://index.docker.io/v1/";

/// A key: a registry, and the namespace of the repositories that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) host: Host,
    /// Without slashes at both ends; empty for every repository.
    pub(super) namespace: String,
}

impl Key {
    /// Reads any spelling of a key; `None` if it names no host.
    ///
    /// `docker login` writes `HOST`, older ones and the documentation of registries also `https://HOST`, `HOST/v1/` and
    /// `https://HOST/v2/`; podman writes `HOST/NAMESPACE`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text),
        };
        if scheme.as_deref().is_some_and(|scheme| scheme != "https" && scheme != "http") {
            return None;
        }
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host: Host = host.parse().ok()?;
        let host = if scheme.as_deref() == Some("http") { host } else { canonical(&host) };
        // The root of the API, unless it may be a namespace: `docker.io/v2` is one of Docker Hub's users.
        let is_url = scheme.is_some() || path.ends_with('/');
        let namespace = match path.trim_matches('/') {
            "v1" | "v2" if is_url => "",
            namespace => namespace,
        };
        Some(Self { host, namespace: namespace.to_owned() })
    }

    /// Returns whether the key is for a repository: its namespace is the repository, or a directory above it.
    pub(super) fn covers(&self, repository: &str) -> bool {
        let rest = repository.strip_prefix(self.namespace.as_str());
        self.namespace.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Returns one name for all of Docker Hub's, and leaves out the port that TLS has anyway.
pub(super) fn canonical(host: &Host) -> Host {
    let text = match host.port() {
        _ if host.is_docker_hub() => "docker.io",
        Some(443) => host.name(),
        _ => return host.clone(),
    };
    let bracketed = if text.contains(':') { format!("[{text}]") } else { text.to_owned() };
    // The name of a host is one without its port.
    bracketed.parse().unwrap_or_else(|_| host.clone())
}

/// Returns the registry that a text names, as people write it: `ghcr.io`, `https://ghcr.io/` or `https://ghcr.io/v2/`.
///
/// # Errors
/// If it is something else, or names a repository.
pub fn host_of(text: &str) -> Result<Host, HostError> {
    match Key::parse(text).filter(|key| key.namespace.is_empty()) {
        Some(key) => Ok(key.host),
        None => text.parse(),
    }
}

/// Returns the user whose name a registry gives to everybody; `None` for most. Amazon's is `AWS` for the passwords of
/// `aws ecr get-login-password`.
pub fn usual_user(host: &Host) -> Option<&'static str> {
    is_ecr(host.name()).then_some("AWS")
}

/// Returns the name by which docker asks a credential helper for a registry.
pub(super) fn server(host: &Host) -> String {
    if host.is_docker_hub() { HUB_URL.to_owned() } else { host.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_names_its_host_and_namespace() {
        for (text, host, namespace) in [
            ("ghcr.io", "ghcr.io", ""),
            ("GHCR.io/", "ghcr.io", ""),
            ("https://ghcr.io", "ghcr.io", ""),
            ("HTTP://ghcr.io/", "ghcr.io", ""),
            ("https://ghcr.io/v1/", "ghcr.io", ""),
            ("https://ghcr.io/v2", "ghcr.io", ""),
            ("ghcr.io/v2/", "ghcr.io", ""),
            ("ghcr.io/v2", "ghcr.io", "v2"),
            ("ghcr.io:443", "ghcr.io", ""),
            ("http://ghcr.io:443", "ghcr.io:443", ""),
            ("ghcr.io:5000/v2/", "ghcr.io:5000", ""),
            ("[::1]:5000", "[::1]:5000", ""),
            ("https://[::1]:443/v2/", "[::1]", ""),
            ("ghcr.io/team/app/", "ghcr.io", "team/app"),
            ("https://index.docker.io/v1/", "docker.io", ""),
            ("index.docker.io", "docker.io", ""),
            ("registry-1.docker.io", "docker.io", ""),
            ("https://index.docker.io/v1/access-token", "docker.io", "v1/access-token"),
        ] {
            let key = Key::parse(text).unwrap();
            assert_eq!((key.host.to_string().as_str(), key.namespace.as_str()), (host, namespace), "{text}");
        }
        for text in ["", "/", "https://", "ftp://ghcr.io", "a b", "ghcr.io:port", "user@ghcr.io"] {
            assert_eq!(Key::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_namespace_ends_at_a_slash() {
        let covers = |key: &str, repository: &str| Key::parse(key).unwrap().covers(repository);
        assert!(covers("ghcr.io", "team/app") && covers("ghcr.io/team", "team/app"));
        assert!(covers("ghcr.io/team/app", "team/app"));
        assert!(!covers("ghcr.io/te", "team/app") && !covers("ghcr.io/team/app", "team"));
        assert!(!covers("ghcr.io/team", "team2/app"));
    }
}
