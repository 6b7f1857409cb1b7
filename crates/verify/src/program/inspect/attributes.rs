//! The section `.ARM.attributes`: the processor that a 32-bit ARM program was compiled for.

use object::Endianness as Order;
use object::elf::{FileHeader32, SHT_ARM_ATTRIBUTES, SectionHeader32};
use object::read::elf::{AttributesSection, AttributesSubsection};

use super::content::Part;
use super::headers::{Header, Memory, order};

/// `PT_ARM_ATTRIBUTES`, the segment that some linkers write.
const PT_ARM_ATTRIBUTES: u32 = 0x7000_0003;
/// `Tag_CPU_arch` of the ARM ABI's addenda.
const TAG_CPU_ARCH: u64 = 6;
/// `Tag_ABI_VFP_args`.
const TAG_VFP_ARGS: u64 = 28;

/// The attributes of a 32-bit ARM program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArmAttributes {
    /// The architecture version: 4, 5, 6, 7, 8 or 9; `None` if unknown.
    pub version: Option<u8>,
    /// Whether floating-point arguments are passed in VFP registers.
    pub passes_floats_in_registers: bool,
}

/// The length of the attributes, which have some ten bytes.
const MAX_LENGTH: u64 = 1 << 16;

/// Reads the attributes from their segment, or from the section `.ARM.attributes` without such a segment.
pub(super) fn read(memory: Memory<'_>, header: &Header) -> Option<ArmAttributes> {
    let segment = memory.segments.iter().find(|segment| segment.kind == PT_ARM_ATTRIBUTES);
    let part = match segment {
        Some(segment) => segment.part(memory.file),
        None => section(memory, order(header.endianness))?,
    };
    parse(&part.up_to(MAX_LENGTH).bytes(), order(header.endianness))
}

/// Returns the section with the attributes. Attributes are not loaded, so that most linkers write only a section.
fn section(memory: Memory<'_>, order: Order) -> Option<Part<'_>> {
    use object::read::elf::{FileHeader, SectionHeader};
    let header: FileHeader32<Order> = memory.file.whole().record(0)?;
    let table = memory.file.whole().skip(header.e_shoff(order).into());
    let mut sections = table.items::<SectionHeader32<Order>>().take(header.e_shnum(order).into());
    let found = sections.find(|section| section.sh_type(order) == SHT_ARM_ATTRIBUTES)?;
    Some(memory.file.part(found.sh_offset(order).into(), found.sh_size(order).into()))
}

fn parse(bytes: &[u8], order: Order) -> Option<ArmAttributes> {
    let mut subsections =
        AttributesSection::<FileHeader32<Order>>::new(order, bytes).ok()?.subsections().ok()?;
    let mut found = None;
    while let Ok(Some(subsection)) = subsections.next() {
        // Other vendors' attributes, such as `gnu`, have their own numbers (ABI addenda, § Build attributes).
        if subsection.vendor() == b"aeabi" {
            found = Some(of_file(&subsection));
        }
    }
    found
}

/// Reads the attributes of the whole file (`Tag_File`).
fn of_file(subsection: &AttributesSubsection<'_, FileHeader32<Order>>) -> ArmAttributes {
    let mut facts = ArmAttributes::default();
    let mut parts = subsection.subsubsections();
    while let Ok(Some(part)) = parts.next() {
        let mut attributes = part.attributes();
        while let Ok(Some(tag)) = attributes.read_tag() {
            // Tags 4, 5 and 67 have strings, 32 has a number and a string; above 32 odd tags have strings.
            let is_string = matches!(tag, 4 | 5 | 65 | 67) || (tag > 32 && tag % 2 == 1);
            if is_string {
                if attributes.read_string().is_err() {
                    break;
                }
                continue;
            }
            let Ok(value) = attributes.read_integer() else { break };
            match tag {
                TAG_CPU_ARCH => facts.version = version(value),
                TAG_VFP_ARGS => facts.passes_floats_in_registers = value == 1,
                32 if attributes.read_string().is_err() => break,
                _ => {}
            }
        }
    }
    facts
}

/// Returns the version of a `Tag_CPU_arch` value, according to the table in the ARM ABI addenda.
fn version(value: u64) -> Option<u8> {
    match value {
        1 | 2 => Some(4),
        3..=5 => Some(5),
        6..=9 | 11 | 12 => Some(6),
        10 | 13 => Some(7),
        14..=17 | 21 => Some(8),
        22 => Some(9),
        _ => None,
    }
}
