//! Holds the architecture: which crate may depend on which, how large a crate may become, how directories are named, and
//! that modules of a crate do not use each other in circles. The tables are in `tests/architecture.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Architecture {
    largest_share: f64,
    edges: BTreeMap<String, BTreeSet<String>>,
    circle: Vec<Circle>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Circle {
    #[serde(rename = "crate")]
    krate: String,
    modules: BTreeSet<String>,
    reason: String,
}

fn architecture() -> Architecture {
    toml::from_str(include_str!("../architecture.toml")).unwrap()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The directories of our published crates, by package name.
fn crates() -> BTreeMap<String, PathBuf> {
    let below = std::fs::read_dir(repository().join("crates")).unwrap();
    let directories = below.map(|entry| entry.unwrap().path()).chain([repository().join("templates")]);
    directories
        .map(|directory| (manifest(&directory)["package"]["name"].as_str().unwrap().into(), directory))
        .collect()
}

fn manifest(directory: &Path) -> toml::Table {
    std::fs::read_to_string(directory.join("Cargo.toml")).unwrap().parse().unwrap()
}

/// Every `.rs` file below a directory, with its path relative to it.
fn sources(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(directory).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn crates_depend_only_on_crates_below_them() {
    let allowed = architecture().edges;
    let crates = crates();
    assert_eq!(
        crates.keys().collect::<Vec<_>>(),
        allowed.keys().collect::<Vec<_>>(),
        "one row for each crate"
    );
    for (name, directory) in &crates {
        let manifest = manifest(directory);
        // Edges of tests only are held by cargo itself, which refuses circles of packages that are published.
        let tables = [manifest.get("dependencies"), manifest.get("build-dependencies")];
        let dependencies = tables.into_iter().flatten().flat_map(|table| table.as_table().unwrap().keys());
        for dependency in dependencies.filter(|dependency| dependency.starts_with("crossdock")) {
            assert!(
                allowed[name].contains(dependency),
                "{name} depends on {dependency}; tests/architecture.toml allows it not"
            );
        }
    }
}

#[test]
fn the_allowed_edges_have_no_circle() {
    let edges = architecture().edges;
    assert_eq!(circles(&edges), Vec::<BTreeSet<String>>::new());
}

#[test]
fn no_crate_holds_more_than_its_share() {
    let lines = |directory: &PathBuf| -> usize {
        sources(&directory.join("src")).iter().map(|(_, text)| text.lines().count()).sum()
    };
    let counts: BTreeMap<String, usize> =
        crates().iter().map(|(name, path)| (name.clone(), lines(path))).collect();
    let whole: usize = counts.values().sum();
    for (name, count) in counts {
        let share = count as f64 / whole as f64;
        assert!(share <= architecture().largest_share, "{name} holds {share:.2} of all {whole} lines");
    }
}

/// Tools take `target` and `build` for output: they clean them, and their ignore files leave them out.
#[test]
fn directories_of_source_have_names_that_tools_leave_alone_and_modules_one_style() {
    for directory in ["crates", "xtask/src", "tests/src", "templates"] {
        for (path, _) in sources(&repository().join(directory)) {
            let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
            let (file, directories) = parts.split_last().unwrap();
            assert!(
                !directories.iter().any(|part| ["target", "build"].contains(part)),
                "{directory}/{}",
                path.display()
            );
            // cargo takes every file directly below a crate's tests/ for a test of its own, so helpers there need mod.rs.
            assert!(*file != "mod.rs" || directories.contains(&"tests"), "{directory}/{}", path.display());
        }
    }
}

#[test]
fn modules_use_each_other_in_no_circle() {
    let tolerated = architecture().circle;
    assert!(tolerated.iter().all(|circle| !circle.reason.is_empty()));
    let mut tolerated: BTreeSet<(String, BTreeSet<String>)> =
        tolerated.into_iter().map(|circle| (circle.krate, circle.modules)).collect();
    let mut unknown = Vec::new();
    for (name, directory) in crates() {
        for circle in circles(&module_edges(&sources(&directory.join("src")))) {
            let found = (name.clone(), circle);
            if !tolerated.remove(&found) {
                unknown.push(found);
            }
        }
    }
    assert!(unknown.is_empty(), "modules that use each other: {unknown:#?}");
    assert!(
        tolerated.is_empty(),
        "these circles are gone, remove them from tests/architecture.toml: {tolerated:#?}"
    );
}

#[test]
fn a_circle_of_modules_is_found() {
    let source = |path: &str, text: &str| (PathBuf::from(path), text.to_owned());
    let files = [
        source("lib.rs", "mod a;\nmod b;\nmod c;\n"),
        source("a.rs", "use crate::b::{self, deep::Thing};\nmod inner;\n"),
        source("a/inner.rs", "use super::super::c::Other;\nuse super::Own;\n"),
        source(
            "b.rs",
            "mod deep;\n// use crate::a::Comment;\n#[cfg(test)]\nmod tests { use crate::a::Test; }\n",
        ),
        source("b/deep.rs", "fn call() { crate::c::call() }\n"),
        source("c.rs", "const TEXT: &str = \"use crate::a::Text;\";\n"),
    ];
    assert_eq!(circles(&module_edges(&files)), Vec::<BTreeSet<String>>::new());
    let mut files = files.to_vec();
    files[5].1 = "use crate::{b::deep, a::Thing as Known};\n".to_owned();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(circles(&module_edges(&files)), [names(&["a", "b", "c"])]);
}

type Edges = BTreeMap<String, BTreeSet<String>>;

/// Which module uses which, lifted to the level on which the two part: of `a::x` and `b::y` it is `a` and `b`, of `a::x`
/// and `a::y` it is these two. A parent's view of its child, and a child's of its parent, is no edge.
fn module_edges(files: &[(PathBuf, String)]) -> Edges {
    let modules: BTreeMap<Vec<String>, &str> =
        files.iter().map(|(path, text)| (module_of(path), text.as_str())).collect();
    let mut edges = Edges::new();
    for (module, text) in &modules {
        for path in paths(&code(text)) {
            let Some(used) = resolve(module, &path, &modules) else { continue };
            let same = module.iter().zip(&used).take_while(|(a, b)| a == b).count();
            if same < module.len() && same < used.len() {
                edges.entry(module[..=same].join("::")).or_default().insert(used[..=same].join("::"));
            }
        }
    }
    edges
}

fn module_of(path: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        path.with_extension("").iter().map(|part| part.to_str().unwrap().into()).collect();
    if parts == ["lib"] || parts == ["main"] {
        parts.clear();
    }
    parts
}

/// The module that a path of `crate`, `self` or `super` names: the deepest one that exists.
fn resolve(module: &[String], path: &[String], modules: &BTreeMap<Vec<String>, &str>) -> Option<Vec<String>> {
    let mut whole = module.to_vec();
    for part in path {
        match part.as_str() {
            "crate" => whole.clear(),
            "self" => {}
            "super" => drop(whole.pop()),
            name => {
                whole.push(name.to_owned());
                if !modules.contains_key(&whole) {
                    whole.pop();
                    break;
                }
            }
        }
    }
    (whole != module).then_some(whole)
}

/// The text without comments, strings and what follows the first module of tests, which is last in each file.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let mut code = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        // Every second part of a line lies between quotes. Strings of several lines do not begin with a path.
        code.extend(line.split('"').step_by(2).flat_map(|part| [part, " "]));
        code.push('\n');
    }
    code
}

/// The paths that begin with `crate`, `self` or `super`, with the braces of `use` taken apart.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("::") {
        let word = code[..start].rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
        let before = &code[..start - word.len()];
        if ["crate", "self", "super"].contains(&word) && !before.ends_with(':') {
            expand(vec![word.to_owned()], &code[start + 2..], &mut found);
        }
    }
    found
}

/// Follows one path, and each branch of a group in braces. Returns the length of what was read.
fn expand(mut path: Vec<String>, rest: &str, found: &mut Vec<Vec<String>>) -> usize {
    let mut at = 0;
    loop {
        let space = rest[at..].len() - rest[at..].trim_start().len();
        at += space;
        if rest[at..].starts_with('{') {
            at += 1;
            loop {
                at += rest[at..].len() - rest[at..].trim_start_matches([' ', '\n', ',']).len();
                if rest[at..].starts_with('}') || at >= rest.len() {
                    return at + 1;
                }
                let read = expand(path.clone(), &rest[at..], found);
                at += read;
                // `name as other`
                at += rest[at..].find([',', '}']).unwrap_or(rest.len() - at);
            }
        }
        let word: String = rest[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        at += word.len();
        path.push(word);
        if !rest[at..].starts_with("::") {
            found.push(path);
            return at;
        }
        at += 2;
    }
}

/// Sets of names that all reach each other.
fn circles(edges: &Edges) -> Vec<BTreeSet<String>> {
    let reached = |from: &String| -> BTreeSet<String> {
        let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
        while let Some(next) = left.pop() {
            for to in edges.get(next).into_iter().flatten() {
                if seen.insert(to.clone()) {
                    left.push(to);
                }
            }
        }
        seen
    };
    let reach: BTreeMap<&String, BTreeSet<String>> = edges.keys().map(|name| (name, reached(name))).collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (name, others) in reach.iter().filter(|(name, others)| others.contains(**name)) {
        let circle: BTreeSet<String> = others
            .iter()
            .filter(|other| reach.get(other).is_some_and(|back| back.contains(*name)))
            .cloned()
            .collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}
