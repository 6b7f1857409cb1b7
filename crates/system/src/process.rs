//! The only module that spawns processes. A [`Command`] is data: a plan holds and prints it, and [`Processes`] runs it.

mod answer;
mod command;
mod group;
mod watch;
mod watchdog;

use std::io::{BufRead, BufReader, Read};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

pub use command::{Command, quote};
pub use group::{Cancel, CleanUp};
pub use watch::{LineReceiver, Watch};

use crate::environment::Environment;

/// Runs commands in a given environment and ends them when the run is cancelled.
#[derive(Debug, Clone)]
pub struct Processes {
    environment: Arc<Environment>,
    cancel: Cancel,
    watch: Watch,
}

/// The result of a finished process.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Output {
    /// The exit status.
    pub status: ExitStatus,
    /// The standard output.
    pub stdout: Vec<u8>,
    /// The standard error.
    pub stderr: Vec<u8>,
}

/// The standard input of an attached process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StandardInput {
    /// Nothing. A process that leads its own group must not read a terminal: the kernel would stop it (SIGTTIN).
    #[default]
    Null,
    /// That of this process.
    Inherited,
}

/// A line of a running process's output, without its end. On standard error a carriage return also ends a line: progress
/// bars are drawn that way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputLine<'a> {
    /// A line of standard output.
    Stdout(&'a str),
    /// A line of standard error.
    Stderr(&'a str),
}

/// Why a process gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("`{program}` cannot be started: {source}")]
    Start {
        /// The program.
        program: String,
        /// The reason given by the system.
        #[source]
        source: std::io::Error,
    },
    /// It ended with an exit code other than 0, or by a signal.
    #[error("`{command}` failed ({status}){}", own_lines(.stderr))]
    Failed {
        /// The command, quoted for a POSIX shell.
        command: String,
        /// The exit status.
        status: ExitStatus,
        /// The whole standard error.
        stderr: String,
    },
    /// It did not end within its time limit, and was killed.
    #[error("`{program}` did not end within {limit:?}")]
    TimedOut {
        /// The program.
        program: String,
        /// The time limit.
        limit: Duration,
    },
    /// The run was cancelled.
    #[error("interrupted")]
    Cancelled,
}

impl ProcessError {
    /// Returns whether the program is not installed. A program that cannot be started for another reason, such as too many
    /// open files or a missing permission, is installed, and to install it again helps nobody.
    pub fn is_not_installed(&self) -> bool {
        matches!(self, Self::Start { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }
}

impl Processes {
    /// Runs commands in `environment` until `cancel` is cancelled.
    pub fn new(environment: Arc<Environment>, cancel: Cancel) -> Self {
        Self { environment, cancel, watch: Watch::default() }
    }

    /// Reports each process while it runs.
    #[must_use]
    pub fn watched_by(self, watch: Watch) -> Self {
        Self { watch, ..self }
    }

    /// Returns the environment in which commands run, before their own changes.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Runs a command and returns its output, whatever its exit code.
    ///
    /// # Errors
    /// Fails if the command cannot be started or the run is cancelled.
    pub fn output(&self, command: &Command) -> Result<Output, ProcessError> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let status = self.run(command, |out, error| {
            std::thread::scope(|scope| {
                // Both pipes are read at once: a child that fills one of them blocks until it is read (pipe(7)).
                scope.spawn(|| error.read_to_end(&mut stderr));
                out.read_to_end(&mut stdout).map(drop)
            })
        })?;
        Ok(Output { status, stdout, stderr })
    }

    /// Runs a command and returns its standard output. Bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// Fails if the command cannot be started, ends with an exit code other than 0, or the run is cancelled.
    pub fn stdout(&self, command: &Command) -> Result<String, ProcessError> {
        text(command, self.output(command)?)
    }

    /// Runs a command and passes on each line as it is written; standard error comes from another thread. Bytes that are not
    /// UTF-8 are replaced.
    ///
    /// # Errors
    /// Fails if the command cannot be started or the run is cancelled.
    pub fn stream(
        &self,
        command: &Command,
        observe: &(dyn Fn(OutputLine<'_>) + Sync),
    ) -> Result<ExitStatus, ProcessError> {
        self.run(command, |out, error| {
            std::thread::scope(|scope| {
                scope.spawn(|| each_line(error, b"\n\r", |line| observe(OutputLine::Stderr(line))));
                each_line(out, b"\n", |line| observe(OutputLine::Stdout(line)))
            })
        })
    }

    /// Runs a command that writes to the standard output and error of this process, and waits for its end.
    ///
    /// # Errors
    /// Fails if the command cannot be started or the run is cancelled.
    pub fn attached(&self, command: &Command, input: StandardInput) -> Result<ExitStatus, ProcessError> {
        let failed = |source| ProcessError::Start { program: command.program.clone(), source };
        let expression = command.expression(&self.environment).unchecked();
        let expression = match input {
            StandardInput::Null => expression.stdin_null(),
            StandardInput::Inherited => expression,
        };
        let child = self.cancel.spawn(move || start_when_not_busy(&expression));
        let status = child.ok_or(ProcessError::Cancelled)?.map_err(failed)?.wait().map_err(failed)?;
        if self.cancel.is_cancelled() { Err(ProcessError::Cancelled) } else { Ok(status) }
    }

    /// Starts a command, lets `read` drain both of its pipes, and waits for its end.
    fn run(
        &self,
        command: &Command,
        read: impl FnOnce(&mut os_pipe::PipeReader, &mut (dyn Read + Send)) -> std::io::Result<()>,
    ) -> Result<ExitStatus, ProcessError> {
        let failed = |source| ProcessError::Start { program: command.program.clone(), source };
        let (mut out, out_writer) = os_pipe::pipe().map_err(failed)?;
        let (error, error_writer) = os_pipe::pipe().map_err(failed)?;
        // Commands run several at a time and below live progress, so none may ask the person a question. `unchecked`
        // leaves the meaning of an exit code to the caller.
        let expression = command.expression(&self.environment).unchecked();
        let expression = match &command.input {
            None => expression.stdin_null(),
            // duct opens it with an error that does not name it.
            Some(file) => expression.stdin_file(std::fs::File::open(file).map_err(failed)?),
        };
        let expression = expression.stdout_file(out_writer).stderr_file(error_writer);
        // The expression owns the writing ends of both pipes. It is dropped here, or reading would never see their end.
        let child = self.cancel.spawn(move || start_when_not_busy(&expression));
        let child = child.ok_or(ProcessError::Cancelled)?.map_err(failed)?;
        // Read to the end before waiting: a child blocks while its pipe is full, and processes that it started may
        // write after it has ended.
        let reading = read(&mut out, &mut self.watch.started(command, error));
        let status = child.wait().map_err(failed)?;
        if self.cancel.is_cancelled() {
            return Err(ProcessError::Cancelled);
        }
        // A cancelled child may have been killed while it wrote, so an error of reading counts only after that test.
        reading.map_err(failed)?;
        Ok(status)
    }
}

/// Returns the standard output of a command that succeeded.
fn text(command: &Command, output: Output) -> Result<String, ProcessError> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ProcessError::Failed {
        command: command.to_string(),
        status: output.status,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Starts a process, and waits up to half a second for a program file that is open for writing.
///
/// Another thread's child inherits a file that this process is writing, and holds it open between its fork and its exec.
/// execve(2) fails with ETXTBSY for as long.
fn start_when_not_busy(expression: &duct::Expression) -> std::io::Result<duct::Handle> {
    for _ in 0..100 {
        match expression.start() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(5));
            }
            started => return started,
        }
    }
    expression.start()
}

/// Calls `observe` for each line, which one of the bytes `ends` ends, and for the rest after the last one.
fn each_line(from: impl Read, ends: &[u8], mut observe: impl FnMut(&str)) -> std::io::Result<()> {
    // `BufRead::lines` fails at bytes that are not UTF-8, and compilers quote source files of any encoding.
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let end = buffer.iter().position(|byte| ends.contains(byte));
        line.extend_from_slice(&buffer[..end.unwrap_or(buffer.len())]);
        let used = end.map_or(buffer.len(), |end| end + 1);
        from.consume(used);
        if end.is_some() {
            observe(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    if !line.is_empty() {
        observe(&String::from_utf8_lossy(&line));
    }
    Ok(())
}

/// Puts the text of standard error on lines of its own.
fn own_lines(stderr: &str) -> String {
    match stderr.trim_end() {
        "" => String::new(),
        text => format!(":\n{text}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_program_file_open_for_writing_is_awaited() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        let mut file = OpenOptions::new().write(true).create_new(true).open(&script).unwrap();
        file.write_all(b"#!/bin/sh\necho started\n").unwrap();
        file.set_permissions(std::fs::Permissions::from_mode(0o755)).unwrap();
        let processes = Processes::new(Arc::new(Environment::from_process().unwrap()), Cancel::default());
        let command = Command::new(script.to_str().unwrap(), "/");
        let closes = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60));
            drop(file);
        });
        assert_eq!(processes.stdout(&command).unwrap(), "started\n");
        closes.join().unwrap();
    }
}
