//! The packages that programs consist of, with the files that go reads of them.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;

use super::{ListedPackage, Listing};

/// A package outside of the standard library, for all platforms together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoInput {
    /// The directory.
    pub directory: Utf8PathBuf,
    /// The path of its module; `None` outside of every module.
    pub module: Option<String>,
    /// Whether it is in go's module cache, where the version of its module decides about every file.
    pub is_cached: bool,
    /// The files that go compiles or embeds, relative to the directory. Tests are not among them.
    pub files: BTreeSet<String>,
    /// The patterns of its `//go:embed` directives.
    pub embed_patterns: BTreeSet<String>,
    /// Whether a C compiler or an assembler reads some of the files, which may include others that go does not know.
    pub has_native_code: bool,
    /// The directories of `-I` and `-L` in its `#cgo` lines.
    pub search_directories: BTreeSet<Utf8PathBuf>,
    /// The import paths of the packages that it imports.
    imports: BTreeSet<String>,
}

/// The packages outside of the standard library by import path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoInputs {
    packages: BTreeMap<String, GoInput>,
}

impl GoInputs {
    pub(super) fn new(listings: &[Listing]) -> Self {
        let mut inputs = Self::default();
        let packages = listings.iter().flat_map(Listing::all);
        packages.filter(|package| !package.standard).for_each(|package| inputs.add(package));
        inputs
    }

    fn add(&mut self, package: &ListedPackage) {
        let known = self.packages.entry(package.import_path.clone()).or_default();
        known.directory.clone_from(&package.dir);
        known.module = package.module.as_ref().map(|module| module.path.clone());
        known.is_cached = package.module.as_ref().is_some_and(|module| {
            let version = match &module.replace {
                Some(replacement) => &replacement.version,
                None => &module.version,
            };
            // A vendored module has a version, and no directory of its own.
            !module.main && version.is_some() && module.dir.is_some()
        });
        known.files.extend(package.compiled().chain(&package.embed_files).cloned());
        known.embed_patterns.extend(package.embed_patterns.iter().cloned());
        let native = [&package.cgo_files, &package.c_files, &package.cxx_files, &package.s_files];
        known.has_native_code |= native.iter().any(|files| !files.is_empty());
        known.search_directories.extend(package.search_directories());
        let imports = package.imports.iter();
        known.imports.extend(imports.map(|path| package.import_map.get(path).unwrap_or(path).clone()));
    }

    /// Returns all packages with their import paths, sorted.
    pub fn all(&self) -> impl Iterator<Item = (&str, &GoInput)> {
        self.packages.iter().map(|(path, package)| (path.as_str(), package))
    }

    /// Returns the import paths of the packages that a program consists of, itself included, outside of the standard
    /// library. Those of all platforms are among them.
    pub fn of(&self, import_path: &str) -> BTreeSet<&str> {
        let known = |path: &str| self.packages.get_key_value(path);
        let mut pending: Vec<_> = known(import_path).into_iter().collect();
        let mut found: BTreeSet<&str> = pending.iter().map(|(path, _)| path.as_str()).collect();
        while let Some((_, package)) = pending.pop() {
            let imported = package.imports.iter().filter_map(|path| known(path));
            pending.extend(imported.filter(|(path, _)| found.insert(path.as_str())));
        }
        found
    }
}

impl ListedPackage {
    /// Returns the names of the files that a compiler reads.
    fn compiled(&self) -> impl Iterator<Item = &String> {
        let go = self.go_files.iter().chain(&self.cgo_files);
        let native = [&self.c_files, &self.cxx_files, &self.h_files, &self.s_files, &self.syso_files];
        go.chain(native.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossdock_platform::Platform;

    fn listing(platform: &str, packages: &str) -> Listing {
        let platform = Platform::parse(platform).unwrap();
        Listing { platform, packages: serde_json::from_str(packages).unwrap(), without_cgo: None }
    }

    #[test]
    fn a_program_has_the_packages_of_all_platforms() {
        let own = r#""Module": {"Path": "m", "Main": true, "Dir": "/m"}"#;
        let first = format!(
            r#"[{{"ImportPath": "fmt", "Standard": true}},
                {{"ImportPath": "m/app", "Dir": "/m/app", "GoFiles": ["a.go"], "Imports": ["fmt", "m/one"], {own}}},
                {{"ImportPath": "m/one", "Dir": "/m/one", "GoFiles": ["o.go"], "EmbedFiles": ["x"], "EmbedPatterns": ["*"], {own}}},
                {{"ImportPath": "m/other", "Dir": "/m/other", {own}}}]"#
        );
        let second = format!(
            r#"[{{"ImportPath": "m/app", "Dir": "/m/app", "GoFiles": ["b.go"], "Imports": ["v/x", "c/x"],
                  "ImportMap": {{"v/x": "m/vendor/v/x"}}, {own}}},
                {{"ImportPath": "m/vendor/v/x", "Dir": "/m/vendor/v/x", "Module": {{"Path": "v", "Version": "v1.0.0"}}}},
                {{"ImportPath": "c/x", "Dir": "/cache/c@v1.0.0/x", "Module": {{"Path": "c", "Version": "v1.0.0", "Dir": "/cache/c@v1.0.0"}}}},
                {{"ImportPath": "r/x", "Dir": "/r/x", "Module": {{"Path": "r", "Version": "v1.0.0", "Dir": "/r", "Replace": {{"Path": "../r"}}}}}}]"#
        );
        let inputs = GoInputs::new(&[listing("linux/amd64", &first), listing("linux/arm64", &second)]);
        let found = inputs.of("m/app");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["c/x", "m/app", "m/one", "m/vendor/v/x"]);
        let cached: Vec<&str> = inputs.all().filter(|(_, one)| one.is_cached).map(|(path, _)| path).collect();
        assert_eq!(cached, ["c/x"], "neither vendored nor replaced by a directory");
        let files = |path: &str| inputs.packages[path].files.iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!((files("m/app"), files("m/one")), (vec!["a.go", "b.go"], vec!["o.go", "x"]));
    }
}
