//! The host as a value: what it is and which tools it has. Detection makes one; `--host` invents one; planning only
//! reads one.

mod detect;
mod file;
mod form;
mod go;
mod hypothetical;
mod lookup;
mod memory;
mod observe;
pub mod remedies;
mod rust;
mod system;
mod tools;
mod zig;

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use crossdock_platform::Platform;
use serde::{Deserialize, Serialize};

use crossdock_system::availability::Availability;

pub use detect::{Also, HostError, Needs, detect};
pub use detect::{name as machine_name, platform};
pub use file::HostFileError;
pub use observe::{Observation, Situation, observe, of_elf};
pub use remedies::missing_toolchain;
pub use system::here;

/// A machine that builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "form::HostForm", into = "form::HostForm")]
pub struct Host {
    /// What programs it runs natively.
    pub platform: Platform,
    /// What installs software on it.
    pub system: System,
    /// Whether commands that change the system run as they are (`root`) or through sudo.
    pub root: bool,
    /// Processors that a build may use.
    pub processors: usize,
    /// The Rust toolchain that each project selects, by the project's folder. A folder stands for those below it that
    /// have no entry of their own, and the empty path for every folder; see [`Host::rust_of`].
    pub rust: BTreeMap<Utf8PathBuf, Availability<RustToolchain>>,
    /// The distribution's Rust toolchain; looked for only where a project names that route.
    pub distribution: Availability<RustToolchain>,
    /// `rustup`.
    pub rustup: Availability<Tool>,
    /// The Go toolchain that each module selects, by folder as in [`Host::rust`].
    pub go: BTreeMap<Utf8PathBuf, Availability<GoToolchain>>,
    /// Other tools by name: `zig`, `cargo-zigbuild`, `aarch64-linux-gnu-gcc`, `musl-gcc`, `git`, `docker`, `podman`,
    /// `qemu-aarch64-static`, and so on. What was looked for and is not there has its reason.
    pub tools: BTreeMap<String, Availability<Tool>>,
}

/// The family of systems that decides which command installs a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
pub struct Tool {
    /// How it is called: its path, and arguments that belong to it (`python3 -m ziglang`).
    pub command: Vec<String>,
    /// What it says of its version, as `0.17.0`.
    pub version: Option<String>,
}

/// A Rust toolchain and what it can build for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The folder of the standard library's source that `-Zbuild-std` reads, when installed.
    pub source: Option<Utf8PathBuf>,
}

/// What installed a Rust toolchain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
pub struct GoToolchain {
    /// `go`.
    pub go: Utf8PathBuf,
    /// `1.26.8`, as `go env GOVERSION` in the project's folder says (a `toolchain` line may select another one).
    pub version: String,
    /// `go env GOFLAGS`.
    pub flags: String,
}

#[cfg(test)]
mod tests;
