//! A build host as a value: its platform and its tools. [`detect`] asks this machine, `--host` describes another one,
//! and planning only reads the value.

mod answer_cache;
mod detect;
mod file;
mod hypothetical;
mod observe;
pub mod remedies;
mod toolchains;
mod tools;

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_platform::Platform;
use serde::{Deserialize, Serialize};

use crossdock_system::availability::{Availability, Unavailable};

pub use detect::{HostError, Needs, Probe, current_platform, current_system, detect, machine_name};
pub use file::HostFileError;
pub use observe::{Observation, Situation, observe, platform_of_elf};
pub use remedies::missing_toolchain;
pub use tools::find_tool;

/// A machine that builds. Serializes to the format of [`Host::from_file`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "file::HostFile", into = "file::HostFile")]
#[non_exhaustive]
pub struct Host {
    /// The platform whose programs it runs natively.
    pub platform: Platform,
    /// The system family, which determines its package manager.
    pub system: System,
    /// Whether commands that change the system run as root already, without sudo.
    pub root: bool,
    /// Processors that a build may use.
    pub processors: usize,
    /// The Rust toolchain that each project selects, by the project's directory. An entry holds for the directories
    /// below it without an entry of their own, and the empty path for every directory; see [`Host::rust_toolchain`].
    pub rust: BTreeMap<Utf8PathBuf, Availability<RustToolchain>>,
    /// The distribution's Rust toolchain; detected only if a project configures that route.
    pub distribution: Availability<RustToolchain>,
    /// The program rustup, which adds targets and toolchains.
    pub rustup: Availability<Tool>,
    /// The Go toolchain that each module selects, by directory as in [`Host::rust`].
    pub go: BTreeMap<Utf8PathBuf, Availability<GoToolchain>>,
    /// Other tools by name, such as `zig`, `aarch64-linux-gnu-gcc`, `git`, `docker` or `qemu-aarch64-static`. A tool
    /// that was not found has the reason and the commands that install it.
    pub tools: BTreeMap<String, Availability<Tool>>,
}

/// A family of systems that share a package manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum System {
    /// Debian, Ubuntu and their derivatives: apt-get.
    Debian {
        /// `VERSION_CODENAME` of os-release(5), such as `bookworm`.
        codename: Option<String>,
    },
    /// Fedora, RHEL and their derivatives: dnf.
    Fedora,
    /// Alpine: apk.
    Alpine,
    /// Arch: pacman.
    Arch,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
    /// A system whose package manager is unknown.
    Other,
}

/// A program of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tool {
    /// The command that runs it: its path, and leading arguments (`python3 -m ziglang`).
    pub command: Vec<String>,
    /// Its version, such as `0.17.0`; `None` if unknown.
    pub version: Option<String>,
}

/// A Rust toolchain and its targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RustToolchain {
    /// Whether the project selects it or the system's packages contain it.
    pub origin: ToolchainOrigin,
    /// The installer, which also adds targets and components.
    pub manager: Manager,
    /// The path of `cargo`.
    pub cargo: Utf8PathBuf,
    /// The path of `rustc`.
    pub rustc: Utf8PathBuf,
    /// The version, such as `1.95.0`.
    pub version: String,
    /// The first line of `rustc --version`, an input of the image's digest.
    pub release: String,
    /// The triple on which it runs.
    pub host: String,
    /// Triples whose standard library (`libstd-*.rlib`) is installed.
    pub std: BTreeSet<String>,
    /// Triples whose standard library rustup can add; empty without rustup.
    pub addable: BTreeSet<String>,
    /// Whether its sysroot contains `rust-lld`.
    pub rust_lld: bool,
    /// The directory of the standard library's source, which `-Zbuild-std` reads; `None` if not installed.
    pub source: Option<Utf8PathBuf>,
}

/// The installer of a Rust toolchain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Manager {
    /// rustup, with the toolchain's name, such as `stable-x86_64-unknown-linux-gnu`.
    Rustup(String),
    /// A Debian package, such as `rustc-web`.
    Debian(String),
    /// An unknown installer.
    Unknown,
}

/// The origin of a Rust toolchain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolchainOrigin {
    /// Selected by the project: rustup's active toolchain, or the one in `rust-toolchain.toml`.
    Project,
    /// The system's packages.
    Distribution,
}

/// A Go toolchain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GoToolchain {
    /// The path of `go`.
    pub go: Utf8PathBuf,
    /// The version, such as `1.26.8`, from `go env GOVERSION` in the module's directory, whose `toolchain` line may
    /// select it.
    pub version: String,
    /// The value of `go env GOFLAGS`.
    pub flags: String,
}

impl System {
    /// Returns whether the system uses Debian's packages.
    pub(crate) fn is_debian(&self) -> bool {
        matches!(self, Self::Debian { .. })
    }
}

impl Host {
    /// Returns the Rust toolchain that the project in `directory` selects.
    pub fn rust_toolchain(&self, directory: &Utf8Path) -> Result<&RustToolchain, Unavailable> {
        nearest(&self.rust, directory).unwrap_or_else(|| Err(self.absent("rustc")))
    }

    /// Returns the Go toolchain that the module in `directory` selects.
    pub fn go_toolchain(&self, directory: &Utf8Path) -> Result<&GoToolchain, Unavailable> {
        nearest(&self.go, directory).unwrap_or_else(|| Err(self.absent("go")))
    }

    /// Returns a tool by name. A tool that detection did not look for counts as absent.
    pub fn tool(&self, name: &str) -> Result<&Tool, Unavailable> {
        match self.tools.get(name) {
            Some(Availability::Available(tool)) => Ok(tool),
            Some(Availability::Unavailable(unavailable)) => Err(unavailable.clone()),
            None => Err(self.absent(name)),
        }
    }

    /// Returns the host as if rustup could add no target. After rustup failed to reach its server, a plan for this host
    /// uses the next route.
    #[must_use]
    pub fn without_rustup_server(mut self) -> Self {
        for toolchain in self.rust.values_mut() {
            if let Availability::Available(toolchain) = toolchain {
                toolchain.addable.clear();
            }
        }
        self
    }

    /// Returns the absence of a tool, with the commands that install it on this host.
    pub(crate) fn absent(&self, name: &str) -> Unavailable {
        let remedies = remedies::install(name, &self.system);
        Unavailable { why: format!("`{name}` is not installed"), remedies }
    }
}

/// Returns the entry of the directory itself or of its nearest ancestor.
fn nearest<'a, T>(
    by_directory: &'a BTreeMap<Utf8PathBuf, Availability<T>>,
    directory: &Utf8Path,
) -> Option<Result<&'a T, Unavailable>> {
    let above = by_directory.iter().filter(|(key, _)| directory.starts_with(key));
    let (_, found) = above.max_by_key(|(key, _)| key.components().count())?;
    Some(match found {
        Availability::Available(thing) => Ok(thing),
        Availability::Unavailable(unavailable) => Err(unavailable.clone()),
    })
}

#[cfg(test)]
mod tests;
