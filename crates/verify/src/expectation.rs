//! What the plan says that a program is.

use std::collections::BTreeMap;

use crossdock_platform::{Linkage, Platform};

/// What the plan says that a program is. A program that differs is not tagged, even where it would start.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expectation {
    /// The platform that it was built for.
    pub platform: Platform,
    /// How it was linked.
    pub linkage: Option<Linkage>,
    /// What the plan knows of its compiler.
    pub language: Language,
}

/// What the plan knows of a program's compiler.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// Built by `go build`.
    Go {
        /// Settings that the build information has to hold with exactly this value: `GOOS`, `GOARCH`, `GOAMD64`,
        /// `CGO_ENABLED`, `-trimpath` and so on.
        settings: BTreeMap<String, String>,
    },
    /// Built by `cargo build`.
    Rust {
        /// The processor level that the target-cpu of the build stands for, as OCI spells it; see [`CpuLevel`].
        level: CpuLevel,
    },
    /// The plan does not say.
    #[default]
    Other,
}

/// The processor level that a compiler was told to build for. A compiled Rust or C program does not record it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CpuLevel {
    /// The baseline of the triple.
    #[default]
    Baseline,
    /// A level of the architecture, such as `v3`.
    Level(String),
    /// A processor's name that stands for no level that is known here, or `native`.
    Unknown(String),
}

impl Expectation {
    /// A program for this platform, of which nothing else is known.
    pub fn new(platform: Platform) -> Expectation {
        Expectation { platform, linkage: None, language: Language::Other }
    }

    /// The same with this linkage.
    #[must_use]
    pub fn with_linkage(mut self, linkage: Linkage) -> Expectation {
        self.linkage = Some(linkage);
        self
    }

    /// The same with this language.
    #[must_use]
    pub fn with_language(mut self, language: Language) -> Expectation {
        self.language = language;
        self
    }
}
