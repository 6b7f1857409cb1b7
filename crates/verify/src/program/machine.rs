//! The ELF header fields of each architecture.

use crossdock_platform::{Architecture, Endianness};
use object::elf::{
    EM_386, EM_AARCH64, EM_ARM, EM_LOONGARCH, EM_MIPS, EM_PPC, EM_PPC64, EM_RISCV, EM_S390, EM_SPARC,
    EM_SPARC32PLUS, EM_SPARCV9, EM_X86_64,
};

use crate::program::inspect::{Class, Elf};

/// The header fields that all programs of an architecture share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    /// `e_machine`.
    pub(crate) number: u16,
    pub(crate) class: Class,
    pub(crate) endianness: Endianness,
}

/// `e_machine` of every architecture that Linux runs and Go or Rust can name.
const MACHINES: &[(Architecture, u16)] = &[
    (Architecture::Amd64, EM_X86_64.0),
    (Architecture::I386, EM_386.0),
    (Architecture::Arm64, EM_AARCH64.0),
    (Architecture::Arm64be, EM_AARCH64.0),
    (Architecture::Arm, EM_ARM.0),
    (Architecture::Armbe, EM_ARM.0),
    (Architecture::Riscv64, EM_RISCV.0),
    (Architecture::Riscv, EM_RISCV.0),
    (Architecture::Ppc64le, EM_PPC64.0),
    (Architecture::Ppc64, EM_PPC64.0),
    (Architecture::Ppc, EM_PPC.0),
    (Architecture::S390x, EM_S390.0),
    (Architecture::S390, EM_S390.0),
    (Architecture::Loong64, EM_LOONGARCH.0),
    (Architecture::Mips, EM_MIPS.0),
    (Architecture::Mipsle, EM_MIPS.0),
    (Architecture::Mips64, EM_MIPS.0),
    (Architecture::Mips64le, EM_MIPS.0),
    (Architecture::Sparc, EM_SPARC.0),
    (Architecture::Sparc64, EM_SPARCV9.0),
];

impl Machine {
    /// Returns the machine of an architecture; `None` if Linux does not run ELF programs of it.
    pub(crate) fn of(architecture: Architecture) -> Option<Machine> {
        let (_, number) = MACHINES.iter().find(|(known, _)| *known == architecture)?;
        Some(Machine::new(architecture, *number))
    }

    fn new(architecture: Architecture, number: u16) -> Machine {
        let class = if architecture.pointer_width() == 32 { Class::Elf32 } else { Class::Elf64 };
        Machine { number, class, endianness: architecture.endianness() }
    }
}

/// Returns the architecture that an ELF file is for; `None` if no known one has this header.
pub(crate) fn architecture_of(elf: &Elf) -> Option<Architecture> {
    // Compilers mark 32-bit SPARC programs with instructions of V9 by a machine number of their own.
    let number = if elf.machine == EM_SPARC32PLUS.0 { EM_SPARC.0 } else { elf.machine };
    let machine = Machine { number, class: elf.class, endianness: elf.endianness };
    let known = MACHINES.iter().find(|(known, number)| Machine::new(*known, *number) == machine);
    known.map(|(architecture, _)| *architecture)
}

/// Describes the machine of an ELF file: `arm64 (e_machine 183)`.
pub(crate) fn describe(elf: &Elf) -> String {
    match architecture_of(elf) {
        Some(name) => format!("{name} (e_machine {})", elf.machine),
        None if elf.machine == EM_X86_64.0 && elf.class == Class::Elf32 => {
            "x32 (e_machine 62, 32-bit)".to_owned()
        }
        None => format!("a machine with number {} (e_machine)", elf.machine),
    }
}

/// Returns the 32-bit architecture whose programs a processor of this architecture may run unchanged.
pub(crate) fn compatible_32_bit(architecture: Architecture) -> Option<Architecture> {
    match architecture {
        Architecture::Amd64 => Some(Architecture::I386),
        Architecture::Arm64 => Some(Architecture::Arm),
        Architecture::Mips64 => Some(Architecture::Mips),
        Architecture::Mips64le => Some(Architecture::Mipsle),
        Architecture::Ppc64 => Some(Architecture::Ppc),
        Architecture::S390x => Some(Architecture::S390),
        Architecture::Sparc64 => Some(Architecture::Sparc),
        _ => None,
    }
}
