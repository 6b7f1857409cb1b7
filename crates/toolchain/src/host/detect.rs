//! Detection of this machine: tools are asked in parallel, and only those that the projects need.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use crossdock_platform::Platform;

use super::{Host, System, toolchains, tools};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::Processes;

/// The questions for a host. The default asks only which tools PATH has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Needs {
    /// The directories of Cargo projects, each of which may select its own toolchain.
    pub rust: BTreeSet<Utf8PathBuf>,
    /// The directories of Go modules, each of which may select its own toolchain.
    pub go: BTreeSet<Utf8PathBuf>,
    /// Slow questions that are needed.
    pub probes: BTreeSet<Probe>,
}

impl Needs {
    /// Adds the directories of Cargo projects.
    #[must_use]
    pub fn with_rust(mut self, directories: impl IntoIterator<Item = Utf8PathBuf>) -> Self {
        self.rust.extend(directories);
        self
    }

    /// Adds the directories of Go modules.
    #[must_use]
    pub fn with_go(mut self, directories: impl IntoIterator<Item = Utf8PathBuf>) -> Self {
        self.go.extend(directories);
        self
    }

    /// Adds questions that cost more than a look into PATH.
    #[must_use]
    pub fn with_probes(mut self, probes: impl IntoIterator<Item = Probe>) -> Self {
        self.probes.extend(probes);
        self
    }
}

/// A question that is too slow to ask without need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Probe {
    /// zig and the cross compilers' C libraries: needed for C code, dynamic programs and systems other than Linux,
    /// which rustc's own linker does not cover. Looking into Python's packages takes about 100 ms the first time.
    CCompiler,
    /// The distribution's Rust and zig: needed if a project configures a route besides its own toolchain.
    Distribution,
}

/// Describes the machine that this program runs on.
///
/// # Errors
/// [`HostError`] if the platform has no name. A tool that is missing or broken is not an error but unavailable.
pub fn detect(processes: &Processes, needs: &Needs) -> Result<Host, HostError> {
    let system = &current_system();
    let asked = |probe| needs.probes.contains(&probe);
    std::thread::scope(|scope| {
        let spawn_rust = |directory| scope.spawn(move || toolchains::rust(processes, system, directory));
        let spawn_go = |directory| scope.spawn(move || toolchains::go(processes, system, directory));
        let rust: Vec<_> = needs.rust.iter().map(|directory| (directory, spawn_rust(directory))).collect();
        let go: Vec<_> = needs.go.iter().map(|directory| (directory, spawn_go(directory))).collect();
        let distribution = asked(Probe::Distribution)
            .then(|| scope.spawn(move || toolchains::distribution_rust(processes, system)));
        let compilers = asked(Probe::CCompiler) || asked(Probe::Distribution);
        let zig = compilers.then(|| scope.spawn(move || tools::zig(processes, system)));
        let mut tools =
            tools::look_for(processes.environment(), system, tools::names().iter().map(String::as_str));
        if compilers {
            tools::ask_for_libc(processes, system, &mut tools);
        }
        tools.extend(zig.map(|zig| ("zig".to_owned(), answer(zig.join()))));
        Ok(Host {
            platform: current_platform()?,
            root: is_root(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            rust: rust
                .into_iter()
                .map(|(directory, asked)| (directory.clone(), answer(asked.join())))
                .collect(),
            distribution: distribution.map_or_else(not_asked, |asked| answer(asked.join())),
            rustup: toolchains::rustup(processes, system),
            go: go.into_iter().map(|(directory, asked)| (directory.clone(), answer(asked.join()))).collect(),
            tools,
            system: system.clone(),
        })
    })
}

/// The reason why this machine cannot be described.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The machine's platform has no OCI name.
    #[error(
        "this machine ({os}/{architecture}) is not a platform that crossdock knows: specify one with `--host`"
    )]
    Platform {
        /// Rust's name of the system.
        os: &'static str,
        /// Rust's name of the processor.
        architecture: &'static str,
    },
}

pub(super) fn answer<T>(joined: std::thread::Result<Availability<T>>) -> Availability<T> {
    joined.unwrap_or_else(|_| {
        Availability::Unavailable(Unavailable::because("internal error: the thread that asked panicked"))
    })
}

fn not_asked<T>() -> Availability<T> {
    Availability::Unavailable(Unavailable::because("it was not looked for, as no project configures it"))
}

/// Returns the platform for which this program was compiled.
///
/// # Errors
/// [`HostError::Platform`] if it has no OCI name.
pub fn current_platform() -> Result<Platform, HostError> {
    let (os, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    let name = if os == "macos" { "darwin" } else { os };
    platform_of(name, architecture).ok_or(HostError::Platform { os, architecture })
}

/// Returns the platform with Go's name of the system and Rust's name of the processor.
pub(super) fn platform_of(os: &str, architecture: &str) -> Option<Platform> {
    let architecture = match architecture {
        "x86" => "386",
        // Rust's name of the processor does not tell the byte order.
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

/// Returns this machine's host name; empty on systems other than Unix.
#[cfg(unix)]
pub fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
pub fn machine_name() -> String {
    String::new()
}

/// Returns the family of a Linux system from its os-release(5) file.
pub(crate) fn of_os_release(text: &str) -> System {
    let value = |key: &str| {
        let lines = text.lines().filter_map(|line| line.trim().split_once('='));
        // The file is a list of assignments for a shell (os-release(5)), in which the last one of a name counts.
        let found = lines.into_iter().rfind(|(name, _)| *name == key);
        found.map(|(_, value)| value.trim_matches(['"', '\'']).to_owned())
    };
    let family = [value("ID"), value("ID_LIKE")].map(Option::unwrap_or_default).join(" ");
    for name in family.split_whitespace() {
        match name {
            "debian" | "ubuntu" => return System::Debian { codename: value("VERSION_CODENAME") },
            "fedora" | "rhel" | "centos" => return System::Fedora,
            "alpine" => return System::Alpine,
            "arch" => return System::Arch,
            _ => {}
        }
    }
    System::Other
}

/// Returns the family of the system that this program runs on.
pub fn current_system() -> System {
    match std::env::consts::OS {
        "macos" => System::MacOs,
        "windows" => System::Windows,
        "linux" => {
            // The first that exists counts (os-release(5)): the second is the distribution's, the first may be the
            // administrator's.
            let text = ["/etc/os-release", "/usr/lib/os-release"]
                .iter()
                .find_map(|path| std::fs::read_to_string(path).ok());
            text.map_or(System::Other, |text| of_os_release(&text))
        }
        _ => System::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_is_the_first_known_name_of_id_and_id_like() {
        let bookworm =
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n";
        let mint = "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n";
        let rocky = "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n";
        assert_eq!(of_os_release(bookworm), System::Debian { codename: Some("bookworm".to_owned()) });
        assert_eq!(of_os_release(mint), System::Debian { codename: None });
        assert_eq!(of_os_release(rocky), System::Fedora);
        assert_eq!(of_os_release("ID=alpine"), System::Alpine);
        assert_eq!(of_os_release("ID=manjaro\nID_LIKE=arch\n"), System::Arch);
        assert_eq!(of_os_release("ID=plan9\ngarbage\n="), System::Other);
    }
}
