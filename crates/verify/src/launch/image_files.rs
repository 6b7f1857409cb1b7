//! The files of an image as the reader of shell commands sees them.

use crossdock_platform::Architecture;
use crossdock_shell::{Changes, Entry, Executable, Files};

use super::Context;
use super::process::Process;
use crate::program::container::{Container, Credentials};
use crate::program::inspect::{Dynamic, Inspected, Inspection, inspect_file};
use crate::root::{EntryKind, ResolveError, Resolved, is_mounted, read_small, resolve};

/// The size above which a script is not read.
pub(super) const MAX_SCRIPT: u64 = 1 << 20;

/// The files of an image as a process sees them.
pub(super) struct ImageFiles<'a> {
    context: Context<'a>,
    container: Container<'a>,
    /// The changes that scripts before may have made.
    changes: &'a [Changes],
    user: Option<&'a Credentials>,
}

impl<'a> ImageFiles<'a> {
    pub(super) fn of(context: Context<'a>, process: &'a Process) -> ImageFiles<'a> {
        let container = process.within(context.container);
        ImageFiles { context, container, changes: &process.changes, user: process.user.as_ref() }
    }

    fn inspected(&self, path: &str) -> Option<Inspected<'_>> {
        let found = resolve(self.container.root, path).ok()?;
        inspect_file(self.container.root, &found.path).ok()
    }

    /// Returns what the image has at a path where no runtime mounts another file system, and the user if that is known.
    fn kept(&self, path: &str) -> Option<(&'a Credentials, Resolved)> {
        if is_mounted(path) || self.context.volumes.touch(path) || path == "/tmp" {
            return None;
        }
        let found = resolve(self.container.root, path).ok()?;
        self.user.map(|user| (user, found))
    }
}

impl Files for ImageFiles<'_> {
    fn entry(&self, path: &str) -> Entry {
        if is_mounted(path) {
            return Entry::Unknown;
        }
        match resolve(self.container.root, path) {
            Err(ResolveError::Unreadable(_)) => Entry::Unknown,
            Err(_) if self.context.volumes.touch(path) => Entry::Unknown,
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

    fn may_have_changed(&self, path: &str) -> bool {
        self.changes.iter().any(|changes| changes.may_concern(path))
    }

    fn may_write(&self, path: &str) -> Option<bool> {
        let (user, found) = self.kept(path)?;
        Some(user.may_write(&found.entry) && user.blocked_at(&found.directories).is_none())
    }

    fn may_change_mode(&self, path: &str) -> Option<bool> {
        let (user, found) = self.kept(path)?;
        Some(user.uid == 0 || user.uid == found.entry.uid)
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

    fn names_itself(&self, path: &str) -> bool {
        let is_shell = |facts: &Inspection| match facts {
            Inspection::Script(script) => script.is_for_shell(),
            Inspection::Text => true,
            _ => false,
        };
        let text = || self.text(path).unwrap_or_default();
        self.inspected(path).is_some_and(|file| is_shell(&file.facts)) && names_own(&text())
    }

    fn seeks_beside_itself(&self, path: &str) -> bool {
        let file = self.inspected(path);
        match file.as_ref().map(|file| &file.facts) {
            Some(Inspection::Elf(elf)) => elf.dynamic.as_ref().is_some_and(names_origin),
            Some(Inspection::Script(script)) if script.is_for_shell() => {
                names_own(&self.text(path).unwrap_or_default())
            }
            // Other interpreters import what is next to the script.
            Some(Inspection::Script(_)) => true,
            _ => false,
        }
    }

    fn output(&self, words: &[&str]) -> Option<String> {
        let machine = || machine(self.context.target.architecture());
        Some(match words {
            ["uname"] | ["uname", "-s" | "--kernel-name"] => "Linux".to_owned(),
            ["uname", "-m" | "--machine"] | ["arch"] => machine()?.to_owned(),
            ["uname", "-sm" | "-ms"] | ["uname", "-s", "-m"] => format!("Linux {}", machine()?),
            _ => return None,
        })
    }
}

/// The names that a shell script has for its own path.
const OWN_NAMES: [&[u8]; 4] = [b"$0", b"${0", b"BASH_SOURCE", b"$_"];

/// Returns whether a program looks for libraries next to itself.
fn names_origin(dynamic: &Dynamic) -> bool {
    let paths = dynamic.rpath.iter().chain(&dynamic.runpath).chain(&dynamic.needed);
    let mut paths = paths.filter(|path| path.contains('$'));
    paths.any(|path| path.contains("ORIGIN"))
}

/// Returns the machine that the kernel of a node tells (`UTS_MACHINE`). `None` for 32-bit platforms, whose programs also
/// run on 64-bit kernels: these tell `x86_64` to a program of linux/386.
fn machine(architecture: Architecture) -> Option<&'static str> {
    Some(match architecture {
        Architecture::Amd64 => "x86_64",
        Architecture::Arm64 => "aarch64",
        Architecture::Loong64 => "loongarch64",
        // Not `mips64el`: the kernel does not tell the byte order.
        Architecture::Mips64 | Architecture::Mips64le => "mips64",
        Architecture::Ppc64 => "ppc64",
        Architecture::Ppc64le => "ppc64le",
        Architecture::Riscv64 => "riscv64",
        Architecture::S390x => "s390x",
        Architecture::Sparc64 => "sparc64",
        _ => return None,
    })
}

/// Whether a text of a shell asks for the name of its script.
fn names_own(text: &[u8]) -> bool {
    OWN_NAMES.iter().any(|name| memchr::memmem::find(text, name).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::Volumes;
    use super::*;
    use crate::{MemoryRoot, Target};
    use crossdock_platform::Platform;

    fn output(platform: &str, words: &[&str]) -> Option<String> {
        let target = Target::new(&Platform::parse(platform).unwrap());
        let (root, user) = (MemoryRoot::new(), Credentials::default());
        let container = Container { root: &root, environment: &[], working_directory: "/", user: &user };
        let context = Context { target: &target, container, volumes: &Volumes::default() };
        let process = Process::of_image(container, ["sh"]);
        ImageFiles::of(context, &process).output(words)
    }

    /// The names are those of the table of `uname -m` on Linux.
    #[test]
    fn the_target_answers_uname() {
        for (platform, machine) in [
            ("linux/amd64", Some("x86_64")),
            ("linux/arm64", Some("aarch64")),
            ("linux/loong64", Some("loongarch64")),
            ("linux/mips64le", Some("mips64")),
            ("linux/ppc64le", Some("ppc64le")),
            ("linux/riscv64", Some("riscv64")),
            ("linux/s390x", Some("s390x")),
            ("linux/386", None),
            ("linux/arm/v7", None),
        ] {
            assert_eq!(output(platform, &["uname", "-m"]).as_deref(), machine, "{platform}");
            assert_eq!(output(platform, &["arch"]).as_deref(), machine, "{platform}");
            assert_eq!(output(platform, &["uname", "-s"]).as_deref(), Some("Linux"), "{platform}");
        }
        assert_eq!(output("linux/arm64", &["uname", "-sm"]).as_deref(), Some("Linux aarch64"));
        assert_eq!(output("linux/arm64", &["uname", "-r"]), None);
    }
}
