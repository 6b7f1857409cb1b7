//! What a scaffold consists of, and what a person chooses of it.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crossdock_platform::{listed, nearest};
use crossdock_project::Language;

/// A part of a scaffold: what `--only` and `--without` name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The program of `--template`.
    Program,
    /// `crossdock.toml`.
    Config,
    /// The `xtask` crate, its place in the workspace, and the alias `cargo xtask`. Rust alone.
    Xtask,
    /// One Dockerfile for each image.
    Dockerfile,
    /// What stays out of the Dockerfiles' context.
    Dockerignore,
    /// The workflow of GitHub Actions.
    Github,
    /// The pipeline of GitLab.
    Gitlab,
    /// One manifest for each image.
    Kubernetes,
    /// `README.md`, where there is none.
    Readme,
}

impl Part {
    /// The parts that a person chooses from.
    pub const ALL: [Self; 8] = [
        Self::Config,
        Self::Xtask,
        Self::Dockerfile,
        Self::Dockerignore,
        Self::Github,
        Self::Gitlab,
        Self::Kubernetes,
        Self::Readme,
    ];

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Config => "config",
            Self::Xtask => "xtask",
            Self::Dockerfile => "dockerfile",
            Self::Dockerignore => "dockerignore",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Kubernetes => "kubernetes",
            Self::Readme => "readme",
        }
    }

    /// The part of this name.
    ///
    /// # Errors
    /// An unknown name; the message names the nearest, or all.
    pub fn parse(name: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::as_str);
        Self::ALL.into_iter().find(|part| part.as_str() == name).ok_or_else(|| match nearest(name, names) {
            Some(meant) => format!("`{name}` is no part of a scaffold; did you mean `{meant}`?"),
            None => format!("`{name}` is no part of a scaffold; there are {}", listed(names)),
        })
    }

    /// The parts that a project of a language can have.
    pub(super) fn of(language: Language) -> BTreeSet<Self> {
        let has = |part: &Self| language == Language::Rust || *part != Self::Xtask;
        Self::ALL.into_iter().filter(has).collect()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_a_slip_is_explained() {
        for part in Part::ALL {
            assert_eq!(Part::parse(part.as_str()), Ok(part));
        }
        assert!(Part::parse("kubernets").unwrap_err().contains("did you mean `kubernetes`?"));
        assert!(Part::parse("helm").unwrap_err().contains("`gitlab`"));
        assert!(!Part::of(Language::Go).contains(&Part::Xtask));
    }
}
