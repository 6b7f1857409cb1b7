//! Programs of other systems: Mach-O and PE.

use object::macho::{self, FatHeader};
use object::pe::{IMAGE_DOS_SIGNATURE, IMAGE_NT_SIGNATURE, ImageDosHeader, ImageFileHeader};
use object::{Endian, Endianness as Order, LittleEndian, U32};

use super::content::Content;

/// The facts of a Mach-O header.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MachO {
    /// `cputype` of the file, or of each part of a universal file.
    pub cpu_types: Vec<u32>,
}

/// The facts of a Windows program's headers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pe {
    /// The `Machine` field of the COFF header.
    pub machine: u16,
    /// Whether the file is a library (`IMAGE_FILE_DLL`).
    pub is_library: bool,
}

/// Reads a Mach-O header, of one architecture or universal.
pub(super) fn macho(bytes: &[u8]) -> Option<MachO> {
    let word = |at: usize, order: Order| -> Option<u32> {
        Some(order.read_u32(bytes.get(at..at + 4)?.try_into().ok()?))
    };
    let magic = word(0, Order::Big)?;
    match magic {
        macho::MH_MAGIC | macho::MH_MAGIC_64 => Some(MachO { cpu_types: vec![word(4, Order::Big)?] }),
        macho::MH_CIGAM | macho::MH_CIGAM_64 => Some(MachO { cpu_types: vec![word(4, Order::Little)?] }),
        macho::FAT_MAGIC | macho::FAT_MAGIC_64 => {
            // A universal header is big-endian on every machine (mach-o/fat.h).
            let parts = word(4, Order::Big)?;
            // A Java class file has the same magic, and its version, 45 or more, in the place of the number of parts.
            if parts > 40 {
                return None;
            }
            // The sizes of `fat_arch` and `fat_arch_64`, which both begin with the processor.
            let step = if magic == macho::FAT_MAGIC { 20 } else { 32 };
            let first = size_of::<FatHeader>();
            let cpu_types =
                (0..parts as usize).map_while(|part| word(first + part * step, Order::Big)).collect();
            Some(MachO { cpu_types })
        }
        _ => None,
    }
}

/// Reads the PE header that the DOS header points to.
pub(super) fn pe(content: &Content<'_>) -> Option<Pe> {
    let file = content.whole();
    let dos: ImageDosHeader = file.record(0)?;
    if dos.e_magic.get(LittleEndian) != IMAGE_DOS_SIGNATURE {
        return None;
    }
    let at = u64::from(dos.e_lfanew.get(LittleEndian));
    let signature: U32<LittleEndian> = file.record(at)?;
    if signature.get(LittleEndian) != IMAGE_NT_SIGNATURE {
        return None;
    }
    let header: ImageFileHeader = file.record(at + size_of::<U32<LittleEndian>>() as u64)?;
    Some(Pe {
        machine: header.machine.get(LittleEndian).0,
        is_library: header.characteristics.get(LittleEndian).0 & object::pe::IMAGE_FILE_DLL.0 != 0,
    })
}
