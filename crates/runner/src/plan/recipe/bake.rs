//! A bake file: what `docker buildx bake` builds, as data.
//!
//! Bake drops keys that it does not know without a word, and reads `${` and `%{` in every text as the beginning of an
//! expression (Bake reference, "Variables"). A [`Bake`] is made of keys that it knows, and its texts are escaped.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use crossdock_dockerfile::render::{Mode, Private, Rendered};
use crossdock_platform::Platform;
use serde::Serialize;

use super::{Recipe, RecipeError};
use crate::engine::{BaseFrom, Options, csv};
use crate::plan::cargo::slug;

/// What stands in the JSON file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Bake {
    /// Names that stand for several targets; `default` for all.
    pub group: BTreeMap<String, Group>,
    /// One build each.
    pub target: BTreeMap<String, Target>,
    /// What the environment may set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variable: BTreeMap<String, Variable>,
}

/// Targets under one name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Their names.
    pub targets: Vec<String>,
}

/// A variable of bake: the environment's value stands over the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// Its value where the environment has none.
    pub default: String,
}

/// One build. Every text is escaped; [`literal`] does it for what is added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// The folder that is sent, from where bake runs.
    pub context: String,
    /// Where the Dockerfile lies, from the context or absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
    /// The Dockerfile itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile_inline: Option<String>,
    /// Contexts by the name of the image that they stand for: `oci-layout://PATH`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contexts: BTreeMap<String, String>,
    /// What it builds for.
    pub platforms: Vec<String>,
    /// References.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Labels beside those in the Dockerfile.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// `index,manifest:KEY=VALUE`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<String>,
    /// Build arguments.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// `id=NAME,src=PATH` or `id=NAME,env=VARIABLE`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<String>,
    /// `default`: the agent of whoever builds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh: Vec<String>,
    /// Where layers of earlier builds are looked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_from: Vec<String>,
    /// Where layers go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_to: Vec<String>,
    /// What becomes of the result.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
}

/// Where bake finds the Dockerfiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dockerfiles<'a> {
    /// In the bake file itself. Then the `.dockerignore` of the context decides what is sent.
    Inline,
    /// In this folder, absolute, as [`file_name`] says, each with its own `.dockerignore` beside it.
    In(&'a Utf8Path),
}

/// The bake file of recipes. `root` is the folder that bake runs in. What is not handed on in `options` and is needed is
/// looked for at its usual place: a `.netrc` in the home of whoever builds, the agent of their shell.
///
/// # Errors
/// What the renderer refuses.
pub fn bake(
    recipes: &[Recipe],
    root: &Utf8Path,
    dockerfiles: Dockerfiles<'_>,
    options: &Options,
) -> Result<Bake, RecipeError> {
    let mut bake = Bake::default();
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for (recipe, name) in recipes.iter().zip(target_names(recipes)) {
        let rendered = recipe.render()?;
        let dockerfile = match dockerfiles {
            Dockerfiles::Inline => None,
            Dockerfiles::In(folder) => Some(folder.join(file_name(recipe))),
        };
        let mut target = published(recipe, root, &rendered, options);
        if target.secret.iter().any(|secret| secret.contains(HOME)) {
            bake.variable.insert("HOME".to_owned(), Variable::default());
        }
        match dockerfile {
            Some(path) => target.dockerfile = Some(literal(path.as_str())),
            None => target.dockerfile_inline = Some(literal(&rendered.dockerfile)),
        }
        bake.group.entry("default".to_owned()).or_default().targets.push(name.clone());
        if matches!(recipe.request.mode, Mode::Fixed(_)) {
            groups.entry(target_name(&recipe.image)).or_default().targets.push(name.clone());
        }
        bake.target.insert(name, target);
    }
    // A name means one thing: where a target has it, the targets of that image are called one by one.
    groups.retain(|name, _| !bake.target.contains_key(name) && name != "default");
    bake.group.extend(groups);
    Ok(bake)
}

/// The name of a recipe's Dockerfile among others: `http-api.Dockerfile`, `http-api.linux-arm64.Dockerfile`.
pub fn file_name(recipe: &Recipe) -> String {
    format!("{}{}.Dockerfile", recipe.image, platform_part(recipe, '.'))
}

/// Text that bake takes as it stands.
pub fn literal(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

/// `-linux-arm64` where the file is for one platform alone.
fn platform_part(recipe: &Recipe, separator: char) -> String {
    match &recipe.request.mode {
        Mode::Fixed(platform) => format!("{separator}{}", slug(platform)),
        Mode::Cross(_) => String::new(),
    }
}

/// A target's name has letters, digits, `-` and `_`; an image's may have dots.
pub(crate) fn target_name(text: &str) -> String {
    text.replace(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'), "_")
}

/// The names in the recipes' order, each once.
fn target_names(recipes: &[Recipe]) -> Vec<String> {
    let mut seen = BTreeSet::from(["default".to_owned()]);
    let name = |recipe: &Recipe| {
        let mut name = target_name(&format!("{}{}", recipe.image, platform_part(recipe, '-')));
        while !seen.insert(name.clone()) {
            name.push('_');
        }
        name
    };
    recipes.iter().map(name).collect()
}

/// A target that every builder has, whatever becomes of the result: what it builds for, and what is handed on.
pub(crate) fn target(recipe: &Recipe, platforms: &[Platform], options: &Options) -> Target {
    let literals = |texts: &[String]| texts.iter().map(|text| literal(text)).collect();
    let argument = |text: &String| {
        let (name, value) = text.split_once('=')?;
        Some((name.to_owned(), literal(value)))
    };
    let mut args: BTreeMap<String, String> = options.build_args.iter().filter_map(argument).collect();
    args.entry("SOURCE_DATE_EPOCH".to_owned()).or_insert_with(|| recipe.created.to_string());
    let context = |base: &BaseFrom| {
        (base.name.clone(), literal(&format!("oci-layout://{}@{}", base.layout, base.digest)))
    };
    Target {
        platforms: platforms.iter().map(ToString::to_string).collect(),
        contexts: options.base_from.iter().map(context).collect(),
        args,
        secret: literals(&options.secrets),
        ssh: literals(&options.ssh),
        cache_from: literals(&options.cache_from),
        cache_to: literals(&options.cache_to),
        ..Target::default()
    }
}

/// A target whose result whoever runs bake publishes.
fn published(recipe: &Recipe, root: &Utf8Path, rendered: &Rendered, options: &Options) -> Target {
    let context = match recipe.context.strip_prefix(root) {
        Ok(below) if below.as_str().is_empty() => ".".to_owned(),
        Ok(below) => below.to_string(),
        Err(_) => recipe.context.to_string(),
    };
    let annotation = |(key, value): (&String, &String)| literal(&format!("index,manifest:{key}={value}"));
    // A tag of a file for one platform names it, or several such files would take it from each other.
    let suffix = if recipe.alone { String::new() } else { platform_part(recipe, '-') };
    let mut target = target(recipe, &recipe.platforms, options);
    let given: Vec<String> = options.secrets.iter().filter_map(|secret| csv::value(secret, "id")).collect();
    let usual = recipe.request.private.iter().map(secret);
    target
        .secret
        .extend(usual.filter(|secret| csv::value(secret, "id").is_none_or(|id| !given.contains(&id))));
    if rendered.ssh && target.ssh.is_empty() {
        target.ssh.push("default".to_owned());
    }
    Target {
        context: literal(&context),
        tags: recipe.references.iter().map(|tag| literal(&format!("{tag}{suffix}"))).collect(),
        labels: changing(&recipe.annotations),
        annotations: recipe.annotations.iter().map(annotation).collect(),
        output: vec!["type=image,oci-mediatypes=true,rewrite-timestamp=true".to_owned()],
        ..target
    }
}

/// Labels that change from commit to commit, and that a checked-in Dockerfile therefore has not.
fn changing(annotations: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let keys = ["created", "revision", "version"].map(|key| format!("org.opencontainers.image.{key}"));
    let found = keys.into_iter().filter_map(|key| annotations.get_key_value(&key));
    found.map(|(key, value)| (key.clone(), literal(value))).collect()
}

/// The home of whoever runs bake, as an expression of a bake file.
const HOME: &str = "${HOME}";

/// Where a secret is: each program's own usual place.
fn secret(private: &Private) -> String {
    match private {
        Private::Netrc(_) => format!("id=netrc,src={HOME}/.netrc"),
        Private::Ssh(_) => format!("id=known_hosts,src={HOME}/.ssh/known_hosts"),
        Private::CargoRegistry(name) => {
            let variable = name.to_ascii_uppercase().replace(['-', '.'], "_");
            format!("id=cargo-registry-{name},env=CARGO_REGISTRIES_{variable}_TOKEN")
        }
    }
}
