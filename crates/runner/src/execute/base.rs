//! Base images that are not built in: their layers in the cache, and what an image inherits of them.

use std::fmt;

use camino::Utf8Path;
use crossdock_oci::{
    Blob, BlobStore, History, Layer, RootLimits, RootView, RuntimeConfig, Timestamp, merge_environment,
};

use super::error::{BaseFetchError, image_error};
use super::observer::Reporter;
use super::{ErrorKind, ExecuteError, StepContext};
use crate::bytes;
use crate::plan::{BaseFetch, BasePlatform, ImagePlan};
use crate::planner::bases::inherited_labels;

/// Brings layers of base images into the cache, from their registry or layout.
pub trait BaseFetcher: fmt::Debug + Send + Sync {
    /// Fetches layers into a store, which holds each only with its own digest. `moved` receives the bytes that are there and
    /// those in total.
    ///
    /// # Errors
    /// If a layer cannot be fetched or stored.
    fn fetch(
        &self,
        base: &BaseFetch,
        layers: &[Blob],
        store: &BlobStore,
        moved: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<(), BaseFetchError>;
}

impl StepContext<'_> {
    /// Fetches the layers of a base that the cache lacks, or that are damaged there.
    pub(super) fn base(&self, fetch: &BaseFetch, reporter: &Reporter<'_>) -> Result<String, ExecuteError> {
        if let Some(directory) = Utf8Path::from_path(self.bases.root()) {
            self.keep_from_pruning(directory)?;
        }
        let blobs = fetch.layers.iter().map(|layer| layer.blob());
        // Before the layers are verified: it may change their stamps.
        fetch.layers.iter().for_each(|layer| self.bases.mark_used(&layer.digest));
        let missing: Vec<Blob> = blobs
            .filter(|blob| !self.bases.has(blob) || self.bases.verify_once(&blob.digest).is_err())
            .collect();
        let size = bytes(fetch.layers.iter().map(|layer| layer.size).sum());
        if missing.is_empty() {
            return Ok(format!("{size}, in the cache"));
        }
        let failed = |source: BaseFetchError| match source.kind {
            ErrorKind::Interrupted => ExecuteError::Cancelled,
            _ => ExecuteError::Base { base: fetch.base.to_string(), source },
        };
        let absent =
            || BaseFetchError { kind: ErrorKind::Program, source: "no client fetches base images".into() };
        let fetcher = self.fetcher.as_ref().ok_or_else(|| failed(absent()))?;
        let moved = |done, total| reporter.moved(done, total);
        fetcher.fetch(fetch, &missing, &self.bases, &moved).map_err(failed)?;
        Ok(match missing.len() == fetch.layers.len() {
            true => size,
            false => {
                let fetched = bytes(missing.iter().map(|blob| blob.size).sum());
                format!("{fetched} of {size}, the rest in the cache")
            }
        })
    }

    /// Puts the layers of a base into a layout, and returns them.
    pub(super) fn base_layers(
        &self,
        image: &ImagePlan,
        base: &BasePlatform,
        store: &BlobStore,
    ) -> Result<Vec<Layer>, ExecuteError> {
        let layer = |layer: &crate::plan::BaseLayer| {
            let descriptor = layer.descriptor.clone();
            store.adopt(&descriptor.digest, &self.bases).map_err(image_error(image))?;
            // Only the digests of a base's layers matter: nobody asks for their uncompressed size.
            Ok(Layer { descriptor, diff_id: layer.diff_id, uncompressed_size: 0 })
        };
        base.layers.iter().map(layer).collect()
    }

    /// Returns the root of a base, from the layers in the cache.
    pub(super) fn base_root(
        &self,
        image: &ImagePlan,
        base: &BasePlatform,
    ) -> Result<RootView<'_>, ExecuteError> {
        let mut root = RootView::new(RootLimits::default(), &self.temporary);
        for layer in &base.layers {
            let source = self.bases.layer(&layer.descriptor.digest, &layer.diff_id);
            root.apply(source).map_err(image_error(image))?;
        }
        Ok(root)
    }
}

/// Returns the settings of a container with those of the base below them.
pub(super) fn above(own: RuntimeConfig, base: &BasePlatform) -> RuntimeConfig {
    let of_base = &base.config.config;
    let inherited = inherited_labels(of_base).map(|(name, value)| (name.clone(), value.clone()));
    RuntimeConfig {
        env: merge_environment(of_base.env.clone(), own.env),
        labels: inherited.chain(own.labels).collect(),
        volumes: of_base.volumes.clone(),
        healthcheck: own.healthcheck.or_else(|| of_base.healthcheck.clone()),
        shell: of_base.shell.clone(),
        ..own
    }
}

/// Returns the history of a base and of the layers above it. A base whose history does not fit its layers gets a plain one:
/// the image's must have an entry for each layer.
pub(super) fn history(base: &BasePlatform, created: Timestamp, own: &[&str]) -> Vec<History> {
    let mut of_base = base.config.history.clone();
    if of_base.iter().filter(|entry| !entry.empty_layer).count() != base.layers.len() {
        let plain = || History { comment: Some("a layer of the base".to_owned()), ..History::default() };
        of_base = base.layers.iter().map(|_| plain()).collect();
    }
    let own = own.iter().map(|what| History {
        created: Some(created.to_string()),
        created_by: Some(format!("crossdock: {what}")),
        ..History::default()
    });
    of_base.into_iter().chain(own).collect()
}
