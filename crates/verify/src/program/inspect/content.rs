//! A file under inspection: its bytes by ranges, through a small cache.

use std::cell::{OnceCell, RefCell};
use std::io;

use object::Pod;

use super::strings::Budget;
use crate::ReadAt;

/// The number of bytes of a file that are read and kept together.
const BLOCK: usize = 16 << 10;
/// The number of blocks of a file in memory. The tables of a program that are read side by side are few.
const BLOCKS: usize = 32;
/// The length of the pieces in which a whole file is searched.
const CHUNK: usize = 64 << 10;
/// The length of one range. No table that is read whole is longer.
const MAX_RANGE: u64 = 4 << 20;

/// A file under inspection.
///
/// Reading never fails: what cannot be read is as if the file ended there, and [`Content::failure`] tells the reason.
pub(crate) struct Content<'a> {
    source: Box<dyn ReadAt + 'a>,
    length: u64,
    cache: RefCell<Cache>,
    failure: OnceCell<io::Error>,
}

/// The blocks that were used last.
#[derive(Default)]
struct Cache {
    blocks: Vec<Block>,
    uses: u64,
}

struct Block {
    number: u64,
    used: u64,
    bytes: Vec<u8>,
}

impl<'a> Content<'a> {
    pub(crate) fn new(source: Box<dyn ReadAt + 'a>) -> Content<'a> {
        let length = source.size();
        Content { source, length, cache: RefCell::default(), failure: OnceCell::new() }
    }

    /// Creates the content of a file that is in memory.
    #[cfg(test)]
    pub(crate) fn of(bytes: &'a [u8]) -> Content<'a> {
        Content::new(Box::new(bytes))
    }

    /// Returns the length of the file.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Returns the first error of reading the file.
    pub(crate) fn failure(&self) -> Option<&io::Error> {
        self.failure.get()
    }

    /// Returns the first error of reading the file.
    pub(crate) fn into_failure(self) -> Option<io::Error> {
        self.failure.into_inner()
    }

    /// Returns the first bytes of the file: this many, or all of a shorter file.
    pub(crate) fn head(&self, length: u64) -> Vec<u8> {
        self.bytes(0, length)
    }

    /// Returns the bytes from an offset: `length` of them, at most 4 MiB, or fewer if the file ends there.
    pub(crate) fn bytes(&self, offset: u64, length: u64) -> Vec<u8> {
        let length = length.min(MAX_RANGE).min(self.length.saturating_sub(offset));
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        let read = self.fill(offset, &mut bytes);
        bytes.truncate(read);
        bytes
    }

    /// Returns the part of the file from this offset, of this length if the file does not end before.
    pub(crate) fn part(&self, offset: u64, length: u64) -> Part<'_> {
        Part { file: self, offset, length: length.min(self.length.saturating_sub(offset)) }
    }

    /// Returns the whole file as one part.
    pub(crate) fn whole(&self) -> Part<'_> {
        self.part(0, self.length)
    }

    /// Returns whether the file has these bytes anywhere.
    pub(crate) fn contains(&self, needle: &[u8]) -> bool {
        self.whole().find(needle, Some).is_some()
    }

    /// Reads from an offset through the cache and returns the number of bytes.
    fn fill(&self, offset: u64, buffer: &mut [u8]) -> usize {
        if buffer.len() >= BLOCK {
            return self.read(offset, buffer);
        }
        let mut filled = 0;
        while filled < buffer.len() {
            let read = self.read_block(offset.saturating_add(filled as u64), &mut buffer[filled..]);
            if read == 0 {
                break;
            }
            filled += read;
        }
        filled
    }

    /// Copies bytes out of the block that contains this offset.
    fn read_block(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let (number, skip) = (offset / BLOCK as u64, (offset % BLOCK as u64) as usize);
        let cache = &mut *self.cache.borrow_mut();
        cache.uses += 1;
        let place = match cache.blocks.iter().position(|block| block.number == number) {
            Some(place) => place,
            None => cache.load(number, |bytes| self.read(number * BLOCK as u64, bytes)),
        };
        let block = &mut cache.blocks[place];
        block.used = cache.uses;
        let rest = block.bytes.get(skip..).unwrap_or_default();
        let copied = rest.len().min(buffer.len());
        buffer[..copied].copy_from_slice(&rest[..copied]);
        copied
    }

    /// Reads from an offset and returns the number of bytes: all, unless the file ends or cannot be read.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let length = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = length.min(buffer.len());
        let mut filled = 0;
        while filled < wanted {
            match self.source.read_at(offset + filled as u64, &mut buffer[filled..wanted]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // The first error is kept: the others follow from it.
                    self.failure.get_or_init(|| error);
                    break;
                }
            }
        }
        filled
    }
}

impl Cache {
    /// Reads a block in place of the one that was not used for longest, and returns its place.
    fn load(&mut self, number: u64, read: impl FnOnce(&mut [u8]) -> usize) -> usize {
        let oldest =
            self.blocks.iter().enumerate().min_by_key(|(_, block)| block.used).map(|(place, _)| place);
        let place = match oldest {
            Some(oldest) if self.blocks.len() == BLOCKS => oldest,
            _ => {
                self.blocks.push(Block { number, used: 0, bytes: Vec::new() });
                self.blocks.len() - 1
            }
        };
        let block = &mut self.blocks[place];
        block.number = number;
        block.bytes.resize(BLOCK, 0);
        let length = read(&mut block.bytes);
        block.bytes.truncate(length);
        place
    }
}

/// A part of a file, such as a table.
#[derive(Clone, Copy)]
pub(crate) struct Part<'data> {
    file: &'data Content<'data>,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

impl<'data> Part<'data> {
    /// Returns the first bytes of this part.
    pub(crate) fn up_to(self, length: u64) -> Part<'data> {
        Part { length: self.length.min(length), ..self }
    }

    /// Returns this part without its first bytes.
    pub(crate) fn skip(self, length: u64) -> Part<'data> {
        let length = length.min(self.length);
        Part { offset: self.offset + length, length: self.length - length, ..self }
    }

    /// Returns the bytes of this part, at most 4 MiB.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.file.bytes(self.offset, self.length)
    }

    /// Returns the first result of `each`, which gets the offset in the file of every occurrence of `needle` in this part.
    pub(crate) fn find<T>(&self, needle: &[u8], mut each: impl FnMut(u64) -> Option<T>) -> Option<T> {
        let (mut at, end) = (self.offset, self.offset + self.length);
        let mut chunk = vec![0; CHUNK.min(usize::try_from(self.length).unwrap_or(CHUNK))];
        // A part that begins behind the file's end has no length, and its offset may be the largest number.
        while end - at >= needle.len() as u64 {
            let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(chunk.len());
            let read = self.file.read(at, &mut chunk[..wanted]);
            let found = memchr::memmem::find_iter(&chunk[..read], needle);
            if let Some(result) = found.map(|place| at + place as u64).find_map(&mut each) {
                return Some(result);
            }
            if read < wanted || at + read as u64 == end {
                return None;
            }
            // An occurrence may begin in this piece and end in the next.
            at += (read - (needle.len() - 1)) as u64;
        }
        None
    }

    /// Returns the record at a place in this part; `None` if it does not end within.
    pub(crate) fn record<T: Pod>(&self, at: u64) -> Option<T> {
        // No record of an ELF file is longer: its header has 64 bytes.
        let mut bytes = [0; 64];
        let bytes = &mut bytes[..size_of::<T>()];
        let end = at.checked_add(bytes.len() as u64)?;
        let is_whole =
            end <= self.length && self.file.fill(self.offset.checked_add(at)?, bytes) == bytes.len();
        object::pod::from_bytes::<T>(bytes).ok().filter(|_| is_whole).map(|(record, _)| *record)
    }

    /// Returns a record of this part, which is an array of such records; `None` if it has fewer.
    pub(crate) fn item<T: Pod>(&self, index: u64) -> Option<T> {
        self.record(index.checked_mul(size_of::<T>() as u64)?)
    }

    /// Returns the records of this part, which is an array of them.
    pub(crate) fn items<T: Pod>(self) -> impl Iterator<Item = T> {
        (0..).map_while(move |index| self.item(index))
    }

    /// Returns the string at a place in this part; `None` if it is unterminated, longer than `longest` or exceeds the
    /// budget.
    pub(crate) fn string(&self, at: u64, longest: usize, budget: &mut Budget) -> Option<String> {
        if budget.is_spent() {
            return None;
        }
        let mut text = Vec::new();
        let mut window = [0; 128];
        while text.len() < longest {
            let from = at.checked_add(text.len() as u64)?;
            let left = usize::try_from(self.length.saturating_sub(from)).unwrap_or(usize::MAX);
            let wanted = window.len().min(left).min(longest - text.len());
            let read = self.file.fill(self.offset.checked_add(from)?, &mut window[..wanted]);
            if let Some(end) = memchr::memchr(0, &window[..read]) {
                text.extend_from_slice(&window[..end]);
                budget.take(text.len())?;
                return Some(String::from_utf8_lossy(&text).into_owned());
            }
            text.extend_from_slice(&window[..read]);
            if read < wanted || wanted == 0 {
                break;
            }
        }
        // The search for a missing end costs time, so it counts too.
        budget.take(text.len())?;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that counts the bytes that are read of it, at most 1000 at a time.
    struct Slow<'a>(&'a [u8], &'a std::cell::Cell<usize>);

    impl ReadAt for Slow<'_> {
        fn size(&self) -> u64 {
            self.0.size()
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(1000);
            let read = self.0.read_at(offset, &mut buffer[..length])?;
            self.1.set(self.1.get() + read);
            Ok(read)
        }
    }

    #[test]
    fn ranges_are_those_of_the_file() {
        let bytes: Vec<u8> = (0..5 * BLOCK + 77).map(|place| (place % 251) as u8).collect();
        let read = std::cell::Cell::new(0);
        let content = Content::new(Box::new(Slow(&bytes, &read)));
        for offset in [0, 1, BLOCK - 3, BLOCK, 5 * BLOCK, bytes.len() - 1, bytes.len(), bytes.len() + 1] {
            for length in [0, 1, 8, BLOCK - 1, BLOCK, 3 * BLOCK] {
                let rest = bytes.get(offset..).unwrap_or_default();
                let expected = &rest[..length.min(rest.len())];
                assert_eq!(content.bytes(offset as u64, length as u64), expected, "{offset} {length}");
            }
        }
        assert!(content.bytes(u64::MAX, u64::MAX).is_empty());
        assert!(content.part(u64::MAX, 8).record::<[u8; 8]>(u64::MAX).is_none());
        assert!(content.failure().is_none());
    }

    #[test]
    fn blocks_are_read_once() {
        let bytes = vec![1; BLOCKS * BLOCK];
        let read = std::cell::Cell::new(0);
        let content = Content::new(Box::new(Slow(&bytes, &read)));
        let part = content.whole();
        let sum: u64 = (0..content.length()).filter_map(|at| part.record::<u8>(at)).map(u64::from).sum();
        assert_eq!((sum, read.get()), (content.length(), bytes.len()));
    }

    #[test]
    fn an_occurrence_across_two_pieces_is_found() {
        for place in [0, 1, CHUNK - 3, CHUNK - 1, CHUNK, 2 * CHUNK - 2, 3 * CHUNK] {
            let mut bytes = vec![b'.'; place];
            bytes.extend(b"needle");
            let content = Content::of(&bytes);
            let mut places = Vec::new();
            let all = content.whole();
            let found = all.find(b"needle", |at| {
                places.push(at);
                None::<()>
            });
            assert_eq!((found, &places[..]), (None, &[place as u64][..]));
            assert_eq!(all.up_to(all.length - 1).find(b"needle", Some), None, "{place}");
        }
        assert_eq!(Content::of(b"ab").whole().find(b"abc", Some), None);
    }

    #[test]
    fn an_error_is_kept() {
        struct Broken;
        impl ReadAt for Broken {
            fn size(&self) -> u64 {
                1 << 40
            }

            fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the layer is cut short"))
            }
        }
        let content = Content::new(Box::new(Broken));
        assert!(content.head(10).is_empty());
        assert_eq!(content.failure().unwrap().to_string(), "the layer is cut short");
    }

    #[test]
    fn strings_end_within_their_part_and_length() {
        let content = Content::of(b"abc\0def");
        let strings = content.whole();
        let get = |at, longest| strings.string(at, longest, &mut Budget::new(1 << 10));
        assert_eq!(get(0, 4096).as_deref(), Some("abc"));
        assert_eq!(get(1, 4096).as_deref(), Some("bc"));
        assert_eq!((get(0, 3), get(4, 4096), get(9, 4096)), (None, None, None));
        assert_eq!(content.part(0, 3).string(0, 4096, &mut Budget::new(1 << 10)), None);
    }
}
