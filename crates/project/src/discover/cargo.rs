//! Discovery of a Cargo workspace with one call of `cargo metadata`.

pub(super) mod cfg;
pub(super) mod features;
pub(super) mod inputs;
pub(super) mod native_code;
pub(super) mod settings;
pub(super) mod toolchain_file;

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, MetadataCommand, Node, Package, PackageId, TargetKind};

use serde::Serialize;

use super::error::{ProjectError, some, tool_error};
use super::{DiscoverOptions, Network, PackageMetadata, Sources, first_part};
use crate::config::Features;
use crate::language::Language;
use crossdock_platform::{BuildTarget, Libc, Linkage, Os, Platform};
use crossdock_system::environment::Environment;
use crossdock_system::process::{Command, ProcessError, Processes};

use features::CargoCalls;
use inputs::CargoInputs;
use native_code::{NativeCode, Packages};
use settings::CargoSettings;
use toolchain_file::ToolchainFile;

/// A Cargo workspace, as `cargo metadata` reports it.
#[derive(Debug, Clone, Serialize)]
pub struct CargoWorkspace {
    /// The directory that was asked about: that of a member or the root.
    pub directory: Utf8PathBuf,
    /// The directory of the workspace's `Cargo.toml`.
    pub root: Utf8PathBuf,
    /// The directory that cargo builds in.
    pub target_directory: Utf8PathBuf,
    /// Whether a `Cargo.lock` exists.
    pub locked: bool,
    /// Whether cargo created the `Cargo.lock` for this question. Builds are reproducible only if it is kept.
    pub lock_created: bool,
    /// The members with binaries, sorted by name.
    pub packages: Vec<CargoPackage>,
    /// The features that cargo was asked about.
    #[serde(skip)]
    pub features: Box<Features>,
    /// The user's compiler flags and linkers, as cargo reads them in the directory that was asked about.
    pub settings: CargoSettings,
    /// The `rust-toolchain.toml` that applies to the directory.
    pub toolchain_file: Option<ToolchainFile>,
    /// The directories of members and path dependencies.
    pub sources: Sources,
}

/// A package with binaries.
#[derive(Debug, Clone, Serialize)]
pub struct CargoPackage {
    /// The name.
    pub name: String,
    /// The package id, as in cargo's JSON messages.
    pub id: String,
    /// The version.
    pub version: String,
    /// The path of its `Cargo.toml`.
    pub manifest: Utf8PathBuf,
    /// The keys that become OCI annotations.
    pub metadata: PackageMetadata,
    /// Whether plain `cargo build` in the directory that was asked about builds it. `xtask` never is a default member,
    /// nor, if the workspace names no `default-members`, a package below a directory such as `examples` or `tests`.
    pub default_member: bool,
    /// The binaries, without examples and tests.
    pub binaries: Vec<CargoBinary>,
    /// The binary that `cargo run` runs, `default-run`.
    pub default_run: Option<String>,
    /// The C code of its programs. Cargo resolves the features of all members and images together, so a chain may be one
    /// that only another of them needs.
    pub native_code: NativeCode,
    /// The local packages that its programs are built from; `None` if the project was read without cargo.
    #[serde(skip)]
    pub inputs: Option<CargoInputs>,
    /// The calls of cargo that may build it.
    #[serde(skip)]
    pub calls: CargoCalls,
}

/// A binary target.
#[derive(Debug, Clone, Serialize)]
pub struct CargoBinary {
    /// The name.
    pub name: String,
    /// The features without which cargo does not build it, `required-features`.
    pub required_features: Vec<String>,
    /// Those of the required features that are disabled.
    pub missing_features: Vec<String>,
}

pub(super) fn workspace(
    directory: &Utf8Path,
    options: &DiscoverOptions,
    processes: &Processes,
) -> Result<CargoWorkspace, ProjectError> {
    let mut rejected = Vec::new();
    let mut triples = triples(&options.platforms, &rejected);
    // The user's lock file decides what is built and is never changed. Cargo creates one only if there is none.
    let question = |triples: &[&str]| metadata_command(directory, options, triples, processes.environment());
    let mut command = question(&triples).args(["--locked"]);
    let mut answer = processes.stdout(&command);
    // A compiler that is older than a platform cannot build for it, which the plan tells. Here it must not matter.
    while let Some(unknown) = answer.as_ref().err().and_then(|error| unknown_triple(error, &triples)) {
        rejected.push(unknown);
        triples = self::triples(&options.platforms, &rejected);
        command = question(&triples).args(["--locked"]);
        answer = processes.stdout(&command);
    }
    let refused = answer.as_ref().err().and_then(refused_lock);
    let lock_created = refused.as_ref().is_some_and(|lock| !lock.is_file());
    if lock_created {
        command = question(&triples);
        answer = processes.stdout(&command);
    } else if let Some(lock) = refused {
        return Err(ProjectError::StaleLock { lock });
    }
    let answer = answer.map_err(|error| tool_error(directory, Language::Rust, error))?;
    let workspace = parse_metadata(directory, &answer, &triples, options).map_err(|source| match source {
        ReadError::NoProgram(found) => ProjectError::NoProgram {
            directory: directory.to_owned(),
            found,
            remedy: "src/main.rs or a [[bin]] to a package",
        },
        ReadError::Json(source) => ProjectError::Answer { command: command.short(), source: source.into() },
    })?;
    Ok(CargoWorkspace {
        lock_created,
        settings: CargoSettings::read(directory, processes.environment())?,
        toolchain_file: ToolchainFile::find(directory)?,
        ..workspace
    })
}

fn metadata_command(
    directory: &Utf8Path,
    options: &DiscoverOptions,
    triples: &[&str],
    environment: &Environment,
) -> Command {
    let mut command = Command::new(&options.cargo, directory).args(["metadata", "--format-version", "1"]);
    // Cargo caches there what rustc reports about each triple. Without this it caches in the project's own directory,
    // but only after a first build, and until then it asks rustc about every triple again.
    if let Some(memory) = rustc_memory(environment) {
        command = command.env("CARGO_BUILD_BUILD_DIR", memory);
    }
    if options.network == Network::Offline {
        command = command.args(["--offline"]);
    }
    if options.features.all {
        command = command.args(["--all-features"]);
    }
    if options.features.no_default {
        command = command.args(["--no-default-features"]);
    }
    for feature in &options.features.names {
        command = command.args(["--features", feature]);
    }
    // Without a filter the dependencies of every platform would count, C libraries for Windows too.
    for triple in triples {
        command = command.args(["--filter-platform", triple]);
    }
    command
}

/// Returns the Rust targets of the platforms without those that rustc rejects, or those of the default platforms if there are
/// none: on Linux and Windows with either C library, because the project may use both.
fn triples(platforms: &[Platform], rejected: &[&str]) -> Vec<&'static str> {
    let targets = |platform: &Platform| {
        let target = BuildTarget::new(platform.clone(), Linkage::Dynamic);
        match platform.os() {
            Os::Linux => vec![target.clone().with_libc(Libc::Musl), target.with_libc(Libc::GNU)],
            Os::Windows => vec![target.clone().with_libc(Libc::Mingw), target],
            _ => vec![target],
        }
    };
    let known = |platforms: &[Platform]| {
        let mut triples: Vec<&'static str> = Vec::new();
        for target in platforms.iter().flat_map(targets) {
            let triple = target.rust().ok().map(|rust| rust.triple);
            triples.extend(triple.filter(|new| !rejected.contains(new) && !triples.contains(new)));
        }
        triples
    };
    let asked = known(platforms);
    if asked.is_empty() { known(&[Platform::LINUX_AMD64, Platform::LINUX_ARM64]) } else { asked }
}

/// Returns the triple that rustc rejects: `could not find specification for target "…"`.
fn unknown_triple(error: &ProcessError, triples: &[&'static str]) -> Option<&'static str> {
    let ProcessError::Failed { stderr, .. } = error else { return None };
    let line = stderr.lines().find(|line| line.contains("find specification for target"))?;
    triples.iter().copied().find(|triple| line.contains(&format!("\"{triple}\"")))
}

/// Returns the directory for cargo's cache of rustc's answers; `None` if there is no usable cache.
fn rustc_memory(environment: &Environment) -> Option<Utf8PathBuf> {
    let cache = environment.cache_directory()?;
    let directory = crossdock_fs::open_cache_directory(cache.as_std_path(), "cargo").ok()?;
    Utf8PathBuf::from_path_buf(directory).ok()
}

/// Returns the lock file that cargo did not write because of `--locked`: `cannot create the lock file … because
/// --locked was passed`, `cannot update …`, or in older versions `the lock file … needs to be updated but …`.
fn refused_lock(error: &ProcessError) -> Option<Utf8PathBuf> {
    let ProcessError::Failed { stderr, .. } = error else { return None };
    let line = stderr.lines().find(|line| line.contains("--locked was passed"))?;
    let (_, from) = line.split_once("lock file ")?;
    let (directory, _) = from.split_once("Cargo.lock")?;
    Some(Utf8Path::new(directory).join("Cargo.lock"))
}

enum ReadError {
    NoProgram(String),
    Json(cargo_metadata::Error),
}

fn parse_metadata(
    directory: &Utf8Path,
    answer: &str,
    triples: &[&str],
    options: &DiscoverOptions,
) -> Result<CargoWorkspace, ReadError> {
    let metadata = MetadataCommand::parse(answer).map_err(ReadError::Json)?;
    let defaults = default_members(directory, &metadata);
    let all = Packages::new(&metadata);
    let members = metadata.workspace_members.iter().filter_map(|id| all.package(id));
    let mut members: Vec<&Package> = members.collect();
    // The order of the members differs between versions of cargo.
    members.sort_by_key(|package| &package.name);
    let (programs, libraries): (Vec<&Package>, Vec<&Package>) =
        members.into_iter().partition(|package| has_binary(package));
    if programs.is_empty() {
        let names = libraries.iter().map(|package| package.name.as_str());
        return Err(ReadError::NoProgram(format!(
            "none of its packages {} has a binary target",
            some(names)
        )));
    }
    let sources = sources(&metadata);
    let native_code = all.native_code(&programs, triples);
    let graph = inputs::Graph::new(&metadata);
    let calls = features::calls(&metadata, &all, &programs, triples, &options.features);
    let package = |((package, native_code), calls): ((&Package, NativeCode), CargoCalls)| CargoPackage {
        inputs: Some(graph.inputs(&package.id)),
        calls,
        default_member: defaults.contains(&&package.id) && package.name.as_str() != "xtask",
        native_code,
        ..package_of(package, all.node(&package.id))
    };
    Ok(CargoWorkspace {
        directory: directory.to_owned(),
        lock_created: false,
        locked: metadata.workspace_root.join("Cargo.lock").is_file(),
        features: Box::new(options.features.clone()),
        packages: programs.into_iter().zip(native_code).zip(calls).map(package).collect(),
        root: metadata.workspace_root,
        target_directory: metadata.target_directory,
        settings: CargoSettings::default(),
        toolchain_file: None,
        sources,
    })
}

/// Returns the directories of local packages. Cargo reads all members, whichever it builds. Of a package in the root,
/// only the entries that contain its targets are named: the root also contains everything else.
fn sources(metadata: &Metadata) -> Sources {
    let root = &metadata.workspace_root;
    let mut sources = Sources::default();
    for package in metadata.packages.iter().filter(|package| package.source.is_none()) {
        let directory = package.manifest_path.parent().unwrap_or(root);
        let targets = package.targets.iter().filter_map(|target| first_part(root, &target.src_path));
        sources.add(root, directory, targets);
    }
    sources.reduced()
}

/// Names of directories whose packages serve the workspace itself.
pub(super) const INTERNAL: [&str; 8] =
    ["bench", "benches", "example", "examples", "fuzz", "test", "tests", "xtask"];

/// Returns the packages that plain `cargo build` builds: in a member's directory that member, in the root the default
/// members. If the workspace names none, cargo builds all members; those that serve the workspace itself are left out.
fn default_members<'a>(directory: &Utf8Path, metadata: &'a Metadata) -> BTreeSet<&'a PackageId> {
    let manifest = directory.join("Cargo.toml");
    let own = metadata.packages.iter().find(|package| same_file(&package.manifest_path, &manifest));
    if let Some(own) = own.filter(|_| !same_file(&metadata.workspace_root, directory)) {
        return BTreeSet::from([&own.id]);
    }
    let members: BTreeSet<&PackageId> = metadata.workspace_members.iter().collect();
    // Cargo reports them since 1.71. It reports all members if the workspace names none.
    if metadata.workspace_default_members.is_available() {
        let defaults: BTreeSet<&PackageId> = metadata.workspace_default_members.iter().collect();
        if defaults != members || own.is_some() {
            return defaults;
        }
    }
    let internal = |id: &&PackageId| {
        let package = metadata.packages.iter().find(|package| package.id == **id);
        let place =
            package.and_then(|package| package.manifest_path.strip_prefix(&metadata.workspace_root).ok());
        place.is_some_and(|place| place.components().any(|part| INTERNAL.contains(&part.as_str())))
    };
    members.into_iter().filter(|id| !internal(id)).collect()
}

fn same_file(one: &Utf8Path, other: &Utf8Path) -> bool {
    // Cargo reports real paths; the directory may be reached through a symbolic link.
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn has_binary(package: &Package) -> bool {
    package.targets.iter().any(|target| target.kind.contains(&TargetKind::Bin))
}

fn package_of(package: &Package, node: Option<&Node>) -> CargoPackage {
    let enabled: BTreeSet<&str> =
        node.iter().flat_map(|node| &node.features).map(|feature| feature.as_str()).collect();
    let binaries = package.targets.iter().filter(|target| target.kind.contains(&TargetKind::Bin));
    let binary = |target: &cargo_metadata::Target| CargoBinary {
        name: target.name.clone(),
        missing_features: target
            .required_features
            .iter()
            .filter(|feature| !enabled.contains(feature.as_str()))
            .cloned()
            .collect(),
        required_features: target.required_features.clone(),
    };
    CargoPackage {
        name: package.name.to_string(),
        id: package.id.repr.clone(),
        version: package.version.to_string(),
        manifest: package.manifest_path.clone(),
        metadata: PackageMetadata {
            description: package.description.as_deref().map(|text| text.trim().to_owned()),
            license: package.license.clone(),
            repository: package.repository.clone(),
            homepage: package.homepage.clone(),
            authors: package.authors.clone(),
        },
        default_member: false,
        binaries: binaries.map(binary).collect(),
        default_run: package.default_run.clone(),
        native_code: NativeCode::default(),
        inputs: None,
        calls: CargoCalls::default(),
    }
}
