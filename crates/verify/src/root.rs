//! An image's merged root file system, as the checks read it.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::ReadAt;

mod mounts;
mod resolve;

pub(crate) use mounts::{ENGINE_FILES, is_mounted, mount_of};
pub(crate) use resolve::{MAX_PATH, read_small, read_whole};
pub use resolve::{ResolveError, Resolved, resolve};

/// An image's root file system with all layers applied.
///
/// Paths are absolute and have no `.`, `..` or repeated slashes; `/` is the root itself. An implementation does not
/// follow links: [`resolve`](crate::resolve()) does so, in one place for every kind of root.
pub trait Root {
    /// Returns the entry at exactly this path without following a link; `None` if there is none.
    ///
    /// # Errors
    /// If the layers cannot be read.
    fn entry(&self, path: &str) -> Result<Option<Entry>, RootError>;

    /// Opens the regular file at exactly this path, whose content is then read by ranges.
    ///
    /// # Errors
    /// If no such file exists or it cannot be read.
    fn open<'a>(&'a self, path: &str) -> Result<Box<dyn ReadAt + 'a>, RootError>;

    /// Returns the names in the directory at exactly this path; `None` if the implementation does not list directories.
    /// Scripts look for files in directories.
    ///
    /// # Errors
    /// If the layers cannot be read.
    fn list(&self, _path: &str) -> Result<Option<Vec<String>>, RootError> {
        Ok(None)
    }

    /// Returns an extended attribute of the entry at exactly this path; `None` if it has none of this name, or if the
    /// implementation does not support attributes.
    ///
    /// # Errors
    /// If the layers cannot be read.
    fn attribute(&self, _path: &str, _name: &str) -> Result<Option<Vec<u8>>, RootError> {
        Ok(None)
    }
}

/// An entry of a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The kind of the entry.
    pub kind: EntryKind,
    /// The permission bits with set-user-ID, set-group-ID and sticky bit: at most `0o7777`.
    pub mode: u32,
    /// The numeric owner.
    pub uid: u32,
    /// The numeric owning group.
    pub gid: u32,
    /// The length of a regular file in bytes.
    pub size: u64,
}

/// The kind of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file. A hard link is the file that it names.
    File,
    /// A directory.
    Directory,
    /// A symbolic link with its target.
    Link(String),
    /// A device, pipe or socket.
    Special,
}

/// The error for a root that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot read {path} in the image's root file system: {why}")]
pub struct RootError {
    /// The requested path.
    pub path: String,
    /// The reason.
    pub why: String,
}

impl RootError {
    /// Creates the error for this path.
    pub fn new(path: &str, why: impl Into<String>) -> RootError {
        RootError { path: path.to_owned(), why: why.into() }
    }
}

/// A root in memory, for tests and for programs that have the files at hand.
#[derive(Debug, Clone, Default)]
pub struct MemoryRoot {
    entries: BTreeMap<String, (Entry, Vec<u8>)>,
    attributes: BTreeMap<(String, String), Vec<u8>>,
}

impl MemoryRoot {
    /// Creates an empty root, like the image `scratch`.
    pub fn new() -> MemoryRoot {
        MemoryRoot::default()
    }

    /// Adds a regular file that root owns. Missing parent directories are added with mode 0755.
    #[must_use]
    pub fn file(self, path: &str, mode: u32, content: impl Into<Vec<u8>>) -> MemoryRoot {
        let content = content.into();
        let size = content.len() as u64;
        self.put(path, Entry { kind: EntryKind::File, mode, uid: 0, gid: 0, size }, content)
    }

    /// Adds a symbolic link to `target`.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> MemoryRoot {
        let kind = EntryKind::Link(target.to_owned());
        self.put(path, Entry { kind, mode: 0o777, uid: 0, gid: 0, size: 0 }, Vec::new())
    }

    /// Adds a directory that root owns.
    #[must_use]
    pub fn directory(self, path: &str, mode: u32) -> MemoryRoot {
        self.put(path, Entry { kind: EntryKind::Directory, mode, uid: 0, gid: 0, size: 0 }, Vec::new())
    }

    /// Sets an extended attribute of a path.
    #[must_use]
    pub fn with_attribute(mut self, path: &str, name: &str, value: impl Into<Vec<u8>>) -> MemoryRoot {
        self.attributes.insert((normalize(path), name.to_owned()), value.into());
        self
    }

    /// Adds an entry of any kind with its content.
    #[must_use]
    pub fn put(mut self, path: &str, entry: Entry, content: Vec<u8>) -> MemoryRoot {
        let path = normalize(path);
        let mut parent = parent_of(&path);
        while parent != "/" && !self.entries.contains_key(parent) {
            let directory = Entry { kind: EntryKind::Directory, mode: 0o755, uid: 0, gid: 0, size: 0 };
            self.entries.insert(parent.to_owned(), (directory, Vec::new()));
            parent = parent_of(parent);
        }
        self.entries.insert(path.clone(), (entry, content));
        self
    }
}

impl Root for MemoryRoot {
    fn entry(&self, path: &str) -> Result<Option<Entry>, RootError> {
        if path == "/" {
            return Ok(Some(Entry { kind: EntryKind::Directory, mode: 0o755, uid: 0, gid: 0, size: 0 }));
        }
        Ok(self.entries.get(path).map(|(entry, _)| entry.clone()))
    }

    fn open<'a>(&'a self, path: &str) -> Result<Box<dyn ReadAt + 'a>, RootError> {
        match self.entries.get(path) {
            Some((entry, content)) if entry.kind == EntryKind::File => Ok(Box::new(&content[..])),
            Some(_) => Err(RootError::new(path, "it is not a regular file")),
            None => Err(RootError::new(path, "it does not exist")),
        }
    }

    fn list(&self, path: &str) -> Result<Option<Vec<String>>, RootError> {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        let below = self.entries.range(prefix.clone()..).map_while(|(path, _)| path.strip_prefix(&*prefix));
        Ok(Some(below.filter(|name| !name.is_empty() && !name.contains('/')).map(str::to_owned).collect()))
    }

    fn attribute(&self, path: &str, name: &str) -> Result<Option<Vec<u8>>, RootError> {
        Ok(self.attributes.get(&(path.to_owned(), name.to_owned())).cloned())
    }
}

/// Returns an absolute path without `.`, empty parts and `..`, which stops at the root as in the kernel. The result is
/// only right for a path without a link before a `..`.
pub(crate) fn normalize(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Returns the parent directory of a path.
pub(crate) fn parent_of(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(at) => &path[..at],
    }
}
