//! The limits of the search for a program's libraries.

use std::collections::BTreeSet;

use super::LoadContext;
use super::processor::{Processor, SUBDIRECTORIES};

/// The number of directories that are searched for subdirectories of certain processors. With more, it is assumed that
/// there is one.
const MAX_PROBED: usize = 256;

/// The effort that the search for a program's libraries may still cost, and what it met.
#[derive(Debug)]
pub(super) struct Effort {
    /// The number of paths that may still be tried.
    pub(super) paths_left: usize,
    /// The directories that were searched for subdirectories of certain processors; `None` if no node of the target
    /// takes one.
    probed: Option<BTreeSet<String>>,
    depends_on_processor: bool,
}

impl Effort {
    pub(super) fn new(paths_left: usize, context: &LoadContext<'_>) -> Effort {
        let is_needed = !Processor::others(context.target).is_empty();
        Effort { paths_left, probed: is_needed.then(BTreeSet::new), depends_on_processor: false }
    }

    /// Returns whether another processor may get other files.
    pub(super) fn depends_on_processor(&self) -> bool {
        self.depends_on_processor
    }

    /// Records whether another processor may get another file.
    pub(super) fn note(&mut self, depends: bool) {
        self.depends_on_processor |= depends && self.probed.is_some();
    }

    /// Records whether a directory has subdirectories for certain processors.
    pub(super) fn probe(&mut self, context: &LoadContext<'_>, directory: &str) {
        let Some(probed) = &mut self.probed else { return };
        if self.depends_on_processor || probed.contains(directory) {
            return;
        }
        let exists = |name| context.image.resolve(&format!("{directory}/{name}")).is_ok();
        self.depends_on_processor = probed.len() >= MAX_PROBED || SUBDIRECTORIES.iter().any(exists);
        probed.insert(directory.to_owned());
    }
}
