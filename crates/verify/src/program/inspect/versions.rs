//! The versions of a file's dynamic symbols (`DT_VERSYM`), and the rule by which glibc compares them.

use std::collections::BTreeMap;

use object::elf;

use super::strings::Budget;
use super::tables::Tables;

/// The length of a version's name or of a library's.
const MAX_NAME_LENGTH: usize = 4096;
/// The bit of a version word that hides a definition from references without a version.
const HIDDEN: u16 = 0x8000;
/// The lowest index that a reference without a version does not take as it is: 0 is local, 1 is global, and 2 is the
/// oldest version of the file (`check_match` in elf/dl-lookup.c).
const FIRST_NEWER: u16 = 3;

/// A version that a file defines or needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) name: String,
    /// The library that has the version; `None` for one that the file defines.
    pub(crate) library: Option<String>,
    /// Whether a definition without a version does not satisfy the need.
    is_strict: bool,
}

/// The versions of a file by their index in version words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Versions(BTreeMap<u16, Version>);

impl Versions {
    /// Reads the versions that the file defines and needs; `None` if the budget is exceeded.
    pub(super) fn read(tables: &Tables<'_>, budget: &mut Budget) -> Option<Versions> {
        let mut versions = Versions::default();
        versions.read_needs(tables, budget);
        versions.read_definitions(tables, budget);
        (!budget.is_spent()).then_some(versions)
    }

    fn read_needs(&mut self, tables: &Tables<'_>, budget: &mut Budget) {
        let order = tables.order;
        for (library, versions) in tables.version_needs() {
            let library = tables.string(library.vn_file.get(order), MAX_NAME_LENGTH, budget);
            for need in versions {
                let name = tables.string(need.vna_name.get(order), MAX_NAME_LENGTH, budget);
                let (Some(name), Some(library)) = (name, library.clone()) else { return };
                // The copy of the library's name costs memory too.
                if budget.take(library.len()).is_none() {
                    return;
                }
                let index = need.vna_other.get(order).0;
                let version = Version { name, library: Some(library), is_strict: index & HIDDEN != 0 };
                self.0.insert(index & !HIDDEN, version);
            }
        }
    }

    fn read_definitions(&mut self, tables: &Tables<'_>, budget: &mut Budget) {
        let order = tables.order;
        for (record, name) in tables.version_definitions() {
            // The base definition names the file itself and not a version (`_dl_check_map_versions`).
            if record.vd_flags.get(order).0 & elf::VER_FLG_BASE.0 != 0 {
                continue;
            }
            let name = name.and_then(|name| tables.string(name.vda_name.get(order), MAX_NAME_LENGTH, budget));
            let Some(name) = name else { return };
            let version = Version { name, library: None, is_strict: false };
            self.0.insert(record.vd_ndx.get(order).0 & !HIDDEN, version);
        }
    }

    /// Returns the version of a version word; `None` for a symbol without a version.
    pub(crate) fn of(&self, word: u16) -> Option<&Version> {
        self.0.get(&(word & !HIDDEN))
    }
}

/// Returns whether one of a symbol's definitions in a file satisfies a reference, as in glibc's `check_match`
/// (elf/dl-lookup.c). `words` are those of the definitions, and `versions` those of the file.
pub(crate) fn is_satisfied(wanted: Option<&Version>, words: &[u16], versions: &Versions) -> bool {
    match wanted {
        Some(wanted) => words.iter().any(|word| match versions.of(*word) {
            Some(version) => version.name == wanted.name,
            None => !wanted.is_strict && word & HIDDEN == 0,
        }),
        None => {
            let is_newer = |word: &u16| word & !HIDDEN >= FIRST_NEWER;
            let visible = words.iter().filter(|word| *word & HIDDEN == 0 && is_newer(word));
            words.iter().any(|word| !is_newer(word)) || visible.count() == 1
        }
    }
}

/// Returns whether musl finds one of these definitions: it compares no versions, and skips hidden ones (`find_sym` in
/// ldso/dynlink.c).
pub(crate) fn is_visible(words: &[u16]) -> bool {
    words.iter().any(|word| word & HIDDEN == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(name: &str, is_strict: bool) -> Version {
        Version { name: name.to_owned(), library: None, is_strict }
    }

    #[test]
    fn versions_compare_as_in_glibc() {
        let file = Versions([(2, version("V1", false)), (3, version("V2", false))].into());
        let cases: &[(Option<&str>, &[u16], bool)] = &[
            (Some("V1"), &[2], true),
            (Some("V1"), &[2 | HIDDEN], true),
            (Some("V1"), &[3], false),
            (Some("V1"), &[2 | HIDDEN, 3], true),
            (Some("V9"), &[2, 3], false),
            (Some("V9"), &[1], true),
            (Some("V9"), &[0], true),
            (Some("V9"), &[1 | HIDDEN], false),
            (None, &[1], true),
            (None, &[2 | HIDDEN], true),
            (None, &[3], true),
            (None, &[3 | HIDDEN], false),
            (None, &[3, 4], false),
            (None, &[3, 4 | HIDDEN], true),
        ];
        for (wanted, words, expected) in cases {
            let wanted = wanted.map(|name| version(name, false));
            assert_eq!(is_satisfied(wanted.as_ref(), words, &file), *expected, "{wanted:?} {words:?}");
        }
        assert!(!is_satisfied(Some(&version("V9", true)), &[1], &file), "a strict need takes no base");
    }
}
