//! What a Dockerfile says of the container.

use std::collections::BTreeMap;

use crossdock_dockerfile::render::{self, Base, File};

use super::super::image;
use super::super::request::Projects;
use super::super::select::Selected;
use super::RecipeError;
use super::place::Place;
use crossdock_project::config::ExtraFile;
use crossdock_project::{PackageMetadata, Program};

pub(super) fn container(selected: &Selected<'_>, base: Base) -> Result<render::Container, RecipeError> {
    let image = &selected.config;
    let planned = image::container(selected);
    // Other bases have an environment of their own, which `ENV` would replace.
    let env = if matches!(base, Base::Scratch | Base::Static) { planned.env } else { image.env.clone() };
    let mut container = render::Container::default();
    container.entrypoint = image.entrypoint.as_ref().map(|entrypoint| entrypoint.value.clone());
    container.cmd = planned.cmd;
    container.env = env;
    container.workdir = image.workdir.as_ref().map(|directory| directory.value.clone());
    container.user = user(selected, &planned.user)?;
    container.expose = planned.expose.iter().map(|port| port_text(port.number, &port.protocol)).collect();
    container.labels = labels(selected);
    container.health = image.health.as_ref().map(|health| health.value.clone());
    container.stop_signal = image.stop_signal.as_ref().map(|signal| signal.value.clone());
    container.timezones = image.timezones.value;
    Ok(container)
}

fn port_text(number: u16, protocol: &str) -> String {
    match protocol {
        "tcp" => number.to_string(),
        other => format!("{number}/{other}"),
    }
}

/// A user without a group is of group 0, as engines read it.
fn user(selected: &Selected<'_>, text: &str) -> Result<(u32, u32), RecipeError> {
    let (user, group) = text.split_once(':').unwrap_or((text, "0"));
    match (user.parse(), group.parse()) {
        (Ok(user), Ok(group)) => Ok((user, group)),
        _ => Err(RecipeError::User { image: selected.config.name.value.clone(), user: text.to_owned() }),
    }
}

/// The configured labels, and of the predefined annotations those that stay the same from commit to commit: the file is
/// checked in. They stand as labels, because a Dockerfile has no annotations.
fn labels(selected: &Selected<'_>) -> BTreeMap<String, String> {
    let image = &selected.config;
    let about = match selected.programs.first() {
        Some(Program::Rust { package, .. }) => package.metadata.clone(),
        _ => PackageMetadata::default(),
    };
    let found = [
        ("title", Some(image.name.value.clone())),
        ("description", about.description),
        ("licenses", about.license),
        ("source", about.repository),
        ("url", about.homepage),
    ];
    let found = found.into_iter().filter_map(|(key, value)| {
        let value = value?.split_whitespace().collect::<Vec<_>>().join(" ");
        Some((format!("org.opencontainers.image.{key}"), value))
    });
    let configured = image.annotations.iter().chain(&image.labels);
    found.chain(configured.map(|(key, value)| (key.clone(), value.clone()))).collect()
}

/// The annotations of an image whose base is not crossdock's own.
pub(in crate::plan) fn annotations(
    selected: &Selected<'_>,
    projects: &Projects,
    created: i64,
) -> BTreeMap<String, String> {
    let mut annotations = image::annotations(selected, projects, created);
    let base = "org.opencontainers.image.base.name";
    if !selected.config.annotations.contains_key(base) {
        annotations.remove(base);
    }
    annotations
}

/// Files beside the programs, by their paths in the folder that is sent to the engine.
pub(super) fn files(selected: &Selected<'_>, place: &Place<'_>) -> Result<Vec<File>, RecipeError> {
    let files = selected.config.files.iter().map(|file| &file.value);
    files.map(|file| copied(selected, place, file)).collect()
}

fn copied(selected: &Selected<'_>, place: &Place<'_>, file: &ExtraFile) -> Result<File, RecipeError> {
    match place.below(&file.from) {
        Some(from) if !from.is_empty() => Ok(File::new(from, &file.to).with_mode(file.mode)),
        _ => Err(RecipeError::Outside {
            image: selected.config.name.value.clone(),
            what: "the image's file",
            path: file.from.clone(),
            context: place.context.clone(),
        }),
    }
}
