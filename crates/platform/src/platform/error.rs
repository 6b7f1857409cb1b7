//! The errors of parsing a platform.

use std::fmt;

use crate::architecture::Architecture;
use crate::excerpt::Excerpt;
use crate::os::Os;

/// The error for text that is not a platform. The message suggests what to write instead, if that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlatformError {
    /// The text is empty or blank.
    Empty,
    /// The text is longer than any platform.
    TooLong {
        /// The beginning of the text.
        given: Excerpt,
        /// Its length in bytes.
        length: usize,
        /// The greatest length in bytes.
        limit: usize,
    },
    /// The text begins or ends with blanks.
    Blanks {
        /// The text.
        given: Excerpt,
        /// The text without the blanks.
        trimmed: String,
    },
    /// The text contains a character that no platform has.
    InvalidCharacter {
        /// The text.
        given: Excerpt,
        /// The first such character.
        character: char,
        /// Its position in bytes.
        position: usize,
    },
    /// The text has more than three parts.
    TooManyParts {
        /// The text.
        given: Excerpt,
    },
    /// A part before, between or after slashes is empty.
    EmptyPart {
        /// The text.
        given: Excerpt,
    },
    /// The text is only an operating system or only an architecture.
    OnePart {
        /// The text.
        given: Excerpt,
        /// A platform made from it.
        example: String,
    },
    /// The text has one part, and it is neither an operating system nor an architecture.
    NoPlatform {
        /// The text.
        given: Excerpt,
        /// The nearest names.
        nearest: Vec<&'static str>,
    },
    /// The text is `unknown/unknown`, by which build tools mark attestations in an index.
    Attestation,
    /// The text in parentheses after the operating system is invalid.
    InvalidOptions {
        /// The operating system's part.
        given: Excerpt,
    },
    /// The parentheses after the operating system are empty.
    EmptyOptions {
        /// The operating system.
        os: Os,
    },
    /// The operating system is unknown.
    UnknownOs {
        /// The name.
        given: Excerpt,
        /// The nearest names.
        nearest: Vec<&'static str>,
    },
    /// The text has an architecture and a variant, but no operating system.
    MissingOs {
        /// The text.
        given: Excerpt,
        /// The platform on linux.
        meant: String,
    },
    /// The architecture is unknown.
    UnknownArchitecture {
        /// The name.
        given: Excerpt,
        /// The nearest names.
        nearest: Vec<&'static str>,
    },
    /// The architecture is spelled as in another vocabulary.
    ForeignSpelling {
        /// The name.
        given: Excerpt,
        /// The platform to write instead.
        meant: String,
    },
    /// The name of the architecture implies a variant, and a different one follows.
    VariantTwice {
        /// The text.
        given: Excerpt,
        /// The platform that the name of the architecture implies.
        meant: String,
    },
    /// The architecture has no such variant.
    UnknownVariant {
        /// The architecture.
        architecture: Architecture,
        /// The variant.
        given: Excerpt,
    },
}

impl PlatformError {
    /// Returns what to write instead, best first. The list is empty if no known name is near.
    #[must_use]
    pub fn suggestions(&self) -> Vec<String> {
        match self {
            Self::Blanks { trimmed: meant, .. }
            | Self::OnePart { example: meant, .. }
            | Self::ForeignSpelling { meant, .. }
            | Self::MissingOs { meant, .. }
            | Self::VariantTwice { meant, .. } => vec![meant.clone()],
            Self::NoPlatform { nearest, .. }
            | Self::UnknownOs { nearest, .. }
            | Self::UnknownArchitecture { nearest, .. } => nearest.iter().map(ToString::to_string).collect(),
            Self::UnknownVariant { architecture, .. } => {
                architecture.variants().iter().map(ToString::to_string).collect()
            }
            Self::EmptyOptions { os } => vec![format!("{os}(10.0.20348)")],
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for PlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the platform is empty: write one such as linux/amd64"),
            Self::TooLong { given, length, limit } => {
                write!(f, "{given} has {length} bytes: a platform has at most {limit}")
            }
            Self::Blanks { given, trimmed } => write!(f, "{given} has blanks around it: write {trimmed}"),
            Self::InvalidCharacter { given, character, position } => {
                write!(f, "{given} has the character {character:?} at byte {position}, which no platform has")
            }
            Self::TooManyParts { given } => {
                write!(
                    f,
                    "{given} has more than three parts: write os/architecture or os/architecture/variant"
                )
            }
            Self::EmptyPart { given } => {
                write!(f, "{given} has an empty part: write os/architecture or os/architecture/variant")
            }
            Self::OnePart { given, example } => {
                write!(f, "{given} is only one part of a platform: write os/architecture, such as {example}")
            }
            Self::NoPlatform { given, nearest } => {
                write!(f, "{given} is not a platform: write os/architecture, such as linux/amd64")?;
                write_nearest(f, nearest)
            }
            Self::Attestation => {
                f.write_str("unknown/unknown marks an attestation in an image index, which no machine runs")
            }
            Self::InvalidOptions { given } => {
                write!(f, "{given} cannot be read: write os(version+feature), such as windows(10.0.20348)")
            }
            Self::EmptyOptions { os } => {
                write!(f, "the parentheses after {os} are empty: remove them or write {os}(10.0.20348)")
            }
            Self::UnknownOs { given, nearest } => {
                write!(f, "{given} is not an operating system that OCI or Go names")?;
                write_nearest(f, nearest)
            }
            Self::MissingOs { given, meant } => {
                write!(f, "{given} does not say which operating system: write {meant}")
            }
            Self::UnknownArchitecture { given, nearest } => {
                write!(f, "{given} is not an architecture that OCI or Go names")?;
                write_nearest(f, nearest)
            }
            Self::ForeignSpelling { given, meant } => {
                write!(f, "{given} is a spelling of another vocabulary: write {meant}")
            }
            Self::VariantTwice { given, meant } => {
                write!(f, "{given} names two variants: its architecture already means {meant}")
            }
            Self::UnknownVariant { architecture, given } => match architecture.variants() {
                [] => write!(f, "{given} is not a variant: {architecture} has none"),
                known => write!(f, "{given} is not a variant of {architecture}: it has {}", known.join(", ")),
            },
        }
    }
}

fn write_nearest(f: &mut fmt::Formatter<'_>, nearest: &[&str]) -> fmt::Result {
    if nearest.is_empty() { Ok(()) } else { write!(f, " (nearest: {})", nearest.join(", ")) }
}

impl std::error::Error for PlatformError {}
