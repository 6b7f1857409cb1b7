//! The search for the program of a process, as its starter searches.

use super::process::{Libc, Process, Search};
use crate::program::container::{Container, entries_on_path, shown_path};
use crate::root::{EntryKind, ResolveError, Resolved};
use crossdock_shell::Changes;

/// The most parts of PATH in which changes are looked for.
const MOST_PARTS: usize = 64;

/// The reason why the program of a process is not started.
pub(super) enum NotFound {
    /// It is not in the image; the text says where it was searched.
    Absent(String),
    /// It is there, and the user may not execute it.
    Denied(Box<Resolved>),
    /// It cannot be known; the text is the reason.
    Unknown(String),
}

/// Finds the program of a process.
pub(super) fn find(process: &Process, image: Container<'_>) -> Result<Resolved, NotFound> {
    let Some(name) = process.name() else {
        let word = process.words.first().map(ToString::to_string).unwrap_or_default();
        return Err(NotFound::Unknown(format!("`{word}` is only known when it runs")));
    };
    let name = match &process.search {
        Search::At(path) | Search::Changed(path) => path,
        _ => name,
    };
    let container = process.within(image);
    match &process.search {
        Search::Path(libc) if !name.contains('/') => on_path(process, container, name, *libc),
        _ => by_path(process, container, name),
    }
}

/// Returns whether one of these changes may concern the program of a process, or a place at which it is searched.
pub(super) fn may_be_changed(process: &Process, changes: &[Changes]) -> bool {
    let Some(name) = process.name().filter(|_| !changes.is_empty()) else { return false };
    let directory = process.directory.as_deref().unwrap_or("/");
    let concern = |path: &str| {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
        changes.iter().any(|changes| changes.may_concern(&path))
    };
    match process.environment.get("PATH").filter(|_| !name.contains('/')) {
        Some(path) => path.split(':').take(MOST_PARTS).any(|part| concern(&format!("{part}/{name}"))),
        None => concern(name),
    }
}

/// Returns whether nobody before a process could give a program its execute bits: all ran as the image's user, who does not
/// own it.
pub(super) fn is_denied_for_good(process: &Process, image: Container<'_>, error: &NotFound) -> bool {
    let NotFound::Denied(found) = error else { return false };
    let is_same = process.user.as_ref().is_some_and(|user| user.uid == image.user.uid);
    is_same && image.user.uid != 0 && image.user.uid != found.entry.uid
}

fn by_path(process: &Process, container: Container<'_>, name: &str) -> Result<Resolved, NotFound> {
    if !name.starts_with('/') && process.directory.is_none() {
        return Err(NotFound::Unknown(format!("the working directory of {name} is only known when it runs")));
    }
    match container.resolve(name) {
        Ok(found) if may_use(process, container, &found) => Ok(found),
        Ok(found) if found.entry.kind == EntryKind::File && matches!(process.search, Search::Changed(_)) => {
            Ok(found)
        }
        Ok(found) => Err(NotFound::Denied(Box::new(found))),
        Err(ResolveError::Unreadable(error)) => Err(NotFound::Unknown(error.to_string())),
        Err(error) => Err(NotFound::Absent(error.to_string())),
    }
}

/// Returns whether the user may start the program. A loader that was started as a program only reads it.
fn may_use(process: &Process, container: Container<'_>, found: &Resolved) -> bool {
    match process.loader {
        Some(_) => found.entry.kind == EntryKind::File && container.user.may_open(found),
        None => container.user.may_start(found),
    }
}

fn on_path(
    process: &Process,
    container: Container<'_>,
    name: &str,
    libc: Option<Libc>,
) -> Result<Resolved, NotFound> {
    if process.environment.is_unknown("PATH") {
        return Err(NotFound::Unknown(format!(
            "PATH, on which {name} is searched, is only known when it runs"
        )));
    }
    let path = match (process.environment.get("PATH"), libc) {
        (Some(path), _) => path,
        // Without PATH: `_CS_PATH` of glibc, the directories in musl's `execvp`.
        (None, Some(Libc::Glibc)) => "/bin:/usr/bin",
        (None, Some(Libc::Musl)) => "/usr/local/bin:/bin:/usr/bin",
        (None, None) => return Err(NotFound::Unknown(format!("{name} is searched without PATH"))),
    };
    let mut denied = None;
    for (_, found) in entries_on_path(container, path.split(':'), name) {
        if container.user.may_start(&found) {
            return Ok(found);
        }
        denied.get_or_insert(found);
    }
    let is_relative = path.split(':').any(|directory| !directory.starts_with('/'));
    if is_relative && process.directory.is_none() {
        return Err(NotFound::Unknown(format!(
            "the working directory, in which {name} is searched, is unknown"
        )));
    }
    match denied {
        Some(found) => Err(NotFound::Denied(Box::new(found))),
        None => Err(NotFound::Absent(format!("no directory of PATH ({}) has it", shown_path(path)))),
    }
}

/// Returns the path by which the kernel starts a process: not that of the file to which links lead.
pub(super) fn called_path(process: &Process, image: Container<'_>, found: &Resolved) -> String {
    let name = match &process.search {
        Search::At(path) | Search::Changed(path) => path,
        _ => process.name().unwrap_or(&found.path),
    };
    if name.contains('/') {
        return name.to_owned();
    }
    let container = process.within(image);
    let parts = container.search_path();
    let has_it = entries_on_path(container, parts, name).find(|(_, other)| other.path == found.path);
    has_it.map_or_else(|| found.path.clone(), |(part, _)| format!("{part}/{name}"))
}
