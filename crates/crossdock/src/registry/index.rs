//! One index of images in registries, layouts and archives.

mod attestations;
mod pushed;

use camino::Utf8Path;
use crossdock_oci::{Algorithm, Descriptor, Digest, ImageSource, RegistryReference, Repository, media_type};
use crossdock_registry::{
    ImageContent, PushOptions, Registry, RegistryError, Remote, TransferEvent, TransferObserver, copy_into,
};

use super::failed;
use super::promote::resolve;
use crate::context::Context;
use crate::destination;
use crate::error::{Error, ErrorKind, input_output, usage};
use crate::index::leg::{Candidate, Leg};
use crate::index::location::{self, Location};
use crate::index::{CreatedIndex, Demand, IndexOptions};
use crate::subject::{Endpoint, open};
use crate::temporary::TemporaryLayout;
use attestations::Attestation;

/// Merges images for single platforms into one index, verifies it, and then gives it its name; see
/// [`index::create_index`](crate::index::create_index).
///
/// `to` may also be an image in a registry: `REPOSITORY:TAG`, or `REPOSITORY` for an index that is only reached by its digest. A
/// source may also be an image in an engine (`docker-daemon:NAME`, `podman:NAME`), `docker-archive:FILE`, `REPOSITORY@sha256:…`, or a JSON file that `dist --push --by-digest`, `push` or `docker buildx build
/// --metadata-file` wrote. Blobs are mounted from repositories of the same registry. The tag is written last, and only the index
/// gets one. An attestation of BuildKit becomes a referrer of its image.
///
/// ```no_run
/// // Needs a registry: the tests of crossdock run such calls against servers of their own.
/// use crossdock::index::IndexOptions;
/// use crossdock::registry::{RegistryOptions, Unobserved, create_index, registry};
///
/// let context = crossdock::Context::of_process()?;
/// let registry = registry(&context, &RegistryOptions::new())?;
/// let options = IndexOptions::new().platforms(["linux/amd64", "linux/arm64"]);
/// let sources = ["amd64.json".to_owned(), "arm64.json".to_owned()];
/// let created =
///     create_index(&context, &registry, "registry.example/app:1.0", &sources, &options, &Unobserved)?;
/// assert!(created.named, "{:?}", created.verdicts);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of [`index::create_index`](crate::index::create_index), and a registry refuses something.
pub fn create_index(
    context: &Context,
    registry: &Registry,
    to: &str,
    sources: &[String],
    options: &IndexOptions,
    observer: &dyn TransferObserver,
) -> Result<CreatedIndex, Error> {
    context.unless_cancelled(|| {
        let destination = Destination::parse(to)?;
        match &destination {
            Destination::Layout => destination::check(&location::target(context.directory(), to)?.0)?,
            Destination::Registry(name) => context.check_online(name)?,
        }
        let sources = destination.sources(context, sources, options)?;
        let demand = Demand::new(context, options)?;
        let temporary = TemporaryLayout::create(context)?;
        let fetch = Fetch { context, registry, temporary: &temporary, observer };
        let legs = sources.iter().map(|source| fetch.leg(source)).collect::<Result<Vec<_>, _>>()?;
        // Before anything is written, since it may fail.
        let about = fetch.about_legs(&legs)?;
        let mut created = match &destination {
            Destination::Layout => demand.write(&legs, location::target(context.directory(), to)?)?,
            Destination::Registry(name) => fetch.push(&demand, &legs, name)?,
        };
        let about_others = about.into_iter().filter(|(index, _)| *index != created.digest);
        created.warnings.extend(about_others.map(|(_, warning)| warning));
        registry.warnings().iter().for_each(|warning| observer.event(TransferEvent::Warning(warning)));
        Ok(created)
    })
}

/// Where an index is written.
enum Destination {
    Layout,
    Registry(RegistryReference),
}

/// Where an image is.
enum Source {
    Local(Location),
    Registry(RegistryReference),
    /// In an engine, or in an archive without manifests.
    Stored(Endpoint),
}

impl Destination {
    fn parse(text: &str) -> Result<Self, Error> {
        if text.starts_with("oci:") {
            return Ok(Self::Layout);
        }
        if let Some(transport) = ["oci-archive:", "docker-archive:", "docker-daemon:", "dir:"]
            .iter()
            .find(|transport| text.starts_with(**transport))
        {
            let message = format!("an index cannot be written to `{transport}`");
            return Err(Error::from_message(ErrorKind::Usage, message)
                .hint("name an image layout, as `oci:DIRECTORY:TAG`, or a repository, as `registry.example/team/app:1.0`"));
        }
        let name: RegistryReference =
            text.strip_prefix("docker://").unwrap_or(text).parse().map_err(usage)?;
        if name.digest.is_some() {
            let message = format!("`{text}`: the digest of an index follows from its images");
            return Err(Error::from_message(ErrorKind::Usage, message).hint("leave out `@…`"));
        }
        Ok(Self::Registry(name))
    }

    fn repository(&self) -> Option<&Repository> {
        match self {
            Self::Layout => None,
            Self::Registry(name) => Some(&name.repository),
        }
    }

    /// Returns the sources, where reports of pushes are replaced by the images that they name. A report without the image of
    /// `--image` is left out: the index must have the platforms of that image and no others, so nothing is missed silently.
    fn sources(
        &self,
        context: &Context,
        texts: &[String],
        options: &IndexOptions,
    ) -> Result<Vec<Source>, Error> {
        let (mut sources, mut others) = (Vec::new(), Vec::new());
        for text in texts {
            let path = context.directory().join(text);
            if STORES.iter().any(|store| text.starts_with(store)) {
                sources.push(Source::Stored(text.parse()?));
            } else if let Some(name) = registry_reference(&path, text)? {
                sources.push(Source::Registry(name));
            } else if let Some(report) = pushed::read(&path)? {
                match pushed::choose(&report, &path, self.repository(), &options.images)? {
                    Some(named) => sources.push(Source::Registry(named)),
                    None => others.push(format!(
                        "{path} does not have the image; it has {}",
                        pushed::listed(report.iter())
                    )),
                }
            } else {
                sources.push(Source::Local(Location::parse(context.directory(), text)?));
            }
        }
        if let ([], [first, rest @ ..]) = (&sources[..], &others[..]) {
            let error = Error::from_message(ErrorKind::Usage, first.clone());
            let error = rest.iter().fold(error, |error, line| error.line(line));
            return Err(error.hint("choose one of them with `--image`"));
        }
        others.iter().for_each(|line| context.note(line));
        Ok(sources)
    }
}

/// The transports of places whose images get a manifest when they are read.
const STORES: [&str; 4] = ["docker-daemon:", "podman:", "containers-storage:", "docker-archive:"];

/// Returns the reference of an image in a registry: with the transport, with a digest, or with the host of a name that is
/// not a path.
fn registry_reference(path: &Utf8Path, text: &str) -> Result<Option<RegistryReference>, Error> {
    if let Some(name) = text.strip_prefix("docker://") {
        return name.parse().map(Some).map_err(usage);
    }
    if path.exists() || text.starts_with(['.', '/']) {
        return Ok(None);
    }
    if Algorithm::ALL.iter().any(|algorithm| text.contains(&format!("@{algorithm}:"))) {
        return text.parse().map(Some).map_err(usage);
    }
    Ok(text.parse::<RegistryReference>().ok().filter(|name| name.repository.host().is_some()))
}

/// Fetches legs into a layout, from which the index is verified and pushed.
struct Fetch<'a> {
    context: &'a Context,
    registry: &'a Registry,
    temporary: &'a TemporaryLayout,
    observer: &'a dyn TransferObserver,
}

impl Fetch<'_> {
    fn leg(&self, source: &Source) -> Result<Leg, Error> {
        match source {
            Source::Local(location) => Leg::open(self.context, location),
            Source::Stored(endpoint) => {
                let opened = open(self.context, self.registry, endpoint)?;
                self.copy(opened.content(), &opened.image).map_err(failed)?;
                self.copied(endpoint.to_string(), &opened.image, None)
            }
            Source::Registry(name) => {
                self.context.check_online(name)?;
                let manifest = resolve(self.registry, name)?;
                let root = manifest.descriptor.clone();
                let remote = Remote::new(self.registry, &name.repository).map_err(failed)?;
                let remote = remote.with_manifest(manifest);
                let what = format!("all of {name}");
                self.registry.once_shown(&what, || self.copy(&remote, &root)).map_err(failed)?;
                self.copied(name.to_string(), &root, Some(name.repository.clone()))
            }
        }
    }

    fn copy(&self, content: &dyn ImageContent, root: &Descriptor) -> Result<(), RegistryError> {
        let (store, jobs) = (self.temporary.layout.blobs(), self.registry.settings().jobs);
        copy_into(store, content, root, jobs, self.observer)
    }

    /// Returns an image that was copied into the layout as a leg.
    fn copied(&self, name: String, root: &Descriptor, repository: Option<Repository>) -> Result<Leg, Error> {
        let source = ImageSource::of_layout(&self.temporary.layout, root).map_err(input_output)?;
        let Some(image) = source.images().first().cloned() else {
            return Err(Error::from_message(ErrorKind::InputOutput, format!("`{name}` has no image")));
        };
        Ok(Leg { name, source, image, repository })
    }

    /// Returns a warning for what is about the index of a leg, such as its signature: it is not about another index. With the
    /// digest of the leg's.
    fn about_legs(&self, legs: &[Leg]) -> Result<Vec<(Digest, String)>, Error> {
        let mut warnings = Vec::new();
        for leg in legs.iter().filter(|leg| media_type::is_index(&leg.image.descriptor.media_type)) {
            let Some(repository) = &leg.repository else { continue };
            let index = leg.image.descriptor.digest;
            let about = self.registry.referrers(repository, &index).map_err(failed)?;
            warnings.extend(about.iter().map(|one| {
                let referrer = one.descriptor.digest;
                (index, format!("not about the index: referrer {referrer} of {}", leg.name))
            }));
        }
        Ok(warnings)
    }

    /// Merges the legs and pushes the index if verification accepts it.
    fn push(
        &self,
        demand: &Demand<'_>,
        legs: &[Leg],
        name: &RegistryReference,
    ) -> Result<CreatedIndex, Error> {
        let chosen = demand.choose(legs)?;
        let layout = &self.temporary.layout;
        let (index, mut created) = demand.merge(layout, &chosen, Some(&name.to_string()))?;
        let (attestations, mut warnings) = attestations::of(legs, &chosen, layout)?;
        warnings.append(&mut created.warnings);
        if created.named {
            let mut from: Vec<Repository> = legs.iter().filter_map(|leg| leg.repository.clone()).collect();
            from.dedup();
            let repository = &name.repository;
            self.push_attestations(&attestations, repository, &from)?;
            let mut options = PushOptions::new(name.tag.clone());
            options.mount_from = from;
            created.attached = attestations.iter().map(|one| one.descriptor.digest).collect();
            self.carry_referrers(&chosen, repository, &mut created.attached, &mut warnings)?;
            self.registry
                .push(layout.blobs(), &index, repository, &options, self.observer)
                .map_err(failed)?;
        }
        Ok(CreatedIndex { warnings, ..created })
    }

    /// Copies what is about the images from their repositories.
    fn carry_referrers(
        &self,
        chosen: &[Candidate<'_>],
        to: &Repository,
        attached: &mut Vec<Digest>,
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let content = self.temporary.layout.blobs();
        for Candidate { leg, image, .. } in chosen {
            let Some(from) = leg.repository.as_ref().filter(|from| from.full_name() != to.full_name()) else {
                continue;
            };
            let image = &image.descriptor;
            let mut options = PushOptions::new(None);
            options.mount_from = vec![from.clone()];
            self.registry.push(content, image, to, &options, self.observer).map_err(failed)?;
            let carried = self.registry.copy_referrers_of(content, image, from, to, self.observer);
            let carried = carried.map_err(failed)?;
            attached.extend(carried.referrers);
            let left = carried.left.iter();
            warnings
                .extend(left.map(|(digest, why)| format!("{digest} of {} was left behind: {why}", leg.name)));
        }
        Ok(())
    }

    /// Pushes the attested images, whose index is not there yet, and their attestations.
    fn push_attestations(
        &self,
        attestations: &[Attestation],
        repository: &Repository,
        from: &[Repository],
    ) -> Result<(), Error> {
        let mut options = PushOptions::new(None);
        options.mount_from = from.to_vec();
        let content = self.temporary.layout.blobs();
        for Attestation { subject, descriptor } in attestations {
            for document in [subject, descriptor] {
                let pushed = self.registry.push(content, document, repository, &options, self.observer);
                pushed.map_err(failed)?;
            }
        }
        Ok(())
    }
}
