//! Caches, in the words that each engine takes.

use crossdock_oci::Repository;

use super::{Builder, CacheExport, Engine, Frontend, csv};

/// How an engine reads a cache, and what it takes instead of one that it does not know; none where it takes all.
pub(super) type Words = Option<(fn(&str) -> Option<String>, &'static str)>;

/// How an engine reads what `--cache-from` and `--cache-to` name.
pub(super) fn words(engine: &Engine) -> (Words, Words) {
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
