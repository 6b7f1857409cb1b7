//! The rows of the tables in `data/`, and how to find one.
//!
//! The child modules are Rust made from `data/` by `cargo run -p crossdock-platform --example generate`. They are
//! checked in, so that the crate needs no build script; a test compares them with the data files.

#[rustfmt::skip]
mod platforms;
#[rustfmt::skip]
mod rust_targets;
#[rustfmt::skip]
mod vocabulary;

use crate::abi::{FloatAbi, Libc};
use crate::architecture::{Architecture, Endianness};
use crate::os::Os;
use crate::platform::Platform;
use crate::vocabulary::Vocabulary;

pub(crate) use platforms::PLATFORMS;
pub(crate) use rust_targets::RUST_TARGETS;
pub(crate) use vocabulary::ROWS;

/// A platform at its baseline, as the tables name it. Unlike [`Platform`] it is `Copy` and can be written in a `static`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) os: Os,
    pub(crate) architecture: Architecture,
    pub(crate) variant: Option<&'static str>,
}

/// Creates a [`Key`]. The short name keeps the generated lines readable.
const fn key(os: Os, architecture: Architecture, variant: Option<&'static str>) -> Key {
    Key { os, architecture, variant }
}

impl Key {
    /// Returns the key of the platform's baseline.
    fn baseline(platform: &Platform) -> Self {
        let variant = match platform.architecture {
            Architecture::Arm => platform.architecture.normal_variant(platform.variant),
            _ => None,
        };
        Self { os: platform.os, architecture: platform.architecture, variant }
    }

    pub(crate) fn platform(self) -> Platform {
        Platform { variant: self.variant, ..Platform::new(self.os, self.architecture) }
    }
}

/// A row of `data/platforms.tsv`; that file documents the columns.
#[derive(Debug)]
pub(crate) struct PlatformSpec {
    pub(crate) platform: Key,
    pub(crate) dynamic: Option<&'static str>,
    pub(crate) r#static: Option<&'static str>,
    pub(crate) go: Option<&'static str>,
    pub(crate) cross: Option<&'static str>,
    pub(crate) multiarch: Option<&'static str>,
    pub(crate) deb: Option<&'static str>,
    pub(crate) apk: Option<&'static str>,
    pub(crate) rpm: Option<&'static str>,
    pub(crate) zig: Option<&'static str>,
    pub(crate) zig_cpu: Option<&'static str>,
    pub(crate) qemu: Option<&'static str>,
    pub(crate) page: u32,
}

impl PlatformSpec {
    /// Returns the row of the platform's baseline.
    pub(crate) fn find(platform: &Platform) -> Option<&'static Self> {
        let key = Key::baseline(platform);
        let index = PLATFORMS.binary_search_by(|row| row.platform.cmp(&key)).ok()?;
        PLATFORMS.get(index)
    }
}

/// Returns every platform that Go or Rust can build for, at its baseline level and in normal form.
pub fn known_platforms() -> impl ExactSizeIterator<Item = Platform> {
    PLATFORMS.iter().map(|row| row.platform.platform())
}

/// How a Rust target links a program statically.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrtStatic {
    /// Programs are static without a flag.
    Default,
    /// Programs are static with `-C target-feature=+crt-static`.
    Flag,
    /// Programs are always dynamic.
    No,
}

/// A target of rustc, as `rustc --print all-target-specs-json` describes it. The table has every target of rustc 1.95
/// to 1.97.
///
/// ```
/// use crossdock_platform::RustSpec;
///
/// let spec = RustSpec::find("riscv64gc-unknown-linux-musl").expect("a target of rustc");
/// assert_eq!(spec.platform().expect("a platform").to_string(), "linux/riscv64");
/// assert!(spec.prebuilt, "`rustup target add` offers its standard library");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct RustSpec {
    /// The name for `--target`.
    pub triple: &'static str,
    pub(crate) platform: Option<Key>,
    /// `target_os`.
    pub os: &'static str,
    /// `target_env`.
    pub env: Option<&'static str>,
    /// `target_abi`.
    pub abi: Option<&'static str>,
    /// The float ABI; `None` on architectures that have only one.
    pub float: Option<FloatAbi>,
    /// The width of a pointer in bits.
    pub width: u8,
    /// The byte order.
    pub endian: Endianness,
    /// How to link a program statically.
    pub crt_static: CrtStatic,
    /// The support tier: 1, 2 or 3.
    pub tier: u8,
    /// Whether rustup offers a prebuilt standard library.
    pub prebuilt: bool,
    /// The tool prefix that the cc crate derives.
    pub gnu_prefix: Option<&'static str>,
    /// LLVM's name of the target.
    pub llvm: &'static str,
    /// The processor that the target is built for; `None` is LLVM's generic one.
    pub cpu: Option<&'static str>,
    /// The reason why no platform corresponds to the target; `None` if one does.
    pub reason: Option<&'static str>,
}

impl RustSpec {
    /// Returns the target with exactly this name.
    #[must_use]
    pub fn find(triple: &str) -> Option<&'static Self> {
        let index = RUST_TARGETS.binary_search_by(|row| row.triple.cmp(triple)).ok()?;
        RUST_TARGETS.get(index)
    }

    /// Returns the platform whose programs the target makes; `None` if Go and OCI have no name for it.
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        self.platform.map(Key::platform)
    }
}

/// Returns every target of rustc 1.95 to 1.97, sorted by name.
pub fn rust_targets() -> impl ExactSizeIterator<Item = &'static RustSpec> {
    RUST_TARGETS.iter()
}

/// A row of `data/vocabulary.tsv`; that file documents the columns.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) os: Option<Os>,
    pub(crate) architecture: Option<Architecture>,
    pub(crate) variant: Option<&'static str>,
    pub(crate) libc: Option<Libc>,
    pub(crate) float: Option<FloatAbi>,
    pub(crate) version: Option<&'static str>,
    pub(crate) level: Option<&'static str>,
    pub(crate) cpu: Option<&'static str>,
    pub(crate) bits32: Option<bool>,
    pub(crate) note: Option<&'static str>,
}

/// For each byte, the index of the first row whose name begins with that byte or a greater one. It makes a lookup of a
/// name cheaper than a binary search over all rows.
static FIRST: [usize; 257] = {
    let (mut first, mut byte, mut row) = ([ROWS.len(); 257], 0, 0);
    while byte < 256 {
        while row < ROWS.len() && (ROWS[row].name.as_bytes()[0] as usize) < byte {
            row += 1;
        }
        first[byte] = row;
        byte += 1;
    }
    first
};

/// Returns the rows of a name, in all vocabularies.
pub(crate) fn rows(name: &str) -> &'static [Row] {
    let Some(byte) = name.bytes().next().map(usize::from) else { return &[] };
    // The rows are sorted by name (a test verifies it), so equal names are neighbours.
    let same_byte = &ROWS[FIRST[byte]..FIRST[byte + 1]];
    let (_, rows) = same_byte.split_at(same_byte.partition_point(|row| row.name < name));
    let end = rows.iter().position(|row| row.name != name).unwrap_or(rows.len());
    &rows[..end]
}
