//! The C library whose loader starts a program, known by the content of the file and not by its name: images with musl
//! have links to musl's loader, or a loader of gcompat, under the names of glibc's.

use super::MAX_LOADER_SIZE;
use crate::program::inspect::{Content, Elf};

/// The C library whose loader starts a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Family {
    Glibc,
    Musl(Musl),
    /// The program of gcompat, which starts musl's loader with a library that it preloads.
    Gcompat(Gcompat),
}

/// musl's loader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Musl {
    /// The architecture in the name of its list of directories, such as `x86_64`.
    pub(super) architecture: String,
}

/// The loader of gcompat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gcompat {
    /// The path of musl's loader.
    pub(crate) loader: String,
    /// The library that is preloaded.
    pub(crate) library: String,
}

impl Gcompat {
    /// Returns musl's loader, which gcompat starts.
    pub(super) fn musl(&self) -> Musl {
        Musl::named(&self.loader)
    }
}

impl Musl {
    /// Returns the loader with the architecture that its usual name tells, such as `/lib/ld-musl-x86_64.so.1`.
    fn named(path: &str) -> Musl {
        let name = path.rsplit('/').next().unwrap_or_default();
        let architecture = name.strip_prefix("ld-musl-").and_then(|name| name.strip_suffix(".so.1"));
        Musl { architecture: architecture.unwrap_or_default().to_owned() }
    }
}

impl Family {
    /// Recognizes a loader by its file, which a program names as `interpreter`. `None` if unknown.
    pub(crate) fn of(file: &Content<'_>, elf: &Elf, interpreter: &str) -> Option<Family> {
        let soname = elf.dynamic.as_ref().and_then(|dynamic| dynamic.soname.as_deref());
        if soname.is_some_and(is_name_of_glibc) {
            return Some(Family::Glibc);
        }
        let bytes = &file.head(MAX_LOADER_SIZE)[..];
        // The usage message of every musl loader.
        if memchr::memmem::find(bytes, b"musl libc (").is_some() {
            let architecture =
                text_after(bytes, b"/etc/ld-musl-").and_then(|text| text.strip_suffix(".path"));
            let recorded = architecture.map(|architecture| Musl { architecture: architecture.to_owned() });
            return Some(Family::Musl(recorded.unwrap_or_else(|| Musl::named(interpreter))));
        }
        let library = text_with(bytes, b"libgcompat.so")?;
        let loader = text_with(bytes, b"/ld-musl-").filter(|loader| loader.starts_with('/'))?;
        Some(Family::Gcompat(Gcompat { loader: loader.to_owned(), library: library.to_owned() }))
    }
}

/// Returns whether this is the name of a loader of glibc (its `shlib-versions`): `ld64.so` is on 64-bit POWER and
/// s390x, `ld.so.1` on MIPS and 32-bit POWER and s390.
fn is_name_of_glibc(name: &str) -> bool {
    name.starts_with("ld-linux") || name.starts_with("ld64.so") || name == "ld.so.1"
}

/// The length of a text that is searched in a loader.
const MAX_TEXT: usize = 4096;

/// Returns the text that follows these bytes, up to the NUL.
fn text_after<'a>(bytes: &'a [u8], before: &[u8]) -> Option<&'a str> {
    let start = memchr::memmem::find(bytes, before)? + before.len();
    let rest = &bytes[start..bytes.len().min(start + MAX_TEXT)];
    std::str::from_utf8(&rest[..memchr::memchr(0, rest)?]).ok()
}

/// Returns the whole text between two NUL bytes that contains these bytes.
fn text_with<'a>(bytes: &'a [u8], part: &[u8]) -> Option<&'a str> {
    let at = memchr::memmem::find(bytes, part)?;
    let window = &bytes[at.saturating_sub(MAX_TEXT)..at];
    let start = at - window.len() + memchr::memrchr(0, window).map_or(0, |nul| nul + 1);
    let rest = &bytes[start..bytes.len().min(start + 2 * MAX_TEXT)];
    std::str::from_utf8(&rest[..memchr::memchr(0, rest)?]).ok()
}
