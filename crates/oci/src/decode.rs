//! Finds out how a stream is compressed and undoes it.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// A compression that this crate knows by sight but cannot undo.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("it is compressed with {0}, which is not supported; use gzip or none, which every engine reads")]
    Unsupported(&'static str),
    #[error("reading failed")]
    Read(#[from] io::Error),
}

/// The plain bytes of `reader`, gzip undone. The first bytes decide, not a media type: engines do the same.
pub(crate) fn decode<'a>(reader: impl Read + 'a) -> Result<Box<dyn Read + 'a>, DecodeError> {
    let mut reader = BufReader::with_capacity(128 * 1024, reader);
    match reader.fill_buf()? {
        [0x1f, 0x8b, ..] => Ok(Box::new(MultiGzDecoder::new(reader))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Err(DecodeError::Unsupported("zstd")),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Err(DecodeError::Unsupported("xz")),
        [b'B', b'Z', b'h', ..] => Err(DecodeError::Unsupported("bzip2")),
        _ => Ok(Box::new(reader)),
    }
}
