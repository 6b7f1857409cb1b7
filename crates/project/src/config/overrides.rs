//! The layer between the files and the command line: the variables `CROSSDOCK_…`.

use std::num::NonZeroUsize;

use camino::Utf8PathBuf;

use super::{Builder, ConfigError, Source, Sourced};
use crossdock_platform::nearest;
use crossdock_system::environment::Environment;

/// The settings of the environment. The command line takes precedence over them, and they over the files. An empty
/// variable is an unset one.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Overrides {
    /// The configuration file, `CROSSDOCK_CONFIG`, as with `--config`. Absolute.
    pub config: Option<Sourced<Utf8PathBuf>>,
    /// The platforms to build, `CROSSDOCK_PLATFORM`, as with `--platform`; separated by commas.
    pub platforms: Vec<Sourced<String>>,
    /// The nodes to verify for, `CROSSDOCK_FOR`, as with `--for`; separated by commas.
    pub nodes: Vec<Sourced<String>>,
    /// The images, `CROSSDOCK_IMAGE`, as with `--image`; separated by commas.
    pub images: Vec<Sourced<String>>,
    /// The directory of the layouts, `CROSSDOCK_OUTPUT`, as with `--output`. Absolute.
    pub output: Option<Sourced<Utf8PathBuf>>,
    /// Tag templates, `CROSSDOCK_TAG`, as with `--tag`; separated by commas outside of `{{ }}` and `{% %}`.
    pub tags: Vec<Sourced<String>>,
    /// The repository, `CROSSDOCK_REPOSITORY`, as with `--repository`.
    pub repository: Option<Sourced<String>>,
    /// The number of parallel jobs, `CROSSDOCK_JOBS`, as with `--jobs`; 1 to 4096.
    pub jobs: Option<Sourced<usize>>,
    /// The builder, `CROSSDOCK_BUILDER`, as with `--builder`.
    pub builder: Option<Sourced<Builder>>,
    /// Whether the network stays unused, `CROSSDOCK_OFFLINE`, as with `--offline`: `1`, `true`, `yes`, `0`, `false` or
    /// `no`.
    pub offline: Option<Sourced<bool>>,
}

const PREFIX: &str = "CROSSDOCK_";

/// The environment variables that crossdock reads, each with its meaning. [`Environment::cache_directory`] reads that
/// of the cache.
pub const VARIABLES: &[(&str, &str)] = &[
    ("CROSSDOCK_BUILDER", "the builder, as with `--builder`"),
    ("CROSSDOCK_CACHE_DIR", "the cache, instead of `crossdock` in the system's cache directory"),
    ("CROSSDOCK_CONFIG", "the configuration file, as with `--config`"),
    ("CROSSDOCK_FOR", "the nodes to verify for, as with `--for`; separated by commas"),
    ("CROSSDOCK_IMAGE", "the images, as with `--image`; separated by commas"),
    ("CROSSDOCK_JOBS", "the number of parallel jobs, as with `--jobs`"),
    (
        "CROSSDOCK_OFFLINE",
        "whether the network stays unused, as with `--offline`: `1`, `true`, `yes`, `0`, `false` or `no`",
    ),
    ("CROSSDOCK_OUTPUT", "the directory of the layouts, as with `--output`"),
    ("CROSSDOCK_PLATFORM", "the platforms to build, as with `--platform`; separated by commas"),
    ("CROSSDOCK_REPOSITORY", "the repository, as with `--repository`"),
    ("CROSSDOCK_TAG", "tag templates, as with `--tag`; separated by commas outside of `{{ }}` and `{% %}`"),
];

impl Overrides {
    /// Reads the variables. Returns a warning for each one that begins with `CROSSDOCK_` and is unknown.
    ///
    /// # Errors
    /// A value that the corresponding option does not accept.
    pub fn from_environment(environment: &Environment) -> Result<(Self, Vec<String>), ConfigError> {
        refuse_unreadable(environment)?;
        let text = |name: &str| {
            let variable = format!("{PREFIX}{name}");
            let value = environment.get(&variable)?.to_owned();
            Some(Sourced::new(value, Source::Environment(variable)))
        };
        let path = |name: &str| text(name).map(|path| path.map(|path| environment.directory.join(path)));
        let list = |name: &str| text(name).map(items).unwrap_or_default();
        let overrides = Self {
            config: path("CONFIG"),
            platforms: list("PLATFORM"),
            nodes: list("FOR"),
            images: list("IMAGE"),
            output: path("OUTPUT"),
            tags: list("TAG"),
            repository: text("REPOSITORY"),
            builder: text("BUILDER").map(builder).transpose()?,
            jobs: text("JOBS")
                .map(|jobs| parsed(jobs, |jobs| parse_jobs(jobs).map(NonZeroUsize::get)))
                .transpose()?,
            offline: text("OFFLINE").map(|offline| parsed(offline, switch)).transpose()?,
        };
        Ok((overrides, warnings(environment)))
    }
}

/// Refuses a variable that crossdock reads and that is not UTF-8. Ignoring it could change what is built.
fn refuse_unreadable(environment: &Environment) -> Result<(), ConfigError> {
    const READ: [&str; 15] = [
        "CC",
        "CFLAGS",
        "CXX",
        "CXXFLAGS",
        "GOEXPERIMENT",
        "GOFIPS140",
        "GOFLAGS",
        "GOWORK",
        "GO_EXTLINK_ENABLED",
        "HOME",
        "RUSTC_BOOTSTRAP",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "SOURCE_DATE_EPOCH",
        "XDG_CACHE_HOME",
    ];
    const PREFIXES: [&str; 8] = [PREFIX, "CARGO_", "CC_", "CFLAGS_", "CGO_", "CXX_", "CXXFLAGS_", "TARGET_"];
    let is_read = |name: &str| READ.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let mut unreadable =
        environment.non_utf8_variables.iter().map(|(name, value)| (name.to_string_lossy(), value));
    match unreadable.find(|(name, _)| is_read(name)) {
        None => Ok(()),
        Some((name, value)) => Err(ConfigError::Variable {
            variable: name.into_owned(),
            value: value.to_string_lossy().into_owned(),
            reason: "it is not UTF-8, and crossdock reads it".to_owned(),
        }),
    }
}

fn warnings(environment: &Environment) -> Vec<String> {
    let unknown = environment.variables.keys().filter(|name| name.starts_with(PREFIX));
    let unknown = unknown.filter(|name| !VARIABLES.iter().any(|(known, _)| known == name));
    unknown
        .map(|name| match nearest(name, VARIABLES.iter().map(|(known, _)| *known)) {
            Some(meant) => format!("unknown environment variable {name}; did you mean {meant}?"),
            None => format!("unknown environment variable {name}"),
        })
        .collect()
}

fn parsed<T>(
    text: Sourced<String>,
    parse: impl FnOnce(&str) -> Result<T, &'static str>,
) -> Result<Sourced<T>, ConfigError> {
    match parse(text.value.trim()) {
        Ok(value) => Ok(text.map(|_| value)),
        Err(reason) => {
            let variable = match &text.source {
                Source::Environment(variable) => variable.clone(),
                other => other.to_string(),
            };
            Err(ConfigError::Variable { variable, value: text.value, reason: reason.to_owned() })
        }
    }
}

fn builder(text: Sourced<String>) -> Result<Sourced<Builder>, ConfigError> {
    match text.value.trim().parse() {
        Ok(builder) => Ok(Sourced::new(builder, text.source)),
        Err(error) => Err(ConfigError::Variable {
            variable: "CROSSDOCK_BUILDER".to_owned(),
            value: text.value,
            reason: error.to_string(),
        }),
    }
}

/// Parses a number of parallel jobs. It has an upper limit because compilers allocate memory for each job: go does not
/// finish with billions of them.
pub fn parse_jobs(text: &str) -> Result<NonZeroUsize, &'static str> {
    match text.parse::<NonZeroUsize>() {
        Ok(jobs) if jobs.get() <= 4096 => Ok(jobs),
        _ => Err("use a number from 1 to 4096"),
    }
}

fn switch(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err("use 1, true or yes, or 0, false or no"),
    }
}

/// Splits text at commas. A comma inside the braces of a template belongs to the template.
fn items(text: Sourced<String>) -> Vec<Sourced<String>> {
    let mut depth = 0_usize;
    let split = text.value.split(|c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    let items = split.map(str::trim).filter(|item| !item.is_empty());
    items.map(|item| Sourced::new(item.to_owned(), text.source.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().fold(Environment::new("/p"), |environment, (name, value)| {
            environment.with_variable(*name, *value)
        })
    }

    fn values(list: &[Sourced<String>]) -> Vec<&str> {
        list.iter().map(|item| item.value.as_str()).collect()
    }

    #[test]
    fn each_variable_sets_its_value_and_is_its_source() {
        let environment = environment(&[
            ("CROSSDOCK_PLATFORM", "linux/amd64, linux/arm64,"),
            ("CROSSDOCK_FOR", "deploy:eks"),
            ("CROSSDOCK_TAG", "{{ env.A | default('x,y') }},latest"),
            ("CROSSDOCK_OUTPUT", "out"),
            ("CROSSDOCK_JOBS", "3"),
            ("CROSSDOCK_OFFLINE", "True"),
            ("CROSSDOCK_REPOSITORY", ""),
        ]);
        let (overrides, warnings) = Overrides::from_environment(&environment).unwrap();
        assert_eq!(values(&overrides.platforms), ["linux/amd64", "linux/arm64"]);
        assert_eq!(overrides.platforms[0].source.to_string(), "the environment variable CROSSDOCK_PLATFORM");
        assert_eq!(values(&overrides.nodes), ["deploy:eks"]);
        assert_eq!(values(&overrides.tags), ["{{ env.A | default('x,y') }}", "latest"]);
        assert_eq!(overrides.output.unwrap().value, "/p/out");
        assert_eq!((overrides.jobs.unwrap().value, overrides.offline.unwrap().value), (3, true));
        assert_eq!((overrides.repository, warnings), (None, vec![]));
    }

    #[test]
    fn unknown_variables_cause_warnings() {
        let environment =
            environment(&[("CROSSDOCK_PLATFROM", "x"), ("CROSSDOCK_CACHE_DIR", "x"), ("CROSSDOCK_", "")]);
        let (_, warnings) = Overrides::from_environment(&environment).unwrap();
        insta::assert_snapshot!(warnings.join("\n"), @r"
        unknown environment variable CROSSDOCK_; did you mean CROSSDOCK_FOR?
        unknown environment variable CROSSDOCK_PLATFROM; did you mean CROSSDOCK_PLATFORM?
        ");
    }

    #[test]
    fn values_that_an_option_refuses_are_errors() {
        let error = |name, value| {
            Overrides::from_environment(&environment(&[(name, value)])).unwrap_err().to_string()
        };
        insta::assert_snapshot!(error("CROSSDOCK_JOBS", "0"), @r#"CROSSDOCK_JOBS is "0": use a number from 1 to 4096"#);
        insta::assert_snapshot!(error("CROSSDOCK_OFFLINE", "maybe"), @r#"CROSSDOCK_OFFLINE is "maybe": use 1, true or yes, or 0, false or no"#);
    }
}
