//! Copies of images among registries, layouts, archives and engines, by the names of skopeo's transports
//! (containers-transports(5)).

use crossdock_oci::{Descriptor, Digest, Layout, Pruning, Reference, RegistryReference, Repository};
use crossdock_platform::Platform;
use crossdock_registry::{
    About, AllAbout, ImageContent, Moved, PlatformManifest, Registry, TransferEvent, TransferObserver,
    copy_into, copy_platform_into, platforms,
};
use crossdock_subjects::{best_platform, parse_platform};
use serde::Serialize;

use super::followers::{Followers, LeftBehind, about_opened, carry, left_behind};
use crate::container_engine::server_platform;
use crate::context::Context;
use crate::destination;
use crate::error::{Error, ErrorKind, input_output, usage};
use crate::plan::LoadEngine;
use crate::subject::{
    ArchiveForm, Endpoint, Opened, check_archive, engine, failed, is_id, open, write_archive_file,
};
use crate::temporary::Place;

/// Options of [`copy`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CopyOptions {
    /// The platform whose image is copied, without the index. If `None`, the whole image is copied; a destination that takes
    /// one platform gets that of the engine's server, or the only one.
    pub platform: Option<Platform>,
}

impl CopyOptions {
    /// Returns the options that choose nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// The result of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Copied {
    /// The digest of the image in the destination.
    pub digest: Digest,
    /// The digest of the image in the source, if it is another one: engines and docker's archives keep no manifests, and
    /// know an image by the digest of its configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_digest: Option<Digest>,
    /// The destination.
    pub destination: String,
    /// Signatures, attestations and the like that were copied with it.
    pub referrers: Vec<Digest>,
    /// Those that were left behind.
    pub left: Vec<LeftBehind>,
}

/// Copies an image, byte for byte: its media types and its digest stay, except where a place keeps no manifests. The
/// manifests about it (signatures, attestations) are copied to registries, layouts and archives, and otherwise named as left
/// behind. Nothing is verified.
///
/// # Errors
/// The source does not exist or is damaged, or the destination cannot be written.
pub fn copy(
    context: &Context,
    registry: &Registry,
    from: &Endpoint,
    to: &Endpoint,
    options: &CopyOptions,
    observer: &dyn TransferObserver,
) -> Result<Copied, Error> {
    context.unless_cancelled(|| {
        check_destination(context, to)?;
        let mut opened = open(context, registry, from)?;
        let whole = opened.image.clone();
        if let Some(platform) = &options.platform {
            opened.image = of_platform(&opened, platform, from)?;
        }
        let copy = Copy { context, registry, opened: &opened, observer };
        let mut copied = match to {
            Endpoint::Registry(reference) => copy.push(reference)?,
            Endpoint::Layout { directory, name } => {
                copy.fill(&context.directory().join(directory), copy.names(name.as_deref())?)?
            }
            Endpoint::Archive { file, name, form } => {
                copy.archive(&context.directory().join(file), name.as_deref(), *form)?
            }
            Endpoint::Engine { engine, name } => copy.load(*engine, name)?,
        };
        copied.destination = to.to_string();
        copied.source_digest = opened
            .original
            .filter(|_| whole == opened.image)
            .or(Some(opened.image.digest))
            .filter(|digest| *digest != copied.digest);
        Ok(copied)
    })
}

/// Refuses a destination that cannot be written, before anything is fetched.
fn check_destination(context: &Context, to: &Endpoint) -> Result<(), Error> {
    match to {
        Endpoint::Registry(reference) => context.check_online(reference),
        Endpoint::Layout { directory, .. } => destination::check(&context.directory().join(directory)),
        Endpoint::Archive { file, .. } => check_archive(&context.directory().join(file)),
        Endpoint::Engine { name, .. } => {
            let hint = "an engine names an image by a repository and a tag, e.g. `docker-daemon:app:1.0`";
            if is_id(name) {
                let message = format!("`{name}` is the ID of an image, which follows from its content");
                return Err(Error::from_message(ErrorKind::Usage, message).hint(hint));
            }
            name.parse::<Reference>().map(drop).map_err(|error| usage(error).hint(hint))
        }
    }
}

/// Returns the manifest of a platform.
fn of_platform(opened: &Opened<'_>, platform: &Platform, from: &Endpoint) -> Result<Descriptor, Error> {
    let found = platforms(opened.content(), &opened.image).map_err(failed)?;
    let manifest = found.iter().find(|found| parse_platform(&found.platform).as_ref() == Some(platform));
    let manifest = manifest.map(|found| Descriptor {
        // As the image itself, it has neither the platform nor the annotations of an entry.
        platform: None,
        annotations: Default::default(),
        ..found.descriptor.clone()
    });
    manifest.ok_or_else(|| {
        let message = format!("{from} has no image for {platform}; it has {}", listed(&found));
        Error::from_message(ErrorKind::InputOutput, message)
    })
}

fn listed(found: &[PlatformManifest]) -> String {
    let names: Vec<String> = found.iter().map(|found| found.platform.to_string()).collect();
    if names.is_empty() { "no image of a platform".to_owned() } else { names.join(", ") }
}

/// A copy of an open image.
struct Copy<'a> {
    context: &'a Context,
    registry: &'a Registry,
    opened: &'a Opened<'a>,
    observer: &'a dyn TransferObserver,
}

/// The manifests about an image in a store.
#[derive(Default)]
struct Stored {
    referrers: Vec<Descriptor>,
    /// Those that could not be copied, with the reason.
    left: Vec<(Digest, String)>,
}

impl Copy<'_> {
    fn image(&self) -> &Descriptor {
        &self.opened.image
    }

    fn content(&self) -> &dyn ImageContent {
        self.opened.content()
    }

    fn push(&self, to: &RegistryReference) -> Result<Copied, Error> {
        let image = self.image();
        agrees(to, image)?;
        let options = self.opened.push_options(to.tag_or_latest());
        let Self { registry, opened, observer, .. } = self;
        registry.push(self.content(), image, &to.repository, &options, *observer).map_err(failed)?;
        let Followers { referrers, left } = carry(registry, opened, &to.repository, *observer)?;
        Ok(Copied { referrers, left, ..Copied::new(image.digest) })
    }

    /// Adds the image to the layout in a directory, which is created if missing.
    fn fill(&self, directory: &camino::Utf8Path, names: Vec<Reference>) -> Result<Copied, Error> {
        let AllAbout { found, beyond, .. } = self.about()?;
        let _cleanup = self.context.cancel.clean_up();
        destination::fill(directory, |layout| {
            let lock = layout.lock().map_err(input_output)?;
            let Stored { referrers, left } = self.store(layout, &found)?;
            layout.publish(&lock, self.image(), &names, Pruning::KeepOthers).map_err(input_output)?;
            layout.list_referrers(&lock, &referrers).map_err(input_output)?;
            let mut copied = Copied::new(self.image().digest);
            copied.referrers = referrers.into_iter().map(|referrer| referrer.digest).collect();
            copied.leave(left.into_iter().chain(beyond));
            Ok(copied)
        })
    }

    /// Copies the image and what is about it into the store of a layout.
    fn store(&self, layout: &Layout, all: &[About]) -> Result<Stored, Error> {
        let jobs = self.registry.settings().jobs;
        let copy = |descriptor| copy_into(layout.blobs(), self.content(), descriptor, jobs, self.observer);
        copy(self.image()).map_err(failed)?;
        self.finished();
        let mut stored = Stored::default();
        for About { descriptor, .. } in all {
            match copy(descriptor) {
                Ok(()) => stored.referrers.push(Descriptor { platform: None, ..descriptor.clone() }),
                Err(error @ crossdock_registry::RegistryError::Cancelled) => return Err(failed(error)),
                Err(error) => stored.left.push((descriptor.digest, error.to_string())),
            }
        }
        Ok(stored)
    }

    fn finished(&self) {
        let digest = self.image().digest;
        self.observer.event(TransferEvent::Finished { digest, bytes: 0, by: Moved::Sent });
    }

    /// Writes an archive, through a temporary layout.
    fn archive(
        &self,
        file: &camino::Utf8Path,
        name: Option<&str>,
        form: ArchiveForm,
    ) -> Result<Copied, Error> {
        let place = Place::create(self.context)?;
        let layout = place.layout()?;
        let all = self.about()?;
        match form {
            ArchiveForm::Oci => {
                let names = self.names(name)?;
                let Stored { referrers, left } = self.store(&layout, &all.found)?;
                write_archive_file(file, form, &layout, self.image(), &names, &referrers)?;
                let mut copied = Copied::new(self.image().digest);
                copied.referrers = referrers.into_iter().map(|referrer| referrer.digest).collect();
                copied.leave(left.into_iter().chain(all.beyond));
                Ok(copied)
            }
            ArchiveForm::Docker => {
                let names = match name {
                    Some(name) => vec![docker_name(name)?],
                    None => self.names(None)?,
                };
                let manifest = self.only_platform(None)?.descriptor;
                let jobs = self.registry.settings().jobs;
                copy_into(layout.blobs(), self.content(), &manifest, jobs, self.observer).map_err(failed)?;
                self.finished();
                write_archive_file(file, form, &layout, &manifest, &names, &[])?;
                let mut copied = Copied::new(config_of(&layout, &manifest)?);
                copied.leave(left_by("docker's archives have no list of referrers", all));
                Ok(copied)
            }
        }
    }

    /// Loads the part of the image that an engine needs: podman as it is, docker in both of its forms.
    fn load(&self, engine: LoadEngine, name: &str) -> Result<Copied, Error> {
        let name: Reference = name.parse().map_err(usage)?;
        let server = server_platform(self.context, engine)?;
        let manifest = self.only_platform(Some(&server))?;
        let place = Place::create(self.context)?;
        let layout = place.layout()?;
        let (jobs, image) = (self.registry.settings().jobs, self.image());
        let store = layout.blobs();
        copy_platform_into(store, self.content(), image, &manifest.descriptor, jobs, self.observer)
            .map_err(failed)?;
        self.finished();
        let archive = place.join("image.tar")?;
        let file = crossdock_fs::AtomicFile::create_in(place.path()?.as_std_path()).map_err(input_output)?;
        let mut writer = std::io::BufWriter::with_capacity(1 << 20, file);
        let form = match engine {
            LoadEngine::Docker => crossdock_oci::LoadForm::Docker,
            LoadEngine::Podman => crossdock_oci::LoadForm::Oci,
        };
        crossdock_oci::write_load_archive(
            &layout,
            image,
            std::slice::from_ref(&name),
            &manifest.descriptor,
            form,
            &mut writer,
        )
        .map_err(input_output)?;
        let file = writer.into_inner().map_err(|error| input_output(error.into_error()).at(&archive))?;
        file.commit(archive.as_std_path()).map_err(input_output)?;
        engine::load(self.context, engine, &archive)?;
        let stored = engine::inspect(self.context, engine, &in_store(engine, &name))?;
        let mut copied = Copied::new(if stored.is(&image.digest) { image.digest } else { stored.id });
        let why = format!("{}'s store has no list of referrers", engine.as_str());
        copied.leave(left_by(&why, self.about()?));
        Ok(copied)
    }

    /// Returns the manifest for a place that holds one platform: the one that `host` pulls, or the only one.
    fn only_platform(&self, host: Option<&Platform>) -> Result<PlatformManifest, Error> {
        let found = platforms(self.content(), self.image()).map_err(failed)?;
        let offered: Vec<_> = found.iter().map(|found| parse_platform(&found.platform)).collect();
        let best = host.and_then(|host| best_platform(host, &offered));
        if let Some(best) = best.and_then(|best| found.get(best)) {
            return Ok(best.clone());
        }
        if let [only] = found.as_slice() {
            return Ok(only.clone());
        }
        let of = host.map(|host| format!(" for {host}")).unwrap_or_default();
        let message = match found.is_empty() {
            true => "the source has no image of a platform".to_owned(),
            false if host.is_some() => format!("the source has no image{of}; it has {}", listed(&found)),
            false => format!("the destination takes one platform, and the source has {}", listed(&found)),
        };
        Err(Error::from_message(ErrorKind::Usage, message).hint("choose one with `--platform`"))
    }

    /// Returns what is about the image, in its registry or its layout.
    fn about(&self) -> Result<AllAbout, Error> {
        about_opened(self.registry, self.opened)
    }

    fn names(&self, name: Option<&str>) -> Result<Vec<Reference>, Error> {
        layout_name(self.opened.named.as_ref(), name)
    }
}

/// Returns what is left behind, with the reason.
fn left_by(why: &str, all: AllAbout) -> impl Iterator<Item = (Digest, String)> {
    let found = all.found.into_iter().map(|about| about.descriptor.digest);
    let beyond = all.beyond.into_iter().map(|(digest, _)| digest);
    found.chain(beyond).map(move |digest| (digest, why.to_owned()))
}

/// Returns the name of an image in an archive of docker's form, which docker reads as a reference.
fn docker_name(name: &str) -> Result<Reference, Error> {
    let is_reference = name.contains(['/', ':']);
    let hint = "docker's archives name an image in full: `docker-archive:FILE:REPOSITORY:TAG`";
    if !is_reference {
        let message = format!("`{name}` is a tag without a repository");
        return Err(Error::from_message(ErrorKind::Usage, message).hint(hint));
    }
    name.parse().map_err(|error| usage(error).hint(hint))
}

/// Returns the name by which an engine finds an image that was loaded: podman would look in its own namespace first.
fn in_store(engine: LoadEngine, name: &Reference) -> String {
    match engine {
        LoadEngine::Docker => name.to_string(),
        LoadEngine::Podman => name.full_name(),
    }
}

/// Returns the digest of the configuration of a manifest, which is docker's ID of the image.
fn config_of(layout: &Layout, manifest: &Descriptor) -> Result<Digest, Error> {
    let source = crossdock_oci::ImageSource::of_layout(layout, manifest).map_err(input_output)?;
    let platform = source.images().iter().flat_map(|image| &image.platforms).next();
    Ok(platform.map_or(manifest.digest, |platform| platform.manifest.value.config.digest))
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

impl Copied {
    fn new(digest: Digest) -> Self {
        let destination = String::new();
        Self { digest, source_digest: None, destination, referrers: Vec::new(), left: Vec::new() }
    }

    fn leave(&mut self, left: impl IntoIterator<Item = (Digest, String)>) {
        self.left.extend(left_behind(left));
    }
}
