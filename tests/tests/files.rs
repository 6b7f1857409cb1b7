//! `files` of an image: which files of a directory are packed, which are left out, and links that lead elsewhere.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crossdock_tests::{Layout, Sandbox, fixture};

const ONE: [&str; 3] = ["dist", "--platform", "linux/amd64"];

/// Creates a Go project with a directory `assets`, whose image takes `from`.
fn project(sandbox: &Sandbox, from: &str) -> PathBuf {
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(project.join("assets/a.txt"), "a");
    fixture::configure_files(&project, from);
    project
}

/// Returns the files below `/srv/files` of an image, sorted.
fn packed(sandbox: &Sandbox, layout: PathBuf) -> Vec<String> {
    let root = sandbox.work().join("root");
    Layout::open(layout).unpack("linux/amd64", &root);
    let directory = root.join("srv/files");
    let listed = sandbox.tool(&directory, "find", &[".", "-type", "f"]).success().stdout;
    std::fs::remove_dir_all(&root).unwrap();
    let mut files: Vec<String> =
        listed.lines().map(|line| line.trim_start_matches("./").to_owned()).collect();
    files.sort();
    files
}

#[test]
fn a_whole_go_project_is_packed_without_files_of_git_and_crossdock() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, ".");
    fixture::commit(&sandbox, &project);
    let first = sandbox.crossdock(&project, &[&ONE[..], &["--archive"]].concat()).success();
    assert_eq!(first.stderr.matches("note: image `hello`: `files` leaves out").count(), 1, "{first}");
    first.clone().complains("hello/.git").complains("hello/.crossdock");
    let expected = ["assets/a.txt", "crossdock.toml", "go.mod", "main.go"];
    assert_eq!(packed(&sandbox, project.join(".crossdock/hello")), expected);
    let second = sandbox.crossdock(&project, &ONE).success();
    assert_eq!(first.digest(), second.digest(), "nothing changed between the runs");
    // The layout of another run is in a directory that crossdock made, which is left out, too.
    let other = sandbox.crossdock(&project, &[&ONE[..], &["--output", "elsewhere"]].concat()).success();
    assert_eq!(other.digest(), first.digest());
    assert_eq!(sandbox.crossdock(&project, &ONE).success().digest(), first.digest());
}

#[test]
fn user_files_next_to_the_output_of_crossdock_are_packed() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, ".");
    fixture::write(project.join("dist/page.html"), "<p>");
    let arguments = [&ONE[..], &["--archive", "--output", "dist"]].concat();
    let first = sandbox.crossdock(&project, &arguments).success();
    let expected = ["assets/a.txt", "crossdock.toml", "dist/page.html", "go.mod", "main.go"];
    assert_eq!(packed(&sandbox, project.join("dist/hello")), expected);
    let second = sandbox.crossdock(&project, &arguments).success();
    assert_eq!(first.digest(), second.digest(), "nothing changed between the runs");
}

#[test]
fn a_whole_rust_project_is_packed_without_the_target_directory() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "hello");
    fixture::configure_files(&project, ".");
    let first = sandbox.crossdock(&project, &ONE).success();
    let expected = ["Cargo.lock", "Cargo.toml", "crossdock.toml", "src/main.rs"];
    assert_eq!(packed(&sandbox, project.join("target/crossdock/hello")), expected);
    assert_eq!(first.digest(), sandbox.crossdock(&project, &ONE).success().digest());
}

#[test]
fn links_that_stay_in_the_project_are_followed() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "assets");
    fixture::commit(&sandbox, &project);
    symlink("../go.mod", project.join("assets/module")).unwrap();
    symlink("a.txt", project.join("assets/b.txt")).unwrap();
    fixture::write(project.join("more/c.txt"), "c");
    symlink("../more", project.join("assets/more")).unwrap();
    symlink("../.git/config", project.join("assets/config")).unwrap();
    sandbox.crossdock(&project, &ONE).success().complains("leaves out what git, cargo and crossdock keep");
    assert_eq!(
        packed(&sandbox, project.join(".crossdock/hello")),
        ["a.txt", "b.txt", "module", "more/c.txt"]
    );
}

/// A link below a directory of `files` is an error that names image, key, link and target.
#[test]
fn links_that_cannot_be_packed_are_errors() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "assets");
    fixture::write(sandbox.work().join("outside.txt"), "of this machine");
    let link = project.join("assets/deep/link");
    std::fs::create_dir_all(project.join("assets/deep")).unwrap();
    for (target, why) in [
        ("/etc/hostname", "a symbolic link to /etc/hostname, outside of the project directory"),
        ("../../../outside.txt", "outside.txt, outside of the project directory"),
        ("/", "a symbolic link to /, outside of the project directory"),
        ("nowhere", "a symbolic link to nowhere, which does not exist"),
        ("..", "a directory that contains the link"),
        (".", "a directory that contains the link"),
        ("back", "which cannot be followed"),
    ] {
        symlink(target, &link).unwrap();
        if target == "back" {
            symlink("link", project.join("assets/deep/back")).unwrap();
        }
        let outcome = sandbox.crossdock(&project, &ONE).ends_with(2);
        let outcome =
            outcome.complains("image `hello`: `files` includes").complains("assets/deep/").complains(why);
        assert!(!outcome.stderr.contains("panicked") && outcome.stdout.is_empty(), "{outcome}");
        assert!(outcome.stderr.lines().all(|line| line.len() < 600), "{outcome}");
        std::fs::remove_file(&link).unwrap();
    }
}

#[test]
fn only_an_archive_of_crossdock_is_overwritten() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "assets");
    let archive = project.join(".crossdock/hello.tar");
    let arguments = [&ONE[..], &["--archive"]].concat();
    fixture::write(&archive, "backup of something");
    let refused = sandbox.crossdock(&project, &arguments).ends_with(2);
    refused.complains("hello.tar exists and is not an archive that crossdock wrote").complains("--output");
    assert_eq!(std::fs::read_to_string(&archive).unwrap(), "backup of something");
    assert!(!project.join(".crossdock/hello").join("index.json").exists(), "nothing was built");
    std::fs::remove_file(&archive).unwrap();
    sandbox.crossdock(&project, &arguments).success();
    // An archive of crossdock is replaced whatever image it holds.
    fixture::write(project.join("assets/a.txt"), "changed");
    let again = sandbox.crossdock(&project, &[&arguments[..], &["--tag", "v2"]].concat()).success();
    let report = sandbox.crossdock(&project, &["verify", "--json", archive.to_str().unwrap()]).success();
    let subject = report.json_lines()[0]["subject"].as_str().unwrap().to_owned();
    assert!(subject.ends_with(again.digest()), "{subject}");
}
