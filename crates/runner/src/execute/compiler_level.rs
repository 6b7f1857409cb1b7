//! The processor levels that the flags of compilers mean.

use crossdock_platform::{Architecture, Platform};
use crossdock_verify::CpuLevel;

use crate::instructions::enabled_level;

/// Returns the level that `-march=…` or `-mcpu=…` of gcc, clang or zig means on a platform, or the level of the
/// instructions that another flag enables.
pub(super) fn compiler_level(platform: &Platform, flag: &str) -> CpuLevel {
    if let Some(level) = enabled_level(platform, flag) {
        return level;
    }
    let processor = flag.split_once('=').map_or(flag, |(_, processor)| processor);
    let level = match platform.architecture() {
        _ if ["generic", "baseline"].contains(&processor) => Some(CpuLevel::Baseline),
        Architecture::Amd64 => amd64(processor),
        Architecture::I386 => i386(processor),
        Architecture::Arm64 | Architecture::Arm64be => arm64(processor),
        Architecture::Arm | Architecture::Armbe => arm(processor),
        Architecture::Ppc64 | Architecture::Ppc64le => ppc64(processor),
        Architecture::Riscv64 => riscv64(processor),
        _ => None,
    };
    level.unwrap_or_else(|| CpuLevel::Unknown(processor.to_owned()))
}

/// Parses `x86-64-v3`, which rustc spells so too and zig `x86_64_v3`.
pub(super) fn amd64(processor: &str) -> Option<CpuLevel> {
    let rest = processor.strip_prefix("x86-64").or_else(|| processor.strip_prefix("x86_64"))?;
    match rest.strip_prefix(['-', '_']) {
        None => rest.is_empty().then_some(CpuLevel::Baseline),
        Some(level) => ["v2", "v3", "v4"].contains(&level).then(|| CpuLevel::Level(level.to_owned())),
    }
}

/// Accepts processors without more instructions than SSE2, which rustc's i686 targets use too.
fn i386(processor: &str) -> Option<CpuLevel> {
    const OLD: [&str; 8] = ["i386", "i486", "i586", "i686", "pentium", "pentium2", "pentium3", "pentium4"];
    OLD.contains(&processor).then_some(CpuLevel::Baseline)
}

/// Parses `armv8.2-a+lse`. Other extensions than those of every level are unknown.
fn arm64(processor: &str) -> Option<CpuLevel> {
    let mut words = processor.split('+');
    let version = words.next()?.strip_prefix("arm")?.strip_suffix("-a")?;
    let mut level = version.to_owned();
    for extension in words {
        match extension {
            // The ABI of 64-bit ARM Linux requires both.
            "fp" | "simd" => {}
            "lse" if !level.contains(',') => level.push_str(",lse"),
            _ => return None,
        }
    }
    Some(CpuLevel::Level(level))
}

/// Parses `armv7-a+fp`. NEON is not part of every ARMv7.
fn arm(processor: &str) -> Option<CpuLevel> {
    let name = processor.strip_suffix("+fp").unwrap_or(processor).strip_prefix("armv")?;
    let level = match name {
        "5t" | "5te" => "v5",
        "6" | "6j" | "6k" | "6z" | "6kz" => "v6",
        "7" | "7-a" => "v7",
        _ => return None,
    };
    Some(CpuLevel::Level(level.to_owned()))
}

/// Parses `power9`, which clang also spells `pwr9`.
fn ppc64(processor: &str) -> Option<CpuLevel> {
    let number = processor.strip_prefix("power").or_else(|| processor.strip_prefix("pwr"))?;
    Some(CpuLevel::Level(format!("power{}", number.trim_end_matches("le"))))
}

/// Parses `rv64gc`, which is what the baseline has, and the names of profiles.
fn riscv64(processor: &str) -> Option<CpuLevel> {
    match processor {
        "rv64imac" | "rv64imafdc" | "rv64gc" | "rv64g" => Some(CpuLevel::Baseline),
        "rva20u64" | "rva22u64" | "rva23u64" => Some(CpuLevel::Level(processor.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_mean_levels() {
        let level = |level: &str| CpuLevel::Level(level.to_owned());
        let cases = [
            ("linux/amd64", "-march=x86-64", CpuLevel::Baseline),
            ("linux/amd64", "-march=x86-64-v4", level("v4")),
            ("linux/amd64", "-mcpu=x86_64_v3", level("v3")),
            ("linux/amd64", "-mcpu=baseline", CpuLevel::Baseline),
            ("linux/amd64", "-target-cpu=x86-64-v3", level("v3")),
            ("linux/amd64", "-target-feature +avx512f", level("v4")),
            ("linux/amd64", "@flags.txt", CpuLevel::Unknown("@flags.txt".to_owned())),
            ("linux/386", "-march=i686", CpuLevel::Baseline),
            ("linux/arm64", "-march=armv8-a", level("v8")),
            ("linux/arm64", "-march=armv8.2-a+fp+simd+lse", level("v8.2,lse")),
            ("linux/arm64", "-mcpu=generic", CpuLevel::Baseline),
            ("linux/arm/v7", "-march=armv7-a+fp", level("v7")),
            ("linux/arm/v6", "-march=armv6kz", level("v6")),
            ("linux/ppc64le", "-mcpu=power10", level("power10")),
            ("linux/riscv64", "-march=rv64gc", CpuLevel::Baseline),
        ];
        for (platform, flag, expected) in cases {
            let platform = Platform::parse(platform).unwrap();
            assert_eq!(compiler_level(&platform, flag), expected, "{platform} {flag}");
        }
    }

    #[test]
    fn processors_without_a_level_are_unknown() {
        for (platform, processor) in [
            ("linux/amd64", "native"),
            ("linux/amd64", "haswell"),
            ("linux/amd64", "x86-64-v5"),
            ("linux/arm64", "x86-64-v3"),
            ("linux/arm64", "armv8.2-a+sve"),
            ("linux/arm64", "neoverse-n1"),
            ("linux/arm/v7", "armv7-a+simd"),
            ("linux/386", "native"),
            ("linux/riscv64", "rv64gcv"),
            ("linux/s390x", "z15"),
        ] {
            let platform = Platform::parse(platform).unwrap();
            let level = compiler_level(&platform, &format!("-march={processor}"));
            assert_eq!(level, CpuLevel::Unknown(processor.to_owned()), "{platform}");
        }
    }
}
