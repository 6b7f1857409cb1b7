//! Remedies: the commands that install tools, toolchains and standard libraries, by the family of the system.

use camino::Utf8Path;
use crossdock_platform::{BuildTarget, Libc, Linkage, known_platforms};

use super::{Host, Manager, RustToolchain, System};
use crossdock_project::ToolError;
use crossdock_system::availability::{Remedy, Scope};
use crossdock_system::process::{Command, ProcessError};

/// Returns the remedies for a missing tool, the best first; empty if none is known.
pub fn install(tool: &str, system: &System) -> Vec<Remedy> {
    if tool == "zig" {
        return zig(system);
    }
    let cargo =
        // `--locked` builds with the versions that the tool's author tested.
        matches!(tool, "cargo-zigbuild").then(|| user([command("cargo", ["install", "--locked", tool])]));
    let names = match (system, tool) {
        // Bookworm's own Rust is of 2022; `rustc-web`, which is kept current for browsers, is recent.
        (System::Debian { codename: Some(codename) }, "cargo" | "rustc") if codename == "bookworm" => {
            Some(["rustc-web", "cargo-web"].map(str::to_owned).to_vec())
        }
        (System::Debian { .. }, _) => cross_compiler(tool),
        _ => None,
    };
    let names = names.or_else(|| package(tool, system).map(|name| vec![name]));
    cargo.into_iter().chain(names.and_then(|names| packages(system, &names))).collect()
}

/// Returns Debian's packages of a cross compiler: with its C library, which the compiler's package only recommends.
fn cross_compiler(tool: &str) -> Option<Vec<String>> {
    let mut names = known_platforms()
        .map(|platform| BuildTarget::new(platform, Linkage::Dynamic).with_libc(Libc::GNU).names());
    let names = names.find(|names| names.gcc.as_deref() == Some(tool))?;
    Some(vec![names.gcc_package?, names.libc_package?])
}

/// Returns the command that installs the toolchain that a project selects: rustup does not have it, or go is older than
/// the module requires and `GOTOOLCHAIN=local` forbids it to fetch another.
pub fn missing_toolchain(refused: &ToolError) -> Option<Command> {
    let ProcessError::Failed { stderr, .. } = &refused.process else { return None };
    let is_old = |line: &str| line.contains("requires go >=") && line.contains("GOTOOLCHAIN=local");
    let fetch = || Command::new("go", &refused.directory).args(["env", "-w", "GOTOOLCHAIN=auto"]);
    let fetched = stderr.lines().any(is_old).then(fetch);
    toolchain(stderr, &refused.directory).or(fetched)
}

/// Returns the command that installs the toolchain that the project in `directory` selects, if rustup's proxy reported
/// that it is not installed.
pub(crate) fn toolchain(said: &str, directory: &Utf8Path) -> Option<Command> {
    let is_missing = said.lines().any(|line| line.contains("toolchain") && line.contains("is not installed"));
    is_missing.then(|| Command::new("rustup", directory).args(["toolchain", "install"]))
}

/// Returns the remedies for a missing standard library.
pub(crate) fn add_std(
    toolchain: &RustToolchain,
    target: &BuildTarget,
    triple: &str,
    host: &Host,
) -> Vec<Remedy> {
    match &toolchain.manager {
        Manager::Rustup(name) if toolchain.addable.contains(triple) => {
            vec![user([command("rustup", ["target", "add", triple, "--toolchain", name])])]
        }
        Manager::Debian(package) => debian_std(package, target, host).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Returns the remedies for the standard library's missing source.
pub(crate) fn add_source(toolchain: &RustToolchain, system: &System) -> Vec<Remedy> {
    match &toolchain.manager {
        Manager::Rustup(name) => {
            vec![user([command("rustup", ["component", "add", "rust-src", "--toolchain", name])])]
        }
        Manager::Debian(package) => {
            let source = package.replacen("rustc", "rust", 1) + "-src";
            packages(system, &[source]).into_iter().collect()
        }
        Manager::Unknown => Vec::new(),
    }
}

/// Returns the remedies that install Debian's Rust with the standard library for a target: on bookworm `rustc-web`, as
/// its `rustc` is of 2022.
pub(crate) fn distribution(target: &BuildTarget, host: &Host) -> Vec<Remedy> {
    let suffix = match &host.system {
        System::Debian { codename: Some(codename) } if codename == "bookworm" => "-web",
        System::Debian { .. } => "",
        _ => return Vec::new(),
    };
    let compiler = packages(&host.system, &["rustc", "cargo"].map(|name| format!("{name}{suffix}")));
    let std = debian_std(&format!("rustc{suffix}"), target, host);
    compiler.zip(std).map(|(compiler, std)| compiler.then(&std)).into_iter().collect()
}

/// Returns the remedy that installs Debian's standard library for a target. Its packages are multiarch: `rustc-web` has
/// `libstd-rust-web-dev:arm64`.
fn debian_std(package: &str, target: &BuildTarget, host: &Host) -> Option<Remedy> {
    let architecture = target.names().debian.filter(|_| host.system.is_debian())?;
    let gnu = matches!(target.libc(), Libc::Gnu { .. });
    let std = format!("{}-dev:{architecture}", package.replacen("rustc", "libstd-rust", 1));
    let install = packages(&host.system, &[std]).filter(|_| gnu)?;
    if target.platform().architecture() == host.platform.architecture() {
        return Some(install);
    }
    let add = Remedy {
        // apt knows the packages of an added architecture only once it has fetched their lists.
        commands: vec![command("dpkg", ["--add-architecture", architecture]), command("apt-get", ["update"])],
        scope: Scope::System,
    };
    Some(add.then(&install))
}

/// Returns the remedy that installs packages of the system; `None` if its package manager is unknown.
pub(crate) fn packages(system: &System, names: &[String]) -> Option<Remedy> {
    let (program, arguments): (&str, &[&str]) = match system {
        System::Debian { .. } => ("apt-get", &["install", "-y"]),
        System::Fedora => ("dnf", &["install", "-y"]),
        System::Alpine => ("apk", &["add"]),
        System::Arch => ("pacman", &["-S", "--noconfirm"]),
        // Homebrew installs into its own directory as the user who owns it, and refuses to run as root.
        System::MacOs => return Some(user([command("brew", ["install"]).args(names)])),
        // Without `--exact` winget takes every package whose name contains the word, and asks.
        System::Windows => return Some(user([command("winget", ["install", "--exact"]).args(names)])),
        System::Other => return None,
    };
    let command = command(program, arguments.iter().copied()).args(names);
    Some(Remedy { commands: vec![command], scope: Scope::System })
}

/// Returns a remedy that changes only the user's own directories.
pub fn user(commands: impl Into<Vec<Command>>) -> Remedy {
    Remedy { commands: commands.into(), scope: Scope::User }
}

/// Returns a command that does not depend on the working directory.
pub fn command<S: Into<String>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Command {
    Command::new(program, "/").args(arguments)
}

/// Returns the remedies for zig, which PyPI has for every system. A distribution's pip refuses to install next to its
/// own packages (PEP 668) unless `PIP_BREAK_SYSTEM_PACKAGES` is set.
fn zig(system: &System) -> Vec<Remedy> {
    let pip = match system {
        System::Windows => command("py", ["-m", "pip", "install", "ziglang"]),
        System::MacOs | System::Other => command("python3", ["-m", "pip", "install", "ziglang"]),
        _ => command("python3", ["-m", "pip", "install", "ziglang"]).env("PIP_BREAK_SYSTEM_PACKAGES", "1"),
    };
    let mut all = vec![user([pip.clone()])];
    match system {
        System::MacOs => all.extend(packages(system, &["zig".to_owned()])),
        System::Debian { .. } => {
            all.extend(packages(system, &["python3-pip".to_owned()]).map(|mut with_pip| {
                with_pip.commands.push(pip);
                with_pip
            }))
        }
        System::Fedora | System::Alpine | System::Arch => all.extend(packages(system, &["zig".to_owned()])),
        System::Windows | System::Other => {}
    }
    all
}

/// Returns the system's package that contains a tool.
fn package(tool: &str, system: &System) -> Option<String> {
    let name = match (tool, system) {
        ("go", System::Debian { .. }) => "golang-go",
        ("go", System::Fedora) => "golang",
        ("rustc", System::MacOs) => "rustup",
        ("rustc" | "cargo", System::Windows) => "Rustlang.Rustup",
        ("go", System::Windows) => "GoLang.Go",
        ("git", System::Windows) => "Git.Git",
        ("cmake", System::Windows) => "Kitware.CMake",
        (_, System::Windows) => return None,
        ("rustc", System::Alpine) => "cargo",
        ("rustc", System::Debian { .. }) => "cargo",
        ("rustc" | "cargo", System::Arch) => "rust",
        ("rustc", System::Fedora) => "cargo",
        ("docker", System::Debian { .. }) => "docker.io",
        ("musl-gcc", System::Debian { .. }) => "musl-tools",
        ("musl-gcc", System::Fedora) => "musl-gcc",
        ("musl-gcc", System::Arch) => "musl",
        ("cc", System::Debian { .. } | System::Fedora | System::Arch) => "gcc",
        ("cc", System::Alpine) => "build-base",
        ("pkg-config", System::Alpine | System::Fedora | System::Arch) => "pkgconf",
        ("go" | "cargo" | "git" | "docker" | "podman" | "skopeo" | "clang" | "cmake" | "pkg-config", _) => {
            tool
        }
        (tool, System::Debian { .. }) if tool.starts_with("qemu-") => "qemu-user-static",
        (tool, System::Fedora) if tool.starts_with("qemu-") => "qemu-user-static",
        _ => return None,
    };
    Some(name.to_owned())
}
