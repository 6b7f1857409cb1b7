//! What a program of an architecture looks like in its ELF header.

use crossdock_platform::Architecture;
use object::elf::{
    EM_386, EM_AARCH64, EM_ARM, EM_LOONGARCH, EM_MIPS, EM_PPC, EM_PPC64, EM_RISCV, EM_S390, EM_SPARC,
    EM_SPARC32PLUS, EM_SPARCV9, EM_X86_64,
};

use crate::program::inspect::{Class, Elf, Endianness};

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
    /// The machine of an architecture in Go's spelling; `None` when it has no ELF form here.
    pub(crate) fn of(architecture: &str) -> Option<Machine> {
        let (architecture, number) = MACHINES.iter().find(|(known, _)| known.as_str() == architecture)?;
        Some(Machine::new(*architecture, *number))
    }

    fn new(architecture: Architecture, number: u16) -> Machine {
        let class = if architecture.pointer_width() == 32 { Class::Elf32 } else { Class::Elf64 };
        let endianness = match architecture.endianness() {
            crossdock_platform::Endianness::Little => Endianness::Little,
            crossdock_platform::Endianness::Big => Endianness::Big,
        };
        Machine { number, class, endianness }
    }
}

/// The architecture that an ELF file is for, in Go's spelling.
pub(crate) fn architecture_of(elf: &Elf) -> Option<&'static str> {
    let number = if elf.machine == EM_SPARC32PLUS.0 { EM_SPARC.0 } else { elf.machine };
    let machine = Machine { number, class: elf.class, endianness: elf.endianness };
    let known = MACHINES.iter().find(|(known, number)| Machine::new(*known, *number) == machine);
    known.map(|(architecture, _)| architecture.as_str())
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
