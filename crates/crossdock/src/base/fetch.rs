//! Fetches the layers of base images for a run.

use std::error::Error as StdError;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crossdock_oci::{Blob, BlobStore};
use crossdock_project::Network;
use crossdock_project::config::BaseImage;
use crossdock_registry::{ImageContent, Remote, Unobserved};
use crossdock_runner::execute::BaseFetcher;
use crossdock_runner::plan::BaseFetch;

use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::registry::{RegistryOptions, registry};
use crate::subject::{Endpoint, failed, local_image};

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
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        Ok(self.run(&base.base, layers, store)?)
    }
}

impl Fetcher {
    fn run(&self, base: &BaseImage, layers: &[Blob], store: &BlobStore) -> Result<(), Error> {
        match base {
            BaseImage::Registry(_) if self.network == Network::Offline => {
                let message = "the cache does not have all of its layers, and the network is forbidden";
                Err(Error::from_message(ErrorKind::Usage, message)
                    .hint("run once with the network, e.g. without `--offline`"))
            }
            BaseImage::Registry(reference) => {
                let registry = registry(&self.context, &self.options)?;
                let remote = Remote::new(&registry, &reference.repository).map_err(failed)?;
                copy(&remote, layers, store, registry.settings().jobs)
            }
            BaseImage::Layout { directory, name, .. } => {
                let from = Endpoint::Layout { directory: directory.clone(), name: name.clone() };
                copy(&local_image(&self.context, &from)?.source, layers, store, 1)
            }
            _ => Err(Error::from_message(ErrorKind::Usage, format!("`{base}` is an unknown kind of base"))),
        }
    }
}

/// Copies blobs into a store, several at the same time. After an error no further one is begun.
fn copy(content: &dyn ImageContent, blobs: &[Blob], store: &BlobStore, jobs: usize) -> Result<(), Error> {
    let (waiting, result) = (Mutex::new(blobs.iter()), Mutex::new(Ok(())));
    thread::scope(|scope| {
        for _ in 0..jobs.min(blobs.len()) {
            scope.spawn(|| {
                while let Some(blob) = waiting.lock().unwrap_or_else(PoisonError::into_inner).next() {
                    if let Err(error) = content.copy_blob(store, blob, &Unobserved) {
                        *waiting.lock().unwrap_or_else(PoisonError::into_inner) = [].iter();
                        *result.lock().unwrap_or_else(PoisonError::into_inner) = Err(failed(error));
                    }
                }
            });
        }
    });
    result.into_inner().unwrap_or_else(PoisonError::into_inner)
}
