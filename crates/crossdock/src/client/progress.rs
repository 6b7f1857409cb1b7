//! The progress of transfers in bytes.

use crossdock_registry::{Moved, TransferEvent};

/// Counts the bytes of a transfer by its events.
///
/// ```
/// use crossdock::registry::{TransferEvent, TransferProgress};
/// let mut progress = TransferProgress::default();
/// progress.add(&TransferEvent::Planned { blobs: 1, bytes: 10 });
/// progress.add(&TransferEvent::Moved { bytes: 4 });
/// assert_eq!((progress.done(), progress.total()), (4, 10));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TransferProgress {
    total: u64,
    moved: u64,
    /// Bytes of blobs that need not be moved.
    present: u64,
}

impl TransferProgress {
    /// Counts an event.
    pub fn add(&mut self, event: &TransferEvent<'_>) {
        match event {
            TransferEvent::Planned { bytes, .. } => self.total += bytes,
            TransferEvent::Moved { bytes } => self.moved += bytes,
            TransferEvent::Restarted { bytes } => self.moved = self.moved.saturating_sub(*bytes),
            TransferEvent::Finished { bytes, by: Moved::Present | Moved::Mounted, .. } => {
                self.present += bytes;
            }
            _ => {}
        }
    }

    /// Returns the bytes that are where they should be, at most [`total`](Self::total): the bytes of a blob may be counted
    /// while they move, and again when it turns out to be there.
    pub fn done(&self) -> u64 {
        (self.moved + self.present).min(self.total)
    }

    /// Returns the bytes that are to be moved; 0 until they are known.
    pub fn total(&self) -> u64 {
        self.total
    }
}
