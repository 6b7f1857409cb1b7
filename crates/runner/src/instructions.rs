//! The processor levels of instructions that flags enable one by one: `-mavx2` of C compilers,
//! `-Ctarget-feature=+avx2` of rustc.

use crossdock_platform::{Architecture, Platform};
use crossdock_verify::CpuLevel;

/// The beginning of rustc's flag for one feature.
pub(crate) const RUST_FEATURE: &str = "-Ctarget-feature=+";

/// The beginning of the option for one feature of clang's `-cc1`, to which `-Xclang` passes options on.
pub(crate) const CLANG_FEATURE: &str = "-target-feature +";

/// Returns the lowest level with the instructions that a flag enables; `None` if it enables none.
pub(crate) fn enabled_level(platform: &Platform, flag: &str) -> Option<CpuLevel> {
    if let Some(feature) = flag.strip_prefix(CLANG_FEATURE) {
        // Unlike rustc's, such features are rare, and one that is unknown here may be an instruction.
        let level = of_rustc(platform.architecture(), feature);
        return level.or_else(|| Some(CpuLevel::Unknown(feature.to_owned())));
    }
    match flag.strip_prefix(RUST_FEATURE) {
        Some(feature) => of_rustc(platform.architecture(), feature),
        None => of_c_compiler(platform.architecture(), flag.strip_prefix("-m")?),
    }
}

/// Returns the level of a `-m` flag (gcc's manual, "Machine-Dependent Options").
fn of_c_compiler(architecture: Architecture, name: &str) -> Option<CpuLevel> {
    match (architecture, name) {
        (Architecture::Amd64 | Architecture::I386, _) => x86(name),
        (Architecture::Arm | Architecture::Armbe, _) => Some(match name.strip_prefix("fpu=")? {
            "auto" | "vfp" | "vfpv2" => CpuLevel::Baseline,
            "vfpv3-d16" => at("v7"),
            // NEON is not part of every ARMv7.
            other => CpuLevel::Unknown(other.to_owned()),
        }),
        (Architecture::Ppc64 | Architecture::Ppc64le, _) => ppc64(name),
        (Architecture::S390x, "vx" | "zvector")
        | (Architecture::Loong64, "lsx" | "lasx" | "simd=lsx" | "simd=lasx") => {
            Some(CpuLevel::Unknown(name.to_owned()))
        }
        _ => None,
    }
}

/// Returns the level of one of rustc's target features. A feature that is not listed here is unknown, except on amd64:
/// there the names of features that enable nothing are too many to list.
fn of_rustc(architecture: Architecture, feature: &str) -> Option<CpuLevel> {
    /// Features that enable nothing on a processor.
    const OTHERS: [&str; 6] =
        ["crt-static", "strict-align", "soft-float", "thumb-mode", "relax", "outline-atomics"];
    if OTHERS.contains(&feature) {
        return None;
    }
    let level = match (architecture, feature) {
        (Architecture::Amd64 | Architecture::I386, _) => return x86(feature),
        (Architecture::Arm64 | Architecture::Arm64be, "neon" | "fp-armv8") => Some(CpuLevel::Baseline),
        (Architecture::Arm64 | Architecture::Arm64be, "lse") => Some(at("v8.0,lse")),
        (Architecture::Ppc64 | Architecture::Ppc64le, _) => ppc64(feature),
        (Architecture::Riscv64, "m" | "a" | "f" | "d" | "c" | "zicsr" | "zifencei") => {
            Some(CpuLevel::Baseline)
        }
        _ => None,
    };
    Some(level.unwrap_or_else(|| CpuLevel::Unknown(feature.to_owned())))
}

/// Returns the level of instructions of amd64 (x86-64 psABI, "Micro-Architecture Levels"), by the names of gcc and rustc.
fn x86(name: &str) -> Option<CpuLevel> {
    const V1: [&str; 7] = ["cx8", "cmov", "fxsr", "mmx", "sse", "sse2", "x87"];
    const V2: [&str; 12] = [
        "cmpxchg16b",
        "cx16",
        "crc32",
        "lahfsahf",
        "popcnt",
        "sahf",
        "sse3",
        "sse4",
        "sse4-1",
        "sse4.1",
        "sse4.2",
        "ssse3",
    ];
    const V3: [&str; 12] =
        ["abm", "avx", "avx2", "bmi", "bmi1", "bmi2", "f16c", "fma", "lzcnt", "movbe", "osxsave", "xsave"];
    const V4: [&str; 5] = ["avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"];
    /// Instructions that processors of one level may lack. Those of a family are listed by its name.
    const OF_NO_LEVEL: [&str; 54] = [
        "3dnow",
        "3dnowa",
        "adx",
        "aes",
        "apxf",
        "cldemote",
        "clflushopt",
        "clwb",
        "clzero",
        "cmpccxadd",
        "enqcmd",
        "fma4",
        "fsgsbase",
        "gfni",
        "hle",
        "hreset",
        "invpcid",
        "kl",
        "lwp",
        "movdir64b",
        "movdiri",
        "movrs",
        "mwaitx",
        "pclmul",
        "pclmulqdq",
        "pconfig",
        "pku",
        "prefetchi",
        "prefetchwt1",
        "prfchw",
        "ptwrite",
        "raoint",
        "rdpid",
        "rdpru",
        "rdrand",
        "rdrnd",
        "rdseed",
        "rtm",
        "serialize",
        "sgx",
        "sha",
        "sha512",
        "sm3",
        "sm4",
        "tbm",
        "tsxldtrk",
        "uintr",
        "usermsr",
        "vaes",
        "vpclmulqdq",
        "waitpkg",
        "wbnoinvd",
        "widekl",
        "xop",
    ];
    let is_unknown = || {
        OF_NO_LEVEL.contains(&name)
            || ["amx", "avx", "sse", "xsave"].into_iter().any(|family| name.starts_with(family))
    };
    match name {
        _ if V1.contains(&name) => Some(CpuLevel::Baseline),
        _ if V2.contains(&name) => Some(at("v2")),
        _ if V3.contains(&name) => Some(at("v3")),
        _ if V4.contains(&name) => Some(at("v4")),
        _ => is_unknown().then(|| CpuLevel::Unknown(name.to_owned())),
    }
}

fn ppc64(name: &str) -> Option<CpuLevel> {
    match name {
        "altivec" | "vsx" | "power8-vector" | "power8-altivec" | "power8-crypto" => Some(CpuLevel::Baseline),
        "float128-hardware" | "power9-vector" | "power9-altivec" => Some(at("power9")),
        "mma" | "power10-vector" => Some(at("power10")),
        _ => None,
    }
}

fn at(level: &str) -> CpuLevel {
    CpuLevel::Level(level.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_mean_the_lowest_level_with_their_instructions() {
        let unknown = |name: &str| Some(CpuLevel::Unknown(name.to_owned()));
        let cases = [
            ("linux/amd64", "-msse2", Some(CpuLevel::Baseline)),
            ("linux/amd64", "-msse4.2", Some(at("v2"))),
            ("linux/amd64", "-mavx2", Some(at("v3"))),
            ("linux/amd64", "-mavx512f", Some(at("v4"))),
            ("linux/amd64", "-mavx512vnni", unknown("avx512vnni")),
            ("linux/amd64", "-maes", unknown("aes")),
            ("linux/amd64", "-Ctarget-feature=+bmi1", Some(at("v3"))),
            ("linux/amd64", "-Ctarget-feature=+crt-static", None),
            ("linux/amd64", "-target-feature +avx512f", Some(at("v4"))),
            ("linux/amd64", "-target-feature +new", unknown("new")),
            ("linux/amd64", "-mapxf", unknown("apxf")),
            ("linux/amd64", "-mno-avx2", None),
            ("linux/amd64", "-m64", None),
            ("linux/amd64", "-mtune=haswell", None),
            ("linux/amd64", "-mcmodel=large", None),
            ("linux/amd64", "-Wall", None),
            ("linux/arm64", "-mavx2", None),
            ("linux/arm64", "-Ctarget-feature=+neon", Some(CpuLevel::Baseline)),
            ("linux/arm64", "-Ctarget-feature=+lse", Some(at("v8.0,lse"))),
            ("linux/arm64", "-Ctarget-feature=+sve", unknown("sve")),
            ("linux/arm64", "-target-feature +sve", unknown("sve")),
            ("linux/loong64", "-msimd=lasx", unknown("simd=lasx")),
            ("linux/arm/v7", "-mfpu=vfpv3-d16", Some(at("v7"))),
            ("linux/arm/v7", "-mfpu=neon", unknown("neon")),
            ("linux/arm/v7", "-mfloat-abi=hard", None),
            ("linux/ppc64le", "-mpower9-vector", Some(at("power9"))),
            ("linux/riscv64", "-Ctarget-feature=+v", unknown("v")),
            ("linux/s390x", "-mvx", unknown("vx")),
        ];
        for (platform, flag, expected) in cases {
            let platform = Platform::parse(platform).unwrap();
            assert_eq!(enabled_level(&platform, flag), expected, "{platform} {flag}");
        }
    }
}
