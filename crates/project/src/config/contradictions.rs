//! Keys that contradict each other or do not apply to the language of the image.

use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;

use super::Linkage;
use super::raw::{RawImage, Scalar};
use super::resolver::Resolver;
use crate::language::Language;

/// Reports all contradictions in the keys of one image.
pub(super) fn contradictions(resolver: &mut Resolver<'_>, raw: &RawImage, language: Option<Language>) {
    match language {
        Some(Language::Go) => foreign(resolver, rust_keys(raw), "Go", "Rust"),
        Some(Language::Rust) => foreign(resolver, go_keys(raw), "Rust", "Go"),
        None => {}
    }
    programs(resolver, raw);
    features(resolver, raw);
    start(resolver, raw);
    files(resolver, raw);
    base(resolver, raw);
    linkage(resolver, raw, language);
}

type Keys = Vec<(&'static str, Range<usize>)>;

fn key<T>(name: &'static str, at: &Option<Spanned<T>>) -> Option<(&'static str, Range<usize>)> {
    at.as_ref().map(|at| (name, at.span()))
}

fn rust_keys(raw: &RawImage) -> Keys {
    let keys = [
        key("features", &raw.features),
        key("all-features", &raw.all_features),
        key("no-default-features", &raw.no_default_features),
        key("profile", &raw.profile),
        raw.toolchain.as_ref().and_then(|routes| routes.first()).map(|route| ("toolchain", route.span())),
    ];
    keys.into_iter().flatten().collect()
}

fn go_keys(raw: &RawImage) -> Keys {
    [key("cgo", &raw.cgo), key("ldflags", &raw.ldflags), key("buildvcs", &raw.buildvcs)]
        .into_iter()
        .flatten()
        .collect()
}

/// Reports keys of the other language. They would be ignored, which a user takes for crossdock's mistake.
fn foreign(resolver: &mut Resolver<'_>, keys: Keys, own: &str, other: &str) {
    for (key, span) in keys {
        resolver.report(
            &span,
            format!("`{key}` applies to {other} programs, and this image has a {own} program"),
            "remove it",
        );
    }
}

fn programs(resolver: &mut Resolver<'_>, raw: &RawImage) {
    if let (Some(_), Some(binaries)) = (&raw.binary, &raw.binaries) {
        resolver.report(&binaries.span(), "`binaries` and `binary` are both set", "keep one of them");
    }
    let Some(binaries) = &raw.binaries else { return };
    if binaries.get_ref().is_empty() {
        resolver.report(&binaries.span(), "`binaries` is empty", "name the programs, or remove it");
    }
    let mut known = HashSet::new();
    for binary in binaries.get_ref() {
        if !known.insert(binary.get_ref()) {
            resolver.report(
                &binary.span(),
                format!("`{}` is listed twice in `binaries`", binary.get_ref()),
                "",
            );
        }
    }
}

fn features(resolver: &mut Resolver<'_>, raw: &RawImage) {
    let Some(all) = raw.all_features.as_ref().filter(|all| *all.get_ref()) else { return };
    let others = [
        ("features", raw.features.as_ref().is_some_and(|names| !names.get_ref().is_empty())),
        ("no-default-features", raw.no_default_features.as_ref().is_some_and(|no| *no.get_ref())),
    ];
    for (other, _) in others.into_iter().filter(|(_, set)| *set) {
        resolver.report(
            &all.span(),
            format!("`all-features` and `{other}` are both set"),
            "keep one of them",
        );
    }
}

/// Reports an image that starts nothing: an empty `entrypoint` needs a `cmd`.
fn start(resolver: &mut Resolver<'_>, raw: &RawImage) {
    let words = |list: &Option<Spanned<Vec<Spanned<String>>>>| {
        list.as_ref().is_some_and(|list| !list.get_ref().is_empty())
    };
    let Some(entrypoint) = raw.entrypoint.as_ref().filter(|_| !words(&raw.entrypoint) && !words(&raw.cmd))
    else {
        return;
    };
    resolver.report(
        &entrypoint.span(),
        "`entrypoint` is empty, and `cmd` names no program to start",
        "remove it: the first program is the entry point by default",
    );
}

/// Reports files with the same destination. A destination with a trailing slash may occur twice: it is a directory.
fn files(resolver: &mut Resolver<'_>, raw: &RawImage) {
    let mut known = HashSet::new();
    for place in raw.files.iter().map(|file| &file.get_ref().to) {
        let directory = place.get_ref().ends_with('/');
        if !directory && !known.insert(place.get_ref()) {
            resolver.report(
                &place.span(),
                format!("two files have the destination `{}`", place.get_ref()),
                "keep one of them",
            );
        }
    }
}

/// Reports keys that need content which the base does not have.
fn base(resolver: &mut Resolver<'_>, raw: &RawImage) {
    let base = raw.base.as_ref().map_or("static", |base| base.get_ref().as_str());
    if let Some(timezones) = raw.timezones.as_ref().filter(|wanted| *wanted.get_ref() && base != "static") {
        let why = match base {
            "scratch" => "`base = \"scratch\"` is empty",
            _ => "another image brings its own or has a package for it",
        };
        resolver.report(
            &timezones.span(),
            format!("`timezones` adds to the built-in base, and {why}"),
            "use `base = \"static\"`",
        );
    }
    if base != "scratch" {
        return;
    }
    // A passwd file of the project's own makes names work on an empty base.
    let passwd = raw.files.iter().any(|file| file.get_ref().to.get_ref() == "/etc/passwd");
    let named =
        |user: &Scalar| matches!(user, Scalar::Text(text) if !text.starts_with(|c: char| c.is_ascii_digit()));
    if let Some(user) = raw.user.as_ref().filter(|user| named(user.get_ref()) && !passwd) {
        resolver.report(
            &user.span(),
            "`base = \"scratch\"` has no /etc/passwd to look up a user's name in",
            "write the user as a number, or use `base = \"static\"`",
        );
    }
}

/// Reports a choice of linking for a Go program without cgo, which go always links statically.
fn linkage(resolver: &mut Resolver<'_>, raw: &RawImage, language: Option<Language>) {
    let cgo = raw.cgo.as_ref().map(|cgo| *cgo.get_ref());
    if language != Some(Language::Go) || cgo == Some(true) {
        return;
    }
    if let Some(libc) = &raw.libc {
        resolver.report(
            &libc.span(),
            "a Go program has no C library unless `cgo = true`",
            "remove `libc`, or set `cgo = true`",
        );
    }
    if let Some(linkage) = raw.linkage.as_ref().filter(|linkage| *linkage.get_ref() == Linkage::Dynamic) {
        resolver.report(
            &linkage.span(),
            "a Go program is static unless `cgo = true`",
            "remove `linkage`, or set `cgo = true`",
        );
    }
}
