//! The Rust target of a build target, with its flags.

use super::{BuildTarget, Unsupported};
use crate::abi::{FloatAbi, Libc, Linkage};
use crate::architecture::Architecture;
use crate::os::Os;
use crate::platform::Platform;
use crate::tables::{CrtStatic, PlatformSpec, RustSpec};

/// The arguments that rustc and cargo need for a [`BuildTarget`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RustTarget {
    /// The name for `--target`.
    pub triple: &'static str,
    /// The value for `-C target-cpu`; `None` if the baseline of the triple is meant.
    pub target_cpu: Option<String>,
    /// The flags for `RUSTFLAGS`, each one argument (`-Ctarget-feature=+crt-static`).
    pub rustflags: Vec<String>,
    /// Whether rustup offers a prebuilt standard library (`rustup target add`). Without one, the library is built from
    /// source or comes from the distribution.
    pub has_prebuilt_std: bool,
    /// rustc's support tier: 1, 2 or 3.
    pub tier: u8,
    /// Notes for a reader about the choice, as sentences.
    pub notes: Vec<&'static str>,
}

/// Returns a triple as the cc crate and its relatives spell it in names of variables: `CC_x86_64_unknown_linux_musl`.
///
/// ```
/// use crossdock_platform::{cargo_env_triple, env_triple};
///
/// assert_eq!(env_triple("thumbv8m.main-none-eabi"), "thumbv8m_main_none_eabi");
/// assert_eq!(cargo_env_triple("x86_64-unknown-linux-musl"), "X86_64_UNKNOWN_LINUX_MUSL");
/// ```
#[must_use]
pub fn env_triple(triple: &str) -> String {
    triple.replace(['-', '.'], "_")
}

/// Returns a triple as cargo spells it in names of variables: `CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER`.
#[must_use]
pub fn cargo_env_triple(triple: &str) -> String {
    env_triple(triple).to_ascii_uppercase()
}

impl BuildTarget {
    /// Returns the Rust target with its flags.
    ///
    /// # Errors
    /// [`Unsupported`] if rustc has no target for the platform, or none with this C library, linkage or float ABI.
    ///
    /// ```
    /// use crossdock_platform::{BuildTarget, Linkage, Platform};
    ///
    /// let rust = BuildTarget::new(Platform::parse("linux/loong64")?, Linkage::Static).rust()?;
    /// assert_eq!(rust.triple, "loongarch64-unknown-linux-musl");
    /// assert!(rust.has_prebuilt_std);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rust(&self) -> Result<RustTarget, Unsupported> {
        let spec = self.rust_spec()?;
        let mut notes = Vec::new();
        let target_cpu = match self.cpu() {
            Some(cpu) => Some(cpu.to_owned()),
            None => level_cpu(self.platform(), spec, &mut notes).map(str::to_owned),
        };
        let mut rustflags: Vec<String> = target_cpu.iter().map(|cpu| format!("-Ctarget-cpu={cpu}")).collect();
        rustflags.extend(self.crt_static_flag(spec)?.map(str::to_owned));
        notes.extend(float_note(self, spec));
        notes.extend(
            (!spec.prebuilt).then_some("rustup has no standard library for this target: it must be built."),
        );
        let has_prebuilt_std = spec.prebuilt;
        Ok(RustTarget {
            triple: spec.triple,
            target_cpu,
            rustflags,
            has_prebuilt_std,
            tier: spec.tier,
            notes,
        })
    }

    /// Returns the row of the Rust target.
    pub(crate) fn rust_spec(&self) -> Result<&'static RustSpec, Unsupported> {
        let unsupported = |reason: &str| Unsupported::new("Rust", self, reason);
        let platform = self.platform();
        if platform.os == Os::Linux
            && platform.architecture == Architecture::Arm
            && platform.variant == Some("v4")
        {
            return self.armv4t();
        }
        let row = PlatformSpec::find(platform).ok_or_else(|| unsupported("rustc has no target for it"))?;
        let dynamic = row.dynamic.ok_or_else(|| unsupported("rustc has no target for it"))?;
        // The column `static` is the target of the system's other C library: musl on Linux, MinGW on Windows.
        let triple = match (platform.os, self.libc()) {
            (Os::Linux, Libc::Musl) | (Os::Windows, Libc::Mingw) => row.r#static,
            (Os::Linux, Libc::Gnu { .. }) | (Os::Windows, Libc::Msvc) => Some(dynamic),
            (Os::Linux | Os::Windows, _) => None,
            (_, Libc::System) | (Os::Wasip1, Libc::Musl) => Some(dynamic),
            _ => None,
        };
        let triple = triple
            .ok_or_else(|| unsupported(&format!("it has no target with the C library {}", self.libc())))?;
        let triple = match self.apple() {
            None => profile_triple(platform, triple),
            Some(apple) => apple
                .triple(triple)
                .ok_or_else(|| unsupported("only iOS programs run in the simulator and on Mac Catalyst"))?,
        };
        self.with_asked_float(triple)
    }

    /// Returns the only Rust target of ARMv4T. No row of a platform has it, because Go needs ARMv5.
    fn armv4t(&self) -> Result<&'static RustSpec, Unsupported> {
        let found =
            matches!(self.libc(), Libc::Gnu { .. }).then(|| RustSpec::find("armv4t-unknown-linux-gnueabi"));
        found
            .flatten()
            .ok_or_else(|| Unsupported::new("Rust", self, "armv4t has a target only for the GNU C library"))
    }

    /// Returns the target of the same family with the explicit float ABI.
    fn with_asked_float(&self, triple: &'static str) -> Result<&'static RustSpec, Unsupported> {
        let known = RustSpec::find(triple)
            .ok_or_else(|| Unsupported::new("Rust", self, "rustc has no target for it"))?;
        let without_sse2 = self.platform().architecture() == Architecture::I386;
        let sibling = match (self.asked_float(), known.float) {
            (Some(FloatAbi::Soft), _) if without_sse2 => {
                triple.strip_prefix("i686-").map(|rest| format!("i586-{rest}"))
            }
            (None, _) | (_, None) => return Ok(known),
            (Some(asked), Some(float)) if asked == float => return Ok(known),
            (Some(FloatAbi::Soft), _) if triple == "mips64-unknown-linux-muslabi64" => {
                // rustc has the soft float ABI of musl on mips64 only under OpenWrt's name.
                Some("mips64-openwrt-linux-musl".to_owned())
            }
            (Some(FloatAbi::Soft), _) => triple.strip_suffix("hf").map(str::to_owned),
            (Some(FloatAbi::Hard), _) => Some(format!("{triple}hf")),
        };
        sibling.and_then(|sibling| RustSpec::find(&sibling)).ok_or_else(|| {
            let asked = if without_sse2 { "for processors without SSE2" } else { "with that float ABI" };
            Unsupported::new("Rust", self, format!("{triple} has no counterpart {asked}"))
        })
    }

    /// Returns the flag for a linkage that is not the default of the target.
    fn crt_static_flag(&self, spec: &RustSpec) -> Result<Option<&'static str>, Unsupported> {
        match (self.linkage(), spec.crt_static) {
            (Linkage::Static, CrtStatic::Default) | (Linkage::Dynamic, CrtStatic::Flag | CrtStatic::No) => {
                Ok(None)
            }
            (Linkage::Static, CrtStatic::Flag) => Ok(Some("-Ctarget-feature=+crt-static")),
            (Linkage::Dynamic, CrtStatic::Default) => Ok(Some("-Ctarget-feature=-crt-static")),
            (Linkage::Static, CrtStatic::No) => Err(Unsupported::new(
                "Rust",
                self,
                "its programs are always dynamic: ask for dynamic linkage",
            )),
        }
    }
}

/// Returns the target of a RISC-V profile, if rustc has one.
fn profile_triple(platform: &Platform, triple: &'static str) -> &'static str {
    match (platform.variant, triple) {
        (Some("rva23u64"), "riscv64gc-unknown-linux-gnu") => "riscv64a23-unknown-linux-gnu",
        _ => triple,
    }
}

/// Returns the processor whose instructions the level of the platform allows.
fn level_cpu(platform: &Platform, spec: &RustSpec, notes: &mut Vec<&'static str>) -> Option<&'static str> {
    const CORE: &str = "rustc has no arm64 levels: the program is built for a core of the level and may use its optional features.";
    const NO_CORE: &str = "rustc has no core of this arm64 level: the program is built for the baseline.";
    const PROFILE: &str = "rustc has no target for this RISC-V profile: the program is built for rva20u64.";
    let variant = platform.variant?;
    match (platform.architecture, variant) {
        (Architecture::Amd64, "v2") => Some("x86-64-v2"),
        (Architecture::Amd64, "v3") => Some("x86-64-v3"),
        (Architecture::Amd64, "v4") => Some("x86-64-v4"),
        (Architecture::Arm64, variant) => {
            let core = arm64_core(variant);
            notes.push(if core.is_some() { CORE } else { NO_CORE });
            core
        }
        (Architecture::Ppc64 | Architecture::Ppc64le, "power8") => Some("pwr8"),
        (Architecture::Ppc64 | Architecture::Ppc64le, "power9") => Some("pwr9"),
        (Architecture::Ppc64 | Architecture::Ppc64le, "power10") => Some("pwr10"),
        (Architecture::Riscv64, "rva22u64" | "rva23u64") if !spec.triple.starts_with("riscv64a23") => {
            notes.push(PROFILE);
            None
        }
        _ => None,
    }
}

/// Returns the most capable server core that needs only the features of the level.
fn arm64_core(variant: &str) -> Option<&'static str> {
    match variant {
        "v8.2" | "v8.3" => Some("neoverse-n1"),
        "v8.4" | "v8.5" | "v8.6" | "v8.7" | "v8.8" | "v8.9" => Some("neoverse-v1"),
        "v9" | "v9.1" => Some("neoverse-n2"),
        level if level.starts_with("v9.") => Some("neoverse-v3"),
        _ => None,
    }
}

/// Returns a note if the float ABI of the target is not Go's default for the platform: a program that mixes both
/// languages would not link.
fn float_note(target: &BuildTarget, spec: &RustSpec) -> Option<&'static str> {
    let differs = spec.float.zip(target.float()).is_some_and(|(has, usual)| has != usual);
    differs.then_some("This target passes floating-point numbers in integer registers (soft float).")
}
