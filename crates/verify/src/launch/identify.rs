//! Recognizes launchers, shells, loaders and interpreters by name and content.

use super::process::{Libc, Process, TextFile, Word};
use super::{Context, interpreters, launchers};
use crate::program::inspect::{Content, Elf, Inspection, Interpreter, inspect_file, is_shell};
use crate::program::loader::Family;
use crate::root::Resolved;

/// The size of the largest file whose content tells a launcher. Those written in Go have less than 10 MiB.
const MAX_LAUNCHER: u64 = 16 << 20;

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

/// A kind of program that starts what its arguments name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Launcher(&'static launchers::Launcher),
    Shell,
    Loader(Libc),
    Interpreter(&'static interpreters::Interpreter),
}

impl<'a> Call<'a> {
    /// Returns the words after the name of the program.
    pub(super) fn arguments(&self) -> &'a [Word] {
        self.process.words.get(self.skipped..).unwrap_or_default()
    }

    /// Returns whether the program is BusyBox, whose applets have fewer options.
    pub(super) fn is_busybox(&self) -> bool {
        self.contains("BusyBox v")
    }

    /// Returns whether the program contains a text. Long programs are not searched: launchers are short.
    pub(super) fn contains(&self, text: &str) -> bool {
        self.content.length() <= MAX_LAUNCHER && self.content.contains(text.as_bytes())
    }

    /// Returns the C library whose functions the program calls; `None` if unknown.
    pub(super) fn libc(&self) -> Option<Libc> {
        let Inspection::Elf(elf) = self.facts else { return None };
        match interpreter(elf) {
            Some(path) => self.libc_of_loader(path),
            // glibc's own messages, which a static program contains.
            None if self.contains("GNU C Library") || self.contains("GLIBC_TUNABLES") => Some(Libc::Glibc),
            None => None,
        }
    }

    fn libc_of_loader(&self, path: &str) -> Option<Libc> {
        let container = self.process.within(self.context.container);
        let loader = inspect_file(container.root, &container.resolve(path).ok()?.path).ok()?;
        let Inspection::Elf(elf) = &loader.facts else { return None };
        Libc::of(Family::of(&loader.content, elf, path)?)
    }

    /// Returns what `execvp` of the program's C library does with text.
    pub(super) fn text_file(&self) -> TextFile {
        match self.libc() {
            Some(Libc::Glibc) => TextFile::Runs,
            Some(Libc::Musl) => TextFile::Refused,
            None => TextFile::Unknown,
        }
    }
}

fn interpreter(elf: &Elf) -> Option<&str> {
    match &elf.interpreter {
        Some(Interpreter::Path(path)) => Some(path),
        _ => None,
    }
}

/// Identifies the program by the name that it is called by, then by its own name. Moves beyond the name of an applet.
pub(super) fn identify(call: &mut Call<'_>) -> Option<Kind> {
    let called = call.process.name().map(base_name).unwrap_or_default().to_owned();
    call.skipped = 1;
    if let Some(applet) = applet(call, &called) {
        call.skipped = 2;
        call.program = format!("{} {applet}", call.program);
        return kind(&applet);
    }
    if let Some(libc) = loader(call) {
        return Some(Kind::Loader(libc));
    }
    let own = base_name(&call.found.path).to_owned();
    kind(&called).or_else(|| kind(&own))
}

/// Returns the applet of `busybox APPLET`.
fn applet(call: &Call<'_>, called: &str) -> Option<String> {
    let is_multiple = matches!(called, "busybox" | "busybox.static" | "toybox" | "coreutils");
    let word = call.process.words.get(1).filter(|_| is_multiple)?.known()?;
    let name = word.strip_prefix("--coreutils-prog=").unwrap_or(word);
    (!name.starts_with('-')).then(|| base_name(name).to_owned())
}

/// Returns the C library of a dynamic loader that is started as a program.
fn loader(call: &Call<'_>) -> Option<Libc> {
    let Inspection::Elf(elf) = call.facts else { return None };
    // The name first: the content of every other program would be searched in vain.
    let mut names = [&call.found.path, &call.program].into_iter();
    names.find(|name| base_name(name).starts_with("ld"))?;
    Libc::of(Family::of(call.content, elf, &call.found.path)?)
}

fn kind(name: &str) -> Option<Kind> {
    // A login shell's name begins with a dash.
    let name = name.strip_prefix('-').unwrap_or(name);
    if is_shell(name) {
        return Some(Kind::Shell);
    }
    let launcher = launchers::named(name).map(Kind::Launcher);
    launcher.or_else(|| interpreters::named(name).map(Kind::Interpreter))
}

/// Returns the part of a path after its last slash.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
