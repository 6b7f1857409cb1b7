//! `--since`: which images change with which file, and that an image which is left out has the same digest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crossdock_tests::{Sandbox, fixture};
use serde_json::Value;

/// The files of a project by path, each with the token `rev0` in its text, which an edit counts up.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tree(BTreeMap<String, String>);

/// The libraries that each Go program imports.
const IMPORTS: [(&str, &[&str]); 5] = [
    ("app0", &["lib0"]),
    ("app1", &["lib0", "lib1"]),
    ("app2", &["lib1", "lib2"]),
    ("app3", &["lib3"]),
    ("app4", &[]),
];

fn main_go(name: &str, libraries: &[&str]) -> String {
    let imports: String = libraries.iter().map(|lib| format!("\t\"example.com/mono/{lib}\"\n")).collect();
    let calls: String = libraries.iter().map(|lib| format!("\tprintln({lib}.Word())\n")).collect();
    format!("package main\n\nimport (\n{imports})\n\nfunc main() {{\n\tprintln(\"{name} rev0\")\n{calls}}}\n")
}

impl Tree {
    /// A Go module and a Cargo workspace side by side.
    fn new() -> Self {
        let mut tree = Self(BTreeMap::new());
        let mut config = String::new();
        for (name, libraries) in IMPORTS {
            tree.set(&format!("go/cmd/{name}/main.go"), &main_go(name, libraries));
            let files =
                if name == "app4" { "files = [{ from = \"go/assets\", to = \"/srv\" }]\n" } else { "" };
            config += &format!(
                "[image.{name}]\npath = \"go\"\npackage = \"./cmd/{name}\"\nlabels = {{ rev = \"rev0\" }}\n{files}\n"
            );
        }
        for name in ["alpha", "beta"] {
            config += &format!(
                "[image.{name}]\npath = \"rust\"\npackage = \"{name}\"\nlabels = {{ rev = \"rev0\" }}\n\n"
            );
        }
        tree.set("crossdock.toml", &config);
        tree.set(".gitignore", "target/\n.crossdock/\ngen.go\n");
        tree.set("README.md", "rev0\n");
        tree.set("go/README.md", "rev0\n");
        tree.set("go/assets/a.txt", "rev0\n");
        tree.set("go/assets/deep/b.txt", "rev0\n");
        tree.set(
            "go/go.mod",
            "module example.com/mono\n\ngo 1.24\n\nrequire example.com/local v0.0.0\n\nreplace example.com/local => ./local\n",
        );
        tree.set("go/local/go.mod", "module example.com/local\n\ngo 1.21\n");
        tree.set("go/local/local.go", "package local\n\nfunc Word() string { return \"local rev0\" }\n");
        for lib in ["lib0", "lib2"] {
            tree.set(
                &format!("go/{lib}/lib.go"),
                &format!("package {lib}\n\nfunc Word() string {{ return \"{lib} rev0\" }}\n"),
            );
        }
        tree.set("go/lib0/lib_test.go", "package lib0\n\n// rev0\n");
        tree.set("go/lib0/README.md", "rev0\n");
        tree.set("go/lib1/lib.go", "package lib1\n\nimport \"embed\"\n\n//go:embed data\nvar data embed.FS\n\nfunc Word() string { text, _ := data.ReadFile(\"data/one.txt\"); return string(text) }\n");
        tree.set("go/lib1/data/one.txt", "rev0\n");
        tree.set("go/lib1/data/two.txt", "rev0\n");
        tree.set("go/lib2/extra.go", "package lib2\n\nfunc init() { println(\"extra rev0\") }\n");
        tree.set(
            "go/lib3/lib.go",
            "package lib3\n\nimport \"example.com/local\"\n\nfunc Word() string { return local.Word() }\n",
        );
        tree.rust();
        tree
    }

    fn rust(&mut self) {
        self.set(
            "rust/Cargo.toml",
            "[workspace]\nmembers = [\"alpha\", \"beta\", \"shared\"]\nresolver = \"2\"\n\n[profile.release]\nopt-level = 0\n",
        );
        let package = |name: &str, rest: &str| {
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{rest}")
        };
        self.set(
            "rust/alpha/Cargo.toml",
            &package("alpha", "[dependencies]\nshared = { path = \"../shared\" }\n"),
        );
        self.set("rust/beta/Cargo.toml", &package("beta", ""));
        self.set("rust/shared/Cargo.toml", &package("shared", "[features]\nloud = []\n"));
        self.set("rust/Cargo.lock", "version = 4\n\n[[package]]\nname = \"alpha\"\nversion = \"0.1.0\"\ndependencies = [\n \"shared\",\n]\n\n[[package]]\nname = \"beta\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"shared\"\nversion = \"0.1.0\"\n");
        self.set(
            "rust/alpha/src/main.rs",
            "fn main() {\n    println!(\"alpha rev0 {}\", shared::WORD);\n}\n",
        );
        self.set(
            "rust/beta/src/main.rs",
            "fn main() {\n    println!(\"beta rev0 {}\", include_str!(\"../../NOTES.md\"));\n}\n",
        );
        self.set("rust/shared/src/lib.rs", "pub const WORD: &str = \"shared rev0\";\n");
        self.set("rust/NOTES.md", "rev0\n");
        self.set("rust/CHANGELOG.md", "rev0\n");
    }

    fn set(&mut self, path: &str, text: &str) {
        self.0.insert(path.to_owned(), text.to_owned());
    }

    fn text(&mut self, path: &str) -> &mut String {
        self.0.get_mut(path).unwrap_or_else(|| panic!("the tree lacks {path}"))
    }

    /// Edits a file.
    fn edit(&mut self, path: &str, revision: u64) {
        let text = self.text(path);
        let (before, rest) = text.split_once("rev").unwrap_or_else(|| panic!("no token in {path}"));
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        *text = format!("{before}rev{revision}{after}");
    }

    fn replace(&mut self, path: &str, from: &str, to: &str) {
        let text = self.text(path);
        assert!(text.contains(from), "{path} has no `{from}`");
        *text = text.replacen(from, to, 1);
    }

    /// Makes a directory the tree. A file that is the same is not touched, so that cargo does not compile it again.
    fn write(&self, root: &Path) {
        for path in files_below(root, root) {
            if !self.0.contains_key(&path) {
                std::fs::remove_file(root.join(path)).unwrap();
            }
        }
        for (path, text) in &self.0 {
            let path = root.join(path);
            if std::fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
                continue;
            }
            fixture::write(path, text);
        }
    }

    fn images(&self) -> BTreeSet<String> {
        let config: toml::Table = self.0["crossdock.toml"].parse().unwrap();
        config["image"].as_table().unwrap().keys().cloned().collect()
    }
}

/// Returns the files of a project without those that tools write.
fn files_below(root: &Path, directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap());
    let mut found = Vec::new();
    for entry in entries
        .filter(|entry| ![".git", "target", ".crossdock"].contains(&entry.file_name().to_str().unwrap()))
    {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_below(root, &entry.path()));
        } else {
            found.push(entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
    found
}

/// A project in git.
struct Project {
    sandbox: Sandbox,
    root: PathBuf,
    tree: Tree,
}

impl Project {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let root = sandbox.work().join("repository");
        let tree = Tree::new();
        tree.write(&root);
        fixture::commit(&sandbox, &root);
        Self { sandbox, root, tree }
    }

    /// Returns the comparison of `plan --since`.
    fn since(&self, revision: &str) -> Value {
        let arguments = ["plan", "--json", "--platform", "linux/amd64", "--since", revision];
        let plan = self.sandbox.crossdock(&self.root, &arguments).success().json();
        let planned = names(&plan["images"], "name");
        assert_eq!(
            planned,
            names(&plan["since"]["changed"], "image"),
            "the plan has the images that changed"
        );
        plan["since"].clone()
    }
}

fn names(list: &Value, key: &str) -> BTreeSet<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("not a list: {list}"));
    list.iter().map(|entry| entry[key].as_str().unwrap().to_owned()).collect()
}

/// Returns each changed image with its reasons, as `IMAGE KIND,KIND`, and the details.
fn changed(since: &Value) -> (String, String) {
    let (mut images, mut details) = (Vec::new(), BTreeSet::new());
    for image in since["changed"].as_array().unwrap() {
        let reasons = image["reasons"].as_array().unwrap();
        let kinds: Vec<&str> = reasons.iter().map(|reason| reason["kind"].as_str().unwrap()).collect();
        images.push(format!("{} {}", image["image"].as_str().unwrap(), kinds.join(",")));
        let lists = reasons.iter().flat_map(|reason| reason["detail"].as_array().unwrap());
        details.extend(lists.map(|detail| detail.as_str().unwrap().to_owned()));
    }
    (images.join("; "), details.into_iter().collect::<Vec<_>>().join("; "))
}

type Edit = fn(&mut Tree);

/// An edit, the images that change with their reasons, and the details of these.
const CASES: &[(&str, Edit, &str, &str)] = &[
    ("nothing", |_| {}, "", ""),
    ("a library", |tree| tree.edit("go/lib0/lib.go", 1), "app0 sources; app1 sources", "go/lib0/lib.go"),
    ("a program", |tree| tree.edit("go/cmd/app3/main.go", 1), "app3 sources", "go/cmd/app3/main.go"),
    ("a test", |tree| tree.edit("go/lib0/lib_test.go", 1), "", ""),
    (
        "documents",
        |tree| {
            for path in ["README.md", "go/README.md", "go/lib0/README.md", "rust/CHANGELOG.md"] {
                tree.edit(path, 1);
            }
        },
        "",
        "",
    ),
    (
        "a document that a program contains",
        |tree| tree.edit("rust/NOTES.md", 1),
        "alpha sources; beta sources",
        "rust/NOTES.md, which a source names",
    ),
    (
        "an embedded file",
        |tree| tree.edit("go/lib1/data/two.txt", 1),
        "app1 sources; app2 sources",
        "go/lib1/data/two.txt",
    ),
    (
        "an embedded file that is gone",
        |tree| drop(tree.0.remove("go/lib1/data/two.txt")),
        "app1 sources; app2 sources",
        "go/lib1/data/two.txt",
    ),
    (
        "a new embedded file",
        |tree| tree.set("go/lib1/data/deep/new.txt", ""),
        "app1 sources; app2 sources",
        "go/lib1/data/deep/new.txt",
    ),
    (
        "a source that is gone",
        |tree| drop(tree.0.remove("go/lib2/extra.go")),
        "app2 sources",
        "go/lib2/extra.go",
    ),
    (
        "a build constraint",
        |tree| {
            let text = tree.text("go/lib2/extra.go");
            *text = format!("//go:build ignore\n\n{text}");
        },
        "app2 sources",
        "go/lib2/extra.go",
    ),
    (
        "an ignored source",
        |tree| tree.set("go/lib2/gen.go", "package lib2\n"),
        "app2 unknown",
        "git ignores go/lib2/gen.go",
    ),
    ("a replaced module", |tree| tree.edit("go/local/local.go", 1), "app3 sources", "go/local/local.go"),
    (
        "the version of go",
        |tree| tree.replace("go/go.mod", "go 1.24", "go 1.23"),
        "app0 dependencies; app1 dependencies; app2 dependencies; app3 dependencies; app4 dependencies",
        "go/go.mod",
    ),
    (
        "a requirement",
        |tree| tree.replace("go/go.mod", "local v0.0.0", "local v0.0.1"),
        "app3 dependencies",
        "example.com/local in go/go.mod",
    ),
    ("a file of `files`", |tree| tree.edit("go/assets/deep/b.txt", 1), "app4 files", "go/assets/deep/b.txt"),
    (
        "an image's table",
        |tree| {
            tree.replace(
                "crossdock.toml",
                "cmd/app1\"\nlabels = { rev = \"rev0\" }",
                "cmd/app1\"\nlabels = { rev = \"rev1\" }",
            )
        },
        "app1 configuration",
        "[image.app1] in crossdock.toml",
    ),
    (
        "a comment and other order",
        |tree| {
            tree.replace(
                "crossdock.toml",
                "[image.app1]\npath = \"go\"\npackage = \"./cmd/app1\"\n",
                "# app1\n[image.app1]\npackage = \"./cmd/app1\"\npath = \"go\"\n",
            )
        },
        "",
        "",
    ),
    (
        "a key for all",
        |tree| tree.replace("crossdock.toml", "[image.app0]", "tags = [\"x\"]\n[image.app0]"),
        "app0 configuration; app1 configuration; app2 configuration; app3 configuration; app4 configuration; alpha configuration; beta configuration",
        "`tags` in crossdock.toml",
    ),
    (
        "a renamed image",
        |tree| tree.replace("crossdock.toml", "[image.app0]", "[image.renamed]"),
        "renamed new",
        "crossdock.toml had no [image.renamed]",
    ),
    (
        "a local package",
        |tree| tree.edit("rust/shared/src/lib.rs", 1),
        "alpha sources",
        "rust/shared/src/lib.rs",
    ),
    ("a Rust program", |tree| tree.edit("rust/beta/src/main.rs", 1), "beta sources", "rust/beta/src/main.rs"),
    (
        "a profile",
        |tree| tree.replace("rust/Cargo.toml", "opt-level = 0", "opt-level = 1"),
        "alpha dependencies; beta dependencies",
        "rust/Cargo.toml",
    ),
    (
        "cargo's configuration",
        |tree| tree.set(".cargo/config.toml", "[env]\nX = \"1\"\n"),
        "alpha toolchain; beta toolchain",
        ".cargo/config.toml",
    ),
    (
        "a file next to the packages",
        |tree| tree.set("rust/api.proto", ""),
        "alpha sources; beta sources",
        "rust/api.proto, which is in no package",
    ),
    (
        "the version of a tool",
        |tree| tree.set("go/.tool-versions", "golang 1.26\n"),
        "app0 toolchain; app1 toolchain; app2 toolchain; app3 toolchain; app4 toolchain",
        "go/.tool-versions",
    ),
    (
        "crossdock",
        |tree| {
            tree.set(
                "xtask/Cargo.lock",
                "version = 4\n\n[[package]]\nname = \"crossdock-cli\"\nversion = \"9.0.0\"\n",
            )
        },
        "app0 crossdock; app1 crossdock; app2 crossdock; app3 crossdock; app4 crossdock; alpha crossdock; beta crossdock",
        "crossdock changed from none to 9.0.0 in xtask/Cargo.lock",
    ),
];

#[test]
fn each_edit_takes_the_images_that_it_concerns() {
    let mut project = Project::new();
    let first = project.tree.clone();
    for (name, edit, images, details) in CASES {
        project.tree = first.clone();
        edit(&mut project.tree);
        project.tree.write(&project.root);
        let found = changed(&project.since("HEAD"));
        assert_eq!(found, (images.to_string(), details.to_string()), "{name}, not committed");
    }
}

#[test]
fn commits_branches_and_tags_are_compared_from_any_directory() {
    let mut project = Project::new();
    let git = |arguments: &[&str]| project.sandbox.tool(&project.root, "git", arguments).success();
    git(&["tag", "v1"]);
    git(&["checkout", "--quiet", "-b", "feature"]);
    project.tree.edit("go/lib0/lib.go", 1);
    project.tree.write(&project.root);
    fixture::commit(&project.sandbox, &project.root);
    for revision in ["main", "v1", "HEAD~1", "feature^"] {
        assert_eq!(changed(&project.since(revision)).0, "app0 sources; app1 sources", "{revision}");
    }
    assert_eq!(changed(&project.since("feature")).0, "");
    let run = |directory: &str, arguments: &[&str]| {
        project.sandbox.crossdock(&project.root.join(directory), arguments)
    };
    let one = ["plan", "--json", "--since", "main", "--image", "app1,app2"];
    let one = run("rust/alpha", &one).success().json();
    assert_eq!(changed(&one["since"]).0, "app1 sources");
    assert_eq!(one["since"]["unchanged"], serde_json::json!([{ "image": "app2", "repository": "app2" }]));
    // The project is a directory of the checkout.
    std::fs::write(project.root.join("go/crossdock.toml"), "").unwrap();
    let below = run("go", &["plan", "--since", "main", "--image", "app3"]).success();
    assert!(below.stdout.contains("changed: configuration: go/crossdock.toml"), "{below}");

    for (revision, message) in [
        ("nope", "has no commit `nope`"),
        ("--output=x", "is not a revision of git"),
        ("HEAD:go", "has no commit `HEAD:go`"),
    ] {
        run("", &["plan", &format!("--since={revision}")]).ends_with(2).complains(message);
    }
    let clone = project.sandbox.work().join("clone");
    let url = format!("file://{}", project.root.display());
    git(&["clone", "--quiet", "--depth=1", &url, clone.to_str().unwrap()]);
    let shallow = project.sandbox.crossdock(&clone, &["dist", "--since", "HEAD~1"]).ends_with(2);
    shallow.complains("it is shallow").complains("git fetch --unshallow").complains("fetch-depth: 0");
    std::fs::remove_dir_all(clone.join(".git")).unwrap();
    project
        .sandbox
        .crossdock(&clone, &["build", "--since", "HEAD"])
        .ends_with(2)
        .complains("is not in a git checkout");
}

#[test]
fn a_run_builds_what_changed_and_reports_the_rest() {
    let mut project = Project::new();
    let dist = ["dist", "--platform", "linux/amd64", "--since", "HEAD"];
    let nothing = project.sandbox.crossdock(&project.root, &dist).success();
    assert!(nothing.stderr.contains("nothing changed, 7 images are left out"), "{nothing}");
    assert_eq!(nothing.stdout, "");
    assert!(!project.root.join("go/.crossdock").exists(), "nothing is built");
    project.tree.edit("go/lib0/lib.go", 1);
    project.tree.write(&project.root);
    let text = project.sandbox.crossdock(&project.root, &dist).success();
    let shown = ["2 of 7 images changed", "app0  sources: go/lib0/lib.go", "app1  sources: go/lib0/lib.go"];
    shown.iter().for_each(|line| assert!(text.stderr.contains(line), "{line}: {text}"));
    let report =
        project.sandbox.crossdock(&project.root, &[&dist[..], &["--json"]].concat()).success().json();
    assert_eq!(Vec::from_iter(names(&report["images"], "name")), ["app0", "app1"]);
    assert_eq!(names(&report["since"]["unchanged"], "image").len(), 5);
    assert!(!project.root.join("go/.crossdock/app2").exists(), "others are not built");
    // As with all images: the names of several are appended.
    let arguments =
        [&dist[..], &["--image", "app0,app3", "--repository", "registry.example/x", "--json"]].concat();
    let report = project.sandbox.crossdock(&project.root, &arguments).success().json();
    let reference = report["images"][0]["references"][0].as_str().unwrap();
    assert!(reference.starts_with("registry.example/x/app0:"), "{reference}");
    assert_eq!(report["since"]["unchanged"][0]["repository"], "registry.example/x/app3");
}

/// A generator of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    fn choose<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// Changes a tree at random, and says how.
fn random_edit(tree: &mut Tree, random: &mut Random, revision: u64) -> String {
    let with_token: Vec<String> =
        tree.0.iter().filter(|(_, text)| text.contains("rev")).map(|(path, _)| path.clone()).collect();
    let removable = [
        "go/lib1/data/two.txt",
        "go/assets/a.txt",
        "go/lib2/extra.go",
        "go/lib2/gen.go",
        "rust/CHANGELOG.md",
    ];
    match random.below(12) {
        0 => {
            let path = random.choose(&removable);
            let gone = tree.0.remove(path);
            if gone.is_none() {
                let text = if path.ends_with(".go") {
                    "package lib2\n\n// rev0\nfunc init() { println(\"rev0\") }\n"
                } else {
                    "rev0\n"
                };
                tree.set(path, text);
            }
            format!("add or remove {path}")
        }
        1 => {
            let (from, to) = if tree.0["go/go.mod"].contains("go 1.24") {
                ("go 1.24", "go 1.23")
            } else {
                ("go 1.23", "go 1.24")
            };
            tree.replace("go/go.mod", from, to);
            "go.mod".to_owned()
        }
        2 => {
            let name = random.choose(&Vec::from_iter(tree.images()));
            tree.replace("crossdock.toml", &format!("[image.{name}]"), &format!("[image.x{revision}]"));
            format!("rename {name}")
        }
        3 => {
            let name = format!("new{revision}");
            let (_, libraries) = random.choose(&IMPORTS);
            tree.set(&format!("go/cmd/{name}/main.go"), &main_go(&name, libraries));
            let image = format!("[image.{name}]\npath = \"go\"\npackage = \"./cmd/{name}\"\n\n");
            tree.text("crossdock.toml").push_str(&image);
            format!("add {name}")
        }
        4 => {
            let name = random.choose(&Vec::from_iter(tree.images()));
            let text = tree.text("crossdock.toml");
            let start = text.find(&format!("[image.{name}]")).unwrap();
            let end = text[start + 1..].find("[image.").map_or(text.len(), |end| start + 1 + end);
            if tree.images().len() > 3 {
                tree.text("crossdock.toml").replace_range(start..end, "");
            }
            format!("remove {name}")
        }
        5 => {
            let text = tree.text("rust/alpha/Cargo.toml");
            let loud = "{ path = \"../shared\", features = [\"loud\"] }";
            let quiet = "{ path = \"../shared\" }";
            *text = if text.contains(loud) { text.replace(loud, quiet) } else { text.replace(quiet, loud) };
            "a feature".to_owned()
        }
        6 => {
            let name = random.choose(&Vec::from_iter(tree.images()));
            let heading = format!("[image.{name}]\n");
            let cmd = format!("{heading}workdir = \"/w{revision}\"\n");
            let is_set = tree.0["crossdock.toml"].contains(&format!("{heading}workdir"));
            if !is_set {
                tree.replace("crossdock.toml", &heading, &cmd);
            }
            format!("configure {name}")
        }
        _ => {
            let path = random.choose(&with_token);
            tree.edit(&path, revision);
            format!("edit {path}")
        }
    }
}

/// Builds each state of a generated history, and compares digests with what `--since` leaves out.
///
/// The builds are outside of git, with a fixed date: an image in a checkout names its commit, and so has another digest after
/// every one.
fn assert_unchanged_images_keep_their_digests(seed: u64, steps: u64) {
    let mut project = Project::new();
    let mut random = Random(seed);
    let plain = project.sandbox.work().join("plain");
    let build = |project: &Project| -> BTreeMap<String, String> {
        project.tree.write(&plain);
        let dist = ["build", "--json", "--platform", "linux/amd64"];
        let report = project.sandbox.crossdock(&plain, &dist).success().json();
        let images = report["images"].as_array().unwrap().clone();
        let text = |image: &Value, key: &str| image[key].as_str().unwrap().to_owned();
        images.iter().map(|image| (text(image, "name"), text(image, "digest"))).collect()
    };
    let mut before = build(&project);
    let (mut kept, mut new) = (0, 0);
    for revision in 1..=steps {
        let edits: Vec<String> =
            (0..=random.below(2)).map(|_| random_edit(&mut project.tree, &mut random, revision)).collect();
        project.tree.write(&project.root);
        let is_committed = random.below(2) == 0;
        if is_committed {
            fixture::commit(&project.sandbox, &project.root);
        }
        let since = project.since(if is_committed { "HEAD~1" } else { "HEAD" });
        let after = build(&project);
        let unchanged = names(&since["unchanged"], "image");
        for name in &unchanged {
            assert_eq!(
                before.get(name),
                after.get(name),
                "seed {seed}, step {revision}: `{name}` was left out after {edits:?}"
            );
        }
        kept += unchanged.len();
        new += after.iter().filter(|(name, digest)| before.get(*name) != Some(*digest)).count();
        if !is_committed {
            fixture::commit(&project.sandbox, &project.root);
        }
        before = after;
    }
    assert!(kept > 0 && new > 0, "seed {seed} tests nothing: {kept} images left out, {new} new digests");
}

#[test]
fn an_image_that_is_left_out_has_the_same_digest() {
    assert_unchanged_images_keep_their_digests(7, 12);
}

#[test]
#[ignore = "long: builds hundreds of states"]
fn long_an_image_that_is_left_out_has_the_same_digest() {
    (100..112).for_each(|seed| assert_unchanged_images_keep_their_digests(seed, 25));
}
