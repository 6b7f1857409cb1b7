//! Reading blobs with their lengths and digests checked.

use std::io::{self, Read};

use crossdock_oci::{Blob, Digest, Hasher};

/// Reads a blob. Bytes that do not match its length or digest are an error of the read that would return the last of them.
pub(crate) struct Checked<R> {
    reader: R,
    hasher: Option<Hasher>,
    left: u64,
    blob: Blob,
}

impl<R: Read> Checked<R> {
    pub(crate) fn new(reader: R, blob: Blob) -> Self {
        Self { reader, hasher: Some(Hasher::new(blob.digest.algorithm())), left: blob.size, blob }
    }

    /// Returns the blob.
    pub(crate) fn blob(&self) -> Blob {
        self.blob
    }

    fn end(&mut self) -> io::Result<usize> {
        if self.left > 0 {
            let missing = self.left;
            let message = format!("{missing} of {} bytes are missing", self.blob.size);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        let Some(hasher) = self.hasher.take() else { return Ok(0) };
        let found = hasher.finish();
        let expected = self.blob.digest;
        if found == expected { Ok(0) } else { Err(io::Error::other(WrongDigest { expected, found })) }
    }
}

/// The digest of bytes that should have another one.
#[derive(Debug, thiserror::Error)]
#[error("the bytes have the digest {found} instead of {expected}")]
pub(crate) struct WrongDigest {
    pub(crate) expected: Digest,
    pub(crate) found: Digest,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        if read == 0 {
            return if buffer.is_empty() { Ok(0) } else { self.end() };
        }
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("more than {} bytes arrive", self.blob.size))
        })?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..read]);
        }
        if self.left == 0 {
            // A caller that knows the length does not read on: the last bytes are handed out only if all have the digest.
            self.end()?;
        }
        Ok(read)
    }
}
