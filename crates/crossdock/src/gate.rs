//! The verification that an image must pass before it gets a name.

use crossdock_oci::{Descriptor, ImageSource, Layout};
use crossdock_subjects::{Options, Scope, own_target, unknown_platform};
use crossdock_verify::{Target, Verdict, Verification};

use crate::context::Context;
use crate::error::{Error, ErrorKind, input_output};
use crate::execute::Unproven;

/// The targets of a verification, and the verdicts with which an image passes.
pub(crate) struct Gate<'a> {
    pub(crate) context: &'a Context,
    /// The nodes on which the image must start.
    pub(crate) targets: &'a [Target],
    pub(crate) scope: Scope,
    pub(crate) unproven: Unproven,
}

impl Gate<'_> {
    /// Verifies an image for the targets, and for each of its platforms that none of them names: its name points at all of
    /// them. `subject` is the name of the image in the result.
    ///
    /// # Errors
    /// The image is damaged, or has none for a platform.
    pub(crate) fn verify(
        &self,
        layout: &Layout,
        image: &Descriptor,
        subject: &str,
    ) -> Result<Vec<Verification>, Error> {
        let source = ImageSource::of_layout(layout, image).map_err(input_output)?;
        let temporary = self.context.environment().temporary_directory();
        let mut verifications = Vec::new();
        for image in source.images() {
            let mut targets = self.targets.to_vec();
            for found in &image.platforms {
                let platform = found.platform();
                match own_target(platform) {
                    Some(own) if !targets.iter().any(|target| target.platform() == own.platform()) => {
                        targets.push(own);
                    }
                    Some(_) => {}
                    // A manifest without a platform is verified for the targets.
                    None if platform.is_empty() && !self.targets.is_empty() => {}
                    None => verifications.push(unknown_platform(subject, platform)),
                }
            }
            let options = Options::new(&targets, &temporary).with_scope(self.scope);
            let verified = crossdock_subjects::verify(subject, &source, image, &options);
            verifications.extend(verified.map_err(input_output)?);
        }
        if verifications.is_empty() {
            let message =
                format!("{subject} has no image of a platform: its index is empty, or it is not an image");
            return Err(Error::from_message(ErrorKind::InputOutput, message));
        }
        Ok(verifications)
    }

    /// Returns whether an image with these results may get a name.
    pub(crate) fn accepts(&self, verifications: &[Verification]) -> bool {
        match Verdict::gravest(verifications) {
            Verdict::Fails => false,
            Verdict::Unproven => self.unproven == Unproven::Warn,
            Verdict::Starts => true,
        }
    }
}
