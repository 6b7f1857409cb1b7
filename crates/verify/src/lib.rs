//! Verifies, before anything is tagged, that the program in an image starts on its nodes.
//!
//! Everything is pure: files as [`ReadAt`] and values in, findings out. No function opens a file, reads the environment
//! or a clock, or starts a process.
//!
//! [`inspect`] reads the facts of a file. [`verify_program`] verifies a program for a [`Target`]: by itself or in the
//! root file system of an image (a [`Root`]), and against the plan's [`Expectation`]. Every [`Finding`] has a [`Code`]
//! from a closed catalogue, the facts that support it and a remedy. The [`Verdict`] of a [`Verification`] follows from
//! its findings.
//!
//! ```
//! use crossdock_platform::Platform;
//! use crossdock_verify::{Program, Target, Verdict, Verification, verify_program};
//!
//! let target = Target::new(&Platform::LINUX_ARM64);
//! let script = Program::new("/app", b"echo hello\n").with_mode(0o755);
//! let verification =
//!     Verification::new("/app", target.description(), verify_program(&script, &target, None, None));
//! assert_eq!(verification.verdict(), Verdict::Fails);
//! assert_eq!(verification.findings[0].code.id(), "text-without-interpreter");
//! ```
//!
//! The checks of a program are in `src/program/checks/`, those of an image in `src/image/`, those of an index in
//! `src/index.rs`.

pub mod codes;
mod content;
mod expectation;
mod image;
mod index;
mod launch;
mod level;
mod program;
mod root;
mod target;
#[cfg(test)]
mod testing;
mod verification;

pub use codes::catalogue_markdown;
pub use content::ReadAt;
pub use crossdock_findings::{Code, Effect, Evidence, Finding, Severity};
pub use crossdock_platform::{Endianness, Linkage};
pub use expectation::{CompiledC, CpuLevel, Expectation, Language};
pub use image::{ImageFacts, PlatformText, verify_elsewhere, verify_image, verify_others};
pub use index::verify_index;
pub use program::inspect::{
    ArmAttributes, Class, Dynamic, Elf, GoBuildInfo, Inspection, Interpreter, MachO, Notes, Packed, Pe,
    Script, Segment, VersionNeed, inspect, inspect_ranges,
};
pub use program::{Program, verify_program};
pub use root::{Entry, EntryKind, MemoryRoot, ResolveError, Resolved, Root, RootError, resolve};
pub use target::{Node, NodeLevel, Target, Tristate};
pub use verification::{Verdict, Verification, serialize_entries};
