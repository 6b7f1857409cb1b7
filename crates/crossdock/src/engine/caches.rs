//! Caches, in the words that each engine takes.

use crossdock_oci::Repository;

use super::csv;

/// The repository in which podman keeps a cache: `registry.example/cache` of that itself and of
/// `type=registry,ref=registry.example/cache`. None of what podman cannot do: another kind of cache, or a tag, because it
/// makes one for each step.
pub fn repository(text: &str) -> Option<String> {
    reference(text).filter(|name| name.parse::<Repository>().is_ok())
}

/// The one image that docker without buildx reads a cache from; none of another kind of cache.
pub fn reference(text: &str) -> Option<String> {
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
pub fn is_inline(text: &str) -> bool {
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
