//! Which images a call means, and which programs go into each.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::error::PlanError;
use super::places::check_files;
use super::request::{Projects, Request};
use crossdock_platform::nearest;
use crossdock_project::config::{Config, ImageConfig};
use crossdock_project::{Program, Project, SelectError};

/// An image and what goes into it.
#[derive(Debug, Clone)]
pub(super) struct Selected<'a> {
    pub(super) config: ImageConfig,
    pub(super) project: &'a Project,
    /// At least one; the first is the entry point.
    pub(super) programs: Vec<Program<'a>>,
}

/// The programs of the images that a call means, each by its image, its name and its package: what of a plan follows
/// from configuration and projects alone.
///
/// # Errors
/// As [`plan`](super::plan), for names, programs and `files` that do not fit the project.
pub fn programs(
    config: &Config,
    projects: &Projects,
    request: &Request,
) -> Result<Vec<(String, String, String)>, PlanError> {
    let named = |image: &Selected<'_>| {
        let name = &image.config.name.value;
        let programs = image.programs.iter();
        let each = programs.map(|one| (name.clone(), one.name().to_owned(), one.package().to_owned()));
        each.collect::<Vec<_>>()
    };
    Ok(select(config, projects, request)?.iter().flat_map(named).collect())
}

/// The images that the call means, in the configuration's order.
pub(super) fn select<'a>(
    config: &Config,
    projects: &'a Projects,
    request: &Request,
) -> Result<Vec<Selected<'a>>, PlanError> {
    let images = match config.images.is_empty() {
        false => config.images.clone(),
        true => project(&config.root, projects)?.default_images(&config.defaults)?,
    };
    refuse_equal_names(&images)?;
    let wanted = chosen(images, request)?;
    wanted
        .into_iter()
        .map(|config| {
            let project = project(&config.path.value, projects)?;
            let programs = project.programs_for(&config).map_err(|error| unclear(&config, error))?;
            let selected = Selected { config, project, programs };
            check_files(&selected)?;
            Ok(selected)
        })
        .collect()
}

/// What names no key of its own is said at the image's place.
fn unclear(image: &ImageConfig, error: SelectError) -> PlanError {
    match error {
        SelectError::NoPackage { .. } | SelectError::NoBinary { .. } => PlanError::Programs(error),
        other => PlanError::Declared {
            image: image.name.value.clone(),
            at: image.name.source.clone(),
            source: Box::new(other),
        },
    }
}

fn chosen(images: Vec<ImageConfig>, request: &Request) -> Result<Vec<ImageConfig>, PlanError> {
    let known: Vec<String> = images.iter().map(|image| image.name.value.clone()).collect();
    if let Some(unknown) = request.images.iter().find(|asked| !known.contains(&asked.value)) {
        return Err(PlanError::UnknownImage {
            name: unknown.value.clone(),
            asked: unknown.source.clone(),
            nearest: nearest(&unknown.value, known.iter().map(String::as_str)).map(str::to_owned),
            known,
        });
    }
    let is_asked = |image: &ImageConfig| {
        request.images.is_empty() || request.images.iter().any(|asked| asked.value == image.name.value)
    };
    Ok(images.into_iter().filter(is_asked).collect())
}

fn project<'a>(folder: &Utf8Path, projects: &'a Projects) -> Result<&'a Project, PlanError> {
    projects.projects.get(folder).ok_or_else(|| PlanError::NotLookedInto { folder: folder.to_owned() })
}

fn refuse_equal_names(images: &[ImageConfig]) -> Result<(), PlanError> {
    let mut seen = BTreeMap::new();
    for image in images {
        let name = &image.name;
        if let Some(first) = seen.insert(name.value.clone(), name.source.clone()) {
            return Err(PlanError::TwoImages {
                name: name.value.clone(),
                first,
                second: name.source.clone(),
            });
        }
    }
    Ok(())
}
