use std::io;
use std::path::{Path, PathBuf};

/// A failed operation on a file of this machine.
///
/// The operating system's message is the [source](std::error::Error::source), not part of the text.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", path.display())]
#[non_exhaustive]
pub struct FileError {
    /// The operation, as a verb: `read`, `create`, `rename`.
    pub action: &'static str,
    /// The file or directory operated on.
    pub path: PathBuf,
    /// The operating system's error.
    pub source: io::Error,
}

impl FileError {
    /// Returns a function for `map_err` that adds the operation and the path to an [`io::Error`].
    ///
    /// ```
    /// use std::path::Path;
    /// use crossdock_fs::FileError;
    ///
    /// let path = Path::new("no/such/file");
    /// let error = std::fs::File::open(path).map_err(FileError::on("open", path)).unwrap_err();
    /// assert_eq!(error.to_string(), "cannot open `no/such/file`");
    /// assert!(error.is_not_found());
    /// ```
    pub fn on(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { action, path: path.to_owned(), source }
    }

    /// Returns whether the file does not exist.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}
