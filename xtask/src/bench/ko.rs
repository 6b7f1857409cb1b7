//! `dist` of the Go example, compared with ko, which writes a layout on a base from a registry on this machine.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use duct::Handle;

use super::Setting;
use super::contender::{Contender, turns};
use super::programs::dist;
use super::row::{Goal, Row};
use crate::shell::{Failure, Tool, repository};

const EXAMPLE: &str = "k8s-ssh-server";

/// Measures cold runs, runs after a change of one source file, and runs without a change.
pub(super) fn rows(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let ko = install(&setting.directory)?;
    let registry = Registry::start(&setting.directory)?;
    let base = format!("127.0.0.1:{}/base:latest", registry.port);
    let base_directory = setting.directory.join("base").display().to_string();
    script("base.sh").arg(base_directory).arg(base.as_str()).quietly()?;

    let ours = dist(setting, &setting.directory.join("ko-dist"), EXAMPLE)?;
    let theirs = Contender::new(&setting.directory.join("ko"), EXAMPLE, |project| {
        let output = project.join("output").display().to_string();
        script("ko.sh")
            .arg(project.display().to_string())
            .arg(output)
            .arg(base)
            .env("KO", ko.display().to_string())
    })?;
    let rounds = setting.rounds;
    let cold = turns(rounds, |_| ours.run_cold(), |_| theirs.run_cold())?;
    let (file, word) = ("session.go", "Welcome");
    let changed = turns(
        rounds,
        |round| ours.run_changed(file, word, round),
        |round| theirs.run_changed(file, word, round),
    )?;
    let unchanged = turns(rounds, |_| ours.run(), |_| theirs.run())?;
    let row =
        |name, (ours, theirs), limit| Row { name, ours, theirs, unit: "s", goal: Goal::RatioAtMost(limit) };
    Ok(vec![
        row("Go example, cold: dist / ko", cold, 1.0),
        row("Go example, one file changed: dist / ko", changed, 0.8),
        row("Go example, nothing changed: dist / ko", unchanged, 0.5),
    ])
}

/// Installs the newest version of ko into the bench's own directory.
fn install(directory: &Path) -> Result<PathBuf, Failure> {
    let bin = directory.join("bin");
    let ko = bin.join("ko");
    if !ko.exists() {
        let install = ["go", "install", "github.com/google/ko@latest"];
        Tool::new(install).env("GOBIN", bin.display().to_string()).run()?;
    }
    Ok(ko)
}

fn script(name: &str) -> Tool {
    Tool::new(["sh"]).arg(repository().join("bench").join(name).display().to_string())
}

/// A registry on the loopback address, killed on drop.
struct Registry {
    process: Handle,
    port: u16,
}

impl Registry {
    fn start(directory: &Path) -> Result<Self, Failure> {
        let port = free_port().map_err(Failure::file(directory))?;
        let storage = directory.join("registry");
        let tool = Tool::new(["docker-registry", "serve"])
            .arg(write_config(directory)?.display().to_string())
            .env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", storage.display().to_string())
            .env("REGISTRY_HTTP_ADDR", format!("127.0.0.1:{port}"));
        let registry = Self { process: tool.start()?, port };
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if start.elapsed() > Duration::from_secs(20) {
                return Err(Failure::Answer(format!("`{tool}` does not listen")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ended = self.process.kill();
    }
}

fn write_config(directory: &Path) -> Result<PathBuf, Failure> {
    let path = directory.join("registry.yml");
    let config = "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: /nonexistent\nhttp:\n  addr: 127.0.0.1:0\n";
    std::fs::write(&path, config).map_err(Failure::file(&path))?;
    Ok(path)
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
