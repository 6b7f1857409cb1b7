//! What one name of one vocabulary means.

use std::borrow::Cow;

use crate::apple::AppleAbi;
use crate::architecture::Architecture;
use crate::float::FloatAbi;
use crate::generated::vocabulary::ROWS;
use crate::libc::Libc;
use crate::os::Os;
use crate::platform::Platform;
use crate::vocabulary::Vocabulary;

/// What a name says; none where it says nothing or where Go and OCI have no word for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meaning {
    pub(crate) os: Option<Os>,
    pub(crate) architecture: Option<Architecture>,
    pub(crate) variant: Option<&'static str>,
    pub(crate) libc: Option<Libc>,
    pub(crate) float: Option<FloatAbi>,
    pub(crate) apple: Option<AppleAbi>,
    pub(crate) version: Option<Cow<'static, str>>,
    /// The highest level that a machine of this name surely offers; none where it is not known.
    pub(crate) level: Option<&'static str>,
    /// rustc's name of the machine's processor.
    pub(crate) cpu: Option<&'static str>,
    /// Whether the machine runs 32-bit programs.
    pub(crate) bits32: Option<bool>,
    pub(crate) note: Option<&'static str>,
}

/// A meaning with the vocabulary that has it.
pub(crate) type Found = (Vocabulary, Meaning);

impl Meaning {
    /// A name that says this much and no more.
    pub(crate) fn new(os: impl Into<Option<Os>>, architecture: impl Into<Option<Architecture>>) -> Self {
        Self { os: os.into(), architecture: architecture.into(), ..Self::default() }
    }

    /// The platform in normal form. Vocabularies that write the baseline of riscv64 and POWER out as a level mean the
    /// same as those that leave it away.
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

    pub(crate) fn note(mut self, note: impl Into<Option<&'static str>>) -> Self {
        self.note = note.into().or(self.note);
        self
    }
}

/// A row of `data/vocabulary.tsv`; that file says what each column means.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) os: Option<Os>,
    pub(crate) architecture: Option<Architecture>,
    pub(crate) variant: Option<&'static str>,
    pub(crate) libc: Option<Libc>,
    pub(crate) float: Option<FloatAbi>,
    pub(crate) version: Option<&'static str>,
    pub(crate) level: Option<&'static str>,
    pub(crate) cpu: Option<&'static str>,
    pub(crate) bits32: Option<bool>,
    pub(crate) note: Option<&'static str>,
}

impl Row {
    pub(crate) fn meaning(&self) -> Meaning {
        Meaning {
            os: self.os,
            architecture: self.architecture,
            variant: self.variant,
            libc: self.libc,
            float: self.float,
            apple: None,
            version: self.version.map(Cow::Borrowed),
            level: self.level,
            cpu: self.cpu,
            bits32: self.bits32,
            note: self.note,
        }
    }
}

/// Where in the sorted rows the names begin whose first byte is at least this one.
static FIRST: [usize; 257] = {
    let (mut first, mut byte, mut row) = ([ROWS.len(); 257], 0, 0);
    while byte < 256 {
        while row < ROWS.len() && (ROWS[row].name.as_bytes()[0] as usize) < byte {
            row += 1;
        }
        first[byte] = row;
        byte += 1;
    }
    first
};

/// The rows of a name, in all vocabularies.
pub(crate) fn rows(name: &str) -> &'static [Row] {
    let Some(byte) = name.bytes().next().map(usize::from) else { return &[] };
    let same_byte = ROWS.get(FIRST[byte]..FIRST[byte + 1]).unwrap_or_default();
    let start = same_byte.partition_point(|row| row.name < name);
    let rows = same_byte.get(start..).unwrap_or_default();
    let end = rows.iter().position(|row| row.name != name).unwrap_or(rows.len());
    rows.get(..end).unwrap_or_default()
}

/// What a name means in one vocabulary, where it has one row there.
pub(crate) fn row(name: &str, vocabulary: Vocabulary) -> Option<Meaning> {
    rows(name).iter().find(|row| row.vocabulary == vocabulary).map(Row::meaning)
}
