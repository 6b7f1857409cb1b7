//! A file of a scaffold: its state, and what happens to it.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::error::ScaffoldError;
use super::lines::{as_in, plain, unified};
use super::merge::Merged;
use super::part::Part;
use super::place::{Place, look};
use super::request::Existing;
use super::sheet::{Merge, Owner, Sheet};
use super::source::VERSION;
use crate::header;

/// What a file is, compared with what would be written today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is not there.
    Missing,
    /// It is as it would be written.
    Clean,
    /// crossdock made it, nobody edited it, and it would be written in another way today; or it is the user's own and
    /// lacks an entry of ours.
    Stale,
    /// Somebody edited it, or wrote it by hand.
    Edited,
}

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing.
    None,
    /// It is written where nothing was.
    Create,
    /// It is written over what crossdock made before.
    Renew,
    /// It is written over what a person made, of which a backup is kept.
    Replace,
    /// It gets an entry and keeps everything else.
    Merge,
    /// It stays as a person made it.
    Keep,
}

/// A file of a scaffold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// To what it belongs.
    pub part: Part,
    /// Its path below the project's root.
    pub path: Utf8PathBuf,
    /// What it is.
    pub state: State,
    /// What happens to it.
    pub action: Action,
    /// Its size: what is written, or what stays.
    pub bytes: u64,
    /// Whether `--check` fails for it.
    pub drifts: bool,
    /// What a person should know of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Where it lies or will lie, links followed.
    #[serde(skip)]
    pub(super) real: Utf8PathBuf,
    /// What is there.
    #[serde(skip)]
    pub(super) old: Option<String>,
    /// What would be there.
    #[serde(skip)]
    pub(super) new: String,
}

impl Entry {
    /// How the file differs from what would be written, as a unified diff; none when it does not, and of a file that is
    /// a person's and stays so.
    pub fn diff(&self) -> Option<String> {
        let diff = || unified(self.path.as_str(), self.old.as_deref(), &self.new);
        (self.is_written() || self.drifts).then(diff).filter(|diff| !diff.is_empty())
    }

    /// Whether it is written.
    pub fn is_written(&self) -> bool {
        matches!(self.action, Action::Create | Action::Renew | Action::Replace | Action::Merge)
    }

    pub(super) fn new(part: Part, root: &Utf8Path, path: &Utf8Path, text: String) -> Self {
        Self {
            part,
            path: path.to_owned(),
            state: State::Missing,
            action: Action::Create,
            bytes: text.len() as u64,
            drifts: true,
            note: None,
            real: root.join(path),
            old: None,
            new: text,
        }
    }

    fn noted(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// It is there, and this is what happens to it.
    fn there(mut self, state: State, action: Action, bytes: u64) -> Self {
        (self.state, self.action) = (state, action);
        self.drifts = matches!(state, State::Missing | State::Stale);
        if !self.is_written() {
            self.bytes = bytes;
        }
        self
    }
}

/// A generated file, compared with what is there.
pub(super) fn generated(root: &Utf8Path, sheet: &Sheet, existing: Existing) -> Result<Entry, ScaffoldError> {
    let text = header::stamp(&sheet.body, sheet.comment, VERSION);
    let (real, old, bytes) = match look(root, &sheet.path)? {
        Place::Absent => return Ok(Entry::new(sheet.part, root, &sheet.path, text)),
        Place::Blocked(why) => return blocked(root, sheet, &text, why, existing),
        Place::File { real, text, bytes } => (real, text, bytes),
    };
    let made = header::read(&old);
    // A checkout with other line ends keeps them.
    let text = if old.contains("\r\n") { as_in(&old, &text) } else { text };
    let mut entry = Entry::new(sheet.part, root, &sheet.path, text);
    (entry.real, entry.old) = (real, Some(old));
    let edited = match existing {
        Existing::Keep => Action::Keep,
        Existing::Replace => Action::Replace,
    };
    let entry = match made {
        Some(made) if made.unedited && made.body == plain(&sheet.body) => {
            entry.there(State::Clean, Action::None, bytes)
        }
        Some(made) if made.unedited => entry.there(State::Stale, Action::Renew, bytes),
        Some(_) => {
            let mut entry = entry.there(State::Edited, edited, bytes);
            entry.drifts = sheet.owner == Owner::Crossdock;
            entry
        }
        None => entry.there(State::Edited, edited, bytes).noted(by_hand(sheet.part)),
    };
    Ok(match (sheet.part, entry.action) {
        (Part::Config, Action::Replace) => {
            entry.noted("what it configures is kept, and its comments in the backup alone")
        }
        _ => entry,
    })
}

fn by_hand(part: Part) -> &'static str {
    match part {
        Part::Dockerfile => "written by hand: it has no header of crossdock's; `crossdock lint` judges it",
        _ => "written by hand: it has no header of crossdock's",
    }
}

fn blocked(
    root: &Utf8Path,
    sheet: &Sheet,
    text: &str,
    why: String,
    existing: Existing,
) -> Result<Entry, ScaffoldError> {
    if existing == Existing::Replace {
        return Err(ScaffoldError::Place { path: root.join(&sheet.path), reason: why });
    }
    let entry = Entry::new(sheet.part, root, &sheet.path, text.to_owned());
    Ok(entry.there(State::Edited, Action::Keep, 0).noted(why))
}

/// A file of the user's, compared with what it is with our entry.
pub(super) fn merged(root: &Utf8Path, merge: &Merge) -> Result<Entry, ScaffoldError> {
    let path = root.join(&merge.path);
    let (real, old, bytes) = match look(root, &merge.path)? {
        Place::Absent => (path.clone(), None, 0),
        Place::Blocked(reason) => return Err(ScaffoldError::Merge { path, reason }),
        Place::File { text, .. } if text.contains('\u{fffd}') => {
            return Err(ScaffoldError::Merge { path, reason: "it is not UTF-8".to_owned() });
        }
        Place::File { real, text, bytes } => (real, Some(text), bytes),
    };
    let result = merge.change.apply(old.as_deref().unwrap_or_default());
    let result = result.map_err(|reason| ScaffoldError::Merge { path, reason })?;
    let text = match &result {
        Merged::With(text) => text.clone(),
        Merged::Present | Merged::Other(_) => old.clone().unwrap_or_default(),
    };
    let mut entry = Entry::new(merge.part, root, &merge.path, text);
    (entry.real, entry.old) = (real, old);
    Ok(match result {
        Merged::Present => entry.there(State::Clean, Action::None, bytes),
        Merged::With(_) if entry.old.is_none() => entry.noted(merge.change.what()),
        Merged::With(_) => entry.there(State::Stale, Action::Merge, bytes).noted(merge.change.what()),
        Merged::Other(why) => entry.there(State::Edited, Action::Keep, bytes).noted(why),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Comment;

    fn sheet(body: &str, owner: Owner) -> Sheet {
        let (part, comment) = (Part::Dockerfile, Comment::Hash);
        Sheet { part, path: "sub/Dockerfile".into(), body: body.to_owned(), comment, owner }
    }

    #[test]
    fn states_follow_header_digest_and_content() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        let state = |sheet: &Sheet, existing| {
            let entry = generated(root, sheet, existing).unwrap();
            (entry.state, entry.action, entry.drifts)
        };
        let (ours, theirs) = (sheet("one\n", Owner::Crossdock), sheet("one\n", Owner::Person));
        assert_eq!(state(&ours, Existing::Keep), (State::Missing, Action::Create, true));
        std::fs::create_dir(root.join("sub")).unwrap();
        let write = |text: &str| {
            crossdock_fs::write_atomically(root.join("sub/Dockerfile"), text.as_bytes()).unwrap()
        };
        let text = header::stamp("one\n", Comment::Hash, "0.0.1");
        for text in [text.clone(), text.replace('\n', "\r\n")] {
            write(&text);
            assert_eq!(state(&ours, Existing::Keep), (State::Clean, Action::None, false));
            assert_eq!(
                state(&sheet("two\n", Owner::Person), Existing::Keep),
                (State::Stale, Action::Renew, true)
            );
        }
        write(&format!("{text}three\n"));
        assert_eq!(state(&ours, Existing::Keep), (State::Edited, Action::Keep, true));
        assert_eq!(state(&theirs, Existing::Keep), (State::Edited, Action::Keep, false));
        assert_eq!(state(&ours, Existing::Replace), (State::Edited, Action::Replace, true));
        write("FROM scratch\n");
        assert_eq!(state(&ours, Existing::Keep), (State::Edited, Action::Keep, false));
        let entry = generated(root, &ours, Existing::Keep).unwrap();
        assert!(entry.note.as_ref().unwrap().contains("by hand"));
        assert_eq!(entry.diff(), None, "it is a person's and stays so");
        let entry = generated(root, &ours, Existing::Replace).unwrap();
        assert!(entry.diff().unwrap().contains("-FROM scratch\n"), "{:?}", entry.diff());
    }

    #[test]
    fn a_renewed_file_keeps_its_line_ends() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        std::fs::create_dir(root.join("sub")).unwrap();
        let old = header::stamp("one\n", Comment::Hash, "0.0.1").replace('\n', "\r\n");
        crossdock_fs::write_atomically(root.join("sub/Dockerfile"), old.as_bytes()).unwrap();
        let entry = generated(root, &sheet("one\ntwo\n", Owner::Crossdock), Existing::Keep).unwrap();
        assert_eq!(entry.new.matches("\r\n").count(), 3, "{:?}", entry.new);
    }
}
