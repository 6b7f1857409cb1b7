//! Merges an unpacked layer into the root below it, as overlayfs shows directories on each other (the kernel's
//! Documentation/filesystems/overlayfs.rst, § Upper and Lower).

use std::collections::{HashMap, HashSet};

use super::EntryFault;
use super::tree::{Kind, ROOT, Tree};

/// A layer unpacked into a directory of its own, as the engines' default storage does: what lower layers have is not seen
/// there, neither as a link on a path nor as the target of a hard link.
#[derive(Debug)]
pub(super) struct Upper {
    /// The node of its root.
    pub(super) root: usize,
    /// The directories that hide what lower layers have in them.
    pub(super) opaque: HashSet<usize>,
    /// The directories that no entry describes, with the path of the ones that docker and podman describe differently.
    pub(super) implied: HashMap<usize, Option<Box<str>>>,
}

impl Tree {
    /// Merges a layer into the root. An opaque root has no meaning: the kernel looks for the mark only below it.
    pub(super) fn merge(&mut self, upper: &Upper) -> Result<(), EntryFault> {
        // Pairs of a lower and an upper directory, or only an upper one, of which only whiteouts must be removed.
        let mut todo = vec![(Some(ROOT), upper.root)];
        while let Some((lower, directory)) = todo.pop() {
            let into = lower.unwrap_or(directory);
            for (name, node) in self.take_children(directory) {
                let below = lower.and_then(|lower| self.child(lower, &name));
                match &self.node(node).kind {
                    Kind::Whiteout => {
                        self.remove_child(into, &name);
                        continue;
                    }
                    Kind::Dir(_) => match below {
                        Some(below) if self.node(below).is_dir() && !upper.opaque.contains(&node) => {
                            if !upper.implied.contains_key(&node) {
                                self.describe(below, node);
                            }
                            todo.push((Some(below), node));
                            continue;
                        }
                        _ => todo.push((None, node)),
                    },
                    _ => {}
                }
                self.set_child(into, &name, node)?;
            }
        }
        Ok(())
    }
}
