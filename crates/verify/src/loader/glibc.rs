//! The search of glibc's `ld.so` (`elf/dl-load.c`, man 8 ld.so).

use crate::levels::Level;
use crate::loader::cache::Cache;
use crate::loader::search::expand;
use crate::loader::{Object, Place};

/// What one program's search needs to know.
pub(super) struct Search {
    cache: Cache,
    defaults: Vec<String>,
    /// The `glibc-hwcaps` folders that every node of the target uses, best first.
    hwcaps: Vec<String>,
}

impl Search {
    pub(super) fn new(place: &Place<'_>, defaults: Vec<String>) -> Search {
        Search { cache: Cache::read(place.image.root), defaults, hwcaps: hwcaps(place) }
    }

    /// Every path that is tried for a name, in order.
    pub(super) fn candidates(
        &self,
        place: &Place<'_>,
        objects: &[Object],
        by: usize,
        name: &str,
    ) -> Vec<String> {
        let mut paths = Vec::new();
        let runpath = objects[by].dynamic().and_then(|dynamic| dynamic.runpath.as_deref());
        if runpath.is_none() {
            self.in_rpaths(objects, by, name, &mut paths);
        }
        if let Some(list) = place.image.variable("LD_LIBRARY_PATH") {
            for directory in list.split([':', ';']).filter(|directory| !directory.is_empty()) {
                self.in_directory(&expand(directory, &objects[0]), name, &mut paths);
            }
        }
        for directory in runpath.iter().flat_map(|list| list.split(':')) {
            self.in_directory(&expand(directory, &objects[by]), name, &mut paths);
        }
        let skips_defaults = objects[by].dynamic().is_some_and(|dynamic| dynamic.skips_default_directories());
        if !skips_defaults {
            paths.extend(
                self.cache.paths(name).filter(|path| self.is_for_every_node(path)).map(str::to_owned),
            );
            for directory in &self.defaults {
                self.in_directory(directory, name, &mut paths);
            }
        }
        paths
    }

    /// `DT_RPATH` of the object that asks, then of those that asked for it, then of the program. An object that has a
    /// `DT_RUNPATH` has no `DT_RPATH`.
    fn in_rpaths(&self, objects: &[Object], by: usize, name: &str, paths: &mut Vec<String>) {
        let mut at = Some(by);
        while let Some(index) = at {
            let object = &objects[index];
            if let Some(dynamic) = object.dynamic().filter(|dynamic| dynamic.runpath.is_none()) {
                for directory in dynamic.rpath.iter().flat_map(|list| list.split(':')) {
                    self.in_directory(&expand(directory, object), name, paths);
                }
            }
            at = object.parent;
        }
    }

    fn in_directory(&self, directory: &str, name: &str, paths: &mut Vec<String>) {
        let directory = directory.trim_end_matches('/');
        paths.extend(self.hwcaps.iter().map(|level| format!("{directory}/glibc-hwcaps/{level}/{name}")));
        paths.push(format!("{directory}/{name}"));
    }

    /// True unless the path lies in a folder that only better processors use.
    fn is_for_every_node(&self, path: &str) -> bool {
        match path.split_once("/glibc-hwcaps/") {
            Some((_, rest)) => self.hwcaps.iter().any(|level| rest.split('/').next() == Some(level)),
            None => true,
        }
    }
}

fn hwcaps(place: &Place<'_>) -> Vec<String> {
    let Some((level, _)) = place.target.level() else { return Vec::new() };
    match place.target.architecture() {
        "amd64" => ["v4", "v3", "v2"]
            .iter()
            .filter(|name| Level::parse("amd64", name).is_some_and(|needed| level.includes(needed)))
            .map(|name| format!("x86-64-{name}"))
            .collect(),
        "ppc64le" => ["power10", "power9"]
            .iter()
            .filter(|name| Level::parse("ppc64le", name).is_some_and(|needed| level.includes(needed)))
            .map(|name| (*name).to_owned())
            .collect(),
        _ => Vec::new(),
    }
}

/// The directories that are built into this `ld.so`: distributions choose them, so they are read from the file, where they
/// stand one after another, each with a slash and a NUL at its end.
pub(super) fn default_directories(bytes: &[u8], architecture: &str) -> Vec<String> {
    for at in memchr::memmem::find_iter(bytes, b"/usr/lib") {
        let start = memchr::memrchr(0, &bytes[..at]).map_or(0, |nul| nul + 1);
        let directories = run_around(bytes, start);
        if !directories.is_empty() {
            return directories;
        }
    }
    let fallback: &[&str] = match architecture {
        "amd64" => &[
            "/lib/x86_64-linux-gnu",
            "/usr/lib/x86_64-linux-gnu",
            "/lib64",
            "/usr/lib64",
            "/lib",
            "/usr/lib",
        ],
        "arm64" => &[
            "/lib/aarch64-linux-gnu",
            "/usr/lib/aarch64-linux-gnu",
            "/lib64",
            "/usr/lib64",
            "/lib",
            "/usr/lib",
        ],
        _ => &["/lib64", "/usr/lib64", "/lib", "/usr/lib"],
    };
    fallback.iter().map(|directory| (*directory).to_owned()).collect()
}

/// The strings around this one that are directories: they begin and end with a slash.
fn run_around(bytes: &[u8], start: usize) -> Vec<String> {
    let mut first = start;
    while let Some(before) = first.checked_sub(1) {
        let previous = memchr::memrchr(0, &bytes[..before]).map_or(0, |nul| nul + 1);
        if directory_at(bytes, previous).is_none_or(|(_, next)| next != first) {
            break;
        }
        first = previous;
    }
    let mut found = Vec::new();
    let mut at = first;
    while let Some((directory, next)) = directory_at(bytes, at) {
        found.push(directory.trim_end_matches('/').to_owned());
        at = next;
    }
    found
}

/// The directory that stands here, and where the next string begins.
fn directory_at(bytes: &[u8], at: usize) -> Option<(&str, usize)> {
    let rest = bytes.get(at..)?;
    let window = &rest[..rest.len().min(256)];
    let text = std::str::from_utf8(crate::inspect::c_string(window)?).ok()?;
    let is_directory = text.len() > 2 && text.starts_with('/') && text.ends_with('/');
    is_directory.then_some((text, at + text.len() + 1))
}

/// How a part of glibc names its build: `Debian GLIBC 2.36-9+deb12u14, 2.36`. Loader and C library have to be of one.
pub(super) fn release(bytes: &[u8]) -> Option<String> {
    const BANNER: &[u8] = b") stable release version ";
    let at = memchr::memmem::find(bytes, BANNER)?;
    let start = memchr::memrchr(b'(', &bytes[..at])?;
    let name = std::str::from_utf8(&bytes[start + 1..at]).ok().filter(|name| name.len() < 100)?;
    let rest = &bytes[at + BANNER.len()..];
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let version = std::str::from_utf8(&rest[..digits]).ok()?.trim_end_matches('.');
    Some(format!("{name}, {version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directories_are_read_from_the_loader() {
        let bytes = b"\x01junk\0/lib/x86_64-linux-gnu/\0/usr/lib/x86_64-linux-gnu/\0/lib/\0/usr/lib/\0\0more";
        assert_eq!(
            default_directories(bytes, "amd64"),
            ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib"]
        );
        assert_eq!(default_directories(b"\0/lib64/\0/usr/lib64/\0", "amd64"), ["/lib64", "/usr/lib64"]);
        assert!(default_directories(b"", "amd64").contains(&"/lib64".to_owned()));
    }
}
