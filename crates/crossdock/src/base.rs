//! Base images: their digests in `crossdock.lock`, and their documents and layers in the cache.
//!
//! A base is looked up between the configuration and the plan. Its index is pinned by the lock file, so that the plan, and
//! the image, follow only from the files of the project.

mod documents;
mod fetch;

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use crossdock_oci::{BlobError, BlobStore, Digest, RegistryReference};
use crossdock_platform::{Os, Platform, matching};
use crossdock_project::Network;
use crossdock_project::config::{BaseImage, BaseLock, Config, LOCK_FILE, LockFileError, Source};
use crossdock_runner::plan::ResolvedBase;
use crossdock_runner::planner::{Request, project_platforms};

use crate::cache::base_store;
use crate::client::RegistryOptions;
use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output, usage};
use crate::options::{BuildOptions, Locking};
use documents::Documents;
pub(crate) use documents::contradicts;
pub(crate) use fetch::Fetcher;

/// A base image that [`update`] looked up again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct UpdatedBase {
    /// The reference.
    pub reference: String,
    /// The digest that the lock file had; `None` if it had none.
    pub before: Option<Digest>,
    /// The digest that the registry has.
    pub digest: Digest,
}

/// Options of [`update`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct UpdateOptions {
    /// The references to look up; all if empty.
    pub references: Vec<String>,
    /// The configuration file instead of the nearest `crossdock.toml`; relative to the context's directory.
    pub config: Option<Utf8PathBuf>,
    /// How registries are reached.
    pub registry: RegistryOptions,
}

impl UpdateOptions {
    /// Returns the options that look up every base image.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// Looks up the tags of base images, those of the configuration and those of the lock file, and writes their digests to
/// the lock file.
///
/// # Errors
/// A reference is not a base image of the project, or one cannot be looked up; the lock file is then as it was.
pub fn update(context: &Context, options: &UpdateOptions) -> Result<Vec<UpdatedBase>, Error> {
    context.unless_cancelled(|| {
        let config = context.config(options.config.as_ref())?;
        let mut lock = BaseLock::read(&config.root).map_err(lock_error)?;
        let known = known_bases(&config, &lock)?;
        let unknown = options.references.iter().find(|name| !known.contains_key(*name));
        if let Some(unknown) = unknown {
            let message = format!("this project has no base image `{unknown}`");
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            let hint = match names.is_empty() {
                true => "it has none: `base` of an image names one, e.g. `base = \"alpine:3.22\"`".to_owned(),
                false => format!("its base images are: {}", names.join(", ")),
            };
            return Err(Error::from_message(ErrorKind::Usage, message).hint(hint));
        }
        let is_asked = |name: &String| options.references.is_empty() || options.references.contains(name);
        let mut updated = Vec::new();
        let documents = Documents::new(
            context,
            &options.registry,
            base_store(context)?,
            context.network(Network::Online),
        );
        for (name, known) in known.into_iter().filter(|(name, _)| is_asked(name)) {
            context.check_online(&name)?;
            let at = |error: Error| error.at(format!("{}: the base `{name}`", known.place));
            let digest = documents.look_up(&known.reference).map_err(at)?;
            updated.push(UpdatedBase { before: lock.get(&name), digest, reference: name });
        }
        let changed: BTreeMap<String, Digest> = updated
            .iter()
            .filter(|updated| updated.before != Some(updated.digest))
            .map(|updated| (updated.reference.clone(), updated.digest))
            .collect();
        if !changed.is_empty() {
            lock.update(&changed).map_err(lock_error)?;
        }
        Ok(updated)
    })
}

/// A base image whose digest may change.
struct KnownBase {
    reference: RegistryReference,
    /// The place in the configuration, or the lock file, for errors.
    place: String,
}

/// Returns the base images of a configuration and its lock file whose digests may change, by their names.
fn known_bases(config: &Config, lock: &BaseLock) -> Result<BTreeMap<String, KnownBase>, Error> {
    let mut known = BTreeMap::new();
    for (name, _) in lock.images() {
        let reference = name.parse().map_err(|error| usage(error).at(lock.path()))?;
        known.insert(name.to_owned(), KnownBase { reference, place: lock.path().to_string() });
    }
    for image in &config.images {
        if let Some(base @ BaseImage::Registry(reference)) = image.base.value.image()
            && reference.digest.is_none()
        {
            let (reference, place) = (reference.clone(), image.base.source.to_string());
            known.insert(base.to_string(), KnownBase { reference, place });
        }
    }
    Ok(known)
}

/// Looks up the base images of the images that a request selects. A tag that the lock file does not have is looked up in
/// its registry and added.
pub(crate) fn resolve(
    context: &Context,
    config: &Config,
    request: &Request,
    options: &BuildOptions,
) -> Result<Vec<ResolvedBase>, Error> {
    let wanted = wanted(config, request)?;
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut lock = BaseLock::read(&config.root).map_err(lock_error)?;
    let documents = Documents::new(context, &options.registry, base_store(context)?, request.network);
    let (mut found, mut new) = (Vec::new(), BTreeMap::new());
    for (base, WantedBase { at, platforms }) in wanted {
        let at = |error: Error| error.at(format!("{at}: the base `{base}`"));
        found.push(match &base {
            BaseImage::Registry(reference) => {
                let name = base.to_string();
                let digest = match reference.digest.or_else(|| lock.get(&name)) {
                    Some(digest) => digest,
                    None if options.locking == Locking::Locked => return Err(not_locked(&name, &lock)),
                    None if request.network == Network::Offline => return Err(not_known(&name, &lock)),
                    None => {
                        let digest = documents.look_up(reference).map_err(at)?;
                        new.insert(name.clone(), digest);
                        digest
                    }
                };
                let read = documents.in_registry(&base, reference, digest, &platforms).map_err(at)?;
                // The plan refuses it.
                if platforms.iter().any(|platform| matching::best_base(platform, &read.offers).is_none()) {
                    new.remove(&name);
                }
                read
            }
            BaseImage::Layout { directory, name, .. } => {
                documents.in_layout(&base, directory, name.as_deref(), &platforms).map_err(at)?
            }
            _ => {
                return Err(Error::from_message(
                    ErrorKind::Usage,
                    format!("`{base}` is an unknown kind of base"),
                ));
            }
        });
    }
    if !new.is_empty() && options.locking == Locking::Keep {
        for (name, digest) in &new {
            context.note(&format!(
                "{} does not have `{name}`, which is {digest} now: a build or `crossdock update` adds it",
                lock.path()
            ));
        }
    } else if !new.is_empty() {
        lock.update(&new).map_err(|error| {
            lock_error(error)
                .at(LOCK_FILE)
                .hint("write the file where the project is writable, and commit it")
        })?;
        for (name, digest) in &new {
            context.note(&format!("{} has `{name}` as {digest} from now on", lock.path()));
        }
    }
    Ok(found)
}

/// A base image of selected images.
struct WantedBase {
    /// The first place that names it.
    at: Source,
    /// The platforms that are built on it.
    platforms: BTreeSet<Platform>,
}

/// Returns the base images of the selected images.
fn wanted(config: &Config, request: &Request) -> Result<BTreeMap<BaseImage, WantedBase>, Error> {
    let mut wanted = BTreeMap::<BaseImage, WantedBase>::new();
    let is_selected = |name: &str| {
        request.images.is_empty() || request.images.iter().any(|selected| selected.value == name)
    };
    let images = config.images.iter().filter(|image| is_selected(&image.name.value));
    let images: Vec<_> = images.filter_map(|image| Some((image, image.base.value.image()?))).collect();
    if images.is_empty() {
        return Ok(wanted);
    }
    let platforms = project_platforms(config, request).map_err(usage)?;
    for (image, base) in images {
        let built = platforms.get(&image.path.value).into_iter().flatten();
        let built = built.filter(|platform| platform.os() == Os::Linux).cloned();
        let new = || WantedBase { at: image.base.source.clone(), platforms: BTreeSet::new() };
        wanted.entry(base.clone()).or_insert_with(new).platforms.extend(built);
    }
    Ok(wanted)
}

fn not_locked(name: &str, lock: &BaseLock) -> Error {
    let message =
        format!("{} does not have the base `{name}`, and `--locked` forbids to add it", lock.path());
    Error::from_message(ErrorKind::Usage, message)
        .hint("run `crossdock update`, and commit the file; or omit `--locked`")
}

fn not_known(name: &str, lock: &BaseLock) -> Error {
    let message = format!("{} does not have the base `{name}`, and the network is forbidden", lock.path());
    Error::from_message(ErrorKind::Usage, message)
        .hint("run `crossdock update` with the network, and commit the file")
}

/// Returns the error for a part of a base that the cache lacks, or has damaged, in a run without the network.
fn not_cached(digest: &Digest, store: &BlobStore) -> Error {
    let message = match store.verify(digest) {
        Err(BlobError::Corrupt { .. }) => {
            format!("the cache has {digest} damaged, and the network is forbidden")
        }
        _ => format!("the cache does not have {digest}, and the network is forbidden"),
    };
    Error::from_message(ErrorKind::Usage, message).hint("run once with the network, e.g. without `--offline`")
}

fn lock_error(error: LockFileError) -> Error {
    match error {
        LockFileError::Malformed { .. } => usage(error),
        error => input_output(error),
    }
}
