use std::io;
use std::path::{Path, PathBuf};

/// An operation on a file of this machine that failed.
///
/// The operating system's own words are the [source](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", path.display())]
pub struct FileError {
    /// What was tried, as a verb: "read", "create", "rename".
    pub action: &'static str,
    /// The file or folder it was tried on.
    pub path: PathBuf,
    /// Why the operating system refused.
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`: `File::open(p).map_err(FileError::on("open", p))`.
    pub(crate) fn on(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { action, path: path.to_owned(), source }
    }

    /// Whether the file was not there.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}
