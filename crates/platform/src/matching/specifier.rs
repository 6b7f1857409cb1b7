//! The text of a platform as containerd parses it.

use std::fmt;

use crate::excerpt::Excerpt;
use crate::platform::Platform;

/// A platform as containerd's `Parse` returns it: known spellings are translated and unknown names are kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Specifier {
    pub(crate) os: String,
    pub(crate) architecture: String,
    pub(crate) variant: String,
    pub(crate) os_version: String,
    pub(crate) os_features: Vec<String>,
}

/// The error for text that containerd rejects.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecifierError {
    /// The text contains a `*`, which containerd does not support.
    Wildcard {
        /// The text.
        given: Excerpt,
    },
    /// A part is empty or contains characters that no name has.
    InvalidPart {
        /// The part.
        part: Excerpt,
        /// The text.
        given: Excerpt,
    },
    /// The text does not have two or three parts. (containerd completes a single part from the machine it runs on.)
    Parts {
        /// The text.
        given: Excerpt,
    },
}

impl fmt::Display for SpecifierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wildcard { given } => write!(f, "{given} has a wildcard: name each platform"),
            Self::InvalidPart { part, given } => write!(f, "{part} in {given} is not a name"),
            Self::Parts { given } => {
                write!(
                    f,
                    "{given} is not os/architecture or os/architecture/variant: write one such as linux/arm64"
                )
            }
        }
    }
}

impl std::error::Error for SpecifierError {}

impl Specifier {
    /// Parses `os[(version[+feature…])]/architecture[/variant]`.
    ///
    /// # Errors
    /// [`SpecifierError`] if containerd rejects the text, and for a single part, which containerd completes from its own
    /// machine.
    pub fn parse(text: &str) -> Result<Self, SpecifierError> {
        let given = || Excerpt::new(text);
        if text.contains('*') {
            return Err(SpecifierError::Wildcard { given: given() });
        }
        let parts: Vec<&str> = text.splitn(4, '/').collect();
        let invalid = |part: &str| SpecifierError::InvalidPart { part: Excerpt::new(part), given: given() };
        let first = parts.first().copied().unwrap_or_default();
        let (os, os_version, os_features) = system(first).ok_or_else(|| invalid(first))?;
        if let Some(part) = parts.iter().skip(1).find(|part| !is_name(part, b"_.-")) {
            return Err(invalid(part));
        }
        let (architecture, variant) = match parts.as_slice() {
            // `Parse` leaves the default variant of arm out and writes that of arm64 in the three-part form, and
            // `Normalize` does the reverse of both (containerd's platforms.go and database.go).
            [_, architecture] => match normal_architecture(architecture, "") {
                (arm, v7) if arm == "arm" && v7 == "v7" => (arm, String::new()),
                other => other,
            },
            [_, architecture, variant] => match normal_architecture(architecture, variant) {
                (arm64, none) if arm64 == "arm64" && none.is_empty() => (arm64, "v8".to_owned()),
                other => other,
            },
            _ => return Err(SpecifierError::Parts { given: given() }),
        };
        Ok(Self { os: normal_os(&os), architecture, variant, os_version, os_features })
    }

    /// Returns what containerd's `Normalize` returns.
    pub(crate) fn normalized(&self) -> Self {
        let (os, architecture, variant) = normal_form(&self.os, &self.architecture, &self.variant);
        let mut os_features = self.os_features.clone();
        os_features.sort_unstable();
        os_features.dedup();
        Self { os, architecture, variant, os_version: self.os_version.clone(), os_features }
    }
}

impl From<&Platform> for Specifier {
    fn from(platform: &Platform) -> Self {
        Self {
            os: platform.os().as_str().to_owned(),
            architecture: platform.architecture().as_str().to_owned(),
            variant: platform.variant().unwrap_or_default().to_owned(),
            os_version: platform.os_version().unwrap_or_default().to_owned(),
            os_features: platform.os_features().to_vec(),
        }
    }
}

impl fmt::Display for Specifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.os)?;
        if !self.os_version.is_empty() || !self.os_features.is_empty() {
            write!(f, "({}", self.os_version)?;
            self.os_features.iter().try_for_each(|feature| write!(f, "+{feature}"))?;
            f.write_str(")")?;
        }
        write!(f, "/{}", self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

fn is_name(part: &str, others: &[u8]) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
}

/// Parses `os[(version[+feature…])]`.
fn system(text: &str) -> Option<(String, String, Vec<String>)> {
    let Some((os, rest)) = text.split_once('(') else {
        return is_name(text, b"_-").then(|| (text.to_owned(), String::new(), Vec::new()));
    };
    let mut options = rest.strip_suffix(')')?.split('+');
    let version = options.next().filter(|version| version.is_empty() || is_name(version, b"_.%-"))?;
    let features: Option<Vec<String>> =
        options.map(|feature| is_name(feature, b"_.%-").then(|| decoded(feature)).flatten()).collect();
    is_name(os, b"_-").then(|| Some((os.to_owned(), decoded(version)?, features?))).flatten()
}

/// Decodes as Go's `url.PathUnescape` does, except that it rejects bytes that are not UTF-8. No platform has them.
fn decoded(text: &str) -> Option<String> {
    crate::platform::options::decode(text)
}

/// Returns the normal form of an operating system, an architecture and a variant, as containerd's
/// `platforms.Normalize` does, also for unknown names: spellings of an architecture become one, and a variant that is
/// the default becomes empty.
#[must_use]
pub fn normal_form(os: &str, architecture: &str, variant: &str) -> (String, String, String) {
    let (architecture, variant) = normal_architecture(architecture, variant);
    (normal_os(os), architecture, variant)
}

fn normal_os(os: &str) -> String {
    let lower = os.to_ascii_lowercase();
    if lower == "macos" { "darwin".to_owned() } else { lower }
}

/// containerd's `normalizeArch`.
fn normal_architecture(architecture: &str, variant: &str) -> (String, String) {
    let (architecture, variant) = (architecture.to_ascii_lowercase(), variant.to_ascii_lowercase());
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64" | "amd64", level) => ("amd64", level),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64" | "arm64", version) => ("arm64", version),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        other => other,
    };
    (architecture.to_owned(), variant.to_owned())
}
