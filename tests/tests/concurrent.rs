//! Eight runs at once, on one project and on eight, sharing one cache.

use std::path::{Path, PathBuf};
use std::thread;

use crossdock_tests::{Layout, Sandbox, fixture};

fn eight(run: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        let run = &run;
        let runs: Vec<_> = (0..8).map(|place| scope.spawn(move || run(place))).collect();
        for one in runs {
            one.join().expect("each of the runs succeeds");
        }
    });
}

#[test]
fn of_one_project() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    eight(|_| {
        sandbox.crossdock(&project, &["dist", "--json"]).success();
    });
    assert_eq!(Layout::open(project.join("dist/hello")).platforms(), ["linux/amd64", "linux/arm64"]);
}

#[test]
fn with_eight_tags_into_one_layout() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let tags: Vec<String> = (0..8).map(|place| format!("tag-{place}")).collect();
    eight(|place| {
        sandbox.crossdock(&project, &["dist", "--tag", &tags[place]]).success();
    });
    // Whoever was last decides the tags; what must not happen is a broken layout or one without a tag.
    let layout = Layout::open(project.join("dist/hello"));
    assert!(
        !layout.tags().is_empty() && layout.tags().iter().all(|tag| tags.contains(tag)),
        "{:?}",
        layout.tags()
    );
}

#[test]
fn of_eight_projects_with_one_cache() {
    let sandbox = Sandbox::new();
    let projects: Vec<PathBuf> =
        (0..8).map(|place| fixture::go_module(&sandbox.work().join(place.to_string()), "hello")).collect();
    eight(|place| {
        sandbox.crossdock(&projects[place], &["dist"]).success();
    });
    let digest = |project: &Path| Layout::open(project.join("dist/hello")).digest().to_owned();
    let first = digest(&projects[0]);
    assert!(projects.iter().all(|project| digest(project) == first), "the same program, another digest");
}
