//! How crossdock's own compiler flags and the user's go together.

use std::collections::BTreeMap;

use super::cargo_settings::{CargoSettings, TargetSetting, UserSetting};
use super::triple_cfg::holds;

/// How flags reach the compiler so that the user's own are there too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rustflags {
    /// As `CARGO_ENCODED_RUSTFLAGS` (parts separated by `\x1f`): the environment sets flags, and then cargo reads
    /// nothing else, neither files nor `--config`.
    Encoded(Vec<String>),
    /// As `--config target.TRIPLE.rustflags=[…]`, to which cargo adds the user's own for this target.
    Config(Vec<String>),
}

/// What the user's cargo settings and the plan say differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagConflict {
    /// crossdock's, as `-Ctarget-feature=+crt-static`.
    pub own: String,
    /// The user's, as `-Ctarget-feature=-crt-static`.
    pub user: String,
    /// Where the user set it.
    pub place: String,
}

impl CargoSettings {
    /// The user's flags that cargo would give the compiler for this triple, with their places: those of the
    /// environment, else those of the target, else those of `[build]`.
    pub fn rustflags(&self, triple: &str) -> Vec<&UserSetting<Vec<String>>> {
        if let Some(environment) = &self.environment {
            return vec![environment];
        }
        let of_target: Vec<_> = self.of(triple, &self.targets).collect();
        match of_target.iter().any(|setting| !setting.value.is_empty()) {
            true => of_target,
            false => self.build.iter().collect(),
        }
    }

    /// The user's linker for this triple.
    pub fn linker(&self, triple: &str) -> Option<&UserSetting<String>> {
        self.of(triple, &self.linkers).next()
    }

    /// How crossdock's own flags are given for this triple.
    pub fn with_own(&self, triple: &str, own: &[String]) -> Rustflags {
        let user = self.rustflags(triple).into_iter().flat_map(|setting| setting.value.iter().cloned());
        if self.environment.is_some() {
            return Rustflags::Encoded(user.chain(own.iter().cloned()).collect());
        }
        // Flags for a target silence those of `[build]`, so these are repeated; to the target's own cargo adds ours.
        let only_build = self.of(triple, &self.targets).all(|setting| setting.value.is_empty());
        let repeated = user.filter(|_| only_build);
        Rustflags::Config(repeated.chain(own.iter().cloned()).collect())
    }

    /// The user's flags and linker that contradict crossdock's for this triple.
    pub fn conflicts(&self, triple: &str, own: &[String], own_linker: Option<&str>) -> Vec<FlagConflict> {
        let own_options = options(own);
        let mut conflicts = Vec::new();
        for setting in self.rustflags(triple) {
            for (key, user) in options(&setting.value) {
                let conflict = |own: String| FlagConflict {
                    own,
                    user: written(&key, &user),
                    place: setting.place.clone(),
                };
                match own_options.get(&key) {
                    Some(own) if *own != user => conflicts.push(conflict(written(&key, own))),
                    None if key == "target-cpu" && user == "native" => {
                        conflicts
                            .push(conflict(format!("--target={triple}, whose machines are not this one")));
                    }
                    _ => {}
                }
            }
        }
        let linker = self.linker(triple).zip(own_linker.filter(|own| !own.is_empty()));
        if let Some((user, own)) = linker.filter(|(user, own)| user.value != *own) {
            let (own, user_value) = (format!("linker {own}"), format!("linker {}", user.value));
            conflicts.push(FlagConflict { own, user: user_value, place: user.place.clone() });
        }
        conflicts
    }

    fn of<'a, T>(
        &self,
        triple: &str,
        settings: &'a [TargetSetting<T>],
    ) -> impl Iterator<Item = &'a UserSetting<T>> + use<'a, T> {
        let variable = triple.replace(['-', '.'], "_").to_uppercase();
        let triple = triple.to_owned();
        let means = move |name: &str| name == triple || name == variable || holds(name, &triple);
        settings.iter().filter(move |setting| means(&setting.target)).map(|setting| &setting.setting)
    }
}

/// Codegen options of which the last one counts, each feature of `target-feature` for itself. Options that add up, as
/// `link-arg`, cannot conflict.
fn options(flags: &[String]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        let option = match flag.as_str() {
            "-C" | "--codegen" => flags.next().map(String::as_str),
            flag => flag.strip_prefix("-C").or_else(|| flag.strip_prefix("--codegen=")),
        };
        let Some(option) = option else { continue };
        let (key, value) = option.split_once('=').unwrap_or((option, "yes"));
        let key = key.replace('_', "-");
        match key.as_str() {
            "target-feature" => found.extend(value.split(',').filter_map(feature)),
            "link-arg" | "link-args" | "llvm-args" | "remark" | "metadata" | "extra-filename"
            | "codegen-units" => {}
            _ => drop(found.insert(key, value.to_owned())),
        }
    }
    found
}

/// `+crt-static` as the option `target-feature crt-static` of the value `+`.
fn feature(text: &str) -> Option<(String, String)> {
    let text = text.trim();
    let name = text.strip_prefix(['+', '-'])?;
    Some((format!("target-feature {name}"), text[..1].to_owned()))
}

fn written(key: &str, value: &str) -> String {
    match key.strip_prefix("target-feature ") {
        Some(feature) => format!("-Ctarget-feature={value}{feature}"),
        None => format!("-C{key}={value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MUSL: &str = "x86_64-unknown-linux-musl";

    fn flags(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn user(text: &str, place: &str) -> UserSetting<Vec<String>> {
        UserSetting { value: flags(text), place: place.to_owned() }
    }

    fn target(name: &str, text: &str) -> TargetSetting<Vec<String>> {
        TargetSetting { target: name.to_owned(), setting: user(text, name) }
    }

    #[test]
    fn own_flags_never_silence_the_users() {
        let own = flags("-Ctarget-feature=+crt-static");
        let only_build = CargoSettings { build: vec![user("-Cx", "b")], ..CargoSettings::default() };
        assert_eq!(
            only_build.with_own(MUSL, &own),
            Rustflags::Config(flags("-Cx -Ctarget-feature=+crt-static"))
        );
        let targets = vec![target("cfg(target_env = \"musl\")", "-Cy"), target("cfg(windows)", "-Cz")];
        let with_target = CargoSettings { targets, ..only_build };
        assert_eq!(with_target.with_own(MUSL, &own), Rustflags::Config(own.clone()));
        let other = with_target.with_own("aarch64-unknown-linux-gnu", &own);
        assert_eq!(other, Rustflags::Config(flags("-Cx -Ctarget-feature=+crt-static")));
        let environment = Some(user("-Cw", "RUSTFLAGS"));
        let with_environment = CargoSettings { environment, ..with_target };
        assert_eq!(
            with_environment.with_own(MUSL, &own),
            Rustflags::Encoded(flags("-Cw -Ctarget-feature=+crt-static"))
        );
    }

    #[test]
    fn contradictions_name_both_sides_and_the_place() {
        let own = flags("-Ctarget-feature=+crt-static -Clink-self-contained=no");
        let text = "-C target-feature=-crt-static,+sse3 -Ctarget-cpu=native --codegen link_self_contained=yes -Clink-arg=-s";
        let linkers = vec![TargetSetting {
            target: "X86_64_UNKNOWN_LINUX_MUSL".into(),
            setting: UserSetting {
                value: "clang".into(),
                place: "CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER".into(),
            },
        }];
        let settings =
            CargoSettings { environment: Some(user(text, "RUSTFLAGS")), linkers, ..CargoSettings::default() };
        let found = settings.conflicts(MUSL, &own, Some("/usr/bin/musl-gcc"));
        let lines: Vec<String> = found
            .iter()
            .map(|conflict| format!("{} | {} | {}", conflict.own, conflict.user, conflict.place))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        -Clink-self-contained=no | -Clink-self-contained=yes | RUSTFLAGS
        --target=x86_64-unknown-linux-musl, whose machines are not this one | -Ctarget-cpu=native | RUSTFLAGS
        -Ctarget-feature=+crt-static | -Ctarget-feature=-crt-static | RUSTFLAGS
        linker /usr/bin/musl-gcc | linker clang | CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER
        ");
        assert_eq!(settings.conflicts("aarch64-unknown-linux-musl", &own, None).len(), 3);
        let agreeing = CargoSettings {
            environment: Some(user("-Ctarget-feature=+crt-static", "RUSTFLAGS")),
            ..CargoSettings::default()
        };
        assert_eq!(agreeing.conflicts(MUSL, &own, Some("x")), []);
    }
}
