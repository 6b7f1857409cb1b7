//! Reads a Go module from `go.mod` (Go Modules Reference) and the package clauses of its directories.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Entry, Kind, entries, source_text, text, wrong};
use crate::config::grammar::normalized_path;
use crate::discover::DiscoverOptions;
use crate::discover::error::ProjectError;
use crate::discover::go::constraints::Constraints;
use crate::discover::go::embeds;
use crate::discover::go::roles::assign_roles;
use crate::discover::go::variables::go_variables;
use crate::discover::go::{GoModule, ListedModule, ListedPackage, Listing, module_of, targets};
use crossdock_system::environment::Environment;

pub(super) fn module(
    directory: &Utf8Path,
    options: &DiscoverOptions,
    environment: &Environment,
) -> Result<GoModule, ProjectError> {
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
    let name = directive("module").ok_or_else(|| wrong(&path, "it has no `module` directive"))?;
    let mut packages = BTreeMap::new();
    collect_packages(directory, &mut packages)?;
    let files = Files {
        root: directory,
        module: ListedModule {
            path: name.trim_matches('"').to_owned(),
            go_version: directive("go"),
            main: true,
            version: None,
            dir: Some(directory.to_owned()),
            replace: None,
        },
        packages,
    };
    let listings = targets(&options.platforms).into_iter().map(|(platform, target)| {
        let list = |cgo| files.list(&Constraints { target: &target, cgo });
        let packages = list(true);
        let has_cgo = packages.iter().any(|package| !package.cgo_files.is_empty());
        Listing { platform, packages, without_cgo: has_cgo.then(|| list(false)) }
    });
    let mut module = module_of(directory, &listings.collect::<Vec<_>>(), go_variables(environment))?;
    local_replacements(&manifest).iter().for_each(|place| {
        let place = normalized_path(directory.join(place));
        module.sources.add(directory, &place, std::iter::once("*.go".to_owned()));
    });
    module.sources = module.sources.reduced();
    // The packages of dependencies are unknown, so that they would tell nothing about the progress of a build.
    module.mains.iter_mut().for_each(|main| main.packages = Arc::default());
    module.inputs = None;
    assign_roles(&mut module);
    Ok(module)
}

/// The files of a module, from which the answers of `go list` follow, except for the content of dependencies.
struct Files<'a> {
    root: &'a Utf8Path,
    module: ListedModule,
    /// The files of each directory.
    packages: BTreeMap<Utf8PathBuf, Vec<File>>,
}

/// A file of a package.
struct File {
    name: String,
    /// The head of the file, if it is a Go file.
    code: Option<Code>,
}

impl Files<'_> {
    /// Returns the packages that have files under the constraints.
    fn list(&self, constraints: &Constraints<'_>) -> Vec<ListedPackage> {
        let packages = self.packages.iter().map(|(directory, files)| {
            let import_path = import_path(self.root, directory, &self.module.path);
            let mut package = ListedPackage::new(import_path, directory.clone(), self.module.clone());
            files.iter().for_each(|file| file.add_to(&mut package, constraints));
            package
        });
        packages.filter(|package| !package.name.is_empty()).collect()
    }
}

impl File {
    /// Adds the file to its package, unless the constraints exclude it.
    fn add_to(&self, package: &mut ListedPackage, constraints: &Constraints<'_>) {
        let Some(code) = &self.code else {
            // Only the endings of these names matter: they are patterns of a build context.
            let names = match self.name.rsplit_once('.') {
                Some((_, "c")) => &mut package.c_files,
                Some((_, "h")) => &mut package.h_files,
                _ => &mut package.s_files,
            };
            return names.push(self.name.clone());
        };
        let is_cgo = code.is_cgo();
        if !constraints.hold(&self.name, code.constraint.as_deref()) || (is_cgo && !constraints.cgo) {
            return;
        }
        let names = if is_cgo { &mut package.cgo_files } else { &mut package.go_files };
        names.push(self.name.clone());
        package.embed_files.extend(code.embedded.iter().cloned());
        package.imports.extend(code.imports.iter().cloned());
        if package.name.is_empty() {
            package.name.clone_from(&code.package);
        }
    }
}

/// Collects the packages. Directories that begin with `.` or `_` and those called `testdata` hold none (`go help
/// packages`), and `vendor` holds those of other modules.
fn collect_packages(
    directory: &Utf8Path,
    packages: &mut BTreeMap<Utf8PathBuf, Vec<File>>,
) -> Result<(), ProjectError> {
    let mut files = Vec::new();
    for Entry { name, path, kind } in entries(directory)? {
        let hidden =
            name.starts_with(['.', '_']) || ["testdata", "vendor", "node_modules"].contains(&name.as_str());
        match kind {
            Kind::Directory if !hidden && !path.join("go.mod").is_file() => {
                collect_packages(&path, packages)?
            }
            Kind::File if !hidden => files.extend(read_file(&path, name)?),
            _ => {}
        }
    }
    packages.insert(directory.to_owned(), files);
    Ok(())
}

/// Reads a file of a package; `None` for a test, and for a file that the compiler does not read.
fn read_file(path: &Utf8Path, name: String) -> Result<Option<File>, ProjectError> {
    let code = match name.rsplit_once('.') {
        Some((stem, "go")) if !stem.ends_with("_test") => Some(Code::parse(&source_text(path)?)),
        Some((_, "c" | "h" | "s" | "S")) => None,
        _ => return Ok(None),
    };
    Ok(Some(File { name, code }))
}

/// The part of a Go file above its first declaration.
#[derive(Debug, Default)]
struct Code {
    package: String,
    imports: Vec<String>,
    /// The patterns of `//go:embed` directives.
    embedded: Vec<String>,
    /// The expression of the `//go:build` line.
    constraint: Option<String>,
}

impl Code {
    fn parse(source: &str) -> Self {
        let mut code = Self::default();
        let (mut comment, mut group) = (false, false);
        for line in source.lines() {
            let line = line.trim();
            if let Some(patterns) = line.strip_prefix("//go:embed ") {
                let names = embeds::patterns(patterns).into_iter().map(|pattern| pattern.text);
                code.embedded.extend(names.map(|name| name.trim_start_matches("all:").to_owned()));
            }
            if let Some(constraint) = line.strip_prefix("//go:build ").filter(|_| code.package.is_empty()) {
                code.constraint.get_or_insert_with(|| constraint.trim().to_owned());
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

    fn is_cgo(&self) -> bool {
        self.imports.iter().any(|import| import == "C")
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
