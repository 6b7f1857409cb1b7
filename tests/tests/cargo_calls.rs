//! The programs of a Cargo workspace that one call of cargo builds: those that do not change each other's features.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crossdock_tests::{Layout, Sandbox};
use serde_json::Value;

const MEMBERS: [&str; 4] = ["p0", "p1", "p2", "p3"];
const LIBRARIES: [&str; 5] = ["l0", "l1", "l2", "l3", "l4"];
const FEATURES: [&str; 3] = ["x", "y", "z"];

/// Writes a package: a library, or a program.
fn package(workspace: &Path, name: &str, rest: &str) {
    let directory = workspace.join(name);
    fs::create_dir_all(directory.join("src")).unwrap();
    let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{rest}");
    fs::write(directory.join("Cargo.toml"), manifest).unwrap();
    match name.starts_with('p') {
        true => fs::write(directory.join("src/main.rs"), "fn main() {}\n").unwrap(),
        false => fs::write(directory.join("src/lib.rs"), "").unwrap(),
    }
}

fn workspace(sandbox: &Sandbox, name: &str, resolver: &str) -> PathBuf {
    let directory = sandbox.work().join(name);
    fs::create_dir_all(&directory).unwrap();
    let members: Vec<&str> = MEMBERS.into_iter().chain(LIBRARIES).collect();
    let manifest = format!("[workspace]\nresolver = \"{resolver}\"\nmembers = {members:?}\n");
    fs::write(directory.join("Cargo.toml"), manifest).unwrap();
    directory
}

/// A call of cargo in a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    packages: BTreeSet<String>,
    triples: BTreeSet<String>,
}

impl Call {
    /// The calls for one of its packages and one of its triples each.
    fn parts(&self) -> Vec<Call> {
        let part = |package: &String, triple: &String| Call {
            packages: BTreeSet::from([package.clone()]),
            triples: BTreeSet::from([triple.clone()]),
        };
        let of_package = |package| self.triples.iter().map(move |triple| part(package, triple));
        self.packages.iter().flat_map(of_package).collect()
    }
}

fn calls(sandbox: &Sandbox, project: &Path) -> Vec<Call> {
    let plan: Value = sandbox.crossdock(project, &["plan", "--json"]).success().json();
    let steps = plan["steps"].as_array().unwrap();
    let call = |step: &Value| {
        let words = step["action"]["command"]["arguments"].as_array().unwrap();
        let words: Vec<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
        let after = |option: &str| {
            words.windows(2).filter(|pair| pair[0] == option).map(|pair| pair[1].to_owned()).collect()
        };
        Call { packages: after("--package"), triples: after("--target") }
    };
    steps.iter().filter(|step| step["action"]["do"] == "cargo").map(call).collect()
}

/// The packages of each call.
fn packages(sandbox: &Sandbox, project: &Path) -> Vec<BTreeSet<String>> {
    calls(sandbox, project).into_iter().map(|call| call.packages).collect()
}

/// The packages with their features that cargo builds by a call.
fn resolved(sandbox: &Sandbox, project: &Path, call: &Call) -> BTreeSet<String> {
    let mut words = vec!["tree", "--offline", "--edges", "no-dev", "--prefix", "none", "--no-dedupe"];
    words.extend(["--format", "{p} [{f}]"]);
    words.extend(call.triples.iter().flat_map(|triple| ["--target", triple]));
    words.extend(call.packages.iter().flat_map(|member| ["--package", member]));
    let outcome = sandbox.tool(project, "cargo", &words).success();
    outcome.stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// A sequence of numbers that looks random.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// A table of dependencies on libraries: features, optional ones, those for one platform, and other names.
    fn dependencies(&mut self, libraries: &[&str], may_be_optional: bool) -> (String, Vec<String>) {
        let mut tables = BTreeMap::<&str, String>::new();
        let mut optional = Vec::new();
        for library in libraries {
            if self.below(2) == 0 {
                continue;
            }
            let table = match self.below(8) {
                0 => "build-dependencies",
                1 => "dev-dependencies",
                2 => "target.'cfg(target_arch = \"aarch64\")'.dependencies",
                3 => "target.'cfg(windows)'.dependencies",
                _ => "dependencies",
            };
            let mut entry = format!("path = \"../{library}\"");
            if self.below(3) == 0 {
                write!(entry, ", features = [{:?}]", self.of(&FEATURES)).unwrap();
            }
            if self.below(4) == 0 {
                entry += ", default-features = false";
            }
            if may_be_optional && table != "dev-dependencies" && self.below(3) == 0 {
                entry += ", optional = true";
                optional.push((*library).to_owned());
            }
            writeln!(tables.entry(table).or_default(), "{library} = {{ {entry} }}").unwrap();
        }
        let text = tables.iter().map(|(table, entries)| format!("[{table}]\n{entries}")).collect();
        (text, optional)
    }

    fn library(&mut self, place: usize) -> String {
        let (dependencies, optional) = self.dependencies(&LIBRARIES[place + 1..], true);
        let mut text = "[features]\n".to_owned();
        for (at, feature) in FEATURES.iter().enumerate() {
            let mut values: Vec<String> = FEATURES[..at].iter().map(|other| (*other).to_owned()).collect();
            values.retain(|_| self.below(3) == 0);
            for library in &optional {
                match self.below(6) {
                    0 => values.push(format!("dep:{library}")),
                    1 => values.push(format!("{library}/{}", self.of(&FEATURES))),
                    2 => values.push(format!("{library}?/{}", self.of(&FEATURES))),
                    _ => {}
                }
            }
            writeln!(text, "{feature} = {values:?}").unwrap();
        }
        if self.below(2) == 0 {
            writeln!(text, "default = [{:?}]", self.of(&FEATURES)).unwrap();
        }
        let host = if self.below(5) == 0 { "[lib]\nproc-macro = true\n" } else { "" };
        format!("{text}{host}{dependencies}")
    }
}

/// Cargo's own answer is the truth: what it resolves for the packages of a call together is what it resolves for each.
#[test]
fn programs_of_one_call_have_the_features_that_they_have_in_calls_of_their_own() {
    let (mut joined, mut apart, mut split) = (0, 0, 0);
    let sandbox = Sandbox::new();
    for seed in 0..8 {
        let project = workspace(&sandbox, &format!("seed-{seed}"), if seed % 4 == 0 { "1" } else { "2" });
        let mut random = Random(seed * 7919 + 1);
        for (place, library) in LIBRARIES.iter().enumerate() {
            package(&project, library, &random.library(place));
        }
        for member in MEMBERS {
            // Few of them, so that some members agree.
            let from = [random.of(&LIBRARIES), LIBRARIES[4]];
            let (dependencies, _) = random.dependencies(&from[..usize::from(from[0] != from[1]) + 1], false);
            package(&project, member, &dependencies);
        }
        let calls = calls(&sandbox, &project);
        apart += calls.iter().filter(|call| call.packages.len() == 1).count();
        split += calls.iter().filter(|call| call.triples.len() == 1).count();
        for call in calls {
            joined += call.packages.len() - 1;
            let parts = call.parts();
            let each: BTreeSet<String> =
                parts.iter().flat_map(|part| resolved(&sandbox, &project, part)).collect();
            assert_eq!(resolved(&sandbox, &project, &call), each, "seed {seed}: {call:?}");
        }
    }
    assert!(
        joined >= 4 && apart >= 4 && split >= 2,
        "{joined} packages share a call, {apart} do not, {split}"
    );
}

#[test]
fn a_program_that_asks_for_another_feature_gets_a_call_of_its_own_and_each_image_is_the_same_by_itself() {
    let sandbox = Sandbox::new();
    let project = workspace(&sandbox, "project", "2");
    for library in LIBRARIES {
        package(&project, library, "[features]\nx = []\n");
    }
    let code =
        "pub fn greet() { println!(\"{}\", if cfg!(feature = \"x\") { \"with x\" } else { \"plain\" }); }\n";
    fs::write(project.join("l0/src/lib.rs"), code).unwrap();
    for (member, features) in MEMBERS.into_iter().zip(["", "", "\"x\"", "\"x\""]) {
        package(
            &project,
            member,
            &format!("[dependencies]\nl0 = {{ path = \"../l0\", features = [{features}] }}\n"),
        );
        fs::write(project.join(member).join("src/main.rs"), "fn main() { l0::greet(); }\n").unwrap();
    }
    let set = |names: [&str; 2]| BTreeSet::from(names.map(str::to_owned));
    assert_eq!(packages(&sandbox, &project), [set(["p0", "p1"]), set(["p2", "p3"])]);
    let digest = |name: &str| Layout::open(project.join("target/crossdock").join(name)).digest().to_owned();
    sandbox.crossdock(&project, &["dist", "--quiet"]).success();
    let together = MEMBERS.map(digest);
    for (member, together) in MEMBERS.into_iter().zip(together) {
        fs::remove_dir_all(project.join("target")).unwrap();
        sandbox.crossdock(&project, &["dist", "--quiet", "--image", member]).success();
        assert_eq!(digest(member), together, "{member}");
    }
}

#[test]
fn programs_with_features_or_platforms_of_their_own_are_built_by_calls_of_their_own() {
    let sandbox = Sandbox::new();
    let project = workspace(&sandbox, "project", "2");
    LIBRARIES.iter().for_each(|library| package(&project, library, ""));
    MEMBERS.iter().for_each(|member| package(&project, member, "[features]\nx = []\n"));
    let deploys = "[deploy.arm]\nnodes = [\"linux/arm64\"]\n[deploy.both]\nnodes = [\"linux/amd64\", \"linux/arm64\"]\n";
    let own = ["features = [\"x\"]", "deploy = [\"arm\"]", "", ""];
    let images = MEMBERS.iter().zip(own).map(|(member, own)| {
        let deploy = if own.starts_with("deploy") { "" } else { "deploy = [\"both\"]" };
        format!("[image.{member}]\n{own}\n{deploy}\n")
    });
    let config = deploys.to_owned() + &images.collect::<String>();
    fs::write(project.join("crossdock.toml"), config).unwrap();
    let sets = [vec!["p0"], vec!["p1"], vec!["p2", "p3"]];
    let sets = sets.map(|names| names.into_iter().map(str::to_owned).collect::<BTreeSet<String>>());
    assert_eq!(packages(&sandbox, &project), sets);
}

/// A dependency of one platform brings a feature of a library that the program uses on every platform.
#[test]
fn platforms_with_other_features_are_built_by_calls_of_their_own() {
    let sandbox = Sandbox::new();
    let project = workspace(&sandbox, "project", "2");
    LIBRARIES.iter().for_each(|library| package(&project, library, "[features]\nx = []\n"));
    MEMBERS.iter().for_each(|member| package(&project, member, ""));
    let library = "path = \"../l0\"";
    let arm = "[target.'cfg(target_arch = \"aarch64\")'.dependencies]";
    let rest =
        format!("[dependencies]\nl0 = {{ {library} }}\n{arm}\nl0 = {{ {library}, features = [\"x\"] }}\n");
    package(&project, "p0", &rest);
    let triples = |package: &str| -> Vec<usize> {
        let calls = calls(&sandbox, &project).into_iter();
        calls.filter(|call| call.packages.contains(package)).map(|call| call.triples.len()).collect()
    };
    assert_eq!((triples("p0"), triples("p1")), (vec![1, 1], vec![2]));
}

/// With LTO, cargo compiles what a library for other languages depends on in another way, for every program of the call. A
/// package that others of the call use is compiled with another variable. A name of two packages is ambiguous.
#[test]
fn packages_that_change_how_others_are_compiled_are_built_by_calls_of_their_own() {
    let sandbox = Sandbox::new();
    let project = workspace(&sandbox, "project", "2");
    LIBRARIES.iter().for_each(|library| package(&project, library, ""));
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    let write = |manifests: [&str; 4]| {
        for (member, rest) in MEMBERS.into_iter().zip(manifests) {
            package(&project, member, rest);
        }
        let _absent = fs::remove_file(project.join("Cargo.lock"));
    };
    let uses = "[dependencies]\nl0 = { path = \"../l0\" }\n";
    let library = format!("{uses}[lib]\npath = \"src/lib.rs\"\ncrate-type = [\"cdylib\", \"rlib\"]\n");
    fs::create_dir_all(project.join("p1/src")).unwrap();
    fs::write(project.join("p1/src/lib.rs"), "").unwrap();
    write([uses, &library, "", ""]);
    assert_eq!(packages(&sandbox, &project), [set(&["p0", "p2", "p3"]), set(&["p1"])]);
    write(["[dependencies]\np1 = { path = \"../p1\" }\n", "", "", ""]);
    assert_eq!(packages(&sandbox, &project), [set(&["p0", "p2", "p3"]), set(&["p1"])]);
    let other = sandbox.work().join("other");
    fs::create_dir_all(other.join("src")).unwrap();
    fs::write(other.join("Cargo.toml"), "[package]\nname = \"p2\"\nversion = \"9.0.0\"\n[workspace]\n")
        .unwrap();
    fs::write(other.join("src/lib.rs"), "").unwrap();
    write(["", "", "", "[dependencies]\nother = { path = \"../../other\", package = \"p2\" }\n"]);
    fs::remove_file(project.join("p1/src/lib.rs")).unwrap();
    assert_eq!(packages(&sandbox, &project), [set(&["p0", "p1", "p3"]), set(&["p2"])]);
}
