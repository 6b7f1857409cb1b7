//! The merged root of an image, as the checks of `crossdock-verify` read it.

use std::borrow::Cow;
use std::io::{Read, Seek, SeekFrom};

use crossdock_oci::{EntryKind, LookupError, RootEntry, RootView};
use crossdock_verify::{self as verify, Entry, Root, RootError};

/// The merged root of an image.
pub(crate) struct MergedRoot(pub(crate) RootView);

/// A longer file is not read as a whole, to bound memory: 2 GiB is far above any deployed program.
const MAX_PROGRAM: u64 = 2 << 30;

impl Root for MergedRoot {
    fn entry(&self, path: &str) -> Result<Option<Entry>, RootError> {
        match self.0.lookup_link(path) {
            Ok(found) => Ok(Some(entry(&found))),
            // `resolve` walks every directory itself, so that both mean an absent entry here.
            Err(LookupError::NotFound { .. } | LookupError::NotADir { .. }) => Ok(None),
            Err(error) => Err(RootError::new(path, error.to_string())),
        }
    }

    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, RootError> {
        self.0.read(path, MAX_PROGRAM).map_err(|error| RootError::new(path, error.to_string()))
    }

    fn read_at(&self, path: &str, offset: u64, length: u64) -> Result<Cow<'_, [u8]>, RootError> {
        let failed = |error: &dyn std::error::Error| RootError::new(path, error.to_string());
        let found = self.0.lookup(path).map_err(|error| failed(&error))?;
        let mut reader = self.0.open(&found);
        let mut part = Vec::new();
        reader.seek(SeekFrom::Start(offset)).map_err(|error| failed(&error))?;
        reader.take(length).read_to_end(&mut part).map_err(|error| failed(&error))?;
        Ok(Cow::Owned(part))
    }

    fn attribute(&self, path: &str, name: &str) -> Result<Option<Vec<u8>>, RootError> {
        // Without following a link: the attribute belongs to the file that `resolve` has found.
        let Ok(found) = self.0.lookup_link(path) else { return Ok(None) };
        let named = found.xattrs.into_iter().find(|(known, _)| known == name.as_bytes());
        Ok(named.map(|(_, value)| value))
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
