//! Fetches the layers of base images for a run.

use std::error::Error as StdError;

use crossdock_oci::{Blob, BlobStore};
use crossdock_project::Network;
use crossdock_project::config::BaseImage;
use crossdock_registry::{Remote, Unobserved, copy_blobs};
use crossdock_runner::execute::BaseFetcher;
use crossdock_runner::plan::BaseFetch;

use super::not_cached;
use crate::client::{RegistryOptions, failed, registry};
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
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        Ok(self.run(&base.base, layers, store)?)
    }
}

impl Fetcher {
    fn run(&self, base: &BaseImage, layers: &[Blob], store: &BlobStore) -> Result<(), Error> {
        match base {
            BaseImage::Registry(_) if self.network == Network::Offline => Err(not_cached()),
            BaseImage::Registry(reference) => {
                let registry = registry(&self.context, &self.options)?;
                let remote = Remote::new(&registry, &reference.repository).map_err(failed)?;
                copy_blobs(store, &remote, layers.iter().copied(), registry.settings().jobs, &Unobserved)
                    .map_err(failed)
            }
            BaseImage::Layout { directory, name, .. } => {
                let from = Endpoint::Layout { directory: directory.clone(), name: name.clone() };
                let source = local_image(&self.context, &from)?.source;
                copy_blobs(store, &source, layers.iter().copied(), 1, &Unobserved).map_err(failed)
            }
            _ => Err(Error::from_message(ErrorKind::Usage, format!("`{base}` is an unknown kind of base"))),
        }
    }
}
