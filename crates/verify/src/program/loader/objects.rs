//! The program, its loader and its libraries in memory.

use std::collections::BTreeMap;

use super::effort::Effort;
use super::lookup::LookupFailure;
use super::preload::Ignored;
use crate::program::inspect::{Budget, Dynamic, Jemalloc, Symbols};

/// A program or library in memory.
#[derive(Debug)]
pub(crate) struct Object {
    /// The path; for a library with links resolved.
    pub(crate) path: String,
    /// The name under which it was needed first.
    pub(crate) name: String,
    /// The value of `$ORIGIN`: the directory of the program's file, or of the path under which the loader found a
    /// library, whose links are not resolved (`_dl_new_object` of glibc, `fixup_rpath` of musl).
    pub(super) origin: String,
    pub(crate) dynamic: Option<Dynamic>,
    /// The index of the object that needed it first; `None` for the program and its loader.
    pub(crate) parent: Option<usize>,
    /// The name of the C library's build; `None` if the file is not a part of a C library.
    pub(crate) release: Option<String>,
    /// The symbols; `None` if they cannot be read.
    pub(crate) symbols: Option<Symbols>,
    /// The levels that its note demands (`GNU_PROPERTY_X86_ISA_1_NEEDED`).
    pub(crate) isa_needed: Option<u32>,
    /// The jemalloc in a library, for targets whose pages it may not support.
    pub(crate) jemalloc: Option<Jemalloc>,
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
    /// The libraries that were to be preloaded and were not.
    pub(crate) ignored: Vec<Ignored>,
    /// A path contains `$PLATFORM`, whose value on the nodes is unknown.
    pub(crate) is_platform_unknown: bool,
    /// A limit was reached: more libraries or names exist than were read.
    pub(crate) is_truncated: bool,
    /// The index of the object that answers to a name: the first that was needed under it or has it as its soname.
    pub(super) names: BTreeMap<String, usize>,
    /// The number of names that led to a file.
    pub(super) found: usize,
    pub(super) effort: Effort,
    /// The memory that is left for the symbols of all objects.
    pub(super) budget: Budget,
}

impl Object {
    pub(super) fn soname(&self) -> Option<String> {
        self.dynamic.as_ref()?.soname.clone()
    }
}

impl Loaded {
    /// Returns the object that a version need names.
    pub(crate) fn by_name(&self, name: &str) -> Option<&Object> {
        self.objects.get(*self.names.get(name)?)
    }

    /// Returns whether the libraries may be others on another processor.
    pub(crate) fn depends_on_processor(&self) -> bool {
        self.effort.depends_on_processor()
    }

    /// Adds an object that answers to these names from now on, unless another one does already.
    pub(super) fn add(&mut self, object: Object, names: impl IntoIterator<Item = String>) {
        for name in names {
            self.names.entry(name).or_insert(self.objects.len());
        }
        self.is_truncated |= object.dynamic.as_ref().is_some_and(|dynamic| dynamic.is_truncated);
        self.objects.push(object);
    }
}
