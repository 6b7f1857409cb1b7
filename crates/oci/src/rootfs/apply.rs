use std::collections::{HashMap, HashSet};
use std::io::Read;

use super::merge::Upper;
use super::tree::{self, Kind, Last, Node};
use super::{Difference, EntryFault, Fault, RootView};
use crate::layer::tar_reader::{TarEntry, TarKind, TarReader};

/// The prefix of the attributes for privileged programs, among them those that control overlayfs.
const TRUSTED: &[u8] = b"trusted.";

/// Applies the entries of one layer to a root.
pub(super) struct Applier<'a> {
    root: &'a mut RootView,
    upper: Upper,
}

impl<'a> Applier<'a> {
    pub(super) fn new(root: &'a mut RootView) -> Self {
        let node = root.tree.add(Node::implied_dir(root.layers));
        let upper = Upper { root: node, opaque: HashSet::new(), implied: HashMap::new() };
        Self { root, upper }
    }

    pub(super) fn apply<R: Read>(&mut self, entry: TarEntry, tar: &mut TarReader<R>) -> Result<(), Fault> {
        let path = tree::display(&entry.path);
        let fault = |reason| Fault::Entry { path: path.clone(), reason };
        self.root.tree.count_entry().map_err(fault)?;
        let parts = parts(&entry.path).map_err(fault)?;
        // Engines ignore an entry of the root itself, of whatever type.
        let Some((name, parents)) = parts.split_last() else { return Ok(()) };
        let parents = parents.join(&b'/');
        let parent =
            self.root.tree.make_parents(self.upper.root, &parents, &mut self.upper.implied).map_err(fault)?;
        if parent.made_for_link {
            self.root.dispute(&path, Difference::Refused);
        }
        let directory = parent.directory;
        // By the name only: engines look for a whiteout before they look at the type.
        if let Some(hidden) = name.strip_prefix(b".wh.") {
            return self.whiteout(directory, hidden, &path).map_err(fault);
        }
        let kind = entry.kind.ok_or(EntryFault::Kind).map_err(fault)?;
        self.root.tree.count_metadata(name.len()).map_err(fault)?;
        let kind = match kind {
            TarKind::HardLink => return self.hard_link(directory, name, &entry, &path).map_err(fault),
            TarKind::File => self.content(tar)?,
            TarKind::Symlink => Kind::Symlink(target(&entry).map_err(fault)?),
            TarKind::CharDevice if entry.device == (0, 0) => Kind::Whiteout,
            TarKind::CharDevice => Kind::CharDevice,
            TarKind::BlockDevice => Kind::BlockDevice,
            TarKind::Fifo => Kind::Fifo,
            TarKind::Dir => Kind::Dir(Default::default()),
        };
        let node = self.node(kind, &entry, &path).map_err(fault)?;
        self.place(directory, name, node, &path).map_err(fault)
    }

    /// Merges the layer into the root.
    pub(super) fn merge(self) -> Result<(), Fault> {
        let fault = |reason| Fault::Entry { path: "/".to_owned(), reason };
        let mut described: Vec<_> = self.upper.implied.values().flatten().collect();
        described.sort_unstable();
        described.iter().for_each(|path| self.root.dispute(path, Difference::ImpliedDirectory));
        self.root.tree.merge(&self.upper).map_err(fault)
    }

    /// Stores the content of a file.
    fn content<R: Read>(&mut self, tar: &mut TarReader<R>) -> Result<Kind, Fault> {
        let spill = &mut self.root.spill;
        let offset = spill.end();
        loop {
            spill.add(tar)?;
            match tar.skip_hole()? {
                0 => return Ok(Kind::File { offset, size: spill.end() - offset }),
                hole => {
                    // A few bytes can claim a hole of any length.
                    let (bytes, limit) = (&mut self.root.bytes, self.root.limits.bytes);
                    *bytes = bytes.saturating_add(hole);
                    if *bytes > limit {
                        return Err(Fault::Bytes(limit));
                    }
                    spill.add_zeros(hole)?;
                }
            }
        }
    }

    fn node(&mut self, kind: Kind, entry: &TarEntry, path: &str) -> Result<Node, EntryFault> {
        if entry.xattrs.iter().any(|(name, _)| name.starts_with(TRUSTED)) {
            self.root.dispute(path, Difference::TrustedAttribute);
        }
        if matches!(kind, Kind::Symlink(_)) && entry.xattrs.iter().any(|(name, _)| name.starts_with(b"user."))
        {
            self.root.dispute(path, Difference::RefusedByPodman);
        }
        let xattrs = entry.xattrs.iter().filter(|(name, _)| is_kept(&kind, name)).cloned().collect();
        let (mode, uid, gid) = (entry.mode, owner(entry.uid), owner(entry.gid));
        let node = Node { kind, mode, uid, gid, layer: self.root.layers, xattrs };
        self.root.tree.count_metadata(node.metadata())?;
        Ok(node)
    }

    /// Puts the node into a directory. A directory over a directory keeps its children; any other node replaces.
    fn place(&mut self, directory: usize, name: &[u8], node: Node, path: &str) -> Result<(), EntryFault> {
        let tree = &mut self.root.tree;
        let present = tree.child(directory, name);
        let is_dir = node.is_dir();
        let number = tree.add(node);
        match present {
            Some(present) if is_dir && tree.node(present).is_dir() => tree.describe(present, number),
            _ => tree.set_child(directory, name, number)?,
        }
        self.dispute_duplicate(present, path);
        Ok(())
    }

    /// docker and podman refuse two entries of one name in a layer (`duplicates of file paths not supported`). `present` is
    /// what the name had before this entry.
    fn dispute_duplicate(&mut self, present: Option<usize>, path: &str) {
        let Some(present) = present else { return };
        let was_implied = self.upper.implied.remove(&present).is_some();
        if !was_implied && !matches!(self.root.tree.node(present).kind, Kind::Whiteout) {
            self.root.dispute(path, Difference::Refused);
        }
    }

    fn hard_link(
        &mut self,
        directory: usize,
        name: &[u8],
        entry: &TarEntry,
        path: &str,
    ) -> Result<(), EntryFault> {
        if entry.link.is_empty() {
            return Err(EntryFault::NoTarget);
        }
        let tree = &mut self.root.tree;
        // Engines remove what is there first, also if it is the link's target.
        let present = tree.child(directory, name);
        tree.remove_child(directory, name);
        // A hard link to a symbolic link names the link itself, as containerd places it (`hardlinkRootPath`) and
        // link(2) does.
        let found = tree.resolve_in(self.upper.root, &entry.link, Last::Keep);
        let (node, _) = found.map_err(|_| EntryFault::LinkMissing)?;
        if tree.node(node).is_dir() {
            return Err(EntryFault::LinkToDir);
        }
        tree.set_child(directory, name, node)?;
        // The header of the link describes the file anew.
        let kind = tree.node(node).kind.clone();
        let described = self.node(kind, entry, path)?;
        let file = self.root.tree.node_mut(node);
        (file.mode, file.uid, file.gid) = (described.mode, described.uid, described.gid);
        if !described.xattrs.is_empty() {
            file.xattrs = described.xattrs;
        }
        self.dispute_duplicate(present, path);
        Ok(())
    }

    /// Applies the whiteout `.wh.<hidden>` in a directory (image-spec, layer.md § Whiteouts).
    fn whiteout(&mut self, directory: usize, hidden: &[u8], path: &str) -> Result<(), EntryFault> {
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(EntryFault::Whiteout);
        }
        if hidden == b".wh..opq" {
            self.upper.opaque.insert(directory);
            return Ok(());
        }
        let tree = &mut self.root.tree;
        match tree.child(directory, hidden) {
            // Without a layer below, containerd removes the entry instead of hiding one.
            Some(_) if self.root.layers == 0 => {
                tree.remove_child(directory, hidden);
                self.root.dispute(path, Difference::Refused);
                Ok(())
            }
            None if self.root.layers == 0 => Ok(()),
            Some(_) => Err(EntryFault::WhiteoutOfOwn),
            None => {
                tree.count_metadata(hidden.len())?;
                let node = tree.add(Node { kind: Kind::Whiteout, ..Node::implied_dir(self.root.layers) });
                tree.set_child(directory, hidden, node)
            }
        }
    }
}

/// Returns whether an engine sets an attribute: the kernel has no other name spaces, and `user` only for files and
/// directories (xattr(7)). containerd leaves out those of `trusted`.
fn is_kept(kind: &Kind, name: &[u8]) -> bool {
    match name.split(|byte| *byte == b'.').next().unwrap_or_default() {
        b"user" => matches!(kind, Kind::File { .. } | Kind::Dir(_)),
        b"security" | b"system" => true,
        _ => false,
    }
}

/// Returns an owner as the system call takes it, with 32 bits. All of them set mean that it stays root (chown(2)).
fn owner(number: u64) -> u32 {
    match number as u32 {
        u32::MAX => 0,
        owner => owner,
    }
}

fn target(entry: &TarEntry) -> Result<Box<[u8]>, EntryFault> {
    if entry.link.is_empty() { Err(EntryFault::NoTarget) } else { Ok(entry.link.as_slice().into()) }
}

/// Splits an entry's path. As in engines, all paths are relative to the root and none leads out of it: `..` there is the
/// root itself, and elsewhere removes the part before it, whatever that is in the layer.
fn parts(path: &[u8]) -> Result<Vec<&[u8]>, EntryFault> {
    let mut parts = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    if parts.iter().any(|part| part.len() > 255) {
        return Err(EntryFault::Long);
    }
    Ok(parts)
}
