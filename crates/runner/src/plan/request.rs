//! What a call asks for, beside the configuration.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use crossdock_platform::Platform;

use super::{Engine, recipe};
use crate::engine::{self, Builder, Options};
use crossdock_project::Network;
use crossdock_project::config::Sourced;
use crossdock_system::availability::Availability;

pub use crossdock_project::Projects;

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goal {
    /// Compile and assemble.
    Build,
    /// Judge what was built before.
    Verify,
    /// Judge and tag what was built before.
    Tag,
    /// All of it.
    Dist,
}

/// What a call asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// How far.
    pub goal: Goal,
    /// `--platform`.
    pub platforms: Vec<Sourced<String>>,
    /// `--for`.
    pub nodes: Vec<Sourced<String>>,
    /// `--image`.
    pub images: Vec<Sourced<String>>,
    /// `--output`. Absolute.
    pub output: Option<Sourced<Utf8PathBuf>>,
    /// `--tag`.
    pub tags: Vec<Sourced<String>>,
    /// `--repository`.
    pub repository: Option<Sourced<String>>,
    /// Whether an archive is written beside each layout.
    pub archive: Archive,
    /// `--pack`: whether release archives are written.
    pub pack: Pack,
    /// `--load`, with the platform of the engine's server, which is not always the host's.
    pub load: Option<(Engine, Platform)>,
    /// `--builder`: the engine that builds; none where crossdock does it itself.
    pub engine: Option<EngineRequest>,
    /// How many things a compiler may do at once; its own choice when none.
    pub jobs: Option<Sourced<usize>>,
    /// Whether tools may reach the network.
    pub network: Network,
    /// `SOURCE_DATE_EPOCH`, seconds since the Unix epoch.
    pub source_date_epoch: Option<i64>,
    /// Where wrappers are written. Absolute.
    pub cache: Utf8PathBuf,
    /// Folders whose place must not show in a Rust program, with what stands for them there: CARGO_HOME, for one.
    pub remapped: Vec<(Utf8PathBuf, String)>,
    /// Environment variables that tag templates may read where the configuration names them.
    pub variables: BTreeMap<String, String>,
}

impl Request {
    /// Everything that the configuration names, and nothing beside it.
    pub fn everything(network: Network, cache: Utf8PathBuf) -> Self {
        Self {
            goal: Goal::Dist,
            platforms: Vec::new(),
            nodes: Vec::new(),
            images: Vec::new(),
            output: None,
            tags: Vec::new(),
            repository: None,
            archive: Archive::None,
            pack: Pack::None,
            load: None,
            engine: None,
            jobs: None,
            network,
            source_date_epoch: None,
            cache,
            remapped: Vec::new(),
            variables: BTreeMap::new(),
        }
    }
}

/// An engine that is to build.
#[derive(Debug, Clone)]
pub struct EngineRequest {
    /// Which, and who asked for it.
    pub builder: Sourced<Builder>,
    /// What it said when it was asked.
    pub engine: Availability<engine::Engine>,
    /// The name of this machine, by which its names in the engine differ from those of others.
    pub machine: String,
    /// What is handed on to it.
    pub options: Options,
    /// How its Dockerfiles are made.
    pub settings: recipe::Settings,
}

/// Whether an archive is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Archive {
    /// No.
    #[default]
    None,
    /// `NAME.tar` beside the layout.
    Beside,
}

/// Whether release archives of the programs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pack {
    /// No.
    #[default]
    None,
    /// One for each platform, with SHA256SUMS; then platforms without containers are built too.
    Releases,
}
