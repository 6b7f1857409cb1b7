//! The symbols that the dynamic loader looks up before a program begins, and those that a file defines.

mod mips;

use std::collections::BTreeSet;
use std::rc::Rc;

use crossdock_platform::Endianness;
use object::elf::{self, DynamicTag, Rel32, Rel64, Rela32, Rela64, Sym32, Sym64};
use object::read::elf::Sym;
use object::{Endian, Endianness as Order};

use super::content::{Content, Part};
use super::elf::Elf;
use super::headers::{Class, Memory, Segment};
use super::references::{Reference, Relocations, WantedNames};
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
    /// The symbols that the loader looks up at the start, sorted: those of data, and those of functions if it binds at once.
    pub(crate) needed: Vec<Reference>,
    /// The functions that are looked up at their first call, sorted.
    pub(crate) needed_lazily: Vec<Reference>,
    /// The definitions of wanted names, sorted.
    defined: Vec<Definition>,
    /// The functions that the file defines nowhere, but whose address in other files is that of its own stub
    /// (`check_match` in elf/dl-lookup.c).
    pub(crate) addresses: BTreeSet<Rc<str>>,
    /// The versions that the file defines and needs; `None` without a version table (`DT_VERSYM`).
    pub(crate) versions: Option<Versions>,
}

/// A symbol that a file defines for others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Definition {
    name: Rc<str>,
    /// The version word of the symbol.
    word: u16,
}

impl Symbols {
    /// Returns the version that a reference of this file has; `None` for one without.
    pub(crate) fn version_of(&self, reference: &Reference) -> Option<&Version> {
        self.versions.as_ref()?.of(reference.word)
    }

    /// Returns the version words of the definitions of a name; none if the file does not define it, or if nothing wants it.
    pub(crate) fn words_of(&self, name: &str) -> Vec<u16> {
        let from = self.defined.partition_point(|definition| *definition.name < *name);
        let found = self.defined[from..].iter().take_while(|definition| *definition.name == *name);
        found.map(|definition| definition.word).collect()
    }

    /// Returns whether the file defines a wanted name.
    pub(crate) fn defines(&self, name: &str) -> bool {
        self.defined.binary_search_by(|definition| (*definition.name).cmp(name)).is_ok()
    }
}

/// The place of a file's tables, by which its symbols are read.
#[derive(Debug)]
pub(crate) struct SymbolPlaces {
    segments: Vec<Segment>,
    class: Class,
    endianness: Endianness,
    machine: u16,
}

impl SymbolPlaces {
    pub(crate) fn of(elf: &Elf) -> SymbolPlaces {
        let Elf { class, endianness, machine, .. } = *elf;
        let is_needed = |segment: &&Segment| segment.is_loaded() || segment.kind == elf::PT_DYNAMIC.0;
        let segments = elf.segments.iter().filter(is_needed).copied().collect();
        SymbolPlaces { segments, class, endianness, machine }
    }

    fn tables<'data>(&'data self, file: &'data Content<'data>) -> Option<Tables<'data>> {
        copy_relocation(self.machine)?;
        let memory = Memory { file, segments: &self.segments };
        Tables::read(memory, self.class, self.endianness, self.machine)
    }

    /// Reads the references of a file, whose names are wanted from now on; `None` if the file is incomplete, has tables
    /// of an unknown kind or exceeds a limit.
    pub(crate) fn references(
        &self,
        file: &Content<'_>,
        wanted: &mut WantedNames,
        budget: &mut Budget,
    ) -> Option<Symbols> {
        if budget.is_spent() {
            return None;
        }
        self.tables(file)?.all_references(wanted, budget).filter(|_| file.failure().is_none())
    }

    /// Adds the definitions of wanted names, when the references of all files are known: a program with a hundred libraries
    /// of C++ has hundreds of thousands of others. `None` if the file is incomplete or exceeds a limit.
    pub(crate) fn define(
        &self,
        symbols: &mut Symbols,
        file: &Content<'_>,
        wanted: &mut WantedNames,
        budget: &mut Budget,
    ) -> Option<()> {
        let tables = self.tables(file)?;
        tables.definitions(budget, |name, word| {
            let name = wanted.known(name)?;
            match word {
                Some(word) => symbols.defined.push(Definition { name, word }),
                None => drop(symbols.addresses.insert(name)),
            }
            wanted.count_definition()
        })?;
        symbols.defined.sort_unstable();
        (!budget.is_spent() && !wanted.is_full() && file.failure().is_none()).then_some(())
    }

    /// Returns whether a file defines all of these names.
    pub(crate) fn defines_all(&self, names: &[&str], file: &Content<'_>, budget: &mut Budget) -> bool {
        let mut found: BTreeSet<String> = BTreeSet::new();
        let note = |name: &str, word: Option<u16>| {
            if word.is_some() && names.contains(&name) {
                found.insert(name.to_owned());
            }
            Some(())
        };
        self.tables(file).and_then(|tables| tables.definitions(budget, note));
        found.len() == names.len()
    }
}

/// Returns the machine's type of relocation for a copy of data (`R_*_COPY` of each psABI); `None` for a machine whose
/// references are not read.
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
        (elf::EM_MIPS, elf::R_MIPS_COPY),
        (elf::EM_SPARC, elf::R_SPARC_COPY),
        (elf::EM_SPARC32PLUS, elf::R_SPARC_COPY),
        (elf::EM_SPARCV9, elf::R_SPARC_COPY),
    ];
    copies.iter().find(|(known, _)| known.0 == machine).map(|(_, copy)| copy.0)
}

/// An entry of the symbol table.
struct Symbol {
    index: u32,
    /// The offset of its name.
    name: u32,
    is_defined: bool,
    has_value: bool,
    /// Whether the value is an address that other files may take for the symbol's if they do not call it.
    has_address: bool,
    is_function: bool,
    is_weak: bool,
    /// Whether other files can refer to it: neither its binding nor its visibility is local.
    is_public: bool,
}

impl Symbol {
    /// Returns whether another file must define it. A weak symbol that nothing defines has the value 0 and is not an error
    /// (ELF gABI, Symbol Table, STB_WEAK).
    fn is_wanted(&self) -> bool {
        !self.is_weak && !self.is_defined
    }
}

impl Tables<'_> {
    fn all_references(&self, wanted: &mut WantedNames, budget: &mut Budget) -> Option<Symbols> {
        let at_once = self.relocations(elf::DT_RELA, elf::DT_RELASZ, elf::DT_REL, elf::DT_RELSZ);
        // DT_PLTREL is the tag of the kind of table that DT_JMPREL points to.
        let plt = self.value(elf::DT_PLTREL).map(|kind| i64::try_from(kind) == Ok(elf::DT_RELA.0));
        let calls = match plt {
            Some(true) => self.relocations_at(elf::DT_JMPREL, elf::DT_PLTRELSZ, Kind::Rela),
            Some(false) => self.relocations_at(elf::DT_JMPREL, elf::DT_PLTRELSZ, Kind::Rel),
            None => Relocations::default(),
        };
        let mut symbols = Symbols {
            needed: self.references(&at_once, wanted, budget),
            needed_lazily: self.references(&calls, wanted, budget),
            ..Symbols::default()
        };
        if self.is_mips() {
            self.add_global_offsets(&mut symbols, wanted, budget);
        }
        if self.words.is_some() {
            symbols.versions = Some(Versions::read(self, budget)?);
        }
        (!budget.is_spent() && !wanted.is_full()).then_some(symbols)
    }

    fn relocations(
        &self,
        rela: DynamicTag,
        rela_size: DynamicTag,
        rel: DynamicTag,
        rel_size: DynamicTag,
    ) -> Relocations {
        let mut found = self.relocations_at(rela, rela_size, Kind::Rela);
        found.extend(&self.relocations_at(rel, rel_size, Kind::Rel));
        found
    }

    /// Returns the relocations of a table that have a symbol.
    fn relocations_at(&self, tag: DynamicTag, size: DynamicTag, kind: Kind) -> Relocations {
        let (Some(table), Some(size)) = (self.table(tag), self.value(size)) else {
            return Relocations::default();
        };
        let table = table.up_to(size - self.calls_inside(tag, size));
        let order = self.order;
        let (wide, kinds) = (self.wide(), Kinds::of(self.machine));
        match (self.class, kind) {
            (Class::Elf64, Kind::Rela) => {
                each(table, kinds, |entry: &Rela64<Order>| wide(entry.r_info.get(order)))
            }
            (Class::Elf64, Kind::Rel) => {
                each(table, kinds, |entry: &Rel64<Order>| wide(entry.r_info.get(order)))
            }
            (Class::Elf32, Kind::Rela) => {
                each(table, kinds, |entry: &Rela32<Order>| narrow(entry.r_info.get(order)))
            }
            (Class::Elf32, Kind::Rel) => {
                each(table, kinds, |entry: &Rel32<Order>| narrow(entry.r_info.get(order)))
            }
        }
    }

    /// Returns how this machine splits `r_info` of a 64-bit file.
    fn wide(&self) -> fn(u64) -> (u32, u32) {
        match self.order {
            Order::Little if self.is_mips() => mips::little_endian,
            Order::Big if self.is_mips() => mips::big_endian,
            _ if self.machine == elf::EM_SPARCV9.0 => wide_of_sparc,
            _ => wide,
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
    fn references(
        &self,
        relocations: &Relocations,
        wanted: &mut WantedNames,
        budget: &mut Budget,
    ) -> Vec<Reference> {
        let found = relocations.iter().take(MAX_SYMBOLS).filter_map(|(index, is_copied)| {
            let symbol = self.symbol(index)?;
            // The copy of data has a symbol in the program itself.
            if !symbol.is_wanted() && (symbol.is_weak || !is_copied) {
                return None;
            }
            let name = wanted.add(&self.name(&symbol, budget)?)?;
            Some(Reference { name, word: self.word_of(index), is_copied })
        });
        let mut references: Vec<Reference> = found.collect();
        references.sort_unstable();
        references.dedup();
        references
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
        let has_value = entry.st_value(order).into() != 0;
        Some(Symbol {
            index,
            name: entry.st_name(order),
            is_defined: !entry.is_undefined(order),
            has_value,
            // The others of MIPS are the addresses of stubs (`elf_machine_sym_no_match`).
            has_address: has_value && (!self.is_mips() || entry.st_other().0 & elf::STO_MIPS_PLT.0 != 0),
            is_function: entry.st_type() == elf::STT_FUNC,
            is_weak: entry.st_bind() == elf::STB_WEAK,
            // `do_lookup_x` skips the others (`dl_symbol_visibility_binds_local_p`).
            is_public: entry.st_bind() != elf::STB_LOCAL
                && ![elf::STV_HIDDEN, elf::STV_INTERNAL].contains(&entry.st_visibility()),
        })
    }

    /// Calls `each` with the symbols of the hash table, which are those that other files can find: with the name and the
    /// version word, or only the name if the file has just an address for it. `None` if the table is damaged.
    fn definitions(
        &self,
        budget: &mut Budget,
        mut each: impl FnMut(&str, Option<u16>) -> Option<()>,
    ) -> Option<()> {
        let indices = match (self.table(elf::DT_GNU_HASH), self.mips_hash(), self.table(elf::DT_HASH)) {
            // ld.so prefers the GNU hash table too.
            (Some(table), _, _) => self.gnu_hash(table)?,
            (None, Some(count), _) => 0..count,
            (None, None, Some(table)) => 0..self.hash(table)?,
            (None, None, None) => 0..0,
        };
        let found = indices.take(MAX_SYMBOLS).filter_map(|index| self.symbol(index));
        for symbol in found.filter(|symbol| symbol.is_public && (symbol.is_defined || symbol.has_address)) {
            // Without its name, another file's reference would seem to have no definition.
            let name = self.name(&symbol, budget)?;
            each(&name, symbol.is_defined.then(|| self.word_of(symbol.index)));
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

/// The types of relocations that are special.
#[derive(Clone, Copy)]
struct Kinds {
    copy: Option<u32>,
    without_lookup: Option<u32>,
}

impl Kinds {
    fn of(machine: u16) -> Kinds {
        Kinds { copy: copy_relocation(machine), without_lookup: mips::type_without_lookup(machine) }
    }
}

/// Splits `r_info` of a 64-bit file into the index of the symbol and the type.
fn wide(info: u64) -> (u32, u32) {
    ((info >> 32) as u32, info as u32)
}

/// Splits `r_info` of 64-bit SPARC, which has data next to a type of 8 bits (`ELF64_R_TYPE_ID` in glibc's elf.h).
fn wide_of_sparc(info: u64) -> (u32, u32) {
    ((info >> 32) as u32, info as u32 & 0xff)
}

/// Splits `r_info` of a 32-bit file.
fn narrow(info: u32) -> (u32, u32) {
    (info >> 8, info & 0xff)
}

fn each<T: object::Pod>(table: Part<'_>, kinds: Kinds, parts: impl Fn(&T) -> (u32, u32)) -> Relocations {
    // Index 0 (STN_UNDEF) is that of relocations without a symbol, such as relative ones.
    let found = table.items::<T>().map(|record| parts(&record));
    // The bound holds the set small, whatever the length of a hostile table.
    let found = found.filter(|(index, kind)| {
        (1..MAX_SYMBOLS as u32).contains(index) && Some(*kind) != kinds.without_lookup
    });
    let mut relocations = Relocations::default();
    found.for_each(|(index, kind)| relocations.insert(index, Some(kind) == kinds.copy));
    relocations
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
        let (places, content) = (SymbolPlaces::of(&elf), Content::of(&bytes));
        let (mut wanted, mut budget) = (WantedNames::new(1 << 16), Budget::new(1 << 16));
        wanted.add("answer");
        let mut symbols = places.references(&content, &mut wanted, &mut budget)?;
        places.define(&mut symbols, &content, &mut wanted, &mut budget).map(|()| symbols)
    }

    fn names(references: &[Reference]) -> Vec<(&str, bool)> {
        references.iter().map(|reference| (&*reference.name, reference.is_copied)).collect()
    }

    fn defined(symbols: &Symbols) -> Vec<&str> {
        symbols.defined.iter().map(|definition| &*definition.name).collect()
    }

    /// Returns a file for 64-bit MIPS with the symbols `answer`, which it defines, `counter`, which it needs at the start,
    /// and `call`, of which it has a stub, and with a relocation of this type by `counter`.
    fn mips64(order: Order, kind: u8) -> ElfBuilder {
        let symbol = |name: u32, info: u8, section: u16, value: u64| {
            let (name, section) = (order.write_u32(name), order.write_u16(section));
            [&name[..], &[info, 0], &section, &order.write_u64(value), &[0; 8]].concat()
        };
        let symbols =
            [vec![0; 24], symbol(1, 0x12, 1, 64), symbol(8, 0x11, 0, 0), symbol(16, 0x12, 0, 64)].concat();
        let relocation = [&order.write_u64(0)[..], &order.write_u32(2), &[0, 0, 0, kind]].concat();
        let file = ElfBuilder::mips64(order).table(elf::DT_SYMTAB, symbols);
        let file = file.table(elf::DT_STRTAB, STRINGS.to_vec()).table(elf::DT_PLTGOT, vec![0; 8]);
        let file = file.value(elf::DT_MIPS_GOTSYM, 2).value(elf::DT_MIPS_SYMTABNO, SYMBOLS.into());
        file.table(elf::DT_REL, relocation).value(elf::DT_RELSZ, 16)
    }

    #[test]
    fn symbols_of_mips_are_those_of_the_global_offset_table() {
        for order in [Order::Little, Order::Big] {
            let found = read(mips64(order, elf::R_MIPS_REL32.0 as u8)).unwrap();
            assert_eq!(names(&found.needed), [("counter", false)]);
            assert_eq!(names(&found.needed_lazily), [("call", false)]);
            let copied = read(mips64(order, elf::R_MIPS_COPY.0 as u8)).unwrap();
            assert_eq!(names(&copied.needed), [("counter", false), ("counter", true)]);
        }
    }

    #[test]
    fn symbols_of_mips_are_defined_in_each_kind_of_hash_table() {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let file = || mips64(Order::Little, 0);
        assert_eq!(defined(&read(file()).unwrap()), [""; 0]);
        let hash = file().table(elf::DT_HASH, words(&[1, SYMBOLS, 1, 0, 0, 0, 0]));
        let xhash = file().table(DynamicTag(0x7000_0036), words(&[1, 1, 1, 0]));
        for file in [hash, xhash] {
            let found = read(file).unwrap();
            assert_eq!((defined(&found), found.addresses.len()), (vec!["answer"], 0));
        }
    }

    #[test]
    fn hash_tables_of_s390x_have_wide_words() {
        let wide = [1u64, SYMBOLS.into(), 1].map(u64::to_be_bytes).concat();
        let found = read(s390x().table(elf::DT_HASH, wide)).unwrap();
        assert_eq!(defined(&found), ["answer"]);
        let narrow = [1u32, SYMBOLS, 0, 1, 0, 0].map(u32::to_be_bytes).concat();
        assert_eq!(read(s390x().table(elf::DT_HASH, narrow)), None);
    }

    #[test]
    fn gnu_hash_tables_of_s390x_have_narrow_words() {
        // One bucket, the first symbol, one word of 64 bits of the Bloom filter, its shift; then the filter, the bucket and
        // the chain.
        let words = [1u32, 1, 1, 0, 0, 0, 1, 0, 0, 1].map(u32::to_be_bytes).concat();
        let found = read(s390x().table(elf::DT_GNU_HASH, words)).unwrap();
        assert_eq!(defined(&found), ["answer"]);
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
