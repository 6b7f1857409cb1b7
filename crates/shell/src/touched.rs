//! Files that the commands of a script may have created, changed or removed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The changes that commands may have made to files before a program starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes(Arc<Touched>);

impl Changes {
    pub(crate) fn of(touched: &Arc<Touched>) -> Self {
        match touched.anything {
            // The paths tell nothing more, and each program keeps its changes.
            true => Self(Arc::new(Touched { anything: true, ..Touched::default() })),
            false => Self(touched.clone()),
        }
    }

    pub(crate) fn join(&mut self, other: &Self) {
        if self.0 != other.0 {
            Arc::make_mut(&mut self.0).join(&other.0);
        }
    }

    /// Returns whether the file at an absolute path, or something in that directory, may be another one than in the image.
    pub fn may_concern(&self, path: &str) -> bool {
        self.0.anything || self.0.may_change_within(path) || is_below(path, &self.0.owners)
    }
}

/// The most paths with another owner. Beyond, every path counts as one.
const MOST_OWNERS: usize = 256;

/// The most copies and links that are known.
const MOST_MADE: usize = 64;

/// Whether a change of a directory reaches what is in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Itself,
    Below,
}

/// Paths that earlier commands may have created, changed or removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Touched {
    pub(crate) anything: bool,
    /// Files, and directories with everything in them.
    pub(crate) paths: BTreeSet<String>,
    /// Files, and directories without what is in them.
    pub(crate) single: BTreeSet<String>,
    pub(crate) removed: BTreeSet<String>,
    /// Those of the paths at which a file may have execute bits now that it had not.
    pub(crate) opened: BTreeSet<String>,
    /// Files, and directories with everything in them, that may belong to another user now.
    pub(crate) owners: BTreeSet<String>,
    /// Files that have, or may have, other contents, and directories of such.
    pub(crate) rewritten: BTreeSet<String>,
    /// Files and directories that are certainly no longer there.
    pub(crate) gone: BTreeSet<String>,
    /// Files, and directories of such, that certainly have no execute bits.
    pub(crate) closed: BTreeSet<String>,
    /// Copies of files of the image and links to files and directories of it, with what they stand for.
    pub(crate) made: BTreeMap<String, String>,
}

impl Touched {
    /// Notes that a path may be created or changed.
    pub(crate) fn add(&mut self, path: String, reach: Reach) {
        let is_other = |known: &String| !is_at_or_below(known, &path) && !is_at_or_below(&path, known);
        self.gone.retain(is_other);
        self.closed.retain(is_other);
        self.made.retain(|known, _| is_other(known));
        match reach {
            Reach::Below => self.paths.insert(path),
            Reach::Itself => self.single.insert(path),
        };
    }

    /// Returns whether a path is listed with this reach, or with a wider one.
    pub(crate) fn has(&self, path: &str, reach: Reach) -> bool {
        self.paths.contains(path) || (reach == Reach::Itself && self.single.contains(path))
    }

    /// Notes copies and links.
    pub(crate) fn make(&mut self, made: Vec<(String, String)>) {
        self.made.extend(made);
        while self.made.len() > MOST_MADE {
            self.made.pop_last();
        }
    }

    /// Returns the path in the image of what is at a path, if that is a copy or below a link.
    pub(crate) fn source(&self, path: &str) -> Option<String> {
        let above = path.match_indices('/').filter(|(at, _)| *at > 0).map(|(at, _)| at);
        let mut ends = above.chain([path.len()]).filter(|_| !self.made.is_empty());
        ends.find_map(|end| self.made.get(&path[..end]).map(|source| format!("{source}{}", &path[end..])))
    }

    /// Notes that files may belong to another user.
    pub(crate) fn give(&mut self, paths: Vec<String>) {
        self.owners.extend(paths);
        if self.owners.len() > MOST_OWNERS {
            self.owners = BTreeSet::from(["/".to_owned()]);
        }
    }

    /// Returns the number of paths.
    pub(crate) fn len(&self) -> usize {
        self.paths.len() + self.single.len()
    }

    /// Whether the file at an absolute path may be another one, or have another content.
    pub(crate) fn may_change(&self, path: &str) -> bool {
        is_below(path, &self.removed) || is_below(path, &self.paths) || self.single.contains(path)
    }

    /// Whether something may have been created or removed in a directory, at any depth.
    pub(crate) fn may_change_within(&self, directory: &str) -> bool {
        let lists = [&self.paths, &self.removed, &self.single];
        self.may_change(directory) || lists.into_iter().any(|listed| is_above(directory, listed))
    }

    /// Adds what another way through the script may have changed.
    pub(crate) fn join(&mut self, other: &Self) {
        self.anything |= other.anything;
        for (ours, theirs) in [
            (&mut self.paths, &other.paths),
            (&mut self.single, &other.single),
            (&mut self.removed, &other.removed),
            (&mut self.opened, &other.opened),
            (&mut self.owners, &other.owners),
            (&mut self.rewritten, &other.rewritten),
        ] {
            ours.extend(theirs.iter().cloned());
        }
        self.gone.retain(|path| other.gone.contains(path));
        self.closed.retain(|path| other.closed.contains(path));
        self.made.retain(|path, source| other.made.get(path) == Some(source));
    }
}

fn is_at_or_below(path: &str, place: &str) -> bool {
    path.strip_prefix(place.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a path or a directory above it is listed.
pub(crate) fn is_below(path: &str, listed: &BTreeSet<String>) -> bool {
    !listed.is_empty()
        && (listed.contains("/")
            || path.contains("/..")
            || listed.contains(path)
            || path.match_indices('/').any(|(end, _)| end > 0 && listed.contains(&path[..end])))
}

/// Whether a directory has a listed path in it, at any depth.
fn is_above(directory: &str, listed: &BTreeSet<String>) -> bool {
    let directory = directory.trim_end_matches('/');
    listed.iter().any(|path| path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/')))
}
