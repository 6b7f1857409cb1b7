//! Reads tars of any origin, in a stream, with bounded memory and exact rules.
//!
//! Where formats leave room, Go's archive/tar decides, because every engine reads layers with it: an end without
//! the two blocks of zeros is an end, and links, folders and devices have no content whatever length they claim.

use std::collections::BTreeMap;
use std::io::{self, Read};

use tar::Header;

pub(crate) const BLOCK: u64 = 512;
/// So much may the extended headers of one entry have together, in bytes; Go's limit for each is the same.
const EXTENDED_LIMIT: u64 = 1024 * 1024;
/// The longest path, and target of a link, in bytes: Linux's PATH_MAX without the NUL at its end.
const PATH_LIMIT: usize = 4095;

/// What a tar entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TarKind {
    File,
    HardLink,
    Symlink,
    CharDevice,
    BlockDevice,
    Dir,
    Fifo,
    /// Something that engines skip.
    Unknown,
}

/// One entry's header, long names and extended records applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TarEntry {
    pub(crate) path: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) kind: TarKind,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    /// The content's length in bytes.
    pub(crate) size: u64,
    /// Where the content begins in the stream.
    pub(crate) position: u64,
    /// Extended attributes by name.
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A tar that cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TarError {
    #[error("the tar ends in the middle of an entry, after {0} bytes")]
    Truncated(u64),
    #[error("the tar's header at byte {0} is damaged: its checksum does not match")]
    Checksum(u64),
    #[error("the tar's header at byte {at} is damaged: bad {what}")]
    Field { at: u64, what: &'static str },
    #[error("with the extended header at byte {0}, an entry has more than 1 MiB of them")]
    LongExtension(u64),
    #[error("the entry at byte {0} has a name or link that is longer than a path may be, {PATH_LIMIT} bytes")]
    LongName(u64),
    #[error(
        "the tar holds a sparse file at byte {0}, which is not supported; make the layer without `--sparse`"
    )]
    Sparse(u64),
    #[error("reading failed")]
    Read(#[from] io::Error),
}

/// Reads entries one after the other; as a [`Read`] it gives the content of the last one.
pub(crate) struct TarReader<R> {
    reader: R,
    position: u64,
    /// What is left of the current entry's content, and then of its padding.
    content: u64,
    padding: u64,
    /// What the next entry's extended headers may still have.
    extended: u64,
    ended: bool,
    end_mark: bool,
}

impl<R: Read> TarReader<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, position: 0, content: 0, padding: 0, extended: 0, ended: false, end_mark: false }
    }

    /// The next entry, or none at the end.
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
                .ok_or(TarError::Field { at, what: "length" })?;
            match header.entry_type().as_byte() {
                b'x' | b'X' => extension.records = Records::parse(&self.read_extension(size)?, at)?,
                b'L' => extension.path = given(until_nul(&self.read_extension(size)?)),
                b'K' => extension.link = given(until_nul(&self.read_extension(size)?)),
                // Global records hold comments; no engine applies them to files.
                b'g' => drop(self.read_extension(size)?),
                b'S' => return Err(TarError::Sparse(at)),
                _ => return self.entry(&header, size, extension, at).map(Some),
            }
        }
    }

    /// Whether the blocks of zeros were read that a tar ends with.
    pub(crate) fn has_end_mark(&self) -> bool {
        self.end_mark
    }

    /// Reads what follows the last entry, so that a hash over the stream sees all of it.
    pub(crate) fn drain(mut self) -> Result<(), TarError> {
        io::copy(&mut self.reader, &mut io::sink())?;
        Ok(())
    }

    fn entry(
        &mut self,
        header: &Header,
        size: u64,
        extension: Extension,
        at: u64,
    ) -> Result<TarEntry, TarError> {
        let field = |what| TarError::Field { at, what };
        let old = header.as_old();
        let mode = numeric(&old.mode, || header.mode().map(u64::from)).ok_or(field("mode"))?;
        let records = extension.records;
        let uid = records.uid.or_else(|| numeric(&old.uid, || header.uid())).ok_or(field("user"))?;
        let gid = records.gid.or_else(|| numeric(&old.gid, || header.gid())).ok_or(field("group"))?;
        let path = extension.path.or(records.path).unwrap_or_else(|| header.path_bytes().into_owned());
        let link = extension
            .link
            .or(records.link)
            .unwrap_or_else(|| header.link_name_bytes().map(|link| link.into_owned()).unwrap_or_default());
        if path.len() > PATH_LIMIT || link.len() > PATH_LIMIT {
            return Err(TarError::LongName(at));
        }
        if path.contains(&0) || link.contains(&0) {
            return Err(TarError::Field { at, what: "name with a NUL" });
        }
        let kind = match header.entry_type().as_byte() {
            0 if path.ends_with(b"/") => TarKind::Dir,
            0 | b'0' | b'7' => TarKind::File,
            b'1' => TarKind::HardLink,
            b'2' => TarKind::Symlink,
            b'3' => TarKind::CharDevice,
            b'4' => TarKind::BlockDevice,
            b'5' => TarKind::Dir,
            b'6' => TarKind::Fifo,
            _ => TarKind::Unknown,
        };
        let size = match kind {
            TarKind::File | TarKind::Unknown => records.size.unwrap_or(size),
            _ => 0,
        };
        self.set_content(size, at)?;
        Ok(TarEntry {
            path,
            link,
            kind,
            mode: (mode & 0o7777) as u32,
            uid,
            gid,
            size,
            position: self.position,
            xattrs: records.xattrs.into_iter().collect(),
        })
    }

    fn set_content(&mut self, size: u64, at: u64) -> Result<(), TarError> {
        // Beyond this, positions would overflow; no tar is so long.
        if size > u64::MAX / 4 {
            return Err(TarError::Field { at, what: "length" });
        }
        self.content = size;
        self.padding = size.next_multiple_of(BLOCK) - size;
        Ok(())
    }

    /// The next header that is no end mark.
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
        if is_zero(&header) {
            let ended = !self.read_block(&mut header)? || is_zero(&header);
            self.ended = true;
            self.end_mark = ended;
            return if ended { Ok(None) } else { Err(TarError::Field { at, what: "end: one empty block" }) };
        }
        let sum = checksum(header.as_bytes());
        match header.cksum() {
            Ok(expected) if expected == sum => Ok(Some(header)),
            _ => Err(TarError::Checksum(at)),
        }
    }

    /// Fills a block, or says that there is none.
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
        let rest = self.content + self.padding;
        let skipped = io::copy(&mut (&mut self.reader).take(rest), &mut io::sink())?;
        self.position += skipped;
        // Some writers leave out the padding after the very last entry.
        if skipped < self.content {
            return Err(TarError::Truncated(self.position));
        }
        (self.content, self.padding) = (0, 0);
        Ok(())
    }
}

impl<R: Read> Read for TarReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.content).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.reader.read(&mut buffer[..most])?;
        if read == 0 {
            let error = TarError::Truncated(self.position).to_string();
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error));
        }
        self.position += read as u64;
        self.content -= read as u64;
        Ok(read)
    }
}

/// What extended headers say about the entry that follows them. GNU's long names win over PAX records, and of
/// several PAX headers the last one counts.
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

/// A PAX header (POSIX.1-2024, pax § Extended Header). Of records with one key the last counts, and one without a
/// value takes the key away; only an extended attribute may be empty.
#[derive(Default, PartialEq)]
struct Records {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Records {
    /// Reads records of the form `<length> <key>=<value>\n`, where the length counts the whole record.
    fn parse(mut bytes: &[u8], at: u64) -> Result<Self, TarError> {
        let bad = || TarError::Field { at, what: "extended record" };
        let mut records = Self::default();
        while !bytes.is_empty() {
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
            _ => number(value).map(Some).ok_or(TarError::Field { at, what: "number in an extended record" }),
        };
        match key {
            b"path" => self.path = given(value.to_vec()),
            b"linkpath" => self.link = given(value.to_vec()),
            b"size" => self.size = numeric()?,
            b"uid" => self.uid = numeric()?,
            b"gid" => self.gid = numeric()?,
            _ if key.starts_with(b"GNU.sparse.") => return Err(TarError::Sparse(at)),
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.xattrs.insert(name.to_vec(), value.to_vec());
                }
            }
        }
        Ok(())
    }
}

/// A name that says something; Go takes an empty one as none.
fn given(name: Vec<u8>) -> Option<Vec<u8>> {
    (!name.is_empty()).then_some(name)
}

/// A header's number; an empty field means 0.
fn numeric(field: &[u8], parse: impl FnOnce() -> io::Result<u64>) -> Option<u64> {
    if field.iter().all(|byte| matches!(byte, 0 | b' ')) { Some(0) } else { parse().ok() }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?
        .parse()
        .ok()
}

fn until_nul(bytes: &[u8]) -> Vec<u8> {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}

fn is_zero(header: &Header) -> bool {
    header.as_bytes().iter().all(|byte| *byte == 0)
}

/// The sum of the header's bytes, the checksum's own counted as spaces.
fn checksum(header: &[u8; 512]) -> u32 {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    sum(&header[..148]) + 8 * u32::from(b' ') + sum(&header[156..])
}
