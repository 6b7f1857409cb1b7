//! Finds programs and files.

use crate::evaluate::machine::Evaluator;
use crate::evaluate::state::{Content, State};
use crate::outcome::{Found, Program};
use crate::start::{Dialect, Entry, Executable};
use crate::touched::{Touched, is_below};
use crate::value::Value;

/// The names in a directory of the image.
pub(crate) struct Listing {
    pub(crate) names: Vec<String>,
    /// Whether programs of which nothing is known may have created others. They hardly removed any.
    pub(crate) may_have_more: bool,
}

impl Listing {
    /// Returns the names as if there were no others. `None` if there are none in the image, but may be now.
    pub(crate) fn likely(self) -> Option<Vec<String>> {
        (!self.names.is_empty() || !self.may_have_more).then_some(self.names)
    }
}

impl Evaluator<'_> {
    /// Returns an absolute path without `.` and repeated slashes, or `None` if it is not known.
    pub(crate) fn absolute(state: &State, path: &str) -> Option<String> {
        if path.starts_with('/') {
            return Some(normalise(path));
        }
        Some(normalise(&format!("{}/{path}", state.directory.text()?)))
    }

    /// Returns what is at a path at this point of the script.
    pub(crate) fn entry(&self, state: &State, path: &str) -> Entry {
        if path.is_empty() {
            return Entry::Absent;
        }
        let Some(path) = Self::absolute(state, path) else { return Entry::Unknown };
        if is_below(&path, &state.touched.gone) {
            return Entry::Absent;
        }
        if is_below(&path, &state.touched.removed) {
            return Entry::Unknown;
        }
        let changed = !Self::is_original(state, &path);
        let opened = state.touched.anything || is_below(&path, &state.touched.opened);
        match self.files.entry(&path) {
            Entry::File(_) if is_below(&path, &state.touched.closed) => Entry::File(Executable::No),
            Entry::Absent if changed => Entry::Unknown,
            Entry::File(Executable::No) if opened => Entry::File(Executable::Unknown),
            entry => entry,
        }
    }

    /// Whether the script may have changed the file at an absolute path.
    pub(crate) fn is_changed(state: &State, path: &str) -> bool {
        state.touched.may_change(path)
    }

    /// Whether what is at an absolute path is certainly as the image has it.
    pub(crate) fn is_original(state: &State, path: &str) -> bool {
        !state.touched.anything && !Self::is_changed(state, path)
    }

    /// Whether the script may have written another file to the place at which it finds a program.
    pub(crate) fn is_rewritten(state: &State, found: &Found) -> bool {
        let Touched { removed, rewritten, .. } = &*state.touched;
        matches!(found, Found::At(path) if is_below(path, removed) || is_below(path, rewritten))
    }

    /// Returns the names in a directory at this point of the script. `None` if unknown.
    pub(crate) fn entries(&self, state: &State, path: &str) -> Option<Listing> {
        let path = Self::absolute(state, path)?;
        if state.touched.may_change_within(&path) {
            return None;
        }
        let names = self.files.entries(&path)?;
        Some(Listing { names, may_have_more: state.touched.anything })
    }

    /// Looks a command word up as the shell does: by its path if it has a slash, otherwise in PATH.
    pub(crate) fn find(&self, state: &State, word: &Value, path: Option<&Content>) -> Found {
        let Some(name) = word.text() else { return Found::Unknown };
        if name.is_empty() {
            return Found::Missing;
        }
        if name.contains('/') {
            return self.find_at(state, name);
        }
        let path = path.unwrap_or_else(|| state.variable("PATH"));
        let Content::Scalar(path) = path else { return Found::Unknown };
        let Some(path) = path.text() else { return Found::Unknown };
        let (mut refused, mut created, mut opened) = (None, false, None);
        for directory in path.split(':').take(64) {
            let directory = if directory.is_empty() { "." } else { directory };
            let candidate = format!("{directory}/{name}");
            match self.find_at(state, &candidate) {
                Found::Missing => {}
                // An earlier program may have created it here; if a later directory has it, it hardly did.
                Found::Unknown if self.was_absent(state, &candidate) => created = true,
                // dash goes on as if there were nothing, the others remember it.
                Found::NotExecutable(path) => refused = refused.or(Some(path)),
                found if self.is_guessed(state, &found) => opened = opened.or(Some(found)),
                found => return found,
            }
        }
        if let Some(found) = opened {
            return found;
        }
        if created {
            return Found::Unknown;
        }
        let refused = refused.filter(|_| self.start.dialect != Dialect::Dash);
        refused.map_or(Found::Missing, Found::NotExecutable)
    }

    /// Whether a program has no execute bits in the image, and nothing but commands of which it is not known what they do
    /// may have given it some.
    pub(crate) fn is_guessed(&self, state: &State, found: &Found) -> bool {
        let Found::At(path) = found else { return false };
        let Touched { removed, opened, .. } = &*state.touched;
        self.files.entry(path) == Entry::File(Executable::No)
            && !is_below(path, removed)
            && !is_below(path, opened)
            && !self.outcome.programs.iter().any(|program| self.may_open(program, path))
    }

    /// Whether a file has no execute bits, unless commands of which it is not known what they do gave it some.
    pub(crate) fn is_closed(&self, state: &State, path: &Value) -> bool {
        let path = path.text().and_then(|path| Self::absolute(state, path));
        path.is_some_and(|path| self.is_guessed(state, &Found::At(path)))
    }

    /// Whether a program is a script that changes modes and names the file at a path, or its directory.
    fn may_open(&self, program: &Program, path: &str) -> bool {
        let Found::At(script) = &program.found else { return false };
        let Some(text) = self.files.text(script).filter(|text| text.starts_with(b"#!")) else { return false };
        let text = String::from_utf8_lossy(&text);
        let (directory, _) = path.rsplit_once('/').unwrap_or_default();
        let names_it = text.contains(path) || (!directory.is_empty() && text.contains(directory));
        text.contains("chmod") && names_it
    }

    /// Whether nothing was at a path when the script started.
    fn was_absent(&self, state: &State, path: &str) -> bool {
        Self::absolute(state, path).is_some_and(|path| self.files.entry(&path) == Entry::Absent)
    }

    fn find_at(&self, state: &State, path: &str) -> Found {
        let absolute = Self::absolute(state, path);
        if let Some(source) = absolute.as_ref().and_then(|path| state.touched.source(path)) {
            return match self.files.entry(&source) {
                Entry::File(Executable::Yes) => Found::At(source),
                _ if state.touched.anything => Found::Unknown,
                Entry::Absent => Found::Missing,
                Entry::File(Executable::No) => Found::NotExecutable(source),
                _ => Found::Unknown,
            };
        }
        match (self.entry(state, path), absolute) {
            (Entry::Absent, _) => Found::Missing,
            (Entry::File(Executable::No) | Entry::Directory | Entry::Other, Some(path)) => {
                Found::NotExecutable(path)
            }
            (Entry::File(_), Some(path)) => Found::At(path),
            _ => Found::Unknown,
        }
    }
}

/// Removes `.` and repeated slashes. `..` stays: it depends on links.
fn normalise(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    format!("/{}", parts.join("/"))
}
