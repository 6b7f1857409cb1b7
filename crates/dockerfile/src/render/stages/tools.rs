//! The tools that a builder installs: packages, cross compilers, targets.

use std::collections::BTreeMap;

use crossdock_platform::{BuildTarget, Libc, Linkage, Platform};
use serde::Serialize;

use super::super::combination::Linking;
use super::super::error::RenderError;
use super::super::request::{Caching, Mode, Request};
use super::super::script::{Arm, case};
use super::private::ssh_hosts;
use super::runtime::copies_zones;
use super::rust;

/// Pinned versions of tools that the builder installs: the same file makes the same image on any day.
const CARGO_CHEF: &str = "0.1.78";
const ZIG: [&str; 2] = ["cargo-zigbuild==0.24.0", "ziglang==0.17.0"];

#[derive(Debug, Default, Serialize)]
pub(super) struct ToolSteps {
    apt: Vec<String>,
    compilers: Vec<CrossCompiler>,
    apk: Vec<String>,
    setup: Vec<String>,
    /// Whether cargo-chef keeps dependencies in a layer of their own.
    chef: bool,
}

#[derive(Debug, Serialize)]
struct CrossCompiler {
    program: String,
    packages: Vec<String>,
}

pub(super) fn tools(request: &Request) -> Result<ToolSteps, RenderError> {
    let on_alpine = request.linking.builds_on_alpine(request.base);
    let private = !request.private.is_empty();
    let mut tools = ToolSteps::default();
    let mut packages: Vec<String> = Vec::new();
    let mut add = |wanted: bool, names: &[&str]| {
        packages.extend(names.iter().filter(|_| wanted).map(ToString::to_string))
    };
    add(request.linking == Linking::GoCgoMusl, &["gcc", "musl-dev"]);
    add(private && on_alpine, &["git", "openssh-client"]);
    add(copies_zones(request), &["tzdata"]);
    add(rust::uses_zig(request), &["python3-pip"]);
    let foreign = foreign_packages(request);
    packages.extend(request.build.packages.iter().filter(|package| !foreign.contains(package)).cloned());
    if on_alpine {
        tools.apk = packages;
    } else {
        tools.apt = packages;
    }
    if request.linking.uses_glibc_compiler() {
        tools.compilers = request.platforms().iter().map(cross_compiler).collect::<Result<_, _>>()?;
    }
    tools.chef = !request.linking.is_go() && request.caching == Caching::Layer;
    tools.setup = setup(request)?;
    Ok(tools)
}

/// Returns the lines that install tools that the distribution does not package.
fn setup(request: &Request) -> Result<Vec<String>, RenderError> {
    let hosts = ssh_hosts(request).into_iter();
    let mut lines: Vec<String> = hosts
        .map(|host| {
            format!("git config --global --add url.\"ssh://git@{host}/\".insteadOf \"https://{host}/\";")
        })
        .collect();
    if rust::uses_zig(request) {
        lines.push(format!("pip install --no-cache-dir --break-system-packages {};", ZIG.join(" ")));
    }
    if !request.linking.is_go() {
        let platforms = request.platforms().into_iter();
        let triples = platforms.map(|platform| Ok(rust::target(request, &platform).rust()?.triple));
        let mut triples = triples.collect::<Result<Vec<_>, RenderError>>()?;
        triples.dedup();
        lines.push(format!("rustup target add {};", triples.join(" ")));
        if request.caching == Caching::Layer {
            lines.push(format!("cargo install --locked --version {CARGO_CHEF} cargo-chef;"));
        }
    }
    // The lines are one shell command, whose last line needs no separator.
    if let Some(last) = lines.last_mut() {
        last.pop();
        lines.insert(0, "set -eu;".to_owned());
    }
    Ok(lines)
}

/// Returns Debian's cross compiler for a platform, with the C library that its package only recommends.
fn cross_compiler(platform: &Platform) -> Result<CrossCompiler, RenderError> {
    let names = BuildTarget::new(platform.clone(), Linkage::Dynamic).with_libc(Libc::GNU).names();
    match (names.gcc, names.gcc_package, names.libc_package) {
        (Some(program), Some(gcc), Some(libc)) => Ok(CrossCompiler { program, packages: vec![gcc, libc] }),
        _ => Err(no_cross_compiler(platform)),
    }
}

fn no_cross_compiler(platform: &Platform) -> RenderError {
    RenderError::NoToolchain {
        platform: platform.clone(),
        reason: "Debian has no cross compiler for it".to_owned(),
        remedy: "link a Go program without cgo (`cgo = false`), a Rust program to musl (`libc = \"musl\"`)",
    }
}

/// Returns the packages to install for the target's architecture: the libraries that a cross compiler links, from
/// Debian's multiarch directories.
fn foreign_packages(request: &Request) -> Vec<&String> {
    let glibc = request.linking.uses_glibc_compiler();
    request.build.packages.iter().filter(|package| glibc && package.ends_with("-dev")).collect()
}

/// Returns the lines that install the target's libraries.
pub(super) fn foreign(request: &Request, arms: &[Arm]) -> Result<Vec<String>, RenderError> {
    let packages = foreign_packages(request);
    if packages.is_empty() {
        return Ok(Vec::new());
    }
    let debian = |arm: &Arm| {
        let names = BuildTarget::new(arm.platform.clone(), Linkage::Dynamic).names();
        let architecture = names.debian.ok_or_else(|| no_cross_compiler(&arm.platform))?;
        let exports = BTreeMap::from([("architecture".to_owned(), architecture.to_owned())]);
        Ok(Arm { platform: arm.platform.clone(), exports })
    };
    let arms = arms.iter().map(debian).collect::<Result<Vec<Arm>, RenderError>>()?;
    let mut lines = vec!["set -eu;".to_owned()];
    match (&request.mode, arms.first()) {
        (Mode::Fixed(_), Some(arm)) => lines.push(format!("architecture={};", arm.exports["architecture"])),
        _ => lines.extend(case(&arms)),
    }
    let names: Vec<String> = packages.iter().map(|package| format!("{package}:\"$architecture\"")).collect();
    lines.extend([
        "dpkg --add-architecture \"$architecture\";".to_owned(),
        "apt-get update;".to_owned(),
        format!("apt-get install --yes --no-install-recommends {};", names.join(" ")),
        "rm -rf /var/lib/apt/lists/*".to_owned(),
    ]);
    Ok(lines)
}
