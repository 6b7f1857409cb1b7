//! The builder that compiles and assembles: crossdock itself or a container engine.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crossdock_platform::nearest;

/// The builder that compiles and assembles.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Builder {
    /// crossdock itself, with the compilers of this host.
    #[default]
    Embedded,
    /// Docker, through its BuildKit if it has one.
    Docker,
    /// Podman.
    Podman,
    /// A buildx builder, by name; `None` is the selected one.
    Buildx(Option<String>),
}

/// The error for an unknown builder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a builder: use embedded, docker, podman, buildx or buildx=NAME{}",
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

/// Returns whether buildx accepts the name of a builder.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builders_round_trip() {
        for text in ["embedded", "docker", "podman", "buildx", "buildx=two-nodes"] {
            assert_eq!(text.parse::<Builder>().map(|builder| builder.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "Docker", "buildx=", "buildx=-x", "buildx=a b", "docker=x"] {
            assert!(text.parse::<Builder>().is_err(), "{text}");
        }
        insta::assert_snapshot!(
            "buildk".parse::<Builder>().unwrap_err(),
            @"`buildk` is not a builder: use embedded, docker, podman, buildx or buildx=NAME; did you mean `buildx`?"
        );
    }
}
