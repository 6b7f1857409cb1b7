use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::atomic::write_atomically;
use crate::error::{FileError, open_regular};

/// The first line of the file; who reads a folder knows by it that what lies there was written and can be written again.
const MARK: &str = "# Written by crossdock: nothing below this folder is anybody's source.";

/// Gives a folder a `.gitignore` that keeps it out of version control and says that crossdock made it. One that is there
/// stays as it is.
///
/// # Errors
/// When the file cannot be written.
pub fn mark_output(folder: &Path) -> Result<(), FileError> {
    let path = folder.join(".gitignore");
    if fs::exists(&path).unwrap_or(false) {
        return Ok(());
    }
    write_atomically(&path, format!("{MARK}\n*\n").as_bytes())
}

/// Whether crossdock made the folder and [marked](mark_output) it: a layout, or the folder that layouts lie in.
///
/// # Errors
/// When its `.gitignore` is there and cannot be read.
pub fn is_marked_output(folder: &Path) -> Result<bool, FileError> {
    let path = folder.join(".gitignore");
    let mut start = Vec::new();
    let limit = MARK.len() as u64;
    let read = open_regular(&path).and_then(|file| file.take(limit).read_to_end(&mut start));
    match read {
        Ok(_) => Ok(start == MARK.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // A pipe or a folder of this name is not of crossdock's making.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(false),
        Err(error) => Err(FileError::on("read", &path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_crossdock_marked_is_its_own() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_marked_output(folder.path()).unwrap());
        mark_output(folder.path()).unwrap();
        assert!(is_marked_output(folder.path()).unwrap());
        write_atomically(folder.path().join(".gitignore"), b"*\n").unwrap();
        mark_output(folder.path()).unwrap();
        assert!(!is_marked_output(folder.path()).unwrap(), "a file of the user's stays");
    }
}
