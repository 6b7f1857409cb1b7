//! Dockerfiles and what stays out of their context.

use super::error::ScaffoldError;
use super::header::Comment;
use super::part::Part;
use super::sheet::{Owner, Sheet};
use crate::config::Config;
use crate::plan::recipe::{self, Recipe, recipes};
use crate::plan::{Projects, Request};

/// The files of all images that engines are sent the project's folder for; and why others have none.
pub(super) fn sheets(
    config: &Config,
    projects: &Projects,
    request: &Request,
) -> Result<(Vec<Sheet>, Vec<String>), ScaffoldError> {
    // No compiler of this machine decides what is written: another machine would write something else.
    let settings = recipe::Settings::default();
    let found = match recipes(config, projects, request, &settings) {
        Ok(recipes) => recipes,
        Err(error) => return Ok((Vec::new(), vec![left_out(&error)])),
    };
    let (mut sheets, mut notes) = (Vec::new(), Vec::new());
    let here: Vec<&Recipe> = found.iter().filter(|recipe| recipe.context == config.root).collect();
    for recipe in &here {
        let rendered = match recipe.render() {
            Ok(rendered) => rendered,
            Err(error) => {
                notes.push(left_out(&error));
                continue;
            }
        };
        let (dockerfile, ignore) = names(recipe, &here);
        sheets.push(sheet(Part::Dockerfile, dockerfile, rendered.dockerfile));
        sheets.push(sheet(Part::Dockerignore, ignore, rendered.dockerignore));
    }
    Ok((sheets, notes))
}

/// One image has the usual names. BuildKit prefers a `.dockerignore` that is called after its Dockerfile
/// (<https://docs.docker.com/build/concepts/context/#filename-and-location>).
fn names(recipe: &Recipe, all: &[&Recipe]) -> (String, String) {
    let of_image = all.iter().filter(|other| other.image == recipe.image).count();
    let platform = recipe.platforms.first().map(|platform| platform.to_string().replace('/', "-"));
    let name = match (all.len(), of_image, platform) {
        (1, ..) => return ("Dockerfile".to_owned(), ".dockerignore".to_owned()),
        (_, 2.., Some(platform)) => format!("{}.{platform}.Dockerfile", recipe.image),
        _ => format!("{}.Dockerfile", recipe.image),
    };
    let ignore = format!("{name}.dockerignore");
    (name, ignore)
}

fn sheet(part: Part, path: String, body: String) -> Sheet {
    Sheet { part, path: path.into(), body, comment: Comment::Hash, owner: Owner::Crossdock }
}

fn left_out(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let why: Vec<String> =
        std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect();
    format!("there is no Dockerfile: {}", why.join(": "))
}
