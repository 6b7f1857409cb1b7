//! The facts that one name of one vocabulary states.

use std::borrow::Cow;

use crate::abi::{AppleAbi, FloatAbi, Libc};
use crate::architecture::Architecture;
use crate::os::Os;
use crate::platform::Platform;
use crate::tables::{self, Row};
use crate::vocabulary::Vocabulary;

/// The facts a name states. `None` means that the name does not state it, or that Go and OCI have no word for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) os: Option<Os>,
    pub(crate) architecture: Option<Architecture>,
    pub(crate) variant: Option<&'static str>,
    pub(crate) libc: Option<Libc>,
    pub(crate) float: Option<FloatAbi>,
    pub(crate) apple: Option<AppleAbi>,
    pub(crate) version: Option<Cow<'static, str>>,
    /// The highest level that every machine of this name offers; `None` if unknown.
    pub(crate) level: Option<&'static str>,
    /// rustc's name of the machine's processor.
    pub(crate) cpu: Option<&'static str>,
    /// Whether the machine runs 32-bit programs.
    pub(crate) bits32: Option<bool>,
    pub(crate) note: Option<&'static str>,
}

/// The facts of a name with the vocabulary that states them.
pub(crate) type Found = (Vocabulary, Facts);

impl Facts {
    /// Creates the facts of a name that states only these.
    pub(crate) fn new(os: impl Into<Option<Os>>, architecture: impl Into<Option<Architecture>>) -> Self {
        Self { os: os.into(), architecture: architecture.into(), ..Self::default() }
    }

    /// Creates the facts of a platform in normal form. Some vocabularies spell out the baseline level of riscv64 and
    /// POWER and others omit it; the normal form makes both state the same.
    pub(crate) fn of(platform: &Platform) -> Self {
        let normal = platform.normalized();
        Self {
            variant: normal.variant,
            version: normal.os_version.map(Cow::Owned),
            ..Self::new(normal.os, normal.architecture)
        }
    }

    pub(crate) fn variant(mut self, variant: Option<&'static str>) -> Self {
        self.variant = variant;
        self
    }

    pub(crate) fn libc(mut self, libc: impl Into<Option<Libc>>) -> Self {
        self.libc = libc.into();
        self
    }

    /// Replaces the note, or keeps it if the new one is `None`.
    pub(crate) fn note(mut self, note: impl Into<Option<&'static str>>) -> Self {
        self.note = note.into().or(self.note);
        self
    }
}

impl From<&Row> for Facts {
    fn from(row: &Row) -> Self {
        Self {
            os: row.os,
            architecture: row.architecture,
            variant: row.variant,
            libc: row.libc,
            float: row.float,
            apple: None,
            version: row.version.map(Cow::Borrowed),
            level: row.level,
            cpu: row.cpu,
            bits32: row.bits32,
            note: row.note,
        }
    }
}

/// Returns the facts of a name in one vocabulary; of several rows there, those of the first.
pub(crate) fn row(name: &str, vocabulary: Vocabulary) -> Option<Facts> {
    tables::rows(name).iter().find(|row| row.vocabulary == vocabulary).map(Facts::from)
}
