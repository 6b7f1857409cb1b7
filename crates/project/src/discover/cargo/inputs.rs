//! The local packages that a program is built from.

use std::collections::{BTreeSet, HashMap, HashSet};

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{DependencyKind, Metadata, Package, PackageId};

/// The local packages that the programs of a package are built from: itself, and path dependencies of every kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CargoInputs {
    /// The directories of the packages that are compiled, for build scripts and macros too.
    pub compiled: BTreeSet<Utf8PathBuf>,
    /// The directories of those and of the packages that only tests need. Their manifests decide about features too.
    pub resolved: BTreeSet<Utf8PathBuf>,
    /// The directories of all local packages of the workspace.
    pub all: BTreeSet<Utf8PathBuf>,
}

/// The dependency graph of a workspace.
pub(super) struct Graph<'a> {
    packages: HashMap<&'a PackageId, &'a Package>,
    /// The dependencies that are compiled.
    compiled: Edges<'a>,
    /// All dependencies.
    resolved: Edges<'a>,
}

type Edges<'a> = HashMap<&'a PackageId, Vec<&'a PackageId>>;

impl<'a> Graph<'a> {
    pub(super) fn new(metadata: &'a Metadata) -> Self {
        let (mut compiled, mut resolved) = (Edges::new(), Edges::new());
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            for dependency in &node.deps {
                resolved.entry(&node.id).or_default().push(&dependency.pkg);
                let kinds = &dependency.dep_kinds;
                // Cargo before 1.41 reports no kinds.
                if kinds.is_empty() || kinds.iter().any(|found| found.kind != DependencyKind::Development) {
                    compiled.entry(&node.id).or_default().push(&dependency.pkg);
                }
            }
        }
        let packages = metadata.packages.iter().map(|package| (&package.id, package)).collect();
        Self { packages, compiled, resolved }
    }

    pub(super) fn inputs(&self, root: &'a PackageId) -> CargoInputs {
        CargoInputs {
            compiled: self.directories(root, &self.compiled),
            resolved: self.directories(root, &self.resolved),
            all: self.packages.values().filter_map(|package| local_directory(package)).collect(),
        }
    }

    /// Returns the directories of the local packages among a package and all that it leads to. A package of a registry can
    /// lead to a local one, by `[patch]`.
    fn directories(&self, root: &'a PackageId, edges: &Edges<'a>) -> BTreeSet<Utf8PathBuf> {
        let mut found = HashSet::from([root]);
        let mut pending = vec![root];
        while let Some(id) = pending.pop() {
            let next = edges.get(id).into_iter().flatten();
            pending.extend(next.filter(|next| found.insert(next)));
        }
        found.iter().filter_map(|id| local_directory(self.packages.get(id)?)).collect()
    }
}

fn local_directory(package: &Package) -> Option<Utf8PathBuf> {
    let directory = package.manifest_path.parent().map(Utf8Path::to_owned);
    directory.filter(|_| package.source.is_none())
}
