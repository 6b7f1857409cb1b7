//! The files of a checkout that differ from a commit.

use std::collections::{BTreeSet, HashMap};
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_system::process::{Command, Processes};

use super::{checkout_root, command, unavailable};

/// The files of a checkout, compared with a commit. Paths in it are relative to the root of the checkout.
///
/// The working tree is compared, not its commit: an edited file differs, and so does an untracked one that git does not
/// ignore.
#[derive(Debug, Clone)]
pub struct Changes {
    /// The revision as it was named, such as `origin/main`.
    pub revision: String,
    /// The full id of its commit.
    pub commit: String,
    /// The root of the checkout. Absolute.
    pub root: Utf8PathBuf,
    /// The real path of the root, without symbolic links.
    real_root: Utf8PathBuf,
    changed: BTreeSet<String>,
    /// The state of each path to git, by the letter of `git ls-files -v`.
    listed: HashMap<String, char>,
    /// Ignored files, and directories with ignored files only.
    ignored: BTreeSet<String>,
    processes: Processes,
}

/// Whether a file or directory is as it was in the commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathState {
    /// It is the same.
    Same,
    /// It differs: this path has changed, which is that of the file, or of a symbolic link or submodule that leads to it.
    Changed(String),
    /// git does not tell, for this reason.
    Unknown(String),
}

/// The error for a checkout that cannot be compared with a revision.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangesError {
    /// The revision would be an option of git, or is empty.
    #[error("`{revision}` is not a revision of git")]
    Malformed {
        /// The revision.
        revision: String,
    },
    /// The directory is outside of every checkout.
    #[error("{directory} is not in a git checkout, and only git knows which files differ from `{revision}`")]
    NoCheckout {
        /// The directory.
        directory: Utf8PathBuf,
        /// The revision.
        revision: String,
    },
    /// The clone is shallow and lacks the commit.
    #[error("the clone in {root} has no commit `{revision}`; it is shallow and lacks most of the history")]
    Shallow {
        /// The root of the checkout.
        root: Utf8PathBuf,
        /// The revision.
        revision: String,
    },
    /// The checkout has no such commit.
    #[error("the git checkout {root} has no commit `{revision}`")]
    Unknown {
        /// The root of the checkout.
        root: Utf8PathBuf,
        /// The revision.
        revision: String,
    },
    /// git failed.
    #[error("the checkout cannot be compared with `{revision}`: {why}")]
    Git {
        /// The revision.
        revision: String,
        /// The reason.
        why: String,
    },
}

impl ChangesError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "name a commit, a branch or a tag, such as `origin/main` or `HEAD~3`",
            Self::NoCheckout { .. } => "omit `--since`: without git every image is built",
            Self::Shallow { .. } => {
                "run `git fetch --unshallow`, or let the pipeline check out the whole history: `fetch-depth: 0` of \
                 actions/checkout, `GIT_DEPTH: 0` of GitLab"
            }
            Self::Unknown { .. } => {
                "name a commit, a branch or a tag that `git rev-parse` finds; `git fetch` gets those of the remote, which are \
                 called `origin/NAME`"
            }
            Self::Git { .. } => "repair the checkout, or omit `--since`: then every image is built",
        }
    }
}

impl Changes {
    /// Compares the checkout that a directory is in with a revision: a branch, a tag or any other name of a commit. Exactly
    /// this commit is compared, not the last one that it shares with the checkout's. Nothing in the checkout is written.
    ///
    /// # Errors
    /// The directory is outside of every checkout, the checkout lacks the commit, or git fails.
    pub fn since(revision: &str, directory: &Utf8Path, processes: &Processes) -> Result<Self, ChangesError> {
        // git would take it for an option.
        if revision.starts_with('-') || revision.trim().is_empty() {
            return Err(ChangesError::Malformed { revision: revision.to_owned() });
        }
        let no_checkout =
            || ChangesError::NoCheckout { directory: directory.to_owned(), revision: revision.to_owned() };
        let root = checkout_root(directory).ok_or_else(no_checkout)?;
        let commit = commit_of(revision, root, processes)?;
        let ask = |arguments: &[&str]| {
            let answer = processes.stdout(&question(root, arguments));
            answer.map_err(|error| failed(revision, unavailable(root, &error).why))
        };
        let diff = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv"];
        let diff = [&diff[..], &["--no-color", "--ignore-submodules=none", &commit, "--"]].concat();
        let listed = ["ls-files", "-z", "-v", "--cached", "--others", "--exclude-standard"];
        let ignored = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"];
        let ends = ["ls-files", "-z", "--cached", "--eol"];
        let (diff, listed, ignored, ends) = thread::scope(|scope| {
            let listed = scope.spawn(|| ask(&listed));
            let ignored = scope.spawn(|| ask(&ignored));
            let ends = scope.spawn(|| ask(&ends));
            (ask(&diff), listed.join(), ignored.join(), ends.join())
        });
        let ended = || failed(revision, "a thread that ran git panicked; report this".to_owned());
        let listed = listings(&listed.map_err(|_| ended())??);
        let untracked = listed.iter().filter(|(_, kind)| **kind == UNTRACKED).map(|(path, _)| path.clone());
        let ends = ends.map_err(|_| ended())??;
        // git compares what it would store, and these have other bytes.
        let converted = entries(&ends).filter_map(converted).map(str::to_owned);
        Ok(Self {
            revision: revision.to_owned(),
            commit,
            changed: entries(&diff?).map(str::to_owned).chain(untracked).chain(converted).collect(),
            ignored: entries(&ignored.map_err(|_| ended())??).map(without_slash).collect(),
            listed,
            root: root.to_owned(),
            real_root: root.canonicalize_utf8().unwrap_or_else(|_| root.to_owned()),
            processes: processes.clone(),
        })
    }

    /// Returns all paths that differ, sorted: changed, added, removed and untracked ones.
    pub fn changed(&self) -> impl Iterator<Item = &str> {
        self.changed.iter().map(String::as_str)
    }

    /// Returns the paths that differ and are a file or directory or below it.
    pub fn changed_in(&self, path: &Utf8Path) -> Vec<&str> {
        self.each_spelling(path).iter().flat_map(|below| within(&self.changed, below)).collect()
    }

    /// Returns the ignored files and directories that are a file or directory, below it or around it.
    pub fn ignored_in(&self, path: &Utf8Path) -> Vec<&str> {
        let each = self.each_spelling(path);
        let around = each.iter().flat_map(|below| ancestors(below));
        let around = around.filter_map(|above| self.ignored.get(above));
        let within = each.iter().flat_map(|below| within(&self.ignored, below));
        around.map(String::as_str).chain(within).collect()
    }

    /// Returns the tracked files below a directory, in no order.
    pub(crate) fn tracked_in(&self, directory: &Utf8Path) -> impl Iterator<Item = &str> {
        let each = self.each_spelling(directory);
        let tracked = self.listed.keys().map(String::as_str);
        tracked.filter(move |path| each.iter().any(|below| Utf8Path::new(path).starts_with(below)))
    }

    /// Returns the state of an existing file, which may be reached through symbolic links.
    pub fn state(&self, path: &Utf8Path) -> PathState {
        let real = path.canonicalize_utf8();
        let spelled = std::iter::once(path).chain(real.as_deref().ok());
        let mut states = spelled.map(|path| match self.below(path) {
            Some(below) => self.state_of(&below),
            None => PathState::Unknown(format!("{path} is outside of the git checkout")),
        });
        states.find(|state| *state != PathState::Same).unwrap_or(PathState::Same)
    }

    fn state_of(&self, below: &str) -> PathState {
        // An entry above the path is a symbolic link, a submodule, or a checkout of its own.
        if let Some(changed) = ancestors(below).find(|above| self.changed.contains(*above)) {
            return PathState::Changed(changed.to_owned());
        }
        match ancestors(below).find_map(|above| self.listed.get(above)) {
            Some('H') => PathState::Same,
            Some(_) => PathState::Unknown(format!("git is told not to look at {below}")),
            None => PathState::Unknown(format!("git ignores {below}")),
        }
    }

    /// Returns the text of a file in the commit; `None` if it had no such file. Bytes that are not UTF-8 are replaced.
    pub fn old_text(&self, path: &str) -> Option<String> {
        // `:./` and the like have a meaning for git; a path from the root has none.
        let object = format!("{}:{path}", self.commit);
        self.processes.stdout(&question(&self.root, &["cat-file", "blob", &object])).ok()
    }

    /// Returns the path below the root of the checkout, with `/` between its components; `None` outside of it.
    pub fn below(&self, path: &Utf8Path) -> Option<String> {
        let below = path.strip_prefix(&self.root).or_else(|_| path.strip_prefix(&self.real_root));
        below.ok().map(|below| below.as_str().replace('\\', "/"))
    }

    /// Returns the path below the root as it is spelled, and as it is without symbolic links.
    fn each_spelling(&self, path: &Utf8Path) -> BTreeSet<String> {
        let real = path.canonicalize_utf8();
        std::iter::once(path).chain(real.as_deref().ok()).filter_map(|path| self.below(path)).collect()
    }
}

/// Returns a command of git that looks at the commits themselves, not at those that `git replace` puts in their places.
fn question(root: &Utf8Path, arguments: &[&str]) -> Command {
    command(root, arguments).env("GIT_NO_REPLACE_OBJECTS", "1")
}

/// Returns the path of an entry of `git ls-files --eol` if git converts the line ends of the file:
/// `i/lf    w/crlf  attr/text eol=crlf<TAB>PATH`. A file that is not in the working tree has no end of line there.
fn converted(entry: &str) -> Option<&str> {
    let (ends, path) = entry.split_once('\t')?;
    let mut ends = ends.split_whitespace();
    let (index, tree) = (ends.next()?.strip_prefix("i/")?, ends.next()?.strip_prefix("w/")?);
    (index != tree && !tree.is_empty()).then_some(path)
}

/// The letter for a file that git does not track and does not ignore.
const UNTRACKED: char = '?';

fn failed(revision: &str, why: String) -> ChangesError {
    ChangesError::Git { revision: revision.to_owned(), why }
}

fn commit_of(revision: &str, root: &Utf8Path, processes: &Processes) -> Result<String, ChangesError> {
    let ask = |object: &str| {
        processes.stdout(&question(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", object]))
    };
    // git before 2.30 repeats the option that it does not know.
    let last = |answer: String| answer.lines().last().unwrap_or_default().trim().to_owned();
    // Two questions: in `:/text^{commit}` the end would be a part of the text.
    let object = ask(revision).map(last);
    let is_object = object.is_ok();
    let error = match object.and_then(|object| ask(&format!("{object}^{{commit}}"))) {
        Ok(answer) => {
            let commit = last(answer);
            if commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Ok(commit);
            }
            return Err(failed(revision, "it names no single commit".to_owned()));
        }
        Err(error) => error,
    };
    // `--quiet` says nothing about an unknown name. Whatever git does say is another problem.
    let is_silent = matches!(
        &error,
        crossdock_system::process::ProcessError::Failed { stderr, .. } if stderr.trim().is_empty()
    );
    if !is_silent && !is_object {
        return Err(failed(revision, unavailable(root, &error).why));
    }
    let shallow = processes.stdout(&command(root, &["rev-parse", "--is-shallow-repository"]));
    let (root, revision) = (root.to_owned(), revision.to_owned());
    Err(match shallow.is_ok_and(|answer| answer.trim() == "true") {
        true => ChangesError::Shallow { root, revision },
        false => ChangesError::Unknown { root, revision },
    })
}

/// Splits an answer of `-z`.
fn entries(answer: &str) -> impl Iterator<Item = &str> {
    answer.split('\0').filter(|entry| !entry.is_empty())
}

/// Parses `git ls-files -v -z`: a letter, a space and a path. A letter in lower case is that of a file that git is told to
/// take for unchanged.
fn listings(answer: &str) -> HashMap<String, char> {
    let entry = |entry: &str| {
        let (kind, path) = entry.split_once(' ')?;
        Some((without_slash(path), kind.chars().next()?))
    };
    entries(answer).filter_map(entry).collect()
}

/// git writes a directory with a slash at its end.
fn without_slash(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}

/// Returns a path and every directory above it, without the root.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(above, _)| above))
        .filter(|path| !path.is_empty())
}

/// Returns the paths that are `below` or below it; all for the root.
fn within<'p>(paths: &'p BTreeSet<String>, below: &str) -> Vec<&'p str> {
    if below.is_empty() {
        return paths.iter().map(String::as_str).collect();
    }
    let start = format!("{below}/");
    let inside = paths.range(start.clone()..).take_while(|path| path.starts_with(&start));
    paths.get(below).into_iter().chain(inside).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestDirectory, processes};

    fn run(directory: &Utf8Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgSign=false"];
        let command = Command::new("git", directory).args(identity).args(arguments.iter().copied());
        processes().stdout(&command.env("GIT_CONFIG_GLOBAL", "/dev/null")).unwrap();
    }

    fn committed(files: &[(&str, &str)]) -> TestDirectory {
        let directory = TestDirectory::new(files);
        run(&directory.path(), &["init", "-q", "-b", "main"]);
        run(&directory.path(), &["add", "."]);
        run(&directory.path(), &["commit", "-q", "-m", "first"]);
        directory
    }

    fn write(path: Utf8PathBuf, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        crossdock_fs::write_atomically(path.as_std_path(), text.as_bytes()).unwrap();
    }

    #[test]
    fn files_whose_line_ends_git_converts_are_changes() {
        let directory = committed(&[("a.txt", "one\n"), ("b.bin", "one\n")]);
        let root = directory.path();
        write(root.join(".gitattributes"), "*.txt text eol=crlf\n");
        run(&root, &["add", "."]);
        run(&root, &["commit", "-q", "-m", "second"]);
        let changed = || -> Vec<String> {
            let changes = Changes::since("HEAD", &root, &processes()).unwrap();
            changes.changed().map(str::to_owned).collect()
        };
        assert_eq!(changed(), [""; 0]);
        std::fs::remove_file(root.join("a.txt")).unwrap();
        run(&root, &["checkout", "a.txt"]);
        assert_eq!(changed(), ["a.txt"]);
    }

    #[test]
    fn commits_edits_removals_and_untracked_files_are_changes() {
        let directory = committed(&[
            ("a/same", "1"),
            ("a/committed", "1"),
            ("a/edited", "1"),
            ("a/removed", "1"),
            ("a/moved", "a text that git would find again"),
            (".gitignore", "/out/\n*.log\n"),
        ]);
        let root = directory.path();
        write(root.join("a/committed"), "2");
        run(&root, &["mv", "a/moved", "b größe"]);
        run(&root, &["commit", "-q", "-a", "-m", "second"]);
        write(root.join("a/edited"), "2");
        write(root.join("new/file"), "1");
        write(root.join("out/x"), "1");
        write(root.join("a/x.log"), "1");
        std::fs::remove_file(root.join("a/removed")).unwrap();
        for revision in ["HEAD~1", "main^"] {
            let found = Changes::since(revision, &root.join("a"), &processes()).unwrap();
            let changed: Vec<&str> = found.changed().collect();
            let expected = ["a/committed", "a/edited", "a/moved", "a/removed", "b größe", "new/file"];
            assert_eq!(changed, expected);
            assert_eq!(found.changed_in(&root.join("new")), ["new/file"]);
            assert_eq!(found.changed_in(&root.join("ne")), [""; 0]);
            assert_eq!(found.ignored_in(&root.join("a")), ["a/x.log"]);
            assert_eq!(found.ignored_in(&root.join("out/x/y")), ["out"]);
            assert_eq!(found.state(&root.join("a/same")), PathState::Same);
            let ignored = PathState::Unknown("git ignores out/x".to_owned());
            assert_eq!(found.state(&root.join("out/x")), ignored);
            assert_eq!(found.state(&root.join("new/file")), PathState::Changed("new/file".to_owned()));
            assert_eq!(found.old_text("a/edited").as_deref(), Some("1"));
            assert_eq!(found.old_text("new/file"), None);
        }
    }

    #[test]
    fn files_at_which_git_does_not_look_are_unknown() {
        let directory = committed(&[("a", "1"), ("b", "1")]);
        let root = directory.path();
        run(&root, &["update-index", "--assume-unchanged", "a"]);
        run(&root, &["update-index", "--skip-worktree", "b"]);
        let found = Changes::since("HEAD", &root, &processes()).unwrap();
        for name in ["a", "b"] {
            write(root.join(name), "2");
            let expected = PathState::Unknown(format!("git is told not to look at {name}"));
            assert_eq!(found.state(&root.join(name)), expected);
        }
        let outside = found.state("/etc/hostname".into());
        assert_eq!(outside, PathState::Unknown("/etc/hostname is outside of the git checkout".to_owned()));
    }

    #[cfg(unix)]
    #[test]
    fn links_and_submodules_count_with_what_they_lead_to() {
        let directory = committed(&[("real/a", "1"), ("other/a", "1")]);
        let root = directory.path();
        std::os::unix::fs::symlink("real", root.join("link")).unwrap();
        let inner = committed(&[("x", "1")]);
        let url = inner.path();
        run(&root, &["-c", "protocol.file.allow=always", "submodule", "add", "-q", url.as_str(), "sub"]);
        run(&root, &["add", "."]);
        run(&root, &["commit", "-q", "-m", "links"]);
        let state = |path: &str| Changes::since("HEAD", &root, &processes()).unwrap().state(&root.join(path));
        assert_eq!((state("link/a"), state("sub/x")), (PathState::Same, PathState::Same));
        write(root.join("real/a"), "2");
        assert_eq!(state("link/a"), PathState::Changed("real/a".to_owned()));
        std::fs::remove_file(root.join("link")).unwrap();
        std::os::unix::fs::symlink("other", root.join("link")).unwrap();
        assert_eq!(state("link/a"), PathState::Changed("link".to_owned()));
        write(root.join("sub/x"), "2");
        assert_eq!(state("sub/x"), PathState::Changed("sub".to_owned()));
    }

    #[test]
    fn a_revision_that_cannot_be_compared_is_refused() {
        let directory = committed(&[("a", "1")]);
        let root = directory.path();
        let refused = |revision: &str, directory: &Utf8Path| {
            Changes::since(revision, directory, &processes()).unwrap_err()
        };
        for revision in ["--output=x", "-x", "", " "] {
            assert!(matches!(refused(revision, &root), ChangesError::Malformed { .. }), "{revision}");
        }
        for revision in ["nope", "HEAD~9", "HEAD:a", "main..main"] {
            assert!(matches!(refused(revision, &root), ChangesError::Unknown { .. }), "{revision}");
        }
        assert!(matches!(refused("^HEAD", &root), ChangesError::Git { .. }));
        run(&root, &["commit", "-q", "--allow-empty", "-m", "second"]);
        Changes::since(":/second", &root, &processes()).unwrap();
        let clone = directory.path().join("clone");
        run(&root, &["clone", "-q", "--depth=1", &format!("file://{root}"), "clone"]);
        assert!(matches!(refused("HEAD~1", &clone), ChangesError::Shallow { .. }));
        let plain = TestDirectory::new(&[("a", "1")]);
        assert!(matches!(refused("HEAD", &plain.path()), ChangesError::NoCheckout { .. }));
    }
}
