//! Another base for an image that a registry has, without a compiler.

mod document;
mod invalid;
mod roots;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use camino::Utf8PathBuf;
use crossdock_oci::{Blob, BlobStore, Descriptor, Digest, Reference, RegistryReference, Repository, Tag};
use crossdock_platform::{Platform, matching};
use crossdock_project::config::Sourced;
use crossdock_registry::{PushOptions, Registry, TransferEvent, TransferObserver, copy_blobs, copy_into};
use crossdock_subjects::Scope;
use crossdock_verify::{Verdict, Verification, serialize_entries};
use serde::Serialize;
use serde_json::Value;

use super::promote::{Failure, PromoteOptions, names, targets};
use crate::base::contradicts;
use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output};
use crate::execute::Unproven;
use crate::gate::Gate;
use crate::subject::{Endpoint, Opened, failed, open};
use crate::temporary::TemporaryLayout;
use document::Parts;
pub use invalid::InvalidReferrers;
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
    /// The digest of the image on the new base; `None` if it was refused before it was put together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Whether it was pushed. It was not if it is refused, or if verification rejects it.
    pub pushed: bool,
    /// `repository:tag` of each name that it got.
    pub tags: Vec<String>,
    /// The platforms, each with what was replaced.
    pub platforms: Vec<RebasedPlatform>,
    /// Signatures, attestations and the like about the image on its old base, by their kinds: none of them is valid for the new
    /// digest.
    pub invalid: Vec<InvalidReferrers>,
    /// The reasons, besides the verdicts, why it was not pushed: a base that is not the image's or lacks a platform, bases of
    /// different distributions, and a part of the new base that the image's own layers would hide.
    pub refused: Vec<Failure>,
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
    /// Sentences about the settings of the container that changed.
    pub settings: Vec<String>,
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
/// The old base is unknown or is not the image's, a base lacks a platform, something cannot be fetched, or a registry refuses
/// a part of the image. An image that is refused for its files or rejected by verification is not an error:
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
        check_named(onto)?;
        options.from.iter().try_for_each(check_named)?;
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
        let (old_place, old_opened, old) = old_base(context, registry, &image, onto, options.from.as_ref())?;
        let mut rebased = Rebased {
            schema: REBASE_SCHEMA,
            source: format!("{}@{}", source.repository, opened.image.digest),
            from: pinned(&old_place, old_opened.image.digest),
            onto: pinned(onto, new_opened.image.digest),
            digest: None,
            pushed: false,
            tags: Vec::new(),
            platforms: Vec::new(),
            invalid: Vec::new(),
            refused: Vec::new(),
            verdicts: Vec::new(),
        };
        let joined = image.platforms.iter().map(|own| Joined::of(own, &old, &new, &old_place, onto));
        let joined = accepted(joined, &mut rebased.refused)?;
        if !rebased.refused.is_empty() {
            return Ok(rebased);
        }
        let temporary = TemporaryLayout::create(context)?;
        let (store, jobs) = (temporary.layout.blobs(), registry.settings().jobs);
        let copy = |from: &Opened<'_>, layers: &dyn Fn(&Joined<'_>) -> Vec<Blob>| {
            let mut seen = BTreeSet::new();
            let layers = joined.iter().flat_map(layers).filter(|blob| seen.insert(blob.digest));
            let layers: Vec<Blob> = layers.collect();
            let bytes = layers.iter().map(|layer| layer.size).sum();
            observer.event(TransferEvent::Planned { blobs: layers.len(), bytes });
            copy_blobs(store, from.content(), layers, jobs, observer).map_err(failed)
        };
        thread::scope(|scope| {
            // The old base is read too: its distribution, and what it has where the new one has a link.
            let old = scope.spawn(|| copy(&old_opened, &|joined| blobs(joined.old.layers())));
            copy(&new_opened, &|joined| blobs(joined.new.layers()))?;
            copy(&opened, &|joined| {
                let below = joined.recompressed().into_iter().map(|(_, blob)| blob);
                below.chain(blobs(&joined.own.layers()[joined.above..])).collect()
            })?;
            old.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
        rebased.refused = roots::refusals(context, &joined, store, options.unproven)?;
        let result = match joined.iter().all(Joined::is_same) {
            true => {
                copy_into(store, opened.content(), &opened.image, jobs, observer).map_err(failed)?;
                opened.image.clone()
            }
            false => image.rewritten(&joined, store, onto, new_opened.image.digest)?,
        };
        let gate = Gate { context, targets: &targets, scope: options.scope, unproven: options.unproven };
        let subject = format!("{}@{}", source.repository, result.digest);
        rebased.digest = Some(result.digest);
        rebased.platforms = joined.iter().map(Joined::summary).collect();
        rebased.verdicts = gate.verify(&temporary.layout, &result, &subject)?;
        if !rebased.refused.is_empty() || !gate.accepts(&rebased.verdicts) {
            return Ok(rebased);
        }
        if result.digest != opened.image.digest {
            rebased.invalid = invalid::invalid(registry, &opened, &image)?;
        }
        let known = [Some(&source.repository), new_opened.repository()];
        let known: Vec<&Repository> = known.into_iter().flatten().collect();
        push(registry, store, &result, &names, &known, observer)?;
        rebased.tags = names.iter().map(ToString::to_string).collect();
        rebased.pushed = true;
        Ok(rebased)
    })
}

/// Returns the platforms that can be rebased, and adds the reasons against the others.
fn accepted<'a>(
    joined: impl Iterator<Item = Result<Joined<'a>, Error>>,
    refused: &mut Vec<Failure>,
) -> Result<Vec<Joined<'a>>, Error> {
    let mut accepted = Vec::new();
    for joined in joined {
        match joined {
            Ok(joined) => accepted.push(joined),
            Err(error) if error.kind() == ErrorKind::Rejected => {
                let (message, hints) = (error.message().to_owned(), error.hints().to_vec());
                refused.push(Failure { message, hints });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(accepted)
}

/// Pushes the image under its names. `known` are repositories that may have its blobs.
fn push(
    registry: &Registry,
    store: &BlobStore,
    image: &Descriptor,
    names: &[Reference],
    known: &[&Repository],
    observer: &dyn TransferObserver,
) -> Result<(), Error> {
    let mut tags = BTreeMap::<&Repository, Vec<Tag>>::new();
    for name in names {
        tags.entry(&name.repository).or_default().push(name.tag.clone());
    }
    for (repository, tags) in tags {
        let mut options = PushOptions::new(tags);
        let others = known.iter().filter(|known| known.full_name() != repository.full_name());
        options.mount_from = others.map(|known| (*known).clone()).collect();
        registry.push(store, image, repository, &options, observer).map_err(failed)?;
    }
    registry.warnings().iter().for_each(|warning| observer.event(TransferEvent::Warning(warning)));
    Ok(())
}

/// Returns the base on which an image is built, and checks it against the first platform: that of the call, else the first
/// candidate whose layers the image has.
fn old_base<'a>(
    context: &Context,
    registry: &'a Registry,
    image: &Image,
    onto: &Endpoint,
    given: Option<&Endpoint>,
) -> Result<(Endpoint, Opened<'a>, Image), Error> {
    if let Some(given) = given {
        let opened = open(context, registry, given)?;
        if image.annotated_digest().is_some_and(|annotated| annotated != opened.image.digest) {
            context.warn(
                "the image's annotations name another base than `--from`: layers of it may stay in the image",
            );
        }
        let read = Image::read(&opened)?;
        return Ok((given.clone(), opened, read));
    }
    let (mut missed, mut wrong) = (None, None);
    let annotated = image.annotated();
    // Only if none of these is the base: the search reads an image for each tag.
    let tagged = std::iter::once_with(|| source::tagged_base(registry, image, onto)).flatten();
    for candidate in annotated.iter().cloned().chain(tagged) {
        let opened = match open(context, registry, &candidate) {
            Ok(opened) => opened,
            Err(error) => {
                missed = missed.or(Some(error.at(format!("the base {candidate}, which the image names"))));
                continue;
            }
        };
        let read = Image::read(&opened)?;
        let is_base = image.platforms.first().is_some_and(|own| {
            read.for_platform(&own.platform).is_some_and(|base| own.parts.layers_above(base).is_ok())
        });
        if is_base {
            return Ok((candidate, opened, read));
        }
        wrong = wrong.or(Some(candidate).filter(|candidate| annotated.contains(candidate)));
    }
    let unknown = || {
        let message = match wrong {
            Some(named) => {
                format!(
                    "the image's annotations name {named} as its base, whose layers the image does not have"
                )
            }
            None => "the image does not tell on which base it is built".to_owned(),
        };
        Error::from_message(ErrorKind::Usage, message)
    };
    let hint = "name it with `--from`, e.g. `--from debian:trixie-slim@sha256:…`";
    Err(missed.unwrap_or_else(unknown).hint(hint))
}

/// Returns the name of a base with its digest.
fn pinned(base: &Endpoint, digest: Digest) -> String {
    let name = base.to_string();
    if name.ends_with(&digest.to_string()) { name } else { format!("{name}@{digest}") }
}

/// Refuses a base without a tag or digest, as a configuration does: `latest` is rarely meant.
fn check_named(base: &Endpoint) -> Result<(), Error> {
    match base {
        Endpoint::Registry(RegistryReference { tag: None, digest: None, repository }) => {
            let message = format!("the base `{repository}` has neither a tag nor a digest");
            Err(Error::from_message(ErrorKind::Usage, message)
                .hint(format!("write `{repository}:TAG`, e.g. `{repository}:latest`")))
        }
        _ => Ok(()),
    }
}

/// One platform of the image with both bases.
struct Joined<'a> {
    platform: &'a Platform,
    own: &'a Parts,
    old: &'a Parts,
    new: &'a Parts,
    /// The number of layers of the old base.
    above: usize,
    /// The configuration on the new base.
    config: Value,
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
        if let Some(why) = own.parts.unusable(new) {
            return Err(Error::from_message(
                ErrorKind::Rejected,
                format!("the base {onto} for {platform}: {why}"),
            ));
        }
        if let Some(configured) = new.platform().filter(|configured| contradicts(configured, platform)) {
            let message =
                format!("the base {onto} has an image for {platform} whose configuration says {configured}");
            return Err(Error::from_message(ErrorKind::Rejected, message));
        }
        match own.parts.layers_above(old) {
            Ok(above) => {
                let config = own.parts.config_on(old, new);
                Ok(Self { platform, own: &own.parts, old, new, above, config })
            }
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

    /// Returns the image's layers that should be those of the old base, and have other digests, with their places.
    fn recompressed(&self) -> Vec<(usize, Blob)> {
        let (own, old) = (blobs(self.own.layers()), blobs(self.old.layers()));
        let pairs = own.into_iter().zip(old).enumerate().take(self.above);
        pairs
            .filter(|(_, (own, old))| own.digest != old.digest)
            .map(|(place, (own, _))| (place, own))
            .collect()
    }

    /// Whether the new base is the old one.
    fn is_same(&self) -> bool {
        self.old.config == self.new.config && blobs(self.old.layers()) == blobs(self.new.layers())
    }

    fn summary(&self) -> RebasedPlatform {
        RebasedPlatform {
            settings: self.own.changes(&self.config),
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
        let place = matching::best_base(platform, &platforms)?;
        self.platforms.get(place).map(|found| &found.parts)
    }

    /// Writes the documents of the image on its new base, and returns the descriptor of its index or manifest.
    fn rewritten(
        &self,
        joined: &[Joined<'_>],
        store: &BlobStore,
        onto: &Endpoint,
        base: Digest,
    ) -> Result<Descriptor, Error> {
        let put = |document: &Value| store.put(document.to_string().as_bytes()).map_err(input_output);
        let annotate = |document: &mut Value| annotate(document, onto, base);
        let mut written = BTreeMap::new();
        for (own, joined) in self.platforms.iter().zip(joined) {
            let config = put(&joined.config)?;
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
            annotations["org.opencontainers.image.base.name"] = reference.full_tag_name().into();
        }
        _ => {
            drop(annotations.as_object_mut().and_then(|all| all.remove("org.opencontainers.image.base.name")))
        }
    }
}
