//! Finds what repeats.

/// Literals, and then a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sequence {
    /// How many bytes stand for themselves.
    pub(super) literals: u32,
    /// The match's length, 3 to 258; 0 for none at the end of a block.
    pub(super) length: u16,
    /// How far back it lies, less 1: 0 to 32767.
    pub(super) distance: u16,
}

const WINDOW: u32 = 32 * 1024;
const LONGEST: usize = 258;
const HASH_BITS: u32 = 15;
/// Bytes that are loaded at once; so many at the end of a block are always literals or the end of a match.
const LOAD: usize = 8;

/// Where each hash was seen last.
pub(super) struct Matcher {
    /// Positions, `WINDOW + 1` added, so that the 0 of an unseen hash is too far away from any.
    table: Vec<u32>,
    sequences: Vec<Sequence>,
}

impl Matcher {
    pub(super) fn new() -> Self {
        Self { table: vec![0; 1 << HASH_BITS], sequences: Vec::new() }
    }

    /// What the last search found.
    pub(super) fn sequences(&self) -> &[Sequence] {
        &self.sequences
    }

    /// Forgets everything, and then remembers what lies before `start`.
    pub(super) fn prime(&mut self, data: &[u8], start: usize) {
        self.table.fill(0);
        let mut at = 0;
        while at + LOAD <= start {
            self.remember(load(data, at), at);
            at += 2;
        }
    }

    #[inline]
    fn remember(&mut self, bytes: u64, at: usize) -> u32 {
        std::mem::replace(&mut self.table[hash(bytes)], at as u32 + WINDOW + 1)
    }

    /// Finds the matches in `data[start..end]`; they may reach back before `start`.
    pub(super) fn search(&mut self, data: &[u8], start: usize, end: usize) {
        self.sequences.clear();
        let data = &data[..end];
        let (mut at, mut anchor) = (start, start);
        while at + LOAD <= end {
            let bytes = load(data, at);
            let distance = at as u32 + WINDOW + 1 - self.remember(bytes, at);
            // A hash that was never seen is too far away, and one of other bytes is seen by comparing.
            if distance > WINDOW || load(data, at - distance as usize) as u32 != bytes as u32 {
                at += 1 + ((at - anchor) >> 6);
                continue;
            }
            let distance = distance as usize;
            let back = common_before(&data[anchor..at], &data[..at - distance]);
            let from = at - back;
            let length = back + 4 + common(&data[at + 4 - distance..], &data[at + 4..]);
            self.add(from - anchor, length, distance);
            at = from + length;
            anchor = at;
            if at + LOAD <= end {
                self.remember(load(data, at - 2), at - 2);
            }
        }
        self.sequences.push(Sequence { literals: (end - anchor) as u32, length: 0, distance: 0 });
    }

    /// Adds a match, in several parts when it is too long for one.
    fn add(&mut self, literals: usize, mut length: usize, distance: usize) {
        let distance = (distance - 1) as u16;
        let mut literals = literals as u32;
        while length > LONGEST {
            // What is left has to be a match too, of 3 bytes or more.
            let part = LONGEST.min(length - 3);
            self.sequences.push(Sequence { literals, length: part as u16, distance });
            literals = 0;
            length -= part;
        }
        self.sequences.push(Sequence { literals, length: length as u16, distance });
    }
}

#[inline]
fn hash(bytes: u64) -> usize {
    // Five bytes: matches of four are too often a loss.
    ((bytes << 24).wrapping_mul(0x9e37_79b1_85eb_ca87) >> (64 - HASH_BITS)) as usize
}

#[inline]
fn load(data: &[u8], at: usize) -> u64 {
    data.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// How many bytes are equal at the beginning of both.
#[inline]
fn common(one: &[u8], other: &[u8]) -> usize {
    let mut count = 0;
    for (left, right) in one.chunks_exact(8).zip(other.chunks_exact(8)) {
        let differ = load(left, 0) ^ load(right, 0);
        if differ != 0 {
            return count + differ.trailing_zeros() as usize / 8;
        }
        count += 8;
    }
    let rest = one[count..].iter().zip(&other[count..]);
    count + rest.take_while(|(left, right)| left == right).count()
}

/// How many bytes are equal at the end of both.
#[inline]
fn common_before(one: &[u8], other: &[u8]) -> usize {
    one.iter().rev().zip(other.iter().rev()).take_while(|(left, right)| left == right).count()
}
