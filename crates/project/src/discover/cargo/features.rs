//! The members of a workspace that one call of cargo may build.
//!
//! Cargo resolves the features of all packages of a call together (The Cargo Book, "Features", "Feature unification"), so a
//! program may change with the others of its call. It does not if each package that two programs share has the same features
//! for either of them: features only ever add to each other, and every rule that adds one follows from one package's own
//! features. Here the features are found for every member by itself, with the conditions under which each holds instead of
//! their values for some platform. Members with the same ones form a group, and so do triples on which the same ones hold.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use cargo_metadata::{Dependency, DependencyKind, Edition, Metadata, Node, Package, PackageId, TargetKind};

use super::cfg::cfg_matches;
use super::native_code::Packages;
use crate::config::Features;

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

/// The calls that may build a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CargoCalls {
    /// The packages with the same number may be built by one call, with their default features. `None` for one that needs a
    /// call of its own.
    pub group: Option<usize>,
    /// The triples with the same number may be built by one call, with the default features: cargo resolves the features of all
    /// triples of a call together, too. A triple without a number needs a call of its own.
    pub triples: BTreeMap<String, usize>,
    /// The same with the features that cargo was asked about; empty if these are the default ones.
    pub asked_triples: BTreeMap<String, usize>,
}

/// Returns the calls that may build each member, which has these features in the answer of cargo.
pub(super) fn calls<'a>(
    metadata: &Metadata,
    packages: &Packages<'a>,
    members: &[&'a Package],
    triples: &[&str],
    features: &'a Features,
) -> Vec<CargoCalls> {
    let resolver = resolver(metadata);
    let facts = |member: &'a Package, start| {
        Search { packages, resolver, root: &member.id, facts: Facts::new() }.run(start)
    };
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut truths = Truths::new();
    let call = |member: &&'a Package| {
        let member = *member;
        // Without the default features, cargo left out dependencies that they need.
        let default = (!features.no_default).then(|| facts(member, vec![What::Feature("default")])).flatten();
        let mut of = |facts: Option<&Facts<'a>>| {
            facts.map(|facts| alike(facts, triples, &mut truths)).unwrap_or_default()
        };
        let default_triples = of(default.as_ref());
        let asked_triples = match *features == Features::default() {
            true => BTreeMap::new(),
            false => of(facts(member, start(member, features)).as_ref()),
        };
        let plain = default.filter(|facts| is_plain(metadata, packages, member, facts));
        let group = plain.map(|facts| join(&mut groups, &member.id, facts));
        CargoCalls { group, triples: default_triples, asked_triples }
    };
    members.iter().map(call).collect()
}

/// Members that one call may build.
#[derive(Default)]
struct Group<'a> {
    members: BTreeSet<&'a PackageId>,
    facts: Facts<'a>,
}

/// Adds a member to the first group with which it agrees, and returns its number.
fn join<'a>(groups: &mut Vec<Group<'a>>, member: &'a PackageId, facts: Facts<'a>) -> usize {
    let agrees = |group: &Group<'a>| {
        // A package of the call is compiled with CARGO_PRIMARY_PACKAGE, and as a dependency without.
        let is_apart = !group.facts.keys().any(|place| place.package == member)
            && !facts.keys().any(|place| group.members.contains(place.package));
        is_apart
            && facts.iter().all(|(place, facts)| group.facts.get(place).is_none_or(|known| known == facts))
    };
    let found = groups.iter().position(agrees).unwrap_or_else(|| {
        groups.push(Group::default());
        groups.len() - 1
    });
    groups[found].members.insert(member);
    groups[found].facts.extend(facts);
    found
}

/// Whether a call with others compiles the same. It does not where a library is also made for other languages: with LTO, cargo
/// then compiles all that it depends on in another way. And a name of two packages names neither.
fn is_plain(metadata: &Metadata, packages: &Packages<'_>, member: &Package, facts: &Facts<'_>) -> bool {
    let is_plain =
        |kind: &TargetKind| !matches!(kind, TargetKind::CDyLib | TargetKind::DyLib | TargetKind::StaticLib);
    let mut used = facts.keys().filter_map(|place| packages.package(place.package));
    used.all(|package| package.targets.iter().flat_map(|target| &target.kind).all(is_plain))
        && metadata.packages.iter().filter(|package| package.name == member.name).count() == 1
}

/// The triples for which each condition holds. Members share conditions, and each takes a while to evaluate.
type Truths = HashMap<String, BTreeSet<String>>;

/// Returns numbers for triples: those with the same one have the same features of every package that they share.
fn alike(facts: &Facts<'_>, triples: &[&str], truths: &mut Truths) -> BTreeMap<String, usize> {
    // Features of processors are known to rustc only.
    for condition in facts.values().flat_map(BTreeMap::values).flatten().flatten() {
        let Condition::Target { target, is_host: false } = condition else { continue };
        if target.contains("target_feature") {
            return BTreeMap::new();
        }
        if !truths.contains_key(target) {
            let triples = triples.iter().filter(|triple| cfg_matches(target, triple));
            truths.insert(target.clone(), triples.map(|triple| (*triple).to_owned()).collect());
        }
    }
    let mut groups: Vec<HashMap<&Place<'_>, BTreeSet<&What<'_>>>> = Vec::new();
    let number = |triple: &&str| {
        let holds = |condition: &Condition| match condition {
            Condition::Target { is_host: false, target } => {
                truths.get(target).is_some_and(|triples| triples.contains(*triple))
            }
            // The same for every triple.
            Condition::Target { is_host: true, .. } | Condition::Tests => true,
        };
        let holds = |ways: &BTreeSet<Way>| ways.iter().any(|way| way.iter().all(holds));
        let of_triple = facts.iter().filter_map(|(place, facts)| {
            let active: BTreeSet<_> =
                facts.iter().filter(|(_, ways)| holds(ways)).map(|(what, _)| what).collect();
            active.contains(&What::Package).then_some((place, active))
        });
        let of_triple: HashMap<_, _> = of_triple.collect();
        let agrees = |known: &HashMap<&Place<'_>, BTreeSet<&What<'_>>>| {
            of_triple.iter().all(|(place, active)| known.get(place).is_none_or(|known| known == active))
        };
        let found = groups.iter().position(agrees).unwrap_or_else(|| {
            groups.push(HashMap::new());
            groups.len() - 1
        });
        groups[found].extend(of_triple);
        ((*triple).to_owned(), found)
    };
    triples.iter().map(number).collect()
}

/// Returns what `--features` and the like turn on in a package.
fn start<'a>(package: &'a Package, features: &'a Features) -> Vec<What<'a>> {
    let default = (!features.no_default).then_some("default");
    let all = package.features.keys().filter(|_| features.all).map(String::as_str);
    default
        .into_iter()
        .chain(all)
        .chain(features.names.iter().map(String::as_str))
        .map(What::Feature)
        .collect()
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
    fn run(mut self, start: Vec<What<'a>>) -> Option<Facts<'a>> {
        let root = Place { package: self.root, is_host: false };
        let start = std::iter::once(What::Package).chain(start);
        let mut pending: VecDeque<Found<'a>> = start.map(|what| (root, what, Way::new())).collect();
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
                let values = package.features.get(name);
                for value in values.into_iter().flatten() {
                    self.value(place, package, value, way, found)?;
                }
                // Cargo before 1.60 does not list the features that optional dependencies have.
                if values.is_none() {
                    found.push_back((place, What::Optional(name), way.clone()));
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
