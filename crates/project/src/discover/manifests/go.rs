//! Reads a Go module from `go.mod` (Go Modules Reference) and the package clauses of its directories.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Entry, Kind, entries, source_text, text, wrong};
use crate::config::grammar::normalized_path;
use crate::discover::Sources;
use crate::discover::error::ProjectError;
use crate::discover::go::modules::GoModules;
use crate::discover::go::roles::{GoRole, assign_roles};
use crate::discover::go::variables::go_variables;
use crate::discover::go::{GoMain, GoModule, no_program, old_layouts, program_name, toolchain_directive};
use crossdock_system::environment::Environment;

/// The values of GOOS other than linux that the name of a file may end with (`go tool dist list`).
const OTHER_SYSTEMS: [&str; 14] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "illumos",
    "ios",
    "js",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
];

pub(super) fn module(directory: &Utf8Path, environment: &Environment) -> Result<GoModule, ProjectError> {
    let path = directory.join("go.mod");
    if !path.is_file() {
        return Err(wrong(
            &directory.join("go.work"),
            "only go can list the modules of a workspace; install go, or name the directory of a module",
        ));
    }
    let manifest = text(&path)?;
    let directive = |name: &str| {
        let lines = manifest.lines().map(|line| line.split("//").next().unwrap_or(line).trim());
        lines
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .map(|rest| rest.trim().to_owned())
            .next()
    };
    let module = directive("module").ok_or_else(|| wrong(&path, "it has no `module` directive"))?;
    let module = module.trim_matches('"').to_owned();
    let mut packages = BTreeMap::new();
    collect_packages(directory, &mut packages)?;
    let mut sources = Sources::default();
    packages.iter().for_each(|(place, package)| sources.add(directory, place, package.files.iter().cloned()));
    local_replacements(&manifest).iter().for_each(|place| {
        let place = normalized_path(directory.join(place));
        sources.add(directory, &place, std::iter::once("*.go".to_owned()));
    });
    let mains = packages.iter().filter(|(_, package)| package.name == "main").map(|(place, package)| {
        let import_path = import_path(directory, place, &module);
        GoMain {
            name: program_name(&import_path).to_owned(),
            directory: place.clone(),
            module_path: module.clone(),
            module_directory: directory.to_owned(),
            role: GoRole::Default,
            cgo_flags: BTreeMap::new(),
            cgo_packages: cgo_packages(directory, &module, &packages, package, &import_path),
            import_path,
            packages: Arc::default(),
            embeds: Vec::new(),
        }
    });
    let mains: Vec<GoMain> = mains.collect();
    if mains.is_empty() {
        return Err(no_program(directory, "none of its directories contains a `package main`".into()));
    }
    let mut module = GoModule {
        root: directory.to_owned(),
        path: module,
        go_version: directive("go"),
        toolchain: toolchain_directive(directory),
        modules: GoModules::read(directory),
        sources: sources.reduced(),
        mains,
        old_layouts: old_layouts(directory),
        variables: go_variables(environment),
    };
    assign_roles(&mut module);
    Ok(module)
}

/// The content of a directory's Go files.
#[derive(Debug, Default)]
struct Package {
    name: String,
    imports: BTreeSet<String>,
    /// Patterns for the files that the compiler reads.
    files: BTreeSet<String>,
}

/// Collects the packages. Directories that begin with `.` or `_` and those called `testdata` hold none (`go help
/// packages`), and `vendor` holds those of other modules.
fn collect_packages(
    directory: &Utf8Path,
    packages: &mut BTreeMap<Utf8PathBuf, Package>,
) -> Result<(), ProjectError> {
    let mut package = Package::default();
    for Entry { name, path, kind } in entries(directory)? {
        let hidden =
            name.starts_with(['.', '_']) || ["testdata", "vendor", "node_modules"].contains(&name.as_str());
        match kind {
            Kind::Directory if !hidden && !path.join("go.mod").is_file() => {
                collect_packages(&path, packages)?
            }
            Kind::File if !hidden => read_file(&path, &name, &mut package)?,
            _ => {}
        }
    }
    if !package.name.is_empty() {
        packages.insert(directory.to_owned(), package);
    }
    Ok(())
}

fn read_file(path: &Utf8Path, name: &str, package: &mut Package) -> Result<(), ProjectError> {
    let Some((stem, extension)) = name.rsplit_once('.') else { return Ok(()) };
    if ["c", "h", "s", "S"].contains(&extension) {
        package.files.insert(format!("*.{extension}"));
    }
    // A suffix such as `_windows` is a build constraint; the first word of a name never is (`go help buildconstraint`).
    let system = stem.split('_').skip(1).any(|part| OTHER_SYSTEMS.contains(&part));
    if extension != "go" || stem.ends_with("_test") || system {
        return Ok(());
    }
    let source = source_text(path)?;
    let code = Code::parse(&source);
    if code.is_excluded {
        return Ok(());
    }
    package.files.insert("*.go".to_owned());
    package.files.extend(code.embedded);
    package.imports.extend(code.imports);
    if package.name.is_empty() {
        package.name = code.package;
    }
    Ok(())
}

/// The part of a Go file above its first declaration.
#[derive(Debug, Default)]
struct Code {
    package: String,
    imports: Vec<String>,
    embedded: Vec<String>,
    /// Whether a build constraint such as `ignore` leaves the file out: its author runs it by hand.
    is_excluded: bool,
}

impl Code {
    fn parse(source: &str) -> Self {
        let mut code = Self::default();
        let (mut comment, mut group) = (false, false);
        for line in source.lines() {
            let line = line.trim();
            if let Some(patterns) = line.strip_prefix("//go:embed ") {
                let names = patterns.split_whitespace().map(|name| name.trim_matches(['"', '`']));
                code.embedded.extend(
                    names.filter_map(|name| {
                        name.trim_start_matches("all:").split('/').next().map(str::to_owned)
                    }),
                );
            }
            if let Some(constraint) = line.strip_prefix("//go:build ").filter(|_| code.package.is_empty()) {
                code.is_excluded =
                    constraint.trim() == "ignore" || OTHER_SYSTEMS.contains(&constraint.trim());
            }
            comment |= line.starts_with("/*");
            if comment {
                comment = !line.contains("*/");
                continue;
            }
            if line.starts_with("//") {
                continue;
            }
            match line.strip_prefix("package ") {
                Some(name) if code.package.is_empty() => {
                    let name = name.split(|c: char| c.is_whitespace() || c == ';').next();
                    code.package = name.unwrap_or_default().to_owned();
                }
                _ if group && line.starts_with(')') => group = false,
                _ if line.starts_with("import (") => group = true,
                _ if group || line.starts_with("import ") => {
                    code.imports.extend(line.split('"').nth(1).map(str::to_owned));
                }
                _ => {}
            }
        }
        code
    }
}

/// Returns the directories of local `replace` directives.
fn local_replacements(manifest: &str) -> Vec<String> {
    let targets = manifest.lines().filter_map(|line| line.split("//").next()?.split_once("=>"));
    let targets = targets.map(|(_, target)| target.trim().trim_matches('"').to_owned());
    targets
        .filter(|target| target.starts_with("./") || target.starts_with("../") || target.starts_with('/'))
        .collect()
}

fn import_path(root: &Utf8Path, directory: &Utf8Path, module: &str) -> String {
    match directory.strip_prefix(root) {
        Ok(below) if !below.as_str().is_empty() => format!("{module}/{}", below.as_str().replace('\\', "/")),
        _ => module.to_owned(),
    }
}

/// Returns the module's own packages that a program consists of and that import "C". Dependencies are not read here.
fn cgo_packages(
    root: &Utf8Path,
    module: &str,
    packages: &BTreeMap<Utf8PathBuf, Package>,
    main: &Package,
    main_path: &str,
) -> Vec<String> {
    let by_path: BTreeMap<String, &Package> =
        packages.iter().map(|(directory, package)| (import_path(root, directory, module), package)).collect();
    let (mut seen, mut pending) =
        (BTreeSet::from([main_path.to_owned()]), vec![(main_path.to_owned(), main)]);
    let mut found = BTreeSet::new();
    while let Some((path, package)) = pending.pop() {
        if package.imports.contains("C") {
            found.insert(path);
        }
        for import in &package.imports {
            if let Some(next) = by_path.get(import)
                && seen.insert(import.clone())
            {
                pending.push((import.clone(), next));
            }
        }
    }
    found.into_iter().collect()
}
