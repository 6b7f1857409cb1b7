//! Eight concurrent runs, on one project and on eight, that share a cache.

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
fn eight_runs_of_one_project_give_one_image() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    eight(|_| {
        sandbox.crossdock(&project, &["dist", "--json"]).success();
    });
    assert_eq!(Layout::open(project.join("dist/hello")).platforms(), ["linux/amd64", "linux/arm64"]);
}

#[test]
fn eight_runs_with_different_tags_leave_a_whole_layout() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let tags: Vec<String> = (0..8).map(|place| format!("tag-{place}")).collect();
    eight(|place| {
        sandbox.crossdock(&project, &["dist", "--tag", &tags[place]]).success();
    });
    // The last run decides the tags. A broken layout, or one without a tag, must not happen.
    let layout = Layout::open(project.join("dist/hello"));
    assert!(
        !layout.tags().is_empty() && layout.tags().iter().all(|tag| tags.contains(tag)),
        "{:?}",
        layout.tags()
    );
}

#[test]
fn eight_projects_share_one_cache() {
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
