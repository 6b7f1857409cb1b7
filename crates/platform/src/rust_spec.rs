//! What rustc says about each of its targets.

use crate::architecture::Endianness;
use crate::float::FloatAbi;
use crate::generated::rust_targets::RUST_TARGETS;
use crate::platform::Platform;
use crate::platform_spec::Key;

/// How a Rust target makes a static program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrtStatic {
    /// It is static without a flag.
    Default,
    /// With `-C target-feature=+crt-static`.
    Flag,
    /// Never.
    No,
}

/// A target of rustc, as `rustc --print all-target-specs-json` describes it.
#[derive(Debug)]
#[non_exhaustive]
pub struct RustSpec {
    /// The name for `--target`.
    pub triple: &'static str,
    pub(crate) platform: Option<Key>,
    /// `target_os`
    pub os: &'static str,
    /// `target_env`
    pub env: Option<&'static str>,
    /// `target_abi`
    pub abi: Option<&'static str>,
    /// The float ABI, on the architectures that have two.
    pub float: Option<FloatAbi>,
    /// The width of a pointer in bits.
    pub width: u8,
    /// The byte order.
    pub endian: Endianness,
    /// How it makes a static program.
    pub crt_static: CrtStatic,
    /// The support tier: 1, 2 or 3.
    pub tier: u8,
    /// Whether rustup has its standard library.
    pub prebuilt: bool,
    /// The tool prefix that the cc crate derives.
    pub gnu_prefix: Option<&'static str>,
    /// LLVM's name of it.
    pub llvm: &'static str,
    /// The processor that it is built for.
    pub cpu: Option<&'static str>,
    /// Why it has no Go and OCI counterpart, where it has none.
    pub reason: Option<&'static str>,
}

impl RustSpec {
    /// The target with this name.
    #[must_use]
    pub fn find(triple: &str) -> Option<&'static Self> {
        let index = RUST_TARGETS.binary_search_by(|row| row.triple.cmp(triple)).ok()?;
        RUST_TARGETS.get(index)
    }

    /// The platform whose programs the target makes; none where Go and OCI have no name for it.
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        self.platform.map(Key::platform)
    }
}

/// Every target that rustc has had from version 1.95 to 1.97, by name.
pub fn rust_targets() -> impl ExactSizeIterator<Item = &'static RustSpec> {
    RUST_TARGETS.iter()
}
