//! Evaluation of `cfg(…)` for a triple without running rustc.

use std::str::FromStr;

use cargo_metadata::cargo_platform::{Cfg, Platform};
use crossdock_platform::{Endianness, RustSpec};

/// Returns whether the table `[target.NAME]` of a manifest or of cargo's configuration applies to a triple.
///
/// A condition that only rustc knows, such as a target feature, does not hold. A malformed name applies to no triple.
pub fn cfg_matches(name: &str, triple: &str) -> bool {
    if !name.starts_with("cfg(") {
        return name == triple;
    }
    Platform::from_str(name).is_ok_and(|platform| platform.matches(triple, &cfgs(triple)))
}

/// Returns what `rustc --print cfg` prints for a triple (The Rust Reference, "Conditional compilation"), from the table
/// of rustc's target specifications; nothing for a triple that is not in it.
fn cfgs(triple: &str) -> Vec<Cfg> {
    let Some(spec) = RustSpec::find(triple) else { return Vec::new() };
    let mut parts = triple.split('-');
    let architecture = parts.next().unwrap_or_default();
    let vendor = parts.next().filter(|_| triple.matches('-').count() > 1).unwrap_or("unknown");
    let family = if spec.os == "windows" { "windows" } else { "unix" };
    let endian = if spec.endian == Endianness::Big { "big" } else { "little" };
    let pairs = [
        ("target_arch", arch(architecture)),
        ("target_os", spec.os),
        ("target_env", spec.env.unwrap_or("")),
        ("target_abi", spec.abi.unwrap_or("")),
        ("target_vendor", vendor),
        ("target_family", family),
        ("target_pointer_width", if spec.width == 32 { "32" } else { "64" }),
        ("target_endian", endian),
    ];
    let pairs = pairs.into_iter().map(|(key, value)| format!("{key} = {value:?}"));
    pairs.chain([family.to_owned()]).filter_map(|cfg| Cfg::from_str(&cfg).ok()).collect()
}

/// Returns `target_arch` for the first component of a triple.
fn arch(part: &str) -> &str {
    let starts = [
        ("armv8r", "arm"),
        ("arm", "arm"),
        ("thumb", "arm"),
        ("i386", "x86"),
        ("i586", "x86"),
        ("i686", "x86"),
        ("riscv64", "riscv64"),
        ("riscv32", "riscv32"),
        ("powerpc64", "powerpc64"),
        ("powerpc", "powerpc"),
        ("mips64", "mips64"),
        ("mips", "mips"),
        ("sparcv9", "sparc64"),
    ];
    let known = starts.into_iter().find(|(start, _)| part.starts_with(start) && part != "arm64ec");
    known.map_or(part, |(_, arch)| arch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_hold_as_in_rustc() {
        let cases = [
            ("cfg(unix)", "x86_64-unknown-linux-musl", true),
            ("cfg(windows)", "x86_64-unknown-linux-musl", false),
            ("cfg(target_env = \"musl\")", "aarch64-unknown-linux-musl", true),
            ("cfg(target_env = \"gnu\")", "armv7-unknown-linux-gnueabihf", true),
            ("cfg(target_os = \"macos\")", "aarch64-apple-darwin", true),
            ("cfg(target_vendor = \"apple\")", "aarch64-apple-darwin", true),
            (
                "cfg(all(target_os = \"linux\", not(target_arch = \"x86_64\")))",
                "riscv64gc-unknown-linux-gnu",
                true,
            ),
            ("cfg(target_arch = \"x86\")", "i686-unknown-linux-gnu", true),
            ("cfg(any(target_arch = \"arm\", target_arch = \"aarch64\"))", "x86_64-unknown-linux-gnu", false),
            // The condition under which ripgrep links jemalloc.
            (
                "cfg(all(target_env = \"musl\", target_pointer_width = \"64\"))",
                "aarch64-unknown-linux-musl",
                true,
            ),
            ("cfg(target_pointer_width = \"64\")", "armv7-unknown-linux-musleabihf", false),
            ("cfg(target_endian = \"big\")", "s390x-unknown-linux-gnu", true),
            ("cfg(target_feature = \"avx2\")", "x86_64-unknown-linux-gnu", false),
            ("cfg(", "x86_64-unknown-linux-gnu", false),
            ("x86_64-unknown-linux-gnu", "x86_64-unknown-linux-gnu", true),
        ];
        for (name, triple, expected) in cases {
            assert_eq!(cfg_matches(name, triple), expected, "{name} for {triple}");
        }
    }
}
