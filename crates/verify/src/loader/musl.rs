//! The search of musl's loader (`ldso/dynlink.c`).

use crate::loader::search::expand;
use crate::loader::{Object, Place};
use crate::resolve::resolve;

/// What one program's search needs to know.
pub(super) struct Search {
    defaults: Vec<String>,
}

impl Search {
    /// The directories come from `/etc/ld-musl-ARCH.path`, beside the loader's own directory; else they are built in.
    pub(super) fn new(place: &Place<'_>, interpreter: &str) -> Search {
        const BUILT_IN: &str = "/lib:/usr/local/lib:/usr/lib";
        let architecture = interpreter
            .rsplit('/')
            .next()
            .and_then(|name| name.strip_prefix("ld-musl-")?.strip_suffix(".so.1"))
            .unwrap_or_default();
        let file = resolve(place.image.root, &format!("/etc/ld-musl-{architecture}.path")).ok();
        let listed = file.and_then(|file| place.image.root.read(&file.path).ok());
        let text =
            listed.map_or_else(|| BUILT_IN.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
        let directories = text.split([':', '\n']).map(str::trim).filter(|directory| !directory.is_empty());
        Search { defaults: directories.map(str::to_owned).collect() }
    }

    /// Every path that is tried for a name, in order.
    pub(super) fn candidates(
        &self,
        place: &Place<'_>,
        objects: &[Object],
        by: usize,
        name: &str,
    ) -> Vec<String> {
        let mut directories: Vec<String> = Vec::new();
        if let Some(list) = place.image.variable("LD_LIBRARY_PATH") {
            directories
                .extend(list.split([':', '\n']).filter(|directory| !directory.is_empty()).map(str::to_owned));
        }
        let mut at = Some(by);
        while let Some(index) = at {
            let object = &objects[index];
            let list =
                object.dynamic().and_then(|dynamic| dynamic.runpath.as_ref().or(dynamic.rpath.as_ref()));
            directories.extend(list.iter().flat_map(|list| list.split(':')).map(|each| expand(each, object)));
            at = object.parent;
        }
        directories.extend(self.defaults.iter().cloned());
        directories.iter().map(|directory| format!("{}/{name}", directory.trim_end_matches('/'))).collect()
    }
}

/// Names that musl's loader answers itself, whatever version follows: `libc.so.6` and `libpthread.so.0` too.
pub(super) fn is_built_in(name: &str) -> bool {
    const RESERVED: &[&str] = &["c", "pthread", "rt", "m", "dl", "util", "xnet"];
    name.strip_prefix("lib")
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(stem, _)| RESERVED.contains(&stem))
}
