//! What a program is built for.

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

pub use cross_env::{Compiler, Tools};
pub use go::GoTarget;
pub use names::Names;
pub use rust::RustTarget;

/// A platform with everything that OCI cannot say: the C library, the linkage, the float ABI and the processor.
///
/// ```
/// use crossdock_platform::{BuildTarget, Linkage, Platform};
///
/// let target = BuildTarget::new(Platform::LINUX_ARM64, Linkage::Static);
/// assert_eq!(target.rust()?.triple, "aarch64-unknown-linux-musl");
/// assert_eq!(target.go()?.env()["GOARM64"], "v8.0");
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
    /// The target for a platform with the usual C library: on Linux musl when static and the GNU one when dynamic.
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

    /// The same target with another C library.
    #[must_use]
    pub fn with_libc(mut self, libc: Libc) -> Self {
        self.libc = libc;
        self
    }

    /// The same target with another float ABI than the platform's usual one.
    #[must_use]
    pub fn with_float(mut self, float: FloatAbi) -> Self {
        self.float = Some(float);
        self
    }

    /// The same target for what runs a program of iOS where that is not a device.
    #[must_use]
    pub fn with_apple(mut self, apple: AppleAbi) -> Self {
        self.apple = Some(apple);
        self
    }

    /// The same target for one processor, in rustc's and LLVM's spelling (`neoverse-v2`).
    #[must_use]
    pub fn with_cpu(mut self, cpu: impl Into<String>) -> Self {
        self.cpu = Some(cpu.into());
        self
    }

    /// The platform in normal form.
    #[must_use]
    pub const fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Whether the program is static.
    #[must_use]
    pub const fn linkage(&self) -> Linkage {
        self.linkage
    }

    /// The C library.
    #[must_use]
    pub const fn libc(&self) -> Libc {
        self.libc
    }

    /// The processor that was asked for.
    #[must_use]
    pub fn cpu(&self) -> Option<&str> {
        self.cpu.as_deref()
    }

    /// The float ABI; none where the architecture has only one.
    #[must_use]
    pub fn float(&self) -> Option<FloatAbi> {
        self.float.or(match self.platform.architecture {
            Architecture::Arm if matches!(self.platform.variant, Some("v4" | "v5")) => Some(FloatAbi::Soft),
            Architecture::Arm
            | Architecture::Mips
            | Architecture::Mipsle
            | Architecture::Mips64
            | Architecture::Mips64le => Some(FloatAbi::Hard),
            _ => None,
        })
    }

    /// What runs a program of iOS, where it is not a device.
    #[must_use]
    pub const fn apple(&self) -> Option<AppleAbi> {
        self.apple
    }

    /// The float ABI that was asked for explicitly.
    pub(crate) const fn asked_float(&self) -> Option<FloatAbi> {
        self.float
    }

    /// The width of a pointer in bits.
    #[must_use]
    pub const fn pointer_width(&self) -> u8 {
        self.platform.architecture.pointer_width()
    }

    /// The byte order.
    #[must_use]
    pub const fn endianness(&self) -> Endianness {
        self.platform.architecture.endianness()
    }

    /// The largest page size, in bytes, that a node of the platform may have: segments aligned to less do not load
    /// there.
    #[must_use]
    pub fn page_size(&self) -> u32 {
        PlatformSpec::find(&self.platform).map_or(4096, |spec| spec.page)
    }
}

/// A target that a language or a tool cannot build for, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// The language or tool.
    pub by: &'static str,
    /// The platform.
    pub platform: Box<Platform>,
    /// Why, as the end of a sentence.
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
