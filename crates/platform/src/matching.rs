//! Which platform of an image a host runs, exactly as containerd's default matcher decides.
//!
//! [`best_match`] chooses among platforms. [`Only`] is containerd's `platforms.Only(host)`
//! (`github.com/containerd/platforms`, version 1.0.0-rc.5), and [`Specifier`] is its `Parse`, which keeps unknown names:
//! such a name matches only itself. Parse a [`Platform`] instead to reject unknown names.

mod specifier;
mod why;
mod windows;

use std::cmp::Reverse;

use crate::platform::Platform;

pub use specifier::{Specifier, SpecifierError, normal_form};

/// Chooses the platform that a host runs from those of an image index. Returns its position, or `None` if the host
/// runs none of them.
///
/// ```
/// use crossdock_platform::{Platform, matching};
///
/// let index = ["linux/amd64", "linux/arm/v7", "linux/arm64"].map(|name| Platform::parse(name).expect(name));
/// assert_eq!(matching::best_match(&Platform::parse("linux/arm64/v8.2")?, &index), Some(2));
/// assert_eq!(matching::best_match(&Platform::parse("linux/arm/v6")?, &index), None);
/// # Ok::<(), crossdock_platform::PlatformError>(())
/// ```
#[must_use]
pub fn best_match(host: &Platform, platforms: &[Platform]) -> Option<usize> {
    let platforms: Vec<Specifier> = platforms.iter().map(Specifier::from).collect();
    Only::for_platform(host).select(&platforms).accepted.first().copied()
}

/// Chooses the platform of a base image on which an image for another platform is built: the one that its host runs, of the
/// same architecture. A host of arm64 runs arm/v7 too, and yet a program for arm64 does not start with its libraries.
#[must_use]
pub fn best_base(wanted: &Platform, platforms: &[Platform]) -> Option<usize> {
    let is_same = |platform: &Platform| {
        platform.os() == wanted.os() && platform.architecture() == wanted.architecture()
    };
    let places: Vec<usize> = (0..platforms.len()).filter(|place| is_same(&platforms[*place])).collect();
    let same: Vec<Platform> = places.iter().map(|place| platforms[*place].clone()).collect();
    best_match(wanted, &same).and_then(|place| places.get(place).copied())
}

/// The highest level of a host that is counted down from. containerd lists every lower level; a made-up level must not
/// cost memory, and no real one is near this.
const HIGHEST_LEVEL: i64 = 99;

/// The platforms that a host accepts, in order of preference.
///
/// ```
/// use crossdock_platform::matching::{Only, Specifier};
///
/// let host = Only::new(&Specifier::parse("linux/arm64/v8.2")?);
/// let images = ["linux/amd64", "linux/arm/v7", "linux/arm64"].map(|name| Specifier::parse(name));
/// let images: Vec<Specifier> = images.into_iter().collect::<Result<_, _>>()?;
/// let selection = host.select(&images);
/// assert_eq!(selection.accepted, [2, 1]);
/// assert_eq!(selection.rejected[0].0, 0);
/// # Ok::<(), crossdock_platform::matching::SpecifierError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Only {
    host: Specifier,
    vector: Vec<Specifier>,
}

/// The platforms a host accepts and rejects, as positions in the given slice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Selection {
    /// The accepted platforms, best first. Equally good ones keep their order, except that a Windows host prefers the
    /// newest version (compared as text, as containerd does).
    pub accepted: Vec<usize>,
    /// The rejected platforms in their order, with the reason as a clause without a full stop.
    pub rejected: Vec<(usize, String)>,
}

impl Only {
    /// Creates the matcher of a host.
    #[must_use]
    pub fn new(host: &Specifier) -> Self {
        let host = host.normalized();
        let vector = vector(&host).iter().map(Specifier::normalized).collect();
        Self { host, vector }
    }

    /// Creates the matcher of a host from its platform.
    #[must_use]
    pub fn for_platform(host: &Platform) -> Self {
        Self::new(&Specifier::from(host))
    }

    /// Returns whether the host runs the platform.
    #[must_use]
    pub fn accepts(&self, platform: &Specifier) -> bool {
        self.rank(platform).is_some()
    }

    /// Sorts the platforms into those that the host runs, best first, and those that it does not run, with reasons.
    #[must_use]
    pub fn select(&self, platforms: &[Specifier]) -> Selection {
        let mut ranked = Vec::new();
        let mut rejected = Vec::new();
        for (index, platform) in platforms.iter().enumerate() {
            match self.rank(platform) {
                Some(rank) => ranked.push((rank, Reverse(self.preferred_version(platform)), index)),
                None => rejected.push((index, why::rejected(&self.host, platform))),
            }
        }
        ranked.sort_unstable();
        Selection { accepted: ranked.into_iter().map(|(_, _, index)| index).collect(), rejected }
    }

    /// Returns the version by which equally good platforms are sorted: only a Windows host prefers one.
    fn preferred_version<'a>(&self, platform: &'a Specifier) -> &'a str {
        if self.host.os == "windows" { &platform.os_version } else { "" }
    }

    /// Returns the rank of a platform; less is better. It is the position of the first equal platform in the host's
    /// vector, and among equals more features are better.
    fn rank(&self, platform: &Specifier) -> Option<(usize, Reverse<usize>)> {
        let position = self.vector.iter().position(|host| matches(host, platform))?;
        Some((position, Reverse(platform.os_features.len())))
    }
}

/// Returns what containerd's `NewMatcher(host).Match(platform)` does.
fn matches(host: &Specifier, platform: &Specifier) -> bool {
    let mut normal = platform.clone();
    if host.os == "windows"
        && let Some(position) = normal.os_features.iter().position(|feature| feature == "win32k")
    {
        // Images that need win32k were published before hosts announced it, so containerd leaves it out of the
        // comparison (containerd/platforms, pull request 31).
        normal.os_features.remove(position);
    }
    let normal = normal.normalized();
    (&host.os, &host.architecture, &host.variant) == (&normal.os, &normal.architecture, &normal.variant)
        && (host.os != "windows" || windows::accepts(&host.os_version, &normal.os_version))
        && normal.os_features.iter().all(|feature| host.os_features.contains(feature))
}

/// Returns the platforms that the host accepts, best first: containerd's `platformVector`.
fn vector(host: &Specifier) -> Vec<Specifier> {
    let with = |architecture: &str, variant: &str| Specifier {
        architecture: architecture.to_owned(),
        variant: variant.to_owned(),
        ..host.clone()
    };
    match host.architecture.as_str() {
        "amd64" => {
            let lower = levels_below(&host.variant, 1).map(|level| with("amd64", &format!("v{level}")));
            std::iter::once(host.clone()).chain(lower).chain([with("386", "")]).collect()
        }
        "arm" => {
            let lower = levels_below(&host.variant, 5).map(|level| with("arm", &format!("v{level}")));
            std::iter::once(host.clone()).chain(lower).collect()
        }
        "arm64" => {
            let versions = arm64_versions(&host.variant);
            let thirty_two = if versions.is_empty() { &[][..] } else { &["v8", "v7", "v6", "v5"] };
            let arm = thirty_two.iter().map(|version| with("arm", version));
            versions.iter().map(|version| with("arm64", version)).chain(arm).collect()
        }
        _ => vec![host.clone()],
    }
}

/// Returns the levels below that of the variant, highest first. A variant without a number has no
/// lower levels: containerd adds none either if `strconv.Atoi` fails.
fn levels_below(variant: &str, lowest: i64) -> impl Iterator<Item = i64> + use<> {
    let number = variant.strip_prefix('v').unwrap_or(variant);
    let level = number.parse::<i64>().unwrap_or_default().min(HIGHEST_LEVEL);
    (lowest..level).rev()
}

/// Returns the arm64 versions that a host of the version runs, highest first. v9.N includes v8.(N+5), and v8.9 is the
/// last of v8. A version that containerd does not know runs nothing.
fn arm64_versions(variant: &str) -> Vec<String> {
    let spelled =
        |major: u8, minor: u8| if minor == 0 { format!("v{major}") } else { format!("v{major}.{minor}") };
    let count_down = |major: u8, minor: u8| (0..=minor).rev().map(move |minor| spelled(major, minor));
    match variant {
        "" | "v8" | "v8.0" => count_down(8, 0).collect(),
        "v9" | "v9.0" => count_down(9, 0).chain(count_down(8, 5)).collect(),
        _ => match (variant.strip_prefix("v8.").map(minor), variant.strip_prefix("v9.").map(minor)) {
            (Some(Some(minor @ 1..=9)), _) => count_down(8, minor).collect(),
            (_, Some(Some(minor @ 1..=7))) => {
                count_down(9, minor).chain(count_down(8, (minor + 5).min(9))).collect()
            }
            _ => Vec::new(),
        },
    }
}

/// Reads a minor version. containerd knows no version with two digits.
fn minor(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [digit @ b'1'..=b'9'] => Some(digit - b'0'),
        _ => None,
    }
}
