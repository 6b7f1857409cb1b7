//! Dockerfiles and what stays out of their context.

use super::error::ScaffoldError;
use super::part::Part;
use super::sheet::Sheet;
use crossdock_project::config::{Config, DockerfileInputs};
use crossdock_runner::plan::recipe::bake::file_name;
use crossdock_runner::plan::recipe::{self, Recipe, recipes};
use crossdock_runner::plan::{Projects, Request};

/// The files of all images that engines are sent the project's folder for; and why others have none.
pub(super) fn sheets(
    config: &Config,
    projects: &Projects,
    request: &Request,
) -> Result<(Vec<Sheet>, Vec<String>), ScaffoldError> {
    // No compiler of this machine decides what is written: another machine would write something else.
    let inputs = match DockerfileInputs::read(config) {
        Ok(inputs) => inputs,
        Err(error) => return Ok((Vec::new(), vec![left_out(&error)])),
    };
    let settings =
        recipe::Settings { templates: inputs.templates, digests: inputs.digests, ..Default::default() };
    let found = match recipes(config, projects, request, &settings) {
        Ok(recipes) => recipes,
        Err(error) => return Ok((Vec::new(), vec![left_out(&error)])),
    };
    let (mut sheets, mut notes) = (Vec::new(), Vec::new());
    let here: Vec<&Recipe> = found.iter().filter(|recipe| recipe.context == config.root).collect();
    let elsewhere = found.iter().filter(|recipe| recipe.context != config.root);
    notes.extend(elsewhere.map(|recipe| {
        format!(
            "the Dockerfile of {} belongs into {}: run `crossdock init` there",
            recipe.image, recipe.context
        )
    }));
    for recipe in &here {
        let rendered = match recipe.render() {
            Ok(rendered) => rendered,
            Err(error) => {
                notes.push(left_out(&error));
                continue;
            }
        };
        let (dockerfile, ignore) = names(recipe, &here);
        sheets.push(Sheet::ours(Part::Dockerfile, dockerfile, rendered.dockerfile));
        sheets.push(Sheet::ours(Part::Dockerignore, ignore, rendered.dockerignore));
    }
    Ok((sheets, notes))
}

/// One image has the usual names. BuildKit prefers a `.dockerignore` that is called after its Dockerfile
/// (<https://docs.docker.com/build/concepts/context/#filename-and-location>).
fn names(recipe: &Recipe, all: &[&Recipe]) -> (String, String) {
    if all.len() == 1 {
        return ("Dockerfile".to_owned(), ".dockerignore".to_owned());
    }
    let name = file_name(recipe);
    let ignore = format!("{name}.dockerignore");
    (name, ignore)
}

fn left_out(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let why: Vec<String> =
        std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect();
    format!("there is no Dockerfile: {}", why.join(": "))
}
