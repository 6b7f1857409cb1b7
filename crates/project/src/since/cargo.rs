//! The packages of Cargo workspaces that changed since a commit.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::{ChangeKind, Reasons};
use crate::config::{FILE_NAME, LOCK_FILE};
use crate::discover::{CargoInputs, CargoPackage, CargoWorkspace};
use crate::git::{Changes, PathState};

/// A Cargo workspace, compared.
pub(super) struct Workspace<'a> {
    workspace: &'a CargoWorkspace,
    /// The reasons that hold for every program.
    common: Reasons,
    lock: Lock,
    /// The path of the lock file below the root of the checkout.
    lock_path: String,
    /// The tracked files that are symbolic links.
    links: Vec<String>,
}

impl<'a> Workspace<'a> {
    pub(super) fn new(changes: &Changes, workspace: &'a CargoWorkspace) -> Self {
        let lock = workspace.root.join("Cargo.lock");
        let mut compared = Self {
            workspace,
            common: Reasons::default(),
            lock: Lock::default(),
            lock_path: changes.below(&lock).unwrap_or_else(|| lock.to_string()),
            links: links(changes),
        };
        compared.manifest(changes);
        compared.lock(changes, &lock);
        compared.settings(changes);
        compared.loose_files(changes);
        compared
    }

    /// Adds the reasons of the programs of a package.
    pub(super) fn program(&self, changes: &Changes, package: &CargoPackage, reasons: &mut Reasons) {
        reasons.extend(&self.common);
        let Some(inputs) = &package.inputs else {
            let why =
                format!("cargo is not installed, so that the dependencies of {} are unknown", package.name);
            return reasons.add(ChangeKind::Unknown, why);
        };
        for directory in &inputs.compiled {
            self.package(changes, directory, inputs, reasons);
        }
        for directory in inputs.resolved.difference(&inputs.compiled) {
            reasons.add_all(ChangeKind::Dependencies, changes.changed_in(&directory.join("Cargo.toml")));
        }
        let changed = self.lock.changed_below(&package.name, &package.version);
        reasons.add_all(
            ChangeKind::Dependencies,
            changed.into_iter().map(|name| format!("{name} in {}", self.lock_path)),
        );
    }

    /// Adds everything in the directory of a package that is in no other package: build scripts and macros may read any
    /// file of it.
    fn package(&self, changes: &Changes, directory: &Utf8Path, inputs: &CargoInputs, reasons: &mut Reasons) {
        if changes.below(directory).is_none() {
            return reasons.add(ChangeKind::Unknown, format!("{directory} is outside of the git checkout"));
        }
        reasons.add_state(ChangeKind::Sources, changes.state(&directory.join("Cargo.toml")));
        let nested: Vec<String> = inputs
            .all
            .iter()
            .filter(|other| *other != directory && other.starts_with(directory))
            .filter_map(|other| changes.below(other))
            .collect();
        let is_own = |path: &&str| {
            !nested.iter().any(|nested| Utf8Path::new(path).starts_with(nested))
                && !self.is_output(changes, path)
        };
        let changed = changes.changed_in(directory).into_iter().filter(is_own);
        reasons.add_all(ChangeKind::Sources, changed.filter(|path| !is_compared(path)));
        let below = changes.below(directory).unwrap_or_default();
        let links =
            self.links.iter().map(String::as_str).filter(|path| Utf8Path::new(path).starts_with(&below));
        for link in links.filter(is_own) {
            reasons.add_state(ChangeKind::Sources, changes.state(&changes.root.join(link)));
        }
        let ignored = changes.ignored_in(directory).into_iter().filter(is_own);
        let ignored = ignored.filter(|path| !is_of_editor(path));
        reasons.add_all(ChangeKind::Unknown, ignored.map(|path| format!("git ignores {path}")));
    }

    /// Compares what the manifest of the workspace says about all packages.
    fn manifest(&mut self, changes: &Changes) {
        let path = self.workspace.root.join("Cargo.toml");
        match changes.state(&path) {
            PathState::Same => {}
            PathState::Unknown(why) => self.common.add(ChangeKind::Unknown, why),
            PathState::Changed(_) => {
                let below = changes.below(&path).unwrap_or_else(|| path.to_string());
                let old = changes.old_text(&below).and_then(|text| shared(&text));
                let new = crossdock_fs::read_text(path.as_std_path()).ok().and_then(|text| shared(&text));
                if old.is_none() || old != new {
                    self.common.add(ChangeKind::Dependencies, below);
                }
            }
        }
    }

    fn lock(&mut self, changes: &Changes, path: &Utf8Path) {
        match changes.state(path) {
            _ if !path.exists() => {
                self.common.add(
                    ChangeKind::Unknown,
                    "without a Cargo.lock the versions of dependencies are unknown",
                );
            }
            PathState::Same => {}
            PathState::Unknown(why) => self.common.add(ChangeKind::Unknown, why),
            PathState::Changed(_) => {
                let old = changes.old_text(&self.lock_path).unwrap_or_default();
                let new = crossdock_fs::read_text(path.as_std_path()).unwrap_or_default();
                match Lock::compared(&old, &new) {
                    Some(lock) => self.lock = lock,
                    None => self.common.add(ChangeKind::Dependencies, self.lock_path.clone()),
                }
            }
        }
    }

    /// Adds cargo's own configuration, which applies to every directory below it.
    fn settings(&mut self, changes: &Changes) {
        let directories = [&self.workspace.directory, &self.workspace.root];
        let above: BTreeSet<&Utf8Path> =
            directories.iter().flat_map(|directory| directory.ancestors()).collect();
        for directory in above {
            let cargo = directory.join(".cargo");
            // That of the user, CARGO_HOME, belongs to the machine.
            if !directory.starts_with(&changes.root) && cargo.join("registry").is_dir() {
                continue;
            }
            self.common.add_all(ChangeKind::Toolchain, changes.changed_in(&cargo));
            for name in
                ["config", "config.toml"].map(|name| cargo.join(name)).iter().filter(|path| path.is_file())
            {
                self.common.add_state(ChangeKind::Toolchain, changes.state(name));
            }
        }
    }

    /// Adds changed files of the workspace that are in no package: build scripts and macros of any of them may read these.
    fn loose_files(&mut self, changes: &Changes) {
        let packages = self.workspace.packages.iter().filter_map(|package| package.inputs.as_ref());
        let all: BTreeSet<&Utf8PathBuf> = packages.flat_map(|inputs| &inputs.all).collect();
        let is_in_root = |directory: &Utf8PathBuf| same_directory(directory, &self.workspace.root);
        let packages: Vec<String> =
            all.iter().filter(|one| !is_in_root(one)).filter_map(|one| changes.below(one)).collect();
        let is_single = all.len() == 1 && all.iter().any(|one| is_in_root(one));
        let manifest = changes.below(&self.workspace.root.join("Cargo.toml")).unwrap_or_default();
        let is_loose = |path: &&str| {
            !packages.iter().any(|package| Utf8Path::new(path).starts_with(package))
                && !is_compared(path)
                && **path != manifest
                && !self.is_output(changes, path)
        };
        // The only package has all files of its directory anyway.
        if is_single {
            return;
        }
        let loose: Vec<&str> =
            changes.changed_in(&self.workspace.root).into_iter().filter(is_loose).collect();
        let (documentation, others): (Vec<&str>, Vec<&str>) =
            loose.into_iter().partition(|path| is_documentation(path));
        let loose = |path: &str| format!("{path}, which is in no package");
        self.common.add_all(ChangeKind::Sources, others.into_iter().map(loose));
        if !documentation.is_empty() {
            let sources = changes.tracked_in(&self.workspace.root).filter(|path| path.ends_with(".rs"));
            let text = |path: &str| {
                crossdock_fs::read_text(changes.root.join(path).as_std_path()).unwrap_or_default()
            };
            let sources: Vec<String> = sources.map(text).collect();
            let documentation =
                documentation.into_iter().filter(|path| sources.iter().any(|text| mentions(text, path)));
            self.common.add_all(
                ChangeKind::Sources,
                documentation.map(|path| format!("{path}, which a source names")),
            );
        }
    }

    /// Returns whether cargo or crossdock writes a path.
    fn is_output(&self, changes: &Changes, path: &str) -> bool {
        let output = changes.below(&self.workspace.target_directory);
        output.is_some_and(|output| Utf8Path::new(path).starts_with(&output))
            || Utf8Path::new(path).components().any(|part| part.as_str() == crossdock_fs::OUTPUT_DIRECTORY)
    }
}

/// Returns the tracked files that are symbolic links: git compares the links, and cargo reads what they lead to.
fn links(changes: &Changes) -> Vec<String> {
    let is_link =
        |path: &&str| changes.root.join(path).symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    changes.tracked_in(&changes.root).filter(is_link).map(str::to_owned).collect()
}

fn same_directory(one: &Utf8Path, other: &Utf8Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Returns whether a file is compared by its content elsewhere.
fn is_compared(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    ["Cargo.lock", FILE_NAME, LOCK_FILE].contains(&name)
}

/// Returns whether the text of a source may name a file, or a directory that it is in, for a macro.
fn mentions(text: &str, path: &str) -> bool {
    path.split('/')
        .any(|part| text.match_indices(part).any(|(at, _)| text[at + part.len()..].starts_with(['"', '/'])))
}

/// Returns whether a file next to the packages is for people, forges and editors only.
fn is_documentation(path: &str) -> bool {
    const DIRECTORIES: [&str; 7] =
        [".circleci", ".github", ".gitlab", ".idea", ".vscode", "LICENSES", "docs"];
    const NAMES: [&str; 9] = [
        ".editorconfig",
        ".gitattributes",
        ".gitignore",
        ".gitlab-ci.yml",
        ".rustfmt.toml",
        "clippy.toml",
        "deny.toml",
        "renovate.json",
        "rustfmt.toml",
    ];
    let name = path.rsplit('/').next().unwrap_or(path);
    let first = path.split('/').next().unwrap_or(path);
    DIRECTORIES.contains(&first)
        || NAMES.contains(&name)
        || name.ends_with(".md")
        || ["LICENSE", "LICENCE", "COPYING", "NOTICE"].iter().any(|start| name.starts_with(start))
}

/// Returns whether an ignored path is an editor's or a file manager's.
fn is_of_editor(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    [".DS_Store", ".idea", ".vscode"].contains(&name) || name.ends_with(".swp") || name.ends_with('~')
}

/// Returns the tables of a workspace's manifest that apply to all packages. Which members there are does not matter: each
/// package is built by itself.
fn shared(text: &str) -> Option<toml::Table> {
    let mut manifest: toml::Table = text.parse().ok()?;
    manifest.retain(|key, _| ["cargo-features", "patch", "profile", "replace", "workspace"].contains(&key));
    if let Some(workspace) = manifest.get_mut("workspace").and_then(toml::Value::as_table_mut) {
        workspace.retain(|key, _| !["members", "default-members", "exclude"].contains(&key));
    }
    Some(manifest)
}

/// The packages of a `Cargo.lock`, and those that changed.
#[derive(Debug, Default)]
struct Lock {
    /// The packages by name and version, each with what it depends on as written: a name, with a version if there are
    /// several.
    packages: BTreeMap<(String, String), Vec<String>>,
    /// The packages that are not the same in the old file.
    changed: BTreeSet<(String, String)>,
}

impl Lock {
    /// Compares two versions of the file; `None` if they differ in more than packages, or are malformed.
    fn compared(old: &str, new: &str) -> Option<Self> {
        let (old, new): (toml::Table, toml::Table) = (old.parse().ok()?, new.parse().ok()?);
        let others = |lock: &toml::Table| {
            let mut lock = lock.clone();
            lock.remove("package");
            lock
        };
        if others(&old) != others(&new) {
            return None;
        }
        let packages = |lock: &toml::Table| lock.get("package").and_then(toml::Value::as_array).cloned();
        let (old, new) = (packages(&old)?, packages(&new)?);
        let mut lock = Self::default();
        for package in &new {
            let text = |key: &str| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
            let key = (text("name")?, text("version")?);
            let dependencies = package.get("dependencies").and_then(toml::Value::as_array);
            let dependencies = dependencies.into_iter().flatten().filter_map(toml::Value::as_str);
            let dependencies = dependencies.map(str::to_owned).collect::<Vec<_>>();
            // Two sources may have one version of a package.
            lock.packages.entry(key.clone()).or_default().extend(dependencies);
            if !old.contains(package) {
                lock.changed.insert(key);
            }
        }
        Some(lock)
    }

    /// Returns the names of the changed packages that a package depends on, whatever its features and platforms are.
    fn changed_below(&self, name: &str, version: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        if self.changed.is_empty() {
            return found;
        }
        let mut seen = BTreeSet::new();
        let mut pending = vec![(name.to_owned(), version.to_owned())];
        while let Some(package) = pending.pop() {
            if !seen.insert(package.clone()) {
                continue;
            }
            if self.changed.contains(&package) {
                found.insert(package.0.clone());
            }
            for dependency in self.packages.get(&package).into_iter().flatten() {
                let mut words = dependency.split(' ');
                let (name, version) = (words.next().unwrap_or_default(), words.next());
                let fits =
                    |key: &&(String, String)| key.0 == name && version.is_none_or(|version| key.1 == version);
                pending.extend(self.packages.keys().filter(fits).cloned());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(packages: &[(&str, &str, &[&str])]) -> String {
        let package = |(name, version, dependencies): &(&str, &str, &[&str])| {
            format!(
                "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\ndependencies = {dependencies:?}\n"
            )
        };
        format!("version = 4\n{}", packages.iter().map(package).collect::<String>())
    }

    #[test]
    fn a_changed_package_concerns_those_that_depend_on_it() {
        let old = lock(&[
            ("api", "0.1.0", &["log"]),
            ("web", "0.1.0", &["http 1.0.0"]),
            ("http", "1.0.0", &[]),
            ("http", "2.0.0", &["log"]),
            ("log", "0.4.0", &[]),
        ]);
        let below = |new: &str, name: &str| {
            let lock = Lock::compared(&old, new).unwrap();
            Vec::from_iter(lock.changed_below(name, "0.1.0")).join(" ")
        };
        assert_eq!(below(&old, "api"), "");
        let new = old.replace("0.4.0", "0.4.1");
        assert_eq!((below(&new, "api"), below(&new, "web")), ("log".to_owned(), String::new()));
        let new = old.replace("\"http 1.0.0\"", "\"http 2.0.0\"");
        assert_eq!((below(&new, "api"), below(&new, "web")), (String::new(), "web".to_owned()));
        assert!(Lock::compared(&old, &old.replace("version = 4", "version = 3")).is_none());
        assert!(Lock::compared("", &old).is_none());
        assert!(Lock::compared(&old, "<<<<<<<").is_none());
    }

    #[test]
    fn documentation_counts_if_a_source_names_it() {
        let source =
            "//! See README.md and docs.rs.\nconst HELP: &str = include_str!(\"../docs/help.md\");\n";
        for (path, expected) in
            [("docs/other.md", true), ("help.md", true), ("README.md", false), ("LICENSE", false)]
        {
            assert!(is_documentation(path));
            assert_eq!(mentions(source, path), expected, "{path}");
        }
    }

    #[test]
    fn members_of_a_workspace_do_not_concern_each_other() {
        let old = "[workspace]\nmembers = [\"a\"]\nresolver = \"2\"\n[profile.release]\nlto = true\n";
        assert_eq!(shared(old), shared(&old.replace("[\"a\"]", "[\"a\", \"b\"]")));
        assert_ne!(shared(old), shared(&old.replace("lto = true", "lto = false")));
        assert_ne!(shared(old), shared(&old.replace("\"2\"", "\"1\"")));
        assert_eq!(shared(old), shared(&format!("{old}[package]\nname = \"root\"\n")));
    }
}
