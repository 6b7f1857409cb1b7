//! The time of a build of `xtask` from scratch, which everybody who clones the repository has to wait.

use std::path::Path;
use std::time::Instant;

use serde_json::json;

use super::write;
use crate::shell::{Failure, Tool, repository, say};

/// The limit of the build in seconds on two processors.
pub(crate) const LIMIT: f64 = 120.0;

/// Builds `xtask` in an empty target directory with two jobs, as a machine of two processors does, and returns the
/// seconds. Dependencies are downloaded first and do not count.
pub(crate) fn build() -> Result<f64, Failure> {
    let target = repository().join("target/cold-xtask");
    Tool::new(["cargo", "fetch", "--locked", "--quiet"]).run()?;
    remove(&target)?;
    let start = Instant::now();
    let words = ["cargo", "build", "--quiet", "--locked", "--offline", "--package", "xtask", "--jobs", "2"];
    let built = Tool::new(words).arg("--target-dir").arg(target.display().to_string()).quietly();
    let seconds = start.elapsed().as_secs_f64();
    remove(&target)?;
    built.map(|()| seconds)
}

/// Measures, compares with the limit, and records the time as information.
pub(super) fn run(directory: &Path, record: bool) -> Result<(), Failure> {
    let seconds = build()?;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    say(&format!("cold xtask: {seconds:.0} s of at most {LIMIT:.0} s; load of the machine: {load}"));
    if record {
        let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let record = json!({ "seconds": seconds.round(), "processors": processors, "load": load });
        write(&directory.join("cold-xtask.json"), &format!("{record:#}\n"))?;
    }
    if seconds <= LIMIT {
        Ok(())
    } else {
        Err(Failure::Answer(format!(
            "a cold build of xtask took {seconds:.0} s; at most {LIMIT:.0} s are allowed"
        )))
    }
}

fn remove(directory: &Path) -> Result<(), Failure> {
    if directory.exists() {
        std::fs::remove_dir_all(directory).map_err(Failure::file(directory))?;
    }
    Ok(())
}
