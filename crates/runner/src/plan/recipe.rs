//! What an engine builds of an image: the request to the renderer of Dockerfiles, and what is said beside the file.
//!
//! A recipe follows from configuration and projects alone, so that a machine without a compiler renders the same file.

pub mod bake;
mod build;
mod container;
mod error;
mod place;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use crossdock_dockerfile::render::{self, Base, Caching, Engine, Linking, Mode, Rendered, nearest_base};
use crossdock_platform::{Os, Platform};

use super::error::PlanError;
use super::image;
use super::places::check_references;
use super::platforms::{Platforms, platforms};
use super::request::{Projects, Request};
use super::select::{Selected, select};
use crossdock_project::config::{self, Config, DockerfileMode, Source};
use crossdock_project::{Program, Project};
use place::Place;

pub(super) use container::annotations;
pub use error::RecipeError;

/// How Dockerfiles are made, beside what configuration and projects say.
#[derive(Debug, Clone)]
pub struct Settings {
    /// One file for all platforms or one for each; none leaves it to the image.
    pub mode: Option<DockerfileMode>,
    /// Which builder will read the file.
    pub engine: Engine,
    /// How dependencies are kept where the image says nothing.
    pub caching: Caching,
    /// The user's own templates by name.
    pub templates: BTreeMap<String, String>,
    /// Digests of base images by name and tag, from the lock file.
    pub digests: BTreeMap<String, String>,
}

impl Default for Settings {
    /// BuildKit with cache mounts and crossdock's own templates.
    fn default() -> Self {
        Self {
            mode: None,
            engine: Engine::BuildKit,
            caching: Caching::Mounts,
            templates: BTreeMap::new(),
            digests: BTreeMap::new(),
        }
    }
}

/// A Dockerfile of an image with what an engine is told beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The image's name.
    pub image: String,
    /// Who asked for the image.
    pub source: Source,
    /// The folder that is sent to the engine. Absolute.
    pub context: Utf8PathBuf,
    /// What the file builds for; in fixed mode one platform.
    pub platforms: Vec<Platform>,
    /// Whether no other file is for the same image.
    pub alone: bool,
    /// `repository:tag` for each tag.
    pub references: Vec<String>,
    /// OCI annotations of the index and its manifests.
    pub annotations: BTreeMap<String, String>,
    /// The image's date, seconds since the Unix epoch: what SOURCE_DATE_EPOCH is to be.
    pub created: i64,
    /// The file.
    pub request: render::Request,
}

impl Recipe {
    /// The Dockerfile and its `.dockerignore`.
    ///
    /// # Errors
    /// What the renderer refuses.
    pub fn render(&self) -> Result<Rendered, RecipeError> {
        render::render(&self.request)
            .map_err(|source| RecipeError::Render { image: self.image.clone(), source: Box::new(source) })
    }
}

/// The recipes of the images that a call means: one for each, in fixed mode one for each platform of each.
///
/// # Errors
/// Mistakes in the call, the configuration and the projects, as [`plan`](super::plan) has them, and what a Dockerfile
/// cannot do.
pub fn recipes(
    config: &Config,
    projects: &Projects,
    request: &Request,
    settings: &Settings,
) -> Result<Vec<Recipe>, RecipeError> {
    let selected = select(config, projects, request)?;
    let mut recipes = Vec::new();
    for image in &selected {
        let Platforms { built, warnings, .. } = platforms(config, &image.config, request)?;
        if let Some(why) = warnings.into_iter().next() {
            return Err(PlanError::Unserved { why }.into());
        }
        let built = built.into_iter().map(|(platform, _)| platform);
        let linux: Vec<Platform> = built.filter(|platform| platform.os() == Os::Linux).collect();
        let call = Call { root: &config.root, images: selected.len(), projects, request, settings };
        recipes.extend(of_image(image, linux, &call)?);
    }
    check_references(
        recipes.iter().map(|recipe| (recipe.image.as_str(), &recipe.source, recipe.references.clone())),
    )?;
    Ok(recipes)
}

/// What holds for all images of a call.
pub(super) struct Call<'a> {
    /// The folder of the configuration.
    pub(super) root: &'a Utf8Path,
    /// How many images there are.
    pub(super) images: usize,
    pub(super) projects: &'a Projects,
    pub(super) request: &'a Request,
    pub(super) settings: &'a Settings,
}

/// The recipes of one image of several.
pub(super) fn of_image(
    selected: &Selected<'_>,
    platforms: Vec<Platform>,
    call: &Call<'_>,
) -> Result<Vec<Recipe>, RecipeError> {
    let image = &selected.config;
    let Call { images, projects, request, settings, root } = *call;
    let place = &Place::new(selected, root)?;
    let configured = image.dockerfile.mode.as_ref().map(|mode| mode.value);
    let each: Vec<(Mode, Vec<Platform>)> = match settings.mode.or(configured) {
        Some(DockerfileMode::Fixed) => {
            platforms.into_iter().map(|platform| (Mode::Fixed(platform.clone()), vec![platform])).collect()
        }
        Some(DockerfileMode::Cross) | None => vec![(Mode::Cross(platforms.clone()), platforms)],
    };
    let created = image::created(&image.path.value, projects, request);
    let repository = image::repository(image, request, images)?;
    let (tags, _) = image::tags(selected, projects, request)?;
    let alone = each.len() == 1;
    each.into_iter()
        .map(|(mode, platforms)| {
            Ok(Recipe {
                image: image.name.value.clone(),
                source: image.name.source.clone(),
                context: place.context.clone(),
                platforms,
                alone,
                references: tags.iter().map(|tag| format!("{repository}:{tag}")).collect(),
                annotations: annotations(selected, projects, created),
                created,
                request: file(selected, place, mode, settings)?,
            })
        })
        .collect()
}

fn file(
    selected: &Selected<'_>,
    place: &Place<'_>,
    mode: Mode,
    settings: &Settings,
) -> Result<render::Request, RecipeError> {
    let dockerfile = &selected.config.dockerfile;
    let linking = build::linking(selected, &mode)?;
    let toolchain = build::toolchain(selected)?;
    let mut file = render::Request::new(linking, toolchain, programs(selected), mode);
    file.base = base(selected, linking);
    file.build = build::build(selected);
    file.engine = settings.engine.clone();
    file.caching = dockerfile.caching.as_ref().map_or(settings.caching, |caching| caching.value);
    if let Some(debian) = &dockerfile.debian {
        file.debian = debian.value;
    }
    file.builder_debian = build::builder_debian(selected, &file);
    if let Some(alpine) = &dockerfile.alpine {
        file.alpine.clone_from(&alpine.value);
    }
    file.private = build::private(&dockerfile.private);
    file.files = container::files(selected, place)?;
    file.container = container::container(selected, file.base)?;
    file.syntax = dockerfile.syntax.as_ref().map(|syntax| syntax.value.clone());
    file.sources = place.sources();
    file.modules = place.modules();
    file.context.clone_from(&dockerfile.context);
    file.templates.clone_from(&settings.templates);
    file.digests.clone_from(&settings.digests);
    Ok(file)
}

/// What the Dockerfile is configured to have below the programs; else what the image has, as long as nobody asked for
/// that and the programs need more.
fn base(selected: &Selected<'_>, linking: Linking) -> Base {
    let image = &selected.config;
    if let Some(base) = &image.dockerfile.base {
        return base.value;
    }
    match (image.base.value, &image.base.source) {
        (config::Base::Static, Source::Default(_)) => nearest_base(linking),
        (config::Base::Static, _) => Base::Static,
        (config::Base::Scratch, _) => Base::Scratch,
    }
}

fn programs(selected: &Selected<'_>) -> Vec<render::Program> {
    let programs = selected.programs.iter().map(|program| {
        let package = match (program, selected.project) {
            (Program::Go(main), Project::Go(module)) => build::folder(&module.root, &main.directory),
            _ => program.package().to_owned(),
        };
        render::Program::new(program.name(), package)
    });
    programs.collect()
}
