//! The certificates of the authorities that are trusted, and the reasons why a server's certificate is not.

mod fault;
mod name;
mod of_host;
mod verifier;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use camino::Utf8PathBuf;
use crossdock_fs::read_regular;
use crossdock_system::environment::Environment;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

pub use fault::CertificateFault;
pub(crate) use name::issuer;
pub(crate) use of_host::{Client, OfHost};
pub use of_host::{HostCertificates, HostCertificatesError};
pub(crate) use verifier::NoRoots;

use verifier::Verifier;

/// The certificates of the trusted authorities.
#[derive(Debug, Clone)]
pub struct Roots {
    /// Those besides Mozilla's, in DER.
    added: BTreeSet<Vec<u8>>,
    /// Files that are read only when the first server is verified: there may be hundreds of them, and a registry of this machine
    /// has no certificate.
    unread: RootSources,
}

/// The PEM files of trusted authorities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RootSources {
    /// Files of the command line, which must exist and hold certificates.
    named: Vec<PathBuf>,
    /// The file of `SSL_CERT_FILE`, which must do so too.
    variable: Option<PathBuf>,
    /// Files of the system, of which the first one that exists is read.
    system: Vec<PathBuf>,
    /// Directories of `SSL_CERT_DIR`, all of whose files are read.
    directories: Vec<PathBuf>,
}

/// Why the certificates cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// The file cannot be read.
    #[error("{origin} names `{path}`, which cannot be read")]
    Unreadable {
        /// The option or variable.
        origin: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file holds no certificate, or one that is damaged.
    #[error("{origin} names `{path}`, which holds no certificates in PEM (`-----BEGIN CERTIFICATE-----`)")]
    NoCertificate {
        /// The option or variable.
        origin: &'static str,
        /// The file.
        path: PathBuf,
    },
}

/// The system's files, as Go's `crypto/x509` looks for them: Debian and Alpine, Fedora, openSUSE, OpenELEC, RHEL, BSD and macOS.
const SYSTEM_FILES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The length of the longest file of certificates, in bytes.
const LIMIT: u64 = 16 << 20;

impl RootSources {
    /// Returns the files that an option and the environment name: `SSL_CERT_FILE` instead of the system's file, and
    /// `SSL_CERT_DIR`, as OpenSSL and Go read them.
    pub fn new(environment: &Environment, ca_files: &[Utf8PathBuf]) -> Self {
        let absolute = |path: &str| environment.directory.join(path).into_std_path_buf();
        let variable = environment.get("SSL_CERT_FILE").map(absolute);
        let directories = environment.get("SSL_CERT_DIR").unwrap_or_default();
        Self {
            system: if variable.is_some() { Vec::new() } else { SYSTEM_FILES.map(PathBuf::from).to_vec() },
            named: ca_files.iter().map(|file| absolute(file.as_str())).collect(),
            variable,
            directories: directories.split(':').filter(|path| !path.is_empty()).map(absolute).collect(),
        }
    }
}

impl Roots {
    /// Returns Mozilla's list of authorities as of this build.
    pub fn bundled() -> Self {
        Self { added: BTreeSet::new(), unread: RootSources::default() }
    }

    /// Returns Mozilla's list together with the certificates of `sources`. Files that no option names are read when the first
    /// server is verified, which fails then if the file of `SSL_CERT_FILE` cannot be read or holds no certificate.
    ///
    /// # Errors
    /// If a file that an option names cannot be read or holds no certificate.
    pub fn load(sources: &RootSources) -> Result<Self, RootsError> {
        let mut roots = Self::bundled();
        for path in &sources.named {
            roots.added.extend(certificates_in("`--ca-file`", path)?);
        }
        roots.unread = RootSources { named: Vec::new(), ..sources.clone() };
        Ok(roots)
    }

    /// Returns all trusted certificates, in DER, with those of the unread files.
    fn complete(&self) -> Result<BTreeSet<Vec<u8>>, RootsError> {
        let mut all = self.added.clone();
        all.extend(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(der));
        if let Some(path) = &self.unread.variable {
            all.extend(certificates_in("SSL_CERT_FILE", path)?);
        }
        // Nobody named these: what cannot be read or parsed is passed over.
        let system = self.unread.system.iter().find_map(|path| read_regular(path, LIMIT).ok());
        let in_directories = self.unread.directories.iter().flat_map(|directory| files_in(directory));
        for bytes in system.into_iter().chain(in_directories) {
            all.extend(CertificateDer::pem_slice_iter(&bytes).flatten().map(|found| der(&found)));
        }
        Ok(all)
    }

    /// Adds a certificate in DER.
    #[must_use]
    pub fn with_der(mut self, certificate: Vec<u8>) -> Self {
        self.added.insert(certificate);
        self
    }

    /// Returns a verifier whose errors are [`CertificateFault`]s.
    pub(crate) fn verifier(&self, provider: Arc<CryptoProvider>) -> Arc<dyn ServerCertVerifier> {
        Arc::new(Verifier::new(self.clone(), provider))
    }
}

impl Default for Roots {
    fn default() -> Self {
        Self::bundled()
    }
}

/// Returns the certificates of a file in DER. `origin` names it.
fn certificates_in(origin: &'static str, path: &Path) -> Result<Vec<Vec<u8>>, RootsError> {
    let bytes = read_regular(path, LIMIT).map_err(|source| RootsError::Unreadable {
        origin,
        path: path.to_owned(),
        source,
    })?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.ok().filter(|found| !found.is_empty());
    let found = found.ok_or_else(|| RootsError::NoCertificate { origin, path: path.to_owned() })?;
    Ok(found.iter().map(der).collect())
}

fn der(certificate: &CertificateDer<'_>) -> Vec<u8> {
    certificate.as_ref().to_vec()
}

/// Reads the files in a directory.
fn files_in(directory: &Path) -> Vec<Vec<u8>> {
    let entries = directory.read_dir().map(|entries| entries.flatten().collect::<Vec<_>>());
    let paths = entries.unwrap_or_default().into_iter().map(|entry| entry.path());
    paths.filter_map(|path| read_regular(&path, LIMIT).ok()).collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use crossdock_fs::write_atomically;

    use super::*;

    fn pem(content: &[u8]) -> String {
        let text = BASE64_STANDARD.encode(content);
        format!("# a comment\n-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn files_and_directories_add_to_the_bundled_authorities() {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        std::fs::create_dir(path.join("some")).unwrap();
        for (name, text) in [
            ("ca.pem", pem(b"one") + &pem(b"two")),
            ("env.pem", pem(b"three") + &pem(b"one")),
            ("some/a.pem", pem(b"four")),
            ("some/readme", "nothing here".to_owned()),
        ] {
            write_atomically(path.join(name), text.as_bytes()).unwrap();
        }
        let environment = Environment::new(path.clone())
            .with_variable("SSL_CERT_FILE", "env.pem")
            .with_variable("SSL_CERT_DIR", "missing:some");
        let roots = Roots::load(&RootSources::new(&environment, &["ca.pem".into()])).unwrap();
        // The files that no option names are read only when they are needed.
        assert_eq!(roots.added.len(), 2);
        let all = roots.complete().unwrap();
        assert_eq!(all.len(), Roots::bundled().complete().unwrap().len() + 4);
        assert!(all.contains(&b"four"[..]));
    }

    #[test]
    fn a_named_file_without_certificates_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        write_atomically(
            path.join("key.pem"),
            b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
        )
        .unwrap();
        let environment = Environment::new(path.clone());
        for (file, part) in [("missing.pem", "cannot be read"), ("key.pem", "no certificates in PEM")] {
            let error = Roots::load(&RootSources::new(&environment, &[file.into()])).unwrap_err().to_string();
            assert!(error.starts_with("`--ca-file` names `") && error.contains(part), "{error}");
        }
        // That of a variable is read when a server is verified.
        let variable = environment.with_variable("SSL_CERT_FILE", "missing.pem");
        let error =
            Roots::load(&RootSources::new(&variable, &[])).unwrap().complete().unwrap_err().to_string();
        assert!(error.starts_with("SSL_CERT_FILE names `"), "{error}");
    }
}
