//! The verification of a server's certificate, whose errors say what is wrong.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use super::fault::{CertificateFault, is_authority};
use super::{Roots, RootsError};

/// rustls's own verifier with errors that name the issuer. It also accepts a server's certificate that is itself trusted, as
/// OpenSSL and Go do: `openssl req -x509` makes self-signed certificates with `CA:TRUE`, which webpki takes for no server's.
///
/// Files that nobody named are read when the first server shows a certificate.
#[derive(Debug)]
pub(super) struct Verifier {
    roots: Roots,
    provider: Arc<CryptoProvider>,
    made: OnceLock<Result<Made, Error>>,
}

/// A file of trusted certificates that cannot be used, found when the first server is verified.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub(crate) struct NoRoots(Arc<RootsError>);

impl NoRoots {
    /// Returns the error inside one of rustls.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        let Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) = error else {
            return None;
        };
        inner.downcast_ref().cloned()
    }
}

fn in_rustls(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(error))))
}

/// The parts of a [`Verifier`] for which all certificates are read.
#[derive(Debug)]
struct Made {
    inner: Arc<WebPkiServerVerifier>,
    /// In DER.
    trusted: BTreeSet<Vec<u8>>,
}

impl Verifier {
    pub(super) fn new(roots: Roots, provider: Arc<CryptoProvider>) -> Self {
        Self { roots, provider, made: OnceLock::new() }
    }

    fn made(&self) -> Result<&Made, Error> {
        let made = self.made.get_or_init(|| {
            let trusted = self.roots.complete().map_err(|error| in_rustls(NoRoots(Arc::new(error))))?;
            let mut store = RootCertStore::empty();
            // System bundles contain certificates that no verifier accepts; the others stay usable.
            store.add_parsable_certificates(trusted.iter().map(|der| CertificateDer::from(der.as_slice())));
            let provider = Arc::clone(&self.provider);
            let built = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build();
            let inner = built.map_err(|error| Error::General(error.to_string()))?;
            Ok(Made { inner, trusted })
        });
        made.as_ref().map_err(Clone::clone)
    }
}

impl Made {
    /// Decides about a certificate that is refused for `error`. What is trusted itself needs no issuer; that it is valid now
    /// was checked before its issuer and its kind.
    fn without_issuer(
        &self,
        error: CertificateError,
        own: &CertificateDer<'_>,
        name: &ServerName<'_>,
    ) -> Result<(), CertificateError> {
        let lacks_only_issuer = error == CertificateError::UnknownIssuer || is_authority(&error);
        if !lacks_only_issuer || !self.trusted.contains(own.as_ref()) {
            return Err(error);
        }
        match ParsedCertificate::try_from(own).and_then(|parsed| verify_server_name(&parsed, name)) {
            Err(Error::InvalidCertificate(error)) => Err(error),
            Err(_) => Err(error),
            Ok(()) => Ok(()),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let made = self.made()?;
        let error = match made.inner.verify_server_cert(own, intermediates, name, ocsp, now) {
            Err(Error::InvalidCertificate(error)) => error,
            result => return result,
        };
        made.without_issuer(error, own, name).map(|()| ServerCertVerified::assertion()).map_err(|error| {
            let fault = CertificateFault::new(&error, own, intermediates, &name.to_str());
            in_rustls(fault)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.made()?.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.made()?.inner.verify_tls13_signature(message, certificate, signed)
    }

    /// Returns the schemes of the provider, which are those of rustls's verifier.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::pki_types::pem::PemObject;

    use super::*;

    /// Made by `openssl req -x509 -newkey ec … -subj /CN=registry.example -addext subjectAltName=DNS:registry.example`, which
    /// adds `CA:TRUE`. Valid from 2026 to 2126.
    const SELF_SIGNED: &str = include_str!("testdata/authority.pem");
    /// Issued by that for `leaf.example`, with `CA:TRUE` as well.
    const ISSUED: &str = include_str!("testdata/issued-authority.pem");

    fn verify(trusted: &str, own: &str, name: &str, year: u64) -> Result<(), String> {
        let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let roots = Roots::bundled().with_der(der(trusted).to_vec());
        let verifier = roots.verifier(Arc::new(rustls::crypto::ring::default_provider()));
        let name = ServerName::try_from(name).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * 31_557_600));
        match verifier.verify_server_cert(&der(own), &[], &name, &[], now) {
            Ok(_) => Ok(()),
            Err(Error::InvalidCertificate(CertificateError::Other(OtherError(fault)))) => {
                Err(fault.to_string())
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_authority_that_is_trusted_itself_may_be_a_server() {
        assert_eq!(verify(SELF_SIGNED, SELF_SIGNED, "registry.example", 2030), Ok(()));
        assert_eq!(verify(ISSUED, ISSUED, "leaf.example", 2030), Ok(()));
    }

    #[test]
    fn every_other_authority_is_refused_in_plain_words() {
        for (trusted, own, name, year, part) in [
            (ISSUED, SELF_SIGNED, "registry.example", 2030, "it is signed by itself (`CN=registry.example`)"),
            (
                SELF_SIGNED,
                ISSUED,
                "leaf.example",
                2030,
                "it is that of an authority (`CN=leaf.example`, issued by `CN=registry.example`) and not of a server; to \
                 trust it, pass its certificate with `--ca-file FILE`",
            ),
            (
                SELF_SIGNED,
                SELF_SIGNED,
                "other.example",
                2030,
                "it is for `registry.example` and not for `other.example`",
            ),
            (SELF_SIGNED, SELF_SIGNED, "registry.example", 2130, "it expired "),
            (SELF_SIGNED, SELF_SIGNED, "registry.example", 2020, "it is valid only "),
        ] {
            let error = verify(trusted, own, name, year).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
