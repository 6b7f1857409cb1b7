use camino::Utf8PathBuf;

use super::merge::{self, Merged};
use super::part::Part;
use crate::header::Comment;

/// A file as it should be.
#[derive(Debug, Clone)]
pub(super) struct Sheet {
    /// To what it belongs.
    pub(super) part: Part,
    /// Its path below the project's root.
    pub(super) path: Utf8PathBuf,
    /// Its text without the header.
    pub(super) body: String,
    /// How it writes comments.
    pub(super) comment: Comment,
    /// Who goes on with it.
    pub(super) owner: Owner,
}

impl Sheet {
    /// A file that follows the configuration, of a kind whose comments begin with `#`.
    pub(super) fn ours(part: Part, path: impl Into<Utf8PathBuf>, body: String) -> Self {
        Self { part, path: path.into(), body, comment: Comment::Hash, owner: Owner::Crossdock }
    }
}

/// Who goes on with a file once it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// It follows the configuration, so that an edit is a drift.
    Crossdock,
    /// It is where a person begins, so that an edit is what it is for.
    Person,
}

/// A file of the user's that gets entries of ours.
#[derive(Debug, Clone)]
pub(super) struct Merge {
    /// To what it belongs.
    pub(super) part: Part,
    /// Its path below the project's root.
    pub(super) path: Utf8PathBuf,
    /// What it gets.
    pub(super) change: Change,
}

/// What a file of the user's gets.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// The alias `cargo xtask`.
    Alias,
    /// Members of the workspace, and folders that no glob of its members may take for packages.
    Workspace {
        /// The members.
        members: Vec<&'static str>,
        /// The folders.
        folders: Vec<String>,
    },
}

impl Change {
    /// The file with the change.
    ///
    /// # Errors
    /// A file that cannot take it.
    pub(super) fn apply(&self, text: &str) -> Result<Merged, String> {
        match self {
            Self::Alias => merge::alias(text),
            Self::Workspace { members, folders } => merge::workspace(text, members, folders),
        }
    }

    /// The change in words.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Alias => "gets the alias `cargo xtask`",
            Self::Workspace { .. } => "gets entries in [workspace]",
        }
    }
}
