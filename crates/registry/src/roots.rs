//! The certificates of the authorities that are trusted.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

/// The certificates of the trusted authorities.
#[derive(Debug, Clone)]
pub struct Roots {
    certificates: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// Returns Mozilla's list of authorities as of this build.
    pub fn bundled() -> Self {
        Self { certificates: webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec() }
    }

    /// Adds a certificate in DER.
    #[must_use]
    pub fn with_der(mut self, certificate: Vec<u8>) -> Self {
        self.certificates.push(certificate.into());
        self
    }

    pub(crate) fn store(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        // System bundles contain certificates that no verifier accepts; the others stay usable.
        store.add_parsable_certificates(self.certificates.iter().cloned());
        store
    }
}

impl Default for Roots {
    fn default() -> Self {
        Self::bundled()
    }
}
