//! Reports of running processes, for a person who waits.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use super::Command;

/// Receives the lines that a running process writes to its standard error. It is dropped when the process has closed its
/// output, which it usually does at its end.
pub type LineReceiver = Box<dyn FnMut(&str) + Send>;

type Receiver = dyn Fn(&Command) -> LineReceiver + Send + Sync;

/// Receives each process that starts. The default receives none.
#[derive(Clone, Default)]
pub struct Watch(Option<Arc<Receiver>>);

impl Watch {
    /// Calls `receiver` for each process that starts, from the thread that waits for its end.
    pub fn new(receiver: impl Fn(&Command) -> LineReceiver + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(receiver)))
    }

    /// Announces a process, and returns its standard error, whose lines are reported when they are read.
    pub(super) fn started<R: Read>(&self, command: &Command, stderr: R) -> Watched<R> {
        Watched { stderr, line: Vec::new(), receiver: self.0.as_ref().map(|receiver| receiver(command)) }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.0.is_some()).finish()
    }
}

/// A stream whose lines are reported. A carriage return also ends a line, as progress bars are drawn that way.
pub(super) struct Watched<R> {
    stderr: R,
    line: Vec<u8>,
    receiver: Option<LineReceiver>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.stderr.read(buffer)?;
        if let Some(receiver) = &mut self.receiver {
            for byte in &buffer[..length] {
                match byte {
                    b'\n' | b'\r' => {
                        receiver(&String::from_utf8_lossy(&self.line));
                        self.line.clear();
                    }
                    // A person reads no more of a line than a terminal is wide.
                    byte if self.line.len() < LONGEST_LINE => self.line.push(*byte),
                    _ => {}
                }
            }
        }
        Ok(length)
    }
}

const LONGEST_LINE: usize = 4096;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::environment::Environment;
    use crate::process::{Cancel, Processes};

    #[test]
    fn a_watch_receives_commands_their_lines_and_their_end() {
        /// Notes the end of a process.
        struct End(Arc<Mutex<Vec<String>>>);
        impl Drop for End {
            fn drop(&mut self) {
                self.0.lock().unwrap().push("ended".to_owned());
            }
        }
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let receiver = seen.clone();
        let watch = Watch::new(move |command| {
            receiver.lock().unwrap().push(command.short());
            let (lines, end) = (receiver.clone(), End(receiver.clone()));
            Box::new(move |line| {
                let _until_the_process_ends = &end;
                lines.lock().unwrap().push(line.to_owned());
            })
        });
        let environment = Arc::new(Environment::from_process().unwrap());
        let processes = Processes::new(environment, Cancel::default()).watched_by(watch);
        let script = "echo answer; printf 'a\\rb\\nno end' >&2";
        let output = processes.output(&Command::new("sh", "/").args(["-c", script])).unwrap();
        assert_eq!(
            (output.stdout.as_slice(), output.stderr.as_slice()),
            (&b"answer\n"[..], &b"a\rb\nno end"[..])
        );
        let seen = seen.lock().unwrap();
        assert_eq!(seen[1..], ["a", "b", "ended"], "{seen:?}");
        assert!(seen[0].starts_with("sh -c"), "{seen:?}");
    }
}
