use std::process::Command;
use std::time::{Duration, Instant};

use crate::outcome::Running;
use crate::tools::need_own_go;

/// Whether a tag can move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagRule {
    /// It can.
    Movable,
    /// It cannot.
    Immutable,
}

/// The in-memory registry of `cuelabs.dev/go/oci/ociregistry`, which has the referrers API. It ends when it is dropped.
#[derive(Debug)]
pub struct OciMemory {
    _process: Running,
    address: String,
}

impl OciMemory {
    /// Starts an empty registry and waits until it listens.
    pub fn start(tags: TagRule) -> Self {
        let mut command = Command::new(need_own_go("ocimem"));
        if tags == TagRule::Immutable {
            command.arg("immutable");
        }
        let mut process = Running::start(&mut command);
        let start = Instant::now();
        // It prints its address once it listens.
        while !process.stdout().ends_with('\n') {
            assert!(process.is_running(), "the registry ended: {}", process.stderr());
            assert!(start.elapsed() < Duration::from_secs(60), "the registry prints no address");
            std::thread::sleep(Duration::from_millis(5));
        }
        let address = process.stdout().trim().to_owned();
        Self { _process: process, address }
    }

    /// Returns `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.clone()
    }
}
