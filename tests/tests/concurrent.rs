//! Eight concurrent runs, on one project and on eight, that share a cache.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossdock_tests::{Layout, Sandbox, fixture, program};

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
    assert_eq!(Layout::open(project.join(".crossdock/hello")).platforms(), ["linux/amd64", "linux/arm64"]);
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
    let layout = Layout::open(project.join(".crossdock/hello"));
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
    let digest = |project: &Path| Layout::open(project.join(".crossdock/hello")).digest().to_owned();
    let first = digest(&projects[0]);
    assert!(projects.iter().all(|project| digest(project) == first), "the same program, another digest");
}

/// The cache is pruned at the worst moment: after a program was compiled, before it is packed.
#[test]
fn pruning_keeps_the_programs_that_a_run_uses() {
    let mut sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let (crossdock, log) = (program::crossdock().display().to_string(), sandbox.work().join("log"));
    sandbox.shim(
        "go",
        &format!(
            "\"$REAL\" \"$@\" || exit\n\
             [ \"$1\" != build ] || exec '{crossdock}' cache prune --keep-days 0 >> '{}' 2>&1",
            log.display()
        ),
    );
    sandbox.crossdock(&project, &["dist"]).success();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("kept the programs in `") && log.contains("hello-"), "{log}");
    // The run has ended.
    sandbox.crossdock(&project, &["cache", "prune", "--keep-days", "0"]).success();
    sandbox.crossdock(&project, &["cache", "info"]).says(" 0 layers").says(" 0 programs");
}

#[test]
fn pruning_breaks_none_of_eight_runs() {
    let sandbox = Sandbox::new();
    let projects: Vec<PathBuf> =
        (0..8).map(|place| fixture::go_module(&sandbox.work().join(place.to_string()), "hello")).collect();
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let pruning = scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                sandbox.crossdock(&sandbox.work(), &["cache", "prune", "--keep-days", "0"]).success();
            }
        });
        let runs = thread::scope(|scope| {
            let sandbox = &sandbox;
            let run = |project| scope.spawn(move || drop(sandbox.crossdock(project, &["dist"]).success()));
            let runs: Vec<_> = projects.iter().map(PathBuf::as_path).map(run).collect();
            runs.into_iter().map(|run| run.join().is_ok()).collect::<Vec<_>>()
        });
        is_done.store(true, Ordering::Relaxed);
        pruning.join().expect("pruning succeeds");
        assert_eq!(runs, [true; 8]);
    });
}
