//! Finds the packages that compile or link C for the target, and the dependencies that lead to them.

use std::collections::{HashMap, HashSet, VecDeque};

use cargo_metadata::{DepKindInfo, DependencyKind, Metadata, Node, Package, PackageId, TargetKind};

use super::cfg::cfg_matches;

/// Crates with which a build script compiles C or C++ for the target or reads its headers, the most common first.
pub(in crate::discover) const COMPILERS: [&str; 9] =
    ["cc", "cmake", "bindgen", "cxx-build", "cpp_build", "autotools", "meson", "gcc", "nasm-rs"];
/// Crates with which a build script looks for a C library on the target's system.
pub(in crate::discover) const FINDERS: [&str; 3] = ["pkg-config", "system-deps", "vcpkg"];

/// The resolved dependency graph, restricted to the triples that count.
pub(super) struct Graph<'a> {
    nodes: HashMap<&'a PackageId, &'a Node>,
    packages: HashMap<&'a PackageId, &'a Package>,
    triples: &'a [&'a str],
}

impl<'a> Graph<'a> {
    pub(super) fn new(metadata: &'a Metadata, triples: &'a [&'a str]) -> Self {
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        Self {
            nodes: nodes.map(|node| (&node.id, node)).collect(),
            packages: metadata.packages.iter().map(|package| (&package.id, package)).collect(),
            triples,
        }
    }

    pub(super) fn package(&self, id: &PackageId) -> Option<&'a Package> {
        self.packages.get(id).copied()
    }

    pub(super) fn node(&self, id: &PackageId) -> Option<&'a Node> {
        self.nodes.get(id).copied()
    }

    /// Returns a shortest chain of names from `root` to each package whose build script compiles or links C, and on to
    /// the tool. Development dependencies do not count, nor dependencies of procedural macros and build scripts: those
    /// are compiled for the host.
    pub(super) fn native_code(&self, root: &'a PackageId) -> Vec<Vec<String>> {
        let mut chains = Vec::new();
        let mut seen = HashSet::from([root]);
        let mut queue = VecDeque::from([vec![root]]);
        while let Some(path) = queue.pop_front() {
            let Some(id) = path.last() else { continue };
            if let Some(tools) = self.tool(id) {
                chains.push(path.iter().copied().chain(tools).map(|id| self.name(id).to_owned()).collect());
            }
            for next in self.dependencies(id, DependencyKind::Normal) {
                if !self.is_macro(next) && seen.insert(next) {
                    queue.push_back(path.iter().copied().chain([next]).collect());
                }
            }
        }
        chains
    }

    /// Returns the build dependencies through which a package's build script compiles or links C.
    fn tool(&self, id: &PackageId) -> Option<Vec<&'a PackageId>> {
        let package = self.package(id)?;
        let has_script = package.targets.iter().any(|target| target.kind.contains(&TargetKind::CustomBuild));
        if !has_script {
            return None;
        }
        if calls_compiler(package) {
            return Some(Vec::new());
        }
        let direct = self.dependencies(id, DependencyKind::Build);
        if let Some(compiler) = self.first_of(&COMPILERS, &direct) {
            return Some(vec![compiler]);
        }
        // Packages such as openssl-src and luajit-src contain C sources and compile them for the build script that
        // calls them.
        let through = |carrier: &&'a PackageId| {
            let inner = self.dependencies(carrier, DependencyKind::Normal);
            self.first_of(&COMPILERS, &inner).map(|compiler| vec![*carrier, compiler])
        };
        let carriers = direct.iter().filter(|id| self.name(id).ends_with("src"));
        if let Some(chain) = carriers.into_iter().find_map(through) {
            return Some(chain);
        }
        // A package that links a native library declares `links` (The Cargo Book, "Build Scripts"). Without it,
        // pkg-config serves some other purpose.
        package.links.as_ref()?;
        self.first_of(&FINDERS, &direct).map(|finder| vec![finder])
    }

    fn first_of(&self, tools: &[&str], packages: &[&'a PackageId]) -> Option<&'a PackageId> {
        tools.iter().find_map(|tool| packages.iter().copied().find(|id| self.name(id) == *tool))
    }

    fn dependencies(&self, id: &PackageId, kind: DependencyKind) -> Vec<&'a PackageId> {
        // Each kind of a dependency has a target of its own: it may be a normal dependency on Windows only, and a build
        // dependency everywhere.
        let counts = |found: &DepKindInfo| {
            found.kind == kind
                && found.target.as_ref().is_none_or(|target| {
                    let target = target.to_string();
                    self.triples.iter().any(|triple| cfg_matches(&target, triple))
                })
        };
        let deps = self.node(id).into_iter().flat_map(|node| &node.deps);
        deps.filter(|dep| dep.dep_kinds.iter().any(counts)).map(|dep| &dep.pkg).collect()
    }

    fn is_macro(&self, id: &PackageId) -> bool {
        let targets = self.package(id).into_iter().flat_map(|package| &package.targets);
        targets.into_iter().any(|target| target.kind.contains(&TargetKind::ProcMacro))
    }

    fn name(&self, id: &'a PackageId) -> &'a str {
        self.package(id).map_or(id.repr.as_str(), |package| package.name.as_str())
    }
}

/// Returns whether a local package has a build script that calls a C compiler without any of those crates: it reads the
/// compiler's variables, or names a compiler. A script that cannot be read counts as one that does not: cargo reports
/// it.
fn calls_compiler(package: &Package) -> bool {
    const WORDS: [&str; 10] = [
        "\"CC\"",
        "\"CC_",
        "\"CXX\"",
        "\"CXX_",
        "TARGET_CC",
        "(\"cc\")",
        "(\"gcc\")",
        "(\"g++\")",
        "(\"clang\")",
        "(\"c++\")",
    ];
    let mut scripts = package.targets.iter().filter(|target| target.kind.contains(&TargetKind::CustomBuild));
    let text = |path: &camino::Utf8Path| crossdock_fs::read_text(path.as_std_path()).unwrap_or_default();
    package.source.is_none()
        && scripts.any(|script| {
            let text = text(&script.src_path);
            WORDS.iter().any(|word| text.contains(word))
        })
}
