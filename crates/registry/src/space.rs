//! The space that an image needs.

use crossdock_oci::{BlobStore, Descriptor};

use crate::error::RegistryError;
use crate::graph::total;
use crate::host::Host;

/// Refuses an image that declares more bytes than the file system of a store has left, before any is fetched. A hostile
/// manifest may declare any number, and a full disk harms other programs.
///
/// # Errors
/// If the blobs that the store does not have are larger than the free space.
pub(crate) fn check_space(
    store: &BlobStore,
    blobs: &[Descriptor],
    host: Option<&Host>,
) -> Result<(), RegistryError> {
    let missing: Vec<Descriptor> = blobs.iter().filter(|blob| !store.has(&blob.blob())).cloned().collect();
    let needed = total(&missing);
    let directory = store.root();
    match crossdock_fs::free_space(directory) {
        Some(free) if needed > free => Err(RegistryError::NoSpace {
            host: host.map(Host::to_string),
            needed,
            free,
            directory: directory.to_owned(),
        }),
        _ => Ok(()),
    }
}
