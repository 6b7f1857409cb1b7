//! The search for one library, path by path.

use super::effort::Effort;
use super::lookup::{Asker, Candidate, Forbidden, LookupFailure};
use super::objects::Object;
use super::{LoadContext, glibc, musl};
use crate::program::container::ElfFile;
use crate::program::inspect::{Elf, Inspection, inspect_file};
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
        match self {
            Search::Glibc(_) => false,
            Search::Musl(search) => search.is_built_in(name),
        }
    }

    /// Finds the library that an object gets under a name, within the limits of `effort`.
    pub(super) fn find<'a>(
        &self,
        context: &LoadContext<'a>,
        objects: &[Object],
        by: Asker,
        name: &str,
        effort: &mut Effort,
    ) -> Result<Hit<'a>, LookupFailure> {
        let mut absence = Absence::default();
        let mut abandoned = None;
        if let Search::Glibc(search) = self {
            effort.note(search.cache_depends_on_processor(name));
        }
        for candidate in self.candidates(context, objects, by, name).take(MAX_PATHS.min(effort.paths_left)) {
            effort.paths_left -= 1;
            if matches!(self, Search::Glibc(_)) {
                effort.probe(context, parent_of(&candidate.path));
            }
            if abandoned == Some(candidate.list) {
                continue;
            }
            let path = candidate.path;
            match (attempt(context, &path, objects), self) {
                (Attempt::Fits(hit), _) => return Ok(hit),
                (Attempt::Absent, _) => {}
                // Both go on after EACCES (`open_path` of elf/dl-load.c, `path_open` of ldso/dynlink.c).
                (Attempt::Forbidden(forbidden), _) => absence.forbidden.push(forbidden),
                // glibc skips a library of another machine.
                (Attempt::OtherMachine(what), Search::Glibc(_)) => {
                    absence.skipped.push((path.clone(), what));
                }
                // After ELOOP glibc leaves the list of directories, and musl ends the search.
                (Attempt::Loop, Search::Glibc(_)) => {
                    abandoned = Some(candidate.list);
                    absence.skipped.push((path.clone(), "leads through too many symbolic links".to_owned()));
                }
                (Attempt::Loop, Search::Musl(_)) => {
                    return Err(LookupFailure::Broken { path, why: "Symbolic link loop".to_owned() });
                }
                // musl does not look at the machine (`map_library`).
                (Attempt::OtherMachine(why), Search::Musl(_)) | (Attempt::Cut(why), _) => {
                    return Err(LookupFailure::Mapped { path, why });
                }
                (Attempt::Broken(why), _) => return Err(LookupFailure::Broken { path, why }),
                (Attempt::Unreadable(why), _) => return Err(LookupFailure::Unreadable(why)),
            }
            absence.add_directory(parent_of(&path));
        }
        Err(LookupFailure::Absent {
            searched: absence.searched,
            skipped: absence.skipped,
            forbidden: absence.forbidden,
        })
    }

    /// Returns every path that is tried for a name, in order. The iterator is lazy because a hostile file can name
    /// millions.
    fn candidates<'a>(
        &'a self,
        context: &'a LoadContext<'_>,
        objects: &'a [Object],
        by: Asker,
        name: &'a str,
    ) -> Box<dyn Iterator<Item = Candidate> + 'a> {
        match (self, by) {
            (Search::Glibc(search), Asker::Object(by)) if name.contains('/') => Box::new(
                search
                    .expanded(context, name, &objects[by])
                    .map(|path| Candidate { list: 0, path })
                    .into_iter(),
            ),
            (Search::Glibc(search), Asker::Object(by)) => {
                Box::new(search.candidates(context, objects, by, name))
            }
            (Search::Musl(_), _) if name.contains('/') => {
                Box::new(std::iter::once(Candidate { list: 0, path: name.to_owned() }))
            }
            (Search::Musl(search), by) => Box::new(search.candidates(context, objects, by, name)),
            (Search::Glibc(_), Asker::Nobody) => Box::new(std::iter::empty()),
        }
    }
}

/// The files and directories that a search without a result met.
#[derive(Default)]
struct Absence {
    searched: Vec<String>,
    skipped: Vec<(String, String)>,
    forbidden: Vec<Forbidden>,
}

impl Absence {
    fn add_directory(&mut self, directory: &str) {
        if self.searched.last().is_none_or(|last| last != directory) {
            self.searched.push(directory.to_owned());
        }
    }
}

/// A file that the loader accepts.
pub(super) enum Hit<'a> {
    /// The index of an object that is already in memory, perhaps under another name.
    Known(usize),
    /// A file that is not in memory yet.
    New(NewFile<'a>),
}

/// A library's file.
pub(super) struct NewFile<'a> {
    /// The path as the loader names it.
    pub(super) asked: String,
    pub(super) file: ElfFile<'a>,
}

enum Attempt<'a> {
    Fits(Hit<'a>),
    Absent,
    Forbidden(Forbidden),
    Loop,
    OtherMachine(String),
    Broken(String),
    /// The file ends before its segments do.
    Cut(String),
    Unreadable(String),
}

fn attempt<'a>(context: &LoadContext<'a>, path: &str, objects: &[Object]) -> Attempt<'a> {
    // A loader opens a relative path as any process does, from the working directory.
    let found = match context.image.resolve(path) {
        Ok(found) => found,
        Err(ResolveError::Unreadable(error)) => return Attempt::Unreadable(error.to_string()),
        Err(ResolveError::Loop { .. }) if context.image.resolve(directory_of(path)).is_ok() => {
            return Attempt::Loop;
        }
        Err(_) => return Attempt::Absent,
    };
    if let Some(forbidden) = Forbidden::of(&found, context.image.user) {
        return Attempt::Forbidden(forbidden);
    }
    match found.entry.kind {
        EntryKind::File => {}
        // Both loaders can open a directory and then fail to read it.
        EntryKind::Directory => return Attempt::Broken("cannot read file data: Is a directory".to_owned()),
        _ => return Attempt::Broken("it is not a regular file".to_owned()),
    }
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
        Inspection::Elf(elf) if !elf.has_machine_of(context.program) => {
            Attempt::OtherMachine(format!("is for {}", machine::describe(&elf)))
        }
        Inspection::Elf(elf) => match (broken(&elf), cut(&elf)) {
            (Some(why), _) => Attempt::Broken(why),
            (None, Some(why)) => Attempt::Cut(why),
            (None, None) => {
                let asked = context.image.seen_from_working_directory(path);
                let file = ElfFile { path: found.path, elf, content: file.content };
                Attempt::Fits(Hit::New(NewFile { asked, file }))
            }
        },
        _ => Attempt::Broken("invalid ELF header".to_owned()),
    }
}

/// Returns the directory in which a path is looked up; `.` for a mere name.
fn directory_of(path: &str) -> &str {
    if path.contains('/') { parent_of(path) } else { "." }
}

/// Returns the loader's message about a library that it refuses to map; `None` if it maps it.
pub(super) fn broken(elf: &Elf) -> Option<String> {
    if elf.file_type != object::elf::ET_DYN.0 {
        return Some("only ET_DYN and ET_EXEC can be loaded".to_owned());
    }
    let has_segments = elf.loaded().next().is_some();
    (!has_segments).then(|| "object file has no loadable segments".to_owned())
}

/// Returns what a file lacks that ends before its segments do. It is mapped, and a process that touches a page beyond its
/// end is killed (mmap(2)).
fn cut(elf: &Elf) -> Option<String> {
    elf.missing_end().map(|end| format!("it ends at byte {} of {end}", elf.length))
}
