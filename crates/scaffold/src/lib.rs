//! `crossdock init`: what a project needs to be built, verified, deployed and checked by crossdock.
//!
//! [`survey`] looks at a project and gives a [`Scaffold`]: every file with its [`State`] and what would happen to it, as
//! data. [`Scaffold::write`] makes it so. Nothing of the user's is ever lost: what was edited or written by hand stays,
//! or is kept as a backup when it is to be replaced; files that are the user's own (`Cargo.toml`, cargo's configuration)
//! get one entry and keep everything else.

pub mod backup;
mod carry;
mod choices;
mod config;
mod dockerfile;
mod entry;
mod error;
mod exposed;
mod ground;
pub mod header;
mod kubernetes;
mod lines;
mod lock;
mod merge;
mod outline;
mod part;
mod pipeline;
mod place;
mod readme;
mod request;
mod sheet;
mod source;
mod starter;
mod survey;
mod text;
mod write;
mod xtask;

use camino::Utf8PathBuf;
use serde::Serialize;

pub use choices::Selection;
pub use entry::{Action, Entry, State};
pub use error::ScaffoldError;
pub use lock::Joining;
pub use part::Part;
pub use request::{Existing, Request};
pub use source::CrossdockSource;
pub use survey::survey;
pub use write::Written;

use crossdock_project::Language;

/// What `init` does to a project: plain data, comparable, and executed by [`write`](Self::write).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scaffold {
    /// The project's folder. Absolute.
    pub root: Utf8PathBuf,
    /// Its language.
    pub language: Language,
    /// The files, in the order in which they are written.
    pub files: Vec<Entry>,
    /// What the `xtask` crate brings into `Cargo.lock`; none when it joins no workspace in this call.
    pub joins: Option<Joining>,
    /// What a person should know, as sentences.
    pub notes: Vec<String>,
    /// The commands that a person would want next.
    pub next: Vec<String>,
}

impl Scaffold {
    /// Whether a generated file is missing, was edited, or would be written in another way today.
    pub fn drifts(&self) -> bool {
        self.files.iter().any(|entry| entry.drifts)
    }
}
