use std::collections::{BTreeMap, HashMap};

use super::{EntryFault, LookupError, RootLimits};

/// The number of the root's node.
pub(super) const ROOT: usize = 0;
/// The number of links followed for one path: Linux's limit (path_resolution(7)).
pub(super) const MAX_LINKS: u32 = 40;
/// The number of path components that followed links may add to one path. A link target may have 2,000, and a small
/// layer could otherwise lead half a million entries through 40 such links.
const MAX_FOLLOWED: usize = 1000;
/// The depth of nested directories; real images have a few dozen. It also bounds recursion over the tree.
pub(super) const MAX_DEPTH: usize = 1000;
/// The memory that an extended attribute takes besides its bytes, roughly, in bytes.
const XATTR_COST: usize = 128;

/// Nodes by number, named by directories. Several names of one node are hard links.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    limits: RootLimits,
    entries: u64,
    metadata: u64,
    /// For each directory, the last layer that hid everything that lower layers have in it.
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

/// A name in a directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    pub(super) node: usize,
    /// The layer of the name, which for a hard link may differ from the node's.
    pub(super) layer: u32,
}

/// Whether a link at the end of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    Keep,
}

/// The state of resolving a path.
struct Walk {
    /// The directories from the root, with their names.
    at: Vec<(Vec<u8>, usize)>,
    /// The remaining components, the next one last.
    todo: Vec<Vec<u8>>,
    links: u32,
    /// The number of components added by links.
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

    /// Continues at a link's target; returns false if the links are too many or too long.
    fn follow(&mut self, target: &[u8]) -> bool {
        self.links += 1;
        if target.starts_with(b"/") {
            // An absolute target starts at the root of the image.
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

    /// Counts one more entry against the limit.
    pub(super) fn count_entry(&mut self) -> Result<(), EntryFault> {
        self.entries += 1;
        let limit = self.limits.entries;
        if self.entries > limit { Err(EntryFault::Entries(limit)) } else { Ok(()) }
    }

    /// Counts bytes that stay in memory against the limit.
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

    pub(super) fn child(&self, directory: usize, name: &[u8]) -> Option<Name> {
        match &self.nodes[directory].kind {
            Kind::Dir(children) => children.get(name).copied(),
            _ => None,
        }
    }

    /// Adds a directory that no entry describes.
    fn add_implied_dir(&mut self, directory: usize, name: &[u8], layer: u32) -> Result<Name, EntryFault> {
        self.count_entry()?;
        self.count_metadata(name.len())?;
        let child = Name { node: self.add(Node::implied_dir(layer)), layer };
        self.set_child(directory, name, child)?;
        Ok(child)
    }

    /// Sets or replaces a name in a directory. A node of another kind is an error, so that no entry is lost silently.
    pub(super) fn set_child(&mut self, directory: usize, name: &[u8], child: Name) -> Result<(), EntryFault> {
        let Kind::Dir(children) = &mut self.nodes[directory].kind else {
            return Err(EntryFault::ParentNotDir);
        };
        children.insert(name.into(), child);
        Ok(())
    }

    /// Returns the node at `path` and its path with all links resolved.
    pub(super) fn resolve(&self, path: &[u8], last: Last) -> Result<(usize, Vec<u8>), LookupError> {
        let mut walk = Walk::new(path);
        // A trailing slash requires a directory, so that a link there is followed (path_resolution(7)).
        let last = if path.ends_with(b"/") { Last::Follow } else { last };
        while let Some(part) = walk.todo.pop() {
            let directory = walk.node();
            if !matches!(self.nodes[directory].kind, Kind::Dir(_)) {
                return Err(LookupError::NotADir { path: display(&walk.path()) });
            }
            if part == b".." {
                walk.at.pop();
                continue;
            }
            let Some(child) = self.child(directory, &part) else {
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

    /// Returns the directory at `path`, with missing directories created as parents of an entry in `layer`, and whether
    /// the path leads through a link of a lower layer.
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
            let directory = walk.node();
            let child = match self.child(directory, &part) {
                Some(child) => child,
                None => self.add_implied_dir(directory, &part, layer)?,
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

    /// Removes what layers below `layer` have under `name`, and keeps what this layer has put there: a whiteout must
    /// not hide entries of its own layer, in whatever order they come (image-spec, layer.md § Whiteouts).
    pub(super) fn hide(&mut self, directory: usize, name: &[u8], layer: u32) -> Result<(), EntryFault> {
        let Some(child) = self.child(directory, name) else { return Ok(()) };
        self.hide_below(child.node, layer)?;
        if child.layer >= layer {
            return Ok(());
        }
        match &mut self.nodes[child.node].kind {
            Kind::Dir(children) if !children.is_empty() => {
                // The directory remains, but only as the parent of what this layer has put into it.
                let children = std::mem::take(children);
                self.nodes[child.node] = Node { kind: Kind::Dir(children), ..Node::implied_dir(layer) };
                self.set_child(directory, name, Name { node: child.node, layer })?;
            }
            _ => self.remove_child(directory, name),
        }
        Ok(())
    }

    fn remove_child(&mut self, directory: usize, name: &[u8]) {
        if let Kind::Dir(children) = &mut self.nodes[directory].kind {
            children.remove(name);
        }
    }

    /// Removes everything that layers below `layer` have in a directory, as [`hide`](Self::hide) does for one name.
    pub(super) fn hide_below(&mut self, directory: usize, layer: u32) -> Result<(), EntryFault> {
        let Kind::Dir(children) = &self.nodes[directory].kind else { return Ok(()) };
        // Lower layers add nothing any more, so a layer sweeps each directory once, however many whiteouts it has.
        // Without this, n whiteouts over n names would take quadratic time.
        if self.swept.insert(directory, layer) == Some(layer) {
            return Ok(());
        }
        let names: Vec<_> = children.keys().cloned().collect();
        names.iter().try_for_each(|name| self.hide(directory, name, layer))
    }
}

impl Node {
    /// Creates a directory that no entry describes.
    fn implied_dir(layer: u32) -> Self {
        // The mode that Moby gives such directories (`ImpliedDirectoryMode`); no specification names one.
        Self { kind: Kind::Dir(BTreeMap::new()), mode: 0o755, uid: 0, gid: 0, layer, xattrs: Box::default() }
    }

    /// Returns the memory that this node takes besides that of every node, in bytes.
    pub(super) fn metadata(&self) -> usize {
        let link = if let Kind::Symlink(target) = &self.kind { target.len() } else { 0 };
        let xattr = |(name, value): &(Vec<u8>, Vec<u8>)| name.len() + value.len() + XATTR_COST;
        link + self.xattrs.iter().map(xattr).sum::<usize>()
    }
}

pub(super) fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    [path, b"/", name].concat()
}

/// Returns a path for messages, from the root; bytes that are not UTF-8 are replaced.
pub(super) fn display(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    if text.starts_with('/') { text.into_owned() } else { format!("/{text}") }
}
