//! The choice among several client certificates for one host.

use std::fmt;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

use crate::roots::issuer;

/// The certificates of which a server gets one: as with Go's TLS, which docker and podman use, the first one that an authority
/// has issued which the server accepts.
pub(super) struct ClientCertificates(pub(super) Vec<Arc<CertifiedKey>>);

impl ResolvesClientCert for ClientCertificates {
    fn resolve(&self, accepted: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let mut usable = self.0.iter().filter(|pair| pair.key.choose_scheme(schemes).is_some());
        // Some servers name no authority, and some not all of those that they accept: these decide about the first one.
        let first = usable.clone().next();
        usable.find(|pair| is_of(pair, accepted)).or(first).cloned()
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}

/// Returns whether one of the authorities has issued a certificate or one of its chain.
fn is_of(pair: &CertifiedKey, authorities: &[&[u8]]) -> bool {
    pair.cert.iter().filter_map(|certificate| issuer(certificate)).any(|issuer| authorities.contains(&issuer))
}

impl fmt::Debug for ClientCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCertificates({})", self.0.len())
    }
}
