//! The users and groups of an image, as programs inside it look them up.

use crate::program::container::{Credentials, MAX_ACCOUNTS, MAX_GROUPS};
use crate::root::{Root, read_small, resolve};

/// The contents of the image's passwd and group files.
pub(super) struct Accounts {
    passwd: Option<String>,
    group: Option<String>,
    /// Whether only these files name users (`nsswitch.conf`).
    is_complete: bool,
}

/// The result of a lookup by name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lookup<T> {
    Found(T),
    Absent,
    /// A file could not be read, or other sources may have the name.
    Unknown,
}

/// A user of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) credentials: Credentials,
    pub(super) shell: String,
}

impl Accounts {
    pub(super) fn read(root: &dyn Root) -> Accounts {
        Accounts {
            passwd: database(root, "/etc/passwd"),
            group: database(root, "/etc/group"),
            is_complete: names_only_files(root),
        }
    }

    /// Looks up a user by name.
    pub(super) fn user(&self, name: &str) -> Lookup<Account> {
        let Some(passwd) = &self.passwd else { return Lookup::Unknown };
        self.answer(line_of(passwd, name).and_then(|line| self.account(line)))
    }

    /// Looks up a group by name.
    pub(super) fn group(&self, name: &str) -> Lookup<u32> {
        let Some(groups) = &self.group else { return Lookup::Unknown };
        self.answer(line_of(groups, name).and_then(|line| number(line, 2)))
    }

    /// Returns the user of this number. One that no file names has the group `gid` and no others.
    pub(super) fn numbered(&self, uid: u32, gid: u32) -> Credentials {
        let known = self.line_numbered(uid).and_then(|line| self.account(line));
        known.map_or(Credentials { uid, gid, ..Credentials::default() }, |account| account.credentials)
    }

    /// Returns the home directory of the user of this number; `None` if no file names it.
    pub(super) fn home(&self, uid: u32) -> Option<String> {
        field(self.line_numbered(uid)?, 5).filter(|home| !home.is_empty()).map(str::to_owned)
    }

    /// Returns the first line about the user of this number.
    fn line_numbered(&self, uid: u32) -> Option<&str> {
        self.passwd.as_deref().unwrap_or_default().lines().find(|line| number(line, 2) == Some(uid))
    }

    fn answer<T>(&self, found: Option<T>) -> Lookup<T> {
        match found {
            Some(found) => Lookup::Found(found),
            None if self.is_complete => Lookup::Absent,
            None => Lookup::Unknown,
        }
    }

    fn account(&self, line: &str) -> Option<Account> {
        let name = field(line, 0)?;
        let has_member =
            |line: &&str| field(line, 3).is_some_and(|names| names.split(',').any(|each| each == name));
        let lines = self.group.as_deref().unwrap_or_default().lines();
        let groups = lines.filter(has_member).filter_map(|line| number(line, 2));
        let credentials = Credentials {
            uid: number(line, 2)?,
            gid: number(line, 3)?,
            groups: groups.take(MAX_GROUPS).collect(),
        };
        Some(Account { credentials, shell: field(line, 6).unwrap_or_default().to_owned() })
    }
}

/// Returns the text of a file: empty if it does not exist, `None` if it cannot be read.
fn database(root: &dyn Root, path: &str) -> Option<String> {
    if resolve(root, path).is_err() {
        return Some(String::new());
    }
    read_small(root, path, MAX_ACCOUNTS).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
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

/// Returns the first line about this name.
fn line_of<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find(|line| field(line, 0) == Some(name))
}

/// Returns a number of a line; `None` if the field is missing or not a number.
fn number(line: &str, index: usize) -> Option<u32> {
    field(line, index)?.parse().ok()
}

/// Returns a field of a line, whose fields colons separate.
fn field(line: &str, index: usize) -> Option<&str> {
    line.split(':').nth(index).map(str::trim)
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
        let accounts = Accounts::read(&root);
        let Lookup::Found(app) = accounts.user("app") else { panic!("app is in the file") };
        assert_eq!(app.credentials, Credentials { uid: 5, gid: 6, groups: vec![7] });
        assert_eq!(app.shell, "/bin/ash");
        assert_eq!(accounts.user("none"), Lookup::Absent);
        assert_eq!(accounts.group("log"), Lookup::Found(7));
        assert_eq!(accounts.numbered(5, 0), app.credentials);
        assert_eq!(accounts.numbered(9, 1), Credentials { uid: 9, gid: 1, groups: Vec::new() });
        let directory = root.file("/etc/nsswitch.conf", 0o644, "passwd: files ldap\n");
        assert_eq!(Accounts::read(&directory).user("none"), Lookup::Unknown);
    }
}
