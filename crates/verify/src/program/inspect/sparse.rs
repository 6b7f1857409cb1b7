//! The parts of a long program that determine its facts.

use std::borrow::Cow;

use object::elf::{DT_STRSZ, DT_STRTAB, DT_VERDEF, DT_VERNEED, EM_ARM, PT_DYNAMIC};

use super::content::{Content, MAX_TOTAL};
use super::dynamic;
use super::headers::{Header, Memory};

/// The size that is read of a long file before anything is known about it. It contains the program headers, the
/// loader's name and the dynamic symbols of almost every program.
const HEAD: u64 = 1 << 20;
/// The size that is read of a version table, which does not state its own. No real table is near it.
const VERSION_TABLE: u64 = 1 << 20;

/// Reads the bytes of a long file that determine its facts. `fetch` takes an offset and a length.
pub(super) fn read<'data, E>(
    length: u64,
    fetch: &dyn Fn(u64, u64) -> Result<Cow<'data, [u8]>, E>,
) -> Result<Content<'data>, E> {
    let mut content = Content::beginning(length, fetch(0, HEAD.min(length))?);
    let Some(header) = Header::read(content.head()).filter(|_| content.head().starts_with(b"\x7fELF")) else {
        return Ok(content);
    };
    if header.machine == EM_ARM.0 && length <= MAX_TOTAL {
        // The processor version is in a section, which may lie anywhere, so the whole file is read. A longer file has no
        // attributes.
        return Ok(Content::beginning(length, fetch(0, length)?));
    }
    content.add(header.table, header.table_length(), fetch)?;
    let segments = header.segments(&content);
    // Code and constants, most of a program, are left out: Go's build information is in a writable segment, and the
    // loader's tables are found by their addresses below.
    for segment in segments.iter().filter(|segment| !segment.is_loaded() || segment.is_writable()) {
        content.add(segment.offset, segment.file_size, fetch)?;
    }
    let Some(found) = segments.iter().find(|segment| segment.kind == PT_DYNAMIC.0) else {
        return Ok(content);
    };
    let entries = dynamic::entries_of(found.bytes(&content), header.class, header.endianness);
    let value = |tag| entries.iter().find(|(found, _)| *found == tag).map(|(_, value)| *value);
    let tables = [
        (value(DT_STRTAB), value(DT_STRSZ).unwrap_or(0)),
        (value(DT_VERNEED), VERSION_TABLE),
        (value(DT_VERDEF), VERSION_TABLE),
    ];
    for (address, size) in tables {
        let offset =
            address.and_then(|address| Memory { file: &content, segments: &segments }.offset_of(address));
        if let Some(offset) = offset {
            content.add(offset, size, fetch)?;
        }
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of bytes that are fetched of an ELF file for ARM with this length.
    fn fetched(length: u64) -> u64 {
        let mut head = b"\x7fELF\x01\x01\x01".to_vec();
        head.resize(64, 0);
        head[18] = u8::try_from(EM_ARM.0).unwrap();
        let fetched = std::cell::Cell::new(0);
        let fetch = |offset: u64, size: u64| {
            fetched.set(fetched.get() + size);
            let mut piece = if offset == 0 { head.clone() } else { Vec::new() };
            piece.resize(usize::try_from(size.min(HEAD)).unwrap(), 0);
            Ok::<_, std::convert::Infallible>(Cow::Owned(piece))
        };
        let Ok(_) = read(length, &fetch);
        fetched.get()
    }

    #[test]
    fn no_more_is_read_of_a_very_long_file_for_arm_than_of_others() {
        assert_eq!(fetched(MAX_TOTAL), HEAD + MAX_TOTAL);
        assert_eq!(fetched(MAX_TOTAL + 1), HEAD);
        assert_eq!(fetched(16 << 30), HEAD);
    }
}
