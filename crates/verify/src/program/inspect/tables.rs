//! The tables of a file's dynamic symbols, their versions and their names.

use crossdock_platform::Endianness;
use object::Endian;
use object::elf::DynamicTag;

use super::content::Part;
use super::dynamic::value_of;
use super::headers::{Class, Memory, order};
use super::strings::Budget;

/// The tables that the dynamic section of a file points to.
pub(super) struct Tables<'data> {
    pub(super) memory: Memory<'data>,
    pub(super) class: Class,
    pub(super) endianness: Endianness,
    pub(super) machine: u16,
    pub(super) entries: Vec<(DynamicTag, u64)>,
    pub(super) symbols: Option<Part<'data>>,
    /// The version words, one for each symbol.
    pub(super) words: Option<Part<'data>>,
    pub(super) strings: Option<Part<'data>>,
}

impl Tables<'_> {
    /// Returns the value of an entry of the dynamic section.
    pub(super) fn value(&self, tag: DynamicTag) -> Option<u64> {
        value_of(&self.entries, tag)
    }

    /// Returns the part of the file from the address in an entry to the end of its segment.
    pub(super) fn table(&self, tag: DynamicTag) -> Option<Part<'_>> {
        self.memory.from(self.value(tag)?)
    }

    /// Returns a string of the string table.
    pub(super) fn string(&self, offset: u32, longest: usize, budget: &mut Budget) -> Option<String> {
        self.strings?.string(offset.into(), longest, budget)
    }

    /// Returns a 32-bit word of a table.
    pub(super) fn word(&self, table: Part<'_>, index: usize) -> Option<u32> {
        Some(order(self.endianness).read_u32(table.item(u64::try_from(index).ok()?)?))
    }
}
