//! The program, its loader and its libraries in memory.

use std::collections::BTreeMap;

use super::effort::Effort;
use super::lookup::LookupFailure;
use super::preload::Ignored;
use crate::program::inspect::{Budget, Content, Dynamic, Elf, Jemalloc, SymbolPlaces, Symbols, WantedNames};
use crate::root::Root;

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
    /// The place of the symbols in the file.
    pub(super) places: SymbolPlaces,
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
    pub(super) names_of_symbols: SymbolNames,
}

/// The names of the symbols of all objects, within limits of time and memory.
#[derive(Debug)]
pub(super) struct SymbolNames {
    wanted: WantedNames,
    /// The length of the names that may still be read, which bounds the time.
    budget: Budget,
    /// The same for finding out which library is musl's own.
    c_library_budget: Budget,
}

impl SymbolNames {
    pub(super) fn new(length: usize, memory: usize) -> SymbolNames {
        let (wanted, budget, c_library_budget) =
            (WantedNames::new(memory), Budget::new(length), Budget::new(length));
        SymbolNames { wanted, budget, c_library_budget }
    }

    /// Reads the references of a file and the place of its symbols.
    pub(super) fn references(&mut self, content: &Content<'_>, elf: &Elf) -> (Option<Symbols>, SymbolPlaces) {
        let places = SymbolPlaces::of(elf);
        (places.references(content, &mut self.wanted, &mut self.budget), places)
    }

    /// Returns whether musl takes a library for a C library: it defines these two symbols.
    pub(super) fn is_c_library(&mut self, content: &Content<'_>, places: &SymbolPlaces) -> bool {
        let names = ["__libc_start_main", "stdin"];
        !self.c_library_budget.is_spent() && places.defines_all(&names, content, &mut self.c_library_budget)
    }
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

    /// Reads the definitions of the symbols that the objects need, if those of all can be compared: no library is missing,
    /// and the references of all are known. `content` is that of the program.
    pub(super) fn define_symbols(&mut self, root: &dyn Root, content: &Content<'_>) {
        if !self.missing.is_empty() || self.is_truncated {
            return;
        }
        let SymbolNames { wanted, budget, .. } = &mut self.names_of_symbols;
        for (index, object) in self.objects.iter_mut().enumerate() {
            let Some(symbols) = &mut object.symbols else { return };
            let file = if index == 0 { None } else { root.open(&object.path).ok().map(Content::new) };
            let defined = object.places.define(symbols, file.as_ref().unwrap_or(content), wanted, budget);
            if defined.is_none() || (index > 0 && file.is_none()) {
                // Nothing is compared then.
                object.symbols = None;
                return;
            }
        }
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
