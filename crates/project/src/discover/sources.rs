//! Where a project's sources lie, for whoever sends them to another machine.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

/// The files and folders that a build reads, as far as the project's own tools tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sources {
    /// Below the project's root and relative to it, as `cmd`, `crates/api`, `*.go`; none inside another.
    pub inside: BTreeSet<String>,
    /// Folders of the project's own code that lie outside of its root: path dependencies, local replacements.
    pub outside: BTreeSet<Utf8PathBuf>,
}

impl Sources {
    /// A folder with everything in it; of the root itself those `entries` alone that are named.
    pub(super) fn add(&mut self, root: &Utf8Path, folder: &Utf8Path, entries: impl Iterator<Item = String>) {
        match folder.strip_prefix(root) {
            Ok(below) if below.as_str().is_empty() => self.inside.extend(entries),
            Ok(below) => drop(self.inside.insert(below.as_str().replace('\\', "/"))),
            Err(_) => drop(self.outside.insert(folder.to_owned())),
        }
    }

    /// Adds what another question showed.
    pub(super) fn merge(&mut self, other: Self) {
        self.inside.extend(other.inside);
        self.outside.extend(other.outside);
    }

    /// Without what lies in a folder that is named too.
    pub(super) fn reduced(mut self) -> Self {
        let all = self.inside.clone();
        let within =
            |path: &String| Utf8Path::new(path).ancestors().skip(1).any(|above| all.contains(above.as_str()));
        self.inside.retain(|path| !within(path));
        self
    }
}

/// The first part of a path below the root: what is named to have the path.
pub(super) fn first_part(root: &Utf8Path, path: &Utf8Path) -> Option<String> {
    let below = path.strip_prefix(root).ok()?;
    below.components().next().map(|part| part.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_once_and_those_outside_apart() {
        let mut sources = Sources::default();
        let none = std::iter::empty;
        for folder in ["/p/crates/a/b", "/p/crates/a", "/p/crates/ab", "/q"] {
            sources.add("/p".into(), folder.into(), none());
        }
        sources.add("/p".into(), "/p".into(), ["src".to_owned()].into_iter());
        let sources = sources.reduced();
        assert_eq!(sources.inside.iter().collect::<Vec<_>>(), ["crates/a", "crates/ab", "src"]);
        assert_eq!(sources.outside.iter().collect::<Vec<_>>(), ["/q"]);
        assert_eq!(first_part("/p".into(), "/p/src/bin/x.rs".into()).as_deref(), Some("src"));
    }
}
