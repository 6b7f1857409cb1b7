//! The state of each file on disk compared with the desired one, and the action that follows from it.

use std::io::ErrorKind;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use similar::TextDiff;

use super::desired_file::{DesiredFile, Owner, normalize, parse_generated, stamp_header};
use super::error::ScaffoldError;
use super::merge::{MergeResult, UserFileEdit, with_line_ends_of};
use super::options::{EditedFiles, Part, VERSION};

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
#[non_exhaustive]
pub struct PlannedFile {
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
    pub(super) resolved_path: Utf8PathBuf,
    /// What is there.
    #[serde(skip)]
    pub(super) current_text: Option<String>,
    /// What would be there.
    #[serde(skip)]
    pub(super) desired_text: String,
}

impl PlannedFile {
    /// How the file differs from what would be written, as a unified diff; none when it does not, and of a file that is
    /// a person's and stays so.
    pub fn diff(&self) -> Option<String> {
        let diff = || unified_diff(self.path.as_str(), self.current_text.as_deref(), &self.desired_text);
        (self.will_be_written() || self.drifts).then(diff).filter(|diff| !diff.is_empty())
    }

    /// Whether it is written.
    pub fn will_be_written(&self) -> bool {
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
            resolved_path: root.join(path),
            current_text: None,
            desired_text: text,
        }
    }

    fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// It is there, and this is what happens to it.
    fn with_state(mut self, state: State, action: Action, bytes: u64) -> Self {
        (self.state, self.action) = (state, action);
        self.drifts = matches!(state, State::Missing | State::Stale);
        if !self.will_be_written() {
            self.bytes = bytes;
        }
        self
    }
}

/// A generated file, compared with what is there.
pub(super) fn plan_generated_file(
    root: &Utf8Path,
    file: &DesiredFile,
    edited_files: EditedFiles,
) -> Result<PlannedFile, ScaffoldError> {
    let text = stamp_header(&file.body, file.comment, VERSION);
    let (resolved_path, current_text, bytes) = match read_on_disk(root, &file.path)? {
        OnDisk::Absent => return Ok(PlannedFile::new(file.part, root, &file.path, text)),
        OnDisk::Blocked(why) => return plan_blocked_file(root, file, &text, why, edited_files),
        OnDisk::File { resolved_path, text, bytes } => (resolved_path, text, bytes),
    };
    let made = parse_generated(&current_text);
    // A checkout with other line ends keeps them.
    let text = if current_text.contains("\r\n") { with_line_ends_of(&current_text, &text) } else { text };
    let mut entry = PlannedFile::new(file.part, root, &file.path, text);
    (entry.resolved_path, entry.current_text) = (resolved_path, Some(current_text));
    let edited = match edited_files {
        EditedFiles::Keep => Action::Keep,
        EditedFiles::Replace => Action::Replace,
    };
    let entry = match made {
        Some(made) if made.unedited && made.body == normalize(&file.body) => {
            entry.with_state(State::Clean, Action::None, bytes)
        }
        Some(made) if made.unedited => entry.with_state(State::Stale, Action::Renew, bytes),
        Some(_) => {
            let mut entry = entry.with_state(State::Edited, edited, bytes);
            entry.drifts = file.owner == Owner::Crossdock;
            entry
        }
        None => entry.with_state(State::Edited, edited, bytes).with_note(hand_written_note(file.part)),
    };
    Ok(match (file.part, entry.action) {
        (Part::Config, Action::Replace) => {
            entry.with_note("what it configures is kept, and its comments in the backup alone")
        }
        _ => entry,
    })
}

fn hand_written_note(part: Part) -> &'static str {
    match part {
        Part::Dockerfile => "written by hand: it has no header of crossdock's; `crossdock lint` judges it",
        _ => "written by hand: it has no header of crossdock's",
    }
}

fn plan_blocked_file(
    root: &Utf8Path,
    file: &DesiredFile,
    text: &str,
    why: String,
    edited_files: EditedFiles,
) -> Result<PlannedFile, ScaffoldError> {
    if edited_files == EditedFiles::Replace {
        return Err(ScaffoldError::Unwritable { path: root.join(&file.path), reason: why });
    }
    let entry = PlannedFile::new(file.part, root, &file.path, text.to_owned());
    Ok(entry.with_state(State::Edited, Action::Keep, 0).with_note(why))
}

/// A file of the user's, compared with what it is with our entry.
pub(super) fn plan_merged_file(root: &Utf8Path, merge: &UserFileEdit) -> Result<PlannedFile, ScaffoldError> {
    let path = root.join(&merge.path);
    let (resolved_path, current_text, bytes) = match read_on_disk(root, &merge.path)? {
        OnDisk::Absent => (path.clone(), None, 0),
        OnDisk::Blocked(reason) => return Err(ScaffoldError::UserFileEdit { path, reason }),
        OnDisk::File { text, .. } if text.contains('\u{fffd}') => {
            return Err(ScaffoldError::UserFileEdit { path, reason: "it is not UTF-8".to_owned() });
        }
        OnDisk::File { resolved_path, text, bytes } => (resolved_path, Some(text), bytes),
    };
    let result = merge.change.apply(current_text.as_deref().unwrap_or_default());
    let result = result.map_err(|reason| ScaffoldError::UserFileEdit { path, reason })?;
    let text = match &result {
        MergeResult::Changed(text) => text.clone(),
        MergeResult::Unchanged | MergeResult::Conflict(_) => current_text.clone().unwrap_or_default(),
    };
    let mut entry = PlannedFile::new(merge.part, root, &merge.path, text);
    (entry.resolved_path, entry.current_text) = (resolved_path, current_text);
    Ok(match result {
        MergeResult::Unchanged => entry.with_state(State::Clean, Action::None, bytes),
        MergeResult::Changed(_) if entry.current_text.is_none() => {
            entry.with_note(merge.change.description())
        }
        MergeResult::Changed(_) => {
            entry.with_state(State::Stale, Action::Merge, bytes).with_note(merge.change.description())
        }
        MergeResult::Conflict(why) => entry.with_state(State::Edited, Action::Keep, bytes).with_note(why),
    })
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OnDisk {
    /// Nothing.
    Absent,
    /// A file.
    File {
        /// Where it lies when all links are followed.
        resolved_path: Utf8PathBuf,
        /// Its content; what is not UTF-8 is replaced, because such a file is only looked at.
        text: String,
        /// Its size.
        bytes: u64,
    },
    /// Something that is no file of this project, in words that follow its path.
    Blocked(String),
}

/// What lies at `path` below `root`.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn read_on_disk(root: &Utf8Path, path: &Utf8Path) -> Result<OnDisk, ScaffoldError> {
    let mut whole = root.to_owned();
    let parts: Vec<_> = path.components().collect();
    for (at, part) in parts.iter().enumerate() {
        whole.push(part);
        let metadata = match whole.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(OnDisk::Absent),
            Err(source) => return Err(ScaffoldError::Read { path: whole, source }),
        };
        if metadata.is_symlink()
            && let Some(why) = link_obstacle(root, &whole)
        {
            return Ok(OnDisk::Blocked(why));
        }
        let is_last = at + 1 == parts.len();
        if is_last != whole.is_file() {
            let why = if is_last { "is a directory, where a file belongs" } else { "lies below a file" };
            return Ok(OnDisk::Blocked(why.to_owned()));
        }
    }
    read_file(whole)
}

/// Why a link must not be followed; none when it stays in the project.
fn link_obstacle(root: &Utf8Path, link: &Utf8Path) -> Option<String> {
    let target = match link.canonicalize_utf8() {
        Ok(target) => target,
        Err(error) => return Some(format!("is a symbolic link to nothing ({error})")),
    };
    match root.canonicalize_utf8() {
        Ok(root) if target.starts_with(&root) => None,
        _ => Some(format!("is a symbolic link to {target}, outside of the project")),
    }
}

fn read_file(path: Utf8PathBuf) -> Result<OnDisk, ScaffoldError> {
    let failed = |source| ScaffoldError::Read { path: path.clone(), source };
    let bytes = std::fs::read(&path).map_err(failed)?;
    let resolved_path = path.canonicalize_utf8().map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(OnDisk::File { resolved_path, text, bytes: bytes.len() as u64 })
}

/// A unified diff, as `patch` and `git apply` take it; `/dev/null` stands for a file that is not there.
pub(super) fn unified_diff(path: &str, old: Option<&str>, new: &str) -> String {
    let from = if old.is_some() { format!("a/{path}") } else { "/dev/null".to_owned() };
    let diff = TextDiff::from_lines(old.unwrap_or_default(), new);
    diff.unified_diff().context_radius(3).header(&from, &format!("b/{path}")).to_string()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::desired_file::CommentStyle;

    fn sheet(body: &str, owner: Owner) -> DesiredFile {
        let (part, comment) = (Part::Dockerfile, CommentStyle::Hash);
        DesiredFile { part, path: "sub/Dockerfile".into(), body: body.to_owned(), comment, owner }
    }

    #[test]
    fn states_follow_header_digest_and_content() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let state = |file: &DesiredFile, edited_files| {
            let entry = plan_generated_file(root, file, edited_files).unwrap();
            (entry.state, entry.action, entry.drifts)
        };
        let (ours, theirs) = (sheet("one\n", Owner::Crossdock), sheet("one\n", Owner::User));
        assert_eq!(state(&ours, EditedFiles::Keep), (State::Missing, Action::Create, true));
        std::fs::create_dir(root.join("sub")).unwrap();
        let write = |text: &str| {
            crossdock_fs::write_atomically(root.join("sub/Dockerfile"), text.as_bytes()).unwrap()
        };
        let text = stamp_header("one\n", CommentStyle::Hash, "0.0.1");
        for text in [text.clone(), text.replace('\n', "\r\n")] {
            write(&text);
            assert_eq!(state(&ours, EditedFiles::Keep), (State::Clean, Action::None, false));
            assert_eq!(
                state(&sheet("two\n", Owner::User), EditedFiles::Keep),
                (State::Stale, Action::Renew, true)
            );
        }
        write(&format!("{text}three\n"));
        assert_eq!(state(&ours, EditedFiles::Keep), (State::Edited, Action::Keep, true));
        assert_eq!(state(&theirs, EditedFiles::Keep), (State::Edited, Action::Keep, false));
        assert_eq!(state(&ours, EditedFiles::Replace), (State::Edited, Action::Replace, true));
        write("FROM scratch\n");
        assert_eq!(state(&ours, EditedFiles::Keep), (State::Edited, Action::Keep, false));
        let entry = plan_generated_file(root, &ours, EditedFiles::Keep).unwrap();
        assert!(entry.note.as_ref().unwrap().contains("by hand"));
        assert_eq!(entry.diff(), None, "it is a person's and stays so");
        let entry = plan_generated_file(root, &ours, EditedFiles::Replace).unwrap();
        assert!(entry.diff().unwrap().contains("-FROM scratch\n"), "{:?}", entry.diff());
    }

    #[test]
    fn a_renewed_file_keeps_its_line_ends() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        std::fs::create_dir(root.join("sub")).unwrap();
        let current_text = stamp_header("one\n", CommentStyle::Hash, "0.0.1").replace('\n', "\r\n");
        crossdock_fs::write_atomically(root.join("sub/Dockerfile"), current_text.as_bytes()).unwrap();
        let entry =
            plan_generated_file(root, &sheet("one\ntwo\n", Owner::Crossdock), EditedFiles::Keep).unwrap();
        assert_eq!(entry.desired_text.matches("\r\n").count(), 3, "{:?}", entry.desired_text);
    }

    #[test]
    fn links_are_followed_within_the_project_alone() {
        let directory = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(directory.path()).unwrap();
        let root = &base.join("project");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        for file in ["outside", "project/sub/file"] {
            std::fs::File::create(base.join(file)).unwrap();
        }
        symlink("sub/file", root.join("inside")).unwrap();
        symlink("../outside", root.join("leaves")).unwrap();
        symlink("..", root.join("above")).unwrap();
        symlink("nothing", root.join("dangling")).unwrap();
        let blocked = |path: &str| match read_on_disk(root, path.into()).unwrap() {
            OnDisk::Blocked(why) => why,
            other => panic!("{path}: {other:?}"),
        };
        assert!(
            matches!(read_on_disk(root, "inside".into()), Ok(OnDisk::File { resolved_path, .. }) if resolved_path.ends_with("sub/file"))
        );
        assert_eq!(read_on_disk(root, "sub/new/file".into()).unwrap(), OnDisk::Absent);
        assert!(blocked("leaves").contains("outside of the project"));
        assert!(blocked("above/file").contains("outside of the project"));
        assert!(blocked("dangling").contains("nothing"));
        assert!(blocked("sub").contains("is a directory"));
        assert!(blocked("sub/file/x").contains("below a file"));
    }

    #[test]
    fn a_diff_names_both_sides() {
        assert_eq!(unified_diff("f", None, "a\n"), "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n");
        assert_eq!(unified_diff("f", Some("a\n"), "b\n"), "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n");
        assert_eq!(unified_diff("f", Some("a\n"), "a\n"), "");
    }
}
