//! What tests of plans begin with.

use std::collections::BTreeMap;

use super::{Archive, Goal, Pack, Request};
use crate::config::{Config, Defaults, ImageConfig, Source, Sourced};
use crate::project::Network;

/// A value that the command line gave.
pub(super) fn stated<T>(value: T) -> Sourced<T> {
    Sourced::new(value, Source::CommandLine("a test".to_owned()))
}

/// A configuration that says nothing of the project in `/p`.
pub(super) fn config() -> Config {
    Config::unconfigured("/p".into())
}

/// An image of the project in `/p`.
pub(super) fn image(name: &str) -> ImageConfig {
    ImageConfig::new(stated(name.to_owned()), stated("/p".into()), &Defaults::default())
}

/// A call that asks for everything and says nothing.
pub(super) fn request() -> Request {
    Request {
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
        network: Network::Offline,
        source_date_epoch: None,
        cache: "/cache".into(),
        remapped: Vec::new(),
        variables: BTreeMap::new(),
    }
}
