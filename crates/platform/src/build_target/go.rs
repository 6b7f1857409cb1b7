//! The Go port of a build target, with its level.

use std::collections::BTreeMap;

use super::{BuildTarget, Unsupported};
use crate::abi::FloatAbi;
use crate::architecture::Architecture;
use crate::os::Os;
use crate::tables::PlatformSpec;

/// The variables that the Go toolchain needs for a [`BuildTarget`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GoTarget {
    /// The value of `GOOS`.
    pub goos: &'static str,
    /// The value of `GOARCH`.
    pub goarch: &'static str,
    /// The level variable of the architecture with its value, such as `GOAMD64` and `v1`; `None` if the architecture
    /// has no levels.
    pub level: Option<(&'static str, String)>,
    /// Notes for a reader about the choice, as sentences.
    pub notes: Vec<&'static str>,
}

impl GoTarget {
    /// Returns the environment variables that select the port and its level.
    #[must_use]
    pub fn env(&self) -> BTreeMap<String, String> {
        let mut env = BTreeMap::from([
            ("GOOS".to_owned(), self.goos.to_owned()),
            ("GOARCH".to_owned(), self.goarch.to_owned()),
        ]);
        env.extend(self.level.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        env
    }
}

impl BuildTarget {
    /// Returns the Go port with its level.
    ///
    /// # Errors
    /// [`Unsupported`] if Go has no port for the platform.
    ///
    /// Tables that take every 32-bit ARM for one version build programs that crash on older processors. Each version
    /// has its own level here, and a missing one is containerd's default, v7:
    ///
    /// ```
    /// use crossdock_platform::{BuildTarget, Linkage, Platform};
    ///
    /// let goarm = |platform: &str| -> Result<String, Box<dyn std::error::Error>> {
    ///     let target = BuildTarget::new(Platform::parse(platform)?, Linkage::Static);
    ///     Ok(target.go()?.env()["GOARM"].clone())
    /// };
    /// assert_eq!(goarm("linux/arm/v5")?, "5");
    /// assert_eq!(goarm("linux/arm/v6")?, "6");
    /// assert_eq!(goarm("linux/arm")?, "7");
    /// assert_eq!(goarm("linux/arm/v8")?, "7", "Go's 32-bit levels end at 7");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn go(&self) -> Result<GoTarget, Unsupported> {
        let unsupported = |reason: &str| Unsupported::new("Go", self, reason);
        let platform = self.platform();
        if platform.architecture == Architecture::Arm && platform.variant == Some("v4") {
            return Err(unsupported("it needs ARMv5 or later"));
        }
        let row = PlatformSpec::find(platform)
            .ok_or_else(|| unsupported("`go tool dist list` does not name it"))?;
        if platform.os == Os::Wasi {
            return Err(unsupported("its port is named wasip1/wasm"));
        }
        let mut notes = Vec::new();
        let level = row
            .go
            .and_then(|default| default.split_once('='))
            .map(|(name, default)| (name, self.go_level(name, default, &mut notes)));
        Ok(GoTarget { goos: platform.os.as_str(), goarch: platform.architecture.as_str(), level, notes })
    }

    fn go_level(&self, name: &str, default: &str, notes: &mut Vec<&'static str>) -> String {
        let variant = self.platform().variant;
        match (name, variant) {
            ("GOARM", _) => self.goarm(default, notes),
            // Go rejects a level without its minor number (`invalid GOARM64: must start with v8.{0-9} or v9.{0-5}`).
            ("GOARM64", Some("v9")) => "v9.0".to_owned(),
            ("GOARM64", Some("v9.6" | "v9.7")) => {
                notes.push("Go's levels end at v9.5, which is used.");
                "v9.5".to_owned()
            }
            ("GO386" | "GOMIPS" | "GOMIPS64", _) if self.float() == Some(FloatAbi::Soft) => {
                "softfloat".to_owned()
            }
            ("GO386", _) => default.to_owned(),
            (_, Some(variant)) => variant.to_owned(),
            (_, None) => default.to_owned(),
        }
    }

    fn goarm(&self, default: &str, notes: &mut Vec<&'static str>) -> String {
        if self.platform().variant == Some("v8") {
            notes.push("Go's 32-bit levels end at 7, which is used: ARMv8 runs it.");
        }
        match (self.asked_float(), default) {
            (Some(FloatAbi::Soft), "6" | "7") => format!("{default},softfloat"),
            (Some(FloatAbi::Hard), "5") => format!("{default},hardfloat"),
            _ => default.to_owned(),
        }
    }
}
