//! The pipelines that `crossdock init` writes: their schemas, their size, and that each of their commands does on this
//! machine what it would do on a runner.

#[path = "pipelines/expression.rs"]
mod expression;
#[path = "pipelines/github.rs"]
mod github;
#[path = "pipelines/gitlab.rs"]
mod gitlab;
#[path = "pipelines/job.rs"]
mod job;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crossdock_tests::fixture::{self, write};
use crossdock_tests::program::crossdock;
use crossdock_tests::registry::{Access, Distribution, Peer, Program, Way, tokens};
use crossdock_tests::{Outcome, Sandbox};
use serde_json::Value;

/// A place of crossdock's archives. Without one, or a source of crossdock, no pipeline is written.
const MIRROR: &str = "https://mirror.example/x";
const WORKFLOW: &str = ".github/workflows/crossdock.yml";
const PIPELINE: &str = ".gitlab-ci.yml";

fn text(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path.as_ref())
        .unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

fn yaml(path: impl AsRef<Path>) -> Vec<Value> {
    use serde::Deserialize;
    let text = text(path);
    let documents = serde_yaml_ng::Deserializer::from_str(&text);
    documents.map(|document| Value::deserialize(document).unwrap()).collect()
}

/// Replaces curl by a copy from a directory, in which there is an archive of crossdock with its checksum. The archive's
/// program is a script that starts the one under test.
fn serve_archive(sandbox: &mut Sandbox, script: &str) -> PathBuf {
    let served = sandbox.work().join("served");
    let arch = if std::env::consts::ARCH == "x86_64" { "amd64" } else { "arm64" };
    let name = format!("crossdock-0.1.0-linux-{arch}");
    let program = served.join(&name).join("crossdock");
    write(&program, format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let archive = format!("{name}.tar.gz");
    sandbox.tool(&served, "tar", &["-czf", &archive, &name]).success();
    write(served.join("SHA256SUMS"), sandbox.tool(&served, "sha256sum", &[&archive]).success().stdout);
    sandbox.shim(
        "curl",
        "for last; do :; done\ncase \"$last\" in https://mirror.example/x/*) ;; *) exit 1;; esac\n\
         while [ \"$1\" != --output ]; do shift; done\ncp \"$SERVED/${last##*/}\" \"$2\"",
    );
    sandbox.set("SERVED", &served);
    served
}

/// Writes a committed project with the tag v1.2.3 and pipelines.
fn project(sandbox: &Sandbox, init: &[&str]) -> PathBuf {
    let project = fixture::go_module(&sandbox.work(), "hello");
    sandbox.crossdock(&project, &[&["init", "--archives", MIRROR], init].concat()).success();
    fixture::commit(sandbox, &project);
    sandbox.tool(&project, "git", &["tag", "v1.2.3"]).success();
    project
}

fn runs_crossdock() -> String {
    format!("exec '{}' \"$@\"", crossdock().display())
}

fn way() -> Way {
    Way { login: Some((tokens::USER.to_owned(), tokens::PASSWORD.to_owned())), ..Way::default() }
}

/// Returns the repository's tags.
fn tags(repository: &str) -> Outcome {
    Peer::Crane.run(&way(), &["ls", repository], repository)
}

/// Removes the clones and artifacts of a run.
fn clear_jobs(sandbox: &Sandbox) {
    for directory in ["jobs", "artifacts"] {
        std::fs::remove_dir_all(sandbox.work().join(directory)).unwrap();
    }
}

/// Returns the lines that are neither empty nor comments.
fn lines(text: &str) -> usize {
    text.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')).count()
}

#[test]
fn pipelines_have_fewer_than_30_lines() {
    let options: [&[&str]; 3] =
        [&[], &["--repository", "ghcr.io/team/app"], &["--repository", "registry.example/app"]];
    for (language, options) in
        ["go", "rust"].into_iter().flat_map(|one| options.map(|options| (one, options)))
    {
        let sandbox = Sandbox::new();
        let init = ["init", "app", "--template", language, "--without", "xtask", "--archives", MIRROR];
        sandbox.crossdock(&sandbox.work(), &[&init[..], options].concat()).success();
        let app = sandbox.work().join("app");
        for file in [WORKFLOW, PIPELINE] {
            let text = text(app.join(file));
            assert!(lines(&text) < 30, "{} lines in {file}:\n{text}", lines(&text));
        }
        // The tags of git give the version of a Go module; that of a Cargo package is in its manifest.
        let has_history = |file: &str, word: &str| text(app.join(file)).contains(word);
        assert_eq!(has_history(WORKFLOW, "fetch-depth: 0"), language == "go");
        assert_eq!(has_history(PIPELINE, "GIT_DEPTH: \"0\""), language == "go");
    }
}

/// `version-tag` and a template make a version depend on tags in Rust, too.
#[test]
fn a_rust_project_whose_version_is_in_tags_gets_all_of_them() {
    for key in
        ["version-tag = \"v{version}\"", "tags = [\"{{ git.tag }}\"]", "labels = { tag = \"{{ git.tag }}\" }"]
    {
        let sandbox = Sandbox::new();
        let project = fixture::rust_package(&sandbox.work(), "app");
        write(project.join("crossdock.toml"), format!("[image.app]\n{key}\n"));
        sandbox.crossdock(&project, &["init", "--archives", MIRROR, "--without", "xtask"]).success();
        assert!(text(project.join(WORKFLOW)).contains("fetch-depth: 0"), "{key}");
    }
}

/// Only the jobs that push may write packages, and the token of a clone is not stored.
#[test]
fn permissions_are_minimal() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, &["--repository", "ghcr.io/team/hello"]);
    let workflow = &yaml(project.join(WORKFLOW))[0];
    assert_eq!(workflow["permissions"], serde_json::json!({ "contents": "read", "packages": "write" }));
    assert_eq!(workflow["jobs"]["plan"]["permissions"], serde_json::json!({ "contents": "read" }));
    assert_eq!(workflow["env"].as_object().unwrap().len(), 1, "the repository is configured: {workflow:#}");

    let sandbox = Sandbox::new();
    let project = crate::project(&sandbox, &["--repository", "registry.example/team/hello"]);
    let workflow = &yaml(project.join(WORKFLOW))[0];
    assert_eq!(workflow["permissions"], serde_json::json!({ "contents": "read" }));
    let auth = workflow["env"]["DOCKER_AUTH_CONFIG"].as_str().unwrap();
    assert_eq!(
        auth,
        r#"{"auths":{"registry.example":{"username":${{ toJSON(secrets.REGISTRY_USER) }},"password":${{ toJSON(secrets.REGISTRY_PASSWORD) }}}}}"#
    );
    let login = yaml(project.join(PIPELINE))[0]["merge"]["script"][0].to_string();
    assert!(
        login.contains("echo \\\"$REGISTRY_PASSWORD\\\" | sh .gitlab/crossdock.sh login registry.example"),
        "{login}"
    );
}

/// A password of one registry must not be sent to another.
#[test]
fn each_registry_has_credentials_of_its_own() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    let image =
        |name: &str, repository: &str| format!("[image.{name}]\nrepository = \"{repository}/{name}\"\n");
    write(
        project.join("crossdock.toml"),
        ["ghcr.io/team", "one.example", "two.example:5000/x"].map(|place| image(&place[..3], place)).concat(),
    );
    sandbox.crossdock(&project, &["init", "--archives", MIRROR]).success();
    let auth = yaml(project.join(WORKFLOW))[0]["env"]["DOCKER_AUTH_CONFIG"].as_str().unwrap().to_owned();
    for part in [
        r#""ghcr.io":{"username":"${{ github.actor }}","password":"${{ github.token }}"}"#,
        r#""one.example":{"username":${{ toJSON(secrets.REGISTRY_USER_ONE_EXAMPLE) }}"#,
        r#""two.example:5000":{"username":${{ toJSON(secrets.REGISTRY_USER_TWO_EXAMPLE_5000) }}"#,
    ] {
        assert!(auth.contains(part), "{auth}");
    }
    let merge = yaml(project.join(WORKFLOW))[0]["jobs"]["merge"]["steps"][2]["run"].to_string();
    assert!(merge.contains("index create --image one one.example/one "), "{merge}");
}

/// The schemas are those published by GitHub and GitLab, in versions that the tool includes.
#[test]
fn pipelines_conform_to_their_schemas() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    let init = ["init", "--for", "m5.large,linux/arm64,linux/arm/v7", "--archives", MIRROR];
    sandbox.crossdock(&project, &init).success();
    let gitlab = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"];
    let child = sandbox.crossdock(&project, &["plan", "--matrix", "gitlab"]).success().stdout;
    let own = ".crossdock-build: { script: [\"true\"] }\n";
    write(project.join("child.yml"), format!("include: .gitlab-ci.yml\n{own}{child}"));
    let checks: [(&str, &str, &[&str]); 3] = [
        (PIPELINE, "script:", &gitlab),
        ("child.yml", "parallel:", &gitlab),
        (WORKFLOW, "runs-on:", &["--builtin-schema", "vendor.github-workflows"]),
    ];
    for (file, key, arguments) in checks {
        let check = || sandbox.tool(&project, "check-jsonschema", &[arguments, &[file]].concat());
        check().success();
        // The schema rejects what it does not allow: an invalid file is found.
        let path = project.join(file);
        write(&path, text(&path).replace(key, &format!("x{key}")));
        check().ends_with(1);
    }
}

/// actionlint, the linter of GitHub workflows, comes from the Go module proxy.
#[test]
#[ignore = "fetches a linter: `cargo xtask test --long` runs it"]
fn long_actionlint_accepts_the_workflow() {
    let linter = crossdock_tests::tools::need_go("github.com/rhysd/actionlint/cmd/actionlint", "v1.7.7");
    for language in ["go", "rust"] {
        let sandbox = Sandbox::new();
        let init = ["init", language, "--template", language, "--without", "xtask", "--archives", MIRROR];
        sandbox.crossdock(&sandbox.work(), &init).success();
        let project = sandbox.work().join(language);
        let lint = || sandbox.tool(&project, linter.to_str().unwrap(), &[WORKFLOW]);
        assert_eq!(lint().success().stdout, "");
        // It reads expressions: a misspelt name is found.
        let path = project.join(WORKFLOW);
        write(&path, text(&path).replace("github.ref_type", "github.reftype"));
        assert!(lint().ends_with(1).stdout.contains("reftype"));
    }
}

/// Runs the workflow; returns the jobs that ran, and the commands with their output.
fn run_workflow(
    sandbox: &Sandbox,
    project: &Path,
    registry: &str,
    event: github::Event,
) -> (Vec<String>, String) {
    let workflow = &yaml(project.join(WORKFLOW))[0];
    let login = (tokens::USER, tokens::PASSWORD);
    let run = github::Run { sandbox, project, workflow, event, registry, login, log: RefCell::default() };
    let ran = run.all();
    (ran, run.log.into_inner())
}

fn run_pipeline(sandbox: &Sandbox, project: &Path, registry: &str, given: &[(&str, &str)]) -> Vec<String> {
    let config = &yaml(project.join(PIPELINE))[0];
    let image = format!("{registry}/team/hello");
    let always = [
        ("CI_DEFAULT_BRANCH", "main"),
        ("CI_REGISTRY", registry),
        ("CI_REGISTRY_IMAGE", &image),
        ("CI_REGISTRY_USER", tokens::USER),
        ("CI_REGISTRY_PASSWORD", tokens::PASSWORD),
    ];
    let given = always.iter().chain(given).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    gitlab::Run { sandbox, project, config, given: given.collect::<BTreeMap<_, _>>() }.all()
}

#[test]
fn a_branch_is_built_and_verified_and_nothing_of_it_is_pushed() {
    let registry = Distribution::with(Program::Debian, Access::Token);
    let host = registry.host();
    let mut sandbox = Sandbox::new();
    serve_archive(&mut sandbox, &runs_crossdock());
    let project = project(&sandbox, &[]);
    let event = github::Event { ref_type: "branch", ref_name: "7/merge" };
    let (ran, log) = run_workflow(&sandbox, &project, &host, event);
    assert_eq!(ran, ["plan", "build linux/amd64", "build linux/arm64"]);
    assert!(log.matches("verified").count() > 1, "{log}");
    assert!(!log.contains("--push"), "{log}");
    let given = [("CI_COMMIT_BRANCH", "feature")];
    clear_jobs(&sandbox);
    let ran = run_pipeline(&sandbox, &project, &host, &given);
    assert_eq!(ran, ["plan", "images", "build linux/amd64", "build linux/arm64"]);
    tags(&format!("{host}/team/hello")).ends_with(1);
}

/// Runs both pipelines for a tag of git: two legs, one index, verification, and the tags of the plan.
#[test]
fn a_tag_is_built_on_two_runners_merged_verified_and_tagged() {
    let registry = Distribution::with(Program::Debian, Access::Token);
    let host = registry.host();
    let mut sandbox = Sandbox::new();
    serve_archive(&mut sandbox, &runs_crossdock());
    let project = project(&sandbox, &[]);
    let event = github::Event { ref_type: "tag", ref_name: "v1.2.3" };
    let (ran, log) = run_workflow(&sandbox, &project, &host, event);
    assert_eq!(ran, ["plan", "build linux/amd64", "build linux/arm64", "merge"]);
    assert!(!log.contains(tokens::PASSWORD), "{log}");
    let repository = format!("{host}/team/hello");
    let mut found: Vec<String> = tags(&repository).success().stdout.lines().map(str::to_owned).collect();
    found.sort();
    assert_eq!(found, ["1.2.3", "latest"], "the legs and the index have no tags but these");
    let digest = |repository: &str| Peer::Crane.digest(&way(), &format!("{repository}:1.2.3"));
    let first = digest(&repository);
    // One machine's build of the same images has the same index.
    let whole = sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64,linux/arm64"]).success();
    assert_eq!(whole.digest(), first);

    clear_jobs(&sandbox);
    let given = [("CI_COMMIT_TAG", "v1.2.3"), ("CI_REGISTRY_IMAGE", &format!("{host}/gitlab/hello"))];
    let ran = run_pipeline(&sandbox, &project, &host, &given);
    assert_eq!(ran, ["plan", "images", "build linux/amd64", "build linux/arm64", "merge"]);
    assert_eq!(digest(&format!("{host}/gitlab/hello")), first);
}

/// Each leg builds the images that have its platform, and each index is of the legs that built its image.
#[test]
fn images_with_different_platforms_are_built_by_the_legs_of_their_platforms() {
    let registry = Distribution::with(Program::Debian, Access::Token);
    let host = registry.host();
    let mut sandbox = Sandbox::new();
    serve_archive(&mut sandbox, &runs_crossdock());
    let project = fixture::go_module(&sandbox.work(), "hello");
    write(
        project.join("crossdock.toml"),
        "[deploy.intel]\nnodes = [\"m5.large\"]\n[deploy.all]\nnodes = [\"m5.large\", \"m7g.large\"]\n\
         [image.agent]\ndeploy = [\"all\"]\n[image.tool]\ndeploy = [\"intel\"]\n",
    );
    sandbox.crossdock(&project, &["init", "--archives", MIRROR]).success();
    for file in [WORKFLOW, PIPELINE] {
        assert!(lines(&text(project.join(file))) < 30, "{file}");
    }
    fixture::commit(&sandbox, &project);
    sandbox.tool(&project, "git", &["tag", "v1.2.3"]).success();
    let event = github::Event { ref_type: "tag", ref_name: "v1.2.3" };
    let (ran, log) = run_workflow(&sandbox, &project, &host, event);
    assert_eq!(ran, ["plan", "build linux/amd64", "build linux/arm64", "merge"]);
    assert!(log.contains("does not have the image; it has agent"), "{log}");
    clear_jobs(&sandbox);
    let given = [("CI_COMMIT_TAG", "v1.2.3"), ("CI_REGISTRY_IMAGE", &format!("{host}/gitlab/hello"))];
    let ran = run_pipeline(&sandbox, &project, &host, &given);
    assert_eq!(ran, ["plan", "images", "build linux/amd64", "build linux/arm64", "merge"]);
    let whole = sandbox.crossdock(&project, &["dist", "--json"]).success().json();
    for (place, image) in whole["images"].as_array().unwrap().iter().enumerate() {
        let name = image["name"].as_str().unwrap();
        assert_eq!(name, ["agent", "tool"][place]);
        for repository in [format!("{host}/team/hello/{name}"), format!("{host}/gitlab/hello/{name}")] {
            let digest = Peer::Crane.digest(&way(), &format!("{repository}:1.2.3"));
            assert_eq!(image["digest"], digest.as_str(), "{repository}");
        }
    }
}

/// Nothing gets a tag if the index is not what the nodes need: here a node of another architecture.
#[test]
fn an_index_that_does_not_start_on_its_nodes_gets_no_tag() {
    let registry = Distribution::with(Program::Debian, Access::Token);
    let host = registry.host();
    let mut sandbox = Sandbox::new();
    // The gate of the merge job is given a node that the index has no image for.
    serve_archive(
        &mut sandbox,
        &format!("case \"$1\" in promote) set -- \"$@\" --for linux/s390x;; esac\n{}", runs_crossdock()),
    );
    let project = project(&sandbox, &[]);
    let event = github::Event { ref_type: "branch", ref_name: "main" };
    let run = || run_workflow(&sandbox, &project, &host, event);
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_err();
    let message = failed.downcast_ref::<String>().unwrap();
    assert!(message.contains("s390x"), "{message}");
    let found = tags(&format!("{host}/team/hello"));
    assert!(found.stdout.trim().is_empty(), "{found}");
}

/// Calls the script of the GitLab pipeline as its jobs do.
fn call_script(sandbox: &Sandbox, project: &Path) -> Outcome {
    sandbox.tool(project, "sh", &[".gitlab/crossdock.sh", "version"])
}

#[test]
fn the_script_refuses_a_wrong_checksum_and_downloads_once() {
    let mut sandbox = Sandbox::new();
    let served = serve_archive(&mut sandbox, "echo \"ran $*\"");
    let project = project(&sandbox, &[]);
    let sums = text(served.join("SHA256SUMS"));
    for wrong in [sums.replacen(|c: char| c.is_ascii_digit(), "e", 3), String::new()] {
        write(served.join("SHA256SUMS"), wrong);
        let refused = call_script(&sandbox, &project);
        assert_ne!(refused.code, Some(0), "{refused}");
        assert_eq!(refused.stdout, "", "nothing ran, and the output of tools is not that of crossdock");
    }
    write(served.join("SHA256SUMS"), &sums);
    assert_eq!(call_script(&sandbox, &project).success().stdout, "ran version\n");
    std::fs::remove_dir_all(&served).unwrap();
    assert_eq!(call_script(&sandbox, &project).success().stdout, "ran version\n");
    let status = sandbox.tool(&project, "git", &["status", "--porcelain"]).success();
    assert_eq!(status.stdout, "", "the clone stays clean");
}

/// GitHub's names may have capitals, which no repository has.
#[test]
fn the_script_takes_capitals_from_the_name_of_a_repository_of_github() {
    let mut sandbox = Sandbox::new();
    serve_archive(&mut sandbox, "echo \"$CROSSDOCK_REPOSITORY\"");
    let project = project(&sandbox, &[]);
    let temporary = sandbox.work().join("temporary");
    sandbox.set("RUNNER_TEMP", temporary).set("CROSSDOCK_REPOSITORY", "ghcr.io/Team/Hello");
    let ran = sandbox.tool(&project, "sh", &[".github/crossdock.sh"]).success();
    assert_eq!(ran.stdout, "ghcr.io/team/hello\n");
}

/// Runs the generated script with shims in place of the tools that fetch and compile.
#[test]
fn pipelines_without_archives_build_crossdock_from_the_named_source() {
    let mut sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    write(project.join("tools/crossdock/Cargo.toml"), "[package]\nname = \"crossdock-cli\"\n");
    sandbox.crossdock(&project, &["init", "--crossdock", "path:tools/crossdock"]).success();
    sandbox.crossdock(&project, &["init", "--check"]).success();
    let script = text(project.join(".github/crossdock.sh"));
    assert!(script.contains("--target-dir \"$1/target\" --path tools/crossdock\n"), "{script}");
    assert!(!script.contains("apt-get") && !script.contains("curl"), "{script}");
    let workflow = &yaml(project.join(WORKFLOW))[0];
    let check = workflow["jobs"]["plan"]["steps"][1]["run"].as_str().unwrap();
    assert_eq!(check, "sh .github/crossdock.sh init --check --crossdock path:tools/crossdock");
    sandbox.crossdock(&project, &["init", "--check", "--crossdock", "path:tools/crossdock"]).success();
    sandbox.shim("apt-get", "echo \"apt-get $*\" | tee -a \"$CALLS\"");
    sandbox.shim("rustup", "echo \"rustup $*\" | tee -a \"$CALLS\"");
    sandbox.shim(
        "cargo",
        "echo \"cargo $1 $2\" | tee -a \"$CALLS\"\nwhile [ \"$1\" != --root ]; do shift; done\nmkdir \"$2/bin\"\n\
         printf '#!/bin/sh\\necho built from %s; cat' \"$6\" > \"$2/bin/crossdock\"\nchmod +x \"$2/bin/crossdock\"",
    );
    let calls = sandbox.work().join("calls");
    sandbox.set("CALLS", &calls);
    let built = sandbox.tool(&project, "sh", &["-c", "echo input | sh .gitlab/crossdock.sh"]).success();
    assert_eq!(
        built.stdout, "built from tools/crossdock\ninput\n",
        "only crossdock's own, which gets the input"
    );
    let expected = "apt-get update\napt-get install --yes --no-install-recommends rustup\n\
                    rustup toolchain install stable --profile minimal --no-self-update\ncargo +stable install\n";
    assert_eq!(text(calls), expected);
    // A runner does not have a directory outside of the clone.
    let outside = fixture::go_module(&sandbox.work(), "outside");
    let init = sandbox.crossdock(&outside, &["init", "--crossdock", "path:../app/tools/crossdock"]).success();
    init.complains("github is left out").complains("which is outside of it");
    assert!(!outside.join(".github").exists() && !outside.join(".gitlab-ci.yml").exists());
}
