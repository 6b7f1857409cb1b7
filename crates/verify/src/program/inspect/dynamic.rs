//! The dynamic section: libraries, search paths, symbol versions.

use object::elf::{self, DynamicTag};

use super::strings::Budget;
use super::tables::Tables;

/// The size of all names of a file together, enough for some thousand libraries and versions.
const MAX_BYTES: usize = 1 << 18;
/// The length of a string. Search paths are the longest; those of Nix reach some kilobytes.
const MAX_STRING_LENGTH: usize = 1 << 16;
/// The length of a name, which is that of a file or version: Linux limits paths to this length.
const MAX_NAME_LENGTH: usize = 4096;

/// The facts of the dynamic section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dynamic {
    /// `DT_NEEDED`, in order.
    pub needed: Vec<String>,
    /// `DT_FILTER`: libraries that glibc loads as those of `DT_NEEDED`, and musl ignores.
    pub filters: Vec<String>,
    /// `DT_AUXILIARY`: libraries that glibc loads if they exist, and musl ignores.
    pub auxiliaries: Vec<String>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// `DT_RPATH`.
    pub rpath: Option<String>,
    /// `DT_RUNPATH`.
    pub runpath: Option<String>,
    /// `DT_FLAGS_1`.
    pub flags_1: u64,
    /// Whether all symbols are looked up before the program begins (`DT_BIND_NOW` and its flags).
    pub binds_at_once: bool,
    /// The symbol versions that the file needs from its libraries (`DT_VERNEED`).
    pub version_needs: Vec<VersionNeed>,
    /// The symbol versions that the file defines (`DT_VERDEF`).
    pub version_definitions: Vec<String>,
    /// Whether the lists are incomplete: the file has more names than are read, or the name of a library cannot be read.
    pub is_truncated: bool,
}

impl Dynamic {
    /// Returns whether the linker marked the file as a position-independent program.
    pub fn is_pie(&self) -> bool {
        self.flags_1 & elf::DF_1_PIE.0 != 0
    }

    /// Returns whether the default directories are not searched for this file's libraries.
    pub fn skips_default_directories(&self) -> bool {
        self.flags_1 & elf::DF_1_NODEFLIB.0 != 0
    }
}

/// A symbol version that a file needs from a library.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionNeed {
    /// The library's name, as in `DT_NEEDED`.
    pub library: String,
    /// The version, such as `GLIBC_2.38`.
    pub version: String,
    /// Whether the loader only warns if the version is absent.
    pub is_weak: bool,
}

/// Reads the facts of a dynamic section.
pub(super) fn read(tables: &Tables<'_>) -> Dynamic {
    let budget = &mut Budget::new(MAX_BYTES);
    let flags = |tag| tables.value(tag).unwrap_or(0);
    let needed = names(tables, elf::DT_NEEDED, budget);
    let is_unreadable = needed.len() < tables.values(elf::DT_NEEDED).count();
    Dynamic {
        needed,
        filters: names(tables, elf::DT_FILTER, budget),
        auxiliaries: names(tables, elf::DT_AUXILIARY, budget),
        soname: text(tables, elf::DT_SONAME, MAX_NAME_LENGTH, budget),
        rpath: text(tables, elf::DT_RPATH, MAX_STRING_LENGTH, budget),
        runpath: text(tables, elf::DT_RUNPATH, MAX_STRING_LENGTH, budget),
        flags_1: flags(elf::DT_FLAGS_1),
        // Linkers request immediate binding in one of three ways.
        binds_at_once: tables.value(elf::DT_BIND_NOW).is_some()
            || flags(elf::DT_FLAGS) & elf::DF_BIND_NOW.0 != 0
            || flags(elf::DT_FLAGS_1) & elf::DF_1_NOW.0 != 0,
        version_needs: version_needs(tables, budget),
        version_definitions: version_definitions(tables, budget),
        is_truncated: is_unreadable || budget.is_spent(),
    }
}

/// Returns the string that the entry with this tag names.
fn text(tables: &Tables<'_>, tag: DynamicTag, longest: usize, budget: &mut Budget) -> Option<String> {
    tables.string(tables.value(tag)?, longest, budget)
}

/// Returns the strings that all entries with this tag name.
fn names(tables: &Tables<'_>, tag: DynamicTag, budget: &mut Budget) -> Vec<String> {
    tables.values(tag).filter_map(|offset| tables.string(offset, MAX_NAME_LENGTH, budget)).collect()
}

fn version_needs(tables: &Tables<'_>, budget: &mut Budget) -> Vec<VersionNeed> {
    let order = tables.order;
    let mut needs = Vec::new();
    for (library, versions) in tables.version_needs() {
        let library = tables.string(library.vn_file.get(order), MAX_NAME_LENGTH, budget).unwrap_or_default();
        for need in versions {
            let version = tables.string(need.vna_name.get(order), MAX_NAME_LENGTH, budget);
            // Each version holds a copy of the library's name, so that a few bytes of a hostile file could claim
            // gigabytes.
            if budget.take(library.len()).is_none() {
                return needs;
            }
            needs.push(VersionNeed {
                library: library.clone(),
                version: version.unwrap_or_default(),
                is_weak: need.vna_flags.get(order).0 & elf::VER_FLG_WEAK.0 != 0,
            });
        }
    }
    needs
}

fn version_definitions(tables: &Tables<'_>, budget: &mut Budget) -> Vec<String> {
    let names = tables.version_definitions().filter_map(|(_, name)| name);
    names.filter_map(|name| tables.string(name.vda_name.get(tables.order), MAX_NAME_LENGTH, budget)).collect()
}

#[cfg(test)]
mod tests {
    use object::elf;

    use crate::program::inspect::{Inspection, inspect};
    use crate::testing::ElfBuilder;

    #[test]
    fn libraries_without_a_readable_name_are_not_forgotten() {
        let file = ElfBuilder::default().table(elf::DT_STRTAB, b"\0liba.so\0".to_vec());
        for (offset, is_truncated) in [(1, false), (1 << 20, true)] {
            let file = file.clone().value(elf::DT_NEEDED, 1).value(elf::DT_NEEDED, offset);
            let Inspection::Elf(elf) = inspect(&file.bytes()) else { panic!("an ELF file") };
            let dynamic = elf.dynamic.expect("it has a dynamic section");
            assert_eq!((dynamic.needed[0].as_str(), dynamic.is_truncated), ("liba.so", is_truncated));
        }
    }
}
