//! Platforms as the OCI image specification names them.

mod error;
pub(crate) mod options;
mod parse;

use std::fmt;
use std::str::FromStr;

use crate::architecture::Architecture;
use crate::os::Os;

pub use error::PlatformError;

/// An operating system on an architecture: the `platform` of an OCI image index.
///
/// The names are those of the [OCI image index](https://github.com/opencontainers/image-spec/blob/main/image-index.md)
/// and of containerd's `platforms` package. A platform keeps the spelling of its variant, and equality compares it:
/// compare [normalized](Self::normalized) platforms. With the `serde` feature a platform is its text.
///
/// ```
/// use crossdock_platform::Platform;
///
/// let given = Platform::parse("linux/arm64/v8")?;
/// assert_eq!(given.to_string(), "linux/arm64/v8");
/// assert_eq!(given.normalized(), Platform::LINUX_ARM64);
/// # Ok::<(), crossdock_platform::PlatformError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    pub(crate) os: Os,
    pub(crate) architecture: Architecture,
    pub(crate) variant: Option<&'static str>,
    pub(crate) os_version: Option<String>,
    pub(crate) os_features: Vec<String>,
}

impl Platform {
    /// `linux/amd64`.
    pub const LINUX_AMD64: Self = Self::new(Os::Linux, Architecture::Amd64);
    /// `linux/arm64`.
    pub const LINUX_ARM64: Self = Self::new(Os::Linux, Architecture::Arm64);

    /// Creates a platform without a variant, operating system version and features.
    #[must_use]
    pub const fn new(os: Os, architecture: Architecture) -> Self {
        Self { os, architecture, variant: None, os_version: None, os_features: Vec::new() }
    }

    /// Parses `os[(version[+feature…])]/architecture[/variant]`.
    ///
    /// It translates the spellings that containerd translates (`linux/x86_64`, `linux/armhf`, `macos/arm64`), in any case
    /// (`Linux/AMD64`); the options in parentheses keep theirs. The result
    /// contains only known names, unlike containerd's, which keeps unknown ones and then matches no machine.
    ///
    /// # Errors
    /// [`PlatformError`] for any other text, with the nearest known names.
    pub fn parse(text: &str) -> Result<Self, PlatformError> {
        parse::platform(text)
    }

    /// Replaces the variant.
    ///
    /// # Errors
    /// [`PlatformError::UnknownVariant`] if the architecture has no such variant.
    pub fn with_variant(mut self, variant: &str) -> Result<Self, PlatformError> {
        self.variant = Some(parse::variant(self.architecture, variant)?);
        Ok(self)
    }

    /// Replaces the version of the operating system, such as `10.0.20348`. An empty version means none.
    #[must_use]
    pub fn with_os_version(mut self, version: impl Into<String>) -> Self {
        self.os_version = Some(version.into()).filter(|version| !version.is_empty());
        self
    }

    /// Replaces the required features of the operating system, such as `win32k`.
    #[must_use]
    pub fn with_os_features(mut self, features: impl IntoIterator<Item = String>) -> Self {
        self.os_features = features.into_iter().filter(|feature| !feature.is_empty()).collect();
        self
    }

    /// Returns the operating system.
    #[must_use]
    pub const fn os(&self) -> Os {
        self.os
    }

    /// Returns the architecture.
    #[must_use]
    pub const fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// Returns the variant in the spelling in which it was given.
    #[must_use]
    pub const fn variant(&self) -> Option<&'static str> {
        self.variant
    }

    /// Returns the version of the operating system. Only Windows images have one.
    #[must_use]
    pub fn os_version(&self) -> Option<&str> {
        self.os_version.as_deref()
    }

    /// Returns the features that the operating system must have.
    #[must_use]
    pub fn os_features(&self) -> &[String] {
        &self.os_features
    }

    /// Returns the form in which containerd compares platforms: `linux/arm64/v8` becomes `linux/arm64`, `linux/arm`
    /// becomes `linux/arm/v7` and `linux/amd64/v1` becomes `linux/amd64`. Features are sorted and unique.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let mut normal = self.clone();
        normal.variant = self.architecture.normal_variant(self.variant);
        normal.os_features.sort_unstable();
        normal.os_features.dedup();
        normal
    }

    /// Returns the platform at the baseline of its architecture: without a level of amd64, arm64, riscv64 or POWER and
    /// without the version and features of the operating system. 32-bit ARM keeps its version, because compilers have a
    /// different target for each.
    #[must_use]
    pub fn baseline(&self) -> Self {
        let mut base = Self::new(self.os, self.architecture);
        if self.architecture == Architecture::Arm {
            base.variant = self.architecture.normal_variant(self.variant);
        }
        base
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.os.as_str())?;
        if self.os_version.is_some() || !self.os_features.is_empty() {
            f.write_str("(")?;
            options::write_encoded(f, self.os_version.as_deref().unwrap_or_default())?;
            for feature in &self.os_features {
                f.write_str("+")?;
                options::write_encoded(f, feature)?;
            }
            f.write_str(")")?;
        }
        write!(f, "/{}", self.architecture)?;
        self.variant.map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Platform {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Platform {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_forms_follow_containerd() {
        for (given, normal) in [
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/6", "linux/arm/v6"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm64/9.0", "linux/arm64/v9"),
            ("linux/riscv64/rva20u64", "linux/riscv64/rva20u64"),
            ("linux/armhf", "linux/arm/v7"),
            ("macos/aarch64", "darwin/arm64"),
            ("windows(10.0.20348+win32k+win32k)/amd64", "windows(10.0.20348+win32k)/amd64"),
        ] {
            let platform = Platform::parse(given).unwrap();
            assert_eq!(platform.normalized().to_string(), normal);
            assert_eq!(platform.normalized().normalized(), platform.normalized());
        }
    }

    #[test]
    fn platforms_keep_their_spelling() {
        for given in
            ["linux/arm64/v8", "linux/arm", "linux/amd64/v1", "windows(10.0.17763)/amd64", "linux(+a+b)/arm"]
        {
            assert_eq!(Platform::parse(given).unwrap().to_string(), given);
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_platform_is_a_string_in_json() {
        let json = serde_json::to_string(&Platform::LINUX_ARM64).unwrap();
        assert_eq!(json, "\"linux/arm64\"");
        assert_eq!(serde_json::from_str::<Platform>(&json).unwrap(), Platform::LINUX_ARM64);
        assert!(serde_json::from_str::<Platform>("\"linux/x\"").is_err());
    }
}
