//! The search for one library, path by path.

use super::objects::{LookupFailure, Object};
use super::{LoadContext, glibc, musl};
use crate::program::inspect::{Content, Elf, Inspection, inspect_file};
use crate::program::machine;
use crate::root::{EntryKind, ResolveError, parent_of};

/// The number of paths that are tried for one library. A longer search path is an attack.
const MAX_PATHS: usize = 4096;

/// The rules by which a loader searches libraries.
pub(super) enum Search {
    Glibc(glibc::Search),
    Musl(musl::Search),
}

impl Search {
    /// Returns whether the loader provides the library itself.
    pub(super) fn is_built_in(&self, name: &str) -> bool {
        matches!(self, Search::Musl(_)) && musl::is_built_in(name)
    }

    /// Finds the library that an object gets under a name, with at most `paths_left` attempts.
    pub(super) fn find<'a>(
        &self,
        context: &LoadContext<'a>,
        objects: &[Object],
        by: usize,
        name: &str,
        paths_left: &mut usize,
    ) -> Result<Hit<'a>, LookupFailure> {
        let (mut searched, mut skipped): (Vec<String>, _) = (Vec::new(), Vec::new());
        for path in self.candidates(context, objects, by, name).take(MAX_PATHS.min(*paths_left)) {
            *paths_left -= 1;
            match attempt(context, &path, objects) {
                Attempt::Fits(hit) => return Ok(hit),
                Attempt::Absent => {}
                // glibc skips a library of another machine; musl stops at it.
                Attempt::OtherMachine(what) if matches!(self, Search::Glibc(_)) => {
                    skipped.push((path.clone(), what));
                }
                Attempt::OtherMachine(why) | Attempt::Broken(why) => {
                    return Err(LookupFailure::Broken { path, why });
                }
                Attempt::Unreadable(why) => return Err(LookupFailure::Unreadable(why)),
            }
            if searched.last().is_none_or(|last| last != parent_of(&path)) {
                searched.push(parent_of(&path).to_owned());
            }
        }
        Err(LookupFailure::Absent { searched, skipped })
    }

    /// Returns every path that is tried for a name, in order. The iterator is lazy because a hostile file can name
    /// millions.
    fn candidates<'a>(
        &'a self,
        context: &'a LoadContext<'_>,
        objects: &'a [Object],
        by: usize,
        name: &'a str,
    ) -> Box<dyn Iterator<Item = String> + 'a> {
        match self {
            Search::Glibc(search) if name.contains('/') => {
                Box::new(std::iter::once(search.expanded(name, &objects[by])))
            }
            Search::Musl(_) if name.contains('/') => Box::new(std::iter::once(name.to_owned())),
            Search::Glibc(search) => Box::new(search.candidates(context, objects, by, name)),
            Search::Musl(search) => Box::new(search.candidates(context, objects, by, name)),
        }
    }
}

/// A file that the loader accepts.
pub(super) enum Hit<'a> {
    /// The index of an object that is already in memory, perhaps under another name.
    Known(usize),
    /// The path with links resolved, the facts and the content.
    New(String, Box<Elf>, Content<'a>),
}

enum Attempt<'a> {
    Fits(Hit<'a>),
    Absent,
    OtherMachine(String),
    Broken(String),
    Unreadable(String),
}

fn attempt<'a>(context: &LoadContext<'a>, path: &str, objects: &[Object]) -> Attempt<'a> {
    // A loader opens a relative path as any process does, from the working directory.
    let found = match context.image.resolve(path) {
        Ok(found) if found.entry.kind == EntryKind::File => found,
        Ok(_) => return Attempt::Absent,
        Err(ResolveError::Unreadable(error)) => return Attempt::Unreadable(error.to_string()),
        Err(_) => return Attempt::Absent,
    };
    // The loader does not know the program by its file, so it is not compared.
    let known = objects.iter().skip(1).position(|object| object.path == found.path);
    if let Some(index) = known {
        return Attempt::Fits(Hit::Known(index + 1));
    }
    let file = match inspect_file(context.image.root, &found.path) {
        Ok(file) => file,
        Err(error) => return Attempt::Unreadable(error.to_string()),
    };
    match file.facts {
        // As `open_verify` (elf/dl-load.c): a short file is an error, one of another class or machine is skipped, and
        // only of a fitting one the type counts.
        Inspection::Elf(elf) if elf.is_header_truncated => Attempt::Broken("file too short".to_owned()),
        Inspection::Empty => Attempt::Broken("file too short".to_owned()),
        Inspection::Elf(elf) if !same_machine(&elf, context.program) => {
            Attempt::OtherMachine(format!("is for {}", machine::describe(&elf)))
        }
        Inspection::Elf(elf) => match broken(&elf) {
            Some(why) => Attempt::Broken(why),
            None => Attempt::Fits(Hit::New(found.path, elf, file.content)),
        },
        _ => Attempt::Broken("invalid ELF header".to_owned()),
    }
}

pub(super) fn same_machine(library: &Elf, program: &Elf) -> bool {
    (library.machine, library.class, library.endianness)
        == (program.machine, program.class, program.endianness)
}

/// Returns the loader's message about a library that it cannot map; `None` if it can.
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
