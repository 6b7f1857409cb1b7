//! The user's flags for rustc that cargo reads, and the contradictions between them and a plan.

use crossdock_platform::{Platform, cargo_env_triple};

use super::compiler_flags;
use super::error::PlanError;
use crate::plan::CompilerFlag;
use crossdock_project::config::{ImageConfig, Linkage};
use crossdock_project::{CargoSettings, TargetSetting, UserSetting, cfg_matches};

/// Returns the user's flags that cargo reads for a triple: RUSTFLAGS hides files, and a table of the triple `[build]`.
/// They are in the order in which cargo joins them: those of a file that takes precedence are later, and those of the
/// environment last.
pub(super) fn effective<'a>(
    settings: &'a CargoSettings,
    triple: &'a str,
) -> Vec<&'a UserSetting<Vec<String>>> {
    if let Some(environment) = &settings.environment {
        return vec![environment];
    }
    let (by_cfg, by_name): (Vec<_>, Vec<_>) = settings
        .targets
        .iter()
        .rev()
        .filter(|setting| applies(&setting.target, triple))
        .partition(|setting| setting.target.starts_with("cfg("));
    let targets: Vec<_> = by_name.into_iter().chain(by_cfg).map(|setting| &setting.setting).collect();
    if targets.is_empty() { settings.build.iter().rev().collect() } else { targets }
}

/// Returns the processor for which a program of a triple is compiled: that of the user's flags, else that of `ours`.
pub(super) fn cpu(settings: &CargoSettings, triple: &str, ours: &[String]) -> Option<String> {
    let theirs = effective(settings, triple);
    let named = |flags: &[String]| codegen(flags, "target-cpu").last().map(str::to_owned);
    theirs.iter().rev().find_map(|setting| named(&setting.value)).or_else(|| named(ours))
}

/// Returns the features that the user's flags enable for rustc.
pub(super) fn features(settings: &CargoSettings, triple: &str, platform: &Platform) -> Vec<CompilerFlag> {
    let of_setting = |setting: &&UserSetting<Vec<String>>| {
        compiler_flags::of_rustc(codegen(&setting.value, "target-feature"), &setting.place, platform)
    };
    effective(settings, triple).iter().flat_map(of_setting).collect()
}

/// Rejects a setting that contradicts the plan's own flags.
pub(super) fn reject_contradictions(
    image: &ImageConfig,
    setting: &UserSetting<Vec<String>>,
    platform: &Platform,
    ours: &[String],
) -> Result<(), PlanError> {
    let conflict = |theirs: &str, ours: String, help: &str| PlanError::Conflict {
        image: image.name.value.clone(),
        theirs: format!("`{theirs}` in {}", setting.place),
        ours,
        help: help.to_owned(),
    };
    let crt = codegen(&setting.value, "target-feature")
        .any(|value| value.split(',').any(|one| one == "-crt-static"));
    if crt && image.linkage.value == Linkage::Static {
        let ours = format!("static linking ({})", image.linkage.source);
        return Err(conflict(
            "-C target-feature=-crt-static",
            ours,
            "set `linkage = \"dynamic\"` for this image, or remove the flag",
        ));
    }
    // rustc takes the last of several values.
    let own_cpu = codegen(ours, "target-cpu").last();
    let their_cpu = codegen(&setting.value, "target-cpu").last();
    match (their_cpu, own_cpu) {
        (Some(theirs), Some(ours)) if theirs != ours => Err(conflict(
            &format!("-C target-cpu={theirs}"),
            format!("`-C target-cpu={ours}` for {platform}"),
            "leave the processor to the platform, or remove that platform",
        )),
        _ => Ok(()),
    }
}

/// Returns the values of `-C NAME=VALUE` in every spelling that rustc accepts.
fn codegen<'a>(flags: &'a [String], name: &'a str) -> impl Iterator<Item = &'a str> {
    flags.iter().enumerate().filter_map(move |(index, flag)| {
        let option = match flag.as_str() {
            "-C" | "--codegen" => flags.get(index + 1)?.as_str(),
            flag => flag.strip_prefix("-C").or_else(|| flag.strip_prefix("--codegen="))?.trim_start(),
        };
        option.strip_prefix(name)?.strip_prefix('=')
    })
}

/// Returns the settings that apply to a triple.
pub(super) fn matching<'a, T>(
    settings: &'a [TargetSetting<T>],
    triple: &'a str,
) -> impl Iterator<Item = &'a UserSetting<T>> {
    settings.iter().filter(|setting| applies(&setting.target, triple)).map(|setting| &setting.setting)
}

/// Returns whether a key of `[target.…]` or the part of a variable that stands for it selects a triple.
fn applies(target: &str, triple: &str) -> bool {
    target == cargo_env_triple(triple) || cfg_matches(target, triple)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codegen_options_are_found_in_every_spelling() {
        let flags = [
            "-C",
            "target-cpu=native",
            "-Ctarget-cpu=x86-64-v3",
            "--codegen=target-cpu=znver3",
            "-Cdebuginfo=1",
        ];
        let flags = flags.map(str::to_owned);
        let found: Vec<&str> = codegen(&flags, "target-cpu").collect();
        assert_eq!(found, ["native", "x86-64-v3", "znver3"]);
    }

    #[test]
    fn settings_apply_by_name_variable_or_cfg() {
        let musl = "aarch64-unknown-linux-musl";
        for target in [
            musl,
            "AARCH64_UNKNOWN_LINUX_MUSL",
            "cfg(unix)",
            r#"cfg(all(target_env = "musl", target_arch = "aarch64"))"#,
        ] {
            assert!(applies(target, musl), "{target}");
        }
        for target in
            ["x86_64-unknown-linux-musl", "cfg(windows)", r#"cfg(target_env = "gnu")"#, "cfg(broken"]
        {
            assert!(!applies(target, musl), "{target}");
        }
    }
}
