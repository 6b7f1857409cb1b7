//! Reading any description of a platform, a toolchain's target or a machine.

use crate::apple::AppleAbi;
use crate::architecture::Architecture;
use crate::assignments;
use crate::float::FloatAbi;
use crate::libc::{Libc, Linkage};
use crate::meaning::{self, Found, Meaning};
use crate::merge::merged;
use crate::node::{NodeProfile, page_sizes};
use crate::os::Os;
use crate::platform::Platform;
use crate::rules;
use crate::target::BuildTarget;
use crate::unknown::{self, Unknown};
use crate::vocabulary::Vocabulary;

/// A longer text is no description.
pub(crate) const LONGEST: usize = 256;

/// What a description means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It means one thing.
    Exact(Description),
    /// It means several things, in one vocabulary or between vocabularies.
    Ambiguous {
        /// Each meaning, with the vocabulary that has it.
        candidates: Vec<Description>,
        /// Why it is not clear which one is meant, as a sentence.
        why: String,
    },
    /// No vocabulary has it.
    Unknown(Unknown),
}

/// One meaning of a description. What is none is not said by the description: nothing is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The vocabulary that has it.
    pub vocabulary: Vocabulary,
    /// The other vocabularies in which it means the same.
    pub also: Vec<Vocabulary>,
    /// The operating system.
    pub os: Option<Os>,
    /// The architecture.
    pub architecture: Option<Architecture>,
    /// The variant in normal form; none is the baseline, or on 32-bit ARM a version that is not stated.
    pub variant: Option<&'static str>,
    /// The operating system's version.
    pub os_version: Option<String>,
    /// The C library.
    pub libc: Option<Libc>,
    /// The float ABI.
    pub float: Option<FloatAbi>,
    /// What runs a program of iOS, where it is not a device.
    pub apple: Option<AppleAbi>,
    /// What the machine offers, where the vocabulary names machines.
    pub node: Option<NodeProfile>,
    /// What a person should know, as sentences or ends of sentences.
    pub notes: Vec<&'static str>,
}

impl Description {
    pub(crate) fn new(vocabulary: Vocabulary, meaning: Meaning) -> Self {
        let node =
            meaning.architecture.filter(|_| vocabulary.names_machines()).map(|architecture| NodeProfile {
                baseline: meaning.variant,
                highest: meaning.level,
                cpu: meaning.cpu,
                page_sizes: page_sizes(meaning.os, architecture),
                runs_32bit: meaning.bits32,
            });
        Self {
            vocabulary,
            also: Vec::new(),
            os: meaning.os,
            architecture: meaning.architecture,
            variant: meaning.variant,
            os_version: meaning.version.map(std::borrow::Cow::into_owned),
            libc: meaning.libc,
            float: meaning.float,
            apple: meaning.apple,
            node,
            notes: meaning.note.into_iter().collect(),
        }
    }

    /// The platform in normal form, where operating system and architecture are stated.
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        self.on(self.os?)
    }

    /// The platform in normal form with linux assumed where the operating system is not stated, and whether it was
    /// assumed.
    #[must_use]
    pub fn platform_or_linux(&self) -> Option<(Platform, OsSource)> {
        match self.os {
            Some(os) => Some((self.on(os)?, OsSource::Stated)),
            None => Some((self.on(Os::Linux)?, OsSource::Assumed)),
        }
    }

    fn on(&self, os: Os) -> Option<Platform> {
        let mut platform = Platform::new(os, self.architecture?);
        platform.variant = self.variant;
        platform.os_version.clone_from(&self.os_version);
        Some(platform.normalized())
    }

    /// What to build for, with linux assumed where the operating system is not stated. The C library and float ABI
    /// that the description states are kept.
    #[must_use]
    pub fn target(&self, linkage: Linkage) -> Option<BuildTarget> {
        let (platform, _) = self.platform_or_linux()?;
        let mut target = BuildTarget::new(platform, linkage);
        if let Some(libc) = self.libc {
            target = target.with_libc(libc);
        }
        let target = self.float.into_iter().fold(target, BuildTarget::with_float);
        Some(self.apple.into_iter().fold(target, BuildTarget::with_apple))
    }
}

/// Where a platform's operating system comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OsSource {
    /// The description states it.
    Stated,
    /// The description does not: linux is assumed.
    Assumed,
}

/// Reads a description, in one vocabulary or, without one, in all of them.
///
/// ```
/// use crossdock_platform::{Reading, describe};
///
/// let Reading::Exact(graviton) = describe("m7g.large", None) else { panic!("one meaning") };
/// assert_eq!(graviton.architecture.map(|name| name.as_str()), Some("arm64"));
/// assert_eq!(graviton.os, None);
/// assert!(matches!(describe("armhf", None), Reading::Ambiguous { .. }));
/// ```
#[must_use]
pub fn describe(text: &str, vocabulary: Option<Vocabulary>) -> Reading {
    if let Some(why) = unknown::unreadable(text, vocabulary) {
        return Reading::Unknown(why);
    }
    if vocabulary.is_none()
        && let Some(reading) = assignments::read(text)
    {
        return reading;
    }
    let found = found(text, vocabulary);
    if found.is_empty() { Reading::Unknown(unknown::explain(text, vocabulary)) } else { merged(found) }
}

/// Whether a vocabulary, or without one any, has the name.
pub(crate) fn is_known(text: &str, vocabulary: Option<Vocabulary>) -> bool {
    !found(text, vocabulary).is_empty()
}

fn found(text: &str, vocabulary: Option<Vocabulary>) -> Vec<Found> {
    match vocabulary {
        Some(vocabulary) => in_one(text, vocabulary),
        None => in_all(text),
    }
}

fn in_one(text: &str, vocabulary: Vocabulary) -> Vec<Found> {
    let rows = meaning::rows(text).iter().filter(|row| row.vocabulary == vocabulary);
    let mut found: Vec<Found> = rows.map(|row| (vocabulary, row.meaning())).collect();
    if found.is_empty() {
        found.extend(rules::read(vocabulary, text).map(|meaning| (vocabulary, meaning)));
    }
    if found.is_empty() && vocabulary.ignores_case() {
        let same = |row: &&meaning::Row| row.vocabulary == vocabulary && row.name.eq_ignore_ascii_case(text);
        let rows = crate::generated::vocabulary::ROWS.iter().filter(same);
        found.extend(rows.map(|row| (vocabulary, row.meaning())));
    }
    found
}

const _: () =
    assert!(Vocabulary::ALL.len() <= u128::BITS as usize, "a set of vocabularies has a bit for each");

/// The vocabulary's place in a set of them.
const fn bit(vocabulary: Vocabulary) -> u128 {
    1 << (vocabulary as u8)
}

fn in_all(text: &str) -> Vec<Found> {
    let rows = meaning::rows(text);
    let marks = rules::Marks::of(text);
    let mut found: Vec<Found> = Vec::with_capacity(rows.len() + 4);
    found.extend(rows.iter().map(|row| (row.vocabulary, row.meaning())));
    let have_rows = rows.iter().fold(0, |bits, row| bits | bit(row.vocabulary));
    for (vocabulary, shape, rule) in rules::RULES {
        if marks.fit(*shape) && have_rows & bit(*vocabulary) == 0 {
            found.extend(rule(text).map(|meaning| (*vocabulary, meaning)));
        }
    }
    if found.is_empty() && marks.fit(rules::LAST.1) {
        let (vocabulary, _, rule) = rules::LAST;
        found.extend(rule(text).map(|meaning| (vocabulary, meaning)));
    }
    found.sort_by_key(|(vocabulary, _)| *vocabulary);
    found
}
