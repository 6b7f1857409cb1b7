//! The merged root of an image, as the checks of `crossdock-verify` read it.

use std::io::{self, Read, Seek, SeekFrom};

use crossdock_oci::{EntryKind, FileReader, LookupError, RootEntry, RootView};
use crossdock_verify::{self as verify, Entry, ReadAt, Root, RootError};

/// The merged root of an image.
pub(crate) struct MergedRoot(pub(crate) RootView);

impl Root for MergedRoot {
    fn entry(&self, path: &str) -> Result<Option<Entry>, RootError> {
        match self.0.lookup_link(path) {
            Ok(found) => Ok(Some(entry(&found))),
            // `resolve` walks every directory itself, so that both mean an absent entry here.
            Err(LookupError::NotFound { .. } | LookupError::NotADir { .. }) => Ok(None),
            Err(error) => Err(RootError::new(path, error.to_string())),
        }
    }

    fn open<'a>(&'a self, path: &str) -> Result<Box<dyn ReadAt + 'a>, RootError> {
        // Without following a link: `resolve` has followed them.
        let found = self.0.lookup_link(path).map_err(|error| RootError::new(path, error.to_string()))?;
        if found.kind != EntryKind::File {
            return Err(RootError::new(path, "it is not a regular file"));
        }
        Ok(Box::new(MergedFile { reader: self.0.open(&found), size: found.size }))
    }

    fn attribute(&self, path: &str, name: &str) -> Result<Option<Vec<u8>>, RootError> {
        // Without following a link: the attribute belongs to the file that `resolve` has found.
        let Ok(found) = self.0.lookup_link(path) else { return Ok(None) };
        let named = found.xattrs.into_iter().find(|(known, _)| known == name.as_bytes());
        Ok(named.map(|(_, value)| value))
    }
}

/// A file of a merged root.
struct MergedFile<'a> {
    reader: FileReader<'a>,
    size: u64,
}

impl ReadAt for MergedFile<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        // A reader is a place in the root, so that a copy costs nothing.
        let mut reader = self.reader.clone();
        reader.seek(SeekFrom::Start(offset))?;
        reader.read(buffer)
    }
}

fn entry(found: &RootEntry) -> Entry {
    let kind = match &found.kind {
        EntryKind::File => verify::EntryKind::File,
        EntryKind::Dir => verify::EntryKind::Directory,
        EntryKind::Symlink(target) => verify::EntryKind::Link(String::from_utf8_lossy(target).into_owned()),
        EntryKind::CharDevice | EntryKind::BlockDevice | EntryKind::Fifo => verify::EntryKind::Special,
    };
    Entry { kind, mode: found.mode, uid: found.uid, gid: found.gid, size: found.size }
}
