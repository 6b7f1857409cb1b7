//! The library search of musl's loader (`ldso/dynlink.c`).

use super::family::Musl;
use super::lookup::{Asker, Candidate};
use super::objects::Object;
use super::tokens::{Tokens, after_token};
use crate::program::container::Content;
use crate::program::loader::{LoadContext, Privilege};
use crate::root::parent_of;

/// The size above which a list of directories is ignored as damaged.
const MAX_LIST_SIZE: u64 = 1 << 16;

/// The size of musl's buffer for a path: it skips a longer one (`load_library`).
const MAX_PATH: usize = 512;

/// The longest name of a file in Linux (`NAME_MAX`). musl does not search a longer one.
const MAX_NAME: usize = 255;

/// The parameters of the search for one program.
pub(super) struct Search {
    /// The name under which the loader was started.
    loader: String,
    environment: Option<String>,
    defaults: String,
}

impl Search {
    /// Reads the directories from `etc/ld-musl-ARCH.path` next to the loader's own directory, which is
    /// `/etc/ld-musl-ARCH.path` for a loader in `/lib`, or uses the built-in ones without that file.
    pub(super) fn new(context: &LoadContext<'_>, musl: &Musl, loader: &str) -> Search {
        const BUILT_IN: &str = "/lib:/usr/local/lib:/usr/lib";
        let prefix =
            if loader.starts_with('/') { parent_of(parent_of(loader)).trim_end_matches('/') } else { "" };
        let list = format!("{prefix}/etc/ld-musl-{}.path", musl.architecture);
        let defaults = match context.image.read_small(&list, MAX_LIST_SIZE) {
            Content::Absent | Content::TooLong => BUILT_IN.to_owned(),
            Content::Read(bytes) => {
                let end = memchr::memchr(0, &bytes).unwrap_or(bytes.len());
                String::from_utf8_lossy(&bytes[..end]).into_owned()
            }
            // After any other error than ENOENT musl searches no default directory.
            Content::Refused => String::new(),
        };
        let environment = match context.privilege {
            Privilege::Usual => context.image.variable("LD_LIBRARY_PATH").map(str::to_owned),
            Privilege::Secure => None,
        };
        Search { loader: loader.to_owned(), environment, defaults }
    }

    /// Returns whether musl's loader provides the library itself: under the name under which it was started, and under
    /// those of the C library, whatever version follows them, such as `libc.so.6` and `libpthread.so.0`.
    pub(super) fn is_built_in(&self, name: &str) -> bool {
        const RESERVED: &[&str] = &["c", "pthread", "rt", "m", "dl", "util", "xnet"];
        let stem = name.strip_prefix("lib").and_then(|rest| rest.split_once('.'));
        name == self.loader || stem.is_some_and(|(stem, _)| RESERVED.contains(&stem))
    }

    /// Returns every path that is tried for a library, in order.
    pub(super) fn candidates<'a>(
        &'a self,
        context: &'a LoadContext<'_>,
        objects: &'a [Object],
        by: Asker,
        name: &'a str,
    ) -> impl Iterator<Item = Candidate> + 'a {
        let first = match by {
            Asker::Object(index) => objects.get(index),
            Asker::Nobody => None,
        };
        let asking = std::iter::successors(first, |object| objects.get(object.parent?));
        let listed = asking.flat_map(|object| {
            let dynamic = object.dynamic.as_ref();
            // musl searches DT_RPATH and DT_RUNPATH alike, for the object and for those that loaded it
            // (`load_library`).
            let list = dynamic.and_then(|dynamic| dynamic.runpath.as_deref().or(dynamic.rpath.as_deref()));
            let list = list.filter(|list| is_used(list, object, context.privilege)).unwrap_or_default();
            let tokens = Tokens { origin: &object.origin, lib: None, platform: None };
            directories(list).map(move |directory| tokens.expand(directory))
        });
        // The environment comes first, before any path in a file, unlike with glibc.
        directories(self.environment.as_deref().unwrap_or_default())
            .map(str::to_owned)
            .chain(listed)
            .chain(directories(&self.defaults).map(str::to_owned))
            .map(move |directory| Candidate { list: 0, path: format!("{directory}/{name}") })
            .filter(move |candidate| name.len() <= MAX_NAME && candidate.path.len() < MAX_PATH)
    }
}

/// Splits a list of directories, which colons or line breaks separate.
fn directories(list: &str) -> impl Iterator<Item = &str> {
    list.split([':', '\n']).filter(|directory| !directory.is_empty())
}

/// Returns whether musl uses this list (`fixup_rpath`): it ignores a whole list with a token other than `$ORIGIN`, and
/// in secure mode also the program's list with `$ORIGIN`.
fn is_used(list: &str, object: &Object, privilege: Privilege) -> bool {
    let is_program = object.parent.is_none();
    let mut tokens = list.match_indices('$').map(|(at, _)| &list[at..]);
    match privilege {
        Privilege::Secure if is_program => tokens.next().is_none(),
        _ => tokens.all(|token| after_token(token, "ORIGIN").is_some()),
    }
}
