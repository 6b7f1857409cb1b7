//! Detection: the tools are asked, side by side, and only about what the projects need.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use crossdock_platform::Platform;

use super::{Host, System, toolchains, tools};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::Processes;

/// What a host is asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Needs {
    /// The directories of Cargo projects.
    pub rust: BTreeSet<Utf8PathBuf>,
    /// The directories of Go modules.
    pub go: BTreeSet<Utf8PathBuf>,
    /// What else must be asked about.
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

/// Questions that cost too much to ask without need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Probe {
    /// zig, as something is compiled from C, is dynamic, or runs on another system than Linux: all that rustc's own
    /// linker does not serve. Looking into Python's packages takes about 100 ms the first time.
    CCompiler,
    /// The distribution's Rust and zig, as a project names another route than its own toolchain.
    Distribution,
}

/// The machine that this program runs on.
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

/// Why nothing can be said of this machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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
pub fn current_platform() -> Result<Platform, HostError> {
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
pub fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
pub fn machine_name() -> String {
    String::new()
}

/// The family of a Linux system by its os-release file.
pub(crate) fn of_os_release(text: &str) -> System {
    let value = |key: &str| {
        let lines = text.lines().filter_map(|line| line.trim().split_once('='));
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

/// The family of the machine that this program runs on.
pub fn current_system() -> System {
    match std::env::consts::OS {
        "macos" => System::MacOs,
        "windows" => System::Windows,
        "linux" => {
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
