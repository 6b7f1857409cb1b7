//! From a build target to what rustc and cargo must be told.

use super::{BuildTarget, Unsupported};
use crate::abi::FloatAbi;
use crate::abi::{Libc, Linkage};
use crate::architecture::Architecture;
use crate::os::Os;
use crate::platform::Platform;
use crate::tables::PlatformSpec;
use crate::tables::{CrtStatic, RustSpec};

/// What rustc and cargo are told for a [`BuildTarget`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RustTarget {
    /// The name for `--target`.
    pub triple: &'static str,
    /// The value for `-C target-cpu`, where the target's own baseline is not what was asked for.
    pub target_cpu: Option<String>,
    /// The flags for `RUSTFLAGS`, each one argument (`-Ctarget-feature=+crt-static`).
    pub rustflags: Vec<String>,
    /// Whether `rustup target add` has the standard library; without it the library must be built from source or
    /// come from the distribution.
    pub has_prebuilt_std: bool,
    /// rustc's support tier: 1, 2 or 3.
    pub tier: u8,
    /// What a person should know about the choice, as sentences.
    pub notes: Vec<&'static str>,
}

impl RustTarget {
    /// The triple as cargo's and the cc crate's variables spell it: `aarch64_unknown_linux_musl`.
    #[must_use]
    pub fn underscored(&self) -> String {
        self.triple.replace(['-', '.'], "_")
    }

    /// The triple in the names of cargo's variables: `AARCH64_UNKNOWN_LINUX_MUSL`.
    #[must_use]
    pub fn upper(&self) -> String {
        self.underscored().to_ascii_uppercase()
    }
}

impl BuildTarget {
    /// The Rust target with its flags.
    ///
    /// # Errors
    /// [`Unsupported`] when rustc has no target for the platform, or none with this C library, linkage or float ABI.
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

    /// What rustc says about the target.
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
                .ok_or_else(|| unsupported("the simulator and Mac Catalyst run programs of iOS alone"))?,
        };
        self.with_asked_float(triple)
    }

    /// ARMv4T has one Rust target, below anything that Go builds for.
    fn armv4t(&self) -> Result<&'static RustSpec, Unsupported> {
        let found =
            matches!(self.libc(), Libc::Gnu { .. }).then(|| RustSpec::find("armv4t-unknown-linux-gnueabi"));
        found
            .flatten()
            .ok_or_else(|| Unsupported::new("Rust", self, "armv4t has a target for the GNU C library alone"))
    }

    /// The target of the same family with the float ABI that was asked for.
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

    /// The flag that makes the program static or dynamic where the target does not do it by itself.
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

/// The target of a RISC-V profile, where there is one.
fn profile_triple(platform: &Platform, triple: &'static str) -> &'static str {
    match (platform.variant, triple) {
        (Some("rva23u64"), "riscv64gc-unknown-linux-gnu") => "riscv64a23-unknown-linux-gnu",
        _ => triple,
    }
}

/// The processor whose instructions a level of the platform allows.
fn level_cpu(platform: &Platform, spec: &RustSpec, notes: &mut Vec<&'static str>) -> Option<&'static str> {
    const CORE: &str =
        "rustc has no levels for arm64: a core of the level is named, which has its optional features too.";
    const NO_CORE: &str =
        "rustc has no core of just this arm64 level: the program is built for the baseline.";
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

/// The most capable server core that needs no more than the level.
fn arm64_core(variant: &str) -> Option<&'static str> {
    match variant {
        "v8.2" | "v8.3" => Some("neoverse-n1"),
        "v8.4" | "v8.5" | "v8.6" | "v8.7" | "v8.8" | "v8.9" => Some("neoverse-v1"),
        "v9" | "v9.1" => Some("neoverse-n2"),
        level if level.starts_with("v9.") => Some("neoverse-v3"),
        _ => None,
    }
}

/// Says that the target's float ABI is not Go's default for the platform.
fn float_note(target: &BuildTarget, spec: &RustSpec) -> Option<&'static str> {
    let differs = spec.float.zip(target.float()).is_some_and(|(has, usual)| has != usual);
    differs.then_some("This target passes floating-point numbers in integer registers (soft float).")
}
