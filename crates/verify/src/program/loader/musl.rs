//! The library search of musl's loader (`ldso/dynlink.c`).

use super::objects::{Object, expand};
use crate::program::loader::LoadContext;
use crate::root::{parent_of, read_small};

/// The size above which a list of directories is ignored as damaged.
const MAX_LIST_SIZE: u64 = 1 << 16;

/// The parameters of the search for one program.
pub(super) struct Search {
    defaults: Vec<String>,
}

impl Search {
    /// Reads the directories from `etc/ld-musl-ARCH.path` next to the loader's own directory, which is
    /// `/etc/ld-musl-ARCH.path` for a loader in `/lib`, or uses the built-in ones without that file.
    pub(super) fn new(context: &LoadContext<'_>, interpreter: &str) -> Search {
        const BUILT_IN: &str = "/lib:/usr/local/lib:/usr/lib";
        let architecture = interpreter
            .rsplit('/')
            .next()
            .and_then(|name| name.strip_prefix("ld-musl-")?.strip_suffix(".so.1"))
            .unwrap_or_default();
        let prefix = parent_of(parent_of(interpreter)).trim_end_matches('/');
        let list = format!("{prefix}/etc/ld-musl-{architecture}.path");
        let listed = read_small(context.image.root, &list, MAX_LIST_SIZE);
        let text =
            listed.map_or_else(|| BUILT_IN.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
        Search { defaults: directories(&text).map(|directory| directory.trim().to_owned()).collect() }
    }

    /// Returns every path that is tried for a library, in order.
    pub(super) fn candidates<'a>(
        &'a self,
        context: &'a LoadContext<'_>,
        objects: &'a [Object],
        by: usize,
        name: &'a str,
    ) -> impl Iterator<Item = String> + 'a {
        let environment = context.image.variable("LD_LIBRARY_PATH").unwrap_or_default();
        let asking = std::iter::successors(Some(&objects[by]), |object| objects.get(object.parent?));
        let listed = asking.flat_map(|object| {
            let dynamic = object.dynamic.as_ref();
            // musl searches DT_RPATH and DT_RUNPATH alike, for the object and for those that loaded it
            // (`load_library`).
            let list = dynamic.and_then(|dynamic| dynamic.runpath.as_deref().or(dynamic.rpath.as_deref()));
            let list = list.filter(|list| has_only_origin(list)).unwrap_or_default();
            directories(list).map(|directory| expand(directory, object, None))
        });
        // The environment comes first, before any path in a file, unlike with glibc.
        directories(environment)
            .map(str::to_owned)
            .chain(listed)
            .chain(self.defaults.iter().cloned())
            .map(move |directory| format!("{}/{name}", directory.trim_end_matches('/')))
    }
}

/// Splits a list of directories, which colons or line breaks separate.
fn directories(list: &str) -> impl Iterator<Item = &str> {
    list.split([':', '\n']).filter(|directory| !directory.trim().is_empty())
}

/// Returns whether musl uses this list: it ignores a whole list that contains a token other than `$ORIGIN`
/// (`fixup_rpath`).
fn has_only_origin(list: &str) -> bool {
    let mut after = list.split('$').skip(1);
    after.all(|rest| rest.starts_with("ORIGIN") || rest.starts_with("{ORIGIN}"))
}

/// Returns whether musl's loader provides the library itself, whatever version follows the name: `libc.so.6` and
/// `libpthread.so.0` too.
pub(super) fn is_built_in(name: &str) -> bool {
    const RESERVED: &[&str] = &["c", "pthread", "rt", "m", "dl", "util", "xnet"];
    name.strip_prefix("lib")
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(stem, _)| RESERVED.contains(&stem))
}
