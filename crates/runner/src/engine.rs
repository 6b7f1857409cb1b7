//! Container engines as builders: which one a person names, and what it says of itself when it is asked.

pub mod bake;
pub mod csv;
mod log;
mod options;
mod probe;

use crossdock_platform::Platform;
use serde::Serialize;

pub use crossdock_project::Builder;

pub use log::{FailedInstruction, failed_instruction};
pub(crate) use options::spelled;
pub use options::{BaseFrom, Options};
pub use probe::probe;

/// A container engine that answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Engine {
    /// The builder that this is.
    pub builder: Builder,
    /// The version of the client.
    pub client: String,
    /// The version of the server or, of a builder of buildx, of its BuildKit; none where client and server are one.
    pub server: Option<String>,
    /// How it reads a Dockerfile.
    pub frontend: Frontend,
    /// The platform that it runs natively.
    pub platform: Platform,
    /// The platforms whose programs it can run while it builds, by emulation too; none where the engine does not say.
    pub runs: Option<Vec<Platform>>,
    /// What stands before `bake`: `docker buildx`, or `buildx` alone; `docker` or `podman` otherwise.
    pub program: Vec<String>,
    /// The nodes of a builder of buildx.
    pub nodes: Vec<Node>,
    /// Where its BuildKit writes caches to; of no meaning for other frontends.
    pub caches: CacheExport,
}

/// Where a BuildKit writes caches to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheExport {
    /// Anywhere.
    Anywhere,
    /// Into the image alone: the one that is part of docker's server, unless images lie in containerd's store
    /// (<https://docs.docker.com/build/cache/backends/>).
    Inline,
}

/// How an engine reads a Dockerfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frontend {
    /// Docker's classic builder: no BUILDPLATFORM, no mounts, no secrets.
    Classic,
    /// The BuildKit that is part of docker's server, called by a client that needs no plugin (before version 23).
    Integrated,
    /// BuildKit, called through buildx.
    Buildx,
    /// The library of podman and buildah.
    Buildah,
}

/// A node of a builder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub endpoint: String,
    /// What it runs, best first.
    pub platforms: Vec<Platform>,
    /// Why it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Engine {
    /// What it is and what each of its machines runs.
    pub fn inventory(&self) -> String {
        let machines = match self.nodes.as_slice() {
            nodes if nodes.len() > 1 => {
                let each = nodes.iter().filter(|node| node.error.is_none());
                each.map(|node| format!("{}: {}", node.name, listed(&node.platforms)))
                    .collect::<Vec<_>>()
                    .join("; ")
            }
            _ => match &self.runs {
                Some(runs) => format!("runs {}", listed(runs)),
                None => "does not say what it emulates".to_owned(),
            },
        };
        format!("{} ({machines})", self.describe())
    }

    /// What a person calls it: `docker 20.10.24, server 20.10.24, classic builder`.
    pub fn describe(&self) -> String {
        let frontend = match self.frontend {
            Frontend::Classic => "classic builder",
            Frontend::Integrated => "its own BuildKit",
            Frontend::Buildx => "BuildKit by buildx",
            Frontend::Buildah => "buildah",
        };
        let server = self.server.iter().map(|version| format!(", server {version}"));
        let nodes = (self.nodes.len() > 1).then(|| format!(", {} nodes", self.nodes.len()));
        let away = self.nodes.iter().filter_map(|node| {
            node.error.as_ref().map(|error| format!(", of which `{}` does not answer ({error})", node.name))
        });
        let parts: String = server.chain(nodes).chain(away).collect();
        format!("{} {}{parts}, {frontend}, on {}", self.builder, self.client, self.platform)
    }
}

/// Platforms on one line.
pub(crate) fn listed(platforms: &[Platform]) -> String {
    platforms.iter().map(Platform::to_string).collect::<Vec<_>>().join(", ")
}

/// The numbers that a version begins with: `20.10.24+dfsg1` is 20, 10, 24.
fn version_numbers(version: &str) -> Vec<u32> {
    let version = version.trim_start_matches('v');
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    version[..end].split('.').map_while(|part| part.parse().ok()).collect()
}

/// Whether a version is known to come before another one. Programs built from source call themselves 0.0.0, which says
/// nothing about their age.
fn is_older(version: &str, first: [u32; 2]) -> bool {
    let numbers = version_numbers(version);
    numbers.iter().any(|number| *number != 0) && numbers.as_slice() < first.as_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(version_numbers("20.10.24+dfsg1"), [20, 10, 24]);
        assert_eq!(version_numbers("v0.19.3-12-gabc"), [0, 19, 3]);
        assert!(!is_older("20.10.24+dfsg1", [20, 10]));
        assert!(is_older("9.9", [20, 10]));
        assert!(is_older("19.03.5", [20, 10]));
        assert!(!is_older("v0.0.0+unknown", [0, 10]));
    }
}
