//! The processors that the user's variables name to C compilers. Compiled C does not record them.

use crossdock_platform::env_triple;
use crossdock_project::{CargoSettings, UserSetting, VariableSetting};

use crate::plan::CompilerFlag;

/// Returns the flags with which the build scripts of cargo's packages compile C for a triple.
///
/// The crate cc reads `CFLAGS`, `TARGET_CFLAGS` and `CFLAGS_` with the triple in two spellings, and the same for C++
/// (<https://docs.rs/cc/latest/cc/#external-configuration-via-environment-variables>). Other build scripts read only some
/// of them, so every variable counts by itself.
pub(super) fn of_triple(settings: &CargoSettings, triple: &str) -> Vec<CompilerFlag> {
    let suffixes = [triple.to_owned(), env_triple(triple)];
    let names = ["CFLAGS", "CXXFLAGS"].into_iter().flat_map(|name| {
        let of_triple = suffixes.iter().map(|suffix| format!("{name}_{suffix}")).collect::<Vec<_>>();
        [name.to_owned(), format!("TARGET_{name}")].into_iter().chain(of_triple)
    });
    names.filter_map(|name| settings.variable(&name)).flat_map(of_setting).collect()
}

/// Returns the flags with which cgo compiles C.
pub(super) fn of_cgo(variables: &[VariableSetting]) -> Vec<CompilerFlag> {
    variables.iter().flat_map(|variable| of_setting(&variable.setting)).collect()
}

/// Returns the `-march` and the `-mcpu` of a variable. Of several values the compiler takes the last; `-mtune` changes the
/// order of instructions only.
fn of_setting(setting: &UserSetting<String>) -> Vec<CompilerFlag> {
    let words = || setting.value.split_whitespace().map(|word| word.trim_matches(['\'', '"']));
    let last = |name: &str| words().rfind(|word| word.starts_with(name));
    let flags = [last("-march="), last("-mcpu=")].into_iter().flatten();
    flags.map(|flag| CompilerFlag { flag: flag.to_owned(), place: setting.place.clone() }).collect()
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
        ];
        let settings = CargoSettings {
            variables: names.map(|name| variable(name, "-O3 -march=x86-64-v4")).to_vec(),
            ..CargoSettings::default()
        };
        let flags = of_triple(&settings, "x86_64-unknown-linux-musl");
        let mut places: Vec<&str> = flags.iter().map(|flag| flag.place.as_str()).collect();
        places.sort_unstable();
        let mut expected: Vec<&str> =
            names.into_iter().filter(|name| !name.contains("HOST") && !name.ends_with("gnu")).collect();
        expected.retain(|name| !name.contains("aarch64"));
        expected.sort_unstable();
        assert_eq!(places, expected);
        assert!(flags.iter().all(|flag| flag.flag == "-march=x86-64-v4"));
    }

    #[test]
    fn the_last_processor_of_a_variable_counts_and_tuning_does_not() {
        let flags = |value: &str| {
            let flags = of_cgo(&[variable("CGO_CFLAGS", value)]);
            flags.into_iter().map(|flag| flag.flag).collect::<Vec<_>>()
        };
        assert_eq!(flags("-O2 -g -mtune=native -DX=-march"), [""; 0]);
        assert_eq!(flags("-march=haswell '-march=x86-64-v3'"), ["-march=x86-64-v3"]);
        assert_eq!(flags("-mcpu=native -march=armv8.2-a+lse"), ["-march=armv8.2-a+lse", "-mcpu=native"]);
    }
}
