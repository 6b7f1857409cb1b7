//! The expectations of a plan for a program.

use std::collections::BTreeMap;

use crossdock_platform::{Linkage, Platform};

/// The properties that the plan expects of a program. A program that differs is not tagged, even if it would start.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expectation {
    /// The platform that the program is built for.
    pub platform: Platform,
    /// The linkage; `None` if the plan leaves it open.
    pub linkage: Option<Linkage>,
    /// The compiler and its settings.
    pub language: Language,
    /// The processors that were named to compilers of C code.
    pub c_code: Vec<CompiledC>,
}

/// A processor that a flag names to a C compiler. Compiled C does not record it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompiledC {
    /// The level of the processor.
    pub level: CpuLevel,
    /// The flag, such as `-march=x86-64-v3`.
    pub flag: String,
    /// The variable or file that sets the flag, such as `CFLAGS`.
    pub place: String,
}

impl CompiledC {
    /// Creates the level that a flag in a variable or file means.
    pub fn new(level: CpuLevel, flag: impl Into<String>, place: impl Into<String>) -> CompiledC {
        CompiledC { level, flag: flag.into(), place: place.into() }
    }
}

/// The compiler of a program, as far as the plan knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// `go build`.
    Go {
        /// The settings that the build information must contain with exactly this value: `GOOS`, `GOARCH`, `GOAMD64`,
        /// `CGO_ENABLED`, `-trimpath` and so on.
        settings: BTreeMap<String, String>,
        /// The version that the program must report for its main module; `None` for any.
        version: Option<String>,
    },
    /// `cargo build`.
    Rust {
        /// The processor level of the build's target-cpu, spelled as OCI does.
        level: CpuLevel,
    },
    /// The plan does not name the compiler.
    #[default]
    Other,
}

/// The processor level that a compiler was told to build for. Compiled Rust and C programs do not record it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CpuLevel {
    /// The baseline of the triple.
    #[default]
    Baseline,
    /// A level of the architecture, such as `v3`.
    Level(String),
    /// A processor whose level is unknown, or `native`.
    Unknown(String),
}

impl Expectation {
    /// Creates the expectation of a platform only.
    pub fn new(platform: Platform) -> Expectation {
        Expectation { platform, linkage: None, language: Language::Other, c_code: Vec::new() }
    }

    /// Sets the linkage.
    #[must_use]
    pub fn with_linkage(mut self, linkage: Linkage) -> Expectation {
        self.linkage = Some(linkage);
        self
    }

    /// Sets the compiler.
    #[must_use]
    pub fn with_language(mut self, language: Language) -> Expectation {
        self.language = language;
        self
    }

    /// Sets the processors that were named to compilers of C code.
    #[must_use]
    pub fn with_c_code(mut self, c_code: Vec<CompiledC>) -> Expectation {
        self.c_code = c_code;
        self
    }
}
