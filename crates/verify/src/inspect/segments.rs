//! Program headers, and reading a file by the addresses that it will have in memory.

use object::elf::{PF_W, PF_X, PT_LOAD};

use super::content::Content;

/// A program header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the ELF gABI's program header, in its order")]
pub struct Segment {
    pub kind: u32,
    pub flags: u32,
    pub offset: u64,
    pub address: u64,
    pub file_size: u64,
    pub memory_size: u64,
    pub alignment: u64,
}

impl Segment {
    /// True for `PT_LOAD`.
    pub fn is_loaded(&self) -> bool {
        self.kind == PT_LOAD.0
    }

    /// True when the kernel maps it writable.
    pub fn is_writable(&self) -> bool {
        self.flags & PF_W.0 != 0
    }

    /// True when the kernel maps it executable.
    pub fn is_executable(&self) -> bool {
        self.flags & PF_X.0 != 0
    }

    /// The byte after its last one in the file.
    pub fn file_end(&self) -> u64 {
        self.offset.saturating_add(self.file_size)
    }

    /// Its bytes, as far as the file holds them.
    pub(crate) fn bytes<'data>(&self, file: &'data Content<'_>) -> &'data [u8] {
        file.slice(self.offset, self.file_size)
    }
}

/// A file and how its bytes lie in memory.
#[derive(Clone, Copy)]
pub(crate) struct Memory<'data> {
    pub(crate) file: &'data Content<'data>,
    pub(crate) segments: &'data [Segment],
}

impl<'data> Memory<'data> {
    /// The bytes from this address to the end of its segment's part of the file; `None` where nothing is mapped.
    pub(crate) fn from(&self, address: u64) -> Option<&'data [u8]> {
        self.segments.iter().filter(|segment| segment.is_loaded()).find_map(|segment| {
            let skipped = address.checked_sub(segment.address)?;
            let left = segment.file_size.checked_sub(skipped)?;
            Some(self.file.slice(segment.offset.checked_add(skipped)?, left)).filter(|rest| !rest.is_empty())
        })
    }

    /// Where in the file the byte stands that has this address.
    pub(crate) fn offset_of(&self, address: u64) -> Option<u64> {
        self.segments.iter().filter(|segment| segment.is_loaded()).find_map(|segment| {
            let skipped =
                address.checked_sub(segment.address).filter(|skipped| *skipped < segment.file_size)?;
            segment.offset.checked_add(skipped)
        })
    }
}

/// The bytes up to the first NUL; `None` when there is no NUL.
pub(crate) fn c_string(bytes: &[u8]) -> Option<&[u8]> {
    let end = memchr::memchr(0, bytes)?;
    Some(&bytes[..end])
}
