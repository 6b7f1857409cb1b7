//! The one module that spawns processes. A [`Command`] is data: a plan holds it, prints it, and it runs here.

mod command;
mod group;

use std::io::{BufRead, BufReader, Read};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

pub use command::{Command, quote};
pub use group::Cancel;

use crate::environment::Environment;

/// Spawns commands in a given environment and ends them when the run is cancelled.
#[derive(Debug, Clone)]
pub struct Processes {
    environment: Arc<Environment>,
    cancel: Cancel,
}

/// What a finished process left.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// A piece of a running process's output: a line without its end; on standard error a carriage return ends a line
/// too, as progress bars write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// Of standard output.
    Out(&'a str),
    /// Of standard error.
    Error(&'a str),
}

/// Why a process gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("`{program}` cannot be started: {source}")]
    Start {
        /// The program.
        program: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It ended with another exit code than 0.
    #[error("`{command}` failed ({status}){}", indented(.stderr))]
    Failed {
        /// The command, as a shell takes it.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// Its standard error, whole.
        stderr: String,
    },
    /// The run was cancelled.
    #[error("interrupted")]
    Cancelled,
}

impl Processes {
    /// A spawner.
    pub fn new(environment: Arc<Environment>, cancel: Cancel) -> Self {
        Self { environment, cancel }
    }

    /// The environment that commands start from.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Runs to the end, whatever the exit code.
    pub fn output(&self, command: &Command) -> Result<Output, ProcessError> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let status = self.run(command, |out, error| {
            std::thread::scope(|scope| {
                scope.spawn(|| error.read_to_end(&mut stderr));
                out.read_to_end(&mut stdout).map(drop)
            })
        })?;
        Ok(Output { status, stdout, stderr })
    }

    /// Runs to the end; another exit code than 0 is an error that holds standard error whole.
    pub fn stdout(&self, command: &Command) -> Result<String, ProcessError> {
        let output = self.output(command)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(ProcessError::Failed {
            command: command.to_string(),
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs and hands on every line as it comes. Bytes that are not UTF-8 are replaced.
    pub fn stream(
        &self,
        command: &Command,
        observe: &(dyn Fn(Line<'_>) + Sync),
    ) -> Result<ExitStatus, ProcessError> {
        self.run(command, |out, error| {
            std::thread::scope(|scope| {
                scope.spawn(|| each_line(error, b"\n\r", |line| observe(Line::Error(line))));
                each_line(out, b"\n", |line| observe(Line::Out(line)))
            })
        })
    }

    fn run(
        &self,
        command: &Command,
        read: impl FnOnce(&mut os_pipe::PipeReader, &mut os_pipe::PipeReader) -> std::io::Result<()>,
    ) -> Result<ExitStatus, ProcessError> {
        let start = |source| ProcessError::Start { program: command.program.clone(), source };
        let (mut out, out_writer) = os_pipe::pipe().map_err(start)?;
        let (mut error, error_writer) = os_pipe::pipe().map_err(start)?;
        let whole = command.expression(&self.environment).stdin_null().unchecked();
        let whole = whole.stdout_file(out_writer).stderr_file(error_writer);
        // What holds the writing ends goes before reading begins: it would wait for their end.
        let child = self.cancel.spawn(move || start_once_free(&whole));
        let child = child.ok_or(ProcessError::Cancelled)?.map_err(start)?;
        let reading = read(&mut out, &mut error);
        let status = child.wait().map_err(start)?;
        if self.cancel.is_cancelled() {
            return Err(ProcessError::Cancelled);
        }
        reading.map_err(start)?;
        Ok(status)
    }
}

/// A script that was written a moment ago is busy for as long as a child which another thread starts holds it open,
/// between its fork and its exec.
fn start_once_free(expression: &duct::Expression) -> std::io::Result<duct::Handle> {
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

fn each_line(from: impl Read, ends: &[u8], mut observe: impl FnMut(&str)) -> std::io::Result<()> {
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

fn indented(stderr: &str) -> String {
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
    fn a_script_that_is_still_open_for_writing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        let mut file = OpenOptions::new().write(true).create_new(true).open(&script).unwrap();
        file.write_all(b"#!/bin/sh\necho started\n").unwrap();
        file.set_permissions(std::fs::Permissions::from_mode(0o755)).unwrap();
        let processes = Processes::new(Arc::new(Environment::of_process().unwrap()), Cancel::default());
        let command = Command::new(script.to_str().unwrap(), "/");
        let closes = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60));
            drop(file);
        });
        assert_eq!(processes.stdout(&command).unwrap(), "started\n");
        closes.join().unwrap();
    }
}
