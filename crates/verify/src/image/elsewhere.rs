//! Executable files that neither the image starts nor a directory of PATH has: documentation examples, test programs,
//! programs for other machines. What is wrong with them stops nobody, so it is a note.

use super::{ImageFacts, in_image, other, user};
use crate::program::container::Credentials;
use crate::root::{MemoryRoot, Root};
use crate::{Effect, Finding, Target, codes};

impl ImageFacts {
    /// Returns the directories of PATH in the container, in order, as absolute paths.
    pub fn search_path(&self) -> Vec<String> {
        // PATH depends on the environment and the working directory only.
        let (root, user) = (MemoryRoot::new(), Credentials::default());
        let container = in_image(self, &root, &user);
        let directories = container.search_path().into_iter();
        directories.map(|directory| container.seen_from_working_directory(directory)).collect()
    }
}

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
    let container = in_image(image, root, &credentials);
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
