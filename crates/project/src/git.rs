//! The git checkout of a project: commit, branch, tags and origin.

use camino::Utf8Path;
use serde::Serialize;

use crossdock_system::availability::{Availability, Remedy, Scope, Unavailable};
use crossdock_system::process::{Command, ProcessError, Processes};

/// The state of the git checkout that a directory is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    pub tag: Option<String>,
    /// The version that a tag of this commit gives to the directory: `1.2.0` of `svc/v1.2.0` in the directory `svc`, or
    /// of `v1.2.0` (Go Modules Reference, "Mapping versions to commits"). Tags of other directories give none.
    pub version: Option<String>,
    /// Whether tracked files differ from the commit, or untracked files exist that are not ignored.
    pub dirty: bool,
    /// The committer date, in seconds since the Unix epoch.
    pub time: i64,
    /// The URL of the remote `origin` with https and without user information; `None` for a local remote.
    pub source: Option<String>,
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
        vec!["config", "--get", "remote.origin.url"],
    ];
    let [status, log, remote] = calls.map(|arguments| command(directory, &arguments));
    let (status, log, remote) = std::thread::scope(|scope| {
        let log = scope.spawn(|| processes.stdout(&log));
        let remote = scope.spawn(|| processes.stdout(&remote));
        (processes.stdout(&status), log.join(), remote.join())
    });
    let status = status.map_err(|error| unavailable(directory, &error))?;
    let ended = || Unavailable::because("internal error: a thread that ran git panicked; report this");
    let log = log.map_err(|_| ended())?.map_err(|error| unavailable(directory, &error))?;
    // `git config` fails if there is no remote `origin`.
    let remote = remote.map_err(|_| ended())?.ok();
    let mut git = parse_log(&log, &path_in_checkout(directory))
        .ok_or_else(|| Unavailable::because("the output of `git log` cannot be parsed"))?;
    (git.branch, git.dirty) = parse_status(&status);
    git.source = remote.and_then(|address| https_url(address.trim()));
    Ok(git)
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

/// Returns the directory's path below the root of its checkout, with a trailing `/`; empty for the root itself.
fn path_in_checkout(directory: &Utf8Path) -> String {
    let below = checkout_root(directory)
        .and_then(|root| directory.strip_prefix(root).ok())
        .filter(|below| !below.as_str().is_empty());
    below.map(|below| below.components().map(|part| format!("{part}/")).collect()).unwrap_or_default()
}

/// Parses commit, date and tags of `git log`, for a directory below the root of the checkout.
fn parse_log(answer: &str, below: &str) -> Option<Git> {
    let mut lines = answer.lines();
    let (sha, short) = (lines.next()?.to_owned(), lines.next()?.to_owned());
    let time = lines.next()?.parse().ok()?;
    let names = lines.next().unwrap_or_default().split(", ");
    let tags = || names.clone().filter_map(|name| name.strip_prefix("tag: refs/tags/"));
    // In the root of the checkout every tag without a directory is its own.
    let own = |tag: &&str| tag.strip_prefix(below).is_some_and(|rest| !rest.contains('/'));
    let of_all = |tag: &&str| !tag.contains('/');
    let highest = |tags: Vec<&str>| {
        let last = |tag: &str| tag.rsplit('/').next().unwrap_or(tag).to_owned();
        let best = tags.into_iter().max_by_key(|tag| (is_version(&last(tag)), version_key(&last(tag))))?;
        Some((best.to_owned(), last(best)))
    };
    let ours = highest(tags().filter(own).collect()).or_else(|| highest(tags().filter(of_all).collect()));
    let version = ours.as_ref().map(|(_, last)| last).filter(|last| is_version(last));
    let version = version.map(|last| last.strip_prefix('v').unwrap_or(last).to_owned());
    let tag = ours.or_else(|| highest(tags().collect())).map(|(tag, _)| tag);
    Some(Git { sha, short, branch: None, tag, version, dirty: false, time, source: None })
}

fn is_version(tag: &str) -> bool {
    tag.strip_prefix('v').unwrap_or(tag).starts_with(|c: char| c.is_ascii_digit())
}

/// Splits text into pieces that compare as versions do: numbers by value, and a pre-release, which follows a `-`,
/// before the version itself.
fn version_key(text: &str) -> Vec<(u8, u64, String)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        pieces.push(if digits {
            // A number that u64 cannot hold is higher than all others.
            (2, piece.parse().unwrap_or(u64::MAX), String::new())
        } else if piece.starts_with('-') {
            (0, 0, piece.to_owned())
        } else {
            (2, 0, piece.to_owned())
        });
        rest = after;
    }
    pieces.push((1, 0, String::new()));
    pieces
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
    fn tags_of_the_directory_come_before_those_of_the_checkout() {
        let log = |tags: &[&str], below: &str| {
            let tags: Vec<String> = tags.iter().map(|tag| format!("tag: refs/tags/{tag}")).collect();
            let git =
                parse_log(&format!("sha\nshort\n1\nHEAD -> refs/heads/main, {}\n", tags.join(", ")), below);
            git.map(|git| (git.tag.unwrap_or_default(), git.version.unwrap_or_default())).unwrap()
        };
        let both = |tag: &str, version: &str| (tag.to_owned(), version.to_owned());
        let all = ["v9.9.9", "svc/v1.2.0", "svc/v1.10.0", "other/v3.0.0", "svc/deep/v7.0.0"];
        assert_eq!(log(&all, "svc/"), both("svc/v1.10.0", "1.10.0"));
        assert_eq!(log(&all, "svc/deep/"), both("svc/deep/v7.0.0", "7.0.0"));
        assert_eq!(log(&all, ""), both("v9.9.9", "9.9.9"));
        assert_eq!(log(&all, "new/"), both("v9.9.9", "9.9.9"), "of the whole checkout");
        assert_eq!(log(&["other/v3.0.0"], "svc/"), both("other/v3.0.0", ""), "of another directory");
        assert_eq!(log(&["deploy-prod"], ""), both("deploy-prod", ""), "no version");
        assert_eq!(log(&[], ""), both("", ""));
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
