//! Finds what a program loses without cgo, from the files that go lists with and without it.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use serde::Serialize;

use super::exports::exports_of;
use super::{GoFacts, ListedPackage};

/// A package that loses a part of itself without cgo.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CgoLoss {
    /// The import path.
    pub import_path: String,
    /// The exported names that vanish; if there are none, the files that no other files replace.
    pub lost: Vec<String>,
}

impl fmt::Display for CgoLoss {
    /// Writes the import path, and at most two of the lost names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (", self.import_path)?;
        match self.lost.as_slice() {
            [] => write!(f, "all")?,
            [one] => write!(f, "`{one}`")?,
            [one, other] => write!(f, "`{one}` and `{other}`")?,
            [one, other, rest @ ..] => write!(f, "`{one}`, `{other}` and {} more", rest.len())?,
        }
        f.write_str(")")
    }
}

type ByPath<'a> = HashMap<&'a str, &'a ListedPackage>;

/// The packages of one platform, with and without cgo.
pub(super) struct Imports<'a> {
    with: ByPath<'a>,
    /// `None` if no package has cgo files.
    without: Option<ByPath<'a>>,
    /// The losses of packages without cgo, whichever program imports them.
    losses: HashMap<&'a str, CgoLoss>,
}

impl<'a> Imports<'a> {
    pub(super) fn new(with: &'a [ListedPackage], without: Option<&'a [ListedPackage]>) -> Self {
        let by_path = |packages: &'a [ListedPackage]| -> ByPath<'a> {
            packages.iter().map(|package| (package.import_path.as_str(), package)).collect()
        };
        let (with, without) = (by_path(with), without.map(by_path));
        let losses = without.iter().flat_map(|without| {
            let own = with.iter().filter(|(_, package)| !package.standard);
            own.filter_map(move |(path, package)| Some((*path, loss(package, without.get(path).copied())?)))
        });
        let losses = losses.collect();
        Self { with, without, losses }
    }

    /// Returns the facts about a program.
    pub(super) fn facts(&self, main: &'a ListedPackage) -> GoFacts {
        let main = main.import_path.as_str();
        let with = self.reachable(&self.with, main);
        let has_cgo =
            |path: &&&str| self.with.get(**path).is_some_and(|package| !package.cgo_files.is_empty());
        let cgo_packages: Vec<&str> = with.iter().filter(has_cgo).copied().collect();
        let flags = cgo_packages.iter().filter_map(|path| self.with.get(path)?.compiler_flags()).collect();
        // A package that only files with cgo import does not belong to the program without cgo: its importers lose it.
        let without = self.without.iter().flat_map(|without| self.reachable(without, main));
        let cgo_losses = without.filter_map(|path| self.losses.get(path).cloned()).collect();
        let cgo_packages = cgo_packages.into_iter().map(str::to_owned).collect();
        GoFacts { cgo_packages, cgo_flags: flags, cgo_losses }
    }

    /// Returns the packages that a program consists of, outside of the standard library.
    fn reachable(&self, packages: &ByPath<'a>, main: &'a str) -> BTreeSet<&'a str> {
        let is_own = |path: &str| {
            // Without cgo, go may not list a package that has no other files.
            packages.get(path).or_else(|| self.with.get(path)).is_some_and(|package| !package.standard)
        };
        let mut found = BTreeSet::from([main]);
        let mut pending = vec![main];
        while let Some(path) = pending.pop() {
            let Some(package) = packages.get(path).copied() else { continue };
            for import in &package.imports {
                let path = package.import_map.get(import).unwrap_or(import).as_str();
                if is_own(path) && found.insert(path) {
                    pending.push(path);
                }
            }
        }
        found
    }
}

/// Returns what a package loses without cgo: the exported names of the files that are left out and that no file in their
/// place declares.
fn loss(with: &ListedPackage, without: Option<&ListedPackage>) -> Option<CgoLoss> {
    let files = |package: &'_ ListedPackage| -> BTreeSet<String> {
        package.go_files.iter().chain(&package.cgo_files).cloned().collect()
    };
    let (before, after) = (files(with), without.map(files).unwrap_or_default());
    let exports = |files: &BTreeSet<String>| -> BTreeSet<String> {
        files.iter().flat_map(|file| exports_of(&with.dir.join(file))).collect()
    };
    let (left_out, instead) = (&before - &after, &after - &before);
    let names = &exports(&left_out) - &exports(&instead);
    let lost = if names.is_empty() && instead.is_empty() { left_out } else { names };
    let import_path = with.import_path.clone();
    (!lost.is_empty()).then(|| CgoLoss { import_path, lost: lost.into_iter().collect() })
}
