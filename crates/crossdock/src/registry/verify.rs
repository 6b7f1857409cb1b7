//! Verification of images in registries.

use camino::Utf8Path;
use crossdock_fs::TemporaryDirectory;
use crossdock_oci::{Layout, RegistryReference};
use crossdock_registry::{Registry, TransferObserver};

use super::failed;
use super::pull::selector;
use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output};
use crate::verify::{Scope, Target, Verified, verify_for};

/// Verifies an image in a registry against resolved targets, or against its own platforms if there are none; see
/// [`verify_for`](crate::verify::verify_for). It is pulled into a temporary layout, whose bytes are hashed while they are read.
///
/// # Errors
/// The image cannot be fetched or is damaged, or the temporary directory cannot be used.
pub fn verify(
    context: &Context,
    registry: &Registry,
    reference: &RegistryReference,
    targets: &[Target],
    scope: Scope,
    observer: &dyn TransferObserver,
) -> Result<Vec<Verified>, Error> {
    context.unless_cancelled(|| {
        let repository = &reference.repository;
        let found = registry.manifest(repository, &selector(reference)?).map_err(failed)?;
        let digest = found.descriptor.digest;
        let parent = context.environment().temporary_directory();
        // Dropped after the directory, so that an interrupted process waits for its removal.
        let _cleanup = context.cancel.clean_up();
        let temporary = TemporaryDirectory::create_in(&parent, "crossdock-verify-").map_err(input_output)?;
        let directory = Utf8Path::from_path(temporary.path()).ok_or_else(|| {
            let message = format!("the temporary directory {} is not UTF-8; set TMPDIR", parent.display());
            Error::from_message(ErrorKind::InputOutput, message)
        })?;
        let layout = Layout::create(temporary.path()).map_err(input_output)?;
        let pinned = crossdock_registry::Selector::Digest(digest);
        registry.pull(repository, &pinned, &layout, observer).map_err(failed)?;
        let mut verified = verify_for(context, directory, targets, scope)?;
        for image in &mut verified {
            image.name = format!("{repository}@{digest}");
            image.targets.iter_mut().for_each(|verification| verification.subject.clone_from(&image.name));
        }
        Ok(verified)
    })
}
