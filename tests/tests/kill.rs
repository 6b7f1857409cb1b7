//! Killed at any moment, crossdock leaves the old image or the new one, and no process.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossdock_tests::processes::{wait_until, working_in};
use crossdock_tests::{Layout, Running, Sandbox, fixture};
use rustix::process::{Signal, kill_process};

const LIMIT: Duration = Duration::from_secs(120);

/// Changes the output of the program, so that its image gets another digest.
fn rewrite(project: &Path, word: &str) {
    let source = format!("package main\n\nfunc main() {{ println(\"{word}\") }}\n");
    fixture::write(project.join("main.go"), source);
}

fn digest(project: &Path) -> String {
    Layout::open(project.join(".crossdock/hello")).digest().to_owned()
}

fn killed_at_many_moments(kills: u32) {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let dist = || sandbox.crossdock(&project, &["dist"]).success();
    rewrite(&project, "old");
    dist();
    let old = digest(&project);
    rewrite(&project, "new");
    let start = Instant::now();
    dist();
    let (whole, new) = (start.elapsed(), digest(&project));
    for kill in 0..kills {
        // Removes the results of earlier runs, so that every run does all of its work.
        std::fs::remove_dir_all(sandbox.cache()).unwrap();
        rewrite(&project, "old");
        dist();
        assert_eq!(digest(&project), old, "the way back");
        rewrite(&project, "new");
        let running = sandbox.start(&project, &["dist"]);
        std::thread::sleep(whole * (kill + 1) / kills);
        running.signal_group(Signal::KILL);
        running.wait(LIMIT);
        let left = digest(&project);
        assert!(left == old || left == new, "kill {kill} left neither the old image nor the new one");
        dist();
        assert_eq!(digest(&project), new, "after kill {kill} the next run does not give the new image");
    }
}

#[test]
fn a_run_killed_at_twelve_moments_leaves_a_whole_image() {
    killed_at_many_moments(12);
}

#[test]
#[ignore = "long: a hundred kills"]
fn long_a_run_killed_at_a_hundred_moments_leaves_a_whole_image() {
    killed_at_many_moments(100);
}

/// Creates a Rust package whose build script reports that it runs and then sleeps.
fn sleeper(dir: &Path, started: &Path) -> std::path::PathBuf {
    let project = fixture::rust_package(dir, "sleeper");
    let script = format!(
        "fn main() {{\n    std::fs::write({started:?}, \"\").unwrap();\n    \
         std::thread::sleep(std::time::Duration::from_secs(600));\n}}\n"
    );
    fixture::write(project.join("build.rs"), script);
    project
}

/// Starts a build, and returns when its compiler runs.
fn building(sandbox: &Sandbox) -> (PathBuf, Running) {
    let started = sandbox.work().join("started");
    let project = sleeper(&sandbox.work(), &started);
    let mut running = sandbox.start(&project, &["dist", "--platform", "linux/amd64"]);
    wait_until(
        LIMIT,
        || started.exists() || !running.is_running(),
        || "the compiler did not start".to_owned(),
    );
    assert!(running.is_running(), "{}", running.wait(LIMIT));
    (project, running)
}

fn no_process_is_left(project: &Path) {
    wait_until(
        Duration::from_secs(10),
        || working_in(project).is_empty(),
        || format!("{:?}", working_in(project)),
    );
}

fn ended_by(signal: Signal) {
    let sandbox = Sandbox::new();
    let (project, running) = building(&sandbox);
    // Ctrl-C on a terminal reaches the whole group; a signal to crossdock only must do the same.
    kill_process(running.pid(), signal).unwrap();
    running.wait(Duration::from_secs(30)).ends_with(130);
    no_process_is_left(&project);
    assert!(!project.join("target/crossdock/sleeper/index.json").exists(), "half an image is left");
}

#[test]
fn ctrl_c_ends_the_compilers_and_exits_130() {
    ended_by(Signal::INT);
}

#[test]
fn sigterm_ends_the_compilers_too() {
    ended_by(Signal::TERM);
}

/// SIGKILL cannot be handled: a watchdog notices that crossdock is gone.
#[test]
fn sigkill_ends_the_compilers_too() {
    let sandbox = Sandbox::new();
    let (project, running) = building(&sandbox);
    kill_process(running.pid(), Signal::KILL).unwrap();
    running.wait(Duration::from_secs(30));
    no_process_is_left(&project);
}
