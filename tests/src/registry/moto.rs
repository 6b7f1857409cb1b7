//! Amazon's control plane on this machine: moto, which the real `aws` and the real credential helper of ECR talk to.

use std::process::Command;

use crate::sandbox::Sandbox;
use crate::server::{Server, free_port};
use crate::tools::need;

/// A running moto. It keeps accounts and repositories, and has no images: a registry of ours serves `/v2/`.
#[derive(Debug)]
pub struct Moto {
    _server: Server,
    port: u16,
}

impl Moto {
    /// The password of ECR's user `AWS`, which moto makes of the account's number.
    pub const PASSWORD: &str = "123456789012-auth-token";

    /// Starts an empty control plane and waits until it listens.
    pub fn start() -> Self {
        let port = free_port();
        let mut command = Command::new(need("moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        Self { _server: Server::start(&mut command, port), port }
    }

    /// Directs Amazon's clients in a sandbox to it. It accepts any keys.
    pub fn serve(&self, sandbox: &mut Sandbox) {
        sandbox
            .set("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port))
            .set("AWS_ACCESS_KEY_ID", "key")
            .set("AWS_SECRET_ACCESS_KEY", "secret")
            .set("AWS_DEFAULT_REGION", "eu-west-1")
            .set("AWS_EC2_METADATA_DISABLED", "true");
    }
}
