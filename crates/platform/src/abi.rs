//! The properties of a program that its platform does not determine: its C library, linkage, float ABI and Apple environment.

use std::fmt;
use std::str::FromStr;

/// The C library a program is built against.
///
/// With the `serde` feature it serializes as its [`Display`](fmt::Display) text. Only `musl` and `gnu` deserialize:
/// a project chooses between these two, and the platform determines the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(from = "SelectableLibc"))]
#[non_exhaustive]
pub enum Libc {
    /// musl.
    Musl,
    /// The GNU C library.
    Gnu {
        /// The oldest version the program must start with; `None` means the version of the build machine.
        minimum: Option<GlibcVersion>,
    },
    /// The Microsoft C runtime.
    Msvc,
    /// The C runtime that MinGW-w64 links to.
    Mingw,
    /// The only C library of the operating system, as on macOS, the BSDs and Android.
    System,
}

impl Libc {
    /// The GNU C library without a minimum version.
    pub const GNU: Self = Self::Gnu { minimum: None };

    /// Returns the name without the minimum version: `musl`, `gnu`, `msvc`, `mingw` or `system`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Musl => "musl",
            Self::Gnu { .. } => "gnu",
            Self::Msvc => "msvc",
            Self::Mingw => "mingw",
            Self::System => "system",
        }
    }
}

impl fmt::Display for Libc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        match self {
            Self::Gnu { minimum: Some(version) } => write!(f, " {version}"),
            _ => Ok(()),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Libc {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The C libraries a project can choose from. Derived, so that an error lists exactly these names.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(rename = "Libc", rename_all = "kebab-case")]
enum SelectableLibc {
    Musl,
    Gnu,
}

#[cfg(feature = "serde")]
impl From<SelectableLibc> for Libc {
    fn from(selected: SelectableLibc) -> Self {
        match selected {
            SelectableLibc::Musl => Self::Musl,
            SelectableLibc::Gnu => Self::GNU,
        }
    }
}

/// A version of the GNU C library, such as 2.28. Versions are ordered by number, so 2.100 is newer than 2.28.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GlibcVersion {
    /// The number before the dot.
    pub major: u16,
    /// The number after the dot.
    pub minor: u16,
}

impl GlibcVersion {
    /// Creates the version `major.minor`.
    #[must_use]
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The error for text that is not a glibc version such as `2.28`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlibcVersionError;

impl fmt::Display for GlibcVersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a glibc version is two numbers with a dot between them, such as 2.28")
    }
}

impl std::error::Error for GlibcVersionError {}

impl FromStr for GlibcVersion {
    type Err = GlibcVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `str::parse` would accept a leading `+`, which no version has.
        let number =
            |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten();
        let (major, minor) = text.split_once('.').ok_or(GlibcVersionError)?;
        match (number(major), number(minor)) {
            (Some(major), Some(minor)) => Ok(Self { major, minor }),
            _ => Err(GlibcVersionError),
        }
    }
}

/// Whether a program contains its libraries or loads them at startup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Linkage {
    /// The program contains all its libraries and needs no loader.
    Static,
    /// The loader named in the program finds the libraries at startup.
    Dynamic,
}

impl Linkage {
    /// Returns `static` or `dynamic`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Dynamic => "dynamic",
        }
    }
}

impl fmt::Display for Linkage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The floating-point calling convention of a program. OCI platforms do not name it.
///
/// 386 has one convention. There [`Soft`](Self::Soft) is a program for processors without SSE2, which Go builds with
/// `GO386=softfloat` and Rust with its i586 targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum FloatAbi {
    /// Numbers are passed in integer registers, so no floating-point unit is needed.
    Soft,
    /// Numbers are passed in the registers of a floating-point unit.
    Hard,
}

impl FloatAbi {
    /// Returns `soft` or `hard`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Soft => "soft",
            Self::Hard => "hard",
        }
    }
}

impl fmt::Display for FloatAbi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The environment of an iOS program that does not run on a device. OCI and Go have one name for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AppleAbi {
    /// The simulator, on a Mac.
    Simulator,
    /// macOS itself (Mac Catalyst).
    Catalyst,
}

impl AppleAbi {
    /// Returns the Rust target that corresponds to the target of a device.
    pub(crate) fn triple(self, device: &'static str) -> Option<&'static str> {
        match (self, device) {
            (Self::Simulator, "aarch64-apple-ios") => Some("aarch64-apple-ios-sim"),
            // No device ever had this processor, so Rust's target without a suffix is the simulator.
            (Self::Simulator, "x86_64-apple-ios") => Some(device),
            (Self::Catalyst, "aarch64-apple-ios") => Some("aarch64-apple-ios-macabi"),
            (Self::Catalyst, "x86_64-apple-ios") => Some("x86_64-apple-ios-macabi"),
            _ => None,
        }
    }

    /// Returns the note that tells a reader that the program is not one for a device.
    pub(crate) const fn note(self) -> &'static str {
        match self {
            Self::Simulator => "a program of the simulator",
            Self::Catalyst => "a Mac Catalyst program",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glibc_versions_order_by_number_and_round_trip() {
        let version: GlibcVersion = "2.28".parse().unwrap();
        assert!(version < "2.100".parse().unwrap());
        assert_eq!(version.to_string(), "2.28");
        for wrong in ["", "2", "2.", "2.x", "+2.1", "2.28.1", "-1.0"] {
            assert!(wrong.parse::<GlibcVersion>().is_err(), "{wrong}");
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_configuration_chooses_musl_or_gnu() {
        let read = |text: &str| serde_json::from_str::<Libc>(text).map_err(|error| error.to_string());
        for (libc, text) in [(Libc::Musl, "\"musl\""), (Libc::GNU, "\"gnu\"")] {
            assert_eq!(read(text), Ok(libc));
            assert_eq!(serde_json::to_string(&libc).unwrap(), text);
        }
        let refused = read("\"msvc\"").unwrap_err();
        assert!(refused.starts_with("unknown variant `msvc`, expected `musl` or `gnu`"), "{refused}");
        let oldest = Libc::Gnu { minimum: Some(GlibcVersion::new(2, 28)) };
        assert_eq!(serde_json::to_string(&oldest).unwrap(), "\"gnu 2.28\"");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn linkage_and_float_abi_are_their_names_in_json() {
        for linkage in [Linkage::Static, Linkage::Dynamic] {
            let json = serde_json::to_string(&linkage).unwrap();
            assert_eq!(json, format!("\"{linkage}\""));
            assert_eq!(serde_json::from_str::<Linkage>(&json).unwrap(), linkage);
        }
        for float in [FloatAbi::Soft, FloatAbi::Hard] {
            let json = serde_json::to_string(&float).unwrap();
            assert_eq!(json, format!("\"{float}\""));
            assert_eq!(serde_json::from_str::<FloatAbi>(&json).unwrap(), float);
        }
    }
}
