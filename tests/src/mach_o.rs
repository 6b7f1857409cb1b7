//! The header of a program for macOS.

use std::path::Path;

/// Facts of a 64-bit Mach-O program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachO {
    /// The processor type.
    pub processor: u32,
    /// The lowest version of macOS in 1/65536 (`LC_BUILD_VERSION` or `LC_VERSION_MIN_MACOSX`).
    pub minimum: u32,
    /// Whether it is signed. Apple silicon starts only signed programs.
    pub is_signed: bool,
}

impl MachO {
    /// `CPU_TYPE_ARM64`.
    pub const ARM64: u32 = 0x0100_000c;
    /// `CPU_TYPE_X86_64`.
    pub const AMD64: u32 = 0x0100_0007;

    /// Reads the facts of a program.
    pub fn read(path: &Path) -> Self {
        let program = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let number = |at: usize| u32::from_le_bytes(program[at..at + 4].try_into().unwrap());
        assert_eq!(number(0), 0xfeed_facf, "{} is not a Mach-O program", path.display());
        let mut found = Self { processor: number(4), minimum: 0, is_signed: false };
        let mut at = 32;
        for _ in 0..number(16) {
            match number(at) {
                0x32 => found.minimum = number(at + 12),
                0x24 => found.minimum = number(at + 8),
                0x1d => found.is_signed = true,
                _ => {}
            }
            at += number(at + 4) as usize;
        }
        found
    }
}
