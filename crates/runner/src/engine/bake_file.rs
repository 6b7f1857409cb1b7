//! A bake file as data: the builds that `docker buildx bake` runs.
//!
//! Bake silently drops keys that it does not know, and reads `${` and `%{` in every string as the beginning of an
//! expression (Bake reference, "Variables"). Hence the types below have only keys that bake knows, and [`literal`] escapes
//! their strings.

use std::collections::BTreeMap;

use crossdock_platform::Platform;
use serde::Serialize;

use super::options::{BaseFrom, Options};

/// The JSON document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Bake {
    /// Names that select several targets; `default` selects all.
    pub group: BTreeMap<String, Group>,
    /// One build each.
    pub target: BTreeMap<String, Target>,
    /// Variables that the environment may set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variable: BTreeMap<String, Variable>,
}

/// Targets that one name selects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The names of the targets.
    pub targets: Vec<String>,
}

/// A variable of a bake file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// The value if the environment sets none.
    pub default: String,
}

/// One build. Every string is escaped with [`literal`], and so must be each that a caller adds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// The build context, relative to the directory in which bake runs, or absolute.
    pub context: String,
    /// The path of the Dockerfile, relative to the context, or absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
    /// The text of the Dockerfile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile_inline: Option<String>,
    /// Additional contexts by the name of the base image that each replaces: `oci-layout://PATH@DIGEST`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contexts: BTreeMap<String, String>,
    /// The platforms of the result.
    pub platforms: Vec<String>,
    /// The references of the result: `repository:tag`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Labels in addition to those of the Dockerfile.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations, as `index,manifest:KEY=VALUE`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<String>,
    /// Build arguments.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// Secrets, as `id=NAME,src=PATH` or `id=NAME,env=VARIABLE`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<String>,
    /// SSH agents; `default` is the agent of the user who runs bake.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh: Vec<String>,
    /// Caches that are read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_from: Vec<String>,
    /// Caches that are written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_to: Vec<String>,
    /// The exporters of the result.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
}

impl Target {
    /// Returns a target with what every build has: the platforms, the user's options, and `SOURCE_DATE_EPOCH` unless the
    /// options set it. `created` is in seconds since the Unix epoch.
    pub(crate) fn with_options(platforms: &[Platform], created: i64, options: &Options) -> Self {
        let literals = |texts: &[String]| texts.iter().map(|text| literal(text)).collect();
        let argument = |text: &String| match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), literal(value)),
            None => (text.clone(), from_environment(text)),
        };
        let mut args: BTreeMap<String, String> = options.build_args.iter().map(argument).collect();
        args.entry("SOURCE_DATE_EPOCH".to_owned()).or_insert_with(|| created.to_string());
        let context = |base: &BaseFrom| {
            (base.name.clone(), literal(&format!("oci-layout://{}@{}", base.layout, base.digest)))
        };
        Self {
            platforms: platforms.iter().map(ToString::to_string).collect(),
            contexts: options.base_from.iter().map(context).collect(),
            args,
            secret: literals(&options.secrets),
            ssh: literals(&options.ssh),
            cache_from: literals(&options.cache_from),
            cache_to: literals(&options.cache_to),
            ..Self::default()
        }
    }
}

/// Returns the variables of a bake file whose build arguments take their values from the environment.
pub(crate) fn variables(options: &Options) -> BTreeMap<String, Variable> {
    let inherited = options.build_args.iter().filter(|argument| !argument.contains('='));
    inherited.map(|name| (name.clone(), Variable::default())).collect()
}

/// Returns the expression for the value of a variable.
pub(crate) fn from_environment(name: &str) -> String {
    format!("${{{name}}}")
}

/// Escapes a string so that bake takes it literally.
pub fn literal(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

/// Turns the name of an image into the name of a target. Bake allows letters, digits, `-` and `_`; an image's name may
/// have dots.
pub(crate) fn target_name(text: &str) -> String {
    text.replace(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'), "_")
}
