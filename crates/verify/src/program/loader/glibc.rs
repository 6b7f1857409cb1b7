//! The library search of glibc's `ld.so` (`elf/dl-load.c`, man 8 ld.so).

use crossdock_platform::Architecture;

use super::cache::Cache;
use super::lookup::Candidate;
use super::objects::Object;
use super::tokens::{Tokens, has_token};
use crate::program::inspect::{Content, Elf};
use crate::program::loader::{LoadContext, Privilege};
use crate::root::normalize;

/// Bounds above every real loader's built-in directories, so that a hostile file costs little time.
const MAX_DIRECTORY_LENGTH: usize = 256;
const MAX_DIRECTORIES: usize = 64;

/// The parameters of the search for one program.
pub(super) struct Search {
    cache: Cache,
    defaults: Vec<String>,
    /// The value of `$LIB`.
    lib: String,
    /// The subdirectories of each directory that are searched before it.
    subdirectories: Vec<String>,
}

// The numbers of the lists of directories; those of `DT_RPATH` follow, one for each object.
const ENVIRONMENT: usize = 0;
const RUNPATH: usize = 1;
const CACHE: usize = 2;
const DEFAULTS: usize = 3;
const RPATHS: usize = 4;

impl Search {
    pub(super) fn new(context: &LoadContext<'_>, built: &Built) -> Search {
        let processor = context.processor;
        let named = processor.hwcaps.iter().map(|name| format!("glibc-hwcaps/{name}"));
        let named = named.filter(|_| built.version.is_none_or(|version| version >= NAMED_HWCAPS));
        let legacy = processor.legacy.iter().map(|name| (*name).to_owned());
        let legacy = legacy.filter(|_| built.version.is_some_and(|version| version < NO_LEGACY_HWCAPS));
        Search {
            cache: Cache::read(context.image, context.target.architecture()),
            defaults: built.directories.clone(),
            lib: lib(&built.directories),
            subdirectories: named.chain(legacy).collect(),
        }
    }

    /// Expands the `$` tokens of a path of this object; `None` if the loader refuses to.
    ///
    /// In secure mode the loader takes `$ORIGIN` of the program only at the beginning of a path, and only if the result
    /// is in a default directory (`_dl_dst_substitute`).
    pub(super) fn expanded(&self, context: &LoadContext<'_>, path: &str, object: &Object) -> Option<String> {
        let tokens =
            Tokens { origin: &object.origin, lib: Some(&self.lib), platform: context.processor.platform };
        let expanded = tokens.expand(path);
        let is_program = object.parent.is_none();
        if context.privilege == Privilege::Usual || !is_program || !has_token(path, "ORIGIN") {
            return Some(expanded);
        }
        let trusted = format!("{}/", normalize(&expanded));
        let is_trusted = self.defaults.iter().any(|directory| trusted.starts_with(&format!("{directory}/")));
        (path.starts_with('$') && is_trusted).then_some(expanded)
    }

    /// Returns every path that is tried for a library, in order.
    pub(super) fn candidates<'a>(
        &'a self,
        context: &'a LoadContext<'_>,
        objects: &'a [Object],
        by: usize,
        name: &'a str,
    ) -> impl Iterator<Item = Candidate> + 'a {
        let dynamic = objects[by].dynamic.as_ref();
        let runpath = dynamic.and_then(|dynamic| dynamic.runpath.as_deref());
        let skips_defaults = dynamic.is_some_and(|dynamic| dynamic.skips_default_directories());
        let defaults = self.defaults.iter().filter(move |_| !skips_defaults).cloned();
        // man 8 ld.so: `-z nodeflib` skips the libraries of the default directories in the cache too, and no others.
        let is_skipped = move |path: &&str| skips_defaults && self.is_default(path);
        let cached = self.cache.paths(name, &context.processor.hwcaps);
        let cached = cached.into_iter().filter(move |path| !is_skipped(path)).map(str::to_owned);
        let rpaths = runpath.is_none().then(|| self.in_rpaths(context, objects, by)).into_iter().flatten();
        let named = |list| move |directory| (list, directory);
        // The order of man 8 ld.so: DT_RPATH, LD_LIBRARY_PATH, DT_RUNPATH, the cache, the default directories.
        let before = rpaths
            .chain(self.in_environment(context, &objects[0]).map(named(ENVIRONMENT)))
            .chain(self.listed(context, runpath, &objects[by]).map(named(RUNPATH)));
        let in_directory = move |(list, directory)| self.in_directory(list, directory, name);
        before
            .flat_map(in_directory)
            .chain(cached.map(|path| Candidate { list: CACHE, path }))
            .chain(defaults.map(named(DEFAULTS)).flat_map(in_directory))
    }

    /// Returns the directories of `DT_RPATH`: of the object that needs the library, then of those that loaded it, up to
    /// the program. The loader ignores the `DT_RPATH` of an object that has a `DT_RUNPATH`.
    fn in_rpaths<'a>(
        &'a self,
        context: &'a LoadContext<'_>,
        objects: &'a [Object],
        by: usize,
    ) -> impl Iterator<Item = (usize, String)> + 'a {
        let asking = std::iter::successors(Some(&objects[by]), |object| objects.get(object.parent?));
        asking.enumerate().flat_map(move |(depth, object)| {
            let dynamic = object.dynamic.as_ref().filter(|dynamic| dynamic.runpath.is_none());
            let list = dynamic.and_then(|dynamic| dynamic.rpath.as_deref());
            self.listed(context, list, object).map(move |directory| (RPATHS + depth, directory))
        })
    }

    /// Returns the directories of `LD_LIBRARY_PATH`, which the loader ignores in secure mode.
    fn in_environment<'a>(
        &'a self,
        context: &'a LoadContext<'_>,
        program: &'a Object,
    ) -> impl Iterator<Item = String> + 'a {
        let list = context.image.variable("LD_LIBRARY_PATH").unwrap_or_default();
        let list = if context.privilege == Privilege::Usual { list } else { "" };
        // man 8 ld.so: colons or semicolons separate the directories.
        self.elements(context, list, &[':', ';'], program)
    }

    /// Returns the directories of a `DT_RPATH` or `DT_RUNPATH`.
    fn listed<'a>(
        &'a self,
        context: &'a LoadContext<'_>,
        list: Option<&'a str>,
        object: &'a Object,
    ) -> impl Iterator<Item = String> + 'a {
        self.elements(context, list.unwrap_or_default(), &[':'], object)
    }

    /// Returns the directories of a list.
    fn elements<'a>(
        &'a self,
        context: &'a LoadContext<'_>,
        list: &'a str,
        separators: &'static [char],
        object: &'a Object,
    ) -> impl Iterator<Item = String> + 'a {
        // An empty list has no directory, and an empty element of another is the working directory (`fillin_rpath`).
        let elements = list.split(separators).filter(|_| !list.is_empty());
        elements.filter_map(move |element| match element {
            "" => Some(".".to_owned()),
            element => self.expanded(context, element, object),
        })
    }

    fn in_directory<'a>(
        &'a self,
        list: usize,
        directory: String,
        name: &'a str,
    ) -> impl Iterator<Item = Candidate> + 'a {
        let directory = directory.trim_end_matches('/').to_owned();
        let plain = format!("{directory}/{name}");
        let below = self.subdirectories.iter().map(move |below| format!("{directory}/{below}/{name}"));
        below.chain([plain]).map(move |path| Candidate { list, path })
    }

    /// Returns whether a path is below one of the default directories.
    fn is_default(&self, path: &str) -> bool {
        let mut below = self.defaults.iter().filter_map(|directory| path.strip_prefix(directory.as_str()));
        below.any(|rest| rest.starts_with('/'))
    }

    /// Returns whether which file the cache gives for a library depends on the processor.
    pub(super) fn cache_depends_on_processor(&self, name: &str) -> bool {
        self.cache.depends_on_processor(name)
    }
}

/// The first version with `glibc-hwcaps` (NEWS of glibc 2.33).
const NAMED_HWCAPS: (u32, u32) = (2, 33);
/// The first version without the older directories (NEWS of glibc 2.37).
const NO_LEGACY_HWCAPS: (u32, u32) = (2, 37);

/// The constants of a loader's build.
pub(super) struct Built {
    directories: Vec<String>,
    /// The version of glibc; `None` if unknown.
    version: Option<(u32, u32)>,
}

impl Built {
    /// Reads the directories in the bytes of a loader, and the version in the name of its release.
    pub(super) fn read(bytes: &[u8], release: Option<&str>, architecture: Architecture) -> Built {
        Built { directories: default_directories(bytes, architecture), version: release.and_then(version_of) }
    }
}

/// Returns the version in the name of a release: `2.36` in `Debian GLIBC 2.36-9+deb12u14, 2.36`.
fn version_of(release: &str) -> Option<(u32, u32)> {
    let (_, version) = release.rsplit_once(", ")?;
    let mut numbers = version.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Returns the value of `$LIB`: the end of the first built-in directory, such as `lib64` or Debian's
/// `lib/x86_64-linux-gnu`.
fn lib(defaults: &[String]) -> String {
    let first = defaults.first().map_or("/lib", String::as_str);
    let start = first.rfind("/lib").map_or(0, |at| at + 1);
    first[start..].to_owned()
}

/// Returns the directories that are built into this `ld.so`. Distributions choose them, so they are read from the file,
/// which contains them one after another, each with a slash and a NUL at its end.
fn default_directories(bytes: &[u8], architecture: Architecture) -> Vec<String> {
    let found = memchr::memmem::find_iter(bytes, b"/usr/lib")
        .filter_map(|at| start_of_string(bytes, at))
        .map(|start| run_around(bytes, start))
        .find(|directories| !directories.is_empty());
    found.unwrap_or_else(|| usual_directories(architecture))
}

fn usual_directories(architecture: Architecture) -> Vec<String> {
    let fallback: &[&str] = match architecture {
        Architecture::Amd64 => &[
            "/lib/x86_64-linux-gnu",
            "/usr/lib/x86_64-linux-gnu",
            "/lib64",
            "/usr/lib64",
            "/lib",
            "/usr/lib",
        ],
        Architecture::Arm64 => &[
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

/// Returns the start of the string that contains this byte; `None` if the string is too long for a directory.
fn start_of_string(bytes: &[u8], at: usize) -> Option<usize> {
    let from = at.saturating_sub(MAX_DIRECTORY_LENGTH);
    match memchr::memrchr(0, &bytes[from..at]) {
        Some(nul) => Some(from + nul + 1),
        None => (from == 0).then_some(0),
    }
}

/// Returns the consecutive strings around this one that are directories: they begin and end with a slash.
fn run_around(bytes: &[u8], start: usize) -> Vec<String> {
    let mut first = start;
    for _ in 0..MAX_DIRECTORIES {
        let previous = first.checked_sub(1).and_then(|nul| start_of_string(bytes, nul));
        let Some(previous) = previous else { break };
        if directory_at(bytes, previous).is_none_or(|(_, next)| next != first) {
            break;
        }
        first = previous;
    }
    let next = |(_, next): &(&str, usize)| directory_at(bytes, *next);
    let directories = std::iter::successors(directory_at(bytes, first), next).take(MAX_DIRECTORIES);
    directories.map(|(directory, _)| directory.trim_end_matches('/').to_owned()).collect()
}

/// Returns the directory that begins here, and the start of the next string.
fn directory_at(bytes: &[u8], at: usize) -> Option<(&str, usize)> {
    let rest = bytes.get(at..)?;
    let window = &rest[..rest.len().min(MAX_DIRECTORY_LENGTH)];
    let text = std::str::from_utf8(crate::program::inspect::c_string(window)?).ok()?;
    let is_directory = text.len() > 2 && text.starts_with('/') && text.ends_with('/');
    is_directory.then_some((text, at + text.len() + 1))
}

/// Returns the name of the build that a part of glibc contains: `Debian GLIBC 2.36-9+deb12u14, 2.36`. Loader and C
/// library must be of the same build.
pub(super) fn release(content: &Content<'_>, elf: &Elf) -> Option<String> {
    const BANNER: &[u8] = b") stable release version ";
    const LONGEST: u64 = 128;
    // Every part of glibc defines this version, so no other library is searched.
    let defined = elf.dynamic.iter().flat_map(|dynamic| &dynamic.version_definitions);
    if !{ defined }.any(|version| version == "GLIBC_PRIVATE") {
        return None;
    }
    let at = content.whole().find(BANNER, Some)?;
    let from = at.saturating_sub(LONGEST);
    let before = content.bytes(from, at - from);
    let start = memchr::memrchr(b'(', &before)?;
    let name = std::str::from_utf8(&before[start + 1..]).ok()?;
    let rest = content.bytes(at + BANNER.len() as u64, LONGEST);
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
            default_directories(bytes, Architecture::Amd64),
            ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib"]
        );
        assert_eq!(
            default_directories(b"\0/lib64/\0/usr/lib64/\0", Architecture::Amd64),
            ["/lib64", "/usr/lib64"]
        );
        assert!(default_directories(b"", Architecture::Amd64).contains(&"/lib64".to_owned()));
    }

    #[test]
    fn lib_expands_to_the_loaders_directory() {
        let cases = [
            ("/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"),
            ("/lib64", "lib64"),
            ("/usr/lib", "lib"),
            ("/nix/store/abc-glibc-2.38/lib", "lib"),
            ("/other", "/other"),
        ];
        for (directory, expected) in cases {
            assert_eq!(lib(&[directory.to_owned()]), expected);
        }
        assert_eq!(lib(&[]), "lib");
    }

    /// Only the bytes just before an occurrence are searched for the start of its string, not the whole file each time.
    #[test]
    fn a_file_full_of_directories_is_searched_once() {
        let text = b"/usr/lib".repeat(1000);
        assert_eq!(start_of_string(&text, 8), Some(0));
        assert_eq!(start_of_string(&text, 7992), None);
        assert_eq!(default_directories(&text, Architecture::Amd64), usual_directories(Architecture::Amd64));
        let mut many = b"/usr/lib/\0".repeat(1000);
        assert_eq!(default_directories(&many, Architecture::Amd64).len(), MAX_DIRECTORIES);
        many.insert(0, 0);
        assert_eq!(default_directories(&many, Architecture::Amd64).len(), MAX_DIRECTORIES);
    }
}
