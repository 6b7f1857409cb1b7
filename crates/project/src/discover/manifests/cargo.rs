//! Reads a Cargo workspace from its manifests (The Cargo Book, "The Manifest Format" and "Workspaces").

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use toml::{Table, Value};

use super::{Entry, Kind, entries, text, wrong};
use crate::config::grammar::normalized_path;
use crate::discover::cargo::features::CargoCalls;
use crate::discover::cargo::native_code::{COMPILERS, FINDERS, NativeCode};
use crate::discover::cargo::settings::CargoSettings;
use crate::discover::cargo::toolchain_file::ToolchainFile;
use crate::discover::cargo::{CargoBinary, CargoPackage, CargoWorkspace, INTERNAL};
use crate::discover::error::ProjectError;
use crate::discover::{DiscoverOptions, PackageMetadata, Sources};
use crossdock_system::environment::Environment;

pub(super) fn workspace(
    directory: &Utf8Path,
    options: &DiscoverOptions,
    environment: &Environment,
) -> Result<CargoWorkspace, ProjectError> {
    let own = manifest(directory)?;
    let (root, top) = root_of(directory, &own)?;
    let members = members(&root, &top)?;
    let lock = match text(&root.join("Cargo.lock")) {
        Ok(lock) => {
            toml::from_str(&lock).map_err(|error| wrong(&root.join("Cargo.lock"), error.to_string()))?
        }
        Err(_) => Lock::default(),
    };
    let defaults = defaults(directory, &root, &top, &members)?;
    let mut sources = Sources::default();
    let mut packages = Vec::new();
    for member in &members {
        let manifest = manifest(member)?;
        let Some(package) = table(&manifest, "package") else { continue };
        add_sources(&mut sources, &root, member, &manifest);
        let reader = Member { directory: member, manifest: &manifest, package, top: &top };
        let package = reader.package(options, &lock)?;
        packages.extend(package.map(|package| CargoPackage {
            default_member: defaults.contains(member) && package.name != "xtask",
            ..package
        }));
    }
    packages.sort_by(|left, right| left.name.cmp(&right.name));
    if packages.is_empty() {
        return Err(ProjectError::NoProgram {
            directory: directory.to_owned(),
            found: "none of its packages has a binary target".to_owned(),
            remedy: "src/main.rs or a [[bin]] to a package",
        });
    }
    Ok(CargoWorkspace {
        directory: directory.to_owned(),
        target_directory: target_directory(&root, environment),
        locked: root.join("Cargo.lock").is_file(),
        lock_created: false,
        packages,
        features: Box::new(options.features.clone()),
        settings: CargoSettings::read(directory, environment)?,
        toolchain_file: ToolchainFile::find(directory)?,
        sources: sources.reduced(),
        root,
    })
}

fn manifest(directory: &Utf8Path) -> Result<Table, ProjectError> {
    let path = directory.join("Cargo.toml");
    text(&path)?.parse().map_err(|error: toml::de::Error| wrong(&path, error.to_string()))
}

fn table<'a>(table: &'a Table, key: &str) -> Option<&'a Table> {
    table.get(key)?.as_table()
}

fn texts(table: &Table, key: &str) -> Vec<String> {
    let items = table.get(key).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Returns the directory of the workspace with its manifest: the directory itself, or the nearest one above that counts
/// the directory among its members.
fn root_of(directory: &Utf8Path, own: &Table) -> Result<(Utf8PathBuf, Table), ProjectError> {
    if own.contains_key("workspace") {
        return Ok((directory.to_owned(), own.clone()));
    }
    for above in directory.ancestors().skip(1).filter(|above| above.join("Cargo.toml").is_file()) {
        let top = manifest(above)?;
        if top.contains_key("workspace") && members(above, &top)?.iter().any(|member| member == directory) {
            return Ok((above.to_owned(), top));
        }
    }
    Ok((directory.to_owned(), own.clone()))
}

/// Returns the directories of the packages. Path dependencies below the root are members too, listed or not.
fn members(root: &Utf8Path, top: &Table) -> Result<Vec<Utf8PathBuf>, ProjectError> {
    let workspace = table(top, "workspace");
    let mut found: BTreeSet<Utf8PathBuf> = BTreeSet::new();
    found.extend(top.contains_key("package").then(|| root.to_owned()));
    if let Some(workspace) = workspace {
        let excluded = expand_globs(root, &texts(workspace, "exclude"))?;
        let named = expand_globs(root, &texts(workspace, "members"))?;
        found.extend(named.into_iter().filter(|directory| {
            directory.join("Cargo.toml").is_file()
                && !excluded.iter().any(|above| directory.starts_with(above))
        }));
    }
    let mut pending: Vec<Utf8PathBuf> = found.iter().cloned().collect();
    while let Some(directory) = pending.pop().filter(|_| workspace.is_some()) {
        let below = path_dependencies(&directory, &manifest(&directory)?)
            .into_iter()
            .filter(|path| path.starts_with(root) && path.join("Cargo.toml").is_file());
        for path in below.collect::<Vec<_>>() {
            if found.insert(path.clone()) {
                pending.push(path);
            }
        }
    }
    Ok(found.into_iter().collect())
}

fn expand_globs(root: &Utf8Path, patterns: &[String]) -> Result<Vec<Utf8PathBuf>, ProjectError> {
    let mut found = Vec::new();
    for pattern in patterns {
        let whole = format!("{}/{pattern}", glob::Pattern::escape(root.as_str()));
        let paths = glob::glob(&whole)
            .map_err(|error| wrong(&root.join("Cargo.toml"), format!("`{pattern}`: {error}")))?;
        let paths = paths.flatten().filter_map(|path| Utf8PathBuf::from_path_buf(path).ok());
        found.extend(paths.map(normalized_path));
    }
    Ok(found)
}

/// Returns the directories of path dependencies.
fn path_dependencies(directory: &Utf8Path, manifest: &Table) -> Vec<Utf8PathBuf> {
    let kinds = ["dependencies", "build-dependencies", "dev-dependencies"];
    let own = kinds.iter().filter_map(|kind| table(manifest, kind));
    let targets = table(manifest, "target").into_iter().flat_map(|targets| targets.values());
    let targets = targets.filter_map(Value::as_table);
    let targets = targets.flat_map(|target| kinds.iter().filter_map(|kind| table(target, kind)));
    let shared = table(manifest, "workspace").and_then(|workspace| table(workspace, "dependencies"));
    let all = own.chain(targets).chain(shared).flat_map(Table::values);
    let paths = all.filter_map(|dependency| dependency.as_table()?.get("path")?.as_str());
    paths.map(|path| normalized_path(directory.join(path))).collect()
}

fn add_sources(sources: &mut Sources, root: &Utf8Path, directory: &Utf8Path, manifest: &Table) {
    let own = ["src", "build.rs", "benches", "examples", "tests"].map(str::to_owned);
    let present = own.into_iter().filter(|name| directory.join(name).exists());
    sources.add(root, directory, present);
    for path in path_dependencies(directory, manifest).iter().filter(|path| !path.starts_with(root)) {
        sources.add(root, path, std::iter::empty());
    }
}

fn target_directory(root: &Utf8Path, environment: &Environment) -> Utf8PathBuf {
    environment
        .get("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |own| environment.directory.join(own))
}

/// Returns the directories whose packages become images without configuration, as with `cargo metadata`.
fn defaults(
    directory: &Utf8Path,
    root: &Utf8Path,
    top: &Table,
    members: &[Utf8PathBuf],
) -> Result<BTreeSet<Utf8PathBuf>, ProjectError> {
    if directory != root {
        return Ok(BTreeSet::from([directory.to_owned()]));
    }
    let named =
        table(top, "workspace").map(|workspace| texts(workspace, "default-members")).unwrap_or_default();
    if !named.is_empty() {
        return Ok(expand_globs(root, &named)?.into_iter().collect());
    }
    if top.contains_key("package") {
        return Ok(BTreeSet::from([root.to_owned()]));
    }
    let internal = |member: &&Utf8PathBuf| {
        let place = member.strip_prefix(root).unwrap_or(member);
        place.components().any(|part| INTERNAL.contains(&part.as_str()))
    };
    Ok(members.iter().filter(|member| !internal(member)).cloned().collect())
}

/// The manifest of one package.
struct Member<'a> {
    directory: &'a Utf8Path,
    manifest: &'a Table,
    package: &'a Table,
    top: &'a Table,
}

impl Member<'_> {
    /// Returns the package; `None` if it has no program.
    fn package(&self, options: &DiscoverOptions, lock: &Lock) -> Result<Option<CargoPackage>, ProjectError> {
        let path = self.directory.join("Cargo.toml");
        let name = self.text("name").ok_or_else(|| wrong(&path, "[package] has no name"))?;
        let binaries = self.binaries(&name, options)?;
        if binaries.is_empty() {
            return Ok(None);
        }
        // The default of cargo (The Cargo Book, "The version field").
        let version = self.text("version").unwrap_or_else(|| "0.0.0".to_owned());
        Ok(Some(CargoPackage {
            id: format!("path+file://{}#{name}@{version}", self.directory),
            native_code: NativeCode::everywhere(lock.native_code(&name)),
            inputs: None,
            calls: CargoCalls::default(),
            name,
            version,
            manifest: path,
            metadata: PackageMetadata {
                description: self.text("description").map(|text| text.trim().to_owned()),
                license: self.text("license"),
                repository: self.text("repository"),
                homepage: self.text("homepage"),
                authors: texts(self.package, "authors"),
            },
            default_member: false,
            binaries,
            default_run: self.text("default-run"),
        }))
    }

    /// Returns a key of `[package]`, or of `[workspace.package]` if it is inherited with `workspace = true`.
    fn text(&self, key: &str) -> Option<String> {
        match self.package.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Table(inherited) if inherited.get("workspace").and_then(Value::as_bool) == Some(true) => {
                let shared = table(table(self.top, "workspace")?, "package")?;
                shared.get(key)?.as_str().map(str::to_owned)
            }
            _ => None,
        }
    }

    /// Returns the programs of `[[bin]]`, src/main.rs and src/bin.
    fn binaries(&self, package: &str, options: &DiscoverOptions) -> Result<Vec<CargoBinary>, ProjectError> {
        let enabled = self.features(options);
        let mut binaries: Vec<CargoBinary> = Vec::new();
        let listed = self.manifest.get("bin").and_then(Value::as_array).into_iter().flatten();
        for bin in listed.filter_map(Value::as_table) {
            let Some(name) = bin.get("name").and_then(Value::as_str) else { continue };
            let required = texts(bin, "required-features");
            let missing = required.iter().filter(|feature| !enabled.contains(*feature)).cloned().collect();
            binaries.push(CargoBinary {
                name: name.to_owned(),
                required_features: required,
                missing_features: missing,
            });
        }
        let listed_paths: Vec<Utf8PathBuf> = self.listed_paths();
        if self.package.get("autobins").and_then(Value::as_bool) != Some(false) {
            for (name, path) in self.inferred_binaries(package)? {
                let known = binaries.iter().any(|binary| binary.name == name) || listed_paths.contains(&path);
                if !known {
                    let none = Vec::new;
                    binaries.push(CargoBinary { name, required_features: none(), missing_features: none() });
                }
            }
        }
        // Cargo sorts them by name.
        binaries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(binaries)
    }

    fn listed_paths(&self) -> Vec<Utf8PathBuf> {
        let listed = self.manifest.get("bin").and_then(Value::as_array).into_iter().flatten();
        listed.filter_map(|bin| Some(self.directory.join(bin.get("path")?.as_str()?))).collect()
    }

    fn inferred_binaries(&self, package: &str) -> Result<Vec<(String, Utf8PathBuf)>, ProjectError> {
        let main = self.directory.join("src/main.rs");
        let mut found: Vec<(String, Utf8PathBuf)> =
            main.is_file().then(|| (package.to_owned(), main)).into_iter().collect();
        let directory = self.directory.join("src/bin");
        let below = if directory.is_dir() { entries(&directory)? } else { Vec::new() };
        for Entry { name, path, kind } in below {
            match kind {
                Kind::File => {
                    let stem = name.strip_suffix(".rs").filter(|stem| !stem.is_empty());
                    found.extend(stem.map(|stem| (stem.to_owned(), path)));
                }
                Kind::Directory if path.join("main.rs").is_file() => found.push((name, path.join("main.rs"))),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Returns the enabled features: the chosen ones, the default ones unless disabled, and all that these enable.
    fn features(&self, options: &DiscoverOptions) -> BTreeSet<String> {
        let all = table(self.manifest, "features").cloned().unwrap_or_default();
        if options.features.all {
            return all.keys().cloned().collect();
        }
        let mut pending: Vec<String> = options.features.names.clone();
        pending.extend((!options.features.no_default).then(|| "default".to_owned()));
        let mut on = BTreeSet::new();
        while let Some(feature) = pending.pop() {
            if on.insert(feature.clone()) {
                pending.extend(texts(&all, &feature));
            }
        }
        on
    }
}

#[derive(Debug, Default, Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Lock {
    /// Returns a shortest chain of names from a package to each package that depends on a crate that compiles or finds C,
    /// and on to that crate. Without features and platforms there may be more of them than in the build; the builder then
    /// has a C compiler that it does not use.
    fn native_code(&self, package: &str) -> Vec<Vec<String>> {
        let mut below: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for locked in &self.package {
            let names = locked.dependencies.iter().filter_map(|text| text.split(' ').next());
            below.entry(&locked.name).or_default().extend(names);
        }
        let mut chains = Vec::new();
        let mut seen = BTreeSet::from([package]);
        let mut queue = VecDeque::from([vec![package]]);
        while let Some(chain) = queue.pop_front() {
            let Some(last) = chain.last() else { continue };
            let Some(next) = below.get(last) else { continue };
            let longer = |next: &'_ str| chain.iter().copied().chain([next]).map(str::to_owned).collect();
            let tool = COMPILERS.iter().chain(&FINDERS).find(|tool| next.contains(**tool));
            chains.extend(tool.map(|tool| longer(tool)));
            let is_tool = |name: &&str| COMPILERS.contains(name) || FINDERS.contains(name);
            for next in next.iter().filter(|next| !is_tool(next) && seen.insert(next)) {
                queue.push_back(chain.iter().copied().chain([*next]).collect());
            }
        }
        chains
    }
}
