//! Fetches the layers of base images for a run.

use std::sync::{Mutex, PoisonError};

use crossdock_oci::{Blob, BlobStore};
use crossdock_project::Network;
use crossdock_project::config::BaseImage;
use crossdock_registry::{Remote, TransferEvent, TransferObserver, copy_blobs};
use crossdock_runner::execute::{BaseFetchError, BaseFetcher};
use crossdock_runner::plan::BaseFetch;

use super::not_cached;
use crate::client::{RegistryOptions, TransferProgress, failed, registry};
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::subject::{Endpoint, local_image};

/// Fetches layers with the context's credentials.
#[derive(Debug)]
pub(crate) struct Fetcher {
    pub(crate) context: Context,
    pub(crate) options: RegistryOptions,
    pub(crate) network: Network,
}

impl BaseFetcher for Fetcher {
    fn fetch(
        &self,
        base: &BaseFetch,
        layers: &[Blob],
        store: &BlobStore,
        moved: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<(), BaseFetchError> {
        let observer = Counted { moved, progress: Mutex::default() };
        let bytes = layers.iter().map(|layer| layer.size).sum();
        observer.event(TransferEvent::Planned { blobs: layers.len(), bytes });
        let fetched = self.run(&base.base, layers, store, &observer);
        fetched.map_err(|error| BaseFetchError { kind: error.kind(), source: error.into() })
    }
}

/// Tells how many bytes were moved after each event.
struct Counted<'a> {
    moved: &'a (dyn Fn(u64, u64) + Sync),
    progress: Mutex<TransferProgress>,
}

impl TransferObserver for Counted<'_> {
    fn event(&self, event: TransferEvent<'_>) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.add(&event);
        (self.moved)(progress.done(), progress.total());
    }
}

impl Fetcher {
    fn run(
        &self,
        base: &BaseImage,
        layers: &[Blob],
        store: &BlobStore,
        observer: &dyn TransferObserver,
    ) -> Result<(), Error> {
        match base {
            BaseImage::Registry(_) if self.network == Network::Offline && !layers.is_empty() => {
                Err(not_cached(&layers[0].digest, store))
            }
            BaseImage::Registry(reference) => {
                let registry = registry(&self.context, &self.options)?;
                let remote = Remote::new(&registry, &reference.repository).map_err(failed)?;
                let jobs = registry.settings().jobs;
                copy_blobs(store, &remote, layers.iter().copied(), jobs, observer).map_err(failed)
            }
            BaseImage::Layout { directory, name, .. } => {
                let from = Endpoint::Layout { directory: directory.clone(), name: name.clone() };
                let source = local_image(&self.context, &from)?.source;
                copy_blobs(store, &source, layers.iter().copied(), 1, observer).map_err(failed)
            }
            _ => Err(Error::from_message(ErrorKind::Usage, format!("`{base}` is an unknown kind of base"))),
        }
    }
}
