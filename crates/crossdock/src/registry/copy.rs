//! Copies of images among registries, layouts and archives, by the names of skopeo's transports (containers-transports(5)).

use std::fmt;
use std::str::FromStr;

use camino::Utf8PathBuf;
use crossdock_oci::{
    Descriptor, Digest, ImageSource, Layout, Pruning, Reference, RegistryReference, Repository,
};
use crossdock_registry::{
    PushOptions, Registry, Remote, TransferEvent, TransferObserver, copy_into, copy_options,
};
use serde::Serialize;

use super::failed;
use super::pull::selector;
use super::push::only_image;
use crate::context::Context;
use crate::destination;
use crate::error::{Error, ErrorKind, input_output, usage};
use crate::index::location::path_and_name;

/// A place of images: `docker://REFERENCE`, `oci:DIRECTORY[:NAME]` or `oci-archive:FILE[:NAME]`. A name is a tag or
/// `REPOSITORY:TAG`. A text without a transport is a reference in a registry.
///
/// ```
/// use crossdock::registry::Endpoint;
/// let layout: Endpoint = "oci:build/image:1.0".parse()?;
/// assert_eq!(layout.to_string(), "oci:build/image:1.0");
/// assert_eq!("app:1.0".parse::<Endpoint>()?.to_string(), "docker://app:1.0");
/// # Ok::<(), crossdock::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// An image in a registry.
    Registry(RegistryReference),
    /// An image in a layout.
    Layout {
        /// The directory.
        directory: Utf8PathBuf,
        /// The tag or the full name in the layout; `None` if it has one image.
        name: Option<String>,
    },
    /// An image in an archive. Archives are only read.
    Archive {
        /// The file.
        file: Utf8PathBuf,
        /// The tag or the full name in the archive; `None` if it has one image.
        name: Option<String>,
    },
}

/// The result of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Copied {
    /// The digest of the image, which is the same in both places.
    pub digest: Digest,
    /// The destination.
    pub destination: String,
    /// Signatures, attestations and the like that were copied with it.
    pub referrers: Vec<Digest>,
    /// Those that were left behind.
    pub left: Vec<LeftBehind>,
}

/// A manifest about the image that was not copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeftBehind {
    /// Its digest.
    pub digest: Digest,
    /// The reason.
    pub why: String,
}

/// Copies an image, byte for byte: its media types and its digest stay. What is about it in a registry (signatures,
/// attestations) is copied to another registry, and otherwise named as left behind. Nothing is verified.
///
/// # Errors
/// The source does not exist or is damaged, or the destination cannot be written.
pub fn copy(
    context: &Context,
    registry: &Registry,
    from: &Endpoint,
    to: &Endpoint,
    observer: &dyn TransferObserver,
) -> Result<Copied, Error> {
    context.unless_cancelled(|| match (from, to) {
        (_, Endpoint::Archive { file, .. }) => {
            let message = format!("{file}: archives are only read here");
            Err(Error::from_message(ErrorKind::Usage, message)
                .hint("copy into a layout: `oci:DIRECTORY:TAG`"))
        }
        (Endpoint::Registry(from), Endpoint::Registry(to)) => across(registry, from, to, observer),
        (Endpoint::Registry(from), Endpoint::Layout { directory, name }) => {
            let directory = context.directory().join(directory);
            destination::check(&directory)?;
            let names = layout_name(Some(from), name.as_deref())?;
            let found = registry.manifest(&from.repository, &selector(from)?).map_err(failed)?;
            let remote = Remote::new(registry, &from.repository).map_err(failed)?;
            let _cleanup = context.cancel.clean_up();
            destination::fill(&directory, |layout| {
                store(layout, registry, &remote, &found.descriptor, names, observer)
            })?;
            let mut copied = Copied::new(found.descriptor.digest, to);
            let about = registry.referrers(&from.repository, &copied.digest).map_err(failed)?;
            copied.left = about
                .into_iter()
                .map(|about| LeftBehind {
                    digest: about.descriptor.digest,
                    why: "a layout has no list of referrers".to_owned(),
                })
                .collect();
            Ok(copied)
        }
        (local, to) => {
            let path = context.directory().join(local.path());
            let temporary = context.environment().temporary_directory();
            let source = ImageSource::open(path.as_std_path(), &temporary).map_err(input_output)?;
            let image = named_image(local, &source)?;
            match to {
                Endpoint::Registry(to) => {
                    let options = PushOptions::new(to.tag_or_latest());
                    agrees(to, &image)?;
                    registry.push(&source, &image, &to.repository, &options, observer).map_err(failed)?;
                }
                Endpoint::Layout { directory, name } => {
                    let names = layout_name(None, name.as_deref())?;
                    let _cleanup = context.cancel.clean_up();
                    destination::fill(&context.directory().join(directory), |target| {
                        store(target, registry, &source, &image, names, observer)
                    })?;
                }
                Endpoint::Archive { .. } => {}
            }
            Ok(Copied::new(image.digest, to))
        }
    })
}

fn across(
    registry: &Registry,
    from: &RegistryReference,
    to: &RegistryReference,
    observer: &dyn TransferObserver,
) -> Result<Copied, Error> {
    let found = registry.manifest(&from.repository, &selector(from)?).map_err(failed)?;
    let image = found.descriptor;
    agrees(to, &image)?;
    let remote = Remote::new(registry, &from.repository).map_err(failed)?;
    let options = copy_options(PushOptions::new(to.tag_or_latest()), &from.repository);
    registry.push(&remote, &image, &to.repository, &options, observer).map_err(failed)?;
    let mut copied = Copied::new(image.digest, &Endpoint::Registry(to.clone()));
    if from.repository.full_name() != to.repository.full_name() {
        let carried = registry
            .copy_referrers(&image.digest, &from.repository, &to.repository, observer)
            .map_err(failed)?;
        copied.referrers = carried.referrers;
        copied.left = carried.left.into_iter().map(|(digest, why)| LeftBehind { digest, why }).collect();
    }
    Ok(copied)
}

fn store(
    layout: &Layout,
    registry: &Registry,
    content: &dyn crossdock_registry::ImageContent,
    image: &Descriptor,
    names: Vec<Reference>,
    observer: &dyn TransferObserver,
) -> Result<(), Error> {
    let lock = layout.lock().map_err(input_output)?;
    copy_into(layout.blobs(), content, image, registry.settings().jobs, observer).map_err(failed)?;
    observer.event(TransferEvent::Finished {
        digest: image.digest,
        bytes: 0,
        by: crossdock_registry::Moved::Sent,
    });
    layout.publish(&lock, image, &names, Pruning::KeepOthers).map_err(input_output)
}

/// Returns the names that an image gets in a layout: the given tag or full name, else that in the registry.
fn layout_name(from: Option<&RegistryReference>, name: Option<&str>) -> Result<Vec<Reference>, Error> {
    let repository = || match from {
        Some(from) => Ok(from.repository.clone()),
        None => "image".parse::<Repository>().map_err(usage),
    };
    Ok(match name {
        Some(name) if name.contains(['/', ':']) => vec![name.parse().map_err(usage)?],
        Some(tag) => vec![Reference { repository: repository()?, tag: tag.parse().map_err(usage)? }],
        None => match from.and_then(RegistryReference::tag_or_latest) {
            Some(tag) => vec![Reference { repository: repository()?, tag }],
            None => Vec::new(),
        },
    })
}

fn agrees(to: &RegistryReference, image: &Descriptor) -> Result<(), Error> {
    match to.digest.filter(|digest| *digest != image.digest) {
        None => Ok(()),
        Some(digest) => {
            let message = format!("the image is {}, not {digest}", image.digest);
            Err(Error::from_message(ErrorKind::Usage, message))
        }
    }
}

/// Returns the image of a layout or an archive that an endpoint names.
fn named_image(from: &Endpoint, source: &ImageSource) -> Result<Descriptor, Error> {
    let Some(wanted) = from.name() else {
        return only_image(&from.path(), source);
    };
    // People write the tag of a full name, as for skopeo, and leave out Docker Hub's host, which names in layouts have.
    let full = wanted.parse::<Reference>().ok();
    let full = full.map(|name| format!("{}:{}", name.repository.full_name(), name.tag));
    let is_named = |name: &String| {
        name == wanted
            || full.as_ref() == Some(name)
            || name.rsplit_once(':').is_some_and(|(_, tag)| tag == wanted)
    };
    let images = source.images().iter();
    let mut found = images.filter(|image| image.names.iter().any(is_named)).map(|image| &image.descriptor);
    let names =
        || source.images().iter().flat_map(|image| image.names.clone()).collect::<Vec<_>>().join(", ");
    let Some(first) = found.next() else {
        let message = format!("{} has no image `{wanted}`; it has {}", from.path(), names());
        return Err(Error::from_message(ErrorKind::InputOutput, message));
    };
    // The same image may have several names.
    if found.any(|other| other.digest != first.digest) {
        let message = format!("{} has several images `{wanted}`: {}", from.path(), names());
        return Err(Error::from_message(ErrorKind::Usage, message)
            .hint("name the image in full: `oci:DIRECTORY:REPOSITORY:TAG`"));
    }
    Ok(first.clone())
}

impl Copied {
    fn new(digest: Digest, to: &Endpoint) -> Self {
        Self { digest, destination: to.to_string(), referrers: Vec::new(), left: Vec::new() }
    }
}

impl Endpoint {
    /// Returns the path of a layout or an archive; empty for a registry.
    fn path(&self) -> Utf8PathBuf {
        match self {
            Self::Registry(_) => Utf8PathBuf::new(),
            Self::Layout { directory, .. } => directory.clone(),
            Self::Archive { file, .. } => file.clone(),
        }
    }

    /// Returns the tag or full name in a layout or an archive.
    fn name(&self) -> Option<&str> {
        match self {
            Self::Registry(_) => None,
            Self::Layout { name, .. } | Self::Archive { name, .. } => name.as_deref(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => write!(f, "docker://{reference}"),
            Self::Layout { directory, .. } => write!(f, "oci:{directory}"),
            Self::Archive { file, .. } => write!(f, "oci-archive:{file}"),
        }?;
        self.name().iter().try_for_each(|name| write!(f, ":{name}"))
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(rest) = text.strip_prefix("oci:") {
            let (directory, name) = path_and_name(rest);
            return Ok(Self::Layout { directory: directory.into(), name: name.map(str::to_owned) });
        }
        for archive in ["oci-archive:", "docker-archive:"] {
            if let Some(rest) = text.strip_prefix(archive) {
                let (file, name) = path_and_name(rest);
                return Ok(Self::Archive { file: file.into(), name: name.map(str::to_owned) });
            }
        }
        let others = ["docker-daemon:", "containers-storage:", "podman:", "dir:", "sif:", "ostree:"];
        if let Some(other) = others.iter().find(|other| text.starts_with(**other)) {
            let message = format!("`{other}` is a transport that `copy` does not have");
            return Err(Error::from_message(ErrorKind::Usage, message)
                .hint("use `docker://REFERENCE`, `oci:DIRECTORY[:NAME]`, `oci-archive:FILE[:NAME]` or `docker-archive:FILE[:NAME]`"));
        }
        let reference = text.strip_prefix("docker://").unwrap_or(text);
        Ok(Self::Registry(reference.parse().map_err(usage)?))
    }
}
