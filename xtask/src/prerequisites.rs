//! The tools that the tests need on this machine, and their installation. The list is `prerequisites.toml`.

use std::path::Path;

use serde::Deserialize;

use crate::shell::{Failure, Tool, say};

/// `prerequisites.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Prerequisites {
    foreign_architectures: Vec<String>,
    apt: Vec<Apt>,
    pip: Vec<Pip>,
    rustup: Rustup,
}

/// A Debian package.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Apt {
    package: String,
    proof: String,
}

/// A package of the Python Package Index.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pip {
    package: String,
    proof: Vec<String>,
}

/// Targets whose standard libraries rustup installs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rustup {
    targets: Vec<String>,
}

/// Installs missing tools and prints each command first. Installed tools are not upgraded.
pub(crate) fn install() -> Result<(), Failure> {
    let list = read()?;
    install_apt(&list)?;
    list.pip.iter().try_for_each(install_pip)?;
    add_targets(&list.rustup);
    Ok(())
}

fn read() -> Result<Prerequisites, Failure> {
    toml::from_str(include_str!("../prerequisites.toml"))
        .map_err(|error| Failure::Answer(format!("xtask/prerequisites.toml: {error}")))
}

fn install_apt(list: &Prerequisites) -> Result<(), Failure> {
    let missing: Vec<&str> =
        list.apt.iter().filter(|apt| !apt.is_installed()).map(|apt| apt.package.as_str()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if which::which("apt-get").is_err() {
        return Err(Failure::Missing(format!(
            "the tests need these Debian packages or their equivalents, and apt-get was not found; install them: {}",
            missing.join(" ")
        )));
    }
    for architecture in &list.foreign_architectures {
        as_root(["dpkg", "--add-architecture", architecture])?.run()?;
    }
    as_root(["apt-get", "update"])?.run()?;
    // The variable is an argument of `env`, because sudo does not pass the environment on.
    let install =
        ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--no-install-recommends"];
    as_root(install.into_iter().chain(missing))?.run()
}

impl Apt {
    fn is_installed(&self) -> bool {
        if self.proof.starts_with('/') {
            Path::new(&self.proof).exists()
        } else {
            // Daemons are installed in a directory that is often not on a user's PATH.
            which::which(&self.proof).is_ok() || Path::new("/usr/sbin").join(&self.proof).exists()
        }
    }
}

/// Returns a command that changes the system: unchanged for root, through sudo otherwise.
fn as_root<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Tool, Failure> {
    let words: Vec<&str> = words.into_iter().collect();
    if is_root() {
        return Ok(Tool::new(words));
    }
    if which::which("sudo").is_err() {
        return Err(Failure::Missing(format!("sudo was not found; run this as root: {}", words.join(" "))));
    }
    Ok(Tool::new(std::iter::once("sudo").chain(words)))
}

/// Whether this user may write to the directory of the system's programs.
fn is_root() -> bool {
    Tool::new(["test", "-w", "/usr/bin"]).succeeds()
}

fn install_pip(pip: &Pip) -> Result<(), Failure> {
    if Tool::new(pip.proof.iter().map(String::as_str)).succeeds() {
        return Ok(());
    }
    let install = ["python3", "-m", "pip", "install", pip.package.as_str()];
    // Debian protects its Python from pip; these packages contain only programs, so they cannot break the system's.
    Tool::new(install).run().or_else(|_| Tool::new(install).arg("--break-system-packages").run())
}

fn add_targets(rustup: &Rustup) {
    if which::which("rustup").is_err() {
        say("rustup was not found: the tests that need it will report it");
        return;
    }
    let missing = rustup.targets.iter().filter(|target| !has_std(target));
    let words = ["rustup", "target", "add"].into_iter().chain(missing.map(String::as_str));
    let add: Vec<&str> = words.collect();
    if add.len() > 3 && Tool::new(add).run().is_err() {
        say("rustup could not add the targets: the tests that need them will report it");
    }
}

/// Whether the active toolchain can compile for the target: `rustc --print target-libdir` succeeds either way.
fn has_std(target: &str) -> bool {
    let script = format!("ls \"$(rustc --print target-libdir --target {target})\"/libstd-*.rlib");
    Tool::new(["sh", "-c", &script]).succeeds()
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn every_package_is_listed_once_with_its_proof() {
        let list = read().unwrap();
        let mut packages: Vec<&str> = list.apt.iter().map(|apt| apt.package.as_str()).collect();
        packages.sort_unstable();
        let count = packages.len();
        packages.dedup();
        assert_eq!(packages.len(), count);
        assert!(list.apt.iter().all(|apt| !apt.proof.is_empty()));
        assert!(list.pip.iter().all(|pip| !pip.proof.is_empty()));
    }
}
