//! The program, its loader and its libraries as they lie in memory.

use std::collections::BTreeMap;

use crate::program::inspect::{Budget, Dynamic, Symbols};
use crate::root::{MAX_PATH, parent_of};

/// A program or library in memory.
#[derive(Debug)]
pub(crate) struct Object {
    /// Its path, without links for a library.
    pub(crate) path: String,
    /// The name by which it was asked for first.
    pub(crate) name: String,
    pub(crate) dynamic: Option<Dynamic>,
    /// The object that asked for it first; the program has none.
    pub(crate) parent: Option<usize>,
    /// How the C library names its build, where the file is part of one.
    pub(crate) release: Option<String>,
    /// Its symbols, where they could be read.
    pub(crate) symbols: Option<Symbols>,
}

/// Why a library was not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LookupFailure {
    /// No directory has it. These are the ones that were searched, and files of that name that do not fit.
    Absent { searched: Vec<String>, skipped: Vec<(String, String)> },
    /// The loader takes this file and stops at it.
    Broken { path: String, why: String },
    /// The image could not be read there.
    Unreadable(String),
}

/// A library that was asked for and not found.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) name: String,
    /// The object that asks for it.
    pub(crate) by: usize,
    pub(crate) failure: LookupFailure,
}

/// What is in memory when the program begins.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The program first, then the loader, then the libraries in the order in which they are loaded.
    pub(crate) objects: Vec<Object>,
    pub(crate) missing: Vec<Missing>,
    /// There are more libraries than are looked for, or more names in one than are read.
    pub(crate) is_truncated: bool,
    /// Which object answers to a name: the one that was asked for or called itself so first.
    pub(super) names: BTreeMap<String, usize>,
    /// How many names led to a file.
    pub(super) found: usize,
    /// How many paths may still be tried.
    pub(super) paths_left: usize,
    /// What is left for the symbols of all objects.
    pub(super) budget: Budget,
}

impl Loaded {
    /// The object that a version need names.
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

/// Replaces `$ORIGIN`, and with glibc `$LIB`, in a search path; `lib` is what stands for the latter. `$PLATFORM` stays as it
/// is, for it depends on the node's processor. What no path is as long as is cut, and then leads nowhere.
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
