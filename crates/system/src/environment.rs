//! The one module that reads the process's environment. Everything below it is handed an [`Environment`] value, so
//! that a library caller or a test decides what crossdock sees.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};

/// What crossdock may know of the process that it runs in.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// The command line's arguments, the program's own name first.
    pub arguments: Vec<OsString>,
    /// The environment variables whose name and value are UTF-8.
    pub variables: BTreeMap<String, String>,
    /// The others: the programs that crossdock calls get them as they are, and crossdock itself does not read them.
    pub opaque: BTreeMap<OsString, OsString>,
    /// The working directory.
    pub directory: Utf8PathBuf,
    /// Whether a person sees standard error on a terminal.
    pub terminal: Terminal,
}

/// Where standard error goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Terminal {
    /// To a terminal: live progress and colour are welcome.
    Interactive,
    /// To a file, a pipe or a log.
    #[default]
    Plain,
}

/// Why the environment could not be read.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// The working directory was removed or may not be entered.
    #[error("the working directory cannot be read: {0}; change to a folder that exists")]
    Directory(#[source] std::io::Error),
    /// Paths in plans, reports and images are UTF-8.
    #[error(
        "the working directory's path is not UTF-8: {0:?}; crossdock writes paths into JSON and images, so move the project"
    )]
    NotUtf8(PathBuf),
}

/// The command line's arguments, for what must be said even where the rest of the environment cannot be read.
pub fn arguments_of_process() -> Vec<OsString> {
    std::env::args_os().collect()
}

impl Environment {
    /// Reads the process's own environment.
    #[expect(clippy::disallowed_methods, reason = "this is the module that reads the environment")]
    pub fn of_process() -> Result<Self, EnvironmentError> {
        let directory = std::env::current_dir().map_err(EnvironmentError::Directory)?;
        let (mut variables, mut opaque) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in std::env::vars_os() {
            match (name.to_str(), value.to_str()) {
                (Some(name), Some(value)) => drop(variables.insert(name.to_owned(), value.to_owned())),
                _ => drop(opaque.insert(name, value)),
            }
        }
        Ok(Self {
            arguments: arguments_of_process(),
            variables,
            opaque,
            directory: Utf8PathBuf::from_path_buf(directory).map_err(EnvironmentError::NotUtf8)?,
            terminal: match std::io::stderr().is_terminal() {
                true => Terminal::Interactive,
                false => Terminal::Plain,
            },
        })
    }

    /// The environment as it was before `cargo run` (and with it `cargo xtask`): rustup's proxy pins its own toolchain by
    /// RUSTUP_TOOLCHAIN, which would override what each project selects for itself.
    #[must_use]
    pub fn before_cargo_run(mut self) -> Self {
        if self.variables.remove("CARGO").is_some() {
            self.variables.remove("RUSTUP_TOOLCHAIN");
            self.variables
                .retain(|name, _| !name.starts_with("CARGO_PKG_") && !name.starts_with("CARGO_MANIFEST_"));
        }
        self
    }

    /// The value of a variable that is set to something.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// PATH, where programs are looked for; its folders may have any names.
    pub fn path(&self) -> Option<&OsStr> {
        let opaque = self.opaque.get(OsStr::new("PATH")).map(OsString::as_os_str);
        self.get("PATH").map(OsStr::new).or(opaque)
    }

    /// The folder for files that end with the run: `TMPDIR`, else `/tmp`; on Windows `TMP` or `TEMP`.
    pub fn temporary_directory(&self) -> PathBuf {
        let (names, otherwise): (&[&str], &str) =
            if cfg!(windows) { (&["TMP", "TEMP"], ".") } else { (&["TMPDIR"], "/tmp") };
        let opaque = |name: &&str| self.opaque.get(OsStr::new(name)).map(OsString::as_os_str);
        let named = names.iter().find_map(|name| self.get(name).map(OsStr::new).or(opaque(name)));
        self.directory.as_std_path().join(named.unwrap_or(OsStr::new(otherwise)))
    }

    /// The user's home folder.
    pub fn home(&self) -> Option<&Utf8Path> {
        self.get("HOME").or_else(|| self.get("USERPROFILE")).map(Utf8Path::new)
    }

    /// Where crossdock keeps what it can make again: `CROSSDOCK_CACHE_DIR`, else `crossdock` in the system's cache
    /// folder (XDG Base Directory Specification; `~/Library/Caches` on macOS).
    pub fn cache_directory(&self) -> Option<Utf8PathBuf> {
        if let Some(own) = self.get("CROSSDOCK_CACHE_DIR") {
            return Some(self.directory.join(own));
        }
        let base = match self.get("XDG_CACHE_HOME").filter(|path| Utf8Path::new(path).is_absolute()) {
            Some(xdg) => xdg.into(),
            None if cfg!(target_os = "macos") => self.home()?.join("Library/Caches"),
            None => self.home()?.join(".cache"),
        };
        Some(base.join("crossdock"))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_go_where_the_user_says() {
        let mut environment = Environment { directory: "/work".into(), ..Environment::default() };
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
