//! The files of an image as the reader of shell commands sees them.

use crossdock_platform::Architecture;
use crossdock_shell::{Entry, Executable, Files};

use super::Context;
use super::process::Process;
use crate::program::container::{Container, Credentials};
use crate::root::{EntryKind, ResolveError, is_mounted, normalize, read_small, resolve};

/// The size above which a script is not read.
pub(super) const MAX_SCRIPT: u64 = 1 << 20;

/// The files of an image as a process sees them.
pub(super) struct ImageFiles<'a> {
    context: Context<'a>,
    container: Container<'a>,
    user: Option<&'a Credentials>,
}

impl<'a> ImageFiles<'a> {
    pub(super) fn of(context: Context<'a>, process: &'a Process) -> ImageFiles<'a> {
        ImageFiles { context, container: process.within(context.container), user: process.user.as_ref() }
    }
}

impl ImageFiles<'_> {
    /// Whether a path is a volume of the image or below one, or above one.
    fn is_in_volume(&self, path: &str) -> bool {
        let path = normalize(path);
        self.context.volumes.iter().any(|volume| {
            let volume = normalize(volume);
            path.strip_prefix(&volume).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                || volume.strip_prefix(&path).is_some_and(|rest| rest.starts_with('/'))
        })
    }
}

impl Files for ImageFiles<'_> {
    fn entry(&self, path: &str) -> Entry {
        if is_mounted(path) {
            return Entry::Unknown;
        }
        match resolve(self.container.root, path) {
            Err(ResolveError::Unreadable(_)) => Entry::Unknown,
            Err(_) if self.is_in_volume(path) => Entry::Unknown,
            Err(_) => Entry::Absent,
            Ok(found) => match (&found.entry.kind, self.user) {
                (EntryKind::Directory, _) => Entry::Directory,
                (EntryKind::File, None) => Entry::File(Executable::Unknown),
                (EntryKind::File, Some(user)) => {
                    Entry::File(if user.may_start(&found) { Executable::Yes } else { Executable::No })
                }
                _ => Entry::Other,
            },
        }
    }

    fn entries(&self, directory: &str) -> Option<Vec<String>> {
        if is_mounted(directory) {
            return None;
        }
        match resolve(self.container.root, directory) {
            Err(ResolveError::Unreadable(_)) => None,
            Err(_) => Some(Vec::new()),
            Ok(found) if found.entry.kind != EntryKind::Directory => Some(Vec::new()),
            Ok(found) => {
                let is_readable = self.user.is_some_and(|user| user.may_open(&found));
                is_readable.then(|| self.container.root.list(&found.path).ok()).flatten().flatten()
            }
        }
    }

    fn text(&self, path: &str) -> Option<Vec<u8>> {
        read_small(self.container.root, path, MAX_SCRIPT)
    }

    fn canonical(&self, path: &str) -> Option<String> {
        resolve(self.container.root, path).ok().map(|found| found.path)
    }

    fn is_link(&self, path: &str) -> Option<bool> {
        let path = path.trim_end_matches('/');
        let (directory, name) = path.rsplit_once('/')?;
        let directory = match resolve(self.container.root, directory) {
            Ok(found) => found.path,
            Err(ResolveError::Unreadable(_)) => return None,
            Err(_) => return Some(false),
        };
        let path = format!("{}/{name}", directory.trim_end_matches('/'));
        let entry = self.container.root.entry(&path).ok()?;
        Some(entry.is_some_and(|entry| matches!(entry.kind, EntryKind::Link(_))))
    }

    fn output(&self, words: &[&str]) -> Option<String> {
        let architecture = self.context.target.architecture();
        let machine = match architecture {
            Architecture::Amd64 => "x86_64",
            Architecture::Arm64 => "aarch64",
            Architecture::Riscv64 => "riscv64",
            Architecture::S390x => "s390x",
            Architecture::Ppc64le => "ppc64le",
            _ => return None,
        };
        match words {
            ["uname", "-m"] | ["arch"] => Some(machine.to_owned()),
            ["uname"] | ["uname", "-s"] => Some("Linux".to_owned()),
            _ => None,
        }
    }
}
