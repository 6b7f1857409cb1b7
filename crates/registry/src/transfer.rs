//! Progress of transfers, and their parallelism.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crossdock_oci::Digest;

use crate::error::RegistryError;

/// Receives the progress of a push, pull or copy, from several threads at once.
pub trait TransferObserver: Sync {
    /// Receives an event.
    fn event(&self, event: TransferEvent<'_>);
}

/// An event of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferEvent<'a> {
    /// Blobs with this many bytes may have to be moved.
    Planned {
        /// The number of blobs.
        blobs: usize,
        /// Their length in bytes.
        bytes: u64,
    },
    /// Bytes were moved.
    Moved {
        /// The number of bytes.
        bytes: u64,
    },
    /// Moving a blob failed, and it is moved again from its start.
    Restarted {
        /// The bytes that were moved in vain.
        bytes: u64,
    },
    /// A blob is where it should be.
    Finished {
        /// The blob.
        digest: Digest,
        /// Its length in bytes.
        bytes: u64,
        /// How it got there.
        by: Moved,
    },
    /// Something that the user should know.
    Warning(&'a str),
}

/// How a blob came to its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// It was there already.
    Present,
    /// The registry took it from another of its repositories.
    Mounted,
    /// Its bytes were moved.
    Sent,
}

/// Ignores all events.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl TransferObserver for Unobserved {
    fn event(&self, _: TransferEvent<'_>) {}
}

/// Counts the bytes of a reader and reports them.
pub(crate) struct Counting<'a, R> {
    reader: R,
    observer: &'a dyn TransferObserver,
    /// The bytes that are not reported yet. Reports of every few kilobytes would cost more than they tell.
    unreported: u64,
    counted: &'a AtomicU64,
}

const REPORT: u64 = 256 * 1024;

impl<'a, R: Read> Counting<'a, R> {
    pub(crate) fn new(reader: R, observer: &'a dyn TransferObserver, counted: &'a AtomicU64) -> Self {
        Self { reader, observer, unreported: 0, counted }
    }

    fn report(&mut self) {
        if self.unreported > 0 {
            self.observer.event(TransferEvent::Moved { bytes: self.unreported });
            self.unreported = 0;
        }
    }
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.unreported += read as u64;
        self.counted.fetch_add(read as u64, Ordering::Relaxed);
        if read == 0 || self.unreported >= REPORT {
            self.report();
        }
        Ok(read)
    }
}

impl<R> Drop for Counting<'_, R> {
    fn drop(&mut self) {
        if self.unreported > 0 {
            self.observer.event(TransferEvent::Moved { bytes: self.unreported });
        }
    }
}

/// The number of transfers that may run at once, which shrinks when a connection stalls: on a slow uplink, parallel
/// uploads starve each other until the registry drops them.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<Places>,
    freed: Condvar,
}

#[derive(Debug)]
struct Places {
    limit: usize,
    used: usize,
}

impl Gate {
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: Mutex::new(Places { limit: limit.max(1), used: 0 }), freed: Condvar::new() }
    }

    /// Runs a transfer once there is a place for it.
    pub(crate) fn pass<T>(&self, transfer: impl FnOnce() -> T) -> T {
        let mut places = self.lock();
        while places.used >= places.limit {
            places = self.freed.wait(places).unwrap_or_else(PoisonError::into_inner);
        }
        places.used += 1;
        drop(places);
        // Also after a panic, which would leave the other threads waiting.
        let _place = TakenPlace(self);
        transfer()
    }

    /// Halves the number of transfers that start from now on.
    pub(crate) fn halve(&self) {
        let mut places = self.lock();
        places.limit = (places.limit / 2).max(1);
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place at a gate, which is free again once this is dropped.
struct TakenPlace<'a>(&'a Gate);

impl Drop for TakenPlace<'_> {
    fn drop(&mut self) {
        self.0.lock().used -= 1;
        self.0.freed.notify_one();
    }
}

/// Runs `work` for each item, in `threads` threads at most. The first error ends the others after their current item.
pub(crate) fn for_each<T: Send>(
    items: Vec<T>,
    threads: usize,
    work: impl Fn(T) -> Result<(), RegistryError> + Sync,
) -> Result<(), RegistryError> {
    let threads = threads.clamp(1, items.len().max(1));
    let queue = Mutex::new(VecDeque::from(items));
    let failure = Mutex::new(None);
    let locked = |error| {
        let mut failure: MutexGuard<'_, Option<RegistryError>> =
            failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
        queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
    };
    let run = || {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(item) = next else { return };
            if let Err(error) = work(item) {
                locked(error);
            }
        }
    };
    thread::scope(|scope| {
        // Without further threads, this one does it all.
        let _spawned: Vec<_> =
            (1..threads).map_while(|_| thread::Builder::new().spawn_scoped(scope, run).ok()).collect();
        run();
    });
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn the_first_error_ends_the_queue() {
        let done = AtomicUsize::new(0);
        let result = for_each((0..1000).collect(), 4, |item| {
            done.fetch_add(1, Ordering::Relaxed);
            if item == 3 { Err(RegistryError::Cancelled) } else { Ok(()) }
        });
        assert!(matches!(result, Err(RegistryError::Cancelled)));
        assert!(done.load(Ordering::Relaxed) < 1000);
        assert!(for_each(Vec::<u8>::new(), 4, |_| Ok(())).is_ok());
    }

    #[test]
    fn a_gate_shrinks_to_one() {
        let gate = Gate::new(4);
        (0..5).for_each(|_| gate.halve());
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let result = for_each((0..20).collect(), 4, |_: u32| {
            gate.pass(|| {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
            });
            Ok(())
        });
        assert!(result.is_ok());
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }
}
