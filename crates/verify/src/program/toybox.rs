//! The applets of toybox, whose names its table points to (`toy_list` in `main.c`).

use std::collections::{BTreeMap, BTreeSet};

use memchr::memmem;
use object::elf::{DT_RELA, DT_RELASZ, ET_DYN, PF_W, PT_DYNAMIC, PT_LOAD};
use object::read::elf::{Dyn, ElfFile, ElfFile32, ElfFile64, FileHeader, ProgramHeader};
use object::{Endian, FileKind};

/// The number of names in a row from which on they are the table. Every useful build has more.
const FEWEST: usize = 8;
/// The bytes of the longest name of an applet.
const LONGEST: usize = 32;

/// Returns whether a program is toybox: it has the texts of its multiplexer.
pub(crate) fn is_toybox(bytes: &[u8]) -> bool {
    [&b"Unknown command %s"[..], b"landley.net/toybox"].iter().all(|text| memmem::find(bytes, text).is_some())
}

/// Returns the names of the applets; `None` if the table was not found.
pub(crate) fn applets(bytes: &[u8]) -> Option<BTreeSet<Vec<u8>>> {
    match FileKind::parse(bytes).ok()? {
        FileKind::Elf32 => applets_of(&ElfFile32::<object::Endianness>::parse(bytes).ok()?, bytes, 4),
        FileKind::Elf64 => applets_of(&ElfFile64::<object::Endianness>::parse(bytes).ok()?, bytes, 8),
        _ => None,
    }
}

fn applets_of<'d, E>(file: &ElfFile<'d, E>, bytes: &'d [u8], word: usize) -> Option<BTreeSet<Vec<u8>>>
where
    E: FileHeader,
{
    let image = Image::of(file, bytes, word);
    // A record is the name, the function, the options and the flags.
    let stride = 4 * word as u64;
    let mut runs: BTreeMap<u64, (usize, &[u8])> = BTreeMap::new();
    let mut longest = (0, 0);
    for (place, target) in image.pointers() {
        let Some(name) = image.name_at(target) else { continue };
        let before = place.checked_sub(stride).and_then(|before| runs.get(&before));
        let length = before.filter(|(_, other)| *other < name).map_or(1, |(length, _)| length + 1);
        runs.insert(place, (length, name));
        longest = longest.max((length, place));
    }
    let (length, last) = longest;
    let places = (0..length as u64).map(|index| last - index * stride);
    let names = places.filter_map(|place| runs.get(&place)).map(|(_, name)| name.to_vec());
    (length >= FEWEST).then(|| names.collect())
}

/// The parts of a program that are loaded from its file.
struct Image<'d> {
    /// Each with its address.
    segments: Vec<(u64, &'d [u8])>,
    /// The numbers of those that the program may write to, which hold tables of pointers.
    written: Vec<usize>,
    /// The values that the loader writes to addresses: relocations without a symbol.
    relocated: BTreeMap<u64, u64>,
    word: usize,
    is_big_endian: bool,
}

impl<'d> Image<'d> {
    fn of<E: FileHeader>(file: &ElfFile<'d, E>, bytes: &'d [u8], word: usize) -> Image<'d> {
        let endian = file.endian();
        let is_big_endian = endian.is_big_endian();
        let header = file.elf_header();
        let mut image = Image {
            segments: Vec::new(),
            written: Vec::new(),
            relocated: BTreeMap::new(),
            word,
            is_big_endian,
        };
        let loaded = |segment: &&E::ProgramHeader| segment.p_type(endian) == PT_LOAD;
        let headers = header.program_headers(endian, bytes).unwrap_or_default();
        for segment in headers.iter().filter(loaded) {
            if let Ok(data) = segment.data(endian, bytes) {
                if segment.p_flags(endian).0 & PF_W.0 != 0 {
                    image.written.push(image.segments.len());
                }
                image.segments.push((segment.p_vaddr(endian).into(), data));
            }
        }
        let dynamic = headers.iter().find(|segment| segment.p_type(endian) == PT_DYNAMIC);
        if let Some(entries) = dynamic.filter(|_| header.e_type(endian) == ET_DYN)
            && let Ok(Some(entries)) = entries.dynamic(endian, bytes)
        {
            let value = |tag| {
                let entry = entries.iter().find(|entry| entry.tag(endian) == tag)?;
                Some(entry.d_val(endian).into())
            };
            if let (Some(place), Some(size)) = (value(DT_RELA), value(DT_RELASZ)) {
                image.relocate(place, size);
            }
        }
        image
    }

    /// Reads the table of relocations with addends: the address, the kind with the number of the symbol, the addend.
    fn relocate(&mut self, place: u64, size: u64) {
        let Some(table) = self.at(place) else { return };
        let table = &table[..table.len().min(usize::try_from(size).unwrap_or(usize::MAX))];
        let (word, is_big_endian) = (self.word, self.is_big_endian);
        for record in table.chunks_exact(3 * word) {
            let mut fields = record.chunks_exact(word).map(|field| number(field, is_big_endian));
            let (Some(at), Some(info), Some(addend)) = (fields.next(), fields.next(), fields.next()) else {
                return;
            };
            let symbol = if word == 8 { info >> 32 } else { info >> 8 };
            if symbol == 0 {
                self.relocated.insert(at, addend);
            }
        }
    }

    /// Returns the bytes from an address to the end of its segment.
    fn at(&self, address: u64) -> Option<&'d [u8]> {
        self.segments.iter().find_map(|(start, data)| {
            let offset = usize::try_from(address.checked_sub(*start)?).ok()?;
            data.get(offset..).filter(|rest| !rest.is_empty())
        })
    }

    /// Returns the words in the writable segments, in order: each address with what is there after relocations.
    fn pointers(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.written.iter().flat_map(move |index| {
            let (start, data) = self.segments[*index];
            let skipped = start.next_multiple_of(self.word as u64) - start;
            let words = data.get(skipped as usize..).unwrap_or_default().chunks_exact(self.word);
            words.enumerate().map(move |(at, word)| {
                let place = start + skipped + (at * self.word) as u64;
                let value = self.relocated.get(&place).copied();
                (place, value.unwrap_or_else(|| number(word, self.is_big_endian)))
            })
        })
    }

    /// Returns the name of an applet at an address.
    fn name_at(&self, address: u64) -> Option<&'d [u8]> {
        let text = self.at(address)?;
        let end = memchr::memchr(0, &text[..text.len().min(LONGEST)])?;
        Some(&text[..end]).filter(|name| is_name(name))
    }
}

/// Reads a number of four or eight bytes.
fn number(bytes: &[u8], is_big_endian: bool) -> u64 {
    let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    if is_big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
}

/// Returns whether a word may be the name of an applet.
pub(super) fn is_name(word: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"[_-.+".contains(byte);
    !word.is_empty() && word.len() < 32 && word.iter().all(is_letter)
}
