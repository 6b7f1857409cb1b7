//! Versions whose support has ended by their vendor's rule, where the rule and not a row of a release tells it.

use super::images::Date;

/// A version that gets no updates any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// What it is a version of, and which, as a person writes it.
    pub(super) what: String,
    /// Its last day, or the last day on which a newer version than it ended.
    pub(super) end: Date,
}

/// The versions of a product, oldest first, each with its last day. What is older than the first has ended before it.
struct Line {
    /// The name of its image.
    image: &'static str,
    product: &'static str,
    ends: &'static [End],
}

/// A version, and its last day.
type End = (&'static [u16], (u16, u8, u8));

/// Where vendors publish these days, which were written down in November 2026 without the pages at hand: for Alpine
/// <https://alpinelinux.org/releases/>, for Debian <https://wiki.debian.org/LTS>, for CentOS
/// <https://www.centos.org/centos-linux-eol/>, for Fedora <https://docs.fedoraproject.org/en-US/releases/lifecycle/> (a
/// release ends a month after the second one after it), for Red Hat's ubi
/// <https://access.redhat.com/support/policy/updates/errata>, for Go <https://go.dev/doc/devel/release> (a release ends with
/// the second one after it), for Node.js <https://github.com/nodejs/release#end-of-life-releases>, for Python
/// <https://devguide.python.org/versions/>.
const LINES: &[Line] = &[
    Line { image: "alpine", product: "alpine", ends: &[(&[3, 10], (2021, 5, 1)), (&[3, 11], (2021, 11, 1))] },
    Line { image: "debian", product: "debian", ends: &[(&[7], (2018, 5, 31))] },
    Line { image: "centos", product: "centos", ends: &[(&[6], (2020, 11, 30))] },
    Line {
        image: "fedora",
        product: "fedora",
        ends: &[
            (&[39], (2024, 11, 26)),
            (&[40], (2025, 5, 13)),
            (&[41], (2025, 12, 15)),
            (&[42], (2026, 5, 28)),
        ],
    },
    Line { image: "ubi", product: "ubi", ends: &[(&[7], (2024, 6, 30))] },
    Line {
        image: "golang",
        product: "Go",
        ends: &[
            (&[1, 16], (2022, 3, 15)),
            (&[1, 17], (2022, 8, 2)),
            (&[1, 18], (2023, 2, 1)),
            (&[1, 19], (2023, 8, 8)),
            (&[1, 20], (2024, 2, 6)),
            (&[1, 21], (2024, 8, 13)),
            (&[1, 22], (2025, 2, 11)),
            (&[1, 23], (2025, 8, 12)),
            (&[1, 24], (2026, 2, 10)),
        ],
    },
    Line {
        image: "node",
        product: "Node.js",
        ends: &[
            (&[12], (2022, 4, 30)),
            (&[14], (2023, 4, 30)),
            (&[16], (2023, 9, 11)),
            (&[18], (2025, 4, 30)),
            (&[20], (2026, 4, 30)),
        ],
    },
    Line {
        image: "python",
        product: "Python",
        ends: &[
            (&[2, 7], (2020, 1, 1)),
            (&[3, 6], (2021, 12, 23)),
            (&[3, 7], (2023, 6, 27)),
            (&[3, 8], (2024, 10, 7)),
            (&[3, 9], (2025, 10, 31)),
            (&[3, 10], (2026, 10, 31)),
        ],
    },
];

/// The version of an official image, or of Red Hat's ubi, that a reference names and that has ended on a day.
pub(super) fn ended(reference: &str, today: Date) -> Option<Ended> {
    let without_digest = reference.split('@').next().unwrap_or_default();
    let (folder, last) = without_digest.rsplit_once('/').unwrap_or(("", without_digest));
    let (name, tag) = last.split_once(':').unwrap_or((last, ""));
    let (name, version) = match folder.rsplit('/').next() {
        Some(ubi) if ubi.starts_with("ubi") => ("ubi", ubi.trim_start_matches("ubi")),
        Some(host) if host.ends_with("redhat.com") && name.starts_with("ubi") => {
            ("ubi", name.trim_start_matches("ubi"))
        }
        _ if super::releases::is_official(folder) => (name, tag.split(['-', '_', '+']).next()?),
        _ => return None,
    };
    let found = match name {
        "ubuntu" => ubuntu(version, tag)?,
        _ => line(name, version)?,
    };
    (found.end < today).then_some(found)
}

fn line(name: &str, version: &str) -> Option<Ended> {
    let line = LINES.iter().find(|line| line.image == name)?;
    let numbers: Vec<u16> = version.split('.').map_while(|part| part.parse().ok()).collect();
    let at_least = |row: &[u16]| {
        let known = numbers.len().min(row.len());
        // `3` moves along with every 3.x.
        !numbers.is_empty()
            && (numbers[..known] < row[..known] || (known == row.len() && numbers[..known] == *row))
    };
    let (_, (year, month, day)) = line.ends.iter().find(|(row, _)| at_least(row))?;
    Some(Ended {
        what: format!("{} {version}", line.product),
        end: Date { year: *year, month: *month, day: *day },
    })
}

/// Ubuntu's releases between those with long-term support, and their names since 2017.
const INTERIM: &[(&str, u16, u8)] = &[
    ("artful", 17, 10),
    ("cosmic", 18, 10),
    ("disco", 19, 4),
    ("eoan", 19, 10),
    ("groovy", 20, 10),
    ("hirsute", 21, 4),
    ("impish", 21, 10),
    ("kinetic", 22, 10),
    ("lunar", 23, 4),
    ("mantic", 23, 10),
    ("oracular", 24, 10),
    ("plucky", 25, 4),
    ("questing", 25, 10),
];

/// Ubuntu's rule: a release of April of an even year has support for years (the last ones are rows of the releases),
/// every other one for nine months (<https://ubuntu.com/about/release-cycle>).
fn ubuntu(version: &str, tag: &str) -> Option<Ended> {
    let named = INTERIM.iter().find(|(name, ..)| tag.split('-').next() == Some(name));
    let (year, month) = match named {
        Some((_, year, month)) => (*year, *month),
        None => {
            let (year, month) = version.split_once('.')?;
            (year.parse().ok()?, month.get(..2)?.parse().ok()?)
        }
    };
    let long = month == 4 && year % 2 == 0;
    let (end_year, end_month) = match (long, month) {
        (true, _) if year >= 16 => return None,
        (true, _) => (year.checked_add(5)?, 4),
        (false, 4) => (year.checked_add(1)?, 1),
        (false, 10) => (year.checked_add(1)?, 7),
        _ => return None,
    };
    let end = Date {
        year: end_year.checked_add(2000)?,
        month: end_month,
        day: if end_month == 4 { 30 } else { 31 },
    };
    Some(Ended { what: format!("ubuntu {year}.{month:02}"), end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_a_version_has_ended_before_it() {
        let today = Date { year: 2026, month: 11, day: 21 };
        for (name, what) in [
            ("alpine:3.10", Some("alpine 3.10")),
            ("alpine:3.4.6", Some("alpine 3.4.6")),
            ("docker.io/library/alpine:2.7", Some("alpine 2.7")),
            ("node:16-alpine", Some("Node.js 16")),
            ("node:9.11", Some("Node.js 9.11")),
            ("python:3.8", Some("Python 3.8")),
            ("python:2", Some("Python 2")),
            ("golang:1.17", Some("Go 1.17")),
            ("golang:1.9-stretch", Some("Go 1.9")),
            ("arm64v8/golang:1.24.1", Some("Go 1.24.1")),
            ("fedora:30", Some("fedora 30")),
            ("registry.access.redhat.com/ubi7/ubi", Some("ubi 7")),
            ("registry.access.redhat.com/ubi7:7.9", Some("ubi 7")),
            ("registry.access.redhat.com/ubi8", None),
            ("centos:6.10", Some("centos 6.10")),
            ("ubuntu:23.10", Some("ubuntu 23.10")),
            ("ubuntu:mantic-20240101", Some("ubuntu 23.10")),
            ("ubuntu:14.04", Some("ubuntu 14.04")),
            ("ubuntu:25.10", Some("ubuntu 25.10")),
            ("debian:6", Some("debian 6")),
            ("alpine", None),
            ("alpine:3", None),
            ("alpine:latest", None),
            ("alpine:edge", None),
            ("alpine:3.23", None),
            ("alpine:20240606", None),
            ("node:22", None),
            ("node:lts-alpine", None),
            ("python:3", None),
            ("python:3.13", None),
            ("golang:1", None),
            ("golang:1.25", None),
            ("golang:1.26-alpine", None),
            ("fedora:43", None),
            ("registry.access.redhat.com/ubi9/ubi-minimal:9.5", None),
            ("ubuntu:24.04", None),
            ("ubuntu:26.10", None),
            ("ubuntu:99999.10", None),
            ("debian:trixie", None),
            ("someone/node:16", None),
            ("golang:$VERSION", None),
        ] {
            assert_eq!(ended(name, today).map(|ended| ended.what).as_deref(), what, "{name}");
        }
        let early = Date { year: 2023, month: 1, day: 1 };
        assert_eq!(ended("node:16", early), None);
    }
}
