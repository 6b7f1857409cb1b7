//! Files that are read by ranges, so that a program of any size takes little memory.

use std::io;

/// The content of a file, which is read by ranges.
///
/// Bytes in memory are one, and so is every reference to one.
pub trait ReadAt {
    /// Returns the length of the file in bytes.
    fn size(&self) -> u64;

    /// Reads from `offset` into `buffer` and returns the number of bytes. It is less than the length of the buffer only
    /// at the end of the file, and after a short read of the operating system.
    ///
    /// # Errors
    /// If the file cannot be read.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl ReadAt for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, buffer)
    }
}
