//! The packages of a program, by which a build tells how far it is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::ListedPackage;

/// A package of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoPackage {
    /// The import path.
    pub path: Arc<str>,
    /// The import paths of the packages that it imports.
    pub imports: Arc<[Arc<str>]>,
}

/// The packages that `go list -deps` printed. Programs share them.
pub(super) struct Packages<'a> {
    by_path: &'a HashMap<&'a str, &'a ListedPackage>,
    packages: Vec<GoPackage>,
}

impl<'a> Packages<'a> {
    pub(super) fn new(listed: &[ListedPackage], by_path: &'a HashMap<&'a str, &'a ListedPackage>) -> Self {
        let paths: HashMap<&str, Arc<str>> =
            by_path.keys().map(|path| (*path, Arc::<str>::from(*path))).collect();
        let package = |package: &ListedPackage| GoPackage {
            path: package.import_path.as_str().into(),
            imports: imports(package).filter_map(|path| paths.get(path).cloned()).collect(),
        };
        Self { by_path, packages: listed.iter().map(package).collect() }
    }

    /// Returns the packages that a program consists of, in the order of `go list`.
    pub(super) fn of(&self, main: &'a ListedPackage) -> Arc<[GoPackage]> {
        let mut pending = vec![main];
        let mut found = HashSet::from([main.import_path.as_str()]);
        while let Some(package) = pending.pop() {
            let imported = imports(package).filter_map(|path| self.by_path.get(path));
            pending.extend(imported.filter(|package| found.insert(package.import_path.as_str())));
        }
        self.packages.iter().filter(|package| found.contains(&*package.path)).cloned().collect()
    }
}

/// Returns what a package imports. The linker adds the runtime to every program.
fn imports(package: &ListedPackage) -> impl Iterator<Item = &str> {
    let written = package.imports.iter();
    let written = written.map(|import| package.import_map.get(import).unwrap_or(import).as_str());
    written.chain((package.name == "main").then_some("runtime"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_consists_of_what_it_imports_and_the_runtime() {
        let listed = r#"[
            {"ImportPath": "runtime/abi", "Standard": true},
            {"ImportPath": "runtime", "Standard": true, "Imports": ["runtime/abi"]},
            {"ImportPath": "vendor/x/text", "Standard": true},
            {"ImportPath": "net", "Standard": true, "Imports": ["x/text", "C"], "ImportMap": {"x/text": "vendor/x/text"}},
            {"ImportPath": "m/other", "Name": "main", "Imports": ["os"]},
            {"ImportPath": "m/app", "Name": "main", "Imports": ["net"]}
        ]"#;
        let listed: Vec<ListedPackage> = serde_json::from_str(listed).unwrap();
        let by_path = listed.iter().map(|package| (package.import_path.as_str(), package)).collect();
        let found = Packages::new(&listed, &by_path).of(listed.last().unwrap());
        let found: Vec<String> =
            found.iter().map(|package| format!("{} {}", package.path, package.imports.join(","))).collect();
        assert_eq!(
            found,
            [
                "runtime/abi ",
                "runtime runtime/abi",
                "vendor/x/text ",
                "net vendor/x/text",
                "m/app net,runtime"
            ]
        );
    }
}
