//! Layouts as the source and the destination of transfers.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use crossdock_oci::{Blob, BlobStore, Descriptor, Digest, ImageSource, SourceError};

use crate::checked::Checked;
use crate::content::ImageContent;
use crate::error::RegistryError;
use crate::registry::MANIFEST_LIMIT;

impl ImageContent for BlobStore {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        Ok(self.read(&descriptor.digest, MANIFEST_LIMIT)?)
    }

    fn open(&self, blob: &Blob, at: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let mut file = self.get(&blob.digest).map_err(io::Error::other)?;
        check_length(blob, file.metadata()?.len())?;
        file.seek(SeekFrom::Start(at))?;
        Ok(Box::new(file))
    }

    fn has(&self, blob: &Blob) -> bool {
        self.has(blob)
    }

    fn file(&self, digest: &Digest) -> PathBuf {
        self.path(digest)
    }
}

impl ImageContent for ImageSource {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        // docker's older archives have no manifests of their own: they are derived.
        let mut platforms = self.images().iter().flat_map(|image| &image.platforms);
        if let Some(found) = platforms.find(|platform| platform.descriptor.digest == descriptor.digest) {
            return Ok(found.manifest.raw.clone());
        }
        let mut bytes = Vec::new();
        let reader = self.blob(&descriptor.digest).map_err(broken)?;
        reader.take(MANIFEST_LIMIT).read_to_end(&mut bytes).map_err(|error| broken(unreadable(error)))?;
        Ok(bytes)
    }

    fn open(&self, blob: &Blob, at: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let mut reader = self.blob(&blob.digest).map_err(io::Error::other)?;
        // The file of a layout tells its length at once. An archive's files end where its headers say.
        let is_layout = self.path().is_dir();
        if is_layout {
            let file = std::fs::symlink_metadata(self.file(&blob.digest))?;
            // A layout from elsewhere could name any file of this machine.
            if file.is_symlink() {
                return Err(io::Error::other(format!("blob {} is a symbolic link", blob.digest)));
            }
            check_length(blob, file.len())?;
        }
        // Hashing takes longer than sending, and is left to the registry. An archive is read from its start each time, so that a
        // damaged one is found at once.
        if at == 0 && !is_layout {
            return Ok(Box::new(Checked::new(reader, *blob)));
        }
        let skipped = io::copy(&mut reader.by_ref().take(at), &mut io::sink())?;
        if skipped < at {
            check_length(blob, skipped)?;
        }
        Ok(reader)
    }

    fn has(&self, blob: &Blob) -> bool {
        self.blob(&blob.digest).is_ok()
    }

    fn file(&self, digest: &Digest) -> PathBuf {
        match self.path().is_dir() {
            true => BlobStore::open(self.path()).path(digest),
            false => self.path().to_owned(),
        }
    }
}

fn check_length(blob: &Blob, length: u64) -> io::Result<()> {
    if length == blob.size {
        return Ok(());
    }
    Err(io::Error::other(format!("blob {} has {length} bytes instead of {}", blob.digest, blob.size)))
}

fn broken(error: SourceError) -> RegistryError {
    RegistryError::Source(Box::new(error))
}

fn unreadable(error: io::Error) -> SourceError {
    SourceError::File(crossdock_fs::FileError::on("read", "archive".as_ref())(error))
}
