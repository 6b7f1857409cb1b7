//! Other clients of registries: what they push and pull is what ours must agree with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::Sample;
use super::encoding::base64;
use crate::fixture::write;
use crate::outcome::{Outcome, run};
use crate::tools::{need, need_go};

const CRANE: (&str, &str) = ("github.com/google/go-containerregistry/cmd/crane", "v0.22.1");
const REGCTL: (&str, &str) = ("github.com/regclient/regclient/cmd/regctl", "v0.11.7");

/// The time limit for one command.
const LIMIT: Duration = Duration::from_secs(120);

/// The way to a registry.
#[derive(Debug, Clone, Default)]
pub struct Way {
    /// The certificate of the authority to trust; `None` for plain HTTP.
    pub authority: Option<PathBuf>,
    /// A name and a password.
    pub login: Option<(String, String)>,
}

/// A client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Debian's skopeo.
    Skopeo,
    /// crane of go-containerregistry.
    Crane,
    /// regctl of regclient.
    Regctl,
}

impl Peer {
    /// All clients.
    pub const ALL: [Self; 3] = [Self::Skopeo, Self::Crane, Self::Regctl];

    /// Pushes the image `v1` of a layout.
    pub fn push(self, way: &Way, sample: &Sample, reference: &str) -> Outcome {
        let layout = sample.directory.display();
        match self {
            Self::Skopeo => {
                let (from, to) = (format!("oci:{layout}:v1"), format!("docker://{reference}"));
                self.run(way, &["copy", "--all", "--preserve-digests", &from, &to], reference)
            }
            Self::Crane => {
                // It pushes a layout's index.json as the image.
                let flat = sample.flat();
                let flat = flat.path().display().to_string();
                self.run(way, &["push", "--index", &flat, reference], reference)
            }
            Self::Regctl => {
                self.run(way, &["image", "copy", &format!("ocidir://{layout}:v1"), reference], reference)
            }
        }
    }

    /// Pulls an image with all its platforms into a new layout below `directory`.
    pub fn pull(self, way: &Way, reference: &str, directory: &Path) -> Outcome {
        let to = directory.display();
        match self {
            Self::Skopeo => {
                let (from, to) = (format!("docker://{reference}"), format!("oci:{to}:v1"));
                self.run(way, &["copy", "--all", "--preserve-digests", &from, &to], reference)
            }
            Self::Crane => {
                self.run(way, &["pull", "--format", "oci", reference, &format!("{to}")], reference)
            }
            Self::Regctl => {
                self.run(way, &["image", "copy", reference, &format!("ocidir://{to}:v1")], reference)
            }
        }
    }

    /// Returns the digest that the client reports for a reference.
    pub fn digest(self, way: &Way, reference: &str) -> String {
        let outcome = match self {
            Self::Skopeo => {
                let image = format!("docker://{reference}");
                self.run(way, &["inspect", "--no-tags", "--format", "{{.Digest}}", &image], reference)
            }
            Self::Crane => self.run(way, &["digest", reference], reference),
            Self::Regctl => self.run(way, &["image", "digest", reference], reference),
        };
        outcome.success().stdout.trim().to_owned()
    }

    /// Runs a command of the client in an environment of its own.
    pub fn run(self, way: &Way, arguments: &[&str], reference: &str) -> Outcome {
        let home = TempDir::with_prefix("peer-").expect("a temporary directory can be created");
        let host = reference.split('/').next().unwrap_or_default();
        let mut command = Command::new(self.program());
        command.env_clear().env("HOME", home.path()).env("DOCKER_CONFIG", home.path());
        command.env("REGCTL_CONFIG", home.path().join("regctl.json"));
        command.env("REGISTRY_AUTH_FILE", home.path().join("config.json"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if let Some(authority) = &way.authority {
            command.env("SSL_CERT_FILE", authority);
        }
        let auths = way.login.iter().map(|(user, password)| {
            (host.to_owned(), json!({ "auth": base64(format!("{user}:{password}").as_bytes()) }))
        });
        let auths: serde_json::Map<_, _> = auths.collect();
        write(home.path().join("config.json"), json!({ "auths": auths }).to_string());
        let tls = if way.authority.is_some() { "enabled" } else { "disabled" };
        let mut settings = json!({ "tls": tls, "reqConcurrent": 3 });
        if let Some((user, password)) = &way.login {
            settings["user"] = user.as_str().into();
            settings["pass"] = password.as_str().into();
        }
        write(home.path().join("regctl.json"), json!({ "hosts": { host: settings } }).to_string());
        command.args(arguments);
        if self == Self::Skopeo {
            let (from, to) = (format!("--src-tls-verify={}", tls == "enabled"), tls == "enabled");
            match arguments[0] {
                "copy" => command.args([&from, &format!("--dest-tls-verify={to}"), "--insecure-policy"]),
                _ => command.arg(format!("--tls-verify={to}")),
            };
        }
        run(&mut command, LIMIT)
    }

    fn program(self) -> PathBuf {
        match self {
            Self::Skopeo => need("skopeo"),
            Self::Crane => need_go(CRANE.0, CRANE.1),
            Self::Regctl => need_go(REGCTL.0, REGCTL.1),
        }
    }
}
