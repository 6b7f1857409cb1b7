//! Another base for an image that a registry has, without a compiler.

mod document;
mod release;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use crossdock_oci::{Blob, Descriptor, Digest, RegistryReference};
use crossdock_platform::{Platform, matching};
use crossdock_project::config::Sourced;
use crossdock_registry::{PushOptions, Registry, TransferEvent, TransferObserver};
use crossdock_subjects::Scope;
use crossdock_verify::{Verdict, Verification, serialize_entries};
use serde::Serialize;
use serde_json::Value;

use super::followers::about_opened;
use super::promote::{PromoteOptions, names, targets};
use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output};
use crate::execute::Unproven;
use crate::gate::Gate;
use crate::subject::{Endpoint, failed, open};
use crate::temporary::TemporaryLayout;
use document::Parts;
use source::{Image, PlatformImage};

/// Options of [`rebase`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RebaseOptions {
    /// The base on which the image is built. If `None`, the one that its annotations name, else the one among the tags of
    /// the new base's repository whose layers it has.
    pub from: Option<Endpoint>,
    /// The nodes to verify against, besides the image's own platforms. If empty, those of the image in the configuration.
    pub nodes: Vec<Sourced<String>>,
    /// The configuration file instead of the nearest `crossdock.toml`.
    pub config: Option<Utf8PathBuf>,
    /// The programs of the image to verify.
    pub scope: Scope,
    /// Whether an image that is not proven to start is pushed.
    pub unproven: Unproven,
}

/// The version of the JSON form of a [`Rebased`] image.
pub const REBASE_SCHEMA: &str = "crossdock.rebase/1";

/// An image on another base.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Rebased {
    /// [`REBASE_SCHEMA`].
    pub schema: &'static str,
    /// `repository@digest` of the image on its old base.
    pub source: String,
    /// The base on which it was built, with its digest.
    pub from: String,
    /// The new base, with its digest.
    pub onto: String,
    /// The digest of the image on the new base.
    pub digest: Digest,
    /// Whether it was pushed. It was not if verification rejects it.
    pub pushed: bool,
    /// `repository:tag` of each name that it got.
    pub tags: Vec<String>,
    /// The platforms, each with what was replaced.
    pub platforms: Vec<RebasedPlatform>,
    /// Signatures, attestations and the like about the image on its old base: none of them is valid for the new digest.
    pub invalid: Vec<Digest>,
    /// The verdict for each target.
    #[serde(serialize_with = "serialize_entries")]
    pub verdicts: Vec<Verification>,
}

/// One platform of a [`Rebased`] image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RebasedPlatform {
    /// The platform.
    pub platform: String,
    /// The number of layers of the old base.
    pub removed: usize,
    /// The number of layers of the new base.
    pub added: usize,
    /// The number of layers that stay.
    pub kept: usize,
}

impl RebaseOptions {
    /// Returns the options that choose nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Rebased {
    /// Returns the gravest verdict of all targets.
    pub fn verdict(&self) -> Verdict {
        Verdict::gravest(&self.verdicts)
    }
}

/// Replaces the base of an image in a registry, and pushes the result under other names or, without any, under the source's
/// tag.
///
/// The layers of the old base must be the first layers of the image, by the digests of their uncompressed content; they are
/// replaced by those of the new base. Settings that came from the old base become those of the new one. Then the image is
/// verified as a whole: if a program does not start on the new base, nothing is pushed.
///
/// # Errors
/// The old base is unknown or is not the image's, a base lacks a platform, the bases are of different distributions,
/// something cannot be fetched, or a registry refuses a part of the image. A rejection by verification is not an error:
/// [`Rebased::pushed`] is false then.
pub fn rebase(
    context: &Context,
    registry: &Registry,
    source: &RegistryReference,
    onto: &Endpoint,
    destinations: &[RegistryReference],
    options: &RebaseOptions,
    observer: &dyn TransferObserver,
) -> Result<Rebased, Error> {
    context.unless_cancelled(|| {
        let names = match destinations {
            [] => names(&[RegistryReference { digest: None, ..source.clone() }]).map_err(|error| {
                error.hint("the source's tag is moved by default, and the source names none")
            })?,
            destinations => names(destinations)?,
        };
        let mut gate_options = PromoteOptions::new();
        (gate_options.nodes, gate_options.config) = (options.nodes.clone(), options.config.clone());
        let targets = targets(context, source, &names, &gate_options)?;
        let opened = open(context, registry, &Endpoint::Registry(source.clone()))?;
        let image = Image::read(&opened)?;
        let new_opened = open(context, registry, onto)?;
        let new = Image::read(&new_opened)?;
        let old_place = match &options.from {
            Some(from) => from.clone(),
            None => source::old_base(registry, &image, onto)?,
        };
        let old_opened = open(context, registry, &old_place)?;
        let old = Image::read(&old_opened)?;
        let joined = image.platforms.iter().map(|own| Joined::of(own, &old, &new, &old_place, onto));
        let joined = joined.collect::<Result<Vec<_>, _>>()?;
        let temporary = TemporaryLayout::create(context)?;
        let store = temporary.layout.blobs();
        let jobs = registry.settings().jobs;
        let layers = |layers: &dyn Fn(&Joined<'_>) -> Vec<Blob>| -> Vec<Blob> {
            let mut seen = BTreeSet::new();
            joined.iter().flat_map(layers).filter(|blob| seen.insert(blob.digest)).collect()
        };
        let copy = |content, blobs: &[Blob]| source::copy(content, blobs, store, jobs, observer);
        copy(new_opened.content(), &layers(&|joined| blobs(joined.new.layers())))?;
        release::check(context, &joined, store, &|blobs| copy(old_opened.content(), blobs))?;
        copy(opened.content(), &layers(&|joined| blobs(&joined.own.layers()[joined.above..])))?;
        let onto_name = format!("{onto}@{}", new_opened.image.digest);
        let result = image.rewritten(&joined, store, onto, new_opened.image.digest)?;
        let gate = Gate { context, targets: &targets, scope: options.scope, unproven: options.unproven };
        let verdicts =
            gate.verify(&temporary.layout, &result, &format!("{}@{}", source.repository, result.digest))?;
        let mut rebased = Rebased {
            schema: REBASE_SCHEMA,
            source: format!("{}@{}", source.repository, opened.image.digest),
            from: format!("{old_place}@{}", old_opened.image.digest),
            onto: onto_name,
            digest: result.digest,
            pushed: false,
            tags: Vec::new(),
            platforms: joined.iter().map(Joined::summary).collect(),
            invalid: Vec::new(),
            verdicts,
        };
        if !gate.accepts(&rebased.verdicts) {
            return Ok(rebased);
        }
        let about = about_opened(registry, &opened)?;
        rebased.invalid = about
            .found
            .iter()
            .map(|about| about.descriptor.digest)
            .chain(about.beyond.iter().map(|(digest, _)| *digest))
            .collect();
        rebased.invalid.extend(image.dropped.iter().copied());
        let mut by_repository = BTreeMap::new();
        for name in &names {
            by_repository
                .entry(name.repository.full_name())
                .or_insert((&name.repository, Vec::new()))
                .1
                .push(name.tag.clone());
        }
        for (repository, tags) in by_repository.into_values() {
            let mut push = PushOptions::new(tags);
            let known = [Some(&source.repository), new_opened.repository()];
            push.mount_from = known
                .into_iter()
                .flatten()
                .filter(|known| known.full_name() != repository.full_name())
                .cloned()
                .collect();
            registry.push(store, &result, repository, &push, observer).map_err(failed)?;
        }
        registry.warnings().iter().for_each(|warning| observer.event(TransferEvent::Warning(warning)));
        rebased.tags = names.iter().map(ToString::to_string).collect();
        rebased.pushed = true;
        Ok(rebased)
    })
}

/// One platform of the image with both bases.
struct Joined<'a> {
    platform: &'a Platform,
    own: &'a Parts,
    old: &'a Parts,
    new: &'a Parts,
    /// The number of layers of the old base.
    above: usize,
}

impl<'a> Joined<'a> {
    fn of(
        own: &'a PlatformImage,
        old: &'a Image,
        new: &'a Image,
        old_place: &Endpoint,
        onto: &Endpoint,
    ) -> Result<Self, Error> {
        let platform = &own.platform;
        let old = old.for_platform(platform).ok_or_else(|| lacks(old_place, platform))?;
        let new = new.for_platform(platform).ok_or_else(|| lacks(onto, platform))?;
        if old.layers().is_empty() || new.layers().is_empty() {
            let empty = if old.layers().is_empty() { old_place } else { onto };
            return Err(Error::from_message(
                ErrorKind::Usage,
                format!("the base {empty} has no layers for {platform}"),
            ));
        }
        for (what, parts) in [("the image", &own.parts), ("the old base", old), ("the new base", new)] {
            if parts.layers().len() != parts.diff_ids().len() {
                let message = format!(
                    "{what} for {platform} is damaged: its manifest has {} layers, and its configuration {}",
                    parts.layers().len(),
                    parts.diff_ids().len()
                );
                return Err(Error::from_message(ErrorKind::InputOutput, message));
            }
        }
        match own.parts.layers_above(old) {
            Ok(above) => Ok(Self { platform, own: &own.parts, old, new, above }),
            Err(layer) => {
                let message = format!(
                    "the image for {platform} is not built on {old_place}: its layer {layer} is not that of the base"
                );
                Err(Error::from_message(ErrorKind::Rejected, message).hint(
                    "name the base on which it was built with `--from`, by its digest if the tag has moved",
                ))
            }
        }
    }

    fn summary(&self) -> RebasedPlatform {
        RebasedPlatform {
            platform: self.platform.to_string(),
            removed: self.above,
            added: self.new.layers().len(),
            kept: self.own.layers().len() - self.above,
        }
    }
}

fn lacks(base: &Endpoint, platform: &Platform) -> Error {
    Error::from_message(
        ErrorKind::Rejected,
        format!("the base {base} has no image for {platform}, which the image has"),
    )
}

/// Returns the blobs of descriptors in a document.
fn blobs(descriptors: &[Value]) -> Vec<Blob> {
    let blob = |descriptor: &Value| {
        serde_json::from_value::<Descriptor>(descriptor.clone()).ok().map(|found| found.blob())
    };
    descriptors.iter().filter_map(blob).collect()
}

impl Image {
    /// Returns the image of this one for a platform.
    fn for_platform(&self, platform: &Platform) -> Option<&Parts> {
        let platforms: Vec<Platform> = self.platforms.iter().map(|found| found.platform.clone()).collect();
        let place = matching::best_match(platform, &platforms)?;
        self.platforms.get(place).map(|found| &found.parts)
    }

    /// Writes the documents of the image on its new base, and returns the descriptor of its index or manifest.
    fn rewritten(
        &self,
        joined: &[Joined<'_>],
        store: &crossdock_oci::BlobStore,
        onto: &Endpoint,
        base: Digest,
    ) -> Result<Descriptor, Error> {
        let put = |document: &Value| store.put(document.to_string().as_bytes()).map_err(input_output);
        let annotate = |document: &mut Value| annotate(document, onto, base);
        let mut written = BTreeMap::new();
        for (own, joined) in self.platforms.iter().zip(joined) {
            let config = put(&joined.own.config_on(joined.old, joined.new))?;
            let size = usize::try_from(config.size).unwrap_or(usize::MAX);
            let mut manifest =
                joined.own.manifest_on(joined.old, joined.new, (&config.digest.to_string(), size));
            annotate(&mut manifest);
            written.insert(own.digest, put(&manifest)?);
        }
        let Some(index) = &self.index else {
            let only = written.into_values().next();
            let only =
                only.ok_or_else(|| Error::from_message(ErrorKind::InputOutput, "the image has no platform"))?;
            return Ok(Descriptor::new(&self.media_type, only));
        };
        let mut index = index.clone();
        let entries = index["manifests"].as_array().cloned().unwrap_or_default();
        let entries = entries.into_iter().filter_map(|mut entry| {
            let digest = entry["digest"].as_str()?.parse().ok()?;
            let blob = written.get(&digest)?;
            entry["digest"] = blob.digest.to_string().into();
            entry["size"] = blob.size.into();
            Some(entry)
        });
        index["manifests"] = entries.collect();
        annotate(&mut index);
        Ok(Descriptor::new(&self.media_type, put(&index)?))
    }
}

/// Sets the annotations of a document that name its base. Docker's forms have no annotations.
fn annotate(document: &mut Value, onto: &Endpoint, base: Digest) {
    if document["mediaType"].as_str().is_some_and(|named| named.contains(".docker.")) {
        return;
    }
    if !document["annotations"].is_object() {
        document["annotations"] = Value::Object(serde_json::Map::new());
    }
    let annotations = &mut document["annotations"];
    annotations["org.opencontainers.image.base.digest"] = base.to_string().into();
    match onto {
        Endpoint::Registry(reference) => {
            let named = RegistryReference {
                digest: reference.digest.filter(|_| reference.tag.is_none()),
                ..reference.clone()
            };
            annotations["org.opencontainers.image.base.name"] = named.full_name().into();
        }
        _ => {
            drop(annotations.as_object_mut().and_then(|all| all.remove("org.opencontainers.image.base.name")))
        }
    }
}
