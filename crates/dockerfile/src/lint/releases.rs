//! Releases of distributions, and the names of images that are made from them.

use crossdock_platform::GlibcVersion;

use super::images::{Date, ImageLibc};
use crate::render::Debian;

/// A release of a distribution.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) distribution: &'static str,
    pub(super) version: &'static str,
    pub(super) codename: &'static str,
    glibc: Option<GlibcVersion>,
    pub(super) end: Date,
}

const fn release(
    distribution: &'static str,
    version: &'static str,
    codename: &'static str,
    glibc: Option<(u16, u16)>,
    (year, month, day): (u16, u8, u8),
) -> Release {
    let glibc = match glibc {
        Some((major, minor)) => Some(GlibcVersion::new(major, minor)),
        None => None,
    };
    Release { distribution, version, codename, glibc, end: Date { year, month, day } }
}

/// A release that is also rendered.
const fn rendered(version: &'static str, debian: Debian, (year, month, day): (u16, u8, u8)) -> Release {
    let end = Date { year, month, day };
    Release { distribution: "debian", version, codename: debian.codename(), glibc: Some(debian.glibc()), end }
}

/// Releases with the end of their public support (long-term support included, paid support not) and their C library.
///
/// Where vendors publish these days, which were written down in November 2026 without the pages at hand: for Debian
/// <https://wiki.debian.org/LTS>, for Ubuntu <https://ubuntu.com/about/release-cycle> (a month there is its last day here),
/// for Alpine <https://alpinelinux.org/releases/>, for CentOS <https://www.centos.org/centos-linux-eol/>, for Amazon Linux
/// <https://docs.aws.amazon.com/linux/al2023/ug/release-cadence.html> and the FAQs of its predecessors.
pub(super) const RELEASES: &[Release] = &[
    release("debian", "8", "jessie", Some((2, 19)), (2020, 6, 30)),
    release("debian", "9", "stretch", Some((2, 24)), (2022, 6, 30)),
    release("debian", "10", "buster", Some((2, 28)), (2024, 6, 30)),
    release("debian", "11", "bullseye", Some((2, 31)), (2026, 8, 31)),
    rendered("12", Debian::Bookworm, (2028, 6, 30)),
    rendered("13", Debian::Trixie, (2030, 6, 30)),
    release("ubuntu", "16.04", "xenial", Some((2, 23)), (2021, 4, 30)),
    release("ubuntu", "18.04", "bionic", Some((2, 27)), (2023, 5, 31)),
    release("ubuntu", "20.04", "focal", Some((2, 31)), (2025, 5, 31)),
    release("ubuntu", "22.04", "jammy", Some((2, 35)), (2027, 4, 30)),
    release("ubuntu", "24.04", "noble", Some((2, 39)), (2029, 5, 31)),
    release("ubuntu", "26.04", "resolute", None, (2031, 4, 30)),
    release("alpine", "3.12", "alpine3.12", None, (2022, 5, 1)),
    release("alpine", "3.13", "alpine3.13", None, (2022, 11, 1)),
    release("alpine", "3.14", "alpine3.14", None, (2023, 5, 1)),
    release("alpine", "3.15", "alpine3.15", None, (2023, 11, 1)),
    release("alpine", "3.16", "alpine3.16", None, (2024, 5, 23)),
    release("alpine", "3.17", "alpine3.17", None, (2024, 11, 22)),
    release("alpine", "3.18", "alpine3.18", None, (2025, 5, 9)),
    release("alpine", "3.19", "alpine3.19", None, (2025, 11, 1)),
    release("alpine", "3.20", "alpine3.20", None, (2026, 4, 1)),
    release("alpine", "3.21", "alpine3.21", None, (2026, 11, 1)),
    release("alpine", "3.22", "alpine3.22", None, (2027, 5, 1)),
    release("alpine", "3.23", "alpine3.23", None, (2027, 11, 1)),
    release("centos", "7", "centos7", Some((2, 17)), (2024, 6, 30)),
    release("centos", "8", "centos8", Some((2, 28)), (2021, 12, 31)),
    release("amazonlinux", "1", "amazonlinux1", Some((2, 17)), (2023, 12, 31)),
    release("amazonlinux", "2", "amazonlinux2", Some((2, 26)), (2026, 6, 30)),
    release("amazonlinux", "2023", "al2023", Some((2, 34)), (2029, 6, 30)),
];

impl Release {
    pub(super) fn libc(&self) -> ImageLibc {
        match self.distribution {
            "alpine" => ImageLibc::Musl,
            _ => ImageLibc::Glibc(self.glibc),
        }
    }

    /// Releases of the same distribution that have support on a day, and of which enough is known, oldest first.
    fn supported(&self, today: Option<Date>) -> impl DoubleEndedIterator<Item = &'static Self> {
        let distribution = self.distribution;
        RELEASES.iter().filter(move |other| {
            other.distribution == distribution
                && today.is_none_or(|today| other.end >= today)
                && (other.glibc.is_some() || distribution == "alpine")
        })
    }

    /// The image of a reference on the newest release that has support; none where no such image is known.
    pub(super) fn renewed(&self, reference: &str, today: Date) -> Option<String> {
        self.supported(Some(today)).rev().find_map(|other| self.renamed(reference, other))
    }

    /// The image of a reference on the oldest release that has support and a C library of a version or a newer one.
    pub(super) fn with_glibc(
        &self,
        reference: &str,
        version: GlibcVersion,
        today: Option<Date>,
    ) -> Option<String> {
        let mut enough = self.supported(today).filter(|other| other.glibc >= Some(version));
        enough.find_map(|other| self.renamed(reference, other))
    }

    /// The same image of another release, without its digest; none where the name is not of an image of which it is
    /// known that it is made from that release.
    fn renamed(&self, reference: &str, other: &Self) -> Option<String> {
        let without_digest = reference.split('@').next().unwrap_or_default();
        if without_digest.contains('$') {
            return None;
        }
        let (folder, last) =
            without_digest.rsplit_once('/').map_or(("", without_digest), |(folder, last)| (folder, last));
        let (name, tag) = last.split_once(':').unwrap_or((last, ""));
        let renamed = match folder {
            "gcr.io/distroless" => self.distroless(name, other).map(|name| match tag {
                "" => name,
                tag => format!("{name}:{tag}"),
            })?,
            _ if OFFICIAL.contains(&folder) => format!("{name}:{}", self.tag(name, tag, other)?),
            _ => return None,
        };
        Some(if folder.is_empty() { renamed } else { format!("{folder}/{renamed}") })
    }

    /// The name of a distroless image of another release: of two Debians, and of the kinds that both have.
    fn distroless(&self, name: &str, other: &Self) -> Option<String> {
        let kind = name.strip_suffix(&format!("-debian{}", self.version))?;
        let there =
            ["static", "base", "base-nossl", "cc"].contains(&kind) && ["12", "13"].contains(&other.version);
        there.then(|| format!("{kind}-debian{}", other.version))
    }

    /// The tag of an official image for another release: spelled as this one is, without a date or a point release.
    fn tag(&self, name: &str, tag: &str, other: &Self) -> Option<String> {
        if matches!(name, "golang" | "rust") {
            return self.compiler_tag(name, tag, other);
        }
        let (first, rest) = tag.split_once('-').map_or((tag, Vec::new()), |(first, rest)| {
            (first, rest.split('-').filter(|word| !is_date(word)).collect())
        });
        let known: &[&str] = match name {
            "debian" => &["slim"],
            "buildpack-deps" => &["scm", "curl"],
            "ubuntu" | "alpine" | "amazonlinux" => &[],
            _ => return None,
        };
        if !rest.iter().all(|word| known.contains(word)) {
            return None;
        }
        let release = if first == self.codename { other.codename } else { other.version };
        Some([&[release], rest.as_slice()].concat().join("-"))
    }

    /// The tag of a compiler's image: there is one for each release that had support when that compiler had.
    fn compiler_tag(&self, name: &str, tag: &str, other: &Self) -> Option<String> {
        let mut words: Vec<&str> = tag.split('-').collect();
        let position = words.iter().position(|word| *word == self.codename)?;
        let others = words.iter().enumerate().filter(|(index, _)| ![0, position].contains(index));
        if others.into_iter().any(|(_, word)| *word != "slim") {
            return None;
        }
        let version = if position == 0 { "" } else { words.first()? };
        let minor: Option<u32> = match version {
            "" | "1" => Some(u32::MAX),
            version => version.strip_prefix("1.")?.split('.').next()?.parse().ok(),
        };
        let (.., since) = FIRST_COMPILERS
            .iter()
            .find(|(compiler, codename, _)| *compiler == name && *codename == other.codename)?;
        if minor? < *since {
            return None;
        }
        words[position] = other.codename;
        Some(words.join("-"))
    }
}

/// Where Docker's official images are.
const OFFICIAL: &[&str] = &[
    "",
    "library",
    "docker.io",
    "docker.io/library",
    "public.ecr.aws/docker/library",
    "mirror.gcr.io/library",
];

/// Whether a folder of a registry holds Docker's official images, those of one architecture included.
pub(super) fn is_official(folder: &str) -> bool {
    let last = folder.rsplit('/').next().unwrap_or_default();
    let architectures =
        ["amd64", "arm32v5", "arm32v6", "arm32v7", "arm64v8", "i386", "ppc64le", "riscv64", "s390x"];
    OFFICIAL.contains(&folder) || last == "library" || architectures.contains(&last)
}

/// From which 1.x on a compiler's image is made from a release.
///
/// Sources: <https://github.com/docker-library/golang/commits/master/versions.json> and
/// <https://github.com/rust-lang/docker-rust/commits/master/>.
const FIRST_COMPILERS: &[(&str, &str, u32)] = &[
    ("golang", "bookworm", 20),
    ("golang", "trixie", 24),
    ("golang", "alpine3.22", 24),
    ("golang", "alpine3.23", 25),
    ("rust", "bookworm", 70),
    ("rust", "trixie", 89),
    ("rust", "alpine3.22", 88),
    ("rust", "alpine3.23", 92),
];

/// `20260101`, and `20260101.1`.
fn is_date(word: &str) -> bool {
    word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// An image with the GNU C library and libgcc in place of one without, for programs that were linked on a release.
/// `plain` says that nothing is installed into the image.
pub(super) fn with_libgcc(reference: &str, builder: &Release, plain: bool) -> Option<String> {
    if builder.distribution != "debian" {
        return None;
    }
    let release = ["12", "13"].into_iter().find_map(|version| {
        let mut all = RELEASES.iter().filter(|release| release.distribution == "debian");
        all.find(|release| release.version == version && release.glibc >= builder.glibc)
    })?;
    let without_digest = reference.split('@').next().unwrap_or_default();
    if reference == "scratch" {
        return Some(format!("gcr.io/distroless/cc-debian{}", release.version));
    }
    if let Some(rest) = without_digest.strip_prefix("gcr.io/distroless/") {
        let (name, tag) = rest.split_once(':').map_or((rest, ""), |(name, tag)| (name, tag));
        let (kind, _) = name.split_once("-debian").unwrap_or((name, ""));
        let tag = if tag.is_empty() { String::new() } else { format!(":{tag}") };
        return matches!(kind, "static" | "base" | "base-nossl")
            .then(|| format!("gcr.io/distroless/cc-debian{}{tag}", release.version));
    }
    let alpine = without_digest == "alpine" || without_digest.starts_with("alpine:");
    (alpine && plain).then(|| format!("debian:{}-slim", release.codename))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::images::Image;

    const TODAY: Date = Date { year: 2026, month: 11, day: 21 };

    #[test]
    fn a_successor_keeps_the_variant_and_exists() {
        let digest = "debian:10@sha256:00";
        for (name, better) in [
            ("debian:buster-slim", Some("debian:trixie-slim")),
            ("debian:10.3-slim", Some("debian:13-slim")),
            (digest, Some("debian:13")),
            ("debian:buster-20240101-slim", Some("debian:trixie-slim")),
            ("docker.io/library/alpine:3.18.4", Some("docker.io/library/alpine:3.23")),
            ("golang:1.26-alpine3.18", Some("golang:1.26-alpine3.23")),
            ("golang:1.24-alpine3.20", Some("golang:1.24-alpine3.22")),
            ("golang:1.22-alpine3.18", None),
            ("rust:1.60-bullseye", None),
            ("rust:1.75-slim-bullseye", Some("rust:1.75-slim-bookworm")),
            ("rust:bullseye", Some("rust:trixie")),
            ("gcr.io/distroless/cc-debian11:nonroot", Some("gcr.io/distroless/cc-debian13:nonroot")),
            ("gcr.io/distroless/java17-debian11", None),
            ("ubuntu:20.04", Some("ubuntu:24.04")),
            ("centos:7", None),
            ("python:3.8-buster", None),
            ("registry.example/debian:buster", None),
            ("debian:buster-backports", None),
        ] {
            let release = Image::of(name).release.unwrap();
            assert_eq!(release.renewed(name, TODAY).as_deref(), better, "{name}");
        }
    }

    #[test]
    fn a_base_has_the_library_that_the_builder_had() {
        for (name, version, better) in [
            ("ubuntu:20.04", (2, 36), Some("ubuntu:24.04")),
            ("ubuntu:22.04", (2, 41), None),
            ("debian:buster-slim", (2, 31), Some("debian:bookworm-slim")),
            ("gcr.io/distroless/cc-debian12", (2, 41), Some("gcr.io/distroless/cc-debian13")),
            ("centos:7", (2, 36), None),
        ] {
            let release = Image::of(name).release.unwrap();
            let version = GlibcVersion::new(version.0, version.1);
            assert_eq!(release.with_glibc(name, version, Some(TODAY)).as_deref(), better, "{name}");
        }
    }
}
