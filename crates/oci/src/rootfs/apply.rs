use std::io::Read;

use super::tree::{self, Kind, Last, Name, Node, ROOT};
use super::{EntryFault, Fault, RootView};
use crate::layer::tar_reader::{TarEntry, TarKind, TarReader};

/// Applies the entries of one layer to a root.
pub(super) struct Applier<'a> {
    pub(super) root: &'a mut RootView,
}

impl Applier<'_> {
    pub(super) fn apply<R: Read>(&mut self, entry: TarEntry, tar: &mut TarReader<R>) -> Result<(), Fault> {
        let path = tree::display(&entry.path);
        let fault = |reason| Fault::Entry { path: path.clone(), reason };
        self.root.tree.count_entry().map_err(fault)?;
        let parts = parts(&entry.path).map_err(fault)?;
        let Some((name, parents)) = parts.split_last() else {
            return self.apply_to_root(&entry).map_err(fault);
        };
        let parents = parents.join(&b'/');
        // By the name only: engines look for a whiteout before they look at the type.
        if let Some(hidden) = name.strip_prefix(b".wh.") {
            return self.whiteout(&parents, hidden).map_err(fault);
        }
        let kind = entry.kind.ok_or(EntryFault::Kind).map_err(fault)?;
        let (directory, disputed) = self.root.tree.make_parents(&parents, self.layer()).map_err(fault)?;
        self.root.tree.count_metadata(name.len()).map_err(fault)?;
        if disputed && self.root.disputed.last() != Some(&path) {
            self.root.tree.count_metadata(path.len()).map_err(fault)?;
            self.root.disputed.push(path.clone());
        }
        let kind = match kind {
            TarKind::HardLink => return self.hard_link(directory, name, &entry).map_err(fault),
            TarKind::File => Kind::File { offset: self.root.spill.add(tar)?, size: entry.size },
            TarKind::Symlink => Kind::Symlink(target(&entry).map_err(fault)?),
            TarKind::CharDevice => Kind::CharDevice,
            TarKind::BlockDevice => Kind::BlockDevice,
            TarKind::Fifo => Kind::Fifo,
            TarKind::Dir => Kind::Dir(Default::default()),
        };
        let node = self.node(kind, &entry).map_err(fault)?;
        self.place(directory, name, node).map_err(fault)
    }

    fn layer(&self) -> u32 {
        self.root.layers
    }

    fn node(&mut self, kind: Kind, entry: &TarEntry) -> Result<Node, EntryFault> {
        let owner = |number: u64| u32::try_from(number).map_err(|_| EntryFault::Owner);
        let node = Node {
            kind,
            mode: entry.mode,
            uid: owner(entry.uid)?,
            gid: owner(entry.gid)?,
            layer: self.layer(),
            xattrs: entry.xattrs.clone().into(),
        };
        self.root.tree.count_metadata(node.metadata())?;
        Ok(node)
    }

    /// Puts the node into a directory. A directory over a directory keeps its children; any other node replaces.
    fn place(&mut self, directory: usize, name: &[u8], node: Node) -> Result<(), EntryFault> {
        let layer = self.layer();
        let number = match self.root.tree.child(directory, name) {
            Some(present) if is_dir(&node) && is_dir(self.root.tree.node(present.node)) => {
                let old = self.root.tree.node_mut(present.node);
                // `Fifo` is a placeholder for the moment until the next line.
                let children = std::mem::replace(&mut old.kind, Kind::Fifo);
                *old = Node { kind: children, ..node };
                present.node
            }
            _ => self.root.tree.add(node),
        };
        self.root.tree.set_child(directory, name, Name { node: number, layer })
    }

    fn apply_to_root(&mut self, entry: &TarEntry) -> Result<(), EntryFault> {
        if entry.kind != Some(TarKind::Dir) {
            return Err(EntryFault::Root);
        }
        // Only mode, owner and attributes are taken over, so the kind does not matter.
        let described = self.node(Kind::Fifo, entry)?;
        let root = self.root.tree.node_mut(ROOT);
        (root.mode, root.uid, root.gid, root.xattrs) =
            (described.mode, described.uid, described.gid, described.xattrs);
        Ok(())
    }

    fn hard_link(&mut self, directory: usize, name: &[u8], entry: &TarEntry) -> Result<(), EntryFault> {
        let target = parts(&entry.link)?.join(&b'/');
        if target.is_empty() {
            return Err(EntryFault::NoTarget);
        }
        // A hard link to a symbolic link names the link itself, as containerd places it (`hardlinkRootPath`) and
        // link(2) does.
        let (node, _) = self.root.tree.resolve(&target, Last::Keep).map_err(|_| EntryFault::LinkMissing)?;
        if is_dir(self.root.tree.node(node)) {
            return Err(EntryFault::LinkToDir);
        }
        let layer = self.layer();
        self.root.tree.set_child(directory, name, Name { node, layer })
    }

    /// Applies the whiteout `.wh.<hidden>` in a directory (image-spec, layer.md § Whiteouts).
    fn whiteout(&mut self, parents: &[u8], hidden: &[u8]) -> Result<(), EntryFault> {
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(EntryFault::Whiteout);
        }
        let layer = self.layer();
        // A whiteout in a directory that no lower layer has hides nothing.
        let Ok((directory, _)) = self.root.tree.resolve(parents, Last::Follow) else { return Ok(()) };
        match hidden {
            b".wh..opq" => self.root.tree.hide_below(directory, layer),
            // AUFS metadata (`.wh..wh.plnk`), which engines do not unpack.
            _ if hidden.starts_with(b".wh.") => Ok(()),
            _ => self.root.tree.hide(directory, hidden, layer),
        }
    }
}

fn is_dir(node: &Node) -> bool {
    matches!(node.kind, Kind::Dir(_))
}

fn target(entry: &TarEntry) -> Result<Box<[u8]>, EntryFault> {
    if entry.link.is_empty() { Err(EntryFault::NoTarget) } else { Ok(entry.link.as_slice().into()) }
}

/// Splits an entry's path. As in engines, a leading slash has no meaning: all paths are relative to the root.
fn parts(path: &[u8]) -> Result<Vec<&[u8]>, EntryFault> {
    let parts: Vec<_> =
        path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
    if parts.contains(&&b".."[..]) {
        return Err(EntryFault::DotDot);
    }
    if parts.iter().any(|part| part.len() > 255) {
        return Err(EntryFault::Long);
    }
    Ok(parts)
}
