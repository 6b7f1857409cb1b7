//! Discovery: asks cargo or go which packages, programs and sources a project has.

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
pub use cargo::features::CargoCalls;
pub use cargo::inputs::CargoInputs;
pub use cargo::native_code::NativeCode;
pub use cargo::settings::{CargoSettings, TargetSetting, UserSetting, VariableSetting};
pub use cargo::toolchain_file::ToolchainFile;
pub use cargo::{CargoBinary, CargoPackage, CargoWorkspace};
pub use error::{ProjectError, ToolError};
pub use go::cgo::CgoLoss;
pub use go::embeds::GoEmbed;
pub(crate) use go::embeds::embed_reaches;
pub use go::inputs::{GoInput, GoInputs};
pub use go::modules::GoModules;
pub use go::packages::GoPackage;
pub use go::roles::GoRole;
pub use go::variables::go_cache_program;
pub use go::{GoFacts, GoMain, GoModule};
pub use manifests::read_manifests;
pub use select::{Program, SelectError};

/// Asks cargo or go about the project in a directory. The directory is absolute and contains the `Cargo.toml`, `go.mod`
/// or `go.work`.
///
/// # Errors
/// A directory without a project or without a program, a missing tool, and a project that the tool refuses. An existing
/// `Cargo.lock` is never changed: one that does not match is an error.
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

/// A Cargo workspace or a Go module, from which images are built.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case", tag = "language")]
pub enum Project {
    /// A Cargo workspace or a single package.
    Rust(CargoWorkspace),
    /// A Go module or workspace.
    Go(GoModule),
}

/// Options of [`discover`]. By default they cover Linux on amd64 and arm64.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DiscoverOptions {
    /// The language, for a directory with projects of both.
    pub language: Option<Language>,
    /// Whether cargo and go may use the network.
    pub network: Network,
    /// The Cargo features of all images together: they decide which dependencies are compiled.
    pub features: Features,
    /// The platforms whose dependencies and files count.
    pub platforms: Vec<Platform>,
    /// The `cargo` to run: a path, or a name to look up in PATH.
    pub cargo: String,
    /// The `go` to run: a path, or a name to look up in PATH.
    pub go: String,
    /// The directory of answers of `go list` that are remembered from run to run; `None` if none are. It is created.
    pub answers: Option<Utf8PathBuf>,
}

/// Whether cargo and go may use the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// They may download what is missing.
    #[default]
    Online,
    /// They use what this machine has (`--offline`).
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
            answers: None,
        }
    }
}

impl DiscoverOptions {
    /// Creates the options for the images of one directory. A feature counts if one image enables it; the default
    /// features count unless all images disable them.
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

/// The keys of a package's manifest that describe it to people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PackageMetadata {
    /// The description, without surrounding white space.
    pub description: Option<String>,
    /// The license, an SPDX expression.
    pub license: Option<String>,
    /// The URL of the source repository.
    pub repository: Option<String>,
    /// The URL of the home page.
    pub homepage: Option<String>,
    /// The authors.
    pub authors: Vec<String>,
}

/// The files and directories that a build reads, as far as the project's own tools say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sources {
    /// Paths and patterns relative to the project's root, such as `cmd`, `crates/api` and `*.go`; none below another.
    pub inside: BTreeSet<String>,
    /// Directories of the project's own code outside of its root: path dependencies and local replacements.
    pub outside: BTreeSet<Utf8PathBuf>,
}

impl Sources {
    /// Adds a directory with all its content; of the root itself only the named `entries`.
    fn add(&mut self, root: &Utf8Path, directory: &Utf8Path, entries: impl Iterator<Item = String>) {
        match directory.strip_prefix(root) {
            Ok(below) if below.as_str().is_empty() => self.inside.extend(entries),
            Ok(below) => drop(self.inside.insert(below.as_str().replace('\\', "/"))),
            Err(_) => drop(self.outside.insert(directory.to_owned())),
        }
    }

    /// Removes paths below a directory that is listed too.
    fn reduced(mut self) -> Self {
        let all = self.inside.clone();
        let within =
            |path: &String| Utf8Path::new(path).ancestors().skip(1).any(|above| all.contains(above.as_str()));
        self.inside.retain(|path| !within(path));
        self
    }
}

/// Returns the first component of a path below the root.
fn first_part(root: &Utf8Path, path: &Utf8Path) -> Option<String> {
    let below = path.strip_prefix(root).ok()?;
    below.components().next().map(|part| part.as_str().to_owned())
}
