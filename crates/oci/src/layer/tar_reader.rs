//! Reads tars of any origin as a stream, with bounded memory.
//!
//! Where the formats are ambiguous, this follows Go's archive/tar, with which every engine reads layers: the two blocks
//! of zeros at the end are optional, and links, directories and devices have no content whatever length they declare.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Seek};

use tar::Header;

use super::sparse::{MapPlace, Part, Sparse, SparseRecords, number, paired};

pub(crate) const BLOCK: u64 = 512;
/// The limit for all extended headers of one entry together, in bytes. Go's limit for a single one is the same.
const EXTENDED_LIMIT: u64 = 1024 * 1024;
/// The longest path or link target, in bytes: Linux's PATH_MAX without the terminating NUL.
const PATH_LIMIT: usize = 4095;

/// The type of a tar entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TarKind {
    File,
    HardLink,
    Symlink,
    CharDevice,
    BlockDevice,
    Dir,
    Fifo,
}

/// An entry's header, with long names and extended records applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TarEntry {
    pub(crate) path: Vec<u8>,
    pub(crate) link: Vec<u8>,
    /// `None` for a type that no engine unpacks.
    pub(crate) kind: Option<TarKind>,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    /// The content's length in bytes, with the holes of a sparse file.
    pub(crate) size: u64,
    /// The offset of the content in the stream; `None` for a sparse file, whose content is in parts.
    pub(crate) position: Option<u64>,
    /// The major and minor number of a device.
    pub(crate) device: (u32, u32),
    /// Extended attributes by name.
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// An error of reading a tar.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TarError {
    #[error("the tar ends in the middle of an entry, after {0} bytes")]
    Truncated(u64),
    #[error("the tar's header at byte {0} is damaged: its checksum does not match")]
    Checksum(u64),
    #[error("the tar's header at byte {at} is damaged: bad {field}")]
    Field { at: u64, field: &'static str },
    #[error("the extended headers of one entry exceed 1 MiB at byte {0}")]
    LongExtension(u64),
    #[error("the entry at byte {0} has a name or link target that is longer than {PATH_LIMIT} bytes")]
    LongName(u64),
    #[error("the tar's sparse file at byte {0} is damaged: its parts do not match its content")]
    Sparse(u64),
    #[error("reading failed")]
    Read(#[from] io::Error),
}

/// Reads entries one after the other; as a [`Read`] it yields the content of the last one, of a sparse file up to its
/// next hole.
pub(crate) struct TarReader<R> {
    reader: R,
    position: u64,
    /// The unread bytes of the current entry's content.
    content: u64,
    /// The length of the padding after it.
    padding: u64,
    /// The parts of the current entry, if it is a sparse file.
    sparse: Option<Sparse>,
    /// The bytes that the next entry's extended headers may still have.
    extended: u64,
    ended: bool,
    end_mark: bool,
}

impl<R: BufRead> TarReader<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            position: 0,
            content: 0,
            padding: 0,
            sparse: None,
            extended: 0,
            ended: false,
            end_mark: false,
        }
    }

    /// Returns the next entry, or `None` at the end.
    pub(crate) fn next_entry(&mut self) -> Result<Option<TarEntry>, TarError> {
        let mut extension = Extension::default();
        self.extended = EXTENDED_LIMIT;
        loop {
            self.skip_rest()?;
            let at = self.position;
            let Some(header) = self.read_header()? else {
                return if extension.is_empty() { Ok(None) } else { Err(TarError::Truncated(at)) };
            };
            let size = numeric(&header.as_old().size, || header.entry_size())
                .ok_or(TarError::Field { at, field: "length" })?;
            match header.as_old().linkflag[0] {
                // `X` is Sun tar's type of the same header, from before POSIX.
                b'x' | b'X' => extension.records = Records::parse(&self.read_extension(size)?, at)?,
                // GNU tar counts a NUL into the length of a long name.
                b'L' => extension.path = non_empty(until_nul(&self.read_extension(size)?)),
                b'K' => extension.link = non_empty(until_nul(&self.read_extension(size)?)),
                // Global records contain comments, such as git's commit; no engine applies them to files.
                b'g' => drop(self.read_extension(size)?),
                _ => return self.entry(&header, size, extension, at).map(Some),
            }
        }
    }

    /// Skips the hole at the position in the content of a sparse file and returns its length, or 0 at the end of the file.
    ///
    /// Fails at the end if there is more data than the parts say, as Go does.
    pub(crate) fn skip_hole(&mut self) -> Result<u64, TarError> {
        let Some(sparse) = &mut self.sparse else { return Ok(0) };
        match sparse.skip_hole() {
            0 if self.content > 0 => Err(TarError::Sparse(self.position)),
            hole => Ok(hole),
        }
    }

    /// Returns whether the tar ended with its two blocks of zeros.
    pub(crate) fn has_end_mark(&self) -> bool {
        self.end_mark
    }

    /// Reads the rest after the last entry, so that a hash over the stream covers all of it.
    pub(crate) fn drain(mut self) -> Result<(), TarError> {
        self.skip(u64::MAX)?;
        Ok(())
    }

    fn entry(
        &mut self,
        header: &Header,
        size: u64,
        extension: Extension,
        at: u64,
    ) -> Result<TarEntry, TarError> {
        let bad = |field| TarError::Field { at, field };
        let old = header.as_old();
        let mode = numeric(&old.mode, || header.mode().map(u64::from)).ok_or(bad("mode"))?;
        let mut records = extension.records;
        let uid = records.uid.or_else(|| numeric(&old.uid, || header.uid())).ok_or(bad("user"))?;
        let gid = records.gid.or_else(|| numeric(&old.gid, || header.gid())).ok_or(bad("group"))?;
        let map = records.sparse.place();
        // The name of a sparse file in its records comes last, so that it also overrides GNU's long name.
        let path = match map {
            Some(_) => non_empty(std::mem::take(&mut records.sparse.name)),
            None => None,
        };
        let path =
            path.or(extension.path).or(records.path).unwrap_or_else(|| header.path_bytes().into_owned());
        let link = extension
            .link
            .or(records.link)
            .unwrap_or_else(|| header.link_name_bytes().map(|link| link.into_owned()).unwrap_or_default());
        if path.len() > PATH_LIMIT || link.len() > PATH_LIMIT {
            return Err(TarError::LongName(at));
        }
        if path.contains(&0) || link.contains(&0) {
            return Err(bad("name with a NUL"));
        }
        let kind = match header.as_old().linkflag[0] {
            // Before ustar a directory was a file whose name ends with a slash.
            0 if path.ends_with(b"/") => Some(TarKind::Dir),
            0 | b'0' => Some(TarKind::File),
            b'1' => Some(TarKind::HardLink),
            b'2' => Some(TarKind::Symlink),
            b'3' => Some(TarKind::CharDevice),
            b'4' => Some(TarKind::BlockDevice),
            b'5' => Some(TarKind::Dir),
            b'6' => Some(TarKind::Fifo),
            // `7`, a contiguous file, and `S`, a sparse file of GNU's old form, too: containerd and Moby refuse both.
            _ => None,
        };
        let size = match kind {
            Some(TarKind::File) | None => records.size.unwrap_or(size),
            Some(_) => 0,
        };
        self.set_content(size, at)?;
        if let Some(place) = map {
            // Go refuses the records on an entry without content.
            if kind != Some(TarKind::File) && kind.is_some() {
                return Err(TarError::Sparse(at));
            }
            self.sparse = Some(self.pax_sparse(&records.sparse, place, size, at)?);
        }
        Ok(TarEntry {
            path,
            link,
            kind,
            // Some writers put the type of the file in front of the permissions, which no standard of tar has.
            mode: (mode & 0o7777) as u32,
            uid,
            gid,
            size: self.sparse.as_ref().map_or(size, Sparse::size),
            position: self.sparse.is_none().then_some(self.position),
            device: (device(header.device_major()), device(header.device_minor())),
            xattrs: records.xattrs.into_iter().collect(),
        })
    }

    fn pax_sparse(
        &mut self,
        records: &SparseRecords,
        place: MapPlace,
        size: u64,
        at: u64,
    ) -> Result<Sparse, TarError> {
        let bad = || TarError::Sparse(at);
        let size = records.size(size).ok_or_else(bad)?;
        let parts = match place {
            MapPlace::Records => records.parts().ok_or_else(bad)?,
            MapPlace::Content => self.map_in_content(at)?,
        };
        Sparse::new(parts, size).ok_or_else(bad)
    }

    /// Reads the map in front of a sparse file's data: the number of parts, and their offsets and lengths, one number a
    /// line, filled up to a whole block.
    fn map_in_content(&mut self, at: u64) -> Result<Vec<Part>, TarError> {
        let bad = || TarError::Sparse(at);
        let (mut text, mut lines, mut needed) = (Vec::new(), 0_u64, None);
        while needed.is_none_or(|needed| lines < needed) {
            self.extended = self.extended.checked_sub(BLOCK).ok_or(TarError::LongExtension(at))?;
            let mut block = [0; BLOCK as usize];
            if self.content < BLOCK {
                return Err(bad());
            }
            self.read_exact(&mut block)?;
            lines += block.iter().filter(|byte| **byte == b'\n').count() as u64;
            text.extend_from_slice(&block);
            if needed.is_none() && lines > 0 {
                let count = number(text.split(|byte| *byte == b'\n').next().unwrap_or_default());
                needed = Some(count.and_then(|count| count.checked_mul(2)?.checked_add(1)).ok_or_else(bad)?);
            }
        }
        let numbers = text.split(|byte| *byte == b'\n').skip(1);
        let numbers = numbers.take(usize::try_from(needed.unwrap_or(1) - 1).map_err(|_| bad())?);
        paired(numbers).ok_or_else(bad)
    }

    fn set_content(&mut self, size: u64, at: u64) -> Result<(), TarError> {
        // Larger lengths would overflow positions; no tar is that long.
        if size > u64::MAX / 4 {
            return Err(TarError::Field { at, field: "length" });
        }
        self.content = size;
        self.padding = size.next_multiple_of(BLOCK) - size;
        Ok(())
    }

    /// Returns the next header, or `None` at the end mark or the end of the stream.
    fn read_header(&mut self) -> Result<Option<Header>, TarError> {
        let at = self.position;
        if self.ended {
            return Ok(None);
        }
        let mut header = Header::new_old();
        if !self.read_block(&mut header)? {
            self.ended = true;
            return Ok(None);
        }
        // As Go does (archive/tar, reader.go): a block of zeros ends the tar only together with a second one or with
        // the stream.
        if is_zero(&header) {
            let ended = !self.read_block(&mut header)? || is_zero(&header);
            self.ended = true;
            self.end_mark = ended;
            return if ended { Ok(None) } else { Err(TarError::Field { at, field: "end: one empty block" }) };
        }
        match header.cksum() {
            Ok(expected) if is_checksum(header.as_bytes(), expected) => Ok(Some(header)),
            _ => Err(TarError::Checksum(at)),
        }
    }

    /// Fills a block; returns false at the end of the stream.
    fn read_block(&mut self, header: &mut Header) -> Result<bool, TarError> {
        let bytes = header.as_mut_bytes();
        let mut filled = 0;
        while filled < bytes.len() {
            match self.reader.read(&mut bytes[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(TarError::Truncated(self.position)),
                Ok(read) => {
                    filled += read;
                    self.position += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn read_extension(&mut self, size: u64) -> Result<Vec<u8>, TarError> {
        // The limit is checked before reading: the length comes from the tar and may be anything.
        let Some(left) = self.extended.checked_sub(size) else {
            return Err(TarError::LongExtension(self.position));
        };
        self.extended = left;
        self.set_content(size, self.position)?;
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        if bytes.len() as u64 == size { Ok(bytes) } else { Err(TarError::Truncated(self.position)) }
    }

    fn skip_rest(&mut self) -> Result<(), TarError> {
        let skipped = self.skip(self.content + self.padding)?;
        // Some writers omit the padding after the last entry.
        if skipped < self.content {
            return Err(TarError::Truncated(self.position));
        }
        (self.content, self.padding, self.sparse) = (0, 0, None);
        Ok(())
    }

    /// Skips at most this many bytes without copying them, and returns their number, which is smaller at the end of the
    /// stream.
    fn skip(&mut self, most: u64) -> io::Result<u64> {
        let mut left = most;
        while left > 0 {
            let available = match self.reader.fill_buf() {
                Ok(bytes) => bytes.len(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available == 0 {
                break;
            }
            let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(available);
            self.reader.consume(skipped);
            left -= skipped as u64;
        }
        self.position += most - left;
        Ok(most - left)
    }
}

impl<F: Read + Seek> TarReader<BufReader<F>> {
    /// Seeks over the content of the last entry, which [`next_entry`](Self::next_entry) would read otherwise. `length` is
    /// the length of the whole file: a seek does not notice its end.
    pub(crate) fn seek_over_content(&mut self, length: u64) -> Result<(), TarError> {
        let left = length.saturating_sub(self.position);
        if self.content > left {
            return Err(TarError::Truncated(length));
        }
        // Some writers omit the padding after the last entry.
        let distance = (self.content + self.padding).min(left);
        self.reader.seek_relative(distance.try_into().map_err(io::Error::other)?)?;
        self.position += distance;
        (self.content, self.padding, self.sparse) = (0, 0, None);
        Ok(())
    }
}

impl<R: BufRead> Read for TarReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for TarReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // The parts of a sparse file may claim more than the content has: that is an error, and not its end.
        let wanted = self.sparse.as_ref().map_or(self.content, Sparse::data);
        if wanted == 0 {
            return Ok(&[]);
        }
        let most = usize::try_from(self.content.min(wanted)).unwrap_or(usize::MAX);
        if most == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                TarError::Sparse(self.position).to_string(),
            ));
        }
        let bytes = self.reader.fill_buf()?;
        if bytes.is_empty() {
            let error = TarError::Truncated(self.position).to_string();
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error));
        }
        Ok(&bytes[..bytes.len().min(most)])
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
        self.position += amount as u64;
        self.content -= amount as u64;
        if let Some(sparse) = &mut self.sparse {
            sparse.advance(amount as u64);
        }
    }
}

/// The values of extended headers for the entry after them. As in Go, GNU's long names override PAX records, and the
/// last of several PAX headers counts.
#[derive(Default, PartialEq)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    records: Records,
}

impl Extension {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The records of a PAX header (POSIX.1-2024, pax § Extended Header). The last record of a key counts, and one without
/// a value removes the key; only an extended attribute may be empty.
#[derive(Default, PartialEq)]
struct Records {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    sparse: SparseRecords,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Records {
    /// Parses records of the form `<length> <key>=<value>\n`, where the length counts the whole record.
    fn parse(mut bytes: &[u8], at: u64) -> Result<Self, TarError> {
        let bad = || TarError::Field { at, field: "extended record" };
        let mut records = Self::default();
        while !bytes.is_empty() {
            // A length of 64 bits has at most 20 digits.
            let space = bytes.iter().take(20).position(|byte| *byte == b' ').ok_or_else(bad)?;
            let length = usize::try_from(number(&bytes[..space]).ok_or_else(bad)?).map_err(|_| bad())?;
            let record = bytes.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n"));
            let record = record.ok_or_else(bad)?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(bad)?;
            records.set(&record[..equals], &record[equals + 1..], at)?;
            bytes = &bytes[length..];
        }
        Ok(records)
    }

    fn set(&mut self, key: &[u8], value: &[u8], at: u64) -> Result<(), TarError> {
        let numeric = || match value {
            b"" => Ok(None),
            _ => number(value).map(Some).ok_or(TarError::Field { at, field: "number in an extended record" }),
        };
        match key {
            b"path" => self.path = non_empty(value.to_vec()),
            b"linkpath" => self.link = non_empty(value.to_vec()),
            b"size" => self.size = numeric()?,
            b"uid" => self.uid = numeric()?,
            b"gid" => self.gid = numeric()?,
            _ => {
                if let Some(name) = key.strip_prefix(b"GNU.sparse.") {
                    self.sparse.set(name, value).ok_or(TarError::Sparse(at))?;
                } else if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.xattrs.insert(name.to_vec(), value.to_vec());
                }
            }
        }
        Ok(())
    }
}

/// Returns `None` for an empty name, which Go treats as absent.
fn non_empty(name: Vec<u8>) -> Option<Vec<u8>> {
    (!name.is_empty()).then_some(name)
}

/// Returns the number in a header's field; an empty field means 0.
fn numeric(field: &[u8], parse: impl FnOnce() -> io::Result<u64>) -> Option<u64> {
    if field.iter().all(|byte| matches!(byte, 0 | b' ')) { Some(0) } else { parse().ok() }
}

/// Returns a device's number; an empty field means 0.
fn device(number: io::Result<Option<u32>>) -> u32 {
    number.ok().flatten().unwrap_or(0)
}

fn until_nul(bytes: &[u8]) -> Vec<u8> {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}

fn is_zero(header: &Header) -> bool {
    header.as_bytes().iter().all(|byte| *byte == 0)
}

/// Returns whether a number is the sum of the header's bytes, those of the checksum itself counted as spaces.
fn is_checksum(header: &[u8; 512], expected: u32) -> bool {
    let summed = || header[..148].iter().chain(&[b' '; 8]).chain(&header[156..]).copied();
    // POSIX adds unsigned bytes. Sun's tar added signed ones, which Go accepts too (archive/tar, format.go).
    let signed: i64 = summed().map(|byte| i64::from(byte.cast_signed())).sum();
    [summed().map(i64::from).sum(), signed].contains(&i64::from(expected))
}
