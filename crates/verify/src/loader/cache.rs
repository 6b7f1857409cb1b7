//! `/etc/ld.so.cache`, in the form that glibc 2.2 and later write (`sysdeps/generic/dl-cache.h`).

use std::collections::BTreeMap;

use crate::inspect::c_string;
use crate::resolve::resolve;
use crate::root::Root;

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// The form before it, which may stand in front.
const OLD_MAGIC: &[u8] = b"ld.so-1.7.0\0";
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// A cache with more entries is taken for damage.
const MOST_ENTRIES: usize = 1 << 20;

/// The libraries that `ldconfig` found when the image was built.
#[derive(Debug, Default)]
pub(super) struct Cache {
    paths: BTreeMap<String, Vec<String>>,
}

impl Cache {
    /// The cache of this root; empty where there is none or it is damaged, as for the loader.
    pub(super) fn read(root: &dyn Root) -> Cache {
        let found = resolve(root, "/etc/ld.so.cache").ok();
        let bytes = found.and_then(|found| root.read(&found.path).ok());
        bytes.and_then(|bytes| Cache::parse(&bytes)).unwrap_or_default()
    }

    /// Where the cache says that a library is, best first.
    pub(super) fn paths(&self, name: &str) -> impl Iterator<Item = &str> {
        self.paths.get(name).into_iter().flatten().map(String::as_str)
    }

    fn parse(bytes: &[u8]) -> Option<Cache> {
        let table =
            if bytes.starts_with(OLD_MAGIC) { &bytes[memchr::memmem::find(bytes, MAGIC)?..] } else { bytes };
        if !table.starts_with(MAGIC) {
            return None;
        }
        // The file is written in the byte order of its machine. Byte 28 tells which since glibc 2.33 (2 little, 3 big);
        // before, the number of entries does, which has to fit the file.
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
        let text = |at: usize| Some(String::from_utf8_lossy(c_string(table.get(at..)?)?).into_owned());
        let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for index in 0..word(20)?.min(MOST_ENTRIES) {
            let entry = HEADER + index * ENTRY;
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

    #[test]
    fn a_damaged_cache_is_empty_or_smaller() {
        for cut in 0..cache().len() {
            let found = Cache::parse(&cache()[..cut]);
            assert_eq!(found.map_or(0, |cache| cache.paths.len()), 0, "{cut}");
        }
    }
}
