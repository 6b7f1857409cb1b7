//! What a machine offers to the programs on it.

use crate::architecture::Architecture;
use crate::os::Os;

/// What a machine offers: a program may use the guaranteed level and must not need more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct NodeProfile {
    /// The level that programs are built for unless something else is asked for; none is the architecture's baseline.
    pub baseline: Option<&'static str>,
    /// The highest variant of its architecture that every machine of the name surely offers, in Go's spelling where it
    /// is the baseline (`v1`, `v8.0`); none where it is not known.
    pub highest: Option<&'static str>,
    /// rustc's and LLVM's name of the processor.
    pub cpu: Option<&'static str>,
    /// The page sizes, in bytes, that its system may be configured with.
    pub page_sizes: &'static [u32],
    /// Whether it runs the 32-bit programs of its family; none where that is not known.
    pub runs_32bit: Option<bool>,
}

/// The page sizes, in bytes, that a system of the operating system and architecture may use.
pub(crate) const fn page_sizes(os: Option<Os>, architecture: Architecture) -> &'static [u32] {
    match (os, architecture) {
        (Some(Os::Darwin | Os::Ios), Architecture::Arm64) => &[16_384],
        (Some(Os::Windows | Os::Openbsd | Os::Freebsd), _) => &[4_096],
        (_, Architecture::Arm64) => &[4_096, 16_384, 65_536],
        (_, Architecture::Ppc64 | Architecture::Ppc64le) => &[4_096, 65_536],
        (_, Architecture::Loong64 | Architecture::Mips64 | Architecture::Mips64le) => {
            &[4_096, 16_384, 65_536]
        }
        (_, Architecture::Wasm) => &[65_536],
        _ => &[4_096],
    }
}
