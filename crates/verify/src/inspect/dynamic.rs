//! The dynamic section: libraries, search paths, symbol versions.

use object::Endianness as Order;
use object::elf::{self, Dyn32, Dyn64, DynamicTag, Verdaux, Verdef, Vernaux, Verneed};
use object::read::ReadRef;
use object::read::elf::Dyn;

use super::elf::{Class, Endianness};
use super::segments::{Memory, c_string};

/// More records than this, or longer names, are taken for damage.
const MOST_RECORDS: usize = 1 << 14;
/// Search paths are the longest strings: those of Nix reach some kilobytes.
const LONGEST_STRING: usize = 1 << 16;
/// A name in the dynamic section is a file's or a version's, and a path has at most this length in Linux.
const LONGEST_NAME: usize = 4096;

/// What the dynamic section says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dynamic {
    /// `DT_NEEDED`, in order.
    pub needed: Vec<String>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// `DT_RPATH`.
    pub rpath: Option<String>,
    /// `DT_RUNPATH`.
    pub runpath: Option<String>,
    /// `DT_FLAGS_1`.
    pub flags_1: u64,
    /// All symbols are looked up before the program begins (`DT_BIND_NOW` and its flags).
    pub binds_at_once: bool,
    /// The symbol versions that this file asks of its libraries (`DT_VERNEED`).
    pub version_needs: Vec<VersionNeed>,
    /// The symbol versions that this file offers (`DT_VERDEF`).
    pub version_definitions: Vec<String>,
}

impl Dynamic {
    /// True when the linker marked the file as a position-independent program.
    pub fn is_pie(&self) -> bool {
        self.flags_1 & elf::DF_1_PIE.0 != 0
    }

    /// True when the default directories are not searched for this file's libraries.
    pub fn skips_default_directories(&self) -> bool {
        self.flags_1 & elf::DF_1_NODEFLIB.0 != 0
    }
}

/// A symbol version that a file asks of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionNeed {
    /// The library's name, as in `DT_NEEDED`.
    pub library: String,
    /// The version, such as `GLIBC_2.38`.
    pub version: String,
    /// The loader only warns when it is absent.
    pub is_weak: bool,
}

/// Reads the dynamic section that these bytes hold.
pub(super) fn read(memory: Memory<'_>, table: &[u8], class: Class, endianness: Endianness) -> Dynamic {
    Table { memory, order: endianness.order(), entries: entries_of(table, class, endianness) }.facts()
}

/// The entries of the dynamic section that these bytes hold: tag and value.
pub(super) fn entries_of(table: &[u8], class: Class, endianness: Endianness) -> Vec<(DynamicTag, u64)> {
    match class {
        Class::Elf32 => entries::<Dyn32<Order>>(table, endianness.order()),
        Class::Elf64 => entries::<Dyn64<Order>>(table, endianness.order()),
    }
}

fn entries<D: Dyn<Endian = Order>>(table: &[u8], order: Order) -> Vec<(DynamicTag, u64)> {
    let mut at = 0;
    std::iter::from_fn(|| table.read::<D>(&mut at).ok())
        .map(|entry| (entry.tag(order), entry.val(order)))
        .take_while(|(tag, _)| *tag != elf::DT_NULL)
        .collect()
}

struct Table<'data> {
    memory: Memory<'data>,
    order: Order,
    entries: Vec<(DynamicTag, u64)>,
}

impl<'data> Table<'data> {
    fn facts(&self) -> Dynamic {
        let needed = self.entries.iter().filter(|(tag, _)| *tag == elf::DT_NEEDED);
        Dynamic {
            needed: needed.filter_map(|(_, offset)| self.name(*offset)).take(MOST_RECORDS).collect(),
            soname: self.value(elf::DT_SONAME).and_then(|offset| self.name(offset)),
            rpath: self.value(elf::DT_RPATH).and_then(|offset| self.string(offset, LONGEST_STRING)),
            runpath: self.value(elf::DT_RUNPATH).and_then(|offset| self.string(offset, LONGEST_STRING)),
            flags_1: self.value(elf::DT_FLAGS_1).unwrap_or(0),
            binds_at_once: self.value(elf::DT_BIND_NOW).is_some()
                || self.value(elf::DT_FLAGS).unwrap_or(0) & elf::DF_BIND_NOW.0 != 0
                || self.value(elf::DT_FLAGS_1).unwrap_or(0) & elf::DF_1_NOW.0 != 0,
            version_needs: self.version_needs().unwrap_or_default(),
            version_definitions: self.version_definitions().unwrap_or_default(),
        }
    }

    fn value(&self, tag: DynamicTag) -> Option<u64> {
        self.entries.iter().find(|(found, _)| *found == tag).map(|(_, value)| *value)
    }

    fn name(&self, offset: u64) -> Option<String> {
        self.string(offset, LONGEST_NAME)
    }

    /// The string at this offset of the dynamic string table, unless it is longer than that.
    fn string(&self, offset: u64, longest: usize) -> Option<String> {
        let strings = self.memory.from(self.value(elf::DT_STRTAB)?)?;
        let rest = strings.get(usize::try_from(offset).ok()?..)?;
        let text = c_string(&rest[..rest.len().min(longest)])?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    fn version_needs(&self) -> Option<Vec<VersionNeed>> {
        let table = self.memory.from(self.value(elf::DT_VERNEED)?)?;
        let mut needs = Vec::new();
        for (at, record) in chain(table, 0, |record: &Verneed<Order>| record.vn_next.get(self.order)) {
            let library = self.name(record.vn_file.get(self.order).into()).unwrap_or_default();
            let first = at.saturating_add(record.vn_aux.get(self.order).into());
            for (_, need) in chain(table, first, |need: &Vernaux<Order>| need.vna_next.get(self.order)) {
                needs.push(VersionNeed {
                    library: library.clone(),
                    version: self.name(need.vna_name.get(self.order).into()).unwrap_or_default(),
                    is_weak: need.vna_flags.get(self.order).0 & elf::VER_FLG_WEAK.0 != 0,
                });
                if needs.len() > MOST_RECORDS {
                    return Some(needs);
                }
            }
        }
        Some(needs)
    }

    fn version_definitions(&self) -> Option<Vec<String>> {
        let table = self.memory.from(self.value(elf::DT_VERDEF)?)?;
        let records = chain(table, 0, |record: &Verdef<Order>| record.vd_next.get(self.order));
        Some(
            records
                .filter_map(|(at, record)| {
                    let name: &Verdaux<Order> =
                        table.read_at(at.saturating_add(record.vd_aux.get(self.order).into())).ok()?;
                    self.name(name.vda_name.get(self.order).into())
                })
                .collect(),
        )
    }
}

/// Walks records that each hold the distance to the next, zero at the last.
fn chain<T: object::Pod>(
    table: &[u8],
    first: u64,
    distance: impl Fn(&T) -> u32,
) -> impl Iterator<Item = (u64, &T)> {
    let mut next = Some(first);
    let step = move || {
        let at = next?;
        let record: &T = table.read_at(at).ok()?;
        let distance = distance(record);
        next = (distance != 0).then(|| at.saturating_add(distance.into()));
        Some((at, record))
    };
    std::iter::from_fn(step).take(MOST_RECORDS)
}
