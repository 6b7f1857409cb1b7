//! A connection to a server that listens while it sends.
//!
//! A registry may answer before it has read a large body: with 401, 403, 413 or 429, and close the connection. A client
//! that only writes then sees a broken pipe, or waits for ever on a server that no longer reads. This transport looks for
//! an answer between writes and after a failed one; once an answer has begun, the rest of the body is dropped.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crossdock_system::process::Cancel;
use rustls::ClientConnection;
use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};
use ureq::{Error, Timeout};

use super::buffers::PlainBuffers;
use super::pace::{Direction, Pace};
use super::silence::Silence;
use super::tls::in_words;
use super::{Interrupted, Limits};

/// The time for which a read or a write waits before the input and the cancellation are looked at again.
const SLICE: Duration = Duration::from_millis(250);

/// A connection, in plain text or with TLS.
pub(crate) struct Connection {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    buffers: PlainBuffers,
    output: Output,
    /// Whether a part of a request was sent since the last look for input.
    has_sent: bool,
    /// Whether input was read while sending, of which the reader of the answer does not know.
    has_heard: bool,
    /// Whether the request writes something, which a server may take longer to answer.
    is_write: bool,
    pace: Pace,
    silence: Silence,
    cancel: Cancel,
}

thread_local! {
    /// Whether the server needs no more of the request that this thread sends. ureq has no way from a connection to the
    /// reader of the body, but uses both in the thread of the call.
    static ENDED: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether the rest of the request that this thread sends is dropped.
pub(super) fn has_ended() -> bool {
    ENDED.get()
}

/// Forgets the request that this thread sent before.
pub(super) fn forget_end() {
    ENDED.set(false);
}

/// The treatment of bytes that are to be sent.
enum Output {
    Open,
    /// The server has answered, so that the rest of the request is dropped.
    Answered,
    /// Sending failed. The server may have answered before; if not, this is the error.
    Failed(io::Error),
}

impl Connection {
    pub(crate) fn new(
        socket: TcpStream,
        tls: Option<ClientConnection>,
        host: String,
        limits: &Limits,
    ) -> Self {
        Self {
            socket,
            tls: tls.map(Box::new),
            buffers: PlainBuffers::new(),
            output: Output::Open,
            has_sent: false,
            has_heard: false,
            is_write: false,
            pace: Pace::new(limits.stall),
            silence: Silence::new(limits, host),
            cancel: limits.cancel.clone(),
        }
    }

    /// Sends `amount` bytes of the output buffer, unless an answer arrives first.
    fn send(&mut self, amount: usize, deadline: Deadline) -> Result<(), Error> {
        // Not after the last part of a request, whose answer is not early.
        if self.has_sent && self.hear_answer() {
            return Ok(());
        }
        if !self.has_sent {
            let start = &self.buffers.output()[..amount];
            self.is_write = !start.starts_with(b"GET ") && !start.starts_with(b"HEAD ");
            self.pace.restart();
        }
        self.has_sent = true;
        let mut sent = 0;
        while sent < amount || self.wants_write() {
            self.refuse_cancelled()?;
            self.socket.set_write_timeout(Some(SLICE))?;
            let started = Instant::now();
            let written = match self.send_some(sent, amount) {
                Ok((taken, written)) => {
                    sent += taken;
                    written
                }
                Err(error) if is_timeout(&error) => {
                    if self.hear_answer() {
                        return Ok(());
                    }
                    deadline.check()?;
                    0
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => return self.fail(error),
            };
            self.silence.sent(written);
            if let Err(error) = self.pace.note(started.elapsed(), written, Direction::Sent) {
                return self.fail(error);
            }
        }
        Ok(())
    }

    fn refuse_cancelled(&self) -> io::Result<()> {
        if self.cancel.is_cancelled() { Err(io::Error::other(Interrupted)) } else { Ok(()) }
    }

    /// Sends some bytes. Returns how many of the buffer were taken, none if TLS still had records to send, and how many went
    /// forward.
    fn send_some(&mut self, sent: usize, amount: usize) -> io::Result<(usize, usize)> {
        let rest = &self.buffers.output()[sent..amount];
        let (taken, written) = match &mut self.tls {
            None => {
                let written = self.socket.write(rest)?;
                (written, written)
            }
            Some(tls) if tls.wants_write() => (0, tls.write_tls(&mut self.socket)?),
            Some(tls) => {
                let taken = tls.writer().write(rest)?;
                (taken, taken)
            }
        };
        if written == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok((taken, written)) }
    }

    fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Remembers why sending failed. The error is returned later, unless an answer arrives.
    fn fail(&mut self, error: io::Error) -> Result<(), Error> {
        self.output = Output::Failed(error);
        ENDED.set(true);
        Ok(())
    }

    /// Returns why sending failed.
    fn failure(&mut self) -> io::Error {
        let kept = io::ErrorKind::NotConnected.into();
        match std::mem::replace(&mut self.output, Output::Failed(kept)) {
            Output::Failed(error) => error,
            Output::Open | Output::Answered => io::ErrorKind::NotConnected.into(),
        }
    }

    /// Reads the input that is there, and returns whether a final answer has begun.
    fn hear_answer(&mut self) -> bool {
        let had = self.socket.set_nonblocking(true).is_ok();
        // An error of reading is met again by the next write or read.
        self.has_heard |= had && self.receive().is_ok_and(|read| read > 0);
        let heard = has_final_answer(self.buffers.input());
        if self.socket.set_nonblocking(false).is_err() {
            self.output = Output::Failed(io::ErrorKind::NotConnected.into());
            ENDED.set(true);
        } else if heard {
            self.output = Output::Answered;
            ENDED.set(true);
        }
        heard
    }

    /// Reads some input and returns its length; 0 at the end.
    fn receive(&mut self) -> io::Result<usize> {
        let input = self.buffers.input_append_buf();
        let read = match &mut self.tls {
            None => self.socket.read(input)?,
            Some(tls) => loop {
                match tls.reader().read(input) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // A server that closes without TLS's own farewell. HTTP's lengths tell whether anything is missing.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break 0,
                    read => break read?,
                }
                tls.read_tls(&mut self.socket)?;
                tls.process_new_packets().map_err(|error| in_words(io::Error::other(error)))?;
            },
        };
        self.buffers.input_appended(read);
        Ok(read)
    }

    fn receive_before(&mut self, deadline: Deadline) -> Result<bool, Error> {
        let is_answer = matches!(deadline.reason, Timeout::RecvResponse);
        // A registry that copies a whole blob to its storage answers only then. The silence has a limit of its own.
        let may_stall = self.is_write && is_answer;
        loop {
            // TLS may have to answer, as a key update.
            while let Some(tls) = self.tls.as_mut().filter(|tls| tls.wants_write()) {
                if tls.write_tls(&mut self.socket).is_err() {
                    break;
                }
            }
            self.refuse_cancelled()?;
            self.socket.set_read_timeout(Some(deadline.left(SLICE)))?;
            let started = Instant::now();
            let received = match self.receive() {
                Ok(read) => Some(read),
                Err(error) if is_timeout(&error) => {
                    deadline.check()?;
                    None
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
                Err(error) => return Err(error.into()),
            };
            if !may_stall {
                self.pace.note(started.elapsed(), received.unwrap_or(0), Direction::Received)?;
            }
            if let Some(read) = received {
                self.silence.ends();
                return Ok(read > 0);
            }
            if is_answer {
                self.silence.goes_on(self.is_write)?;
            }
        }
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        match self.output {
            Output::Open => self.send(amount, Deadline::of(timeout)),
            Output::Answered | Output::Failed(_) => Ok(()),
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        if std::mem::take(&mut self.has_sent) {
            self.pace.restart();
        }
        if std::mem::take(&mut self.has_heard) {
            return Ok(true);
        }
        let deadline = match self.output {
            // The words of a server that closed the connection have arrived, and one that takes nothing says nothing.
            Output::Failed(_) => Deadline::after(LAST_WORDS, timeout.reason),
            Output::Open | Output::Answered => Deadline::of(timeout),
        };
        let received = self.receive_before(deadline);
        match (&self.output, received) {
            (_, Ok(true)) => Ok(true),
            // The answer that was heard, or a part of it, is all that there is.
            (Output::Failed(_), _) if self.buffers.input().is_empty() => Err(self.failure().into()),
            (_, received) => received,
        }
    }

    fn is_open(&mut self) -> bool {
        if !matches!(self.output, Output::Open) || self.socket.set_nonblocking(true).is_err() {
            return false;
        }
        // Between two requests a server sends nothing except TLS's session tickets.
        let input = self.receive();
        let is_idle = matches!(&input, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        self.socket.set_nonblocking(false).is_ok() && is_idle
    }

    fn is_tls(&self) -> bool {
        self.tls.is_some()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({:?})", self.socket.peer_addr())
    }
}

/// Returns whether input holds the status line of an answer other than 1xx, which is an interim one (RFC 9110 § 15.2).
fn has_final_answer(mut input: &[u8]) -> bool {
    loop {
        // `HTTP/1.1 100`
        let Some(class) = input.get(9).filter(|_| input.starts_with(b"HTTP/1.")) else { return false };
        if *class != b'1' {
            return true;
        }
        let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
        input = &input[end + 4..];
    }
}

pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// The time until which an operation must end.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    reason: Timeout,
}

impl Deadline {
    pub(crate) fn of(timeout: NextTimeout) -> Self {
        Self::after(*timeout.after, timeout.reason)
    }

    fn after(after: Duration, reason: Timeout) -> Self {
        Self { at: Instant::now().checked_add(after), reason }
    }

    fn check(self) -> Result<(), Error> {
        if self.left(SLICE) > MOMENT { Ok(()) } else { Err(Error::Timeout(self.reason)) }
    }

    /// Returns the time that is left, but not more than a limit, and never zero, which a socket takes for no limit.
    pub(crate) fn left(self, limit: Duration) -> Duration {
        self.at.map_or(limit, |at| at.saturating_duration_since(Instant::now()).min(limit)).max(MOMENT)
    }
}

/// The time for the answer of a server to which sending failed.
const LAST_WORDS: Duration = Duration::from_secs(5);
const MOMENT: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interim_answers_are_not_final() {
        for (input, is_final) in [
            ("", false),
            ("HTTP/1.1 ", false),
            ("HTTP/1.1 1", false),
            ("HTTP/1.1 100 Continue\r\n\r\n", false),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 4", true),
            ("HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 C\r\n\r\n", false),
            ("HTTP/1.0 413 Too Large\r\n", true),
            ("garbage and more", false),
        ] {
            assert_eq!(has_final_answer(input.as_bytes()), is_final, "{input}");
        }
    }
}
