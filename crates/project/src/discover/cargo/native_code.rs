//! Finds the packages that compile or link C for the target, and the dependencies that lead to them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::thread;

use cargo_metadata::{DependencyKind, Metadata, Node, Package, PackageId, TargetKind};
use serde::Serialize;

use super::cfg::cfg_matches;

/// Crates with which a build script compiles C or C++ for the target or reads its headers, the most common first.
pub(in crate::discover) const COMPILERS: [&str; 9] =
    ["cc", "cmake", "bindgen", "cxx-build", "cpp_build", "autotools", "meson", "gcc", "nasm-rs"];
/// Crates with which a build script looks for a C library on the target's system.
pub(in crate::discover) const FINDERS: [&str; 3] = ["pkg-config", "system-deps", "vcpkg"];

/// The C code of programs, by the target triple for which it is compiled. A dependency may compile C for one architecture
/// or with one C library only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NativeCode {
    /// The chains of each triple that was asked about.
    by_triple: BTreeMap<String, Vec<Vec<String>>>,
    /// The chains of every other triple: those of any triple, because nothing is known about it.
    elsewhere: Vec<Vec<String>>,
}

/// The crates that compile jemalloc, the maintained one first.
const JEMALLOC: [&str; 2] = ["tikv-jemalloc-sys", "jemalloc-sys"];

impl NativeCode {
    /// Creates the C code that is compiled for every triple.
    pub fn everywhere(chains: Vec<Vec<String>>) -> Self {
        Self { by_triple: BTreeMap::new(), elsewhere: chains }
    }

    /// Returns the reasons why a C compiler for a triple is needed: each a chain of package names from a program's package
    /// to the build script that compiles C, such as `["http-api", "ring", "cc"]`. Empty if everything is Rust.
    pub fn of(&self, triple: &str) -> &[Vec<String>] {
        self.by_triple.get(triple).unwrap_or(&self.elsewhere)
    }

    /// Returns whether no triple needs a C compiler.
    pub fn is_empty(&self) -> bool {
        self.elsewhere.is_empty()
    }

    /// Returns whether jemalloc is compiled for a triple.
    pub fn has_jemalloc(&self, triple: &str) -> bool {
        self.of(triple).iter().flatten().any(|name| JEMALLOC.contains(&name.as_str()))
    }

    /// Adds the C code of another package of the same workspace.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        let triples: BTreeSet<&String> = self.by_triple.keys().chain(other.by_triple.keys()).collect();
        let joined = |triple: &&String| ((*triple).clone(), [self.of(triple), other.of(triple)].concat());
        let by_triple = triples.iter().map(joined).collect();
        self.elsewhere.extend(other.elsewhere.iter().cloned());
        Self { by_triple, elsewhere: self.elsewhere }
    }

    /// Joins the chains of the triples that were asked about.
    fn of_triples(by_triple: BTreeMap<String, Vec<Vec<String>>>) -> Self {
        let mut all: Vec<Vec<String>> = Vec::new();
        for chain in by_triple.values().flatten() {
            if !all.contains(chain) {
                all.push(chain.clone());
            }
        }
        if by_triple.values().all(|chains| *chains == all) {
            return Self::everywhere(all);
        }
        Self { by_triple, elsewhere: all }
    }
}

/// The packages of a workspace and their nodes in the resolved dependency graph.
pub(super) struct Packages<'a> {
    nodes: HashMap<&'a PackageId, &'a Node>,
    packages: HashMap<&'a PackageId, &'a Package>,
}

impl<'a> Packages<'a> {
    pub(super) fn new(metadata: &'a Metadata) -> Self {
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        Self {
            nodes: nodes.map(|node| (&node.id, node)).collect(),
            packages: metadata.packages.iter().map(|package| (&package.id, package)).collect(),
        }
    }

    pub(super) fn package(&self, id: &PackageId) -> Option<&'a Package> {
        self.packages.get(id).copied()
    }

    pub(super) fn node(&self, id: &PackageId) -> Option<&'a Node> {
        self.nodes.get(id).copied()
    }

    /// Returns the C code of each of the programs' packages. The graphs of the triples are searched side by side.
    pub(super) fn native_code(&self, programs: &[&'a Package], triples: &[&str]) -> Vec<NativeCode> {
        let chains = |triple: &str| -> Vec<Vec<Vec<String>>> {
            let graph = Graph::new(self, triple);
            programs.iter().map(|package| graph.native_code(&package.id)).collect()
        };
        let of_triples: Vec<_> = thread::scope(|scope| {
            let chains = &chains;
            let searches: Vec<_> =
                triples.iter().map(|triple| (triple, scope.spawn(move || chains(triple)))).collect();
            let found = |(triple, search): (_, thread::ScopedJoinHandle<'_, _>)| {
                (triple, search.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            };
            searches.into_iter().map(found).collect()
        });
        let mut code = vec![BTreeMap::new(); programs.len()];
        for (triple, of_programs) in of_triples {
            for (code, chains) in code.iter_mut().zip(of_programs) {
                code.insert((*triple).to_owned(), chains);
            }
        }
        code.into_iter().map(NativeCode::of_triples).collect()
    }
}

type Edges<'a> = HashMap<&'a PackageId, Vec<&'a PackageId>>;

/// The dependency graph of one triple.
struct Graph<'p, 'a> {
    packages: &'p Packages<'a>,
    normal: Edges<'a>,
    build: Edges<'a>,
}

impl<'p, 'a> Graph<'p, 'a> {
    fn new(packages: &'p Packages<'a>, triple: &str) -> Self {
        let mut known: HashMap<String, bool> = HashMap::new();
        let (mut normal, mut build) = (Edges::new(), Edges::new());
        for (id, node) in &packages.nodes {
            for dependency in &node.deps {
                // Each kind of a dependency has a target of its own: it may be a normal dependency on Windows only, and a
                // build dependency everywhere.
                for found in &dependency.dep_kinds {
                    let edges = match found.kind {
                        DependencyKind::Normal => &mut normal,
                        DependencyKind::Build => &mut build,
                        _ => continue,
                    };
                    let counts = found.target.as_ref().is_none_or(|target| {
                        let target = target.to_string();
                        *known.entry(target).or_insert_with_key(|target| cfg_matches(target, triple))
                    });
                    let edges: &mut Vec<&'a PackageId> = edges.entry(*id).or_default();
                    if counts && !edges.contains(&&dependency.pkg) {
                        edges.push(&dependency.pkg);
                    }
                }
            }
        }
        Self { packages, normal, build }
    }

    /// Returns a shortest chain of names from `root` to each package whose build script compiles or links C, and on to
    /// the tool. Development dependencies do not count, nor dependencies of procedural macros and build scripts: those
    /// are compiled for the host.
    fn native_code(&self, root: &'a PackageId) -> Vec<Vec<String>> {
        let mut chains = Vec::new();
        let mut seen = HashSet::from([root]);
        let mut queue = VecDeque::from([vec![root]]);
        while let Some(path) = queue.pop_front() {
            let Some(id) = path.last() else { continue };
            if let Some(tools) = self.tool(id) {
                chains.push(path.iter().copied().chain(tools).map(|id| self.name(id).to_owned()).collect());
            }
            for next in dependencies(&self.normal, id) {
                if !self.is_macro(next) && seen.insert(next) {
                    queue.push_back(path.iter().copied().chain([*next]).collect());
                }
            }
        }
        chains
    }

    /// Returns the build dependencies through which a package's build script compiles or links C.
    fn tool(&self, id: &PackageId) -> Option<Vec<&'a PackageId>> {
        let package = self.packages.package(id)?;
        let has_script = package.targets.iter().any(|target| target.kind.contains(&TargetKind::CustomBuild));
        if !has_script {
            return None;
        }
        if calls_compiler(package) {
            return Some(Vec::new());
        }
        let direct = dependencies(&self.build, id);
        if let Some(compiler) = self.first_of(&COMPILERS, direct) {
            return Some(vec![compiler]);
        }
        // Packages such as openssl-src and luajit-src contain C sources and compile them for the build script that
        // calls them.
        let through = |carrier: &&'a PackageId| {
            let inner = dependencies(&self.normal, carrier);
            self.first_of(&COMPILERS, inner).map(|compiler| vec![*carrier, compiler])
        };
        let carriers = direct.iter().filter(|id| self.name(id).ends_with("src"));
        if let Some(chain) = carriers.into_iter().find_map(through) {
            return Some(chain);
        }
        // A package that links a native library declares `links` (The Cargo Book, "Build Scripts"). Without it,
        // pkg-config serves some other purpose.
        package.links.as_ref()?;
        self.first_of(&FINDERS, direct).map(|finder| vec![finder])
    }

    fn first_of(&self, tools: &[&str], packages: &[&'a PackageId]) -> Option<&'a PackageId> {
        tools.iter().find_map(|tool| packages.iter().copied().find(|id| self.name(id) == *tool))
    }

    fn is_macro(&self, id: &PackageId) -> bool {
        let targets = self.packages.package(id).into_iter().flat_map(|package| &package.targets);
        targets.into_iter().any(|target| target.kind.contains(&TargetKind::ProcMacro))
    }

    fn name(&self, id: &'a PackageId) -> &'a str {
        self.packages.package(id).map_or(id.repr.as_str(), |package| package.name.as_str())
    }
}

fn dependencies<'e, 'a>(edges: &'e Edges<'a>, id: &PackageId) -> &'e [&'a PackageId] {
    edges.get(id).map(Vec::as_slice).unwrap_or_default()
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
