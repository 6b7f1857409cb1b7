//! The user's settings that change what go compiles, from the environment and from the file that `go env -w` writes.

use camino::Utf8PathBuf;

use crate::discover::cargo::settings::{UserSetting, VariableSetting};
use crossdock_system::environment::Environment;

/// The variables that change what go compiles (`go help environment`), in addition to those of the levels of processors.
const NAMES: [&str; 16] = [
    "CC",
    "CGO_CFLAGS",
    "CGO_CFLAGS_ALLOW",
    "CGO_CPPFLAGS",
    "CGO_CPPFLAGS_ALLOW",
    "CGO_CXXFLAGS",
    "CGO_CXXFLAGS_ALLOW",
    "CGO_FFLAGS",
    "CGO_LDFLAGS",
    "CGO_LDFLAGS_ALLOW",
    "CXX",
    "GOEXPERIMENT",
    "GOFIPS140",
    "GOFLAGS",
    "GOWORK",
    "GO_EXTLINK_ENABLED",
];

/// The variables that name the level of a processor.
const LEVELS: [&str; 9] =
    ["GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64", "GOWASM"];

impl VariableSetting {
    /// Returns whether the variable names the level of a processor, such as GOAMD64.
    pub fn is_level(&self) -> bool {
        LEVELS.contains(&self.name.as_str())
    }

    /// Returns whether the variable has flags of cgo for a compiler of C or C++.
    pub fn is_for_cgo_compiler(&self) -> bool {
        ["CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS"].contains(&self.name.as_str())
    }
}

/// Returns whether GOWORK turns `go.work` off (Go Modules Reference, "Workspaces").
pub(in crate::discover) fn ignores_workspace(variables: &[VariableSetting]) -> bool {
    variables.iter().any(|variable| variable.name == "GOWORK" && variable.setting.value == "off")
}

/// Returns the variables that the user sets. Go reads its file for a variable that is empty or unset.
pub(in crate::discover) fn go_variables(environment: &Environment) -> Vec<VariableSetting> {
    // Go reads no file if this one is absent or unreadable, and reports the latter itself.
    let file = go_env_file(environment)
        .and_then(|path| Some((crossdock_fs::read_text(path.as_std_path()).ok()?, path)));
    let in_file = |name: &str| {
        let (text, path) = file.as_ref()?;
        let value = text.lines().find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix('='))?;
        Some(UserSetting { value: value.to_owned(), place: format!("{path} ({name})") })
    };
    let in_environment = |name: &str| {
        let value = environment.get(name).filter(|value| !value.is_empty())?;
        Some(UserSetting { value: value.to_owned(), place: name.to_owned() })
    };
    let variable = |name: &str| {
        let setting = in_environment(name).or_else(|| in_file(name))?;
        Some(VariableSetting { name: name.to_owned(), setting })
    };
    NAMES.into_iter().chain(LEVELS).filter_map(variable).collect()
}

/// Returns the path of Go's file of variables: GOENV, else `go/env` in the user's directory of configurations
/// (<https://pkg.go.dev/os#UserConfigDir>); `None` if GOENV is `off`.
/// Returns the program in which go keeps what it compiled, GOCACHEPROG, with its arguments (`go help environment`); `None` if
/// there is none.
pub fn go_cache_program(environment: &Environment) -> Option<UserSetting<String>> {
    const NAME: &str = "GOCACHEPROG";
    if let Some(value) = environment.get(NAME).filter(|value| !value.is_empty()) {
        return Some(UserSetting { value: value.to_owned(), place: NAME.to_owned() });
    }
    let path = go_env_file(environment)?;
    let text = crossdock_fs::read_text(path.as_std_path()).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(NAME)?.strip_prefix('='))?;
    Some(UserSetting { value: value.to_owned(), place: format!("{path} ({NAME})") })
}

pub(super) fn go_env_file(environment: &Environment) -> Option<Utf8PathBuf> {
    match environment.get("GOENV") {
        Some("off") => None,
        Some(path) if !path.is_empty() => Some(environment.directory.join(path)),
        _ if cfg!(target_os = "macos") => {
            Some(environment.home()?.join("Library/Application Support/go/env"))
        }
        _ => {
            let configured = environment.get("XDG_CONFIG_HOME").filter(|path| !path.is_empty());
            let directory = configured.map(|path| environment.directory.join(path));
            Some(directory.or_else(|| Some(environment.home()?.join(".config")))?.join("go/env"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDirectory;

    #[test]
    fn the_environment_precedes_gos_file() {
        let directory =
            TestDirectory::new(&[("env", "CGO_CFLAGS=-march=native -O2\nCGO_CXXFLAGS=-g\nGOPROXY=off\n")]);
        let file = directory.path().join("env");
        let found = |variables: &[(&str, &str)]| {
            let mut environment = Environment::new(directory.path());
            let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            environment.variables.extend(variables);
            let variables = go_variables(&environment).into_iter();
            let texts =
                variables.map(|one| format!("{}={} in {}", one.name, one.setting.value, one.setting.place));
            directory.masked(texts.collect::<Vec<_>>().join("; "))
        };
        assert_eq!(
            found(&[("GOENV", file.as_str())]),
            "CGO_CFLAGS=-march=native -O2 in /p/env (CGO_CFLAGS); CGO_CXXFLAGS=-g in /p/env (CGO_CXXFLAGS)"
        );
        assert_eq!(
            found(&[("GOENV", file.as_str()), ("CGO_CFLAGS", "-O3"), ("CGO_CXXFLAGS", "")]),
            "CGO_CFLAGS=-O3 in CGO_CFLAGS; CGO_CXXFLAGS=-g in /p/env (CGO_CXXFLAGS)"
        );
        assert_eq!(found(&[("GOENV", "off"), ("CGO_CPPFLAGS", "-DX")]), "CGO_CPPFLAGS=-DX in CGO_CPPFLAGS");
        let others = [("GOENV", "off"), ("GOFLAGS", "-tags=pro"), ("GOAMD64", "v3"), ("GOPATH", "/go")];
        assert_eq!(found(&others), "GOFLAGS=-tags=pro in GOFLAGS; GOAMD64=v3 in GOAMD64");
    }
}
