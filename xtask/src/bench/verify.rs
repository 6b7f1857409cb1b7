//! The verification of a large image and of many programs.

use std::collections::BTreeMap;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossdock_oci::{
    Compression, Descriptor, Digest, Image, ImageSource, Layer, LayerBuilder, Layout, Owner, PlatformImage,
    PlatformObject, Pruning, RuntimeConfig, Timestamp, assemble, media_type,
};

use super::Setting;
use super::contender::{Contender, turns};
use super::layers::{build_gzip1_for, candidates, libraries};
use super::row::{Goal, Row};
use crate::shell::{Failure, Tool, repository};

const LAYERS: usize = 20;
const FILES_OF_A_LAYER: usize = 5_000;
const PROGRAMS: usize = 1_000;
const LINKS: usize = 20_000;

/// The program that decompresses and hashes the layers, and nothing else.
fn build_pass() -> Result<PathBuf, Failure> {
    let example = "decompress_and_hash";
    Tool::new(["cargo", "build", "--release", "--package", "crossdock-oci", "--example", example]).run()?;
    Ok(repository().join("target/release/examples").join(example))
}

/// Compares the verification of an image of 100,000 files, whose layers are gzip, with one pass that only decompresses and
/// hashes its layers.
pub(super) fn image(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let layout = large_image(setting, Coding::Gzip)?;
    let mut rows = against_one_pass(
        setting,
        &layout,
        ["verify, image of 100,000 files / decompress + hash", "peak memory, verify of this image"],
    )?;
    let all = verify_at(setting, layout.path(), &["--all"]);
    rows.push(peak("peak memory, verify --all of this image", &all)?);
    let archive = verify_at(setting, &archive_of(setting, &layout)?, &[]);
    rows.push(peak("peak memory, verify of this image's archive", &archive)?);
    let platforms = verify_at(setting, image_of_platforms(setting)?.path(), &[]);
    rows.push(peak("peak memory, verify of 4 platforms of 100,000 files", &platforms)?);
    Ok(rows)
}

/// The same for layers in zstd.
pub(super) fn zstd(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let layout = large_image(setting, Coding::Zstd)?;
    against_one_pass(
        setting,
        &layout,
        ["verify, the same image in zstd / decompress + hash", "peak memory, verify of zstd layers"],
    )
}

fn against_one_pass(
    setting: &Setting,
    layout: &Layout,
    [time, memory]: [&'static str; 2],
) -> Result<Vec<Row>, Failure> {
    let ours = verify_at(setting, layout.path(), &[]);
    let pass = Tool::new([build_pass()?.display().to_string()]);
    let blobs = layer_blobs(layout)?;
    let theirs =
        Contender::command(blobs.iter().fold(pass, |pass, blob| pass.arg(blob.display().to_string())));
    // The first run of each fills the page cache.
    ours.run()?;
    theirs.run()?;
    let peak = peak(memory, &ours)?;
    let (ours, theirs) = turns(setting.rounds, |_| ours.run(), |_| theirs.run())?;
    Ok(vec![Row { name: time, ours, theirs, unit: "s", goal: Goal::RatioAtMost(1.0) }, peak])
}

/// Returns the verification of a layout, an archive or a program.
fn verify_at(setting: &Setting, subject: &Path, options: &[&str]) -> Contender {
    let crossdock = setting.crossdock.display().to_string();
    let verify = Tool::new([&[crossdock.as_str(), "verify"], options].concat());
    Contender::command(verify.arg(subject.display().to_string()))
}

/// Returns an uncompressed archive of a layout.
fn archive_of(setting: &Setting, layout: &Layout) -> Result<PathBuf, Failure> {
    let path = setting.directory.join("image.tar");
    let (to, from) = (path.display().to_string(), layout.path().display().to_string());
    let pack = ["tar", "--create", "--file", to.as_str(), "--directory", from.as_str()];
    Tool::new([&pack[..], &["oci-layout", "index.json", "blobs"]].concat()).quietly()?;
    Ok(path)
}

/// Returns a program of 2 GB, nearly all of which is a hole.
fn long_program(setting: &Setting) -> Result<PathBuf, Failure> {
    let path = setting.directory.join("long-program");
    let program = build_gzip1_for(&setting.directory, "amd64")?;
    std::fs::copy(&program, &path).map_err(Failure::file(&path))?;
    let file = std::fs::File::options().write(true).open(&path).map_err(Failure::file(&path))?;
    file.set_len(2_000_000_000).map_err(Failure::file(&path))?;
    Ok(path)
}

fn peak(name: &'static str, contender: &Contender) -> Result<Row, Failure> {
    let ours = vec![contender.peak_megabytes(Duration::from_millis(2))?];
    Ok(Row { name, ours, theirs: vec![], unit: "MB", goal: Goal::AtMost(MEMORY) })
}

/// 64 MiB.
const MEMORY: f64 = 67.1;

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
    let speed = Row { name, ours, theirs, unit: "files/s", goal: Goal::RatioAtLeast(10.0) };
    let long = verify_at(setting, &long_program(setting)?, &["--for", "linux/amd64"]);
    Ok(vec![speed, peak("peak memory, verify of a program of 2 GB", &long)?, of_links(setting)?])
}

/// Compares the verification of all names of one program with one pass that decompresses and hashes the layer. A verification of each name by
/// itself would take more than a thousand passes.
fn of_links(setting: &Setting) -> Result<Row, Failure> {
    let layout = image_of_links(setting)?;
    let ours = verify_at(setting, layout.path(), &["--all"]);
    let pass = Tool::new([build_pass()?.display().to_string()]);
    let blobs = layer_blobs(&layout)?;
    let theirs =
        Contender::command(blobs.iter().fold(pass, |pass, blob| pass.arg(blob.display().to_string())));
    ours.run()?;
    theirs.run()?;
    let (ours, theirs) = turns(setting.rounds, |_| ours.run(), |_| theirs.run())?;
    let name = "verify --all, 20,000 hard links / decompress + hash";
    Ok(Row { name, ours, theirs, unit: "s", goal: Goal::RatioAtMost(10.0) })
}

/// Returns the layout of an image whose program has 20,000 further names in a directory of PATH, which is kept for later runs.
fn image_of_links(setting: &Setting) -> Result<Layout, Failure> {
    kept(&setting.directory.join("links"), |layout| {
        let root = setting.directory.join("links-root");
        let names = root.join("usr/bin");
        let make = |directory: &Path| std::fs::create_dir_all(directory).map_err(Failure::file(directory));
        drop(std::fs::remove_dir_all(&root));
        make(&names)?;
        let app = root.join("app");
        std::fs::copy(build_gzip1_for(&setting.directory, "amd64")?, &app).map_err(Failure::file(&app))?;
        for number in 0..LINKS {
            let link = names.join(format!("name-{number}"));
            std::fs::hard_link(&app, &link).map_err(Failure::file(&link))?;
        }
        let tar = setting.directory.join("links.tar");
        let (to, from) = (tar.display().to_string(), root.display().to_string());
        Tool::new(["tar", "--create", "--file", to.as_str(), "--directory", from.as_str(), "app", "usr"])
            .quietly()?;
        let plain = std::fs::read(&tar).map_err(Failure::file(&tar))?;
        let (diff_id, uncompressed_size) = (Digest::of(&plain), plain.len() as u64);
        Tool::new(["gzip", "--no-name", "--force", to.as_str()]).quietly()?;
        let packed = setting.directory.join("links.tar.gz");
        let bytes = std::fs::read(&packed).map_err(Failure::file(&packed))?;
        let blob = layout.blobs().put(&bytes).map_err(refused)?;
        let descriptor = Descriptor::new(media_type::LAYER_GZIP, blob);
        Ok(vec![platform("amd64", vec![Layer { descriptor, diff_id, uncompressed_size }])])
    })
}

/// The compression of layers.
#[derive(Clone, Copy)]
enum Coding {
    Gzip,
    Zstd,
}

/// Returns the layout of the large image, which is kept for later runs.
fn large_image(setting: &Setting, coding: Coding) -> Result<Layout, Failure> {
    let megabytes = setting.image_megabytes;
    let name = match coding {
        Coding::Gzip => format!("image-{megabytes}"),
        Coding::Zstd => format!("image-{megabytes}-zstd"),
    };
    let path = setting.directory.join(name);
    let program = program(setting, "amd64")?;
    let pool = pool_of_bytes()?;
    let size = (megabytes * 1_000_000) / (LAYERS * FILES_OF_A_LAYER);
    kept(&path, |layout| {
        let layer = |number: usize| {
            let mut builder = LayerBuilder::new(Timestamp::EPOCH);
            add(&mut builder, "/app", program.clone())?;
            for file in 0..FILES_OF_A_LAYER {
                let from = (number * FILES_OF_A_LAYER + file) * 4099 % (pool.len() - size);
                let path = format!("/srv/{number}/{}/{file}", file % 50);
                add(&mut builder, &path, pool[from..from + size].to_vec())?;
            }
            let layer = packed(layout, &builder)?;
            match coding {
                Coding::Gzip => Ok(layer),
                Coding::Zstd => recompressed(setting, layout, &builder, layer),
            }
        };
        let layers = (0..LAYERS).map(layer).collect::<Result<_, Failure>>()?;
        Ok(vec![platform("amd64", layers)])
    })
}

/// Returns the layout of an image with as many small files on each of four platforms, which is kept for later runs.
fn image_of_platforms(setting: &Setting) -> Result<Layout, Failure> {
    kept(&setting.directory.join("platforms"), |layout| {
        let image = |architecture: &&str| {
            let mut builder = LayerBuilder::new(Timestamp::EPOCH);
            add(&mut builder, "/app", program(setting, architecture)?)?;
            for file in 0..LAYERS * FILES_OF_A_LAYER {
                let path = format!("/srv/package-{}/a-module-{file}.js", file / 50);
                add(&mut builder, &path, format!("{architecture} {file}").into_bytes())?;
            }
            Ok(platform(architecture, vec![packed(layout, &builder)?]))
        };
        ["amd64", "arm64", "riscv64", "s390x"].iter().map(image).collect()
    })
}

/// Returns the layout at `path`, with the image that `fill` writes if there is none yet.
pub(super) fn kept(
    path: &Path,
    fill: impl FnOnce(&Layout) -> Result<Vec<PlatformImage>, Failure>,
) -> Result<Layout, Failure> {
    let layout = Layout::create(path).map_err(refused)?;
    if layout.index().map_err(refused)?.manifests.is_empty() {
        let platforms = fill(&layout)?;
        let image = Image { created: Timestamp::EPOCH, annotations: BTreeMap::new(), platforms };
        let assembled = assemble(layout.blobs(), &image).map_err(refused)?;
        let lock = layout.lock().map_err(refused)?;
        layout.publish(&lock, &assembled.index, &[], Pruning::ReplaceAll).map_err(refused)?;
    }
    Ok(layout)
}

pub(super) fn platform(architecture: &str, layers: Vec<Layer>) -> PlatformImage {
    let config = RuntimeConfig { entrypoint: vec!["/app".into()], ..RuntimeConfig::default() };
    PlatformImage {
        platform: PlatformObject::new("linux", architecture),
        config,
        layers,
        history: Vec::new(),
    }
}

pub(super) fn add(builder: &mut LayerBuilder, path: &str, content: Vec<u8>) -> Result<(), Failure> {
    builder.add_file(path, 0o755, Owner::ROOT, content.into()).map_err(refused)
}

/// Packs a layer into the layout.
pub(super) fn packed(layout: &Layout, builder: &LayerBuilder) -> Result<Layer, Failure> {
    let mut blob = layout.blobs().writer().map_err(refused)?;
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let layer = builder.write(&mut blob, Compression::Gzip, threads).map_err(refused)?;
    blob.complete().map_err(refused)?;
    Ok(layer)
}

/// Packs a layer into the layout as zstd's own program compresses it by default, as BuildKit does.
fn recompressed(
    setting: &Setting,
    layout: &Layout,
    builder: &LayerBuilder,
    layer: Layer,
) -> Result<Layer, Failure> {
    let (plain, zstd) = (setting.directory.join("layer.tar"), setting.directory.join("layer.tar.zst"));
    super::layers::write_tar(builder, &plain)?;
    let (from, to) = (plain.display().to_string(), zstd.display().to_string());
    Tool::new(["zstd", "--quiet", "--force", "-T2", "-o", to.as_str(), from.as_str()]).quietly()?;
    let bytes = std::fs::read(&zstd).map_err(Failure::file(&zstd))?;
    let blob = layout.blobs().put(&bytes).map_err(refused)?;
    Ok(Layer { descriptor: Descriptor::new(media_type::LAYER_ZSTD, blob), ..layer })
}

/// Returns a static program for an architecture.
fn program(setting: &Setting, architecture: &str) -> Result<Vec<u8>, Failure> {
    let program = build_gzip1_for(&setting.directory, architecture)?;
    std::fs::read(&program).map_err(Failure::file(&program))
}

pub(super) fn refused(error: impl std::error::Error) -> Failure {
    Failure::Answer(error.to_string())
}

/// Returns the layers of the image in the layout.
fn layer_blobs(layout: &Layout) -> Result<Vec<PathBuf>, Failure> {
    let source = ImageSource::open(layout.path(), layout.path()).map_err(refused)?;
    let platforms = source.images().iter().flat_map(|image| &image.platforms);
    let layers = platforms.flat_map(|platform| &platform.manifest.value.layers);
    let directory = layout.path().join("blobs/sha256");
    Ok(layers.map(|layer| directory.join(layer.digest.hex())).collect())
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

/// Returns programs of this machine, and libraries if it has too few.
fn programs() -> Result<Vec<PathBuf>, Failure> {
    let all = candidates().into_iter().chain(libraries());
    let found: Vec<PathBuf> = all.filter(|path| starts_with(path, b"\x7fELF")).take(PROGRAMS).collect();
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
