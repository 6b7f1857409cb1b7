//! What tests of plans begin with.

use super::Request;
use crossdock_project::Network;
use crossdock_project::config::{Config, Defaults, ImageConfig, Source, Sourced};

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
    Request::everything(Network::Offline, "/cache".into())
}
