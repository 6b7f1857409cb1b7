//! Answers of `go list` that are remembered from run to run, for modules whose files nobody changed.
//!
//! The answer follows from the command and its environment, from the `go` that answers, and from the files of the
//! modules. A record holds the stamps of all files below the root, those that go does not read included: which ones it reads
//! is go's knowledge. Modules in the module cache never change (go.dev/ref/mod, § Module cache). Where go may read other
//! files of this machine, it is always asked.

use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::{FileStamp, OUTPUT_DIRECTORY, read_regular_no_follow, write_record};
use crossdock_oci::Digest;
use crossdock_system::environment::Environment;
use crossdock_system::process::Command;
use serde::{Deserialize, Serialize};

use super::variables::go_env_file;

/// The number of files and directories that are looked at; go is asked about larger modules.
const MOST: usize = 50_000;

/// The longest answer that is read, in bytes.
const LIMIT: u64 = 64 * 1024 * 1024;

/// The answer to one command.
pub(super) struct Answer<'a> {
    path: Utf8PathBuf,
    root: &'a Utf8Path,
}

#[derive(Serialize, Deserialize)]
struct Record {
    /// The digest of the stamps of all files.
    files: Digest,
    answer: String,
}

impl<'a> Answer<'a> {
    /// Returns the place of the answer to a command about the module or workspace in `root`; `None` if the `go` that would
    /// answer is unknown.
    pub(super) fn of(
        command: &Command,
        root: &'a Utf8Path,
        directory: &Utf8Path,
        environment: &Environment,
    ) -> Option<Self> {
        let go = program(&command.program, environment)?;
        let mut settings = String::new();
        for (name, value) in environment.variables.iter().filter(|(name, _)| decides(name)) {
            writeln!(settings, "{name}={value}").ok()?;
        }
        // The file that `go env -w` writes.
        let written = go_env_file(environment).map(|path| crossdock_fs::read_text(path.as_std_path()));
        settings.push_str(&written.and_then(Result::ok).unwrap_or_default());
        if leads_elsewhere(&settings) {
            return None;
        }
        let key = format!("go list 1\n{go}\n{command}\n{settings}");
        let name = format!("{}.json", Digest::of(key.as_bytes()).hex());
        Some(Self { path: directory.join(name), root })
    }

    /// Returns the remembered answer; `None` if there is none, or a file was changed since.
    pub(super) fn recall(&self) -> Option<String> {
        let bytes = read_regular_no_follow(self.path.as_std_path(), LIMIT).ok()?;
        let record: Record = serde_json::from_slice(&bytes).ok()?;
        if Files::of(self.root)?.digest() != record.files {
            return None;
        }
        // Pruning goes by the time of last use.
        FileStamp::seal(self.path.as_std_path()).ok();
        Some(record.answer)
    }

    /// Returns the state of the module's files before go is asked; `None` if the answer cannot be remembered.
    pub(super) fn before(&self) -> Option<Digest> {
        let files = Files::of(self.root)?;
        files.are_final.then(|| files.digest())
    }

    /// Remembers an answer about packages in these directories, unless a file was changed since `before`. A failure only
    /// costs time later.
    pub(super) fn remember<'d>(
        &self,
        before: Option<Digest>,
        answer: &str,
        mut directories: impl Iterator<Item = &'d Utf8Path>,
    ) {
        let Some(files) = before else { return };
        // A directory of the module cache has the version in its name.
        let is_known =
            |directory: &Utf8Path| directory.starts_with(self.root) || directory.as_str().contains('@');
        // A package with an error may be complete next time without a change: a module was downloaded.
        if answer.contains("\"Error\": {") || !directories.all(is_known) || self.before() != before {
            return;
        }
        let directory = self.path.parent().unwrap_or(&self.path);
        let record = Record { files, answer: answer.to_owned() };
        if let (Ok(()), Ok(bytes)) =
            (crossdock_fs::create_directory_no_follow(directory.as_std_path()), serde_json::to_vec(&record))
        {
            write_record(&self.path, &bytes).ok();
        }
    }
}

/// Whether settings make go read files that no directory of the module holds (`go help build`, `go help environment`).
fn leads_elsewhere(settings: &str) -> bool {
    let has_workspace =
        |line: &str| line.strip_prefix("GOWORK=").is_some_and(|value| !["", "off", "auto"].contains(&value));
    settings.contains("-overlay") || settings.contains("-modfile") || settings.lines().any(has_workspace)
}

/// Whether a variable may change what go answers: go's own, those of cgo and its compilers, and those that lead to go's files.
fn decides(name: &str) -> bool {
    const NAMES: [&str; 10] = [
        "PATH",
        "HOME",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
        "AR",
        "CC",
        "CXX",
        "FC",
        "PKG_CONFIG",
        "APPDATA",
    ];
    name.starts_with("GO")
        || name.starts_with("CGO_")
        || name.starts_with("PKG_CONFIG_")
        || NAMES.contains(&name)
}

/// Returns the path, the stamp and the version of the `go` that a name leads to; `None` for a program that may start any go, as
/// version managers put into PATH.
fn program(name: &str, environment: &Environment) -> Option<String> {
    let path = which::which_in(name, environment.path(), &environment.directory).ok()?;
    // `bin/go` of a distribution, next to its file VERSION.
    let real = path.canonicalize().ok().filter(|real| real.file_stem().is_some_and(|name| name == "go"))?;
    let version = crossdock_fs::read_text(&real.parent()?.parent()?.join("VERSION")).ok()?;
    let stamp = FileStamp::new(&std::fs::metadata(&real).ok()?)?;
    Some(format!("{} {stamp} {version}", real.display()))
}

/// Whether a `go.mod` or `go.work` names a directory outside of its own, in a `replace` or `use` directive.
fn names_elsewhere(file: &Utf8Path) -> bool {
    let text = crossdock_fs::read_text(file.as_std_path()).unwrap_or_default();
    let is_outside = |word: &str| {
        let word = word.trim_matches(['"', '`']);
        word.starts_with("..") || word.contains("/../") || Utf8Path::new(word).is_absolute()
    };
    text.split_whitespace().any(is_outside)
}

/// The files that an answer may depend on.
struct Files {
    text: String,
    are_final: bool,
    rest: usize,
}

impl Files {
    /// Looks at everything below the root; `None` if go may read files elsewhere.
    fn of(root: &Utf8Path) -> Option<Self> {
        let above = |name: &str| root.ancestors().skip(1).any(|above| above.join(name).exists());
        if above("go.work") || ["go.mod", "go.work"].into_iter().any(|name| names_elsewhere(&root.join(name)))
        {
            return None;
        }
        let mut files = Self { text: String::new(), are_final: true, rest: MOST };
        files.directory(root)?;
        Some(files)
    }

    fn digest(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }

    fn directory(&mut self, directory: &Utf8Path) -> Option<()> {
        let entries = directory.read_dir_utf8().ok()?.collect::<Result<Vec<_>, _>>().ok()?;
        let mut entries: Vec<_> = entries.into_iter().map(|entry| entry.into_path()).collect();
        entries.sort();
        for path in entries {
            self.rest = self.rest.checked_sub(1)?;
            // Nothing in them is anybody's source.
            if matches!(path.file_name(), Some(".git" | OUTPUT_DIRECTORY)) {
                continue;
            }
            match std::fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => {
                    writeln!(self.text, "{path}/").ok()?;
                    self.directory(&path)?;
                }
                _ => self.file(&path)?,
            }
        }
        Some(())
    }

    /// Notes a file with its stamp; a link with its target's, too.
    fn file(&mut self, path: &Utf8Path) -> Option<()> {
        let Ok(own) = std::fs::symlink_metadata(path) else { return Some(()) };
        let target = if own.is_symlink() { std::fs::metadata(path).ok() } else { None };
        for found in std::iter::once(&own).chain(&target) {
            let stamp = FileStamp::new(found)?;
            self.are_final &= stamp.is_final();
            writeln!(self.text, "{path} {stamp}").ok()?;
        }
        // A directory behind a link is not looked at.
        if target.is_some_and(|target| target.is_dir()) { None } else { Some(()) }
    }
}

#[cfg(test)]
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "the tests change files as an editor does")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::TestDirectory;

    /// Waits until a change of the file at a later moment would be seen.
    fn old(path: &Utf8Path) {
        while !FileStamp::of(path.as_std_path()).unwrap().is_final() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    struct Module {
        directory: TestDirectory,
        cache: tempfile::TempDir,
        go: TestDirectory,
    }

    impl Module {
        fn new() -> Self {
            let directory = TestDirectory::new(&[("go.mod", "module m\n"), ("a/main.go", "package main\n")]);
            let go = TestDirectory::new(&[("bin/go", ""), ("VERSION", "go1.26.8\n")]);
            let program = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(go.path().join("bin/go"), program).unwrap();
            let module = Self { directory, cache: tempfile::tempdir().unwrap(), go };
            old(&module.path().join("go.mod"));
            old(&module.path().join("a/main.go"));
            module
        }

        fn path(&self) -> Utf8PathBuf {
            self.directory.path()
        }

        fn with<T>(&self, environment: &Environment, call: impl FnOnce(Answer<'_>) -> T) -> T {
            let (root, cache) = (self.path(), Utf8Path::from_path(self.cache.path()).unwrap());
            let command = Command::new(self.go.path().join("bin/go"), root.clone()).args(["list"]);
            call(Answer::of(&command, &root, cache, environment).unwrap())
        }

        fn recall(&self) -> Option<String> {
            self.with(&Environment::default(), |answer| answer.recall())
        }

        fn remember(&self, text: &str) {
            self.with(&Environment::default(), |answer| {
                answer.remember(answer.before(), text, std::iter::empty());
            });
        }
    }

    #[test]
    fn an_answer_counts_until_a_file_changes() {
        let module = Module::new();
        assert_eq!(module.recall(), None);
        module.remember("answer");
        assert_eq!(module.recall().as_deref(), Some("answer"));
        for (name, content) in [("a/main.go", "package x\n"), ("b.go", "package b\n"), ("a/page.html", "<p>")]
        {
            let path = module.path().join(name);
            std::fs::write(&path, content).unwrap();
            assert_eq!(module.recall(), None, "{name}");
            // A file that was changed only now may change again within the same tick.
            module.remember("too early");
            assert_eq!(module.recall(), None, "{name}");
            old(&path);
            module.remember("again");
            assert_eq!(module.recall().as_deref(), Some("again"), "{name}");
        }
        std::fs::remove_file(module.path().join("b.go")).unwrap();
        assert_eq!(module.recall(), None);
    }

    #[test]
    fn output_and_git_do_not_count() {
        let module = Module::new();
        module.remember("answer");
        for name in [".git/HEAD", ".crossdock/app/index.json"] {
            let path = module.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        assert_eq!(module.recall().as_deref(), Some("answer"));
    }

    #[test]
    fn another_environment_is_another_question() {
        let module = Module::new();
        module.remember("answer");
        let with = |name: &str| Environment::default().with_variable(name, "x");
        for (name, is_same) in [("GOFLAGS", false), ("CGO_CFLAGS", false), ("CC", false), ("SHLVL", true)] {
            let recalled = module.with(&with(name), |answer| answer.recall());
            assert_eq!(recalled.is_some(), is_same, "{name}");
        }
    }

    #[test]
    fn another_go_is_another_question() {
        let module = Module::new();
        module.remember("answer");
        std::fs::write(module.go.path().join("VERSION"), "go1.27.0\n").unwrap();
        assert_eq!(module.recall(), None);
        // A script of a version manager may start any go.
        let directory = TestDirectory::new(&[("go", "#!/bin/sh\n"), ("mise", "")]);
        let program = |name: &str| program(directory.path().join(name).as_str(), &Environment::default());
        std::os::unix::fs::symlink("mise", directory.path().join("link")).unwrap();
        assert_eq!((program("go"), program("link"), program("absent")), (None, None, None));
    }

    #[test]
    fn an_answer_with_an_error_is_not_remembered() {
        let module = Module::new();
        module.remember("{\"ImportPath\": \"a\", \"Error\": {\"Err\": \"no module provides it\"}}");
        assert_eq!(module.recall(), None);
    }

    #[test]
    fn go_is_asked_where_it_may_read_other_files() {
        let remembers = |change: &dyn Fn(&Module)| {
            let module = Module::new();
            change(&module);
            module.remember("answer");
            module.recall().is_some()
        };
        let write = |name: &'static str, text: &'static str| {
            move |module: &Module| {
                std::fs::write(module.path().join(name), text).unwrap();
                old(&module.path().join(name));
            }
        };
        assert!(remembers(&write("go.mod", "module m\nreplace x => ./x\n")));
        assert!(!remembers(&write("go.mod", "module m\nreplace x => ../x\n")));
        assert!(!remembers(&write("go.mod", "module m\nreplace x => \"/x\"\n")));
        assert!(!remembers(&write("go.work", "go 1.24\nuse (\n\t./a\n\t../b\n)\n")));
        for (settings, elsewhere) in [
            ("GOWORK=off\nGOFLAGS=-mod=vendor\n", false),
            ("GOWORK=/x/go.work\n", true),
            ("GOFLAGS=-overlay=/x.json\n", true),
            ("GOFLAGS=-modfile=other.mod\n", true),
        ] {
            assert_eq!(leads_elsewhere(settings), elsewhere, "{settings}");
        }
        // A workspace above, and a package outside of the module.
        let module = Module::new();
        assert!(Files::of(&module.path().join("a")).is_some());
        std::fs::write(module.path().join("go.work"), "go 1.24\nuse ./a\n").unwrap();
        assert!(Files::of(&module.path().join("a")).is_none());
        let module = Module::new();
        for (directory, is_remembered) in [("/other", false), ("/go/pkg/mod/x@v1.0.0/y", true)] {
            module.with(&Environment::default(), |answer| {
                answer.remember(answer.before(), "answer", [Utf8Path::new(directory)].into_iter());
            });
            assert_eq!(module.recall().is_some(), is_remembered, "{directory}");
        }
    }

    #[test]
    fn a_directory_behind_a_link_is_not_trusted() {
        let module = Module::new();
        std::os::unix::fs::symlink("/usr/share", module.path().join("link")).unwrap();
        module.remember("answer");
        assert_eq!(module.recall(), None);
    }
}
