//! The processes of this machine, read from /proc.

use std::path::Path;
use std::time::{Duration, Instant};

/// Returns the command lines of all processes whose working directory is a directory or below it.
pub fn working_in(directory: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("this test needs Linux's /proc");
    let in_directory = |process: &std::fs::DirEntry| {
        // Skips a process that has ended since or that belongs to another user.
        std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(directory))
    };
    let line = |process: std::fs::DirEntry| std::fs::read_to_string(process.path().join("cmdline")).ok();
    let lines = processes.filter_map(Result::ok).filter(in_directory).filter_map(line);
    lines.map(|line| line.replace('\0', " ").trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Waits until `done` returns true; panics with the message of `why` after `limit`.
pub fn wait_until(limit: Duration, mut done: impl FnMut() -> bool, why: impl Fn() -> String) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {}", why());
        std::thread::sleep(Duration::from_millis(10));
    }
}
