use std::num::NonZeroU64;
use std::sync::Arc;

use crossdock_system::environment::Environment;
use crossdock_system::process::{Cancel, Processes};

use crate::create::RepositoryCreator;
use crate::credentials::{Anonymous, Credentials, Helpers, Keychain, Search, Warn};
use crate::host::Host;
use crate::proxy::ProxyRules;
use crate::roots::{HostCertificates, RootSources, Roots, RootsError};

/// Receives notes about what a client waits for.
#[derive(Clone)]
pub struct Notify(pub Arc<dyn Fn(&str) + Send + Sync>);

impl std::fmt::Debug for Notify {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Notify")
    }
}

/// The settings of a [`Registry`](crate::Registry).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The source of credentials. Defaults to [`Anonymous`].
    pub credentials: Arc<dyn Credentials>,
    /// The proxies. Defaults to none.
    pub proxies: ProxyRules,
    /// The trusted authorities. Defaults to Mozilla's list.
    pub roots: Roots,
    /// The certificates for single hosts. Defaults to none.
    pub host_certificates: HostCertificates,
    /// Creates a repository that a registry says not to have, once, when something is pushed to it. Defaults to `None`: the
    /// refusal is an error that names the remedy.
    pub creator: Option<Arc<dyn RepositoryCreator>>,
    /// Hosts, besides those of this machine, with which plain HTTP is spoken if they have no TLS.
    pub insecure: Vec<Host>,
    /// The length of the parts in which a blob is uploaded, in bytes; `None` uploads it whole unless the server refuses.
    pub chunk_size: Option<NonZeroU64>,
    /// The number of blobs that are sent or received at the same time.
    pub jobs: usize,
    /// Receives a sentence before each wait of a second or more until a request is sent again, and during a longer wait for an
    /// answer.
    pub notify: Option<Notify>,
    /// Whether each tag is read back after a push and held against the digest, and the blobs of an unchanged image are looked up
    /// too, so that those that the registry lost are sent again. A registry that does not show at once what was
    /// written to it has 30 seconds.
    pub verify_pushes: bool,
    /// Ends all requests as soon as possible.
    pub cancel: Cancel,
    /// The name of the program in requests.
    pub user_agent: String,
    /// The longest wait between two attempts at one request. Tests shorten it.
    pub patience: std::time::Duration,
    /// The time after which a connection counts as lost that carried less than 64 bytes a second in it. Tests shorten it.
    pub stall: std::time::Duration,
}

impl Settings {
    /// Returns the default settings: anonymous and direct.
    pub fn new() -> Self {
        Self {
            credentials: Arc::new(Anonymous),
            proxies: ProxyRules::none(),
            roots: Roots::bundled(),
            host_certificates: HostCertificates::none(),
            creator: None,
            insecure: Vec::new(),
            chunk_size: None,
            jobs: 6,
            notify: None,
            verify_pushes: false,
            cancel: Cancel::default(),
            user_agent: concat!("crossdock/", env!("CARGO_PKG_VERSION")).to_owned(),
            patience: std::time::Duration::from_secs(30),
            stall: std::time::Duration::from_secs(60),
        }
    }

    /// Returns the settings of a user: the credentials that docker and podman keep, the proxies of the environment, the roots
    /// of the system, and the certificates that docker and podman keep for hosts. `warn` receives what the user should know about the credentials.
    ///
    /// # Errors
    /// Never with this environment: the files that it names are read when the first server is verified.
    pub fn from_environment(environment: &Arc<Environment>, warn: Warn) -> Result<Self, RootsError> {
        let cancel = Cancel::default();
        let helpers = Helpers::new(Processes::new(Arc::clone(environment), cancel.clone()));
        let keychain = Keychain::new(Search::new(environment, None), helpers, warn);
        Ok(Self {
            credentials: Arc::new(keychain),
            proxies: ProxyRules::from_variables(&environment.variables),
            roots: Roots::load(&RootSources::new(environment, &[]))?,
            host_certificates: HostCertificates::new(environment),
            cancel,
            ..Self::new()
        })
    }

    /// Sets the source of credentials.
    #[must_use]
    pub fn with_credentials(self, credentials: impl Credentials + 'static) -> Self {
        Self { credentials: Arc::new(credentials), ..self }
    }

    /// Allows plain HTTP with a host that has no TLS.
    #[must_use]
    pub fn with_insecure(mut self, host: Host) -> Self {
        self.insecure.push(host);
        self
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}
