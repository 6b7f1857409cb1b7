//! The section `.ARM.attributes`: the processor that a 32-bit ARM program was compiled for.

use crossdock_platform::Endianness;
use object::Endianness as Order;
use object::elf::FileHeader32;
use object::read::elf::{AttributesSection, AttributesSubsection};

use super::headers::{Memory, order};

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

/// Reads the attributes from their segment, or from the section `.ARM.attributes` without such a segment.
pub(super) fn read(memory: Memory<'_>, endianness: Endianness) -> Option<ArmAttributes> {
    let order = order(endianness);
    let segment = memory.segments.iter().find(|segment| segment.kind == PT_ARM_ATTRIBUTES);
    let bytes = match segment {
        Some(segment) => segment.bytes(memory.file),
        None => section(memory.file.all()?, order)?,
    };
    parse(bytes, order)
}

/// Returns the section with the attributes. Attributes are not loaded, so that most linkers write only a section.
fn section(file: &[u8], order: Order) -> Option<&[u8]> {
    use object::read::elf::{FileHeader, SectionHeader};
    let header = FileHeader32::<Order>::parse(file).ok()?;
    let sections = header.section_headers(order, file).ok()?;
    let found = sections.iter().find(|section| section.sh_type(order) == object::elf::SHT_ARM_ATTRIBUTES)?;
    found.data(order, file).ok()
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
