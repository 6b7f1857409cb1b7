//! The git checkout of a project: commit, branch, tags and origin.

mod changes;
mod go_stamp;
mod seen;
mod tags;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crossdock_oci::Timestamp;
use crossdock_system::availability::{Availability, Remedy, Scope, Unavailable};
use crossdock_system::process::{Command, ProcessError, Processes};

pub use changes::{Changes, ChangesError, PathState};
pub(crate) use go_stamp::go_checkout;
pub use go_stamp::{GoCheckout, GoVersion, go_version};
pub use seen::{WrittenPath, seeing_checkout};
pub use tags::{VersionTag, VersionTagError};

/// The state of the git checkout that a directory is in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Git {
    /// The full commit id.
    pub sha: String,
    /// The commit id with seven characters, or with as many as make it unique.
    pub short: String,
    /// The branch; `None` if HEAD is detached.
    pub branch: Option<String>,
    /// A tag of this commit. The directory's own (`svc/v1.2.0` is one of `svc`) come before those of the whole
    /// checkout, and the highest version before the others.
    ///
    /// The directory is the one that git was asked about; [`seen_from`](Self::seen_from) selects for another.
    pub tag: Option<String>,
    /// The version that a tag of this commit gives to the directory: `1.2.0` of `svc/v1.2.0` in the directory `svc`, or
    /// of `v1.2.0` (Go Modules Reference, "Mapping versions to commits"). Tags of other directories give none.
    pub version: Option<String>,
    /// All tags of this commit.
    pub tags: Vec<String>,
    /// The reason why tags of this commit may be absent; `None` if the clone has them all.
    pub missing_tags: Option<MissingTags>,
    /// The root of the checkout. Absolute.
    pub root: Utf8PathBuf,
    /// The checkout as go reads it; `None` unless go may stamp a program with the commit.
    pub go: Option<GoCheckout>,
    /// Whether tracked files differ from the commit, or untracked files exist that are not ignored.
    pub dirty: bool,
    /// The committer date, in seconds since the Unix epoch.
    pub time: i64,
    /// The URL of the remote `origin` with https and without user information; `None` for a local remote.
    pub source: Option<String>,
}

/// The reason why a clone may lack tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingTags {
    /// The clone is shallow: `git clone --depth` and most pipelines fetch only tags of the newest commits, or none.
    Shallow,
    /// The remote is fetched without tags (`git clone --no-tags`), and there is none.
    NotFetched,
}

impl MissingTags {
    /// Returns the reason with a command that fetches the tags.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Shallow => {
                "this clone is shallow and may lack tags: run `git fetch --tags --unshallow`, or let the pipeline check out the \
                 whole history with tags"
            }
            Self::NotFetched => "this clone was made without tags: run `git fetch --tags`",
        }
    }
}

impl Git {
    /// Returns the state with the tag and the version that `directory` has. The path of a Go module in it decides which
    /// major version counts. With a pattern, only a tag that matches it gives a version.
    #[must_use]
    pub fn seen_from(
        &self,
        directory: &Utf8Path,
        module: Option<&str>,
        pattern: Option<&VersionTag>,
    ) -> Self {
        let below = path_below(&self.root, directory);
        let owner = tags::Owner { below: &below, module };
        let tags::Selected { tag, version } = tags::select(&self.tags, owner, pattern);
        Self { tag, version, ..self.clone() }
    }
}

/// Asks git about the checkout that a directory is in. Nothing in the checkout is written, not even its index, and
/// nothing that it names runs.
///
/// The answer is unavailable without git, outside of a checkout, before the first commit, and if git refuses to read a
/// checkout because it belongs to another user (`safe.directory`).
pub fn git(directory: &Utf8Path, processes: &Processes) -> Availability<Git> {
    match read_checkout(directory, processes) {
        Ok(git) => Availability::Available(git),
        Err(unavailable) => Availability::Unavailable(unavailable),
    }
}

fn read_checkout(directory: &Utf8Path, processes: &Processes) -> Result<Git, Unavailable> {
    let calls = [
        // One path stands for a new directory with all its content: only whether anything differs matters.
        vec!["status", "--porcelain=v2", "--branch", "--untracked-files=normal", "-z"],
        // A user's `log.showSignature` would add lines. Full names of refs tell tags from branches.
        vec!["log", "-1", "--no-show-signature", "--decorate=full", "--format=%H%n%h%n%ct%n%D"],
        vec!["config", "--get-regexp", "^remote\\.origin\\.(url|tagopt)$"],
        vec!["rev-parse", "--is-shallow-repository"],
    ];
    let [status, log, remote, shallow] = calls.map(|arguments| command(directory, &arguments));
    let (status, log, remote, shallow) = std::thread::scope(|scope| {
        let log = scope.spawn(|| processes.stdout(&log));
        let remote = scope.spawn(|| processes.stdout(&remote));
        let shallow = scope.spawn(|| processes.stdout(&shallow));
        (processes.stdout(&status), log.join(), remote.join(), shallow.join())
    });
    let status = status.map_err(|error| unavailable(directory, &error))?;
    let ended = || Unavailable::because("internal error: a thread that ran git panicked; report this");
    let log = log.map_err(|_| ended())?.map_err(|error| unavailable(directory, &error))?;
    // `git config` fails if there is no remote `origin`.
    let remote = remote.map_err(|_| ended())?.unwrap_or_default();
    let setting = |key: &str| remote.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    let mut git =
        parse_log(&log).ok_or_else(|| Unavailable::because("the output of `git log` cannot be parsed"))?;
    (git.branch, git.dirty) = parse_status(&status);
    git.source = setting("remote.origin.url").and_then(|address| https_url(address.trim()));
    // Git before 2.15 does not know the question and repeats it.
    let is_shallow = shallow.map_err(|_| ended())?.is_ok_and(|answer| answer.trim() == "true");
    git.missing_tags = if is_shallow {
        Some(MissingTags::Shallow)
    } else {
        let without_tags = setting("remote.origin.tagopt").is_some_and(|option| option == "--no-tags");
        (without_tags && git.tags.is_empty()).then_some(MissingTags::NotFetched)
    };
    git.root = checkout_root(directory).unwrap_or(directory).to_owned();
    Ok(git.seen_from(directory, None, None))
}

fn command(directory: &Utf8Path, arguments: &[&str]) -> Command {
    Command::git(directory)
        // Neither the length of this clone's history nor a user's settings may change the length of a short id.
        .args(["-c", "core.abbrev=7", "-c", "core.quotePath=false"])
        .args(arguments.iter().copied())
        // `unavailable` recognizes messages by their English text.
        .env("LC_ALL", "C")
}

/// Parses branch and dirtiness of `git status --porcelain=v2 --branch -z` (git-status(1)).
fn parse_status(answer: &str) -> (Option<String>, bool) {
    let branch = answer.split('\0').find_map(|entry| entry.strip_prefix("# branch.head "));
    let dirty = answer.split('\0').any(|entry| !entry.is_empty() && !entry.starts_with("# "));
    (branch.filter(|branch| *branch != "(detached)").map(str::to_owned), dirty)
}

/// Returns the root of the checkout that a directory is in, even if git refuses to read it. `.git` is a file in a
/// worktree and in a submodule.
pub fn checkout_root(directory: &Utf8Path) -> Option<&Utf8Path> {
    directory.ancestors().find(|above| above.join(".git").exists())
}

/// Returns a directory's path below the root of its checkout, with a trailing `/`; empty for the root itself.
fn path_below(root: &Utf8Path, directory: &Utf8Path) -> String {
    let below = directory.strip_prefix(root).ok().filter(|below| !below.as_str().is_empty());
    below.map(|below| below.components().map(|part| format!("{part}/")).collect()).unwrap_or_default()
}

/// Parses commit, date and tags of `git log`.
fn parse_log(answer: &str) -> Option<Git> {
    let mut lines = answer.lines();
    let (sha, short) = (lines.next()?.to_owned(), lines.next()?.to_owned());
    // git takes dates that no image can have.
    let time = Timestamp::nearest(lines.next()?.parse().ok()?).as_unix().try_into().ok()?;
    let names = lines.next().unwrap_or_default().split(", ");
    let tags = names.filter_map(|name| name.strip_prefix("tag: refs/tags/")).map(str::to_owned).collect();
    Some(Git { sha, short, tags, time, ..Git::default() })
}

fn unavailable(directory: &Utf8Path, error: &ProcessError) -> Unavailable {
    let stderr = match error {
        ProcessError::Start { source, .. } => {
            return Unavailable::because(format!("git cannot be started in {directory}: {source}"));
        }
        ProcessError::Failed { stderr, .. } => stderr,
        other => return Unavailable::because(other.to_string()),
    };
    if stderr.contains("not a git repository") {
        return Unavailable::because(format!("{directory} is not in a git checkout"));
    }
    if stderr.contains("does not have any commits yet") {
        return Unavailable::because(format!("the git checkout of {directory} has no commit yet"));
    }
    if stderr.contains("cannot use bare repository") {
        return Unavailable::because(format!(
            "git does not read {directory}, because it is a bare repository, whose settings may come with a clone"
        ));
    }
    match foreign_checkout(stderr) {
        Some(owned) => Unavailable {
            why: format!("git refuses to read {owned}, because another user owns it"),
            remedies: vec![Remedy {
                // The user's settings change here and no checkout is read, so this is not `Command::git`.
                commands: vec![Command::new("git", directory).args([
                    "config",
                    "--global",
                    "--add",
                    "safe.directory",
                    owned,
                ])],
                scope: Scope::User,
            }],
        },
        None => Unavailable::because(format!("git refused: {}", stderr.trim())),
    }
}

/// Returns the checkout of git's `fatal: detected dubious ownership in repository at '…'`.
fn foreign_checkout(stderr: &str) -> Option<&str> {
    stderr.split_once("dubious ownership in repository at '")?.1.split_once('\'').map(|(path, _)| path)
}

/// Returns the https URL of a remote without user information; `None` for paths and other local remotes.
fn https_url(address: &str) -> Option<String> {
    let (host, path) = match address.split_once("://") {
        Some(("https" | "http" | "ssh" | "git" | "git+ssh", rest)) => rest.split_once('/')?,
        Some(_) => return None,
        // scp's form, `git@host:path`. A colon after a slash or a drive letter belongs to a local path.
        None => address.split_once(':').filter(|(host, _)| !host.contains(['/', '\\']) && host.len() > 1)?,
    };
    let port_counts = address.starts_with("http");
    let host = host.rsplit('@').next()?;
    let host = if port_counts { host } else { host.split(':').next()? };
    // A query does not identify the repository and may contain a secret.
    let path = path.split(['?', '#']).next()?;
    let path = path.trim_matches('/').trim_end_matches(".git").trim_end_matches('/');
    let local = host.is_empty() || host == "localhost" || host.starts_with("127.") || host.starts_with('[');
    let whole =
        !local && !path.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:".contains(c));
    whole.then(|| format!("https://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestDirectory, processes};

    fn run(directory: &Utf8Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgSign=false"];
        let command = Command::new("git", directory)
            .args(identity)
            .args(arguments.iter().copied())
            .env("GIT_COMMITTER_DATE", "1700000000 +0000")
            .env("GIT_AUTHOR_DATE", "1700000000 +0000")
            .env("GIT_CONFIG_GLOBAL", "/dev/null");
        processes().stdout(&command).unwrap();
    }

    fn available(directory: &Utf8Path) -> Git {
        match git(directory, &processes()) {
            Availability::Available(git) => git,
            Availability::Unavailable(why) => panic!("{}", why.why),
        }
    }

    #[test]
    fn a_commit_of_any_date_has_one_that_images_can_have() {
        for (written, time) in
            [("-1", 0), ("0", 0), ("1750000000", 1_750_000_000), ("253402300800", 253_402_300_799)]
        {
            assert_eq!(parse_log(&format!("abc\na\n{written}\n\n")).unwrap().time, time);
        }
        assert!(parse_log("abc\na\nyesterday\n\n").is_none());
    }

    #[test]
    fn a_checkout_reports_commit_branch_tags_and_origin() {
        let directory = TestDirectory::new(&[("a", "1"), ("sub/b", "2")]);
        let root = directory.path();
        run(&root, &["init", "-q", "-b", "feature/x"]);
        let Availability::Unavailable(empty) = git(&root, &processes()) else { panic!("no commit yet") };
        insta::assert_snapshot!(directory.masked(empty.why), @"the git checkout of /p has no commit yet");
        run(&root, &["add", "."]);
        run(&root, &["commit", "-q", "-m", "first"]);
        let clean = available(&root.join("sub"));
        assert_eq!((clean.branch.as_deref(), clean.tag.as_deref()), (Some("feature/x"), None));
        assert_eq!((clean.dirty, clean.time, clean.source), (false, 1_700_000_000, None));
        assert_eq!((clean.sha.len(), clean.short.len()), (40, 7));

        for tag in ["v1.9.0", "v1.10.0-rc.1", "v1.10.0", "latest", "zeta"] {
            run(&root, &["tag", tag]);
        }
        assert_eq!(available(&root).version.as_deref(), Some("1.10.0"));
        run(&root, &["remote", "add", "origin", "git@forge.example:team/app.git"]);
        run(&root, &["checkout", "-q", "--detach"]);
        let clean = available(&root);
        assert_eq!((clean.branch, clean.tag.as_deref()), (None, Some("v1.10.0")));
        assert_eq!(clean.source.as_deref(), Some("https://forge.example/team/app"));
        run(&root, &["worktree", "add", "-q", "tree"]);
        assert_eq!(available(&root.join("tree")).branch.as_deref(), Some("tree"));
    }

    #[test]
    fn the_directory_decides_about_the_version() {
        let directory = TestDirectory::new(&[("svc/cmd/a", "1")]);
        let root = directory.path();
        run(&root, &["init", "-q"]);
        run(&root, &["add", "."]);
        run(&root, &["commit", "-q", "-m", "first"]);
        for tag in ["v5.0.0", "svc/v1.2.0", "agent/v0.3.0"] {
            run(&root, &["tag", tag]);
        }
        let version = |asked: &str, seen: &str, pattern: Option<&str>| {
            let pattern: Option<VersionTag> = pattern.map(|pattern| pattern.parse().unwrap());
            available(&root.join(asked))
                .seen_from(&root.join(seen), None, pattern.as_ref())
                .version
                .unwrap_or_default()
        };
        for asked in ["", "svc", "svc/cmd"] {
            assert_eq!(version(asked, "svc", None), "1.2.0", "asked in {asked:?}");
            assert_eq!(version(asked, "", None), "5.0.0", "asked in {asked:?}");
            assert_eq!(version(asked, "svc", Some("agent/v{version}")), "0.3.0", "asked in {asked:?}");
            assert_eq!(version(asked, "svc", Some("web/v{version}")), "", "asked in {asked:?}");
        }
        assert_eq!(available(&root.join("svc")).version.as_deref(), Some("1.2.0"));
    }

    #[test]
    fn a_clone_that_may_lack_tags_says_so() {
        let directory = TestDirectory::new(&[("origin/a", "1")]);
        let (parent, origin) = (directory.path(), directory.path().join("origin"));
        run(&origin, &["init", "-q"]);
        run(&origin, &["add", "."]);
        run(&origin, &["commit", "-q", "-m", "first"]);
        let clone = |name: &str, options: &[&str]| {
            let url = format!("file://{origin}");
            let arguments = [&["clone", "-q"], options, &[url.as_str(), name]].concat();
            run(&parent, &arguments);
            available(&parent.join(name)).missing_tags
        };
        assert_eq!(available(&origin).missing_tags, None);
        assert_eq!(clone("whole", &[]), None, "the project itself has no tag");
        assert_eq!(clone("first", &["--no-tags"]), Some(MissingTags::NotFetched));
        run(&origin, &["tag", "v1.0.0"]);
        run(&origin, &["commit", "-q", "--allow-empty", "-m", "second"]);
        assert_eq!(clone("shallow", &["--depth=1"]), Some(MissingTags::Shallow));
        assert_eq!(clone("tagged", &[]), None);
    }

    #[test]
    fn untracked_and_changed_files_are_dirty_and_ignored_ones_are_not() {
        let directory = TestDirectory::new(&[("a", "1"), (".gitignore", "/ignored")]);
        let root = directory.path();
        run(&root, &["init", "-q"]);
        run(&root, &["add", "."]);
        run(&root, &["commit", "-q", "-m", "first"]);
        std::fs::File::create(root.join("ignored")).unwrap();
        assert!(!available(&root).dirty);
        std::fs::File::create(root.join("größe mit leerzeichen")).unwrap();
        assert!(available(&root).dirty);
    }

    #[cfg(unix)]
    #[test]
    fn a_repository_runs_none_of_the_programs_that_it_names() {
        let directory = TestDirectory::new(&[("tree/a", "1"), ("hook", "#!/bin/sh\ntouch ../ran\n")]);
        let (root, ran) = (directory.path().join("tree"), directory.path().join("ran"));
        let program = format!("touch {ran}; false");
        run(&root, &["init", "-q", "-b", "main"]);
        run(&root, &["add", "."]);
        run(&root, &["commit", "-q", "-m", "first"]);
        for setting in ["core.fsmonitor", "core.pager", "pager.log", "pager.status", "core.sshCommand"] {
            run(&root, &["config", setting, &program]);
        }
        let hook = root.join(".git/hooks/post-index-change");
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        std::fs::rename(directory.path().join("hook"), &hook).unwrap();
        std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let status = Command::new("git", root.clone()).args(["status"]);
        processes().stdout(&status).unwrap();
        assert!(ran.exists(), "a plain `git status` runs what the repository names");
        std::fs::remove_file(&ran).unwrap();
        assert!(!available(&root).dirty);
        assert!(!ran.exists(), "a program of the repository ran");

        let bare = root.join("bare");
        run(&root, &["clone", "-q", "--bare", ".", "bare"]);
        let Availability::Unavailable(refused) = git(&bare, &processes()) else {
            panic!("a bare repository")
        };
        let why = "git does not read /p/tree/bare, because it is a bare repository, whose settings may come with a clone";
        assert_eq!(directory.masked(refused.why), why);
    }

    #[cfg(unix)]
    #[test]
    fn a_refusal_of_git_names_its_remedy() {
        let directory = TestDirectory::new(&[("a", "1")]);
        let Availability::Unavailable(none) = git(&directory.path(), &processes()) else {
            panic!("no checkout")
        };
        assert_eq!(directory.masked(none.why), "/p is not in a git checkout");
        let stderr =
            "fatal: detected dubious ownership in repository at '/srv/x y'\nTo add an exception…".to_owned();
        let status = std::os::unix::process::ExitStatusExt::from_raw(128 << 8);
        let refused = unavailable(
            "/srv/x y/sub".into(),
            &ProcessError::Failed { command: String::new(), status, stderr },
        );
        assert_eq!(refused.why, "git refuses to read /srv/x y, because another user owns it");
        assert_eq!(
            refused.remedies[0].commands[0].to_string(),
            "cd '/srv/x y/sub' && git config --global --add safe.directory '/srv/x y'"
        );
    }

    #[test]
    fn origins_lose_their_user_information_and_local_ones_are_left_out() {
        let cases = [
            ("https://user:token@forge.example/team/app.git", Some("https://forge.example/team/app")),
            ("https://forge.example:8443/team/app", Some("https://forge.example:8443/team/app")),
            ("http://forge.example/app/", Some("https://forge.example/app")),
            ("ssh://git@forge.example:22/team/app.git", Some("https://forge.example/team/app")),
            ("git@forge.example:team/app.git", Some("https://forge.example/team/app")),
            ("forge.example:/team/app.git", Some("https://forge.example/team/app")),
            ("git://forge.example/app", Some("https://forge.example/app")),
            ("https://forge.example/app.git?private_token=x#y", Some("https://forge.example/app")),
            ("/srv/git/app.git", None),
            ("../app", None),
            ("./a:b", None),
            ("C:\\git\\app", None),
            ("C:/git/app", None),
            ("file:///srv/git/app", None),
            ("http://localhost/app", None),
            ("http://127.0.0.1:3000/app", None),
            ("https://forge.example", None),
            ("https://forge example/x", None),
            ("", None),
        ];
        for (address, expected) in cases {
            assert_eq!(https_url(address).as_deref(), expected, "{address}");
        }
    }
}
