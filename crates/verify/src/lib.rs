//! Says, before anything is tagged, whether the program in an image will start on its nodes.
//!
//! Everything here is pure: bytes and values in, findings out. There is no file, environment, clock or process.
//!
//! [`inspect`] tells the facts of a file. [`verify_program`] judges a program for a [`Target`], alone or in the root file
//! system of an image (a [`Root`]), and against what the plan says of it (an [`Expectation`]). Every [`Finding`] has a
//! [`Code`] from a closed catalogue, the facts it rests on and a remedy, and the [`Verdict`] follows from the findings.
//!
//! ```
//! use crossdock_platform::Platform;
//! use crossdock_verify::{Program, Report, Target, Verdict, verify_program};
//!
//! let target = Target::new(&Platform::LINUX_ARM64);
//! let script = Program { path: "/app", bytes: b"echo hello\n", mode: Some(0o755) };
//! let report = Report::new("/app", target.name(), verify_program(&script, &target, None, None));
//! assert_eq!(report.verdict, Verdict::Fails);
//! assert_eq!(report.findings[0].code.id(), "text-without-interpreter");
//! ```
//!
//! Each check is one file in `src/checks/`, so that the folder reads as the catalogue.

mod checks;
pub mod codes;
mod expectation;
mod image;
mod inspect;
mod levels;
mod loader;
mod machine;
mod report;
mod resolve;
mod root;
mod subject;
mod target;
#[cfg(test)]
mod testing;
mod verify;

pub use codes::catalogue_markdown;
pub use crossdock_findings::{Code, Effect, Evidence, Finding, Severity};
pub use expectation::{CpuLevel, Expectation, Language, Linkage};
pub use image::{ImageFacts, PlatformText};
pub use inspect::{
    ArmAttributes, Class, Dynamic, Elf, Endianness, GoBuildInfo, Inspection, Interpreter, MachO, Notes, Pe,
    Script, Segment, VersionNeed, inspect,
};
pub use report::{Report, Verdict};
pub use resolve::{ResolveError, Resolved, resolve};
pub use root::{Entry, EntryKind, MemoryRoot, Root, RootError};
pub use target::{Known, Node, NodeLevel, Target};
pub use verify::{Program, verify_image, verify_index, verify_others, verify_program};
