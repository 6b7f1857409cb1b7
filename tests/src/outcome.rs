//! Runs programs and holds their outcomes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

/// The outcome of a program: its exit and its output.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The command, for messages.
    pub command: String,
    /// The exit code; `None` if a signal ended the program.
    pub code: Option<i32>,
    /// The signal that ended the program, if any.
    pub signal: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs a command and waits for its end. It leads its own process group and has no standard input. Panics and kills the
/// group if it takes longer than `limit`.
pub fn run(command: &mut Command, limit: Duration) -> Outcome {
    Running::start(command).wait(limit)
}

/// A running program, which leads its own process group.
#[derive(Debug)]
pub struct Running {
    command: String,
    child: Child,
    stdout: File,
    stderr: File,
}

impl Running {
    /// Starts the command. Its output goes to files, so that no test hangs on a pipe that a grandchild keeps open.
    pub fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        let (stdout, stderr) = (scratch(), scratch());
        command
            .stdin(Stdio::null())
            .stdout(stdout.try_clone().expect("a file handle can be cloned"))
            .stderr(stderr.try_clone().expect("a file handle can be cloned"))
            .process_group(0);
        // execve(2) fails with ETXTBSY while a child of another test holds a new shim open between its fork and its exec.
        let busy = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ExecutableFileBusy;
        let mut tries = 0;
        let child = loop {
            tries += 1;
            match command.spawn() {
                Err(error) if busy(&error) && tries < 100 => std::thread::sleep(Duration::from_millis(5)),
                started => break started.unwrap_or_else(|error| panic!("cannot start {name}: {error}")),
            }
        };
        Self { command: name, child, stdout, stderr }
    }

    /// Returns the process id, which is also the id of its group.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends a signal to the process and its group.
    pub fn signal_group(&self, signal: Signal) {
        // A process that has already ended is not an error here: the caller sees it in the outcome.
        let _gone = kill_process_group(self.pid(), signal);
    }

    /// Returns whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Returns its standard output so far.
    pub fn stdout(&self) -> String {
        text(&self.stdout)
    }

    /// Returns its standard error so far.
    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// Waits for its end; kills the group and panics after `limit`.
    pub fn wait(mut self, limit: Duration) -> Outcome {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return Outcome {
                    command: self.command.clone(),
                    code: status.code(),
                    signal: status.signal(),
                    stdout: text(&self.stdout),
                    stderr: text(&self.stderr),
                };
            }
            if start.elapsed() > limit {
                self.signal_group(Signal::KILL);
                let (out, err) = (text(&self.stdout), text(&self.stderr));
                panic!("{} did not end within {limit:?}\n--- stdout\n{out}\n--- stderr\n{err}", self.command);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    /// Kills the group, so that a test that panics leaves no process behind.
    fn drop(&mut self) {
        if self.is_running() {
            self.signal_group(Signal::KILL);
            let _status = self.child.wait();
        }
    }
}

impl Outcome {
    /// Returns itself if the exit code is 0; else panics with the whole output.
    #[track_caller]
    pub fn success(self) -> Self {
        self.ends_with(0)
    }

    /// Returns itself if the exit code is `code`; else panics with the whole output.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of {self}");
        self
    }

    /// Returns itself if standard error contains `part`; else panics.
    #[track_caller]
    pub fn complains(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "no {part:?} in {self}");
        self
    }

    /// Returns itself if standard output contains `part`; else panics.
    #[track_caller]
    pub fn says(self, part: &str) -> Self {
        assert!(self.stdout.contains(part), "no {part:?} in {self}");
        self
    }

    /// Returns the digest of the image whose reference is the last thing on standard output.
    #[track_caller]
    pub fn digest(&self) -> &str {
        self.stdout.trim().rsplit_once('@').unwrap_or_else(|| panic!("no digest in {self}")).1
    }

    /// Parses standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON ({error}): {self}"))
    }

    /// Parses standard output as one JSON value per line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON ({error}): {self}"));
        self.stdout.lines().map(parse).collect()
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, code, signal, stdout, stderr } = self;
        write!(f, "{command}\ncode {code:?}, signal {signal:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

fn scratch() -> File {
    tempfile::tempfile().expect("a temporary file can be made")
}

/// Reads a whole file; bytes that are not UTF-8 are replaced. Does not move the file's position, which the program that
/// writes the file shares.
fn text(file: &File) -> String {
    let length = file.metadata().expect("a temporary file has a length").len();
    let mut bytes = vec![0; usize::try_from(length).expect("output fits into memory")];
    file.read_exact_at(&mut bytes, 0).expect("a temporary file can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_and_code_are_kept_apart() {
        let outcome = run(&mut shell("echo out; echo err >&2; exit 3"), Duration::from_secs(10));
        assert_eq!(
            (outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()),
            (Some(3), "out\n", "err\n")
        );
    }

    #[test]
    #[should_panic(expected = "did not end within")]
    fn what_takes_too_long_is_killed() {
        run(&mut shell("sleep 60 & sleep 60"), Duration::from_millis(100));
    }
}
