//! Enforces the architecture: which crate may depend on which, how large a crate may become, how directories are named, and
//! that no modules of a crate use each other in a circle. The tables are in `tests/architecture.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crossdock_tests::modules;
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

/// Returns the directories of the published crates by package name.
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

/// Returns every `.rs` file below a directory with its relative path.
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
        // Dev-dependencies are left to cargo, which refuses circles among published packages.
        let platforms = manifest.get("target").and_then(|target| target.as_table());
        let manifests =
            platforms.into_iter().flat_map(|target| target.values()).filter_map(|of| of.as_table());
        let manifests = manifests.chain([&manifest]);
        let tables =
            manifests.flat_map(|of| [of.get("dependencies"), of.get("build-dependencies")]).flatten();
        let dependencies = tables.flat_map(|table| table.as_table().unwrap().keys());
        for dependency in dependencies.filter(|dependency| dependency.starts_with("crossdock")) {
            assert!(
                allowed[name].contains(dependency),
                "{name} depends on {dependency}; tests/architecture.toml allows it not"
            );
        }
    }
}

#[test]
fn the_allowed_edges_have_no_circles() {
    let edges = architecture().edges;
    assert_eq!(modules::circles(&edges), Vec::<BTreeSet<String>>::new());
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

/// Tools treat `target` and `build` as output: they clean them, and their ignore files exclude them.
#[test]
fn source_directories_avoid_output_names_and_modules_have_one_style() {
    for directory in ["crates", "xtask/src", "tests/src", "templates"] {
        for (path, _) in sources(&repository().join(directory)) {
            let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
            let (file, directories) = parts.split_last().unwrap();
            assert!(
                !directories.iter().any(|part| ["target", "build"].contains(part)),
                "{directory}/{}",
                path.display()
            );
            // cargo compiles every file directly below a crate's tests/ as a test, so that helpers there need mod.rs.
            assert!(*file != "mod.rs" || directories.contains(&"tests"), "{directory}/{}", path.display());
        }
    }
}

#[test]
fn modules_do_not_use_each_other_in_circles() {
    let tolerated = architecture().circle;
    assert!(tolerated.iter().all(|circle| !circle.reason.is_empty()));
    let mut tolerated: BTreeSet<(String, BTreeSet<String>)> =
        tolerated.into_iter().map(|circle| (circle.krate, circle.modules)).collect();
    let mut unknown = Vec::new();
    let ours = ["xtask", "tests"].map(|name| (name.to_owned(), repository().join(name)));
    for (name, directory) in crates().into_iter().chain(ours) {
        for circle in modules::circles(&modules::edges(&sources(&directory.join("src")))) {
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
