//! Executable files that neither the image starts nor a directory of PATH has: documentation examples, test programs,
//! programs for other machines. What is wrong with them stops nobody, so it is a note.

use super::{ImageFacts, in_image, other, shared, user};
use crate::root::Root;
use crate::{Effect, Finding, Target, codes};

/// The number of files that have a note of their own. One more note counts the others.
const MAX_NOTED: usize = 100;

/// Verifies executable files of an image that are in no directory of PATH and that the image does not start. Of each that
/// would not start, a note tells why; of more than a hundred, one note tells how many more there are.
pub fn verify_elsewhere(
    paths: impl IntoIterator<Item = String>,
    image: &ImageFacts,
    root: &dyn Root,
    target: &Target,
) -> Vec<Finding> {
    let credentials = user::find(image, target, root, &mut Vec::new());
    let environment = shared(&image.env);
    let container = in_image(image, &environment, root, &credentials);
    let mut noted = paths.into_iter().filter_map(|path| {
        let findings = other(&path, target, container);
        let grave = findings.iter().find(|finding| finding.code.effect() == Effect::Fails)?;
        let message = format!(
            "{path} is in no directory of PATH, and would not start ({}): {}",
            grave.code, grave.message
        );
        Some(Finding::new(codes::NOT_ON_PATH, target.name(), &path, message))
    });
    let mut findings: Vec<Finding> = noted.by_ref().take(MAX_NOTED).collect();
    let more = noted.count();
    if more > 0 {
        let message =
            format!("{more} more executable files are in no directory of PATH, and would not start.");
        findings.push(Finding::new(codes::NOT_ON_PATH, target.name(), "", message));
    }
    findings
}
