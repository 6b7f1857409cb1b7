//! Verifies a subject: an image in a layout or an archive, or a single program file.
//!
//! For each [`Target`] the image of the index that such a node pulls is chosen by containerd's rule, its layers are merged
//! as an engine merges them, and `crossdock-verify` checks the programs that start. What a plan expects of a program is
//! handed in; this crate never sees a plan.
//!
//! ```
//! use crossdock_platform::Platform;
//! use crossdock_project::config::Source;
//! use crossdock_subjects::{Target, verify_file};
//! use crossdock_verify::Verdict;
//!
//! let platform = Platform::LINUX_ARM64;
//! let source = Source::CommandLine("--for".to_owned());
//! let target = Target { description: "linux/arm64".to_owned(), platform, node: None, source };
//! let report = verify_file("/app", b"echo hello\n", Some(0o755), &target);
//! assert_eq!(report.verdict, Verdict::Fails);
//! ```

mod target;
mod verify;

pub use target::{Node, Scope, Target, TargetReport};
pub use verify::{Planned, known, of_itself, taken, unreadable, verify, verify_file};
