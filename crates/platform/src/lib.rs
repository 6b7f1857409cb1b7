//! Platforms, and what compilers and tools call them.
//!
//! A [`Platform`] is what the OCI image specification names. A [`BuildTarget`] adds what a compiler must know beside
//! it, and gives the Rust triple, Go's variables, the tools' names and the whole environment of a cross build.
//!
//! The crate is pure: text and values in, values out. It reads no file, environment or clock, spawns nothing and has no
//! build script. Every table is in `data/`; the Rust in `src/generated/` is made from it and checked in.

mod abi;
mod architecture;
mod build_target;
mod closed_names;
mod excerpt;
mod facts;
mod from_names;
mod go_level;
mod interpret;
mod interpretation;
mod listing;
pub mod matching;
mod nearest;
mod node;
mod os;
mod platform;
mod rules;
mod tables;
mod vocabulary;

pub use abi::{AppleAbi, FloatAbi, GlibcVersion, GlibcVersionError, Libc, Linkage};
pub use architecture::{Architecture, Endianness};
pub use build_target::{
    BuildTarget, Compiler, GoTarget, Names, RustTarget, Tools, Unsupported, cargo_env_triple, env_triple,
};
pub use excerpt::Excerpt;
pub use go_level::{GoLevelError, go_level_variable, validate_go_level};
pub use interpret::interpret;
pub use interpretation::{Interpretation, OsSource, PlatformFacts, UnknownDescription};
pub use listing::known_names;
pub use nearest::{listed, nearest};
pub use node::NodeProfile;
pub use os::Os;
pub use platform::{Platform, PlatformError};
pub use tables::{CrtStatic, RustSpec, known_platforms, rust_targets};
pub use vocabulary::Vocabulary;
