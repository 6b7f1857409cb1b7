//! What a program is linked to.

use std::fmt;
use std::str::FromStr;

/// The C library of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Libc {
    /// musl
    Musl,
    /// The GNU C library.
    Gnu {
        /// The oldest version that the program must start with; none means the build machine's own.
        minimum: Option<GlibcVersion>,
    },
    /// The Microsoft C runtime.
    Msvc,
    /// The C runtime that MinGW-w64 links to.
    Mingw,
    /// The operating system's one library: Apple's, a BSD's, Android's.
    System,
}

impl Libc {
    /// The GNU C library, without a minimum version.
    pub const GNU: Self = Self::Gnu { minimum: None };
}

impl fmt::Display for Libc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Musl => f.write_str("musl"),
            Self::Gnu { minimum: None } => f.write_str("gnu"),
            Self::Gnu { minimum: Some(version) } => write!(f, "gnu {version}"),
            Self::Msvc => f.write_str("msvc"),
            Self::Mingw => f.write_str("mingw"),
            Self::System => f.write_str("system"),
        }
    }
}

/// A version of the GNU C library, such as 2.28.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GlibcVersion {
    /// The part before the point.
    pub major: u16,
    /// The part after the point.
    pub minor: u16,
}

impl GlibcVersion {
    /// The version `major.minor`.
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

/// The text is not a version such as `2.28`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlibcVersionError;

impl fmt::Display for GlibcVersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a glibc version is written as two numbers, such as 2.28")
    }
}

impl std::error::Error for GlibcVersionError {}

impl FromStr for GlibcVersion {
    type Err = GlibcVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number =
            |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten();
        let (major, minor) = text.split_once('.').ok_or(GlibcVersionError)?;
        match (number(major), number(minor)) {
            (Some(major), Some(minor)) => Ok(Self { major, minor }),
            _ => Err(GlibcVersionError),
        }
    }
}

/// Whether a program carries its libraries or loads them when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Linkage {
    /// Everything is in the program: no loader and no library is needed.
    Static,
    /// The loader named in the program finds the libraries.
    Dynamic,
}

impl Linkage {
    /// `static` or `dynamic`.
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
}
