use std::io::Read;

use super::tree::{self, Kind, Last, Name, Node, ROOT};
use super::{EntryFault, Fault, RootView};
use crate::layer::tar_reader::{TarEntry, TarKind, TarReader};

/// Puts the entries of one layer into a root.
pub(super) struct Applier<'a> {
    pub(super) root: &'a mut RootView,
}

impl Applier<'_> {
    pub(super) fn apply<R: Read>(&mut self, entry: TarEntry, tar: &mut TarReader<R>) -> Result<(), Fault> {
        let path = tree::display(&entry.path);
        let fault = |why| Fault::Entry { path: path.clone(), why };
        self.root.tree.count_entry().map_err(fault)?;
        let parts = parts(&entry.path).map_err(fault)?;
        let Some((name, parents)) = parts.split_last() else {
            return self.apply_to_root(&entry).map_err(fault);
        };
        let parents = parents.join(&b'/');
        if let Some(hidden) = name.strip_prefix(b".wh.") {
            return self.whiteout(&parents, hidden).map_err(fault);
        }
        if entry.kind == TarKind::Unknown {
            return Ok(());
        }
        let (folder, disputed) = self.root.tree.make_parents(&parents, self.layer()).map_err(fault)?;
        self.root.tree.count_metadata(name.len()).map_err(fault)?;
        if disputed && self.root.disputed.last() != Some(&path) {
            self.root.tree.count_metadata(path.len()).map_err(fault)?;
            self.root.disputed.push(path.clone());
        }
        if entry.kind == TarKind::HardLink {
            return self.hard_link(folder, name, &entry).map_err(fault);
        }
        let kind = match entry.kind {
            TarKind::File => Kind::File { offset: self.root.spill.add(tar)?, size: entry.size },
            TarKind::Symlink => Kind::Symlink(target(&entry).map_err(fault)?),
            TarKind::CharDevice => Kind::CharDevice,
            TarKind::BlockDevice => Kind::BlockDevice,
            TarKind::Fifo => Kind::Fifo,
            TarKind::Dir | TarKind::HardLink | TarKind::Unknown => Kind::Dir(Default::default()),
        };
        let node = self.node(kind, &entry).map_err(fault)?;
        self.place(folder, name, node);
        Ok(())
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

    /// Gives the node its name. A folder over a folder keeps what is in it; anything else replaces.
    fn place(&mut self, folder: usize, name: &[u8], node: Node) {
        let layer = self.layer();
        let number = match self.root.tree.child(folder, name) {
            Some(present) if is_dir(&node) && is_dir(self.root.tree.node(present.node)) => {
                let old = self.root.tree.node_mut(present.node);
                let children = std::mem::replace(&mut old.kind, Kind::Fifo);
                *old = Node { kind: children, ..node };
                present.node
            }
            _ => self.root.tree.add(node),
        };
        self.root.tree.set_child(folder, name, Name { node: number, layer });
    }

    fn apply_to_root(&mut self, entry: &TarEntry) -> Result<(), EntryFault> {
        if entry.kind != TarKind::Dir {
            return Err(EntryFault::Root);
        }
        let described = self.node(Kind::Fifo, entry)?;
        let root = self.root.tree.node_mut(ROOT);
        (root.mode, root.uid, root.gid, root.xattrs) =
            (described.mode, described.uid, described.gid, described.xattrs);
        Ok(())
    }

    fn hard_link(&mut self, folder: usize, name: &[u8], entry: &TarEntry) -> Result<(), EntryFault> {
        let target = parts(&entry.link)?.join(&b'/');
        if target.is_empty() {
            return Err(EntryFault::NoTarget);
        }
        let (node, _) = self.root.tree.resolve(&target, Last::Keep).map_err(|_| EntryFault::LinkMissing)?;
        if is_dir(self.root.tree.node(node)) {
            return Err(EntryFault::LinkToDir);
        }
        let layer = self.layer();
        self.root.tree.set_child(folder, name, Name { node, layer });
        Ok(())
    }

    /// Applies `.wh.<hidden>` in a folder (image-spec, layer.md § Whiteouts).
    fn whiteout(&mut self, parents: &[u8], hidden: &[u8]) -> Result<(), EntryFault> {
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(EntryFault::Whiteout);
        }
        let layer = self.layer();
        // A whiteout in a folder that no lower layer has hides nothing.
        let folder = match self.root.tree.resolve(parents, Last::Follow) {
            Ok((folder, _)) => folder,
            Err(_) => return Ok(()),
        };
        match hidden {
            b".wh..opq" => self.root.tree.hide_below(folder, layer),
            // AUFS's own notes, which no engine takes for files.
            _ if hidden.starts_with(b".wh.") => {}
            _ => self.root.tree.hide(folder, hidden, layer),
        }
        Ok(())
    }
}

fn is_dir(node: &Node) -> bool {
    matches!(node.kind, Kind::Dir(_))
}

fn target(entry: &TarEntry) -> Result<Box<[u8]>, EntryFault> {
    if entry.link.is_empty() { Err(EntryFault::NoTarget) } else { Ok(entry.link.as_slice().into()) }
}

/// The parts of an entry's path; a slash at its begin means the root as engines take it.
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
