//! Trying one path after another.

use crate::inspect::{Elf, Inspection, inspect_file, symbols};
use crate::loader::{Object, Place, glibc, musl};
use crate::machine;
use crate::resolve::{ResolveError, resolve};
use crate::root::{EntryKind, parent_of};

/// A search path that is longer is taken for an attack.
const MOST_PATHS: usize = 4096;

/// Why a library was not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Miss {
    /// No directory has it. These are the ones that were searched, and files of that name that do not fit.
    Absent { searched: Vec<String>, passed_over: Vec<(String, String)> },
    /// The loader takes this file and stops at it.
    Broken { path: String, why: String },
    /// The image could not be read there.
    Unreadable(String),
}

/// The rules by which a loader looks for libraries.
pub(super) enum Search {
    Glibc(glibc::Search),
    Musl(musl::Search),
}

impl Search {
    /// True for a name that the loader answers itself.
    pub(super) fn is_built_in(&self, name: &str) -> bool {
        matches!(self, Search::Musl(_)) && musl::is_built_in(name)
    }

    /// The library that an object gets under a name.
    pub(super) fn find(
        &self,
        place: &Place<'_>,
        objects: &[Object],
        by: usize,
        name: &str,
    ) -> Result<Object, Miss> {
        let mut paths = if name.contains('/') {
            vec![name.to_owned()]
        } else {
            match self {
                Search::Glibc(search) => search.candidates(place, objects, by, name),
                Search::Musl(search) => search.candidates(place, objects, by, name),
            }
        };
        paths.truncate(MOST_PATHS);
        let elf = &objects[0].elf;
        let mut passed_over = Vec::new();
        for path in &paths {
            match attempt(place, path, elf) {
                Attempt::Fits(hit) => return Ok(*hit),
                Attempt::Absent => {}
                // glibc goes on past a library of another machine; musl stops at it.
                Attempt::OtherMachine(what) if matches!(self, Search::Glibc(_)) => {
                    passed_over.push((path.clone(), what));
                }
                Attempt::OtherMachine(why) | Attempt::Broken(why) => {
                    return Err(Miss::Broken { path: path.clone(), why });
                }
                Attempt::Unreadable(why) => return Err(Miss::Unreadable(why)),
            }
        }
        let mut searched: Vec<String> = paths.iter().map(|path| parent_of(path).to_owned()).collect();
        searched.dedup();
        Err(Miss::Absent { searched, passed_over })
    }
}

enum Attempt {
    Fits(Box<Object>),
    Absent,
    OtherMachine(String),
    Broken(String),
    Unreadable(String),
}

fn attempt(place: &Place<'_>, path: &str, program: &Elf) -> Attempt {
    let found = match resolve(place.image.root, path) {
        Ok(found) if found.entry.kind == EntryKind::File => found,
        Ok(_) => return Attempt::Absent,
        Err(ResolveError::Unreadable(error)) => return Attempt::Unreadable(error.to_string()),
        Err(_) => return Attempt::Absent,
    };
    let file = match inspect_file(place.image.root, &found.path, found.entry.size) {
        Ok(file) => file,
        Err(error) => return Attempt::Unreadable(error.to_string()),
    };
    match file.facts {
        Inspection::Elf(elf) if elf.is_header_cut => Attempt::Broken("file too short".to_owned()),
        Inspection::Empty => Attempt::Broken("file too short".to_owned()),
        Inspection::Elf(elf) if !same_machine(&elf, program) => {
            Attempt::OtherMachine(format!("is for {}", machine::describe(&elf)))
        }
        Inspection::Elf(elf) => match broken(&elf) {
            Some(why) => Attempt::Broken(why),
            None => Attempt::Fits(Box::new(Object {
                path: found.path,
                name: String::new(),
                symbols: symbols(&file.bytes, &elf),
                elf: *elf,
                parent: None,
                release: glibc::release(&file.bytes),
            })),
        },
        _ => Attempt::Broken("invalid ELF header".to_owned()),
    }
}

pub(super) fn same_machine(library: &Elf, program: &Elf) -> bool {
    (library.machine, library.class, library.endianness)
        == (program.machine, program.class, program.endianness)
}

/// What the loader says of a library that it cannot map.
pub(super) fn broken(elf: &Elf) -> Option<String> {
    if elf.file_type != object::elf::ET_DYN.0 {
        return Some("only ET_DYN and ET_EXEC can be loaded".to_owned());
    }
    let last = elf.loaded().map(|segment| segment.file_end()).max();
    match last {
        None => Some("object file has no loadable segments".to_owned()),
        Some(last) if last > elf.length => Some(format!("it ends at byte {} of {last}", elf.length)),
        Some(_) => None,
    }
}

/// Replaces `$ORIGIN`, `$LIB` and `$PLATFORM` in a search path.
pub(super) fn expand(directory: &str, object: &Object) -> String {
    let origin = parent_of(&object.path);
    let lib = if object.elf.class.bits() == 64 { "lib64" } else { "lib" };
    directory
        .replace("${ORIGIN}", origin)
        .replace("$ORIGIN", origin)
        .replace("${LIB}", lib)
        .replace("$LIB", lib)
}
