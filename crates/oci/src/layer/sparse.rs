//! Sparse files in tars: the forms of GNU tar, read as Go's archive/tar reads them (reader.go).

use std::collections::VecDeque;

/// The parts of a sparse file that have data, and the position of its reader.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sparse {
    /// The remaining parts in order, none of them empty.
    parts: VecDeque<Part>,
    position: u64,
    size: u64,
}

/// A part of a file with data; what is between two parts reads as zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Sparse {
    /// Returns `None` unless the parts are in order, do not overlap, and lie within the file.
    pub(super) fn new(parts: Vec<Part>, size: u64) -> Option<Self> {
        let mut end = 0;
        for part in &parts {
            if part.offset < end {
                return None;
            }
            end = part.offset.checked_add(part.length).filter(|end| *end <= size)?;
        }
        let parts = parts.into_iter().filter(|part| part.length > 0).collect();
        Some(Self { parts, position: 0, size })
    }

    /// Returns the length of the file with its holes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the number of bytes of data from the position to the next hole.
    pub(super) fn data(&self) -> u64 {
        match self.parts.front() {
            Some(part) if part.offset <= self.position => part.offset + part.length - self.position,
            _ => 0,
        }
    }

    /// Moves the position beyond data that was read, at most [`data`](Self::data) bytes.
    pub(super) fn advance(&mut self, read: u64) {
        self.position += read;
        while self.parts.front().is_some_and(|part| part.offset + part.length <= self.position) {
            self.parts.pop_front();
        }
    }

    /// Moves the position beyond the hole there and returns the hole's length.
    pub(super) fn skip_hole(&mut self) -> u64 {
        let end = self.parts.front().map_or(self.size, |part| part.offset);
        let hole = end.saturating_sub(self.position);
        self.position += hole;
        hole
    }
}

/// The records of a PAX header that describe a sparse file (GNU tar's manual, § Storing Sparse Files).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SparseRecords {
    major: Vec<u8>,
    minor: Vec<u8>,
    pub(super) name: Vec<u8>,
    size: Vec<u8>,
    real_size: Vec<u8>,
    count: Vec<u8>,
    map: Vec<u8>,
    /// The offsets and lengths of form 0.0, which repeats their keys.
    pairs: Vec<Vec<u8>>,
}

/// The place of a sparse file's map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MapPlace {
    /// In the records.
    Records,
    /// In front of the data.
    Content,
}

impl SparseRecords {
    /// Keeps a record; returns `None` if it breaks the order of form 0.0.
    pub(super) fn set(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let field = match key {
            b"major" => &mut self.major,
            b"minor" => &mut self.minor,
            b"name" => &mut self.name,
            b"size" => &mut self.size,
            b"realsize" => &mut self.real_size,
            b"numblocks" => &mut self.count,
            b"map" => &mut self.map,
            b"offset" | b"numbytes" => {
                let in_order = (key == b"offset") == self.pairs.len().is_multiple_of(2);
                return in_order.then(|| self.pairs.push(value.to_vec()));
            }
            _ => return Some(()),
        };
        *field = value.to_vec();
        Some(())
    }

    /// Returns where the map is, or `None` for a file that is not sparse or of a form that Go does not know.
    pub(super) fn place(&self) -> Option<MapPlace> {
        match (&self.major[..], &self.minor[..]) {
            (b"0", b"0" | b"1") => Some(MapPlace::Records),
            (b"1", b"0") => Some(MapPlace::Content),
            (b"", b"") => (!self.map.is_empty() || !self.pairs.is_empty()).then_some(MapPlace::Records),
            _ => None,
        }
    }

    /// Returns the length of the file, or `otherwise` without such a record.
    pub(super) fn size(&self, otherwise: u64) -> Option<u64> {
        match (&self.size[..], &self.real_size[..]) {
            (b"", b"") => Some(otherwise),
            (b"", size) | (size, _) => number(size),
        }
    }

    /// Returns the parts that the records list.
    pub(super) fn parts(&self) -> Option<Vec<Part>> {
        let count = number(&self.count)?;
        let numbers: Vec<&[u8]> = match &self.pairs[..] {
            [] if self.map.is_empty() => Vec::new(),
            [] => self.map.split(|byte| *byte == b',').collect(),
            pairs => pairs.iter().map(Vec::as_slice).collect(),
        };
        if count.checked_mul(2) != Some(numbers.len() as u64) {
            return None;
        }
        paired(numbers)
    }
}

/// Returns the parts that a list of offsets and lengths describes.
pub(super) fn paired<'a>(numbers: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<Part>> {
    let mut numbers = numbers.into_iter();
    let mut parts = Vec::new();
    while let Some(offset) = numbers.next() {
        parts.push(Part { offset: number(offset)?, length: number(numbers.next()?)? });
    }
    Some(parts)
}

/// Parses a decimal number. Lengths are signed in Go.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?
        .parse()
        .ok()
        .filter(|number| i64::try_from(*number).is_ok())
}
