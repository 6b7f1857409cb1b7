//! The table of programs and bases: which linking starts on which base image.

use std::fmt;

use crossdock_platform::{BuildTarget, GlibcVersion, Libc, Linkage, Platform};
use serde::{Deserialize, Serialize};

/// The language of the programs and how they are linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Linking {
    /// Go without cgo.
    GoStatic,
    /// Go without cgo as a position-independent program, which needs a loader although it calls no library.
    GoPie,
    /// Go with cgo, against Debian's glibc.
    GoCgoGlibc,
    /// Go with cgo and glibc linked statically. Go itself resolves host and user names (`netgo`, `osusergo`).
    GoCgoStatic,
    /// Go with cgo, against Alpine's musl.
    GoCgoMusl,
    /// Rust against Debian's glibc.
    RustGlibc,
    /// Rust with glibc linked statically.
    RustGlibcStatic,
    /// Rust with musl linked statically.
    RustMusl,
    /// Rust for a musl target with `-crt-static`.
    RustMuslDynamic,
}

/// The base image of the last stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// An empty image.
    Scratch,
    /// An empty image to which the file adds CA certificates, a user, /tmp, and time-zone data on request.
    Static,
    /// `gcr.io/distroless/static`.
    DistrolessStatic,
    /// Alpine, with musl.
    Alpine,
    /// `gcr.io/distroless/base`: glibc without libgcc.
    DistrolessBase,
    /// `gcr.io/distroless/cc`: glibc with libgcc.
    DistrolessCc,
    /// Debian's small image.
    DebianSlim,
}

/// A release of Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Debian {
    /// Debian 12.
    Bookworm,
    /// Debian 13.
    Trixie,
}

/// Whether a program starts on a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Starts,
    /// It starts unless the builder's glibc is newer than the base's: symbol versions are backward compatible only.
    StartsUnlessNewer,
    /// It does not start, with the reason as the end of a sentence.
    Fails(&'static str),
}

const NO_LOADER: &str = "the base has no C library and no loader: `no such file or directory`";
const OTHER_LIBC: &str = "the program needs glibc and the base has musl: `no such file or directory`";
const NO_LIBGCC: &str = "Rust programs need libgcc_s.so.1, which this base does not have";
const MUSL_ON_GLIBC: &str =
    "the program needs musl's loader and the base has glibc: `no such file or directory`";
const SILENT_GLIBC: &str =
    "with the builder's C compiler a musl target with -crt-static is silently linked to glibc";

/// Looks up a linking (row) and a base (column).
pub(super) fn verdict(linking: Linking, base: Base) -> Verdict {
    use Base::{Alpine, DebianSlim, DistrolessBase, DistrolessCc, DistrolessStatic, Scratch, Static};
    use Verdict::{Fails, Starts, StartsUnlessNewer};
    match (linking, base) {
        (Linking::GoStatic | Linking::GoCgoStatic | Linking::RustGlibcStatic | Linking::RustMusl, _) => {
            Starts
        }
        (Linking::RustMuslDynamic, _) => Fails(SILENT_GLIBC),
        (Linking::GoCgoMusl, Alpine) => Starts,
        (_, Scratch | Static | DistrolessStatic) => Fails(NO_LOADER),
        (Linking::GoCgoMusl, DistrolessBase | DistrolessCc | DebianSlim) => Fails(MUSL_ON_GLIBC),
        (Linking::GoPie | Linking::GoCgoGlibc | Linking::RustGlibc, Alpine) => Fails(OTHER_LIBC),
        (Linking::RustGlibc, DistrolessBase) => Fails(NO_LIBGCC),
        // Without cgo a Go program needs the loader but no symbol of the C library, whose version therefore does not
        // matter.
        (Linking::GoPie, DistrolessBase | DistrolessCc | DebianSlim) => Starts,
        (Linking::GoCgoGlibc, DistrolessBase | DistrolessCc | DebianSlim)
        | (Linking::RustGlibc, DistrolessCc | DebianSlim) => StartsUnlessNewer,
    }
}

/// Returns the smallest base on which a program starts.
pub fn nearest_base(linking: Linking) -> Base {
    match linking {
        Linking::GoStatic
        | Linking::GoCgoStatic
        | Linking::RustGlibcStatic
        | Linking::RustMusl
        | Linking::RustMuslDynamic => Base::Static,
        Linking::GoCgoMusl => Base::Alpine,
        Linking::GoPie | Linking::GoCgoGlibc => Base::DistrolessBase,
        Linking::RustGlibc => Base::DistrolessCc,
    }
}

/// Returns a linking of the same language that starts on the base, and that keeps cgo if it was requested.
pub(super) fn nearest_linking(linking: Linking, base: Base) -> Linking {
    match (linking, base) {
        (Linking::GoCgoMusl, Base::DistrolessBase | Base::DistrolessCc | Base::DebianSlim) => {
            Linking::GoCgoGlibc
        }
        _ if linking.uses_cgo() => Linking::GoCgoStatic,
        _ if linking.is_go() => Linking::GoStatic,
        _ => Linking::RustMusl,
    }
}

impl Linking {
    /// Returns the target for which a Rust program is compiled.
    pub fn rust_target(self, platform: &Platform) -> BuildTarget {
        let (linkage, libc) = match self {
            Self::RustGlibc => (Linkage::Dynamic, Libc::GNU),
            Self::RustGlibcStatic => (Linkage::Static, Libc::GNU),
            _ => (Linkage::Static, Libc::Musl),
        };
        BuildTarget::new(platform.clone(), linkage).with_libc(libc)
    }

    /// All linkings.
    pub const ALL: &[Self] = &[
        Self::GoStatic,
        Self::GoPie,
        Self::GoCgoGlibc,
        Self::GoCgoStatic,
        Self::GoCgoMusl,
        Self::RustGlibc,
        Self::RustGlibcStatic,
        Self::RustMusl,
        Self::RustMuslDynamic,
    ];

    /// Returns the name in kebab case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GoStatic => "go-static",
            Self::GoPie => "go-pie",
            Self::GoCgoGlibc => "go-cgo-glibc",
            Self::GoCgoStatic => "go-cgo-static",
            Self::GoCgoMusl => "go-cgo-musl",
            Self::RustGlibc => "rust-glibc",
            Self::RustGlibcStatic => "rust-glibc-static",
            Self::RustMusl => "rust-musl",
            Self::RustMuslDynamic => "rust-musl-dynamic",
        }
    }

    /// Returns the keys of `crossdock.toml` that select this linking.
    pub(super) const fn keys(self) -> &'static str {
        match self {
            Self::GoStatic => "`cgo = false`",
            Self::GoPie => "`-buildmode=pie`",
            Self::GoCgoGlibc => "`linkage = \"dynamic\"` and `libc = \"gnu\"`",
            Self::GoCgoStatic => "`linkage = \"static\"` without `libc`",
            Self::GoCgoMusl => "`libc = \"musl\"`",
            Self::RustGlibc => "`linkage = \"dynamic\"`",
            Self::RustGlibcStatic => "`linkage = \"static\"` and `libc = \"gnu\"`",
            Self::RustMusl => "`linkage = \"static\"`",
            Self::RustMuslDynamic => "`linkage = \"dynamic\"` and `libc = \"musl\"`",
        }
    }

    pub(super) const fn is_go(self) -> bool {
        matches!(self, Self::GoStatic | Self::GoPie | Self::GoCgoGlibc | Self::GoCgoStatic | Self::GoCgoMusl)
    }

    /// Returns whether a Go program has C code.
    pub const fn uses_cgo(self) -> bool {
        matches!(self, Self::GoCgoGlibc | Self::GoCgoStatic | Self::GoCgoMusl)
    }

    /// Returns whether a compiler for Debian's glibc links it.
    pub(super) const fn uses_glibc_compiler(self) -> bool {
        matches!(self, Self::GoCgoGlibc | Self::GoCgoStatic | Self::RustGlibc | Self::RustGlibcStatic)
    }

    /// Returns whether Alpine's own compiler image builds it if the base is Alpine.
    pub(super) const fn builds_on_alpine(self, base: Base) -> bool {
        self.is_go() && matches!(base, Base::Alpine) && !matches!(self, Self::GoCgoStatic)
    }
}

impl Base {
    /// All bases.
    pub const ALL: &[Self] = &[
        Self::Scratch,
        Self::Static,
        Self::DistrolessStatic,
        Self::Alpine,
        Self::DistrolessBase,
        Self::DistrolessCc,
        Self::DebianSlim,
    ];

    /// Returns the name in kebab case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scratch => "scratch",
            Self::Static => "static",
            Self::DistrolessStatic => "distroless-static",
            Self::Alpine => "alpine",
            Self::DistrolessBase => "distroless-base",
            Self::DistrolessCc => "distroless-cc",
            Self::DebianSlim => "debian-slim",
        }
    }

    /// Returns whether the base has a package manager.
    pub(super) const fn has_packages(self) -> bool {
        matches!(self, Self::Alpine | Self::DebianSlim)
    }
}

impl Debian {
    /// Returns the codename, as image tags have it.
    pub const fn codename(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// Returns the major version.
    pub const fn number(self) -> u8 {
        match self {
            Self::Bookworm => 12,
            Self::Trixie => 13,
        }
    }

    /// Returns the version of its C library.
    pub const fn glibc(self) -> GlibcVersion {
        match self {
            Self::Bookworm => GlibcVersion::new(2, 36),
            Self::Trixie => GlibcVersion::new(2, 41),
        }
    }
}

impl fmt::Display for Linking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Debian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Debian {} ({})", self.number(), self.codename())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_choices_are_valid() {
        for linking in Linking::ALL.iter().copied().filter(|linking| *linking != Linking::RustMuslDynamic) {
            assert!(!matches!(verdict(linking, nearest_base(linking)), Verdict::Fails(_)), "{linking}");
        }
        for linking in Linking::ALL {
            for base in Base::ALL {
                let nearest = nearest_linking(*linking, *base);
                assert!(
                    !matches!(verdict(nearest, *base), Verdict::Fails(_)),
                    "{linking} on {base}: {nearest}"
                );
            }
        }
    }
}
