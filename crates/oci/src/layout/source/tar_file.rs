use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use crossdock_fs::{FileError, open_regular};

use super::ArchiveFault;
use crate::layer::decode::{Coding, decode};
use crate::layer::tar_reader::{BLOCK, TarError, TarKind, TarReader};
use crate::rootfs::FileReader;

/// The largest archive that is decompressed to a temporary file, in bytes.
const UNPACKED_LIMIT: u64 = 32 << 30;
/// The number of entries beyond which an archive is rejected.
const MAX_ENTRIES: usize = 200_000;
/// The size of all names and link targets together, in bytes, beyond which an archive is rejected.
const MAX_NAMES: usize = 16 << 20;

/// A tar whose files can be read in any order.
#[derive(Debug)]
pub(super) struct TarFile {
    file: File,
    entries: Entries,
    end: End,
}

/// The files and links of a tar by their names.
#[derive(Debug, Default)]
struct Entries {
    /// Names and targets of links, one after the other.
    names: Vec<u8>,
    /// Sorted by name.
    entries: Vec<(Name, Entry)>,
}

/// A part of the buffer of names.
#[derive(Debug, Clone, Copy)]
struct Name {
    start: u32,
    length: u32,
}

/// Whether the tar ended with its two blocks of zeros, which engines do not require.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Marked,
    Unmarked,
}

#[derive(Debug, Clone, Copy)]
enum Entry {
    File(Place),
    Link(Name),
}

impl Entries {
    /// Adds a name or the target of a link.
    fn add_name(&mut self, bytes: &[u8]) -> Result<Name, ArchiveFault> {
        if self.names.len() + bytes.len() > MAX_NAMES {
            return Err(ArchiveFault::Tar(format!("its names have more than {MAX_NAMES} bytes").into()));
        }
        // Both numbers are at most the limit.
        let name = Name { start: self.names.len() as u32, length: bytes.len() as u32 };
        self.names.extend_from_slice(bytes);
        Ok(name)
    }

    /// Sorts the entries, when all are known. A later entry replaces an earlier one of its path, as it does when tar
    /// unpacks.
    fn sort(&mut self) {
        let Self { names, entries } = self;
        entries.sort_by_key(|(name, _)| name.of(names));
        entries.reverse();
        entries.dedup_by_key(|(name, _)| name.of(names));
        entries.reverse();
    }

    fn get(&self, name: &[u8]) -> Option<Entry> {
        let found = self.entries.binary_search_by_key(&name, |(name, _)| name.of(&self.names)).ok()?;
        Some(self.entries[found].1)
    }
}

impl Name {
    fn of(self, names: &[u8]) -> &[u8] {
        &names[self.start as usize..(self.start + self.length) as usize]
    }
}

/// The position of a file's content in the tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    offset: u64,
    size: u64,
}

impl TarFile {
    /// Opens the archive and indexes its entries. A compressed archive is first decompressed to a temporary file in
    /// `temporary`.
    pub(super) fn open(path: &Path, temporary: &Path) -> Result<Self, ArchiveFault> {
        let (file, coding) = start(path)?;
        match coding {
            Coding::Plain => Self::of_plain(file),
            _ => Self::of_plain(unpack(file, temporary)?),
        }
    }

    /// Opens an archive as [`open`](Self::open) does, or returns `None` if it is compressed.
    pub(super) fn open_plain(path: &Path) -> Result<Option<Self>, ArchiveFault> {
        let (file, coding) = start(path)?;
        if coding == Coding::Plain { Self::of_plain(file).map(Some) } else { Ok(None) }
    }

    fn of_plain(mut file: File) -> Result<Self, ArchiveFault> {
        let length = file.metadata()?.len();
        file.rewind()?;
        if length < BLOCK {
            return Err(ArchiveFault::NoTar(TarError::Truncated(length)));
        }
        let (entries, end) = entries(&mut file, length)?;
        Ok(Self { file, entries, end })
    }

    /// Returns whether the tar has entries but lacks its end mark.
    pub(super) fn lacks_end(&self) -> bool {
        self.end == End::Unmarked && !self.entries.entries.is_empty()
    }

    /// Returns the position of the file at this path, following links, or `None` if there is none.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        let name = normal(name.as_bytes());
        let mut found = self.entries.get(&name)?;
        // Real archives have one link in a row; the limit ends loops.
        for _ in 0..8 {
            match found {
                Entry::File(place) => return Some(place),
                Entry::Link(target) => found = self.entries.get(target.of(&self.entries.names))?,
            }
        }
        None
    }

    pub(super) fn reader(&self, place: Place) -> FileReader<'_> {
        FileReader::new(&self.file, place.offset, place.size)
    }

    /// Returns a reader of the file at this path, or `None` if there is none.
    pub(super) fn file(&self, name: &str) -> Option<FileReader<'_>> {
        self.place(name).map(|place| self.reader(place))
    }

    /// Returns the content of a file of at most `limit` bytes, or `None` if there is none.
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ArchiveFault> {
        let Some(reader) = self.file(name) else { return Ok(None) };
        let mut bytes = Vec::new();
        reader.take(limit + 1).read_to_end(&mut bytes).map_err(|error| ArchiveFault::Tar(Box::new(error)))?;
        if bytes.len() as u64 > limit {
            return Err(ArchiveFault::TooLong { name: name.to_owned(), limit });
        }
        Ok(Some(bytes))
    }
}

/// Opens the file and detects its compression.
fn start(path: &Path) -> Result<(File, Coding), ArchiveFault> {
    let failed = || FileError::on("read", path);
    let mut file = open_regular(path).map_err(failed())?;
    let mut start = Vec::new();
    (&mut file).take(Coding::START as u64).read_to_end(&mut start).map_err(failed())?;
    file.rewind().map_err(failed())?;
    Ok((file, Coding::of(&start)))
}

fn unpack(file: File, directory: &Path) -> Result<File, ArchiveFault> {
    let failed = || FileError::on("write a temporary file in", directory);
    let mut plain = tempfile::tempfile_in(directory).map_err(failed())?;
    let mut reader = decode(file)?.take(UNPACKED_LIMIT + 1);
    let mut buffer = vec![0; 128 * 1024];
    let mut size = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                io::Write::write_all(&mut plain, &buffer[..read]).map_err(failed())?;
                size += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    if size > UNPACKED_LIMIT {
        return Err(ArchiveFault::Bomb(UNPACKED_LIMIT));
    }
    Ok(plain)
}

/// Indexes the entries of a tar of `length` bytes, without reading their content.
fn entries(file: impl Read + Seek, length: u64) -> Result<(Entries, End), ArchiveFault> {
    let mut tar = TarReader::new(BufReader::with_capacity(16 * 1024, file));
    let mut entries = Entries::default();
    while let Some(found) = tar.next_entry()? {
        tar.seek_over_content(length)?;
        let path = normal(&found.path);
        let entry = match found.kind {
            Some(TarKind::File) => match found.position {
                Some(offset) => Entry::File(Place { offset, size: found.size }),
                None => {
                    let name = String::from_utf8_lossy(&path).into_owned();
                    return Err(ArchiveFault::Tar(format!("its `{name}` is stored as a sparse file").into()));
                }
            },
            Some(TarKind::HardLink) => Entry::Link(entries.add_name(&normal(&found.link))?),
            // The target is relative to the link's directory. podman's archives have such a link for each layer.
            Some(TarKind::Symlink) => {
                let parent = path.iter().rposition(|byte| *byte == b'/').map_or(&path[..0], |at| &path[..at]);
                Entry::Link(entries.add_name(&normal(&[parent, b"/", &found.link].concat()))?)
            }
            _ => continue,
        };
        if entries.entries.len() >= MAX_ENTRIES {
            return Err(ArchiveFault::Tar(format!("it has more than {MAX_ENTRIES} entries").into()));
        }
        let name = entries.add_name(&path)?;
        entries.entries.push((name, entry));
    }
    entries.sort();
    let end = if tar.has_end_mark() { End::Marked } else { End::Unmarked };
    Ok((entries, end))
}

/// Returns the path without `.`, `..` and empty components. It is a key of the index and never used in a file system.
fn normal(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join(&b'/')
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, SeekFrom};

    use super::*;

    /// A file that counts the bytes that are read.
    struct Counting {
        file: Cursor<Vec<u8>>,
        read: usize,
    }

    impl Read for Counting {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.file.read(buffer)?;
            self.read += read;
            Ok(read)
        }
    }

    impl Seek for Counting {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.file.seek(to)
        }
    }

    /// Returns a tar with three files of this size, and without an end mark.
    fn tar(size: usize) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for name in ["a", "b", "c"] {
            let mut header = tar::Header::new_gnu();
            header.set_size(size as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, io::repeat(7).take(size as u64)).unwrap();
        }
        let mut bytes = tar.into_inner().unwrap();
        bytes.truncate(bytes.len() - 1024);
        bytes
    }

    #[test]
    fn the_content_of_entries_is_not_read() {
        let bytes = tar(1 << 20);
        let length = bytes.len() as u64;
        let mut file = Counting { file: Cursor::new(bytes), read: 0 };
        let (found, _) = entries(&mut file, length).unwrap();
        let places: Vec<u64> = ["a", "b", "c"]
            .map(|name| match found.get(name.as_bytes()) {
                Some(Entry::File(place)) => place.offset,
                other => panic!("{other:?}"),
            })
            .to_vec();
        assert_eq!(places, [512, (1 << 20) + 1024, (2 << 20) + 1536]);
        assert!(file.read < 64 * 1024, "{} bytes", file.read);
    }

    #[test]
    fn a_tar_that_ends_within_an_entry_is_truncated() {
        let bytes = tar(100);
        for length in [1024 + 512 + 99, 2 * 1024 + 99] {
            let cut = Cursor::new(bytes[..length].to_vec());
            let error = entries(cut, length as u64).unwrap_err();
            assert!(matches!(error, ArchiveFault::CutOff), "{error:?}");
        }
        // Only the padding of the last file is missing.
        let length = 2 * 1024 + 512 + 100;
        assert!(entries(Cursor::new(bytes[..length].to_vec()), length as u64).is_ok());
    }
}
