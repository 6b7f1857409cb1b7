//! The symbols that the dynamic loader looks up before a program begins, and those that a file defines.

use std::collections::{BTreeMap, BTreeSet};

use object::elf::{self, DynamicTag, Rel32, Rel64, Rela32, Rela64, Sym32, Sym64};
use object::read::elf::Sym;
use object::{Endian, Endianness as Order};

use super::content::{Content, Part};
use super::elf::Elf;
use super::headers::{Class, Memory};
use super::strings::Budget;
use super::tables::Tables;
use super::versions::{Version, Versions};

/// The length of a name. C++ has names of some thousand bytes.
const MAX_NAME_LENGTH: usize = 1 << 14;
/// The number of symbols that are read of a file.
const MAX_SYMBOLS: usize = 1 << 20;

/// The dynamic symbols of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Symbols {
    /// The symbols that the loader looks up at the start: those of data, and those of functions if it binds at once.
    pub(crate) needed: BTreeSet<Reference>,
    /// The functions that are looked up at their first call.
    pub(crate) needed_lazily: BTreeSet<Reference>,
    /// The symbols that the file defines for others, with the version word of each definition.
    pub(crate) defined: BTreeMap<String, Vec<u16>>,
    /// The functions that the file defines nowhere, but whose address in other files is that of its own stub
    /// (`check_match` in elf/dl-lookup.c).
    pub(crate) addresses: BTreeSet<String>,
    /// The versions that the file defines and needs; `None` without a version table (`DT_VERSYM`).
    pub(crate) versions: Option<Versions>,
}

/// A symbol that another file must define.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    pub(crate) name: String,
    /// The version word of the symbol; 0 without a version table.
    word: u16,
    /// Whether the program has a copy of the data, so that its own symbol does not count (`R_*_COPY`).
    pub(crate) is_copied: bool,
}

impl Symbols {
    /// Returns the version that a reference of this file has; `None` for one without.
    pub(crate) fn version_of(&self, reference: &Reference) -> Option<&Version> {
        self.versions.as_ref()?.of(reference.word)
    }
}

/// Reads the symbols of an ELF file; `None` if the file is incomplete, has tables of an unknown kind or exceeds the
/// budget.
pub(crate) fn symbols(file: &Content<'_>, elf: &Elf, budget: &mut Budget) -> Option<Symbols> {
    if budget.is_spent() || copy_relocation(elf.machine).is_none() {
        return None;
    }
    let memory = Memory { file, segments: &elf.segments };
    let tables = Tables::read(memory, elf.class, elf.endianness, elf.machine)?;
    tables.all_symbols(budget).filter(|_| file.failure().is_none())
}

/// Returns the machine's type of relocation for a copy of data (`R_*_COPY` of each psABI); `None` for a machine whose
/// references are not read.
///
/// MIPS has no plain relocation tables: `elf_machine_got_rel` of glibc resolves the symbols from `DT_MIPS_GOTSYM` on
/// without relocations, `r_info` of mips64el has another layout, an undefined symbol with an address counts only with
/// `STO_MIPS_PLT`, and `DT_MIPS_XHASH` replaces the GNU hash table. `r_info` of 64-bit SPARC contains data next to the
/// type (`ELF64_R_TYPE_DATA`).
fn copy_relocation(machine: u16) -> Option<u32> {
    let copies = [
        (elf::EM_X86_64, elf::R_X86_64_COPY),
        (elf::EM_AARCH64, elf::R_AARCH64_COPY),
        (elf::EM_386, elf::R_386_COPY),
        (elf::EM_ARM, elf::R_ARM_COPY),
        (elf::EM_RISCV, elf::R_RISCV_COPY),
        (elf::EM_PPC, elf::R_PPC_COPY),
        (elf::EM_PPC64, elf::R_PPC64_COPY),
        (elf::EM_S390, elf::R_390_COPY),
        (elf::EM_LOONGARCH, elf::R_LARCH_COPY),
    ];
    copies.iter().find(|(known, _)| known.0 == machine).map(|(_, copy)| copy.0)
}

/// An entry of the symbol table.
struct Symbol {
    index: u32,
    /// The offset of its name.
    name: u32,
    is_defined: bool,
    has_address: bool,
    is_weak: bool,
    /// Whether other files can refer to it: neither its binding nor its visibility is local.
    is_public: bool,
}

/// A relocation with a symbol: the index of the symbol, and whether the relocation copies data.
type Relocation = (u32, bool);

impl Tables<'_> {
    fn all_symbols(&self, budget: &mut Budget) -> Option<Symbols> {
        let at_once = self.relocations(elf::DT_RELA, elf::DT_RELASZ, elf::DT_REL, elf::DT_RELSZ);
        // DT_PLTREL is the tag of the kind of table that DT_JMPREL points to.
        let plt = self.value(elf::DT_PLTREL).map(|kind| i64::try_from(kind) == Ok(elf::DT_RELA.0));
        let calls = match plt {
            Some(true) => self.relocations_at(elf::DT_JMPREL, elf::DT_PLTRELSZ, Kind::Rela),
            Some(false) => self.relocations_at(elf::DT_JMPREL, elf::DT_PLTRELSZ, Kind::Rel),
            None => BTreeSet::new(),
        };
        let mut symbols = Symbols {
            needed: self.references(&at_once, budget),
            needed_lazily: self.references(&calls, budget),
            ..Symbols::default()
        };
        if self.words.is_some() {
            symbols.versions = Some(Versions::read(self, budget)?);
        }
        self.definitions(&mut symbols, budget)?;
        (!budget.is_spent()).then_some(symbols)
    }

    fn relocations(
        &self,
        rela: DynamicTag,
        rela_size: DynamicTag,
        rel: DynamicTag,
        rel_size: DynamicTag,
    ) -> BTreeSet<Relocation> {
        let mut found = self.relocations_at(rela, rela_size, Kind::Rela);
        found.extend(self.relocations_at(rel, rel_size, Kind::Rel));
        found
    }

    /// Returns the relocations of a table that have a symbol.
    fn relocations_at(&self, tag: DynamicTag, size: DynamicTag, kind: Kind) -> BTreeSet<Relocation> {
        let (Some(table), Some(size)) = (self.table(tag), self.value(size)) else { return BTreeSet::new() };
        let table = table.up_to(size - self.calls_inside(tag, size));
        let (order, copy) = (self.order, copy_relocation(self.machine));
        match (self.class, kind) {
            (Class::Elf64, Kind::Rela) => {
                each(table, copy, |entry: &Rela64<Order>| wide(entry.r_info.get(order)))
            }
            (Class::Elf64, Kind::Rel) => {
                each(table, copy, |entry: &Rel64<Order>| wide(entry.r_info.get(order)))
            }
            (Class::Elf32, Kind::Rela) => {
                each(table, copy, |entry: &Rela32<Order>| narrow(entry.r_info.get(order)))
            }
            (Class::Elf32, Kind::Rel) => {
                each(table, copy, |entry: &Rel32<Order>| narrow(entry.r_info.get(order)))
            }
        }
    }

    /// Returns the size of the relocations of calls (`DT_JMPREL`) if they are the end of this table, as on s390 and PowerPC
    /// with old linkers; otherwise 0. The loader leaves them out too (`_ELF_DYNAMIC_DO_RELOC` in elf/dynamic-link.h).
    fn calls_inside(&self, tag: DynamicTag, size: u64) -> u64 {
        let end = |tag, size| self.value(tag)?.checked_add(size);
        let Some(calls) = self.value(elf::DT_PLTRELSZ).filter(|calls| *calls <= size) else { return 0 };
        let is_inside = tag != elf::DT_JMPREL
            && end(tag, size).is_some_and(|all| end(elf::DT_JMPREL, calls) == Some(all));
        if is_inside { calls } else { 0 }
    }

    /// Returns those symbols of relocations that another file must define.
    fn references(&self, relocations: &BTreeSet<Relocation>, budget: &mut Budget) -> BTreeSet<Reference> {
        let found = relocations.iter().take(MAX_SYMBOLS).filter_map(|(index, is_copied)| {
            let (symbol, is_copied) = (self.symbol(*index)?, *is_copied);
            // A weak symbol that nothing defines has the value 0 and is not an error (ELF gABI, Symbol Table, STB_WEAK).
            // The copy of data has a symbol in the program itself.
            if symbol.is_weak || (symbol.is_defined && !is_copied) {
                return None;
            }
            Some(Reference { name: self.name(&symbol, budget)?, word: self.word_of(*index), is_copied })
        });
        found.collect()
    }

    /// Returns the version word of a symbol. One without is global, as of index 1.
    fn word_of(&self, index: u32) -> u16 {
        let word: Option<[u8; 2]> = self.words.and_then(|words| words.item(index.into()));
        word.map_or(1, |word| self.order.read_u16(word))
    }

    fn name(&self, symbol: &Symbol, budget: &mut Budget) -> Option<String> {
        self.string(symbol.name, MAX_NAME_LENGTH, budget)
    }

    fn symbol(&self, index: u32) -> Option<Symbol> {
        match self.class {
            Class::Elf64 => self.symbol_of::<Sym64<Order>>(index),
            Class::Elf32 => self.symbol_of::<Sym32<Order>>(index),
        }
    }

    fn symbol_of<S: Sym<Endian = Order>>(&self, index: u32) -> Option<Symbol> {
        let (entry, order) = (self.symbols?.item::<S>(index.into())?, self.order);
        Some(Symbol {
            index,
            name: entry.st_name(order),
            is_defined: !entry.is_undefined(order),
            has_address: entry.st_value(order).into() != 0,
            is_weak: entry.st_bind() == elf::STB_WEAK,
            // `do_lookup_x` skips the others (`dl_symbol_visibility_binds_local_p`).
            is_public: entry.st_bind() != elf::STB_LOCAL
                && ![elf::STV_HIDDEN, elf::STV_INTERNAL].contains(&entry.st_visibility()),
        })
    }

    /// Adds the symbols of the hash table, which are those that other files can find.
    fn definitions(&self, symbols: &mut Symbols, budget: &mut Budget) -> Option<()> {
        let indices = match (self.table(elf::DT_GNU_HASH), self.table(elf::DT_HASH)) {
            // ld.so prefers the GNU hash table too.
            (Some(table), _) => self.gnu_hash(table)?,
            (None, Some(table)) => 0..self.hash(table)?,
            (None, None) => 0..0,
        };
        let found = indices.take(MAX_SYMBOLS).filter_map(|index| self.symbol(index));
        for symbol in found.filter(|symbol| symbol.is_public && (symbol.is_defined || symbol.has_address)) {
            let Some(name) = self.name(&symbol, budget) else { continue };
            if symbol.is_defined {
                symbols.defined.entry(name).or_default().push(self.word_of(symbol.index));
            } else {
                symbols.addresses.insert(name);
            }
        }
        Some(())
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

    /// Returns the number of symbols of the ELF gABI's hash table; `None` if it has words of the wrong width.
    fn hash(&self, table: Part<'_>) -> Option<u32> {
        // The first word is the number of buckets, the second that of chains, which equals that of symbols.
        if (self.machine, self.class) != (elf::EM_S390.0, Class::Elf64) {
            return self.word(table, 1);
        }
        // `Elf_Symndx` of 64-bit s390 has 8 bytes (bits/link.h of glibc's sysdeps/s390 and of musl's arch/s390x). lld
        // writes words of 4 bytes even so, and the loader crashes in them. The GNU hash table is as elsewhere.
        let wide = |index: usize| Some((self.word(table, 2 * index)?, self.word(table, 2 * index + 1)?));
        match (wide(0)?, wide(1)?) {
            ((0, _), (0, symbols)) => Some(symbols),
            _ => None,
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Rel,
    Rela,
}

/// Splits `r_info` of a 64-bit file into the index of the symbol and the type.
fn wide(info: u64) -> (u32, u32) {
    ((info >> 32) as u32, info as u32)
}

/// Splits `r_info` of a 32-bit file.
fn narrow(info: u32) -> (u32, u32) {
    (info >> 8, info & 0xff)
}

fn each<T: object::Pod>(
    table: Part<'_>,
    copy: Option<u32>,
    parts: impl Fn(&T) -> (u32, u32),
) -> BTreeSet<Relocation> {
    // Index 0 (STN_UNDEF) is that of relocations without a symbol, such as relative ones.
    let found = table.items::<T>().map(|record| parts(&record));
    // The bound holds the set small, whatever the length of a hostile table.
    let found = found.filter(|(index, _)| (1..MAX_SYMBOLS as u32).contains(index));
    found.map(|(index, kind)| (index, Some(kind) == copy)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::inspect::{Inspection, inspect};
    use crate::testing::ElfBuilder;

    const STRINGS: &[u8] = b"\0answer\0counter\0call\0";
    const SYMBOLS: u32 = 4;

    /// Returns a file for s390x with the symbols `answer`, which it defines, and `counter` and `call`, which it needs.
    fn s390x() -> ElfBuilder {
        let symbol = |name: u32, section: u16| {
            [&name.to_be_bytes()[..], &[0x12, 0], &section.to_be_bytes(), &[0; 16]].concat()
        };
        let symbols = [vec![0; 24], symbol(1, 1), symbol(8, 0), symbol(16, 0)].concat();
        ElfBuilder::s390x().table(elf::DT_SYMTAB, symbols).table(elf::DT_STRTAB, STRINGS.to_vec())
    }

    /// Returns a relocation by the symbol with this index.
    fn relocation(symbol: u64, kind: elf::RelocationType) -> Vec<u8> {
        [0, symbol << 32 | u64::from(kind.0), 0].map(u64::to_be_bytes).concat()
    }

    fn read(file: ElfBuilder) -> Option<Symbols> {
        let bytes = file.bytes();
        let Inspection::Elf(elf) = inspect(&bytes) else { panic!("an ELF file") };
        symbols(&Content::of(&bytes), &elf, &mut Budget::new(1 << 16))
    }

    fn names(references: &BTreeSet<Reference>) -> Vec<(&str, bool)> {
        references.iter().map(|reference| (reference.name.as_str(), reference.is_copied)).collect()
    }

    #[test]
    fn hash_tables_of_s390x_have_wide_words() {
        let wide = [1u64, SYMBOLS.into(), 1].map(u64::to_be_bytes).concat();
        let found = read(s390x().table(elf::DT_HASH, wide)).unwrap();
        assert_eq!(found.defined.keys().collect::<Vec<_>>(), ["answer"]);
        let narrow = [1u32, SYMBOLS, 0, 1, 0, 0].map(u32::to_be_bytes).concat();
        assert_eq!(read(s390x().table(elf::DT_HASH, narrow)), None);
    }

    #[test]
    fn gnu_hash_tables_of_s390x_have_narrow_words() {
        // One bucket, the first symbol, one word of 64 bits of the Bloom filter, its shift; then the filter, the bucket and
        // the chain.
        let words = [1u32, 1, 1, 0, 0, 0, 1, 0, 0, 1].map(u32::to_be_bytes).concat();
        let found = read(s390x().table(elf::DT_GNU_HASH, words)).unwrap();
        assert_eq!(found.defined.keys().collect::<Vec<_>>(), ["answer"]);
    }

    #[test]
    fn calls_of_s390x_are_bound_lazily_inside_the_table_of_data_too() {
        // The table of calls follows that of data, whose size includes it or not.
        for size in [48, 72] {
            let data = [relocation(1, elf::R_390_COPY), relocation(2, elf::R_390_GLOB_DAT)].concat();
            let file = s390x().table(elf::DT_RELA, data).value(elf::DT_RELASZ, size);
            let file = file.table(elf::DT_JMPREL, relocation(3, elf::R_390_JMP_SLOT));
            let file = file.value(elf::DT_PLTRELSZ, 24).value(elf::DT_PLTREL, elf::DT_RELA.0 as u64);
            let found = read(file).unwrap();
            assert_eq!(names(&found.needed), [("answer", true), ("counter", false)], "{size}");
            assert_eq!(names(&found.needed_lazily), [("call", false)], "{size}");
        }
    }
}
