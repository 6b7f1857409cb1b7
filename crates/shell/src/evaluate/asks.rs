//! The questions of a script before it decides, so that an end can be explained.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::outcome::Asked;

/// The most answers that explain one end.
const MOST: usize = 4;

/// The answers of the last condition.
#[derive(Default)]
pub(crate) struct Asks(RefCell<Group>);

#[derive(Default)]
struct Group {
    answers: Vec<Asked>,
    /// The variables that were looked up before the script set them.
    wanted: BTreeSet<String>,
}

impl Asks {
    /// Begins another condition.
    pub(crate) fn begin(&self) {
        self.0.borrow_mut().answers.clear();
    }

    /// Notes an answer that may decide.
    pub(crate) fn add(&self, answer: Asked) {
        let mut group = self.0.borrow_mut();
        if group.answers.len() < MOST && !group.answers.contains(&answer) {
            group.answers.push(answer);
        }
    }

    /// Notes that the script looks a variable up which nobody has set.
    pub(crate) fn want(&self, name: &str) {
        let mut group = self.0.borrow_mut();
        if !group.wanted.contains(name) {
            group.wanted.insert(name.to_owned());
        }
    }

    /// Whether the script looked a variable up before it was set.
    pub(crate) fn is_wanted(&self, name: &str) -> bool {
        self.0.borrow().wanted.contains(name)
    }

    /// Returns the answers of the last condition.
    pub(crate) fn last(&self) -> Vec<Asked> {
        self.0.borrow().answers.clone()
    }
}
