//! What can be wrong with a platform's text.

use std::fmt;

use crate::architecture::Architecture;
use crate::excerpt::Excerpt;
use crate::os::Os;

/// Why a text is not a platform. Each message says what to write instead where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlatformError {
    /// There is no text.
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
    /// There are blanks around the platform.
    Blanks {
        /// The text.
        given: Excerpt,
        /// The text without them.
        trimmed: String,
    },
    /// A character that no platform has.
    InvalidCharacter {
        /// The text.
        given: Excerpt,
        /// The first such character.
        character: char,
        /// Its position in bytes.
        position: usize,
    },
    /// Capital letters, which no name has.
    MixedCase {
        /// The text.
        given: Excerpt,
        /// The text in lower case.
        lower: String,
    },
    /// More than three parts between slashes.
    TooManyParts {
        /// The text.
        given: Excerpt,
    },
    /// Nothing before, between or after slashes.
    EmptyPart {
        /// The text.
        given: Excerpt,
    },
    /// Only an operating system or only an architecture.
    OnePart {
        /// The text.
        given: Excerpt,
        /// A platform made from it.
        example: String,
    },
    /// One part that is neither an operating system nor an architecture.
    NoPlatform {
        /// The text.
        given: Excerpt,
        /// The nearest names.
        nearest: Vec<&'static str>,
    },
    /// `unknown/unknown`, under which build tools keep attestations in an index.
    Attestation,
    /// The brackets after the operating system cannot be read.
    InvalidOptions {
        /// The operating system's part.
        given: Excerpt,
    },
    /// The brackets after the operating system are empty.
    EmptyOptions {
        /// The operating system.
        os: Os,
    },
    /// No such operating system.
    UnknownOs {
        /// The name.
        given: Excerpt,
        /// The nearest names.
        nearest: Vec<&'static str>,
    },
    /// An architecture with its variant, and no operating system before them.
    MissingOs {
        /// The text.
        given: Excerpt,
        /// The platform on linux.
        meant: String,
    },
    /// No such architecture.
    UnknownArchitecture {
        /// The name.
        given: Excerpt,
        /// The nearest names.
        nearest: Vec<&'static str>,
    },
    /// Another vocabulary's name for an architecture.
    ForeignSpelling {
        /// The name.
        given: Excerpt,
        /// The platform to write instead.
        meant: String,
    },
    /// The architecture's name says the variant already, and another one follows.
    VariantTwice {
        /// The text.
        given: Excerpt,
        /// What the architecture's name means.
        meant: String,
    },
    /// No such variant of the architecture.
    UnknownVariant {
        /// The architecture.
        architecture: Architecture,
        /// The variant.
        given: Excerpt,
    },
}

impl PlatformError {
    /// What to write instead, best first; empty when nothing known comes near.
    #[must_use]
    pub fn suggestions(&self) -> Vec<String> {
        match self {
            Self::Blanks { trimmed: meant, .. }
            | Self::MixedCase { lower: meant, .. }
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
                write!(f, "{given} has {length} bytes, a platform at most {limit}")
            }
            Self::Blanks { given, trimmed } => write!(f, "{given} has blanks around it: write {trimmed}"),
            Self::InvalidCharacter { given, character, position } => {
                write!(f, "{given} has the character {character:?} at byte {position}, which no platform has")
            }
            Self::MixedCase { given, lower } => {
                write!(f, "{given} has capital letters: platforms are written in lower case, {lower}")
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
                write!(f, "the brackets after {os} are empty: leave them out or write {os}(10.0.20348)")
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
                write!(f, "{given} is another vocabulary's spelling: write {meant}")
            }
            Self::VariantTwice { given, meant } => {
                write!(f, "{given} names two variants: its architecture alone means {meant}")
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
