//! The names that other tools use for a build target.

use super::BuildTarget;
use crate::abi::FloatAbi;
use crate::abi::Libc;
use crate::architecture::Architecture;
use crate::os::Os;
use crate::tables::PlatformSpec;

/// The names that tools and distributions use for a [`BuildTarget`]. `None` if a tool has no name for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Names {
    /// The prefix of the GNU tools for this C library: `aarch64-linux-gnu`. The prefixes for musl are those that the cc
    /// crate derives; Debian packages no tools under them.
    pub gnu_prefix: Option<&'static str>,
    /// The C compiler to look for: `aarch64-linux-gnu-gcc`, `musl-gcc`.
    pub gcc: Option<String>,
    /// The Debian package of [`gcc`](Self::gcc): `gcc-aarch64-linux-gnu`, `musl-tools`.
    pub gcc_package: Option<String>,
    /// The Debian package of the C library's headers: `libc6-dev-arm64-cross`. The package of the cross compiler only
    /// recommends it, so an installation without recommended packages lacks it.
    pub libc_package: Option<String>,
    /// The architecture of Debian packages: `arm64`.
    pub debian: Option<&'static str>,
    /// Debian's directory of libraries in `/usr/lib`: `aarch64-linux-gnu`.
    pub multiarch: Option<&'static str>,
    /// The architecture of Alpine packages: `aarch64`.
    pub alpine: Option<&'static str>,
    /// The architecture of RPM packages: `aarch64`.
    pub rpm: Option<&'static str>,
    /// The target of LLVM, as clang's `--target` takes it.
    pub llvm: Option<&'static str>,
    /// The target of zig, with the minimum glibc version if there is one: `aarch64-linux-gnu.2.28`.
    pub zig: Option<String>,
    /// The value for zig's `-mcpu`; `None` if the target implies the processor.
    pub zig_cpu: Option<String>,
    /// The value for `-march` of gcc and clang; `None` if the target implies the processor.
    pub march: Option<String>,
    /// QEMU's user-mode emulator: `qemu-aarch64`.
    pub qemu_user: Option<&'static str>,
}

impl BuildTarget {
    /// Returns the names that tools and distributions use for the target.
    ///
    /// ```
    /// use crossdock_platform::{BuildTarget, Linkage, Platform};
    ///
    /// let names = BuildTarget::new(Platform::parse("linux/arm/v6")?, Linkage::Dynamic).names();
    /// assert_eq!((names.debian, names.alpine, names.rpm), (Some("armel"), Some("armhf"), Some("armv6hl")));
    /// # Ok::<(), crossdock_platform::PlatformError>(())
    /// ```
    #[must_use]
    pub fn names(&self) -> Names {
        let Some(row) = PlatformSpec::find(self.platform()) else {
            return Names::default();
        };
        let spec = self.rust_spec().ok();
        let gnu_prefix = match self.libc() {
            Libc::Gnu { .. } if self.asked_float().is_none() => row.cross,
            _ => spec.and_then(|spec| spec.gnu_prefix).or(row.cross.filter(|_| self.libc() != Libc::Musl)),
        };
        let native_musl = self.libc() == Libc::Musl && self.platform().architecture() == Architecture::Amd64;
        let gcc = match gnu_prefix {
            _ if native_musl => Some("musl-gcc".to_owned()),
            prefix => prefix.map(|prefix| format!("{prefix}-gcc")),
        };
        Names {
            gnu_prefix,
            gcc,
            gcc_package: self.gcc_package(row, native_musl),
            libc_package: self.libc_package(row),
            debian: row.deb,
            multiarch: row.multiarch,
            alpine: row.apk,
            rpm: row.rpm,
            llvm: spec.map(|spec| spec.llvm),
            zig: row.zig.map(|zig| self.zig(zig)),
            zig_cpu: self.zig_cpu(row),
            march: self.march(),
            qemu_user: row.qemu,
        }
    }

    /// Returns the Debian package of the compiler. Debian packages no cross compiler for loong64, and for musl only the
    /// native one.
    fn gcc_package(&self, row: &PlatformSpec, native_musl: bool) -> Option<String> {
        if native_musl {
            return Some("musl-tools".to_owned());
        }
        let packaged = matches!(self.libc(), Libc::Gnu { .. } | Libc::Mingw)
            && self.platform().architecture() != Architecture::Loong64;
        let package = |prefix: &str| match self.platform().os() {
            Os::Windows => "gcc-mingw-w64".to_owned(),
            _ => format!("gcc-{}", prefix.replace('_', "-")),
        };
        row.cross.filter(|_| packaged).map(package)
    }

    fn libc_package(&self, row: &PlatformSpec) -> Option<String> {
        let compiler = self.gcc_package(row, false).filter(|_| matches!(self.libc(), Libc::Gnu { .. }));
        compiler.and(row.deb).map(|debian| format!("libc6-dev-{debian}-cross"))
    }

    fn zig(&self, zig: &str) -> String {
        if self.platform().os() == Os::Windows {
            return format!("{zig}-{}", if self.libc() == Libc::Msvc { "msvc" } else { "gnu" });
        }
        let (libc, version) = match self.libc() {
            Libc::Musl if self.platform().os() == Os::Linux => ("musl", None),
            Libc::Gnu { minimum } => ("gnu", minimum),
            _ => return zig.to_owned(),
        };
        let suffix = match (self.platform().architecture(), self.float()) {
            (Architecture::Mips64 | Architecture::Mips64le, _) => "abi64",
            // On 386 the float ABI tells processors with SSE2 from those without, and zig names that by `-mcpu`.
            (Architecture::I386, _) => "",
            (_, Some(FloatAbi::Hard)) => "eabihf",
            (_, Some(FloatAbi::Soft)) => "eabi",
            _ => "",
        };
        let version = version.map(|version| format!(".{version}")).unwrap_or_default();
        format!("{zig}-{libc}{suffix}{version}")
    }

    fn is_without_sse2(&self) -> bool {
        self.platform().architecture() == Architecture::I386 && self.float() == Some(FloatAbi::Soft)
    }

    fn zig_cpu(&self, row: &PlatformSpec) -> Option<String> {
        if let Some(cpu) = self.cpu() {
            // zig spells LLVM's names of processors with underscores.
            return Some(cpu.replace('-', "_"));
        }
        if self.is_without_sse2() {
            return Some("i586".to_owned());
        }
        match (self.platform().architecture(), self.platform().variant()) {
            (Architecture::Amd64, Some(level)) => Some(format!("x86_64_{level}")),
            (Architecture::Arm64, Some(level)) => Some(format!("generic+{}a", level.replace('.', "_"))),
            (Architecture::Ppc64 | Architecture::Ppc64le, Some(level)) => Some(level.replace("power", "pwr")),
            _ => row.zig_cpu.map(str::to_owned),
        }
    }

    fn march(&self) -> Option<String> {
        if self.is_without_sse2() {
            return Some("i586".to_owned());
        }
        match (self.platform().architecture(), self.platform().variant()) {
            (Architecture::Amd64, Some(level)) => Some(format!("x86-64-{level}")),
            (Architecture::Arm64, Some("v9")) => Some("armv9-a".to_owned()),
            (Architecture::Arm64, Some(level)) => Some(format!("arm{level}-a")),
            (Architecture::Arm, Some("v5")) => Some("armv5te".to_owned()),
            // Without `+fp` gcc refuses the hard float ABI: `selected architecture lacks an FPU`.
            (Architecture::Arm, Some("v6")) => Some("armv6+fp".to_owned()),
            _ => None,
        }
    }
}
