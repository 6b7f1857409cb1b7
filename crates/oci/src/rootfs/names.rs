//! The names in the directories of a root. An image may have half a million, so that they share one buffer and one index.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// The number of no name.
const NONE: u32 = u32::MAX;

/// The names in all directories of a root, each of which leads to a node.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The bytes of every name after their number.
    bytes: Vec<u8>,
    names: Vec<Name>,
    /// The numbers of the names, by directory and bytes.
    index: HashTable<u32>,
    hasher: RandomState,
}

/// The number of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NameId(u32);

/// The names in one directory, as a list in which removed names remain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed(u32);

#[derive(Debug)]
struct Name {
    directory: u32,
    /// The offset of its bytes.
    start: u32,
    /// `NONE` if the name was removed.
    node: u32,
    /// The next name in the directory.
    next: u32,
}

impl Listed {
    pub(super) const EMPTY: Self = Self(NONE);
}

impl Names {
    /// Returns the node to which a name in a directory leads.
    pub(super) fn get(&self, directory: u32, name: &[u8]) -> Option<u32> {
        self.find(directory, name).map(|found| self.names[found as usize].node)
    }

    /// Sets the node of a name in a directory with these names. A name has at most 255 bytes.
    pub(super) fn set(&mut self, directory: u32, listed: &mut Listed, name: &[u8], node: u32) {
        debug_assert!(name.len() <= 255 && node != NONE);
        if let Some(known) = self.find(directory, name) {
            self.names[known as usize].node = node;
            return;
        }
        // The limits of the tree keep both numbers below 2^32.
        let start = self.bytes.len() as u32;
        self.bytes.push(name.len() as u8);
        self.bytes.extend_from_slice(name);
        self.names.push(Name { directory, start, node, next: listed.0 });
        listed.0 = self.names.len() as u32 - 1;
        self.add_to_index(listed.0);
    }

    /// Removes a name from a directory.
    pub(super) fn remove(&mut self, directory: u32, name: &[u8]) {
        if let Some(known) = self.find(directory, name) {
            self.remove_id(NameId(known));
        }
    }

    /// Removes the name with the bytes of another from a directory.
    pub(super) fn remove_like(&mut self, directory: u32, name: NameId) {
        if let Some(known) = self.find(directory, self.bytes(name)) {
            self.remove_id(NameId(known));
        }
    }

    /// Removes a name.
    pub(super) fn remove_id(&mut self, NameId(name): NameId) {
        self.remove_from_index(name);
        self.names[name as usize].node = NONE;
    }

    /// Moves a name to another directory, which has no such name.
    pub(super) fn move_to(&mut self, NameId(name): NameId, directory: u32, listed: &mut Listed) {
        self.remove_from_index(name);
        let moved = &mut self.names[name as usize];
        (moved.directory, moved.next) = (directory, listed.0);
        listed.0 = name;
        self.add_to_index(name);
    }

    /// Returns the first name of a directory and the others.
    pub(super) fn split_first(&self, listed: Listed) -> Option<(NameId, Listed)> {
        let mut at = listed.0;
        while at != NONE {
            let name = &self.names[at as usize];
            if name.node != NONE {
                return Some((NameId(at), Listed(name.next)));
            }
            at = name.next;
        }
        None
    }

    /// Returns the names of a directory, sorted by their bytes.
    pub(super) fn sorted(&self, mut listed: Listed) -> Vec<NameId> {
        let next = || {
            let (name, rest) = self.split_first(listed)?;
            listed = rest;
            Some(name)
        };
        let mut names: Vec<NameId> = std::iter::from_fn(next).collect();
        names.sort_unstable_by_key(|name| self.bytes(*name));
        names
    }

    /// Returns the bytes of a name.
    pub(super) fn bytes(&self, name: NameId) -> &[u8] {
        self.bytes_at(self.names[name.0 as usize].start)
    }

    /// Returns the node to which a name leads.
    pub(super) fn node(&self, name: NameId) -> u32 {
        self.names[name.0 as usize].node
    }

    fn bytes_at(&self, start: u32) -> &[u8] {
        let start = start as usize + 1;
        &self.bytes[start..start + usize::from(self.bytes[start - 1])]
    }

    fn find(&self, directory: u32, name: &[u8]) -> Option<u32> {
        let is_it = |known: &u32| {
            let known = &self.names[*known as usize];
            known.directory == directory && self.bytes_at(known.start) == name
        };
        self.index.find(self.hasher.hash_one((directory, name)), is_it).copied()
    }

    fn add_to_index(&mut self, name: u32) {
        let hash = |name: &u32| {
            let Name { directory, start, .. } = self.names[*name as usize];
            let start = start as usize + 1;
            let bytes = &self.bytes[start..start + usize::from(self.bytes[start - 1])];
            self.hasher.hash_one((directory, bytes))
        };
        self.index.insert_unique(hash(&name), name, hash);
    }

    fn remove_from_index(&mut self, name: u32) {
        let Name { directory, start, .. } = self.names[name as usize];
        let hash = self.hasher.hash_one((directory, self.bytes_at(start)));
        if let Ok(found) = self.index.find_entry(hash, |known| *known == name) {
            found.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(names: &Names, listed: Listed) -> Vec<(&str, u32)> {
        let name = |name: &NameId| (std::str::from_utf8(names.bytes(*name)).unwrap(), names.node(*name));
        names.sorted(listed).iter().map(name).collect()
    }

    #[test]
    fn names_belong_to_their_directory() {
        let (mut names, mut first, mut second) = (Names::default(), Listed::EMPTY, Listed::EMPTY);
        for (name, node) in [("b", 1), ("a", 2), ("b", 3)] {
            names.set(0, &mut first, name.as_bytes(), node);
        }
        names.set(7, &mut second, b"a", 4);
        assert_eq!((names.get(0, b"a"), names.get(7, b"a"), names.get(7, b"b")), (Some(2), Some(4), None));
        assert_eq!(texts(&names, first), [("a", 2), ("b", 3)]);
        names.remove(0, b"a");
        names.remove(0, b"nowhere");
        names.set(0, &mut first, b"", 5);
        assert_eq!((names.get(0, b"a"), texts(&names, first)), (None, vec![("", 5), ("b", 3)]));
        let (moved, rest) = names.split_first(second).unwrap();
        names.move_to(moved, 0, &mut first);
        assert_eq!((names.get(0, b"a"), names.get(7, b"a"), names.split_first(rest)), (Some(4), None, None));
        assert_eq!(texts(&names, first), [("", 5), ("a", 4), ("b", 3)]);
    }
}
