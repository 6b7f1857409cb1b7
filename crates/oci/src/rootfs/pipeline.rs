//! Decompresses a blob and hashes the uncompressed bytes in threads of their own, while the caller reads them: each of the
//! three takes about as long as the others, so that together they take less time than one after the other.

use std::io::{self, BufRead, Read};
use std::ops::Deref;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::Fault;
use crate::layer::decode::{DecodeError, decode};
use crate::layer::tar_reader::TarError;
use crate::model::{Algorithm, Digest, Hasher};

/// The number of uncompressed bytes that are handed over at once.
const CHUNK: usize = 128 * 1024;
/// The number of chunks that may wait for a thread, which bounds the memory.
const WAITING: usize = 4;
/// The number of chunks that exist at a time: those that wait, and one in each thread.
const CHUNKS: usize = 2 * WAITING + 3;

/// The digests of a layer.
pub(super) struct Digests {
    /// That of the whole blob.
    pub(super) blob: Digest,
    /// That of the uncompressed bytes.
    pub(super) plain: Digest,
}

/// Uncompressed bytes that are handed over.
#[derive(Default)]
struct Chunk {
    /// Keeps its length: making memory ready for a decoder again and again costs time.
    buffer: Vec<u8>,
    length: usize,
}

impl Chunk {
    /// Replaces the bytes by the next ones of `reader`, fewer than [`CHUNK`] only at its end.
    fn fill(&mut self, reader: &mut impl Read) -> io::Result<()> {
        self.buffer.resize(CHUNK, 0);
        self.length = 0;
        while self.length < CHUNK {
            match reader.read(&mut self.buffer[self.length..]) {
                Ok(0) => break,
                Ok(read) => self.length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

/// Calls `use_plain` with the uncompressed bytes of `blob`, and returns its result and the digests, of these algorithms.
pub(super) fn decoded_apart<T>(
    blob: impl Read + Send,
    algorithms: (Algorithm, Algorithm),
    use_plain: impl FnOnce(Chunks) -> Result<T, Fault>,
) -> Result<(T, Digests), Fault> {
    thread::scope(|scope| {
        let (decoded, to_hash) = sync_channel(WAITING);
        let (hashed, receiver) = sync_channel(WAITING);
        let (return_to, returned) = sync_channel(CHUNKS);
        let spawn = || thread::Builder::new();
        let blob = Hashed { inner: blob, hasher: Hasher::new(algorithms.0) };
        let decoder = spawn().spawn_scoped(scope, move || decode_all(blob, &decoded, &returned));
        let decoder = decoder.map_err(TarError::Read)?;
        let hasher = spawn().spawn_scoped(scope, move || hash_all(&to_hash, &hashed, algorithms.1));
        let hasher = hasher.map_err(TarError::Read)?;
        // Ends with dropping the receiver, after which the other threads stop too.
        let used = use_plain(Chunks { receiver, return_to, chunk: Chunk::default(), position: 0 });
        let plain = hasher.join().unwrap_or_else(|panic| resume_unwind(panic));
        let blob = decoder.join().unwrap_or_else(|panic| resume_unwind(panic));
        // An error of decoding comes first: the tar only ends early because of it.
        match (blob?, used?) {
            (Some(blob), used) => Ok((used, Digests { blob, plain })),
            (None, _) => Err(TarError::Read(io::ErrorKind::BrokenPipe.into()).into()),
        }
    })
}

/// Sends the uncompressed bytes and returns the digest of the blob, or `None` if nobody reads them to their end. `returned`
/// yields the chunks that were read, whose memory is used again: fresh memory costs the kernel as much time as the hash.
fn decode_all(
    mut blob: Hashed<impl Read>,
    sender: &SyncSender<Chunk>,
    returned: &Receiver<Chunk>,
) -> Result<Option<Digest>, Fault> {
    // The output of the decoder is limited, so its input needs no limit of its own.
    let mut plain = decode(&mut blob)?;
    loop {
        let mut chunk = returned.try_recv().unwrap_or_default();
        chunk.fill(&mut plain).map_err(DecodeError::from)?;
        if chunk.is_empty() {
            break;
        }
        if sender.send(chunk).is_err() {
            return Ok(None);
        }
    }
    drop(plain);
    // The digest covers the whole blob, and a decoder stops at the end of its stream.
    io::copy(&mut blob, &mut io::sink()).map_err(TarError::Read)?;
    Ok(Some(blob.hasher.finish()))
}

/// Hands on the chunks and returns the digest of their bytes, which is of no use if nobody reads them to their end.
fn hash_all(receiver: &Receiver<Chunk>, sender: &SyncSender<Chunk>, algorithm: Algorithm) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    for chunk in receiver {
        hasher.update(&chunk);
        if sender.send(chunk).is_err() {
            break;
        }
    }
    hasher.finish()
}

/// Passes reads through and computes their digest.
struct Hashed<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// Reads the bytes that another thread sends.
pub(super) struct Chunks {
    receiver: Receiver<Chunk>,
    return_to: SyncSender<Chunk>,
    chunk: Chunk,
    position: usize,
}

impl BufRead for Chunks {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // The sender is dropped at the end of the bytes, and after an error, which it returns itself.
        if self.position == self.chunk.len()
            && let Ok(chunk) = self.receiver.recv()
        {
            self.position = 0;
            // There is room for every chunk; the decoder may have ended.
            drop(self.return_to.try_send(std::mem::replace(&mut self.chunk, chunk)));
        }
        Ok(&self.chunk[self.position..])
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount;
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}
