//! New names for an image that a registry has, once it is verified.

mod nodes;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use crossdock_oci::{Descriptor, Digest, Reference, RegistryReference, Repository, Tag};
use crossdock_project::config::Sourced;
use crossdock_registry::{
    Extent, LookUp, Manifest, PushOptions, Registry, RegistryError, Remote, Selector, TransferEvent,
    TransferObserver, copy_into, manifests_of,
};
use crossdock_subjects::Scope;
use crossdock_verify::{Verdict, Verification, serialize_entries};
use serde::Serialize;

pub use nodes::cluster_targets;
pub(super) use nodes::targets;

use super::failed;
use super::followers::{Followers, LeftBehind};
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::execute::Unproven;
use crate::gate::Gate;
use crate::temporary::TemporaryLayout;

/// Options of [`promote`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PromoteOptions {
    /// The nodes to verify against, in any vocabulary: `m7g.large`, `linux/arm64`, or `deploy:NAME` of the configuration. If
    /// empty, those of the image in the configuration, else the image's own platforms.
    pub nodes: Vec<Sourced<String>>,
    /// The image of the configuration whose nodes are meant. If `None`, the one with the repository of the source or of a
    /// destination, else the only one without a repository.
    pub image: Option<Sourced<String>>,
    /// The configuration file instead of the nearest `crossdock.toml`.
    pub config: Option<Utf8PathBuf>,
    /// The programs of the image to verify.
    pub scope: Scope,
    /// Whether an image that is not proven to start gets names.
    pub unproven: Unproven,
    /// Whether tags that name another image are moved.
    pub taken: TakenTags,
    /// Annotations of the plan whose tags the image gets. An image that names another version or commit is an error.
    pub annotations: BTreeMap<String, String>,
}

/// The fate of a tag that names another image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TakenTags {
    /// It is moved.
    #[default]
    Move,
    /// It is an error, and no tag is written.
    Refuse,
}

/// The version of the JSON form of a [`Promoted`] image.
pub const PROMOTION_SCHEMA: &str = "crossdock.promotion/1";

/// An image that [`promote`] verified.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Promoted {
    /// [`PROMOTION_SCHEMA`].
    pub schema: &'static str,
    /// `repository@digest` of the source.
    pub source: String,
    /// The digest that was verified, which all destinations name.
    pub digest: Digest,
    /// Whether it got all its names.
    pub promoted: bool,
    /// The destinations in the order in which they were named.
    pub destinations: Vec<PromotedTag>,
    /// The error that ended the promotion after tags were written; `None` if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The verdict for each target; empty if a tag must not move, which needs no verification.
    #[serde(serialize_with = "serialize_entries")]
    pub verdicts: Vec<Verification>,
}

/// An error as a part of an answer: after a promotion that gave only some of the tags, or of a rebase that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Failure {
    /// The message.
    pub message: String,
    /// Instructions that help, most useful first.
    pub hints: Vec<String>,
}

/// A destination of a [`Promoted`] image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PromotedTag {
    /// `repository:tag`.
    pub reference: String,
    /// The outcome for the tag.
    pub status: TagStatus,
    /// The digest that the tag named before; `None` if it was absent or could not be read.
    pub previous: Option<Digest>,
    /// Signatures, attestations and the like that were copied to its repository.
    pub referrers: Vec<Digest>,
    /// Those that were left behind.
    pub left: Vec<LeftBehind>,
}

/// The outcome of a promotion for a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagStatus {
    /// It was absent, and now names the image.
    Tagged,
    /// It named another image.
    Moved,
    /// It named this image already.
    Unchanged,
    /// It names another image, and must not move.
    Taken,
    /// The registry refused it.
    Failed,
    /// It was not written, because verification rejected the image, or because of another tag.
    Untouched,
}

impl PromoteOptions {
    /// Returns the options that choose nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses the nodes to verify against.
    #[must_use]
    pub fn nodes(self, nodes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let nodes = crate::verify::VerifyOptions::new().nodes(nodes).nodes;
        Self { nodes, ..self }
    }

    /// Makes it an error that a tag names another image.
    #[must_use]
    pub fn immutable(self) -> Self {
        Self { taken: TakenTags::Refuse, ..self }
    }
}

impl Promoted {
    /// Returns the gravest verdict of all targets.
    pub fn verdict(&self) -> Verdict {
        Verdict::gravest(&self.verdicts)
    }
}

/// Verifies an image in a registry and, if it passes, gives it new names: the same bytes with the same digest, in the same
/// repository, in another one, or in another registry.
///
/// The source's tag is resolved once; the digest that was verified is the digest that gets the names. The verification is
/// made now, from the bytes that the registry has: earlier verdicts do not count. Signatures, attestations and the like
/// follow the image into another repository. Tags are written last, after the image is complete in every destination.
///
/// ```no_run
/// // Needs a registry: the tests of crossdock run such calls against servers of their own.
/// use crossdock::registry::{PromoteOptions, RegistryOptions, Unobserved, promote, registry};
///
/// let context = crossdock::Context::of_process()?;
/// let registry = registry(&context, &RegistryOptions::new())?;
/// let source = "registry.example/team/app:candidate".parse()?;
/// let destinations = ["registry.example/team/app:1.0".parse()?, "registry.example/prod/app:1.0".parse()?];
/// let options = PromoteOptions::new().nodes(["m7g.large"]).immutable();
/// let promoted = promote(&context, &registry, &source, &destinations, &options, &Unobserved)?;
/// assert!(promoted.promoted, "{:?}", promoted.verdicts);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A destination has no tag, the image cannot be fetched or is damaged, or a registry refuses a part of it. Three outcomes are
/// not errors, so that the result names every tag: verification rejects the image, a tag must not move, or a registry refuses
/// a tag ([`Promoted::failure`]). [`Promoted::promoted`] is false then.
pub fn promote(
    context: &Context,
    registry: &Registry,
    source: &RegistryReference,
    destinations: &[RegistryReference],
    options: &PromoteOptions,
    observer: &dyn TransferObserver,
) -> Result<Promoted, Error> {
    context.unless_cancelled(|| {
        let names = names(destinations)?;
        let targets = targets(context, source, &names, options)?;
        context.check_online(source)?;
        let manifest = resolve(registry, source)?;
        let digest = manifest.descriptor.digest;
        check_commit(&manifest, &options.annotations)?;
        let answer = |destinations, verdicts, failure: Option<Failure>| Promoted {
            schema: PROMOTION_SCHEMA,
            source: format!("{}@{digest}", source.repository),
            digest,
            promoted: false,
            destinations,
            failure,
            verdicts,
        };
        let image = Promotion { registry, from: &source.repository, manifest: &manifest, observer };
        // Before anything is fetched: this needs no verification.
        if options.taken == TakenTags::Refuse
            && let Some(taken) = image.taken(&names, &image.before(&names)?)
        {
            return Ok(answer(taken, Vec::new(), None));
        }
        let temporary = image.fetch(context)?;
        let gate = Gate { context, targets: &targets, scope: options.scope, unproven: options.unproven };
        let pinned = format!("{}@{digest}", source.repository);
        let verdicts = gate.verify(&temporary.layout, &manifest.descriptor, &pinned)?;
        if !gate.accepts(&verdicts) {
            return Ok(answer(untouched(&names), verdicts, None));
        }
        let before = image.before(&names)?;
        if options.taken == TakenTags::Refuse
            && let Some(taken) = image.taken(&names, &before)
        {
            return Ok(answer(taken, verdicts, None));
        }
        let places = image.place(&names, &before, &temporary)?;
        let (destinations, failure) = image.tag(&names, before, &places, &temporary)?;
        registry.warnings().iter().for_each(|warning| observer.event(TransferEvent::Warning(warning)));
        let promoted = failure.is_none();
        Ok(Promoted { promoted, ..answer(destinations, verdicts, failure) })
    })
}

/// Returns the names that the image gets, each once.
pub(super) fn names(destinations: &[RegistryReference]) -> Result<Vec<Reference>, Error> {
    let failed = |message: String, hint: &str| Err(Error::from_message(ErrorKind::Usage, message).hint(hint));
    let mut names: Vec<Reference> = Vec::new();
    for destination in destinations {
        if destination.digest.is_some() {
            let message = format!("`{destination}`: a destination has the digest of the source");
            return failed(message, "leave out `@…`");
        }
        let Some(tag) = destination.tag.clone() else {
            let message = format!("the destination `{destination}` has no tag");
            return failed(message, "add one, e.g. `:1.0`");
        };
        let name = Reference { repository: destination.repository.clone(), tag };
        if !names.iter().any(|known| known.full_name() == name.full_name()) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return failed(
            "the image gets no name".to_owned(),
            "specify a destination, e.g. `registry.example/team/app:1.0`",
        );
    }
    Ok(names)
}

/// Reads the manifest of a reference. One that is named by its digest is usually new: pipelines hand on digests, and the tag
/// of something that does not exist is usually misspelled.
pub(crate) fn resolve(registry: &Registry, source: &RegistryReference) -> Result<Manifest, Error> {
    let selector = Selector::from(source);
    let read = || registry.manifest(&source.repository, &selector);
    match selector {
        Selector::Digest(_) => registry.once_shown(&source.to_string(), read),
        Selector::Tag(_) => read(),
    }
    .map_err(failed)
}

/// Refuses an image of another version or commit than the plan's, whose tags it would get.
fn check_commit(manifest: &Manifest, planned: &BTreeMap<String, String>) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    struct Annotated {
        #[serde(default)]
        annotations: BTreeMap<String, String>,
    }
    let found = serde_json::from_slice::<Annotated>(&manifest.bytes)
        .map(|found| found.annotations)
        .unwrap_or_default();
    for name in ["version", "revision"] {
        let key = format!("org.opencontainers.image.{name}");
        let value = |annotations: &BTreeMap<String, String>| {
            annotations.get(&key).filter(|value| !value.is_empty()).cloned()
        };
        if let (Some(found), Some(planned)) = (value(&found), value(planned))
            && found != planned
        {
            let message =
                format!("the image is of {name} {found}, and the tags are of {planned}; nothing was tagged");
            return Err(Error::from_message(ErrorKind::Usage, message)
                .hint("check out that commit, or name the destinations"));
        }
    }
    Ok(())
}

fn untouched(names: &[Reference]) -> Vec<PromotedTag> {
    names.iter().map(|name| PromotedTag::new(name, TagStatus::Untouched, None)).collect()
}

/// The image that is promoted.
struct Promotion<'a> {
    registry: &'a Registry,
    from: &'a Repository,
    manifest: &'a Manifest,
    observer: &'a dyn TransferObserver,
}

impl Promotion<'_> {
    fn descriptor(&self) -> &Descriptor {
        &self.manifest.descriptor
    }

    /// Looks up what the names point at.
    fn before(&self, names: &[Reference]) -> Result<Vec<Option<Digest>>, Error> {
        let own = self.descriptor().digest;
        let look_up = |name: &Reference| {
            let found = match self.registry.find_manifest(&name.repository, &Selector::Tag(name.tag.clone()))
            {
                // Some registries answer so about a repository that does not exist yet. Writing brings their last word.
                Err(error) if matches!(error.status(), Some(401 | 403)) => None,
                found => found.map_err(failed)?,
            };
            // A tag does not say of which algorithm the image's digest is.
            Ok(found.map(|found| if own.is_of(&found.bytes) { own } else { found.descriptor.digest }))
        };
        names.iter().map(look_up).collect()
    }

    /// Fetches the whole image, each byte hashed.
    fn fetch(&self, context: &Context) -> Result<TemporaryLayout, Error> {
        let temporary = TemporaryLayout::create(context)?;
        let remote = Remote::new(self.registry, self.from).map_err(failed)?;
        let remote = remote.with_manifest(self.manifest.clone());
        let (store, jobs) = (temporary.layout.blobs(), self.registry.settings().jobs);
        let what = format!("all of {}", self.descriptor().digest);
        let copy = || copy_into(store, &remote, self.descriptor(), jobs, self.observer);
        self.registry.once_shown(&what, copy).map_err(failed)?;
        Ok(temporary)
    }

    /// Brings the image, without a tag, and what is about it into each repository of the names.
    fn place(
        &self,
        names: &[Reference],
        before: &[Option<Digest>],
        temporary: &TemporaryLayout,
    ) -> Result<BTreeMap<String, Followers>, Error> {
        let mut repositories: Vec<&Repository> = Vec::new();
        for Reference { repository, .. } in names {
            let is_same = |other: &Repository| other.full_name() == repository.full_name();
            if !is_same(self.from) && !repositories.iter().any(|known| is_same(known)) {
                repositories.push(repository);
            }
        }
        if repositories.is_empty() {
            return Ok(BTreeMap::new());
        }
        let (content, image) = (temporary.layout.blobs(), self.descriptor());
        let subjects = manifests_of(content, image).map_err(failed)?;
        let all = self.registry.all_about(self.from, &subjects).map_err(failed)?;
        let mut options = PushOptions::new(None::<Tag>);
        options.mount_from = vec![self.from.clone()];
        options.look_up = LookUp::Never;
        // The tag writes the image, unless something that is about it comes first, or a tag of another repository: that is
        // written only after every repository has the whole image.
        let is_only = names.iter().all(|name| name.repository.full_name() == repositories[0].full_name());
        if all.is_empty() && is_only && before.iter().all(|tag| *tag != Some(image.digest)) {
            options.extent = Extent::Below;
        }
        let mut places = BTreeMap::new();
        for repository in repositories {
            self.registry.push(content, image, repository, &options, self.observer).map_err(failed)?;
            let carried = self.registry.copy_all_about(&all, self.from, repository, self.observer);
            places.insert(repository.full_name(), carried.map_err(failed)?.into());
        }
        Ok(places)
    }

    /// Writes a tag. What the registry lost since it was read, as by a cleanup job, is sent again.
    fn put_tag(&self, name: &Reference, temporary: &TemporaryLayout) -> Result<(), RegistryError> {
        match self.registry.put_tag(&name.repository, self.manifest, &name.tag) {
            Err(error) if error.is_about_content() => {
                let (content, options) = (temporary.layout.blobs(), PushOptions::new([name.tag.clone()]));
                let (image, observer) = (self.descriptor(), self.observer);
                self.registry.push(content, image, &name.repository, &options, observer).map(drop)
            }
            result => result,
        }
    }

    /// Returns the destinations if one of them names another image.
    fn taken(&self, names: &[Reference], before: &[Option<Digest>]) -> Option<Vec<PromotedTag>> {
        let own = self.descriptor().digest;
        let destinations = names.iter().zip(before).map(|(name, before)| match before {
            Some(other) if *other != own => PromotedTag::new(name, TagStatus::Taken, Some(*other)),
            before => PromotedTag::new(name, TagStatus::Untouched, *before),
        });
        let destinations: Vec<PromotedTag> = destinations.collect();
        destinations.iter().any(|tag| tag.status == TagStatus::Taken).then_some(destinations)
    }

    /// Writes the tags. An error after the first of them does not hide which ones name the image.
    fn tag(
        &self,
        names: &[Reference],
        before: Vec<Option<Digest>>,
        places: &BTreeMap<String, Followers>,
        temporary: &TemporaryLayout,
    ) -> Result<(Vec<PromotedTag>, Option<Failure>), Error> {
        let mut tagged: Vec<PromotedTag> = Vec::new();
        let mut failure = None;
        for (name, previous) in names.iter().zip(before) {
            let status = match previous {
                _ if failure.is_some() => TagStatus::Untouched,
                Some(digest) if digest == self.descriptor().digest => TagStatus::Unchanged,
                Some(_) => TagStatus::Moved,
                None => TagStatus::Tagged,
            };
            let mut tag = PromotedTag::new(name, status, previous);
            if matches!(status, TagStatus::Moved | TagStatus::Tagged)
                && let Err(error) = self.put_tag(name, temporary)
            {
                let error = not_all_tagged(failed(error), &tagged);
                if error.kind() == ErrorKind::Interrupted {
                    return Err(error);
                }
                failure =
                    Some(Failure { message: error.message().to_owned(), hints: error.hints().to_vec() });
                tag.status = TagStatus::Failed;
            }
            if let Some(followers) = places.get(&name.repository.full_name()) {
                tag.referrers.clone_from(&followers.referrers);
                tag.left.clone_from(&followers.left);
            }
            tagged.push(tag);
        }
        Ok((tagged, failure))
    }
}

/// Adds the names that the image has got to the error of the next one.
fn not_all_tagged(error: Error, tagged: &[PromotedTag]) -> Error {
    if tagged.is_empty() {
        return error;
    }
    let names: Vec<&str> = tagged.iter().map(|tag| tag.reference.as_str()).collect();
    error.line(&format!("tagged before: {}", names.join(", ")))
}

impl PromotedTag {
    fn new(name: &Reference, status: TagStatus, previous: Option<Digest>) -> Self {
        Self { reference: name.to_string(), status, previous, referrers: Vec::new(), left: Vec::new() }
    }
}
