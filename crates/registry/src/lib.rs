//! A client of container registries, after the [OCI distribution specification](https://github.com/opencontainers/distribution-spec).

pub mod credentials;
mod host;
pub mod proxy;
mod roots;

pub use host::{Host, HostError, Origin, Scheme};
pub use roots::Roots;
