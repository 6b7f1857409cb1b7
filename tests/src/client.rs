//! Clients for the programs that were built: the stock `ssh`, and enough HTTP/1.1 for one request.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::outcome::{Outcome, run};
use crate::tools::need;

/// A key pair and the stock OpenSSH client that uses it.
#[derive(Debug)]
pub struct SshClient {
    dir: TempDir,
}

impl Default for SshClient {
    fn default() -> Self {
        Self::new()
    }
}

impl SshClient {
    /// Creates a client with a fresh key.
    pub fn new() -> Self {
        let client = Self { dir: TempDir::new().expect("a temporary directory can be created") };
        let mut keygen = Command::new(need("ssh-keygen"));
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(client.key());
        run(&mut keygen, Duration::from_secs(30)).success();
        client
    }

    /// Returns the public key as a line of `authorized_keys`.
    pub fn public_key(&self) -> String {
        std::fs::read_to_string(self.key().with_extension("pub")).expect("ssh-keygen writes the public key")
    }

    /// Logs in as `user` on a port of the loopback interface and runs one command.
    pub fn exec(&self, user: &str, port: u16, command: &str) -> Outcome {
        let mut ssh = Command::new(need("ssh"));
        // Keeps out this machine's own configuration, keys and known hosts.
        ssh.args([
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "IdentityAgent=none",
        ]);
        ssh.args([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
        ]);
        ssh.arg("-i").arg(self.key()).args(["-p", &port.to_string(), &format!("{user}@127.0.0.1"), command]);
        run(&mut ssh, Duration::from_secs(60))
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("key")
    }
}

/// Sends a request to a server on the loopback interface; returns the status code and the body.
pub fn http_get(port: u16, path: &str) -> (u16, String) {
    let mut stream =
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the server accepts a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket takes a time limit");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        .expect("a request can be sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers in UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("not HTTP: {answer:?}"));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap_or_else(|| panic!("no status code: {head:?}")), body.to_owned())
}
