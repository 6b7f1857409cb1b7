//! The work of the dynamic loader before a program's first instruction: the search for shared libraries.
//!
//! [`load`] imitates the loader that the program names, glibc's `ld.so` or musl's, in the image's root. It returns
//! every library that would be loaded and every one that would not be found. The checks turn these into findings.

mod cache;
mod effort;
mod family;
mod glibc;
mod lookup;
mod musl;
mod objects;
mod preload;
mod processor;
mod search;
mod tokens;

use std::collections::BTreeMap;

use crate::Target;
use crate::program::container::{Container, ElfFile};
use crate::program::inspect::{Content, Elf, Jemalloc, jemalloc};
use crate::root::parent_of;

use effort::Effort;
use lookup::Asker;
use objects::SymbolNames;
use search::{Hit, NewFile, Search};

pub(crate) use family::Family;
pub(crate) use lookup::{Forbidden, LookupFailure};
pub(crate) use objects::{Loaded, Missing, Object};
pub(crate) use preload::Ignored;
pub(crate) use processor::{Processor, SUBDIRECTORIES};

/// The number of libraries that are loaded for a program. No real program needs as many, so that a larger number is an
/// attack.
const MAX_OBJECTS: usize = 1024;

/// The number of paths that are tried for all libraries of a program together. A program with a hundred libraries needs
/// some thousand.
const MAX_PATHS_TOTAL: usize = 1 << 18;

/// The size of all symbol names that are read of a program and its libraries together, enough for some hundred thousand
/// names. Above it the symbols are not checked.
const MAX_SYMBOL_BYTES: usize = 64 << 20;

/// The memory of those symbols that the program or a library needs. Above it the symbols are not checked.
const MAX_SYMBOL_MEMORY: usize = 24 << 20;

/// The number of bytes of a loader that are searched for what is built into it. glibc's has some hundred kilobytes.
const MAX_LOADER_SIZE: u64 = 4 << 20;

/// The index of the loader among the objects.
const LOADER: usize = 1;

/// The number of missing libraries that are reported. More would add no information.
const MAX_MISSING: usize = 64;

/// The trust that a loader has in the environment of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Privilege {
    Usual,
    /// The kernel sets `AT_SECURE`: the program gains rights from its file, and the environment is ignored.
    Secure,
}

/// The circumstances that a loader works in.
pub(crate) struct LoadContext<'a> {
    /// The container, with the user whose rights the loader has.
    pub(crate) image: Container<'a>,
    pub(crate) target: &'a Target,
    pub(crate) program: &'a Elf,
    /// The loader that the program names.
    pub(crate) loader: &'a ElfFile<'a>,
    pub(crate) privilege: Privilege,
    pub(crate) processor: &'a Processor,
}

impl Loaded {
    /// Loads the libraries that an object names. glibc also loads those of `DT_FILTER`, and those of `DT_AUXILIARY` if
    /// they exist (`_dl_map_object_deps` in elf/dl-deps.c); musl ignores both.
    fn require_all(&mut self, search: &Search, context: &LoadContext<'_>, by: usize) {
        let Some(dynamic) = self.objects[by].dynamic.clone() else { return };
        let is_glibc = matches!(search, Search::Glibc(_));
        for name in dynamic.needed.into_iter().chain(dynamic.filters.into_iter().filter(|_| is_glibc)) {
            self.require(search, context, by, name);
        }
        for name in dynamic.auxiliaries.into_iter().filter(|_| is_glibc) {
            let missing = self.missing.len();
            self.require(search, context, by, name);
            self.missing.truncate(missing);
        }
    }

    /// Loads the library that an object needs, unless it is already loaded.
    fn require(&mut self, search: &Search, context: &LoadContext<'_>, by: usize, name: String) {
        let is_enough = self.missing.len() >= MAX_MISSING;
        if is_enough || self.missing.iter().any(|missing| missing.name == name) {
            return;
        }
        if let Err(failure) = self.load(search, context, Asker::Object(by), &name) {
            self.missing.push(Missing { name, by, failure });
        }
    }

    /// Loads the library of this name, unless it is already loaded or a limit is reached.
    fn load(
        &mut self,
        search: &Search,
        context: &LoadContext<'_>,
        by: Asker,
        name: &str,
    ) -> Result<(), LookupFailure> {
        if search.is_built_in(name) || self.names.contains_key(name) {
            return Ok(());
        }
        if self.found >= MAX_OBJECTS || self.effort.paths_left == 0 {
            self.is_truncated = true;
            return Ok(());
        }
        match search.find(context, &self.objects, by, name, &mut self.effort) {
            Ok(Hit::Known(index)) => {
                self.names.insert(name.to_owned(), index);
                self.found += 1;
                Ok(())
            }
            Ok(Hit::New(NewFile { asked, file: ElfFile { path, elf, content } })) => {
                let (symbols, places) = self.names_of_symbols.references(&content, &elf);
                // musl gives its own C library instead of another one (`load_library`).
                if matches!(search, Search::Musl(_)) && self.names_of_symbols.is_c_library(&content, &places)
                {
                    self.found += 1;
                    self.names.insert(name.to_owned(), LOADER);
                    return Ok(());
                }
                let object = Object {
                    symbols,
                    places,
                    release: glibc::release(&content, &elf),
                    origin: parent_of(&asked).to_owned(),
                    path,
                    name: name.to_owned(),
                    isa_needed: elf.notes.x86_isa_needed,
                    jemalloc: allocator(context, &content, &elf),
                    dynamic: elf.dynamic,
                    parent: match by {
                        Asker::Object(index) => Some(index),
                        Asker::Nobody => None,
                    },
                };
                self.found += 1;
                self.accept(search, object);
                Ok(())
            }
            Err(_) if self.effort.paths_left == 0 => {
                self.is_truncated = true;
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Adds a library under the names by which the loader knows it.
    fn accept(&mut self, search: &Search, object: Object) {
        let name = object.name.clone();
        match search {
            Search::Glibc(_) => {
                let soname = object.soname();
                self.add(object, [name].into_iter().chain(soname));
            }
            // musl knows a library by the name under which it was searched, and not by its soname.
            Search::Musl(_) => self.add(object, [name]),
        }
    }
}

/// Returns the jemalloc in a library, if the target's nodes may have pages that it does not support.
fn allocator(context: &LoadContext<'_>, content: &Content<'_>, elf: &Elf) -> Option<Jemalloc> {
    context.target.large_page_on_arm64().and_then(|_| jemalloc(content, elf))
}

/// Loads a program's libraries as its loader would, breadth first.
///
/// `content` is that of the program. Returns `None` if the loader itself is not a valid library.
pub(crate) fn load(
    context: &LoadContext<'_>,
    path: &str,
    content: &Content<'_>,
    interpreter: &str,
    family: &Family,
) -> Option<Loaded> {
    let elf = context.program;
    let mut names_of_symbols = SymbolNames::new(MAX_SYMBOL_BYTES, MAX_SYMBOL_MEMORY);
    let (symbols, places) = names_of_symbols.references(content, elf);
    let program = Object {
        path: path.to_owned(),
        name: path.to_owned(),
        origin: parent_of(path).to_owned(),
        dynamic: elf.dynamic.clone(),
        parent: None,
        release: None,
        symbols,
        places,
        isa_needed: elf.notes.x86_isa_needed,
        jemalloc: None,
    };
    let musl;
    let (name, file) = match family {
        Family::Gcompat(gcompat) => {
            musl = context.image.elf_file(&gcompat.loader)?;
            (&*gcompat.loader, &musl)
        }
        Family::Glibc | Family::Musl(_) => (interpreter, context.loader),
    };
    let own = loader_itself(context, name, file, &mut names_of_symbols)?;
    let search = match family {
        Family::Glibc => {
            let bytes = file.content.head(MAX_LOADER_SIZE);
            let built = glibc::Built::read(&bytes, own.release.as_deref(), context.target.architecture());
            Search::Glibc(glibc::Search::new(context, &built))
        }
        Family::Musl(musl) => Search::Musl(musl::Search::new(context, musl, interpreter)),
        // gcompat starts musl's loader under the name of the program.
        Family::Gcompat(gcompat) => Search::Musl(musl::Search::new(context, &gcompat.musl(), path)),
    };
    let is_truncated = elf.dynamic.as_ref().is_some_and(|dynamic| dynamic.is_truncated);
    let mut loaded = Loaded {
        objects: vec![program],
        missing: Vec::new(),
        ignored: Vec::new(),
        is_platform_unknown: false,
        is_truncated,
        names: BTreeMap::new(),
        found: 0,
        effort: Effort::new(MAX_PATHS_TOTAL, context),
        names_of_symbols,
    };
    // Before the libraries: the loader is in memory when the search begins, and a library that needs it by name gets
    // it.
    let names = [own.name.clone()].into_iter().chain(own.soname());
    loaded.add(own, names.collect::<Vec<String>>());
    loaded.preload(&search, context, family);
    let mut by = 0;
    while by < loaded.objects.len() {
        // No loader loads libraries for itself.
        if by != LOADER {
            loaded.require_all(&search, context, by);
        }
        by += 1;
    }
    loaded.define_symbols(context.image.root, content);
    if *family == Family::Glibc && loaded.names_platform(context) {
        loaded.effort.note(true);
        loaded.is_platform_unknown = context.processor.platform.is_none();
    }
    Some(loaded)
}

impl Loaded {
    /// Returns whether a search path or a name contains `$PLATFORM`.
    fn names_platform(&self, context: &LoadContext<'_>) -> bool {
        let has = |text: &str| tokens::has_token(text, "PLATFORM");
        let mut dynamics = self.objects.iter().filter_map(|object| object.dynamic.as_ref());
        let has_any = |dynamic: &crate::Dynamic| {
            let lists = dynamic.rpath.iter().chain(&dynamic.runpath);
            lists.chain(&dynamic.needed).any(|text| has(text))
        };
        dynamics.any(has_any) || context.image.variable("LD_LIBRARY_PATH").is_some_and(has)
    }

    /// Loads the libraries that are preloaded. One that is not found or does not fit is left out, but what it needs must
    /// be there.
    fn preload(&mut self, search: &Search, context: &LoadContext<'_>, family: &Family) {
        // glibc searches as for the program.
        let by = if *family == Family::Glibc { Asker::Object(0) } else { Asker::Nobody };
        for preload in preload::preloads(context, family) {
            if let Err(failure) = self.load(search, context, by, &preload.name) {
                self.ignored.push(Ignored { preload, failure });
            }
        }
    }
}

/// Returns the loader of this name and file, which is the first library in memory; `None` if it is not a valid library.
fn loader_itself(
    context: &LoadContext<'_>,
    name: &str,
    file: &ElfFile<'_>,
    names_of_symbols: &mut SymbolNames,
) -> Option<Object> {
    let ElfFile { path, elf, content } = file;
    let is_damaged = search::broken(elf).is_some() || elf.missing_end().is_some();
    if is_damaged || !elf.has_machine_of(context.program) {
        return None;
    }
    let (symbols, places) = names_of_symbols.references(content, elf);
    Some(Object {
        symbols,
        places,
        origin: parent_of(path).to_owned(),
        path: path.clone(),
        name: name.rsplit('/').next().unwrap_or(name).to_owned(),
        release: glibc::release(content, elf),
        dynamic: elf.dynamic.clone(),
        parent: None,
        // The loader does not check its own demand (`dl_isa_level_check`).
        isa_needed: None,
        jemalloc: None,
    })
}

#[cfg(test)]
mod tests {
    use object::elf::{
        DF_1_NODEFLIB, DT_FLAGS_1, DT_HASH, DT_NEEDED, DT_RELA, DT_RELASZ, DT_RPATH, DT_SONAME, DT_STRTAB,
        DT_SYMTAB, R_X86_64_GLOB_DAT,
    };

    use super::*;
    use crate::program::container::Credentials;
    use crate::testing::ElfBuilder;
    use crate::{Inspection, MemoryRoot, inspect};

    const LOADER_PATH: &str = "/lib64/ld-linux-x86-64.so.2";

    fn loaded(root: &MemoryRoot, program: &[u8]) -> Loaded {
        let Inspection::Elf(elf) = inspect(program) else { panic!("it is an ELF file") };
        let image =
            Container { root, environment: &[], working_directory: "/", user: &Credentials::default() };
        let target = Target::new(&crossdock_platform::Platform::LINUX_AMD64);
        let (privilege, processor) = (Privilege::Usual, Processor::guaranteed(&target));
        let loader = &image.elf_file(LOADER_PATH).unwrap();
        let context =
            LoadContext { image, target: &target, program: &elf, loader, privilege, processor: &processor };
        load(&context, "/app", &Content::of(program), LOADER_PATH, &Family::Glibc).unwrap()
    }

    fn root() -> MemoryRoot {
        MemoryRoot::new().file(LOADER_PATH, 0o755, ElfBuilder::default().bytes())
    }

    /// Builds a program that needs these libraries.
    fn asking(names: impl IntoIterator<Item = String>) -> ElfBuilder {
        let mut made = ElfBuilder::default();
        let mut strings = vec![0];
        for name in names {
            made = made.value(DT_NEEDED, strings.len() as u64);
            strings.extend(name.as_bytes());
            strings.push(0);
        }
        made.table(DT_STRTAB, strings)
    }

    #[test]
    fn a_file_is_loaded_once_whatever_links_lead_to_it() {
        let root = root()
            .file("/usr/lib/liba.so.1", 0o644, asking(["libb.so".to_owned()]).bytes())
            .link("/usr/lib/liba.so", "liba.so.1")
            .link("/usr/lib/libb.so", "liba.so");
        let program = asking(["liba.so.1".to_owned(), "liba.so".to_owned()]).bytes();
        let loaded = loaded(&root, &program);
        let paths: Vec<&str> = loaded.objects.iter().map(|object| object.path.as_str()).collect();
        assert_eq!(paths, ["/app", LOADER_PATH, "/usr/lib/liba.so.1"]);
        for name in ["liba.so.1", "liba.so", "libb.so"] {
            assert_eq!(loaded.by_name(name).unwrap().path, "/usr/lib/liba.so.1");
        }
        assert!(loaded.missing.is_empty() && !loaded.is_truncated);
    }

    #[test]
    fn nodeflib_skips_the_default_directories_in_the_cache_and_no_others() {
        let cache = |path: &str| {
            let strings = 48 + 24;
            let mut bytes = [&b"glibc-ld.so.cache1.1"[..], &1u32.to_le_bytes(), &[0; 4], &[2]].concat();
            bytes.resize(48, 0);
            bytes.extend(
                [0x303, strings, strings + 8, 0, 0, 0].iter().flat_map(|word: &u32| word.to_le_bytes()),
            );
            bytes.extend(format!("liba.so\0{path}\0").bytes());
            bytes
        };
        let program = asking(["liba.so".to_owned()]);
        let nodeflib = program.clone().value(DT_FLAGS_1, DF_1_NODEFLIB.0).bytes();
        for (path, is_found) in [("/opt/liba.so", true), ("/lib64/liba.so", false), ("/lib64x/liba.so", true)]
        {
            let root = root().file("/etc/ld.so.cache", 0o644, cache(path));
            let root = root.file(path, 0o644, ElfBuilder::default().bytes());
            assert!(loaded(&root, &program.clone().bytes()).missing.is_empty(), "{path}");
            assert_eq!(loaded(&root, &nodeflib).missing.is_empty(), is_found, "{path}");
        }
    }

    #[test]
    fn libraries_beyond_the_limit_mark_the_result_truncated() {
        let names = |count: usize| (0..count).map(|index| format!("l{index}"));
        let library = ElfBuilder::default().bytes();
        let with = |count: usize| {
            let root = names(count)
                .fold(root(), |root, name| root.file(&format!("/lib/{name}"), 0o644, library.clone()));
            loaded(&root, &asking(names(count)).bytes())
        };
        let all = with(MAX_OBJECTS);
        assert_eq!((all.objects.len(), all.is_truncated), (MAX_OBJECTS + 2, false));
        let cut = with(MAX_OBJECTS + 1);
        assert_eq!((cut.objects.len(), cut.is_truncated), (MAX_OBJECTS + 2, true));
    }

    #[test]
    fn a_file_with_too_many_names_is_marked_truncated() {
        let mut strings = vec![b'x'; 4000];
        strings.push(0);
        let many = (0..1000).fold(ElfBuilder::default(), |made, offset| made.value(DT_NEEDED, offset));
        let loaded = loaded(&root(), &many.table(DT_STRTAB, strings).bytes());
        assert!(loaded.is_truncated);
        let held: usize =
            loaded.objects[0].dynamic.iter().flat_map(|dynamic| &dynamic.needed).map(String::len).sum();
        assert!(held < 1 << 18, "{held}");
    }

    /// All names end in the same 16 KB: separate copies would take a gigabyte.
    #[test]
    fn overlapping_symbol_names_are_not_kept() {
        let symbols = 100_000u32;
        let mut strings = vec![b'x'; 16_000];
        strings.push(0);
        let table = |name: u32| [&name.to_le_bytes()[..], &[0x12, 0, 1, 0], &[0; 16]].concat();
        let with = |names: &dyn Fn(u32) -> u32| {
            let hash = [1, symbols].map(u32::to_le_bytes).concat();
            let made = ElfBuilder::default()
                .table(DT_SYMTAB, (0..symbols).flat_map(|index| table(names(index))).collect());
            made.table(DT_HASH, hash).table(DT_STRTAB, strings.clone()).bytes()
        };
        let found = loaded(&root(), &with(&|index| index % 16_000));
        assert_eq!(found.objects[0].symbols, None);
        let short = loaded(&root(), &with(&|index| 15_900 + index % 100));
        assert!(short.objects[0].symbols.is_some() && short.objects[1].symbols.is_some());
    }

    /// A program with more symbols than any, which needs or defines each of them.
    #[test]
    fn symbols_take_little_memory() {
        let symbols = 400_000u32;
        let strings: Vec<u8> = (0..symbols).flat_map(|index| format!("{index:07}\0").into_bytes()).collect();
        let program = |section: u16| {
            let symbol = |index: u32| {
                [&(index * 8).to_le_bytes()[..], &[0x12, 0], &section.to_le_bytes(), &[0; 16]].concat()
            };
            let relocation = |index: u32| {
                [0, u64::from(index) << 32 | u64::from(R_X86_64_GLOB_DAT.0), 0].map(u64::to_le_bytes).concat()
            };
            let made = ElfBuilder::default()
                .table(DT_SYMTAB, (0..symbols).flat_map(symbol).collect())
                .table(DT_STRTAB, strings.clone());
            let made = made.table(DT_HASH, [1, symbols].map(u32::to_le_bytes).concat());
            let made = made.table(DT_RELA, (0..symbols).flat_map(relocation).collect());
            made.value(DT_RELASZ, u64::from(symbols) * 24).bytes()
        };
        let root = root();
        for (section, is_read) in [(0, false), (1, true)] {
            let bytes = program(section);
            let mut found = None;
            let used = allocation_counter::measure(|| found = Some(loaded(&root, &bytes)));
            assert!(used.bytes_max < 40 << 20, "{used:?}");
            assert_eq!(found.unwrap().objects[0].symbols.is_some(), is_read);
        }
    }

    #[test]
    fn an_endless_search_path_is_bounded() {
        let list = "$ORIGIN".repeat(5000) + &":/x".repeat(9000);
        let strings = [b"liba.so\0", list.as_bytes(), b"\0"].concat();
        let program =
            ElfBuilder::default().value(DT_NEEDED, 0).value(DT_RPATH, 8).table(DT_STRTAB, strings).bytes();
        let missing = &loaded(&root(), &program).missing[0];
        let LookupFailure::Absent { searched, .. } = &missing.failure else { panic!("{missing:?}") };
        assert_eq!(searched.len(), 2, "one that is too long, and the same one again and again");
        assert!(searched.iter().all(|directory| directory.len() < 5000));
    }

    /// Every library is in the last of 4000 directories, and needs the next one.
    #[test]
    fn a_chain_of_long_search_paths_is_bounded() {
        let list = "/x:".repeat(4000) + "/lib";
        let asking = |next: usize| {
            let strings = format!("c{next}\0{list}\0");
            let at = strings.find('\0').unwrap() as u64 + 1;
            let made = ElfBuilder::default().value(DT_NEEDED, 0).value(DT_RPATH, at);
            made.table(DT_STRTAB, strings.into_bytes()).bytes()
        };
        let with = |length: usize| {
            let libraries = (0..length).map(|index| (format!("/lib/c{index}"), asking((index + 1) % length)));
            let root = libraries.fold(root(), |root, (path, bytes)| root.file(&path, 0o644, bytes));
            let loaded = loaded(&root, &asking(0));
            (loaded.objects.len(), loaded.missing.len(), loaded.is_truncated)
        };
        assert_eq!(with(60), (62, 0, false));
        assert_eq!(with(100), (2 + MAX_PATHS_TOTAL / 4001, 0, true));
    }

    #[test]
    fn a_library_answers_to_its_soname() {
        let library =
            ElfBuilder::default().value(DT_SONAME, 0).table(DT_STRTAB, b"libreal.so\0".to_vec()).bytes();
        let root = root().file("/usr/lib/liba.so", 0o644, library);
        let loaded = loaded(&root, &asking(["liba.so".to_owned(), "libreal.so".to_owned()]).bytes());
        assert_eq!(loaded.by_name("libreal.so").unwrap().path, "/usr/lib/liba.so");
        assert!(loaded.missing.is_empty());
    }
}
