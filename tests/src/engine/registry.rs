use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::fixture::write;
use crate::outcome::run;
use crate::server::{Server, free_port};
use crate::tools::need;

/// Debian's `docker-registry` on the loopback interface, empty, without TLS and authentication.
#[derive(Debug)]
pub struct Registry {
    _server: Server,
    _storage: TempDir,
    port: u16,
}

impl Registry {
    /// Starts one and waits until it listens.
    pub fn start() -> Self {
        let storage = TempDir::with_prefix("registry-").expect("a temporary directory can be created");
        let port = free_port();
        let configuration = storage.path().join("config.yml");
        write(
            &configuration,
            format!(
                "version: 0.1\nlog: {{ level: error }}\nhttp: {{ addr: \"127.0.0.1:{port}\" }}\n\
                 storage: {{ filesystem: {{ rootdirectory: \"{}\" }} }}\n",
                storage.path().join("data").display()
            ),
        );
        let mut command = Command::new(need("docker-registry"));
        let server = Server::start(command.arg("serve").arg(configuration), port);
        Self { _server: server, _storage: storage, port }
    }

    /// Returns `127.0.0.1:PORT`, with which the names of its images begin.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
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
