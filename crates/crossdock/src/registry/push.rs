//! Pushing images.

use crossdock_oci::{Descriptor, Digest, Layout, Reference, RegistryReference, Repository, Tag};
use crossdock_registry::{PushOptions, Registry, TransferObserver};
use serde::Serialize;

use super::followers::{Followers, LeftBehind, carry};
use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output, usage};
use crate::execute::{ImageReport, ImageStatus, Report, Unproven};
use crate::plan::{ImagePlan, Plan};
use crate::subject::{Endpoint, failed, open};
use crate::verify::Verdict;

/// An image that a registry has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PushedImage {
    /// The image's name in the project, or the path of its layout or archive.
    pub image: String,
    /// `repository:tag` for each tag; empty if it was pushed by its digest only.
    pub tags: Vec<String>,
    /// `repository@digest`.
    pub reference: String,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// Whether the registry had everything already.
    pub unchanged: bool,
    /// The number of bytes of blobs that were sent.
    pub sent: u64,
    /// Signatures, attestations and the like that are now there with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub referrers: Vec<Digest>,
    /// Those that were left behind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<LeftBehind>,
}

/// The names that built images get in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Naming {
    /// The tags of the plan.
    #[default]
    Tags,
    /// None: they are reached by their digests only.
    DigestOnly,
}

/// Checks that a plan has images and that each has a repository and the names with which it can be pushed, so that a
/// build does not end at one that has not.
///
/// # Errors
/// No image would be pushed although the plan leaves none out that did not change, an image has only its name for a repository, or it has no tag although its naming needs one.
pub fn check_repositories(plan: &Plan, naming: Naming) -> Result<(), Error> {
    // Without platforms there are only release archives.
    let mut images = plan.images.iter().filter(|image| !image.platforms.is_empty()).peekable();
    if images.peek().is_none() && plan.since.is_some() {
        return Ok(());
    }
    if images.peek().is_none() {
        return Err(Error::from_message(ErrorKind::Usage, "the plan has no image to push")
            .hint("select a platform that has containers, e.g. `--platform linux/amd64`"));
    }
    for image in images {
        let repository: Repository = image.repository.parse().map_err(usage)?;
        if !repository.as_str().contains('/') {
            let message = format!("the image `{}` has no repository to which it can be pushed", image.name);
            return Err(Error::from_message(ErrorKind::Usage, message)
                .hint("name one with `--repository`, e.g. `--repository registry.example/team/app`"));
        }
        if naming == Naming::Tags && image.tags.is_empty() {
            let message = format!("the image `{}` has no tag under which it can be pushed", image.name);
            return Err(Error::from_message(ErrorKind::Usage, message)
                .hint("name one, e.g. `--tag 1.0` of `dist` or `registry.example/team/app:1.0` of `push`")
                .hint("or push it by its digest: `dist --push --by-digest`"));
        }
    }
    Ok(())
}

/// Pushes the images of a report, each to its planned repository, if none of them was rejected. A tag is pushed only for an
/// image that has it in its layout too: [`Goal::Tag`](crate::plan::Goal) and `Goal::Dist` give it after verification, and
/// only to an image of the plan's own commit.
///
/// # Errors
/// An image was not verified, verification rejects it, or it was not tagged; then nothing is pushed. A layout is damaged, or
/// the registry refuses an image; images pushed before stay pushed.
pub fn push_built(
    context: &Context,
    registry: &Registry,
    plan: &Plan,
    report: &Report,
    naming: Naming,
    unproven: Unproven,
    observer: &dyn TransferObserver,
) -> Result<Vec<PushedImage>, Error> {
    report.images.iter().try_for_each(|image| accept(image, naming, unproven))?;
    plan.images.iter().try_for_each(|image| context.check_online(&image.repository))?;
    let mut pushed = Vec::new();
    for image in &report.images {
        let planned = plan.images.iter().find(|planned| planned.name == image.name);
        let Some(planned) = planned else { continue };
        let repository = planned.repository.parse().map_err(usage)?;
        let names = if naming == Naming::Tags { planned.tags.as_slice() } else { &[] };
        let tags = names.iter().map(|tag| tag.parse()).collect::<Result<Vec<Tag>, _>>().map_err(usage)?;
        pushed.push(push_one(context, registry, (planned, image), &repository, tags, observer)?);
    }
    Ok(pushed)
}

/// Refuses an image that may not be pushed.
fn accept(image: &ImageReport, naming: Naming, unproven: Unproven) -> Result<(), Error> {
    let name = &image.name;
    let rejected = |message| Err(Error::from_message(ErrorKind::Rejected, message));
    match (image.verdict(), image.status) {
        (None, _) | (_, ImageStatus::Built) => {
            rejected(format!("image `{name}` was not verified, so it is not pushed"))
        }
        (Some(Verdict::Fails), _) | (_, ImageStatus::Refused) => {
            rejected(format!("image `{name}` would not start, so it is not pushed"))
        }
        (Some(Verdict::Unproven), _) if unproven == Unproven::Refuse => {
            rejected(format!("image `{name}` is not proven to start, so it is not pushed"))
        }
        (_, status) if naming == Naming::Tags && status != ImageStatus::Tagged => {
            rejected(format!("image `{name}` was not tagged, so its tags are not pushed"))
        }
        _ => Ok(()),
    }
}

fn push_one(
    context: &Context,
    registry: &Registry,
    (planned, image): (&ImagePlan, &ImageReport),
    repository: &Repository,
    tags: Vec<Tag>,
    observer: &dyn TransferObserver,
) -> Result<PushedImage, Error> {
    context.unless_cancelled(|| {
        let layout = Layout::open(image.layout.as_std_path()).map_err(input_output)?;
        let blob = layout.blobs().verify(&image.digest).map_err(input_output)?;
        let descriptor = Descriptor::new(planned.shape.media_type(), blob);
        let content = layout.blobs();
        let options = PushOptions::new(tags.clone());
        let pushed = registry.push(content, &descriptor, repository, &options, observer).map_err(failed)?;
        Ok(answer(&image.name, repository, &tags, &pushed))
    })
}

/// Pushes the image of a layout, an archive, an engine or another registry, as it is, with the manifests about it.
///
/// # Errors
/// It does not exist or is damaged, the place has several images and none is named, or the registry refuses it.
pub fn push(
    context: &Context,
    registry: &Registry,
    from: &Endpoint,
    destination: &RegistryReference,
    observer: &dyn TransferObserver,
) -> Result<PushedImage, Error> {
    context.unless_cancelled(|| {
        context.check_online(destination)?;
        let opened = open(context, registry, from)?;
        let image = &opened.image;
        if let Some(expected) = destination.digest.filter(|digest| *digest != image.digest) {
            let message = format!("{from} has the image {}, not {expected}", image.digest);
            return Err(Error::from_message(ErrorKind::Usage, message));
        }
        let tags: Vec<Tag> = destination.tag_or_latest().into_iter().collect();
        let repository = &destination.repository;
        let options = opened.push_options(destination.tag_or_latest());
        let pushed =
            registry.push(opened.content(), image, repository, &options, observer).map_err(failed)?;
        let Followers { referrers, left } = carry(registry, &opened, repository, observer)?;
        let name = from.path().map_or_else(|| from.to_string(), |path| path.to_string());
        Ok(PushedImage { referrers, left, ..answer(&name, repository, &tags, &pushed) })
    })
}

fn answer(
    image: &str,
    repository: &Repository,
    tags: &[Tag],
    pushed: &crossdock_registry::Pushed,
) -> PushedImage {
    let name = |tag: &Tag| Reference { repository: repository.clone(), tag: tag.clone() }.to_string();
    PushedImage {
        image: image.to_owned(),
        tags: tags.iter().map(name).collect(),
        reference: format!("{repository}@{}", pushed.digest),
        digest: pushed.digest,
        unchanged: pushed.unchanged,
        sent: pushed.sent,
        referrers: Vec::new(),
        left: Vec::new(),
    }
}
