//! Findings and their codes.

pub use crossdock_findings::{Code, Severity};
use serde::Serialize;

/// One thing that a rule saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Its kind.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// The line of the file, counted from 1.
    pub line: usize,
    /// What is wrong, and what happens then.
    pub message: String,
    /// That line as it should read; where another line is missing before it, both. None where more than a line has to
    /// change, or what is right depends on what the file does not tell: then the message says what to do.
    pub corrected: Option<String>,
}

/// Every kind of finding.
pub mod codes {
    crossdock_findings::catalogue! {
        UNREADABLE = "unreadable", Error,
            "the file is no Dockerfile that an engine reads",
            "BuildKit refuses it before anything is built.";
        UNKNOWN_INSTRUCTION = "unknown-instruction", Error,
            "there is no such instruction",
            "Engines refuse the file.";
        CONSTANT_ARCHITECTURE = "constant-architecture", Error,
            "the program's architecture is constant and the image's is not",
            "Built by an engine of another architecture, the image is labelled with the engine's architecture and carries \
             a program of the constant one: `exec format error` on every node that takes it.";
        ARCHITECTURE_AGAINST_PLATFORM = "architecture-against-platform", Error,
            "the program is compiled for another architecture than the image's",
            "The image is labelled with one architecture and its program is of another: `exec format error`.";
        HOST_PROGRAM = "host-program", Error,
            "a builder on the build machine's platform compiles without a target",
            "The program is of the build machine's architecture in images of every architecture: `exec format error` on \
             all others.";
        UNDECLARED_TARGET = "undeclared-target", Error,
            "a variable of the target platform is used without its ARG",
            "TARGETOS, TARGETARCH and the others are empty in a stage that does not declare them: the compiler falls back \
             to the build machine's platform.";
        ARCHITECTURE_IN_TRIPLE = "architecture-in-triple", Error,
            "a Rust triple is made from the image's architecture",
            "OCI says amd64 and arm64 where Rust says x86_64 and aarch64: there is no such target, or only by luck.";
        PLATFORM_OF_THE_BUILDER = "platform-of-the-builder", Note,
            "the image takes the architecture of the machine that builds it",
            "Built on an Apple machine it is linux/arm64, built on most servers linux/amd64, unless every build is told \
             its platform.";
        PLATFORM_AGAINST_NODES = "platform-against-nodes", Error,
            "the image's platform is written in the file and is not that of the nodes",
            "A node does not take an image of another platform, or shows `exec format error`. Only said with `--for`.";
        LIBC_MISMATCH = "libc-mismatch", Error,
            "the program needs a C library that the image does not have",
            "The kernel does not find the program's loader: `no such file or directory`, although the program is there.";
        LIBGCC_MISSING = "libgcc-missing", Error,
            "a Rust program on a base that has the GNU C library and no libgcc",
            "The loader stops: `libgcc_s.so.1: cannot open shared object file`.";
        GLIBC_TOO_OLD = "glibc-too-old", Error,
            "the builder's C library is newer than the image's",
            "The loader refuses the program: ``version `GLIBC_…' not found``.";
        SHELL_FORM_WITHOUT_SHELL = "shell-form-without-shell", Error,
            "a command in shell form in an image without a shell",
            "The shell form starts `/bin/sh -c`, which is not there: `no such file or directory`.";
        SINGLE_STAGE = "single-stage", Warning,
            "the image that ships is the one that compiles",
            "Compiler, sources and caches ship with the program, which is rebuilt under emulation for every other platform.";
        END_OF_LIFE_BASE = "end-of-life-base", Warning,
            "a base image gets no updates any more",
            "Its packages have known holes, and its package servers move away, which breaks the build.";
        CARGO_CACHE_RACE = "cargo-cache-race", Warning,
            "cargo's cache mounts race",
            "Builds of several platforms run at the same time. Cargo's lock lies in CARGO_HOME itself: mounts of parts of \
             it, and an unlocked target folder, are written by two cargos at once.";
    }
}

impl Finding {
    pub(crate) fn new(
        code: Code,
        line: usize,
        message: impl Into<String>,
        corrected: Option<String>,
    ) -> Self {
        let severity = code.severity();
        Self { code, severity, line, message: message.into(), corrected }
    }

    pub(super) fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

/// The codes as a Markdown table, for the documentation.
pub fn catalogue_markdown() -> String {
    codes::CATALOGUE.markdown("why, and what happens")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_explained() {
        for code in codes::CATALOGUE.codes() {
            assert!(catalogue_markdown().contains(&format!("| `{code}` |")));
            assert!(!code.title().ends_with('.') && code.explanation().ends_with('.'), "{code}");
        }
    }
}
