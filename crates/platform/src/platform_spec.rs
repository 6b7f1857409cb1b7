//! What the data file of platforms says about each.

use crate::architecture::Architecture;
use crate::generated::platforms::PLATFORMS;
use crate::os::Os;
use crate::platform::Platform;

/// A platform at its baseline, as the tables name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) os: Os,
    pub(crate) architecture: Architecture,
    pub(crate) variant: Option<&'static str>,
}

/// A [`Key`], in the few letters that generated lines need.
pub(crate) const fn key(os: Os, architecture: Architecture, variant: Option<&'static str>) -> Key {
    Key { os, architecture, variant }
}

impl Key {
    /// The key of the platform's baseline.
    pub(crate) fn baseline(platform: &Platform) -> Self {
        let variant = match platform.architecture {
            Architecture::Arm => platform.architecture.normal_variant(platform.variant),
            _ => None,
        };
        Self { os: platform.os, architecture: platform.architecture, variant }
    }

    pub(crate) fn platform(self) -> Platform {
        Platform { variant: self.variant, ..Platform::new(self.os, self.architecture) }
    }
}

/// A row of `data/platforms.tsv`; that file says what each column means.
#[derive(Debug)]
pub(crate) struct PlatformSpec {
    pub(crate) platform: Key,
    pub(crate) dynamic: Option<&'static str>,
    pub(crate) r#static: Option<&'static str>,
    pub(crate) go: Option<&'static str>,
    pub(crate) cross: Option<&'static str>,
    pub(crate) multiarch: Option<&'static str>,
    pub(crate) deb: Option<&'static str>,
    pub(crate) apk: Option<&'static str>,
    pub(crate) rpm: Option<&'static str>,
    pub(crate) zig: Option<&'static str>,
    pub(crate) zig_cpu: Option<&'static str>,
    pub(crate) qemu: Option<&'static str>,
    pub(crate) page: u32,
}

impl PlatformSpec {
    /// The row of the platform's baseline.
    pub(crate) fn find(platform: &Platform) -> Option<&'static Self> {
        let key = Key::baseline(platform);
        let index = PLATFORMS.binary_search_by(|row| row.platform.cmp(&key)).ok()?;
        PLATFORMS.get(index)
    }
}

/// Every platform that Go or Rust can build for, at its baseline level, in normal form.
pub fn known_platforms() -> impl ExactSizeIterator<Item = Platform> {
    PLATFORMS.iter().map(|row| row.platform.platform())
}
