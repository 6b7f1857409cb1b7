//! The options that a user passes on to an engine, and whether the engine supports them.

use camino::Utf8PathBuf;
use crossdock_dockerfile::render::Caching;
use crossdock_oci::{Digest, Repository};
use crossdock_platform::Platform;
use serde::Serialize;

use super::{Builder, CacheExport, Engine, Frontend, csv, is_older};
use crossdock_subjects::best_platform;

/// Options that are passed on to an engine, in the form that docker, podman and buildx share.
///
/// ```
/// use crossdock_runner::engine::Options;
///
/// let mut options = Options::default();
/// options.build_args = vec!["VERSION=1.2".to_owned()];
/// assert_eq!(options.given(), ["--build-arg"]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Options {
    /// `--base-from`: base images from local layouts instead of a registry.
    pub base_from: Vec<BaseFrom>,
    /// `--build-arg`: `NAME=VALUE`.
    pub build_args: Vec<String>,
    /// `--secret`: `id=NAME,src=FILE` or `id=NAME,env=VARIABLE`. A plan is printed, so that it never holds the value.
    pub secrets: Vec<String>,
    /// `--ssh`: `default`, or `ID=SOCKET`.
    pub ssh: Vec<String>,
    /// `--cache-from`: caches to read.
    pub cache_from: Vec<String>,
    /// `--cache-to`: caches to write.
    pub cache_to: Vec<String>,
}

/// A base image in a local OCI image layout, given as `--base-from NAME=oci:LAYOUT`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaseFrom {
    /// The image's name in a Dockerfile: `golang:1.26-trixie`.
    pub name: String,
    /// The directory of the layout.
    pub layout: Utf8PathBuf,
    /// The digest of the image in the layout.
    pub digest: Digest,
    /// The image's platforms, in the order and spelling of its index.
    pub platforms: Vec<String>,
}

impl BaseFrom {
    /// Returns the index of the platform to build on for `wanted`: the same platform, else the best one of the same
    /// architecture that nodes of `wanted` run, as plain linux/amd64 for linux/amd64/v3. `None` if there is neither.
    pub fn choose(&self, wanted: &Platform) -> Option<usize> {
        let found: Vec<Option<Platform>> =
            self.platforms.iter().map(|name| Platform::parse(name).ok()).collect();
        let exactly = found
            .iter()
            .position(|found| found.as_ref().is_some_and(|found| found.normalized() == wanted.normalized()));
        let runs = || {
            let same =
                |found: Option<Platform>| found.filter(|found| found.architecture() == wanted.architecture());
            best_platform(wanted, &found.iter().cloned().map(same).collect::<Vec<_>>())
        };
        exactly.or_else(runs)
    }
}

impl Options {
    /// Returns how dependencies are cached if a cache is read or written; `None` if it is not. Cache mounts stay in the
    /// builder, and only layers get into an exported cache. A build that only reads must have the same steps as the one
    /// that wrote, or it finds none of them.
    pub fn caching(&self) -> Option<Caching> {
        let any = !self.cache_to.is_empty() || !self.cache_from.is_empty();
        any.then_some(Caching::Layer)
    }

    /// Returns a sentence for each option that the engine does not support, with what to do instead.
    pub fn refused_by(&self, engine: &Engine) -> Vec<String> {
        let classic = engine.frontend == Frontend::Classic;
        let without_buildx = engine.builder == Builder::Docker && engine.frontend != Frontend::Buildx;
        let mut refused = self.unsupported_caches(engine);
        let rows = [
            (
                classic && !self.secrets.is_empty(),
                "--secret",
                "build with BuildKit (`docker buildx`) or podman",
            ),
            (classic && !self.ssh.is_empty(), "--ssh", "build with BuildKit (`docker buildx`) or podman"),
            (
                // Podman does not read quotes, and only fields with commas or quotes are quoted.
                engine.builder == Builder::Podman && self.secrets.iter().any(|secret| secret.contains('"')),
                "a comma or a quote in what --secret names",
                "give the file another path",
            ),
            (
                without_buildx && !self.cache_to.is_empty(),
                "--cache-to",
                "docker writes caches only through buildx: use --builder buildx=NAME",
            ),
        ];
        let rows = rows.into_iter().filter(|(refused, ..)| *refused);
        refused.extend(rows.map(|(_, option, help)| (option.to_owned(), help)));
        let sentence = |(option, help)| format!("{} does not understand {option}: {help}", engine.describe());
        refused.into_iter().map(sentence).collect()
    }

    /// Returns the caches that the engine does not support, each with what it supports.
    fn unsupported_caches(&self, engine: &Engine) -> Vec<(String, &'static str)> {
        let (from, to) = words(engine);
        let given = [("--cache-from", &self.cache_from, from), ("--cache-to", &self.cache_to, to)];
        let refused = given.into_iter().flat_map(|(option, values, words)| {
            let (read, help) = words?;
            let unread = values.iter().filter(move |text| read(text).is_none());
            Some(unread.map(move |text| (format!("{option} {}", cache_kind(text)), help)))
        });
        refused.flatten().collect()
    }

    /// Returns a sentence for each option that the engine supports in part.
    pub fn limited_by(&self, engine: &Engine) -> Vec<String> {
        let is_old = engine.builder == Builder::Podman && is_older(&engine.client, [4, 4]);
        let limited = is_old && !self.cache_from.is_empty();
        // A bug of buildah: <https://github.com/containers/buildah/issues/4315>.
        let sentence = || {
            format!(
                "{} ignores the steps after an ARG in --cache-from: dependencies come from the cache, but each platform is \
                 compiled again; podman 4.4 and newer use both",
                engine.describe()
            )
        };
        limited.then(sentence).into_iter().collect()
    }

    /// Returns the names of the options that are set, for a message.
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

/// Returns what a message may show of a cache: its type, or its reference. Other fields may hold credentials.
fn cache_kind(text: &str) -> String {
    match csv::value(text, "type") {
        Some(kind) => format!("type={kind}"),
        None => text.split(['=', ',']).next().unwrap_or_default().to_owned(),
    }
}

/// A function that converts a cache to the engine's spelling, or rejects it, and the help for a rejected one. `None` if the
/// engine takes every cache as it is.
type Words = Option<(fn(&str) -> Option<String>, &'static str)>;

/// Returns how an engine spells `--cache-from` and `--cache-to`.
fn words(engine: &Engine) -> (Words, Words) {
    const PODMAN: &str = "podman keeps a cache in a repository without a tag: registry.example/cache, or \
                          type=registry,ref=registry.example/cache";
    const IMAGE: &str = "docker without buildx reads caches only from images: registry.example/image:tag";
    const INLINE: &str = "the builder in docker's server writes caches only into the image: use type=inline, --builder \
                          buildx=NAME, or containerd's image store";
    match (&engine.builder, engine.frontend) {
        (Builder::Podman, _) => (Some((repository, PODMAN)), Some((repository, PODMAN))),
        (Builder::Docker, Frontend::Buildx) if engine.caches == CacheExport::Inline => {
            let inline = |text: &str| is_inline(text).then(|| text.to_owned());
            (None, Some((inline, INLINE)))
        }
        (Builder::Docker, Frontend::Classic | Frontend::Integrated) => (Some((reference, IMAGE)), None),
        _ => (None, None),
    }
}

/// Returns an option's value in the engine's spelling: some engines take only the reference of a cache.
pub(crate) fn spelled(engine: &Engine, option: &str, value: &str) -> String {
    let (from, to) = words(engine);
    let words = match option {
        "--cache-from" => from,
        "--cache-to" => to,
        _ => None,
    };
    words.and_then(|(read, _)| read(value)).unwrap_or_else(|| value.to_owned())
}

/// Returns the repository in which podman keeps a cache: `registry.example/cache`, given as that or as
/// `type=registry,ref=registry.example/cache`. `None` for another kind of cache, and for a reference with a tag: podman
/// makes a tag for each step.
fn repository(text: &str) -> Option<String> {
    reference(text).filter(|name| name.parse::<Repository>().is_ok())
}

/// Returns the image from which docker without buildx reads a cache; `None` for another kind of cache.
fn reference(text: &str) -> Option<String> {
    if !text.contains('=') {
        return Some(text.to_owned());
    }
    let mut name = None;
    for field in csv::fields(text)? {
        match field.split_once('=')? {
            ("type", "registry") | ("mode", "max") => {}
            ("ref", given) => name = Some(given.to_owned()),
            _ => return None,
        }
    }
    name
}

/// Whether a cache is written into the image itself, which every builder supports.
fn is_inline(text: &str) -> bool {
    csv::fields(text).is_some_and(|fields| fields.iter().any(|field| field == "type=inline"))
}

#[cfg(test)]
mod tests {
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
            caches: CacheExport::Anywhere,
        }
    }

    #[test]
    fn unsupported_caches_are_refused() {
        let to = |text: &str| Options { cache_to: vec![text.to_owned()], ..Options::default() };
        let from = |text: &str| Options { cache_from: vec![text.to_owned()], ..Options::default() };
        let podman = engine(Builder::Podman, Frontend::Buildah);
        assert!(to("type=registry,ref=r.example/c").refused_by(&podman).is_empty());
        insta::assert_snapshot!(to("type=local,dest=/c").refused_by(&podman).join("\n"), @"podman 28.2.2, server 20.10.24, buildah, on linux/amd64 does not understand --cache-to type=local: podman keeps a cache in a repository without a tag: registry.example/cache, or type=registry,ref=registry.example/cache");
        assert_eq!(from("r.example/c:tag").refused_by(&podman).len(), 1);
        let inline = Engine { caches: CacheExport::Inline, ..engine(Builder::Docker, Frontend::Buildx) };
        assert_eq!(to("type=local,dest=/c").refused_by(&inline).len(), 1);
        assert!(to("type=inline").refused_by(&inline).is_empty());
        assert!(from("type=local,src=/c").refused_by(&inline).is_empty());
        assert!(to("type=local,dest=/c").refused_by(&engine(Builder::Docker, Frontend::Buildx)).is_empty());
        let old = engine(Builder::Docker, Frontend::Integrated);
        assert!(from("type=registry,ref=r.example/c:1").refused_by(&old).is_empty());
        assert_eq!(from("type=local,src=/c").refused_by(&old).len(), 1);
    }

    #[test]
    fn a_base_is_chosen_by_the_platform_that_is_built_on_it() {
        let base = |platforms: &[&str]| BaseFrom {
            name: "debian:trixie-slim".to_owned(),
            layout: "/l".into(),
            digest: Digest::of(b"base"),
            platforms: platforms.iter().map(ToString::to_string).collect(),
        };
        let choose = |wanted: &str, platforms: &[&str]| base(platforms).choose(&wanted.parse().unwrap());
        assert_eq!(
            choose("linux/arm64", &["linux/amd64"]),
            None,
            "a single platform does not serve every other"
        );
        assert_eq!(choose("linux/arm64", &["linux/amd64", "linux/arm64/v8"]), Some(1));
        assert_eq!(choose("linux/amd64/v3", &["linux/386", "linux/amd64"]), Some(1));
        assert_eq!(
            choose("linux/amd64", &["linux/386", "linux/amd64/v3"]),
            None,
            "it may need a newer processor"
        );
        assert_eq!(choose("linux/arm/v7", &["linux/arm/v5", "linux/arm/v6"]), Some(1));
        assert_eq!(choose("linux/arm64", &["linux/arm/v7", "/", ""]), None);
    }

    #[test]
    fn unsupported_options_are_refused_by_engine() {
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

    #[test]
    fn caches_are_spelled_for_each_engine() {
        let both = |text: &str| (reference(text), repository(text));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(both("r.example/c"), (some("r.example/c"), some("r.example/c")));
        assert_eq!(both("type=registry,ref=r.example/c"), (some("r.example/c"), some("r.example/c")));
        assert_eq!(both("type=registry,ref=r.example:5000/c,mode=max").1, some("r.example:5000/c"));
        assert_eq!(both("type=registry,ref=r.example/c:tag"), (some("r.example/c:tag"), None));
        for other in [
            "type=local,dest=/c",
            "type=gha",
            "type=registry,ref=r/c,compression=zstd",
            "type=registry",
            "a=\"",
        ] {
            assert_eq!(both(other), (None, None), "{other}");
        }
        assert!(is_inline("type=inline") && !is_inline("type=registry,ref=inline"));
    }
}
