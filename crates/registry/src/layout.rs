//! Layouts as the source and the destination of transfers.

use std::io::{self, Read, Seek, SeekFrom};

use crossdock_oci::{Blob, BlobStore, Descriptor, ImageSource, SourceError};

use crate::error::RegistryError;
use crate::push::ImageContent;
use crate::registry::MANIFEST_LIMIT;

impl ImageContent for BlobStore {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        Ok(self.read(&descriptor.digest, MANIFEST_LIMIT)?)
    }

    fn open(&self, blob: &Blob, at: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let mut file = self.get(&blob.digest).map_err(io::Error::other)?;
        let length = file.metadata()?.len();
        if length != blob.size {
            let message = format!("blob {} has {length} bytes instead of {}", blob.digest, blob.size);
            return Err(io::Error::other(message));
        }
        file.seek(SeekFrom::Start(at))?;
        Ok(Box::new(file))
    }

    fn has(&self, blob: &Blob) -> bool {
        self.has(blob)
    }
}

impl ImageContent for ImageSource {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        let mut bytes = Vec::new();
        let reader = self.blob(&descriptor.digest).map_err(broken)?;
        reader.take(MANIFEST_LIMIT).read_to_end(&mut bytes).map_err(|error| broken(unreadable(error)))?;
        Ok(bytes)
    }

    fn open(&self, blob: &Blob, at: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let mut reader = self.blob(&blob.digest).map_err(io::Error::other)?;
        io::copy(&mut reader.by_ref().take(at), &mut io::sink())?;
        Ok(reader)
    }

    fn has(&self, blob: &Blob) -> bool {
        self.blob(&blob.digest).is_ok()
    }
}

fn broken(error: SourceError) -> RegistryError {
    RegistryError::Source(Box::new(error))
}

fn unreadable(error: io::Error) -> SourceError {
    SourceError::File(crossdock_fs::FileError::on("read", "archive".as_ref())(error))
}
