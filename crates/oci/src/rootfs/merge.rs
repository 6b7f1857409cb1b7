//! Merges an unpacked layer into the root below it, as overlayfs shows directories on each other (the kernel's
//! Documentation/filesystems/overlayfs.rst, § Upper and Lower).

use super::MAX_DISPUTES;
use super::names::NameId;
use super::tree::{Kind, ROOT, Tree, join};

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
    /// Merges a layer into the root. An opaque root has no meaning: the kernel looks for the mark only below it. Returns the
    /// paths of links that directories without an entry replace.
    pub(super) fn merge(&mut self, upper: &Upper) -> Vec<Vec<u8>> {
        let (mut replaced, mut places) = (Vec::new(), Places::default());
        // Pairs of a lower and an upper directory with their place, or only an upper one, of which only whiteouts must be
        // removed.
        let mut todo = vec![(Some((ROOT, None)), upper.root)];
        while let Some((below, directory)) = todo.pop() {
            let (lower, place) = below.unzip();
            let place = place.flatten();
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
                        todo.push((Some((below, Some(places.add(place, name)))), node));
                    }
                    (Kind::Whiteout, _) => self.hide(name, lower),
                    (kind, below) => {
                        if let Kind::Dir { entry, .. } = kind {
                            let is_link = |below| matches!(self.kind(below), Kind::Symlink(_));
                            if entry.is_implied && below.is_some_and(is_link) && replaced.len() < MAX_DISPUTES
                            {
                                replaced.push(places.path(place, name, self));
                            }
                            todo.push((None, node));
                        }
                        self.raise(name, lower);
                    }
                }
            }
        }
        replaced
    }
}

/// The directories that both a layer and the root have, each with its parent: a path is made only if it is wanted.
#[derive(Default)]
struct Places(Vec<(Option<usize>, NameId)>);

impl Places {
    fn add(&mut self, parent: Option<usize>, name: NameId) -> usize {
        self.0.push((parent, name));
        self.0.len() - 1
    }

    fn path(&self, parent: Option<usize>, name: NameId, tree: &Tree) -> Vec<u8> {
        let parents = std::iter::successors(parent, |place| self.0[*place].0).map(|place| self.0[place].1);
        let mut names: Vec<NameId> = std::iter::once(name).chain(parents).collect();
        names.reverse();
        names.into_iter().fold(Vec::new(), |path, name| join(&path, tree.names().bytes(name)))
    }
}
