//! Takes an image back from an engine: what each platform's archive holds, under one index in our layout.

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroUsize;

use crossdock_oci::{
    BlobStore, Compression, Descriptor, Digest, Document, ImageManifest, ImageSource, Index, LayerError,
    Layout, SourcePlatform, TarSource, media_type,
};
use crossdock_platform::Platform;

use super::engine::{remove, remove_folder};
use super::image::{about, oci_platform};
use super::{ExecuteError, StepContext, WrongLabel};
use crate::plan::{EnginePlan, ImagePlan};
use crate::report::{ImageReport, PlatformReport};
use crossdock_subjects::parse_platform;

impl StepContext<'_> {
    pub(super) fn import(&self, image: &ImagePlan) -> Result<String, ExecuteError> {
        let Some(engine) = &image.engine else { return Ok(String::new()) };
        let layout = Layout::create(image.layout.as_std_path()).map_err(about(image))?;
        let mut manifests = BTreeMap::new();
        for result in &engine.results {
            let source =
                ImageSource::open(result.archive.as_std_path(), &self.temporary).map_err(about(image))?;
            for asked in &result.platforms {
                let found = labelled(image, engine, &source, asked)?;
                manifests
                    .insert(asked.clone(), self.take_over(image, layout.blobs(), &source, found, asked)?);
            }
        }
        let ordered: Vec<Taken> =
            image.platforms.iter().filter_map(|plan| manifests.remove(&plan.platform)).collect();
        let entries = ordered.iter().map(|taken| taken.manifest.clone()).collect();
        let index = Document::new(Index::new(entries, image.annotations.clone())).map_err(about(image))?;
        let index = Descriptor::new(media_type::INDEX, layout.blobs().put(&index.raw).map_err(about(image))?);
        let platforms = ordered.into_iter().map(|taken| PlatformReport {
            digest: taken.manifest.digest,
            platform: taken.platform,
            size: taken.size,
        });
        let report = ImageReport::new(image, index.digest, platforms.collect());
        let said = self.settle(image, &layout, &index, report)?;
        clear(engine)?;
        Ok(said)
    }

    /// Puts one platform's image into our layout: the engine's own configuration, byte for byte, and its layers, which
    /// are compressed here where the engine left them plain.
    fn take_over(
        &self,
        image: &ImagePlan,
        store: &BlobStore,
        source: &ImageSource,
        found: &SourcePlatform,
        asked: &Platform,
    ) -> Result<Taken, ExecuteError> {
        let config = store.put(&found.config.raw).map_err(about(image))?;
        let config = Descriptor::new(media_type::CONFIG, config);
        let layers = found.manifest.value.layers.iter().zip(&found.config.value.rootfs.diff_ids);
        let layers = layers
            .map(|(layer, diff_id)| self.take_layer(image, store, source, layer, diff_id))
            .collect::<Result<Vec<Descriptor>, _>>()?;
        let size = layers.iter().map(|layer| layer.size).sum::<u64>() + config.size;
        let manifest = Document::new(ImageManifest::new(config, layers, image.annotations.clone()))
            .map_err(about(image))?;
        let manifest = store.put(&manifest.raw).map_err(about(image))?;
        let mut manifest = Descriptor::new(media_type::MANIFEST, manifest);
        manifest.platform = Some(oci_platform(asked));
        Ok(Taken { platform: asked.clone(), manifest, size })
    }

    fn take_layer(
        &self,
        image: &ImagePlan,
        store: &BlobStore,
        source: &ImageSource,
        layer: &Descriptor,
        diff_id: &Digest,
    ) -> Result<Descriptor, ExecuteError> {
        if self.cancel.is_cancelled() {
            return Err(ExecuteError::Cancelled);
        }
        // Only a plain tar has the digest of its content.
        if layer.digest != *diff_id {
            let mut reader = source.blob(&layer.digest).map_err(about(image))?;
            let mut writer = store.writer().map_err(about(image))?;
            std::io::copy(&mut reader, &mut writer).map_err(about(image))?;
            let blob = writer.complete_as(layer.digest).map_err(about(image))?;
            return Ok(Descriptor::new(compressed_type(&layer.media_type), blob));
        }
        let threads = NonZeroUsize::new(self.jobs).unwrap_or(NonZeroUsize::MIN);
        let plain = PlainLayer { source, digest: layer.digest };
        let packed = self.cache.provide(&plain, Compression::Gzip, threads, store).map_err(about(image))?;
        match packed.diff_id == *diff_id {
            true => Ok(packed.descriptor),
            false => Err(about(image)(crossdock_oci::BlobError::Corrupt {
                expected: *diff_id,
                found: packed.diff_id,
            })),
        }
    }
}

/// What was handed over is in the layout now, or in the engine's own store: only what a person may want to read stays.
fn clear(engine: &EnginePlan) -> Result<(), ExecuteError> {
    let archives = engine.results.iter().map(|result| &result.archive);
    let bases = engine.bases.iter().map(|base| &base.archive);
    archives.chain(bases).try_for_each(|archive| remove(archive))?;
    engine.copied.as_ref().map_or(Ok(()), |copied| remove_folder(&copied.to))
}

/// One platform's image in our layout.
struct Taken {
    platform: Platform,
    manifest: Descriptor,
    size: u64,
}

/// A layer in an archive that is a plain tar.
struct PlainLayer<'a> {
    source: &'a ImageSource,
    digest: Digest,
}

impl TarSource for PlainLayer<'_> {
    fn write_tar(&self, out: &mut dyn Write) -> Result<(), LayerError> {
        let mut reader = self.source.blob(&self.digest).map_err(std::io::Error::other)?;
        std::io::copy(&mut reader, out)?;
        Ok(())
    }
}

/// The one image that the engine labels with the platform it was asked for.
fn labelled<'a>(
    image: &ImagePlan,
    engine: &EnginePlan,
    source: &'a ImageSource,
    asked: &Platform,
) -> Result<&'a SourcePlatform, ExecuteError> {
    let all = || source.images().iter().flat_map(|image| &image.platforms);
    // The configuration is what a node reads; the index of an archive only repeats it.
    let label = |found: &SourcePlatform| found.config.value.platform.to_string();
    let is_asked =
        |found: &&SourcePlatform| parse_platform(&found.config.value.platform) == Some(asked.normalized());
    all().find(is_asked).ok_or_else(|| {
        ExecuteError::Labelled(Box::new(WrongLabel {
            image: image.name.clone(),
            builder: engine.builder.clone(),
            asked: asked.clone(),
            found: all().map(label).collect(),
        }))
    })
}

/// Docker's name for a gzip layer as OCI's.
fn compressed_type(media_type: &str) -> &str {
    match media_type {
        media_type::DOCKER_LAYER_GZIP => media_type::LAYER_GZIP,
        other => other,
    }
}
