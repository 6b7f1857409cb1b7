//! The Rust and Go toolchains that projects select, as rustc, rustup and go report them.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::answer_cache::AnswerCache;
use super::{GoToolchain, Manager, RustToolchain, System, Tool, ToolchainOrigin, remedies, tools};
use crossdock_system::availability::{Availability, Unavailable};
use crossdock_system::process::{Command, ProcessError, Processes};

/// Returns the Rust toolchain that the project in `directory` selects, that is, the meaning of `rustc` there.
pub(crate) fn rust(
    processes: &Processes,
    system: &System,
    directory: &Utf8Path,
) -> Availability<RustToolchain> {
    let environment = processes.environment();
    let programs = ["cargo", "rustc"].map(|name| tools::in_path(environment, name).ok_or(name));
    let [cargo, rustc] = match programs {
        [Ok(cargo), Ok(rustc)] => [cargo, rustc],
        [Err(name), _] | [_, Err(name)] => return Availability::Unavailable(tools::absent(name, system)),
    };
    let found = ask(processes, directory, Programs { cargo, rustc }, ToolchainOrigin::Project);
    found.map_or_else(Availability::Unavailable, Availability::Available)
}

/// Returns the Rust toolchain of the system's packages.
pub(crate) fn distribution_rust(processes: &Processes, system: &System) -> Availability<RustToolchain> {
    let Some(programs) = packaged() else {
        let why = "the system's packages have no `/usr/bin/rustc` with `/usr/bin/cargo`";
        return Availability::Unavailable(Unavailable {
            why: why.to_owned(),
            ..tools::absent("rustc", system)
        });
    };
    let directory = processes.environment().directory.clone();
    let found = ask(processes, &directory, programs, ToolchainOrigin::Distribution);
    found.map_or_else(Availability::Unavailable, Availability::Available)
}

/// Finds `rustup`.
pub(crate) fn rustup(processes: &Processes, system: &System) -> Availability<Tool> {
    let name = "rustup";
    match tools::in_path(processes.environment(), name) {
        Some(path) => Availability::Available(Tool { command: vec![path.into_string()], version: None }),
        None => Availability::Unavailable(tools::absent(name, system)),
    }
}

struct Programs {
    cargo: Utf8PathBuf,
    rustc: Utf8PathBuf,
}

/// Returns the newest pair of rustc and cargo in `/usr/bin`: Debian has the plain names, Ubuntu numbered ones as well.
fn packaged() -> Option<Programs> {
    let pair = |suffix: &str| {
        let [cargo, rustc] =
            ["cargo", "rustc"].map(|name| tools::existing(format!("/usr/bin/{name}{suffix}")));
        Some(Programs { cargo: cargo?, rustc: rustc? })
    };
    pair("").or_else(|| {
        let names = Utf8Path::new("/usr/bin").read_dir_utf8().ok()?.filter_map(Result::ok);
        let versions = names.filter_map(|entry| version(entry.file_name().strip_prefix("rustc-")?));
        versions.max().and_then(|(major, minor)| pair(&format!("-{major}.{minor}")))
    })
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Returns the Debian package that contains a program (`rustc`, `rustc-web`, `rustc-1.85`), from dpkg's file lists:
/// `dpkg -S` would take half a second.
fn debian_package(rustc: &Utf8Path) -> Option<String> {
    let lists = Utf8Path::new("/var/lib/dpkg/info").read_dir_utf8().ok()?.filter_map(Result::ok);
    let mut packages = lists.filter_map(|entry| {
        let name = entry.file_name().strip_suffix(".list")?;
        let holds = || {
            std::fs::read_to_string(entry.path()).is_ok_and(|files| files.lines().any(|file| rustc == file))
        };
        (name.starts_with("rustc") && holds()).then(|| name.to_owned())
    });
    packages.next()
}

/// Asks a toolchain. Answers that depend only on the toolchain are cached, so that a project costs one question: which
/// toolchain it selects.
fn ask(
    processes: &Processes,
    directory: &Utf8Path,
    programs: Programs,
    origin: ToolchainOrigin,
) -> Result<RustToolchain, Unavailable> {
    let sysroot = sysroot(processes, directory, &programs, origin)?;
    let rustlib = sysroot.join("lib/rustlib");
    // Only a toolchain that rustup installed has its channel's manifest. rustup cannot add targets to others.
    let manifest =
        Some(rustlib.join("multirust-channel-manifest.toml")).filter(|manifest| manifest.is_file());
    let known = facts(processes, directory, &programs, (&sysroot, manifest.as_deref()))?;
    let version = Version::parse(&known.verbose)?;
    let std = installed(&rustlib);
    let addable = known.targets.into_iter().filter(|target| !std.contains(target));
    Ok(RustToolchain {
        origin,
        manager: match manifest {
            // rustup keeps each toolchain in a directory that has the toolchain's name.
            Some(_) => Manager::Rustup(sysroot.file_name().unwrap_or("stable").to_owned()),
            None => debian_package(&programs.rustc).map_or(Manager::Unknown, Manager::Debian),
        },
        addable: addable.collect(),
        std,
        rust_lld: rustlib.join(&version.host).join("bin/rust-lld").is_file(),
        source: Some(rustlib.join("src/rust/library")).filter(|library| library.join("Cargo.lock").is_file()),
        cargo: programs.cargo,
        rustc: programs.rustc,
        version: version.release,
        release: version.line,
        host: version.host,
    })
}

fn rustc(
    processes: &Processes,
    directory: &Utf8Path,
    programs: &Programs,
    arguments: [&str; 2],
) -> Result<String, Unavailable> {
    let command = question(programs.rustc.as_str(), directory).args(arguments);
    processes.stdout(&command).map_err(|error| rustc_failure(&error, directory))
}

/// Returns the sysroot. That of the distribution's compiler is fixed; that of a rustup proxy depends on the directory.
fn sysroot(
    processes: &Processes,
    directory: &Utf8Path,
    programs: &Programs,
    origin: ToolchainOrigin,
) -> Result<Utf8PathBuf, Unavailable> {
    let ask = || {
        rustc(processes, directory, programs, ["--print", "sysroot"])
            .map(|text| Utf8PathBuf::from(text.trim_end()))
    };
    if origin == ToolchainOrigin::Project {
        return ask();
    }
    let (cache, question) =
        (AnswerCache::new(processes.environment()), format!("sysroot of {}", programs.rustc));
    if let Some(known) = cache.get(&question) {
        return Ok(known);
    }
    ask().inspect(|sysroot| cache.put(&question, &programs.rustc, sysroot))
}

/// The facts about a toolchain that do not depend on the project.
#[derive(Debug, Serialize, Deserialize)]
struct Facts {
    /// The output of `rustc --version --verbose`.
    verbose: String,
    /// The targets that rustup can install for it.
    targets: BTreeSet<String>,
}

/// Returns the facts about a toolchain. Their witness is the manifest, which differs for every release that rustup
/// installs, or else the compiler's own file.
fn facts(
    processes: &Processes,
    directory: &Utf8Path,
    programs: &Programs,
    (sysroot, manifest): (&Utf8Path, Option<&Utf8Path>),
) -> Result<Facts, Unavailable> {
    let compiler = sysroot.join("bin/rustc");
    let witness = manifest.unwrap_or(if compiler.is_file() { &compiler } else { &programs.rustc });
    let (cache, question) =
        (AnswerCache::new(processes.environment()), format!("rustc and its targets by {witness}"));
    if let Some(known) = cache.get(&question) {
        return Ok(known);
    }
    let (verbose, targets) = std::thread::scope(|scope| {
        let targets = scope.spawn(|| manifest.map(|_| ask_rustup(processes, directory)).unwrap_or_default());
        (rustc(processes, directory, programs, ["--version", "--verbose"]), targets.join())
    });
    let panicked = |_| Unavailable::because("internal error: the thread that asked rustup panicked");
    let facts = Facts { verbose: verbose?, targets: targets.map_err(panicked)? };
    // No targets for a toolchain of rustup means that rustup failed, which may be temporary.
    if manifest.is_none() || !facts.targets.is_empty() {
        cache.put(&question, witness, &facts);
    }
    Ok(facts)
}

/// Returns a command that changes nothing: without the variable, rustup's proxies install a missing toolchain.
fn question(program: &str, directory: &Utf8Path) -> Command {
    Command::new(program, directory).env("RUSTUP_AUTO_INSTALL", "0").without_env("RUST_BACKTRACE")
}

/// Explains why rustc failed: most often rustup's proxy reports that the selected toolchain is not installed.
fn rustc_failure(error: &ProcessError, directory: &Utf8Path) -> Unavailable {
    let ProcessError::Failed { stderr, .. } = error else {
        return Unavailable::because(format!("rustc cannot be run: {error}"));
    };
    let first = stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or("it failed without a message");
    let why = first.trim_start_matches("error: ").to_owned();
    let install = remedies::toolchain(stderr, directory).map(|install| remedies::user([install]));
    Unavailable { why, remedies: install.into_iter().collect() }
}

/// Returns the targets that rustup can install for the directory's toolchain. rustup reads them from the toolchain's
/// manifest, without network; a toolchain without a manifest has none.
fn ask_rustup(processes: &Processes, directory: &Utf8Path) -> BTreeSet<String> {
    let command = question("rustup", directory).args(["target", "list"]);
    let text = processes.stdout(&command).unwrap_or_default();
    // An installed target is followed by `(installed)`.
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Returns the targets whose standard library is in the sysroot. The library itself is looked for, because the
/// directory that `rustc --print target-libdir` prints exists without it too.
fn installed(rustlib: &Utf8Path) -> BTreeSet<String> {
    let Ok(targets) = rustlib.read_dir_utf8() else { return BTreeSet::new() };
    let has_std = |target: &Utf8Path| {
        let library = |name: &str| name.starts_with("libstd-") && name.ends_with(".rlib");
        let files = target.join("lib").read_dir_utf8();
        files.is_ok_and(|files| files.filter_map(Result::ok).any(|file| library(file.file_name())))
    };
    let targets = targets.filter_map(Result::ok).filter(|target| has_std(target.path()));
    targets.map(|target| target.file_name().to_owned()).collect()
}

/// The parsed output of `rustc --version --verbose`.
#[derive(Debug, PartialEq, Eq)]
struct Version {
    line: String,
    release: String,
    host: String,
}

impl Version {
    fn parse(text: &str) -> Result<Self, Unavailable> {
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
        let parsed = || {
            let line = text.lines().next()?.to_owned();
            Some(Self { line, release: value("release")?.to_owned(), host: value("host")?.to_owned() })
        };
        parsed().ok_or_else(|| {
            Unavailable::because(format!(
                "the output of `rustc --version --verbose` has no release and host line: {text:?}"
            ))
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct GoEnv {
    goversion: String,
    goflags: String,
}

/// Returns the Go toolchain that the module in `directory` selects: `go env` runs there, so that its `toolchain` line
/// counts.
pub(crate) fn go(processes: &Processes, system: &System, directory: &Utf8Path) -> Availability<GoToolchain> {
    let Some(go) = tools::in_path(processes.environment(), "go") else {
        return Availability::Unavailable(tools::absent("go", system));
    };
    let command = Command::new(go.as_str(), directory).args(["env", "-json", "GOVERSION", "GOFLAGS"]);
    let answer = processes.stdout(&command).map_err(|error| go_failure(&error));
    match answer.and_then(|text| parse_go_env(&text)) {
        Ok(answer) => {
            // The version of a development tree begins with `devel` instead.
            let version = answer.goversion.strip_prefix("go").unwrap_or(&answer.goversion).to_owned();
            Availability::Available(GoToolchain { go, version, flags: answer.goflags })
        }
        Err(unavailable) => Availability::Unavailable(unavailable),
    }
}

fn parse_go_env(text: &str) -> Result<GoEnv, Unavailable> {
    serde_json::from_str(text)
        .map_err(|error| Unavailable::because(format!("the output of `go env -json` is not valid: {error}")))
}

fn go_failure(error: &ProcessError) -> Unavailable {
    Unavailable::because(format!("go cannot be run: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verbose_version_is_parsed() {
        let text = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n";
        let version = Version::parse(text).unwrap();
        assert_eq!(version.line, "rustc 1.95.0 (59807616e 2026-04-14)");
        assert_eq!((version.release.as_str(), version.host.as_str()), ("1.95.0", "x86_64-unknown-linux-gnu"));
        assert!(Version::parse("error: no such command").unwrap_err().why.contains("no such command"));
    }

    #[test]
    fn a_target_directory_without_std_is_not_installed() {
        let directory = tempfile::tempdir().unwrap();
        let rustlib = Utf8Path::from_path(directory.path()).unwrap();
        for (target, file) in
            [("with", "libstd-0a.rlib"), ("without", "libcore-0a.rlib"), ("etc", "libstd-0a.so")]
        {
            std::fs::create_dir_all(rustlib.join(target).join("lib")).unwrap();
            std::fs::File::create(rustlib.join(target).join("lib").join(file)).unwrap();
        }
        assert_eq!(installed(rustlib), BTreeSet::from(["with".to_owned()]));
        assert_eq!(installed(Utf8Path::new("/nowhere")), BTreeSet::new());
    }
}
