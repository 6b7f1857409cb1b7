//! Verifies a subject: an image in a layout or an archive, or a single program file.
//!
//! For each [`Target`](crossdock_verify::Target) the image of the index that such a node pulls is chosen by containerd's
//! rule, its layers are merged as an engine merges them, and `crossdock-verify` checks the programs that start. The
//! expectations of a plan are handed in; this crate never sees a plan.
//!
//! ```
//! use crossdock_platform::Platform;
//! use crossdock_subjects::verify_file;
//! use crossdock_verify::{Program, Target, Verdict};
//!
//! let program = Program::new("/app", b"echo hello\n").with_mode(0o755);
//! let verification = verify_file(&program, &Target::new(&Platform::LINUX_ARM64));
//! assert_eq!(verification.verdict(), Verdict::Fails);
//! ```

mod choice;
mod dispute;
mod file;
mod lambda;
mod root;
mod verify;

pub use choice::{best_platform, parse_platform};
pub use file::ProgramFile;
pub use verify::{Options, Planned, Scope, config_facts, own_target, unknown_platform, verify, verify_file};
