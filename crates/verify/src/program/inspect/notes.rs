//! Notes: the system that the file is for, and the processor level that it demands.

use crossdock_platform::Endianness;
use object::elf::{self, FileHeader32, FileHeader64, PT_GNU_PROPERTY, PT_NOTE};
use object::read::elf::{FileHeader, NoteIterator};
use object::{Endian, Endianness as Order};

use super::headers::{Class, Memory, order};

/// The facts of the notes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notes {
    /// The system that the file is for: `FreeBSD`, `NetBSD`, `OpenBSD`, `DragonFly`, `Solaris` or `Android`; `None` if
    /// no note names one of them.
    pub system: Option<String>,
    /// The x86 levels that the dynamic loader demands (`GNU_PROPERTY_X86_ISA_1_NEEDED`): bit 0 is the baseline of
    /// x86-64, bit 1 is v2, bit 2 is v3, bit 3 is v4.
    pub x86_isa_needed: Option<u32>,
    /// The oldest Linux kernel that the C library supports (`NT_GNU_ABI_TAG`): major, minor, patch.
    pub oldest_kernel: Option<(u32, u32, u32)>,
}

/// Bounds above real programs, which have three or four note segments of some hundred bytes.
const MAX_SEGMENTS: usize = 64;
const MAX_BYTES: u64 = 1 << 16;

/// Reads the notes of all `PT_NOTE` and `PT_GNU_PROPERTY` segments.
pub(super) fn read(memory: Memory<'_>, class: Class, endianness: Endianness) -> Notes {
    let mut notes = Notes::default();
    let order = order(endianness);
    let segments =
        memory.segments.iter().filter(|segment| [PT_NOTE.0, PT_GNU_PROPERTY.0].contains(&segment.kind));
    for segment in segments.take(MAX_SEGMENTS) {
        let bytes = segment.part(memory.file).up_to(MAX_BYTES).bytes();
        match class {
            // Notes are padded to the alignment of their segment: 8 bytes for the properties of 64-bit files,
            // otherwise 4 (Linux Extensions to gABI).
            Class::Elf32 => {
                collect::<FileHeader32<Order>>(&mut notes, &bytes, segment.alignment as u32, order)
            }
            Class::Elf64 => collect::<FileHeader64<Order>>(&mut notes, &bytes, segment.alignment, order),
        }
    }
    notes
}

fn collect<H: FileHeader<Endian = Order>>(notes: &mut Notes, bytes: &[u8], alignment: H::Word, order: Order) {
    let Ok(mut found) = NoteIterator::<H>::new(order, alignment, bytes) else { return };
    while let Ok(Some(note)) = found.next() {
        match (note.name(), note.n_type(order)) {
            (b"GNU", elf::NT_GNU_ABI_TAG) => abi_tag(notes, note.desc(), order),
            (b"GNU", elf::NT_GNU_PROPERTY_TYPE_0) => {
                let Some(mut properties) = note.gnu_properties(order) else { continue };
                while let Ok(Some(property)) = properties.next() {
                    if property.pr_type() == elf::GNU_PROPERTY_X86_ISA_1_NEEDED {
                        notes.x86_isa_needed = property.data_u32(order).ok();
                    }
                }
            }
            (
                // The note with a system's version has the number 1 in each of these systems, as GNU's has.
                name @ (b"FreeBSD" | b"NetBSD" | b"OpenBSD" | b"DragonFly" | b"Android"),
                elf::NT_GNU_ABI_TAG,
            ) => {
                notes.system = Some(String::from_utf8_lossy(name).into_owned());
            }
            _ => {}
        }
    }
}

/// Reads `NT_GNU_ABI_TAG`: four words, of which the first is the system (0 is Linux) and the others the oldest kernel.
fn abi_tag(notes: &mut Notes, words: &[u8], order: Order) {
    let word = |index: usize| -> Option<u32> {
        Some(order.read_u32(words.get(index * 4..index * 4 + 4)?.try_into().ok()?))
    };
    let (Some(system), Some(major), Some(minor), Some(patch)) = (word(0), word(1), word(2), word(3)) else {
        return;
    };
    match system {
        0 => notes.oldest_kernel = Some((major, minor, patch)),
        2 => notes.system = Some("Solaris".to_owned()),
        3 => notes.system = Some("FreeBSD".to_owned()),
        _ => {}
    }
}
