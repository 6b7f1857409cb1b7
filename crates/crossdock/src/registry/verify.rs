//! Verification of images in registries and engines, and of named ones in layouts and archives.

use camino::Utf8Path;
use crossdock_fs::TemporaryDirectory;
use crossdock_oci::{Layout, RegistryReference};
use crossdock_registry::{Registry, TransferObserver};

use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output};
use crate::subject::{Endpoint, failed, local_image, selector};
use crate::verify::{Scope, Target, Verified, verify_for, verify_image};

/// Verifies an image wherever it is against resolved targets, or against its own platforms if there are none; see
/// [`verify_for`](crate::verify::verify_for).
///
/// # Errors
/// The image does not exist, cannot be fetched or is damaged, or the temporary directory cannot be used.
pub fn verify_subject(
    context: &Context,
    registry: &Registry,
    subject: &Endpoint,
    targets: &[Target],
    scope: Scope,
    observer: &dyn TransferObserver,
) -> Result<Vec<Verified>, Error> {
    if let Endpoint::Registry(reference) = subject {
        return verify(context, registry, reference, targets, scope, observer);
    }
    context.unless_cancelled(|| {
        let local = local_image(context, subject)?;
        let (place, temporary) = (subject.to_string(), context.environment().temporary_directory());
        let name = match &local.stored {
            // The digest of the derived manifest is known to nobody.
            Some(stored) => format!("{place}@{}", stored.id),
            None => format!("{place}@{}", local.image.descriptor.digest),
        };
        let place = Utf8Path::new(&place);
        let verified = verify_image(name, place, &local.source, &local.image, targets, scope, &temporary)?;
        Ok(vec![verified])
    })
}

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
