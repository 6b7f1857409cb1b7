//! Recognizes launchers, shells, loaders and interpreters by name and content.

use super::call::Call;
use super::process::{Libc, Word, base_name};
use super::{interpreters, launchers};
use crate::program::inspect::{Inspection, is_shell};
use crate::program::loader::Family;

/// A kind of program that starts what its arguments name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Launcher(&'static launchers::Launcher),
    Shell,
    Loader(Libc),
    Interpreter(&'static interpreters::Interpreter),
}

/// Identifies the program by the name that it is called by, then by its own name. Moves beyond the name of an applet.
pub(super) fn identify(call: &mut Call<'_>) -> Option<Kind> {
    let called = call.process.name().map(base_name).unwrap_or_default().to_owned();
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

/// Returns the word that names the applet, if it is only known when it runs.
pub(super) fn unknown_applet<'a>(call: &Call<'a>) -> Option<&'a Word> {
    applet_word(call, base_name(call.process.name()?)).filter(|word| word.known().is_none())
}

/// Returns the word after `busybox`.
fn applet_word<'a>(call: &Call<'a>, called: &str) -> Option<&'a Word> {
    let is_multiple = matches!(called, "busybox" | "busybox.static" | "toybox" | "coreutils");
    call.process.words.get(1).filter(|_| is_multiple)
}

/// Returns the applet of `busybox APPLET`.
fn applet(call: &Call<'_>, called: &str) -> Option<String> {
    let word = applet_word(call, called)?.known()?;
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
