use std::collections::{BTreeMap, HashMap};

use super::{EntryFault, LookupError, MAX_DISPUTES, RootLimits};

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
    File {
        offset: u64,
        size: u64,
    },
    Dir(BTreeMap<Box<[u8]>, usize>),
    Symlink(Box<[u8]>),
    CharDevice,
    BlockDevice,
    Fifo,
    /// Hides the entry of its name in lower layers: a character device with the number 0:0, as overlayfs defines it. There
    /// is none after the layer has been merged.
    Whiteout,
}

/// Whether a link at the end of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    Keep,
}

/// The parent directory of an entry.
pub(super) struct Parent {
    pub(super) directory: usize,
    /// Whether it is the target of a link and had to be made, as only containerd does.
    pub(super) made_for_link: bool,
}

/// The state of resolving a path.
struct Walk {
    /// The directory that the path starts from, which links do not lead out of.
    root: usize,
    /// The directories from the root, with their names.
    at: Vec<(Vec<u8>, usize)>,
    /// The remaining components, the next one last.
    todo: Vec<Vec<u8>>,
    links: u32,
    /// The number of components added by links.
    followed: usize,
    /// The number of components that remain after those of the last link.
    after_link: usize,
}

impl Walk {
    fn new(root: usize, path: &[u8]) -> Self {
        let (at, todo) = (Vec::new(), Vec::new());
        let mut walk = Self { root, at, todo, links: 0, followed: 0, after_link: usize::MAX };
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
        self.at.last().map_or(self.root, |(_, node)| *node)
    }

    /// Continues at a link's target; returns false if the links are too many or too long.
    fn follow(&mut self, target: &[u8]) -> bool {
        self.links += 1;
        if target.starts_with(b"/") {
            // An absolute target starts at the root of the image.
            self.at.clear();
        }
        self.after_link = self.todo.len();
        self.push(target);
        self.followed += self.todo.len() - self.after_link;
        self.links <= MAX_LINKS && self.followed <= MAX_FOLLOWED
    }

    fn path(&self) -> Vec<u8> {
        self.at.iter().fold(Vec::new(), |path, (name, _)| join(&path, name))
    }
}

impl Tree {
    pub(super) fn new(limits: RootLimits) -> Self {
        let nodes = vec![Node::implied_dir(0)];
        Self { nodes, limits, entries: 0, metadata: 0 }
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

    pub(super) fn child(&self, directory: usize, name: &[u8]) -> Option<usize> {
        match &self.nodes[directory].kind {
            Kind::Dir(children) => children.get(name).copied(),
            _ => None,
        }
    }

    /// Sets or replaces a name in a directory. A node of another kind is an error, so that no entry is lost silently.
    pub(super) fn set_child(
        &mut self,
        directory: usize,
        name: &[u8],
        child: usize,
    ) -> Result<(), EntryFault> {
        let Kind::Dir(children) = &mut self.nodes[directory].kind else {
            return Err(EntryFault::ParentNotDir);
        };
        children.insert(name.into(), child);
        Ok(())
    }

    pub(super) fn remove_child(&mut self, directory: usize, name: &[u8]) {
        if let Kind::Dir(children) = &mut self.nodes[directory].kind {
            children.remove(name);
        }
    }

    /// Removes all names from a directory and returns them.
    pub(super) fn take_children(&mut self, directory: usize) -> BTreeMap<Box<[u8]>, usize> {
        match &mut self.nodes[directory].kind {
            Kind::Dir(children) => std::mem::take(children),
            _ => BTreeMap::new(),
        }
    }

    /// Gives a directory the owner, permissions and attributes of another, but not its names.
    pub(super) fn describe(&mut self, directory: usize, like: usize) {
        let Node { mode, uid, gid, layer, ref xattrs, .. } = self.nodes[like];
        let xattrs = xattrs.clone();
        let node = &mut self.nodes[directory];
        (node.mode, node.uid, node.gid, node.layer, node.xattrs) = (mode, uid, gid, layer, xattrs);
    }

    /// Returns the node at `path` and its path with all links resolved.
    pub(super) fn resolve(&self, path: &[u8], last: Last) -> Result<(usize, Vec<u8>), LookupError> {
        self.resolve_in(ROOT, path, last)
    }

    /// Returns the node at `path` below the directory `root`, which links do not lead out of.
    pub(super) fn resolve_in(
        &self,
        root: usize,
        path: &[u8],
        last: Last,
    ) -> Result<(usize, Vec<u8>), LookupError> {
        let mut walk = Walk::new(root, path);
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
            match &self.nodes[child].kind {
                Kind::Symlink(target) if !(walk.todo.is_empty() && last == Last::Keep) => {
                    if !walk.follow(target) {
                        return Err(LookupError::Loop { path: display(path) });
                    }
                }
                _ => walk.at.push((part, child)),
            }
        }
        match self.nodes[walk.node()].kind {
            Kind::Dir(_) => Ok((walk.node(), walk.path())),
            _ if path.ends_with(b"/") => Err(LookupError::NotADir { path: display(&walk.path()) }),
            _ => Ok((walk.node(), walk.path())),
        }
    }

    /// Returns the directory at `path` below the layer's root `upper`, with missing directories made. `implied` collects
    /// those that no entry describes, with the path of the ones that docker and podman describe differently.
    pub(super) fn make_parents(
        &mut self,
        upper: usize,
        path: &[u8],
        implied: &mut HashMap<usize, Option<Box<str>>>,
    ) -> Result<Parent, EntryFault> {
        let mut walk = Walk::new(upper, path);
        let mut made_for_link = false;
        while let Some(part) = walk.todo.pop() {
            if part == b".." {
                walk.at.pop();
                continue;
            }
            if walk.at.len() >= MAX_DEPTH {
                return Err(EntryFault::Deep);
            }
            let child = match self.child(walk.node(), &part) {
                Some(child) => child,
                None => {
                    made_for_link |= walk.links > 0 && walk.todo.len() >= walk.after_link;
                    let path = join(&walk.path(), &part);
                    let child = self.add_implied_dir(&walk, &part, &path)?;
                    let copied = !self.nodes[child].is_like_implied() && implied.len() < MAX_DISPUTES;
                    implied.insert(child, copied.then(|| display(&path).into()));
                    child
                }
            };
            match &self.nodes[child].kind {
                Kind::Dir(_) => walk.at.push((part, child)),
                Kind::Symlink(target) => {
                    if !walk.follow(target) {
                        return Err(EntryFault::Loop);
                    }
                }
                _ => return Err(EntryFault::ParentNotDir),
            }
        }
        Ok(Parent { directory: walk.node(), made_for_link })
    }

    /// Adds a directory that no entry of the layer describes. As containerd's `mkparent` does, it takes over what the lower
    /// layers say of the directory at this path, also if it is reached through links there.
    fn add_implied_dir(&mut self, walk: &Walk, name: &[u8], path: &[u8]) -> Result<usize, EntryFault> {
        self.count_entry()?;
        self.count_metadata(name.len())?;
        let layer = self.nodes[walk.root].layer;
        let child = self.add(Node::implied_dir(layer));
        if let Ok((like, _)) = self.resolve(path, Last::Follow)
            && matches!(self.nodes[like].kind, Kind::Dir(_))
        {
            self.count_metadata(self.nodes[like].metadata())?;
            self.describe(child, like);
        }
        self.set_child(walk.node(), name, child)?;
        Ok(child)
    }
}

impl Node {
    /// Creates a directory that no entry describes.
    pub(super) fn implied_dir(layer: u32) -> Self {
        // The mode that Moby gives such directories (`ImpliedDirectoryMode`); no specification names one.
        Self { kind: Kind::Dir(BTreeMap::new()), mode: 0o755, uid: 0, gid: 0, layer, xattrs: Box::default() }
    }

    /// Returns whether docker and podman describe such a directory as they describe every one without an entry.
    pub(super) fn is_like_implied(&self) -> bool {
        (self.mode, self.uid, self.gid) == (0o755, 0, 0) && self.xattrs.is_empty()
    }

    pub(super) fn is_dir(&self) -> bool {
        matches!(self.kind, Kind::Dir(_))
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
