//! A home of its own for the program under test: what a run finds and leaves is the sandbox's, not this machine's.

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

/// The time that every run believes in, in seconds since 1970.
pub const EPOCH: &str = "1750000000";

/// How long one run of the program may take. Two platforms of a Rust program from nothing take two minutes on two
/// busy cores.
const LIMIT: Duration = Duration::from_secs(900);

/// Variables that say how this machine reaches the registries.
const NETWORK: [&str; 9] = [
    "GOPROXY",
    "GOSUMDB",
    "GOTOOLCHAIN",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "CARGO_HTTP_CAINFO",
];

/// A temporary folder with a home, a folder for work, and an environment that holds nothing but what is named here.
#[derive(Debug)]
pub struct Sandbox {
    root: PathBuf,
    /// Removes the folder with the sandbox; absent where the folder outlives it.
    _guard: Option<TempDir>,
    env: BTreeMap<String, OsString>,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    /// An empty sandbox. Downloads and Go's build cache are shared with this machine, because they are addressed by
    /// content; crossdock's own cache is not.
    pub fn new() -> Self {
        let guard = TempDir::with_prefix("crossdock-").expect("a temporary folder can be made");
        Self::in_folder(guard.path().to_owned(), Some(guard))
    }

    /// A sandbox in a given folder, emptied first, which stays for as long as the tests of a program share it and
    /// for who wants to look afterwards. `folder` is `CARGO_TARGET_TMPDIR`.
    pub fn lasting(folder: &str, name: &str) -> Self {
        let root = Path::new(folder).join(name);
        if root.exists() {
            std::fs::remove_dir_all(&root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
        }
        Self::in_folder(root, None)
    }

    fn in_folder(root: PathBuf, guard: Option<TempDir>) -> Self {
        let mut sandbox = Self { root, _guard: guard, env: BTreeMap::new() };
        for (variable, folder) in [
            ("HOME", "home"),
            ("XDG_CACHE_HOME", "home/.cache"),
            ("XDG_CONFIG_HOME", "home/.config"),
            ("XDG_DATA_HOME", "home/.local/share"),
            ("TMPDIR", "tmp"),
        ] {
            let path = sandbox.root.join(folder);
            std::fs::create_dir_all(&path).expect("a folder can be made");
            sandbox.set(variable, &path);
        }
        std::fs::create_dir_all(sandbox.work()).expect("a folder can be made");
        sandbox.set("PATH", std::env::var_os("PATH").expect("PATH is set"));
        sandbox.set("LANG", "C.UTF-8");
        sandbox.set("SOURCE_DATE_EPOCH", EPOCH);
        for (variable, value) in SHARED.iter() {
            sandbox.set(variable, value);
        }
        sandbox
    }

    /// Where projects go.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Where cargo keeps what it downloads.
    pub fn cargo_home(&self) -> PathBuf {
        PathBuf::from(&self.env["CARGO_HOME"])
    }

    /// Where crossdock keeps its cache.
    pub fn cache(&self) -> PathBuf {
        self.root.join("home/.cache")
    }

    /// Sets a variable for every later run.
    pub fn set(&mut self, variable: &str, value: impl Into<OsString>) -> &mut Self {
        self.env.insert(variable.to_owned(), value.into());
        self
    }

    /// Removes a variable for every later run.
    pub fn unset(&mut self, variable: &str) -> &mut Self {
        self.env.remove(variable);
        self
    }

    /// Puts a shell script in front of the PATH under the name of a tool. `REAL` in the script is the real tool.
    pub fn shim(&mut self, tool: &str, script: &str) -> &mut Self {
        let folder = self.root.join("shims");
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let real = which::which(tool).map(|path| path.display().to_string()).unwrap_or_default();
        let path = folder.join(tool);
        std::fs::write(&path, format!("#!/bin/sh\nREAL='{real}'\n{script}\n"))
            .expect("a shim can be written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755))
            .expect("a shim can be made executable");
        let old = self.env["PATH"].clone();
        if std::env::split_paths(&old).next() != Some(folder.clone()) {
            let paths = std::iter::once(folder).chain(std::env::split_paths(&old));
            self.set("PATH", std::env::join_paths(paths).expect("no folder's name holds a colon"));
        }
        self
    }

    /// Leaves nothing but these tools on the PATH.
    pub fn only(&mut self, tools: &[&str]) -> &mut Self {
        let folder = TempDir::with_prefix_in("path-", &self.root).expect("a folder can be made").keep();
        for tool in tools {
            symlink(need(tool), folder.join(tool)).expect("a link can be made");
        }
        self.set("PATH", folder)
    }

    /// A command in the sandbox's environment.
    pub fn command(&self, program: impl AsRef<Path>, dir: &Path) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().envs(&self.env).current_dir(dir);
        command
    }

    /// `crossdock ARGUMENTS` in a folder, to its end.
    pub fn crossdock(&self, dir: &Path, arguments: &[&str]) -> Outcome {
        run(self.command(crossdock(), dir).args(arguments), LIMIT)
    }

    /// `crossdock ARGUMENTS` in a folder, running.
    pub fn start(&self, dir: &Path, arguments: &[&str]) -> Running {
        Running::start(self.command(crossdock(), dir).args(arguments))
    }

    /// Another tool in the sandbox's environment, to its end.
    pub fn tool(&self, dir: &Path, tool: &str, arguments: &[&str]) -> Outcome {
        run(self.command(need(tool), dir).args(arguments), LIMIT)
    }
}

/// What every sandbox shares with this machine: the toolchains, the downloads and Go's build cache.
static SHARED: LazyLock<Vec<(&str, OsString)>> = LazyLock::new(|| {
    let home = PathBuf::from(std::env::var_os("HOME").expect("HOME is set"));
    let or_home = |variable, folder| std::env::var_os(variable).unwrap_or_else(|| home.join(folder).into());
    let mut shared = vec![
        ("CARGO_HOME", or_home("CARGO_HOME", ".cargo")),
        ("RUSTUP_HOME", or_home("RUSTUP_HOME", ".rustup")),
        ("GOMODCACHE", go("GOMODCACHE")),
        ("GOCACHE", go("GOCACHE")),
    ];
    shared.extend(NETWORK.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    shared
});

/// One value of `go env`.
fn go(variable: &str) -> OsString {
    let mut command = Command::new(need("go"));
    run(command.args(["env", variable]), Duration::from_secs(60)).success().stdout.trim_end().into()
}
