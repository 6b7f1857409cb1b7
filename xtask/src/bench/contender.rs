//! One side of a comparison: a command, its project, and its caches.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::shell::{Failure, Tool, copy, repository};

/// A command with its own copy of a project and its own caches, so that the other side's work does not speed it up.
#[derive(Debug)]
pub(super) struct Contender {
    /// The copy of the project.
    pub(super) project: PathBuf,
    tool: Tool,
    outputs: Vec<PathBuf>,
}

impl Contender {
    /// Copies an example into `directory`. `make` returns the command for the copy.
    pub(super) fn new(
        directory: &Path,
        example: &str,
        make: impl FnOnce(&Path) -> Tool,
    ) -> Result<Self, Failure> {
        Self::in_copy(
            directory,
            example,
            |project| copy(&repository().join("examples").join(example), project),
            make,
        )
    }

    /// Writes a project into `directory`. `make` returns the command for it.
    pub(super) fn generated(
        directory: &Path,
        write: impl FnOnce(&Path) -> Result<(), Failure>,
        make: impl FnOnce(&Path) -> Tool,
    ) -> Result<Self, Failure> {
        let write = |project: &Path| {
            write(project)?;
            // Not the commit of this repository, which the directory is in.
            Tool::new(["git", "init", "--quiet"]).dir(project).quietly()
        };
        Self::in_copy(directory, "project", write, make)
    }

    /// Returns another command for the same project and caches.
    pub(super) fn with_words(&self, words: &[&str]) -> Self {
        let Self { project, tool, outputs } = self;
        Self {
            project: project.clone(),
            tool: tool.with_words(words.iter().copied()),
            outputs: outputs.clone(),
        }
    }

    fn in_copy(
        directory: &Path,
        name: &str,
        write: impl FnOnce(&Path) -> Result<(), Failure>,
        make: impl FnOnce(&Path) -> Tool,
    ) -> Result<Self, Failure> {
        // Each contender has its own directory, so that it does not reuse the other one's files.
        let project = directory.join(name);
        remove(directory)?;
        write(&project)?;
        let caches = ["gocache", "crossdock-cache", "kocache"].map(|name| directory.join(name));
        let tool = make(&project)
            .dir(&project)
            .env("GOCACHE", caches[0].display().to_string())
            .env("CROSSDOCK_CACHE_DIR", caches[1].display().to_string())
            .env("KOCACHE", caches[2].display().to_string());
        let built = ["target", ".crossdock", "output"].map(|name| project.join(name));
        Ok(Self { project, tool, outputs: caches.into_iter().chain(built).collect() })
    }

    /// Returns a command without a project, which writes nothing.
    pub(super) fn command(tool: Tool) -> Self {
        Self { project: repository().to_owned(), tool, outputs: Vec::new() }
    }

    /// Returns the seconds of a run whose exit code tells its answer.
    pub(super) fn run_whatever_the_answer(&self) -> Result<f64, Failure> {
        let start = Instant::now();
        self.tool.answer("")?;
        Ok(seconds(start.elapsed()))
    }

    /// Returns the seconds of a run in the present state.
    pub(super) fn run(&self) -> Result<f64, Failure> {
        let start = Instant::now();
        self.tool.quietly()?;
        Ok(seconds(start.elapsed()))
    }

    /// Returns the seconds of a run without any earlier output or cache.
    pub(super) fn run_cold(&self) -> Result<f64, Failure> {
        self.outputs.iter().try_for_each(|path| remove(path))?;
        self.run()
    }

    /// Returns the seconds of a run after a change of a string in one source file.
    pub(super) fn run_changed(&self, file: &str, word: &str, round: usize) -> Result<f64, Failure> {
        let path = self.project.join(file);
        let text = std::fs::read_to_string(&path).map_err(Failure::file(&path))?;
        let (before, after) =
            text.split_once(word).ok_or_else(|| Failure::Answer(format!("no {word:?} in {file}")))?;
        let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        std::fs::write(&path, format!("{before}{word}{round}{rest}")).map_err(Failure::file(&path))?;
        self.run()
    }

    /// Removes packed layers and the image, but keeps the compilers' output.
    pub(super) fn forget_layers(&self) -> Result<(), Failure> {
        let compilers = |path: &&PathBuf| path.ends_with("gocache") || path.ends_with("target");
        self.outputs.iter().filter(|path| !compilers(path)).try_for_each(|path| remove(path))
    }

    /// Returns the peak memory of the process itself during a run, in MB, as counted by Linux (VmHWM). It is read every
    /// `interval`. The value only grows, so only growth after the last reading is missed.
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

/// Parses the line `VmHWM:     1234 kB` of a process's status, and returns MB.
fn high_water_mark(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}

/// Runs rounds in which two sides take turns, and returns the measurements of each.
pub(super) fn turns(
    rounds: usize,
    mut ours: impl FnMut(usize) -> Result<f64, Failure>,
    mut theirs: impl FnMut(usize) -> Result<f64, Failure>,
) -> Result<(Vec<f64>, Vec<f64>), Failure> {
    let mut measured = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // The first one runs on a colder machine, so the sides take turns at that too.
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
