//! A Kubernetes API server with etcd. Without a kubelet, pods never run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::fixture::write;
use crate::outcome::{Outcome, run};
use crate::sandbox::Sandbox;
use crate::server::{Server, free_port};
use crate::tools::{need, need_own_go};

/// A running API server, empty at first.
#[derive(Debug)]
pub struct Kubernetes {
    _server: Server,
    _etcd: Server,
    _directory: TempDir,
    program: PathBuf,
    port: u16,
}

/// A user of the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// One who may do everything.
    Admin,
    /// One without any role.
    Nobody,
}

/// The users by their tokens.
const TOKENS: &str = "admin,admin,admin,system:masters\nnobody,nobody,nobody\n";
/// The time limit for the API server to be ready.
const READY: Duration = Duration::from_secs(120);

impl Kubernetes {
    /// Starts an API server and waits until it is ready. Its program is built first, if no run did; that takes some minutes.
    pub fn start() -> Self {
        let program = need_own_go("kubernetes");
        let directory = TempDir::with_prefix("kubernetes-").expect("a temporary directory can be created");
        let port = free_port();
        let (etcd, address) = start_etcd(directory.path());
        write(directory.path().join("tokens.csv"), TOKENS);
        let mut openssl = Command::new(need("openssl"));
        openssl.args(["genrsa", "-traditional", "-out", "account.key", "2048"]).current_dir(directory.path());
        run(&mut openssl, READY).success();
        // Its client of etcd obeys proxy variables.
        let mut command = Command::new(&program);
        command.env_clear().current_dir(directory.path()).args([
            "kube-apiserver",
            &format!("--etcd-servers={address}"),
            &format!("--secure-port={port}"),
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--cert-dir=certificates",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=account.key",
            "--service-account-signing-key-file=account.key",
            "--token-auth-file=tokens.csv",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
        ]);
        let server = Server::start(&mut command, port);
        let kubernetes = Self { _server: server, _etcd: etcd, _directory: directory, program, port };
        kubernetes.wait();
        kubernetes
    }

    /// Waits until the namespace for objects is there.
    fn wait(&self) {
        let sandbox = Sandbox::new();
        let start = Instant::now();
        loop {
            let answer = self.kubectl(&sandbox, User::Admin, "get namespace default");
            if answer.code == Some(0) {
                return;
            }
            assert!(start.elapsed() < READY, "the API server is not ready: {answer}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Runs `kubectl ARGUMENTS` in the work directory of a sandbox; the arguments are words of a shell.
    pub fn kubectl(&self, sandbox: &Sandbox, user: User, arguments: &str) -> Outcome {
        self.shell(sandbox, user, &sandbox.work(), &format!("kubectl {arguments}"))
    }

    /// Runs a shell's script, in which `kubectl` asks this server as a user.
    pub fn shell(&self, sandbox: &Sandbox, user: User, directory: &Path, script: &str) -> Outcome {
        let token = match user {
            User::Admin => "admin",
            User::Nobody => "nobody",
        };
        let kubectl = format!(
            "kubectl() {{ '{}' kubectl --server=https://127.0.0.1:{} --insecure-skip-tls-verify --token={token} \"$@\"; }}",
            self.program.display(),
            self.port
        );
        let mut command = sandbox.command(need("bash"), directory);
        run(command.args(["-c", &format!("set -o pipefail\n{kubectl}\n{script}")]), READY)
    }
}

/// Starts etcd, and returns it with its address.
fn start_etcd(directory: &Path) -> (Server, String) {
    let (port, peers) = (free_port(), free_port());
    let [address, peers] = [port, peers].map(|port| format!("http://127.0.0.1:{port}"));
    let mut command = Command::new(need("etcd"));
    command.env_clear();
    command.args(["--data-dir", "etcd", "--listen-client-urls", &address]);
    command.args(["--advertise-client-urls", &address, "--listen-peer-urls", &peers]);
    command.args(["--initial-advertise-peer-urls", &peers]);
    command.args(["--initial-cluster", &format!("default={peers}")]).current_dir(directory);
    (Server::start(&mut command, port), address)
}
