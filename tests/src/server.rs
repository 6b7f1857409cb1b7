//! Servers that a test starts and stops.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::outcome::{Outcome, Running};

/// The time limit for a server to listen: under emulation, with compilers on the same cores, it takes a while.
const START: Duration = Duration::from_secs(60);

/// A running server that accepts connections.
#[derive(Debug)]
pub struct Server {
    process: Running,
}

impl Server {
    /// Starts the command and waits until it listens on `port` of the loopback interface.
    pub fn start(command: &mut Command, port: u16) -> Self {
        let mut process = Running::start(command);
        let start = Instant::now();
        while !listens(port) {
            assert!(process.is_running(), "the server ended: {}", process.stderr());
            assert!(start.elapsed() < START, "nothing listens on port {port}: {}", process.stderr());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { process }
    }

    /// Sends SIGTERM, as a kubelet does, and waits for its end.
    pub fn terminate(self) -> Outcome {
        self.process.signal_group(Signal::TERM);
        self.process.wait(Duration::from_secs(30))
    }
}

/// Returns a port of the loopback interface that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("the loopback has a free port")
        .port()
}

/// Waits until something listens on the port; panics with the message of `why` if nothing does.
pub fn wait_for_port(port: u16, why: impl Fn() -> String) {
    let start = Instant::now();
    while !listens(port) {
        assert!(start.elapsed() < START, "nothing listens on port {port}: {}", why());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn listens(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
}
