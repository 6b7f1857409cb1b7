//! The same input gives the same digest: in another folder, under another home, on another day, with other jobs.

use std::path::{Path, PathBuf};

use crossdock_tests::{Sandbox, fixture};

/// Clones `origin` into a folder of another sandbox and returns the digest that `dist` gives there.
fn digest_of_clone(origin: &Path, folder: &str, jobs: &str, day: &str) -> String {
    let mut sandbox = Sandbox::new();
    sandbox.unset("SOURCE_DATE_EPOCH").set("TZ", day);
    let clone = sandbox.work().join(folder);
    let (from, to) = (origin.to_str().unwrap(), clone.to_str().unwrap());
    sandbox.tool(&sandbox.work(), "git", &["clone", "--quiet", from, to]).success();
    let report = sandbox.crossdock(&clone, &["dist", "--json", "--jobs", jobs]).success().json();
    report["images"][0]["digest"].as_str().unwrap().to_owned()
}

fn same_in_two_clones(make: impl FnOnce(&Path) -> PathBuf) {
    let sandbox = Sandbox::new();
    let origin = make(&sandbox.work());
    fixture::commit(&sandbox, &origin);
    let first = digest_of_clone(&origin, "one", "1", "UTC");
    let second = digest_of_clone(&origin, "deeper/with a space/größe", "4", "Pacific/Auckland");
    assert_eq!(first, second);
}

#[test]
fn go() {
    same_in_two_clones(|dir| fixture::example(dir, "k8s-ssh-server"));
}

#[test]
fn rust() {
    same_in_two_clones(|dir| {
        let project = fixture::rust_package(dir, "hello");
        // A panic's message holds the path of the source: the classic leak.
        let source = "fn main() {\n    println!(\"{}\", file!());\n    panic!(\"{:?}\", std::env::args().nth(1));\n}\n";
        fixture::write(project.join("src/main.rs"), source);
        project
    });
}

#[test]
#[ignore = "long: compiles the Rust example four times"]
fn long_rust_example() {
    same_in_two_clones(|dir| fixture::example(dir, "http-api"));
}

#[test]
fn the_date_is_the_one_that_was_given() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let digest = |epoch: &str| {
        let mut command = sandbox.command(crossdock_tests::program::crossdock(), &project);
        command.env("SOURCE_DATE_EPOCH", epoch).args(["dist", "--json"]);
        let limit = std::time::Duration::from_secs(300);
        crossdock_tests::outcome::run(&mut command, limit).success();
        let layout = crossdock_tests::Layout::open(project.join("dist/hello"));
        (layout.digest().to_owned(), layout.config("linux/amd64")["created"].clone())
    };
    assert_eq!(digest("1750000000"), digest("1750000000"));
    let (first, second) = (digest("1750000000"), digest("1750000001"));
    assert_ne!(first.0, second.0);
    assert_eq!((first.1, second.1), ("2025-06-15T15:06:40Z".into(), "2025-06-15T15:06:41Z".into()));
}

#[test]
fn one_image_has_the_same_digest_alone_and_beside_others() {
    let sandbox = Sandbox::new();
    let project = fixture::workspace(&sandbox.work(), &["alpha", "beta"]);
    let all = sandbox.crossdock(&project, &["dist", "--json", "--platform", "linux/amd64"]).success().json();
    let images = all["images"].as_array().unwrap();
    assert_eq!(images.len(), 2, "{all:#}");
    for image in images {
        let name = image["name"].as_str().unwrap();
        let alone = ["dist", "--json", "--platform", "linux/amd64", "--image", name];
        assert_eq!(
            sandbox.crossdock(&project, &alone).success().json()["images"][0]["digest"],
            image["digest"]
        );
    }
}
