//! What a compile step links its program to.

use super::option;
use super::variables::Variables;
use crate::lint::images::{Image, ImageLibc, Language};

/// What the program is linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lint) enum Links {
    /// Nothing.
    Static,
    /// musl, dynamically.
    Musl,
    /// The GNU C library of the builder.
    Glibc,
    /// The GNU C library of the builder, when packages use cgo.
    GlibcWithCgo,
    /// The file does not tell.
    Unknown,
}

pub(super) fn links(language: Language, words: &[&str], variables: &Variables<'_>, image: &Image) -> Links {
    let native = match image.libc {
        ImageLibc::Glibc(_) => Links::Glibc,
        ImageLibc::Musl => Links::Musl,
        _ => Links::Unknown,
    };
    match language {
        Language::Go => go_links(words, variables, native),
        Language::Rust => {
            let triple =
                option(words, "--target").or_else(|| variables.get("CARGO_BUILD_TARGET")).unwrap_or_default();
            let flags = variables.get("RUSTFLAGS").unwrap_or_default();
            let linux = triple.contains("-linux-");
            match () {
                () if flags.contains("+crt-static") => Links::Static,
                () if flags.contains("-crt-static") => native,
                () if linux && triple.contains("-musl") => Links::Static,
                () if linux && triple.contains("-gnu") => Links::Glibc,
                // Rust's musl targets are static, also on Alpine's own toolchain image.
                () if triple.is_empty() && native == Links::Musl => Links::Static,
                () if triple.is_empty() => native,
                () => Links::Unknown,
            }
        }
    }
}

fn go_links(words: &[&str], variables: &Variables<'_>, native: Links) -> Links {
    let mut flags = LinkerFlags::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        flags.read(word, variables, 0);
        if OTHER_VALUES.contains(word) {
            words.next();
        }
    }
    for name in ["GOFLAGS", "CGO_LDFLAGS"] {
        flags.read(&variables.get(name).unwrap_or_default(), variables, 0);
    }
    match variables.get("CGO_ENABLED").as_deref() {
        // It has a loader without cgo too, the one that the linker finds where it runs.
        Some("0") if flags.position_independent => native,
        Some("0") => Links::Static,
        _ if flags.fully_static => Links::Static,
        _ if flags.unknown => Links::Unknown,
        Some("1") => native,
        // Cross compiling turns cgo off, and without a C compiler, as in Alpine's image, Go does too.
        None if variables.get("GOARCH").is_some() => Links::Unknown,
        None if native == Links::Glibc => Links::GlibcWithCgo,
        _ => Links::Unknown,
    }
}

/// Flags whose value, the next word, is no flag for the linker.
const OTHER_VALUES: &[&str] = &["-o", "-C", "-p", "-tags", "-mod", "-pkgdir", "-installsuffix"];

/// How deep variables may stand in each other.
const DEEPEST: usize = 4;

/// What the flags of a Go compile step say of linking.
#[derive(Default)]
struct LinkerFlags {
    fully_static: bool,
    position_independent: bool,
    /// Whether flags come from a variable or a command whose text the file does not tell.
    unknown: bool,
}

impl LinkerFlags {
    /// Reads the flags in a text. They stand in quotes in quotes, `-ldflags '-extldflags "-static"'`, and behind one
    /// another, `-ldflags=-extldflags=-static`: what is between those marks is one flag.
    fn read(&mut self, text: &str, variables: &Variables<'_>, depth: usize) {
        let bare = text.replace(['"', '\'', '\\'], " ");
        for word in bare.split_whitespace() {
            let value = word.rsplit_once("flags=").map_or(word, |(_, value)| value);
            if value.starts_with('$') {
                self.variable(value, variables, depth);
            }
            let mut parts = word.split('=');
            self.fully_static |= parts.any(|part| matches!(part, "-static" | "--static" | "-static-pie"));
            self.position_independent |= word.ends_with("buildmode=pie") || word == "pie";
        }
    }

    fn variable(&mut self, text: &str, variables: &Variables<'_>, depth: usize) {
        let names = crate::read::variables(text);
        let value = match names.as_slice() {
            [(0, name)] if depth < DEEPEST => variables.get(name),
            _ => None,
        };
        match value {
            Some(value) => self.read(&value, variables, depth + 1),
            None => self.unknown = true,
        }
    }
}
