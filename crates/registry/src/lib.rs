//! A client of container registries, after the [OCI distribution specification](https://github.com/opencontainers/distribution-spec).
//!
//! [`Registry`] pushes, pulls and looks up images, lists tags and referrers, and copies images from a [`Remote`];
//! a [`TransferObserver`] receives the progress. Its [`Settings`] hold all that comes from outside: credentials, proxies,
//! trusted roots. The crate's examples `push`, `pull`, `copy` and `list` are small programs to start from.

mod auth;
mod carry;
mod checked;
mod client;
mod content;
mod copy;
mod cosign;
mod create;
pub mod credentials;
mod ecr;
mod error;
mod graph;
mod host;
mod layout;
mod notice;
mod platforms;
pub mod proxy;
mod pull;
mod push;
mod referrers;
mod registry;
mod retry;
mod roots;
mod settings;
mod shown;
mod source;
mod space;
mod tag;
mod transfer;
mod transport;
mod upload;

pub use carry::{About, AllAbout, Carried, about, manifests_of};
pub use content::{ImageContent, read_config, read_document};
pub use copy::{Remote, copy_blobs, copy_into, copy_options};
pub use create::{CreateError, RepositoryCreator};
pub use ecr::EcrRepository;
pub use error::{Refusal, RegistryError};
pub use host::{Host, HostError, Origin, Scheme};
pub use platforms::{PlatformManifest, copy_needed_into, copy_platform_into, platforms};
pub use push::{Extent, LookUp, PushOptions, Pushed};
pub use referrers::Referrer;
pub use registry::{Access, BlobReader, MANIFEST_LIMIT, Manifest, Registry, Selector};
pub use roots::{CertificateFault, HostCertificates, HostCertificatesError, RootSources, Roots, RootsError};
pub use settings::{Notify, Settings};
pub use transfer::{Moved, TransferEvent, TransferObserver, Unobserved};
