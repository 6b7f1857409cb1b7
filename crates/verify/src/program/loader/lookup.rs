//! The lookup of one library: who asks, which paths are tried, and why none fits.

use crate::program::container::Credentials;
use crate::root::Resolved;

/// The object that asks for a library.
#[derive(Clone, Copy)]
pub(super) enum Asker {
    /// The object of this index needs it.
    Object(usize),
    /// The environment preloads it, and musl searches it without the paths of any object.
    Nobody,
}

/// A path that a loader tries, with the list of directories that leads to it.
pub(super) struct Candidate {
    pub(super) list: usize,
    pub(super) path: String,
}

/// The reason why a library was not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LookupFailure {
    /// No directory has it. `searched` are the directories, `skipped` the files of that name that the loader passes
    /// over, `forbidden` those that the user may not read.
    Absent { searched: Vec<String>, skipped: Vec<(String, String)>, forbidden: Vec<Forbidden> },
    /// The loader finds this file and stops with an error.
    Broken { path: String, why: String },
    /// The loader maps this file, which does not fit, and the process is killed when it uses it.
    Mapped { path: String, why: String },
    /// The image cannot be read there.
    Unreadable(String),
}

/// A file that exists, and that the user may not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forbidden {
    /// The file.
    pub(crate) path: String,
    /// The file or the directory on the way to it whose mode forbids it.
    pub(crate) at: String,
    /// The mode and owner of that.
    pub(crate) mode: String,
}

impl Forbidden {
    /// Returns what keeps the user from reading the file; `None` if nothing does.
    pub(super) fn of(found: &Resolved, user: &Credentials) -> Option<Forbidden> {
        let (at, entry) = match user.blocked_at(&found.directories) {
            Some((directory, entry)) => (directory, entry),
            None if user.may_read(&found.entry) => return None,
            None => (&found.path, &found.entry),
        };
        let mode = format!("mode {:04o}, owner {}:{}", entry.mode, entry.uid, entry.gid);
        Some(Forbidden { path: found.path.clone(), at: at.clone(), mode })
    }
}
