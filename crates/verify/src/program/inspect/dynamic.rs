//! The dynamic section: libraries, search paths, symbol versions.

use crossdock_platform::Endianness;
use object::Endianness as Order;
use object::elf::{self, Dyn32, Dyn64, DynamicTag, Verdaux, Verdef, Vernaux, Verneed};
use object::read::elf::Dyn;

use super::content::Part;
use super::headers::{Class, Memory, order};
use super::strings::Budget;

/// The number of records above which a table is damaged.
const MAX_RECORDS: usize = 1 << 14;
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
    /// Whether the lists are incomplete, because the file has more names than are read.
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

/// Reads the dynamic section in these bytes.
pub(super) fn read(memory: Memory<'_>, table: Part<'_>, class: Class, endianness: Endianness) -> Dynamic {
    let entries = entries_of(table, class, endianness);
    // An address in memory, not an offset in the file (ELF gABI, Dynamic Section, `d_ptr`): so a stripped file without
    // sections can be read, as the loader does.
    let strings = value_of(&entries, elf::DT_STRTAB).and_then(|at| memory.from(at));
    let table = Table { memory, order: order(endianness), entries, strings, budget: Budget::new(MAX_BYTES) };
    table.facts()
}

/// Returns the tags and values of the dynamic section in this part of the file.
pub(super) fn entries_of(table: Part<'_>, class: Class, endianness: Endianness) -> Vec<(DynamicTag, u64)> {
    match class {
        Class::Elf32 => entries::<Dyn32<Order>>(table, order(endianness)),
        Class::Elf64 => entries::<Dyn64<Order>>(table, order(endianness)),
    }
}

fn entries<D: Dyn<Endian = Order>>(table: Part<'_>, order: Order) -> Vec<(DynamicTag, u64)> {
    table
        .items::<D>()
        .map(|entry| (entry.tag(order), entry.val(order)))
        // Linkers leave spare entries after the end (GNU ld, `--spare-dynamic-tags`).
        .take_while(|(tag, _)| *tag != elf::DT_NULL)
        .take(MAX_RECORDS)
        .collect()
}

/// Returns the value of the first entry with this tag.
pub(super) fn value_of(entries: &[(DynamicTag, u64)], tag: DynamicTag) -> Option<u64> {
    entries.iter().find(|(found, _)| *found == tag).map(|(_, value)| *value)
}

struct Table<'data> {
    memory: Memory<'data>,
    order: Order,
    entries: Vec<(DynamicTag, u64)>,
    strings: Option<Part<'data>>,
    budget: Budget,
}

impl Table<'_> {
    fn facts(mut self) -> Dynamic {
        Dynamic {
            needed: self.names(elf::DT_NEEDED),
            filters: self.names(elf::DT_FILTER),
            auxiliaries: self.names(elf::DT_AUXILIARY),
            soname: self.text(elf::DT_SONAME, MAX_NAME_LENGTH),
            rpath: self.text(elf::DT_RPATH, MAX_STRING_LENGTH),
            runpath: self.text(elf::DT_RUNPATH, MAX_STRING_LENGTH),
            flags_1: self.value(elf::DT_FLAGS_1).unwrap_or(0),
            // Linkers request immediate binding in one of three ways.
            binds_at_once: self.value(elf::DT_BIND_NOW).is_some()
                || self.value(elf::DT_FLAGS).unwrap_or(0) & elf::DF_BIND_NOW.0 != 0
                || self.value(elf::DT_FLAGS_1).unwrap_or(0) & elf::DF_1_NOW.0 != 0,
            version_needs: self.version_needs().unwrap_or_default(),
            version_definitions: self.version_definitions().unwrap_or_default(),
            is_truncated: self.budget.is_spent(),
        }
    }

    fn value(&self, tag: DynamicTag) -> Option<u64> {
        value_of(&self.entries, tag)
    }

    fn name(&mut self, offset: u64) -> Option<String> {
        self.strings?.string(offset, MAX_NAME_LENGTH, &mut self.budget)
    }

    /// Returns the string that the entry with this tag names.
    fn text(&mut self, tag: DynamicTag, longest: usize) -> Option<String> {
        self.strings?.string(self.value(tag)?, longest, &mut self.budget)
    }

    /// Returns the strings that all entries with this tag name.
    fn names(&mut self, tag: DynamicTag) -> Vec<String> {
        let Some(strings) = self.strings else { return Vec::new() };
        let named = self.entries.iter().filter(|(found, _)| *found == tag);
        named.filter_map(|(_, offset)| strings.string(*offset, MAX_NAME_LENGTH, &mut self.budget)).collect()
    }

    fn version_needs(&mut self) -> Option<Vec<VersionNeed>> {
        let (table, order) = (self.memory.from(self.value(elf::DT_VERNEED)?)?, self.order);
        let mut needs = Vec::new();
        for (at, record) in chain(table, 0, |record: &Verneed<Order>| record.vn_next.get(order)) {
            let library = self.name(record.vn_file.get(order).into()).unwrap_or_default();
            let first = at.saturating_add(record.vn_aux.get(order).into());
            for (_, need) in chain(table, first, |need: &Vernaux<Order>| need.vna_next.get(order)) {
                let version = self.name(need.vna_name.get(order).into());
                // Each version holds a copy of the library's name, so that a few bytes of a hostile file could claim
                // gigabytes.
                if self.budget.take(library.len()).is_none() {
                    return Some(needs);
                }
                needs.push(VersionNeed {
                    library: library.clone(),
                    version: version.unwrap_or_default(),
                    is_weak: need.vna_flags.get(order).0 & elf::VER_FLG_WEAK.0 != 0,
                });
            }
        }
        Some(needs)
    }

    fn version_definitions(&mut self) -> Option<Vec<String>> {
        let (table, order) = (self.memory.from(self.value(elf::DT_VERDEF)?)?, self.order);
        let records = chain(table, 0, |record: &Verdef<Order>| record.vd_next.get(order));
        let names = records.filter_map(|(at, record)| {
            // The first name of a definition is its own, the others are those of its predecessors (LSB Core, Symbol
            // Versioning).
            let name: Verdaux<Order> = table.record(at.saturating_add(record.vd_aux.get(order).into()))?;
            self.name(name.vda_name.get(order).into())
        });
        Some(names.collect())
    }
}

/// Iterates over records that each contain the distance to the next; that of the last is zero.
pub(super) fn chain<T: object::Pod>(
    table: Part<'_>,
    first: u64,
    distance: impl Fn(&T) -> u32,
) -> impl Iterator<Item = (u64, T)> {
    let mut next = Some(first);
    let step = move || {
        let at = next?;
        let record: T = table.record(at)?;
        let distance = distance(&record);
        next = (distance != 0).then(|| at.saturating_add(distance.into()));
        Some((at, record))
    };
    std::iter::from_fn(step).take(MAX_RECORDS)
}
