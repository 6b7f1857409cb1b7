//! Warnings that are not errors.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Warnings of a client, each kept once.
#[derive(Debug, Default)]
pub(crate) struct Notices(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    known: BTreeSet<String>,
    untold: Vec<String>,
}

impl Notices {
    pub(crate) fn warn(&self, text: String) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.known.insert(text.clone()) {
            kept.untold.push(text);
        }
    }

    /// Returns the warnings since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).untold)
    }
}
