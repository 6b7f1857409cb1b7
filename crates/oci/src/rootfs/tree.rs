use super::contents::Content;
use super::describe::{self, Description, Descriptions};
use super::names::{Listed, NameId, Names};
use super::{EntryFault, LookupError, MAX_DISPUTES, RootLimits};

/// The number of the root's node.
pub(super) const ROOT: u32 = 0;
/// The number of links that Linux follows for one path (path_resolution(7)). docker and podman leave links to it.
const LINUX_LINKS: usize = 40;
/// The number of links that are followed for the path of an entry. containerd follows them itself, this many in a row
/// (continuity, fs/path.go) and more in other shapes, so that beyond it nothing is known of the entry.
const ENTRY_LINKS: usize = 255;
/// The number of path components that followed links may add to one path. A link target may have 2,000, and a small
/// layer could otherwise lead half a million entries through 40 such links.
const MAX_FOLLOWED: usize = 1000;
/// The largest limit on entries and on bytes of metadata: nodes, names and their places have numbers of 32 bits.
const MAX_NUMBER: u64 = 1 << 29;
/// The length of a name in bytes: Linux's NAME_MAX.
pub(super) const MAX_NAME: usize = 255;
/// The depth of nested directories; real images have a few dozen. It also bounds recursion over the tree.
pub(super) const MAX_DEPTH: usize = 1000;
/// Nodes by number, named by directories. Several names of one node are hard links.
///
/// An image may have hundreds of thousands of entries, and each has a node of 12 bytes, a name of 16 and its place in the
/// index, besides the bytes of its name.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    names: Names,
    descriptions: Descriptions,
    /// The targets of symbolic links, each of at most 4095 bytes after its length in two.
    targets: Vec<u8>,
    limits: RootLimits,
    entries: u64,
    metadata: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The number of its description.
    description: u32,
}

// An image may have hundreds of thousands.
const _: () = assert!(size_of::<Node>() == 12);

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    File(Content),
    Dir {
        listed: Listed,
        entry: DirEntry,
    },
    Symlink(Target),
    CharDevice,
    BlockDevice,
    Fifo,
    /// Hides the entry of its name in lower layers: a character device with the number 0:0, as overlayfs defines it. There
    /// is none after the layer has been merged.
    Whiteout,
}

/// The entry that describes a directory in the layer that is being unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct DirEntry {
    /// Whether no entry describes the directory.
    pub(super) is_implied: bool,
    /// Whether the directory hides what lower layers have in it.
    pub(super) is_opaque: bool,
}

/// The place of a link's target among all targets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target(u32);

/// Whether a link at the end of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    Keep,
}

/// A node that an entry of a layer names: its parent directory, or the target of a hard link.
pub(super) struct Found {
    pub(super) node: u32,
    /// Whether only containerd accepts the entry: the path leads through more links than the kernel follows, or a
    /// directory had to be made for the target of one.
    pub(super) is_disputed: bool,
}

/// The state of resolving a path.
struct Walk {
    /// The directory that the path starts from, which links do not lead out of.
    root: u32,
    /// The directories from the root, with their names.
    at: Vec<(Vec<u8>, u32)>,
    /// The remaining components, the next one last.
    todo: Vec<Vec<u8>>,
    /// The number of links that were followed.
    links: usize,
    max_links: usize,
    /// The links to whose targets some of the remaining components belong, or belonged the last one, with the number of
    /// components that remain after each.
    open: Vec<(u32, usize)>,
    /// The number of components added by links.
    followed: usize,
}

/// The reason why a path leads to no node.
enum Stop {
    NotFound(Vec<u8>),
    NotADir(Vec<u8>),
    Links(LinkFault),
}

/// The reason why a link is not followed.
enum LinkFault {
    /// It is on the way to its own target.
    Endless,
    /// The path leads through more links than the limit, or through ones with too many components.
    TooMany,
}

impl LinkFault {
    /// Returns the fault of an entry. Only an endless loop stops every engine for certain.
    fn of_entry(&self) -> EntryFault {
        match self {
            Self::Endless => EntryFault::Loop,
            Self::TooMany => EntryFault::Links,
        }
    }
}

impl Walk {
    fn new(root: u32, max_links: usize) -> Self {
        let (at, todo, open) = (Vec::new(), Vec::new(), Vec::new());
        Self { root, at, todo, links: 0, max_links, open, followed: 0 }
    }

    fn with_path(mut self, path: &[u8]) -> Self {
        self.push(path);
        self
    }

    fn push(&mut self, path: &[u8]) {
        let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
        let from = self.todo.len();
        self.todo.extend(parts.map(<[u8]>::to_vec));
        self.todo[from..].reverse();
    }

    fn node(&self) -> u32 {
        self.at.last().map_or(self.root, |(_, node)| *node)
    }

    /// Continues at the target of a link, which is the node `link`.
    fn follow(&mut self, link: u32, target: &[u8]) -> Result<(), LinkFault> {
        let remaining = self.todo.len();
        self.open.retain(|(_, after)| *after <= remaining);
        if self.open.iter().any(|(open, _)| *open == link) {
            return Err(LinkFault::Endless);
        }
        self.open.push((link, remaining));
        self.links += 1;
        if target.starts_with(b"/") {
            // An absolute target starts at the root of the image.
            self.at.clear();
        }
        self.push(target);
        self.followed += self.todo.len() - remaining;
        let is_within = self.links <= self.max_links && self.followed <= MAX_FOLLOWED;
        is_within.then_some(()).ok_or(LinkFault::TooMany)
    }

    /// Returns whether the component that was taken last belongs to the target of a link.
    fn is_in_link(&self) -> bool {
        self.open.iter().any(|(_, after)| *after <= self.todo.len())
    }

    /// Returns whether docker and podman refuse an entry at this path: the kernel follows fewer links.
    fn has_many_links(&self) -> bool {
        self.links > LINUX_LINKS
    }

    fn path(&self) -> Vec<u8> {
        self.path_of(&[])
    }

    /// Returns the path of an entry with this name, or of the directory itself for an empty one.
    fn path_of(&self, name: &[u8]) -> Vec<u8> {
        let names = self.at.iter().map(|(name, _)| &name[..]).chain((!name.is_empty()).then_some(name));
        names.flat_map(|name| [b"/", name]).flatten().copied().collect()
    }
}

/// The directory of the lower layers at the path of a [`Walk`] in a layer, found step by step.
struct Below {
    /// `None` if there is none.
    walk: Option<Walk>,
    /// The number of components that were taken over from the layer's walk.
    depth: usize,
}

impl Below {
    fn new() -> Self {
        Self { walk: Some(Walk::new(ROOT, LINUX_LINKS)), depth: 0 }
    }
}

impl Tree {
    pub(super) fn new(mut limits: RootLimits) -> Self {
        limits.entries = limits.entries.min(MAX_NUMBER);
        limits.metadata = limits.metadata.min(MAX_NUMBER);
        let mut tree = Self {
            nodes: Vec::new(),
            names: Names::default(),
            descriptions: Descriptions::default(),
            targets: Vec::new(),
            limits,
            entries: 0,
            metadata: 0,
        };
        tree.add_implied_root(0);
        tree
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

    /// Returns the kind of a node.
    pub(super) fn kind(&self, node: u32) -> Kind {
        self.nodes[node as usize].kind
    }

    /// Returns what a layer says of a node besides its kind.
    pub(super) fn description(&self, node: u32) -> &Description {
        self.descriptions.get(self.nodes[node as usize].description)
    }

    /// Returns the target of a symbolic link.
    pub(super) fn target(&self, Target(start): Target) -> &[u8] {
        let (length, rest) = self.targets[start as usize..].split_at(2);
        &rest[..usize::from(u16::from_le_bytes([length[0], length[1]]))]
    }

    /// Stores the target of a symbolic link, of at most 4095 bytes.
    pub(super) fn add_target(&mut self, target: &[u8]) -> Result<Kind, EntryFault> {
        self.count_metadata(target.len())?;
        // By `MAX_NUMBER`.
        let place = Target(self.targets.len() as u32);
        self.targets.extend_from_slice(&(target.len() as u16).to_le_bytes());
        self.targets.extend_from_slice(target);
        Ok(Kind::Symlink(place))
    }

    /// Adds a node that no directory names yet.
    pub(super) fn add(&mut self, kind: Kind, description: Description) -> Result<u32, EntryFault> {
        let description = self.number(description)?;
        self.nodes.push(Node { kind, description });
        // By `MAX_NUMBER`.
        Ok(self.nodes.len() as u32 - 1)
    }

    /// Adds the root of a layer, which no entry describes.
    pub(super) fn add_implied_root(&mut self, layer: u32) -> u32 {
        let (description, _) = self.descriptions.number(Description::implied(layer));
        self.nodes.push(Node { kind: Kind::IMPLIED, description });
        self.nodes.len() as u32 - 1
    }

    fn number(&mut self, description: Description) -> Result<u32, EntryFault> {
        let (number, is_new) = self.descriptions.number(description);
        self.count_metadata(if is_new { describe::COST } else { 0 })?;
        Ok(number)
    }

    /// Describes a node anew.
    pub(super) fn describe(&mut self, node: u32, description: Description) -> Result<(), EntryFault> {
        self.nodes[node as usize].description = self.number(description)?;
        Ok(())
    }

    /// Gives a node the description of another.
    pub(super) fn describe_like(&mut self, node: u32, like: u32) {
        self.nodes[node as usize].description = self.nodes[like as usize].description;
    }

    pub(super) fn is_dir(&self, node: u32) -> bool {
        matches!(self.kind(node), Kind::Dir { .. })
    }

    /// Returns how the layer describes a directory; `None` for another node.
    pub(super) fn dir_entry(&mut self, node: u32) -> Option<&mut DirEntry> {
        match &mut self.nodes[node as usize].kind {
            Kind::Dir { entry, .. } => Some(entry),
            _ => None,
        }
    }

    pub(super) fn child(&self, directory: u32, name: &[u8]) -> Option<u32> {
        self.names.get(directory, name)
    }

    /// Sets or replaces a name in a directory. A node of another kind is an error, so that no entry is lost silently.
    pub(super) fn set_child(&mut self, directory: u32, name: &[u8], child: u32) -> Result<(), EntryFault> {
        let Kind::Dir { listed, .. } = &mut self.nodes[directory as usize].kind else {
            return Err(EntryFault::ParentNotDir);
        };
        self.names.set(directory, listed, name, child);
        Ok(())
    }

    pub(super) fn remove_child(&mut self, directory: u32, name: &[u8]) {
        self.names.remove(directory, name);
    }

    /// Returns the names of a directory, sorted; none for another node.
    pub(super) fn children(&self, directory: u32) -> Vec<NameId> {
        match self.kind(directory) {
            Kind::Dir { listed, .. } => self.names.sorted(listed),
            _ => Vec::new(),
        }
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Removes the whiteout of this name, and the name in the lower directory if there is one.
    pub(super) fn hide(&mut self, whiteout: NameId, lower: Option<u32>) {
        if let Some(lower) = lower {
            self.names.remove_like(lower, whiteout);
        }
        self.names.remove_id(whiteout);
    }

    /// Moves a name of an upper directory to the lower one, if there is one, where it replaces an equal name.
    pub(super) fn raise(&mut self, name: NameId, lower: Option<u32>) {
        let Some(lower) = lower else { return };
        if let Kind::Dir { listed, .. } = &mut self.nodes[lower as usize].kind {
            self.names.remove_like(lower, name);
            self.names.move_to(name, lower, listed);
        }
    }

    /// Returns the node at `path` and its path with all links resolved.
    pub(super) fn resolve(&self, path: &[u8], last: Last) -> Result<(u32, Vec<u8>), LookupError> {
        let mut walk = Walk::new(ROOT, LINUX_LINKS).with_path(path);
        self.finish(&mut walk, path, last).map_err(|stop| match stop {
            Stop::NotFound(path) => LookupError::NotFound { path: display(&path) },
            Stop::NotADir(path) => LookupError::NotADir { path: display(&path) },
            Stop::Links(_) => LookupError::Loop { path: display(path) },
        })?;
        Ok((walk.node(), walk.path()))
    }

    /// Returns the node at the target `path` of a hard link in the layer with the root `upper`. A link there is the target
    /// itself, as containerd places it (`hardlinkRootPath`) and link(2) does.
    pub(super) fn hard_link_target(&self, upper: u32, path: &[u8]) -> Result<Found, EntryFault> {
        let mut walk = Walk::new(upper, ENTRY_LINKS).with_path(path);
        self.finish(&mut walk, path, Last::Keep).map_err(|stop| match stop {
            Stop::NotFound(_) | Stop::NotADir(_) => EntryFault::LinkMissing,
            Stop::Links(fault) => fault.of_entry(),
        })?;
        Ok(Found { node: walk.node(), is_disputed: walk.has_many_links() })
    }

    /// Walks to the end of `path`, whose components are the remaining ones.
    fn finish(&self, walk: &mut Walk, path: &[u8], last: Last) -> Result<(), Stop> {
        // A trailing slash requires a directory, so that a link there is followed (path_resolution(7)).
        let last = if path.ends_with(b"/") { Last::Follow } else { last };
        while let Some(part) = walk.todo.pop() {
            let directory = walk.node();
            if !self.is_dir(directory) {
                return Err(Stop::NotADir(walk.path()));
            }
            if part == b".." {
                walk.at.pop();
                continue;
            }
            let Some(child) = self.child(directory, &part) else {
                return Err(Stop::NotFound(walk.path_of(&part)));
            };
            match self.kind(child) {
                Kind::Symlink(target) if !(walk.todo.is_empty() && last == Last::Keep) => {
                    walk.follow(child, self.target(target)).map_err(Stop::Links)?;
                }
                _ => walk.at.push((part, child)),
            }
        }
        if path.ends_with(b"/") && !self.is_dir(walk.node()) {
            return Err(Stop::NotADir(walk.path()));
        }
        Ok(())
    }

    /// Returns the directory at `path` below the layer's root `upper`, with missing directories made. `described` collects
    /// those of them that docker and podman describe differently, with their paths.
    pub(super) fn make_parents(
        &mut self,
        upper: u32,
        path: &[u8],
        described: &mut Vec<(u32, Box<str>)>,
    ) -> Result<Found, EntryFault> {
        let mut walk = Walk::new(upper, ENTRY_LINKS).with_path(path);
        let (mut below, mut made_for_link) = (Below::new(), false);
        while let Some(part) = walk.todo.pop() {
            if part == b".." {
                walk.at.pop();
                below = Below::new();
                continue;
            }
            if walk.at.len() >= MAX_DEPTH {
                return Err(EntryFault::Deep);
            }
            // Also of a link's target, which was not checked with the entry's path.
            if part.len() > MAX_NAME {
                return Err(EntryFault::Long);
            }
            let child = match self.child(walk.node(), &part) {
                Some(child) => child,
                None => {
                    // docker and podman refuse an entry below a link whose target its layer lacks.
                    made_for_link |= walk.is_in_link();
                    let child = self.add_implied_dir(&walk, &part, &mut below)?;
                    if described.len() < MAX_DISPUTES && !self.description(child).is_like_implied() {
                        described.push((child, display(&walk.path_of(&part)).into()));
                    }
                    child
                }
            };
            match self.kind(child) {
                Kind::Dir { .. } => walk.at.push((part, child)),
                Kind::Symlink(target) => {
                    let target = self.target(target);
                    walk.follow(child, target).map_err(|fault| fault.of_entry())?;
                    if target.starts_with(b"/") {
                        below = Below::new();
                    }
                }
                _ => return Err(EntryFault::ParentNotDir),
            }
        }
        Ok(Found { node: walk.node(), is_disputed: made_for_link || walk.has_many_links() })
    }

    /// Adds a directory that no entry of the layer describes. As containerd's `mkparent` does, it takes over what the lower
    /// layers say of the directory at this path, also if it is reached through links there.
    fn add_implied_dir(&mut self, walk: &Walk, name: &[u8], below: &mut Below) -> Result<u32, EntryFault> {
        self.count_entry()?;
        self.count_metadata(name.len())?;
        let layer = self.description(walk.root).layer;
        let child = self.add(Kind::IMPLIED, Description::implied(layer))?;
        if let Some(like) = self.directory_below(below, walk, name) {
            self.describe_like(child, like);
        }
        self.set_child(walk.node(), name, child)?;
        Ok(child)
    }

    /// Returns the directory of the lower layers at the path of `name` in a layer. Each component is looked up once:
    /// doing so for all of them at each would take quadratic time.
    fn directory_below(&self, below: &mut Below, walk: &Walk, name: &[u8]) -> Option<u32> {
        let mut lower = below.walk.take()?;
        let names = walk.at[below.depth..].iter().map(|(name, _)| &name[..]).chain([name]);
        names.rev().for_each(|name| lower.todo.push(name.to_vec()));
        below.depth = walk.at.len() + 1;
        self.finish(&mut lower, name, Last::Follow).ok()?;
        let node = lower.node();
        below.walk = Some(lower);
        self.is_dir(node).then_some(node)
    }
}

impl Kind {
    /// An empty directory that an entry describes.
    pub(super) const DIR: Self =
        Self::Dir { listed: Listed::EMPTY, entry: DirEntry { is_implied: false, is_opaque: false } };
    /// An empty directory that no entry describes.
    pub(super) const IMPLIED: Self =
        Self::Dir { listed: Listed::EMPTY, entry: DirEntry { is_implied: true, is_opaque: false } };
}

pub(super) fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    [path, b"/", name].concat()
}

/// Returns a path for messages, from the root; bytes that are not UTF-8 are replaced.
pub(super) fn display(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    if text.starts_with('/') { text.into_owned() } else { format!("/{text}") }
}
