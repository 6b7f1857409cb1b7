//! Reads an ELF header as the kernel does.
//!
//! Linux takes class and byte order from itself, not from `e_ident`, and reads only `e_type`, `e_machine`,
//! `e_phentsize` and `e_phnum`. A file whose `EI_CLASS`, `EI_DATA` or `EI_VERSION` is damaged runs on x86-64. So the
//! stated class and order are tried first and the others after; the size of a program header tells which one is right.

use crossdock_platform::Endianness;
use object::Endianness as Order;
use object::elf::{FileHeader32, FileHeader64, PF_W, PF_X, PT_LOAD, ProgramHeader32, ProgramHeader64};
use object::read::ReadRef;
use object::read::elf::{FileHeader, ProgramHeader};

use super::content::{Content, Part};

/// The width of an ELF file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Class {
    Elf32,
    Elf64,
}

impl Class {
    /// Returns 32 or 64.
    pub fn bits(self) -> u8 {
        match self {
            Class::Elf32 => 32,
            Class::Elf64 => 64,
        }
    }

    pub(super) fn other(self) -> Class {
        match self {
            Class::Elf32 => Class::Elf64,
            Class::Elf64 => Class::Elf32,
        }
    }

    /// Returns the only `e_phentsize` that the kernel accepts.
    pub fn program_header_size(self) -> u16 {
        match self {
            Class::Elf32 => 32,
            Class::Elf64 => 56,
        }
    }
}

/// Returns the byte order as the `object` crate names it.
pub(super) fn order(endianness: Endianness) -> Order {
    match endianness {
        Endianness::Little => Order::Little,
        Endianness::Big => Order::Big,
    }
}

fn opposite(endianness: Endianness) -> Endianness {
    match endianness {
        Endianness::Little => Endianness::Big,
        Endianness::Big => Endianness::Little,
    }
}

/// The relevant fields of an ELF header of either class.
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
    /// Returns the first interpretation of the header that has a valid program header size, or the stated one if none
    /// has. `None` if the file is shorter than a header.
    pub(super) fn read(bytes: &[u8]) -> Option<Header> {
        let readings = Self::readings(bytes);
        readings
            .iter()
            .flatten()
            .find(|header| header.entry_size == header.class.program_header_size())
            .or_else(|| readings.iter().flatten().next())
            .copied()
    }

    /// Returns every interpretation of the header, the stated one first.
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
            Self::read_as(bytes, class, opposite(endianness)),
            Self::read_as(bytes, class.other(), endianness),
            Self::read_as(bytes, class.other(), opposite(endianness)),
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
        let order = order(endianness);
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

    /// Returns the size of all program headers together.
    pub(super) fn table_length(&self) -> u64 {
        u64::from(self.entries) * u64::from(self.entry_size)
    }

    /// Returns the program headers in the file; none if their stated size is wrong.
    pub(super) fn segments(&self, file: &Content<'_>) -> Vec<Segment> {
        if self.entry_size != self.class.program_header_size() {
            return Vec::new();
        }
        // The kernel refuses a file with more (`load_elf_phdrs`).
        let table = file.bytes(self.table, self.table_length().min(65536));
        match self.class {
            Class::Elf32 => self.convert_segments::<ProgramHeader32<Order>>(&table),
            Class::Elf64 => self.convert_segments::<ProgramHeader64<Order>>(&table),
        }
    }

    fn convert_segments<P: ProgramHeader<Endian = Order>>(&self, bytes: &[u8]) -> Vec<Segment> {
        let order = order(self.endianness);
        let mut at = 0;
        std::iter::from_fn(|| bytes.read::<P>(&mut at).ok())
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

/// A program header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the ELF gABI's program header, in its order")]
pub struct Segment {
    pub kind: u32,
    pub flags: u32,
    pub offset: u64,
    pub address: u64,
    pub file_size: u64,
    pub memory_size: u64,
    pub alignment: u64,
}

impl Segment {
    /// Returns whether the segment is loaded (`PT_LOAD`).
    pub fn is_loaded(&self) -> bool {
        self.kind == PT_LOAD.0
    }

    /// Returns whether the kernel maps the segment writable.
    pub fn is_writable(&self) -> bool {
        self.flags & PF_W.0 != 0
    }

    /// Returns whether the kernel maps the segment executable.
    pub fn is_executable(&self) -> bool {
        self.flags & PF_X.0 != 0
    }

    /// Returns the offset of the first byte after the segment in the file.
    pub fn file_end(&self) -> u64 {
        self.offset.saturating_add(self.file_size)
    }

    /// Returns the offset in the file of a byte at this address, and the number of bytes from there to the end of the segment
    /// in the file: zeros follow in memory, which no table of the loader is in. `None` if the address is elsewhere.
    fn rest(&self, address: u64) -> Option<(u64, u64)> {
        let skipped = address.checked_sub(self.address)?;
        let left = self.file_size.checked_sub(skipped).filter(|left| *left != 0)?;
        Some((self.offset.checked_add(skipped)?, left))
    }

    /// Returns whether the segment follows these bytes of a file, which are mapped to this address.
    fn continues(&self, address: u64, offset: u64, length: u64) -> bool {
        address.checked_add(length) == Some(self.address) && offset.checked_add(length) == Some(self.offset)
    }

    /// Returns the part of the file that is the segment, as far as the file contains it.
    pub(crate) fn part<'data>(&self, file: &'data Content<'_>) -> Part<'data> {
        file.part(self.offset, self.file_size)
    }
}

/// A file and the mapping of its bytes into memory.
#[derive(Clone, Copy)]
pub(crate) struct Memory<'data> {
    pub(crate) file: &'data Content<'data>,
    pub(crate) segments: &'data [Segment],
}

impl<'data> Memory<'data> {
    /// Returns the part of the file from this address to the end of its segment; `None` if nothing is mapped there.
    ///
    /// A segment that follows in the file and in memory continues the part: patchelf puts the start of a string table that
    /// grew into a segment of its own, before that of the rest (`rewriteSectionsExecutable`).
    pub(crate) fn from(&self, address: u64) -> Option<Part<'data>> {
        let mut range: Option<(u64, u64)> = None;
        for segment in self.segments.iter().filter(|segment| segment.is_loaded() && segment.file_size != 0) {
            range = match range {
                None => segment.rest(address),
                Some((offset, length)) if segment.continues(address, offset, length) => {
                    Some((offset, length.saturating_add(segment.file_size)))
                }
                found => found,
            };
        }
        let (offset, length) = range?;
        let part = self.file.part(offset, length);
        (part.length != 0).then_some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a loaded segment.
    fn loaded(offset: u64, address: u64, file_size: u64) -> Segment {
        let (kind, flags, alignment) = (PT_LOAD.0, 4, 4096);
        Segment { kind, flags, offset, address, file_size, memory_size: file_size, alignment }
    }

    /// Returns the offset and length of the part from an address.
    fn part(segments: &[Segment], address: u64) -> Option<(u64, u64)> {
        let file = Content::of(&[0; 64]);
        let part = Memory { file: &file, segments }.from(address)?;
        Some((part.offset, part.length))
    }

    #[test]
    fn tables_continue_in_a_segment_that_follows_in_file_and_memory() {
        let segments = [loaded(0, 0x1000, 16), loaded(16, 0x1010, 16), loaded(32, 0x1020, 8)];
        assert_eq!(part(&segments, 0x1004), Some((4, 36)));
        assert_eq!(part(&segments, 0x1010), Some((16, 24)));
        assert_eq!(part(&segments, 0x1028), None);
    }

    #[test]
    fn tables_end_before_a_segment_that_is_elsewhere_in_the_file_or_in_memory() {
        for other in [loaded(24, 0x1010, 16), loaded(16, 0x2000, 16), loaded(16, 0x1010, 0)] {
            assert_eq!(part(&[loaded(0, 0x1000, 16), other], 0x1004), Some((4, 12)), "{other:?}");
        }
        // The sum of the sizes is larger than any file.
        let huge = [loaded(0, 0x1000, u64::MAX), loaded(u64::MAX, u64::MAX, u64::MAX)];
        assert_eq!(part(&huge, 0x1004), Some((4, 60)));
    }
}
