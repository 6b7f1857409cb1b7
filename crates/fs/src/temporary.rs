use std::path::Path;

use crate::FileError;

/// A directory that is removed with its content when this value is dropped.
#[derive(Debug)]
pub struct TemporaryDirectory(tempfile::TempDir);

impl TemporaryDirectory {
    /// Creates a directory with a random name in `parent`, which only this process's user can read.
    ///
    /// # Errors
    /// If `parent` is missing or not writable.
    pub fn create_in(parent: &Path, prefix: &str) -> Result<Self, FileError> {
        let created = tempfile::Builder::new().prefix(prefix).tempdir_in(parent);
        created.map(Self).map_err(FileError::on("create a directory in", parent))
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
