//! Files that pin versions of tools: of crossdock itself, and of compilers.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::{ChangeKind, Reasons};
use crate::git::{Changes, PathState};

/// The packages through which a project depends on crossdock.
const CRATES: [&str; 2] = ["crossdock-cli", "crossdock"];
/// The scripts that `crossdock init` writes for pipelines. They install a version of crossdock.
const SCRIPTS: [&str; 2] = [".github/crossdock.sh", ".gitlab/crossdock.sh"];

/// Adds a change of crossdock's version, as far as the repository names one: in a `Cargo.lock`, with an `xtask` that depends
/// on it, or in the script with which a pipeline installs it.
pub(super) fn crossdock(changes: &Changes, common: &mut Reasons) {
    for path in changes.changed() {
        if path == "Cargo.lock" || path.ends_with("/Cargo.lock") {
            let new = crossdock_fs::read_text(changes.root.join(path).as_std_path()).unwrap_or_default();
            let (old, new) = (pinned(&changes.old_text(path).unwrap_or_default()), pinned(&new));
            if old != new {
                let text = |versions: BTreeSet<String>| match versions.is_empty() {
                    true => "none".to_owned(),
                    false => Vec::from_iter(versions).join(", "),
                };
                let (old, new) = (text(old), text(new));
                common.add(ChangeKind::Crossdock, format!("crossdock changed from {old} to {new} in {path}"));
            }
        }
        if SCRIPTS.iter().any(|script| path == *script || path.ends_with(&format!("/{script}"))) {
            common.add(ChangeKind::Crossdock, format!("{path}, which installs crossdock"));
        }
    }
}

/// Returns the versions of crossdock in a `Cargo.lock`, each with its commit if it is from git.
fn pinned(lock: &str) -> BTreeSet<String> {
    let lock: toml::Table = lock.parse().unwrap_or_default();
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let packages = packages.filter_map(toml::Value::as_table);
    let text = |package: &toml::Table, key: &str| package.get(key)?.as_str().map(str::to_owned);
    let version = |package: &toml::Table| {
        let name = text(package, "name").filter(|name| CRATES.contains(&name.as_str()))?;
        let version = text(package, "version")?;
        let commit = text(package, "source").and_then(|source| Some(source.rsplit_once('#')?.1.to_owned()));
        let name = if name == CRATES[0] { String::new() } else { format!("{name} ") };
        Some(match commit {
            Some(commit) => format!("{name}{version} ({commit})"),
            None => format!("{name}{version}"),
        })
    };
    packages.filter_map(version).collect()
}

/// Files that choose the version of a compiler, for it or for the tool that installs it, in the project's directory or above.
const FILES: [&str; 12] = [
    ".go-version",
    ".mise.toml",
    ".rust-version",
    ".tool-versions",
    "devbox.json",
    "devbox.lock",
    "flake.lock",
    "flake.nix",
    "mise.lock",
    "mise.toml",
    "rust-toolchain",
    "rust-toolchain.toml",
];

/// Adds the files that choose the compilers of the project in a directory.
pub(super) fn toolchain(changes: &Changes, directory: &Utf8Path, reasons: &mut Reasons) {
    for above in directory.ancestors() {
        let is_inside = above.starts_with(&changes.root);
        // Outside of the checkout only those that rustup reads: the others belong to the machine.
        let names = FILES.iter().filter(|name| is_inside || name.starts_with("rust-toolchain"));
        for path in names.map(|name| above.join(name)).filter(|path| path.is_file()) {
            if let PathState::Unknown(why) = changes.state(&path) {
                reasons.add(ChangeKind::Unknown, why);
            }
        }
    }
    let directory = changes.below(directory).unwrap_or_default();
    let applies = |path: &&str| {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        FILES.contains(&name) && Utf8Path::new(&directory).starts_with(above)
    };
    reasons.add_all(ChangeKind::Toolchain, changes.changed().filter(applies));
}
