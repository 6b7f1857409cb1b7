//! Opens images wherever they are.

use std::num::NonZeroUsize;

use camino::Utf8Path;
use crossdock_oci::{
    Descriptor, Digest, ImageSource, Reference, RegistryReference, Repository, SourceImage, Tag,
    convert_docker,
};
use crossdock_registry::{
    ImageContent, PushOptions, Registry, Remote, Selector, copy_options, read_config, read_document,
};

use super::{Endpoint, engine};
use crate::client::failed;
use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output};
use crate::temporary::Place;

/// An image whose documents and blobs can be read.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    /// The descriptor of its index or manifest.
    pub(crate) image: Descriptor,
    /// The repository and tag that it has in a registry or in an engine.
    pub(crate) named: Option<RegistryReference>,
    /// The digest by which the source knows the image, if it is not that of `image`: an engine or an archive that keeps no
    /// manifests.
    pub(crate) original: Option<Digest>,
    content: Content<'a>,
    _place: Option<Place>,
}

#[derive(Debug)]
enum Content<'a> {
    Remote(Remote<'a>),
    Local(ImageSource),
}

impl Opened<'_> {
    /// Returns the documents and blobs.
    pub(crate) fn content(&self) -> &dyn ImageContent {
        match &self.content {
            Content::Remote(remote) => remote,
            Content::Local(source) => source,
        }
    }

    /// Reads a manifest or an index, and checks its digest.
    pub(crate) fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        read_document(self.content(), descriptor).map_err(failed)
    }

    /// Reads the configuration of an image, and checks its digest.
    pub(crate) fn config(&self, registry: &Registry, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        match self.repository() {
            Some(repository) => registry.document(repository, &descriptor.blob()),
            None => read_config(self.content(), descriptor),
        }
        .map_err(failed)
    }

    /// Returns the repository of a registry that has the image; `None` for a layout, an archive or an engine.
    pub(crate) fn repository(&self) -> Option<&Repository> {
        match (&self.content, &self.named) {
            (Content::Remote(_), Some(named)) => Some(&named.repository),
            _ => None,
        }
    }

    /// Returns the options for a push under a tag: a registry may take blobs from the repository that has the image.
    pub(crate) fn push_options(&self, tag: Option<Tag>) -> PushOptions {
        let options = PushOptions::new(tag);
        match self.repository() {
            Some(from) => copy_options(options, from),
            None => options,
        }
    }

    /// Returns the layout or archive; `None` for a registry.
    pub(crate) fn source(&self) -> Option<&ImageSource> {
        match &self.content {
            Content::Remote(_) => None,
            Content::Local(source) => Some(source),
        }
    }
}

/// Opens an image. One that has no manifest, of docker's store or an older archive, gets one: see
/// [`convert_docker`].
///
/// # Errors
/// It does not exist, the engine does not answer, or it is damaged.
pub(crate) fn open<'a>(
    context: &Context,
    registry: &'a Registry,
    from: &Endpoint,
) -> Result<Opened<'a>, Error> {
    if let Endpoint::Registry(reference) = from {
        context.check_online(reference)?;
        let repository = &reference.repository;
        let found = registry.manifest(repository, &Selector::from(reference)).map_err(failed)?;
        let (image, named) = (found.descriptor.clone(), Some(reference.clone()));
        let remote = Remote::new(registry, repository).map_err(failed)?;
        let content = Content::Remote(remote.with_manifest(found));
        return Ok(Opened { image, named, original: None, content, _place: None });
    }
    let local = local_image(context, from)?;
    let (named, stored) = (named(from), local.stored);
    let known = |image: &Digest, config: Option<Digest>| match &stored {
        Some(stored) if stored.is(image) => None,
        Some(stored) => stored.digests.first().copied().or(Some(stored.id)),
        None => config,
    };
    if !local.source.is_docker_form() {
        let original = known(&local.image.descriptor.digest, None);
        let (image, content) = (local.image.descriptor, Content::Local(local.source));
        return Ok(Opened { image, named, original, content, _place: local.place });
    }
    let place = Place::create(context)?;
    let layout = place.layout()?;
    let [platform] = local.image.platforms.as_slice() else {
        return Err(Error::from_message(ErrorKind::InputOutput, format!("{from} has no image")));
    };
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let image = convert_docker(&local.source, platform, layout.blobs(), threads).map_err(input_output)?;
    let original = known(&image.digest, Some(platform.manifest.value.config.digest));
    let content = Content::Local(ImageSource::of_layout(&layout, &image).map_err(input_output)?);
    Ok(Opened { image, named, original, content, _place: Some(place) })
}

/// An image of a layout, an archive or an engine, as it is.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) source: ImageSource,
    pub(crate) image: SourceImage,
    pub(crate) stored: Option<engine::Stored>,
    place: Option<Place>,
}

/// Opens an image that is not in a registry. An engine writes it to a temporary archive.
///
/// # Errors
/// It does not exist or is damaged, or the engine does not answer.
pub(crate) fn local_image(context: &Context, from: &Endpoint) -> Result<Local, Error> {
    let temporary = context.environment().temporary_directory();
    let (path, stored, place) = match from {
        Endpoint::Engine { engine, name } => {
            let stored = engine::inspect(context, *engine, name)?;
            let place = Place::create(context)?;
            let archive = place.join("saved.tar")?;
            engine::save(context, *engine, name, &archive)?;
            (archive, Some(stored), Some(place))
        }
        from => (context.directory().join(from.path().unwrap_or(Utf8Path::new(""))), None, None),
    };
    let source = ImageSource::open(path.as_std_path(), &temporary).map_err(input_output)?;
    let image = named_image(from, &source)?.clone();
    Ok(Local { source, image, stored, place })
}

/// Returns the repository and tag of an image in an engine's store.
fn named(from: &Endpoint) -> Option<RegistryReference> {
    let Endpoint::Engine { name, .. } = from else { return None };
    name.parse::<RegistryReference>().ok().filter(|reference| reference.tag.is_some())
}

/// Returns the image of a layout or an archive that an endpoint names.
fn named_image<'a>(from: &Endpoint, source: &'a ImageSource) -> Result<&'a SourceImage, Error> {
    let Some(wanted) = from.name() else {
        return only_image(from, source);
    };
    // People write the tag of a full name, as for skopeo, and leave out Docker Hub's host, which names in layouts have.
    let full = wanted.parse::<Reference>().ok();
    let full = full.map(|name| format!("{}:{}", name.repository.full_name(), name.tag));
    let is_named = |name: &String| {
        name == wanted
            || full.as_ref() == Some(name)
            || name.rsplit_once(':').is_some_and(|(_, tag)| tag == wanted)
    };
    let mut found = source.images().iter().filter(|image| image.names.iter().any(is_named));
    let Some(first) = found.next() else {
        let message = format!("{} has no image `{wanted}`; it has {}", place(from), names(source));
        return Err(Error::from_message(ErrorKind::InputOutput, message));
    };
    // The same image may have several names.
    if found.any(|other| other.descriptor.digest != first.descriptor.digest) {
        let message = format!("{} has several images `{wanted}`: {}", place(from), names(source));
        return Err(Error::from_message(ErrorKind::Usage, message)
            .hint("name the image in full: `oci:DIRECTORY:REPOSITORY:TAG`"));
    }
    Ok(first)
}

/// Returns the image of a source that has only one. It may have several names.
fn only_image<'a>(from: &Endpoint, source: &'a ImageSource) -> Result<&'a SourceImage, Error> {
    let mut images = source.images().iter();
    let Some(first) = images.next() else {
        return Err(Error::from_message(ErrorKind::InputOutput, format!("{} has no image", place(from))));
    };
    if images.all(|image| image.descriptor.digest == first.descriptor.digest) {
        return Ok(first);
    }
    let message = format!("{} has several images: {}", place(from), names(source));
    let hint = format!("name one of them, e.g. `{from}:TAG`");
    Err(Error::from_message(ErrorKind::Usage, message).hint(hint))
}

/// Returns the text for messages: a path as it is, without its transport.
fn place(from: &Endpoint) -> String {
    from.path().map_or_else(|| from.to_string(), |path| path.to_string())
}

fn names(source: &ImageSource) -> String {
    let names: Vec<&str> =
        source.images().iter().flat_map(|image| &image.names).map(String::as_str).collect();
    if names.is_empty() { "no names".to_owned() } else { names.join(", ") }
}
