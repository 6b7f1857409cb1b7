//! The facts of a file, without any verdict.

mod attributes;
mod content;
mod dynamic;
mod elf;
mod foreign;
mod go;
mod headers;
mod jemalloc;
mod notes;
mod packed;
mod references;
mod response;
mod script;
mod strings;
mod symbols;
mod tables;
mod versions;

pub use attributes::ArmAttributes;
pub(crate) use content::Content;
pub use dynamic::{Dynamic, VersionNeed};
pub use elf::{Elf, Interpreter};
pub use foreign::{MachO, Pe};
pub use go::GoBuildInfo;
pub use headers::{Class, Segment};
pub(crate) use jemalloc::{Jemalloc, jemalloc};
pub use notes::Notes;
pub use packed::Packed;
pub(crate) use references::{Reference, WantedNames};
pub use script::Script;
pub(crate) use script::{is_shell, text_to_split};
pub(crate) use strings::{Budget, c_string};
pub(crate) use symbols::{SymbolPlaces, Symbols};
pub(crate) use versions::{Version, is_satisfied, is_visible};

use std::io;

use crate::ReadAt;
use crate::root::{Root, RootError};

/// The kind of a file, with its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inspection {
    /// An empty file.
    Empty,
    /// An ELF file, perhaps damaged.
    Elf(Box<Elf>),
    /// A Mach-O program or library (macOS).
    MachO(MachO),
    /// A Windows program or library.
    Pe(Pe),
    /// A script: text that begins with `#!`.
    Script(Script),
    /// A WebAssembly module.
    Wasm,
    /// A compressed file or archive, by the name of its format.
    Compressed(&'static str),
    /// A compiled Go package, which `go build` writes for a package that is not `main`.
    GoArchive,
    /// A Git LFS pointer, which remains if the file itself was not fetched.
    GitLfsPointer,
    /// Text that begins with a byte order mark before `#!`.
    ByteOrderMark,
    /// A server's answer to a failed request, saved as a file: the name of its format.
    Response(&'static str),
    /// Text without `#!`.
    Text,
    /// Anything else.
    Unknown,
}

/// Returns the kind and the facts of a file. It never fails and never panics: the facts describe any damage.
pub fn inspect(bytes: &[u8]) -> Inspection {
    inspect_content(&Content::new(Box::new(bytes)))
}

/// Returns the kind and the facts of a file, of which only the relevant parts are read.
///
/// # Errors
/// If the file cannot be read. A damaged file is not an error: the facts describe the damage.
pub fn inspect_ranges(file: &dyn ReadAt) -> io::Result<Inspection> {
    let content = Content::new(Box::new(file));
    let facts = inspect_content(&content);
    match content.into_failure() {
        Some(error) => Err(error),
        None => Ok(facts),
    }
}

/// A file of a root with its facts.
pub(crate) struct Inspected<'a> {
    pub(crate) facts: Inspection,
    pub(crate) content: Content<'a>,
}

/// Inspects the regular file at exactly this path. Only the relevant parts are read.
pub(crate) fn inspect_file<'a>(root: &'a dyn Root, path: &str) -> Result<Inspected<'a>, RootError> {
    let content = Content::new(root.open(path)?);
    let facts = inspect_content(&content);
    match content.failure() {
        Some(error) => Err(RootError::new(path, error.to_string())),
        None => Ok(Inspected { facts, content }),
    }
}

/// The number of bytes at the beginning of a file by which its kind is recognized.
const HEAD: u64 = 4096;

pub(crate) fn inspect_content(content: &Content<'_>) -> Inspection {
    let head = content.head(HEAD);
    let bytes = &head[..];
    if bytes.is_empty() {
        return Inspection::Empty;
    }
    if bytes.starts_with(b"\x7fELF") {
        return Inspection::Elf(Box::new(elf::read(content)));
    }
    if let Some(script) = script::read(bytes) {
        return Inspection::Script(script);
    }
    if bytes.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Inspection::GitLfsPointer;
    }
    // UTF-8 and UTF-16 (little-endian), which editors on Windows write.
    if bytes.starts_with(b"\xef\xbb\xbf#!") || bytes.starts_with(b"\xff\xfe#\0!\0") {
        return Inspection::ByteOrderMark;
    }
    if bytes.starts_with(b"\0asm") {
        return Inspection::Wasm;
    }
    if is_go_archive(bytes) {
        return Inspection::GoArchive;
    }
    if let Some(name) = compression(bytes) {
        return Inspection::Compressed(name);
    }
    if let Some(macho) = foreign::macho(bytes) {
        return Inspection::MachO(macho);
    }
    if let Some(pe) = foreign::pe(content) {
        return Inspection::Pe(pe);
    }
    if !is_text(bytes) {
        return Inspection::Unknown;
    }
    response::format(bytes).map_or(Inspection::Text, Inspection::Response)
}

/// Returns whether this is an archive whose first member is `__.PKGDEF`, the export data of a Go package
/// (cmd/internal/archive).
fn is_go_archive(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"!<arch>\n").is_some_and(|members| members.starts_with(b"__.PKGDEF "))
}

/// Returns the compression or archive format of these bytes.
fn compression(bytes: &[u8]) -> Option<&'static str> {
    const MAGICS: &[(&[u8], &str)] = &[
        (b"\x1f\x8b", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xfd7zXZ\0", "xz"),
        (b"BZh", "bzip2"),
        (b"PK\x03\x04", "zip"),
        (b"!<arch>\n", "ar"),
    ];
    // A tar archive begins with the name of its first file; the magic is in the middle of the header.
    if bytes.get(257..262) == Some(b"ustar") {
        return Some("tar");
    }
    MAGICS.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, name)| *name)
}

/// Returns whether this is text: the first kilobyte is UTF-8 without control characters.
fn is_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(1024)];
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        // The end of the kilobyte may split a character.
        Err(error) => error.error_len().is_none(),
    };
    valid && !head.iter().any(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_distinguished() {
        let cases: &[(&[u8], Inspection)] = &[
            (b"", Inspection::Empty),
            (b"\0asm\x01\0\0\0", Inspection::Wasm),
            (b"\x1f\x8b\x08\0", Inspection::Compressed("gzip")),
            (
                b"!<arch>\n__.PKGDEF       0           0     0     644     443       `\n",
                Inspection::GoArchive,
            ),
            (b"!<arch>\ndebian-binary   0", Inspection::Compressed("ar")),
            (b"<!DOCTYPE html>\n<html>", Inspection::Response("HTML")),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", Inspection::GitLfsPointer),
            (b"\xef\xbb\xbf#!/bin/sh\n", Inspection::ByteOrderMark),
            (b"echo hello\n", Inspection::Text),
            ("größe".as_bytes(), Inspection::Text),
            (b"\0\0\0\0", Inspection::Unknown),
            (b"\x7f", Inspection::Unknown),
        ];
        for (bytes, expected) in cases {
            assert_eq!(&inspect(bytes), expected, "{bytes:?}");
        }
    }
}
