//! Merges an unpacked layer into the root below it, as overlayfs shows directories on each other (the kernel's
//! Documentation/filesystems/overlayfs.rst, § Upper and Lower).

use super::tree::{Kind, ROOT, Tree};

/// A layer unpacked into a directory of its own, as the engines' default storage does: what lower layers have is not seen
/// there, neither as a link on a path nor as the target of a hard link.
#[derive(Debug)]
pub(super) struct Upper {
    /// The node of its root.
    pub(super) root: u32,
    /// The directories without an entry that docker and podman describe differently, with their paths.
    pub(super) described: Vec<(u32, Box<str>)>,
}

impl Tree {
    /// Merges a layer into the root. An opaque root has no meaning: the kernel looks for the mark only below it.
    pub(super) fn merge(&mut self, upper: &Upper) {
        // Pairs of a lower and an upper directory, or only an upper one, of which only whiteouts must be removed.
        let mut todo = vec![(Some(ROOT), upper.root)];
        while let Some((lower, directory)) = todo.pop() {
            let Kind::Dir { listed: mut rest, .. } = self.kind(directory) else { continue };
            while let Some((name, after)) = self.names().split_first(rest) {
                rest = after;
                let node = self.names().node(name);
                let below = lower.and_then(|lower| self.child(lower, self.names().bytes(name)));
                match (self.kind(node), below) {
                    (Kind::Dir { entry, .. }, Some(below)) if self.is_dir(below) && !entry.is_opaque => {
                        if !entry.is_implied {
                            self.describe_like(below, node);
                        }
                        todo.push((Some(below), node));
                    }
                    (Kind::Whiteout, _) => self.hide(name, lower),
                    (kind, _) => {
                        if matches!(kind, Kind::Dir { .. }) {
                            todo.push((None, node));
                        }
                        self.raise(name, lower);
                    }
                }
            }
        }
    }
}
