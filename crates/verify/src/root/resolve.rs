//! Path lookup in an image's root as the kernel does it: every link on the way is followed, and none leads out of the
//! root.

use std::collections::VecDeque;

use thiserror::Error;

use super::{Entry, EntryKind, Root, RootError, normalize, parent_of};

/// The number of links that Linux follows at most (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// The length of a path in Linux with the NUL at its end (`PATH_MAX`).
pub(crate) const MAX_PATH: usize = 4096;

/// The result of a path lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolved {
    /// The path with all links resolved.
    pub path: String,
    /// The entry at that path; never a link.
    pub entry: Entry,
    /// The directories on the way, in order. The user must be able to search each.
    pub directories: Vec<(String, Entry)>,
    /// The links on the way, each with its target.
    pub links: Vec<(String, String)>,
}

/// The error for a path that leads to no entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// A part of the path does not exist.
    #[error("{missing} does not exist in the image{}", trail(links))]
    Missing {
        /// The first part that does not exist.
        missing: String,
        /// The links on the way, each with its target.
        links: Vec<(String, String)>,
    },
    /// A part of the path is not a directory.
    #[error("{path} is not a directory{}", trail(links))]
    NotDirectory {
        /// The part.
        path: String,
        /// The links on the way, each with its target.
        links: Vec<(String, String)>,
    },
    /// The links form a loop, or there are more than 40.
    #[error("{path} leads through too many symbolic links")]
    Loop {
        /// The requested path.
        path: String,
    },
    /// The path or a link's target is longer than Linux allows.
    #[error("{path}… is longer than the 4095 bytes that Linux allows for a path")]
    TooLong {
        /// The beginning of the path.
        path: String,
    },
    /// The root cannot be read.
    #[error(transparent)]
    Unreadable(#[from] RootError),
}

/// Resolves a path to an entry.
///
/// # Errors
/// If a part of the path does not exist or is not a directory, the links form a loop, or the root cannot be read.
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
        // After links: `..` leaves the directory that a link led to, not the one that holds the link
        // (path_resolution(7)).
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
        // An absolute target starts at the image's root, never at the host's.
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

/// Reads a regular file of at most `longest` bytes, such as a configuration file; `None` if no such file exists.
pub(crate) fn read_small(root: &dyn Root, path: &str, longest: u64) -> Option<Vec<u8>> {
    let found = resolve(root, path).ok()?;
    let is_small = found.entry.kind == EntryKind::File && found.entry.size <= longest;
    is_small.then(|| read_whole(root, &found.path, longest).ok()).flatten()
}

/// Reads the regular file at exactly this path, but no more than its first `longest` bytes.
pub(crate) fn read_whole(root: &dyn Root, path: &str, longest: u64) -> Result<Vec<u8>, RootError> {
    let file = root.open(path)?;
    let length = usize::try_from(file.size().min(longest)).unwrap_or(0);
    let (mut bytes, mut filled) = (vec![0; length], 0);
    while filled < length {
        match file.read_at(filled as u64, &mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) => return Err(RootError::new(path, error.to_string())),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn check_length(path: &str) -> Result<(), ResolveError> {
    match path.len() >= MAX_PATH {
        true => Err(ResolveError::TooLong { path: path.chars().take(40).collect() }),
        false => Ok(()),
    }
}

/// Returns the entry at exactly this path.
fn entry_at(root: &dyn Root, path: &str, links: &[(String, String)]) -> Result<Entry, ResolveError> {
    debug_assert_eq!(path, normalize(path));
    root.entry(path)?.ok_or_else(|| ResolveError::Missing { missing: path.to_owned(), links: links.to_vec() })
}

fn parts(path: &str) -> impl Iterator<Item = String> + '_ {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned)
}

/// Formats links as the end of a sentence: ` (/lib64 is a link to usr/lib64)`.
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
    fn a_dangling_link_names_the_missing_part() {
        let root = MemoryRoot::new().link("/lib64", "usr/lib64");
        let error = resolve(&root, "/lib64/ld.so").unwrap_err();
        assert_eq!(error.to_string(), "/usr does not exist in the image (/lib64 is a link to usr/lib64)");
    }

    #[test]
    fn only_small_files_are_read() {
        let root = MemoryRoot::new().file("/etc/x", 0o644, "12345").link("/y", "etc/x");
        assert_eq!(read_small(&root, "/y", 5).as_deref(), Some(&b"12345"[..]));
        assert_eq!(read_small(&root, "/y", 4), None);
        assert_eq!(read_small(&root, "/etc", 5), None);
    }

    #[test]
    fn a_path_has_room_for_its_nul() {
        let root = MemoryRoot::new().file("/app", 0o755, "");
        let path = |length: usize| format!("{}app", "/".repeat(length - 3));
        assert_eq!(resolve(&root, &path(4095)).unwrap().path, "/app");
        assert!(matches!(resolve(&root, &path(4096)), Err(ResolveError::TooLong { .. })));
    }

    #[test]
    fn a_loop_of_links_is_an_error() {
        let root = MemoryRoot::new().link("/a", "b").link("/b", "a");
        assert!(matches!(resolve(&root, "/a"), Err(ResolveError::Loop { .. })));
    }

    #[test]
    fn a_file_is_not_a_directory() {
        let root = MemoryRoot::new().file("/app", 0o755, "");
        assert!(matches!(resolve(&root, "/app/x"), Err(ResolveError::NotDirectory { .. })));
    }
}
