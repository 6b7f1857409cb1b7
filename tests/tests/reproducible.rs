//! The same input gives the same digest: in another directory, with another home, on another day, with other `--jobs`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crossdock_tests::outcome::run;
use crossdock_tests::tools::need;
use crossdock_tests::{Sandbox, fixture};

/// Clones `origin` into a directory of another sandbox and returns the digest that `dist` gives there.
fn digest_of_clone(origin: &Path, directory: &str, jobs: &str, zone: &str) -> String {
    let mut sandbox = Sandbox::new();
    sandbox.unset("SOURCE_DATE_EPOCH").set("TZ", zone);
    let clone = sandbox.work().join(directory);
    let (from, to) = (origin.to_str().unwrap(), clone.to_str().unwrap());
    sandbox.tool(&sandbox.work(), "git", &["clone", "--quiet", from, to]).success();
    let report = sandbox.crossdock(&clone, &["dist", "--json", "--jobs", jobs]).success().json();
    report["images"][0]["digest"].as_str().unwrap().to_owned()
}

fn assert_same_in_two_clones(make: impl FnOnce(&Path) -> PathBuf) {
    let sandbox = Sandbox::new();
    let origin = make(&sandbox.work());
    fixture::commit(&sandbox, &origin);
    let first = digest_of_clone(&origin, "one", "1", "UTC");
    let second = digest_of_clone(&origin, "deeper/with a space/größe", "4", "Pacific/Auckland");
    assert_eq!(first, second);
}

#[test]
fn a_go_project_has_the_same_digest_in_two_clones() {
    assert_same_in_two_clones(|dir| fixture::example(dir, "k8s-ssh-server"));
}

#[test]
fn a_rust_project_has_the_same_digest_in_two_clones() {
    assert_same_in_two_clones(|dir| {
        let project = fixture::rust_package(dir, "hello");
        // A panic message holds the path of the source file: the classic leak of a path.
        let source = "fn main() {\n    println!(\"{}\", file!());\n    panic!(\"{:?}\", std::env::args().nth(1));\n}\n";
        fixture::write(project.join("src/main.rs"), source);
        project
    });
}

/// Returns the digests of image and archive of a build on another day, as crossdock and git see it. Compilers see today:
/// Go's tools are static and rustc does not run under faketime, so only another machine could change their clock.
fn digest_on_a_day(origin: &Path, day: &str) -> String {
    let mut sandbox = Sandbox::new();
    sandbox.unset("SOURCE_DATE_EPOCH");
    let clone = sandbox.work().join("clone");
    let on_that_day = |tool: &Path, dir: &Path, arguments: &[&str]| {
        let mut command = sandbox.command(need("faketime"), dir);
        // Timeouts use the monotonic clock, which is not changed.
        command.args(["--exclude-monotonic", "-f", day]).arg(tool).args(arguments);
        run(&mut command, Duration::from_secs(600)).success()
    };
    let (from, to) = (origin.to_str().unwrap(), clone.to_str().unwrap());
    on_that_day(&need("git"), &sandbox.work(), &["clone", "--quiet", from, to]);
    let today = on_that_day(&need("date"), &clone, &["+%Y"]).stdout;
    assert_eq!(
        today.trim(),
        day.trim_start_matches('@').split_once('-').unwrap().0,
        "the clock is another one"
    );
    let build = ["dist", "--json", "--archive"];
    let report = on_that_day(crossdock_tests::program::crossdock(), &clone, &build).json();
    let archive = std::fs::read(report["images"][0]["archive"].as_str().unwrap()).unwrap();
    format!("{} {}", report["images"][0]["digest"], crossdock_tests::layout::sha256(&archive))
}

#[test]
fn the_digest_is_the_same_on_another_day() {
    let sandbox = Sandbox::new();
    let origin = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(origin.join("assets/page.html"), "<p>");
    let config = "[image.hello]\nfiles = [{ from = \"assets\", to = \"/srv\" }]\n";
    fixture::write(origin.join("crossdock.toml"), config);
    fixture::commit(&sandbox, &origin);
    let days = ["@2026-03-01 00:00:00", "@2031-12-31 12:00:00"].map(|day| digest_on_a_day(&origin, day));
    assert_eq!(days[0], days[1]);
}

#[test]
#[ignore = "long: compiles the Rust example four times"]
fn long_the_rust_example_has_the_same_digest_in_two_clones() {
    assert_same_in_two_clones(|dir| fixture::example(dir, "http-api"));
}

#[test]
fn the_image_date_is_the_given_one() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let digest = |epoch: &str| {
        let mut command = sandbox.command(crossdock_tests::program::crossdock(), &project);
        command.env("SOURCE_DATE_EPOCH", epoch).args(["dist", "--json"]);
        let limit = std::time::Duration::from_secs(300);
        crossdock_tests::outcome::run(&mut command, limit).success();
        let layout = crossdock_tests::Layout::open(project.join(".crossdock/hello"));
        (layout.digest().to_owned(), layout.config("linux/amd64")["created"].clone())
    };
    assert_eq!(digest("1750000000"), digest("1750000000"));
    let (first, second) = (digest("1750000000"), digest("1750000001"));
    assert_ne!(first.0, second.0);
    assert_eq!((first.1, second.1), ("2025-06-15T15:06:40Z".into(), "2025-06-15T15:06:41Z".into()));
}

#[test]
fn an_image_has_the_same_digest_alone_and_with_others() {
    let sandbox = Sandbox::new();
    let project = fixture::workspace(&sandbox.work(), &["alpha", "beta"]);
    let all = sandbox.crossdock(&project, &["dist", "--json", "--platform", "linux/amd64"]).success().json();
    let images = all["images"].as_array().unwrap();
    assert_eq!(images.len(), 2, "{all:#}");
    for image in images {
        let name = image["name"].as_str().unwrap();
        let only_one = ["dist", "--json", "--platform", "linux/amd64", "--image", name];
        assert_eq!(
            sandbox.crossdock(&project, &only_one).success().json()["images"][0]["digest"],
            image["digest"]
        );
    }
}
