//! Hand-written ELF files for unit tests, with contents that no linker produces.

use object::elf::{
    DT_NULL, DynamicTag, EM_MIPS, EM_S390, EM_X86_64, ET_DYN, Machine, PT_DYNAMIC, PT_INTERP, PT_LOAD,
    PT_NULL,
};
use object::{Endian, Endianness};

const HEADERS: usize = 64 + 3 * 56;

/// Builds a 64-bit ELF file for amd64 or another machine, a library unless it has an interpreter. Its addresses in memory equal its
/// offsets in the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct ElfBuilder {
    tables: Vec<u8>,
    entries: Vec<(DynamicTag, u64)>,
    interpreter: Option<(u64, u64)>,
    /// The machine if it is not amd64, with the byte order.
    machine: Option<(Machine, Endianness)>,
}

impl ElfBuilder {
    /// Begins a file for s390x, which is big-endian. The tables must be too.
    pub(crate) fn s390x() -> ElfBuilder {
        ElfBuilder { machine: Some((EM_S390, Endianness::Big)), ..ElfBuilder::default() }
    }

    /// Returns an empty file for 64-bit MIPS. The tables must have this byte order too.
    pub(crate) fn mips64(order: Endianness) -> ElfBuilder {
        ElfBuilder { machine: Some((EM_MIPS, order)), ..ElfBuilder::default() }
    }

    /// Adds an entry to the dynamic section.
    pub(crate) fn value(mut self, tag: DynamicTag, value: u64) -> ElfBuilder {
        self.entries.push((tag, value));
        self
    }

    /// Adds a table and the entry that points to it.
    pub(crate) fn table(mut self, tag: DynamicTag, bytes: Vec<u8>) -> ElfBuilder {
        let address = HEADERS + self.tables.len();
        self.tables.extend(bytes);
        self.tables.resize(self.tables.len().next_multiple_of(8), 0);
        self.value(tag, address as u64)
    }

    /// Sets the dynamic loader, which makes the file a program.
    pub(crate) fn interpreter(mut self, path: &str) -> ElfBuilder {
        self.interpreter = Some(((HEADERS + self.tables.len()) as u64, path.len() as u64 + 1));
        self.tables.extend([path.as_bytes(), &[0]].concat());
        self.tables.resize(self.tables.len().next_multiple_of(8), 0);
        self
    }

    /// Returns the file.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        self.entries.push((DT_NULL, 0));
        let (machine, order) = self.machine.unwrap_or((EM_X86_64, Endianness::Little));
        let data = if order == Endianness::Big { 2 } else { 1 };
        let entries = self.entries.iter().flat_map(|(tag, value)| [tag.0 as u64, *value]);
        let dynamic: Vec<u8> = entries.flat_map(|number| order.write_u64(number)).collect();
        let at = (HEADERS + self.tables.len()) as u64;
        let (size, length) = (dynamic.len() as u64, at + dynamic.len() as u64);
        let mut bytes = [b"\x7fELF\x02", &[data, 1][..]].concat();
        bytes.resize(16, 0);
        bytes.extend([ET_DYN.0, machine.0].map(|number| order.write_u16(number)).concat());
        bytes.extend(order.write_u32(1));
        bytes.extend([HEADERS as u64, 64, 0].map(|number| order.write_u64(number)).concat());
        bytes.extend(order.write_u32(0));
        bytes.extend([64, 56, 3, 0, 0, 0].map(|number| order.write_u16(number)).concat());
        let (kind, (from, path)) = self.interpreter.map_or((PT_NULL, (0, 0)), |place| (PT_INTERP, place));
        for (kind, offset, size) in [(PT_LOAD, 0, length), (PT_DYNAMIC, at, size), (kind, from, path)] {
            bytes.extend([kind.0, 5].map(|number| order.write_u32(number)).concat());
            bytes.extend(
                [offset, offset, offset, size, size, 4096].map(|number| order.write_u64(number)).concat(),
            );
        }
        [bytes, self.tables, dynamic].concat()
    }
}
