//! Findings with stable codes, and the formats in which tools and people read them.
//!
//! A check declares its codes once, in a closed [`catalogue!`], and reports each problem as a [`Finding`]: a [`Code`],
//! the place, the consequence, the remedy and the [`Evidence`]. The [`output`] module writes findings as SARIF and as
//! GitHub annotations, and a catalogue writes itself as the table in the documentation. The crate is pure: values in,
//! text out.
//!
//! ```
//! use crossdock_findings::{Finding, Severity, output};
//!
//! mod codes {
//!     crossdock_findings::catalogue! {
//!         EMPTY_FILE = "empty-file", Error,
//!             "the file is empty",
//!             "The kernel recognizes no format: `exec format error`.",
//!             "Build the program again.";
//!     }
//! }
//!
//! let finding = Finding::new(codes::EMPTY_FILE, "linux/arm64", "/app", "/app is empty.");
//! assert_eq!(finding.severity, Severity::Error);
//! assert_eq!(finding.help, "Build the program again.");
//!
//! let log = output::sarif(codes::CATALOGUE, [finding.annotation()], "1.0.0");
//! assert_eq!(log["runs"][0]["results"][0]["ruleId"], "empty-file");
//! ```

mod catalogue;
mod finding;
pub mod output;

pub use catalogue::{Catalogue, Code, Effect, Entry, Severity};
pub use finding::{Evidence, Finding};
