//! `/etc/ld.so.cache` in the format of glibc 2.2 and later (`sysdeps/generic/dl-cache.h`).

use std::collections::BTreeMap;

use crossdock_platform::Architecture;
use object::{Endian, Endianness as Order};

use crate::program::container::{Container, Content};
use crate::program::inspect::{self, Budget};
use crate::root::MAX_PATH;

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
    entries: BTreeMap<String, Vec<Entry>>,
}

/// A library in the cache.
#[derive(Debug)]
struct Entry {
    /// The ABI, as `ldconfig` encodes it.
    flags: usize,
    path: String,
    kind: Kind,
}

/// The directory that holds a library.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Plain,
    /// The directory of this name below `glibc-hwcaps`.
    Hwcaps(String),
    /// A directory for processors as `ldconfig` before glibc 2.37 knew them. Which processor has it is not known here.
    Legacy,
}

impl Cache {
    /// Reads the cache of this image. It is empty if the file is absent, damaged or unreadable for the user, as for the
    /// loader.
    pub(super) fn read(image: Container<'_>, architecture: Architecture) -> Cache {
        let Content::Read(bytes) = image.read_small("/etc/ld.so.cache", MAX_FILE_SIZE) else {
            return Cache::default();
        };
        let mut cache = Cache::parse(&bytes).unwrap_or_default();
        if let Some(flags) = flags_of(architecture) {
            for entries in cache.entries.values_mut() {
                entries.retain(|entry| flags.contains(&entry.flags));
            }
        }
        cache
    }

    /// Returns the path of a library for each ABI, on a processor that uses these `glibc-hwcaps` directories, best first.
    /// The header of the library tells which ABI fits.
    ///
    /// The loader tries one path (`search_cache` of elf/dl-cache.c): that in the best directory, or the first.
    pub(super) fn paths<'a>(&'a self, name: &str, hwcaps: &[&str]) -> Vec<&'a str> {
        let rank = |kind: &Kind| match kind {
            Kind::Hwcaps(name) => hwcaps.iter().position(|hwcap| hwcap == name),
            Kind::Plain => Some(hwcaps.len()),
            Kind::Legacy => None,
        };
        let mut best: BTreeMap<usize, (usize, &str)> = BTreeMap::new();
        for entry in self.entries.get(name).into_iter().flatten() {
            let Some(rank) = rank(&entry.kind) else { continue };
            let known = best.entry(entry.flags).or_insert((rank, &entry.path));
            if rank < known.0 {
                *known = (rank, &entry.path);
            }
        }
        best.into_values().map(|(_, path)| path).collect()
    }

    /// Returns whether which path the loader takes for a library depends on the processor.
    pub(super) fn depends_on_processor(&self, name: &str) -> bool {
        self.entries.get(name).into_iter().flatten().any(|entry| entry.kind != Kind::Plain)
    }

    fn parse(bytes: &[u8]) -> Option<Cache> {
        let table =
            if bytes.starts_with(OLD_MAGIC) { &bytes[memchr::memmem::find(bytes, MAGIC)?..] } else { bytes };
        if !table.starts_with(MAGIC) {
            return None;
        }
        // The file has the byte order of its machine. Since glibc 2.33 byte 28 names it (2 is little, 3 is big).
        // Before, only the plausible number of entries, one that fits the file, tells.
        let number = |at: usize, order: Order| -> Option<usize> {
            usize::try_from(order.read_u32(table.get(at..at + 4)?.try_into().ok()?)).ok()
        };
        let order = match table.get(28) {
            Some(2) => Order::Little,
            Some(3) => Order::Big,
            _ if number(20, Order::Little)?.saturating_mul(ENTRY) > table.len() => Order::Big,
            _ => Order::Little,
        };
        let word = |at: usize| number(at, order);
        let (content, mut budget) = (inspect::Content::new(Box::new(table)), Budget::new(MAX_BYTES));
        let mut text = |at: usize| content.whole().string(at as u64, MAX_PATH, &mut budget);
        let mut entries: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for index in 0..word(20)?.min(MAX_ENTRIES) {
            let entry = HEADER + index * ENTRY;
            let words = (word(entry), word(entry + 4), word(entry + 8), word(entry + 16), word(entry + 20));
            let (Some(flags), Some(key), Some(value), Some(low), Some(high)) = words else { break };
            if let (Some(name), Some(path)) = (text(key), text(value)) {
                let kind = Kind::of(&path, [low, high]);
                entries.entry(name).or_default().push(Entry { flags, path, kind });
            }
        }
        Some(Cache { entries })
    }
}

/// Returns the flags of the entries that a loader of this architecture takes (`_dl_cache_check_flags` of glibc). `None`
/// if they depend on the ABI; then the header of the library tells whether it fits.
fn flags_of(architecture: Architecture) -> Option<&'static [usize]> {
    match architecture {
        Architecture::Amd64 => Some(&[0x303, 1]),
        Architecture::Arm64 => Some(&[0xa03, 1]),
        _ => None,
    }
}

impl Kind {
    /// Returns the kind of a path. The halves of the entry's `hwcap` field are 0 unless it is in a directory for certain
    /// processors.
    fn of(path: &str, hwcap: [usize; 2]) -> Kind {
        let below = path.split_once("/glibc-hwcaps/").and_then(|(_, rest)| rest.split('/').next());
        match below {
            Some(name) => Kind::Hwcaps(name.to_owned()),
            None if hwcap != [0, 0] => Kind::Legacy,
            None => Kind::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::container::Credentials;

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
        assert_eq!(Cache::parse(&cache()).unwrap().paths("liba.so", &[]), ["/opt/liba.so"]);
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
        let held =
            |cache: &Cache| -> usize { cache.entries.values().flatten().map(|entry| entry.path.len()).sum() };
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
            let user = Credentials::default();
            let image = Container { root: &root, environment: &[], working_directory: "/", user: &user };
            Cache::read(image, Architecture::Amd64).entries.values().map(Vec::len).sum::<usize>()
        };
        assert_eq!(found(&bytes), 1);
        bytes.resize(usize::try_from(MAX_FILE_SIZE).unwrap() + 1, 0);
        assert_eq!(found(&bytes), 0);
    }

    #[test]
    fn a_damaged_cache_is_empty_or_smaller() {
        for cut in 0..cache().len() {
            let found = Cache::parse(&cache()[..cut]);
            assert_eq!(found.map_or(0, |cache| cache.entries.len()), 0, "{cut}");
        }
    }
}
