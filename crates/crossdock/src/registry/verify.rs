//! Verification of images in registries.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
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
        let temporary = Temporary::create(context, &digest.hex()[..12])?;
        let layout = Layout::create(temporary.0.as_std_path()).map_err(input_output)?;
        let pinned = crossdock_registry::Selector::Digest(digest);
        registry.pull(repository, &pinned, &layout, observer).map_err(failed)?;
        let mut verified = verify_for(context, &temporary.0, targets, scope)?;
        for image in &mut verified {
            image.name = format!("{repository}@{digest}");
        }
        Ok(verified)
    })
}

/// A directory that is removed with the value.
struct Temporary(Utf8PathBuf);

impl Temporary {
    /// Creates a directory. One that is there already may be anybody's, so it is never used.
    fn create(context: &Context, name: &str) -> Result<Self, Error> {
        let parent = context.environment().temporary_directory();
        let parent = Utf8Path::from_path(&parent).ok_or_else(|| {
            Error::from_message(
                ErrorKind::InputOutput,
                "the temporary directory's path is not UTF-8; set TMPDIR",
            )
        })?;
        let process = std::process::id();
        let mut last = None;
        for number in 0..100 {
            let path = parent.join(format!("crossdock-{process}-{name}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) => last = Some(input_output(error).at(&path)),
            }
        }
        Err(last.unwrap_or_else(|| Error::from_message(ErrorKind::InputOutput, "no temporary directory")))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // The system removes what is left of it.
        let _left = fs::remove_dir_all(&self.0);
    }
}
