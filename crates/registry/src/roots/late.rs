//! A verifier that reads the trusted certificates when the first server shows one.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use super::Roots;

/// The verifier of [`Roots::verifier`], made at its first use.
#[derive(Debug)]
struct LateVerifier {
    roots: Roots,
    provider: Arc<CryptoProvider>,
    made: OnceLock<Result<Arc<dyn ServerCertVerifier>, Error>>,
}

impl Roots {
    /// Returns the verifier that reads unread files when it is first used.
    pub(crate) fn late_verifier(&self, provider: Arc<CryptoProvider>) -> Arc<dyn ServerCertVerifier> {
        Arc::new(LateVerifier { roots: self.clone(), provider, made: OnceLock::new() })
    }
}

impl LateVerifier {
    fn made(&self) -> Result<&dyn ServerCertVerifier, Error> {
        let made = self.made.get_or_init(|| self.roots.complete().verifier(Arc::clone(&self.provider)));
        made.as_ref().map(AsRef::as_ref).map_err(Clone::clone)
    }
}

impl ServerCertVerifier for LateVerifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.made()?.verify_server_cert(own, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.made()?.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.made()?.verify_tls13_signature(message, certificate, signed)
    }

    /// Returns the schemes of the provider, which are those of the verifier.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
