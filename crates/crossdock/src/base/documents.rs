//! Reads the index, the manifests and the configurations of a base image: from the cache, else from where the base is.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use camino::Utf8Path;
use crossdock_oci::{
    Blob, BlobStore, Descriptor, Digest, Document, DocumentError, ImageConfig, ImageManifest, Index,
    PlatformObject, RegistryReference, Repository, media_type,
};
use crossdock_platform::{Platform, matching};
use crossdock_project::Network;
use crossdock_project::config::BaseImage;
use crossdock_registry::{MANIFEST_LIMIT, Registry, Selector, read_config, read_document};
use crossdock_runner::plan::{BaseLayer, BasePlatform, ResolvedBase};
use crossdock_subjects::parse_platform;
use serde::Deserialize;

use super::not_cached;
use crate::client::{RegistryOptions, failed, registry};
use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output};
use crate::subject::{Endpoint, Local, local_image};

/// The documents of base images.
pub(super) struct Documents<'a> {
    context: &'a Context,
    options: &'a RegistryOptions,
    store: BlobStore,
    network: Network,
    registry: OnceCell<Registry>,
}

/// Where a base image is.
enum Place<'a> {
    Registry(&'a Repository),
    Layout(Box<Local>),
}

/// An image for one platform in a base.
struct Entry {
    manifest: Digest,
    size: u64,
    /// The platform of the index; `None` if it names none.
    platform: Option<PlatformObject>,
}

/// The part of a configuration that is lost when an image is assembled on it.
#[derive(Deserialize)]
struct Triggers {
    #[serde(default)]
    config: TriggersOfConfig,
}

#[derive(Deserialize, Default)]
struct TriggersOfConfig {
    #[serde(rename = "OnBuild", default)]
    on_build: Option<Vec<String>>,
}

impl<'a> Documents<'a> {
    pub(super) fn new(
        context: &'a Context,
        options: &'a RegistryOptions,
        store: BlobStore,
        network: Network,
    ) -> Self {
        Self { context, options, store, network, registry: OnceCell::new() }
    }

    /// Returns the digest that a tag has in its registry now.
    pub(super) fn look_up(&self, reference: &RegistryReference) -> Result<Digest, Error> {
        let found = self.registry()?.manifest(&reference.repository, &Selector::from(reference));
        let found = found.map_err(failed)?;
        self.store.put(&found.bytes).map_err(input_output)?;
        Ok(found.descriptor.digest)
    }

    /// Reads a base image of a registry for some platforms.
    pub(super) fn in_registry(
        &self,
        base: &BaseImage,
        reference: &RegistryReference,
        digest: Digest,
        platforms: &BTreeSet<Platform>,
    ) -> Result<ResolvedBase, Error> {
        let place = Place::Registry(&reference.repository);
        let root = self.manifest(&place, digest, 0)?;
        self.resolved(base, &place, digest, root, platforms)
    }

    /// Reads a base image in a layout for some platforms.
    pub(super) fn in_layout(
        &self,
        base: &BaseImage,
        directory: &Utf8Path,
        name: Option<&str>,
        platforms: &BTreeSet<Platform>,
    ) -> Result<ResolvedBase, Error> {
        let from = Endpoint::Layout { directory: directory.to_owned(), name: name.map(str::to_owned) };
        let local = local_image(self.context, &from)?;
        let Descriptor { digest, size, .. } = local.image.descriptor;
        let place = Place::Layout(Box::new(local));
        let root = self.manifest(&place, digest, size)?;
        self.resolved(base, &place, digest, root, platforms)
    }

    fn resolved(
        &self,
        base: &BaseImage,
        place: &Place<'_>,
        digest: Digest,
        root: Vec<u8>,
        platforms: &BTreeSet<Platform>,
    ) -> Result<ResolvedBase, Error> {
        let entries = self.entries(place, digest, root)?;
        let offers: Vec<Platform> = entries.iter().map(|(platform, _)| platform.clone()).collect();
        if let [only] = offers.as_slice() {
            self.context.note(&format!("the base `{base}` has only one platform, {only}"));
        }
        let chosen: BTreeSet<usize> =
            platforms.iter().filter_map(|platform| matching::best_base(platform, &offers)).collect();
        let found = chosen.into_iter().filter_map(|place| entries.get(place));
        let found = found.map(|(platform, entry)| self.platform(place, platform, entry));
        let (platforms, triggers): (Vec<_>, Vec<bool>) =
            found.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        if triggers.contains(&true) {
            self.context.warn(&format!(
                "the base `{base}` has ONBUILD instructions, which only a build from a Dockerfile executes"
            ));
        }
        Ok(ResolvedBase { base: base.clone(), digest, offers, platforms })
    }

    /// Returns the images of a base by their platforms, in the order of its index.
    fn entries(
        &self,
        place: &Place<'_>,
        digest: Digest,
        root: Vec<u8>,
    ) -> Result<Vec<(Platform, Entry)>, Error> {
        let size = root.len() as u64;
        let is_index = serde_json::from_slice::<serde_json::Value>(&root)
            .is_ok_and(|document| document.get("manifests").is_some());
        let listed = if is_index {
            let index: Index = Document::parse(root, "image index").map_err(broken)?.value;
            let is_image = |entry: &Descriptor| {
                media_type::is_manifest(&entry.media_type)
                    && !entry.platform.as_ref().is_some_and(PlatformObject::is_unknown)
            };
            let images = index.manifests.into_iter().filter(is_image);
            let entry = |Descriptor { digest, size, platform, .. }| Entry {
                manifest: digest,
                size,
                platform: platform.filter(|platform| !platform.is_empty()),
            };
            images.map(entry).collect()
        } else {
            vec![Entry { manifest: digest, size, platform: None }]
        };
        let mut entries = Vec::new();
        for entry in listed {
            let object = match &entry.platform {
                Some(platform) => platform.clone(),
                None => self.parts(place, &entry)?.1.value.platform,
            };
            // crossdock builds for no platform whose name it does not know.
            if let Some(platform) = parse_platform(&object) {
                entries.push((platform, entry));
            }
        }
        if entries.is_empty() {
            return Err(unsupported("it has no image for any known platform"));
        }
        Ok(entries)
    }

    /// Returns the image for a platform, and whether it has ONBUILD instructions.
    fn platform(
        &self,
        place: &Place<'_>,
        platform: &Platform,
        entry: &Entry,
    ) -> Result<(BasePlatform, bool), Error> {
        let (manifest, config) = self.parts(place, entry)?;
        let stated = &config.value.platform;
        if let Some(configured) =
            parse_platform(stated).filter(|configured| contradicts(configured, platform))
        {
            let message = format!(
                "its index names {} as {platform}, and the image's configuration says {configured}",
                entry.manifest
            );
            return Err(Error::from_message(ErrorKind::InputOutput, message)
                .hint("such an image does not start on nodes of that platform: take another base"));
        }
        let triggers: Option<Triggers> = serde_json::from_slice(&config.raw).ok();
        let has_triggers =
            triggers.is_some_and(|found| found.config.on_build.is_some_and(|lines| !lines.is_empty()));
        let (layers, diff_ids) = (manifest.layers, &config.value.rootfs.diff_ids);
        if layers.len() != diff_ids.len() {
            let message = format!(
                "the manifest of {platform} has {} layers, and the configuration {}",
                layers.len(),
                diff_ids.len()
            );
            return Err(Error::from_message(ErrorKind::InputOutput, message));
        }
        let layers = layers.into_iter().zip(diff_ids).map(|(descriptor, diff_id)| {
            let media_type = media_type::oci_layer(&descriptor.media_type)
                .ok_or_else(|| unsupported(&format!("it has a layer of type `{}`", descriptor.media_type)))?;
            Ok(BaseLayer { descriptor: Descriptor::new(media_type, descriptor.blob()), diff_id: *diff_id })
        });
        let found = BasePlatform {
            platform: platform.clone(),
            manifest: entry.manifest,
            layers: layers.collect::<Result<_, Error>>()?,
            config: config.value,
        };
        Ok((found, has_triggers))
    }

    /// Returns the manifest and the configuration of an entry.
    fn parts(
        &self,
        place: &Place<'_>,
        entry: &Entry,
    ) -> Result<(ImageManifest, Document<ImageConfig>), Error> {
        let bytes = self.manifest(place, entry.manifest, entry.size)?;
        if bytes.len() as u64 != entry.size {
            let message = format!(
                "its index says that {} has {} bytes, and it has {}",
                entry.manifest,
                entry.size,
                bytes.len()
            );
            return Err(Error::from_message(ErrorKind::InputOutput, message)
                .hint("registries and engines refuse such an index: take another base"));
        }
        let manifest = Document::<ImageManifest>::parse(bytes, "image manifest").map_err(broken)?.value;
        let config = manifest.config.clone();
        let bytes = self.stored(place, &config.digest, || match place {
            Place::Registry(repository) => {
                self.registry()?.document(repository, &config.blob()).map_err(failed)
            }
            Place::Layout(local) => read_config(&local.source, &config).map_err(failed),
        })?;
        let config = Document::<ImageConfig>::parse(bytes, "image configuration").map_err(broken)?;
        Ok((manifest, config))
    }

    /// Reads a manifest or an index.
    fn manifest(&self, place: &Place<'_>, digest: Digest, size: u64) -> Result<Vec<u8>, Error> {
        self.stored(place, &digest, || match place {
            Place::Registry(repository) => {
                let found = self.registry()?.find_manifest(repository, &Selector::Digest(digest));
                let gone = || {
                    let message = format!("its registry does not have {digest} any more");
                    let hint = "if crossdock.lock names it, look the tag up again with `crossdock update`";
                    Error::from_message(ErrorKind::InputOutput, message).hint(hint)
                };
                Ok(found.map_err(failed)?.ok_or_else(gone)?.bytes)
            }
            Place::Layout(local) => {
                let descriptor = Descriptor::new(media_type::MANIFEST, Blob { digest, size });
                read_document(&local.source, &descriptor).map_err(failed)
            }
        })
    }

    /// Returns a document of the cache, which is read and stored first if it is absent or damaged.
    fn stored(
        &self,
        place: &Place<'_>,
        digest: &Digest,
        read: impl FnOnce() -> Result<Vec<u8>, Error>,
    ) -> Result<Vec<u8>, Error> {
        if let Ok(bytes) = self.store.read(digest, MANIFEST_LIMIT) {
            self.store.mark_used(digest);
            return Ok(bytes);
        }
        if self.network == Network::Offline && matches!(place, Place::Registry(_)) {
            return Err(not_cached(digest, &self.store));
        }
        let bytes = read()?;
        self.store.put(&bytes).map_err(input_output)?;
        Ok(bytes)
    }

    /// Returns the client, which is made when it is needed first.
    fn registry(&self) -> Result<&Registry, Error> {
        if self.registry.get().is_none() {
            let client = registry(self.context, self.options)?;
            return Ok(self.registry.get_or_init(|| client));
        }
        self.registry.get().ok_or_else(|| unsupported("the client is missing"))
    }
}

/// Returns whether an image is for another processor or system than its index says. Many configurations leave the variant
/// out.
pub(crate) fn contradicts(configured: &Platform, listed: &Platform) -> bool {
    configured.os() != listed.os()
        || configured.architecture() != listed.architecture()
        || configured.variant().is_some()
            && listed.variant().is_some()
            && configured.variant() != listed.variant()
}

fn broken(error: DocumentError) -> Error {
    input_output(error)
}

fn unsupported(why: &str) -> Error {
    Error::from_message(ErrorKind::InputOutput, format!("{why}, and so cannot be a base"))
}
