//! Costs besides compilers: the time of a plan, and the memory for a large image.

use std::path::Path;
use std::time::Duration;

use super::Setting;
use super::contender::{Contender, turns};
use super::programs::dist;
use super::row::{Goal, Row};
use crate::shell::{Failure, Tool, repository};

/// Compares `plan` with the `cargo metadata` that it calls.
pub(super) fn plan(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let program = setting.crossdock.display().to_string();
    // `cargo metadata` lists every platform's packages, more than a build on this machine has downloaded.
    let manifest = repository().join("examples/http-api/Cargo.toml");
    Tool::new(["cargo", "fetch", "--locked", "--quiet", "--manifest-path"])
        .arg(manifest.display().to_string())
        .run()?;
    let ours = Contender::new(&setting.directory.join("plan"), "http-api", |_| {
        Tool::new([program.as_str(), "plan", "--quiet"])
    })?;
    let theirs = Contender::new(&setting.directory.join("metadata"), "http-api", |_| {
        Tool::new(["cargo", "metadata", "--format-version", "1", "--locked", "--offline"])
    })?;
    // The first run of each fills the page cache.
    ours.run()?;
    theirs.run()?;
    let (ours, theirs) = turns(setting.rounds.max(11), |_| ours.run(), |_| theirs.run())?;
    let goal = Goal::AboveAtMost(0.060);
    Ok(vec![Row { name: "plan / cargo metadata, Rust example", ours, theirs, unit: "s", goal }])
}

/// The most memory that crossdock itself takes while it packs an image of half a gigabyte.
pub(super) fn memory(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let contender = dist(setting, &setting.directory.join("memory"), "k8s-ssh-server")?;
    let big = contender.project.join("big");
    write_big(&big)?;
    let config = "[image.k8s-ssh-server]\npath = \".\"\nfiles = [{ from = \"big\", to = \"/srv/big\" }]\n";
    let path = contender.project.join("crossdock.toml");
    std::fs::write(&path, config).map_err(Failure::file(&path))?;
    contender.run_cold()?;
    let mut peaks = Vec::new();
    for _ in 0..setting.rounds {
        // The compilers' caches stay; the packed layers go, so that everything is packed again.
        contender.forget_layers()?;
        peaks.push(contender.peak_megabytes(Duration::from_millis(2))?);
    }
    Ok(vec![Row {
        name: "peak memory, image of 500 MB",
        ours: peaks,
        theirs: vec![],
        unit: "MB",
        goal: Goal::AtMost(100.0),
    }])
}

/// Half a gigabyte that compresses neither well nor badly: a generator's bytes, six bits of each.
fn write_big(path: &Path) -> Result<(), Failure> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut block = Vec::with_capacity(1 << 20);
    let file = std::fs::File::create(path).map_err(Failure::file(path))?;
    let mut file = std::io::BufWriter::new(file);
    for _ in 0..500 {
        block.clear();
        for _ in 0..(1 << 17) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block.extend((state & 0x3f3f_3f3f_3f3f_3f3f).to_le_bytes());
        }
        std::io::Write::write_all(&mut file, &block).map_err(Failure::file(path))?;
    }
    std::io::Write::flush(&mut file).map_err(Failure::file(path))
}
