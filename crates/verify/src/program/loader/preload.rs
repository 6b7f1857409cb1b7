//! The libraries that the environment or a file makes a loader load before all others.

use super::family::Family;
use super::lookup::LookupFailure;
use super::{LoadContext, Privilege};
use crate::program::container::Content;

/// The size above which `/etc/ld.so.preload` is ignored as damaged.
const MAX_FILE_SIZE: u64 = 1 << 16;

/// The number of preloaded libraries. No real image has as many.
const MAX_PRELOADS: usize = 64;

/// A library to preload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Preload {
    pub(crate) name: String,
    pub(crate) source: Source,
}

/// The list that names a library to preload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The variable `LD_PRELOAD`.
    Environment,
    /// The file `/etc/ld.so.preload`.
    File,
    /// The loader itself.
    Loader,
}

/// A library that was not preloaded. The loader goes on without it.
#[derive(Debug)]
pub(crate) struct Ignored {
    pub(crate) preload: Preload,
    pub(crate) failure: LookupFailure,
}

impl Source {
    /// Returns the name for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Source::Environment => "LD_PRELOAD",
            Source::File => "/etc/ld.so.preload",
            Source::Loader => "the loader",
        }
    }
}

/// Returns the libraries that a loader preloads, in order.
pub(super) fn preloads(context: &LoadContext<'_>, family: &Family) -> Vec<Preload> {
    let variable = context.image.variable("LD_PRELOAD").unwrap_or_default();
    let variable = if context.privilege == Privilege::Usual { variable } else { "" };
    let named = |name: &str, source| Preload { name: name.to_owned(), source };
    let from_environment = |separators: &'static [char]| {
        let names = variable.split(separators).filter(|name| !name.is_empty());
        names.map(|name| named(name, Source::Environment)).collect::<Vec<Preload>>()
    };
    let mut found = match family {
        // man 8 ld.so: spaces or colons separate the names in the variable.
        Family::Glibc => {
            let mut found = from_environment(&[' ', ':']);
            found.extend(listed_in_file(context).iter().map(|name| named(name, Source::File)));
            found
        }
        // `load_preload`: any white space, or a colon.
        Family::Musl(_) => from_environment(&[' ', '\t', '\n', '\x0b', '\x0c', '\r', ':']),
        // An option replaces the variable (`__dls3`).
        Family::Gcompat(gcompat) => vec![named(&gcompat.library, Source::Loader)],
    };
    found.truncate(MAX_PRELOADS);
    found
}

/// Returns the names in `/etc/ld.so.preload`: white space or colons separate them, and `#` begins a comment
/// (`dl_main` of elf/rtld.c).
fn listed_in_file(context: &LoadContext<'_>) -> Vec<String> {
    let Content::Read(bytes) = context.image.read_small("/etc/ld.so.preload", MAX_FILE_SIZE) else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.split('\n').map(|line| line.split('#').next().unwrap_or_default());
    let names = lines.flat_map(|line| line.split([' ', '\t', ':'])).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}
