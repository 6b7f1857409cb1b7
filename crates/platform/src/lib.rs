//! The names of platforms: what OCI, Go, Rust, distributions, clouds and other tools call the same machine.
//!
//! A [`Platform`] is what the OCI image specification names, a [`BuildTarget`] adds what a compiler must know besides it,
//! and [`interpret`] understands the names of about a hundred vocabularies. The crate is pure: it reads no file, environment or
//! clock, starts no process, has no build script and no dependency besides the optional serde.
//!
//! ```
//! use crossdock_platform::{BuildTarget, Linkage, Platform};
//!
//! let platform = Platform::from_name("riscv64gc-unknown-linux-gnu", None)?;
//! assert_eq!(platform.to_string(), "linux/riscv64");
//!
//! let target = BuildTarget::new(platform, Linkage::Static);
//! assert_eq!(target.rust()?.triple, "riscv64gc-unknown-linux-musl");
//! assert_eq!(target.go()?.env()["GOARCH"], "riscv64");
//! assert_eq!(target.names().debian, Some("riscv64"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
    BuildTarget, Compiler, GoTarget, JEMALLOC_LG_PAGE, Names, RustTarget, Tools, Unsupported,
    cargo_env_triple, env_triple,
};
pub use excerpt::Excerpt;
pub use go_level::{GoLevelError, go_level_variable, validate_go_level};
pub use interpret::interpret;
pub use interpretation::{Interpretation, OsSource, PlatformFacts, UnknownDescription};
pub use listing::known_names;
pub use nearest::{listed, nearest};
pub use node::{ImageForms, NodeProfile};
pub use os::Os;
pub use platform::{Platform, PlatformError};
pub use tables::{CrtStatic, RustSpec, known_platforms, rust_targets};
pub use vocabulary::Vocabulary;
