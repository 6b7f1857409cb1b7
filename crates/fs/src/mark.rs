use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::atomic::write_atomically;
use crate::error::FileError;
use crate::regular::open_regular;

/// The first line of the mark. It is compared byte for byte with marks that earlier versions wrote, so its wording
/// cannot change.
const MARK: &str = "# Written by crossdock: nothing below this folder is anybody's source.";

/// The name of the directory for output in a project whose own tool has none. It begins with a dot, because Go and most
/// other tools read no such directory. Nothing in a directory of this name is anybody's source.
pub const OUTPUT_DIRECTORY: &str = ".crossdock";

/// Marks a directory as generated: writes a `.gitignore` that keeps the directory out of version control and names
/// crossdock as its author.
///
/// An existing `.gitignore` is kept, since it may be the user's.
///
/// # Errors
/// If the file cannot be written.
pub fn mark_output(directory: &Path) -> Result<(), FileError> {
    let path = directory.join(".gitignore");
    if fs::exists(&path).unwrap_or(false) {
        return Ok(());
    }
    write_atomically(&path, format!("{MARK}\n*\n").as_bytes())
}

/// Returns whether the directory carries the [mark](mark_output) of generated output.
///
/// # Errors
/// If its `.gitignore` exists and cannot be read.
pub fn is_marked_output(directory: &Path) -> Result<bool, FileError> {
    let path = directory.join(".gitignore");
    let mut start = Vec::new();
    let limit = MARK.len() as u64;
    let read = open_regular(&path).and_then(|file| file.take(limit).read_to_end(&mut start));
    match read {
        Ok(_) => Ok(start == MARK.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // crossdock writes no FIFO or directory of this name, so it cannot be the mark.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(false),
        Err(error) => Err(FileError::on("read", &path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_directories_are_recognized() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!is_marked_output(directory.path()).unwrap());
        mark_output(directory.path()).unwrap();
        assert!(is_marked_output(directory.path()).unwrap());
        write_atomically(directory.path().join(".gitignore"), b"*\n").unwrap();
        mark_output(directory.path()).unwrap();
        assert!(!is_marked_output(directory.path()).unwrap(), "a user's own file was replaced");
    }
}
