//! The content of files. What checks usually read is kept; other content, most of a large image, is read again from its
//! layer if it is asked for, since writing it to the disk takes about as long as hashing it.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};
use std::path::PathBuf;

use super::layers::Layers;
use super::spill::{FileReader, Piece, Spill};
use super::{Fault, KeptContent, LayerSource};
use crate::layer::tar_reader::{TarEntry, TarError, TarReader};

/// The number of bytes that tell a program from other content: the length of the mark of glibc's cache of libraries.
const START: usize = 17;
/// The length up to which content is kept, whatever it is: accounts, settings of loaders, and scripts that others read.
const SMALL: u64 = 4096;
/// The first bytes of what starts programs or lists libraries: ELF, scripts, PE, and the two forms of glibc's cache of
/// libraries (glibc, sysdeps/generic/dl-cache.h).
const PROGRAMS: [&[u8]; 5] = [b"\x7fELF", b"#!", b"MZ", b"glibc-ld.so.cache", b"ld.so-1.7.0"];

/// The contents of all files of a root.
#[derive(Debug)]
pub(super) struct Contents<'a> {
    /// Kept content, and extended attributes.
    pub(super) spill: Spill,
    /// The layers, from which the other content is read.
    pub(super) layers: Layers<'a>,
    skipped: Vec<Range>,
    kept: KeptContent,
}

/// The content of a file, in the 4 bytes that a node has for it: a [`Place`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Content(u32);

/// The place of a file's content.
enum Place {
    Kept(Piece),
    /// The number of its range.
    Skipped(usize),
}

/// The bit of a [`Content`] that was not kept. The limits of the tree keep the numbers of pieces and ranges below it.
const SKIPPED: u32 = 1 << 31;

impl Content {
    pub(super) fn kept(piece: Piece) -> Self {
        Self(piece.number())
    }

    fn place(self) -> Place {
        match self.0 & SKIPPED {
            0 => Place::Kept(Piece::numbered(self.0)),
            _ => Place::Skipped((self.0 & !SKIPPED) as usize),
        }
    }
}

/// A part of the uncompressed layers, which are thought of as one after the other.
#[derive(Debug, Clone, Copy)]
struct Range {
    start: u64,
    size: u64,
}

impl<'a> Contents<'a> {
    pub(super) fn new(temporary: PathBuf) -> Self {
        Self {
            spill: Spill::new(temporary.clone()),
            layers: Layers::new(temporary),
            skipped: Vec::new(),
            kept: KeptContent::Programs,
        }
    }

    pub(super) fn keep(&mut self, kept: KeptContent) {
        self.kept = kept;
    }

    /// Notes that a layer was applied, of which this many uncompressed bytes were read.
    pub(super) fn end_layer(&mut self, layer: LayerSource<'a>, length: u64) -> Result<(), Fault> {
        self.layers.add(layer, length);
        Ok(self.spill.flush()?)
    }

    /// Adds the content of an entry that is not a sparse file, at this offset in its layer.
    pub(super) fn add<R: BufRead>(
        &mut self,
        entry: &TarEntry,
        offset: u64,
        tar: &mut TarReader<R>,
    ) -> Result<Content, Fault> {
        let mut start = [0; START];
        let start = &mut start[..entry.size.min(START as u64) as usize];
        tar.read_exact(start).map_err(TarError::Read)?;
        if self.is_kept(entry, start) {
            self.spill.push(start)?;
            self.spill.add(tar)?;
            return Ok(Content::kept(self.spill.end_piece()));
        }
        self.skipped.push(Range { start: self.layers.length() + offset, size: entry.size });
        Ok(Content(SKIPPED | (self.skipped.len() as u32 - 1)))
    }

    fn is_kept(&self, entry: &TarEntry, start: &[u8]) -> bool {
        let is_asked_for = match self.kept {
            KeptContent::Programs => false,
            KeptContent::Executables => entry.mode & 0o111 != 0,
        };
        is_asked_for
            || entry.size <= SMALL
            || entry.size <= self.spill.free_memory()
            || PROGRAMS.iter().any(|mark| start.starts_with(mark))
    }

    /// Returns the length of a file in bytes.
    pub(super) fn size(&self, content: Content) -> u64 {
        match content.place() {
            Place::Kept(piece) => self.spill.size(piece),
            Place::Skipped(number) => self.skipped[number].size,
        }
    }

    pub(super) fn reader(&self, content: Content) -> FileReader<'_> {
        match content.place() {
            Place::Kept(piece) => self.spill.reader(piece),
            Place::Skipped(number) => {
                let Range { start, size } = self.skipped[number];
                FileReader::new(&self.layers, start, size)
            }
        }
    }

    /// Returns the bytes of a file, borrowed if they are in memory.
    pub(super) fn bytes(&self, content: Content) -> io::Result<Cow<'_, [u8]>> {
        match content.place() {
            Place::Kept(piece) => self.spill.bytes(piece),
            Place::Skipped(_) => {
                let mut bytes = Vec::new();
                self.reader(content).read_to_end(&mut bytes)?;
                Ok(Cow::Owned(bytes))
            }
        }
    }
}
