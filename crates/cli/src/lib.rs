//! The command line of crossdock as a library. A project's `xtask` is:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     crossdock_cli::App::named("cargo xtask").exec()
//! }
//! ```
//!
//! [`App::chore`] adds commands of the project. This crate also contains the program `crossdock`. It parses arguments
//! and prints results; the work is done by the library `crossdock`.

mod app;
mod arguments;
mod commands;
mod error;
mod output;
mod session;
mod ui;

pub use app::App;
pub use crossdock::Environment;
pub use error::{CommandError, EXIT_CODES, Exit};

/// The documentation of the library, whose programs must compile. A package does not contain it, hence `doctest`.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/library.md")]
struct LibraryDocumentation;
