use super::*;
use crate::discover::{GoFacts, GoRole, Network, Project, discover};
use crate::testing::{TestDirectory, processes};
use crossdock_platform::Platform;

fn environment(root: &Utf8Path) -> Environment {
    Environment::new(root)
}

#[test]
fn a_go_module_is_read_as_go_lists_it() {
    let directory = TestDirectory::new(&[
        (
            "go.mod",
            "module example.com/tool/v2 // a comment\n\ngo 1.26.1\n\ntoolchain go1.26.3\n\nreplace example.com/x => ../x\n",
        ),
        (
            "main.go",
            "// Package main.\npackage main\n\nimport (\n\t\"fmt\"\n\t\"example.com/tool/v2/own\"\n)\n\n//go:embed web/index.html\nvar page string\nfunc main() {}\n",
        ),
        ("main_windows.go", "package main\n\nimport \"C\"\n"),
        ("gen.go", "//go:build ignore\n\npackage generator\n"),
        ("own/own.go", "/* package other */\npackage own\n\nimport \"C\"\n"),
        ("cmd/other/main.go", "package main\nfunc main() {}\n"),
        ("testdata/main.go", "package main\n"),
        ("nested/go.mod", "module other\n"),
        ("nested/main.go", "package main\n"),
        ("main_test.go", "package main_test\n"),
    ]);
    let root = directory.path();
    let Project::Go(module) =
        read_manifests(&root, &DiscoverOptions::default(), &environment(&root)).unwrap()
    else {
        panic!("it is Go's");
    };
    assert_eq!((module.path.as_str(), module.go_version.as_deref()), ("example.com/tool/v2", Some("1.26.1")));
    assert_eq!(module.toolchain.as_deref(), Some("1.26.3"));
    let mains: Vec<_> = module.mains.iter().map(|main| (main.name.as_str(), &main.role)).collect();
    assert_eq!(mains, [("tool", &GoRole::Default), ("other", &GoRole::Default)]);
    let facts = |index: usize| module.mains[index].facts(&Platform::LINUX_ARM64).unwrap();
    assert_eq!(facts(0).cgo_packages, ["example.com/tool/v2/own"]);
    assert_eq!(facts(0).cgo_losses[0].to_string(), "example.com/tool/v2/own (`own.go`)");
    assert_eq!(*facts(1), GoFacts::default());
    let inside: Vec<&str> = module.sources.inside.iter().map(String::as_str).collect();
    assert_eq!(inside, ["*.go", "cmd/other", "own", "web"]);
    assert_eq!(
        module.sources.outside.iter().map(|path| path.file_name().unwrap()).collect::<Vec<_>>(),
        ["x"]
    );
}

#[test]
fn a_cargo_workspace_is_read_as_cargo_reports_it() {
    let directory = TestDirectory::new(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"crates/*\", \"xtask\"]\nexclude = [\"crates/old\"]\n[workspace.package]\nversion = \"1.2.3\"\n",
        ),
        (
            "Cargo.lock",
            "version = 4\n[[package]]\nname = \"api\"\nversion = \"1.2.3\"\ndependencies = [\"ring\", \"tikv-jemallocator\"]\n[[package]]\nname = \"tikv-jemallocator\"\nversion = \"0.7.0\"\ndependencies = [\"tikv-jemalloc-sys\"]\n[[package]]\nname = \"tikv-jemalloc-sys\"\nversion = \"0.7.0\"\ndependencies = [\"cc\"]\n[[package]]\nname = \"ring\"\nversion = \"0.17.0\"\ndependencies = [\"cc 1.0.0\"]\n[[package]]\nname = \"cc\"\nversion = \"1.0.0\"\n",
        ),
        (
            "crates/api/Cargo.toml",
            "[package]\nname = \"api\"\nversion.workspace = true\nedition = \"2024\"\ndescription = \"An API\"\n[features]\ndefault = [\"tls\"]\ntls = []\nextra = []\n[[bin]]\nname = \"admin\"\npath = \"src/admin.rs\"\nrequired-features = [\"tls\", \"extra\"]\n[dependencies]\nshared = { path = \"../../libs/shared\" }\n",
        ),
        ("crates/api/src/main.rs", ""),
        ("crates/api/src/bin/worker/main.rs", ""),
        ("crates/old/Cargo.toml", "[package]\nname = \"old\"\nversion = \"0.1.0\"\n"),
        ("crates/old/src/main.rs", ""),
        ("libs/shared/Cargo.toml", "[package]\nname = \"shared\"\nversion = \"0.1.0\"\n"),
        ("libs/shared/src/lib.rs", ""),
        ("xtask/Cargo.toml", "[package]\nname = \"xtask\"\nversion = \"0.1.0\"\n"),
        ("xtask/src/main.rs", ""),
    ]);
    let root = directory.path();
    let read = |directory: &Utf8Path| match read_manifests(
        directory,
        &DiscoverOptions::default(),
        &environment(&root),
    )
    .unwrap()
    {
        Project::Rust(workspace) => workspace,
        Project::Go(_) => panic!("it is Rust's"),
    };
    let workspace = read(&root);
    let packages: Vec<_> =
        workspace.packages.iter().map(|package| (package.name.as_str(), package.default_member)).collect();
    assert_eq!(packages, [("api", true), ("xtask", false)]);
    let api = &workspace.packages[0];
    assert_eq!((api.version.as_str(), api.metadata.description.as_deref()), ("1.2.3", Some("An API")));
    let binaries: Vec<_> =
        api.binaries.iter().map(|binary| (binary.name.as_str(), binary.missing_features.join(" "))).collect();
    assert_eq!(binaries, [("admin", "extra".to_owned()), ("api", String::new()), ("worker", String::new())]);
    let triple = "aarch64-unknown-linux-musl";
    let chains: Vec<String> = api.native_code.of(triple).iter().map(|chain| chain.join(" → ")).collect();
    assert_eq!(chains, ["api → ring → cc", "api → tikv-jemallocator → tikv-jemalloc-sys → cc"]);
    assert!(api.native_code.has_jemalloc(triple));
    let inside: Vec<&str> = workspace.sources.inside.iter().map(String::as_str).collect();
    assert_eq!(inside, ["crates/api", "libs/shared", "xtask"]);
    let member = read(&root.join("crates/api"));
    assert_eq!((&member.root, member.target_directory), (&root, root.join("target")));
    assert!(member.packages[0].default_member && !member.packages[1].default_member);
}

#[test]
fn manifests_that_say_too_little_are_refused() {
    let directory = TestDirectory::new(&[
        ("work/go.work", "go 1.26\n"),
        ("lib/go.mod", "module x\n"),
        ("lib/x.go", "package x\n"),
        ("broken/Cargo.toml", "[package\n"),
        ("rlib/Cargo.toml", "[package]\nname = \"rlib\"\n"),
    ]);
    let root = directory.path();
    let refusal = |directory: &str| {
        let refused = read_manifests(&root.join(directory), &DiscoverOptions::default(), &environment(&root));
        refused.unwrap_err().to_string().replace(root.as_str(), "")
    };
    assert!(refusal("work").contains("only go can list the modules"), "{}", refusal("work"));
    assert!(refusal("lib").contains("its packages `x` are libraries"), "{}", refusal("lib"));
    assert!(refusal("broken").starts_with("/broken/Cargo.toml: TOML parse error"), "{}", refusal("broken"));
    assert!(refusal("rlib").contains("none of its packages has a binary target"), "{}", refusal("rlib"));
}

/// Returns the answer of the tools and that of the manifests, without the parts that only tools know.
fn both(directory: &TestDirectory, below: &str) -> [Project; 2] {
    let place: Utf8PathBuf = directory.path().join(below).components().collect();
    let options = DiscoverOptions { network: Network::Offline, ..DiscoverOptions::default() };
    let processes = processes();
    let mut by_tools = discover(&place, &options, &processes).unwrap();
    let mut by_files = read_manifests(&place, &options, processes.environment()).unwrap();
    for project in [&mut by_tools, &mut by_files] {
        if let Project::Rust(workspace) = project {
            workspace.lock_created = false;
            workspace.target_directory = "".into();
            workspace.packages.iter_mut().for_each(|package| package.id.clear());
        }
        // Only go knows what a program embeds.
        if let Project::Go(module) = project {
            module.mains.iter_mut().for_each(|main| main.embeds.clear());
        }
    }
    [by_tools, by_files]
}

#[track_caller]
fn agree(directory: &TestDirectory, below: &str) {
    let [by_tools, by_files] = both(directory, below).map(|project| serde_json::to_value(project).unwrap());
    let text = |value| serde_json::to_string_pretty(&value).unwrap();
    assert_eq!(text(by_tools), text(by_files));
}

const MAIN: &str = "fn main() {}";

#[test]
fn cargo_and_the_manifests_agree() {
    let member = |name: &str, more: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion.workspace = true\nedition = \"2024\"\nlicense.workspace = true\n{more}"
        )
    };
    let directory = TestDirectory::new(&[
        (
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\", \"xtask\", \"examples/e\"]\nexclude = [\"crates/out\"]\n[workspace.package]\nversion = \"1.2.3\"\nlicense = \"MIT\"\n",
        ),
        (
            "crates/a/Cargo.toml",
            &member(
                "a",
                "default-run = \"a\"\n[features]\ndefault = [\"x\"]\nx = []\ny = []\n[[bin]]\nname = \"with-y\"\nrequired-features = [\"x\", \"y\"]\n[[bin]]\nname = \"named\"\npath = \"src/other.rs\"\n[dependencies]\nshared = { path = \"../../shared\" }\n",
            ),
        ),
        ("crates/a/src/main.rs", MAIN),
        ("crates/a/src/other.rs", MAIN),
        ("crates/a/src/bin/with-y.rs", MAIN),
        ("crates/a/src/bin/deep/main.rs", MAIN),
        ("crates/b/Cargo.toml", &member("b", "[lib]\n")),
        ("crates/b/src/lib.rs", ""),
        ("crates/out/Cargo.toml", "[package]\nname = \"out\"\n[workspace]\n"),
        ("shared/Cargo.toml", &member("shared", "")),
        ("shared/src/lib.rs", ""),
        ("xtask/Cargo.toml", &member("xtask", "")),
        ("xtask/src/main.rs", MAIN),
        ("examples/e/Cargo.toml", &member("e", "")),
        ("examples/e/src/main.rs", MAIN),
        ("rust-toolchain.toml", "[toolchain]\nchannel = \"stable\"\n"),
    ]);
    agree(&directory, "");
    agree(&directory, "crates/a");
    let single = TestDirectory::new(&[
        ("Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
        ("src/main.rs", MAIN),
        ("build.rs", MAIN),
        ("tests/t.rs", ""),
        ("notes.txt", ""),
    ]);
    agree(&single, "");
}

#[test]
fn go_and_the_manifests_agree() {
    let directory = TestDirectory::new(&[
        ("go.mod", "module example.com/m\n\ngo 1.25 // minimum\n\ntoolchain go1.26.1\n"),
        (
            "main.go",
            "package main\n\nimport (\n\t\"embed\"\n\t\"example.com/m/internal/word\"\n)\n\n//go:embed static/index.html\nvar files embed.FS\n\nfunc main() { println(word.W) }\n",
        ),
        ("static/index.html", "x"),
        ("internal/word/word.go", "package word\n\nconst W = \"w\"\n"),
        (
            "cmd/c/main.go",
            "// Package main is the one with C.\npackage main\n\n/*\nint f() { return 1; }\n*/\nimport \"C\"\n\nfunc main() { println(C.f()) }\n",
        ),
        ("tool.go", "//go:build ignore\n\npackage other\n"),
        ("cmd/arm/main_arm64.go", "package main\n\nimport _ \"example.com/m/db\"\n\nfunc main() {}\n"),
        ("db/db_cgo.go", "//go:build cgo\n\npackage db\n\nimport \"C\"\n\nfunc Open() {}\nfunc Close() {}\n"),
        (
            "db/db_pure.go",
            "//go:build !cgo\n\npackage db\n\nimport _ \"example.com/m/twin\"\n\nfunc Open() {}\n",
        ),
        ("twin/twin_cgo.go", "//go:build cgo\n\npackage twin\n\nimport \"C\"\n\nfunc Answer() {}\n"),
        ("twin/twin_pure.go", "//go:build !cgo\n\npackage twin\n\nfunc Answer() {}\n"),
        ("cmd/many/main_windows.go", "package main\n\nfunc main() {}\n"),
        (
            "cmd/many/main_unix.go",
            "//go:build (unix && !arm64) || ignore\n\npackage main\n\nfunc main() {}\n",
        ),
        ("testdata/main.go", "package main\nfunc main() {}\n"),
        ("_old/main.go", "package main\nfunc main() {}\n"),
        ("nested/go.mod", "module example.com/nested\n"),
        ("nested/main.go", "package main\nfunc main() {}\n"),
    ]);
    agree(&directory, "");
    let [Project::Go(module), _] = both(&directory, "") else { panic!("it is Go's") };
    let main = |name: &str| module.mains.iter().find(|main| main.name == name).unwrap();
    let built = |name: &str| {
        [Platform::LINUX_AMD64, Platform::LINUX_ARM64].map(|platform| main(name).has_files_for(&platform))
    };
    assert_eq!([built("m"), built("arm"), built("many")], [[true, true], [false, true], [true, false]]);
    let losses = &main("arm").facts(&Platform::LINUX_ARM64).unwrap().cgo_losses;
    let losses: Vec<String> = losses.iter().map(ToString::to_string).collect();
    assert_eq!(losses, ["example.com/m/db (`Close`)"]);
}
