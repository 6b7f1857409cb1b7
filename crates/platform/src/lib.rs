//! Platforms, and what compilers and tools call them.
//!
//! A [`Platform`] is what the OCI image specification names. A [`BuildTarget`] adds what a compiler must know beside
//! it, and gives the Rust triple, Go's variables, the tools' names and the whole environment of a cross build.
//!
//! The crate is pure: text and values in, values out. It reads no file, environment or clock, spawns nothing and has no
//! build script. Every table is in `data/`; the Rust in `src/generated/` is made from it and checked in.

mod architecture;
mod cross_env;
mod error;
mod float;
mod generated;
mod go;
mod libc;
mod names;
mod nearest;
mod options;
mod os;
mod parse;
mod platform;
mod platform_spec;
mod rust;
mod rust_spec;
mod target;
mod tool_names;

pub use architecture::{Architecture, Endianness};
pub use cross_env::{Compiler, Tools};
pub use error::{Excerpt, PlatformError};
pub use float::FloatAbi;
pub use go::GoTarget;
pub use libc::{GlibcVersion, GlibcVersionError, Libc, Linkage};
pub use os::Os;
pub use platform::Platform;
pub use platform_spec::known_platforms;
pub use rust::RustTarget;
pub use target::{BuildTarget, Unsupported};
pub use tool_names::Names;
