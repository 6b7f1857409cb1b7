//! The owners, permissions and attributes of nodes. Most nodes of an image share a few of them, so each is kept once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io;

use hashbrown::HashTable;

use super::spill::{Piece, Spill};
use crossdock_fs::FileError;

/// The memory that a description takes, roughly, in bytes.
pub(super) const COST: usize = 32;
/// The number of sets of attributes that are recognized, and the length of one. Labels of SELinux are the same for many
/// files, signatures are not.
const KNOWN_SETS: usize = 1024;
const KNOWN_LENGTH: usize = 512;

/// An extended attribute: its name and its value.
pub(crate) type Attribute = (Vec<u8>, Vec<u8>);

/// The attributes that a layer gives a node besides its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Description {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) layer: u32,
    /// The extended attributes; `None` without any.
    pub(super) attributes: Option<Piece>,
}

impl Description {
    /// Describes a directory that has no entry, with the mode that Moby gives it (`ImpliedDirectoryMode`): no
    /// specification names one.
    pub(super) fn implied(layer: u32) -> Self {
        Self { mode: 0o755, uid: 0, gid: 0, layer, attributes: None }
    }

    /// Returns whether docker and podman describe such a directory as they describe every one without an entry.
    pub(super) fn is_like_implied(&self) -> bool {
        Self { layer: 0, ..*self } == Self::implied(0)
    }
}

/// The descriptions of a root, each once.
#[derive(Debug, Default)]
pub(super) struct Descriptions {
    all: Vec<Description>,
    index: HashTable<u32>,
    hasher: RandomState,
}

impl Descriptions {
    /// Returns the number of a description, and whether it is new.
    pub(super) fn number(&mut self, description: Description) -> (u32, bool) {
        let Self { all, index, hasher } = self;
        let hash = hasher.hash_one(description);
        if let Some(known) = index.find(hash, |known| all[*known as usize] == description) {
            return (*known, false);
        }
        all.push(description);
        let number = all.len() as u32 - 1;
        index.insert_unique(hash, number, |known| hasher.hash_one(all[*known as usize]));
        (number, true)
    }

    pub(super) fn get(&self, number: u32) -> &Description {
        &self.all[number as usize]
    }
}

/// Stores sets of extended attributes next to the content of files. A set that many files share is stored once.
#[derive(Debug, Default)]
pub(super) struct AttributeSets {
    known: HashMap<Box<[u8]>, Piece>,
}

impl AttributeSets {
    /// Stores the attributes of a node; `None` without any.
    pub(super) fn store<'a>(
        &mut self,
        spill: &mut Spill,
        attributes: impl Iterator<Item = &'a Attribute>,
    ) -> Result<Option<Piece>, FileError> {
        let mut bytes = Vec::new();
        for part in attributes.flat_map(|(name, value)| [name, value]) {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        if let Some(known) = self.known.get(&bytes[..]) {
            return Ok(Some(*known));
        }
        spill.push(&bytes)?;
        let piece = spill.end_piece();
        if self.known.len() < KNOWN_SETS && bytes.len() <= KNOWN_LENGTH {
            self.known.insert(bytes.into(), piece);
        }
        Ok(Some(piece))
    }
}

/// Returns the attributes that [`AttributeSets::store`] stored.
pub(super) fn attributes(spill: &Spill, piece: Piece) -> io::Result<Vec<Attribute>> {
    let bytes = spill.bytes(piece)?;
    let mut rest = &bytes[..];
    let mut next = || {
        let (length, after) = rest.split_first_chunk()?;
        let (part, after) = after.split_at_checked(u64::from_le_bytes(*length) as usize)?;
        rest = after;
        Some(part.to_vec())
    };
    Ok(std::iter::from_fn(|| Some((next()?, next()?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_descriptions_have_one_number() {
        let mut all = Descriptions::default();
        let numbers: Vec<_> =
            [0, 1, 0].map(|layer| all.number(Description::implied(layer))).into_iter().collect();
        assert_eq!(numbers, [(0, true), (1, true), (0, false)]);
        assert_eq!(all.get(1).layer, 1);
    }

    #[test]
    fn equal_attributes_are_stored_once() {
        let (mut sets, mut spill) = (AttributeSets::default(), Spill::new("/nonexistent".into()));
        let attribute = |name: &str, value: &str| (name.into(), value.into());
        let some = [attribute("security.selinux", "label"), attribute("user.empty", "")];
        let mut store = |attributes: &[Attribute]| sets.store(&mut spill, attributes.iter()).unwrap();
        let (first, second) = (store(&some), store(&some));
        let (other, none) = (store(&some[1..]), store(&[]));
        assert!(first == second && first != other);
        assert_eq!(none, None);
        assert_eq!(attributes(&spill, first.unwrap()).unwrap(), some);
        assert_eq!(attributes(&spill, other.unwrap()).unwrap(), some[1..]);
    }
}
