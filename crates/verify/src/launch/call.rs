//! A call of a program: its process, its file and its arguments.

use super::Context;
use super::process::{Libc, Process, Word};
use crate::program::inspect::{Content, Inspection, Interpreter, inspect_file};
use crate::program::loader::Family;
use crate::root::Resolved;

/// The size of the largest file whose content tells a launcher. Those written in Go have less than 10 MiB.
const MAX_LAUNCHER: u64 = 16 << 20;

/// The text that every BusyBox contains, before its version.
pub(super) const BUSYBOX: &str = "BusyBox v";

/// A process whose program was found, and the contents of that program.
pub(super) struct Call<'a> {
    pub(super) context: Context<'a>,
    pub(super) process: &'a Process,
    pub(super) found: &'a Resolved,
    /// The program as messages name it.
    pub(super) program: String,
    pub(super) facts: &'a Inspection,
    pub(super) content: &'a Content<'a>,
    /// The number of words before the arguments: two for `busybox env`.
    pub(super) skipped: usize,
}

impl<'a> Call<'a> {
    /// Returns the words after the name of the program.
    pub(super) fn arguments(&self) -> &'a [Word] {
        self.process.words.get(self.skipped..).unwrap_or_default()
    }

    /// Returns whether the program is BusyBox, whose applets have fewer options.
    pub(super) fn is_busybox(&self) -> bool {
        self.contains(BUSYBOX)
    }

    /// Returns whether the program contains a text. Long programs are not searched: launchers are short.
    pub(super) fn contains(&self, text: &str) -> bool {
        self.content.length() <= MAX_LAUNCHER && self.content.contains(text.as_bytes())
    }

    /// Returns the C library whose functions the program calls; `None` if unknown.
    pub(super) fn libc(&self) -> Option<Libc> {
        let Inspection::Elf(elf) = self.facts else { return None };
        match &elf.interpreter {
            Some(Interpreter::Path(path)) => self.libc_of_loader(path),
            // glibc's own messages, which a static program contains.
            _ if self.contains("GNU C Library") || self.contains("GLIBC_TUNABLES") => Some(Libc::Glibc),
            _ => None,
        }
    }

    /// Returns the C library of the loader that starts the program; `None` if unknown or if the program is static.
    pub(super) fn libc_of_start(&self) -> Option<Libc> {
        match (&self.process.loader, self.facts) {
            (Some(loader), _) => self.libc_of_loader(loader),
            (None, Inspection::Elf(elf)) => match &elf.interpreter {
                Some(Interpreter::Path(path)) => self.libc_of_loader(path),
                _ => None,
            },
            _ => None,
        }
    }

    fn libc_of_loader(&self, path: &str) -> Option<Libc> {
        let container = self.process.within(self.context.container);
        let loader = inspect_file(container.root, &container.resolve(path).ok()?.path).ok()?;
        let Inspection::Elf(elf) = &loader.facts else { return None };
        Libc::of(Family::of(&loader.content, elf, path)?)
    }
}
