//! The properties of machines that programs depend on.

use crate::architecture::Architecture;
use crate::os::Os;

/// The properties of a machine that programs depend on. A program that needs more than a machine has crashes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct NodeProfile {
    /// The level that programs are built for by default; `None` is the baseline of the architecture.
    pub baseline: Option<&'static str>,
    /// The highest variant that every machine of this name offers; `None` if unknown. The baseline is spelled as Go
    /// spells it (`v1`, `v8.0`).
    pub highest: Option<&'static str>,
    /// The processor, in rustc's and LLVM's spelling; `None` if unknown.
    pub cpu: Option<&'static str>,
    /// The page sizes, in bytes, that its operating system may use.
    pub page_sizes: &'static [u32],
    /// Whether it runs the 32-bit programs of its family; `None` if unknown.
    pub runs_32bit: Option<bool>,
    /// The forms of images that it takes.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "ImageForms::is_any"))]
    pub images: ImageForms,
}

/// The forms of images that a machine or a service takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
pub enum ImageForms {
    /// Every form of the OCI specification.
    #[default]
    Any,
    /// AWS Lambda's: the manifest of one platform, of Docker's or OCI's media types, without an index, and with layers that are
    /// compressed with gzip (<https://docs.aws.amazon.com/lambda/latest/dg/images-create.html>).
    AwsLambda,
}

impl ImageForms {
    /// Returns whether every form is taken.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self == Self::Any
    }
}

/// Returns the page sizes, in bytes, that an operating system may use on an architecture.
///
/// An unstated operating system may be Linux, whose page size is a choice of the kernel's build: `ARM64_PAGE_SHIFT` and
/// its like in `arch/*/Kconfig`.
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
