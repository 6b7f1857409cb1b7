//! A program file on disk, which is read by ranges.

use std::fs::File;
use std::io;

use crossdock_verify::ReadAt;

/// An open program file, as [`Program::from_file`](crossdock_verify::Program::from_file) takes it.
#[derive(Debug)]
pub struct ProgramFile {
    file: File,
    size: u64,
}

impl ProgramFile {
    /// Takes an open regular file with its current length.
    ///
    /// # Errors
    /// If the metadata of the file cannot be read.
    pub fn new(file: File) -> io::Result<ProgramFile> {
        let size = file.metadata()?.len();
        Ok(ProgramFile { file, size })
    }
}

impl ReadAt for ProgramFile {
    fn size(&self) -> u64 {
        self.size
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buffer, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, buffer, offset)
    }
}
