//! What a person hands on to an engine, and which engine understands it.

use camino::Utf8PathBuf;
use crossdock_dockerfile::render::Caching;
use crossdock_oci::{Digest, Repository};
use crossdock_platform::Platform;
use serde::Serialize;

use super::{Builder, CacheExport, Engine, Frontend, csv, is_older};
use crossdock_subjects::taken;

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
    /// The platforms that it is for, in its own order and words.
    pub platforms: Vec<String>,
}

impl BaseFrom {
    /// Which of its platforms a system of another one lies on: that platform itself, else the best one of the same
    /// architecture that its nodes run, as plain linux/amd64 for linux/amd64/v3.
    pub fn choose(&self, wanted: &Platform) -> Option<usize> {
        let found: Vec<Option<Platform>> =
            self.platforms.iter().map(|name| Platform::parse(name).ok()).collect();
        let exactly = found
            .iter()
            .position(|found| found.as_ref().is_some_and(|found| found.normalized() == wanted.normalized()));
        let runs = || {
            let same =
                |found: Option<Platform>| found.filter(|found| found.architecture() == wanted.architecture());
            taken(wanted, &found.iter().cloned().map(same).collect::<Vec<_>>())
        };
        exactly.or_else(runs)
    }
}

impl Options {
    /// How dependencies are kept where a cache is handed on: cache mounts stay in the builder, and only layers reach a
    /// cache that others read. Who reads one must write the same steps as who filled it, or none of them is found there.
    pub fn caching(&self) -> Option<Caching> {
        let any = !self.cache_to.is_empty() || !self.cache_from.is_empty();
        any.then_some(Caching::Layer)
    }

    /// What the engine does not understand, as sentences that say so and what does.
    pub fn refused_by(&self, engine: &Engine) -> Vec<String> {
        let classic = engine.frontend == Frontend::Classic;
        let without_buildx = engine.builder == Builder::Docker && engine.frontend != Frontend::Buildx;
        let mut refused = self.caches_refused_by(engine);
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
        let rows = rows.into_iter().filter(|(refused, ..)| *refused);
        refused.extend(rows.map(|(_, option, help)| (option.to_owned(), help)));
        let sentence = |(option, help)| format!("{} does not understand {option}: {help}", engine.describe());
        refused.into_iter().map(sentence).collect()
    }

    /// Kinds of caches that the engine has not, each with what it has.
    fn caches_refused_by(&self, engine: &Engine) -> Vec<(String, &'static str)> {
        let (from, to) = words(engine);
        let given = [("--cache-from", &self.cache_from, from), ("--cache-to", &self.cache_to, to)];
        let refused = given.into_iter().flat_map(|(option, values, words)| {
            let (read, help) = words?;
            let unread = values.iter().filter(move |text| read(text).is_none());
            Some(unread.map(move |text| (format!("{option} {text}"), help)))
        });
        refused.flatten().collect()
    }

    /// What the engine does less with than its name says, as sentences.
    pub fn limited_by(&self, engine: &Engine) -> Vec<String> {
        let is_old = engine.builder == Builder::Podman && is_older(&engine.client, [4, 4]);
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

/// How an engine reads a cache, and what it takes instead of one that it does not know; none where it takes all.
type Words = Option<(fn(&str) -> Option<String>, &'static str)>;

/// How an engine reads what `--cache-from` and `--cache-to` name.
fn words(engine: &Engine) -> (Words, Words) {
    const PODMAN: &str = "podman keeps a cache in a repository without a tag: registry.example/cache, or \
                          type=registry,ref=registry.example/cache";
    const IMAGE: &str = "docker without buildx reads caches from images alone: registry.example/image:tag";
    const INLINE: &str = "the builder that is part of docker's server writes caches into the image alone: take \
                          type=inline, --builder buildx=NAME, or containerd's image store";
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

/// The option's value as the engine spells it: some name a cache by its place alone.
pub(crate) fn spelled(engine: &Engine, option: &str, value: &str) -> String {
    let (from, to) = words(engine);
    let words = match option {
        "--cache-from" => from,
        "--cache-to" => to,
        _ => None,
    };
    words.and_then(|(read, _)| read(value)).unwrap_or_else(|| value.to_owned())
}

/// The repository in which podman keeps a cache: `registry.example/cache` of that itself and of
/// `type=registry,ref=registry.example/cache`. None of what podman cannot do: another kind of cache, or a tag, because it
/// makes one for each step.
fn repository(text: &str) -> Option<String> {
    reference(text).filter(|name| name.parse::<Repository>().is_ok())
}

/// The one image that docker without buildx reads a cache from; none of another kind of cache.
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

/// Whether a cache goes into the image itself, which every builder can.
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
    fn a_cache_that_an_engine_has_not_is_refused() {
        let to = |text: &str| Options { cache_to: vec![text.to_owned()], ..Options::default() };
        let from = |text: &str| Options { cache_from: vec![text.to_owned()], ..Options::default() };
        let podman = engine(Builder::Podman, Frontend::Buildah);
        assert!(to("type=registry,ref=r.example/c").refused_by(&podman).is_empty());
        insta::assert_snapshot!(to("type=local,dest=/c").refused_by(&podman).join("\n"), @"podman 28.2.2, server 20.10.24, buildah, on linux/amd64 does not understand --cache-to type=local,dest=/c: podman keeps a cache in a repository without a tag: registry.example/cache, or type=registry,ref=registry.example/cache");
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
    fn a_base_is_for_the_platform_that_lies_on_it() {
        let base = |platforms: &[&str]| BaseFrom {
            name: "debian:trixie-slim".to_owned(),
            layout: "/l".into(),
            digest: Digest::of(b"base"),
            platforms: platforms.iter().map(ToString::to_string).collect(),
        };
        let choose = |wanted: &str, platforms: &[&str]| base(platforms).choose(&wanted.parse().unwrap());
        assert_eq!(choose("linux/arm64", &["linux/amd64"]), None, "a single one is not for everything");
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

    #[test]
    fn each_engine_has_words_of_its_own() {
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
