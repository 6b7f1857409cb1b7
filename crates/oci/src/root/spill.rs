use std::fs::File;
use std::io::{self, BufWriter, Read, SeekFrom, Write};
use std::path::PathBuf;

use crate::error::FileError;
use crate::tar_reader::TarError;

const WRITE: &str = "write a temporary file in";

/// The content of all files of a root, one after the other, in a temporary file without a name.
#[derive(Debug)]
pub(super) struct Spill {
    writer: BufWriter<File>,
    length: u64,
    folder: PathBuf,
}

impl Spill {
    pub(super) fn create(folder: Option<PathBuf>) -> Result<Self, FileError> {
        let folder = folder.unwrap_or_else(std::env::temp_dir);
        let file =
            tempfile::tempfile_in(&folder).map_err(FileError::on("create a temporary file in", &folder))?;
        Ok(Self { writer: BufWriter::with_capacity(256 * 1024, file), length: 0, folder })
    }

    /// Adds all that `reader` yields and returns where it is.
    pub(super) fn add(&mut self, reader: &mut impl Read) -> Result<u64, super::Fault> {
        let offset = self.length;
        let mut buffer = [0; 32 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(offset),
                Ok(read) => {
                    self.writer.write_all(&buffer[..read]).map_err(FileError::on(WRITE, &self.folder))?;
                    self.length += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(TarError::Read(error).into()),
            }
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), FileError> {
        self.writer.flush().map_err(FileError::on(WRITE, &self.folder))
    }

    pub(super) fn reader(&self, offset: u64, size: u64) -> FileReader<'_> {
        FileReader::new(self.writer.get_ref(), offset, size)
    }
}

/// Reads a file of an image; may also be asked to [`seek`](io::Seek).
#[derive(Debug, Clone)]
pub struct FileReader<'a> {
    file: &'a File,
    offset: u64,
    size: u64,
    position: u64,
}

impl<'a> FileReader<'a> {
    /// Reads `size` bytes of `file` from `offset` on.
    pub(crate) fn new(file: &'a File, offset: u64, size: u64) -> Self {
        Self { file, offset, size, position: 0 }
    }

    pub(super) fn seek_to(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(distance) => self.size.checked_add_signed(distance),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl Read for FileReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(self.position);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = read_at(self.file, &mut buffer[..most], self.offset + self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}
