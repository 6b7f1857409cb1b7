//! Finds which modules of a crate use each other, and the circles among them.
//!
//! Splits the source into tokens as the compiler does, so that comments, strings, nested `use` trees and paths inside
//! macros are read correctly. Code compiled only for tests is ignored.

mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The names that each name uses.
pub type Edges = BTreeMap<String, BTreeSet<String>>;

/// A module's path in its crate; `[]` is the crate's root.
type Module = Vec<String>;

/// The modules of a crate with their parsed sources.
struct Crate {
    modules: BTreeMap<Module, tokens::Source>,
    /// The imported names of each module, including inline ones, with the paths that they refer to.
    imports: BTreeMap<Module, BTreeMap<String, Vec<String>>>,
}

/// Returns which module uses which, at the level at which the two diverge: for `a::x` and `b::y` these are `a` and `b`, for
/// `a::x` and `a::y` these two. A parent's use of a module below it, and a use of an ancestor's own items, are not edges. A
/// name that an ancestor only re-exports counts as a use of the module that defines it.
///
/// `files` are the crate's sources with their paths relative to `src`.
pub fn edges(files: &[(PathBuf, String)]) -> Edges {
    let whole = Crate::read(files);
    let mut edges = Edges::new();
    for (file, source) in &whole.modules {
        for reference in &source.references {
            let module = [file.as_slice(), &reference.inside].concat();
            let Some(used) = whole.resolve(&module, &reference.path, 0) else { continue };
            let same = module.iter().zip(&used).take_while(|(a, b)| a == b).count();
            if same < module.len() && same < used.len() {
                edges.entry(module[..=same].join("::")).or_default().insert(used[..=same].join("::"));
            }
        }
    }
    edges
}

impl Crate {
    fn read(files: &[(PathBuf, String)]) -> Self {
        let mut modules: BTreeMap<Module, tokens::Source> =
            files.iter().map(|(path, text)| (module_of(path), tokens::read(path, text))).collect();
        let tests: Vec<Module> = modules
            .iter()
            .flat_map(|(module, source)| {
                source
                    .test_modules
                    .iter()
                    .map(|name| [module.as_slice(), std::slice::from_ref(name)].concat())
            })
            .collect();
        modules.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        let mut imports: BTreeMap<Module, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        for (file, source) in &modules {
            for reference in &source.references {
                if let Some(name) = &reference.imported_as {
                    let module = [file.as_slice(), &reference.inside].concat();
                    imports.entry(module).or_default().insert(name.clone(), reference.path.clone());
                }
            }
        }
        Self { modules, imports }
    }

    /// Returns the module that defines the item of a path; `None` for a path into another crate.
    fn resolve(&self, from: &[String], path: &[String], depth: usize) -> Option<Module> {
        let mut module = from.to_vec();
        for (index, part) in path.iter().enumerate() {
            match part.as_str() {
                "crate" => module.clear(),
                "self" => {}
                "super" => drop(module.pop()),
                name => {
                    let below = [module.as_slice(), &[name.to_owned()]].concat();
                    if self.modules.contains_key(&below) {
                        module = below;
                        continue;
                    }
                    let import = self.imports.get(&module).and_then(|imports| imports.get(name));
                    return match import {
                        // An import that refers to itself, such as `use serde::serde`, would recurse endlessly.
                        Some(import) if depth < 8 && !(index == 0 && import.first() == path.first()) => {
                            let whole = [import.as_slice(), &path[index + 1..]].concat();
                            self.resolve(&module, &whole, depth + 1)
                        }
                        // The path leads into another crate.
                        _ if index == 0 => None,
                        _ => Some(module),
                    };
                }
            }
        }
        Some(module)
    }
}

fn module_of(path: &Path) -> Module {
    let parts: Module = path.with_extension("").iter().map(|part| part.to_string_lossy().into()).collect();
    if parts == ["lib"] || parts == ["main"] { Vec::new() } else { parts }
}

/// Returns the sets of at least two names that all reach each other.
pub fn circles(edges: &Edges) -> Vec<BTreeSet<String>> {
    let reached = |from: &String| -> BTreeSet<String> {
        let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
        while let Some(next) = left.pop() {
            left.extend(edges.get(next).into_iter().flatten().filter(|to| seen.insert((*to).clone())));
        }
        seen
    };
    let reach: BTreeMap<&String, BTreeSet<String>> = edges.keys().map(|name| (name, reached(name))).collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (name, others) in reach.iter().filter(|(name, others)| others.contains(**name)) {
        let back = |other: &&String| reach.get(other).is_some_and(|back| back.contains(*name));
        let circle: BTreeSet<String> = others.iter().filter(back).cloned().collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let files: Vec<(PathBuf, String)> =
            files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
        circles(&edges(&files)).into_iter().map(|circle| circle.into_iter().collect()).collect()
    }

    const NONE: Vec<Vec<String>> = Vec::new();

    #[test]
    fn two_modules_that_use_each_other_are_a_circle() {
        let files = [("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::B;"), ("b.rs", "use super::a::A;")];
        assert_eq!(found(&files), [["a", "b"]]);
    }

    #[test]
    fn a_circle_around_three_modules_is_found_through_nested_uses_and_paths_in_macros() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::{c::Unused as Known, b::{self, deep::{Thing, Other}}};"),
            ("a/inner.rs", ""),
            ("b.rs", "mod deep;"),
            ("b/deep.rs", "fn call() { assert!(matches!(x, crate::c::Kind::One)) }"),
            ("c.rs", "impl crate::a::inner::Trait for X {}"),
        ];
        assert_eq!(found(&files), [["a", "b", "c"]]);
    }

    #[test]
    fn comments_strings_and_code_for_tests_are_no_use() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;"),
            (
                "b.rs",
                "// use crate::a::A;\n/* use crate::a::A; */\nconst A: &str = \"use crate::a::A;\";\n\
                 const B: &str = r#\"\" crate::a::A\"#;\n#[cfg(test)]\nuse crate::a::A;\n\
                 #[cfg(all(test, unix))]\nmod tests { use crate::a::A; }\n#[cfg(test)]\nmod cases;\n",
            ),
            ("b/cases.rs", "use crate::a::A;"),
        ];
        assert_eq!(found(&files), NONE);
    }

    #[test]
    fn code_after_a_module_of_tests_is_read() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "#[cfg(test)]\nmod cases;\n#[cfg(not(test))]\nuse crate::a::A;\n"),
        ];
        assert_eq!(found(&files), [["a", "b"]]);
    }

    #[test]
    fn a_parents_view_and_an_ancestors_own_item_are_no_edges() {
        let files = [
            ("lib.rs", "mod a; pub struct Own; use a::inner::Thing;"),
            ("a.rs", "mod inner; use inner::Thing; use crate::Own; struct Parents;"),
            ("a/inner.rs", "use super::Parents; use crate::Own;"),
        ];
        assert_eq!(found(&files), NONE);
    }

    #[test]
    fn a_name_that_an_ancestor_re_exports_is_a_use_of_its_module() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::A as First; pub use self::b::*; pub use b::B;"),
            ("a.rs", "use crate::B;"),
            ("b.rs", "fn b() { crate::First::new() }"),
        ];
        assert_eq!(found(&files), [["a", "b"]]);
    }

    #[test]
    fn siblings_part_at_their_own_level() {
        let files = [
            ("lib.rs", "mod a;"),
            ("a.rs", "mod x; mod y;"),
            ("a/x.rs", "use super::y::Y;"),
            ("a/y.rs", "mod inline { use super::super::x::X; }"),
        ];
        assert_eq!(found(&files), [["a::x", "a::y"]]);
    }
}
