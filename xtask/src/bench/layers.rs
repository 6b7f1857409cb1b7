//! Packing a layer of about 100 MB of real programs, compared with Go's gzip at level 1, which ko and crane use.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crossdock_oci::{Content, LayerBuilder, LayerError, Owner, Timestamp};

use super::Setting;
use super::contender::turns;
use super::row::{Goal, Row, median};
use crate::shell::{Failure, Tool, repository};

/// The size of the packed files in bytes.
const SIZE: u64 = 100_000_000;

/// Measures the throughput in MB/s of uncompressed bytes, and the ratio of the compressed size.
pub(super) fn rows(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let tar = setting.directory.join("layer.tar");
    let layer = real_programs()?;
    write_tar(&layer, &tar)?;
    let size = std::fs::metadata(&tar).map_err(Failure::file(&tar))?.len();
    let (packer, gzip1) = (build_packer()?, build_gzip1(&setting.directory)?);
    let megabytes = to_float(size) / 1e6;
    let (mut our_ratio, mut their_ratio) = (Vec::new(), Vec::new());
    let (ours, theirs) = turns(
        setting.rounds,
        |_| {
            let (took, packed) = run_packer(&packer, &tar)?;
            our_ratio.push(to_float(packed) / to_float(size));
            Ok(megabytes / took)
        },
        |_| {
            let (took, packed) = run_gzip1(&gzip1, &tar)?;
            their_ratio.push(to_float(packed) / to_float(size));
            Ok(megabytes / took)
        },
    )?;
    let ratio_goal = Goal::AtMost(median(&their_ratio));
    Ok(vec![
        Row {
            name: "layer, tar + 2 × sha256 + gzip / Go's gzip -1",
            ours,
            theirs,
            unit: "MB/s",
            goal: Goal::RatioAtLeast(2.5),
        },
        Row {
            name: "layer, compressed size / size",
            ours: our_ratio,
            theirs: their_ratio,
            unit: "",
            goal: ratio_goal,
        },
    ])
}

/// Returns a layer with the programs of this machine's Go, Rust and engines.
fn real_programs() -> Result<LayerBuilder, Failure> {
    let mut layer = LayerBuilder::new(Timestamp::EPOCH);
    let mut left = SIZE;
    for path in candidates() {
        let size = std::fs::metadata(&path).map_err(Failure::file(&path))?.len();
        if size < 100_000 || size > left {
            continue;
        }
        left -= size;
        let name = format!("/bin{}", path.display());
        layer.add_file(&name, 0o755, Owner::ROOT, Content::File(path)).map_err(refused)?;
    }
    if left > SIZE / 4 {
        return Err(Failure::Missing(
            "this machine has too few programs of Go and Rust to pack 100 MB".to_owned(),
        ));
    }
    Ok(layer)
}

/// Real programs in a fixed order: Go's own tools, then what cargo and the package manager installed.
pub(super) fn candidates() -> Vec<PathBuf> {
    let mut directories = vec![PathBuf::from("/usr/local/bin"), "/usr/bin".into(), "/usr/sbin".into()];
    let go = which::which("go").ok().and_then(|go| std::fs::canonicalize(go).ok());
    if let Some(bin) = go.as_deref().and_then(Path::parent) {
        directories.insert(0, bin.to_owned());
        directories.extend(bin.parent().map(|root| root.join("pkg/tool/linux_amd64")));
    }
    let mut files = Vec::new();
    for directory in directories {
        let Ok(entries) = std::fs::read_dir(directory) else { continue };
        let mut here: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        here.retain(|path| path.is_file() && !path.is_symlink());
        here.sort();
        files.extend(here);
    }
    files
}

/// Writes the uncompressed tar of a layer.
pub(super) fn write_tar(layer: &LayerBuilder, path: &Path) -> Result<(), Failure> {
    let mut out = BufWriter::new(File::create(path).map_err(Failure::file(path))?);
    layer.write_tar(&mut out).map_err(refused)?;
    out.flush().map_err(Failure::file(path))
}

/// The release form of crossdock-oci's own example, which packs files into nowhere.
fn build_packer() -> Result<PathBuf, Failure> {
    Tool::new(["cargo", "build", "--release", "--package", "crossdock-oci", "--example", "layer_throughput"])
        .run()?;
    Ok(repository().join("target/release/examples/layer_throughput"))
}

/// Seconds and compressed bytes of one layer.
fn run_packer(program: &Path, tar: &Path) -> Result<(f64, u64), Failure> {
    let tool = Tool::new(
        [program.as_os_str(), "--runs".as_ref(), "1".as_ref(), tar.as_os_str()]
            .map(|word| word.display().to_string()),
    );
    let output = tool.stdout()?;
    let answer: Option<serde_json::Value> = serde_json::from_str(&output).ok();
    let numbers = answer
        .and_then(|answer| Some((answer["median_seconds"].as_f64()?, answer["compressed_bytes"].as_u64()?)));
    numbers.ok_or_else(|| Failure::Answer(format!("`{tool}` printed {output:?}")))
}

/// Builds a static program of Go for this machine.
fn build_gzip1(directory: &Path) -> Result<PathBuf, Failure> {
    let program = directory.join("gzip1");
    go_build(&program).quietly()?;
    Ok(program)
}

/// Builds the same program for Linux on an architecture of Go.
pub(super) fn build_gzip1_for(directory: &Path, architecture: &str) -> Result<PathBuf, Failure> {
    let program = directory.join(format!("gzip1-{architecture}"));
    go_build(&program).env("GOOS", "linux").env("GOARCH", architecture).quietly()?;
    Ok(program)
}

fn go_build(program: &Path) -> Tool {
    let output = program.display().to_string();
    let build = Tool::new(["go", "build", "-o", output.as_str(), "."]);
    build.env("CGO_ENABLED", "0").dir(&repository().join("bench/gzip1"))
}

fn run_gzip1(program: &Path, tar: &Path) -> Result<(f64, u64), Failure> {
    let tool = Tool::new([program, tar].map(|path| path.display().to_string()));
    let output = tool.stdout()?;
    let parsed =
        output.trim().split_once(' ').and_then(|(took, size)| Some((took.parse().ok()?, size.parse().ok()?)));
    parsed.ok_or_else(|| Failure::Answer(format!("`{tool}` printed {output:?}")))
}

fn refused(error: LayerError) -> Failure {
    Failure::Answer(error.to_string())
}

#[expect(clippy::cast_precision_loss, reason = "sizes of layers are far below 2^52")]
fn to_float(size: u64) -> f64 {
    size as f64
}
