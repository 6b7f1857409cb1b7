//! What the end-to-end tests share: the real program in a cleared environment, projects to build, container engines
//! of their own, an emulator, and clients that talk to what was built.
//!
//! Everything here panics when it cannot do its work, with a sentence that says what is missing: a test never passes
//! because a tool was absent.

pub mod built;
pub mod client;
pub mod emulator;
pub mod engine;
pub mod fixture;
pub mod layout;
pub mod modules;
pub mod outcome;
pub mod processes;
pub mod program;
pub mod sandbox;
pub mod server;
pub mod tools;

pub use built::Built;
pub use emulator::Machine;
pub use layout::Layout;
pub use outcome::Outcome;
pub use sandbox::Sandbox;
