//! What the tests need on this machine, and its installation. The list is `prerequisites.toml`.

use std::path::Path;

use serde::Deserialize;

use crate::shell::{Failure, Tool, say};

/// The list.
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

/// A package of the Python index.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pip {
    package: String,
    proof: Vec<String>,
}

/// Standard libraries that rustup adds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rustup {
    targets: Vec<String>,
}

/// Installs what is missing, saying each command first. What is there is left alone.
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
        list.apt.iter().filter(|apt| !apt.is_there()).map(|apt| apt.package.as_str()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if which::which("apt-get").is_err() {
        return Err(Failure::Missing(format!(
            "the tests need these Debian packages or what corresponds to them here, and there is no apt-get to \
             install them: {}",
            missing.join(" ")
        )));
    }
    for architecture in &list.foreign_architectures {
        as_root(["dpkg", "--add-architecture", architecture])?.run()?;
    }
    as_root(["apt-get", "update"])?.run()?;
    // As words of the command, because sudo passes no environment on.
    let install =
        ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--no-install-recommends"];
    as_root(install.into_iter().chain(missing))?.run()
}

impl Apt {
    fn is_there(&self) -> bool {
        if self.proof.starts_with('/') {
            Path::new(&self.proof).exists()
        } else {
            // A daemon's folder is not always on a person's PATH.
            which::which(&self.proof).is_ok() || Path::new("/usr/sbin").join(&self.proof).exists()
        }
    }
}

/// A command that changes the system: as it is for root, through sudo otherwise.
fn as_root<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Tool, Failure> {
    let words: Vec<&str> = words.into_iter().collect();
    if is_root() {
        return Ok(Tool::new(words));
    }
    if which::which("sudo").is_err() {
        return Err(Failure::Missing(format!(
            "run as root, because there is no sudo here: {}",
            words.join(" ")
        )));
    }
    Ok(Tool::new(std::iter::once("sudo").chain(words)))
}

/// Root may write where the system keeps its programs.
fn is_root() -> bool {
    Tool::new(["test", "-w", "/usr/bin"]).succeeds()
}

fn install_pip(pip: &Pip) -> Result<(), Failure> {
    if Tool::new(pip.proof.iter().map(String::as_str)).succeeds() {
        return Ok(());
    }
    let install = ["python3", "-m", "pip", "install", pip.package.as_str()];
    // Debian guards its own Python; this package brings programs only, so it cannot break anything of the system's.
    Tool::new(install).run().or_else(|_| Tool::new(install).arg("--break-system-packages").run())
}

fn add_targets(rustup: &Rustup) {
    if which::which("rustup").is_err() {
        say("rustup is not here: the tests of its route will say so");
        return;
    }
    let installed = rustup.targets.iter().filter(|target| !has_std(target));
    let words = ["rustup", "target", "add"].into_iter().chain(installed.map(String::as_str));
    let add: Vec<&str> = words.collect();
    if add.len() > 3 && Tool::new(add).run().is_err() {
        say("rustup could not add them: the tests of its route will say so");
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
    fn every_row_is_there_once_and_says_how_it_is_recognised() {
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
