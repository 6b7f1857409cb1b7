//! The page size that a built-in jemalloc supports, on arm64.
//!
//! jemalloc is built for one largest page size (`LG_PAGE`) and stops on nodes with larger pages (`pages_boot` in
//! src/pages.c): `if (os_page > PAGE) malloc_write("<jemalloc>: Unsupported system page size\n")`. Nothing records the
//! size, but the comparison before the message has it as a constant.

use std::collections::BTreeSet;

use object::elf::EM_AARCH64;

use super::content::Content;
use super::elf::Elf;
use super::headers::Segment;

/// The message, which every build has.
const MESSAGE: &[u8] = b"<jemalloc>: Unsupported system page size";
/// The number of instructions between the two that form an address, and between a comparison and its branch.
const REACH: usize = 16;
/// The number of references to the message that are looked at. A program has one or two.
const MAX_REFERENCES: usize = 16;

/// The length of the parts in which code is read, and their number, which is that of the largest program.
const WINDOW: u64 = 1 << 20;
const MAX_WINDOWS: usize = 1 << 10;

/// A jemalloc in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Jemalloc {
    /// The largest page size, in bytes, on which it starts; `None` if unknown.
    pub(crate) page_size: Option<u64>,
}

/// Finds jemalloc in a file for arm64. All of the code and constants are searched, so this is not a part of the facts of
/// every file.
pub(crate) fn jemalloc(file: &Content<'_>, elf: &Elf) -> Option<Jemalloc> {
    let has_c = elf.go.as_ref().is_none_or(|go| go.setting("CGO_ENABLED") != Some("0"));
    if elf.machine != EM_AARCH64.0 || !has_c {
        return None;
    }
    let segments = &elf.segments;
    let mut loaded = segments.iter().filter(|segment| segment.is_loaded());
    let message = loaded.find_map(|segment| {
        let at = segment.part(file).find(MESSAGE, Some)?;
        segment.address.checked_add(at.checked_sub(segment.offset)?)
    })?;
    let windows = || {
        let code = segments.iter().filter(|segment| segment.is_loaded() && segment.is_executable());
        code.flat_map(|segment| Code::windows(file, segment)).take(MAX_WINDOWS)
    };
    let references: BTreeSet<u64> =
        windows().flat_map(|code| code.references(message)).take(MAX_REFERENCES).collect();
    if references.is_empty() {
        return Some(Jemalloc { page_size: None });
    }
    let sizes = windows().filter_map(|code| code.page_size(&references));
    Some(Jemalloc { page_size: sizes.min() })
}

/// A part of a segment's instructions. They are little-endian, whatever the order of data (Arm ARM, § B2.6.2).
struct Code {
    address: u64,
    bytes: Vec<u8>,
}

impl Code {
    /// Returns the instructions of a segment in windows, which overlap so that none separates two that belong together.
    fn windows<'data>(
        file: &'data Content<'_>,
        segment: &'data Segment,
    ) -> impl Iterator<Item = Code> + 'data {
        let overlap = 4 * 2 * REACH as u64;
        let starts = (0..segment.part(file).length).step_by(WINDOW as usize);
        starts.map(move |start| {
            let part = segment.part(file).skip(start).up_to(WINDOW + overlap);
            Code { address: segment.address.wrapping_add(start), bytes: part.bytes() }
        })
    }

    fn instruction(&self, index: usize) -> Option<u32> {
        let at = index.checked_mul(4)?;
        Some(u32::from_le_bytes(self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
    }

    fn len(&self) -> usize {
        self.bytes.len() / 4
    }

    fn address_of(&self, index: usize) -> u64 {
        self.address.wrapping_add(index as u64 * 4)
    }

    /// Returns the addresses of the instructions that refer to the message.
    fn references(&self, message: u64) -> Vec<u64> {
        let found = (0..self.len()).filter(|index| self.refers(*index, message));
        found.map(|index| self.address_of(index)).collect()
    }

    /// Returns the smallest size with which the page size is compared before the message.
    fn page_size(&self, references: &BTreeSet<u64>) -> Option<u64> {
        // The message follows its comparison, or is out of line and the target of its branch.
        let places = (0..self.len()).filter(|index| {
            let target =
                self.instruction(*index).and_then(|word| branch_target(word, self.address_of(*index)));
            let leads_there =
                |target: u64| references.range(target..=target.saturating_add(12)).next().is_some();
            references.contains(&self.address_of(*index)) || target.is_some_and(leads_there)
        });
        places.filter_map(|place| self.compared_before(place)).min()
    }

    /// Returns whether the instruction is the first of those that compute this address: ADR, or ADRP with an ADD.
    fn refers(&self, index: usize, address: u64) -> bool {
        let Some(word) = self.instruction(index) else { return false };
        let here = self.address_of(index);
        if word & 0x9f00_0000 == 0x1000_0000 {
            return here.wrapping_add_signed(displacement(word)) == address;
        }
        let page = (here & !0xfff).wrapping_add_signed(displacement(word) << 12);
        if word & 0x9f00_0000 != 0x9000_0000 || page != address & !0xfff {
            return false;
        }
        // ADD Xd, Xn, #imm12
        let add = |word: u32| word & 0xffc0_0000 == 0x9100_0000;
        let offset = |word: u32| u64::from(word >> 10 & 0xfff);
        let mut after = (index + 1..=index + REACH).map_while(|index| self.instruction(index));
        after.any(|next| add(next) && next >> 5 & 31 == word & 31 && offset(next) == address & 0xfff)
    }

    /// Returns the page size of the last comparison (SUBS Xd, Xn, #imm12) shortly before an instruction.
    fn compared_before(&self, index: usize) -> Option<u64> {
        let mut before =
            (index.saturating_sub(REACH)..index).rev().filter_map(|index| self.instruction(index));
        before.find_map(|word| {
            let shift = if word >> 22 & 1 == 1 { 12 } else { 0 };
            let size = u64::from(word >> 10 & 0xfff) << shift;
            let is_page = size.is_power_of_two() && (1 << 12..=1 << 24).contains(&size);
            (word & 0xff80_0000 == 0xf100_0000 && is_page).then_some(size)
        })
    }
}

/// Returns the signed displacement of ADR and ADRP: 21 bits, of which the lowest two are apart.
fn displacement(word: u32) -> i64 {
    let bits = i64::from((word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3);
    if bits & 1 << 20 == 0 { bits } else { bits - (1 << 21) }
}

/// Returns the address to which B.cond at this address goes.
fn branch_target(word: u32, here: u64) -> Option<u64> {
    if word & 0xff00_0010 != 0x5400_0000 {
        return None;
    }
    let bits = i64::from(word >> 5 & 0x7_ffff);
    let distance = if bits & 1 << 18 == 0 { bits } else { bits - (1 << 19) };
    here.checked_add_signed(distance * 4)
}
