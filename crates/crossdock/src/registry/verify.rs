//! Verification of images in registries and engines, and of named ones in layouts and archives.

use std::collections::BTreeSet;

use camino::Utf8Path;
use crossdock_oci::{Digest, PlatformObject, Pruning, RegistryReference};
use crossdock_registry::{Registry, TransferEvent, TransferObserver, copy_needed_into, platforms};
use crossdock_subjects::{best_platform, parse_platform};

use crate::context::Context;
use crate::error::{Error, input_output};
use crate::subject::{Endpoint, Opened, failed, local_image, open};
use crate::temporary::Place;
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
/// [`verify_for`](crate::verify::verify_for). It is pulled into a temporary layout, whose bytes are hashed while they are
/// read. Only the layers of platforms that a target may pull are fetched, each once.
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
        let opened = open(context, registry, &Endpoint::Registry(reference.clone()))?;
        let digest = opened.image.digest;
        let place = Place::create(context)?;
        let layout = place.layout()?;
        let needed = needed(&opened, targets)?;
        let jobs = registry.settings().jobs;
        copy_needed_into(layout.blobs(), opened.content(), &opened.image, &needed, jobs, observer)
            .map_err(failed)?;
        registry.warnings().iter().for_each(|warning| observer.event(TransferEvent::Warning(warning)));
        let lock = layout.lock().map_err(input_output)?;
        layout.publish(&lock, &opened.image, &[], Pruning::KeepOthers).map_err(input_output)?;
        let mut verified = verify_for(context, &place.join("layout")?, targets, scope)?;
        for image in &mut verified {
            image.name = format!("{}@{digest}", reference.repository);
            image.targets.iter_mut().for_each(|verification| verification.subject.clone_from(&image.name));
        }
        Ok(verified)
    })
}

/// Returns the manifests whose layers a target may pull; those of all platforms without targets.
fn needed(opened: &Opened<'_>, targets: &[Target]) -> Result<BTreeSet<Digest>, Error> {
    let found = platforms(opened.content(), &opened.image).map_err(failed)?;
    let is_needed = |platform: &PlatformObject| {
        // An entry without a platform is pulled where its configuration fits.
        targets.is_empty()
            || platform.is_empty()
            || targets
                .iter()
                .any(|target| best_platform(&target.platform, &[parse_platform(platform)]).is_some())
    };
    let is_only = found.len() == 1;
    let needed = found.into_iter().filter(|found| is_only || is_needed(&found.platform));
    Ok(needed.map(|found| found.descriptor.digest).collect())
}
