//! Compresses gzip (RFC 1952) on several threads.
//!
//! The input is cut into blocks of 1 MiB, each compressed to a member of its own (§ 2.2), as in eStargz layers. The
//! members depend only on the input: not on the number of threads or on which thread compressed which block.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use libdeflater::{CompressionLvl, Compressor};

/// The settings as part of a cache's key. Must change together with anything that changes the bytes.
pub(super) const SETTINGS: &str = "gzip libdeflate 1.26 level 1 members of 1048576";

const BLOCK: usize = 1024 * 1024;
/// The fastest level: the next one takes twice the time and saves a twentieth of the size.
const LEVEL: i32 = 1;

/// Compresses into `sink` what `produce` writes. Returns the result of `produce` and the CRC-32 of the input.
pub(crate) fn compress<T, E: From<io::Error>>(
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
        // Only the threads hold the queue: if all of them end early, sending fails instead of blocking forever.
        drop(queue);
        let mut writer = BlockWriter::new(sink, jobs, threads);
        let result = produce(&mut writer)?;
        Ok((result, writer.finish()?))
    })
}

/// A block to compress.
struct Job {
    data: Vec<u8>,
    done: Sender<Piece>,
}

/// A compressed block.
struct Piece {
    member: Vec<u8>,
    crc: crc32fast::Hasher,
    /// The job's buffer, for reuse.
    data: Vec<u8>,
}

/// Cuts its input into blocks, sends them to the threads, and writes the members in order.
struct BlockWriter<'a> {
    sink: &'a mut dyn Write,
    jobs: Sender<Job>,
    pending: VecDeque<Receiver<Piece>>,
    most_pending: usize,
    data: Vec<u8>,
    spare: Vec<Vec<u8>>,
    crc: crc32fast::Hasher,
    members: Members,
}

/// Whether any block was sent to the threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Members {
    None,
    Some,
}

impl<'a> BlockWriter<'a> {
    fn new(sink: &'a mut dyn Write, jobs: Sender<Job>, threads: NonZeroUsize) -> Self {
        Self {
            sink,
            jobs,
            pending: VecDeque::new(),
            // For each thread one block that it compresses and one that waits for it; more would only take memory.
            most_pending: threads.get().saturating_mul(2),
            data: Vec::with_capacity(BLOCK),
            spare: Vec::new(),
            crc: crc32fast::Hasher::new(),
            members: Members::None,
        }
    }

    fn submit(&mut self) -> io::Result<()> {
        while self.pending.len() >= self.most_pending {
            self.write_member()?;
        }
        let next = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(BLOCK));
        let data = std::mem::replace(&mut self.data, next);
        let (done, piece) = mpsc::channel();
        self.pending.push_back(piece);
        self.members = Members::Some;
        self.jobs.send(Job { data, done }).map_err(|_| workers_gone())
    }

    /// Waits for the oldest block and writes its member.
    fn write_member(&mut self) -> io::Result<()> {
        let Some(piece) = self.pending.pop_front() else { return Ok(()) };
        let mut piece = piece.recv().map_err(|_| workers_gone())?;
        self.sink.write_all(&piece.member)?;
        self.crc.combine(&piece.crc);
        piece.data.clear();
        self.spare.push(piece.data);
        Ok(())
    }

    fn finish(mut self) -> io::Result<u32> {
        // An empty input still needs one member: a file without any is not gzip (RFC 1952 § 2.2).
        if !self.data.is_empty() || self.members == Members::None {
            self.submit()?;
        }
        while !self.pending.is_empty() {
            self.write_member()?;
        }
        Ok(self.crc.finalize())
    }
}

impl Write for BlockWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.data.len() == BLOCK {
            self.submit()?;
        }
        let taken = bytes.len().min(BLOCK - self.data.len());
        self.data.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn workers_gone() -> io::Error {
    io::Error::other("a compression thread ended early")
}

/// Compresses blocks until the queue is closed.
fn work(queue: &Mutex<Receiver<Job>>) {
    let Ok(level) = CompressionLvl::new(LEVEL) else { return };
    let mut compressor = Compressor::new(level);
    loop {
        // A receiver of std has one consumer, so the threads take turns.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { data, done }) = job else { return };
        // If a member exceeds the library's own bound, this thread ends and the writer reports it.
        let Some(member) = member(&mut compressor, &data) else { return };
        let mut crc = crc32fast::Hasher::new();
        crc.update(&data);
        // The receiver is gone if writing failed; that error is reported there.
        done.send(Piece { member, crc, data }).ok();
    }
}

fn member(compressor: &mut Compressor, data: &[u8]) -> Option<Vec<u8>> {
    let mut member = vec![0; compressor.gzip_compress_bound(data.len())];
    let length = compressor.gzip_compress(data, &mut member).ok()?;
    member.truncate(length);
    Some(member)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::model::Digest;

    /// Returns text, noise and zeros, so that every type of deflate block appears.
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
        flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn input_around_block_boundaries_round_trips() {
        for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 12_345] {
            let input = sample(size);
            assert_eq!(gunzip(&gzip(&input, 2)), input, "{size}");
        }
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_number_of_threads() {
        let input = sample(9 * BLOCK + 77);
        let one = gzip(&input, 1);
        for threads in [2, 3, 8] {
            assert!(gzip(&input, threads) == one, "{threads} threads produce different bytes");
        }
    }

    /// The bytes are part of every image's digest: if another version of the library changes them, update `SETTINGS`
    /// and the changelog too.
    #[test]
    fn the_compressed_bytes_are_pinned() {
        let digest = Digest::of(&gzip(&sample(3 * BLOCK + 1), 2)).to_string();
        assert_eq!(digest, "sha256:c2df3dfd28717cf1b5ca387bab721bc0ec767228ee68a65e1a29557a86221470");
    }

    #[test]
    fn a_failing_sink_is_an_error_and_ends_all_threads() {
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
