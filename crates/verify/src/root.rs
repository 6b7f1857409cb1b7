//! What a check needs of an image's merged root file system.

use std::borrow::Cow;
use std::collections::BTreeMap;

use thiserror::Error;

mod resolve;

pub(crate) use resolve::{MAX_PATH, read_small};
pub use resolve::{ResolveError, Resolved, resolve};

/// An image's root file system with all layers applied.
///
/// Paths are absolute, without `.`, `..` or doubled slashes; `/` is the root itself. An implementation follows no links:
/// that is done here, by [`resolve`](crate::resolve()), once for every kind of root.
pub trait Root {
    /// What stands at exactly this path, links not followed; `None` when nothing does.
    ///
    /// # Errors
    /// [`RootError`] when the layers could not be read.
    fn entry(&self, path: &str) -> Result<Option<Entry>, RootError>;

    /// The content of the regular file at exactly this path.
    ///
    /// # Errors
    /// [`RootError`] when there is no such file or it could not be read.
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, RootError>;

    /// An extended attribute of what stands at exactly this path; `None` when there is none of this name, or when the
    /// implementation knows of none.
    ///
    /// # Errors
    /// [`RootError`] when the layers could not be read.
    fn attribute(&self, _path: &str, _name: &str) -> Result<Option<Vec<u8>>, RootError> {
        Ok(None)
    }

    /// A part of the regular file at exactly this path: `length` bytes from `offset` on, fewer where the file ends before.
    ///
    /// Of a long program only parts are asked for. An implementation that can read a part without the whole should, so that
    /// memory stays small whatever the image holds; the provided one reads the whole.
    ///
    /// # Errors
    /// As for [`read`](Root::read).
    fn read_at(&self, path: &str, offset: u64, length: u64) -> Result<Cow<'_, [u8]>, RootError> {
        let whole = self.read(path)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(whole.len());
        let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(whole.len());
        Ok(match whole {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[start..end]),
            Cow::Owned(bytes) => Cow::Owned(bytes[start..end].to_vec()),
        })
    }
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// File, directory, link or something else.
    pub kind: EntryKind,
    /// Permission bits with set-user-ID, set-group-ID and sticky: `0o7777` at most.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The owning group.
    pub gid: u32,
    /// The length in bytes, for a regular file.
    pub size: u64,
}

/// The kinds of file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file (a hard link counts as the file it names).
    File,
    /// A directory.
    Directory,
    /// A symbolic link and the path it holds.
    Link(String),
    /// A device, pipe or socket.
    Special,
}

/// Why a root could not answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot read {path} in the image's root file system: {why}")]
pub struct RootError {
    /// The path that was asked for.
    pub path: String,
    /// Why it could not be read.
    pub why: String,
}

impl RootError {
    /// An error for this path.
    pub fn new(path: &str, why: impl Into<String>) -> RootError {
        RootError { path: path.to_owned(), why: why.into() }
    }
}

/// A root that is held in memory: for tests, and for a program that has the files at hand.
#[derive(Debug, Clone, Default)]
pub struct MemoryRoot {
    entries: BTreeMap<String, (Entry, Vec<u8>)>,
    attributes: BTreeMap<(String, String), Vec<u8>>,
}

impl MemoryRoot {
    /// An empty root (the image `scratch`).
    pub fn new() -> MemoryRoot {
        MemoryRoot::default()
    }

    /// Adds a regular file that belongs to root. Missing directories above it are added with mode 0755.
    #[must_use]
    pub fn file(self, path: &str, mode: u32, content: impl Into<Vec<u8>>) -> MemoryRoot {
        let content = content.into();
        let size = content.len() as u64;
        self.put(path, Entry { kind: EntryKind::File, mode, uid: 0, gid: 0, size }, content)
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> MemoryRoot {
        let kind = EntryKind::Link(target.to_owned());
        self.put(path, Entry { kind, mode: 0o777, uid: 0, gid: 0, size: 0 }, Vec::new())
    }

    /// Adds a directory that belongs to root.
    #[must_use]
    pub fn directory(self, path: &str, mode: u32) -> MemoryRoot {
        self.put(path, Entry { kind: EntryKind::Directory, mode, uid: 0, gid: 0, size: 0 }, Vec::new())
    }

    /// Gives a path an extended attribute.
    #[must_use]
    pub fn with_attribute(mut self, path: &str, name: &str, value: impl Into<Vec<u8>>) -> MemoryRoot {
        self.attributes.insert((normalize(path), name.to_owned()), value.into());
        self
    }

    /// Adds any entry with its content.
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

    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, RootError> {
        match self.entries.get(path) {
            Some((entry, content)) if entry.kind == EntryKind::File => Ok(Cow::Borrowed(content)),
            Some(_) => Err(RootError::new(path, "it is no regular file")),
            None => Err(RootError::new(path, "it does not exist")),
        }
    }

    fn attribute(&self, path: &str, name: &str) -> Result<Option<Vec<u8>>, RootError> {
        Ok(self.attributes.get(&(path.to_owned(), name.to_owned())).cloned())
    }
}

/// An absolute path without `.`, empty parts and `..` (which stops at the root, as in the kernel). Links are not looked
/// at, so this is for paths that hold no link before a `..`.
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

/// The directory that holds this path.
pub(crate) fn parent_of(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(at) => &path[..at],
    }
}
