//! Platforms, and what compilers and tools call them.
//!
//! A [`Platform`] is what the OCI image specification names. A [`BuildTarget`] adds what a compiler must know beside
//! it, and gives the Rust triple, Go's variables, the tools' names and the whole environment of a cross build.
//!
//! The crate is pure: text and values in, values out. It reads no file, environment or clock, spawns nothing and has no
//! build script. Every table is in `data/`; the Rust in `src/generated/` is made from it and checked in.

mod apple;
mod architecture;
mod assignments;
mod cross_env;
mod describe;
mod error;
mod float;
mod generated;
mod go;
mod go_level;
mod libc;
mod listing;
pub mod matching;
mod meaning;
mod merge;
mod names;
mod nearest;
mod node;
mod options;
mod os;
mod parse;
mod platform;
mod platform_spec;
mod processors;
mod rules;
mod rust;
mod rust_spec;
mod suggest;
mod target;
mod tool_names;
mod unknown;
mod vocabulary;

pub use apple::AppleAbi;
pub use architecture::{Architecture, Endianness};
pub use cross_env::{Compiler, Tools};
pub use describe::{Description, OsSource, Reading, describe};
pub use error::{Excerpt, PlatformError};
pub use float::FloatAbi;
pub use go::GoTarget;
pub use go_level::{GoLevelError, go_level_variable, validate_go_level};
pub use libc::{GlibcVersion, GlibcVersionError, Libc, Linkage};
pub use listing::known_names;
pub use node::NodeProfile;
pub use os::Os;
pub use platform::Platform;
pub use platform_spec::known_platforms;
pub use rust::RustTarget;
pub use rust_spec::{CrtStatic, RustSpec, rust_targets};
pub use target::{BuildTarget, Unsupported};
pub use tool_names::Names;
pub use unknown::Unknown;
pub use vocabulary::Vocabulary;
