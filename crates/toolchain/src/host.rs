//! The host as a value: what it is and which tools it has. Detection makes one; `--host` invents one; planning only
//! reads one.

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

/// A machine that builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "file::HostFile", into = "file::HostFile")]
#[non_exhaustive]
pub struct Host {
    /// What programs it runs natively.
    pub platform: Platform,
    /// What installs software on it.
    pub system: System,
    /// Whether commands that change the system run as they are (`root`) or through sudo.
    pub root: bool,
    /// Processors that a build may use.
    pub processors: usize,
    /// The Rust toolchain that each project selects, by the project's directory. A directory stands for those below it that
    /// have no entry of their own, and the empty path for every directory; see [`Host::rust_toolchain`].
    pub rust: BTreeMap<Utf8PathBuf, Availability<RustToolchain>>,
    /// The distribution's Rust toolchain; looked for only where a project names that route.
    pub distribution: Availability<RustToolchain>,
    /// `rustup`.
    pub rustup: Availability<Tool>,
    /// The Go toolchain that each module selects, by directory as in [`Host::rust`].
    pub go: BTreeMap<Utf8PathBuf, Availability<GoToolchain>>,
    /// Other tools by name: `zig`, `cargo-zigbuild`, `aarch64-linux-gnu-gcc`, `musl-gcc`, `git`, `docker`, `podman`,
    /// `qemu-aarch64-static`, and so on. What was looked for and is not there has its reason.
    pub tools: BTreeMap<String, Availability<Tool>>,
}

/// The family of systems that decides which command installs a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum System {
    /// Debian, Ubuntu and their children: apt-get.
    Debian {
        /// `VERSION_CODENAME` of os-release, as `bookworm`.
        codename: Option<String>,
    },
    /// Fedora, RHEL and their children: dnf.
    Fedora,
    /// Alpine: apk.
    Alpine,
    /// Arch: pacman.
    Arch,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
    /// Something whose package manager is not known here.
    Other,
}

/// A program of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tool {
    /// How it is called: its path, and arguments that belong to it (`python3 -m ziglang`).
    pub command: Vec<String>,
    /// What it says of its version, as `0.17.0`.
    pub version: Option<String>,
}

/// A Rust toolchain and what it can build for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RustToolchain {
    /// Where it is from.
    pub origin: ToolchainOrigin,
    /// What it was installed by, and so what adds to it.
    pub manager: Manager,
    /// `cargo`.
    pub cargo: Utf8PathBuf,
    /// `rustc`.
    pub rustc: Utf8PathBuf,
    /// `1.95.0`.
    pub version: String,
    /// The whole first line of `rustc --version`: an input of the digest.
    pub release: String,
    /// The triple that it runs on.
    pub host: String,
    /// Triples whose `libstd-*.rlib` was found.
    pub std: BTreeSet<String>,
    /// Triples that rustup could add (empty without rustup).
    pub addable: BTreeSet<String>,
    /// Whether `rust-lld` lies in its sysroot.
    pub rust_lld: bool,
    /// The directory of the standard library's source that `-Zbuild-std` reads, when installed.
    pub source: Option<Utf8PathBuf>,
}

/// What installed a Rust toolchain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Manager {
    /// rustup, under this name: `stable-x86_64-unknown-linux-gnu`.
    Rustup(String),
    /// A package of Debian's: `rustc-web`.
    Debian(String),
    /// Nothing known.
    Unknown,
}

/// Where a Rust toolchain is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolchainOrigin {
    /// The one that the project selects: the active one, or `rust-toolchain.toml`.
    Project,
    /// The system's packages.
    Distribution,
}

/// Go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GoToolchain {
    /// `go`.
    pub go: Utf8PathBuf,
    /// `1.26.8`, as `go env GOVERSION` in the project's directory says (a `toolchain` line may select another one).
    pub version: String,
    /// `go env GOFLAGS`.
    pub flags: String,
}

impl System {
    /// Whether the system's own commands are Debian's.
    pub(crate) fn is_debian(&self) -> bool {
        matches!(self, Self::Debian { .. })
    }
}

impl Host {
    /// The Rust toolchain that the project in `directory` selects.
    pub fn rust_toolchain(&self, directory: &Utf8Path) -> Result<&RustToolchain, Unavailable> {
        nearest(&self.rust, directory).unwrap_or_else(|| Err(self.absent("rustc")))
    }

    /// The Go toolchain that the module in `directory` selects.
    pub fn go_toolchain(&self, directory: &Utf8Path) -> Result<&GoToolchain, Unavailable> {
        nearest(&self.go, directory).unwrap_or_else(|| Err(self.absent("go")))
    }

    /// A tool by name. What was not looked for counts as absent.
    pub fn tool(&self, name: &str) -> Result<&Tool, Unavailable> {
        match self.tools.get(name) {
            Some(Availability::Available(tool)) => Ok(tool),
            Some(Availability::Unavailable(unavailable)) => Err(unavailable.clone()),
            None => Err(self.absent(name)),
        }
    }

    /// The same host once rustup was seen not to reach its server: it can add nothing, so that the next plan names the
    /// next route.
    #[must_use]
    pub fn without_rustup_server(mut self) -> Self {
        for toolchain in self.rust.values_mut() {
            if let Availability::Available(toolchain) = toolchain {
                toolchain.addable.clear();
            }
        }
        self
    }

    /// The absence of a tool, with what installs it on this host.
    pub(crate) fn absent(&self, name: &str) -> Unavailable {
        let remedies = remedies::install(name, &self.system);
        Unavailable { why: format!("`{name}` is not installed"), remedies }
    }
}

/// The entry of the directory itself or of the nearest directory above it.
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
