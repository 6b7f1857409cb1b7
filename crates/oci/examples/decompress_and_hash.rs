//! Reads layers as plainly as possible: `decompress_and_hash BLOB…` hashes and decompresses each gzip blob, hashes the
//! result, and prints the bytes of both. The benchmark compares the verification of an image with it.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};

use crossdock_oci::Hasher;
use flate2::read::GzDecoder;

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

fn main() -> Result<(), Box<dyn Error>> {
    let mut buffer = vec![0; 128 << 10];
    for path in std::env::args().skip(1) {
        let mut blob = Hashing { inner: File::open(&path)?, hasher: Hasher::default(), bytes: 0 };
        let mut plain = Hashing { inner: GzDecoder::new(&mut blob), hasher: Hasher::default(), bytes: 0 };
        while plain.read(&mut buffer)? > 0 {}
        let (diff_id, plain) = (plain.hasher.finish(), plain.bytes);
        writeln!(io::stdout(), "{} {diff_id} {} {plain}", blob.hasher.finish(), blob.bytes)?;
    }
    Ok(())
}
