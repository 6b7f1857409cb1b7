//! The least progress of a connection.

use std::io;
use std::time::Duration;

/// The least number of bytes a second, far less than the slowest mobile network carries. It is a minimum and not a limit of
/// the whole time, which would end large transfers over slow connections.
const LEAST: f64 = 64.0;

/// Measures the bytes that move while a connection waits for its peer. Time in which this program does something else does not
/// count: a blob that is copied to a slow registry is read as slowly.
#[derive(Debug)]
pub(super) struct Pace {
    /// The time without enough progress after which a connection counts as lost.
    limit: Duration,
    waited: Duration,
    moved: u64,
}

impl Pace {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, waited: Duration::ZERO, moved: 0 }
    }

    /// Forgets what moved.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.limit);
    }

    /// Takes note of a wait and of the bytes that ended it.
    ///
    /// # Errors
    /// If too few bytes moved for too long.
    pub(super) fn note(&mut self, waited: Duration, moved: usize, direction: Direction) -> io::Result<()> {
        self.waited += waited;
        self.moved += moved as u64;
        if self.moved as f64 >= LEAST * self.limit.as_secs_f64() {
            self.restart();
        }
        if self.waited < self.limit { Ok(()) } else { Err(self.stalled(direction)) }
    }

    fn stalled(&self, direction: Direction) -> io::Error {
        let Self { waited, moved, .. } = *self;
        io::Error::new(io::ErrorKind::TimedOut, Stalled { waited, moved, direction })
    }
}

/// The direction in which bytes move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Sent,
    Received,
}

/// A connection that carries too little.
#[derive(Debug, thiserror::Error)]
#[error("{} within {} seconds", describe(*.moved, *.direction), .waited.as_secs())]
struct Stalled {
    waited: Duration,
    moved: u64,
    direction: Direction,
}

fn describe(moved: u64, direction: Direction) -> String {
    match (direction, moved) {
        (Direction::Received, 0) => "the server sent nothing".to_owned(),
        (Direction::Received, _) => format!("the server sent only {moved} bytes"),
        (Direction::Sent, 0) => "the server accepted nothing of what is sent".to_owned(),
        (Direction::Sent, _) => format!("the server accepted only {moved} bytes of what is sent"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_too_little_progress_is_an_error() {
        let (second, limit) = (Duration::from_secs(1), Duration::from_secs(60));
        for (step, bytes, seconds, is_enough) in [
            (second, 1, 59, true),
            (second, 1, 60, false),
            (second, 63, 60, false),
            (second, 64, 10_000, true),
            // One packet a minute is a slow connection, and a byte a minute is none.
            (second * 59, 1460, 10, false),
            (second * 19, 1460, 10_000, true),
            (Duration::from_micros(1), 1, 10_000, true),
        ] {
            let mut pace = Pace::new(limit);
            let result = (0..seconds).try_for_each(|_| pace.note(step, bytes, Direction::Received));
            assert_eq!(result.is_ok(), is_enough, "{bytes} bytes each {step:?}");
        }
        let error = Pace::new(limit).note(limit, 0, Direction::Sent).unwrap_err();
        assert_eq!(error.to_string(), "the server accepted nothing of what is sent within 60 seconds");
    }
}
