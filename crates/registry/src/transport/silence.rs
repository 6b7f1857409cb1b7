//! The silence of a server that has a whole request and does not answer yet.

use std::io;
use std::time::{Duration, Instant};

use super::Limits;
use crate::settings::Notify;

/// The bytes for which a registry has another second: it may copy a whole blob to its storage before it answers. A look-up
/// follows a write without an answer, so that this limit costs at most another upload.
const A_SECOND: u64 = 16 << 20;
/// The longest silence.
const LONGEST: Duration = Duration::from_secs(300);

/// Limits and reports the wait for an answer.
#[derive(Debug)]
pub(super) struct Silence {
    /// The wait that every write has, and reports of half of it.
    least: Duration,
    host: String,
    notify: Option<Notify>,
    /// The bytes of the request.
    sent: u64,
    since: Option<Instant>,
    reported: u32,
}

/// A write that was sent completely and not answered.
#[derive(Debug, thiserror::Error)]
#[error("the server did not answer within {} seconds after it had got the whole request", .0.as_secs())]
struct Unanswered(Duration);

impl Silence {
    pub(super) fn new(limits: &Limits, host: String) -> Self {
        let Limits { stall, notify, .. } = limits;
        Self { least: *stall, host, notify: notify.clone(), sent: 0, since: None, reported: 0 }
    }

    /// Takes note of bytes that were sent. The first ones of a request start anew.
    pub(super) fn sent(&mut self, bytes: usize) {
        if self.since.take().is_some() {
            (self.sent, self.reported) = (0, 0);
        }
        self.sent += bytes as u64;
    }

    /// Takes note that bytes were received.
    pub(super) fn ends(&mut self) {
        self.since = Some(Instant::now());
        self.reported = 0;
    }

    /// Reports a wait that goes on. That for the answer to a write has a limit of its own.
    ///
    /// # Errors
    /// If the wait for the answer to a write is too long.
    pub(super) fn goes_on(&mut self, is_write: bool) -> io::Result<()> {
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        let report = self.least / 2;
        if !report.is_zero() && waited >= report * (self.reported + 1) {
            self.reported += 1;
            let seconds = waited.as_secs();
            let tell = |Notify(tell): &Notify| {
                tell(&format!("waiting for the answer of `{}`: {seconds} s", self.host));
            };
            self.notify.iter().for_each(tell);
        }
        let limit = self.least + Duration::from_secs(self.sent / A_SECOND).min(LONGEST);
        if !is_write || waited < limit {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, Unanswered(waited)))
    }
}
