//! Several images of one project: each gets its own programs, whichever others are built beside it, and nothing gets a
//! name that was not judged.

use std::path::Path;

use crossdock_tests::{Layout, Sandbox, fixture};

/// What the amd64 program of an image prints, and the image's digest.
fn said(sandbox: &Sandbox, output: &Path, image: &str) -> (String, String) {
    let layout = Layout::open(output.join(image));
    let root = sandbox.work().join(format!("root-{image}"));
    let program = layout.program("linux/amd64", &root);
    let said = sandbox.tool(&root, program.to_str().unwrap(), &[]).success().stdout;
    std::fs::remove_dir_all(&root).unwrap();
    (said.trim().to_owned(), layout.digest().to_owned())
}

#[test]
fn two_images_of_one_rust_binary_keep_their_features() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "hello");
    let manifest = std::fs::read_to_string(project.join("Cargo.toml")).unwrap();
    fixture::write(project.join("Cargo.toml"), format!("{manifest}\n[features]\nx = []\ny = []\n"));
    fixture::write(
        project.join("src/main.rs"),
        "fn main() {\n    println!(\"{}{}\", if cfg!(feature = \"x\") { \"x\" } else { \"\" }, if cfg!(feature = \"y\") { \"y\" } else { \"\" });\n}\n",
    );
    fixture::write(
        project.join("crossdock.toml"),
        "[image.ex]\nfeatures = [\"x\"]\n\n[image.why]\nfeatures = [\"y\"]\n",
    );
    let output = project.join("target/crossdock");
    sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64", "--jobs", "1"]).success();
    let (both_x, both_y) = (said(&sandbox, &output, "ex"), said(&sandbox, &output, "why"));
    assert_eq!((both_x.0.as_str(), both_y.0.as_str()), ("x", "y"));
    sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64", "--image", "ex"]).success();
    assert_eq!(said(&sandbox, &output, "ex"), both_x);
}

#[test]
fn two_images_of_one_go_program_keep_their_linker_flags() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(
        project.join("main.go"),
        "package main\n\nimport \"fmt\"\n\nvar word = \"none\"\n\nfunc main() { fmt.Println(word) }\n",
    );
    fixture::write(
        project.join("crossdock.toml"),
        "[image.one]\nldflags = \"-X main.word=one\"\n\n[image.two]\nldflags = \"-X main.word=two\"\n",
    );
    sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64"]).success();
    let output = project.join("dist");
    let (one, two) = (said(&sandbox, &output, "one"), said(&sandbox, &output, "two"));
    assert_eq!((one.0.as_str(), two.0.as_str()), ("one", "two"));
    sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64", "--image", "two"]).success();
    assert_eq!(said(&sandbox, &output, "two"), two);
}

#[test]
fn every_built_platform_is_judged_whatever_for_names() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let arguments = ["dist", "--json", "--platform", "linux/amd64,linux/arm64", "--for", "linux/amd64"];
    let report = sandbox.crossdock(&project, &arguments).success().json();
    let judged: Vec<&str> = report["images"][0]["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|verdict| verdict["for"].as_str().unwrap())
        .collect();
    assert_eq!(judged, ["linux/amd64", "linux/arm64"]);
}

#[test]
fn nothing_is_no_answer() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    sandbox.crossdock(&project, &["tag"]).ends_with(2);
    let empty = sandbox.crossdock(&project, &["verify", "dist/hello"]).ends_with(5);
    assert!(empty.stderr.contains("holds no image"), "{empty}");
}
