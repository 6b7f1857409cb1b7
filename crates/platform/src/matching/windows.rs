//! The Windows versions that a Windows host runs.
//!
//! containerd's `platform_windows_compat.go` (version 1.0.0-rc.5) has the same rules.

/// The build of Windows Server 2022. From it on, hosts run images of other builds than their own.
const SERVER_2022: u16 = 20_348;

#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Version {
    major: u8,
    minor: u8,
    build: u16,
}

impl Version {
    /// Parses `major.minor.build[.…]`. Any other text is the zero version, as in containerd.
    fn read(text: &str) -> Self {
        let mut parts = text.split('.');
        let (Some(major), Some(minor), Some(build)) = (parts.next(), parts.next(), parts.next()) else {
            return Self::default();
        };
        match (
            number(major).map(u8::try_from),
            number(minor).map(u8::try_from),
            number(build).map(u16::try_from),
        ) {
            (Some(Ok(major)), Some(Ok(minor)), Some(Ok(build))) => Self { major, minor, build },
            _ => Self::default(),
        }
    }
}

/// Parses a number as Go's `strconv.ParseUint` does: digits without a sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Returns whether a host of one version runs images of the other. A host without a version runs all images, and an
/// image without one runs on all hosts. An image with an invalid version runs on no host with a version.
pub(super) fn accepts(host: &str, image: &str) -> bool {
    let host = Version::read(host);
    if host == Version::default() || image.is_empty() {
        return true;
    }
    let image = Version::read(image);
    if (host.major, host.minor) != (image.major, image.minor) {
        return false;
    }
    if host.build < SERVER_2022 {
        return host.build == image.build;
    }
    // A host runs images of the long-term release before its own and of every later one. Before 2022 and 2025, the
    // releases that follow this rule, that is 2022 in both cases.
    (SERVER_2022..=host.build).contains(&image.build)
}

/// Returns the builds that a host of the version runs, in words.
pub(super) fn range(host: &str) -> String {
    let version = Version::read(host);
    match version.build {
        build if build < SERVER_2022 => format!("only {}.{}.{build}", version.major, version.minor),
        build => format!("builds {SERVER_2022} to {build}"),
    }
}
