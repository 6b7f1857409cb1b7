//! The configurations of TLS: one for most hosts, and others for hosts with certificates of their own.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;

use super::client_certificates::ClientCertificates;
use crate::host::Host;
use crate::roots::{Client, HostCertificates, HostCertificatesError, OfHost, Roots};

/// Decides what is trusted, and which certificate is shown.
pub(crate) struct Trust {
    provider: Arc<CryptoProvider>,
    roots: Roots,
    usual: Arc<ClientConfig>,
    of_hosts: HostCertificates,
    known: Mutex<BTreeMap<Host, Arc<ClientConfig>>>,
}

impl Trust {
    /// Returns these roots for all hosts, and the certificates of single hosts.
    ///
    /// # Errors
    /// If no TLS configuration can be made of the cryptography that is built in.
    pub(crate) fn new(roots: Roots, of_hosts: HostCertificates) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let usual = config(&provider, &roots)?.with_no_client_auth();
        Ok(Self { provider, roots, usual: Arc::new(usual), of_hosts, known: Mutex::default() })
    }

    /// Returns the configuration for a host. Its certificates are read at the first connection.
    pub(super) fn config(&self, host: &Host) -> io::Result<Arc<ClientConfig>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = known.get(host) {
            return Ok(Arc::clone(config));
        }
        let config = match self.of_hosts.find(host).map_err(io::Error::other)? {
            None => Arc::clone(&self.usual),
            Some(found) => Arc::new(self.with(found)?),
        };
        known.insert(host.clone(), Arc::clone(&config));
        Ok(config)
    }

    fn with(&self, found: OfHost) -> io::Result<ClientConfig> {
        let roots = found.roots.into_iter().fold(self.roots.clone(), Roots::with_der);
        let config = config(&self.provider, &roots).map_err(io::Error::other)?;
        let pairs: Result<Vec<_>, _> = found.clients.into_iter().map(|client| self.pair(client)).collect();
        Ok(match pairs? {
            pairs if pairs.is_empty() => config.with_no_client_auth(),
            pairs => config.with_client_cert_resolver(Arc::new(ClientCertificates(pairs))),
        })
    }

    fn pair(&self, client: Client) -> io::Result<Arc<CertifiedKey>> {
        let Client { path, chain, key } = client;
        CertifiedKey::from_der(chain, key, &self.provider).map(Arc::new).map_err(|_| {
            let expected = "a certificate of the key next to it";
            io::Error::other(HostCertificatesError::Malformed { path, expected })
        })
    }
}

fn config(
    provider: &Arc<CryptoProvider>,
    roots: &Roots,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, rustls::Error> {
    let verifier = roots.verifier(Arc::clone(provider));
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider));
    // It verifies as rustls's own does; only its errors are more precise.
    Ok(builder.with_safe_default_protocol_versions()?.dangerous().with_custom_certificate_verifier(verifier))
}
