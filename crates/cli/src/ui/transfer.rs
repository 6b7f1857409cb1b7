//! The progress of a push, pull or copy, in bytes.

use std::sync::{Mutex, PoisonError};

use crossdock::execute::bytes;
use crossdock::registry::{Moved, TransferEvent, TransferObserver};

use super::live::{First, Live, Running};
use super::progress::Verbosity;
use super::style::{WARN, paint};
use super::text::{message, shown};

/// Shows the progress of a transfer as one line.
pub(crate) struct Transfer {
    live: Live,
    state: Mutex<State>,
}

struct State {
    running: Option<Running>,
    total: u64,
    done: u64,
    /// Bytes that were counted while they moved, and again when their blob was finished.
    present: u64,
}

impl Transfer {
    /// Shows a transfer from now on, until the value is dropped.
    pub(crate) fn new(live: Live, verbosity: Verbosity, title: &str) -> Self {
        let running = (verbosity != Verbosity::Quiet).then(|| live.start(title, First::WhenSlow));
        Self { live, state: Mutex::new(State { running, total: 0, done: 0, present: 0 }) }
    }
}

impl TransferObserver for Transfer {
    fn event(&self, event: TransferEvent<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            TransferEvent::Planned { bytes, .. } => state.total += bytes,
            TransferEvent::Moved { bytes } => state.done += bytes,
            TransferEvent::Restarted { bytes } => state.done = state.done.saturating_sub(bytes),
            TransferEvent::Finished { bytes, by: Moved::Present | Moved::Mounted, .. } => {
                state.present += bytes
            }
            TransferEvent::Warning(text) => {
                self.live.write(&shown(&format!("{} {}", paint(WARN, "warning:"), message(text))));
            }
            _ => {}
        }
        let moved = (state.done + state.present).min(state.total);
        let detail = format!("{}/{}", bytes(moved), bytes(state.total));
        if state.total > 0 {
            state.running.iter().for_each(|running| running.detail(&detail));
        }
    }
}
