//! Registries: clients with the context's credentials, and the jobs that use them.

mod copy;
mod create;
mod followers;
mod index;
mod inspect;
mod login;
mod promote;
mod pull;
mod push;
mod resolve;
mod verify;

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;

use camino::Utf8PathBuf;
use crossdock_registry::proxy::ProxyRules;
use crossdock_registry::{HostCertificates, Notify, RootSources, Roots};

pub use crate::subject::Endpoint;
pub use copy::{Copied, CopyOptions, copy};
pub use create::NewRepository;
pub use crossdock_registry::credentials::{Removed, Secret, Stored, host_of, usual_user};
pub use crossdock_registry::{
    Host, HostError, Manifest, Moved, Pushed, Registry, RegistryError, Selector, Settings, TransferEvent,
    TransferObserver, Unobserved,
};
pub use followers::LeftBehind;
pub use index::create_index;
pub use inspect::{InspectedEntry, InspectedPlatform, Inspection, inspect};
pub use login::{check_username, login, logout};
pub use promote::{
    Failure, PROMOTION_SCHEMA, PromoteOptions, Promoted, PromotedTag, TagStatus, TakenTags, promote,
};
pub use pull::pull;
pub use push::{Naming, PushedImage, check_repositories, push, push_built};
pub use resolve::{
    FileKind, ImagePath, KubernetesManifest, Others, Pinning, RESOLUTION_SCHEMA, Recursion, ResolveOptions,
    Resolved, ResolvedFile, ResolvedImage, Untouched, check_manifests, manifest_from, manifests, resolve,
    write_manifests,
};
pub use verify::{verify, verify_subject};

pub(crate) use crate::subject::failed;

use crate::context::Context;
use crate::error::{Error, usage};

/// Options of every job that talks to a registry.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RegistryOptions {
    /// Hosts with which plain HTTP is spoken if they have no TLS. Hosts of this machine need not be named.
    pub insecure: Vec<String>,
    /// The length of the parts in which blobs are uploaded, in bytes. If `None`, blobs are uploaded whole, and in parts
    /// where a server refuses that.
    pub chunk_size: Option<NonZeroU64>,
    /// The number of blobs that are moved at the same time. If `None`, `CROSSDOCK_JOBS`, else 4.
    pub jobs: Option<NonZeroUsize>,
    /// Files of certificates in PEM whose authorities are trusted besides Mozilla's and the system's.
    pub ca_files: Vec<Utf8PathBuf>,
    /// The only file in which credentials are looked for. If `None`, those of docker and podman.
    pub auth_file: Option<Utf8PathBuf>,
    /// The repository that is created where a registry says to have none, when something is pushed. If `None`, that is an
    /// error.
    pub create: Option<NewRepository>,
    /// Whether each tag is read back after a push and held against the digest.
    pub verify_remote: bool,
}

impl RegistryOptions {
    /// Returns the options that choose nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// The number of blobs that are moved at the same time by default. More starve each other on slow connections.
const JOBS: usize = 4;

/// Returns a client of registries, with the credentials, proxies and trusted authorities of the context's environment.
///
/// # Errors
/// An option is invalid, a file of certificates cannot be read, or TLS cannot be set up.
pub fn registry(context: &Context, options: &RegistryOptions) -> Result<Registry, Error> {
    Registry::new(settings(context, options)?).map_err(failed)
}

fn settings(context: &Context, options: &RegistryOptions) -> Result<Settings, Error> {
    let mut settings = Settings::new().with_credentials(login::keychain(context, options));
    settings.proxies = ProxyRules::from_variables(&context.environment.variables);
    settings.roots =
        Roots::load(&RootSources::new(&context.environment, &options.ca_files)).map_err(usage)?;
    settings.host_certificates = HostCertificates::new(&context.environment);
    for host in &options.insecure {
        settings
            .insecure
            .push(host.parse().map_err(|error: HostError| usage(error).at("--insecure-registry"))?);
    }
    let overridden = context.overrides().jobs.as_ref().map(|jobs| jobs.value);
    settings.jobs = options.jobs.map(NonZeroUsize::get).or(overridden).unwrap_or(JOBS);
    settings.chunk_size = options.chunk_size;
    settings.cancel = context.cancel.clone();
    settings.verify_pushes = options.verify_remote;
    let receiver = context.clone();
    settings.notify = Some(Notify(Arc::new(move |note| receiver.note(note))));
    if let Some(wanted) = &options.create {
        settings.creator = Some(Arc::new(create::Aws::new(context, wanted)?));
    }
    Ok(settings)
}
