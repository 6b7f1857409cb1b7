//! Path lookup in an image's root as the kernel does it: every link on the way is followed, and none leads out of the
//! root.

use std::collections::VecDeque;

use thiserror::Error;

use super::mounts::{self, Mounted};
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
        /// Whether the part belongs to the target of the last link, which dangles.
        is_of_link: bool,
    },
    /// The part is in the image, below a directory over which a runtime mounts its own file system.
    #[error("{path} of the image is hidden: a runtime mounts its own file system at {mount}")]
    Hidden {
        /// The first part that is hidden.
        path: String,
        /// The mount point.
        mount: &'static str,
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

/// Resolves a path to an entry, as a process in a container does: what the runtime mounts hides what the image has there.
///
/// # Errors
/// If a part of the path does not exist, is hidden or is not a directory, the links form a loop, or the root cannot be
/// read.
pub fn resolve(root: &dyn Root, path: &str) -> Result<Resolved, ResolveError> {
    check_length(path)?;
    let mut rest: VecDeque<String> = parts(path).collect();
    let mut own_parts = rest.len();
    let mut at = String::from("/");
    let mut directories = Vec::new();
    let mut links: Vec<(String, String)> = Vec::new();
    let mut entry = entry_at(root, "/", &links, false)?;
    while let Some(part) = rest.pop_front() {
        // The parts of links come first, so that the path's own are the last ones.
        let is_of_link = rest.len() >= own_parts;
        own_parts = own_parts.min(rest.len());
        if entry.kind != EntryKind::Directory {
            return Err(ResolveError::NotDirectory { path: at, links });
        }
        if directories.last().is_none_or(|(last, _)| *last != at) {
            directories.push((at.clone(), entry.clone()));
        }
        if part == "." {
            continue;
        }
        // After links: `..` leaves the directory that a link led to, not the one that holds the link
        // (path_resolution(7)).
        if part == ".." {
            at = parent_of(&at).to_owned();
            entry = entry_at(root, &at, &links, is_of_link)?;
            continue;
        }
        let next = if at == "/" { format!("/{part}") } else { format!("{at}/{part}") };
        let found = entry_at(root, &next, &links, is_of_link)?;
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
            entry = entry_at(root, "/", &links, is_of_link)?;
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
fn entry_at(
    root: &dyn Root,
    path: &str,
    links: &[(String, String)],
    is_of_link: bool,
) -> Result<Entry, ResolveError> {
    debug_assert_eq!(path, normalize(path));
    let missing = || ResolveError::Missing { missing: path.to_owned(), links: links.to_vec(), is_of_link };
    let Some(mount) = mounts::mount_of(path) else { return root.entry(path)?.ok_or_else(missing) };
    match mounts::look_up(root, path, mount)? {
        Mounted::Entry(entry) => Ok(entry),
        Mounted::Absent => Err(missing()),
        Mounted::Hidden => Err(ResolveError::Hidden { path: path.to_owned(), mount }),
        Mounted::Unknown => {
            let why =
                format!("a runtime mounts its own file system at {mount}, whose content only the node knows");
            Err(RootError::new(path, why).into())
        }
    }
}

/// Returns the parts of a path. A slash at its end becomes the part `.`, before which a directory must come.
fn parts(path: &str) -> impl Iterator<Item = String> + '_ {
    let end = path.ends_with('/').then_some(".");
    path.split('/').filter(|part| !part.is_empty()).chain(end).map(str::to_owned)
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
    fn what_comes_before_a_slash_at_the_end_must_be_a_directory() {
        let root = MemoryRoot::new().file("/app", 0o755, "").link("/link", "app/").directory("/srv", 0o755);
        for path in ["/app/", "/app/.", "/app/./", "/app/../app", "/link", "/link/"] {
            let error = resolve(&root, path).unwrap_err();
            assert!(matches!(error, ResolveError::NotDirectory { .. }), "{path}: {error}");
        }
        for path in ["/", "/.", "/srv/", "/srv/.", "//srv//../srv/"] {
            assert_eq!(resolve(&root, path).unwrap().entry.kind, EntryKind::Directory, "{path}");
        }
    }

    #[test]
    fn a_missing_part_belongs_to_the_path_or_to_a_link() {
        let root = MemoryRoot::new().link("/a", "b/c").directory("/b", 0o755).link("/d", "b");
        for (path, of_link) in [("/a", true), ("/a/x", true), ("/d/x", false), ("/d/../x", false)] {
            let error = resolve(&root, path).unwrap_err();
            assert!(
                matches!(error, ResolveError::Missing { is_of_link, .. } if is_of_link == of_link),
                "{path}: {error:?}"
            );
        }
    }

    #[test]
    fn mounts_hide_the_image() {
        let root = MemoryRoot::new()
            .file("/dev/app", 0o755, "")
            .file("/dev/shm/app", 0o755, "")
            .file("/proc/app", 0o755, "")
            .file("/sys/fs/cgroup/app", 0o755, "")
            .file("/device/app", 0o755, "")
            .link("/link", "/dev/app");
        for path in ["/dev/app", "/dev/shm/app", "/proc/app", "/sys/fs/cgroup/app", "/link"] {
            let error = resolve(&root, path).unwrap_err();
            assert!(matches!(error, ResolveError::Hidden { .. }), "{path}: {error}");
        }
        assert!(resolve(&root, "/device/app").is_ok(), "a name that begins like a mount point's");
    }

    #[test]
    fn mount_points_and_devices_exist_in_every_container() {
        let root = MemoryRoot::new().file("/dev/null", 0o644, "a file of the image");
        for (path, kind) in [
            ("/dev", EntryKind::Directory),
            ("/dev/pts", EntryKind::Directory),
            ("/dev/null", EntryKind::Special),
            ("/proc/", EntryKind::Directory),
        ] {
            assert_eq!(resolve(&root, path).unwrap().entry.kind, kind, "{path}");
        }
        assert!(matches!(resolve(&root, "/dev/x"), Err(ResolveError::Missing { .. })));
        for path in ["/proc/self/root/app", "/proc/1", "/proc/cpuinfo", "/sys/kernel", "/dev/fd/3"] {
            assert!(matches!(resolve(&root, path), Err(ResolveError::Unreadable(_))), "{path}");
        }
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
