//! The user's own compiler flags: they are kept, and what contradicts the plan is an error that names both.

use std::collections::BTreeMap;

use super::error::PlanError;
use crossdock_project::cfg_matches;
use crossdock_project::config::ImageConfig;
use crossdock_project::{CargoSettings, TargetSetting, UserSetting};
use crossdock_toolchain::choice::{GoChoice, RustChoice};

/// What becomes of crossdock's flags beside the user's.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Flags of the user's that cargo would no longer see; they go before crossdock's.
    before: Vec<String>,
    /// The variable by which the user gives flags, if one is set: cargo then reads no others.
    variable: Option<String>,
    /// The processor that flags name, the user's or crossdock's.
    pub(super) cpu: Option<String>,
}

impl Settled {
    /// The flags of a triple, `ours` last: as they are given by `--config`, or none when a variable carries them.
    pub(super) fn join(self, choice: &mut RustChoice, ours: Vec<String>) -> Vec<String> {
        let flags: Vec<String> =
            self.before.into_iter().chain(choice.rustflags.iter().cloned()).chain(ours).collect();
        let Some(variable) = self.variable else { return flags };
        let spaced = flags.iter().any(|flag| flag.contains(char::is_whitespace));
        let (variable, joined) = match variable == ENCODED || spaced {
            true => (ENCODED.to_owned(), flags.join("\u{1f}")),
            false => (variable, flags.join(" ")),
        };
        choice.environment.insert(variable, joined);
        Vec::new()
    }
}

const ENCODED: &str = "CARGO_ENCODED_RUSTFLAGS";

/// Joins the user's flags to a choice.
///
/// Flags that crossdock gives by `--config target.TRIPLE.rustflags` are added to those of the same table in the user's
/// files, but hide `build.rustflags`; and where RUSTFLAGS is set, cargo reads neither.
pub(super) fn settle(
    image: &ImageConfig,
    settings: &CargoSettings,
    choice: &mut RustChoice,
) -> Result<Settled, PlanError> {
    let effective = effective(settings, &choice.triple);
    effective.iter().try_for_each(|setting| refuse_contradictions(image, setting, choice))?;
    let cpu = cpu(settings, &choice.triple, &choice.rustflags);
    let mut settled = Settled { cpu, ..Settled::default() };
    if let Some(environment) = &settings.environment {
        settled.before.clone_from(&environment.value);
        settled.variable = Some(environment.place.clone());
    } else if matching(&settings.targets, &choice.triple).next().is_none() {
        settled.before = effective.iter().flat_map(|setting| setting.value.clone()).collect();
    }
    keep_linker(settings, choice);
    Ok(settled)
}

/// The settings of the user's that cargo reads for a triple: RUSTFLAGS hides files, and a target's table `[build]`.
fn effective<'a>(settings: &'a CargoSettings, triple: &'a str) -> Vec<&'a UserSetting<Vec<String>>> {
    let targets: Vec<_> = matching(&settings.targets, triple).collect();
    match &settings.environment {
        Some(environment) => vec![environment],
        None if targets.is_empty() => settings.build.iter().collect(),
        None => targets,
    }
}

/// The processor that a program of a triple is compiled for, as the user's flags or else `ours` name it.
pub(super) fn cpu(settings: &CargoSettings, triple: &str, ours: &[String]) -> Option<String> {
    let theirs = effective(settings, triple);
    let named = |flags: &[String]| codegen(flags, "target-cpu").last().map(str::to_owned);
    theirs.iter().rev().find_map(|setting| named(&setting.value)).or_else(|| named(ours))
}

/// `-C linker=…` or `linker = …` of the user wins over crossdock's choice: it was set because it works.
fn keep_linker(settings: &CargoSettings, choice: &mut RustChoice) {
    let linker = matching(&settings.linkers, &choice.triple).next();
    let Some(linker) = linker else { return };
    let ours = format!("CARGO_TARGET_{}_LINKER", crossdock_platform::cargo_env_triple(&choice.triple));
    if choice.environment.get(&ours) == Some(&linker.value) {
        return;
    }
    choice.environment.remove(&ours);
    choice
        .rustflags
        .retain(|flag| !flag.starts_with("-Clink-self-contained") && !flag.starts_with("-Clinker"));
    choice.why = format!("{}; linked by {}, as {} says", choice.why, linker.value, linker.place);
}

fn refuse_contradictions(
    image: &ImageConfig,
    setting: &UserSetting<Vec<String>>,
    choice: &RustChoice,
) -> Result<(), PlanError> {
    let conflict = |theirs: &str, ours: String, help: &str| PlanError::Conflict {
        image: image.name.value.clone(),
        theirs: format!("`{theirs}` in {}", setting.place),
        ours,
        help: help.to_owned(),
    };
    let crt = codegen(&setting.value, "target-feature")
        .any(|value| value.split(',').any(|one| one == "-crt-static"));
    if crt && image.linkage.value == crossdock_project::config::Linkage::Static {
        let ours = format!("static linking ({})", image.linkage.source);
        return Err(conflict(
            "-C target-feature=-crt-static",
            ours,
            "say `linkage = \"dynamic\"` for this image, or remove the flag",
        ));
    }
    let own_cpu = codegen(&choice.rustflags, "target-cpu").last();
    let their_cpu = codegen(&setting.value, "target-cpu").last();
    match (their_cpu, own_cpu) {
        (Some(theirs), Some(ours)) if theirs != ours => Err(conflict(
            &format!("-C target-cpu={theirs}"),
            format!("`-C target-cpu={ours}` for {}", choice.platform),
            "leave the processor to the platform, or remove that platform",
        )),
        _ => Ok(()),
    }
}

/// The values of `-C NAME=VALUE`, however it is written.
fn codegen<'a>(flags: &'a [String], name: &'a str) -> impl Iterator<Item = &'a str> {
    flags.iter().enumerate().filter_map(move |(place, flag)| {
        let option = match flag.as_str() {
            "-C" | "--codegen" => flags.get(place + 1)?.as_str(),
            flag => flag.strip_prefix("-C").or_else(|| flag.strip_prefix("--codegen="))?.trim_start(),
        };
        option.strip_prefix(name)?.strip_prefix('=')
    })
}

/// The settings that hold for a triple.
fn matching<'a, T>(
    settings: &'a [TargetSetting<T>],
    triple: &'a str,
) -> impl Iterator<Item = &'a UserSetting<T>> {
    settings.iter().filter(|setting| means(&setting.target, triple)).map(|setting| &setting.setting)
}

fn means(target: &str, triple: &str) -> bool {
    target == crossdock_platform::cargo_env_triple(triple) || cfg_matches(target, triple)
}

/// Flags in GOFLAGS that the call's own would silently override are an error; the others reach `go build` by
/// themselves.
pub(super) fn check_goflags(image: &ImageConfig, flags: &str, choice: &GoChoice) -> Result<(), PlanError> {
    let ours: BTreeMap<&str, String> = [
        ("-ldflags", Some("-ldflags='-s -w …'".to_owned())),
        ("-buildvcs", Some("-buildvcs=false".to_owned())),
        ("-trimpath", Some("-trimpath".to_owned())),
        ("-o", Some("-o".to_owned())),
        ("-buildmode", Some("-buildmode=exe".to_owned())),
        ("-tags", choice.arguments.iter().find(|argument| argument.starts_with("-tags")).cloned()),
    ]
    .into_iter()
    .filter_map(|(name, flag)| Some((name, flag?)))
    .collect();
    for word in flags.split_whitespace() {
        let flag = word.strip_prefix('-').filter(|rest| rest.starts_with('-')).unwrap_or(word);
        let (name, value) = flag.split_once('=').unwrap_or((flag, "true"));
        let same = matches!(
            (name, value),
            ("-trimpath", "true") | ("-buildvcs", "false") | ("-buildmode", "exe" | "default")
        );
        if let Some(own) = ours.get(name).filter(|_| !same) {
            return Err(PlanError::Conflict {
                image: image.name.value.clone(),
                theirs: format!("`{word}` in GOFLAGS"),
                ours: format!("`{own}` of the plan"),
                help: match name {
                    "-ldflags" => format!(
                        "move the flags to `ldflags` in [image.{}] of crossdock.toml",
                        image.name.value
                    ),
                    _ => "take it out of GOFLAGS (`go env -u GOFLAGS`, or unset the variable)".to_owned(),
                },
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_codegen_options_in_every_spelling() {
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
    fn knows_which_settings_mean_a_triple() {
        let musl = "aarch64-unknown-linux-musl";
        for target in [
            musl,
            "AARCH64_UNKNOWN_LINUX_MUSL",
            "cfg(unix)",
            r#"cfg(all(target_env = "musl", target_arch = "aarch64"))"#,
        ] {
            assert!(means(target, musl), "{target}");
        }
        for target in
            ["x86_64-unknown-linux-musl", "cfg(windows)", r#"cfg(target_env = "gnu")"#, "cfg(broken"]
        {
            assert!(!means(target, musl), "{target}");
        }
    }
}
