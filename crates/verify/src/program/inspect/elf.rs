//! The facts of an ELF file.

use crossdock_platform::Endianness;
use object::elf::{ET_DYN, ET_EXEC, PT_INTERP};

use super::attributes::{self, ArmAttributes};
use super::content::Content;
use super::dynamic::{self, Dynamic};
use super::go::{self, GoBuildInfo};
use super::headers::{Class, Header, Memory, Segment};
use super::notes::{self, Notes};
use super::packed::{self, Packed};
use super::strings::c_string;
use super::tables::Tables;

/// The value of `PT_INTERP`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interpreter {
    /// The path of the dynamic loader.
    Path(String),
    /// A value that the kernel refuses: without a NUL at its end, shorter than 2 bytes or longer than 4096.
    Malformed,
}

/// The facts of an ELF file, read from headers and segments as by the kernel and the dynamic loader, never from
/// sections.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elf {
    /// The actual width, which may differ from [`Elf::stated_class`].
    pub class: Class,
    /// The actual byte order, which may differ from [`Elf::stated_data`].
    pub endianness: Endianness,
    /// `EI_CLASS`. Linux ignores it on most machines; the dynamic loader does not.
    pub stated_class: u8,
    /// `EI_DATA`. Linux ignores it.
    pub stated_data: u8,
    /// `EI_OSABI`. Linux ignores it.
    pub os_abi: u8,
    /// Whether the file is shorter than an ELF header. Then the fields below are empty.
    pub is_header_truncated: bool,
    /// `e_type`.
    pub file_type: u16,
    /// `e_machine`.
    pub machine: u16,
    /// `e_flags`.
    pub flags: u32,
    /// `e_entry`.
    pub entry: u64,
    /// `e_phentsize`.
    pub program_header_size: u16,
    /// `e_phnum`. There are fewer [`Elf::segments`] if the file ends before the last header.
    pub program_headers: u16,
    /// The program headers in the file.
    pub segments: Vec<Segment>,
    /// The dynamic loader that the kernel starts first; `None` for a static program and for most libraries.
    pub interpreter: Option<Interpreter>,
    /// The dynamic section, which a static position-independent program has too.
    pub dynamic: Option<Dynamic>,
    /// The facts of the notes.
    pub notes: Notes,
    /// The attributes of a 32-bit ARM file.
    pub arm: Option<ArmAttributes>,
    /// The build information of the Go linker.
    pub go: Option<GoBuildInfo>,
    /// The original of a program that UPX packed; `None` if the file is not packed.
    pub packed: Option<Packed>,
    /// The length of the file in bytes.
    pub length: u64,
}

impl Elf {
    /// Returns whether the kernel starts files of this type: `ET_EXEC` or `ET_DYN`.
    pub fn is_executable_type(&self) -> bool {
        [ET_EXEC.0, ET_DYN.0].contains(&self.file_type)
    }

    /// Returns whether the file starts without a dynamic loader.
    pub fn is_static(&self) -> bool {
        self.interpreter.is_none()
    }

    /// Returns whether the file is for the machine of another one.
    pub(crate) fn has_machine_of(&self, other: &Elf) -> bool {
        (self.machine, self.class, self.endianness) == (other.machine, other.class, other.endianness)
    }

    /// Returns the end of the last segment if the file ends before it.
    pub(crate) fn missing_end(&self) -> Option<u64> {
        let end = self.loaded().map(Segment::file_end).max()?;
        (end > self.length).then_some(end)
    }

    /// Returns the segments that are mapped into memory.
    pub fn loaded(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|segment| segment.is_loaded())
    }
}

/// Reads the facts of a file that begins with the ELF magic.
pub(super) fn read(file: &Content<'_>) -> Elf {
    // The length of an ELF header.
    let head = file.head(64);
    let header = Header::read(&head);
    let segments = header.map(|header| header.segments(file)).unwrap_or_default();
    let memory = Memory { file, segments: &segments };
    let tables =
        header.and_then(|header| Tables::read(memory, header.class, header.endianness, header.machine));
    let dynamic = tables.map(|tables| dynamic::read(&tables));
    let notes = header.map(|header| notes::read(memory, header.class, header.endianness)).unwrap_or_default();
    let order = header.map_or(Endianness::Little, |header| header.endianness);
    let header_or = |field: fn(&Header) -> u16| header.as_ref().map_or(0, field);
    Elf {
        class: header.map_or(Class::Elf64, |header| header.class),
        endianness: order,
        stated_class: head.get(4).copied().unwrap_or(0),
        stated_data: head.get(5).copied().unwrap_or(0),
        os_abi: head.get(7).copied().unwrap_or(0),
        is_header_truncated: header.is_none(),
        file_type: header_or(|header| header.file_type),
        machine: header_or(|header| header.machine),
        flags: header.map_or(0, |header| header.flags),
        entry: header.map_or(0, |header| header.entry),
        program_header_size: header_or(|header| header.entry_size),
        program_headers: header_or(|header| header.entries),
        interpreter: interpreter(file, &segments),
        dynamic,
        notes,
        // Only for ARM: other machines use the same numbers of sections and segments for something else, RISC-V for
        // attributes of its own.
        arm: header
            .filter(|header| header.machine == object::elf::EM_ARM.0)
            .and_then(|header| attributes::read(memory, &header)),
        go: go::read(memory),
        packed: header.and_then(|header| packed::read(file, &header)),
        length: file.length(),
        segments,
    }
}

/// Returns the first `PT_INTERP`, by the kernel's rules (`fs/binfmt_elf.c`).
fn interpreter(file: &Content<'_>, segments: &[Segment]) -> Option<Interpreter> {
    let segment = segments.iter().find(|segment| segment.kind == PT_INTERP.0)?;
    let bytes = segment.part(file).up_to(4097).bytes();
    // The length includes the NUL, and PATH_MAX too. The kernel opens the text up to the first NUL.
    let whole = bytes.len() as u64 == segment.file_size && (2..=4096).contains(&bytes.len());
    Some(match c_string(&bytes) {
        Some(path) if whole && bytes.ends_with(&[0]) => {
            Interpreter::Path(String::from_utf8_lossy(path).into_owned())
        }
        _ => Interpreter::Malformed,
    })
}
