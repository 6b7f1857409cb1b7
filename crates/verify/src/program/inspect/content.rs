//! A file's bytes: all of them, or only those that determine its facts.

use std::borrow::Cow;

/// The size of one segment or table that is read of a long file.
const MAX_PIECE: u64 = 16 << 20;
/// The size of all pieces of a long file, however many segments it claims.
pub(super) const MAX_TOTAL: u64 = 64 << 20;
/// The bytes of a file in pieces, which may overlap.
#[derive(Debug, Default)]
pub(crate) struct Content<'data> {
    length: u64,
    pieces: Vec<(u64, Cow<'data, [u8]>)>,
}

impl<'data> Content<'data> {
    /// Creates the content of a file that is in memory.
    pub(crate) fn whole(bytes: &'data [u8]) -> Content<'data> {
        Content { length: bytes.len() as u64, pieces: vec![(0, Cow::Borrowed(bytes))] }
    }

    /// Creates the content of a file of this length, of which only the first bytes are read.
    pub(super) fn beginning(length: u64, bytes: Cow<'data, [u8]>) -> Content<'data> {
        Content { length, pieces: vec![(0, bytes)] }
    }

    /// Fetches one more piece, unless its bytes are already here or exceed the limit.
    pub(super) fn add<E>(
        &mut self,
        offset: u64,
        size: u64,
        fetch: &dyn Fn(u64, u64) -> Result<Cow<'data, [u8]>, E>,
    ) -> Result<(), E> {
        let size = size.min(MAX_PIECE).min(self.length.saturating_sub(offset));
        let held: u64 = self.pieces.iter().map(|(_, piece)| piece.len() as u64).sum();
        if held + size <= MAX_TOTAL && size != 0 && (self.slice(offset, size).len() as u64) < size {
            self.pieces.push((offset, fetch(offset, size)?));
        }
        Ok(())
    }

    /// Returns the length of the file.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Returns the bytes at the beginning of the file.
    pub(crate) fn head(&self) -> &[u8] {
        self.slice(0, self.length)
    }

    /// Returns all bytes; `None` if some are missing.
    pub(crate) fn all(&self) -> Option<&[u8]> {
        Some(self.head()).filter(|head| head.len() as u64 == self.length)
    }

    /// Returns the bytes from an offset: `length` bytes, or as many as are here.
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

    #[test]
    fn the_longest_piece_is_used() {
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
