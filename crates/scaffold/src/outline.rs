//! The images as manifests and pipelines know them.

use crossdock_platform::Platform;
use serde::Serialize;

use super::error::ScaffoldError;
use super::request::Request;
use crossdock_project::Project;
use crossdock_project::config::{Config, DockerfileConfig, Source, Sourced};
use crossdock_runner::plan::recipe::{self, Recipe, recipes};
use crossdock_runner::plan::{self, Projects};

/// An image as far as manifests and pipelines know it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Outline {
    pub(super) name: String,
    #[serde(skip)]
    pub(super) platforms: Vec<Platform>,
    /// Without a tag.
    pub(super) repository: String,
    pub(super) tag: String,
    /// As numbers; none when the image names a user that only its own passwd knows.
    #[serde(skip)]
    pub(super) user: Option<(u32, u32)>,
    /// `8080`, `53/udp`.
    pub(super) ports: Vec<String>,
}

/// The images as manifests and pipelines know them. What keeps a Dockerfile from being rendered keeps nothing here.
pub(super) fn outlines(
    config: &Config,
    projects: &Projects,
    request: &Request,
) -> Result<Vec<Outline>, ScaffoldError> {
    let (mut config, mut projects) = (config.clone(), projects.clone());
    for project in projects.projects.values_mut() {
        match project {
            Project::Rust(workspace) => workspace.sources.outside.clear(),
            Project::Go(module) => module.sources.outside.clear(),
        }
    }
    let assumed = Source::Default("a scaffold's own assumption".to_owned());
    for image in &mut config.images {
        image.files.clear();
        image.cgo.get_or_insert_with(|| Sourced::new(false, assumed.clone()));
        image.dockerfile = DockerfileConfig::default();
        image.dockerfile.toolchain = Some(Sourced::new("1".to_owned(), assumed.clone()));
        if let Some(user) = &mut image.user {
            user.value = numeric(&user.value);
        }
    }
    let found = recipes(&config, &projects, &plan_request(request), &recipe::Settings::default());
    let found = found.map_err(|error| match error {
        recipe::RecipeError::Plan(error) => ScaffoldError::Plan(error),
        other => ScaffoldError::Option { option: "crossdock.toml".to_owned(), reason: other.to_string() },
    })?;
    Ok(found.iter().map(|recipe| outline(recipe, &config)).collect())
}

/// A user by number: the built-in base has these names. Another one counts as root, which Kubernetes cannot tell apart.
fn numeric(user: &str) -> String {
    let name = user.split(':').next().unwrap_or(user);
    match name {
        "nonroot" => "65532:65532".to_owned(),
        "nobody" => "65534:65534".to_owned(),
        number if number.parse::<u32>().is_ok() => user.to_owned(),
        _ => "0:0".to_owned(),
    }
}

fn outline(recipe: &Recipe, config: &Config) -> Outline {
    let image = config.images.iter().find(|image| image.name.value == recipe.image);
    let repository = image.and_then(|image| image.repository.as_ref());
    let tags = image.and_then(|image| image.tags.as_ref()).map(|tags| tags.value.as_slice());
    // A tag that is the same from commit to commit; where there is none, a person or a pipeline puts it in.
    let tag = match tags {
        None => Some("latest"),
        Some(tags) => tags.iter().map(String::as_str).find(|tag| !tag.contains('{')),
    };
    Outline {
        name: recipe.image.clone(),
        platforms: recipe.platforms.clone(),
        repository: repository.map_or_else(|| recipe.image.clone(), |name| name.value.clone()),
        tag: tag.unwrap_or("replace-this-tag").to_owned(),
        user: Some(recipe.request.container.user).filter(|(user, _)| *user != 0),
        ports: recipe.request.container.expose.clone(),
    }
}

/// What any call would ask for: nothing of this machine or of this commit.
pub(super) fn plan_request(request: &Request) -> plan::Request {
    plan::Request {
        source_date_epoch: Some(0),
        ..plan::Request::everything(request.network, request.scratch.clone())
    }
}
