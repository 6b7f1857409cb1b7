//! The environment of the recorded calls: their own home, projects and PATH.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::normalise::Normaliser;
use crate::shell::{Answer, Failure, Tool, repository, say};

/// The tools on PATH. It deliberately has no container engines: records must not depend on whether a machine has them.
const TOOLS: [&str; 6] = ["git", "go", "cargo", "rustc", "rustup", "cc"];

/// Variables that configure how this machine reaches the registries, one per line. The end-to-end tests own the list.
const NETWORK: &str = include_str!("../../../tests/network-variables.txt");

/// A directory outside the repository, so that nothing of this repository (its git history, `.cargo/config.toml`,
/// `crossdock.toml`) is found from the projects by looking upwards.
#[derive(Debug)]
pub(super) struct Sandbox {
    program: PathBuf,
    root: PathBuf,
    env: BTreeMap<String, String>,
    /// Held until drop: another checkout of this repository uses the same directory.
    _lock: File,
}

impl Sandbox {
    /// Prepares the environment. The projects are written by [`super::projects::write_all`].
    pub(super) fn prepare(program: &Path) -> Result<Self, Failure> {
        let root = cache()?.join("crossdock-baseline");
        std::fs::create_dir_all(&root).map_err(Failure::file(&root))?;
        let root = root.canonicalize().map_err(Failure::file(&root))?;
        let lock = lock(&root.join("lock"))?;
        for name in ["home", "tmp", "tools"] {
            let path = root.join(name);
            remove(&path)?;
            std::fs::create_dir_all(&path).map_err(Failure::file(&path))?;
        }
        let env = environment(&root)?;
        Ok(Self { program: program.to_owned(), root, env, _lock: lock })
    }

    /// Returns the directory of a project.
    pub(super) fn project(&self, name: &str) -> PathBuf {
        self.root.join("projects").join(name)
    }

    /// Returns a command in a project and the sandbox's environment.
    pub(super) fn tool(&self, project: &str, words: &[&str]) -> Tool {
        self.with_environment(Tool::new(words.iter().copied()), project)
    }

    /// Calls the program under test.
    pub(super) fn call<'a>(
        &self,
        project: &str,
        arguments: &[String],
        input: &str,
        env: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Result<Answer, Failure> {
        let words = std::iter::once(self.program.display().to_string()).chain(arguments.iter().cloned());
        let tool = self.with_environment(Tool::new(words), project);
        env.into_iter().fold(tool, |tool, (name, value)| tool.env(name, value)).answer(input)
    }

    /// Returns the normaliser for this machine's paths and versions.
    pub(super) fn normaliser(&self) -> Result<Normaliser, Failure> {
        let asked = |words: &[&str]| Ok(self.tool("empty", words).stdout()?.trim().to_owned());
        let version = |words: &[&str]| {
            let answer = asked(words)?;
            let number =
                |word: &&str| word.trim_start_matches("go").starts_with(|c: char| c.is_ascii_digit());
            let found = answer.split_whitespace().find(number);
            let found = found.ok_or_else(|| Failure::Answer(format!("no version in {answer:?}")));
            Ok::<_, Failure>(found?.trim_start_matches("go").to_owned())
        };
        let env = |name: &str| self.env.get(name).cloned().unwrap_or_default();
        Normaliser::new(
            [
                (self.root.join("projects").display().to_string(), "[projects]"),
                (self.root.join("tools").display().to_string(), "[tools]"),
                (self.root.join("home").display().to_string(), "[home]"),
                (self.root.display().to_string(), "[sandbox]"),
                (self.program.display().to_string(), "[crossdock]"),
                (repository().display().to_string(), "[repository]"),
                (asked(&["rustc", "--print", "sysroot"])?, "[sysroot]"),
                (asked(&["go", "env", "GOROOT"])?, "[goroot]"),
                (env("GOMODCACHE"), "[gomodcache]"),
                (env("GOCACHE"), "[gocache]"),
                (env("CARGO_HOME"), "[cargo-home]"),
                (env("RUSTUP_HOME"), "[rustup-home]"),
            ],
            [
                (version(&["rustc", "--version"])?, "[rust]"),
                (version(&["cargo", "--version"])?, "[cargo]"),
                (version(&["go", "version"])?, "[go]"),
                (version(&["git", "--version"])?, "[git]"),
            ],
        )
    }

    fn with_environment(&self, tool: Tool, project: &str) -> Tool {
        let tool = tool.cleared().dir(&self.project(project));
        self.env.iter().fold(tool, |tool, (name, value)| tool.env(name, value))
    }
}

/// Returns the whole environment of a call.
fn environment(root: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let tools = root.join("tools");
    for tool in TOOLS {
        let path = which::which(tool).map_err(|error| Failure::Missing(format!("{tool}: {error}")))?;
        std::os::unix::fs::symlink(path, tools.join(tool)).map_err(Failure::file(&tools))?;
    }
    let home = home()?;
    let or_home = |name: &str, directory: &str| {
        std::env::var(name).unwrap_or_else(|_| home.join(directory).display().to_string())
    };
    let go = |name: &str| Ok::<_, Failure>(Tool::new(["go", "env", name]).stdout()?.trim().to_owned());
    let path = |name: &str| root.join(name).display().to_string();
    let mut env = BTreeMap::from([
        ("PATH".to_owned(), path("tools")),
        ("HOME".to_owned(), path("home")),
        ("XDG_CACHE_HOME".to_owned(), path("home/.cache")),
        ("XDG_CONFIG_HOME".to_owned(), path("home/.config")),
        ("XDG_DATA_HOME".to_owned(), path("home/.local/share")),
        ("TMPDIR".to_owned(), path("tmp")),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("CARGO_HOME".to_owned(), or_home("CARGO_HOME", ".cargo")),
        ("RUSTUP_HOME".to_owned(), or_home("RUSTUP_HOME", ".rustup")),
        ("GOMODCACHE".to_owned(), go("GOMODCACHE")?),
        ("GOCACHE".to_owned(), go("GOCACHE")?),
    ]);
    env.extend(NETWORK.lines().filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?))));
    Ok(env)
}

fn home() -> Result<PathBuf, Failure> {
    std::env::home_dir().ok_or_else(|| Failure::Missing("HOME is not set".to_owned()))
}

/// Returns this user's cache directory.
fn cache() -> Result<PathBuf, Failure> {
    match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) if Path::new(&cache).is_absolute() => Ok(cache.into()),
        _ => Ok(home()?.join(".cache")),
    }
}

fn lock(path: &Path) -> Result<File, Failure> {
    let file = File::create(path).map_err(Failure::file(path))?;
    if file.try_lock().is_err() {
        say(&format!("waiting for {}, which another checkout's baseline holds", path.display()));
        file.lock().map_err(Failure::file(path))?;
    }
    Ok(file)
}

/// Removes a directory that may be missing.
pub(super) fn remove(directory: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::file(directory)(error)),
        _ => Ok(()),
    }
}
