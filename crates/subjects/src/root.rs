//! The merged root of an image, as the checks of `crossdock-verify` read it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom};

use crossdock_oci::{EntryKind, FileReader, LookupError, RootEntry, RootView};
use crossdock_verify::{self as verify, Entry, ReadAt, Root, RootError};

/// The merged root of an image, which records the paths that checks look up.
pub(crate) struct MergedRoot<'r> {
    pub(crate) view: &'r RootView<'r>,
    /// `None` if the paths are not recorded.
    looked_up: RefCell<Option<BTreeSet<String>>>,
    change: Change,
}

/// A change that an engine makes to the root.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    None,
    /// Docker makes a directory of a link at `/etc`, for `hosts`, `hostname` and `resolv.conf` (moby,
    /// daemon/initlayer/setup_unix.go).
    EmptyEtc,
    /// Storage that copies layers gives the root the owner and mode of its entry in a layer.
    OwnEntry(Entry),
}

impl<'r> MergedRoot<'r> {
    pub(crate) fn new(view: &'r RootView<'r>) -> MergedRoot<'r> {
        // Only disputed entries are compared with the lookups, and most images have none.
        let looked_up = (!view.disputed().is_empty()).then(BTreeSet::new);
        MergedRoot { view, looked_up: RefCell::new(looked_up), change: Change::None }
    }

    /// Returns the root as a container of Docker has it, if that differs from the image's own.
    pub(crate) fn of_docker(&self) -> Option<MergedRoot<'r>> {
        let etc = self.view.lookup_link("/etc").ok()?;
        let is_link = matches!(etc.kind, EntryKind::Symlink(_));
        is_link.then(|| self.changed(Change::EmptyEtc))
    }

    /// Returns the root as storage that copies layers has it, if users may lack access to it there.
    pub(crate) fn of_copies(&self) -> Option<MergedRoot<'r>> {
        let own = self.view.own_entry()?;
        let is_closed = own.mode & 0o111 != 0o111;
        is_closed.then(|| self.changed(Change::OwnEntry(entry(&own))))
    }

    fn changed(&self, change: Change) -> MergedRoot<'r> {
        MergedRoot { view: self.view, looked_up: RefCell::new(None), change }
    }

    /// Forgets the paths that checks looked up and records no others, which saves their memory.
    pub(crate) fn stop_recording(&self) {
        self.looked_up.take();
    }

    /// Returns whether a check has looked up exactly this path so far.
    pub(crate) fn has_looked_up(&self, path: &str) -> bool {
        self.looked_up.borrow().as_ref().is_some_and(|paths| paths.contains(path))
    }

    /// Returns whether a check has looked up a path below this directory so far.
    pub(crate) fn has_looked_below(&self, directory: &str) -> bool {
        let prefix = format!("{directory}/");
        let paths = self.looked_up.borrow();
        let first = paths.as_ref().and_then(|paths| paths.range(prefix.clone()..).next());
        first.is_some_and(|path| path.starts_with(&prefix))
    }
}

impl Root for MergedRoot<'_> {
    fn entry(&self, path: &str) -> Result<Option<Entry>, RootError> {
        if let Some(looked_up) = &mut *self.looked_up.borrow_mut() {
            looked_up.insert(path.to_owned());
        }
        match (&self.change, path.strip_prefix("/etc")) {
            (Change::EmptyEtc, Some("")) => return Ok(Some(DIRECTORY)),
            (Change::EmptyEtc, Some(below)) if below.starts_with('/') => return Ok(None),
            (Change::OwnEntry(own), _) if path == "/" => return Ok(Some(own.clone())),
            _ => {}
        }
        match self.view.lookup_link(path) {
            Ok(found) => Ok(Some(entry(&found))),
            // `resolve` walks every directory itself, so that both mean an absent entry here.
            Err(LookupError::NotFound { .. } | LookupError::NotADir { .. }) => Ok(None),
            Err(error) => Err(RootError::new(path, error.to_string())),
        }
    }

    fn open<'a>(&'a self, path: &str) -> Result<Box<dyn ReadAt + 'a>, RootError> {
        // Without following a link: `resolve` has followed them.
        let found = self.view.lookup_link(path).map_err(|error| RootError::new(path, error.to_string()))?;
        if found.kind != EntryKind::File {
            return Err(RootError::new(path, "it is not a regular file"));
        }
        Ok(Box::new(MergedFile { reader: self.view.open(&found), size: found.size }))
    }

    fn list(&self, path: &str) -> Result<Option<Vec<String>>, RootError> {
        if self.change == Change::EmptyEtc && path == "/etc" {
            return Ok(Some(Vec::new()));
        }
        let entries = self.view.list(path).map_err(|error| RootError::new(path, error.to_string()))?;
        let name = |entry: RootEntry| entry.path.rsplit('/').next().map(str::to_owned);
        Ok(Some(entries.filter_map(name).collect()))
    }

    fn attribute(&self, path: &str, name: &str) -> Result<Option<Vec<u8>>, RootError> {
        // Without following a link: the attribute belongs to the file that `resolve` has found.
        let Ok(found) = self.view.lookup_link(path) else { return Ok(None) };
        let unreadable = |error: io::Error| RootError::new(path, error.to_string());
        let attributes = self.view.attributes(&found).map_err(unreadable)?;
        let named = attributes.into_iter().find(|(known, _)| known == name.as_bytes());
        Ok(named.map(|(_, value)| value))
    }
}

/// A directory that an engine makes.
const DIRECTORY: Entry = Entry { kind: verify::EntryKind::Directory, mode: 0o755, uid: 0, gid: 0, size: 0 };

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
