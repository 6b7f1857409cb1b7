//! The platforms that are built of a project, and of an image those for which its programs have files.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use crossdock_platform::{Platform, listed};

use super::error::PlanError;
use super::images::SelectedImage;
use super::platforms::{Platforms, platforms};
use super::request::Request;
use crossdock_project::config::{Config, ImageConfig, Sourced};

/// Returns the platforms that a call builds of each project, by its directory. They decide what cargo and go are asked about
/// before there is a plan.
///
/// # Errors
/// If a description of a platform or a node is unknown, as in [`plan`](super::plan).
pub fn project_platforms(
    config: &Config,
    request: &Request,
) -> Result<BTreeMap<Utf8PathBuf, Vec<Platform>>, PlanError> {
    let is_asked = |image: &&ImageConfig| {
        request.images.is_empty() || request.images.iter().any(|asked| asked.value == image.name.value)
    };
    let undeclared = config.images.is_empty().then(|| {
        let name = Sourced::default_because(String::new(), "it is not declared");
        let root = Sourced::default_because(config.root.clone(), "the project's directory");
        ImageConfig::new(name, root, &config.defaults)
    });
    let mut found: BTreeMap<Utf8PathBuf, Vec<Platform>> = BTreeMap::new();
    for image in config.images.iter().filter(is_asked).chain(&undeclared) {
        let Platforms { built, .. } = platforms(config, image, request)?;
        let known = found.entry(image.path.value.clone()).or_default();
        for (platform, _) in built {
            if !known.contains(&platform) {
                known.push(platform);
            }
        }
    }
    Ok(found)
}

/// Chooses the platforms and targets of an image. If nobody asked for platforms, those are left out for which a program has
/// no files.
pub(super) fn program_platforms(
    config: &Config,
    selected: &SelectedImage<'_>,
    request: &Request,
) -> Result<Platforms, PlanError> {
    let image = &selected.config;
    let mut chosen = platforms(config, image, request)?;
    let has_files =
        |platform: &Platform| selected.programs.iter().all(|program| program.has_files_for(platform));
    let Some((platform, asked)) = chosen.built.iter().find(|(platform, _)| !has_files(platform)) else {
        return Ok(chosen);
    };
    let is_default = request.platforms.is_empty() && request.nodes.is_empty() && image.deploy.is_empty();
    if !is_default || !chosen.built.iter().any(|(platform, _)| has_files(platform)) {
        let program = selected.programs.iter().find(|program| !program.has_files_for(platform));
        return Err(PlanError::NoFiles {
            image: image.name.value.clone(),
            program: program.map(|program| program.name().to_owned()).unwrap_or_default(),
            platform: Box::new(platform.clone()),
            asked: asked.clone(),
        });
    }
    let (built, left_out): (Vec<_>, Vec<_>) =
        chosen.built.into_iter().partition(|(platform, _)| has_files(platform));
    let left_out: Vec<String> = left_out.iter().map(|(platform, _)| platform.to_string()).collect();
    chosen.built = built;
    chosen.targets.retain(|target| has_files(&target.platform));
    chosen.notes.push(format!(
        "image `{}` is not built for {}: its program has no Go files for it",
        image.name.value,
        listed(left_out.iter().map(String::as_str))
    ));
    Ok(chosen)
}
