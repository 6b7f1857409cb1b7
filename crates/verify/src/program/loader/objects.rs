//! The program, its loader and its libraries in memory.

use std::collections::BTreeMap;

use crate::program::inspect::{Budget, Dynamic, Symbols};
use crate::root::{MAX_PATH, parent_of};

/// A program or library in memory.
#[derive(Debug)]
pub(crate) struct Object {
    /// The path; for a library with links resolved.
    pub(crate) path: String,
    /// The name under which it was needed first.
    pub(crate) name: String,
    pub(crate) dynamic: Option<Dynamic>,
    /// The index of the object that needed it first; `None` for the program and its loader.
    pub(crate) parent: Option<usize>,
    /// The name of the C library's build; `None` if the file is not a part of a C library.
    pub(crate) release: Option<String>,
    /// The symbols; `None` if they cannot be read.
    pub(crate) symbols: Option<Symbols>,
}

/// The reason why a library was not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LookupFailure {
    /// No directory has it. `searched` are the directories, `skipped` the files of that name for another machine.
    Absent { searched: Vec<String>, skipped: Vec<(String, String)> },
    /// The loader finds this file and stops with an error.
    Broken { path: String, why: String },
    /// The image cannot be read there.
    Unreadable(String),
}

/// A library that was needed and not found.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) name: String,
    /// The index of the object that needs it.
    pub(crate) by: usize,
    pub(crate) failure: LookupFailure,
}

/// The objects in memory when the program begins.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The program, then the loader, then the libraries in the order in which they are loaded.
    pub(crate) objects: Vec<Object>,
    pub(crate) missing: Vec<Missing>,
    /// A limit was reached: more libraries or names exist than were read.
    pub(crate) is_truncated: bool,
    /// The index of the object that answers to a name: the first that was needed under it or has it as its soname.
    pub(super) names: BTreeMap<String, usize>,
    /// The number of names that led to a file.
    pub(super) found: usize,
    /// The number of paths that may still be tried.
    pub(super) paths_left: usize,
    /// The memory that is left for the symbols of all objects.
    pub(super) budget: Budget,
}

impl Loaded {
    /// Returns the object that a version need names.
    pub(crate) fn by_name(&self, name: &str) -> Option<&Object> {
        self.objects.get(*self.names.get(name)?)
    }

    pub(super) fn add(&mut self, object: Object) {
        let soname = object.dynamic.as_ref().and_then(|dynamic| dynamic.soname.clone());
        for name in std::iter::once(object.name.clone()).chain(soname) {
            self.names.entry(name).or_insert(self.objects.len());
        }
        self.is_truncated |= object.dynamic.as_ref().is_some_and(|dynamic| dynamic.is_truncated);
        self.objects.push(object);
    }
}

/// Expands `$ORIGIN` in a search path, and `$LIB` if its value is given, as for glibc. `$PLATFORM` remains, since it
/// depends on the node's processor. An expansion longer than any path is cut off and then leads nowhere.
pub(super) fn expand(directory: &str, object: &Object, lib: Option<&str>) -> String {
    let origin = parent_of(&object.path);
    let tokens = [("$ORIGIN", Some(origin)), ("${ORIGIN}", Some(origin)), ("$LIB", lib), ("${LIB}", lib)];
    let (mut rest, mut expanded) = (directory, String::new());
    while let Some(at) = rest.find('$').filter(|_| expanded.len() <= MAX_PATH) {
        expanded.push_str(&rest[..at]);
        rest = &rest[at..];
        let found =
            tokens.iter().find_map(|(token, value)| Some((rest.strip_prefix(token)?, value.as_deref()?)));
        let (after, value) = found.unwrap_or((&rest[1..], "$"));
        expanded.push_str(value);
        rest = after;
    }
    if expanded.len() <= MAX_PATH {
        expanded.push_str(rest);
    }
    expanded
}
