//! The harness of the end-to-end tests: the real program in a cleared environment, projects to build, container engines
//! owned by one test, an emulator, and clients for the programs that were built.
//!
//! Every function panics with a message that names what is missing if it cannot do its work: no test passes because a tool
//! is absent.

pub mod built;
pub mod client;
pub mod emulator;
pub mod engine;
pub mod fixture;
pub mod handmade;
pub mod kubernetes;
pub mod layout;
pub mod mach_o;
pub mod modules;
pub mod outcome;
pub mod processes;
pub mod program;
pub mod registry;
pub mod sandbox;
pub mod server;
pub mod terminal;
pub mod tools;

pub use built::Built;
pub use emulator::Machine;
pub use layout::Layout;
pub use mach_o::MachO;
pub use outcome::{Outcome, Running};
pub use sandbox::Sandbox;
pub use terminal::Screen;
