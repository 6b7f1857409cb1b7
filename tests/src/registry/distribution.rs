//! The registry `distribution`, in Debian's version 2 and in version 3, on the loopback interface.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::certificates::Certificates;
use super::tokens::{self, TokenServer};
use crate::fixture::write;
use crate::outcome::run;
use crate::server::{Server, free_port};
use crate::tools::{need, need_go};

/// The module of version 3.
const VERSION_3: (&str, &str) = ("github.com/distribution/distribution/v3/cmd/registry", "v3.1.2");

/// The program that serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Debian's `docker-registry` 2.8.
    Debian,
    /// Version 3, built here; it takes two minutes once.
    Version3,
}

/// The access that a registry gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Plain HTTP for everybody.
    Open,
    /// TLS with an authority of the test's own, for everybody.
    Tls,
    /// TLS, for clients with a certificate of the authority.
    TlsClients,
    /// TLS, and a name and password for each request.
    TlsHtpasswd,
    /// Plain HTTP, and tokens of a token server.
    Token,
}

/// A running registry, empty at first, which ends when it is dropped.
#[derive(Debug)]
pub struct Distribution {
    _server: Server,
    _tokens: Option<TokenServer>,
    certificates: Option<Certificates>,
    storage: TempDir,
    port: u16,
}

impl Distribution {
    /// Starts Debian's registry without TLS and authentication, and waits until it listens.
    pub fn start() -> Self {
        Self::with(Program::Debian, Access::Open)
    }

    /// Starts a registry and waits until it listens.
    pub fn with(program: Program, access: Access) -> Self {
        let storage = TempDir::with_prefix("registry-").expect("a temporary directory can be created");
        let directory = storage.path();
        let port = free_port();
        let mut http = format!("addr: \"127.0.0.1:{port}\"");
        let tls = matches!(access, Access::Tls | Access::TlsClients | Access::TlsHtpasswd);
        let certificates = tls.then(|| Certificates::new(directory));
        if let Some(certificates) = &certificates {
            let (certificate, key) = (certificates.certificate(), certificates.key());
            let (certificate, key) = (certificate.display(), key.display());
            let clients = match access {
                Access::TlsClients => {
                    format!(", clientcas: [\"{}\"]", certificates.authority().display())
                }
                _ => String::new(),
            };
            http = format!("{http}, tls: {{ certificate: \"{certificate}\", key: \"{key}\"{clients} }}");
        }
        let (auth, tokens) = auth(directory, access);
        let configuration = directory.join("config.yml");
        write(
            &configuration,
            format!(
                "version: 0.1\nlog: {{ level: error }}\nhttp: {{ {http} }}\n{auth}\
                 storage: {{ delete: {{ enabled: true }}, filesystem: {{ rootdirectory: \"{}\" }} }}\n",
                directory.join("data").display()
            ),
        );
        let mut command = Command::new(program.path());
        // Version 3 sends traces to a collector unless it is told not to.
        command.env("OTEL_TRACES_EXPORTER", "none").arg("serve").arg(configuration);
        let server = Server::start(&mut command, port);
        Self { _server: server, _tokens: tokens, certificates, storage, port }
    }

    /// Returns `127.0.0.1:PORT`, with which the names of its images begin.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the certificate of the authority that signed its own; `None` if it speaks plain HTTP.
    pub fn authority(&self) -> Option<PathBuf> {
        self.certificates.as_ref().map(Certificates::authority)
    }

    /// Creates a client's certificate of that authority and returns it and its key; `None` if the registry has no TLS.
    pub fn client(&self) -> Option<(PathBuf, PathBuf)> {
        self.certificates.as_ref().map(Certificates::client)
    }

    /// Creates a client's certificate of no authority that it knows, and returns it and its key; `None` if it has no TLS.
    pub fn stranger(&self) -> Option<(PathBuf, PathBuf)> {
        self.certificates.as_ref().map(Certificates::stranger)
    }

    /// Removes the data of a blob, named by its hexadecimal SHA-256, as a damaged storage does.
    pub fn remove_blob(&self, hex: &str) {
        let blobs = self.storage.path().join("data/docker/registry/v2/blobs/sha256");
        let directory = blobs.join(&hex[..2]).join(hex);
        std::fs::remove_dir_all(directory).expect("the registry has the blob");
    }

    /// Pushes the image of a layout under a name such as `library/golang:1.26-trixie`; returns its digest in the registry.
    pub fn push(&self, layout: &Path, name: &str) -> String {
        let to = format!("docker://{}/{name}", self.host());
        let skopeo = |arguments: &[&str]| {
            let mut skopeo = Command::new(need("skopeo"));
            run(skopeo.args(arguments), Duration::from_secs(300)).success().stdout
        };
        let from = format!("oci:{}", layout.display());
        skopeo(&["copy", "--all", "--quiet", "--insecure-policy", "--dest-tls-verify=false", &from, &to]);
        skopeo(&["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &to]).trim().to_owned()
    }
}

impl Program {
    fn path(self) -> PathBuf {
        match self {
            Self::Debian => need("docker-registry"),
            Self::Version3 => need_go(VERSION_3.0, VERSION_3.1),
        }
    }
}

/// Returns the section of the configuration, and the token server that it names.
fn auth(directory: &Path, access: Access) -> (String, Option<TokenServer>) {
    match access {
        Access::Open | Access::Tls | Access::TlsClients => (String::new(), None),
        Access::TlsHtpasswd => {
            let mut htpasswd = Command::new(need("htpasswd"));
            htpasswd.args(["-Bbn", tokens::USER, tokens::PASSWORD]);
            let file = directory.join("htpasswd");
            write(&file, run(&mut htpasswd, Duration::from_secs(60)).success().stdout);
            (format!("auth: {{ htpasswd: {{ realm: tests, path: \"{}\" }} }}\n", file.display()), None)
        }
        Access::Token => {
            let (server, certificate) = TokenServer::start(directory);
            let section = format!(
                "auth: {{ token: {{ realm: \"{}\", service: {}, issuer: {}, rootcertbundle: \"{}\" }} }}\n",
                server.realm(),
                tokens::SERVICE,
                tokens::ISSUER,
                certificate.display()
            );
            (section, Some(server))
        }
    }
}
