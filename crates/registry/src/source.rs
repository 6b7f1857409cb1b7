//! The bytes of a blob that is uploaded in parts.

use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use crate::client::Open;

/// The bytes of a blob, opened once for all parts that follow each other: before each part, a source that cannot seek, such as
/// an archive or another registry, would have to read all the parts before it again.
pub(crate) struct Source<'s, 'a> {
    open: &'s Open<'a>,
    /// The reader of the part before, and its place.
    kept: Mutex<Option<Placed<'a>>>,
}

type Placed<'a> = (u64, Box<dyn Read + Send + 'a>);

impl<'s, 'a> Source<'s, 'a> {
    pub(crate) fn new(open: &'s Open<'a>) -> Self {
        Self { open, kept: Mutex::default() }
    }

    /// Returns a reader of the bytes from a place. It is kept for the next part.
    pub(crate) fn open_at(&self, at: u64) -> io::Result<impl Read + Send + '_> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        let reader = match kept {
            Some((place, reader)) if place == at => reader,
            _ => (self.open)(at)?,
        };
        Ok(Part { source: self, placed: Some((at, reader)) })
    }
}

struct Part<'p, 's, 'a> {
    source: &'p Source<'s, 'a>,
    /// `None` once reading has failed.
    placed: Option<Placed<'a>>,
}

impl Read for Part<'_, '_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some((at, reader)) = &mut self.placed else { return Ok(0) };
        match reader.read(buffer) {
            Ok(read) => {
                *at += read as u64;
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.placed = None;
                Err(error)
            }
        }
    }
}

impl Drop for Part<'_, '_, '_> {
    fn drop(&mut self) {
        *self.source.kept.lock().unwrap_or_else(PoisonError::into_inner) = self.placed.take();
    }
}
