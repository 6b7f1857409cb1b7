//! The only module that reads the process's environment. All other code is given an [`Environment`], so that a library
//! caller or a test decides what crossdock sees.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};

/// The environment of a process: its arguments, variables, working directory and terminal.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Environment {
    /// The command-line arguments, which begin with the program's name.
    pub arguments: Vec<OsString>,
    /// The variables whose name and value are UTF-8.
    pub variables: BTreeMap<String, String>,
    /// The other variables. crossdock passes them to the programs that it calls, and does not read them except for paths.
    pub non_utf8_variables: BTreeMap<OsString, OsString>,
    /// The working directory. Absolute.
    pub directory: Utf8PathBuf,
    /// Whether standard error is a terminal.
    pub terminal: Terminal,
    /// The number of the user; `None` if unspecified or the system has none.
    pub user: Option<u32>,
    /// The file of this process's program. `None` if unknown.
    pub program: Option<PathBuf>,
}

/// The kind of output that standard error is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Terminal {
    /// A terminal, which shows live progress and colour.
    Interactive,
    /// A file, a pipe or a log.
    #[default]
    Plain,
}

/// Why the environment could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// The working directory was removed or cannot be entered.
    #[error("the working directory cannot be read: {0}; change to a directory that exists")]
    Directory(#[source] std::io::Error),
    /// The working directory is not UTF-8, as paths in plans, reports and images must be.
    #[error(
        "the working directory's path is not UTF-8: {0:?}; crossdock writes paths into JSON and images, so move the project"
    )]
    NotUtf8(PathBuf),
}

/// Returns the command-line arguments. For messages that must be printed even if [`Environment::from_process`] fails.
pub fn process_arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}

impl Environment {
    /// An environment without arguments and variables, whose standard error is not a terminal.
    pub fn new(directory: impl Into<Utf8PathBuf>) -> Self {
        Self { directory: directory.into(), ..Self::default() }
    }

    /// Sets a variable.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Reads the environment of this process.
    ///
    /// # Errors
    /// Fails if the working directory cannot be read or its path is not UTF-8.
    #[expect(clippy::disallowed_methods, reason = "this is the module that reads the environment")]
    pub fn from_process() -> Result<Self, EnvironmentError> {
        let directory = std::env::current_dir().map_err(EnvironmentError::Directory)?;
        let (mut variables, mut non_utf8_variables) = (BTreeMap::new(), BTreeMap::new());
        // Not `vars`, which panics if a name or value is not UTF-8.
        for (name, value) in std::env::vars_os() {
            match (name.to_str(), value.to_str()) {
                (Some(name), Some(value)) => drop(variables.insert(name.to_owned(), value.to_owned())),
                _ => drop(non_utf8_variables.insert(name, value)),
            }
        }
        Ok(Self {
            arguments: process_arguments(),
            variables,
            non_utf8_variables,
            directory: Utf8PathBuf::from_path_buf(directory).map_err(EnvironmentError::NotUtf8)?,
            // Messages and progress go to standard error, so that standard output may be a pipe.
            terminal: if std::io::stderr().is_terminal() { Terminal::Interactive } else { Terminal::Plain },
            user: user(),
            program: std::env::current_exe().ok(),
        })
    }

    /// Removes the variables that `cargo run`, and with it `cargo xtask`, sets. rustup's proxy sets RUSTUP_TOOLCHAIN, which
    /// would override the toolchain that each project selects.
    #[must_use]
    pub fn before_cargo_run(mut self) -> Self {
        if self.variables.remove("CARGO").is_some() {
            self.variables.remove("RUSTUP_TOOLCHAIN");
            self.variables
                .retain(|name, _| !name.starts_with("CARGO_PKG_") && !name.starts_with("CARGO_MANIFEST_"));
        }
        self
    }

    /// Returns the value of a variable; `None` if it is unset or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        // Scripts disable a variable by setting it to nothing. The XDG specification and Go's `go env` read it that
        // way too.
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns `PATH`, which may hold directories whose names are not UTF-8.
    pub fn path(&self) -> Option<&OsStr> {
        self.get_os("PATH")
    }

    /// Returns the directory for temporary files: `TMPDIR`, else `/tmp`; on Windows `TMP` or `TEMP`.
    pub fn temporary_directory(&self) -> PathBuf {
        // As `std::env::temp_dir`, which would read the environment of this process instead of the given one.
        let (names, otherwise): (&[&str], &str) =
            if cfg!(windows) { (&["TMP", "TEMP"], ".") } else { (&["TMPDIR"], "/tmp") };
        let named = names.iter().find_map(|name| self.get_os(name));
        self.directory.as_std_path().join(named.unwrap_or(OsStr::new(otherwise)))
    }

    fn get_os(&self, name: &str) -> Option<&OsStr> {
        let non_utf8 = self.non_utf8_variables.get(OsStr::new(name)).map(OsString::as_os_str);
        self.get(name).map(OsStr::new).or(non_utf8)
    }

    /// Returns whether a variable is set, even to nothing or to a value that is not UTF-8.
    pub fn is_set(&self, name: &str) -> bool {
        self.variables.contains_key(name) || self.non_utf8_variables.contains_key(OsStr::new(name))
    }

    /// Returns the user's home directory: `HOME`, else `USERPROFILE`.
    pub fn home(&self) -> Option<&Utf8Path> {
        self.get("HOME").or_else(|| self.get("USERPROFILE")).map(Utf8Path::new)
    }

    /// Returns the directory for files that crossdock can make again: `CROSSDOCK_CACHE_DIR`, else `crossdock` below the
    /// user's cache directory (XDG Base Directory Specification; `~/Library/Caches` on macOS). `None` if neither it nor the
    /// home directory is known.
    pub fn cache_directory(&self) -> Option<Utf8PathBuf> {
        if let Some(own) = self.get("CROSSDOCK_CACHE_DIR") {
            return Some(self.directory.join(own));
        }
        // The specification says that a relative path is invalid and must be ignored.
        let base = match self.get("XDG_CACHE_HOME").filter(|path| Utf8Path::new(path).is_absolute()) {
            Some(xdg) => xdg.into(),
            None if cfg!(target_os = "macos") => self.home()?.join("Library/Caches"),
            None => self.home()?.join(".cache"),
        };
        Some(base.join("crossdock"))
    }
}

#[cfg(unix)]
fn user() -> Option<u32> {
    Some(rustix::process::getuid().as_raw())
}

#[cfg(not(unix))]
fn user() -> Option<u32> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn tmpdir_selects_the_temporary_directory() {
        let mut environment = Environment::new("/work");
        let mut with = |value: &str| {
            environment.variables.insert("TMPDIR".to_owned(), value.to_owned());
            environment.temporary_directory()
        };
        assert_eq!(
            [with(""), with("/var/tmp"), with("own")],
            ["/tmp", "/var/tmp", "/work/own"].map(PathBuf::from)
        );
    }
}
