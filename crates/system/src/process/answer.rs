//! Runs a helper program that gets its input, and a time limit.

use std::io::Read;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Command, Output, ProcessError, Processes, start_when_not_busy, text};

/// The most bytes that are kept of each stream. The rest is read and dropped, so that the program does not block.
const KEPT: usize = 1 << 20;

/// The time for the rest of the output after the program has ended. A daemon that it started, such as gpg-agent, may hold
/// the pipe open for days.
const REST: Duration = Duration::from_millis(500);

/// The time for an answer to a question. A server that is stopped, or a tunnel to it, may accept a connection and never
/// answer, and docker's client waits for it without end.
const QUESTION: Duration = Duration::from_secs(20);

impl Processes {
    /// Runs a command that asks a server for something, such as its version, and returns its output, whatever its exit code.
    /// At most 1 MiB of each stream is kept.
    ///
    /// # Errors
    /// Fails if the command cannot be started, does not end within 20 seconds, or the run is cancelled.
    pub fn ask(&self, command: &Command) -> Result<Output, ProcessError> {
        self.answer(command, &[], QUESTION)
    }

    /// Runs a command that asks a server for something, and returns its standard output. Bytes that are not UTF-8 are
    /// replaced.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask), and an exit code other than 0.
    pub fn ask_for_text(&self, command: &Command) -> Result<String, ProcessError> {
        text(command, self.ask(command)?)
    }

    /// Runs a command that reads `input`, and returns its output, whatever its exit code. It is not reported to a
    /// [`Watch`](super::Watch), because both its input and its output may be secret. At most 1 MiB of each stream is kept.
    ///
    /// # Errors
    /// Fails if the command cannot be started, does not end within `limit`, or the run is cancelled.
    pub fn answer(&self, command: &Command, input: &[u8], limit: Duration) -> Result<Output, ProcessError> {
        let failed = |source| ProcessError::Start { program: command.program.clone(), source };
        let (stdout, stdout_writer) = os_pipe::pipe().map_err(failed)?;
        let (stderr, stderr_writer) = os_pipe::pipe().map_err(failed)?;
        let expression = command.expression(&self.environment).stdin_bytes(input).unchecked();
        let expression = expression.stdout_file(stdout_writer).stderr_file(stderr_writer);
        // The expression owns the writing ends of both pipes, and is dropped here so that reading sees their end.
        let child = self.cancel.spawn(move || start_when_not_busy(&expression));
        let child = child.ok_or(ProcessError::Cancelled)?.map_err(failed)?;
        let (stdout, stderr) = (Collected::start(stdout), Collected::start(stderr));
        let status = child.wait_timeout(limit).map_err(failed)?;
        if self.cancel.is_cancelled() {
            return Err(ProcessError::Cancelled);
        }
        let late = || ProcessError::TimedOut { program: command.program.clone(), limit };
        let deadline = Instant::now() + REST;
        Ok(Output {
            status: status.ok_or_else(late)?,
            stdout: stdout.until(deadline),
            stderr: stderr.until(deadline),
        })
    }
}

/// A stream that another thread reads to its end, however late that is.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    end: Receiver<()>,
}

impl Collected {
    fn start(mut stream: impl Read + Send + 'static) -> Self {
        let bytes: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (at_end, end) = channel::<()>();
        let collected = bytes.clone();
        std::thread::spawn(move || {
            let _closed_at_the_end = at_end;
            let mut buffer = [0; 8192];
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                let mut bytes = collected.lock().unwrap_or_else(PoisonError::into_inner);
                let room = KEPT.saturating_sub(bytes.len());
                bytes.extend_from_slice(&buffer[..read.min(room)]);
            }
        });
        Self { bytes, end }
    }

    fn until(self, deadline: Instant) -> Vec<u8> {
        // Nothing is ever sent: the channel closes at the end of the stream.
        let _closed_or_late = self.end.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        std::mem::take(&mut self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::process::Cancel;

    const LONG: Duration = Duration::from_secs(60);

    fn answer(script: &str, input: &str, limit: Duration) -> Result<Output, ProcessError> {
        let environment = Arc::new(Environment::from_process().expect("the environment is readable"));
        let command = Command::new("sh", "/").args(["-c", script]);
        Processes::new(environment, Cancel::default()).answer(&command, input.as_bytes(), limit)
    }

    #[test]
    fn a_program_reads_its_input_and_answers() {
        let output = answer("cat; echo noise >&2; exit 3", "ghcr.io", LONG).unwrap();
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"ghcr.io"[..], &b"noise\n"[..]));
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(answer("echo done", &"x".repeat(1 << 20), LONG).unwrap().stdout, b"done\n");
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let start = Instant::now();
        let error = answer("sleep 60", "", Duration::from_millis(300)).unwrap_err();
        assert_eq!(error.to_string(), "`sh` did not end within 300ms");
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }

    #[test]
    fn a_daemon_that_keeps_the_pipe_delays_nobody() {
        let start = Instant::now();
        let output = answer("echo secret; setsid sleep 20 & exit 0", "", LONG).unwrap();
        assert_eq!(output.stdout, b"secret\n");
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    }

    #[test]
    fn endless_output_is_bounded() {
        let output = answer("head -c 3000000 /dev/zero", "", LONG).unwrap();
        assert_eq!(output.stdout.len(), KEPT);
    }
}
