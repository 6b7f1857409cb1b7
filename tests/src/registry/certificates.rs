//! Certificates of a test: an authority, a server's certificate, and a key that signs tokens.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::http::Tls;
use crate::fixture::write;
use crate::outcome::run;
use crate::tools::need;

/// The time limit for one call of openssl, which may have to find primes.
const LIMIT: Duration = Duration::from_secs(60);

/// The name of the authority, as a message about an untrusted certificate must tell it.
pub const ISSUER: &str = "crossdock test authority";

/// A directory with the certificate and key of an authority and of a server on this machine's loopback interface.
#[derive(Debug)]
pub struct Certificates {
    directory: PathBuf,
}

impl Certificates {
    /// Creates them below a directory.
    pub fn new(directory: &Path) -> Self {
        let certificates = Self { directory: directory.join("certificates") };
        write(
            certificates.file("names"),
            "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth\n",
        );
        let subject = format!("/CN={ISSUER}");
        certificates.openssl(&format!("{NEW} -x509 -days 2 -keyout ca.key -out ca.pem -subj"), &[&subject]);
        certificates.openssl(&format!("{NEW} -keyout server.key -out server.csr -subj"), &["/CN=localhost"]);
        let sign = "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem";
        certificates.openssl(sign, &[]);
        certificates
    }

    /// Returns the authority's certificate, for clients.
    pub fn authority(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// Returns the authority's certificate in DER.
    pub fn authority_der(&self) -> Vec<u8> {
        CertificateDer::from_pem_file(self.authority()).expect("openssl wrote a certificate").to_vec()
    }

    /// Creates a client's certificate and returns it and its key.
    pub fn client(&self) -> (PathBuf, PathBuf) {
        write(self.file("client"), "extendedKeyUsage=clientAuth\n");
        self.openssl(&format!("{NEW} -keyout client.key -out client.csr -subj"), &["/CN=a test's client"]);
        let sign = "x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile client -out client.pem";
        self.openssl(sign, &[]);
        (self.file("client.pem"), self.file("client.key"))
    }

    /// Creates a client's certificate that no authority has issued but itself, and returns it and its key.
    pub fn stranger(&self) -> (PathBuf, PathBuf) {
        self.openssl(
            &format!("{NEW} -x509 -days 2 -keyout stranger.key -out stranger.pem -subj"),
            &["/CN=stranger"],
        );
        (self.file("stranger.pem"), self.file("stranger.key"))
    }

    /// Returns what a server needs.
    pub fn tls(&self) -> Tls {
        Tls::new(&self.certificate(), &self.key())
    }

    /// Returns the server's certificate.
    pub fn certificate(&self) -> PathBuf {
        self.file("server.pem")
    }

    /// Returns the server's key.
    pub fn key(&self) -> PathBuf {
        self.file("server.key")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn openssl(&self, arguments: &str, more: &[&str]) {
        openssl(&self.directory, &arguments.split(' ').chain(more.iter().copied()).collect::<Vec<_>>());
    }
}

/// A request for a certificate with a new key of the elliptic curve that every TLS library knows.
const NEW: &str = "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

/// A key that signs JSON Web Tokens with RS256, and its self-signed certificate.
#[derive(Debug)]
pub struct SigningKey {
    directory: PathBuf,
}

impl SigningKey {
    /// Creates them below a directory.
    pub fn new(directory: &Path) -> Self {
        let directory = directory.join("signing");
        write(directory.join("README"), "The key that signs tokens.\n");
        let new =
            "req -newkey rsa:2048 -nodes -x509 -days 2 -keyout key.pem -out certificate.pem -subj /CN=tokens";
        openssl(&directory, &new.split(' ').collect::<Vec<_>>());
        Self { directory }
    }

    /// Returns the certificate, which a registry trusts as `rootcertbundle`.
    pub fn certificate(&self) -> PathBuf {
        self.directory.join("certificate.pem")
    }

    /// Returns the certificate as a header of a token holds it in `x5c`: the base64 between the lines of its PEM file.
    pub fn certificate_base64(&self) -> String {
        let pem = std::fs::read_to_string(self.certificate()).expect("openssl wrote the certificate");
        pem.lines().filter(|line| !line.starts_with("-----")).collect()
    }

    /// Signs a text with RSA PKCS #1 v1.5 and SHA-256.
    pub fn sign(&self, text: &str) -> Vec<u8> {
        let staging = tempfile::TempDir::new_in(&self.directory).expect("a directory can be created");
        write(staging.path().join("text"), text);
        openssl(staging.path(), &["dgst", "-sha256", "-sign", "../key.pem", "-out", "signature", "text"]);
        std::fs::read(staging.path().join("signature")).expect("openssl wrote the signature")
    }
}

fn openssl(directory: &Path, arguments: &[&str]) {
    run(Command::new(need("openssl")).args(arguments).current_dir(directory), LIMIT).success();
}
