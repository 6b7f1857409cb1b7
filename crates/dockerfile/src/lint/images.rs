//! What is known of base images from their names: the C library, a shell, a compiler, the end of support.

use crossdock_platform::GlibcVersion;

use super::releases::{RELEASES, Release};

/// A day, so that dates compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// The year, such as 2026.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// The C library of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ImageLibc {
    /// There is none: programs must be static.
    None,
    /// musl.
    Musl,
    /// The GNU C library, with its version where the name tells the release.
    Glibc(Option<GlibcVersion>),
    /// The name does not tell.
    Unknown,
}

/// The compiler of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Go,
    Rust,
}

/// What the name of an image tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) libc: ImageLibc,
    pub(super) has_shell: bool,
    /// Whether `libgcc_s.so.1` is there, which Rust's programs need beside glibc.
    pub(super) has_libgcc: bool,
    pub(super) language: Option<Language>,
    pub(super) release: Option<&'static Release>,
}

impl Image {
    /// What a reference tells; an image of an unknown name is given everything that would be in order.
    pub(super) fn of(reference: &str) -> Self {
        let without_digest = reference.split('@').next().unwrap_or_default();
        let last = without_digest.rsplit('/').next().unwrap_or_default();
        let (name, tag) = last.split_once(':').unwrap_or((last, ""));
        let unknown = Self {
            libc: ImageLibc::Unknown,
            has_shell: true,
            has_libgcc: true,
            language: None,
            release: None,
        };
        if reference == "scratch" {
            return Self { libc: ImageLibc::None, has_shell: false, ..unknown };
        }
        if without_digest.contains("distroless/") {
            return distroless(name);
        }
        if without_digest.starts_with("cgr.dev/") && !tag.ends_with("-dev") {
            let bare = |libc| Self { libc, has_shell: false, ..unknown.clone() };
            match name {
                // Its tags `latest-glibc` and so on once had a C library.
                "static" if !tag.contains("glibc") => return bare(ImageLibc::None),
                "static" => return bare(ImageLibc::Unknown),
                "glibc-dynamic" | "cc-dynamic" => return bare(ImageLibc::Glibc(None)),
                "musl-dynamic" => return bare(ImageLibc::Musl),
                _ => {}
            }
        }
        let language = language(name, tag);
        let release = release_of(name, tag).or_else(|| default_release(name, tag));
        let libc = match release {
            _ if last.contains("glibc") => ImageLibc::Glibc(None),
            _ if last.contains("uclibc") => ImageLibc::Unknown,
            Some(release) => release.libc(),
            None if words(tag).any(|word| word == "musl") => ImageLibc::Musl,
            None if name == "alpine" || words(tag).any(|word| word.starts_with("alpine")) => ImageLibc::Musl,
            None if is_glibc(name, language) => ImageLibc::Glibc(None),
            None => ImageLibc::Unknown,
        };
        Self { libc, language, release, ..unknown }
    }
}

fn is_glibc(name: &str, language: Option<Language>) -> bool {
    let distributions =
        ["debian", "ubuntu", "centos", "fedora", "rockylinux", "almalinux", "amazonlinux", "buildpack-deps"];
    language.is_some() || distributions.contains(&name)
}

/// Google's distroless images: `static` has no C library. There is no `/bin/sh`: the shell of the debug tags is
/// `/busybox/sh` (<https://github.com/GoogleContainerTools/distroless/issues/419>).
fn distroless(name: &str) -> Image {
    let (kind, version) = name.split_once("-debian").unwrap_or((name, ""));
    let release =
        RELEASES.iter().find(|release| release.distribution == "debian" && release.version == version);
    let libc = match (kind, release) {
        ("static", _) => ImageLibc::None,
        (_, Some(release)) => release.libc(),
        _ => ImageLibc::Glibc(None),
    };
    let has_libgcc = !matches!(kind, "static" | "base" | "base-nossl");
    Image { libc, has_shell: false, has_libgcc, language: None, release }
}

fn language(name: &str, tag: &str) -> Option<Language> {
    match name {
        "golang" => Some(Language::Go),
        "rust" => Some(Language::Rust),
        "cargo-chef" if tag.contains("rust") => Some(Language::Rust),
        _ => None,
    }
}

fn words(tag: &str) -> impl Iterator<Item = &str> {
    tag.split(['-', '_', '+'])
}

fn release_of(name: &str, tag: &str) -> Option<&'static Release> {
    RELEASES.iter().find(|release| {
        let version = words(tag).next().is_some_and(|word| {
            word == release.version
                || word.strip_prefix(release.version).is_some_and(|rest| rest.starts_with('.'))
        });
        let dated = words(tag)
            .any(|word| word == release.codename || word.split('.').next() == Some(release.codename));
        (name == release.distribution && version) || dated
    })
}

/// The release of a language's image whose tag names none: both moved to Debian 13 in August 2025.
fn default_release(name: &str, tag: &str) -> Option<&'static Release> {
    let first = match name {
        "golang" => 25,
        "rust" | "cargo-chef" => 90,
        _ => return None,
    };
    // The tags of cargo-chef hold those of Rust: `0.1.71-rust-1.90-slim`.
    let tag = match name {
        "cargo-chef" => tag.split_once("rust-")?.1,
        _ => tag,
    };
    let mut words = words(tag);
    let version = words.next().unwrap_or_default();
    if words.any(|word| !matches!(word, "slim")) {
        return None;
    }
    let minor = version.split('.').nth(1).map(str::parse::<u32>);
    let moved = match minor {
        None => matches!(version, "" | "1" | "latest"),
        Some(minor) => version.starts_with("1.") && minor.is_ok_and(|minor| minor >= first),
    };
    RELEASES.iter().find(|release| moved && release.codename == "trixie")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_library() {
        let glibc = |minor| ImageLibc::Glibc(Some(GlibcVersion::new(2, minor)));
        for (name, libc) in [
            ("scratch", ImageLibc::None),
            ("gcr.io/distroless/static-debian12:nonroot", ImageLibc::None),
            ("gcr.io/distroless/cc-debian12@sha256:00", glibc(36)),
            ("alpine", ImageLibc::Musl),
            ("docker.io/library/alpine:3.22.1", ImageLibc::Musl),
            ("golang:1.26-alpine", ImageLibc::Musl),
            ("golang:1.26-alpine3.22", ImageLibc::Musl),
            ("golang:1.26", glibc(41)),
            ("golang:1.19", ImageLibc::Glibc(None)),
            ("rust:1.95-slim-bookworm", glibc(36)),
            ("rust:1", glibc(41)),
            ("lukemathwalker/cargo-chef:latest-rust-1", glibc(41)),
            ("lukemathwalker/cargo-chef:0.1.71-rust-1.80-slim", ImageLibc::Glibc(None)),
            ("lukemathwalker/cargo-chef:latest-rust-1.90-alpine", ImageLibc::Musl),
            ("lukemathwalker/cargo-chef:latest", ImageLibc::Unknown),
            ("cgr.dev/chainguard/static", ImageLibc::None),
            ("cgr.dev/chainguard/glibc-dynamic:latest", ImageLibc::Glibc(None)),
            ("frolvlad/alpine-glibc:alpine-3.20", ImageLibc::Glibc(None)),
            ("busybox:musl", ImageLibc::Musl),
            ("busybox", ImageLibc::Unknown),
            ("debian:12.5-slim", glibc(36)),
            ("debian:bookworm-20260101-slim", glibc(36)),
            ("ubuntu:22.04", glibc(35)),
            ("registry:5000/own/thing:1.2", ImageLibc::Unknown),
        ] {
            assert_eq!(Image::of(name).libc, libc, "{name}");
        }
    }
}
