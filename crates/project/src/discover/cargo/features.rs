//! The members of a workspace that one call of cargo may build.
//!
//! Cargo resolves the features of all packages of a call together (The Cargo Book, "Features", "Feature unification"), so a
//! program may change with the others of its call. It does not if each package that two programs share has the same features
//! for either of them: features only ever add to each other, and every rule that adds one follows from one package's own
//! features. Here the features are found for every member by itself, with the conditions under which each holds instead of
//! their values for some platform. Members with the same ones form a group.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use cargo_metadata::{Dependency, DependencyKind, Edition, Metadata, Node, Package, PackageId, TargetKind};

use super::native_code::Packages;

/// The version of cargo's rules for features (The Cargo Book, "Resolver versions").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolver {
    /// Dependencies of tests and of build scripts have a part in the features of programs.
    First,
    /// They have none. Later versions differ in the versions of packages only.
    Later,
}

/// The number of ways to one feature up to which members are compared.
const WAYS: usize = 16;

/// A package, as it is compiled for a program or for the programs that run during the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Place<'a> {
    package: &'a PackageId,
    is_host: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What<'a> {
    /// The package itself.
    Package,
    Feature(&'a str),
    /// An optional dependency, by its name in the manifest.
    Optional(&'a str),
}

/// Something that holds on some platforms only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Condition {
    Target { is_host: bool, target: String },
    Tests,
}

/// The conditions that must all hold on one way to a fact.
type Way = BTreeSet<Condition>;

/// The shortest ways to each fact about each package.
type Facts<'a> = HashMap<Place<'a>, BTreeMap<What<'a>, BTreeSet<Way>>>;

/// Returns the group of each member; `None` for one that needs a call of its own. The features of every member must be the
/// default ones.
pub(super) fn groups<'a>(
    metadata: &Metadata,
    packages: &Packages<'a>,
    members: &[&'a Package],
) -> Vec<Option<usize>> {
    let resolver = resolver(metadata);
    let mut groups: Vec<Facts<'a>> = Vec::new();
    let group = |member: &&'a Package| {
        let facts = Search { packages, resolver, root: &member.id, facts: Facts::new() }.run()?;
        let agrees = |known: &Facts<'a>| {
            facts.iter().all(|(place, facts)| known.get(place).is_none_or(|known| known == facts))
        };
        let found = groups.iter().position(agrees).unwrap_or_else(|| {
            groups.push(Facts::new());
            groups.len() - 1
        });
        groups[found].extend(facts);
        Some(found)
    };
    members.iter().map(group).collect()
}

fn resolver(metadata: &Metadata) -> Resolver {
    let manifest = std::fs::read_to_string(metadata.workspace_root.join("Cargo.toml")).unwrap_or_default();
    let manifest: toml::Table = manifest.parse().unwrap_or_default();
    let named =
        ["workspace", "package"].iter().find_map(|table| manifest.get(*table)?.get("resolver")?.as_str());
    let root = metadata.workspace_root.join("Cargo.toml");
    let package = metadata.packages.iter().find(|package| package.manifest_path == root);
    // The default of cargo is that of the root package's edition; a workspace without one has the first.
    let is_first = match named {
        Some(named) => named == "1",
        None => package.is_none_or(|package| matches!(package.edition, Edition::E2015 | Edition::E2018)),
    };
    if is_first { Resolver::First } else { Resolver::Later }
}

/// The search for the facts of one member.
struct Search<'p, 'a> {
    packages: &'p Packages<'a>,
    resolver: Resolver,
    root: &'a PackageId,
    facts: Facts<'a>,
}

type Found<'a> = (Place<'a>, What<'a>, Way);

impl<'a> Search<'_, 'a> {
    /// Returns the facts; `None` if the graph has something that is not understood, or there are too many ways.
    fn run(mut self) -> Option<Facts<'a>> {
        let root = Place { package: self.root, is_host: false };
        let start = [What::Package, What::Feature("default")];
        let mut pending: VecDeque<Found<'a>> =
            start.into_iter().map(|what| (root, what, Way::new())).collect();
        while let Some((place, what, way)) = pending.pop_front() {
            let ways = self.facts.entry(place).or_default().entry(what).or_default();
            if ways.iter().any(|known| known.is_subset(&way)) {
                continue;
            }
            ways.retain(|known| !way.is_subset(known));
            ways.insert(way.clone());
            if ways.len() > WAYS {
                return None;
            }
            self.follow(place, what, &way, &mut pending)?;
        }
        Some(self.facts)
    }

    /// Adds what follows from a fact.
    fn follow(
        &self,
        place: Place<'a>,
        what: What<'a>,
        way: &Way,
        found: &mut VecDeque<Found<'a>>,
    ) -> Option<()> {
        let package = self.packages.package(place.package)?;
        match what {
            What::Package => {
                let needed = package.dependencies.iter().filter(|dependency| !dependency.optional);
                needed
                    .map(|dependency| self.dependency(place, dependency, way, found))
                    .collect::<Option<()>>()?;
            }
            What::Optional(name) => {
                let named = of_name(package, name).filter(|dependency| dependency.optional);
                named
                    .map(|dependency| self.dependency(place, dependency, way, found))
                    .collect::<Option<()>>()?;
                let weak = format!("{name}?/");
                for (feature, values) in &package.features {
                    let parts = values.iter().filter_map(|value| value.strip_prefix(&weak));
                    for part in parts {
                        for other in self.ways(place, What::Feature(feature)) {
                            self.pass(place, name, part, &(way | other), found)?;
                        }
                    }
                }
            }
            What::Feature(name) => {
                for value in package.features.get(name).into_iter().flatten() {
                    self.value(place, package, value, way, found)?;
                }
            }
        }
        Some(())
    }

    /// Adds what follows from one entry of an active feature.
    fn value(
        &self,
        place: Place<'a>,
        package: &'a Package,
        value: &'a str,
        way: &Way,
        found: &mut VecDeque<Found<'a>>,
    ) -> Option<()> {
        let mut add = |what| found.push_back((place, what, way.clone()));
        if let Some(name) = value.strip_prefix("dep:") {
            add(What::Optional(name));
            return Some(());
        }
        let Some((name, part)) = value.split_once('/') else {
            add(What::Feature(value));
            return Some(());
        };
        let is_optional = |name| of_name(package, name).any(|dependency| dependency.optional);
        match name.strip_suffix('?') {
            Some(name) if is_optional(name) => {
                for other in self.ways(place, What::Optional(name)) {
                    self.pass(place, name, part, &(way | other), found)?;
                }
                Some(())
            }
            Some(name) => self.pass(place, name, part, way, found),
            None => {
                if is_optional(name) {
                    add(What::Optional(name));
                    add(What::Feature(name));
                }
                self.pass(place, name, part, way, found)
            }
        }
    }

    /// Passes a feature on to a dependency.
    fn pass(
        &self,
        place: Place<'a>,
        name: &str,
        feature: &'a str,
        way: &Way,
        found: &mut VecDeque<Found<'a>>,
    ) -> Option<()> {
        for dependency in of_name(self.packages.package(place.package)?, name) {
            if let Some((other, way)) = self.reached(place, dependency, way)? {
                found.push_back((other, What::Feature(feature), way));
            }
        }
        Some(())
    }

    /// Adds a dependency with the features that its declaration asks for.
    fn dependency(
        &self,
        place: Place<'a>,
        dependency: &'a Dependency,
        way: &Way,
        found: &mut VecDeque<Found<'a>>,
    ) -> Option<()> {
        if let Some((other, way)) = self.reached(place, dependency, way)? {
            found.push_back((other, What::Package, way.clone()));
            let default = dependency.uses_default_features.then_some("default");
            let asked = dependency.features.iter().map(String::as_str).chain(default);
            found.extend(asked.map(|feature| (other, What::Feature(feature), way.clone())));
        }
        Some(())
    }

    /// Returns the package that a declaration leads to, and the way to it. The inner value is `None` if the declaration has no part
    /// in the build, the outer one if it may lead to several packages.
    fn reached(
        &self,
        place: Place<'a>,
        dependency: &Dependency,
        way: &Way,
    ) -> Option<Option<(Place<'a>, Way)>> {
        let mut way = way.clone();
        match dependency.kind {
            DependencyKind::Development if self.resolver == Resolver::First && place.package == self.root => {
                way.insert(Condition::Tests);
            }
            DependencyKind::Normal | DependencyKind::Build => {}
            _ => return Some(None),
        }
        let Some(node) = self.packages.node(place.package) else { return Some(None) };
        let mut found = self.candidates(node, dependency);
        if found.len() > 1 {
            found.retain(|package| dependency.req.matches(&package.version));
        }
        let [package] = found[..] else { return if found.is_empty() { Some(None) } else { None } };
        let runs = place.is_host || dependency.kind == DependencyKind::Build;
        if let Some(target) = &dependency.target {
            way.insert(Condition::Target { is_host: runs, target: target.to_string() });
        }
        let is_macro = package.targets.iter().any(|target| target.kind.contains(&TargetKind::ProcMacro));
        let is_host = self.resolver == Resolver::Later && (runs || is_macro);
        Some(Some((Place { package: &package.id, is_host }, way)))
    }

    /// Returns the packages to which cargo may have resolved a declaration.
    fn candidates(&self, node: &'a Node, dependency: &Dependency) -> Vec<&'a Package> {
        let fits = |found: &&cargo_metadata::NodeDep| {
            found
                .dep_kinds
                .iter()
                .any(|kind| kind.kind == dependency.kind && kind.target == dependency.target)
        };
        let packages = node.deps.iter().filter(fits).filter_map(|found| self.packages.package(&found.pkg));
        packages.filter(|package| package.name.as_str() == dependency.name).collect()
    }

    fn ways(&self, place: Place<'a>, what: What<'a>) -> impl Iterator<Item = &Way> {
        self.facts.get(&place).and_then(|facts| facts.get(&what)).into_iter().flatten()
    }
}

/// Returns the declarations of dependencies with a name in the manifest.
fn of_name<'a>(package: &'a Package, name: &str) -> impl Iterator<Item = &'a Dependency> {
    package
        .dependencies
        .iter()
        .filter(move |dependency| dependency.rename.as_ref().unwrap_or(&dependency.name) == name)
}
