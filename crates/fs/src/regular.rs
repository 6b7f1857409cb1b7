use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Opens a regular file for reading; symbolic links are followed.
///
/// The type is checked before the file is opened: in a directory of unknown origin the name may belong to a FIFO,
/// where opening blocks until a writer appears, or to a device whose content never ends.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] if the file is not a regular one; otherwise the operating system's error.
pub fn open_regular(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(not_regular());
    }
    File::open(path)
}

pub(crate) fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

/// Reads at most `limit + 1` bytes of a regular file: a result longer than `limit` tells the caller that the file is
/// longer, without a race between checking its length and reading it.
///
/// # Errors
/// As [`open_regular`], and if reading fails.
pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_file_yields_one_byte_more_than_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        crate::write_atomically(&path, b"12345").unwrap();
        assert_eq!(read_regular(&path, 3).unwrap(), b"1234");
        assert_eq!(read_regular(&path, 5).unwrap(), b"12345");
        assert_eq!(read_regular(&path, u64::MAX).unwrap(), b"12345");
    }

    #[test]
    fn directories_and_devices_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(open_regular(directory.path()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        #[cfg(unix)]
        assert_eq!(open_regular(Path::new("/dev/zero")).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
