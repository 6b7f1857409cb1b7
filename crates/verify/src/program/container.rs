//! The container that a program starts in, as far as the checks see it.

use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use crate::program::inspect::{self, Elf, Inspection, inspect_file};
use crate::root::{Entry, EntryKind, ResolveError, Resolved, Root, normalize, read_whole, resolve};
use crate::{Finding, Target, codes};

/// The container that a program starts in.
#[derive(Clone, Copy)]
pub(crate) struct Container<'a> {
    pub(crate) root: &'a dyn Root,
    /// The environment from the image's configuration, as `NAME=VALUE`.
    pub(crate) environment: &'a [Rc<str>],
    /// The directory in which the program starts; not empty.
    pub(crate) working_directory: &'a str,
    pub(crate) user: &'a Credentials,
}

/// The size above which a passwd or group file is not read, to bound memory.
pub(crate) const MAX_ACCOUNTS: u64 = 4 << 20;
/// The number of groups of a process in Linux (`NGROUPS_MAX`).
pub(crate) const MAX_GROUPS: usize = 65536;

/// The number of different parts of PATH in which a name is searched: each may lead through links to thousands of lookups.
pub(crate) const MAX_SEARCHED: usize = 1000;
/// The number of characters of PATH that a message shows.
const MAX_SHOWN: usize = 1000;

/// The numeric user that a container runs as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
}

/// An unknown user, who is taken for one that owns nothing.
pub(crate) static ANYONE: Credentials = Credentials { uid: u32::MAX, gid: u32::MAX, groups: Vec::new() };

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == ANYONE {
            f.write_str("a user who is only known when it runs")
        } else {
            write!(f, "user {}", self.uid)
        }
    }
}

impl Credentials {
    /// Returns whether the permission bits let this user execute the file.
    pub(crate) fn may_execute(&self, entry: &Entry) -> bool {
        // CAP_DAC_OVERRIDE lets root execute any file that has an execute bit for someone.
        if self.uid == 0 { entry.mode & 0o111 != 0 } else { self.class_of(entry) & 0o1 != 0 }
    }

    /// Returns whether the permission bits let this user read the file. Root may read any (`CAP_DAC_OVERRIDE`).
    pub(crate) fn may_read(&self, entry: &Entry) -> bool {
        self.uid == 0 || self.class_of(entry) & 0o4 != 0
    }

    /// Returns the three permission bits that count for this user. Only the first class that matches counts: a bit for
    /// others does not help the owner (path_resolution(7)).
    fn class_of(&self, entry: &Entry) -> u32 {
        match self {
            user if user.uid == entry.uid => entry.mode >> 6 & 0o7,
            user if user.gid == entry.gid || user.groups.contains(&entry.gid) => entry.mode >> 3 & 0o7,
            _ => entry.mode & 0o7,
        }
    }

    /// Returns whether this user may start the file, which must be a regular one.
    pub(crate) fn may_start(&self, found: &Resolved) -> bool {
        found.entry.kind == EntryKind::File
            && self.may_execute(&found.entry)
            && self.blocked_at(&found.directories).is_none()
    }

    /// Returns whether this user may open the file to read it.
    pub(crate) fn may_open(&self, found: &Resolved) -> bool {
        self.may_read(&found.entry) && self.blocked_at(&found.directories).is_none()
    }

    /// Returns the first of these directories that this user may not search. Root may search any directory, whatever
    /// its bits (`CAP_DAC_OVERRIDE`).
    pub(crate) fn blocked_at<'a>(&self, directories: &'a [(String, Entry)]) -> Option<&'a (String, Entry)> {
        directories.iter().find(|(_, directory)| self.uid != 0 && !self.may_execute(directory))
    }
}

/// An ELF file of an image.
pub(crate) struct ElfFile<'a> {
    /// The path with links resolved.
    pub(crate) path: String,
    pub(crate) elf: Box<Elf>,
    pub(crate) content: inspect::Content<'a>,
}

/// The result of reading a small file.
pub(crate) enum Content {
    Read(Vec<u8>),
    /// No such file exists.
    Absent,
    /// The file is longer than the limit.
    TooLong,
    /// The user may not read it, or it is not a regular file.
    Refused,
}

impl<'a> Container<'a> {
    /// Reads a regular file of at most `longest` bytes with the user's permissions.
    pub(crate) fn read_small(&self, path: &str, longest: u64) -> Content {
        let found = match self.resolve(path) {
            Ok(found) => found,
            Err(ResolveError::Missing { .. }) => return Content::Absent,
            Err(_) => return Content::Refused,
        };
        if found.entry.kind != EntryKind::File || !self.user.may_open(&found) {
            return Content::Refused;
        }
        if found.entry.size > longest {
            return Content::TooLong;
        }
        read_whole(self.root, &found.path, longest).map_or(Content::Refused, Content::Read)
    }

    /// Returns the value of an environment variable. The last assignment counts.
    pub(crate) fn variable(&self, name: &str) -> Option<&'a str> {
        // runc sets them one by one in the order of the list, so that a later one replaces an earlier.
        last_assignment(self.environment, name)
    }

    /// Returns the path as a process in the working directory resolves it.
    pub(crate) fn seen_from_working_directory(&self, path: &str) -> String {
        seen_from(self.working_directory, path)
    }

    /// Resolves a path as a process in the working directory does.
    pub(crate) fn resolve(&self, path: &str) -> Result<Resolved, ResolveError> {
        let seen = self.seen_from_working_directory(path);
        if path.starts_with('/') {
            return resolve(self.root, &seen);
        }
        let start = resolve(self.root, self.working_directory);
        if matches!(start, Err(ResolveError::Missing { is_of_link: false, .. })) {
            // The runtime creates what is missing, without links, so that `..` leads to the directory above.
            return resolve(self.root, &normalize(&seen));
        }
        let mut found = resolve(self.root, &seen)?;
        if let Ok(start) = start {
            // The runtime enters the working directory as root, so that the user need not be able to search what is above.
            let directories = &start.directories;
            let itself = directories.iter().rposition(|(directory, _)| *directory == start.path);
            let above = itself.unwrap_or(directories.len()).min(found.directories.len());
            found.directories.drain(..above);
        }
        Ok(found)
    }

    /// Inspects the regular file that a process in the working directory finds at this path; `None` if it is not an ELF
    /// file.
    pub(crate) fn elf_file(&self, path: &str) -> Option<ElfFile<'a>> {
        let found = self.resolve(path).ok().filter(|found| found.entry.kind == EntryKind::File)?;
        let file = inspect_file(self.root, &found.path).ok()?;
        match file.facts {
            Inspection::Elf(elf) => Some(ElfFile { path: found.path, elf, content: file.content }),
            _ => None,
        }
    }

    /// Returns the directories of PATH.
    pub(crate) fn search_path(&self) -> Vec<&'a str> {
        search_path(self.environment)
    }
}

/// Returns the value of a variable of an environment, which is `NAME=VALUE` lines of which the last one counts.
pub(crate) fn last_assignment<'e>(
    environment: &'e [impl Deref<Target = str>],
    name: &str,
) -> Option<&'e str> {
    environment.iter().rev().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

/// Returns the directories of PATH. Runtimes set a default if the environment has none.
pub(crate) fn search_path(environment: &[impl Deref<Target = str>]) -> Vec<&str> {
    // The default of Docker and containerd (`oci.WithDefaultPathEnv`).
    const DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    last_assignment(environment, "PATH").unwrap_or(DEFAULT).split(':').collect()
}

/// Returns the path as a process in this directory resolves it.
pub(crate) fn seen_from(directory: &str, path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{directory}/{path}") }
}

/// Returns the first file of this name in a directory of PATH that the user may execute, as `env` searches.
pub(crate) fn on_search_path(image: Container<'_>, name: &str) -> Option<Resolved> {
    let mut entries = entries_on_path(image, image.search_path(), name);
    entries.find(|(_, found)| image.user.may_start(found)).map(|(_, found)| found)
}

/// Returns the entries of this name in the parts of a PATH, each with its part.
pub(crate) fn entries_on_path<'p>(
    image: Container<'_>,
    parts: impl IntoIterator<Item = &'p str>,
    name: &str,
) -> impl Iterator<Item = (&'p str, Resolved)> {
    searched(parts).filter_map(move |part| {
        // POSIX: an empty element of PATH is the working directory.
        let directory = if part.is_empty() { "." } else { part };
        Some((part, image.resolve(&format!("{directory}/{name}")).ok()?))
    })
}

/// Returns the parts of a PATH in which a name is searched: each once, and not more than [`MAX_SEARCHED`].
pub(crate) fn searched<'p>(parts: impl IntoIterator<Item = &'p str>) -> impl Iterator<Item = &'p str> {
    let mut seen = HashSet::new();
    parts.into_iter().filter(move |part| seen.insert(*part)).take(MAX_SEARCHED)
}

/// Returns whether a PATH has more different parts than are searched.
pub(crate) fn has_too_many_parts(parts: &[&str]) -> bool {
    parts.len() > MAX_SEARCHED && parts.iter().collect::<HashSet<_>>().len() > MAX_SEARCHED
}

/// Returns a PATH as a message shows it: a long one is cut.
pub(crate) fn shown_path(path: &str) -> String {
    match path.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &path[..end]),
        None => path.to_owned(),
    }
}

/// Returns the finding about a file that the user may not execute; `None` if the user may.
pub(crate) fn not_executable(
    target: &Target,
    word: &str,
    found: &Resolved,
    user: &Credentials,
) -> Option<Finding> {
    let shown = format!("a runtime shows `exec: \"{word}\": permission denied`, exit 126");
    if found.entry.kind != EntryKind::File {
        let what =
            if found.entry.kind == EntryKind::Directory { "a directory" } else { "not a regular file" };
        let message = format!("{word} is {what}: {shown}.");
        return Some(Finding::new(codes::ENTRY_POINT_NOT_A_FILE, target.name(), &found.path, message));
    }
    (!user.may_start(found))
        .then(|| denied(target, found, user, &format!("User {}:{}", user.uid, user.gid), &shown))
}

/// Returns the finding about a regular file that the user, whom `name` describes, may not start; `shown` is the error that
/// results.
pub(crate) fn denied(
    target: &Target,
    found: &Resolved,
    user: &Credentials,
    name: &str,
    shown: &str,
) -> Finding {
    // A directory that the user may not search hides the file, whatever the mode of the file.
    let blocked = user.blocked_at(&found.directories);
    let (path, entry) = blocked.map_or((&found.path, &found.entry), |(path, entry)| (path, entry));
    let what = match blocked {
        Some(_) => format!("{name} may not enter the directory"),
        // Not even root.
        None if entry.mode & 0o111 == 0 => "No user may execute".to_owned(),
        None => format!("{name} may not execute"),
    };
    let (mode, uid, gid) = (entry.mode, entry.uid, entry.gid);
    let message = format!("{what} {path} (mode {mode:04o}, owner {uid}:{gid}): {shown}.");
    let mode = format!("{:04o}", entry.mode);
    Finding::new(codes::NOT_EXECUTABLE, target.name(), &found.path, message)
        .with_evidence(path.as_str(), mode)
}
