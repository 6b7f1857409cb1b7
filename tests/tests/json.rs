//! Standard output only has the result, whose JSON form names the version of its schema.

use crossdock_tests::{Sandbox, fixture};

/// Creates a project and builds it once.
fn built() -> (Sandbox, std::path::PathBuf) {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::commit(&sandbox, &project);
    sandbox.crossdock(&project, &["dist"]).success();
    (sandbox, project)
}

#[test]
fn every_command_answers_in_json_with_a_schema() {
    let (sandbox, project) = built();
    for command in [
        &["plan"][..],
        &["build"],
        &["tag"],
        &["dist"],
        &["doctor"],
        &["version"],
        &["config", "check"],
        &["cache", "info"],
        &["cache", "prune"],
    ] {
        let arguments: Vec<&str> = command.iter().copied().chain(["--json"]).collect();
        let answer = sandbox.crossdock(&project, &arguments).success().json();
        assert!(!answer["schema"].is_null(), "{command:?}: {answer:#}");
    }
}

#[test]
fn verify_writes_one_line_for_each_subject_and_target() {
    let (sandbox, project) = built();
    let arguments = ["verify", ".crossdock/hello", "--for", "linux/amd64,linux/arm64", "--json"];
    let lines = sandbox.crossdock(&project, &arguments).success().json_lines();
    assert_eq!(lines.len(), 2);
    for (line, target) in lines.iter().zip(["linux/amd64", "linux/arm64"]) {
        assert!(!line["schema"].is_null(), "{line:#}");
        assert_eq!((&line["for"], &line["verdict"]), (&target.into(), &"starts".into()), "{line:#}");
        assert!(line["subject"].is_string() && line["findings"].is_array(), "{line:#}");
    }
}

#[test]
fn the_plain_result_is_one_reference_with_its_digest() {
    let (sandbox, project) = built();
    let options = ["dist", "--repository", "registry.example/hello", "--tag", "v1"];
    let outcome = sandbox.crossdock(&project, &options).success();
    let layout = crossdock_tests::Layout::open(project.join(".crossdock/hello"));
    assert_eq!(outcome.stdout, format!("registry.example/hello:v1@{}\n", layout.digest()));
}

#[test]
fn the_metadata_file_equals_the_json_output() {
    let (sandbox, project) = built();
    let outcome = sandbox.crossdock(&project, &["dist", "--metadata-file", "answer.json"]).success();
    let file: serde_json::Value =
        serde_json::from_slice(&std::fs::read(project.join("answer.json")).unwrap()).unwrap();
    assert!(!file["schema"].is_null());
    assert!(outcome.stdout.contains(file["images"][0]["digest"].as_str().unwrap()), "{outcome}");
}

#[test]
fn quiet_prints_only_the_result() {
    let (sandbox, project) = built();
    let outcome = sandbox.crossdock(&project, &["dist", "--quiet"]).success();
    assert_eq!((outcome.stdout.lines().count(), outcome.stderr.as_str()), (1, ""));
}

#[test]
fn a_closed_pipe_does_not_crash() {
    let (sandbox, project) = built();
    let mut command = sandbox.command("sh", &project);
    command.arg("-c").arg(format!("{:?} plan | true", crossdock_tests::program::crossdock()));
    let outcome = crossdock_tests::outcome::run(&mut command, std::time::Duration::from_secs(60)).success();
    assert!(!outcome.stderr.contains("panicked"), "{outcome}");
}
