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
            match () {
                () if flags.contains("+crt-static") => Links::Static,
                () if flags.contains("-crt-static") => native,
                () if triple.ends_with("musl") || triple.contains("-musleabi") => Links::Static,
                () if triple.ends_with("gnu") || triple.contains("-gnueabi") => Links::Glibc,
                // Rust's musl targets are static, also on Alpine's own toolchain image.
                () if triple.is_empty() && native == Links::Musl => Links::Static,
                () if triple.is_empty() => native,
                () => Links::Unknown,
            }
        }
    }
}

fn go_links(words: &[&str], variables: &Variables<'_>, native: Links) -> Links {
    let position_independent = words.iter().any(|word| word.ends_with("buildmode=pie"));
    let fully_static = words.iter().any(|word| word.split_whitespace().any(|flag| flag.ends_with("-static")));
    match variables.get("CGO_ENABLED").as_deref() {
        Some("0") if position_independent => Links::Glibc,
        Some("0") => Links::Static,
        Some("1") if fully_static => Links::Static,
        Some("1") => native,
        None if fully_static => Links::Static,
        // Cross compiling turns cgo off, and without a C compiler, as in Alpine's image, Go does too.
        None if variables.get("GOARCH").is_some() => Links::Unknown,
        None if native == Links::Glibc => Links::GlibcWithCgo,
        _ => Links::Unknown,
    }
}
