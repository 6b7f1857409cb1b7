//! Compares a project with a commit.

use crossdock_project::config::{Config, RenderedConfig};
use crossdock_project::since::{BuildInputs, ImageInputs, change_reasons};
use crossdock_project::{Changes, ChangesError};
use crossdock_runner::plan::Since;
use crossdock_runner::planner::{Pack, Projects, Request, select};

use crate::context::Context;
use crate::error::{Error, usage};

/// Returns which of the images that a call selects changed since a commit. An entry of `files` may be a template, and its value in
/// `rendered` names what is compared.
pub(crate) fn compare(
    context: &Context,
    config: &Config,
    rendered: &RenderedConfig,
    projects: &Projects,
    request: &Request,
    revision: &str,
) -> Result<Since, Error> {
    let refused = |error: ChangesError| {
        let remedy = error.remedy();
        usage(error).at("`--since`").hint(remedy)
    };
    let changes = Changes::since(revision, &config.root, &context.processes).map_err(refused)?;
    let selected = select(rendered.config(), projects, request).map_err(usage)?;
    let names: Vec<String> = selected.iter().map(|image| image.config.name.value.clone()).collect();
    let images: Vec<ImageInputs<'_>> = selected
        .iter()
        .map(|image| ImageInputs { config: &image.config, project: image.project, programs: &image.programs })
        .collect();
    let mut build = BuildInputs::default();
    build.by_engine = request.engine.is_some();
    if request.pack == Pack::Releases {
        build.documents.clone_from(&projects.documents);
    }
    let reasons = change_reasons(&changes, config, &images, &build);
    Ok(Since::new(changes.revision.clone(), changes.commit.clone(), names.into_iter().zip(reasons)))
}
