//! What a program of an architecture looks like in its ELF header.

use object::elf::{
    EM_386, EM_AARCH64, EM_ARM, EM_LOONGARCH, EM_MIPS, EM_PPC, EM_PPC64, EM_RISCV, EM_S390, EM_SPARC,
    EM_SPARC32PLUS, EM_SPARCV9, EM_X86_64,
};

use crate::inspect::{Class, Elf, Endianness};

/// The header fields that all programs of an architecture share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    /// `e_machine`.
    pub(crate) number: u16,
    pub(crate) class: Class,
    pub(crate) endianness: Endianness,
}

/// Every architecture that Linux runs and Go or Rust can name, in Go's spelling.
const MACHINES: &[(&str, u16, Class, Endianness)] = &[
    ("amd64", EM_X86_64.0, Class::Elf64, Endianness::Little),
    ("386", EM_386.0, Class::Elf32, Endianness::Little),
    ("arm64", EM_AARCH64.0, Class::Elf64, Endianness::Little),
    ("arm64be", EM_AARCH64.0, Class::Elf64, Endianness::Big),
    ("arm", EM_ARM.0, Class::Elf32, Endianness::Little),
    ("armbe", EM_ARM.0, Class::Elf32, Endianness::Big),
    ("riscv64", EM_RISCV.0, Class::Elf64, Endianness::Little),
    ("riscv", EM_RISCV.0, Class::Elf32, Endianness::Little),
    ("ppc64le", EM_PPC64.0, Class::Elf64, Endianness::Little),
    ("ppc64", EM_PPC64.0, Class::Elf64, Endianness::Big),
    ("ppc", EM_PPC.0, Class::Elf32, Endianness::Big),
    ("s390x", EM_S390.0, Class::Elf64, Endianness::Big),
    ("s390", EM_S390.0, Class::Elf32, Endianness::Big),
    ("loong64", EM_LOONGARCH.0, Class::Elf64, Endianness::Little),
    ("mips", EM_MIPS.0, Class::Elf32, Endianness::Big),
    ("mipsle", EM_MIPS.0, Class::Elf32, Endianness::Little),
    ("mips64", EM_MIPS.0, Class::Elf64, Endianness::Big),
    ("mips64le", EM_MIPS.0, Class::Elf64, Endianness::Little),
    ("sparc", EM_SPARC.0, Class::Elf32, Endianness::Big),
    ("sparc64", EM_SPARCV9.0, Class::Elf64, Endianness::Big),
];

impl Machine {
    /// The machine of an architecture in Go's spelling; `None` when it has no ELF form here.
    pub(crate) fn of(architecture: &str) -> Option<Machine> {
        MACHINES
            .iter()
            .find(|(name, ..)| *name == architecture)
            .map(|&(_, number, class, endianness)| Machine { number, class, endianness })
    }
}

/// The architecture that an ELF file is for, in Go's spelling.
pub(crate) fn architecture_of(elf: &Elf) -> Option<&'static str> {
    let number = if elf.machine == EM_SPARC32PLUS.0 { EM_SPARC.0 } else { elf.machine };
    MACHINES
        .iter()
        .find(|(_, machine, class, order)| (*machine, *class, *order) == (number, elf.class, elf.endianness))
        .map(|(name, ..)| *name)
}

/// The machine of an ELF file in words: `arm64 (e_machine 183)`.
pub(crate) fn describe(elf: &Elf) -> String {
    match architecture_of(elf) {
        Some(name) => format!("{name} (e_machine {})", elf.machine),
        None if elf.machine == EM_X86_64.0 && elf.class == Class::Elf32 => {
            "x32 (e_machine 62, 32-bit)".to_owned()
        }
        None => format!("a machine with number {} (e_machine)", elf.machine),
    }
}

/// The 32-bit architecture whose programs a processor of this architecture may run as they are.
pub(crate) fn compatible_32_bit(architecture: &str) -> Option<&'static str> {
    match architecture {
        "amd64" => Some("386"),
        "arm64" => Some("arm"),
        "mips64" => Some("mips"),
        "mips64le" => Some("mipsle"),
        "ppc64" => Some("ppc"),
        "s390x" => Some("s390"),
        "sparc64" => Some("sparc"),
        _ => None,
    }
}
