//! Base images that are not built in: which of their platforms an image takes, and what it inherits.

use std::collections::{BTreeMap, BTreeSet};

use crossdock_oci::{Digest, RuntimeConfig};
use crossdock_platform::{Platform, matching};
use crossdock_project::config::{Base, BaseImage, ImageConfig, Port, base_environment};

use super::error::PlanError;
use super::request::{Goal, Request};
use crate::plan::{BaseFetch, BasePlatform, Container, ImagePlan, ResolvedBase};

/// Returns the base image that an image is built on; `None` if it is built in, or if nothing is built.
///
/// # Errors
/// If the caller has not looked it up.
pub(super) fn resolved<'a>(
    image: &ImageConfig,
    request: &'a Request,
) -> Result<Option<&'a ResolvedBase>, PlanError> {
    let Some(base) = image.base.value.image() else { return Ok(None) };
    if !matches!(request.goal, Goal::Build | Goal::Dist) {
        return Ok(None);
    }
    let found = request.bases.iter().find(|found| found.base == *base);
    let missing = || PlanError::BaseNotResolved { image: image.name.value.clone(), base: base.to_string() };
    found.map(Some).ok_or_else(missing)
}

/// Returns the image of a base for a platform: that which a node of the platform would run.
///
/// # Errors
/// If the base has none.
pub(super) fn for_platform(
    image: &ImageConfig,
    base: &ResolvedBase,
    platform: &Platform,
) -> Result<Box<BasePlatform>, PlanError> {
    let offered = matching::best_base(platform, &base.offers).and_then(|place| base.offers.get(place));
    let found = base.platforms.iter().find(|found| Some(&found.platform) == offered);
    found.cloned().map(Box::new).ok_or_else(|| PlanError::BasePlatform {
        image: image.name.value.clone(),
        at: image.base.source.clone(),
        why: format!("the base `{}` has no {platform}; it has {}", base.base, offers(base)),
    })
}

fn offers(base: &ResolvedBase) -> String {
    base.offers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Returns the variables that all platforms of a base have with one value, for the values of `env`.
pub(super) fn common_env(base: &ResolvedBase) -> BTreeMap<String, String> {
    let mut platforms = base.platforms.iter().map(env);
    let first = platforms.next().unwrap_or_default();
    let common = platforms.fold(first, |mut common, env| {
        common.retain(|name, value| env.get(name) == Some(value));
        common
    });
    match has_path(base) {
        true => common,
        // That of engines, which the image gets.
        false => base_environment(&Base::Scratch).into_iter().chain(common).collect(),
    }
}

fn has_path(base: &ResolvedBase) -> bool {
    base.platforms.iter().all(|platform| platform.env().any(|(name, _)| name == "PATH"))
}

fn env(platform: &BasePlatform) -> BTreeMap<String, String> {
    platform.env().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Adds to the container's configuration what the image inherits on every platform. Environment, labels, volumes and the
/// shell are inherited per platform, when the image is assembled.
pub(super) fn inherit(container: &mut Container, image: &ImageConfig, base: &ResolvedBase) {
    let Some(of_base) = base.platforms.first().map(|platform| &platform.config.config) else { return };
    if image.workdir.is_none() && !of_base.working_dir.is_empty() {
        container.workdir.clone_from(&of_base.working_dir);
    }
    if !has_path(base) && !container.env.contains_key("PATH") {
        container.env.extend(base_environment(&Base::Scratch));
    }
    if container.stop_signal.is_none() && !of_base.stop_signal.is_empty() {
        container.stop_signal = Some(of_base.stop_signal.clone());
    }
    let inherited = of_base.exposed_ports.iter().filter_map(|port| {
        let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        Some(Port { number: number.parse().ok()?, protocol: protocol.to_owned() })
    });
    let inherited: Vec<Port> = inherited.filter(|port| !container.expose.contains(port)).collect();
    container.expose.extend(inherited);
}

/// Returns a sentence for each setting of a base that the image replaces, apart from those that it does not set.
pub(super) fn replaced(container: &Container, image: &ImageConfig, base: &ResolvedBase) -> Vec<String> {
    let Some(platform) = base.platforms.first() else { return Vec::new() };
    let of_base = &platform.config.config;
    let mut sentences = Vec::new();
    let mut add = |what: &str, own: String, theirs: String| {
        if !theirs.is_empty() && own != theirs {
            sentences.push(format!("{what}: `{own}` replaces `{theirs}`"));
        }
    };
    add("entry point", container.entrypoint.join(" "), of_base.entrypoint.join(" "));
    add("arguments", container.cmd.join(" "), of_base.cmd.join(" "));
    add("user", container.user.clone(), of_base.user.clone());
    if image.workdir.is_some() {
        add("working directory", container.workdir.clone(), of_base.working_dir.clone());
    }
    for (name, theirs) in platform.env() {
        if let Some(own) = container.env.get(name) {
            add(&format!("variable {name}"), own.clone(), theirs.to_owned());
        }
    }
    for (name, theirs) in inherited_labels(of_base) {
        if let Some(own) = container.labels.get(name) {
            add(&format!("label {name}"), own.clone(), theirs.clone());
        }
    }
    sentences
}

/// Returns the labels that an image inherits. Those of the OCI specification describe the base itself.
pub(crate) fn inherited_labels(of_base: &RuntimeConfig) -> impl Iterator<Item = (&String, &String)> {
    of_base.labels.iter().filter(|(name, _)| !name.starts_with("org.opencontainers.image."))
}

/// Returns the annotations that name the base (image-spec, annotations.md § Pre-Defined Annotation Keys).
pub(super) fn annotations(base: &ResolvedBase) -> [(&'static str, Option<String>); 2] {
    let name = match &base.base {
        BaseImage::Registry(reference) => Some(reference.full_tag_name()),
        _ => None,
    };
    [("base.name", name), ("base.digest", Some(base.digest.to_string()))]
}

/// Returns the fetching of the layers of each base that crossdock builds on, with the images that need it.
pub(super) fn fetches(images: &[ImagePlan], request: &Request) -> Vec<(BaseFetch, Vec<String>)> {
    let fetch = |base: &ResolvedBase| {
        let of_image = |image: &&ImagePlan| image.engine.is_none() && image.base.image() == Some(&base.base);
        let users: Vec<&ImagePlan> = images.iter().filter(of_image).collect();
        let mut seen = BTreeSet::<Digest>::new();
        let platforms = users.iter().flat_map(|image| &image.platforms).filter_map(|plan| plan.base.as_ref());
        let layers = platforms.flat_map(|base| &base.layers).map(|layer| layer.descriptor.clone());
        let layers: Vec<_> = layers.filter(|layer| seen.insert(layer.digest)).collect();
        let names = users.iter().map(|image| image.name.clone()).collect();
        (!layers.is_empty())
            .then(|| (BaseFetch { base: base.base.clone(), digest: base.digest, layers }, names))
    };
    request.bases.iter().filter_map(fetch).collect()
}
