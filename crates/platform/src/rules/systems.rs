//! The triples and pairs of Rust, zig, Nix and xx.

use crate::abi::AppleAbi;
use crate::abi::FloatAbi;
use crate::abi::{GlibcVersion, Libc};
use crate::architecture::Architecture;
use crate::facts::Facts;
use crate::os::Os;
use crate::rules::gocode::has_port;
use crate::rules::hosts::is_dotted;
use crate::tables::RustSpec;

const NO_NAME: &str = "no Go port and no OCI name";

/// Reads a target of rustc.
pub(super) fn rust_triple(text: &str) -> Option<Facts> {
    let spec = RustSpec::find(text)?;
    let libc = match (spec.env, spec.os) {
        (Some("musl"), _) => Some(Libc::Musl),
        (Some("gnu"), "windows") => Some(Libc::Mingw),
        (Some("gnu"), _) => Some(Libc::GNU),
        (Some("msvc"), _) => Some(Libc::Msvc),
        _ => None,
    };
    let Some(key) = spec.platform else {
        return Some(Facts::new(None, None).libc(libc).note(spec.reason.unwrap_or(NO_NAME)));
    };
    let apple = match spec.abi {
        Some("sim") => Some(AppleAbi::Simulator),
        Some("macabi") => Some(AppleAbi::Catalyst),
        _ => None,
    };
    let note = match (spec.abi, spec.env) {
        _ if apple.is_some() => apple.map(AppleAbi::note),
        (Some("uwp"), _) => Some("a program of the Universal Windows Platform"),
        _ if spec.triple.contains("-win7-") => Some("for Windows 7, which Go no longer supports"),
        (_, Some("uclibc")) => Some("a program of uClibc, which needs that library's loader"),
        _ if spec.triple.starts_with("thumbv7neon") => {
            Some("it needs NEON, which plain arm/v7 does not promise")
        }
        _ => None,
    };
    let facts = Facts::new(key.os, key.architecture).variant(key.variant).libc(libc).note(note);
    Some(Facts { float: stated_float(spec, key.architecture), apple, ..facts })
}

/// Returns the float ABI that the name of a target states, or that is not the usual one of its platform.
fn stated_float(spec: &RustSpec, architecture: Architecture) -> Option<FloatAbi> {
    match architecture {
        // The only ABI of Android passes numbers in integer registers although its processors have a float unit.
        Architecture::Arm => spec.float.filter(|_| spec.os != "android"),
        Architecture::I386 => spec.triple.starts_with("i586").then_some(FloatAbi::Soft),
        _ => spec.float.filter(|float| *float == FloatAbi::Soft),
    }
}

/// Reads `ARCHITECTURE-apple-macosVERSION`, xx's names of Apple systems.
pub(super) fn apple_triple(text: &str) -> Option<Facts> {
    let (processor, rest) = text.split_once("-apple-")?;
    let version = rest.strip_prefix("macosx").or_else(|| rest.strip_prefix("macos"))?;
    let architecture = match processor {
        "arm64" | "aarch64" => Architecture::Arm64,
        "x86_64" => Architecture::Amd64,
        _ => return None,
    };
    (version.is_empty() || is_dotted(version)).then(|| Facts::new(Os::Darwin, architecture))
}

/// Reads a Nix system, `processor-kernel`.
pub(super) fn nix(text: &str) -> Option<Facts> {
    let (processor, kernel) = text.split_once('-')?;
    let (architecture, variant) = nix_processor(processor)?;
    let os = match kernel {
        "linux" => Os::Linux,
        "darwin" => Os::Darwin,
        "freebsd" | "freebsd13" | "freebsd14" => Os::Freebsd,
        "netbsd" => Os::Netbsd,
        "openbsd" => Os::Openbsd,
        "solaris" => Os::Solaris,
        "windows" => Os::Windows,
        "wasi" => Os::Wasip1,
        "cygwin" | "redox" | "genode" | "none" | "ghcjs" | "mmixware" | "uefi" => {
            return Some(Facts::new(None, None).note(NO_NAME));
        }
        _ => return None,
    };
    let note = match architecture {
        None => Some(NO_NAME),
        Some(architecture) => (!has_port(architecture)).then_some("no Go port"),
    };
    let float = without_sse2(processor).then_some(FloatAbi::Soft);
    Some(Facts { float, ..Facts::new(os, architecture).variant(variant).note(note) })
}

/// Returns whether the name of a 386 processor implies that it lacks SSE2. `i386` does not: it is used for all of them.
fn without_sse2(processor: &str) -> bool {
    matches!(processor, "i486" | "i586")
}

type Processor = (Option<Architecture>, Option<&'static str>);

/// Returns the processor of a name in `cpuTypes` of nixpkgs (lib/systems/parse.nix), which states the width in bits: `sparc`
/// and `powerpc` are 32-bit. Go reserves names for them (internal/syslist), so they are named although it has no port.
fn nix_processor(name: &str) -> Option<Processor> {
    let plain = |architecture| Some((Some(architecture), None));
    match name {
        "x86_64" => plain(Architecture::Amd64),
        "i386" | "i486" | "i586" | "i686" => plain(Architecture::I386),
        "aarch64" => plain(Architecture::Arm64),
        "armv5tel" => Some((Some(Architecture::Arm), Some("v5"))),
        "armv6l" => Some((Some(Architecture::Arm), Some("v6"))),
        "armv7a" | "armv7l" => Some((Some(Architecture::Arm), Some("v7"))),
        "loongarch64" => plain(Architecture::Loong64),
        "mips" => plain(Architecture::Mips),
        "mipsel" => plain(Architecture::Mipsle),
        "mips64" => plain(Architecture::Mips64),
        "mips64el" => plain(Architecture::Mips64le),
        "powerpc" => plain(Architecture::Ppc),
        "powerpc64" => plain(Architecture::Ppc64),
        "powerpc64le" => plain(Architecture::Ppc64le),
        "riscv32" => plain(Architecture::Riscv),
        "riscv64" => plain(Architecture::Riscv64),
        "s390" => plain(Architecture::S390),
        "s390x" => plain(Architecture::S390x),
        "sparc" => plain(Architecture::Sparc),
        "sparc64" => plain(Architecture::Sparc64),
        "wasm32" => plain(Architecture::Wasm),
        "aarch64_be" | "alpha" | "arc" | "arm" | "armv6m" | "armv7m" | "armv7r" | "armv8r" | "avr"
        | "javascript" | "m68k" | "microblaze" | "microblazeel" | "mmix" | "msp430" | "or1k"
        | "powerpcle" | "rx" | "sh4" | "vc4" | "wasm64" => Some((None, None)),
        _ => None,
    }
}

/// Reads a zig target, `processor-system[.version][-abi[.glibc version]]`.
pub(super) fn zig(text: &str) -> Option<Facts> {
    let mut parts = text.splitn(3, '-');
    let (processor, system, abi) = (parts.next()?, parts.next()?, parts.next());
    let architecture = zig_processor(processor)?;
    let (system, version) =
        system.split_once('.').map_or((system, None), |(system, version)| (system, Some(version)));
    let os = zig_system(system)?;
    if version.is_some_and(|version| !is_zig_version(system, version)) {
        return None;
    }
    let (abi, libc) = zig_abi(os, abi.unwrap_or_default())?;
    let os = match (os, abi) {
        (Some(Os::Linux), "android" | "androideabi") => Some(Os::Android),
        (os, _) => os,
    };
    if os.is_none() {
        return Some(Facts::new(None, None).note(NO_NAME));
    }
    let other_abi = match abi {
        "ohos" | "ohoseabi" => Some("OpenHarmony has its own libc and loader, and no Go or OCI name"),
        "gnusf" | "muslsf" | "gnuf32" | "muslf32" => {
            Some("Go and Rust need a processor with a float unit here")
        }
        "simulator" if os != Some(Os::Ios) => Some(NO_NAME),
        "gnuabin32" | "muslabin32" => Some("the n32 ABI has no Go port"),
        "gnux32" | "muslx32" => Some("the x32 ABI has no Go port and no OCI name"),
        "gnuilp32" if architecture == Some(Architecture::Arm64) => Some("the ILP32 ABI has no Go port"),
        _ => None,
    };
    if let Some(why) = other_abi {
        return Some(Facts::new(os, None).libc(libc).note(why));
    }
    let note = match architecture {
        None => Some(NO_NAME),
        Some(Architecture::Arm) => Some("the version is not in the target: -mcpu chooses it"),
        Some(_) => None,
    };
    let (float, apple) = (zig_float(architecture, abi), (abi == "simulator").then_some(AppleAbi::Simulator));
    let note = note.or(apple.map(AppleAbi::note));
    Some(Facts { float, apple, ..Facts::new(os, architecture).libc(libc).note(note) })
}

/// Returns the float ABI that the name of the ABI states.
fn zig_float(architecture: Option<Architecture>, abi: &str) -> Option<FloatAbi> {
    match (architecture?, abi) {
        (Architecture::Arm | Architecture::Mips | Architecture::Mipsle, "gnueabi" | "musleabi" | "eabi") => {
            Some(FloatAbi::Soft)
        }
        (Architecture::Arm, "gnueabihf" | "musleabihf" | "eabihf") => Some(FloatAbi::Hard),
        _ => None,
    }
}

/// Returns whether the text is a version or a range: `10.15`, `5.10...6.1`. Windows versions have names (`win10_rs5`).
fn is_zig_version(system: &str, text: &str) -> bool {
    let one = |version: &str| {
        let named = version.strip_prefix("win").is_some_and(|rest| {
            rest.starts_with(|letter: char| letter.is_ascii_digit())
                && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        let old = matches!(version, "nt4" | "win2k" | "xp" | "ws2003" | "vista");
        if system == "windows" { named || old } else { is_dotted(version) }
    };
    text.split_once("...").map_or_else(|| one(text), |(from, to)| one(from) && one(to))
}

fn zig_processor(name: &str) -> Option<Option<Architecture>> {
    Some(match name {
        "x86_64" => Some(Architecture::Amd64),
        "x86" => Some(Architecture::I386),
        "aarch64" => Some(Architecture::Arm64),
        "arm" | "thumb" => Some(Architecture::Arm),
        "loongarch64" => Some(Architecture::Loong64),
        "mips" => Some(Architecture::Mips),
        "mipsel" => Some(Architecture::Mipsle),
        "mips64" => Some(Architecture::Mips64),
        "mips64el" => Some(Architecture::Mips64le),
        "powerpc" => Some(Architecture::Ppc),
        "powerpc64" => Some(Architecture::Ppc64),
        "powerpc64le" => Some(Architecture::Ppc64le),
        "riscv32" => Some(Architecture::Riscv),
        "riscv64" => Some(Architecture::Riscv64),
        "s390x" => Some(Architecture::S390x),
        "sparc" => Some(Architecture::Sparc),
        "sparc64" => Some(Architecture::Sparc64),
        "wasm32" => Some(Architecture::Wasm),
        "aarch64_be" | "armeb" | "thumbeb" | "arc" | "csky" | "hexagon" | "loongarch32" | "m68k"
        | "powerpcle" | "wasm64" | "xtensa" => None,
        _ => return None,
    })
}

fn zig_system(name: &str) -> Option<Option<Os>> {
    Some(match name {
        "linux" => Some(Os::Linux),
        "macos" => Some(Os::Darwin),
        "windows" => Some(Os::Windows),
        "freebsd" => Some(Os::Freebsd),
        "netbsd" => Some(Os::Netbsd),
        "openbsd" => Some(Os::Openbsd),
        "dragonfly" => Some(Os::Dragonfly),
        "solaris" => Some(Os::Solaris),
        "illumos" => Some(Os::Illumos),
        "ios" => Some(Os::Ios),
        "plan9" => Some(Os::Plan9),
        "hurd" => Some(Os::Hurd),
        "wasi" => Some(Os::Wasip1),
        "freestanding" | "uefi" | "emscripten" | "maccatalyst" | "tvos" | "watchos" | "visionos"
        | "haiku" | "fuchsia" => None,
        _ => return None,
    })
}

/// Returns the ABI without its version and the C library it names.
fn zig_abi(os: Option<Os>, text: &str) -> Option<(&str, Option<Libc>)> {
    let (abi, version) = text.split_once('.').map_or((text, None), |(abi, version)| (abi, Some(version)));
    let minimum = match version {
        Some(version) => Some(version.parse::<GlibcVersion>().ok()?),
        None => None,
    };
    let known = [
        "",
        "none",
        "gnu",
        "gnueabi",
        "gnueabihf",
        "gnuabi64",
        "gnuabin32",
        "gnuf32",
        "gnusf",
        "gnux32",
        "gnuilp32",
        "musl",
        "musleabi",
        "musleabihf",
        "muslabi64",
        "muslabin32",
        "muslf32",
        "muslsf",
        "muslx32",
        "msvc",
        "eabi",
        "eabihf",
        "android",
        "androideabi",
        "simulator",
        "ohos",
        "ohoseabi",
        "itanium",
    ];
    let libc = match (os, abi) {
        (Some(Os::Windows), "gnu") => Some(Libc::Mingw),
        (_, abi) if abi.starts_with("gnu") => Some(Libc::Gnu { minimum }),
        (_, abi) if abi.starts_with("musl") => Some(Libc::Musl),
        (_, "msvc") => Some(Libc::Msvc),
        _ => None,
    };
    (known.contains(&abi) && (minimum.is_none() || abi.starts_with("gnu"))).then_some((abi, libc))
}
