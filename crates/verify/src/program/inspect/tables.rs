//! The tables that the dynamic section of a file points to.

use crossdock_platform::Endianness;
use object::elf::{self, Dyn32, Dyn64, DynamicTag, PT_DYNAMIC, Verdaux, Verdef, Vernaux, Verneed};
use object::read::elf::Dyn;
use object::{Endian, Endianness as Order};

use super::content::Part;
use super::headers::{Class, Memory, order};
use super::strings::Budget;

/// The number of records above which a table is damaged.
const MAX_RECORDS: usize = 1 << 14;

/// The dynamic section of a file and the tables that it points to.
pub(super) struct Tables<'data> {
    memory: Memory<'data>,
    pub(super) class: Class,
    pub(super) order: Order,
    pub(super) machine: u16,
    entries: Vec<(DynamicTag, u64)>,
    pub(super) symbols: Option<Part<'data>>,
    /// The version words, one for each symbol.
    pub(super) words: Option<Part<'data>>,
    strings: Option<Part<'data>>,
}

impl<'data> Tables<'data> {
    /// Reads the dynamic section of a file with this header; `None` if it has none.
    pub(super) fn read(
        memory: Memory<'data>,
        class: Class,
        endianness: Endianness,
        machine: u16,
    ) -> Option<Tables<'data>> {
        let section = memory.segments.iter().find(|segment| segment.kind == PT_DYNAMIC.0)?.part(memory.file);
        let order = order(endianness);
        let entries = match class {
            Class::Elf32 => entries::<Dyn32<Order>>(section, order),
            Class::Elf64 => entries::<Dyn64<Order>>(section, order),
        };
        // An address in memory, not an offset in the file (ELF gABI, Dynamic Section, `d_ptr`): so a stripped file without
        // sections can be read, as the loader does.
        let table = |tag| memory.from(values(&entries, tag).next()?);
        let (symbols, words, strings) = (table(elf::DT_SYMTAB), table(elf::DT_VERSYM), table(elf::DT_STRTAB));
        Some(Tables { memory, class, order, machine, entries, symbols, words, strings })
    }

    /// Returns the values of all entries of the dynamic section with this tag.
    pub(super) fn values(&self, tag: DynamicTag) -> impl Iterator<Item = u64> {
        values(&self.entries, tag)
    }

    /// Returns the value of the first entry with this tag.
    pub(super) fn value(&self, tag: DynamicTag) -> Option<u64> {
        self.values(tag).next()
    }

    /// Returns the part of the file from the address in an entry to the end of its segment.
    pub(super) fn table(&self, tag: DynamicTag) -> Option<Part<'data>> {
        self.memory.from(self.value(tag)?)
    }

    /// Returns a string of the string table.
    pub(super) fn string(
        &self,
        offset: impl Into<u64>,
        longest: usize,
        budget: &mut Budget,
    ) -> Option<String> {
        self.strings?.string(offset.into(), longest, budget)
    }

    /// Returns a 32-bit word of a table.
    pub(super) fn word(&self, table: Part<'_>, index: usize) -> Option<u32> {
        Some(self.order.read_u32(table.item(u64::try_from(index).ok()?)?))
    }

    /// Returns the libraries of which the file needs versions (`DT_VERNEED`), each with these versions.
    pub(super) fn version_needs(
        &self,
    ) -> impl Iterator<Item = (Verneed<Order>, impl Iterator<Item = Vernaux<Order>>)> {
        let order = self.order;
        self.table(elf::DT_VERNEED).into_iter().flat_map(move |table| {
            let libraries = chain(table, 0, move |record: &Verneed<Order>| record.vn_next.get(order));
            libraries.map(move |(at, library)| {
                let first = at.saturating_add(library.vn_aux.get(order).into());
                let versions = chain(table, first, move |need: &Vernaux<Order>| need.vna_next.get(order));
                (library, versions.map(|(_, need)| need))
            })
        })
    }

    /// Returns the versions that the file defines (`DT_VERDEF`), each with its name; `None` if the file ends before the
    /// name.
    pub(super) fn version_definitions(
        &self,
    ) -> impl Iterator<Item = (Verdef<Order>, Option<Verdaux<Order>>)> {
        let order = self.order;
        self.table(elf::DT_VERDEF).into_iter().flat_map(move |table| {
            let records = chain(table, 0, move |record: &Verdef<Order>| record.vd_next.get(order));
            // The first name of a definition is its own, the others are those of its predecessors (LSB Core, Symbol
            // Versioning).
            records.map(move |(at, record)| {
                let name = table.record(at.saturating_add(record.vd_aux.get(order).into()));
                (record, name)
            })
        })
    }
}

fn values(entries: &[(DynamicTag, u64)], tag: DynamicTag) -> impl Iterator<Item = u64> {
    entries.iter().filter(move |(found, _)| *found == tag).map(|(_, value)| *value)
}

fn entries<D: Dyn<Endian = Order>>(section: Part<'_>, order: Order) -> Vec<(DynamicTag, u64)> {
    section
        .items::<D>()
        .map(|entry| (entry.tag(order), entry.val(order)))
        // Linkers leave spare entries after the end (GNU ld, `--spare-dynamic-tags`).
        .take_while(|(tag, _)| *tag != elf::DT_NULL)
        .take(MAX_RECORDS)
        .collect()
}

/// Iterates over records that each contain the distance to the next; that of the last is zero.
fn chain<T: object::Pod>(
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
