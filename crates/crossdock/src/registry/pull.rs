//! Pulling images.

use camino::Utf8Path;
use crossdock_oci::{Digest, RegistryReference};
use crossdock_registry::{Registry, Selector, TransferObserver};

use crate::context::Context;
use crate::destination;
use crate::error::Error;
use crate::subject::failed;

/// Pulls an image into the layout in a directory, which is created if missing, and returns its digest. Every byte is
/// hashed while it is read; the layout lists the image only once it is complete.
///
/// # Errors
/// The image does not exist or cannot be fetched, or the directory is neither a layout nor empty, or the layout of a project.
pub fn pull(
    context: &Context,
    registry: &Registry,
    reference: &RegistryReference,
    directory: &Utf8Path,
    observer: &dyn TransferObserver,
) -> Result<Digest, Error> {
    context.unless_cancelled(|| {
        let path = context.directory().join(directory);
        let selector = Selector::from(reference);
        destination::check(&path)?;
        context.check_online(reference)?;
        // Before the layout is created: most failures are of names that do not exist.
        let manifest = registry.manifest(&reference.repository, &selector).map_err(failed)?;
        let _cleanup = context.cancel.clean_up();
        destination::fill(&path, |layout| {
            let pulled = registry.pull_manifest(&reference.repository, &selector, manifest, layout, observer);
            Ok(pulled.map_err(failed)?.digest)
        })
    })
}
