//! What is known of base images from their names: the C library, a shell, a compiler, the end of support.

use crossdock_platform::GlibcVersion;

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
    pub(super) language: Option<Language>,
    pub(super) release: Option<&'static Release>,
}

/// A release of a distribution.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) distribution: &'static str,
    pub(super) version: &'static str,
    codename: &'static str,
    glibc: Option<(u16, u16)>,
    pub(super) end: Date,
    /// What to use instead: a tag of the same distribution.
    pub(super) successor: &'static str,
}

const fn release(
    distribution: &'static str,
    version: &'static str,
    codename: &'static str,
    glibc: Option<(u16, u16)>,
    (year, month, day): (u16, u8, u8),
    successor: &'static str,
) -> Release {
    Release { distribution, version, codename, glibc, end: Date { year, month, day }, successor }
}

/// Releases with the end of their public support (long-term support included, paid support not) and their C library.
///
/// Sources, read in November 2026: for Debian <https://wiki.debian.org/LTS>, for Ubuntu
/// <https://ubuntu.com/about/release-cycle> (a month there is its last day here), for Alpine
/// <https://alpinelinux.org/releases/>, for CentOS <https://www.centos.org/centos-linux-eol/>, for Amazon Linux
/// <https://docs.aws.amazon.com/linux/al2023/ug/release-cadence.html> and the FAQs of its predecessors; held against
/// <https://endoflife.date>.
const RELEASES: &[Release] = &[
    release("debian", "8", "jessie", Some((2, 19)), (2020, 6, 30), "trixie"),
    release("debian", "9", "stretch", Some((2, 24)), (2022, 6, 30), "trixie"),
    release("debian", "10", "buster", Some((2, 28)), (2024, 6, 30), "trixie"),
    release("debian", "11", "bullseye", Some((2, 31)), (2026, 8, 31), "trixie"),
    release("debian", "12", "bookworm", Some((2, 36)), (2028, 6, 30), "trixie"),
    release("debian", "13", "trixie", Some((2, 41)), (2030, 6, 30), "trixie"),
    release("ubuntu", "16.04", "xenial", Some((2, 23)), (2021, 4, 30), "24.04"),
    release("ubuntu", "18.04", "bionic", Some((2, 27)), (2023, 5, 31), "24.04"),
    release("ubuntu", "20.04", "focal", Some((2, 31)), (2025, 5, 31), "24.04"),
    release("ubuntu", "22.04", "jammy", Some((2, 35)), (2027, 4, 30), "24.04"),
    release("ubuntu", "24.04", "noble", Some((2, 39)), (2029, 5, 31), "24.04"),
    release("ubuntu", "26.04", "resolute", None, (2031, 4, 30), "26.04"),
    release("alpine", "3.12", "alpine3.12", None, (2022, 5, 1), "3.23"),
    release("alpine", "3.13", "alpine3.13", None, (2022, 11, 1), "3.23"),
    release("alpine", "3.14", "alpine3.14", None, (2023, 5, 1), "3.23"),
    release("alpine", "3.15", "alpine3.15", None, (2023, 11, 1), "3.23"),
    release("alpine", "3.16", "alpine3.16", None, (2024, 5, 23), "3.23"),
    release("alpine", "3.17", "alpine3.17", None, (2024, 11, 22), "3.23"),
    release("alpine", "3.18", "alpine3.18", None, (2025, 5, 9), "3.23"),
    release("alpine", "3.19", "alpine3.19", None, (2025, 11, 1), "3.23"),
    release("alpine", "3.20", "alpine3.20", None, (2026, 4, 1), "3.23"),
    release("alpine", "3.21", "alpine3.21", None, (2026, 11, 1), "3.23"),
    release("alpine", "3.22", "alpine3.22", None, (2027, 5, 1), "3.23"),
    release("alpine", "3.23", "alpine3.23", None, (2027, 11, 1), "3.23"),
    release("centos", "7", "centos7", Some((2, 17)), (2024, 6, 30), "9"),
    release("centos", "8", "centos8", Some((2, 28)), (2021, 12, 31), "9"),
    release("amazonlinux", "1", "amazonlinux1", Some((2, 17)), (2023, 12, 31), "2023"),
    release("amazonlinux", "2", "amazonlinux2", Some((2, 26)), (2026, 6, 30), "2023"),
    release("amazonlinux", "2023", "al2023", Some((2, 34)), (2029, 6, 30), "2023"),
];

impl Release {
    fn libc(&'static self) -> ImageLibc {
        match self.distribution {
            "alpine" => ImageLibc::Musl,
            _ => ImageLibc::Glibc(self.glibc.map(|(major, minor)| GlibcVersion::new(major, minor))),
        }
    }

    /// The same name with the release that follows: `debian:buster-slim` → `debian:trixie-slim`.
    pub(super) fn replaced_in(&self, base: &str) -> String {
        let same = |release: &&Release| {
            release.distribution == self.distribution
                && [release.codename, release.version].contains(&self.successor)
        };
        match RELEASES.iter().find(same) {
            Some(successor) => self.renamed_in(base, successor),
            None => base.replacen(self.version, self.successor, 1),
        }
    }

    /// The same name with another release of the distribution, spelled as this one was.
    pub(super) fn renamed_in(&self, base: &str, other: &Self) -> String {
        let numbered = |release: &Self| format!("{}{}", release.distribution, release.version);
        if base.contains(self.codename) {
            return base.replacen(self.codename, other.codename, 1);
        }
        if base.contains(&numbered(self)) {
            return base.replacen(&numbered(self), &numbered(other), 1);
        }
        base.replacen(&format!(":{}", self.version), &format!(":{}", other.version), 1)
    }
}

impl Image {
    /// What a reference tells; an image of an unknown name is given everything that would be in order.
    pub(super) fn of(reference: &str) -> Self {
        let without_digest = reference.split('@').next().unwrap_or_default();
        let last = without_digest.rsplit('/').next().unwrap_or_default();
        let (name, tag) = last.split_once(':').unwrap_or((last, ""));
        let unknown = Self { libc: ImageLibc::Unknown, has_shell: true, language: None, release: None };
        if reference == "scratch" {
            return Self { libc: ImageLibc::None, has_shell: false, ..unknown };
        }
        if without_digest.contains("distroless/") {
            return distroless(name, tag);
        }
        let language = language(name, tag);
        let release = release_of(name, tag).or_else(|| default_release(name, tag));
        let libc = match release {
            Some(release) => release.libc(),
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

/// Google's distroless images: `static` has no C library; a shell is only in the debug tags.
fn distroless(name: &str, tag: &str) -> Image {
    let (kind, version) = name.split_once("-debian").unwrap_or((name, ""));
    let release =
        RELEASES.iter().find(|release| release.distribution == "debian" && release.version == version);
    let libc = match (kind, release) {
        ("static", _) => ImageLibc::None,
        (_, Some(release)) => release.libc(),
        _ => ImageLibc::Glibc(None),
    };
    Image { libc, has_shell: tag.contains("debug"), language: None, release }
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
        "rust" => 90,
        _ => return None,
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
            ("debian:12.5-slim", glibc(36)),
            ("debian:bookworm-20260101-slim", glibc(36)),
            ("ubuntu:22.04", glibc(35)),
            ("registry:5000/own/thing:1.2", ImageLibc::Unknown),
        ] {
            assert_eq!(Image::of(name).libc, libc, "{name}");
        }
    }

    #[test]
    fn a_successor_keeps_the_variant() {
        for (name, better) in [
            ("debian:buster-slim", "debian:trixie-slim"),
            ("alpine:3.18", "alpine:3.23"),
            ("golang:1.22-alpine3.18", "golang:1.22-alpine3.23"),
            ("gcr.io/distroless/cc-debian11", "gcr.io/distroless/cc-debian13"),
            ("ubuntu:20.04", "ubuntu:24.04"),
        ] {
            let release = Image::of(name).release.unwrap();
            assert_eq!(release.replaced_in(name), better, "{name}");
        }
    }
}
