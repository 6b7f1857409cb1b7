//! Runs tools in the repository and prints each command before it runs.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use duct::{Expression, Handle};

/// The error of a chore.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The result of the chore is negative.
    #[error("{0}")]
    Answer(String),
    /// A tool is missing and could not be installed.
    #[error("{0}")]
    Missing(String),
    /// A tool ended with another exit code than 0.
    #[error("`{command}` failed ({status})")]
    Failed { command: String, status: std::process::ExitStatus },
    /// A tool exceeded its time limit and was killed.
    #[error("`{command}` was killed after {} minutes", .limit.as_secs() / 60)]
    Overdue { command: String, limit: Duration },
    /// A tool could not be started.
    #[error("`{command}` cannot be started: {source}")]
    Start { command: String, source: std::io::Error },
    /// A file could not be read or written.
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: std::io::Error },
}

impl Failure {
    /// Adds the path to an error of the file system.
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |source| Self::File { path: path.to_owned(), source }
    }
}

/// Returns the repository's root. It is fixed at compile time, because `cargo xtask` runs where it was built.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Prints a line for the person. A closed standard error does not make a chore fail.
pub(crate) fn say(line: &str) {
    let _closed = writeln!(std::io::stderr(), "{line}");
}

/// Copies a directory without its build output.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(to).map_err(Failure::file(to))?;
    for entry in std::fs::read_dir(from).map_err(Failure::file(from))? {
        let path = entry.map_err(Failure::file(from))?.path();
        let name = path.file_name().unwrap_or_default();
        if name == "target" || name == ".crossdock" {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            std::fs::copy(&path, to.join(name)).map_err(Failure::file(&path))?;
        }
    }
    Ok(())
}

/// Returns the files in a directory and below it, sorted, without output of tools and without hidden directories such as git's.
pub(crate) fn files(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let (mut files, mut directories) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).map_err(Failure::file(&directory))? {
            let path = entry.map_err(Failure::file(&directory))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !path.is_dir() {
                files.push(path);
            } else if name != "target" && !name.starts_with('.') {
                directories.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A command in the repository's root.
#[derive(Debug, Clone)]
pub(crate) struct Tool {
    words: Vec<String>,
    env: Vec<(String, String)>,
    /// True if the command sees no variables but `env`.
    cleared: bool,
    dir: PathBuf,
}

/// The result of a command that may fail.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Tool {
    /// Returns a command: a program and its arguments.
    pub(crate) fn new<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Self {
        Self {
            words: words.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            cleared: false,
            dir: repository().to_owned(),
        }
    }

    /// Returns another command with the directory and the variables of this one.
    pub(crate) fn with_words<W: Into<String>>(&self, words: impl IntoIterator<Item = W>) -> Self {
        Self { words: words.into_iter().map(Into::into).collect(), ..self.clone() }
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, word: impl Into<String>) -> Self {
        self.words.push(word.into());
        self
    }

    /// Adds a variable.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Removes the variables of this process.
    pub(crate) fn cleared(mut self) -> Self {
        self.cleared = true;
        self
    }

    /// Sets a working directory other than the repository's root.
    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        dir.clone_into(&mut self.dir);
        self
    }

    /// Prints the command, runs it and shows its output.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        say(&format!("$ {self}"));
        self.check(self.expression().unchecked().run().map_err(|source| self.cannot_start(source))?.status)
    }

    /// Runs the command silently and returns whether it succeeds. A command that cannot be started fails.
    pub(crate) fn succeeds(&self) -> bool {
        let quiet = self.expression().stdin_null().stdout_null().stderr_null().unchecked();
        quiet.run().is_ok_and(|output| output.status.success())
    }

    /// Runs the command and shows its output only if it fails.
    pub(crate) fn quietly(&self) -> Result<(), Failure> {
        let captured = self.expression().stdin_null().stderr_to_stdout().stdout_capture().unchecked().run();
        let output = captured.map_err(|source| self.cannot_start(source))?;
        if !output.status.success() {
            say(&String::from_utf8_lossy(&output.stdout));
        }
        self.check(output.status)
    }

    /// Runs the command and returns its standard output.
    pub(crate) fn stdout(&self) -> Result<String, Failure> {
        let output = self.expression().stdin_null().stdout_capture().unchecked().run();
        let output = output.map_err(|source| self.cannot_start(source))?;
        self.check(output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs the command with a text as its standard input. No exit code is an error.
    pub(crate) fn answer(&self, input: &str) -> Result<Answer, Failure> {
        let captured = self.expression().stdin_bytes(input).stdout_capture().stderr_capture().unchecked();
        let output = captured.run().map_err(|source| self.cannot_start(source))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Answer { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
    }

    /// Starts the command in the background without output.
    pub(crate) fn start(&self) -> Result<Handle, Failure> {
        let quiet = self.expression().stdin_null().stdout_null().stderr_null().unchecked();
        quiet.start().map_err(|source| self.cannot_start(source))
    }

    /// Waits for the end of a process from [`start`](Self::start).
    pub(crate) fn finish(&self, process: &Handle) -> Result<(), Failure> {
        let status = process.wait().map_err(|source| self.cannot_start(source))?.status;
        self.check(status)
    }

    /// Prints the command, runs it, and passes each line of its output to `line`, which may show it. After `limit` the
    /// command and all its children are killed.
    pub(crate) fn watch(&self, limit: Duration, mut line: impl FnMut(&str)) -> Result<(), Failure> {
        let overdue = || Failure::Overdue { command: self.to_string(), limit };
        // For `timeout`, 0 means unlimited.
        if limit.as_secs() == 0 {
            return Err(overdue());
        }
        say(&format!("$ {self}"));
        let start = Instant::now();
        let whole = duct::cmd(
            "timeout",
            ["--kill-after=10", &limit.as_secs().to_string()]
                .into_iter()
                .chain(self.words.iter().map(String::as_str)),
        );
        let reader = self
            .with_environment(whole)
            .stderr_to_stdout()
            .unchecked()
            .reader()
            .map_err(|source| self.cannot_start(source))?;
        for text in BufReader::new(&reader).split(b'\n') {
            line(&String::from_utf8_lossy(&text.map_err(|source| self.cannot_start(source))?));
        }
        // The reader is at its end: the command has ended too.
        match reader.try_wait().map_err(|source| self.cannot_start(source))? {
            Some(output) if start.elapsed() >= limit && !output.status.success() => Err(overdue()),
            Some(output) => self.check(output.status),
            None => Err(self.cannot_start(std::io::ErrorKind::WouldBlock.into())),
        }
    }

    fn expression(&self) -> Expression {
        let (program, arguments) = self.words.split_first().map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
        self.with_environment(duct::cmd(program, arguments))
    }

    fn with_environment(&self, expression: Expression) -> Expression {
        let expression = expression.dir(&self.dir);
        if self.cleared {
            return expression.full_env(self.env.iter().cloned());
        }
        self.env.iter().fold(expression, |expression, (name, value)| expression.env(name, value))
    }

    fn check(&self, status: std::process::ExitStatus) -> Result<(), Failure> {
        if status.success() { Ok(()) } else { Err(Failure::Failed { command: self.to_string(), status }) }
    }

    pub(crate) fn cannot_start(&self, source: std::io::Error) -> Failure {
        Failure::Start { command: self.to_string(), source }
    }
}

impl std::fmt::Display for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let variables = self.env.iter().map(|(name, value)| format!("{name}={value}"));
        let words: Vec<String> =
            variables.chain(self.words.iter().cloned()).map(|word| quoted(&word)).collect();
        f.write_str(&words.join(" "))
    }
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
