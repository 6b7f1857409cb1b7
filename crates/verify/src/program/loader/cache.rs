//! `/etc/ld.so.cache` in the format of glibc 2.2 and later (`sysdeps/generic/dl-cache.h`).

use std::collections::BTreeMap;

use crate::program::inspect::{Budget, Strings};
use crate::root::{MAX_PATH, Root, read_small};

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// The magic of the older format, which may precede the newer one in the same file.
const OLD_MAGIC: &[u8] = b"ld.so-1.7.0\0";
// The sizes of `struct cache_file_new` and `struct file_entry_new`. The positions below are those of their fields.
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// The size above which the file is ignored as damaged. Desktops with all their libraries have caches of some hundred
/// kilobytes.
const MAX_FILE_SIZE: u64 = 4 << 20;
/// The number of entries above which the rest is ignored.
const MAX_ENTRIES: usize = 1 << 16;
/// The size of all names together. Overlapping strings of a hostile file could otherwise claim a terabyte.
const MAX_BYTES: usize = 16 << 20;

/// The libraries that `ldconfig` found when the image was built.
#[derive(Debug, Default)]
pub(super) struct Cache {
    paths: BTreeMap<String, Vec<String>>,
}

impl Cache {
    /// Reads the cache of this root. It is empty if the file is absent or damaged, as for the loader.
    pub(super) fn read(root: &dyn Root) -> Cache {
        let bytes = read_small(root, "/etc/ld.so.cache", MAX_FILE_SIZE);
        bytes.and_then(|bytes| Cache::parse(&bytes)).unwrap_or_default()
    }

    /// Returns the paths of a library, best first.
    pub(super) fn paths(&self, name: &str) -> impl Iterator<Item = &str> {
        self.paths.get(name).into_iter().flatten().map(String::as_str)
    }

    fn parse(bytes: &[u8]) -> Option<Cache> {
        let table =
            if bytes.starts_with(OLD_MAGIC) { &bytes[memchr::memmem::find(bytes, MAGIC)?..] } else { bytes };
        if !table.starts_with(MAGIC) {
            return None;
        }
        // The file has the byte order of its machine. Since glibc 2.33 byte 28 names it (2 is little, 3 is big).
        // Before, only the plausible number of entries, one that fits the file, tells.
        let number = |at: usize, is_big: bool| -> Option<usize> {
            let word: [u8; 4] = table.get(at..at + 4)?.try_into().ok()?;
            let word = if is_big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) };
            usize::try_from(word).ok()
        };
        let is_big = match table.get(28) {
            Some(2) => false,
            Some(3) => true,
            _ => number(20, false)?.saturating_mul(ENTRY) > table.len(),
        };
        let word = |at: usize| number(at, is_big);
        let (strings, mut budget) = (Strings(table), Budget::new(MAX_BYTES));
        let mut text = |at: usize| strings.get(at as u64, MAX_PATH, &mut budget);
        let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for index in 0..word(20)?.min(MAX_ENTRIES) {
            let entry = HEADER + index * ENTRY;
            // The entry's flags, which name an ABI, are not needed: the header of the library tells whether it fits.
            let (Some(key), Some(value)) = (word(entry + 4), word(entry + 8)) else { break };
            if let (Some(name), Some(path)) = (text(key), text(value)) {
                paths.entry(name).or_default().push(path);
            }
        }
        Some(Cache { paths })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(20u32.to_le_bytes());
        bytes.resize(HEADER, 0);
        bytes[28] = 2;
        let strings = u32::try_from(HEADER + ENTRY).unwrap();
        bytes.extend(0x0303u32.to_le_bytes());
        bytes.extend(strings.to_le_bytes());
        bytes.extend((strings + 8).to_le_bytes());
        bytes.resize(HEADER + ENTRY, 0);
        bytes.extend(b"liba.so\0/opt/liba.so\0");
        bytes
    }

    #[test]
    fn a_library_is_found_in_the_cache() {
        assert_eq!(Cache::parse(&cache()).unwrap().paths("liba.so").collect::<Vec<_>>(), ["/opt/liba.so"]);
    }

    /// Every entry names the same string, which is almost as long as a path may be.
    #[test]
    fn overlapping_strings_stay_within_their_budget() {
        let entries = 1usize << 17;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(u32::try_from(entries).unwrap().to_le_bytes());
        bytes.resize(HEADER, 0);
        bytes[28] = 2;
        let strings = u32::try_from(HEADER + entries * ENTRY).unwrap();
        for index in 0..entries {
            let name = strings + u32::try_from(index % 1000).unwrap();
            bytes.extend([0, name, name, 0, 0, 0].iter().flat_map(|word: &u32| word.to_le_bytes()));
        }
        bytes.extend([b'x'; 4000]);
        bytes.push(0);
        let held = |cache: &Cache| -> usize { cache.paths.values().flatten().map(String::len).sum() };
        let cache = Cache::parse(&bytes).unwrap();
        assert!((MAX_BYTES / 4..MAX_BYTES).contains(&held(&cache)), "{}", held(&cache));
        // Unterminated and over-long strings are skipped.
        let endless = Cache::parse(&bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(held(&endless), 0);
    }

    #[test]
    fn an_over_long_cache_is_not_read() {
        let mut bytes = cache();
        let found = |bytes: &[u8]| {
            let root = crate::MemoryRoot::new().file("/etc/ld.so.cache", 0o644, bytes);
            Cache::read(&root).paths.len()
        };
        assert_eq!(found(&bytes), 1);
        bytes.resize(usize::try_from(MAX_FILE_SIZE).unwrap() + 1, 0);
        assert_eq!(found(&bytes), 0);
    }

    #[test]
    fn a_damaged_cache_is_empty_or_smaller() {
        for cut in 0..cache().len() {
            let found = Cache::parse(&cache()[..cut]);
            assert_eq!(found.map_or(0, |cache| cache.paths.len()), 0, "{cut}");
        }
    }
}
