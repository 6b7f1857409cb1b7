//! The flags of the user's that decide which instructions compilers use. Compiled C and Rust do not record them.

use std::collections::BTreeSet;

use crossdock_platform::{Platform, env_triple};
use crossdock_project::config::ImageConfig;
use crossdock_project::{CargoSettings, UserSetting, VariableSetting};
use crossdock_verify::CpuLevel;

use crate::instructions::{CLANG_FEATURE, RUST_FEATURE, enabled_level};
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

/// Returns every flag that decides on the instructions. A later flag revokes none: `-mno-avx512f` removes that feature, but
/// not AVX2, which `-mavx512f` enabled too, and of several values of `-march` gcc takes the last, while zig keeps the
/// features of the others. `-mtune` changes the order of instructions only.
fn of_setting(setting: &UserSetting<String>, platform: &Platform) -> Vec<CompilerFlag> {
    let words = setting.value.split_whitespace().map(|word| word.trim_matches(['\'', '"']));
    let flags: BTreeSet<String> =
        passed_flags(words).into_iter().filter(|flag| decides(platform, flag)).collect();
    flags.into_iter().map(|flag| CompilerFlag { flag, place: setting.place.clone() }).collect()
}

/// Returns the flags of words, and those that the words pass on to parts of the compiler: to clang's `-cc1` and to LLVM,
/// which have options of their own for features, to the preprocessor, which is the compiler itself, and to the assembler.
fn passed_flags<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    /// Options whose argument is the next word, or follows `=`.
    const ONE: [&str; 4] = ["-Xclang", "-Xpreprocessor", "-Xassembler", "-mllvm"];
    /// Options whose arguments follow with commas between them.
    const LIST: [&str; 2] = ["-Wp,", "-Wa,"];
    let is_for_next = |word: &str| ONE.contains(&word) || word.starts_with("-Xarch_");
    let after_equals = |word: &'a str| ONE.iter().find_map(|name| word.strip_prefix(name)?.strip_prefix('='));
    let mut words = words.filter(|word| !is_for_next(word)).flat_map(|word| {
        match LIST.iter().find_map(|name| word.strip_prefix(name)) {
            Some(list) => list.split(',').collect(),
            None => vec![after_equals(word).unwrap_or(word)],
        }
    });
    let mut flags = Vec::new();
    while let Some(word) = words.next() {
        // Some of these options have one dash or two.
        let name = word.strip_prefix('-').filter(|rest| rest.starts_with('-')).unwrap_or(word);
        match name {
            // The processor for which instructions are ordered.
            "-tune-cpu" => _ = words.next(),
            "-target-cpu" => flags.extend(words.next().map(|cpu| format!("{name}={cpu}"))),
            // Features of `-target-feature` and `-mattr`, and extensions behind a comma of `-Wa,-march=…`.
            _ if word.starts_with('+') || name.starts_with("-mattr=") => {
                let list = name.trim_start_matches("-mattr=").split(',');
                let enabled = list.filter_map(|feature| feature.strip_prefix('+'));
                flags.extend(enabled.map(|feature| format!("{CLANG_FEATURE}{feature}")));
            }
            // gcc's long spelling of `-m…`.
            _ => match name.strip_prefix("-machine-").or_else(|| name.strip_prefix("-machine=")) {
                Some(machine) => flags.push(format!("-m{machine}")),
                None if name.starts_with("-m") => flags.push(name.to_owned()),
                None => flags.push(word.to_owned()),
            },
        }
    }
    flags
}

/// Returns whether a flag decides on the instructions of compiled code. A file with flags may.
fn decides(platform: &Platform, flag: &str) -> bool {
    const WITH_VALUE: [&str; 7] =
        ["-march=", "-mcpu=", "-target-cpu=", "-specs=", "--specs=", "--config=", "-config="];
    flag.starts_with('@')
        || flag == "--config"
        || WITH_VALUE.iter().any(|name| flag.starts_with(name))
        || enables(platform, flag)
}

/// Returns the target features that rustc's flags enable. As for C, `-avx512f` does not disable what `+avx512f` implies.
pub(super) fn of_rustc<'a>(
    features: impl Iterator<Item = &'a str>,
    place: &str,
    platform: &Platform,
) -> Vec<CompilerFlag> {
    let names =
        features.flat_map(|list| list.split(',')).filter_map(|feature| feature.trim().strip_prefix('+'));
    let names: BTreeSet<&str> = names.collect();
    names
        .into_iter()
        .map(|name| format!("{RUST_FEATURE}{name}"))
        .filter(|flag| enables(platform, flag))
        .map(|flag| CompilerFlag { flag, place: place.to_owned() })
        .collect()
}

/// Returns whether the command of a compiler has flags.
pub(super) fn has_flags(command: &str) -> bool {
    command.split_whitespace().skip(1).any(|word| word.starts_with('-'))
}

/// Returns the warning for a compiler of the user's in whose place the plan calls `tools`.
pub(super) fn replaced_compiler(
    image: &ImageConfig,
    compiler: &UserSetting<String>,
    platform: &Platform,
    tools: &[String],
) -> String {
    format!(
        "image `{}`: the compiler `{}` of {} does not compile its C code for {platform}, which {} does",
        image.name.value,
        compiler.value,
        compiler.place,
        tools.join(" and ")
    )
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

    fn of_cflags(platform: &str, value: &str) -> Vec<String> {
        let platform = Platform::parse(platform).unwrap();
        let flags = of_cgo(&[&variable("CGO_CFLAGS", value)], &[], &platform);
        flags.into_iter().map(|flag| flag.flag).collect()
    }

    #[test]
    fn every_processor_and_feature_of_a_variable_counts_and_tuning_does_not() {
        let flags = |value: &str| of_cflags("linux/amd64", value);
        assert_eq!(flags("-O2 -g -mtune=native -DX=-march"), [""; 0]);
        assert_eq!(flags("-march=haswell '-march=x86-64-v3'"), ["-march=haswell", "-march=x86-64-v3"]);
        assert_eq!(flags("-march=x86-64-v3 -march=x86-64"), ["-march=x86-64", "-march=x86-64-v3"]);
        assert_eq!(flags("-mcpu=x86_64_v4 -mcpu=baseline"), ["-mcpu=baseline", "-mcpu=x86_64_v4"]);
        assert_eq!(flags("-mcpu=native -march=armv8.2-a+lse"), ["-march=armv8.2-a+lse", "-mcpu=native"]);
        assert_eq!(flags("-mavx2 -msse2 -mfma -mno-fma -m64 -mno-red-zone"), ["-mavx2", "-mfma"]);
        assert_eq!(flags("-mavx512f -mno-avx512f"), ["-mavx512f"]);
        assert_eq!(flags("-mno-avx2 '-mavx2'"), ["-mavx2"]);
        assert_eq!(flags("-mno-avx2 -mno-sse4.2"), [""; 0]);
    }

    #[test]
    fn features_that_are_passed_on_to_parts_of_the_compiler_count() {
        let expected = "-target-feature +avx512f";
        for value in [
            "-Xclang -target-feature -Xclang +avx512f",
            "-Xclang=-target-feature -Xclang=+avx512f",
            "-Xarch_x86_64 -Xclang -target-feature -Xclang +avx512f",
            "-Xpreprocessor -target-feature -Xpreprocessor +avx512f",
            "-Wp,-target-feature,+avx512f",
            "-mllvm -mattr=+avx512f",
            "-mllvm=--mattr=-sse4a,+avx512f",
            "-Xclang -target-feature -Xclang +avx512f -Xclang -target-feature -Xclang -avx512f",
        ] {
            assert_eq!(of_cflags("linux/amd64", value), [expected], "{value}");
        }
        for (platform, value, expected) in [
            ("linux/amd64", "-Wp,-D_FORTIFY_SOURCE=2,-mavx2", "-mavx2"),
            ("linux/amd64", "-Wa,-march=znver4", "-march=znver4"),
            ("linux/amd64", "-Wa,-march=x86-64,+avx512f", "-march=x86-64 -target-feature +avx512f"),
            ("linux/amd64", "-Xassembler -march=znver4", "-march=znver4"),
            ("linux/amd64", "-Xclang -target-cpu -Xclang haswell", "-target-cpu=haswell"),
            ("linux/amd64", "-Xarch_x86_64 -mavx2", "-mavx2"),
            ("linux/amd64", "-mllvm -mcpu=haswell", "-mcpu=haswell"),
            ("linux/amd64", "--machine-avx2", "-mavx2"),
            ("linux/amd64", "-O2 @flags.txt", "@flags.txt"),
            ("linux/amd64", "-specs=fast.specs", "-specs=fast.specs"),
            ("linux/arm64", "-Xclang -target-feature -Xclang +sve", "-target-feature +sve"),
            ("linux/arm64", "-Wa,-march=armv8-a+sve", "-march=armv8-a+sve"),
        ] {
            assert_eq!(of_cflags(platform, value).join(" "), expected, "{value}");
        }
        for value in [
            "-Wp,-D_FORTIFY_SOURCE=2 -Wa,--noexecstack -Wl,-z,now",
            "-Xclang -fno-validate-pch -mllvm -inline-threshold=1000 -Xclang -tune-cpu -Xclang znver4",
            "-Xclang -target-feature -Xclang -avx512f -Xclang -target-feature",
        ] {
            assert_eq!(of_cflags("linux/amd64", value), [""; 0], "{value}");
        }
    }

    #[test]
    fn features_of_rustc_count_even_if_they_are_disabled_later() {
        let features = ["+avx2,+sse2", "+aes,-avx2,-bmi1", "+crt-static"];
        let flags = of_rustc(features.into_iter(), "RUSTFLAGS", &Platform::LINUX_AMD64);
        let flags: Vec<&str> = flags.iter().map(|flag| flag.flag.as_str()).collect();
        assert_eq!(flags, ["-Ctarget-feature=+aes", "-Ctarget-feature=+avx2"]);
    }
}
