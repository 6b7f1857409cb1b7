//! The images that are pushed or copied, wherever they are.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use crossdock_fs::FileError;
use crossdock_oci::{Blob, BlobStore, Descriptor, Digest};

use crate::error::RegistryError;
use crate::registry::MANIFEST_LIMIT;
use crate::transfer::{TransferEvent, TransferObserver};

/// The image to push: its documents and blobs, wherever they are.
pub trait ImageContent: Sync {
    /// Reads a manifest or an index. Its digest is checked by the caller.
    ///
    /// # Errors
    /// If it cannot be read.
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError>;

    /// Opens the bytes of a blob from an offset to their end.
    ///
    /// # Errors
    /// If they cannot be read.
    fn open(&self, blob: &Blob, at: u64) -> io::Result<Box<dyn Read + Send + '_>>;

    /// Returns whether the blob is there. Blobs that only nodes fetch may be absent.
    fn has(&self, blob: &Blob) -> bool;

    /// Returns the file that holds a blob or a document, for messages.
    fn file(&self, digest: &Digest) -> PathBuf {
        digest.to_string().into()
    }

    /// Copies a blob into a store, hashed while it is read. By default it is read once.
    ///
    /// # Errors
    /// If it cannot be read, has another digest, or cannot be written.
    fn copy_blob(
        &self,
        store: &BlobStore,
        blob: &Blob,
        observer: &dyn TransferObserver,
    ) -> Result<(), RegistryError> {
        let (path, file) = (store.path(&blob.digest), self.file(&blob.digest));
        let mut reader = self.open(blob, 0).map_err(FileError::on("read", &file))?;
        let mut writer = store.writer_of(blob.digest.algorithm())?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    writer.write_all(&buffer[..read]).map_err(FileError::on("write", &path))?;
                    observer.event(TransferEvent::Moved { bytes: read as u64 });
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FileError::on("read", &file)(error).into()),
            }
        }
        writer.complete_as(blob.digest)?;
        Ok(())
    }
}

/// Reads a manifest or an index and checks that it is the one of the descriptor.
///
/// # Errors
/// If it cannot be read or has another digest.
pub fn read_document(content: &dyn ImageContent, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
    let read = content.document(descriptor).and_then(|bytes| matching(bytes, descriptor));
    read.map_err(|error| error.in_file(&content.file(&descriptor.digest)))
}

/// Reads the configuration of an image and checks that it is the one of the descriptor.
///
/// # Errors
/// If it cannot be read or has another digest.
pub fn read_config(content: &dyn ImageContent, config: &Descriptor) -> Result<Vec<u8>, RegistryError> {
    let file = content.file(&config.digest);
    let failed = FileError::on("read", &file);
    let mut bytes = Vec::new();
    let read = content
        .open(&config.blob(), 0)
        .and_then(|reader| reader.take(MANIFEST_LIMIT).read_to_end(&mut bytes));
    read.map_err(failed)?;
    matching(bytes, config).map_err(|error| error.in_file(&file))
}

fn matching(bytes: Vec<u8>, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
    let found = descriptor.digest.of_other(&bytes);
    if found == descriptor.digest {
        return Ok(bytes);
    }
    Err(crossdock_oci::BlobError::Corrupt { expected: descriptor.digest, found }.into())
}
