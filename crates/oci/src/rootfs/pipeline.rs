//! Decompresses a blob in a thread of its own: decompression takes longer than everything else together, so that the
//! hash and the tar of the uncompressed bytes cost no additional time on a second processor.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::{Fault, Metered};
use crate::layer::decode::{DecodeError, decode};
use crate::layer::tar_reader::TarError;
use crate::model::Digest;

/// The number of uncompressed bytes that are handed over at once.
const CHUNK: usize = 128 * 1024;
/// The number of chunks that may wait, which bounds the memory.
const WAITING: usize = 8;

/// Calls `use_plain` with the uncompressed bytes of `blob`, and returns its result and the digest of the whole blob.
pub(super) fn decoded_apart<T>(
    blob: impl Read + Send,
    use_plain: impl FnOnce(Chunks) -> Result<T, Fault>,
) -> Result<(T, Digest), Fault> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING);
        // As many as exist at a time, so that none is lost.
        let (return_to, returned) = sync_channel(WAITING + 2);
        let decoder = thread::Builder::new()
            .spawn_scoped(scope, move || decode_all(blob, &sender, &returned))
            .map_err(TarError::Read)?;
        // Ends with dropping the receiver, after which the decoder stops too.
        let used = use_plain(Chunks { receiver, return_to, chunk: Vec::new(), position: 0 });
        let digest = decoder.join().unwrap_or_else(|panic| resume_unwind(panic));
        // An error of decoding comes first: the tar only ends early because of it.
        match (digest?, used?) {
            (Some(digest), used) => Ok((used, digest)),
            (None, _) => Err(TarError::Read(io::ErrorKind::BrokenPipe.into()).into()),
        }
    })
}

/// Sends the uncompressed bytes and returns the digest of the blob, or `None` if nobody reads them to their end. `returned`
/// yields the chunks that were read, whose memory is used again: fresh memory costs the kernel as much time as the hash.
fn decode_all(
    blob: impl Read,
    sender: &SyncSender<Vec<u8>>,
    returned: &Receiver<Vec<u8>>,
) -> Result<Option<Digest>, Fault> {
    // The output of the decoder is limited, so its input needs no limit of its own.
    let mut blob = Metered::new(blob, u64::MAX);
    let mut plain = decode(&mut blob)?;
    loop {
        let mut chunk = returned.try_recv().unwrap_or_else(|_| Vec::with_capacity(CHUNK));
        chunk.clear();
        plain.by_ref().take(CHUNK as u64).read_to_end(&mut chunk).map_err(DecodeError::Read)?;
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
    Ok(Some(blob.finish()))
}

/// Reads the bytes that another thread sends.
pub(super) struct Chunks {
    receiver: Receiver<Vec<u8>>,
    return_to: SyncSender<Vec<u8>>,
    chunk: Vec<u8>,
    position: usize,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position == self.chunk.len() {
            // The sender is dropped at the end of the bytes, and after an error, which it returns itself.
            let Ok(chunk) = self.receiver.recv() else { return Ok(0) };
            self.position = 0;
            // The decoder may have ended, and there is room for every chunk.
            drop(self.return_to.try_send(std::mem::replace(&mut self.chunk, chunk)));
        }
        let read = self.chunk[self.position..].as_ref().read(buffer)?;
        self.position += read;
        Ok(read)
    }
}
