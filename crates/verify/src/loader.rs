//! What the dynamic loader does before a program's first instruction: find the shared libraries.
//!
//! [`load`] follows the loader that the program names, step by step, in the image's root: glibc's `ld.so` or musl's. It
//! gives every library that would be loaded and every one that would not be found; judging them is left to the checks.

mod cache;
mod glibc;
mod musl;
mod search;

use std::collections::VecDeque;

use crate::Target;
use crate::inspect::{Dynamic, Elf, Inspection, Symbols, inspect_file, symbols};
use crate::resolve::resolve;
use crate::root::EntryKind;
use crate::subject::Surroundings;

pub(crate) use search::Miss;

/// A program depends on at most this many libraries; more is taken for an attack.
const MOST_OBJECTS: usize = 1024;

/// After this many missing libraries more would say nothing new.
const MOST_MISSING: usize = 64;

/// Which loader a program asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Glibc,
    Musl,
}

impl Family {
    /// The family of a loader, by its file's name.
    pub(crate) fn of(interpreter: &str) -> Option<Family> {
        let name = interpreter.rsplit('/').next()?;
        match name {
            name if name.starts_with("ld-musl-") => Some(Family::Musl),
            name if name.starts_with("ld-linux") || name.starts_with("ld64.so") || name == "ld.so.1" => {
                Some(Family::Glibc)
            }
            _ => None,
        }
    }
}

/// A program or library in memory.
#[derive(Debug)]
pub(crate) struct Object {
    /// Its path, without links for a library.
    pub(crate) path: String,
    /// The name by which it was asked for.
    pub(crate) name: String,
    pub(crate) elf: Elf,
    /// The object that asked for it first; the program has none.
    pub(crate) parent: Option<usize>,
    /// How the C library names its build, where the file is part of one.
    pub(crate) release: Option<String>,
    /// Its symbols, where they could be read.
    pub(crate) symbols: Option<Symbols>,
}

impl Object {
    pub(crate) fn dynamic(&self) -> Option<&Dynamic> {
        self.elf.dynamic.as_ref()
    }

    fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.dynamic().and_then(|dynamic| dynamic.soname.as_deref()) == Some(name)
    }
}

/// A library that was asked for and not found.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) name: String,
    /// The object that asks for it.
    pub(crate) by: usize,
    pub(crate) miss: Miss,
}

/// What is in memory when the program begins.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The program first, then the libraries in the order in which they are loaded.
    pub(crate) objects: Vec<Object>,
    pub(crate) missing: Vec<Missing>,
}

impl Loaded {
    /// The object that a version need names.
    pub(crate) fn answering(&self, name: &str) -> Option<&Object> {
        self.objects.iter().skip(1).find(|object| object.answers_to(name))
    }
}

/// Where and for what a loader works.
pub(crate) struct Place<'a> {
    pub(crate) image: Surroundings<'a>,
    pub(crate) target: &'a Target,
}

/// Loads a program's libraries as its loader would, breadth first.
///
/// `bytes` are the program's, all of them or its first. `None` when the loader itself is no program.
pub(crate) fn load(
    place: &Place<'_>,
    path: &str,
    (elf, bytes): (&Elf, &[u8]),
    interpreter: &str,
    family: Family,
) -> Option<Loaded> {
    let program = Object {
        path: path.to_owned(),
        name: path.to_owned(),
        elf: elf.clone(),
        parent: None,
        release: None,
        symbols: symbols(bytes, elf),
    };
    let mut loaded = Loaded { objects: vec![program], missing: Vec::new() };
    let own = loader_itself(place, interpreter, elf)?;
    let search = match family {
        Family::Glibc => search::Search::Glibc(glibc::Search::new(place, own.0)),
        Family::Musl => search::Search::Musl(musl::Search::new(place, interpreter)),
    };
    loaded.objects.push(own.1);
    let mut waiting: VecDeque<(usize, String)> = needed(&loaded.objects[0], 0);
    while let Some((by, name)) = waiting.pop_front() {
        if search.is_built_in(&name)
            || loaded.answering(&name).is_some()
            || loaded.objects.len() > MOST_OBJECTS
        {
            continue;
        }
        if loaded.missing.len() >= MOST_MISSING || loaded.missing.iter().any(|missing| missing.name == name) {
            continue;
        }
        match search.find(place, &loaded.objects, by, &name) {
            Ok(hit) => {
                let index = loaded.objects.len();
                let object = Object { name, parent: Some(by), ..hit };
                waiting.extend(needed(&object, index));
                loaded.objects.push(object);
            }
            Err(miss) => loaded.missing.push(Missing { name, by, miss }),
        }
    }
    Some(loaded)
}

fn needed(object: &Object, index: usize) -> VecDeque<(usize, String)> {
    let names = object.dynamic().map(|dynamic| dynamic.needed.as_slice()).unwrap_or_default();
    names.iter().map(|name| (index, name.clone())).collect()
}

/// The loader, which is the first library in memory, and its bytes' own list of directories.
fn loader_itself(place: &Place<'_>, interpreter: &str, program: &Elf) -> Option<(Vec<String>, Object)> {
    let found =
        resolve(place.image.root, interpreter).ok().filter(|found| found.entry.kind == EntryKind::File)?;
    let file = inspect_file(place.image.root, &found.path, found.entry.size).ok()?;
    let (bytes, Inspection::Elf(elf)) = (file.bytes, file.facts) else { return None };
    if !search::same_machine(&elf, program) || search::broken(&elf).is_some() {
        return None;
    }
    let object = Object {
        symbols: symbols(&bytes, &elf),
        path: found.path,
        name: interpreter.rsplit('/').next().unwrap_or(interpreter).to_owned(),
        elf: *elf,
        parent: None,
        release: glibc::release(&bytes),
    };
    Some((glibc::default_directories(&bytes, place.target.architecture()), object))
}
