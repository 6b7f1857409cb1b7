//! Go programs with C code are linked to the requested C library.

use std::path::{Path, PathBuf};

use crossdock_tests::{Layout, Sandbox, fixture};

/// Creates a Go module that prints a value from C, and its configuration.
fn project(sandbox: &Sandbox, config: &str) -> PathBuf {
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(
        project.join("main.go"),
        "package main\n\n// #include <stdlib.h>\n// static int answer(void) { return abs(-42); }\nimport \"C\"\n\n\
         import \"fmt\"\n\nfunc main() { fmt.Println(C.answer()) }\n",
    );
    configure(&project, config);
    project
}

fn configure(project: &Path, config: &str) {
    fixture::write(project.join("crossdock.toml"), format!("[image.hello]\ncgo = true\n{config}"));
}

/// Builds the image, runs its program, and returns the program's bytes.
fn program(sandbox: &Sandbox, project: &Path) -> Vec<u8> {
    sandbox.crossdock(project, &["dist", "--platform", "linux/amd64"]).success();
    let root = sandbox.work().join("root");
    let program = Layout::open(project.join(".crossdock/hello")).program("linux/amd64", &root);
    assert_eq!(sandbox.tool(&root, program.to_str().unwrap(), &[]).success().stdout, "42\n");
    let bytes = std::fs::read(program).unwrap();
    std::fs::remove_dir_all(root).unwrap();
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A text that only programs with glibc hold: the directory from which glibc reads its locales, which musl does not have.
const LOCALES: &str = "/usr/lib/locale";

#[test]
fn libc_glibc_links_a_static_program_to_glibc() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "libc = \"gnu\"\n");
    assert!(holds(&program(&sandbox, &project), LOCALES));
}

#[test]
fn the_command_line_decides_about_cgo() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(
        project.join("native.go"),
        "package main\n\n// int answer(void) { return 42; }\nimport \"C\"\n\nfunc Answer() int { return int(C.answer()) }\n",
    );
    let run = |arguments: &[&str]| sandbox.crossdock(&project, arguments);
    let undecided = run(&["plan"]).ends_with(2);
    undecided.complains("a part of example.com/hello (`Answer`)").complains("`--cgo=true` or `--cgo=false`");
    let why = run(&["plan", "--cgo=false"]).success().stdout;
    assert!(why.contains("without cgo: --cgo on the command line says so"), "{why}");
    for command in ["build", "verify", "tag", "dist"] {
        run(&[command, "--cgo=false", "--platform", "linux/amd64"]).success();
    }
    for (cgo, expected) in [("--cgo=true", "CGO_ENABLED=1"), ("--cgo=false", "CGO_ENABLED=0")] {
        for file in ["dockerfile", "bake"] {
            let text = run(&["render", file, cgo]).success().stdout;
            assert!(text.contains(expected), "{text}");
        }
        let plan = run(&["plan", cgo]).success().stdout;
        assert!(plan.contains(expected), "{plan}");
    }
    configure(&project, "linkage = \"dynamic\"\n");
    let contradiction = run(&["plan", "--cgo=false"]).ends_with(2);
    contradiction.complains("crossdock.toml:3:11").complains("--cgo on the command line");
    let rust = fixture::rust_package(&sandbox.work(), "rust");
    sandbox.crossdock(&rust, &["plan", "--cgo=true"]).ends_with(2).complains("applies to Go programs");
}

#[test]
fn dynamic_musl_without_its_loader_is_an_error() {
    let sandbox = Sandbox::new();
    let dynamic = "libc = \"musl\"\nlinkage = \"dynamic\"\n";
    let project = project(&sandbox, dynamic);
    let refused = sandbox.crossdock(&project, &["dist"]).ends_with(2);
    let refused = refused.complains("`libc = \"musl\"`").complains("`linkage = \"dynamic\"`");
    refused.complains("crossdock.toml:3:8").complains("crossdock.toml:4:11");
}

/// zig builds musl first, which takes minutes.
#[test]
#[ignore = "minutes: `cargo xtask test --long`"]
fn long_libc_musl_links_a_program_to_musl() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "libc = \"musl\"\n");
    assert!(!holds(&program(&sandbox, &project), LOCALES));
    let loader = Path::new("/lib/ld-musl-x86_64.so.1");
    std::fs::copy(loader, project.join("ld")).unwrap_or_else(|error| panic!("{}: {error}", loader.display()));
    let files = format!("files = [{{ from = \"ld\", to = \"{}\", mode = \"0755\" }}]\n", loader.display());
    configure(&project, &format!("libc = \"musl\"\nlinkage = \"dynamic\"\n{files}"));
    assert!(holds(&program(&sandbox, &project), "ld-musl-x86_64.so.1"));
}
