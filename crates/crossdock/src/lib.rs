//! crossdock builds Go and Rust programs for every platform, assembles multi-architecture OCI images of them without a
//! container engine, and verifies that each program will start on its nodes before anything is tagged. This crate is the
//! library for other build tools: one function for each job of the command line, which is the crate `crossdock-cli`.
//! A call sees its environment only through a [`Context`]; it never prints, exits, or reads a global.
//!
//! | job | function | result |
//! |---|---|---|
//! | find programs, host and engine | [`discover()`] | [`Discovered`] |
//! | decide what a run does | [`plan()`] | [`plan::Plan`] |
//! | build, verify and tag | [`execute()`] | [`execute::Report`] |
//! | run an image in a container engine | [`run::prepare_container`] | [`run::Container`] |
//! | tag what was built | [`tag()`] | [`execute::Report`] |
//! | verify any image or program | [`verify()`] | [`verify::Verified`] |
//! | merge the images of several machines | [`index::create_index`], [`registry::create_index`] | [`index::CreatedIndex`] |
//! | check Dockerfiles | [`lint()`] | [`lint::Finding`] |
//! | render Dockerfiles | [`render()`] | [`render::RenderedDockerfile`] |
//! | write a project's files | [`scaffold()`] | [`scaffold::Scaffold`] |
//! | list tools, install missing ones | [`doctor()`], [`doctor::set_up`] | [`doctor::Check`] |
//! | variables of a cross build | [`environment()`] | a map |
//! | push and pull images | [`registry::push_built`], [`registry::pull`] | [`registry::PushedImage`] |
//! | verify an image in a registry and give it names | [`registry::promote`] | [`registry::Promoted`] |
//! | explain a description | [`interpret()`] | [`interpret::Answer`] |
//!
//! ```
//! let answer = crossdock::interpret("AL2023_ARM_64_STANDARD", None);
//! assert_eq!(answer.platform.as_deref(), Some("linux/arm64"));
//! ```

#[cfg(feature = "registry")]
pub mod base;
pub mod cache;
#[cfg(feature = "registry")]
mod client;
mod container_engine;
mod context;
mod destination;
pub mod discover;
pub mod doctor;
mod engine;
pub mod environment;
mod error;
pub mod execute;
mod gate;
pub mod generated;
pub mod index;
pub mod interpret;
mod kind;
pub mod lint;
mod options;
pub mod plan;
pub mod process;
#[cfg(feature = "registry")]
pub mod registry;
pub mod render;
pub mod run;
pub mod scaffold;
mod since;
#[cfg(feature = "registry")]
pub mod subject;
pub mod tag;
mod temporary;
pub mod verify;

pub use context::{Context, ContextBuilder, Notice};
pub use crossdock_oci as oci;
pub use crossdock_platform as platform;
pub use crossdock_project::{Builder, Network, config, template};
pub use discover::{Discovered, discover};
pub use doctor::doctor;
pub use environment::environment;
pub use error::{Error, ErrorKind};
pub use execute::{ExecuteOptions, execute};
pub use interpret::interpret;
pub use lint::lint;
pub use options::{BuildOptions, EngineOptions, KindCluster, Locking};
pub use plan::plan;
pub use process::Environment;
pub use render::render;
pub use scaffold::scaffold;
pub use tag::tag;
pub use verify::verify;
