//! An isolated home for the program under test: it reads and writes nothing of this machine's user.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use tempfile::TempDir;

use crate::outcome::{Outcome, Running, run};
use crate::program::crossdock;
use crate::tools::need;

/// The current time of every run, in seconds since 1970.
pub const EPOCH: &str = "1750000000";

/// The time limit for one run of the program. Two platforms of a Rust program take two minutes from scratch on two busy
/// cores.
const LIMIT: Duration = Duration::from_secs(900);

/// Variables that configure how this machine reaches the registries, one per line. `cargo xtask baseline` reads the same
/// list; it cannot depend on this crate, which would slow its build from scratch.
const NETWORK: &str = include_str!("../network-variables.txt");

/// A temporary directory with a home, a working directory, and an environment of only the variables listed here.
#[derive(Debug)]
pub struct Sandbox {
    root: PathBuf,
    /// Removes the directory on drop; `None` if the directory outlives the sandbox.
    _guard: Option<TempDir>,
    env: BTreeMap<String, OsString>,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    /// Creates an empty sandbox. Downloads and Go's build cache are shared with this machine, because they are addressed by
    /// content; crossdock's own cache is not.
    pub fn new() -> Self {
        let guard = TempDir::with_prefix("crossdock-").expect("a temporary directory can be created");
        Self::in_directory(guard.path().to_owned(), Some(guard))
    }

    /// Creates a sandbox in a given directory, which is emptied first and left for inspection. `directory` is
    /// `CARGO_TARGET_TMPDIR`.
    pub fn lasting(directory: &str, name: &str) -> Self {
        let root = Path::new(directory).join(name);
        if root.exists() {
            std::fs::remove_dir_all(&root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
        }
        Self::in_directory(root, None)
    }

    fn in_directory(root: PathBuf, guard: Option<TempDir>) -> Self {
        let mut sandbox = Self { root, _guard: guard, env: BTreeMap::new() };
        for (variable, directory) in [
            ("HOME", "home"),
            ("XDG_CACHE_HOME", "home/.cache"),
            ("XDG_CONFIG_HOME", "home/.config"),
            ("XDG_DATA_HOME", "home/.local/share"),
            ("TMPDIR", "tmp"),
        ] {
            let path = sandbox.root.join(directory);
            std::fs::create_dir_all(&path).expect("a directory can be created");
            sandbox.set(variable, &path);
        }
        std::fs::create_dir_all(sandbox.work()).expect("a directory can be created");
        sandbox.set("PATH", std::env::var_os("PATH").expect("PATH is set"));
        sandbox.set("LANG", "C.UTF-8");
        sandbox.set("SOURCE_DATE_EPOCH", EPOCH);
        for (variable, value) in SHARED.iter() {
            sandbox.set(variable, value);
        }
        sandbox
    }

    /// Returns the directory for projects.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Returns the directory of cargo's downloads.
    pub fn cargo_home(&self) -> PathBuf {
        PathBuf::from(&self.env["CARGO_HOME"])
    }

    /// Returns the directory of crossdock's cache.
    pub fn cache(&self) -> PathBuf {
        self.root.join("home/.cache")
    }

    /// Sets a variable for all later runs.
    pub fn set(&mut self, variable: &str, value: impl Into<OsString>) -> &mut Self {
        self.env.insert(variable.to_owned(), value.into());
        self
    }

    /// Removes a variable for all later runs.
    pub fn unset(&mut self, variable: &str) -> &mut Self {
        self.env.remove(variable);
        self
    }

    /// Puts a shell script under the name of a tool in front of PATH. `REAL` in the script is the real tool.
    pub fn shim(&mut self, tool: &str, script: &str) -> &mut Self {
        let directory = self.root.join("shims");
        std::fs::create_dir_all(&directory).expect("a directory can be created");
        let real = which::which(tool).map(|path| path.display().to_string()).unwrap_or_default();
        let path = directory.join(tool);
        std::fs::write(&path, format!("#!/bin/sh\nREAL='{real}'\n{script}\n"))
            .expect("a shim can be written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755))
            .expect("a shim can be made executable");
        let old = self.env["PATH"].clone();
        if std::env::split_paths(&old).next() != Some(directory.clone()) {
            let paths = std::iter::once(directory).chain(std::env::split_paths(&old));
            self.set("PATH", std::env::join_paths(paths).expect("no directory's name holds a colon"));
        }
        self
    }

    /// Sets PATH to a directory with only these tools.
    pub fn only(&mut self, tools: &[&str]) -> &mut Self {
        let directory =
            TempDir::with_prefix_in("path-", &self.root).expect("a directory can be created").keep();
        for tool in tools {
            symlink(need(tool), directory.join(tool)).expect("a link can be made");
        }
        self.set("PATH", directory)
    }

    /// Returns a command in the sandbox's environment.
    pub fn command(&self, program: impl AsRef<Path>, dir: &Path) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().envs(&self.env).current_dir(dir);
        command
    }

    /// Runs `crossdock ARGUMENTS` in a directory and waits for its end.
    pub fn crossdock(&self, dir: &Path, arguments: &[&str]) -> Outcome {
        run(self.command(crossdock(), dir).args(arguments), LIMIT)
    }

    /// Starts `crossdock ARGUMENTS` in a directory.
    pub fn start(&self, dir: &Path, arguments: &[&str]) -> Running {
        Running::start(self.command(crossdock(), dir).args(arguments))
    }

    /// Runs another tool in the sandbox's environment and waits for its end.
    pub fn tool(&self, dir: &Path, tool: &str, arguments: &[&str]) -> Outcome {
        run(self.command(need(tool), dir).args(arguments), LIMIT)
    }
}

/// The variables for what every sandbox shares with this machine: toolchains, downloads and Go's build cache.
static SHARED: LazyLock<Vec<(&str, OsString)>> = LazyLock::new(|| {
    let home = PathBuf::from(std::env::var_os("HOME").expect("HOME is set"));
    let or_home =
        |variable, directory| std::env::var_os(variable).unwrap_or_else(|| home.join(directory).into());
    let mut shared = vec![
        ("CARGO_HOME", or_home("CARGO_HOME", ".cargo")),
        ("RUSTUP_HOME", or_home("RUSTUP_HOME", ".rustup")),
        ("GOMODCACHE", go("GOMODCACHE")),
        ("GOCACHE", go("GOCACHE")),
    ];
    shared.extend(NETWORK.lines().filter_map(|name| Some((name, std::env::var_os(name)?))));
    shared
});

/// Returns one value of `go env`.
fn go(variable: &str) -> OsString {
    let mut command = Command::new(need("go"));
    run(command.args(["env", variable]), Duration::from_secs(60)).success().stdout.trim_end().into()
}
