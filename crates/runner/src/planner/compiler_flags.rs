//! The flags of the user's that decide which instructions compilers use. Compiled C and Rust do not record them.

use std::collections::BTreeMap;

use crossdock_platform::{Platform, env_triple};
use crossdock_project::{CargoSettings, UserSetting, VariableSetting};
use crossdock_verify::CpuLevel;

use crate::instructions::{RUST_FEATURE, enabled_level};
use crate::plan::CompilerFlag;

/// Returns the flags with which the build scripts of cargo's packages compile C for a triple.
///
/// The crate cc reads `CFLAGS`, `TARGET_CFLAGS` and `CFLAGS_` with the triple in two spellings, and the same for C++
/// (<https://docs.rs/cc/latest/cc/#external-configuration-via-environment-variables>). Other build scripts read only some
/// of them, so every variable counts by itself. Of the variables that name the compiler, which may have flags too, it
/// reads only the first, and the plan sets the one with the underscored triple.
pub(super) fn of_triple(settings: &CargoSettings, triple: &str, platform: &Platform) -> Vec<CompilerFlag> {
    let suffixes = [triple.to_owned(), env_triple(triple)];
    let names = ["CFLAGS", "CXXFLAGS"].into_iter().flat_map(|name| {
        let of_triple = suffixes.iter().map(|suffix| format!("{name}_{suffix}")).collect::<Vec<_>>();
        [name.to_owned(), format!("TARGET_{name}")].into_iter().chain(of_triple)
    });
    let compilers = ["CC", "CXX"].map(|name| format!("{name}_{triple}"));
    let settings = names.chain(compilers).filter_map(|name| settings.variable(&name));
    settings.flat_map(|setting| of_setting(setting, platform)).collect()
}

/// Returns the flags with which cgo compiles C: those of the variables, and those of `#cgo` lines.
pub(super) fn of_cgo(
    variables: &[&VariableSetting],
    lines: &[UserSetting<String>],
    platform: &Platform,
) -> Vec<CompilerFlag> {
    let settings = variables.iter().map(|variable| &variable.setting).chain(lines);
    settings.flat_map(|setting| of_setting(setting, platform)).collect()
}

/// Returns the flags that decide on the instructions. Of several values of `-march` and `-mcpu` the compiler takes the
/// last, and `-mno-avx` revokes an earlier `-mavx`; `-mtune` changes the order of instructions only.
fn of_setting(setting: &UserSetting<String>, platform: &Platform) -> Vec<CompilerFlag> {
    let mut last: BTreeMap<String, &str> = BTreeMap::new();
    for word in setting.value.split_whitespace().map(|word| word.trim_matches(['\'', '"'])) {
        let name = word.split('=').next().unwrap_or(word);
        last.insert(name.replacen("-mno-", "-m", 1), word);
    }
    let decides =
        |flag: &&str| flag.starts_with("-march=") || flag.starts_with("-mcpu=") || enables(platform, flag);
    let flags = last.into_values().filter(decides);
    flags.map(|flag| CompilerFlag { flag: flag.to_owned(), place: setting.place.clone() }).collect()
}

/// Returns the target features that rustc's flags enable. Of several mentions of a feature the last one counts.
pub(super) fn of_rustc<'a>(
    features: impl Iterator<Item = &'a str>,
    place: &str,
    platform: &Platform,
) -> Vec<CompilerFlag> {
    let mut last: BTreeMap<&str, bool> = BTreeMap::new();
    for feature in features.flat_map(|list| list.split(',')).map(str::trim) {
        if let Some(name) = feature.strip_prefix(['+', '-']) {
            last.insert(name, feature.starts_with('+'));
        }
    }
    let flags = last.into_iter().filter(|(_, is_enabled)| *is_enabled);
    flags
        .map(|(name, _)| format!("{RUST_FEATURE}{name}"))
        .filter(|flag| enables(platform, flag))
        .map(|flag| CompilerFlag { flag, place: place.to_owned() })
        .collect()
}

/// Returns whether the command of a compiler has flags.
pub(super) fn has_flags(command: &str) -> bool {
    command.split_whitespace().skip(1).any(|word| word.starts_with('-'))
}

/// Returns whether a flag enables instructions that some processor of the platform lacks.
fn enables(platform: &Platform, flag: &str) -> bool {
    enabled_level(platform, flag).is_some_and(|level| level != CpuLevel::Baseline)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, value: &str) -> VariableSetting {
        VariableSetting {
            name: name.to_owned(),
            setting: UserSetting { value: value.to_owned(), place: name.to_owned() },
        }
    }

    #[test]
    fn variables_that_reach_the_compiler_of_a_triple_count() {
        let names = [
            "CFLAGS",
            "CXXFLAGS",
            "TARGET_CFLAGS",
            "TARGET_CXXFLAGS",
            "HOST_CFLAGS",
            "CFLAGS_x86_64-unknown-linux-musl",
            "CFLAGS_x86_64_unknown_linux_musl",
            "CXXFLAGS_x86_64_unknown_linux_musl",
            "CFLAGS_x86_64_unknown_linux_gnu",
            "CFLAGS_aarch64_unknown_linux_musl",
            "CC",
            "CC_x86_64-unknown-linux-musl",
            "CC_x86_64_unknown_linux_musl",
        ];
        let settings = CargoSettings {
            variables: names.map(|name| variable(name, "-O3 -march=x86-64-v4")).to_vec(),
            ..CargoSettings::default()
        };
        let flags = of_triple(&settings, "x86_64-unknown-linux-musl", &Platform::LINUX_AMD64);
        let mut places: Vec<&str> = flags.iter().map(|flag| flag.place.as_str()).collect();
        places.sort_unstable();
        let is_of_others = |name: &&str| {
            ["HOST", "gnu", "aarch64"].iter().any(|part| name.contains(part))
                || ["CC", "CC_x86_64_unknown_linux_musl"].contains(name)
        };
        let mut expected: Vec<&str> = names.into_iter().filter(|name| !is_of_others(name)).collect();
        expected.sort_unstable();
        assert_eq!(places, expected);
        assert!(flags.iter().all(|flag| flag.flag == "-march=x86-64-v4"));
    }

    #[test]
    fn the_last_processor_of_a_variable_counts_and_tuning_does_not() {
        let flags = |value: &str| {
            let flags = of_cgo(&[&variable("CGO_CFLAGS", value)], &[], &Platform::LINUX_AMD64);
            flags.into_iter().map(|flag| flag.flag).collect::<Vec<_>>()
        };
        assert_eq!(flags("-O2 -g -mtune=native -DX=-march"), [""; 0]);
        assert_eq!(flags("-march=haswell '-march=x86-64-v3'"), ["-march=x86-64-v3"]);
        assert_eq!(flags("-mcpu=native -march=armv8.2-a+lse"), ["-march=armv8.2-a+lse", "-mcpu=native"]);
        assert_eq!(flags("-mavx2 -msse2 -mfma -mno-fma -m64 -mno-red-zone"), ["-mavx2"]);
        assert_eq!(flags("-mno-avx2 '-mavx2'"), ["-mavx2"]);
    }

    #[test]
    fn features_of_rustc_count_unless_they_are_disabled_later() {
        let features = ["+avx2,+sse2", "+aes,-avx2", "+crt-static"];
        let flags = of_rustc(features.into_iter(), "RUSTFLAGS", &Platform::LINUX_AMD64);
        let flag = CompilerFlag { flag: "-Ctarget-feature=+aes".to_owned(), place: "RUSTFLAGS".to_owned() };
        assert_eq!(flags, [flag]);
    }
}
