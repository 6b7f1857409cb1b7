use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::{Engine, LIMIT};
use crate::fixture::write;
use crate::outcome::{Outcome, Running, run};
use crate::sandbox::Sandbox;
use crate::tools::need;

/// A wrapper of runc that drops CAP_SYS_RESOURCE, which nothing in these tests needs.
const RUNTIME: &str = r#"#!/bin/sh
for argument; do
    case ${before:-} in
        --bundle) sed -i 's/"CAP_SYS_RESOURCE",//g' "$argument/config.json" ;;
        --process) sed -i 's/"CAP_SYS_RESOURCE",//g' "$argument" ;;
    esac
    before=$argument
done
exec runc "$@"
"#;

/// A docker daemon with its own containerd.
#[derive(Debug)]
pub struct Docker {
    daemon: Option<Running>,
    dir: TempDir,
}

impl Docker {
    /// Starts a daemon and waits until it answers; with its default storage driver, or with `vfs` if that fails.
    pub fn start() -> Self {
        need("docker");
        Self::try_start(&[]).or_else(|_| Self::try_start(&["--storage-driver", "vfs"])).unwrap_or_else(
            |log| {
                panic!("dockerd does not start (it needs root): {log}");
            },
        )
    }

    /// Starts a daemon in its own network namespace, with the bridge on which the steps of its own BuildKit run.
    pub fn start_apart() -> Self {
        Self::start_in(&["unshare", "--net"], &[]).unwrap_or_else(|log| {
            panic!("dockerd does not start in a network of its own (it needs root): {log}");
        })
    }

    /// Starts a daemon whose privileged containers have the capabilities of this machine's root: a virtual machine's root
    /// may lack one, and runc refuses to grant it. Uses the host's network like [`start`](Self::start).
    pub fn start_for_privileged(directory: &Path) -> Self {
        let runtime = directory.join("runc-without-resource");
        write(&runtime, RUNTIME);
        std::fs::set_permissions(&runtime, PermissionsExt::from_mode(0o755))
            .expect("it can be made executable");
        let added = format!("--add-runtime=bounded={}", runtime.display());
        Self::try_start(&[&added, "--default-runtime=bounded"]).unwrap_or_else(|log| {
            panic!("dockerd does not start (it needs root): {log}");
        })
    }

    /// Returns the address for clients, as `DOCKER_HOST` takes it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.dir.path().join("docker.sock").display())
    }

    /// Returns the directory of its images, layers and build results.
    pub fn storage(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Returns the socket of the daemon's containerd.
    pub fn containerd(&self) -> PathBuf {
        self.dir.path().join("exec/containerd/containerd.sock")
    }

    /// Calls `ctr`, the client of the daemon's containerd.
    pub fn ctr(&self, arguments: &[&str]) -> Outcome {
        run(Command::new(need("ctr")).arg("--address").arg(self.containerd()).args(arguments), LIMIT)
    }

    fn try_start(storage: &[&str]) -> Result<Self, String> {
        // Without a bridge, this machine's network stays unchanged.
        Self::start_in(&[], &[storage, &["--bridge=none"]].concat())
    }

    fn start_in(wrapper: &[&str], options: &[&str]) -> Result<Self, String> {
        // A socket's path is limited to 108 bytes (unix(7)), so the directory is outside of the sandbox.
        let dir = TempDir::with_prefix("dockerd-").expect("a temporary directory can be created");
        let mut docker = Self { daemon: None, dir };
        let daemon = need("dockerd");
        let mut command = match wrapper.split_first() {
            None => Command::new(daemon),
            Some((program, arguments)) => {
                let mut command = Command::new(need(program));
                command.args(arguments).arg(daemon);
                command
            }
        };
        for (flag, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
            command.arg(flag).arg(docker.dir.path().join(name));
        }
        // For the same reason, no packet filter.
        command.args(["--iptables=false", "--ip6tables=false"]);
        command.arg("--host").arg(docker.host()).args(options);
        let mut daemon = Running::start(&mut command);
        let start = Instant::now();
        while run(docker.command().arg("info"), Duration::from_secs(30)).code != Some(0) {
            if !daemon.is_running() || start.elapsed() > Duration::from_secs(60) {
                return Err(daemon.stderr());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        docker.daemon = Some(daemon);
        Ok(docker)
    }
}

impl Engine for Docker {
    fn command(&self) -> Command {
        let mut command = Command::new(need("docker"));
        command.env("DOCKER_HOST", self.host()).env("DOCKER_CONFIG", self.dir.path());
        command.env_remove("DOCKER_CONTEXT");
        command
    }
}

impl Drop for Docker {
    /// Stops the daemon with SIGTERM, on which it ends its containerd and unmounts its storage. It leaves the mount of its
    /// network namespace, which would keep the directory from being removed.
    fn drop(&mut self) {
        let Some(mut daemon) = self.daemon.take() else { return };
        rustix::process::kill_process(daemon.pid(), Signal::TERM).ok();
        let deadline = Instant::now() + Duration::from_secs(30);
        while daemon.is_running() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        let namespace = self.dir.path().join("exec/netns/default");
        // The mount does not exist if no container used the host's network.
        let _outcome = run(Command::new(need("umount")).arg(namespace), Duration::from_secs(30));
    }
}

/// Puts Debian's docker first in the sandbox's PATH: its client has BuildKit without a plugin, and another docker may come
/// first on this machine.
pub fn debian_docker(sandbox: &mut Sandbox) {
    let docker = Path::new("/usr/bin/docker");
    let version = run(Command::new(docker).arg("--version"), Duration::from_secs(60)).success().stdout;
    let number =
        version.split_whitespace().nth(2).and_then(|text| text.split('.').next()?.parse::<u32>().ok());
    assert!(
        number.is_some_and(|major| major < 23),
        "this test needs Debian's docker.io before version 23 as /usr/bin/docker, and found {version}"
    );
    sandbox.shim("docker", "exec /usr/bin/docker \"$@\"");
}
