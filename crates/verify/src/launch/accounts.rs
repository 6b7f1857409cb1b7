//! The users and groups of an image, as programs inside it look them up.

use crate::program::container::{Credentials, MAX_ACCOUNTS, MAX_GROUPS};
use crate::program::go_accounts::{self, Refusal, field};
use crate::root::{EntryKind, ResolveError, Root, read_small, read_whole, resolve};

/// The contents of the image's passwd and group files.
pub(super) struct Accounts {
    passwd: Database,
    group: Database,
    /// Whether only these files name users (`nsswitch.conf`).
    is_complete: bool,
}

/// A passwd or group file.
enum Database {
    /// The text; empty if the file is absent or the reader may not open it.
    Text(String),
    Directory,
    /// It could not be read.
    Unknown,
}

/// The result of a lookup by name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lookup<T> {
    Found(T),
    Absent,
    /// A file could not be read, other sources may have the name, or C libraries read its line differently.
    Unknown,
}

/// A user of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) credentials: Credentials,
    pub(super) shell: String,
}

/// The result of a lookup by a program in Go.
pub(super) enum GoLookup {
    Found(Credentials),
    Refused(Refusal),
    /// The path is a directory, at which reading fails.
    Directory(&'static str),
    Unknown,
}

impl Accounts {
    /// Reads the files with the permissions of a user.
    pub(super) fn read(root: &dyn Root, reader: &Credentials) -> Accounts {
        Accounts {
            passwd: Database::read(root, "/etc/passwd", reader),
            group: Database::read(root, "/etc/group", reader),
            is_complete: names_only_files(root),
        }
    }

    /// Looks up a user by name as the C library does.
    pub(super) fn user(&self, name: &str) -> Lookup<Account> {
        let Some(passwd) = self.passwd.text() else { return Lookup::Unknown };
        self.answer(line_of(passwd, name, Kind::User).map(|line| self.account(line?)))
    }

    /// Looks up a group by name as the C library does.
    pub(super) fn group(&self, name: &str) -> Lookup<u32> {
        let Some(groups) = self.group.text() else { return Lookup::Unknown };
        self.answer(line_of(groups, name, Kind::Group).map(|line| number(line?, 2)))
    }

    /// Returns the user of this number. One that no file names has the group `gid` and no others.
    pub(super) fn numbered(&self, uid: u32, gid: u32) -> Credentials {
        let known = self.line_numbered(uid).and_then(|line| self.account(line));
        known.map_or(Credentials { uid, gid, ..Credentials::default() }, |account| account.credentials)
    }

    /// Returns whether a user has this number.
    pub(super) fn has_number(&self, uid: u32) -> Lookup<()> {
        let Some(passwd) = self.passwd.text() else { return Lookup::Unknown };
        let text = uid.to_string();
        // glibc takes ` +5` too.
        let is_it = |line: &&str| {
            let number = field(line, 2).unwrap_or_default().trim_start();
            number.trim_start_matches('+').trim_start_matches('0') == text.trim_start_matches('0')
        };
        let found = passwd.lines().find(is_it);
        self.answer(found.map(|line| Kind::User.is_plain(line).then_some(())))
    }

    /// Returns the home directory of the user of this number; `None` if no file names it.
    pub(super) fn home(&self, uid: u32) -> Option<String> {
        field(self.line_numbered(uid)?, 5).filter(|home| !home.is_empty()).map(str::to_owned)
    }

    /// Looks up `USER[:GROUP]` as a program in Go does for a process of the user `current`.
    pub(super) fn of_go(&self, spec: &str, current: &Credentials) -> GoLookup {
        // It takes a file that cannot be opened as absent, and stops at one that cannot be read.
        let (passwd, groups) = match (&self.passwd, &self.group) {
            (Database::Unknown, _) | (_, Database::Unknown) => return GoLookup::Unknown,
            (Database::Directory, _) => return GoLookup::Directory("/etc/passwd"),
            (Database::Text(passwd), Database::Directory) => (passwd, None),
            (Database::Text(passwd), Database::Text(groups)) => (passwd, Some(groups)),
        };
        match go_accounts::exec_user(passwd, groups.map(String::as_str), spec, current) {
            Ok(user) => GoLookup::Found(user),
            Err(Refusal::GroupsUnreadable) => GoLookup::Directory("/etc/group"),
            Err(refusal) => GoLookup::Refused(refusal),
        }
    }

    /// Returns the first line about the user of this number.
    fn line_numbered(&self, uid: u32) -> Option<&str> {
        let mut lines = self.passwd.text().unwrap_or_default().lines();
        lines.find(|line| Kind::User.is_plain(line) && number(line, 2) == Some(uid))
    }

    fn answer<T>(&self, found: Option<Option<T>>) -> Lookup<T> {
        match found {
            Some(Some(found)) => Lookup::Found(found),
            Some(None) => Lookup::Unknown,
            None if self.is_complete => Lookup::Absent,
            None => Lookup::Unknown,
        }
    }

    fn account(&self, line: &str) -> Option<Account> {
        let name = field(line, 0)?;
        let has_member =
            |line: &&str| field(line, 3).is_some_and(|names| names.split(',').any(|each| each == name));
        let lines = self.group.text().unwrap_or_default().lines();
        let groups = lines.filter(has_member).filter_map(|line| number(line, 2));
        let credentials = Credentials {
            uid: number(line, 2)?,
            gid: number(line, 3)?,
            groups: groups.take(MAX_GROUPS).collect(),
        };
        Some(Account { credentials, shell: field(line, 6).unwrap_or_default().to_owned() })
    }
}

impl Database {
    fn read(root: &dyn Root, path: &str, reader: &Credentials) -> Database {
        match resolve(root, path) {
            Err(ResolveError::Unreadable(_)) => Database::Unknown,
            // The C library and Go take a loop of links as a missing file too.
            Err(_) => Database::Text(String::new()),
            Ok(found) if !reader.may_open(&found) => Database::Text(String::new()),
            Ok(found) if found.entry.kind == EntryKind::Directory => Database::Directory,
            Ok(found) if found.entry.kind != EntryKind::File || found.entry.size > MAX_ACCOUNTS => {
                Database::Unknown
            }
            Ok(found) => match read_whole(root, &found.path, MAX_ACCOUNTS) {
                Ok(bytes) => Database::Text(String::from_utf8_lossy(&bytes).into_owned()),
                Err(_) => Database::Unknown,
            },
        }
    }

    /// Returns the text that the C library reads, for which a directory is a file without lines; `None` if unknown.
    fn text(&self) -> Option<&str> {
        match self {
            Database::Text(text) => Some(text),
            Database::Directory => Some(""),
            Database::Unknown => None,
        }
    }
}

/// The file that a line is in.
#[derive(Debug, Clone, Copy)]
enum Kind {
    User,
    Group,
}

impl Kind {
    /// Returns whether every C library reads the line. glibc skips blanks, comments and lines of NIS, and accepts missing
    /// fields; musl takes each line as it is, and only digits as a number.
    fn is_plain(self, line: &str) -> bool {
        let (fields, numbers) = match self {
            Kind::User => (7, &[2, 3][..]),
            Kind::Group => (4, &[2][..]),
        };
        !line.starts_with([' ', '\t', '#', '+', '-', ':'])
            && line.split(':').count() == fields
            && numbers.iter().all(|index| number(line, *index).is_some())
    }
}

/// Returns whether users are searched only in files. `systemd` only adds users of systemd's own services.
fn names_only_files(root: &dyn Root) -> bool {
    let Some(bytes) = read_small(root, "/etc/nsswitch.conf", MAX_ACCOUNTS) else { return true };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines = text.lines().filter_map(|line| line.split('#').next()?.split_once(':'));
    let sources = lines.filter(|(name, _)| matches!(name.trim(), "passwd" | "group"));
    sources
        .flat_map(|(_, sources)| sources.split_whitespace())
        .all(|source| matches!(source, "files" | "compat" | "systemd") || source.starts_with('['))
}

/// Returns the first line about this name; `Some(None)` if C libraries read that line differently.
fn line_of<'t>(text: &'t str, name: &str, kind: Kind) -> Option<Option<&'t str>> {
    let line = text.lines().find(|line| field(line, 0).is_some_and(|field| field.trim() == name.trim()))?;
    Some(Some(line).filter(|line| kind.is_plain(line) && field(line, 0) == Some(name)))
}

/// Returns a number of a line; `None` if the field is missing or has more than digits.
fn number(line: &str, index: usize) -> Option<u32> {
    field(line, index).filter(|text| !text.starts_with('+'))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryRoot;

    #[test]
    fn names_are_looked_up_in_the_files_of_the_image() {
        let root = MemoryRoot::new()
            .file("/etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\napp:x:5:6::/:/bin/ash\n")
            .file("/etc/group", 0o644, "app:x:6:\nlog:x:7:root,app\n");
        let accounts = Accounts::read(&root, &Credentials::default());
        let Lookup::Found(app) = accounts.user("app") else { panic!("app is in the file") };
        assert_eq!(app.credentials, Credentials { uid: 5, gid: 6, groups: vec![7] });
        assert_eq!(app.shell, "/bin/ash");
        assert_eq!(accounts.user("none"), Lookup::Absent);
        assert_eq!(accounts.group("log"), Lookup::Found(7));
        assert_eq!(accounts.numbered(5, 0), app.credentials);
        assert_eq!(accounts.numbered(9, 1), Credentials { uid: 9, gid: 1, groups: Vec::new() });
        let directory = root.file("/etc/nsswitch.conf", 0o644, "passwd: files ldap\n");
        assert_eq!(Accounts::read(&directory, &Credentials::default()).user("none"), Lookup::Unknown);
    }
}
