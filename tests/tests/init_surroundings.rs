//! `crossdock init` in unusual surroundings of a project: its name, its directory, its repository, its lock file.

use crossdock_tests::Sandbox;
use crossdock_tests::fixture::{self, copy, write};

#[test]
fn an_image_name_with_a_dot_is_quoted() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    write(project.join("go.mod"), "module example.com/ann/app.io\n\ngo 1.22\n");
    sandbox.crossdock(&project, &["init"]).success();
    let config = std::fs::read_to_string(project.join("crossdock.toml")).unwrap();
    assert!(config.contains("[image.\"app.io\"]"), "{config}");
    let plan = sandbox.crossdock(&project, &["plan", "--json"]).success().json();
    assert_eq!(plan["images"][0]["name"], "app.io");
    sandbox.crossdock(&project, &["init", "--check"]).success();
}

#[test]
fn a_project_below_a_repository_root_gets_no_pipelines() {
    let sandbox = Sandbox::new();
    let repository = sandbox.work().join("shop");
    let project = fixture::go_module(&repository.join("services"), "api");
    fixture::commit(&sandbox, &repository);
    let init = sandbox.crossdock(&project, &["init"]).success();
    assert!(
        init.stderr.contains("github is left out, because pipelines are only read in the root"),
        "{init}"
    );
    assert!(!project.join(".github").exists() && !project.join(".gitlab-ci.yml").exists());
    assert!(project.join("Dockerfile").exists());
    sandbox.crossdock(&project, &["init", "--check"]).success();
    let gitlab = ["init", "--only", "gitlab", "--archives", "https://mirror.example/x"];
    sandbox.crossdock(&project, &gitlab).success();
    assert!(project.join(".gitlab-ci.yml").exists());
}

#[test]
fn a_clone_under_another_name_is_clean() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    sandbox.crossdock(&project, &["init"]).success();
    let clone = sandbox.work().join("app-branch 2");
    copy(&project, &clone);
    sandbox.crossdock(&clone, &["init", "--check"]).success();
}

#[test]
fn a_hand_written_configuration_gives_a_note_about_options() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    let theirs = "[image.app]\nexpose = [8080]\n";
    write(project.join("crossdock.toml"), theirs);
    let line = "# crossdock init --without gitlab,kubernetes";
    let init = sandbox.crossdock(&project, &["init", "--without", "gitlab,kubernetes"]).success();
    assert!(init.stderr.contains(&format!("write `{line}` as its first line")), "{init}");
    init.complains("note: ");
    write(project.join("crossdock.toml"), format!("{line}\n{theirs}"));
    let again = sandbox.crossdock(&project, &["init"]).success();
    assert!(!again.stderr.contains("first line"), "{again}");
    assert!(!project.join("kubernetes").exists() && !project.join(".gitlab-ci.yml").exists());
}

#[test]
fn a_missing_lock_file_gives_a_note() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "app");
    std::fs::remove_file(project.join("Cargo.lock")).ok();
    let init = sandbox.crossdock(&project, &["init", "--without", "xtask"]).success();
    assert!(init.stderr.contains("cargo generate-lockfile"), "{init}");
    assert!(init.stderr.contains("note: ") && !init.stderr.contains("warning: "), "{init}");
    assert!(!project.join("Cargo.lock").exists(), "looking leaves no trace");
}

#[test]
fn an_unreachable_repository_leaves_the_project_unchanged() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "app");
    let before = std::fs::read(project.join("Cargo.toml")).unwrap();
    let init = sandbox.crossdock(&project, &["init", "--crossdock", "git:https://127.0.0.1:1/crossdock"]);
    init.ends_with(2).complains("git:https://127.0.0.1:1/crossdock").complains("nothing was written");
    assert_eq!(std::fs::read(project.join("Cargo.toml")).unwrap(), before);
    assert!(!project.join("xtask").exists() && !project.join("crossdock.toml").exists());
}
