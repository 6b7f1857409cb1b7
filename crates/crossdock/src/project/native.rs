//! Which packages compile or link C for the target, and through whom they come in.

use std::collections::{HashMap, HashSet, VecDeque};

use cargo_metadata::{DependencyKind, Node, Package, PackageId, TargetKind};

/// Crates with which a build script compiles C or C++ for the target, or reads its headers, the plainest first.
const COMPILERS: [&str; 9] =
    ["cc", "cmake", "bindgen", "cxx-build", "cpp_build", "autotools", "meson", "gcc", "nasm-rs"];
/// Crates with which a build script looks for a C library of the target's system.
const FINDERS: [&str; 3] = ["pkg-config", "system-deps", "vcpkg"];

type Nodes<'a> = HashMap<&'a PackageId, &'a Node>;
type Packages<'a> = HashMap<&'a PackageId, &'a Package>;

/// For each package in `root`'s program whose build script compiles or links C, one shortest chain of names to it and
/// on to the tool. Development dependencies, and what procedural macros and build scripts need for themselves on the
/// host, do not count.
pub(super) fn native_code(root: &PackageId, nodes: &Nodes<'_>, packages: &Packages<'_>) -> Vec<Vec<String>> {
    let mut chains = Vec::new();
    let mut seen = HashSet::from([root]);
    let mut queue = VecDeque::from([vec![root]]);
    while let Some(path) = queue.pop_front() {
        let Some(id) = path.last() else { continue };
        if let Some(tools) = tool(id, nodes, packages) {
            chains.push(path.iter().copied().chain(tools).map(|id| name(id, packages)).collect());
        }
        for next in dependencies(id, DependencyKind::Normal, nodes) {
            if !is_macro(next, packages) && seen.insert(next) {
                queue.push_back(path.iter().copied().chain([next]).collect());
            }
        }
    }
    chains
}

/// The build dependencies through which a package's build script comes to C.
fn tool<'a>(id: &PackageId, nodes: &Nodes<'a>, packages: &Packages<'a>) -> Option<Vec<&'a PackageId>> {
    let package = packages.get(id)?;
    let has_script = package.targets.iter().any(|target| target.kind.contains(&TargetKind::CustomBuild));
    if !has_script {
        return None;
    }
    let direct: Vec<&PackageId> = dependencies(id, DependencyKind::Build, nodes).collect();
    let named = |wanted: &str| direct.iter().copied().find(|id| name(id, packages) == wanted);
    if let Some(compiler) = COMPILERS.iter().find_map(|wanted| named(wanted)) {
        return Some(vec![compiler]);
    }
    // openssl-src, luajit-src and their like carry the source and compile it for the script that calls them.
    let carriers = direct.iter().copied().filter(|id| name(id, packages).ends_with("src"));
    let through = |carrier: &'a PackageId| {
        let inner = dependencies(carrier, DependencyKind::Normal, nodes);
        let compiler = inner.into_iter().find(|id| COMPILERS.contains(&name(id, packages).as_str()))?;
        Some(vec![carrier, compiler])
    };
    if let Some(chain) = carriers.into_iter().find_map(through) {
        return Some(chain);
    }
    package.links.as_ref()?;
    FINDERS.iter().find_map(|wanted| named(wanted)).map(|finder| vec![finder])
}

fn dependencies<'a>(
    id: &PackageId,
    kind: DependencyKind,
    nodes: &Nodes<'a>,
) -> impl Iterator<Item = &'a PackageId> + use<'a> {
    let node = nodes.get(id).copied();
    let deps = node.into_iter().flat_map(|node| &node.deps);
    deps.filter(move |dep| dep.dep_kinds.iter().any(|found| found.kind == kind)).map(|dep| &dep.pkg)
}

fn is_macro(id: &PackageId, packages: &Packages<'_>) -> bool {
    let kinds =
        packages.get(id).into_iter().flat_map(|package| &package.targets).flat_map(|target| &target.kind);
    kinds.into_iter().any(|kind| *kind == TargetKind::ProcMacro)
}

fn name(id: &PackageId, packages: &Packages<'_>) -> String {
    packages.get(id).map_or_else(|| id.repr.clone(), |package| package.name.to_string())
}
