//! `Cargo.lock`: who depends on whom, whatever the features and platforms.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Deserialize;

use crate::discover::native::{COMPILERS, FINDERS};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Lock {
    /// One shortest chain of names from a package to each crate that compiles or finds C. Without features and platforms
    /// there may be more of them than cargo would build: a builder with a C compiler too many builds all the same.
    pub(super) fn native_code(&self, package: &str) -> Vec<Vec<String>> {
        let mut below: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for locked in &self.package {
            let names = locked.dependencies.iter().filter_map(|text| text.split(' ').next());
            below.entry(&locked.name).or_default().extend(names);
        }
        let mut chains = Vec::new();
        let mut seen = BTreeSet::from([package]);
        let mut queue = VecDeque::from([vec![package]]);
        while let Some(chain) = queue.pop_front() {
            let Some(last) = chain.last() else { continue };
            for next in below.get(last).into_iter().flatten().filter(|next| seen.insert(next)) {
                let longer: Vec<&str> = chain.iter().copied().chain([*next]).collect();
                if COMPILERS.contains(next) || FINDERS.contains(next) {
                    chains.push(longer.into_iter().map(str::to_owned).collect());
                } else {
                    queue.push_back(longer);
                }
            }
        }
        chains
    }
}
