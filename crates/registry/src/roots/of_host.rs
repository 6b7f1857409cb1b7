//! The certificates that docker and podman keep for one host: `certs.d/HOST:PORT/`.

use std::io;
use std::path::{Path, PathBuf};

use camino::Utf8PathBuf;
use crossdock_fs::read_regular;
use crossdock_system::environment::Environment;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{LIMIT, der};
use crate::host::Host;

/// The directories in which docker and podman keep certificates of single hosts, the preferred one first.
///
/// In `HOST:PORT`, or `HOST` for port 443, each `*.crt` holds authorities that are trusted besides the others, and a
/// `NAME.cert` with its `NAME.key` is a certificate that the host gets from its clients: of several, the first one by name that
/// an authority has issued which the host accepts. As with podman, only the first directory that has one for the host counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostCertificates {
    directories: Vec<PathBuf>,
}

/// Why the certificates for a host cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostCertificatesError {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// One of the two files of a client certificate is missing.
    #[error(
        "`{}` is missing, which belongs to `{}`: a client certificate is a pair NAME.cert and NAME.key, and an authority's \
         certificate is NAME.crt",
        missing.display(), of.display()
    )]
    Unpaired {
        /// The missing file.
        missing: PathBuf,
        /// The file that is there.
        of: PathBuf,
    },
    /// A file of a client certificate is not PEM, or the key is not that of the certificate.
    #[error("`{}` is not {expected} in PEM", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The expected content.
        expected: &'static str,
    },
}

/// The certificates for one host.
#[derive(Debug, Default)]
pub(crate) struct OfHost {
    /// Authorities, in DER.
    pub(crate) roots: Vec<Vec<u8>>,
    /// The client certificates in the order of their names.
    pub(crate) clients: Vec<Client>,
}

/// A client certificate.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) path: PathBuf,
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl HostCertificates {
    /// Returns no directories.
    pub fn none() -> Self {
        Self::default()
    }

    /// Returns these directories, each like `/etc/docker/certs.d`.
    pub fn of_directories(directories: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self { directories: directories.into_iter().map(Into::into).collect() }
    }

    /// Returns the directories of podman and docker: those of the user, as of a docker without root, and then the system's.
    pub fn new(environment: &Environment) -> Self {
        let config = match environment.get("XDG_CONFIG_HOME") {
            Some(directory) => Some(environment.directory.join(directory)),
            None => environment.home().map(|home| home.join(".config")),
        };
        let bases = config.into_iter().chain([Utf8PathBuf::from("/etc")]);
        let of = |base: Utf8PathBuf| ["containers", "docker"].map(|tool| base.join(tool).join("certs.d"));
        Self::of_directories(bases.flat_map(of))
    }

    /// Reads the certificates for a host; `None` if there are none.
    pub(crate) fn find(&self, host: &Host) -> Result<Option<OfHost>, HostCertificatesError> {
        let names = names(host);
        let paths = self.directories.iter().flat_map(|base| names.iter().map(move |name| base.join(name)));
        for path in paths {
            // One that is missing or not readable for this user is passed over, as by podman.
            if let Ok(files) = files_of(&path) {
                return read(&path, &files).map(Some);
            }
        }
        Ok(None)
    }
}

/// Returns the names of a host's directory.
fn names(host: &Host) -> Vec<String> {
    let mut names = Vec::new();
    if host.is_docker_hub() {
        names.push("docker.io".to_owned());
    }
    names.push(host.to_string());
    if host.port().is_none() {
        names.push(format!("{host}:443"));
    }
    names
}

fn files_of(directory: &Path) -> io::Result<Vec<String>> {
    let entries = directory.read_dir()?;
    let mut files: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    files.sort();
    Ok(files)
}

fn read(directory: &Path, files: &[String]) -> Result<OfHost, HostCertificatesError> {
    let mut found = OfHost::default();
    let other = |name: &str, extension: &str| {
        let partner = format!("{name}.{extension}");
        match files.contains(&partner) {
            true => Ok(directory.join(partner)),
            false => Err(partner),
        }
    };
    for file in files {
        let path = directory.join(file);
        let Some((name, extension)) = file.rsplit_once('.') else { continue };
        let paired = |extension| {
            other(name, extension).map_err(|missing| HostCertificatesError::Unpaired {
                missing: directory.join(missing),
                of: path.clone(),
            })
        };
        match extension {
            // As docker does, what is none is passed over: the error of an untrusted certificate follows.
            "crt" => found.roots.extend(certificates(&path)?.iter().map(der)),
            "cert" => {
                let key = paired("key")?;
                found.clients.push(client(path, &key)?);
            }
            "key" => drop(paired("cert")?),
            _ => {}
        }
    }
    Ok(found)
}

fn client(path: PathBuf, key: &Path) -> Result<Client, HostCertificatesError> {
    let malformed =
        |path: &Path, expected| HostCertificatesError::Malformed { path: path.to_owned(), expected };
    let chain = certificates(&path)?;
    if chain.is_empty() {
        return Err(malformed(&path, "a certificate"));
    }
    let key =
        PrivateKeyDer::from_pem_slice(&bytes(key)?).map_err(|_| malformed(key, "an unencrypted key"))?;
    Ok(Client { path, chain, key })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, HostCertificatesError> {
    Ok(CertificateDer::pem_slice_iter(&bytes(path)?).flatten().collect())
}

fn bytes(path: &Path) -> Result<Vec<u8>, HostCertificatesError> {
    read_regular(path, LIMIT)
        .map_err(|source| HostCertificatesError::Unreadable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use crossdock_fs::write_atomically;

    use super::*;

    fn pem(label: &str, content: &str) -> String {
        let text = BASE64_STANDARD.encode(content);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    }

    /// Writes files of one directory of a host and returns what is found for `host`: the roots and the client certificate, or
    /// the error.
    fn found(files: &[(&str, &str)], host: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        for (file, content) in files {
            let path = directory.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = match *content {
                "key" => pem("PRIVATE KEY", "key"),
                "" => String::new(),
                content => pem("CERTIFICATE", content),
            };
            write_atomically(&path, text.as_bytes()).unwrap();
        }
        let bases = ["user", "containers", "docker"].map(|base| directory.path().join(base));
        match HostCertificates::of_directories(bases).find(&host.parse().unwrap()) {
            Ok(None) => "none".to_owned(),
            Ok(Some(found)) => {
                let text = |der: &[u8]| String::from_utf8_lossy(der).into_owned();
                let roots: Vec<String> = found.roots.iter().map(|root| text(root)).collect();
                let client = |client: &Client| format!(" client {}", text(&client.chain[0]));
                roots.join(" ") + &found.clients.iter().map(client).collect::<String>()
            }
            Err(error) => error.to_string().replace(&directory.path().display().to_string(), ""),
        }
    }

    #[test]
    fn certificates_are_found_as_docker_and_podman_find_them() {
        let both =
            [("docker/r.example:5000/ca.crt", "docker's"), ("containers/r.example:5000/ca.crt", "podman's")];
        let users = [both[0], both[1], ("user/r.example:5000/ca.crt", "user's")];
        for (files, host, expected) in [
            (&[][..], "r.example:5000", "none"),
            (&both[..1], "r.example:5000", "docker's"),
            (&both[..], "r.example:5000", "podman's"),
            (&users[..], "r.example:5000", "user's"),
            // The directory has another port or host.
            (&both[..], "r.example", "none"),
            (&both[..], "r.example:5001", "none"),
            (&both[..], "q.r.example:5000", "none"),
            (&[("docker/r.example/ca.crt", "a")], "r.example", "a"),
            (&[("docker/r.example:443/ca.crt", "a")], "r.example", "a"),
            (&[("docker/r.example/ca.crt", "a")], "r.example:5000", "none"),
            (&[("docker/[::1]:5000/ca.crt", "a")], "[::1]:5000", "a"),
            (&[("docker/docker.io/ca.crt", "a")], "registry-1.docker.io", "a"),
            // In the order of the names; other files are none of ours.
            (&[("docker/r/b.crt", "b"), ("docker/r/a.crt", "a"), ("docker/r/c.pem", "c")], "r", "a b"),
            (&[("docker/r/a.crt", "")], "r", ""),
            (&[("docker/r/a.cert", "mine"), ("docker/r/a.key", "key")], "r", " client mine"),
            (
                &[("docker/r/a.crt", "a"), ("docker/r/b.cert", "mine"), ("docker/r/b.key", "key")],
                "r",
                "a client mine",
            ),
            (
                &[("docker/r/a.cert", "mine"), ("docker/r/a.key", "")],
                "r",
                "`/docker/r/a.key` is not an unencrypted key in PEM",
            ),
            (
                &[("docker/r/a.cert", ""), ("docker/r/a.key", "key")],
                "r",
                "`/docker/r/a.cert` is not a certificate in PEM",
            ),
        ] {
            assert_eq!(found(files, host), expected, "{files:?} for {host}");
        }
        for (file, missing) in [("client.cert", "client.key"), ("client.key", "client.cert")] {
            let error = found(&[(&format!("docker/r/{file}"), "x")], "r");
            assert!(
                error.starts_with(&format!("`/docker/r/{missing}` is missing, which belongs to")),
                "{error}"
            );
        }
    }

    #[test]
    fn the_users_directories_come_first() {
        let environment = Environment::new("/work").with_variable("HOME", "/home/me");
        let paths = |environment: &Environment| {
            HostCertificates::new(environment)
                .directories
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
        };
        let system = ["/etc/containers/certs.d", "/etc/docker/certs.d"];
        let home = ["/home/me/.config/containers/certs.d", "/home/me/.config/docker/certs.d"];
        assert_eq!(paths(&environment), [home, system].concat());
        let moved = ["/work/c/containers/certs.d", "/work/c/docker/certs.d"];
        assert_eq!(paths(&environment.with_variable("XDG_CONFIG_HOME", "c")), [moved, system].concat());
        assert_eq!(paths(&Environment::new("/work")), system);
    }
}
