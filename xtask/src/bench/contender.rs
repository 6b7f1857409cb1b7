//! One side of a comparison: a command, the project that it works on, and what it leaves behind.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::shell::{Failure, Tool, copy, repository};

/// A command with a copy of a project and caches of its own, so that the other side's work does not help it.
#[derive(Debug)]
pub(super) struct Contender {
    /// The copy of the project.
    pub(super) project: PathBuf,
    tool: Tool,
    leavings: Vec<PathBuf>,
}

impl Contender {
    /// Copies an example below `folder`. `make` gives the command for the copy.
    pub(super) fn new(
        folder: &Path,
        example: &str,
        make: impl FnOnce(&Path) -> Tool,
    ) -> Result<Self, Failure> {
        // Below a folder of its own, so that nothing of this repository is found from there by mistake.
        let project = folder.join(example);
        remove(folder)?;
        copy(&repository().join("examples").join(example), &project)?;
        let caches = ["gocache", "crossdock-cache", "kocache"].map(|name| folder.join(name));
        let tool = make(&project)
            .dir(&project)
            .env("GOCACHE", caches[0].display().to_string())
            .env("CROSSDOCK_CACHE_DIR", caches[1].display().to_string())
            .env("KOCACHE", caches[2].display().to_string());
        let outputs = ["target", "dist", "output"].map(|name| project.join(name));
        Ok(Self { project, tool, leavings: caches.into_iter().chain(outputs).collect() })
    }

    /// Seconds that a run takes as things are.
    pub(super) fn run(&self) -> Result<f64, Failure> {
        let start = Instant::now();
        self.tool.quietly()?;
        Ok(seconds(start.elapsed()))
    }

    /// Seconds that a run takes when nothing was ever built.
    pub(super) fn run_cold(&self) -> Result<f64, Failure> {
        self.leavings.iter().try_for_each(|path| remove(path))?;
        self.run()
    }

    /// Seconds that a run takes once one source file has changed what the program says.
    pub(super) fn run_changed(&self, file: &str, word: &str, round: usize) -> Result<f64, Failure> {
        let path = self.project.join(file);
        let text = std::fs::read_to_string(&path).map_err(Failure::file(&path))?;
        let (before, after) =
            text.split_once(word).ok_or_else(|| Failure::Answer(format!("no {word:?} in {file}")))?;
        let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        std::fs::write(&path, format!("{before}{word}{round}{rest}")).map_err(Failure::file(&path))?;
        self.run()
    }

    /// Forgets packed layers and the image, but not what the compilers left.
    pub(super) fn forget_layers(&self) -> Result<(), Failure> {
        let compilers = |path: &&PathBuf| path.ends_with("gocache") || path.ends_with("target");
        self.leavings.iter().filter(|path| !compilers(path)).try_for_each(|path| remove(path))
    }

    /// The most memory that the process itself held during a run, in MB, as Linux counts it (VmHWM). It is asked
    /// every `interval`; the number only grows, so what happens between the last two questions is all that is missed.
    pub(super) fn peak_megabytes(&self, interval: Duration) -> Result<f64, Failure> {
        let process = self.tool.start()?;
        let mut peak = 0.0_f64;
        while process.try_wait().map_err(|source| self.tool.cannot_start(source))?.is_none() {
            for pid in process.pids() {
                let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
                peak = peak.max(high_water_mark(&status).unwrap_or(0.0));
            }
            std::thread::sleep(interval);
        }
        self.tool.finish(&process)?;
        if peak == 0.0 {
            Err(Failure::Missing("this needs Linux's /proc/PID/status".to_owned()))
        } else {
            Ok(peak)
        }
    }
}

/// The line `VmHWM:     1234 kB` of a process's status, in MB.
fn high_water_mark(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}

/// Rounds in which two sides take turns; returns what each measured.
pub(super) fn turns(
    rounds: usize,
    mut ours: impl FnMut(usize) -> Result<f64, Failure>,
    mut theirs: impl FnMut(usize) -> Result<f64, Failure>,
) -> Result<(Vec<f64>, Vec<f64>), Failure> {
    let mut measured = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // Whoever goes first has the colder machine, so they take turns at that too.
        if round % 2 == 0 {
            measured.0.push(ours(round)?);
            measured.1.push(theirs(round)?);
        } else {
            measured.1.push(theirs(round)?);
            measured.0.push(ours(round)?);
        }
    }
    Ok(measured)
}

pub(super) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn remove(path: &Path) -> Result<(), Failure> {
    if path.exists() { std::fs::remove_dir_all(path).map_err(Failure::file(path)) } else { Ok(()) }
}
