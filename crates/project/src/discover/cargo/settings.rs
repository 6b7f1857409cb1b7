//! The user's settings of cargo: compiler flags, linkers and variables of native code from `.cargo/config.toml` and from the
//! environment.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_fs::read_project_text;
use serde::{Deserialize, Serialize};

use super::super::error::ProjectError;
use crate::boundary::project_boundary;
use crate::config::grammar::normalized_path;
use crossdock_platform::JEMALLOC_LG_PAGE;
use crossdock_system::environment::Environment;

/// The compiler flags, linkers and variables that the user's cargo configuration sets (The Cargo Book, "Configuration").
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CargoSettings {
    /// `CARGO_ENCODED_RUSTFLAGS`, else `RUSTFLAGS`. If one of them is set, cargo reads no other flags.
    pub environment: Option<UserSetting<Vec<String>>>,
    /// `[build] rustflags` and `CARGO_BUILD_RUSTFLAGS`. Cargo reads them if no other flags are set.
    pub build: Vec<UserSetting<Vec<String>>>,
    /// `[target.NAME] rustflags` and `CARGO_TARGET_…_RUSTFLAGS`, which cargo joins.
    pub targets: Vec<TargetSetting<Vec<String>>>,
    /// `[target.NAME] linker` and `CARGO_TARGET_…_LINKER`, in order of precedence.
    pub linkers: Vec<TargetSetting<String>>,
    /// Variables for the build scripts of native code, from the environment and from `[env]`, in order of precedence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<VariableSetting>,
    /// Variables of the environment that change what cargo compiles besides flags: `CARGO_PROFILE_…` and
    /// `RUSTC_BOOTSTRAP`, and RUSTUP_TOOLCHAIN.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cargo_variables: Vec<VariableSetting>,
    /// The variables of `[env]` besides those for native code, which cargo sets for rustc and build scripts, with the values
    /// that they get: the environment's precede those of `[env]` that have no `force`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<VariableSetting>,
    /// The program that cargo calls in place of rustc, such as `sccache`: `RUSTC_WRAPPER`, else `CARGO_BUILD_RUSTC_WRAPPER`,
    /// else `[build] rustc-wrapper`. An empty value means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrapper: Option<Box<UserSetting<String>>>,
    /// The places of `[profile]` in files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
}

/// A variable for build scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VariableSetting {
    /// The name, such as `CFLAGS_x86_64-unknown-linux-musl`.
    pub name: String,
    /// The value with its place.
    #[serde(flatten)]
    pub setting: UserSetting<String>,
}

/// A value with the file or variable that sets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserSetting<T> {
    /// The value.
    pub value: T,
    /// `RUSTFLAGS`, or the path of a file with the key, such as `/p/.cargo/config.toml (build.rustflags)`.
    pub place: String,
}

/// A setting for the targets that a name selects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetSetting<T> {
    /// A triple, a `cfg(…)` expression, or a triple as spelled in variables (`X86_64_UNKNOWN_LINUX_MUSL`).
    pub target: String,
    /// The value with its place.
    #[serde(flatten)]
    pub setting: UserSetting<T>,
}

/// The keys of `.cargo/config.toml` that matter here. Cargo itself checks the others.
#[derive(Debug, Default, Deserialize)]
struct RawConfig {
    #[serde(default)]
    include: Include,
    #[serde(default)]
    build: RawBuild,
    #[serde(default)]
    target: BTreeMap<String, RawTarget>,
    #[serde(default)]
    env: BTreeMap<String, RawVariable>,
    profile: Option<toml::Table>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawBuild {
    rustflags: Option<Flags>,
    rustc_wrapper: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct RawTarget {
    rustflags: Option<Flags>,
    linker: Option<String>,
}

/// A variable as a value, or as a table that can also replace the variable of the environment.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a variable is a string, or a table with value and force")]
enum RawVariable {
    Value(String),
    Table {
        value: String,
        #[serde(default)]
        force: bool,
        #[serde(default)]
        relative: bool,
    },
}

/// Flags as a list, or as a string with spaces between them.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "flags are a list, or a string with spaces between them")]
enum Flags {
    Text(String),
    List(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "include is a path or a list of paths")]
enum Include {
    One(String),
    Many(Vec<Included>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "an included file is a path, or a table with path and optional")]
enum Included {
    Path(String),
    Table {
        path: String,
        #[serde(default)]
        optional: bool,
    },
}

impl Default for Include {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Flags {
    fn list(self) -> Vec<String> {
        match self {
            Self::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
            Self::List(list) => list,
        }
    }
}

impl CargoSettings {
    /// Reads the files and variables that cargo reads when it runs in `directory`: `.cargo/config.toml` there, in every
    /// directory above, and in CARGO_HOME.
    ///
    /// # Errors
    /// A file that cannot be read or is malformed.
    pub fn read(directory: &Utf8Path, environment: &Environment) -> Result<Self, ProjectError> {
        let mut settings = Self { environment: environment_flags(environment), ..Self::default() };
        settings.environment_targets(environment);
        // With CARGO, which cargo sets for the programs that it runs, RUSTUP_TOOLCHAIN is that of rustup's proxy of cargo.
        let is_of_user = environment.get("CARGO").is_none();
        let of_cargo = |name: &str| {
            name.starts_with("CARGO_PROFILE_")
                || name == "RUSTC_BOOTSTRAP"
                || name == "RUSTUP_TOOLCHAIN" && is_of_user
        };
        let of_cargo = environment.variables.iter().filter(|(name, _)| of_cargo(name));
        settings.cargo_variables = of_cargo.map(variable_of_environment).collect();
        let mut variables = Variables::default();
        for file in files(directory, environment) {
            settings.file(project_boundary(directory), &file, 0, &mut variables)?;
        }
        settings.env = variables.of_env(environment);
        settings.variables = variables.finish(environment);
        Ok(settings)
    }

    /// Returns the value of a variable that the build scripts of native code read; `None` if the user does not set it.
    pub fn variable(&self, name: &str) -> Option<&UserSetting<String>> {
        self.variables.iter().find(|variable| variable.name == name).map(|variable| &variable.setting)
    }

    /// Returns the program that cargo calls in place of rustc; `None` if there is none.
    pub fn wrapper(&self) -> Option<&UserSetting<String>> {
        self.wrapper.as_deref().filter(|wrapper| !wrapper.value.is_empty())
    }

    /// Adds a wrapper, unless an earlier place has one.
    fn add_wrapper(&mut self, value: Option<&str>, place: impl Into<String>) {
        if self.wrapper.is_none() {
            self.wrapper = value.map(|value| Box::new(setting(value.to_owned(), place)));
        }
    }

    /// Returns RUSTUP_TOOLCHAIN, by which the user selects another toolchain than the project.
    pub fn rustup_toolchain(&self) -> Option<&str> {
        let found = self.cargo_variables.iter().find(|variable| variable.name == "RUSTUP_TOOLCHAIN")?;
        Some(found.setting.value.as_str()).filter(|toolchain| !toolchain.is_empty())
    }

    /// Returns whether a variable names a compiler, to which it may pass flags.
    pub fn is_compiler(name: &str) -> bool {
        let name = name.strip_prefix("TARGET_").unwrap_or(name);
        let (kind, of) = name.split_once('_').unwrap_or((name, ""));
        // Triples are lower case, as in `CC_x86_64_unknown_linux_musl`; `CC_SHELL_ESCAPED_FLAGS` is a switch.
        ["CC", "CXX"].contains(&kind) && !of.starts_with(|first: char| first.is_ascii_uppercase())
    }

    /// Returns the settings of some places: variables, or paths of files with a key.
    #[must_use]
    pub fn filtered(&self, is_kept: impl Fn(&str) -> bool) -> Self {
        Self {
            environment: self.environment.iter().find(|one| is_kept(&one.place)).cloned(),
            build: self.build.iter().filter(|one| is_kept(&one.place)).cloned().collect(),
            targets: self.targets.iter().filter(|one| is_kept(&one.setting.place)).cloned().collect(),
            linkers: self.linkers.iter().filter(|one| is_kept(&one.setting.place)).cloned().collect(),
            variables: self.variables.iter().filter(|one| is_kept(&one.setting.place)).cloned().collect(),
            cargo_variables: {
                let all = self.cargo_variables.iter();
                all.filter(|one| is_kept(&one.setting.place)).cloned().collect()
            },
            env: self.env.iter().filter(|one| is_kept(&one.setting.place)).cloned().collect(),
            wrapper: self.wrapper.iter().find(|one| is_kept(&one.place)).cloned(),
            profiles: self.profiles.iter().filter(|place| is_kept(place)).cloned().collect(),
        }
    }

    fn environment_targets(&mut self, environment: &Environment) {
        if let Some(flags) = environment.get("CARGO_BUILD_RUSTFLAGS") {
            self.build.push(setting(Flags::Text(flags.to_owned()).list(), "CARGO_BUILD_RUSTFLAGS"));
        }
        for name in ["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"] {
            self.add_wrapper(environment.variables.get(name).map(String::as_str), name);
        }
        for (name, value) in environment.variables.iter().filter(|(_, value)| !value.is_empty()) {
            let Some(rest) = name.strip_prefix("CARGO_TARGET_") else { continue };
            if let Some(target) = rest.strip_suffix("_RUSTFLAGS") {
                let setting = setting(Flags::Text(value.clone()).list(), name.as_str());
                self.targets.push(TargetSetting { target: target.to_owned(), setting });
            }
            if let Some(target) = rest.strip_suffix("_LINKER") {
                let setting = setting(value.clone(), name.as_str());
                self.linkers.push(TargetSetting { target: target.to_owned(), setting });
            }
        }
    }

    fn file(
        &mut self,
        project: &Utf8Path,
        path: &Utf8Path,
        depth: usize,
        variables: &mut Variables,
    ) -> Result<(), ProjectError> {
        let wrong = |reason: String| ProjectError::File { path: path.to_owned(), reason };
        let text = read_project_text(path.as_std_path(), project.as_std_path());
        let text = text.map_err(|error| wrong(error.source.to_string()))?;
        let raw: RawConfig =
            toml::from_str(&text).map_err(|error| wrong(error.to_string().trim().to_owned()))?;
        let place = |key: &str| format!("{path} ({key})");
        self.profiles.extend(raw.profile.map(|_| place("profile")));
        if let Some(flags) = raw.build.rustflags {
            self.build.push(setting(flags.list(), place("build.rustflags")));
        }
        self.add_wrapper(raw.build.rustc_wrapper.as_deref(), place("build.rustc-wrapper"));
        for (target, raw) in raw.target {
            let place = |key: &str| place(&format!("target.{target}.{key}"));
            if let Some(flags) = raw.rustflags {
                let setting = setting(flags.list(), place("rustflags"));
                self.targets.push(TargetSetting { target: target.clone(), setting });
            }
            if let Some(linker) = raw.linker {
                let setting = setting(linker, place("linker"));
                self.linkers.push(TargetSetting { target: target.clone(), setting });
            }
        }
        for (name, raw) in raw.env {
            let (value, is_forced) = match raw {
                RawVariable::Value(value) => (value, false),
                RawVariable::Table { value, force, relative } => {
                    // A relative path starts at the directory above `.cargo`.
                    let above = path.ancestors().nth(2).filter(|_| relative);
                    (above.map_or_else(|| value.clone(), |above| above.join(&value).into_string()), force)
                }
            };
            let setting = setting(value, place(&format!("env.{name}")));
            variables.add(VariableSetting { name, setting }, is_forced);
        }
        self.included(project, path, raw.include, depth, variables)
    }

    /// Reads included files after the one that includes them, as cargo does: the earlier setting takes precedence.
    fn included(
        &mut self,
        project: &Utf8Path,
        from: &Utf8Path,
        include: Include,
        depth: usize,
        variables: &mut Variables,
    ) -> Result<(), ProjectError> {
        let directory = from.parent().unwrap_or(from);
        let files = match include {
            Include::One(path) => vec![Included::Path(path)],
            Include::Many(files) => files,
        };
        for file in files {
            let (path, optional) = match file {
                Included::Path(path) => (directory.join(path), false),
                Included::Table { path, optional } => (directory.join(path), optional),
            };
            let path = normalized_path(path);
            if from.starts_with(project) && !path.starts_with(project) {
                let reason =
                    format!("it includes `{path}`, outside of {project}; move that file into the project");
                return Err(ProjectError::File { path: from.to_owned(), reason });
            }
            // Cargo reports cycles itself; here they only have to end.
            if depth < 16 && (path.is_file() || !optional) {
                self.file(project, &path, depth + 1, variables)?;
            }
        }
        Ok(())
    }
}

/// The variables of `[env]`, which files set in order of precedence.
#[derive(Default)]
struct Variables {
    forced: Vec<VariableSetting>,
    others: Vec<VariableSetting>,
}

impl Variables {
    fn add(&mut self, variable: VariableSetting, is_forced: bool) {
        let mut known = self.forced.iter().chain(&self.others);
        if known.any(|known| known.name == variable.name) {
            return;
        }
        if is_forced { self.forced.push(variable) } else { self.others.push(variable) }
    }

    /// Returns the variables of files that no build script of native code reads.
    fn of_env(&self, environment: &Environment) -> Vec<VariableSetting> {
        let others = self.others.iter().map(|variable| {
            let own = environment.variables.get_key_value(&variable.name);
            own.map_or_else(|| variable.clone(), variable_of_environment)
        });
        let all = self.forced.iter().cloned().chain(others);
        all.filter(|variable| !is_native_variable(&variable.name)).collect()
    }

    /// Returns the variables for native code in order of precedence: the environment's precede those of `[env]` that have no `force`
    /// (The Cargo Book, "Configuration", `[env]`).
    fn finish(self, environment: &Environment) -> Vec<VariableSetting> {
        let variables = environment.variables.iter().filter(|(name, _)| is_native_variable(name));
        let own = variables.map(variable_of_environment);
        let is_native = |variable: &VariableSetting| is_native_variable(&variable.name);
        let (forced, others) = (self.forced.into_iter(), self.others.into_iter());
        forced.filter(is_native).chain(own).chain(others.filter(is_native)).collect()
    }
}

/// Returns whether the build scripts of native code read a variable on which a plan depends.
fn is_native_variable(name: &str) -> bool {
    let is_flags = |name: &str| ["CC", "CFLAGS", "CXX", "CXXFLAGS"].contains(&name);
    let is_of_triple = name.split_once('_').is_some_and(|(flags, _)| is_flags(flags));
    is_flags(name.strip_prefix("TARGET_").unwrap_or(name)) || is_of_triple || name.ends_with(JEMALLOC_LG_PAGE)
}

fn variable_of_environment((name, value): (&String, &String)) -> VariableSetting {
    VariableSetting { name: name.clone(), setting: setting(value.clone(), name.as_str()) }
}

fn setting<T>(value: T, place: impl Into<String>) -> UserSetting<T> {
    UserSetting { value, place: place.into() }
}

/// Returns the flags of the environment. An empty variable counts: cargo then ignores the flags of files too.
fn environment_flags(environment: &Environment) -> Option<UserSetting<Vec<String>>> {
    if let Some(encoded) = environment.variables.get("CARGO_ENCODED_RUSTFLAGS") {
        let flags = encoded.split('\x1f').filter(|_| !encoded.is_empty());
        return Some(setting(flags.map(str::to_owned).collect(), "CARGO_ENCODED_RUSTFLAGS"));
    }
    let flags = environment.variables.get("RUSTFLAGS")?;
    Some(setting(Flags::Text(flags.clone()).list(), "RUSTFLAGS"))
}

/// Returns the files that cargo reads, in order of precedence.
fn files(directory: &Utf8Path, environment: &Environment) -> Vec<Utf8PathBuf> {
    let home = environment.get("CARGO_HOME").map(|home| environment.directory.join(home));
    let home = home.or_else(|| Some(environment.home()?.join(".cargo")));
    let mut directories: Vec<Utf8PathBuf> = directory.ancestors().map(|above| above.join(".cargo")).collect();
    if let Some(home) = home.filter(|home| !directories.contains(home)) {
        directories.push(home);
    }
    // If both spellings exist, cargo takes the one without an extension.
    let file = |directory: Utf8PathBuf| {
        let spellings = ["config", "config.toml"].into_iter().map(|name| directory.join(name));
        spellings.into_iter().find(|path| path.is_file())
    };
    directories.into_iter().filter_map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDirectory;

    fn environment(home: &Utf8Path, variables: &[(&str, &str)]) -> Environment {
        let mut environment = Environment::new(home).with_variable("HOME", home.as_str());
        environment.variables.extend(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        environment
    }

    #[test]
    fn settings_are_filtered_by_their_place() {
        let flags = "[build]\nrustflags = [\"-Ctarget-cpu=x86-64-v3\"]\n[profile.release]\nlto = true\n";
        let directory = TestDirectory::new(&[("p/.cargo/config.toml", flags), (".cargo/config.toml", flags)]);
        let variables = [("RUSTFLAGS", "-Ctarget-cpu=native"), ("CARGO_PROFILE_RELEASE_LTO", "true")];
        let environment = environment(&directory.path(), &variables);
        let sent = directory.path().join("p");
        let all = CargoSettings::read(&sent, &environment).unwrap();
        assert_eq!((all.build.len(), all.profiles.len(), all.cargo_variables.len()), (2, 2, 1));
        let settings = all.filtered(|place| place.starts_with(sent.as_str()));
        assert_eq!((settings.environment, settings.build.len(), settings.profiles.len()), (None, 1, 1));
        assert!(settings.build[0].place.starts_with(sent.as_str()) && settings.cargo_variables.is_empty());
    }

    #[test]
    fn the_first_wrapper_counts_and_an_empty_one_is_none() {
        let directory =
            TestDirectory::new(&[("p/.cargo/config.toml", "[build]\nrustc-wrapper = \"sccache\"\n")]);
        let wrapper = |variables: &[(&str, &str)]| {
            let environment = environment(&directory.path(), variables);
            let settings = CargoSettings::read(&directory.path().join("p"), &environment).unwrap();
            settings.wrapper().map(|wrapper| (wrapper.value.clone(), directory.masked(&wrapper.place)))
        };
        let found = |value: &str, place: &str| Some((value.to_owned(), place.to_owned()));
        assert_eq!(wrapper(&[]), found("sccache", "/p/p/.cargo/config.toml (build.rustc-wrapper)"));
        let variable = "CARGO_BUILD_RUSTC_WRAPPER";
        assert_eq!(wrapper(&[(variable, "b")]), found("b", variable));
        assert_eq!(wrapper(&[("RUSTC_WRAPPER", "a"), (variable, "b")]), found("a", "RUSTC_WRAPPER"));
        assert_eq!(wrapper(&[("RUSTC_WRAPPER", "")]), None);
    }

    #[test]
    fn variables_precede_files_from_the_directory_up_to_cargo_home() {
        let directory = TestDirectory::new(&[
            (
                "p/.cargo/config.toml",
                "include = [\"more.toml\", { path = \"none.toml\", optional = true }]\n[build]\nrustflags = \"-C debuginfo=1\"\n",
            ),
            ("p/.cargo/more.toml", "[target.'cfg(unix)']\nrustflags = [\"-Cforce-frame-pointers\"]\n"),
            (
                ".cargo/config.toml",
                "[target.x86_64-unknown-linux-musl]\nlinker = \"clang\"\nrustflags = [\"-Clink-arg=-s\"]\n[alias]\nxtask = \"run\"\n",
            ),
        ]);
        let variables =
            [("CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER", "lld"), ("RUSTFLAGS", " -Dwarnings  -Cx ")];
        let environment = environment(&directory.path(), &variables);
        let settings = CargoSettings::read(&directory.path().join("p"), &environment).unwrap();
        insta::assert_snapshot!(directory.masked(serde_json::to_string_pretty(&settings).unwrap()), @r#"
        {
          "environment": {
            "value": [
              "-Dwarnings",
              "-Cx"
            ],
            "place": "RUSTFLAGS"
          },
          "build": [
            {
              "value": [
                "-C",
                "debuginfo=1"
              ],
              "place": "/p/p/.cargo/config.toml (build.rustflags)"
            }
          ],
          "targets": [
            {
              "target": "cfg(unix)",
              "value": [
                "-Cforce-frame-pointers"
              ],
              "place": "/p/p/.cargo/more.toml (target.cfg(unix).rustflags)"
            },
            {
              "target": "x86_64-unknown-linux-musl",
              "value": [
                "-Clink-arg=-s"
              ],
              "place": "/p/.cargo/config.toml (target.x86_64-unknown-linux-musl.rustflags)"
            }
          ],
          "linkers": [
            {
              "target": "X86_64_UNKNOWN_LINUX_MUSL",
              "value": "lld",
              "place": "CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER"
            },
            {
              "target": "x86_64-unknown-linux-musl",
              "value": "clang",
              "place": "/p/.cargo/config.toml (target.x86_64-unknown-linux-musl.linker)"
            }
          ]
        }
        "#);
    }

    #[test]
    fn variables_of_the_environment_precede_those_of_files_unless_forced() {
        let file = |force: bool, value: &str| {
            format!(
                "[env]\nEDITOR = \"vi\"\n{JEMALLOC_LG_PAGE} = {{ value = \"{value}\", force = {force} }}\n"
            )
        };
        let (own, above) = (file(false, "12"), format!("[env]\n{JEMALLOC_LG_PAGE} = \"13\"\n"));
        let directory = TestDirectory::new(&[
            ("p/.cargo/config.toml", &own),
            (".cargo/config.toml", &above),
            ("q/.cargo/config.toml", &file(true, "15")),
        ]);
        let read = |project: &str, variables: &[(&str, &str)]| {
            let environment = environment(&directory.path(), variables);
            CargoSettings::read(&directory.path().join(project), &environment).unwrap()
        };
        let value = |settings: &CargoSettings| settings.variable(JEMALLOC_LG_PAGE).unwrap().value.clone();
        let set = [(JEMALLOC_LG_PAGE, "14")];
        assert_eq!(value(&read("p", &[])), "12");
        assert_eq!(value(&read("p", &set)), "14");
        assert_eq!(value(&read("q", &set)), "15");
        assert_eq!(read("q", &set).variable("EDITOR"), None, "no build script of native code reads it");
        for name in ["CFLAGS", "TARGET_CXXFLAGS", "CFLAGS_x86_64-unknown-linux-musl", "CC", "CXX_x86_64"] {
            assert!(read("p", &[(name, "-O3")]).variable(name).is_some(), "{name}");
        }
        for (name, is_compiler) in [
            ("CC", true),
            ("TARGET_CXX", true),
            ("CC_x86_64-unknown-linux-musl", true),
            ("CFLAGS", false),
            ("CC_SHELL_ESCAPED_FLAGS", false),
        ] {
            assert_eq!(CargoSettings::is_compiler(name), is_compiler, "{name}");
        }
        assert_eq!(read("p", &[("HOST_CFLAGS", "-O3")]).variable("HOST_CFLAGS"), None);
        let sent = directory.path().join("p");
        assert_eq!(value(&read("p", &set).filtered(|place| place.starts_with(sent.as_str()))), "12");
    }

    #[test]
    fn variables_of_files_have_the_values_that_cargo_sets() {
        let of_project = "[env]\nPLAIN = \"own\"\nCFLAGS = \"-O3\"\n";
        let above = "[env]\nPLAIN = \"above\"\nSET = \"file\"\nFORCED = { value = \"file\", force = true }\nPLACE = { value = \"a/b\", relative = true }\n";
        let directory =
            TestDirectory::new(&[("p/.cargo/config.toml", of_project), (".cargo/config.toml", above)]);
        let variables = [("SET", "mine"), ("FORCED", "mine"), ("RUSTUP_TOOLCHAIN", "1.89")];
        let environment = environment(&directory.path(), &variables);
        let settings = CargoSettings::read(&directory.path().join("p"), &environment).unwrap();
        let texts = settings
            .env
            .iter()
            .map(|one| format!("{}={} in {}", one.name, one.setting.value, one.setting.place));
        insta::assert_snapshot!(directory.masked(texts.collect::<Vec<_>>().join("\n")), @r"
        FORCED=file in /p/.cargo/config.toml (env.FORCED)
        PLAIN=own in /p/p/.cargo/config.toml (env.PLAIN)
        PLACE=/p/a/b in /p/.cargo/config.toml (env.PLACE)
        SET=mine in SET
        ");
        assert_eq!(settings.rustup_toolchain(), Some("1.89"));
        let by_cargo = environment.with_variable("CARGO", "/bin/cargo");
        let settings = CargoSettings::read(&directory.path(), &by_cargo).unwrap();
        assert_eq!(settings.rustup_toolchain(), None);
    }

    #[test]
    fn encoded_flags_precede_plain_ones() {
        let directory = TestDirectory::new(&[]);
        let variables = [("CARGO_ENCODED_RUSTFLAGS", "-C\x1flink-arg=a b"), ("RUSTFLAGS", "-Cx")];
        let settings =
            CargoSettings::read(&directory.path(), &environment(&directory.path(), &variables)).unwrap();
        assert_eq!(settings.environment.unwrap().value, ["-C", "link-arg=a b"]);
        let empty = environment(&directory.path(), &[("RUSTFLAGS", "")]);
        let settings = CargoSettings::read(&directory.path(), &empty).unwrap();
        assert_eq!(settings.environment.unwrap().value, [""; 0], "cargo reads no other flags then");
    }

    #[test]
    fn a_malformed_file_is_named() {
        let directory = TestDirectory::new(&[(".cargo/config.toml", "[build]\nrustflags = 3\n")]);
        let error = CargoSettings::read(&directory.path(), &environment(&directory.path(), &[])).unwrap_err();
        insta::assert_snapshot!(directory.masked(error), @r"
        /p/.cargo/config.toml: TOML parse error at line 2, column 13
          |
        2 | rustflags = 3
          |             ^
        flags are a list, or a string with spaces between them
        ");
        let directory = TestDirectory::new(&[(".cargo/config.toml", "include = \"config.toml\"\n")]);
        assert!(
            CargoSettings::read(&directory.path(), &environment(&directory.path(), &[])).is_ok(),
            "cycles end"
        );
    }
}
