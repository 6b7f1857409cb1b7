//! Build targets: a platform with everything that a compiler must know besides it.

mod cross_env;
mod go;
mod names;
mod rust;

use std::fmt;

use crate::abi::AppleAbi;
use crate::abi::FloatAbi;
use crate::abi::{Libc, Linkage};
use crate::architecture::{Architecture, Endianness};
use crate::os::Os;
use crate::platform::Platform;
use crate::tables::PlatformSpec;

pub use cross_env::{Compiler, JEMALLOC_LG_PAGE, Tools};
pub use go::GoTarget;
pub use names::Names;
pub use rust::{RustTarget, cargo_env_triple, env_triple};

/// A platform with what OCI cannot name: the C library, the linkage, the float ABI and the processor.
///
/// From it follow the Rust target ([`rust`](Self::rust)), Go's variables ([`go`](Self::go)), the names of tools and
/// packages ([`names`](Self::names)) and the environment of a cross build ([`cross_env`](Self::cross_env)).
///
/// Tables that name one triple for each platform mix musl with the GNU C library: a static program gets the triple of
/// dynamic ones, or the other way round. Here the linkage chooses the library, and another library is an explicit
/// choice:
///
/// ```
/// use crossdock_platform::{BuildTarget, Libc, Linkage, Platform};
///
/// let target = BuildTarget::new(Platform::LINUX_ARM64, Linkage::Static);
/// assert_eq!(target.rust()?.triple, "aarch64-unknown-linux-musl");
/// assert_eq!(target.go()?.env()["GOARM64"], "v8.0");
///
/// let dynamic = BuildTarget::new(Platform::LINUX_ARM64, Linkage::Dynamic);
/// assert_eq!(dynamic.rust()?.triple, "aarch64-unknown-linux-gnu");
///
/// let static_gnu = target.with_libc(Libc::GNU).rust()?;
/// assert_eq!(static_gnu.triple, "aarch64-unknown-linux-gnu");
/// assert_eq!(static_gnu.rustflags, ["-Ctarget-feature=+crt-static"]);
/// # Ok::<(), crossdock_platform::Unsupported>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuildTarget {
    platform: Platform,
    linkage: Linkage,
    libc: Libc,
    float: Option<FloatAbi>,
    apple: Option<AppleAbi>,
    cpu: Option<String>,
}

impl BuildTarget {
    /// Creates the target of a platform with the usual C library, which on Linux is musl for static programs and the
    /// GNU one for dynamic ones. glibc is not meant for static programs: its name service and `iconv` load libraries.
    #[must_use]
    pub fn new(platform: Platform, linkage: Linkage) -> Self {
        let libc = match (platform.os, linkage) {
            (Os::Linux, Linkage::Static) | (Os::Wasi | Os::Wasip1, _) => Libc::Musl,
            (Os::Linux | Os::Hurd, _) => Libc::GNU,
            (Os::Windows, _) => Libc::Msvc,
            _ => Libc::System,
        };
        Self { platform: platform.normalized(), linkage, libc, float: None, apple: None, cpu: None }
    }

    /// Replaces the C library.
    #[must_use]
    pub fn with_libc(mut self, libc: Libc) -> Self {
        self.libc = libc;
        self
    }

    /// Replaces the float ABI of the platform.
    #[must_use]
    pub fn with_float(mut self, float: FloatAbi) -> Self {
        self.float = Some(float);
        self
    }

    /// Selects the environment that an iOS program runs in instead of a device.
    #[must_use]
    pub fn with_apple(mut self, apple: AppleAbi) -> Self {
        self.apple = Some(apple);
        self
    }

    /// Restricts the target to a processor, in rustc's and LLVM's spelling (`neoverse-v2`).
    #[must_use]
    pub fn with_cpu(mut self, cpu: impl Into<String>) -> Self {
        self.cpu = Some(cpu.into());
        self
    }

    /// Returns the platform in normal form.
    #[must_use]
    pub const fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Returns the linkage.
    #[must_use]
    pub const fn linkage(&self) -> Linkage {
        self.linkage
    }

    /// Returns the C library.
    #[must_use]
    pub const fn libc(&self) -> Libc {
        self.libc
    }

    /// Returns the explicit processor; `None` is the baseline of the platform.
    #[must_use]
    pub fn cpu(&self) -> Option<&str> {
        self.cpu.as_deref()
    }

    /// Returns the float ABI; `None` if the architecture has only one.
    #[must_use]
    pub fn float(&self) -> Option<FloatAbi> {
        self.float.or(match self.platform.architecture {
            // Processors up to ARMv5 mostly have no float unit; Go's GOARM=5 and Debian's armel pass numbers
            // likewise.
            Architecture::Arm if matches!(self.platform.variant, Some("v4" | "v5")) => Some(FloatAbi::Soft),
            Architecture::Arm
            | Architecture::Mips
            | Architecture::Mipsle
            | Architecture::Mips64
            | Architecture::Mips64le => Some(FloatAbi::Hard),
            _ => None,
        })
    }

    /// Returns the environment of an iOS program; `None` is a device.
    #[must_use]
    pub const fn apple(&self) -> Option<AppleAbi> {
        self.apple
    }

    /// Returns the explicit float ABI.
    pub(crate) const fn asked_float(&self) -> Option<FloatAbi> {
        self.float
    }

    /// Returns the width of a pointer in bits.
    #[must_use]
    pub const fn pointer_width(&self) -> u8 {
        self.platform.architecture.pointer_width()
    }

    /// Returns the byte order.
    #[must_use]
    pub const fn endianness(&self) -> Endianness {
        self.platform.architecture.endianness()
    }

    /// Returns the largest page size, in bytes, that a node of the platform may have. The kernel cannot map a program
    /// whose segments are aligned to less.
    #[must_use]
    pub fn page_size(&self) -> u32 {
        PlatformSpec::find(&self.platform).map_or(4096, |spec| spec.page)
    }
}

/// The error for a target that a language cannot build for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsupported {
    /// The language: `Go` or `Rust`.
    pub by: &'static str,
    /// The platform of the target.
    pub platform: Box<Platform>,
    /// The reason, as a clause without a full stop.
    pub reason: String,
}

impl Unsupported {
    pub(crate) fn new(by: &'static str, target: &BuildTarget, reason: impl Into<String>) -> Self {
        Self { by, platform: Box::new(target.platform.clone()), reason: reason.into() }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot build for {}: {}", self.by, self.platform, self.reason)
    }
}

impl std::error::Error for Unsupported {}
