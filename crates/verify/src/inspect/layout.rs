//! Reading an ELF header the way the kernel does.
//!
//! Linux takes class and byte order from itself, not from `e_ident`, and looks only at `e_type`, `e_machine`,
//! `e_phentsize` and `e_phnum`. A file whose `EI_CLASS`, `EI_DATA` or `EI_VERSION` is damaged runs on x86-64. So the
//! stated class and order are tried first and the others after; the size of a program header tells which one holds.

use object::Endianness as Order;
use object::elf::{FileHeader32, FileHeader64, ProgramHeader32, ProgramHeader64};
use object::read::ReadRef;
use object::read::elf::{FileHeader, ProgramHeader};

use super::content::Content;
use super::elf::{Class, Endianness};
use super::segments::Segment;

/// The fields of an ELF header that matter, whatever its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) class: Class,
    pub(super) endianness: Endianness,
    pub(super) file_type: u16,
    pub(super) machine: u16,
    pub(super) entry: u64,
    pub(super) flags: u32,
    pub(super) table: u64,
    pub(super) entry_size: u16,
    pub(super) entries: u16,
}

impl Header {
    /// The header in the first reading that gives a possible program header size, else in the stated reading. `None`
    /// when the file is shorter than a header.
    pub(super) fn read(bytes: &[u8]) -> Option<Header> {
        let readings = Self::readings(bytes);
        readings
            .iter()
            .flatten()
            .find(|header| header.entry_size == header.class.program_header_size())
            .or_else(|| readings.iter().flatten().next())
            .copied()
    }

    /// Every reading of the header, the stated one first.
    fn readings(bytes: &[u8]) -> [Option<Header>; 4] {
        let class = match bytes.get(4) {
            Some(1) => Class::Elf32,
            _ => Class::Elf64,
        };
        let endianness = match bytes.get(5) {
            Some(2) => Endianness::Big,
            _ => Endianness::Little,
        };
        [
            Self::read_as(bytes, class, endianness),
            Self::read_as(bytes, class, endianness.other()),
            Self::read_as(bytes, class.other(), endianness),
            Self::read_as(bytes, class.other(), endianness.other()),
        ]
    }

    fn read_as(bytes: &[u8], class: Class, endianness: Endianness) -> Option<Header> {
        match class {
            Class::Elf32 => Self::convert::<FileHeader32<Order>>(bytes, class, endianness),
            Class::Elf64 => Self::convert::<FileHeader64<Order>>(bytes, class, endianness),
        }
    }

    fn convert<H: FileHeader<Endian = Order>>(
        bytes: &[u8],
        class: Class,
        endianness: Endianness,
    ) -> Option<Header> {
        let raw: &H = bytes.read_at(0).ok()?;
        let order = endianness.order();
        Some(Header {
            class,
            endianness,
            file_type: raw.e_type(order).0,
            machine: raw.e_machine(order).0,
            entry: raw.e_entry(order).into(),
            flags: raw.e_flags(order).0,
            table: raw.e_phoff(order).into(),
            entry_size: raw.e_phentsize(order),
            entries: raw.e_phnum(order),
        })
    }

    /// The length of the program headers together.
    pub(super) fn table_length(&self) -> u64 {
        u64::from(self.entries) * u64::from(self.entry_size)
    }

    /// The program headers that lie within the file, when their size is right.
    pub(super) fn segments(&self, file: &Content<'_>) -> Vec<Segment> {
        let bytes = file.slice(self.table, self.table_length());
        if self.entry_size != self.class.program_header_size() {
            return Vec::new();
        }
        match self.class {
            Class::Elf32 => self.convert_segments::<ProgramHeader32<Order>>(bytes),
            Class::Elf64 => self.convert_segments::<ProgramHeader64<Order>>(bytes),
        }
    }

    fn convert_segments<P: ProgramHeader<Endian = Order>>(&self, bytes: &[u8]) -> Vec<Segment> {
        let order = self.endianness.order();
        let mut at = 0;
        // The kernel takes no more (`load_elf_phdrs`).
        let most = 65536 / u32::from(self.entry_size.max(1));
        (0..u32::from(self.entries).min(most))
            .map_while(|_| bytes.read::<P>(&mut at).ok())
            .map(|raw| Segment {
                kind: raw.p_type(order).0,
                flags: raw.p_flags(order).0,
                offset: raw.p_offset(order).into(),
                address: raw.p_vaddr(order).into(),
                file_size: raw.p_filesz(order).into(),
                memory_size: raw.p_memsz(order).into(),
                alignment: raw.p_align(order).into(),
            })
            .collect()
    }
}
