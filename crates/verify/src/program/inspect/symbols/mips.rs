//! The symbols of MIPS, which the loader looks up without relocations.
//!
//! The last entries of the global offset table belong to the last symbols of the symbol table, those from `DT_MIPS_GOTSYM`
//! to `DT_MIPS_SYMTABNO`, and the loader fills them by looking up each (`elf_machine_got_rel` in glibc's
//! sysdeps/mips/dl-machine.h, `do_mips_relocs` in musl's ldso/dynlink.c).

use object::elf::{self, DynamicTag};

use super::{Symbol, Symbols};
use crate::program::inspect::references::{Reference, WantedNames};
use crate::program::inspect::strings::Budget;
use crate::program::inspect::tables::Tables;

/// The hash table of newer linkers, which has no symbol count and orders symbols by another table (glibc's elf.h).
const DT_MIPS_XHASH: DynamicTag = DynamicTag(0x7000_0036);

/// Returns the type of relocation by a symbol that is in the global offset table, whose entry the loader has filled
/// before: it is not looked up again (`R_MIPS_REL32` in `elf_machine_reloc`).
pub(super) fn type_without_lookup(machine: u16) -> Option<u32> {
    (machine == elf::EM_MIPS.0).then_some(elf::R_MIPS_REL32.0)
}

/// Splits `r_info` of little-endian 64-bit MIPS, whose bytes are four of the symbol, one of a second symbol and three
/// types, the first of which is the last byte (`Elf64_Mips_Rel` in glibc's elf.h).
pub(super) fn little_endian(info: u64) -> (u32, u32) {
    (info as u32, (info >> 56) as u32)
}

/// The same in the other byte order: the first type is the last byte there too.
pub(super) fn big_endian(info: u64) -> (u32, u32) {
    ((info >> 32) as u32, info as u32 & 0xff)
}

impl Tables<'_> {
    pub(super) fn is_mips(&self) -> bool {
        self.machine == elf::EM_MIPS.0
    }

    /// Adds the symbols of the global offset table that another file must define. Functions with an address, which is that
    /// of a stub, are looked up at their first call.
    pub(super) fn add_global_offsets(
        &self,
        symbols: &mut Symbols,
        wanted: &mut WantedNames,
        budget: &mut Budget,
    ) {
        // Without the table the loader does nothing.
        if self.value(elf::DT_PLTGOT).is_none() {
            return;
        }
        let first = self.value(elf::DT_MIPS_GOTSYM).and_then(|first| u32::try_from(first).ok());
        let (first, end) = (first.unwrap_or(u32::MAX), self.mips_symbols().unwrap_or(0));
        let found = (first..end).take(super::MAX_SYMBOLS).map_while(|index| self.symbol(index));
        for symbol in found.filter(Symbol::is_wanted) {
            let Some(reference) = self.reference(&symbol, wanted, budget) else { return };
            if symbol.is_function && symbol.has_value && !symbol.has_address {
                symbols.needed_lazily.push(reference);
            } else {
                symbols.needed.push(reference);
            }
        }
        for references in [&mut symbols.needed, &mut symbols.needed_lazily] {
            references.sort_unstable();
            references.dedup();
        }
    }

    /// Returns the number of symbols if the hash table is the one that only MIPS has.
    pub(super) fn mips_hash(&self) -> Option<u32> {
        self.value(DT_MIPS_XHASH).filter(|_| self.is_mips())?;
        self.mips_symbols()
    }

    fn mips_symbols(&self) -> Option<u32> {
        u32::try_from(self.value(elf::DT_MIPS_SYMTABNO)?).ok()
    }

    fn reference(&self, symbol: &Symbol, wanted: &mut WantedNames, budget: &mut Budget) -> Option<Reference> {
        let name = wanted.add(&self.name(symbol, budget)?)?;
        Some(Reference { name, word: self.word_of(symbol.index), is_copied: false })
    }
}
