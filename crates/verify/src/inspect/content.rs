//! A file's bytes, all of them or only those that its facts rest on.

use std::borrow::Cow;

use object::elf::{DT_STRSZ, DT_STRTAB, DT_VERDEF, DT_VERNEED, EM_ARM, PT_DYNAMIC};

use super::dynamic;
use super::layout::Header;
use super::segments::Memory;

/// What is read of a long file before anything is known of it. Program headers, the loader's name and the dynamic symbols
/// of nearly every program lie here.
const HEAD: u64 = 1 << 20;
/// At most this much is read of one segment or table of a long file.
const MOST_OF_A_PIECE: u64 = 16 << 20;
/// At most this much is held of a long file, however many segments it claims.
const MOST_OF_ALL: u64 = 64 << 20;
/// The version tables hold no length of their own; none comes near this.
const VERSION_TABLE: u64 = 1 << 20;

/// A file's bytes, in pieces.
#[derive(Debug, Default)]
pub(crate) struct Content<'data> {
    length: u64,
    pieces: Vec<(u64, Cow<'data, [u8]>)>,
}

impl<'data> Content<'data> {
    /// All bytes of a file.
    pub(crate) fn whole(bytes: &'data [u8]) -> Content<'data> {
        Content { length: bytes.len() as u64, pieces: vec![(0, Cow::Borrowed(bytes))] }
    }

    /// The bytes of a long file that its facts rest on. `fetch` gives those from an offset, as many as the length says.
    pub(crate) fn sparse<E>(
        length: u64,
        fetch: &dyn Fn(u64, u64) -> Result<Cow<'data, [u8]>, E>,
    ) -> Result<Content<'data>, E> {
        let mut content = Content { length, pieces: vec![(0, fetch(0, HEAD.min(length))?)] };
        let Some(header) = Header::read(content.head()).filter(|_| content.head().starts_with(b"\x7fELF"))
        else {
            return Ok(content);
        };
        if header.machine == EM_ARM.0 && length <= MOST_OF_ALL {
            // What it was compiled for stands in a section, for which the whole is read. A longer file has no attributes.
            return Ok(Content { length, pieces: vec![(0, fetch(0, length)?)] });
        }
        content.add(header.table, header.table_length(), fetch)?;
        let segments = header.segments(&content);
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

    fn add<E>(
        &mut self,
        offset: u64,
        size: u64,
        fetch: &dyn Fn(u64, u64) -> Result<Cow<'data, [u8]>, E>,
    ) -> Result<(), E> {
        let size = size.min(MOST_OF_A_PIECE).min(self.length.saturating_sub(offset));
        let held: u64 = self.pieces.iter().map(|(_, piece)| piece.len() as u64).sum();
        if held + size <= MOST_OF_ALL && size != 0 && (self.slice(offset, size).len() as u64) < size {
            self.pieces.push((offset, fetch(offset, size)?));
        }
        Ok(())
    }

    /// The length of the file.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The bytes at its beginning.
    pub(crate) fn head(&self) -> &[u8] {
        self.slice(0, self.length)
    }

    /// All bytes, when they are all here.
    pub(crate) fn all(&self) -> Option<&[u8]> {
        Some(self.head()).filter(|head| head.len() as u64 == self.length)
    }

    /// The bytes from an offset on: as many as asked for, or as are there.
    pub(crate) fn slice(&self, offset: u64, length: u64) -> &[u8] {
        let from = |(start, piece): &'_ (u64, Cow<'data, [u8]>)| {
            let skip = usize::try_from(offset.checked_sub(*start)?).ok()?;
            (skip < piece.len()).then_some(skip)
        };
        let best = self
            .pieces
            .iter()
            .filter_map(|piece| from(piece).map(|skip| (skip, piece)))
            .max_by_key(|(skip, (_, piece))| piece.len() - skip);
        let Some((skip, (_, piece))) = best else { return &[] };
        let rest = &piece[skip..];
        &rest[..usize::try_from(length).unwrap_or(usize::MAX).min(rest.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of an ELF file for ARM, of which all else is zero.
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
        let Ok(_) = Content::sparse(length, &fetch);
        fetched.get()
    }

    #[test]
    fn no_more_is_read_of_a_file_for_arm_than_of_another() {
        assert_eq!(fetched(MOST_OF_ALL), HEAD + MOST_OF_ALL);
        assert_eq!(fetched(MOST_OF_ALL + 1), HEAD);
        assert_eq!(fetched(16 << 30), HEAD);
    }

    #[test]
    fn the_longest_piece_answers() {
        let content = Content {
            length: 100,
            pieces: vec![(0, vec![1; 10].into()), (5, vec![2; 20].into()), (90, vec![3; 10].into())],
        };
        assert_eq!(content.slice(6, 4), [2; 4]);
        assert_eq!(content.slice(0, 100).len(), 10);
        assert_eq!(content.slice(95, 100), [3; 5]);
        assert!(content.slice(50, 1).is_empty());
        assert!(content.slice(u64::MAX, u64::MAX).is_empty());
        assert_eq!(content.all(), None);
    }
}
