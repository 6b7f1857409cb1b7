//! The symbols that files need, whose names are kept once for all files of a program.

use std::collections::HashSet;
use std::rc::Rc;

/// The memory of a name and of its place in the set, in addition to its bytes.
const COST_OF_A_NAME: usize = 64;
/// The memory of a reference or of a definition of a known name.
const COST_OF_A_USE: usize = 24;

/// A symbol that another file must define.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    pub(crate) name: Rc<str>,
    /// The version word of the symbol; 0 without a version table.
    pub(super) word: u16,
    /// Whether the program has a copy of the data, so that its own symbol does not count (`R_*_COPY`).
    pub(crate) is_copied: bool,
}

/// The names of all references of a program and its libraries.
#[derive(Debug)]
pub(crate) struct WantedNames {
    names: HashSet<Rc<str>>,
    /// The memory in bytes that names and their uses may still take; 0 if that was exceeded.
    left: usize,
}

impl WantedNames {
    /// Creates an empty set, which takes at most this many bytes of memory, uses included.
    pub(crate) fn new(bytes: usize) -> WantedNames {
        WantedNames { names: HashSet::new(), left: bytes }
    }

    /// Returns whether the memory was exceeded. Then names are missing.
    pub(super) fn is_full(&self) -> bool {
        self.left == 0
    }

    /// Adds a name with one more use; `None` if the memory is exceeded.
    pub(super) fn add(&mut self, name: &str) -> Option<Rc<str>> {
        if let Some(known) = self.known(name) {
            return self.take(COST_OF_A_USE).map(|()| known);
        }
        self.take(name.len() + COST_OF_A_NAME + COST_OF_A_USE)?;
        let name: Rc<str> = name.into();
        self.names.insert(Rc::clone(&name));
        Some(name)
    }

    /// Returns a name of the set; `None` if nothing wants it.
    pub(super) fn known(&self, name: &str) -> Option<Rc<str>> {
        self.names.get(name).cloned()
    }

    /// Counts the memory of a definition; `None` if the memory is exceeded.
    pub(super) fn count_definition(&mut self) -> Option<()> {
        self.take(COST_OF_A_USE)
    }

    fn take(&mut self, bytes: usize) -> Option<()> {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(0);
        left.map(drop)
    }
}

/// The symbols of relocations, by their index. A hostile file has millions of relocations, so that they are bits.
#[derive(Debug, Default)]
pub(super) struct Relocations {
    plain: Bits,
    copies: Bits,
}

impl Relocations {
    /// Adds a relocation with a symbol, which copies its data or not.
    pub(super) fn insert(&mut self, index: u32, is_copy: bool) {
        if is_copy { &mut self.copies } else { &mut self.plain }.insert(index);
    }

    pub(super) fn extend(&mut self, others: &Relocations) {
        others.iter().for_each(|(index, is_copy)| self.insert(index, is_copy));
    }

    /// Iterates over the indices in order, each with whether a relocation copies its data.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, bool)> {
        let end = self.plain.0.len().max(self.copies.0.len()) as u32 * u64::BITS;
        let bits = [(&self.plain, false), (&self.copies, true)];
        (0..end).flat_map(move |index| {
            let has_it = move |(bits, is_copy): (&Bits, bool)| bits.has(index).then_some((index, is_copy));
            bits.into_iter().filter_map(has_it)
        })
    }
}

/// A set of small numbers.
#[derive(Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn insert(&mut self, number: u32) {
        let word = (number / u64::BITS) as usize;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % u64::BITS);
    }

    fn has(&self, number: u32) -> bool {
        self.0.get((number / u64::BITS) as usize).is_some_and(|word| word >> (number % u64::BITS) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_once_and_until_the_memory_is_full() {
        let mut wanted = WantedNames::new(300);
        let (first, second) = (wanted.add("one").unwrap(), wanted.add("one").unwrap());
        assert!(Rc::ptr_eq(&first, &second));
        assert!(wanted.add("two").is_some() && wanted.known("three").is_none() && !wanted.is_full());
        assert_eq!((wanted.add(&"x".repeat(100)), wanted.is_full()), (None, true));
        assert_eq!((wanted.add("one"), wanted.count_definition()), (None, None));
    }

    #[test]
    fn relocations_are_sorted_and_unique() {
        let mut relocations = Relocations::default();
        let all = [(70, false), (1, true), (64, false), (1, false), (70, false), (500, true)];
        all.iter().for_each(|(index, is_copy)| relocations.insert(*index, *is_copy));
        let mut sum = Relocations::default();
        sum.extend(&relocations);
        let expected = [(1, false), (1, true), (64, false), (70, false), (500, true)];
        assert_eq!(sum.iter().collect::<Vec<_>>(), expected);
    }
}
