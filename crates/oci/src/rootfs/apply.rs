use std::io::BufRead;

use super::contents::Content;
use super::describe::Description;
use super::merge::Upper;
use super::tree::{self, Found, Kind, MAX_NAME};
use super::{Difference, EntryFault, Fault, RootView};
use crate::layer::tar_reader::{TarEntry, TarKind, TarReader};

/// The prefix of the attributes for privileged programs, among them those that control overlayfs.
const TRUSTED: &[u8] = b"trusted.";

/// The prefix of the names of whiteouts (image-spec, layer.md § Whiteouts).
const WHITEOUT: &[u8] = b".wh.";

/// Applies the entries of one layer to a root.
pub(super) struct Applier<'a, 'r> {
    root: &'a mut RootView<'r>,
    upper: Upper,
}

impl<'a, 'r> Applier<'a, 'r> {
    pub(super) fn new(root: &'a mut RootView<'r>) -> Self {
        let upper = Upper { root: root.tree.add_implied_root(root.layers), described: Vec::new() };
        Self { root, upper }
    }

    pub(super) fn apply<R: BufRead>(&mut self, entry: TarEntry, tar: &mut TarReader<R>) -> Result<(), Fault> {
        let path = tree::display(&entry.path);
        let fault = |reason| Fault::Entry { path: path.clone(), reason };
        self.root.tree.count_entry().map_err(fault)?;
        let parts = parts(&entry.path).map_err(fault)?;
        let Some((name, parents)) = parts.split_last() else { return self.own_entry(&entry) };
        let parents = parents.join(&b'/');
        let Upper { root: upper, described } = &mut self.upper;
        let parent = self.root.tree.make_parents(*upper, &parents, described).map_err(fault)?;
        if parent.is_disputed {
            self.root.dispute(&path, Difference::Refused);
        }
        let directory = parent.node;
        // By the name only: engines look for a whiteout before they look at the type.
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            return self.whiteout(directory, hidden, &path).map_err(fault);
        }
        let kind = entry.kind.ok_or(EntryFault::Kind).map_err(fault)?;
        self.root.tree.count_metadata(name.len()).map_err(fault)?;
        let kind = match kind {
            TarKind::HardLink => return self.hard_link(directory, name, &entry, &path),
            TarKind::File => Kind::File(self.content(&entry, tar)?),
            TarKind::Symlink if entry.link.is_empty() => return Err(fault(EntryFault::NoTarget)),
            TarKind::Symlink => self.root.tree.add_target(&entry.link).map_err(fault)?,
            TarKind::CharDevice if entry.device == (0, 0) => Kind::Whiteout,
            TarKind::CharDevice => Kind::CharDevice,
            TarKind::BlockDevice => Kind::BlockDevice,
            TarKind::Fifo => Kind::Fifo,
            TarKind::Dir => Kind::DIR,
        };
        let description = self.description(kind, &entry, &path)?;
        self.place(directory, name, kind, description, &path).map_err(fault)
    }

    /// Keeps an entry of the root itself apart: containerd and overlays ignore it, of whatever type.
    fn own_entry(&mut self, entry: &TarEntry) -> Result<(), Fault> {
        if entry.kind == Some(TarKind::Dir) {
            let description = self.description(Kind::DIR, entry, "/")?;
            let node = self.root.tree.add(Kind::DIR, description);
            let fault = |reason| Fault::Entry { path: "/".to_owned(), reason };
            self.root.own_entry = Some(node.map_err(fault)?);
        }
        Ok(())
    }

    /// Merges the layer into the root.
    pub(super) fn merge(mut self) {
        let tree = &mut self.root.tree;
        // Others have got an entry in the meantime, or were replaced.
        self.upper.described.retain(|(node, _)| tree.dir_entry(*node).is_some_and(|entry| entry.is_implied));
        self.upper.described.sort_unstable_by(|(_, one), (_, other)| one.cmp(other));
        let described = &self.upper.described;
        described.iter().for_each(|(_, path)| self.root.dispute(path, Difference::ImpliedDirectory));
        for link in self.root.tree.merge(&self.upper) {
            self.root.dispute(&tree::display(&link), Difference::LinkReplaced);
        }
    }

    /// Adds the content of a file.
    fn content<R: BufRead>(&mut self, entry: &TarEntry, tar: &mut TarReader<R>) -> Result<Content, Fault> {
        match entry.position {
            Some(offset) => self.root.contents.add(entry, offset, tar),
            None => self.sparse_content(tar),
        }
    }

    /// Stores the content of a sparse file, which is in parts.
    fn sparse_content<R: BufRead>(&mut self, tar: &mut TarReader<R>) -> Result<Content, Fault> {
        let spill = &mut self.root.contents.spill;
        loop {
            spill.add(tar)?;
            match tar.skip_hole()? {
                0 => return Ok(Content::kept(spill.end_piece())),
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

    /// Returns what an entry says of its node, which is of this kind.
    fn description(&mut self, kind: Kind, entry: &TarEntry, path: &str) -> Result<Description, Fault> {
        let has = |prefix: &[u8]| entry.xattrs.iter().any(|(name, _)| name.starts_with(prefix));
        if has(TRUSTED) {
            self.root.dispute(path, Difference::TrustedAttribute);
        }
        if matches!(kind, Kind::Symlink(_)) && has(b"user.") {
            self.root.dispute(path, Difference::RefusedByPodman);
        }
        let kept = entry.xattrs.iter().filter(|(name, _)| is_kept(kind, name));
        let RootView { attributes, contents, layers, .. } = self.root;
        let attributes = attributes.store(&mut contents.spill, kept)?;
        let (uid, gid) = (owner(entry.uid), owner(entry.gid));
        Ok(Description { mode: entry.mode, uid, gid, layer: *layers, attributes })
    }

    /// Puts a node into a directory. A directory over a directory keeps its children; any other node replaces.
    fn place(
        &mut self,
        directory: u32,
        name: &[u8],
        kind: Kind,
        description: Description,
        path: &str,
    ) -> Result<(), EntryFault> {
        let tree = &mut self.root.tree;
        let present = tree.child(directory, name);
        match present {
            Some(present) if matches!(kind, Kind::Dir { .. }) && tree.is_dir(present) => {
                tree.describe(present, description)?;
            }
            _ => {
                let node = tree.add(kind, description)?;
                tree.set_child(directory, name, node)?;
            }
        }
        self.dispute_duplicate(present, path);
        Ok(())
    }

    /// docker and podman refuse two entries of one name in a layer (`duplicates of file paths not supported`). `present` is
    /// what the name had before this entry.
    fn dispute_duplicate(&mut self, present: Option<u32>, path: &str) {
        let Some(present) = present else { return };
        let entry = self.root.tree.dir_entry(present);
        let was_implied = entry.is_some_and(|entry| std::mem::take(&mut entry.is_implied));
        if !was_implied && !matches!(self.root.tree.kind(present), Kind::Whiteout) {
            self.root.dispute(path, Difference::Refused);
        }
    }

    fn hard_link(&mut self, directory: u32, name: &[u8], entry: &TarEntry, path: &str) -> Result<(), Fault> {
        let fault = |reason| Fault::Entry { path: path.to_owned(), reason };
        if entry.link.is_empty() {
            return Err(fault(EntryFault::NoTarget));
        }
        let tree = &mut self.root.tree;
        // Engines remove what is there first, also if it is the link's target.
        let present = tree.child(directory, name);
        tree.remove_child(directory, name);
        let Found { node, is_disputed } =
            tree.hard_link_target(self.upper.root, &entry.link).map_err(fault)?;
        if tree.is_dir(node) {
            return Err(fault(EntryFault::LinkToDir));
        }
        tree.set_child(directory, name, node).map_err(fault)?;
        // The header of the link describes the file anew.
        let described = self.description(self.root.tree.kind(node), entry, path)?;
        let tree = &mut self.root.tree;
        let Description { layer, attributes, .. } = *tree.description(node);
        let attributes = described.attributes.or(attributes);
        tree.describe(node, Description { layer, attributes, ..described }).map_err(fault)?;
        self.dispute_duplicate(present, path);
        if is_disputed {
            self.root.dispute(path, Difference::Refused);
        }
        Ok(())
    }

    /// Applies the whiteout `.wh.<hidden>` in a directory (image-spec, layer.md § Whiteouts).
    fn whiteout(&mut self, directory: u32, hidden: &[u8], path: &str) -> Result<(), EntryFault> {
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(EntryFault::Whiteout);
        }
        if hidden == b".wh..opq" {
            if let Some(entry) = self.root.tree.dir_entry(directory) {
                entry.is_opaque = true;
            }
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
                let node = tree.add(Kind::Whiteout, Description::implied(self.root.layers))?;
                tree.set_child(directory, hidden, node)
            }
        }
    }
}

/// Returns whether an engine sets an attribute: the kernel has no other name spaces, and `user` only for files and
/// directories (xattr(7)). containerd leaves out those of `trusted`.
fn is_kept(kind: Kind, name: &[u8]) -> bool {
    match name.split(|byte| *byte == b'.').next().unwrap_or_default() {
        b"user" => matches!(kind, Kind::File(_) | Kind::Dir { .. }),
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
    let Some((name, parents)) = parts.split_last() else { return Ok(parts) };
    // Engines make no file of a whiteout's own name, which may therefore be longer.
    let name = name.strip_prefix(WHITEOUT).unwrap_or(name);
    if parents.iter().chain([&name]).any(|part| part.len() > MAX_NAME) {
        return Err(EntryFault::Long);
    }
    Ok(parts)
}
