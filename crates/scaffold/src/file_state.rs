//! Compares each file on disk with the desired one, and decides what happens to it.

use std::io::ErrorKind;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::{TEXT_LIMIT, has_git_directory, read_regular};
use serde::Serialize;
use similar::TextDiff;

use super::desired_file::{DesiredFile, Owner, normalize, parse_generated, stamp_header};
use super::error::ScaffoldError;
use super::merge::{MergeResult, UserFileEdit, with_line_ends_of};
use super::options::{EditedFiles, Part, VERSION};

/// The state of a file on disk compared with what would be written now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It does not exist.
    Missing,
    /// It is what would be written.
    Clean,
    /// It is generated and unedited, but would be written differently now; or the user maintains it and it lacks an entry.
    Stale,
    /// It is generated, and a person edited it.
    Edited,
    /// It is not generated: a person wrote it, or its path is occupied by something that crossdock does not touch.
    Yours,
}

/// The effect of [`Scaffold::write`](crate::Scaffold::write) on a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing: it is clean.
    None,
    /// It is created.
    Create,
    /// It replaces a generated file that nobody edited.
    Renew,
    /// It replaces a person's file, of which a backup is kept.
    Replace,
    /// It gains an entry and is otherwise unchanged.
    Merge,
    /// It stays as a person left it.
    Keep,
}

/// A file of a scaffold with its state and the action that follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedFile {
    /// The part to which it belongs.
    pub part: Part,
    /// The path relative to the project's root.
    pub path: Utf8PathBuf,
    /// The state on disk.
    pub state: State,
    /// The effect of writing the scaffold.
    pub action: Action,
    /// The size in bytes of the file that is written, or of the one that stays.
    pub bytes: u64,
    /// Whether the file differs from what crossdock maintains, so that `init --check` fails.
    pub drifts: bool,
    /// A remark for a person; `None` if there is nothing to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The absolute path with links resolved.
    #[serde(skip)]
    pub(super) resolved_path: Utf8PathBuf,
    /// The text on disk; `None` if the file does not exist.
    #[serde(skip)]
    pub(super) current_text: Option<String>,
    /// The text that would be written.
    #[serde(skip)]
    pub(super) desired_text: String,
}

impl PlannedFile {
    /// Returns a unified diff from the file on disk to what would be written. `None` if both are equal, or if the file is a
    /// person's own and stays.
    pub fn diff(&self) -> Option<String> {
        let diff = || unified_diff(self.path.as_str(), self.current_text.as_deref(), &self.desired_text);
        (self.will_be_written() || self.drifts).then(diff).filter(|diff| !diff.is_empty())
    }

    /// Returns whether the action writes the file.
    pub fn will_be_written(&self) -> bool {
        matches!(self.action, Action::Create | Action::Renew | Action::Replace | Action::Merge)
    }

    /// A file that does not exist yet.
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

    /// Sets the state and action of a file that exists with this size.
    fn with_state(mut self, state: State, action: Action, bytes: u64) -> Self {
        (self.state, self.action) = (state, action);
        self.drifts = matches!(state, State::Missing | State::Stale);
        if !self.will_be_written() {
            self.bytes = bytes;
        }
        self
    }
}

/// Compares a generated file with what is on disk.
///
/// # Errors
/// Fails if the file cannot be read, or if it is to be replaced and its path is not a file of the project.
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
    let generated = parse_generated(&current_text);
    // Git on Windows checks files out with CRLF; a rewritten file keeps those ends.
    let text = if current_text.contains("\r\n") { with_line_ends_of(&current_text, &text) } else { text };
    let mut planned = PlannedFile::new(file.part, root, &file.path, text);
    (planned.resolved_path, planned.current_text) = (resolved_path, Some(current_text));
    let edited = match edited_files {
        EditedFiles::Keep => Action::Keep,
        EditedFiles::Replace => Action::Replace,
    };
    let planned = match generated {
        Some(generated) if generated.unedited && generated.body == normalize(&file.body) => {
            planned.with_state(State::Clean, Action::None, bytes)
        }
        Some(generated) if generated.unedited => planned.with_state(State::Stale, Action::Renew, bytes),
        Some(_) => {
            let mut planned = planned.with_state(State::Edited, edited, bytes);
            planned.drifts = file.owner == Owner::Crossdock;
            planned
        }
        None => planned.with_state(State::Yours, edited, bytes).with_note(hand_written_note(file.part)),
    };
    Ok(match (file.part, planned.action) {
        (Part::Config, Action::Replace) => {
            planned.with_note("its settings are kept; its other comments survive only in the backup")
        }
        _ => planned,
    })
}

/// The note for a file without a header.
fn hand_written_note(part: Part) -> &'static str {
    match part {
        Part::Dockerfile => "written by hand: it has no header of crossdock; verify it with `crossdock lint`",
        _ => "written by hand: it has no header of crossdock",
    }
}

/// A generated file whose path is occupied by something that crossdock does not touch.
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
    let planned = PlannedFile::new(file.part, root, &file.path, text.to_owned());
    Ok(planned.with_state(State::Yours, Action::Keep, 0).with_note(why))
}

/// Compares a file that the user maintains with the same file after the edit.
///
/// # Errors
/// Fails if the file cannot be read or cannot take the entry.
pub(super) fn plan_merged_file(root: &Utf8Path, edit: &UserFileEdit) -> Result<PlannedFile, ScaffoldError> {
    let path = root.join(&edit.path);
    let (resolved_path, current_text, bytes) = match read_on_disk(root, &edit.path)? {
        OnDisk::Absent => (path.clone(), None, 0),
        OnDisk::Blocked(reason) => return Err(ScaffoldError::Merge { path, reason }),
        OnDisk::File { text, .. } if text.contains('\u{fffd}') => {
            return Err(ScaffoldError::Merge { path, reason: "is not UTF-8".to_owned() });
        }
        OnDisk::File { resolved_path, text, bytes } => (resolved_path, Some(text), bytes),
    };
    let result = edit.change.apply(current_text.as_deref().unwrap_or_default());
    let result = result.map_err(|reason| ScaffoldError::Merge { path, reason })?;
    let text = match &result {
        MergeResult::Changed(text) => text.clone(),
        MergeResult::Unchanged | MergeResult::Conflict(_) => current_text.clone().unwrap_or_default(),
    };
    let mut planned = PlannedFile::new(edit.part, root, &edit.path, text);
    (planned.resolved_path, planned.current_text) = (resolved_path, current_text);
    Ok(match result {
        MergeResult::Unchanged => planned.with_state(State::Clean, Action::None, bytes),
        MergeResult::Changed(_) if planned.current_text.is_none() => {
            planned.with_note(edit.change.description())
        }
        MergeResult::Changed(_) => {
            planned.with_state(State::Stale, Action::Merge, bytes).with_note(edit.change.description())
        }
        MergeResult::Conflict(why) => planned.with_state(State::Yours, Action::Keep, bytes).with_note(why),
    })
}

/// The result of looking up a path of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OnDisk {
    /// Nothing.
    Absent,
    /// A regular file.
    File {
        /// The path with links resolved.
        resolved_path: Utf8PathBuf,
        /// The content. Bytes that are not UTF-8 are replaced by U+FFFD: such a file is compared but never written back.
        text: String,
        /// The size in bytes.
        bytes: u64,
    },
    /// Something that is not a file of this project; the words follow its path.
    Blocked(String),
}

/// Reads the file at `path` below `root`. Checks each component of the path, because writing through a link would change
/// files outside of the project.
///
/// # Errors
/// Fails if the file cannot be read.
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
            let why = if is_last { "is a directory, not a file" } else { "lies below a file" };
            return Ok(OnDisk::Blocked(why.to_owned()));
        }
    }
    read_file(whole)
}

/// Returns why a link must not be followed; `None` if it stays within the project.
fn link_obstacle(root: &Utf8Path, link: &Utf8Path) -> Option<String> {
    let target = match link.canonicalize_utf8() {
        Ok(target) => target,
        Err(error) => return Some(format!("is a symbolic link to nothing ({error})")),
    };
    match root.canonicalize_utf8().ok().and_then(|root| Some(target.strip_prefix(&root).ok()?.to_owned())) {
        Some(below) if has_git_directory(below.as_std_path()) => {
            Some(format!("is a symbolic link to {target}, a file of git"))
        }
        Some(_) => None,
        None => Some(format!("is a symbolic link to {target}, outside of the project")),
    }
}

fn read_file(path: Utf8PathBuf) -> Result<OnDisk, ScaffoldError> {
    let failed = |source| ScaffoldError::Read { path: path.clone(), source };
    let bytes = read_regular(path.as_std_path(), TEXT_LIMIT).map_err(failed)?;
    if bytes.len() as u64 > TEXT_LIMIT {
        return Ok(OnDisk::Blocked(format!("is larger than {} MiB", TEXT_LIMIT >> 20)));
    }
    let resolved_path = path.canonicalize_utf8().map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(OnDisk::File { resolved_path, text, bytes: bytes.len() as u64 })
}

/// Returns a unified diff, as `patch` and `git apply` read it; an absent file is `/dev/null`.
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
    fn states_follow_from_header_digest_and_content() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let state = |file: &DesiredFile, edited_files| {
            let planned = plan_generated_file(root, file, edited_files).unwrap();
            (planned.state, planned.action, planned.drifts)
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
        assert_eq!(state(&ours, EditedFiles::Keep), (State::Yours, Action::Keep, false));
        assert_eq!(state(&ours, EditedFiles::Replace), (State::Yours, Action::Replace, false));
        let planned = plan_generated_file(root, &ours, EditedFiles::Keep).unwrap();
        assert!(planned.note.as_ref().unwrap().contains("by hand"));
        assert_eq!(planned.diff(), None, "the file is a person's own and stays");
        let planned = plan_generated_file(root, &ours, EditedFiles::Replace).unwrap();
        assert!(planned.diff().unwrap().contains("-FROM scratch\n"), "{:?}", planned.diff());
    }

    #[test]
    fn a_renewed_file_keeps_its_line_ends() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        std::fs::create_dir(root.join("sub")).unwrap();
        let current_text = stamp_header("one\n", CommentStyle::Hash, "0.0.1").replace('\n', "\r\n");
        crossdock_fs::write_atomically(root.join("sub/Dockerfile"), current_text.as_bytes()).unwrap();
        let planned =
            plan_generated_file(root, &sheet("one\ntwo\n", Owner::Crossdock), EditedFiles::Keep).unwrap();
        assert_eq!(planned.desired_text.matches("\r\n").count(), 3, "{:?}", planned.desired_text);
    }

    #[test]
    fn links_are_only_followed_within_the_project() {
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
    fn a_diff_names_both_files() {
        assert_eq!(unified_diff("f", None, "a\n"), "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n");
        assert_eq!(unified_diff("f", Some("a\n"), "b\n"), "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n");
        assert_eq!(unified_diff("f", Some("a\n"), "a\n"), "");
    }
}
