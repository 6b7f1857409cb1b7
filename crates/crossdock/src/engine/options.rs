//! What a person hands on to an engine, and which engine understands it.

use camino::Utf8PathBuf;
use crossdock_oci::Digest;
use serde::Serialize;

use super::ask::at_least;
use super::{Builder, Engine, Frontend};

/// What is handed on to an engine, in the words that docker, podman and buildx share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Options {
    /// `--base-from`: base images from layouts instead of a registry.
    pub base_from: Vec<BaseFrom>,
    /// `--build-arg`: `NAME=VALUE`.
    pub build_args: Vec<String>,
    /// `--secret`: `id=NAME,src=FILE`. Never its value.
    pub secrets: Vec<String>,
    /// `--ssh`: `default`, or `ID=SOCKET`.
    pub ssh: Vec<String>,
    /// `--cache-from`
    pub cache_from: Vec<String>,
    /// `--cache-to`
    pub cache_to: Vec<String>,
}

/// A base image that lies in a layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaseFrom {
    /// As a Dockerfile names it: `golang:1.26-trixie`.
    pub name: String,
    /// The layout.
    pub layout: Utf8PathBuf,
    /// Which image of the layout.
    pub digest: Digest,
}

impl Options {
    /// What the engine does not understand, as sentences that say so and what does.
    pub fn refused_by(&self, engine: &Engine) -> Vec<String> {
        let classic = engine.frontend == Frontend::Classic;
        let without_buildx = engine.builder == Builder::Docker && engine.frontend != Frontend::Buildx;
        let rows = [
            (
                classic && !self.secrets.is_empty(),
                "--secret",
                "build with BuildKit (`docker buildx`) or podman",
            ),
            (classic && !self.ssh.is_empty(), "--ssh", "build with BuildKit (`docker buildx`) or podman"),
            (
                // Only fields that hold commas are quoted.
                engine.builder == Builder::Podman && self.secrets.iter().any(|secret| secret.contains('"')),
                "a comma or a quote in what --secret names",
                "give the file another path",
            ),
            (
                without_buildx && !self.cache_to.is_empty(),
                "--cache-to",
                "docker writes caches only through buildx: take --builder buildx=NAME",
            ),
        ];
        let refused = rows.into_iter().filter(|(refused, ..)| *refused);
        refused
            .map(|(_, option, help)| format!("{} does not understand {option}: {help}", engine.describe()))
            .collect()
    }

    /// What the engine does less with than its name says, as sentences.
    pub fn limited_by(&self, engine: &Engine) -> Vec<String> {
        let is_old = engine.builder == Builder::Podman && at_least("podman", &engine.client, [4, 4]).is_err();
        let limited = is_old && !self.cache_from.is_empty();
        let sentence = || {
            format!(
                "{} looks for no step behind an ARG in --cache-from, so that dependencies come from there and what is \
                 compiled for a platform is compiled again: podman 4.4 and newer find both",
                engine.describe()
            )
        };
        limited.then(sentence).into_iter().collect()
    }

    /// What each option would be called that is given; for a message.
    pub fn given(&self) -> Vec<&'static str> {
        let rows = [
            ("--base-from", self.base_from.is_empty()),
            ("--build-arg", self.build_args.is_empty()),
            ("--secret", self.secrets.is_empty()),
            ("--ssh", self.ssh.is_empty()),
            ("--cache-from", self.cache_from.is_empty()),
            ("--cache-to", self.cache_to.is_empty()),
        ];
        rows.into_iter().filter(|(_, empty)| !empty).map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use crossdock_platform::Platform;

    use super::*;

    fn engine(builder: Builder, frontend: Frontend) -> Engine {
        Engine {
            builder,
            client: "28.2.2".to_owned(),
            server: Some("20.10.24".to_owned()),
            frontend,
            platform: Platform::LINUX_AMD64,
            runs: None,
            program: vec!["docker".to_owned()],
            nodes: Vec::new(),
        }
    }

    #[test]
    fn each_engine_takes_what_it_understands() {
        let options = Options {
            secrets: vec!["id=netrc,src=/n".to_owned()],
            ssh: vec!["default".to_owned()],
            cache_to: vec!["type=registry,ref=r/c".to_owned()],
            ..Options::default()
        };
        assert_eq!(options.given(), ["--secret", "--ssh", "--cache-to"]);
        let refused = |builder, frontend| options.refused_by(&engine(builder, frontend)).len();
        assert_eq!(refused(Builder::Docker, Frontend::Classic), 3);
        assert_eq!(refused(Builder::Docker, Frontend::Integrated), 1);
        assert_eq!(refused(Builder::Docker, Frontend::Buildx), 0);
        assert_eq!(refused(Builder::Podman, Frontend::Buildah), 0);
        let comma = Options { secrets: vec!["id=n,\"src=/a,b\"".to_owned()], ..Options::default() };
        assert_eq!(comma.refused_by(&engine(Builder::Podman, Frontend::Buildah)).len(), 1);
        assert_eq!(comma.refused_by(&engine(Builder::Docker, Frontend::Integrated)).len(), 0);
        let cached = Options { cache_from: vec!["r/c".to_owned()], ..Options::default() };
        let podman =
            |client: &str| Engine { client: client.to_owned(), ..engine(Builder::Podman, Frontend::Buildah) };
        assert_eq!(cached.limited_by(&podman("4.3.1")).len(), 1);
        assert_eq!(cached.limited_by(&podman("4.4.0")).len(), 0);
        assert_eq!(options.limited_by(&podman("4.3.1")).len(), 0);
        insta::assert_snapshot!(
            options.refused_by(&engine(Builder::Docker, Frontend::Classic))[0],
            @"docker 28.2.2, server 20.10.24, classic builder, on linux/amd64 does not understand --secret: build with BuildKit (`docker buildx`) or podman"
        );
    }
}
