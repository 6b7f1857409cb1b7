//! Reads layers a second time, for content that was not kept.

use std::fs::File;
use std::io::{self, BufRead as _};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use crossdock_fs::FileError;

use super::spill::{Positioned, WRITE, write_all_at};
use super::{Fault, LayerSource, Limited, decode_verified};
use crate::layer::tar_reader::TarError;
use crate::model::Digest;

/// The layers of a root, which are thought of as one after the other. One of whose bytes any are read is decompressed to
/// an unnamed temporary file first: each at most once, however many files are read from it.
#[derive(Debug)]
pub(super) struct Layers<'a> {
    all: Vec<Applied<'a>>,
    length: u64,
    directory: PathBuf,
    /// The temporary file of all layers: an image may have more layers than a process may have files.
    file: OnceLock<File>,
    /// The length of the file. The lock is held while a layer is written.
    written: Mutex<u64>,
}

/// A layer that was applied.
#[derive(Debug)]
struct Applied<'a> {
    source: LayerSource<'a>,
    /// The position of its first byte among those of all layers.
    start: u64,
    length: u64,
    /// The offset of the layer in the temporary file, or why it cannot be read.
    unpacked: OnceLock<Result<u64, Fault>>,
}

impl<'a> Layers<'a> {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { all: Vec::new(), length: 0, directory, file: OnceLock::new(), written: Mutex::new(0) }
    }

    /// Returns the number of uncompressed bytes of all layers.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn add(&mut self, source: LayerSource<'a>, length: u64) {
        self.all.push(Applied { source, start: self.length, length, unpacked: OnceLock::new() });
        self.length += length;
    }

    /// Decompresses a layer to the temporary file, verifies it as when it was applied, since the blob may have changed in
    /// the meantime, and returns its offset there.
    fn unpack(&self, layer: &Applied<'a>) -> Result<u64, Fault> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, offset) = (self.temporary()?, *written);
        decode_verified(&layer.source, |plain| {
            let mut plain = Limited { inner: plain, count: 0, limit: layer.length };
            loop {
                let at = offset + plain.count;
                let bytes = plain.fill_buf().map_err(|error| match error.kind() {
                    io::ErrorKind::QuotaExceeded => Fault::Grown,
                    _ => TarError::Read(error).into(),
                })?;
                if bytes.is_empty() {
                    return Ok(());
                }
                write_all_at(file, bytes, at).map_err(FileError::on(WRITE, &self.directory))?;
                let count = bytes.len();
                plain.consume(count);
            }
        })?;
        *written = offset + layer.length;
        Ok(offset)
    }

    /// Returns the first layer that could not be read again, and why.
    pub(super) fn into_fault(self) -> Option<(Digest, Fault)> {
        let fault = |layer: Applied<'_>| Some((layer.source.digest, layer.unpacked.into_inner()?.err()?));
        self.all.into_iter().find_map(fault)
    }

    fn temporary(&self) -> Result<&File, FileError> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let file = tempfile::tempfile_in(&self.directory)
            .map_err(FileError::on("create a temporary file in", &self.directory))?;
        Ok(self.file.get_or_init(|| file))
    }
}

impl Positioned for Layers<'_> {
    /// Reads at most to the end of the layer that has this position among all layers.
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let number = self.all.partition_point(|layer| layer.start + layer.length <= position);
        let Some(layer) = self.all.get(number) else { return Ok(0) };
        let unpacked = layer.unpacked.get_or_init(|| self.unpack(layer));
        let failed =
            |fault: &Fault| io::Error::other(format!("layer {}: {}", layer.source.digest, text(fault)));
        let offset = unpacked.as_ref().map_err(failed)?;
        let within = position - layer.start;
        let most = usize::try_from(layer.length - within).unwrap_or(usize::MAX).min(buffer.len());
        self.file.get().map_or(Ok(0), |file| Positioned::read_at(file, offset + within, &mut buffer[..most]))
    }
}

/// Returns the text of a fault, which every reader of its layer gets, and of its causes.
fn text(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
