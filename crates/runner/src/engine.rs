//! Container engines as builders: the builder that a user names, the engine that answers, and how it is commanded.
//!
//! [`probe`] asks an engine for its versions and platforms; everything else here is pure.

pub(crate) mod bake;
pub mod bake_file;
pub(crate) mod commands;
pub mod csv;
mod log;
mod options;
mod probe;

use crossdock_platform::Platform;
use serde::Serialize;

pub use crossdock_project::Builder;
pub use log::FailedInstruction;
pub(crate) use log::failed_instruction;
pub(crate) use options::spelled;
pub use options::{BaseFrom, Options};
pub use probe::{probe, refusal};

/// A container engine that answered a [`probe`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Engine {
    /// The builder that names it.
    pub builder: Builder,
    /// The version of the client.
    pub client: String,
    /// The version of the server, or of the BuildKit of a buildx builder; `None` if client and server are one program.
    pub server: Option<String>,
    /// The part of it that reads a Dockerfile.
    pub frontend: Frontend,
    /// The platform whose programs it runs natively.
    pub platform: Platform,
    /// The platforms whose programs it can run during a build, natively or emulated; `None` if unknown.
    pub runs: Option<Vec<Platform>>,
    /// The first words of its commands: `docker`, `podman`, `docker buildx`, or `buildx`.
    pub program: Vec<String>,
    /// The nodes of the builder; empty if the engine builds without buildx.
    pub nodes: Vec<Node>,
    /// The places that its BuildKit writes caches to; meaningless for other frontends.
    pub caches: CacheExport,
}

/// The places that a BuildKit writes caches to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CacheExport {
    /// Every backend.
    Anywhere,
    /// Only the image itself. This is the BuildKit in docker's server, unless docker keeps its images in containerd's
    /// store (<https://docs.docker.com/build/cache/backends/>).
    Inline,
}

/// The part of an engine that reads a Dockerfile and builds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Frontend {
    /// Docker's classic builder. It lacks `BUILDPLATFORM`, mounts and secrets.
    Classic,
    /// The BuildKit in docker's server, called by a client that needs no plugin for it (before version 23).
    Integrated,
    /// BuildKit, called through buildx.
    Buildx,
    /// The library that podman and buildah share.
    Buildah,
}

/// A node of a buildx builder: one BuildKit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Node {
    /// The node's name.
    pub name: String,
    /// The address of its BuildKit.
    pub endpoint: String,
    /// The platforms whose programs it runs, the native one first.
    pub platforms: Vec<Platform>,
    /// The reason why it does not answer; `None` if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Engine {
    /// Describes the engine and the platforms that each of its machines runs, as one line.
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

    /// Describes the engine as one line: `docker 20.10.24, server 20.10.24, classic builder, on linux/amd64`.
    pub fn describe(&self) -> String {
        let frontend = match self.frontend {
            Frontend::Classic => "classic builder",
            Frontend::Integrated => "its own BuildKit",
            Frontend::Buildx => "BuildKit by buildx",
            Frontend::Buildah => "buildah",
        };
        let server = self.server.iter().map(|version| format!(", server {version}"));
        let nodes = (self.nodes.len() > 1).then(|| format!(", {} nodes", self.nodes.len()));
        let unreachable = self.nodes.iter().filter_map(|node| {
            node.error.as_ref().map(|error| format!(", of which `{}` does not answer ({error})", node.name))
        });
        let parts: String = server.chain(nodes).chain(unreachable).collect();
        format!("{} {}{parts}, {frontend}, on {}", self.builder, self.client, self.platform)
    }
}

/// Lists platforms on one line.
pub(crate) fn listed(platforms: &[Platform]) -> String {
    platforms.iter().map(Platform::to_string).collect::<Vec<_>>().join(", ")
}

/// Returns the numbers at the start of a version: 20, 10, 24 of `20.10.24+dfsg1`.
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
