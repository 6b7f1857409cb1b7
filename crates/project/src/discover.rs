//! What the project itself says: Cargo's metadata, Go's package list, git.

mod cargo;
mod error;
mod go;
mod manifests;
mod select;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::Platform;
use crossdock_system::process::Processes;
use serde::Serialize;

use crate::config::{Features, ImageConfig};
use crate::language::Language;

pub use cargo::cfg::cfg_matches;
pub use cargo::settings::{CargoSettings, TargetSetting, UserSetting};
pub use cargo::toolchain_file::ToolchainFile;
pub use cargo::{CargoBinary, CargoPackage, CargoWorkspace};
pub use error::{ProjectError, ToolError};
pub use go::modules::GoModules;
pub use go::roles::GoRole;
pub use go::{GoMain, GoModule};
pub use manifests::read_manifests;
pub use select::{Program, SelectError};

/// Asks cargo or go what the project in a directory is. The directory is absolute and holds the `Cargo.toml`, `go.mod` or
/// `go.work`.
///
/// # Errors
/// A directory without a project or without a program, a missing tool, and what the tool itself refuses. An existing
/// `Cargo.lock` is never changed: one that does not fit is an error.
pub fn discover(
    directory: &Utf8Path,
    options: &DiscoverOptions,
    processes: &Processes,
) -> Result<Project, ProjectError> {
    match Language::detect(directory, options.language)? {
        Language::Rust => cargo::workspace(directory, options, processes).map(Project::Rust),
        Language::Go => go::module(directory, options, processes).map(Project::Go),
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

/// What is asked of a project.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DiscoverOptions {
    /// The language, where a directory may hold both.
    pub language: Option<Language>,
    /// Whether cargo and go may fetch what they miss.
    pub network: Network,
    /// The Cargo features that the images ask for, taken together: they decide what is compiled.
    pub features: Features,
    /// The platforms whose dependencies and files count.
    pub platforms: Vec<Platform>,
    /// `cargo`: a path, or a name that PATH finds.
    pub cargo: String,
    /// `go`.
    pub go: String,
}

/// Whether tools may use the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// They may.
    #[default]
    Online,
    /// They make do with what this machine has (`--offline`).
    Offline,
}

impl Default for DiscoverOptions {
    /// Everything for Linux on amd64 and arm64.
    fn default() -> Self {
        Self {
            language: None,
            network: Network::default(),
            features: Features::default(),
            platforms: vec![Platform::LINUX_AMD64, Platform::LINUX_ARM64],
            cargo: "cargo".into(),
            go: "go".into(),
        }
    }
}

impl DiscoverOptions {
    /// What images of one directory ask for, taken together: a feature that one of them turns on counts, and the default
    /// features count unless all images turn them off.
    pub fn for_images<'a>(images: impl IntoIterator<Item = &'a ImageConfig>, network: Network) -> Self {
        let mut options = Self { network, ..Self::default() };
        let mut off = None;
        for image in images {
            options.language = options.language.or(image.language.as_ref().map(|language| language.value));
            options.features.all |= image.features.all;
            options.features.names.extend(image.features.names.iter().cloned());
            off = Some(off.unwrap_or(true) && image.features.no_default);
        }
        options.features.no_default = off.unwrap_or(false);
        options.features.names.sort();
        options.features.names.dedup();
        options
    }
}

/// What a manifest says for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PackageMetadata {
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

/// The files and directories that a build reads, as far as the project's own tools tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sources {
    /// Below the project's root and relative to it, as `cmd`, `crates/api`, `*.go`; none inside another.
    pub inside: BTreeSet<String>,
    /// Directories of the project's own code that lie outside of its root: path dependencies, local replacements.
    pub outside: BTreeSet<Utf8PathBuf>,
}

impl Sources {
    /// A directory with everything in it; of the root itself those `entries` alone that are named.
    fn add(&mut self, root: &Utf8Path, directory: &Utf8Path, entries: impl Iterator<Item = String>) {
        match directory.strip_prefix(root) {
            Ok(below) if below.as_str().is_empty() => self.inside.extend(entries),
            Ok(below) => drop(self.inside.insert(below.as_str().replace('\\', "/"))),
            Err(_) => drop(self.outside.insert(directory.to_owned())),
        }
    }

    /// Adds what another question showed.
    fn merge(&mut self, other: Self) {
        self.inside.extend(other.inside);
        self.outside.extend(other.outside);
    }

    /// Without what lies in a directory that is named too.
    fn reduced(mut self) -> Self {
        let all = self.inside.clone();
        let within =
            |path: &String| Utf8Path::new(path).ancestors().skip(1).any(|above| all.contains(above.as_str()));
        self.inside.retain(|path| !within(path));
        self
    }
}

/// The first part of a path below the root: what is named to have the path.
fn first_part(root: &Utf8Path, path: &Utf8Path) -> Option<String> {
    let below = path.strip_prefix(root).ok()?;
    below.components().next().map(|part| part.as_str().to_owned())
}
