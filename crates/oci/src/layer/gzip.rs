//! One gzip member (RFC 1952), compressed on several threads.
//!
//! The input is cut into blocks of 1 MiB. Each is compressed by itself, with the 32 KiB before it as dictionary,
//! and ends at a byte's border (as after a sync flush), so that the pieces put one after the other are one deflate stream
//! (RFC 1951). The pieces depend on the input and on nothing else: not on the number of threads, nor on which of
//! them did which block.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::deflate::{Ending, deflate};
use super::matches::Matcher;

/// The settings as a part of a cache's key; to be changed with everything that changes the bytes.
pub(super) const SETTINGS: &str = "gzip crossdock-deflate 1 block 1048576 dictionary 32768";

const BLOCK: usize = 1024 * 1024;
const DICTIONARY: usize = 32 * 1024;
/// Magic, deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compresses into `sink` what `produce` writes, and returns its result and the CRC-32 of what it wrote.
pub(super) fn compress<T, E: From<io::Error>>(
    sink: &mut dyn Write,
    threads: NonZeroUsize,
    produce: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<(T, u32), E> {
    thread::scope(|scope| {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads.get() {
            let queue = queue.clone();
            scope.spawn(move || work(&queue));
        }
        // The threads alone hold the queue: should they all end, sending fails instead of waiting for ever.
        drop(queue);
        let mut writer = BlockWriter::new(sink, jobs, threads);
        let result = produce(&mut writer)?;
        Ok((result, writer.finish()?))
    })
}

/// A block to compress: `data` begins with the dictionary.
struct Job {
    data: Vec<u8>,
    dictionary: usize,
    ending: Ending,
    done: Sender<Piece>,
}

/// A compressed block.
struct Piece {
    deflated: Vec<u8>,
    crc: crc32fast::Hasher,
    /// The job's buffer, to be used again.
    data: Vec<u8>,
}

/// Cuts what is written into blocks, hands them to the threads, and writes the pieces in order.
struct BlockWriter<'a> {
    sink: &'a mut dyn Write,
    jobs: Sender<Job>,
    pending: VecDeque<Receiver<Piece>>,
    most_pending: usize,
    data: Vec<u8>,
    dictionary: usize,
    spare: Vec<Vec<u8>>,
    crc: crc32fast::Hasher,
    size: u64,
    header_written: bool,
}

impl<'a> BlockWriter<'a> {
    fn new(sink: &'a mut dyn Write, jobs: Sender<Job>, threads: NonZeroUsize) -> Self {
        Self {
            sink,
            jobs,
            pending: VecDeque::new(),
            most_pending: threads.get().saturating_mul(2),
            data: Vec::with_capacity(DICTIONARY + BLOCK),
            dictionary: 0,
            spare: Vec::new(),
            crc: crc32fast::Hasher::new(),
            size: 0,
            header_written: false,
        }
    }

    fn submit(&mut self, ending: Ending) -> io::Result<()> {
        while self.pending.len() >= self.most_pending {
            self.write_piece()?;
        }
        let mut next = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(DICTIONARY + BLOCK));
        next.clear();
        next.extend_from_slice(&self.data[self.data.len().saturating_sub(DICTIONARY)..]);
        let dictionary = std::mem::replace(&mut self.dictionary, next.len());
        let data = std::mem::replace(&mut self.data, next);
        let (done, piece) = mpsc::channel();
        self.pending.push_back(piece);
        self.jobs.send(Job { data, dictionary, ending, done }).map_err(|_| workers_gone())
    }

    /// Waits for the oldest block and writes it.
    fn write_piece(&mut self) -> io::Result<()> {
        let Some(piece) = self.pending.pop_front() else { return Ok(()) };
        let piece = piece.recv().map_err(|_| workers_gone())?;
        if !std::mem::replace(&mut self.header_written, true) {
            self.sink.write_all(&HEADER)?;
        }
        self.sink.write_all(&piece.deflated)?;
        self.crc.combine(&piece.crc);
        self.spare.push(piece.data);
        Ok(())
    }

    fn finish(mut self) -> io::Result<u32> {
        self.submit(Ending::Last)?;
        while !self.pending.is_empty() {
            self.write_piece()?;
        }
        let crc = self.crc.finalize();
        self.sink.write_all(&crc.to_le_bytes())?;
        // The trailer's length is the input's modulo 2^32 (RFC 1952 § 2.3.1).
        self.sink.write_all(&((self.size & 0xffff_ffff) as u32).to_le_bytes())?;
        Ok(crc)
    }
}

impl Write for BlockWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.data.len() == self.dictionary + BLOCK {
            self.submit(Ending::More)?;
        }
        let taken = bytes.len().min(self.dictionary + BLOCK - self.data.len());
        self.data.extend_from_slice(&bytes[..taken]);
        self.size += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn workers_gone() -> io::Error {
    io::Error::other("a compressing thread ended early")
}

/// Compresses blocks until there are no more.
fn work(queue: &Mutex<Receiver<Job>>) {
    let mut matcher = Matcher::new();
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { data, dictionary, ending, done }) = job else { return };
        let deflated = deflate(&mut matcher, &data, dictionary, ending);
        let mut crc = crc32fast::Hasher::new();
        crc.update(&data[dictionary..]);
        // The receiver is gone when writing failed; the error is told there.
        done.send(Piece { deflated, crc, data }).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::digest::Digest;

    /// Text, noise and zeros, so that every kind of deflate block appears.
    fn sample(size: usize) -> Vec<u8> {
        let mut seed = 1_u32;
        (0..size)
            .map(|index| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                match index / 300_000 % 3 {
                    0 => b"the quick brown fox "[(index + (seed >> 30) as usize) % 20],
                    1 => (seed >> 24) as u8,
                    _ => 0,
                }
            })
            .collect()
    }

    fn gzip(input: &[u8], threads: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let threads = NonZeroUsize::new(threads).unwrap();
        let ((), crc) = compress(&mut out, threads, |sink| sink.write_all(input)).unwrap();
        assert_eq!(crc, crc32fast::hash(input));
        out
    }

    fn gunzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn round_trips_at_every_border() {
        for size in [0, 1, DICTIONARY, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 12_345] {
            let input = sample(size);
            let output = gzip(&input, 2);
            assert_eq!(gunzip(&output), input, "{size}");
            // A second member would be silently dropped by this decoder, and accepted by engines: there is none.
            assert_eq!(output.windows(4).filter(|four| *four == &HEADER[..4]).count(), 1, "{size}");
        }
    }

    #[test]
    fn threads_do_not_matter() {
        let input = sample(9 * BLOCK + 77);
        let one = gzip(&input, 1);
        for threads in [2, 3, 8] {
            assert!(gzip(&input, threads) == one, "{threads} threads give other bytes");
        }
    }

    /// The bytes are part of every image's digest: when a change of the encoder changes them, this fails, and
    /// `SETTINGS` and the changelog have to say so.
    #[test]
    fn golden_digest() {
        let digest = Digest::of(&gzip(&sample(3 * BLOCK + 1), 2)).to_string();
        assert_eq!(digest, "sha256:2bb8f4d74e626f28eea1520cc79a3e1ebaa16a15e4f7f8b839e48c6e2e9ef2cc");
    }

    #[test]
    fn a_failing_sink_is_an_error_and_ends_the_threads() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let input = sample(20 * BLOCK);
        let result = compress(&mut Full(BLOCK), NonZeroUsize::MIN, |sink| sink.write_all(&input));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
