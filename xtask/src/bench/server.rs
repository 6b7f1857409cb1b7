//! Servers on the loopback interface, and the Go programs that talk to them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use duct::Handle;

use crate::shell::{Failure, Tool, repository};

/// A server, killed on drop.
pub(super) struct Server {
    process: Handle,
    pub(super) port: u16,
}

impl Server {
    /// Starts Debian's registry, with its files below `directory`.
    pub(super) fn registry(directory: &Path) -> Result<Self, Failure> {
        let port = free_port().map_err(Failure::file(directory))?;
        let storage = directory.join("registry");
        let tool = Tool::new(["docker-registry", "serve"])
            .arg(write_config(directory)?.display().to_string())
            .env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", storage.display().to_string())
            .env("REGISTRY_HTTP_ADDR", format!("127.0.0.1:{port}"));
        Self::start(&tool, port)
    }

    /// Starts a proxy before a registry, which counts requests and answers each after a delay.
    pub(super) fn proxy(directory: &Path, registry: &Self, delay: Duration) -> Result<Self, Failure> {
        let program = directory.join("bin/proxy");
        Tool::new(["go", "build", "-o"])
            .arg(program.display().to_string())
            .arg(".")
            .dir(&repository().join("bench/proxy"))
            .quietly()?;
        let port = free_port().map_err(Failure::file(directory))?;
        let tool = Tool::new([program.display().to_string()])
            .arg(format!("127.0.0.1:{port}"))
            .arg(registry.host())
            .arg(format!("{}ms", delay.as_millis()));
        Self::start(&tool, port)
    }

    fn start(tool: &Tool, port: u16) -> Result<Self, Failure> {
        let server = Self { process: tool.start()?, port };
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if start.elapsed() > Duration::from_secs(20) {
                return Err(Failure::Answer(format!("`{tool}` does not listen")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// Returns `127.0.0.1:PORT`.
    pub(super) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the numbers of requests and of bytes that a proxy forwarded since the last call.
    pub(super) fn counts(&self) -> Result<(f64, f64), Failure> {
        let answer = self.get("/counts").map_err(Failure::file(Path::new("/counts")))?;
        let numbers = answer.lines().last().and_then(|line| {
            let (requests, bytes) = line.split_once(' ')?;
            Some((requests.parse().ok()?, bytes.parse().ok()?))
        });
        numbers.ok_or_else(|| Failure::Answer(format!("the proxy answered {answer:?}")))
    }

    fn get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ended = self.process.kill();
    }
}

/// Returns a program of the Go module proxy, installed into the bench's own directory.
pub(super) fn go_program(directory: &Path, package: &str) -> Result<PathBuf, Failure> {
    let bin = directory.join("bin");
    let name = package.split('@').next().unwrap_or(package);
    let program = bin.join(name.rsplit('/').next().unwrap_or(name));
    if !program.exists() {
        Tool::new(["go", "install", package]).env("GOBIN", bin.display().to_string()).run()?;
    }
    Ok(program)
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
