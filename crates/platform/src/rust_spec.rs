//! What rustc says about each of its targets.

use crate::architecture::Endianness;
use crate::float::FloatAbi;
use crate::generated::rust_targets::RUST_TARGETS;
use crate::platform_spec::Key;

/// How a Rust target makes a static program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CrtStatic {
    /// It is static without a flag.
    Default,
    /// With `-C target-feature=+crt-static`.
    Flag,
    /// Never.
    No,
}

/// A row of `data/rust-targets.tsv`; that file says what each column means.
#[derive(Debug)]
#[expect(dead_code, reason = "the rest is read by the vocabulary of triples")]
pub(crate) struct RustSpec {
    pub(crate) triple: &'static str,
    pub(crate) platform: Option<Key>,
    pub(crate) os: &'static str,
    pub(crate) env: Option<&'static str>,
    pub(crate) abi: Option<&'static str>,
    pub(crate) float: Option<FloatAbi>,
    pub(crate) width: u8,
    pub(crate) endian: Endianness,
    pub(crate) crt_static: CrtStatic,
    pub(crate) tier: u8,
    pub(crate) prebuilt: bool,
    pub(crate) gnu_prefix: Option<&'static str>,
    pub(crate) llvm: &'static str,
    pub(crate) cpu: Option<&'static str>,
    pub(crate) reason: Option<&'static str>,
}

impl RustSpec {
    /// The row of a target.
    pub(crate) fn find(triple: &str) -> Option<&'static Self> {
        let index = RUST_TARGETS.binary_search_by(|row| row.triple.cmp(triple)).ok()?;
        RUST_TARGETS.get(index)
    }
}
