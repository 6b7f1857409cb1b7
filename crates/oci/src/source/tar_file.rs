use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::ArchiveFault;
use crate::decode::decode;
use crate::error::{FileError, open_regular};
use crate::root::FileReader;
use crate::tar_reader::{BLOCK, TarError, TarKind, TarReader};

/// The longest archive that is unpacked to a temporary file, in bytes.
const UNPACKED_LIMIT: u64 = 32 << 30;
/// The most entries that are remembered.
const MAX_ENTRIES: usize = 200_000;

/// A tar whose files can be read in any order.
#[derive(Debug)]
pub(super) struct TarFile {
    file: File,
    entries: BTreeMap<Vec<u8>, Entry>,
    end: End,
}

/// Whether the two blocks of zeros were there that a tar ends with; engines do without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Marked,
    Unmarked,
}

#[derive(Debug)]
enum Entry {
    File { offset: u64, size: u64 },
    Link(Vec<u8>),
}

impl TarFile {
    /// Reads where everything is. A compressed archive is unpacked to a temporary file first.
    pub(super) fn open(path: &Path) -> Result<Self, ArchiveFault> {
        let mut file = open_regular(path).map_err(FileError::on("read", path))?;
        let mut magic = [0; 2];
        let read = file.read(&mut magic).map_err(FileError::on("read", path))?;
        file.seek(SeekFrom::Start(0)).map_err(FileError::on("read", path))?;
        let mut file = match &magic[..read] {
            // Plain archives begin with a file's name.
            [0x1f, 0x8b] | [0x28, 0xb5] | [0xfd, b'7'] | [b'B', b'Z'] => unpack(file)?,
            _ => file,
        };
        let length = file.metadata().map_err(FileError::on("read", path))?.len();
        if length < BLOCK {
            return Err(ArchiveFault::NoTar(TarError::Truncated(length)));
        }
        let (entries, end) = entries(&mut file)?;
        Ok(Self { file, entries, end })
    }

    /// Whether it holds something and then stops without the mark that a tar ends with.
    pub(super) fn lacks_end(&self) -> bool {
        self.end == End::Unmarked && !self.entries.is_empty()
    }

    /// A reader of a file by its path; none when it is not there.
    pub(super) fn file(&self, name: &str) -> Option<FileReader<'_>> {
        let mut name = normal(name.as_bytes());
        for _ in 0..8 {
            match self.entries.get(&name)? {
                Entry::File { offset, size } => return Some(FileReader::new(&self.file, *offset, *size)),
                Entry::Link(target) => name = target.clone(),
            }
        }
        None
    }

    /// The content of a file of at most `limit` bytes; none when it is not there.
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

fn unpack(file: File) -> Result<File, ArchiveFault> {
    let folder = std::env::temp_dir();
    let failed = || FileError::on("write a temporary file in", &folder);
    let mut plain = tempfile::tempfile_in(&folder).map_err(failed())?;
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
    plain.seek(SeekFrom::Start(0)).map_err(failed())?;
    Ok(plain)
}

fn entries(file: &mut File) -> Result<(BTreeMap<Vec<u8>, Entry>, End), ArchiveFault> {
    let mut tar = TarReader::new(BufReader::with_capacity(128 * 1024, file));
    let mut entries = BTreeMap::new();
    while let Some(found) = tar.next_entry()? {
        let path = normal(&found.path);
        let entry = match found.kind {
            TarKind::File => Entry::File { offset: found.position, size: found.size },
            TarKind::HardLink => Entry::Link(normal(&found.link)),
            // A link leads from the folder that it lies in; podman's archives have such beside each layer.
            TarKind::Symlink => {
                let folder = path.iter().rposition(|byte| *byte == b'/').map_or(&path[..0], |at| &path[..at]);
                Entry::Link(normal(&[folder, b"/", &found.link].concat()))
            }
            _ => continue,
        };
        if entries.len() >= MAX_ENTRIES {
            return Err(ArchiveFault::Tar(format!("it has more than {MAX_ENTRIES} entries").into()));
        }
        entries.insert(path, entry);
    }
    let end = if tar.has_end_mark() { End::Marked } else { End::Unmarked };
    Ok((entries, end))
}

/// The path without `.`, `..` and empty parts. These names are looked up here and never in a file system.
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
