//! The command line of crossdock, for a program of one's own. A project's `xtask` is:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     crossdock_cli::App::named("cargo xtask").exec()
//! }
//! ```
//!
//! [`App::chore`] adds commands of the project. The program `crossdock` is this crate's own; everything that its commands
//! do is in the library `crossdock`.

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
