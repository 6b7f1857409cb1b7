use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufWriter, Read, Seek, SeekFrom, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;

use crossdock_fs::FileError;

use crate::layer::tar_reader::TarError;

pub(super) const WRITE: &str = "write a temporary file in";

/// The number of bytes kept in memory. Most images with one program have no more, and so need no temporary file.
const IN_MEMORY: usize = 8 << 20;

/// The content of files of a root, one after the other: the first bytes in memory, the rest in an unnamed temporary file, which the operating system removes even if the process is killed.
#[derive(Debug)]
pub(super) struct Spill {
    head: Vec<u8>,
    tail: Option<BufWriter<File>>,
    length: u64,
    /// The end of each piece, at which the next begins.
    ends: Vec<u64>,
    directory: PathBuf,
}

/// The number of a piece of content: a file, or the extended attributes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Piece(NonZeroU32);

impl Piece {
    /// Returns the piece of a number, the first being 1.
    pub(super) fn numbered(number: u32) -> Self {
        Self(NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN))
    }

    pub(super) fn number(self) -> u32 {
        self.0.get()
    }
}

impl Spill {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { head: Vec::new(), tail: None, length: 0, ends: Vec::new(), directory }
    }

    /// Returns the number of bytes in all.
    #[cfg(test)]
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Makes one piece of everything that was added since the last piece.
    pub(super) fn end_piece(&mut self) -> Piece {
        self.ends.push(self.length);
        // The limits of the tree keep the number of entries at 2^29, and each has at most two pieces.
        Piece::numbered(self.ends.len() as u32)
    }

    /// Returns the length of a piece in bytes.
    pub(super) fn size(&self, piece: Piece) -> u64 {
        let (start, end) = self.range(piece);
        end - start
    }

    fn range(&self, Piece(number): Piece) -> (u64, u64) {
        let index = number.get() as usize - 1;
        (index.checked_sub(1).map_or(0, |before| self.ends[before]), self.ends[index])
    }

    /// Returns the number of bytes that are still kept in memory.
    pub(super) fn free_memory(&self) -> u64 {
        (IN_MEMORY - self.head.len()) as u64
    }

    /// Adds the content of `reader`.
    pub(super) fn add(&mut self, reader: &mut impl BufRead) -> Result<(), super::Fault> {
        loop {
            match reader.fill_buf() {
                Ok([]) => return Ok(()),
                Ok(bytes) => {
                    self.push(bytes)?;
                    let count = bytes.len();
                    reader.consume(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(TarError::Read(error).into()),
            }
        }
    }

    /// Adds these bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let (head, tail) = bytes.split_at(bytes.len().min(IN_MEMORY - self.head.len()));
        self.head.extend_from_slice(head);
        if !tail.is_empty() {
            self.tail()?.write_all(tail).map_err(FileError::on(WRITE, &self.directory))?;
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Adds zeros, which take no space in the temporary file.
    pub(super) fn add_zeros(&mut self, length: u64) -> Result<(), FileError> {
        let in_head = length.min((IN_MEMORY - self.head.len()) as u64);
        self.head.resize(self.head.len() + in_head as usize, 0);
        self.length += length;
        let in_tail = length - in_head;
        if in_tail > 0 {
            let place = self.length - self.head.len() as u64;
            let tail = self.tail()?;
            // Setting the length too: a seek adds nothing if nothing follows.
            let grown = tail.flush().and_then(|()| tail.get_ref().set_len(place));
            let moved = grown.and_then(|()| tail.seek(SeekFrom::Start(place)));
            moved.map_err(FileError::on(WRITE, &self.directory))?;
        }
        Ok(())
    }

    fn tail(&mut self) -> Result<&mut BufWriter<File>, FileError> {
        // `get_or_insert_with` has no way to return the error.
        let tail = match self.tail.take() {
            Some(tail) => tail,
            None => {
                let file = tempfile::tempfile_in(&self.directory)
                    .map_err(FileError::on("create a temporary file in", &self.directory))?;
                BufWriter::with_capacity(256 * 1024, file)
            }
        };
        Ok(self.tail.insert(tail))
    }

    pub(super) fn flush(&mut self) -> Result<(), FileError> {
        let flushed = self.tail.as_mut().map_or(Ok(()), Write::flush);
        flushed.map_err(FileError::on(WRITE, &self.directory))
    }

    /// Returns a reader of a piece.
    pub(super) fn reader(&self, piece: Piece) -> FileReader<'_> {
        let (offset, end) = self.range(piece);
        FileReader::new(self, offset, end - offset)
    }

    /// Returns the bytes of a piece, borrowed if they are in memory.
    pub(super) fn bytes(&self, piece: Piece) -> io::Result<Cow<'_, [u8]>> {
        let (start, end) = self.range(piece);
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        if let Some(bytes) = range.and_then(|(start, end)| self.head.get(start..end)) {
            return Ok(Cow::Borrowed(bytes));
        }
        let mut bytes = Vec::new();
        self.reader(piece).read_to_end(&mut bytes)?;
        Ok(Cow::Owned(bytes))
    }
}

impl Positioned for Spill {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let in_head =
            usize::try_from(offset).ok().and_then(|offset| self.head.get(offset..)).unwrap_or_default();
        match (in_head, &self.tail) {
            ([], None) => Ok(0),
            ([], Some(tail)) => tail.get_ref().read_at(offset - self.head.len() as u64, buffer),
            (mut head, _) => head.read(buffer),
        }
    }
}

/// Bytes that are read at any position.
pub(crate) trait Positioned: Send + Sync {
    /// Reads bytes from a position into the start of `buffer`, and returns their number.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

/// A reader of a file in an image, which can also [`seek`](io::Seek).
#[derive(Clone)]
pub struct FileReader<'a> {
    source: &'a dyn Positioned,
    offset: u64,
    size: u64,
    position: u64,
}

impl<'a> FileReader<'a> {
    /// Creates a reader of `size` bytes of `source` from `offset` on.
    pub(crate) fn new(source: &'a dyn Positioned, offset: u64, size: u64) -> Self {
        Self { source, offset, size, position: 0 }
    }
}

impl std::fmt::Debug for FileReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { offset, size, position, .. } = self;
        let mut debug = f.debug_struct("FileReader");
        debug.field("offset", offset).field("size", size).field("position", position).finish_non_exhaustive()
    }
}

impl Seek for FileReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(distance) => self.size.checked_add_signed(distance),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl Read for FileReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(self.position);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.source.read_at(self.offset + self.position, &mut buffer[..most])?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Positioned for File {
    #[cfg(unix)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        // Without the file's own position: several threads read one file.
        std::os::unix::fs::FileExt::read_at(self, buffer, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(self, buffer, offset)
    }
}

#[cfg(unix)]
pub(super) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
pub(super) fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        (bytes, offset) = (&bytes[written..], offset + written as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_beyond_the_memory_limit_is_read_from_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(directory.path().to_owned());
        let byte = |place: usize| (place % 251) as u8;
        let sizes = [IN_MEMORY - 1000, 3000, 0, 50_000];
        let mut pieces = Vec::new();
        for size in sizes {
            let start = spill.length as usize;
            let content: Vec<u8> = (start..start + size).map(byte).collect();
            spill.add(&mut &content[..]).unwrap();
            pieces.push((spill.end_piece(), content));
        }
        spill.add_zeros(70_000).unwrap();
        pieces.push((spill.end_piece(), vec![0; 70_000]));
        spill.flush().unwrap();
        assert_eq!(spill.head.len(), IN_MEMORY);
        for (piece, content) in &pieces {
            assert_eq!(spill.size(*piece), content.len() as u64);
            assert!(*spill.bytes(*piece).unwrap() == content[..], "{piece:?}");
            let mut reader = spill.reader(*piece);
            reader.seek(SeekFrom::Start(content.len() as u64 / 2)).unwrap();
            let mut half = Vec::new();
            reader.read_to_end(&mut half).unwrap();
            assert!(half == content[content.len() / 2..], "from the middle of {piece:?}");
        }
        let borrowed = |(piece, _): &(Piece, Vec<u8>)| matches!(spill.bytes(*piece), Ok(Cow::Borrowed(_)));
        // Nothing is borrowed behind the memory, not even nothing.
        assert_eq!(pieces.iter().map(borrowed).collect::<Vec<_>>(), [true, false, false, false, false]);
    }
}
