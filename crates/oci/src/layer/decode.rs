//! Detects the compression of a stream and decompresses it.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// An error of decompressing a stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error(
        "it is compressed with {0}, which docker and podman read but containerd does not; use gzip, zstd or no compression"
    )]
    Unsupported(&'static str),
    #[error(transparent)]
    Window(LargeWindow),
    #[error("reading failed")]
    Read(#[source] io::Error),
}

impl From<io::Error> for DecodeError {
    fn from(error: io::Error) -> Self {
        error.downcast().map_or_else(Self::Read, Self::Window)
    }
}

/// The largest window of zstd that klauspost/compress decompresses, with which podman and containerd read layers
/// (zstd/framedec.go). containerd 1.6 has a version without this limit.
const ENGINES_WINDOW: u64 = 512 << 20;

/// A frame of zstd whose decoder needs more memory than crossdock gives it.
#[derive(Debug, thiserror::Error)]
#[error(
    "it is compressed by zstd with a window of {requested} bytes, which a decoder keeps in memory; the limit is {max}, and {} of podman and \
     containerd, so compress it without `--long`",
    ENGINES_WINDOW
)]
pub(crate) struct LargeWindow {
    requested: u64,
    max: u64,
}

/// The compression of a stream, detected by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Plain,
    Gzip,
    Zstd,
    Unsupported(&'static str),
}

impl Coding {
    /// The number of bytes that [`of`](Self::of) needs.
    pub(crate) const START: usize = 5;

    pub(crate) fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A frame or a skippable frame (RFC 8878 §§ 3.1.1, 3.1.2); zstd:chunked layers have both.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', ..] => Self::Unsupported("xz"),
            [b'B', b'Z', b'h', ..] => Self::Unsupported("bzip2"),
            _ => Self::Plain,
        }
    }
}

/// Returns a reader of the uncompressed bytes. The first bytes determine the compression, not a media type: engines do
/// the same.
pub(crate) fn decode<'a>(reader: impl Read + 'a) -> Result<Box<dyn Read + 'a>, DecodeError> {
    let mut reader = BufReader::with_capacity(128 * 1024, reader);
    match Coding::of(reader.fill_buf()?) {
        Coding::Plain => Ok(Box::new(reader)),
        Coding::Gzip => Ok(Box::new(Members { decoder: Some(GzDecoder::new(reader)) })),
        Coding::Zstd => {
            Ok(Box::new(Frames { source: reader, decoder: FrameDecoder::new(), frame: Frame::Done }))
        }
        Coding::Unsupported(name) => Err(DecodeError::Unsupported(name)),
    }
}

/// Decompresses a sequence of gzip members, as crossdock's own layers and eStargz have. Bytes after them that do not begin
/// like a member are ignored: containerd and docker accept them.
struct Members<R> {
    /// The decoder of the current member; `None` at the end.
    decoder: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(mut decoder) = self.decoder.take() {
            let read = decoder.read(buffer)?;
            if read > 0 {
                self.decoder = Some(decoder);
                return Ok(read);
            }
            let mut source = decoder.into_inner();
            if source.fill_buf()?.first() == Some(&0x1f) {
                self.decoder = Some(GzDecoder::new(source));
            }
        }
        Ok(0)
    }
}

/// Decompresses a sequence of zstd frames; ruzstd's own reader stops after the first.
struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    frame: Frame,
}

/// Whether the decoder is inside a frame.
enum Frame {
    Open,
    Done,
}

impl<R: BufRead> Frames<R> {
    fn open(&mut self) -> io::Result<()> {
        match self.decoder.reset(&mut self.source) {
            Ok(()) => {
                self.frame = Frame::Open;
                Ok(())
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => io::copy(&mut self.source.by_ref().take(length.into()), &mut io::sink()).map(drop),
            // The limit is the one of zstd's own program without `--long`.
            Err(FrameDecoderError::WindowSizeTooBig { requested, max }) => {
                Err(io::Error::other(LargeWindow { requested, max }))
            }
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Reads from the open frame; returns 0 at its end.
    fn read_frame(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One block at a time: a frame may hold the whole layer, and the decoder keeps what was not collected.
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            self.decoder
                .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(io::Error::other)?;
        }
        self.decoder.read(buffer)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() {
            match self.frame {
                Frame::Done if self.source.fill_buf()?.is_empty() => return Ok(0),
                Frame::Done => self.open()?,
                Frame::Open => match self.read_frame(buffer)? {
                    0 => self.frame = Frame::Done,
                    read => return Ok(read),
                },
            }
        }
        Ok(0)
    }
}
