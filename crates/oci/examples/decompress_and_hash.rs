//! Reads layers as plainly as possible: `decompress_and_hash BLOB…` hashes and decompresses each blob of gzip or zstd,
//! hashes the result, and prints the bytes of both. The benchmark compares the verification of an image with it.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};

use crossdock_oci::{Digest, Hasher};
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

/// Hashes what it passes on.
struct Hashing<R> {
    inner: R,
    hasher: Hasher,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Reads to the end and returns the digest and the number of the bytes.
fn hashed(inner: impl Read, buffer: &mut [u8]) -> io::Result<(Digest, u64)> {
    let mut plain = Hashing { inner, hasher: Hasher::default(), bytes: 0 };
    while plain.read(buffer)? > 0 {}
    Ok((plain.hasher.finish(), plain.bytes))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut buffer = vec![0; 128 << 10];
    for path in std::env::args().skip(1) {
        let mut file = BufReader::with_capacity(128 << 10, File::open(&path)?);
        let is_zstd = file.fill_buf()?.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
        let mut blob = Hashing { inner: file, hasher: Hasher::default(), bytes: 0 };
        let (diff_id, plain) = match is_zstd {
            true => hashed(StreamingDecoder::new(&mut blob)?, &mut buffer)?,
            false => hashed(MultiGzDecoder::new(&mut blob), &mut buffer)?,
        };
        // ruzstd stops after the first frame. Less work than all of the blob would make the comparison worthless.
        if blob.read(&mut buffer)? > 0 {
            return Err(format!("{path} has more than one frame").into());
        }
        writeln!(io::stdout(), "{} {diff_id} {} {plain}", blob.hasher.finish(), blob.bytes)?;
    }
    Ok(())
}
