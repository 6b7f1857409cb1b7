//! Container engines as builders: which one a person names, and what it says of itself when it is asked.

mod ask;
pub mod bake;
mod buildx;
pub mod caches;
pub mod csv;
mod docker;
mod emulation;
mod log;
mod options;
mod podman;

use std::fmt;
use std::str::FromStr;

use crossdock_platform::Platform;
use serde::Serialize;

use crate::nearest::nearest;

pub use ask::ask;
pub use log::{Failing, failing};
pub use options::{BaseFrom, Options};

/// Who compiles and assembles.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Builder {
    /// crossdock itself, with the compilers of the host.
    #[default]
    Embedded,
    /// Docker's engine, by its BuildKit where it has one.
    Docker,
    /// Podman.
    Podman,
    /// A builder of buildx, by its name; none is the selected one.
    Buildx(Option<String>),
}

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

/// A builder that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no builder: it takes embedded, docker, podman, buildx or buildx=NAME{}",
    .nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
)]
pub struct UnknownBuilder {
    text: String,
    nearest: Option<&'static str>,
}

const NAMES: [&str; 4] = ["embedded", "docker", "podman", "buildx"];

impl FromStr for Builder {
    type Err = UnknownBuilder;

    fn from_str(text: &str) -> Result<Self, UnknownBuilder> {
        let unknown = || UnknownBuilder { text: text.to_owned(), nearest: nearest(text, NAMES) };
        match text.split_once('=') {
            None => match text {
                "embedded" => Ok(Self::Embedded),
                "docker" => Ok(Self::Docker),
                "podman" => Ok(Self::Podman),
                "buildx" => Ok(Self::Buildx(None)),
                _ => Err(unknown()),
            },
            Some(("buildx", name)) if is_name(name) => Ok(Self::Buildx(Some(name.to_owned()))),
            Some(_) => Err(unknown()),
        }
    }
}

/// What buildx takes for the name of a builder.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

impl fmt::Display for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Docker => f.write_str("docker"),
            Self::Podman => f.write_str("podman"),
            Self::Buildx(None) => f.write_str("buildx"),
            Self::Buildx(Some(name)) => write!(f, "buildx={name}"),
        }
    }
}

impl Serialize for Builder {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builders_are_read_and_written_alike() {
        for text in ["embedded", "docker", "podman", "buildx", "buildx=two-nodes"] {
            assert_eq!(text.parse::<Builder>().map(|builder| builder.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "Docker", "buildx=", "buildx=-x", "buildx=a b", "docker=x"] {
            assert!(text.parse::<Builder>().is_err(), "{text}");
        }
        insta::assert_snapshot!(
            "buildk".parse::<Builder>().unwrap_err(),
            @"`buildk` is no builder: it takes embedded, docker, podman, buildx or buildx=NAME; did you mean `buildx`?"
        );
    }
}
