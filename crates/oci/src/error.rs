use std::fs::{self, File};
use std::io::{self, Read};
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

/// Opens a regular file. It is looked at before it is opened: in a folder of unknown origin a name may stand for a
/// pipe, which would wait for a writer, or for a device without end.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    File::open(path)
}

/// The first `limit` bytes of a regular file, and one more when it is longer.
pub(crate) fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
