//! The result of interpreting a description.

use std::borrow::Cow;
use std::fmt;

use crate::abi::{AppleAbi, FloatAbi, Libc, Linkage};
use crate::architecture::Architecture;
use crate::build_target::BuildTarget;
use crate::facts::Facts;
use crate::node::{ImageForms, NodeProfile, page_sizes};
use crate::os::Os;
use crate::platform::Platform;
use crate::vocabulary::Vocabulary;

/// The meaning of a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interpretation {
    /// It has one meaning.
    Exact(PlatformFacts),
    /// It has several meanings, in one vocabulary or in different ones.
    Ambiguous {
        /// Each meaning with the vocabulary that has it.
        candidates: Vec<PlatformFacts>,
        /// The reason why the meaning is unclear, as a clause without a full stop.
        why: String,
    },
    /// It is in no vocabulary.
    Unknown(UnknownDescription),
}

/// The facts one meaning of a description states. `None` means that the description does not state it; nothing is
/// filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlatformFacts {
    /// The first vocabulary that has the description.
    pub vocabulary: Vocabulary,
    /// The other vocabularies in which the description means the same.
    pub also: Vec<Vocabulary>,
    /// The operating system.
    pub os: Option<Os>,
    /// The architecture.
    pub architecture: Option<Architecture>,
    /// The variant in normal form. `None` is the baseline, or on 32-bit ARM an unstated version.
    pub variant: Option<&'static str>,
    /// The version of the operating system.
    pub os_version: Option<String>,
    /// The C library.
    pub libc: Option<Libc>,
    /// The float ABI.
    pub float: Option<FloatAbi>,
    /// The environment of an iOS program; `None` is a device.
    pub apple: Option<AppleAbi>,
    /// The properties of the machine, if the vocabulary names machines.
    pub node: Option<NodeProfile>,
    /// Notes for a reader, as clauses without a full stop.
    pub notes: Vec<&'static str>,
}

impl PlatformFacts {
    pub(crate) fn new(vocabulary: Vocabulary, facts: Facts) -> Self {
        let node =
            facts.architecture.filter(|_| vocabulary.names_machines()).map(|architecture| NodeProfile {
                baseline: facts.variant,
                highest: facts.level,
                cpu: facts.cpu,
                page_sizes: page_sizes(facts.os, architecture),
                runs_32bit: facts.bits32,
                images: match vocabulary {
                    Vocabulary::AwsLambda => ImageForms::AwsLambda,
                    _ => ImageForms::Any,
                },
            });
        Self {
            vocabulary,
            also: Vec::new(),
            os: facts.os,
            architecture: facts.architecture,
            variant: facts.variant,
            os_version: facts.version.map(Cow::into_owned),
            libc: facts.libc,
            float: facts.float,
            apple: facts.apple,
            node,
            notes: facts.note.into_iter().collect(),
        }
    }

    /// Returns the platform in normal form; `None` unless both operating system and architecture are stated.
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        self.platform_on(self.os?)
    }

    /// Returns the platform in normal form and whether its operating system is stated. If it is not stated, it is
    /// assumed to be Linux.
    #[must_use]
    pub fn platform_or_linux(&self) -> Option<(Platform, OsSource)> {
        match self.os {
            Some(os) => Some((self.platform_on(os)?, OsSource::Stated)),
            None => Some((self.platform_on(Os::Linux)?, OsSource::Assumed)),
        }
    }

    fn platform_on(&self, os: Os) -> Option<Platform> {
        let mut platform = Platform::new(os, self.architecture?);
        platform.variant = self.variant;
        platform.os_version.clone_from(&self.os_version);
        Some(platform.normalized())
    }

    /// Returns the target to build for, with the stated C library and float ABI. An operating system that is not
    /// stated is assumed to be Linux.
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

/// The source of the operating system of a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OsSource {
    /// The description states it.
    Stated,
    /// The description does not state it, so Linux is assumed.
    Assumed,
}

/// A description that is in no vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownDescription {
    /// The reason, with the nearest names, as a clause without a full stop.
    pub why: String,
    /// The nearest known names, nearest first. Each can be interpreted in the same vocabulary.
    pub nearest: Vec<String>,
}

impl UnknownDescription {
    pub(crate) fn new(why: &str, nearest: Vec<String>) -> Self {
        let why = match nearest.as_slice() {
            [] => why.to_owned(),
            names => format!("{why} (nearest: {})", names.join(", ")),
        };
        Self { why, nearest }
    }
}

impl fmt::Display for UnknownDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for UnknownDescription {}
