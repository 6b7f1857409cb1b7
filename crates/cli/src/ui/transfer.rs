//! The progress of a push, pull or copy, in bytes.

use std::sync::{Mutex, PoisonError};

use crossdock::registry::{TransferEvent, TransferObserver, TransferProgress};

use super::live::{First, Live, Running};
use super::moved;
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
    progress: TransferProgress,
}

impl Transfer {
    /// Shows a transfer from now on, until the value is dropped.
    pub(crate) fn new(live: Live, verbosity: Verbosity, title: &str) -> Self {
        let running = (verbosity != Verbosity::Quiet).then(|| live.start(title, First::WhenSlow));
        Self { live, state: Mutex::new(State { running, progress: TransferProgress::default() }) }
    }
}

impl TransferObserver for Transfer {
    fn event(&self, event: TransferEvent<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.progress.add(&event);
        if let TransferEvent::Warning(text) = event {
            self.live.write(&shown(&format!("{} {}", paint(WARN, "warning:"), message(text))));
        }
        if state.progress.total() > 0 {
            let detail = moved(state.progress.done(), state.progress.total());
            state.running.iter().for_each(|running| running.detail(&detail));
        }
    }
}
