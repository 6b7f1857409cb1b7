//! The symbols that the dynamic loader looks up before a program begins, and those that a file defines.

use crossdock_platform::Endianness;

use std::collections::BTreeSet;

use object::Endianness as Order;
use object::elf::{self, DynamicTag, Rel32, Rel64, Rela32, Rela64, Sym32, Sym64};

use super::content::{Content, Part};
use super::dynamic::{entries_of, value_of};
use super::elf::Elf;
use super::headers::{Class, Memory, order};
use super::strings::Budget;

/// The length of a name. C++ has names of some thousand bytes.
const MAX_NAME_LENGTH: usize = 1 << 14;
/// The number of symbols that are read of a file.
const MAX_SYMBOLS: usize = 1 << 20;

/// The dynamic symbols of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Symbols {
    /// The names that the loader looks up at the start: those of data, and those of functions if it binds at once.
    pub(crate) needed: BTreeSet<String>,
    /// The names of functions that are looked up at their first call.
    pub(crate) needed_lazily: BTreeSet<String>,
    /// The names that the file defines for others.
    pub(crate) defined: BTreeSet<String>,
}

/// Reads the symbols of an ELF file; `None` if the file is incomplete, has tables of an unknown kind or exceeds the
/// budget.
pub(crate) fn symbols(file: &Content<'_>, elf: &Elf, budget: &mut Budget) -> Option<Symbols> {
    if budget.is_spent() || !has_plain_relocations(elf.machine) {
        return None;
    }
    let memory = Memory { file, segments: &elf.segments };
    let found = elf.segments.iter().find(|segment| segment.kind == elf::PT_DYNAMIC.0)?;
    let entries = entries_of(found.part(file), elf.class, elf.endianness);
    let table = |tag| memory.from(value_of(&entries, tag)?);
    let (symbols, strings) = (table(elf::DT_SYMTAB), table(elf::DT_STRTAB));
    let tables = Tables { memory, class: elf.class, endianness: elf.endianness, symbols, strings, entries };
    tables.read(budget).filter(|_| file.failure().is_none())
}

/// Returns whether the machine has plain relocation tables. MIPS binds through its global offset table, and some 64-bit
/// machines have their own hash tables.
fn has_plain_relocations(machine: u16) -> bool {
    [
        elf::EM_X86_64,
        elf::EM_AARCH64,
        elf::EM_386,
        elf::EM_ARM,
        elf::EM_RISCV,
        elf::EM_PPC64,
        elf::EM_LOONGARCH,
    ]
    .iter()
    .any(|known| known.0 == machine)
}

struct Tables<'data> {
    memory: Memory<'data>,
    class: Class,
    endianness: Endianness,
    entries: Vec<(DynamicTag, u64)>,
    symbols: Option<Part<'data>>,
    strings: Option<Part<'data>>,
}

/// A symbol: the offset of its name, and whether it is defined here or may be absent.
struct Symbol {
    name: u32,
    is_defined: bool,
    is_weak: bool,
}

impl Tables<'_> {
    fn read(&self, budget: &mut Budget) -> Option<Symbols> {
        let at_once = self.relocations(elf::DT_RELA, elf::DT_RELASZ, elf::DT_REL, elf::DT_RELSZ);
        // DT_PLTREL is the tag of the kind of table that DT_JMPREL points to.
        let plt = self.value(elf::DT_PLTREL).map(|kind| i64::try_from(kind) == Ok(elf::DT_RELA.0));
        let calls = match plt {
            Some(true) => self.relocations_at(elf::DT_JMPREL, elf::DT_PLTRELSZ, Kind::Rela),
            Some(false) => self.relocations_at(elf::DT_JMPREL, elf::DT_PLTRELSZ, Kind::Rel),
            None => BTreeSet::new(),
        };
        let symbols = Symbols {
            needed: self.names_of(&at_once, budget),
            needed_lazily: self.names_of(&calls, budget),
            defined: self.defined(budget)?,
        };
        (!budget.is_spent()).then_some(symbols)
    }

    fn value(&self, tag: DynamicTag) -> Option<u64> {
        value_of(&self.entries, tag)
    }

    fn table(&self, tag: DynamicTag) -> Option<Part<'_>> {
        self.memory.from(self.value(tag)?)
    }

    fn relocations(
        &self,
        rela: DynamicTag,
        rela_size: DynamicTag,
        rel: DynamicTag,
        rel_size: DynamicTag,
    ) -> BTreeSet<u32> {
        let mut found = self.relocations_at(rela, rela_size, Kind::Rela);
        found.extend(self.relocations_at(rel, rel_size, Kind::Rel));
        found
    }

    /// Returns the indices of the symbols in a relocation table.
    fn relocations_at(&self, tag: DynamicTag, size: DynamicTag, kind: Kind) -> BTreeSet<u32> {
        let (Some(table), Some(size)) = (self.table(tag), self.value(size)) else { return BTreeSet::new() };
        let table = table.up_to(size);
        let order = order(self.endianness);
        match (self.class, kind) {
            (Class::Elf64, Kind::Rela) => {
                each(table, |entry: &Rela64<Order>| (entry.r_info.get(order) >> 32) as u32)
            }
            (Class::Elf64, Kind::Rel) => {
                each(table, |entry: &Rel64<Order>| (entry.r_info.get(order) >> 32) as u32)
            }
            (Class::Elf32, Kind::Rela) => each(table, |entry: &Rela32<Order>| entry.r_info.get(order) >> 8),
            (Class::Elf32, Kind::Rel) => each(table, |entry: &Rel32<Order>| entry.r_info.get(order) >> 8),
        }
    }

    /// Returns the names of those symbols that another file must define.
    fn names_of(&self, indices: &BTreeSet<u32>, budget: &mut Budget) -> BTreeSet<String> {
        let symbols = indices.iter().take(MAX_SYMBOLS).filter_map(|index| self.symbol(*index));
        // A weak symbol that nothing defines has the value 0 and is not an error (ELF gABI, Symbol Table, STB_WEAK).
        let needed = symbols.filter(|symbol| !symbol.is_defined && !symbol.is_weak);
        needed.filter_map(|symbol| self.name(&symbol, budget)).collect()
    }

    fn name(&self, symbol: &Symbol, budget: &mut Budget) -> Option<String> {
        self.strings?.string(symbol.name.into(), MAX_NAME_LENGTH, budget)
    }

    fn symbol(&self, index: u32) -> Option<Symbol> {
        let (table, order) = (self.symbols?, order(self.endianness));
        let (name, section, info) = match self.class {
            Class::Elf64 => {
                let symbol: Sym64<Order> =
                    table.record(u64::from(index) * size_of::<Sym64<Order>>() as u64)?;
                (symbol.st_name.get(order), symbol.st_shndx.get(order).0, symbol.st_info)
            }
            Class::Elf32 => {
                let symbol: Sym32<Order> =
                    table.record(u64::from(index) * size_of::<Sym32<Order>>() as u64)?;
                (symbol.st_name.get(order), symbol.st_shndx.get(order).0, symbol.st_info)
            }
        };
        Some(Symbol {
            name,
            is_defined: section != elf::SHN_UNDEF.0,
            is_weak: info.0 >> 4 == elf::STB_WEAK.0,
        })
    }

    /// Returns the symbols of the hash table, which are those that other files can find.
    fn defined(&self, budget: &mut Budget) -> Option<BTreeSet<String>> {
        let indices = match (self.table(elf::DT_GNU_HASH), self.table(elf::DT_HASH)) {
            // ld.so prefers the GNU hash table too.
            (Some(table), _) => self.gnu_hash(table)?,
            // ELF gABI: the second word is the number of chains, which equals that of symbols.
            (None, Some(table)) => 0..self.word(table, 1)?,
            (None, None) => 0..0,
        };
        let defined = indices.take(MAX_SYMBOLS).filter_map(|index| self.symbol(index));
        let defined = defined.filter(|symbol| symbol.is_defined);
        Some(defined.filter_map(|symbol| self.name(&symbol, budget)).collect())
    }

    /// Returns the symbols of a GNU hash table: from its first to the end of its last chain.
    fn gnu_hash(&self, table: Part<'_>) -> Option<std::ops::Range<u32>> {
        // Four words, then the Bloom filter in words of the class's width, the buckets and the chains. The chains
        // begin with the first symbol that can be found, and a bucket holds the index of its chain's first symbol.
        let (buckets, first, bloom) = (self.word(table, 0)?, self.word(table, 1)?, self.word(table, 2)?);
        let bloom_words = usize::try_from(bloom).ok()?.checked_mul(usize::from(self.class.bits() / 32))?;
        let start = bloom_words.checked_add(4)?;
        let buckets = usize::try_from(buckets).ok()?;
        // The table does not tell how many symbols it has, so the chain that begins last is followed to its end.
        let last = (0..buckets.min(MAX_SYMBOLS))
            .filter_map(|bucket| self.word(table, start.checked_add(bucket)?))
            .max()?;
        if last < first {
            return Some(0..0);
        }
        let chains = start.checked_add(buckets)?;
        let mut end = last;
        // The last hash of a chain has bit 0 set.
        while self.word(table, chains.checked_add(usize::try_from(end - first).ok()?)?)? & 1 == 0 {
            end = end.checked_add(1)?;
        }
        Some(first..end.saturating_add(1))
    }

    fn word(&self, table: Part<'_>, index: usize) -> Option<u32> {
        let word: [u8; 4] = table.record(u64::try_from(index).ok()?.checked_mul(4)?)?;
        Some(match self.endianness {
            Endianness::Little => u32::from_le_bytes(word),
            Endianness::Big => u32::from_be_bytes(word),
        })
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Rel,
    Rela,
}

fn each<T: object::Pod>(table: Part<'_>, symbol: impl Fn(&T) -> u32) -> BTreeSet<u32> {
    let records = (0..).map_while(|index: u64| table.record::<T>(index * size_of::<T>() as u64));
    // Index 0 (STN_UNDEF) is that of relocations without a symbol, such as relative ones.
    let indices = records.map(|record| symbol(&record));
    // The bound holds the set small, whatever the length of a hostile table.
    indices.filter(|index| (1..MAX_SYMBOLS as u32).contains(index)).collect()
}
