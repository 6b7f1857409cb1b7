use camino::Utf8Path;

use super::*;
use crate::config::{Defaults, Features, ImageConfig, Sourced};
use crate::testing::{TestDirectory, processes};

impl TestDirectory {
    fn discover(&self) -> Result<Project, ProjectError> {
        discover(&self.path(), &offline(), &processes())
    }

    fn project(&self) -> Project {
        self.discover().unwrap()
    }

    fn error(&self) -> String {
        self.masked(self.discover().unwrap_err())
    }

    fn image(&self, name: &str) -> ImageConfig {
        let stated = |text: &str| Sourced::default_because(text.to_owned(), "a test");
        ImageConfig::new(stated(name), stated("").map(|_| self.path()), &Defaults::default())
    }
}

fn offline() -> DiscoverOptions {
    DiscoverOptions { network: Network::Offline, ..DiscoverOptions::default() }
}

fn names(programs: &[Program<'_>]) -> Vec<String> {
    programs.iter().map(|program| program.name().to_owned()).collect()
}

const MAIN: &str = "fn main() {}";
const GO_MAIN: &str = "package main\n\nfunc main() {}\n";

#[test]
fn a_cargo_workspace_builds_its_default_members_but_never_xtask_examples_or_tests() {
    let directory = TestDirectory::new(&[
        (
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"a\", \"b\", \"lib\", \"xtask\", \"other\"]\ndefault-members = [\"a\", \"b\", \"lib\", \"xtask\"]",
        ),
        (
            "a/Cargo.toml",
            "[package]\nname = \"a\"\nversion = \"1.2.3\"\nedition = \"2024\"\nlicense = \"MIT\"\n[features]\ntls = []\n[[bin]]\nname = \"a-renamed\"\npath = \"src/main.rs\"\n[[bin]]\nname = \"with-tls\"\nrequired-features = [\"tls\"]",
        ),
        ("a/src/main.rs", MAIN),
        ("a/src/bin/with-tls.rs", MAIN),
        ("a/examples/shown.rs", MAIN),
        ("a/tests/tested.rs", ""),
        ("b/Cargo.toml", "[package]\nname = \"b\"\nversion = \"0.1.0\"\nedition = \"2024\""),
        ("b/src/main.rs", MAIN),
        ("lib/Cargo.toml", "[package]\nname = \"lib\"\nversion = \"0.1.0\"\nedition = \"2024\""),
        ("lib/src/lib.rs", ""),
        ("xtask/Cargo.toml", "[package]\nname = \"xtask\"\nversion = \"0.1.0\"\nedition = \"2024\""),
        ("xtask/src/main.rs", MAIN),
        ("other/Cargo.toml", "[package]\nname = \"other\"\nversion = \"0.1.0\"\nedition = \"2024\""),
        ("other/src/main.rs", MAIN),
    ]);
    let project = directory.project();
    assert_eq!(names(&project.default_programs()), ["a-renamed", "b"]);
    assert_eq!(names(&project.programs()), ["a-renamed", "with-tls", "b", "other", "xtask"]);
    let Project::Rust(workspace) = &project else { panic!("a Cargo workspace") };
    assert_eq!(workspace.packages[0].version, "1.2.3");
    assert_eq!(workspace.packages[0].metadata.license.as_deref(), Some("MIT"));
    assert_eq!(workspace.packages[0].binaries[1].missing_features, ["tls"]);
    assert!(workspace.locked && workspace.lock_created, "cargo made the lock file that the build will use");

    // In a member's directory plain cargo builds that member.
    let member = discover(&directory.path().join("other"), &offline(), &processes()).unwrap();
    assert_eq!(names(&member.default_programs()), ["other"]);
    assert_eq!(member.root(), directory.path());
    let images = member.default_images(&Defaults::default()).unwrap();
    assert_eq!(
        images[0].path.value,
        directory.path().join("other"),
        "cargo runs in the directory that was asked about"
    );

    let images = project.default_images(&Defaults::default()).unwrap();
    let packages: Vec<_> = images.iter().map(|image| image.package.clone().unwrap().value).collect();
    assert_eq!(packages, ["a", "b"]);

    let mut image = directory.image("web");
    let select = |image: &ImageConfig| directory.masked(project.programs_for(image).unwrap_err());
    insta::assert_snapshot!(select(&image), @"the image `web` needs one program, and /p has `a-renamed`, `with-tls`, `b`, `other` and `xtask`; name it with `binary`, or with `binaries` if the image contains several");
    image.binaries = Some(Sourced::default_because(vec!["with-tls".into()], "a test"));
    insta::assert_snapshot!(select(&image), @"the program `with-tls` needs features that are disabled; add `tls` to the image's `features`");
    image.features.names = vec!["a/tls".into()];
    assert_eq!(names(&project.programs_for(&image).unwrap()), ["with-tls"]);
    image.binaries = Some(Sourced::default_because(vec!["a-renamd".into()], "a test"));
    insta::assert_snapshot!(select(&image), @"the default: a test: /p has no program `a-renamd`; did you mean `a-renamed`?");
    image.package = Some(Sourced::default_because("c".into(), "a test"));
    insta::assert_snapshot!(select(&image), @"the default: a test: /p has no package `c` with a program; it has `a`, `b`, `other` and `xtask`");
    assert_eq!(names(&project.programs_for(&directory.image("b")).unwrap()), ["b"]);
}

#[test]
fn a_workspace_without_default_members_leaves_out_its_examples() {
    let manifest =
        |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    let (app, shown, fuzz) = (manifest("app"), manifest("shown"), manifest("app-fuzz"));
    let members = "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"examples/*\", \"fuzz\"]\n";
    let files = |workspace| {
        [
            ("Cargo.toml", workspace),
            ("app/Cargo.toml", app.as_str()),
            ("app/src/main.rs", MAIN),
            ("examples/shown/Cargo.toml", shown.as_str()),
            ("examples/shown/src/main.rs", MAIN),
            ("fuzz/Cargo.toml", fuzz.as_str()),
            ("fuzz/src/main.rs", MAIN),
        ]
    };
    let directory = TestDirectory::new(&files(members));
    assert_eq!(names(&directory.project().default_programs()), ["app"]);
    let asked_for = discover(&directory.path().join("examples/shown"), &offline(), &processes()).unwrap();
    assert_eq!(names(&asked_for.default_programs()), ["shown"]);
    let named = format!("{members}default-members = [\"examples/shown\"]\n");
    assert_eq!(names(&TestDirectory::new(&files(&named)).project().default_programs()), ["shown"]);
}

#[test]
fn chains_lead_to_the_build_scripts_that_compile_c_for_the_target() {
    let package = |name: &str, rest: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{rest}")
    };
    let dependency = |kind: &str, name: &str| format!("[{kind}]\n{name} = {{ path = \"../{name}\" }}\n");
    let members = [
        "app",
        "clean",
        "wrapper",
        "native-sys",
        "cc",
        "finder-sys",
        "pkg-config",
        "carrier-sys",
        "carrier-src",
        "derive",
        "host-sys",
        "optional-sys",
        "tested-sys",
    ];
    let build = |name: &str, tool: &str, rest: &str| {
        package(name, &format!("{rest}\n{}", dependency("build-dependencies", tool)))
    };
    let app = [
        dependency("dependencies", "wrapper"),
        "finder-sys = { path = \"../finder-sys\" }\ncarrier-sys = { path = \"../carrier-sys\" }\nderive = { path = \"../derive\" }\n".to_owned(),
        "optional-sys = { path = \"../optional-sys\", optional = true }\n".to_owned(),
        "[target.'cfg(windows)'.dependencies]\ntested-sys = { path = \"../tested-sys\" }\n".to_owned(),
        dependency("dev-dependencies", "tested-sys"),
        dependency("build-dependencies", "host-sys"),
    ];
    let manifests = [
        ("app", package("app", &app.concat())),
        ("clean", package("clean", &dependency("dependencies", "derive"))),
        ("wrapper", package("wrapper", &dependency("dependencies", "native-sys"))),
        ("native-sys", build("native-sys", "cc", "")),
        ("cc", package("cc", "")),
        ("finder-sys", build("finder-sys", "pkg-config", "links = \"finder\"")),
        ("pkg-config", package("pkg-config", "")),
        ("carrier-sys", build("carrier-sys", "carrier-src", "")),
        ("carrier-src", package("carrier-src", &dependency("dependencies", "cc"))),
        (
            "derive",
            package(
                "derive",
                &format!("[lib]\nproc-macro = true\n{}", dependency("dependencies", "host-sys")),
            ),
        ),
        ("host-sys", build("host-sys", "cc", "")),
        ("optional-sys", build("optional-sys", "cc", "")),
        ("tested-sys", build("tested-sys", "cc", "")),
    ];
    let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n");
    let mut files = vec![("Cargo.toml".to_owned(), workspace)];
    for (name, manifest) in manifests {
        let main = if ["app", "clean"].contains(&name) { "main.rs" } else { "lib.rs" };
        files.push((format!("{name}/Cargo.toml"), manifest));
        files.push((format!("{name}/src/{main}"), MAIN.to_owned()));
        files.push((format!("{name}/build.rs"), MAIN.to_owned()));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let directory = TestDirectory::new(&files);
    let chains = |options: &DiscoverOptions| {
        let Project::Rust(workspace) = discover(&directory.path(), options, &processes()).unwrap() else {
            panic!("cargo")
        };
        assert!(workspace.packages[1].native_code.is_empty(), "macros compile for the host");
        let chains = workspace.packages[0].native_code.of("x86_64-unknown-linux-musl").iter();
        chains.map(|chain| chain.join(" → ")).collect::<Vec<_>>()
    };
    let mut expected = vec![
        "app → carrier-sys → carrier-src → cc",
        "app → finder-sys → pkg-config",
        "app → wrapper → native-sys → cc",
    ];
    assert_eq!(chains(&offline()), expected);
    let features = Features { names: vec!["optional-sys".into()], ..Features::default() };
    expected.insert(2, "app → optional-sys → cc");
    assert_eq!(chains(&DiscoverOptions { features, ..offline() }), expected);
}

#[test]
fn the_features_of_a_directorys_images_are_joined() {
    let directory = TestDirectory::new(&[]);
    let (mut one, mut two) = (directory.image("one"), directory.image("two"));
    one.features = Features { names: vec!["tls".into(), "a".into()], all: false, no_default: true };
    two.features.names = vec!["a".into()];
    let both = DiscoverOptions::for_images([&one, &two], Network::Offline);
    let expected = Features { names: vec!["a".into(), "tls".into()], all: false, no_default: false };
    assert_eq!((both.features, both.network), (expected, Network::Offline));
    assert!(DiscoverOptions::for_images([&one], Network::Online).features.no_default);
    assert_eq!(DiscoverOptions::for_images([], Network::Online).features, Features::default());
}

#[test]
fn a_library_has_no_program() {
    let manifest = "[package]\nname = \"only-lib\"\nversion = \"0.1.0\"\nedition = \"2024\"";
    let directory =
        TestDirectory::new(&[("Cargo.toml", manifest), ("src/lib.rs", ""), ("examples/x.rs", MAIN)]);
    insta::assert_snapshot!(directory.error(), @"/p has no program: none of its packages `only-lib` has a binary target; add src/main.rs or a [[bin]] to a package");
}

#[test]
fn a_stale_lock_file_is_refused_and_stays_unchanged() {
    let lock = "version = 4\n\n[[package]]\nname = \"x\"\nversion = \"0.0.9\"\n";
    let directory = TestDirectory::new(&[
        ("Cargo.toml", "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2024\""),
        ("src/main.rs", MAIN),
        ("Cargo.lock", lock),
    ]);
    insta::assert_snapshot!(directory.error(), @"/p/Cargo.lock does not match Cargo.toml, and crossdock never changes it; update it with `cargo update --workspace` and commit it");
    assert_eq!(std::fs::read_to_string(directory.path().join("Cargo.lock")).unwrap(), lock);
}

#[test]
fn a_package_excluded_from_the_workspace_has_its_own_lock_file() {
    let manifest =
        |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    let directory = TestDirectory::new(&[
        ("Cargo.toml", &format!("[workspace]\nexclude = [\"apart\"]\n{}", manifest("above"))),
        ("src/main.rs", MAIN),
        ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"above\"\nversion = \"0.1.0\"\n"),
        ("apart/Cargo.toml", &manifest("apart")),
        ("apart/src/main.rs", MAIN),
    ]);
    let lock_created = |directory: &Utf8Path| match discover(directory, &offline(), &processes()).unwrap() {
        Project::Rust(workspace) => workspace.lock_created,
        Project::Go(_) => panic!("a Cargo workspace"),
    };
    assert!(!lock_created(&directory.path()));
    assert!(lock_created(&directory.path().join("apart")));
    assert!(!lock_created(&directory.path().join("apart")));
}

#[test]
fn the_message_of_cargo_is_shown_in_full() {
    let directory = TestDirectory::new(&[
        ("Cargo.toml", "[package]\nname = \"x\"\nversion = 3\n"),
        ("src/main.rs", MAIN),
    ]);
    assert!(directory.error().contains("version = 3"), "{}", directory.error());
}

#[test]
fn go_programs_of_the_root_and_of_cmd_come_before_others() {
    let directory = TestDirectory::new(&[
        ("go.mod", "module example.com/tool/v2\n\ngo 1.21\n"),
        ("main.go", GO_MAIN),
        ("cmd/other/main.go", GO_MAIN),
        ("cmd/tool/main.go", GO_MAIN),
        ("gen/main.go", GO_MAIN),
        ("examples/shown/main.go", GO_MAIN),
        ("testdata/never/main.go", GO_MAIN),
        ("lib/lib.go", "package lib\n"),
        ("nested/go.mod", "module example.com/nested\n"),
        ("nested/main.go", GO_MAIN),
    ]);
    let project = directory.project();
    assert_eq!(names(&project.default_programs()), ["tool", "other"]);
    assert_eq!(names(&project.secondary_programs()), ["tool", "gen"]);
    let Project::Go(module) = &project else { panic!("a Go module") };
    assert_eq!((module.path.as_str(), module.go_version.as_deref()), ("example.com/tool/v2", Some("1.21")));
    let roles: Vec<_> = module.mains.iter().map(|main| (main.name.as_str(), main.role.clone())).collect();
    let shown = GoRole::Internal("examples".into());
    assert_eq!(
        roles,
        [
            ("tool", GoRole::Default),
            ("other", GoRole::Default),
            ("tool", GoRole::Secondary),
            ("shown", shown),
            ("gen", GoRole::Secondary)
        ]
    );

    let mut image = directory.image("x");
    image.package = Some(Sourced::default_because("./cmd/other".into(), "a test"));
    assert_eq!(names(&project.programs_for(&image).unwrap()), ["other"]);
    image.package = Some(Sourced::default_because("./cmd/othre".into(), "a test"));
    insta::assert_snapshot!(directory.masked(project.programs_for(&image).unwrap_err()), @"the default: a test: /p has no package `./cmd/othre` with a program; for `linux/amd64` and `linux/arm64` it has `example.com/tool/v2`, `example.com/tool/v2/cmd/other`, `example.com/tool/v2/cmd/tool`, `example.com/tool/v2/examples/shown` and `example.com/tool/v2/gen`");
}

#[test]
fn examples_become_no_image_even_without_other_programs() {
    let directory = TestDirectory::new(&[
        ("go.mod", "module example.com/library\n\ngo 1.21\n"),
        ("lib.go", "package library\n"),
        ("examples/shown/main.go", GO_MAIN),
    ]);
    let error = directory.project().default_images(&Defaults::default()).unwrap_err();
    assert!(error.to_string().contains("its programs, `shown`, are in directories of examples"), "{error}");
}

#[test]
fn go_programs_below_cmd_are_the_default() {
    let directory = TestDirectory::new(&[
        ("go.mod", "module m\n"),
        ("cmd/a/main.go", GO_MAIN),
        ("cmd/b/main.go", GO_MAIN),
        ("cmd/docs/main.go", GO_MAIN),
        ("cmd/a/internal/gen/main.go", GO_MAIN),
        ("gen/main.go", GO_MAIN),
        ("cmd/windows/main_windows.go", GO_MAIN),
        ("cmd/only-tests/main_test.go", "package main\n"),
        ("cmd/never/main.go", &format!("//go:build ignore\n\n{GO_MAIN}")),
    ]);
    let project = directory.project();
    assert_eq!(names(&project.default_programs()), ["a", "b", "docs"]);
    assert_eq!(names(&project.programs()), ["a", "gen", "b", "docs", "gen"]);
}

#[test]
fn cgo_files_outside_the_standard_library_are_named() {
    let directory = TestDirectory::new(&[
        ("go.mod", "module m\n"),
        (
            "cmd/plain/main.go",
            "package main\n\nimport \"net\"\n\nfunc main() { _, _ = net.LookupHost(\"x\") }\n",
        ),
        ("cmd/c/main.go", "package main\n\nimport _ \"m/db\"\n\nfunc main() {}\n"),
        ("db/db.go", "package db\n"),
        ("db/native.go", "package db\n\nimport \"C\"\n"),
        ("db/native_windows.go", "package db\n\nimport \"C\"\n"),
        ("win/native_windows.go", "package win\n\nimport \"C\"\n"),
    ]);
    let Project::Go(module) = directory.project() else { panic!("a Go module") };
    let facts = |index: usize| module.mains[index].facts(&Platform::LINUX_AMD64).unwrap();
    assert_eq!(
        (module.mains[0].name.as_str(), facts(0).cgo_packages.as_slice()),
        ("c", &["m/db".to_owned()][..])
    );
    assert_eq!(facts(0).cgo_losses[0].to_string(), "m/db (`native.go`)");
    assert_eq!((module.mains[1].name.as_str(), facts(1)), ("plain", &GoFacts::default()));
}

/// Returns what each program loses without cgo, for a platform.
fn losses(directory: &TestDirectory, platform: &Platform) -> Vec<String> {
    let Project::Go(module) = directory.project() else { panic!("a Go module") };
    let of = |main: &GoMain| {
        let losses = &main.facts(platform).unwrap().cgo_losses;
        let losses: Vec<String> = losses.iter().map(ToString::to_string).collect();
        format!("{}: {}", main.name, if losses.is_empty() { "nothing".to_owned() } else { losses.join(", ") })
    };
    module.mains.iter().map(of).collect()
}

/// The packages with cgo that coredns imports have such twins.
#[test]
fn packages_with_other_files_in_place_of_cgo_lose_nothing() {
    let cgo = |text: &str| format!("//go:build cgo\n\n{text}");
    let pure = |text: &str| format!("//go:build !cgo\n\n{text}");
    let main = |imports: &str| format!("package main\n\nimport _ \"m/{imports}\"\n\nfunc main() {{}}\n");
    let files = [
        ("go.mod", "module m\n".to_owned()),
        ("cmd/twin/main.go", main("twin")),
        ("twin/cgo.go", cgo("package twin\n\nimport \"C\"\n\nfunc Open() {}\n")),
        ("twin/pure.go", pure("package twin\n\nfunc Open() {}\nfunc More() {}\n")),
        // As mattn/go-sqlite3: without cgo a stub fails when it is called.
        ("cmd/stub/main.go", main("stub")),
        (
            "stub/cgo.go",
            cgo(
                "package stub\n\nimport \"C\"\n\ntype Conn struct{}\n\nfunc (*Conn) Close() {}\nfunc Open() *Conn { return nil }\n",
            ),
        ),
        ("stub/pure.go", pure("package stub\n\nfunc Open() {}\n")),
        // One of two packages is imported.
        ("cmd/either/main.go", main("either")),
        ("either/cgo.go", cgo("package either\n\nimport _ \"m/native\"\n")),
        ("either/pure.go", pure("package either\n")),
        ("native/native.go", "package native\n\nimport \"C\"\n\nfunc Native() {}\n".to_owned()),
        // A driver registers itself: nothing takes its place.
        ("cmd/driver/main.go", main("driver")),
        ("driver/driver.go", "package driver\n".to_owned()),
        ("driver/cgo.go", cgo("package driver\n\nimport _ \"m/native\"\n")),
        ("cmd/whole/main.go", main("native")),
        ("cmd/only/main.go", "package main\n\nimport \"C\"\n\nfunc main() {}\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let directory = TestDirectory::new(&files);
    insta::assert_snapshot!(losses(&directory, &Platform::LINUX_AMD64).join("\n"), @"
    driver: m/driver (`cgo.go`)
    either: nothing
    only: m/cmd/only (`main.go`)
    stub: m/stub (`Conn` and `Conn.Close`)
    twin: nothing
    whole: m/native (`Native`)
    ");
}

#[test]
fn facts_of_one_architecture_are_not_those_of_another() {
    let directory = TestDirectory::new(&[("go.mod", "module m\n"), ("main_arm64.go", GO_MAIN)]);
    let Project::Go(module) = directory.project() else { panic!("a Go module") };
    assert_eq!(names(&Project::Go(module.clone()).default_programs()), ["m"]);
    let main = &module.mains[0];
    assert!(main.has_files_for(&Platform::LINUX_ARM64) && !main.has_files_for(&Platform::LINUX_AMD64));
    let amd64 = DiscoverOptions { platforms: vec![Platform::LINUX_AMD64], ..offline() };
    let error = discover(&directory.path(), &amd64, &processes()).unwrap_err();
    insta::assert_snapshot!(directory.masked(error), @"/p has no program: it has no Go packages for `linux/amd64`; add a `package main` with `func main()`");

    let directory = TestDirectory::new(&[
        ("go.mod", "module m\n"),
        ("main.go", GO_MAIN),
        ("fast_amd64.go", "package main\n\nimport \"C\"\n"),
        ("level.go", "//go:build amd64.v3\n\npackage main\n\nimport _ \"m/level\"\n"),
        ("level/level.go", "package level\n\nimport \"C\"\n"),
    ]);
    assert_eq!(losses(&directory, &Platform::LINUX_AMD64), ["m: m (`fast_amd64.go`)"]);
    assert_eq!(losses(&directory, &Platform::LINUX_ARM64), ["m: nothing"]);
    let v3 = Platform::parse("linux/amd64/v3").unwrap();
    let options = DiscoverOptions { platforms: vec![v3.clone()], ..offline() };
    let Project::Go(module) = discover(&directory.path(), &options, &processes()).unwrap() else {
        panic!("Go")
    };
    assert_eq!(module.mains[0].facts(&v3).unwrap().cgo_packages, ["m", "m/level"]);
}

#[test]
fn c_code_counts_only_for_the_triples_that_compile_it() {
    let package = |name: &str, rest: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{rest}")
    };
    let native = |name: &str| package(name, "[build-dependencies]\ncc = { path = \"../cc\" }\n");
    let app = "[target.'cfg(target_arch = \"aarch64\")'.dependencies]\narm-sys = { path = \"../arm-sys\" }\n\
               [target.'cfg(target_env = \"musl\")'.dependencies]\nmusl-sys = { path = \"../musl-sys\" }\n\
               [target.'cfg(windows)'.dependencies]\nwin-sys = { path = \"../win-sys\" }\n";
    let members = ["app", "arm-sys", "musl-sys", "win-sys", "cc"];
    let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n");
    let mut files =
        vec![("Cargo.toml".to_owned(), workspace), ("app/src/main.rs".to_owned(), MAIN.to_owned())];
    for name in members {
        let text = match name {
            "app" => package(name, app),
            "cc" => package(name, ""),
            _ => native(name),
        };
        files.push((format!("{name}/Cargo.toml"), text));
        if name != "app" {
            files.push((format!("{name}/src/lib.rs"), String::new()));
            files.push((format!("{name}/build.rs"), MAIN.to_owned()));
        }
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let directory = TestDirectory::new(&files);
    let native_code = |platforms: &[&str]| {
        let platforms = platforms.iter().map(|text| Platform::parse(text).unwrap()).collect();
        let options = DiscoverOptions { platforms, ..offline() };
        let Project::Rust(workspace) = discover(&directory.path(), &options, &processes()).unwrap() else {
            panic!("cargo")
        };
        workspace.packages[0].native_code.clone()
    };
    let code = native_code(&["linux/amd64", "linux/arm64"]);
    let of = |code: &NativeCode, triple: &str| {
        code.of(triple).iter().map(|chain| chain.join(" → ")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(of(&code, "x86_64-unknown-linux-gnu"), "");
    assert_eq!(of(&code, "x86_64-unknown-linux-musl"), "app → musl-sys → cc");
    assert_eq!(of(&code, "aarch64-unknown-linux-gnu"), "app → arm-sys → cc");
    assert_eq!(of(&code, "aarch64-unknown-linux-musl"), "app → arm-sys → cc, app → musl-sys → cc");
    let code = native_code(&["darwin/arm64", "windows/amd64"]);
    assert_eq!(of(&code, "aarch64-apple-darwin"), "app → arm-sys → cc");
    assert_eq!(of(&code, "x86_64-pc-windows-gnu"), "app → win-sys → cc");
    assert_eq!(of(&code, "x86_64-pc-windows-msvc"), "app → win-sys → cc");
    let both = native_code(&["linux/amd64"]).and(&native_code(&["linux/arm64"]));
    assert_eq!(
        of(&both, "x86_64-unknown-linux-gnu"),
        "app → arm-sys → cc, app → musl-sys → cc",
        "unknown here"
    );
}

/// Cargo refuses the question for a target that its rustc does not know.
#[cfg(unix)]
#[test]
fn a_compiler_that_is_older_than_a_target_answers_for_the_others() {
    let old = "#!/bin/sh\ncase \"$*\" in *riscv64gc-unknown-linux-*) ;; *) exec rustc \"$@\" ;; esac\n\
               for word; do case $word in riscv64gc-*) triple=$word ;; esac; done\n\
               echo \"error: error loading target specification: could not find specification for target \\\"$triple\\\"\" >&2\nexit 1\n";
    let directory = TestDirectory::new(&[
        ("Cargo.toml", "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
        ("src/main.rs", MAIN),
        ("old-rustc", old),
    ]);
    let rustc = directory.path().join("old-rustc");
    std::fs::set_permissions(&rustc, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut environment = processes().environment().clone();
    environment.variables.insert("RUSTC".to_owned(), rustc.into_string());
    let processes = crossdock_system::process::Processes::new(
        environment.into(),
        crossdock_system::process::Cancel::default(),
    );
    for platforms in [&["linux/amd64", "linux/riscv64"][..], &["linux/riscv64"]] {
        let platforms = platforms.iter().map(|text| Platform::parse(text).unwrap()).collect();
        let options = DiscoverOptions { platforms, ..offline() };
        let project = discover(&directory.path(), &options, &processes).unwrap();
        assert_eq!(names(&project.programs()), ["x"]);
    }
}

#[test]
fn a_go_workspace_needs_no_module_in_its_root() {
    let directory = TestDirectory::new(&[
        ("go.work", "go 1.22\n\nuse ./one\nuse ./two\n"),
        ("one/go.mod", "module example.com/one\n\ngo 1.22\n"),
        ("one/main.go", GO_MAIN),
        ("two/go.mod", "module example.com/two\n\ngo 1.22\n"),
        ("two/cmd/deep/main.go", GO_MAIN),
    ]);
    let project = directory.project();
    assert_eq!(names(&project.programs()), ["one", "deep"]);
}

#[test]
fn go_modules_without_a_program_are_refused() {
    let directory = TestDirectory::new(&[("go.mod", "module m\n"), ("lib.go", "package lib\n")]);
    insta::assert_snapshot!(directory.error(), @"/p has no program: its packages `m` are libraries; add a `package main` with `func main()`");
    let directory = TestDirectory::new(&[("go.mod", "module m\n"), ("README", "")]);
    insta::assert_snapshot!(directory.error(), @"/p has no program: it has no Go packages for `linux/amd64` and `linux/arm64`; add a `package main` with `func main()`");
    let directory = TestDirectory::new(&[("go.mod", "module m\n"), ("a.go", "pakage main\n")]);
    insta::assert_snapshot!(directory.error(), @r"
    go cannot load the packages of /p:
    a.go:1:1: expected 'package', found pakage
    ");
    let directory = TestDirectory::new(&[("go.mod", "modul m\n"), ("a.go", GO_MAIN)]);
    insta::assert_snapshot!(directory.error(), @r"
    go refused the project in /p:
    go: errors parsing go.mod:
    go.mod:1: unknown directive: modul
    ");
}

#[test]
fn directories_without_a_project_and_missing_tools_are_reported() {
    let directory = TestDirectory::new(&[("src/main.rs", MAIN)]);
    insta::assert_snapshot!(directory.error(), @"/p is not a project: it has no Cargo.toml, go.mod or go.work");
    let directory = TestDirectory::new(&[("go.mod", "module m\n")]);
    let options = DiscoverOptions { go: "no-such-go".into(), ..offline() };
    let error = discover(&directory.path(), &options, &processes()).unwrap_err();
    insta::assert_snapshot!(directory.masked(error), @"/p is a Go project, and `no-such-go` was not found");
}

#[test]
fn sources_are_listed_once_and_outside_directories_apart() {
    let mut sources = Sources::default();
    let none = std::iter::empty;
    for directory in ["/p/crates/a/b", "/p/crates/a", "/p/crates/ab", "/q"] {
        sources.add("/p".into(), directory.into(), none());
    }
    sources.add("/p".into(), "/p".into(), ["src".to_owned()].into_iter());
    let sources = sources.reduced();
    assert_eq!(sources.inside.iter().collect::<Vec<_>>(), ["crates/a", "crates/ab", "src"]);
    assert_eq!(sources.outside.iter().collect::<Vec<_>>(), ["/q"]);
    assert_eq!(first_part("/p".into(), "/p/src/bin/x.rs".into()).as_deref(), Some("src"));
}
