//! crossdock builds Go and Rust programs for every platform, assembles multi-architecture OCI images of them without a
//! container engine, and verifies before anything is tagged that each program will start on its nodes.

mod app;
pub mod interpret;
pub mod ui;

pub use app::{App, CommandError, EXIT_CODES, Exit};
pub use crossdock_project as project;
pub use crossdock_project::{config, template};
pub use crossdock_runner::{engine, execute, plan, report};
pub use crossdock_scaffold as scaffold;
pub use crossdock_system::{availability, environment, process};
pub use crossdock_toolchain::{choice as toolchain, doctor, host};
