//! Detection: the tools are asked, side by side, and only about what the projects need.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use crossdock_platform::Platform;

use super::{Host, go, rust, system, tools, zig};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::Processes;

/// What a host is asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The folders of Cargo projects.
    pub rust: BTreeSet<Utf8PathBuf>,
    /// The folders of Go modules.
    pub go: BTreeSet<Utf8PathBuf>,
    /// What else must be asked about.
    pub also: BTreeSet<Also>,
}

/// Questions that cost too much to ask without need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Also {
    /// zig, as something is compiled from C, is dynamic, or runs on another system than Linux: all that rustc's own
    /// linker does not serve. Looking into Python's packages takes about 100 ms the first time.
    CCompiler,
    /// The distribution's Rust and zig, as a project names another route than its own toolchain.
    Distribution,
}

/// The machine that this program runs on.
pub fn detect(processes: &Processes, needs: &Needs) -> Result<Host, HostError> {
    let system = &system::here();
    let asked = |also| needs.also.contains(&also);
    std::thread::scope(|scope| {
        let spawn_rust = |folder| scope.spawn(move || rust::selected_by(processes, system, folder));
        let spawn_go = |folder| scope.spawn(move || go::selected_by(processes, system, folder));
        let rust: Vec<_> = needs.rust.iter().map(|folder| (folder, spawn_rust(folder))).collect();
        let go: Vec<_> = needs.go.iter().map(|folder| (folder, spawn_go(folder))).collect();
        let distribution =
            asked(Also::Distribution).then(|| scope.spawn(move || rust::of_distribution(processes, system)));
        let compilers = asked(Also::CCompiler) || asked(Also::Distribution);
        let zig = compilers.then(|| scope.spawn(move || zig::find(processes, system)));
        let mut tools =
            tools::look_for(processes.environment(), system, tools::names().iter().map(String::as_str));
        if compilers {
            tools::ask_for_libc(processes, system, &mut tools);
        }
        tools.extend(zig.map(|zig| ("zig".to_owned(), answer(zig.join()))));
        Ok(Host {
            platform: platform()?,
            root: is_root(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            rust: rust.into_iter().map(|(folder, asked)| (folder.clone(), answer(asked.join()))).collect(),
            distribution: distribution.map_or_else(not_asked, |asked| answer(asked.join())),
            rustup: rust::rustup(processes, system),
            go: go.into_iter().map(|(folder, asked)| (folder.clone(), answer(asked.join()))).collect(),
            tools,
            system: system.clone(),
        })
    })
}

/// Why nothing can be said of this machine.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The machine's platform has no name in OCI's spelling.
    #[error("this machine ({os}/{architecture}) is no platform that crossdock knows; give one with --host")]
    Platform {
        /// Rust's name of the system.
        os: &'static str,
        /// Rust's name of the processor.
        architecture: &'static str,
    },
}

pub(super) fn answer<T>(joined: std::thread::Result<Availability<T>>) -> Availability<T> {
    joined.unwrap_or_else(|_| {
        Availability::Unavailable(Unavailable::because("the thread that asked ended early"))
    })
}

fn not_asked<T>() -> Availability<T> {
    Availability::Unavailable(Unavailable::because("no project names it, so it was not looked for"))
}

/// The platform of the programs that run here as this one does.
pub fn platform() -> Result<Platform, HostError> {
    let (os, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    let name = if os == "macos" { "darwin" } else { os };
    platform_of(name, architecture).ok_or(HostError::Platform { os, architecture })
}

/// The platform by Go's name of the system and Rust's name of the processor.
pub(super) fn platform_of(os: &str, architecture: &str) -> Option<Platform> {
    let architecture = match architecture {
        "x86" => "386",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "powerpc64" => "ppc64",
        "loongarch64" => "loong64",
        other => other,
    };
    Platform::parse(&format!("{os}/{architecture}")).ok()
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// The name that this machine has in its network.
#[cfg(unix)]
pub fn name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
pub(crate) fn name() -> String {
    String::new()
}
