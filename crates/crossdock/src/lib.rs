//! crossdock builds Go and Rust programs for every platform, assembles multi-architecture OCI images of them without a
//! container engine, and verifies before anything is tagged that each program will start on its nodes.

pub mod availability;
pub mod config;
pub mod environment;
pub mod host;
pub mod nearest;
pub mod process;
pub mod project;
pub mod template;
pub mod toolchain;
