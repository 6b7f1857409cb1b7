//! The nodes on which a promoted image must start.

use std::collections::BTreeSet;

use crossdock_oci::{Reference, RegistryReference, Repository};
use crossdock_project::config::{Config, ImageConfig, Sourced};
use crossdock_runner::planner::named_targets;
use crossdock_verify::Target;

use super::PromoteOptions;
use crate::context::Context;
use crate::error::{Error, ErrorKind, usage};
use crate::plan;
use crate::verify::{self, VerifyOptions};

/// Returns the targets: those of the call or the environment, else those of the image in the configuration.
pub(in crate::registry) fn targets(
    context: &Context,
    source: &RegistryReference,
    names: &[Reference],
    options: &PromoteOptions,
) -> Result<Vec<Target>, Error> {
    let given = match &options.nodes[..] {
        [] => &context.overrides().nodes,
        nodes => nodes,
    };
    let needs_config = given.is_empty() || given.iter().any(|node| node.value.starts_with("deploy:"));
    let config = match needs_config {
        true => context.config(options.config.as_ref())?,
        false => Config::unconfigured(context.directory()),
    };
    let nodes = match given {
        [] => configured(context, &config, source, names, options)?,
        nodes => nodes.to_vec(),
    };
    let targets = named_targets(&config, &nodes).map_err(usage)?;
    Ok(targets.iter().map(|target| target.for_verification()).collect())
}

/// Returns the targets of an image that a cluster pulls: those of the call or the environment; else those of the image of the
/// configuration that has the repository; else, for an image of others, all deploy targets of the configuration. Empty means
/// the image's own platforms.
///
/// # Errors
/// The configuration is invalid, or a node is unknown.
pub fn cluster_targets(
    context: &Context,
    options: &VerifyOptions,
    image: &RegistryReference,
) -> Result<Vec<plan::Target>, Error> {
    if !options.nodes.is_empty() {
        return verify::targets(context, options);
    }
    let config = context.config(options.config.as_ref())?;
    let given = context.overrides().repository.as_ref().map(|given| given.value.as_str());
    let name = image.repository.full_name();
    let is_own = |own: &&ImageConfig| repository(own, given, config.images.len()).as_ref() == Some(&name);
    let mut nodes: Vec<Sourced<String>> = config.images.iter().filter(is_own).flat_map(deploys).collect();
    if nodes.is_empty() {
        nodes = config.images.iter().flat_map(deploys).collect();
    }
    let mut seen = BTreeSet::new();
    nodes.retain(|node| seen.insert(node.value.clone()));
    named_targets(&config, &nodes).map_err(usage)
}

/// Returns the deploy targets of an image as descriptions of nodes.
fn deploys(image: &ImageConfig) -> Vec<Sourced<String>> {
    image.deploy.iter().cloned().map(|name| name.map(|name| format!("deploy:{name}"))).collect()
}

/// Returns the deploy targets of the image that is meant.
fn configured(
    context: &Context,
    config: &Config,
    source: &RegistryReference,
    names: &[Reference],
    options: &PromoteOptions,
) -> Result<Vec<Sourced<String>>, Error> {
    if let Some(wanted) = &options.image {
        let image = config.images.iter().find(|image| image.name.value == wanted.value);
        return image.map(deploys).ok_or_else(|| {
            let message = format!(
                "{wanted}: the configuration has no image `{}`",
                wanted.value,
                wanted = wanted.source
            );
            Error::from_message(ErrorKind::Usage, message)
        });
    }
    let repositories = names.iter().map(|name| &name.repository).chain([&source.repository]);
    let repositories: Vec<String> = repositories.map(Repository::full_name).collect();
    let given = context.overrides().repository.as_ref().map(|given| given.value.as_str());
    let own = |image: &ImageConfig| repository(image, given, config.images.len());
    let is_named = |image: &&ImageConfig| own(image).is_some_and(|own| repositories.contains(&own));
    let named: Vec<&ImageConfig> = config.images.iter().filter(is_named).collect();
    // An image whose repository is only given in calls may be in any.
    let anywhere = || config.images.iter().filter(|image| own(image).is_none()).collect();
    let meant: Vec<&ImageConfig> = if named.is_empty() { anywhere() } else { named };
    if meant.is_empty() && !config.images.is_empty() {
        context.note(&format!(
            "the configuration has no image in {}: verifying for the platforms of the image only",
            source.repository
        ));
    }
    let places = |image: &&ImageConfig| -> Vec<String> {
        image.deploy.iter().map(|name| name.value.clone()).collect()
    };
    match &meant[..] {
        [] => Ok(Vec::new()),
        [first, others @ ..] if others.iter().all(|other| places(other) == places(first)) => {
            Ok(deploys(first))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|image| image.name.value.as_str()).collect();
            let message =
                format!("the configuration has several images for other nodes: {}", names.join(", "));
            Err(Error::from_message(ErrorKind::Usage, message)
                .hint("choose one with `--image`, or name the nodes with `--for`"))
        }
    }
}

/// Returns the full name of an image's repository: that of `CROSSDOCK_REPOSITORY`, which is a prefix for several images, else
/// that of the configuration; `None` if it has none.
fn repository(image: &ImageConfig, given: Option<&str>, images: usize) -> Option<String> {
    let name = match (given, &image.repository) {
        (Some(prefix), _) if images > 1 => {
            format!("{}/{}", prefix.trim_end_matches('/'), image.name.value)
        }
        (Some(given), _) => given.to_owned(),
        (None, Some(own)) => own.value.clone(),
        (None, None) => return None,
    };
    name.parse().ok().map(|name: Repository| name.full_name())
}
