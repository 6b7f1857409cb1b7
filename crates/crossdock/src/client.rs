//! The client of registries, with the credentials, proxies and trusted authorities of a context.

mod create;
mod progress;

use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;

use camino::Utf8PathBuf;
use crossdock_project::Network;
use crossdock_registry::credentials::{Helpers, Keychain, Search, Warn};
use crossdock_registry::proxy::ProxyRules;
use crossdock_registry::{
    HostCertificates, HostError, Notify, Registry, RegistryError, RootSources, Roots, Settings,
};

pub use create::NewRepository;
pub use progress::TransferProgress;

use crate::context::Context;
use crate::error::{Error, ErrorKind, usage};

/// Options of every job that talks to a registry.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RegistryOptions {
    /// Hosts with which plain HTTP is spoken if they have no TLS. Hosts of this machine need not be named.
    pub insecure: Vec<String>,
    /// The length of the parts in which blobs are uploaded, in bytes. If `None`, blobs are uploaded whole, and in parts
    /// where a server refuses that.
    pub chunk_size: Option<NonZeroU64>,
    /// The number of blobs that are moved at the same time. If `None`, `CROSSDOCK_JOBS`, else 6.
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

/// The number of blobs that are moved at the same time by default, as by skopeo and podman. More starve each other on slow
/// connections, and fewer wait for each other's round trips.
const JOBS: usize = 6;

/// Returns a client of registries, with the credentials, proxies and trusted authorities of the context's environment.
///
/// # Errors
/// An option is invalid, a file of certificates cannot be read, or TLS cannot be set up.
pub fn registry(context: &Context, options: &RegistryOptions) -> Result<Registry, Error> {
    Registry::new(settings(context, options)?).map_err(failed)
}

impl Context {
    /// Refuses to reach a registry if `CROSSDOCK_OFFLINE` forbids the network. To be called before the first connection, with the
    /// image or the host.
    ///
    /// # Errors
    /// The network is forbidden.
    pub(crate) fn check_online(&self, what: impl fmt::Display) -> Result<(), Error> {
        if self.network(Network::Online) == Network::Online {
            return Ok(());
        }
        let message = format!("`{what}` is in a registry, and CROSSDOCK_OFFLINE forbids the network");
        Err(Error::from_message(ErrorKind::Usage, message)
            .hint("unset CROSSDOCK_OFFLINE; a layout or an archive, e.g. `oci:DIRECTORY`, needs no network"))
    }
}

pub(crate) fn settings(context: &Context, options: &RegistryOptions) -> Result<Settings, Error> {
    let mut settings = Settings::new().with_credentials(keychain(context, options));
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

/// Returns the credentials that docker, podman and their helpers keep.
pub(crate) fn keychain(context: &Context, options: &RegistryOptions) -> Keychain {
    let receiver = context.clone();
    let warn: Warn = Arc::new(move |warning| receiver.warn(warning));
    Keychain::new(search(context, options), Helpers::new(context.processes.clone()), warn)
}

pub(crate) fn search(context: &Context, options: &RegistryOptions) -> Search {
    Search::new(&context.environment, options.auth_file.as_deref())
}

/// Returns the error of a request.
pub(crate) fn failed(error: RegistryError) -> Error {
    let kind = match &error {
        RegistryError::Cancelled => ErrorKind::Interrupted,
        RegistryError::NoRepository { .. } => ErrorKind::Usage,
        RegistryError::NotCreated { source, .. } if source.is_missing => ErrorKind::Missing,
        RegistryError::NotCreated { .. } => ErrorKind::Program,
        _ => ErrorKind::InputOutput,
    };
    let plain = Error::new(kind, &error);
    error.hints().into_iter().fold(plain, Error::hint)
}
