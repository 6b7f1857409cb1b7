//! The bake file for the Dockerfiles of several images.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use crossdock_dockerfile::render::{Mode, Private, Rendered};

use super::super::error::DockerfileError;
use super::DockerfileRequest;
use crate::engine::bake_file::{Bake, Group, Target, Variable, literal, target_name, variables};
use crate::engine::{Options, csv};
use crate::text::platform_slug;

/// Where bake finds the Dockerfiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dockerfiles<'a> {
    /// In the bake file itself. The `.dockerignore` at the root of the context applies.
    Inline,
    /// In this directory (absolute), under the names of [`file_name`], each with its own `.dockerignore` next to it.
    In(&'a Utf8Path),
}

/// Returns the bake file for several Dockerfiles. `root` is the directory in which bake runs. Secrets that a Dockerfile needs
/// and `options` do not give are taken from their usual places: `.netrc` in the user's home directory, the SSH agent of the
/// user's shell.
///
/// # Errors
/// If the renderer rejects a request.
pub fn bake(
    requests: &[DockerfileRequest],
    root: &Utf8Path,
    dockerfiles: Dockerfiles<'_>,
    options: &Options,
) -> Result<Bake, DockerfileError> {
    let mut bake = Bake { variable: variables(options), ..Bake::default() };
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for (request, name) in requests.iter().zip(target_names(requests)) {
        let rendered = request.render()?;
        let dockerfile = match dockerfiles {
            Dockerfiles::Inline => None,
            Dockerfiles::In(directory) => Some(directory.join(file_name(request))),
        };
        let mut target = published(request, root, &rendered, options);
        if target.secret.iter().any(|secret| secret.contains(HOME)) {
            bake.variable.insert("HOME".to_owned(), Variable::default());
        }
        match dockerfile {
            Some(path) => target.dockerfile = Some(literal(path.as_str())),
            None => target.dockerfile_inline = Some(literal(&rendered.dockerfile)),
        }
        bake.group.entry("default".to_owned()).or_default().targets.push(name.clone());
        if matches!(request.file.mode, Mode::Fixed(_)) {
            groups.entry(target_name(&request.image)).or_default().targets.push(name.clone());
        }
        bake.target.insert(name, target);
    }
    // Bake takes the name of a target for that target: an image of that name has no group, and its targets are called one by
    // one.
    groups.retain(|name, _| !bake.target.contains_key(name) && name != "default");
    bake.group.extend(groups);
    Ok(bake)
}

/// Returns the name of a Dockerfile among others: `http-api.Dockerfile`, `http-api.linux-arm64.Dockerfile`.
pub fn file_name(request: &DockerfileRequest) -> String {
    format!("{}{}.Dockerfile", request.image, platform_part(request, '.'))
}

/// Returns `-linux-arm64` if the file is only for one platform, else nothing.
fn platform_part(request: &DockerfileRequest, separator: char) -> String {
    match &request.file.mode {
        Mode::Fixed(platform) => format!("{separator}{}", platform_slug(platform)),
        Mode::Cross(_) => String::new(),
    }
}

/// Returns the names of the targets, each unique.
fn target_names(requests: &[DockerfileRequest]) -> Vec<String> {
    let mut seen = BTreeSet::from(["default".to_owned()]);
    let name = |request: &DockerfileRequest| {
        let mut name = target_name(&format!("{}{}", request.image, platform_part(request, '-')));
        while !seen.insert(name.clone()) {
            name.push('_');
        }
        name
    };
    requests.iter().map(name).collect()
}

/// Returns a target whose result the user publishes.
fn published(request: &DockerfileRequest, root: &Utf8Path, rendered: &Rendered, options: &Options) -> Target {
    let context = match request.context.strip_prefix(root) {
        Ok(below) if below.as_str().is_empty() => ".".to_owned(),
        Ok(below) => below.to_string(),
        Err(_) => request.context.to_string(),
    };
    let annotation = |(key, value): (&String, &String)| literal(&format!("index,manifest:{key}={value}"));
    // The tag of a file for one platform ends with the platform: otherwise several such files would overwrite each other's.
    let suffix = if request.is_only { String::new() } else { platform_part(request, '-') };
    let mut target = Target::with_options(&request.platforms, request.created, options);
    let given: Vec<String> = options.secrets.iter().filter_map(|secret| csv::value(secret, "id")).collect();
    let usual = request.file.private.iter().map(secret);
    target
        .secret
        .extend(usual.filter(|secret| csv::value(secret, "id").is_none_or(|id| !given.contains(&id))));
    if rendered.ssh && target.ssh.is_empty() {
        target.ssh.push("default".to_owned());
    }
    Target {
        context: literal(&context),
        tags: request.references.iter().map(|tag| literal(&format!("{tag}{suffix}"))).collect(),
        labels: changing(&request.annotations),
        annotations: request.annotations.iter().map(annotation).collect(),
        output: vec!["type=image,oci-mediatypes=true,rewrite-timestamp=true".to_owned()],
        ..target
    }
}

/// Returns the labels that change with every commit, which a checked-in Dockerfile cannot have.
fn changing(annotations: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let keys = ["created", "revision", "version"].map(|key| format!("org.opencontainers.image.{key}"));
    let found = keys.into_iter().filter_map(|key| annotations.get_key_value(&key));
    found.map(|(key, value)| (key.clone(), literal(value))).collect()
}

/// The home directory of the user who runs bake, as an expression of a bake file.
const HOME: &str = "${HOME}";

/// Returns the usual place of a secret, where the program that uses it reads it.
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
