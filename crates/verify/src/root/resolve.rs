//! Path lookup in an image's root, as the kernel does it: links followed at every step, never out of the root.

use std::borrow::Cow;
use std::collections::VecDeque;

use thiserror::Error;

use super::{Entry, EntryKind, Root, RootError, normalize, parent_of};

/// Linux gives up after this many links (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// `PATH_MAX`.
pub(crate) const MAX_PATH: usize = 4096;

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolved {
    /// The path without any link.
    pub path: String,
    /// What stands there; never a link.
    pub entry: Entry,
    /// The directories that were walked through, in order: each must be searchable for the user.
    pub directories: Vec<(String, Entry)>,
    /// The links that were followed, each with what it holds.
    pub links: Vec<(String, String)>,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Nothing stands at `missing`.
    #[error("{missing} does not exist in the image{}", trail(links))]
    Missing {
        /// The first part that is absent.
        missing: String,
        /// The links that were followed before, each with what it holds.
        links: Vec<(String, String)>,
    },
    /// A part on the way is not a directory.
    #[error("{path} is not a directory{}", trail(links))]
    NotDirectory {
        /// The part.
        path: String,
        /// The links that were followed before.
        links: Vec<(String, String)>,
    },
    /// Links lead in a circle, or there are more than 40.
    #[error("{path} leads through too many symbolic links")]
    Loop {
        /// The path that was asked for.
        path: String,
    },
    /// The path, or one that a link holds, is longer than Linux takes.
    #[error("{path}… is longer than the 4096 bytes that Linux takes for a path")]
    TooLong {
        /// Its beginning.
        path: String,
    },
    /// The root could not answer.
    #[error(transparent)]
    Unreadable(#[from] RootError),
}

/// Follows a path to what it leads to.
///
/// # Errors
/// [`ResolveError`] says at which part the path ends, or that the root could not be read.
pub fn resolve(root: &dyn Root, path: &str) -> Result<Resolved, ResolveError> {
    check_length(path)?;
    let mut rest: VecDeque<String> = parts(path).collect();
    let mut at = String::from("/");
    let mut directories = Vec::new();
    let mut links: Vec<(String, String)> = Vec::new();
    let mut entry = entry_at(root, "/", &links)?;
    while let Some(part) = rest.pop_front() {
        if entry.kind != EntryKind::Directory {
            return Err(ResolveError::NotDirectory { path: at, links });
        }
        if directories.last().is_none_or(|(last, _)| *last != at) {
            directories.push((at.clone(), entry.clone()));
        }
        if part == ".." {
            at = parent_of(&at).to_owned();
            entry = entry_at(root, &at, &links)?;
            continue;
        }
        let next = if at == "/" { format!("/{part}") } else { format!("{at}/{part}") };
        let found = entry_at(root, &next, &links)?;
        let EntryKind::Link(target) = &found.kind else {
            (at, entry) = (next, found);
            continue;
        };
        check_length(target)?;
        links.push((next, target.clone()));
        if links.len() > MAX_LINKS {
            return Err(ResolveError::Loop { path: path.to_owned() });
        }
        if target.starts_with('/') {
            at = String::from("/");
            entry = entry_at(root, "/", &links)?;
        }
        for part in parts(target).collect::<Vec<_>>().into_iter().rev() {
            rest.push_front(part);
        }
    }
    Ok(Resolved { path: at, entry, directories, links })
}

/// The content of a regular file that is no longer than this many bytes; `None` where there is no such file.
pub(crate) fn read_small<'a>(root: &'a dyn Root, path: &str, longest: u64) -> Option<Cow<'a, [u8]>> {
    let found = resolve(root, path).ok()?;
    let is_small = found.entry.kind == EntryKind::File && found.entry.size <= longest;
    is_small.then(|| root.read(&found.path).ok()).flatten()
}

fn check_length(path: &str) -> Result<(), ResolveError> {
    match path.len() > MAX_PATH {
        true => Err(ResolveError::TooLong { path: path.chars().take(40).collect() }),
        false => Ok(()),
    }
}

/// What stands at exactly this path.
fn entry_at(root: &dyn Root, path: &str, links: &[(String, String)]) -> Result<Entry, ResolveError> {
    debug_assert_eq!(path, normalize(path));
    root.entry(path)?.ok_or_else(|| ResolveError::Missing { missing: path.to_owned(), links: links.to_vec() })
}

fn parts(path: &str) -> impl Iterator<Item = String> + '_ {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned)
}

/// The links as a sentence's tail: ` (/lib64 is a link to usr/lib64)`.
fn trail(links: &[(String, String)]) -> String {
    if links.is_empty() {
        return String::new();
    }
    let steps: Vec<String> = links.iter().map(|(from, to)| format!("{from} is a link to {to}")).collect();
    format!(" ({})", steps.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryRoot;

    #[test]
    fn links_are_followed_within_the_root() {
        let root = MemoryRoot::new()
            .file("/usr/lib/x/ld.so", 0o755, "")
            .link("/lib", "usr/lib")
            .link("/usr/lib64", "../../../../lib/x");
        let found = resolve(&root, "/usr/lib64/ld.so").unwrap();
        assert_eq!(found.path, "/usr/lib/x/ld.so");
        assert_eq!(found.links.len(), 2);
    }

    #[test]
    fn a_dangling_link_names_what_is_missing() {
        let root = MemoryRoot::new().link("/lib64", "usr/lib64");
        let error = resolve(&root, "/lib64/ld.so").unwrap_err();
        assert_eq!(error.to_string(), "/usr does not exist in the image (/lib64 is a link to usr/lib64)");
    }

    #[test]
    fn a_file_is_read_only_when_it_is_small() {
        let root = MemoryRoot::new().file("/etc/x", 0o644, "12345").link("/y", "etc/x");
        assert_eq!(read_small(&root, "/y", 5).as_deref(), Some(&b"12345"[..]));
        assert_eq!(read_small(&root, "/y", 4), None);
        assert_eq!(read_small(&root, "/etc", 5), None);
    }

    #[test]
    fn a_loop_ends() {
        let root = MemoryRoot::new().link("/a", "b").link("/b", "a");
        assert!(matches!(resolve(&root, "/a"), Err(ResolveError::Loop { .. })));
    }

    #[test]
    fn a_file_is_no_directory() {
        let root = MemoryRoot::new().file("/app", 0o755, "");
        assert!(matches!(resolve(&root, "/app/x"), Err(ResolveError::NotDirectory { .. })));
    }
}
