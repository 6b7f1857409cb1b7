//! What the project itself says: Cargo's metadata, Go's package list, git.

mod cargo;
mod cargo_settings;
mod error;
mod files;
mod go;
mod go_modules;
mod go_roles;
mod native;
mod request;
mod select;
mod sources;
#[cfg(test)]
pub(crate) mod tests;
mod toolchain_file;
pub mod triple_cfg;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_system::process::Processes;
use serde::Serialize;

use crate::language::{Language, language_of};

pub use cargo_settings::{CargoSettings, TargetSetting, UserSetting};
pub use error::{ProjectError, ToolError};
pub use files::read_files;
pub use go_modules::GoModules;
pub use request::{Discovery, GoPlatform, Network};
pub use select::{Program, SelectError};
pub use sources::Sources;
pub use toolchain_file::ToolchainFile;

/// Asks cargo or go what the project in a folder is. The folder is absolute and holds the `Cargo.toml`, `go.mod` or
/// `go.work`.
///
/// # Errors
/// A folder without a project or without a program, a missing tool, and what the tool itself refuses. An existing
/// `Cargo.lock` is never changed: one that does not fit is an error.
pub fn discover(
    folder: &Utf8Path,
    asked: &Discovery,
    processes: &Processes,
) -> Result<Project, ProjectError> {
    match language_of(folder, asked.language)? {
        Language::Rust => cargo::workspace(folder, asked, processes).map(Project::Rust),
        Language::Go => go::module(folder, asked, processes).map(Project::Go),
    }
}

/// One Cargo workspace or Go module that images are built from.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case", tag = "language")]
pub enum Project {
    /// A Cargo workspace (or single package).
    Rust(CargoWorkspace),
    /// A Go module.
    Go(GoModule),
}

/// A Cargo workspace, as `cargo metadata` tells it.
#[derive(Debug, Clone, Serialize)]
pub struct CargoWorkspace {
    /// The folder that was asked about: a member's, or the root itself.
    pub folder: Utf8PathBuf,
    /// The folder of the workspace's `Cargo.toml`.
    pub root: Utf8PathBuf,
    /// Where cargo builds.
    pub target_directory: Utf8PathBuf,
    /// Whether a `Cargo.lock` exists.
    pub locked: bool,
    /// Whether there was none until cargo was asked: what is built is the same only as long as it is kept.
    pub lock_made: bool,
    /// The workspace's own packages that have binaries, by name.
    pub packages: Vec<CargoPackage>,
    /// The user's own compiler flags and linkers, as cargo reads them in the folder that was asked about.
    pub settings: CargoSettings,
    /// `rust-toolchain.toml`.
    pub toolchain_file: Option<ToolchainFile>,
    /// Where the packages lie that belong to the workspace, or that it takes from a path.
    pub sources: Sources,
}

/// A package with binaries.
#[derive(Debug, Clone, Serialize)]
pub struct CargoPackage {
    /// Its name.
    pub name: String,
    /// Its package id, as cargo's JSON messages name it.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its `Cargo.toml`.
    pub manifest: Utf8PathBuf,
    /// `package.repository`, `description`, `license`, `homepage`, `authors` for OCI annotations.
    pub about: About,
    /// Whether plain `cargo build` in the folder that was asked about builds it; never `xtask`, and where the workspace
    /// names no `default-members`, no package below a folder like `examples` or `tests`.
    pub default_member: bool,
    /// Its binaries (not examples, not tests).
    pub binaries: Vec<CargoBinary>,
    /// `default-run`: the binary that `cargo run` takes.
    pub default_run: Option<String>,
    /// Why a C compiler for the target is needed: each a chain of package names from this package to the build script
    /// that compiles C, as `["http-api", "ring", "cc"]`. Empty when everything is Rust. Cargo resolves the features of all
    /// members and images together, so a chain may be one that another of them alone needs.
    pub native_code: Vec<Vec<String>>,
}

/// A binary target.
#[derive(Debug, Clone, Serialize)]
pub struct CargoBinary {
    /// Its name.
    pub name: String,
    /// `required-features`.
    pub required_features: Vec<String>,
    /// Those of them that are off: cargo builds the binary only when it is told to enable them.
    pub missing_features: Vec<String>,
}

/// A Go module, as `go list` tells it.
#[derive(Debug, Clone, Serialize)]
pub struct GoModule {
    /// The folder of `go.mod`.
    pub root: Utf8PathBuf,
    /// The module path; of a `go.work` without a module beside it, the folder's name.
    pub path: String,
    /// The `go` directive, as `1.25`.
    pub go_version: Option<String>,
    /// The `toolchain` directive of `go.mod` or `go.work`, as `1.26.3`.
    pub toolchain: Option<String>,
    /// Which modules the build reads.
    pub modules: GoModules,
    /// Where the packages lie that belong to the module or workspace, or that replace others by a folder.
    pub sources: Sources,
    /// Its main packages.
    pub mains: Vec<GoMain>,
}

/// A main package of a Go module.
#[derive(Debug, Clone, Serialize)]
pub struct GoMain {
    /// The program's name, as `go build` names it.
    pub name: String,
    /// Its import path.
    pub import_path: String,
    /// Its folder.
    pub directory: Utf8PathBuf,
    /// Why it becomes an image without configuration, or why it does not.
    pub role: GoRole,
    /// Import paths of the packages outside the standard library below it that hold cgo files which CGO_ENABLED=0
    /// would silently drop.
    pub cgo_packages: Vec<String>,
}

/// What a main package is for, judged by its folder. Without configuration the main packages in the module's root and
/// below `cmd/` make an image each; without any there, all that are programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GoRole {
    /// It makes an image.
    Default,
    /// A program, but others come first: those in the root and below `cmd/`, and the root's where two have one name.
    Secondary,
    /// The folder of this name says that it is an example, a test or a tool of the project itself.
    Internal(String),
}

/// What a manifest says for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct About {
    /// One line.
    pub description: Option<String>,
    /// SPDX expression.
    pub license: Option<String>,
    /// Source repository.
    pub repository: Option<String>,
    /// Home page.
    pub homepage: Option<String>,
    /// Authors.
    pub authors: Vec<String>,
}
