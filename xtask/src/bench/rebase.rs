//! Another base for 50 images of a registry on this machine, each with a program that needs libraries of the base.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crossdock_oci::{Content, LayerBuilder, Layout, Owner, Timestamp};

use super::Setting;
use super::contender::seconds;
use super::layers::libraries;
use super::row::{Goal, Row};
use super::server::Server;
use super::verify::{add, kept, packed, platform, refused};
use crate::shell::{Failure, Tool};

const IMAGES: usize = 50;

/// The size of the libraries of a base in bytes.
const BASE: u64 = 30_000_000;

/// The program of the images, which needs libraries.
const PROGRAM: &str = "/bin/ls";

/// The architecture of this machine's programs.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

/// Measures the rebases of all images, one after the other. Each round has a registry of its own, which has no parts of the
/// results.
pub(super) fn rows(setting: &Setting) -> Result<Vec<Row>, Failure> {
    let directory = setting.directory.join("rebase");
    let files = files_of_base()?;
    let bases = [1, 2].map(|version| base(&directory, &files, version));
    let images = (0..IMAGES).map(|number| image(&directory, &files, number));
    let images = images.collect::<Result<Vec<_>, _>>()?;
    let mut measured = Vec::new();
    for _ in 0..setting.rounds {
        let storage = tempfile::tempdir_in(&setting.directory).map_err(Failure::file(&setting.directory))?;
        let registry = Server::registry(storage.path())?;
        let crossdock = |words: &[&str]| {
            let tool = Tool::new([setting.crossdock.display().to_string()]);
            words.iter().fold(tool, |tool, word| tool.arg(*word)).arg("--quiet").quietly()
        };
        let name = |of: &str| format!("{}/{of}", registry.host());
        let push =
            |of: &str, layout: &Layout| crossdock(&["push", &name(of), &layout.path().display().to_string()]);
        for (version, base) in bases.iter().enumerate() {
            let base = base.as_ref().map_err(|failure| Failure::Answer(failure.to_string()))?;
            push(&format!("base:{}", version + 1), base)?;
        }
        for (number, layout) in images.iter().enumerate() {
            push(&format!("team/app-{number}:1"), layout)?;
        }
        let start = Instant::now();
        for number in 0..IMAGES {
            let image = name(&format!("team/app-{number}:1"));
            crossdock(&["rebase", &image, "--onto", &name("base:2"), "--from", &name("base:1")])?;
        }
        measured.push(seconds(start.elapsed()));
    }
    let name = "rebase, 50 images one after the other";
    Ok(vec![Row { name, ours: measured, theirs: vec![], unit: "s", goal: Goal::AtMost(30.0) }])
}

/// Returns the layout of a base: one layer, which differs from that of the other base.
fn base(directory: &Path, files: &BTreeSet<PathBuf>, version: usize) -> Result<Layout, Failure> {
    kept(&directory.join(format!("base-{version}")), |layout| {
        let base = packed(layout, &layer_of_base(files, version)?)?;
        Ok(vec![platform(ARCHITECTURE, vec![base])])
    })
}

/// Returns the layout of an image on the first base, with a layer of its own.
fn image(directory: &Path, files: &BTreeSet<PathBuf>, number: usize) -> Result<Layout, Failure> {
    kept(&directory.join(format!("image-{number}")), |layout| {
        let base = packed(layout, &layer_of_base(files, 1)?)?;
        let mut own = LayerBuilder::new(Timestamp::EPOCH);
        add_file(&mut own, "/app", Path::new(PROGRAM))?;
        add(&mut own, "/etc/app", number.to_string().into_bytes())?;
        Ok(vec![platform(ARCHITECTURE, vec![base, packed(layout, &own)?])])
    })
}

fn layer_of_base(files: &BTreeSet<PathBuf>, version: usize) -> Result<LayerBuilder, Failure> {
    let mut layer = LayerBuilder::new(Timestamp::EPOCH);
    for file in files {
        add_file(&mut layer, &file.display().to_string(), file)?;
    }
    let release = format!("ID=debian\nPRETTY_NAME=\"Debian, version {version}\"\n");
    add(&mut layer, "/etc/os-release", release.into_bytes())?;
    Ok(layer)
}

fn add_file(layer: &mut LayerBuilder, path: &str, file: &Path) -> Result<(), Failure> {
    let file = std::fs::canonicalize(file).map_err(Failure::file(file))?;
    layer.add_file(path, 0o755, Owner::ROOT, Content::File(file)).map_err(refused)
}

/// Returns what the program needs, and other libraries up to the size of a base.
fn files_of_base() -> Result<BTreeSet<PathBuf>, Failure> {
    let needed = Tool::new(["ldd", PROGRAM]).stdout()?;
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    let mut files: BTreeSet<PathBuf> = needed.lines().filter_map(path).collect();
    let mut left = BASE;
    for library in libraries() {
        let size = std::fs::metadata(&library).map_err(Failure::file(&library))?.len();
        if size <= left {
            left -= size;
            files.insert(library);
        }
    }
    Ok(files)
}
