use std::collections::{BTreeMap, HashMap};

use super::{EntryFault, LookupError, RootLimits};

/// The root's own number.
pub(super) const ROOT: usize = 0;
/// Links that are followed for one path: Linux's limit.
pub(super) const MAX_LINKS: u32 = 40;
/// Parts of the targets of all links that are followed for one path: a link may have 2,000 of them, and a small layer
/// may lead half a million entries through 40 such links.
const MAX_FOLLOWED: usize = 1000;
/// Folders in one another; real images have a few dozen. It also bounds recursion over the tree.
pub(super) const MAX_DEPTH: usize = 1000;
/// What memory an extended attribute takes beside its bytes, roughly.
const XATTR_COST: usize = 128;

/// Nodes by number; folders name them. Several names may mean one node: hard links.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    limits: RootLimits,
    entries: u64,
    metadata: u64,
    /// The last layer that has hidden all that lower ones have in a folder.
    swept: HashMap<usize, u32>,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) layer: u32,
    pub(super) xattrs: Box<[(Vec<u8>, Vec<u8>)]>,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    File { offset: u64, size: u64 },
    Dir(BTreeMap<Box<[u8]>, Name>),
    Symlink(Box<[u8]>),
    CharDevice,
    BlockDevice,
    Fifo,
}

/// A name in a folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    pub(super) node: usize,
    /// The layer that gave the name, which for a hard link may not be the node's.
    pub(super) layer: u32,
}

/// What to do with a link at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    Keep,
}

/// Where a path has led so far.
struct Walk {
    /// The folders from the root, with their names below their parents.
    at: Vec<(Vec<u8>, usize)>,
    /// The parts still to go, the next one last.
    todo: Vec<Vec<u8>>,
    links: u32,
    /// How many parts links have brought.
    followed: usize,
}

impl Walk {
    fn new(path: &[u8]) -> Self {
        let mut walk = Self { at: Vec::new(), todo: Vec::new(), links: 0, followed: 0 };
        walk.push(path);
        walk
    }

    fn push(&mut self, path: &[u8]) {
        let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
        let from = self.todo.len();
        self.todo.extend(parts.map(<[u8]>::to_vec));
        self.todo[from..].reverse();
    }

    fn node(&self) -> usize {
        self.at.last().map_or(ROOT, |(_, node)| *node)
    }

    /// Goes on where a link leads; false when it has been too many, or too far.
    fn follow(&mut self, target: &[u8]) -> bool {
        self.links += 1;
        if target.starts_with(b"/") {
            self.at.clear();
        }
        let before = self.todo.len();
        self.push(target);
        self.followed += self.todo.len() - before;
        self.links <= MAX_LINKS && self.followed <= MAX_FOLLOWED
    }

    fn path(&self) -> Vec<u8> {
        self.at.iter().fold(Vec::new(), |path, (name, _)| join(&path, name))
    }
}

impl Tree {
    pub(super) fn new(limits: RootLimits) -> Self {
        let nodes = vec![Node::implied_dir(0)];
        Self { nodes, limits, entries: 0, metadata: 0, swept: HashMap::new() }
    }

    /// Counts one more entry.
    pub(super) fn count_entry(&mut self) -> Result<(), EntryFault> {
        self.entries += 1;
        let limit = self.limits.entries;
        if self.entries > limit { Err(EntryFault::Entries(limit)) } else { Ok(()) }
    }

    /// Counts bytes that stay in memory.
    pub(super) fn count_metadata(&mut self, bytes: usize) -> Result<(), EntryFault> {
        self.metadata = self.metadata.saturating_add(bytes as u64);
        let limit = self.limits.metadata;
        if self.metadata > limit { Err(EntryFault::Metadata(limit)) } else { Ok(()) }
    }

    pub(super) fn node(&self, number: usize) -> &Node {
        &self.nodes[number]
    }

    pub(super) fn node_mut(&mut self, number: usize) -> &mut Node {
        &mut self.nodes[number]
    }

    pub(super) fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    pub(super) fn child(&self, folder: usize, name: &[u8]) -> Option<Name> {
        match &self.nodes[folder].kind {
            Kind::Dir(children) => children.get(name).copied(),
            _ => None,
        }
    }

    /// Makes a folder that no entry describes.
    fn add_implied_dir(&mut self, folder: usize, name: &[u8], layer: u32) -> Result<Name, EntryFault> {
        self.count_entry()?;
        self.count_metadata(name.len())?;
        let child = Name { node: self.add(Node::implied_dir(layer)), layer };
        self.set_child(folder, name, child);
        Ok(child)
    }

    pub(super) fn set_child(&mut self, folder: usize, name: &[u8], child: Name) {
        if let Kind::Dir(children) = &mut self.nodes[folder].kind {
            children.insert(name.into(), child);
        }
    }

    /// The node at `path` and its real path.
    pub(super) fn resolve(&self, path: &[u8], last: Last) -> Result<(usize, Vec<u8>), LookupError> {
        let mut walk = Walk::new(path);
        // A slash at the end asks for a folder, so that a link there is followed.
        let last = if path.ends_with(b"/") { Last::Follow } else { last };
        while let Some(part) = walk.todo.pop() {
            let folder = walk.node();
            if !matches!(self.nodes[folder].kind, Kind::Dir(_)) {
                return Err(LookupError::NotADir { path: display(&walk.path()) });
            }
            if part == b".." {
                walk.at.pop();
                continue;
            }
            let Some(child) = self.child(folder, &part) else {
                return Err(LookupError::NotFound { path: display(&join(&walk.path(), &part)) });
            };
            match &self.nodes[child.node].kind {
                Kind::Symlink(target) if !(walk.todo.is_empty() && last == Last::Keep) => {
                    if !walk.follow(target) {
                        return Err(LookupError::Loop { path: display(path) });
                    }
                }
                _ => walk.at.push((part, child.node)),
            }
        }
        match self.nodes[walk.node()].kind {
            Kind::Dir(_) => Ok((walk.node(), walk.path())),
            _ if path.ends_with(b"/") => Err(LookupError::NotADir { path: display(&walk.path()) }),
            _ => Ok((walk.node(), walk.path())),
        }
    }

    /// The folder at `path` with missing ones made as parents of something in `layer`, and whether the way led
    /// through a link of a lower layer.
    pub(super) fn make_parents(&mut self, path: &[u8], layer: u32) -> Result<(usize, bool), EntryFault> {
        let mut walk = Walk::new(path);
        let mut through_lower_link = false;
        while let Some(part) = walk.todo.pop() {
            if part == b".." {
                walk.at.pop();
                continue;
            }
            if walk.at.len() >= MAX_DEPTH {
                return Err(EntryFault::Deep);
            }
            let folder = walk.node();
            let child = match self.child(folder, &part) {
                Some(child) => child,
                None => self.add_implied_dir(folder, &part, layer)?,
            };
            match &self.nodes[child.node].kind {
                Kind::Dir(_) => walk.at.push((part, child.node)),
                Kind::Symlink(target) => {
                    through_lower_link |= child.layer < layer;
                    if !walk.follow(target) {
                        return Err(EntryFault::Loop);
                    }
                }
                _ => return Err(EntryFault::ParentNotDir),
            }
        }
        Ok((walk.node(), through_lower_link))
    }

    /// Takes away what layers below `layer` have under `name`, and keeps what this layer has put there.
    pub(super) fn hide(&mut self, folder: usize, name: &[u8], layer: u32) {
        let Some(child) = self.child(folder, name) else { return };
        self.hide_below(child.node, layer);
        let empty = matches!(&self.nodes[child.node].kind, Kind::Dir(children) if children.is_empty());
        let is_dir = matches!(self.nodes[child.node].kind, Kind::Dir(_));
        if child.layer >= layer {
            return;
        }
        if is_dir && !empty {
            // It stays only as the parent of what this layer has put into it.
            let Kind::Dir(children) = std::mem::replace(&mut self.nodes[child.node].kind, Kind::Fifo) else {
                return;
            };
            self.nodes[child.node] = Node { kind: Kind::Dir(children), ..Node::implied_dir(layer) };
            self.set_child(folder, name, Name { node: child.node, layer });
        } else if let Kind::Dir(children) = &mut self.nodes[folder].kind {
            children.remove(name);
        }
    }

    /// As [`hide`](Self::hide), for everything in a folder.
    pub(super) fn hide_below(&mut self, folder: usize, layer: u32) {
        let Kind::Dir(children) = &self.nodes[folder].kind else { return };
        // From then on the folder gets nothing of lower layers, so that a layer goes through it once, however many
        // whiteouts it has.
        if self.swept.insert(folder, layer) == Some(layer) {
            return;
        }
        let names: Vec<_> = children.keys().cloned().collect();
        for name in names {
            self.hide(folder, &name, layer);
        }
    }
}

impl Node {
    /// A folder that no entry describes.
    fn implied_dir(layer: u32) -> Self {
        Self { kind: Kind::Dir(BTreeMap::new()), mode: 0o755, uid: 0, gid: 0, layer, xattrs: Box::default() }
    }

    /// What memory it takes beside that of every node, in bytes.
    pub(super) fn metadata(&self) -> usize {
        let link = if let Kind::Symlink(target) = &self.kind { target.len() } else { 0 };
        let xattr = |(name, value): &(Vec<u8>, Vec<u8>)| name.len() + value.len() + XATTR_COST;
        link + self.xattrs.iter().map(xattr).sum::<usize>()
    }
}

pub(super) fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    [path, b"/", name].concat()
}

/// A path for a person, from the root.
pub(super) fn display(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    if text.starts_with('/') { text.into_owned() } else { format!("/{text}") }
}
