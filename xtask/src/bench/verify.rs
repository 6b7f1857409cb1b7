//! The verification of a large image and of many programs.

use std::collections::BTreeMap;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossdock_oci::{
    Compression, Image, LayerBuilder, Layout, Owner, PlatformImage, PlatformObject, Pruning, RuntimeConfig,
    Timestamp, assemble,
};

use super::Setting;
use super::contender::{Contender, turns};
use super::layers::{build_gzip1, candidates};
use super::row::{Goal, Row};
use crate::shell::{Failure, Tool, repository};

const LAYERS: usize = 20;
const FILES_OF_A_LAYER: usize = 5_000;
const PROGRAMS: usize = 1_000;

/// Compares the verification of an image of 100,000 files with one pass that only decompresses and hashes its layers.
pub(super) fn image(setting: &Setting) -> Result<Vec<Row>, Failure> {
    Tool::new([
        "cargo",
        "build",
        "--release",
        "--package",
        "crossdock-oci",
        "--example",
        "decompress_and_hash",
    ])
    .run()?;
    let layout = large_image(setting)?;
    let path = layout.path().display().to_string();
    let ours = Contender::command(
        Tool::new([setting.crossdock.display().to_string()])
            .arg("verify")
            .arg("--for")
            .arg("linux/amd64")
            .arg(path),
    );
    let mut pass =
        Tool::new([repository().join("target/release/examples/decompress_and_hash").display().to_string()]);
    for blob in layer_blobs(&layout)? {
        pass = pass.arg(blob.display().to_string());
    }
    let theirs = Contender::command(pass);
    // The first run of each fills the page cache.
    ours.run()?;
    theirs.run()?;
    let peak = ours.peak_megabytes(Duration::from_millis(2))?;
    let (ours, theirs) = turns(setting.rounds, |_| ours.run(), |_| theirs.run())?;
    Ok(vec![
        Row {
            name: "verify, image of 100,000 files / decompress + hash",
            ours,
            theirs,
            unit: "s",
            goal: Goal::RatioAtMost(1.0),
        },
        Row {
            name: "peak memory, verify of this image",
            ours: vec![peak],
            theirs: vec![],
            unit: "MB",
            goal: Goal::AtMost(MEMORY),
        },
    ])
}

/// 64 MiB.
const MEMORY: f64 = 67.2;

/// Compares the verification of 1,000 programs with `file` and `readelf -d` for each.
pub(super) fn files(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let programs = programs()?;
    let with_programs =
        |tool: Tool| programs.iter().fold(tool, |tool, path| tool.arg(path.display().to_string()));
    let crossdock = setting.crossdock.display().to_string();
    let verify = Tool::new([crossdock.as_str(), "verify", "--for", "linux/amd64", "--json"]);
    let script = repository().join("bench/inspect.sh").display().to_string();
    let ours = Contender::command(with_programs(verify));
    let theirs = Contender::command(with_programs(Tool::new(["sh", script.as_str()])));
    ours.run_whatever_the_answer()?;
    theirs.run()?;
    let per_second = |seconds: f64| PROGRAMS as f64 / seconds;
    let (ours, theirs) = turns(
        setting.rounds,
        |_| ours.run_whatever_the_answer().map(per_second),
        |_| theirs.run().map(per_second),
    )?;
    let name = "verify, 1,000 programs / file + readelf -d";
    Ok(vec![Row { name, ours, theirs, unit: "files/s", goal: Goal::RatioAtLeast(10.0) }])
}

/// Returns the layout of the image, which is kept for later runs.
fn large_image(setting: &Setting) -> Result<Layout, Failure> {
    let megabytes = setting.image_megabytes;
    let path = setting.directory.join(format!("image-{megabytes}"));
    let refused = |error: &dyn std::error::Error| Failure::Answer(format!("{}: {error}", path.display()));
    let layout = Layout::create(&path).map_err(|error| refused(&error))?;
    if !layout.index().map_err(|error| refused(&error))?.manifests.is_empty() {
        return Ok(layout);
    }
    let program = build_gzip1(&setting.directory)?;
    let program = std::fs::read(&program).map_err(Failure::file(&program))?;
    let pool = pool_of_bytes()?;
    let size = (megabytes * 1_000_000) / (LAYERS * FILES_OF_A_LAYER);
    let mut layers = Vec::new();
    for number in 0..LAYERS {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        let add = |builder: &mut LayerBuilder, path: &str, content: Vec<u8>| {
            builder.add_file(path, 0o755, Owner::ROOT, content.into()).map_err(|error| refused(&error))
        };
        add(&mut builder, "/app", program.clone())?;
        for file in 0..FILES_OF_A_LAYER {
            let from = (number * FILES_OF_A_LAYER + file) * 4099 % (pool.len() - size);
            add(
                &mut builder,
                &format!("/srv/{number}/{}/{file}", file % 50),
                pool[from..from + size].to_vec(),
            )?;
        }
        let mut blob = layout.blobs().writer().map_err(|error| refused(&error))?;
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        layers.push(builder.write(&mut blob, Compression::Gzip, threads).map_err(|error| refused(&error))?);
        blob.complete().map_err(|error| refused(&error))?;
    }
    let config = RuntimeConfig { entrypoint: vec!["/app".into()], ..RuntimeConfig::default() };
    let platform = PlatformImage { platform: PlatformObject::new("linux", "amd64"), config, layers };
    let image = Image { created: Timestamp::EPOCH, annotations: BTreeMap::new(), platforms: vec![platform] };
    let assembled = assemble(layout.blobs(), &image).map_err(|error| refused(&error))?;
    let lock = layout.lock().map_err(|error| refused(&error))?;
    layout.publish(&lock, &assembled.index, &[], Pruning::ReplaceAll).map_err(|error| refused(&error))?;
    Ok(layout)
}

/// Returns the layers of the layout: its blobs in gzip.
fn layer_blobs(layout: &Layout) -> Result<Vec<PathBuf>, Failure> {
    let directory = layout.path().join("blobs/sha256");
    let mut blobs = Vec::new();
    for entry in std::fs::read_dir(&directory).map_err(Failure::file(&directory))? {
        let path = entry.map_err(Failure::file(&directory))?.path();
        if starts_with(&path, b"\x1f\x8b") {
            blobs.push(path);
        }
    }
    blobs.sort();
    Ok(blobs)
}

/// Returns 50 MB of real programs, from which the files of the image are cut.
fn pool_of_bytes() -> Result<Vec<u8>, Failure> {
    let mut pool = Vec::new();
    for path in candidates() {
        let bytes = std::fs::read(&path).map_err(Failure::file(&path))?;
        pool.extend(bytes.iter().take(4_000_000));
        if pool.len() > 50_000_000 {
            return Ok(pool);
        }
    }
    Err(Failure::Missing("this machine has too few programs to fill an image".to_owned()))
}

/// Returns programs of this machine.
fn programs() -> Result<Vec<PathBuf>, Failure> {
    let found: Vec<PathBuf> =
        candidates().into_iter().filter(|path| starts_with(path, b"\x7fELF")).take(PROGRAMS).collect();
    if found.len() == PROGRAMS {
        Ok(found)
    } else {
        Err(Failure::Missing(format!("this machine has only {} programs, not {PROGRAMS}", found.len())))
    }
}

fn starts_with(path: &Path, magic: &[u8]) -> bool {
    let mut head = vec![0; magic.len()];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == magic
}
