//! Which platforms of an image a host runs, exactly as containerd's default matcher decides it.
//!
//! [`Only`] is containerd's `platforms.Only(host)` (`github.com/containerd/platforms`, version 1.0.0-rc.5), and
//! [`Specifier`] is its `Parse`, which keeps names that it does not know: such a name matches only itself. Where a
//! mistake must be noticed, read a [`Platform`] instead.

mod specifier;
mod why;
mod windows;

use std::cmp::Reverse;

use crate::platform::Platform;

pub use specifier::{Specifier, SpecifierError, normal_form};

/// containerd counts a level down to the lowest one. No level comes near this, and a made-up one must not cost memory.
const HIGHEST_LEVEL: i64 = 99;

/// The platforms that a host accepts, in its order of preference.
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

/// What a host accepts of some platforms, as positions among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The accepted ones, best first. Equally good ones keep their order, but that a Windows host prefers the newest
    /// version (in the order of the text, as containerd compares it).
    pub accepted: Vec<usize>,
    /// The rejected ones, in their order, with the reason as a sentence without its end.
    pub rejected: Vec<(usize, String)>,
}

impl Only {
    /// The matcher of a host.
    #[must_use]
    pub fn new(host: &Specifier) -> Self {
        let host = host.normalized();
        let vector = vector(&host).iter().map(Specifier::normalized).collect();
        Self { host, vector }
    }

    /// The matcher of a host's platform.
    #[must_use]
    pub fn for_platform(host: &Platform) -> Self {
        Self::new(&Specifier::from(host))
    }

    /// Whether the host runs the platform.
    #[must_use]
    pub fn accepts(&self, platform: &Specifier) -> bool {
        self.rank(platform).is_some()
    }

    /// Which of the platforms the host runs, best first, and why it does not run the others.
    #[must_use]
    pub fn select(&self, platforms: &[Specifier]) -> Selection {
        let mut ranked = Vec::new();
        let mut rejected = Vec::new();
        for (index, platform) in platforms.iter().enumerate() {
            match self.rank(platform) {
                Some(rank) => ranked.push((rank, index)),
                None => rejected.push((index, why::rejected(&self.host, platform))),
            }
        }
        ranked.sort_by_key(|(rank, index)| {
            let version =
                platforms.get(*index).map(|platform| platform.os_version.as_str()).unwrap_or_default();
            (*rank, Reverse(if self.host.os == "windows" { version } else { "" }))
        });
        Selection { accepted: ranked.into_iter().map(|(_, index)| index).collect(), rejected }
    }

    /// The position of the first platform of the host's vector that the image's equals, and then, the more features
    /// the better.
    fn rank(&self, platform: &Specifier) -> Option<(usize, Reverse<usize>)> {
        let position = self.vector.iter().position(|host| matches(host, platform))?;
        Some((position, Reverse(platform.os_features.len())))
    }
}

/// containerd's `NewMatcher(host).Match(platform)`.
fn matches(host: &Specifier, platform: &Specifier) -> bool {
    let mut normal = platform.clone();
    if host.os == "windows"
        && let Some(position) = normal.os_features.iter().position(|feature| feature == "win32k")
    {
        normal.os_features.remove(position);
    }
    let normal = normal.normalized();
    (&host.os, &host.architecture, &host.variant) == (&normal.os, &normal.architecture, &normal.variant)
        && (host.os != "windows" || windows::accepts(&host.os_version, &normal.os_version))
        && normal.os_features.iter().all(|feature| host.os_features.contains(feature))
}

/// The platforms that the host accepts, best first: containerd's `platformVector`.
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

/// The levels from just below the variant's down to the lowest.
fn levels_below(variant: &str, lowest: i64) -> impl Iterator<Item = i64> + use<> {
    let number = variant.strip_prefix('v').unwrap_or(variant);
    let level = number.parse::<i64>().unwrap_or_default().min(HIGHEST_LEVEL);
    (lowest..level).rev()
}

/// The arm64 versions that a host of the version runs, highest first: v9.N includes v8.(N+5), and v8.9 is the last.
/// A version that containerd does not know runs nothing.
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

/// A minor version of one digit.
fn minor(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [digit @ b'1'..=b'9'] => Some(digit - b'0'),
        _ => None,
    }
}
