//! The Go example, built from source for two platforms that a stock `ssh` client logs in to.

use std::sync::LazyLock;

use crossdock_tests::client::SshClient;
use crossdock_tests::engine::{Container, Docker, Engine, Podman};
use crossdock_tests::server::{Server, free_port, wait_for_port};
use crossdock_tests::{Built, Machine, Sandbox, fixture};

const NAME: &str = "k8s-ssh-server";

static BUILT: LazyLock<Built> =
    LazyLock::new(|| Built::example(Sandbox::lasting(env!("CARGO_TARGET_TMPDIR"), "dist-go"), NAME));

#[test]
fn the_image_is_an_index_of_both_platforms_with_everything_a_node_needs() {
    let layout = BUILT.layout(NAME);
    assert_eq!(layout.platforms(), ["linux/amd64", "linux/arm64"]);
    for platform in layout.platforms() {
        let config = layout.config(&platform)["config"].clone();
        assert!(config["ExposedPorts"]["2222/tcp"].is_object(), "{config:#}");
        let user = config["User"].as_str().unwrap();
        assert!(
            user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)),
            "not numeric, or root: {user}"
        );
    }
}

#[test]
fn the_layout_leaves_the_git_tree_clean() {
    assert!(BUILT.project.join(".crossdock").join(NAME).join("index.json").is_file());
    assert_eq!(fixture::uncommitted(&BUILT.sandbox, &BUILT.project), "");
}

#[test]
fn the_layout_directory_ignores_itself() {
    // The example's own .gitignore lists .crossdock; a project without one must stay clean, too.
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "bare");
    fixture::commit(&sandbox, &project);
    sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64"]).success();
    assert_eq!(fixture::uncommitted(&sandbox, &project), "");
}

#[test]
fn tags_come_from_git_and_point_to_the_verified_digest() {
    let short = fixture::short_commit(&BUILT.sandbox, &BUILT.project);
    let layout = BUILT.layout(NAME);
    assert!(layout.tags().iter().any(|tag| short.starts_with(tag.as_str()) || tag.starts_with(&short)));
    let verdicts = BUILT.image(NAME)["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), 2, "one for each deploy target: {verdicts:#?}");
    assert!(verdicts.iter().all(|verdict| verdict["verdict"] == "starts"), "{verdicts:#?}");
}

#[test]
fn both_platforms_start_and_a_stock_client_logs_in() {
    let (layout, client) = (BUILT.layout(NAME), SshClient::new());
    for machine in Machine::ALL {
        let root = BUILT.sandbox.work().join(machine.name());
        let program = layout.program(machine.platform(), &root);
        let port = free_port();
        let mut command = machine.command(&program);
        command
            .env("SSH_LISTEN", format!("127.0.0.1:{port}"))
            .env("SSH_AUTHORIZED_KEYS", client.public_key());
        let server = Server::start(&mut command, port);
        assert_eq!(client.exec("ada", port, "uname -m").success().stdout.trim(), machine.name());
        assert_eq!(client.exec("ada", port, "whoami").success().stdout, "ada\n");
        server.terminate().success();
    }
}

#[test]
fn docker_runs_the_loaded_image() {
    let docker = Docker::start();
    let (mut sandbox, project) = copy("docker");
    sandbox.set("DOCKER_HOST", docker.host());
    let loaded = sandbox.crossdock(&project, &["dist", "--load", "docker"]).success();
    logs_in(&docker, loaded.stdout.trim());
}

#[test]
fn podman_runs_the_loaded_image() {
    let podman = Podman::start();
    let (mut sandbox, project) = copy("podman");
    for (variable, file) in podman.environment() {
        sandbox.set(variable, file);
    }
    let loaded = sandbox.crossdock(&project, &["dist", "--load", "podman"]).success();
    logs_in(&podman, loaded.stdout.trim());
}

/// Copies the example into a sandbox of its own, so that a test can modify it.
fn copy(name: &str) -> (Sandbox, std::path::PathBuf) {
    let sandbox = Sandbox::lasting(env!("CARGO_TARGET_TMPDIR"), &format!("dist-go-{name}"));
    let project = fixture::example(&sandbox.work(), NAME);
    fixture::commit(&sandbox, &project);
    (sandbox, project)
}

fn logs_in(engine: &dyn Engine, image: &str) {
    let (client, port) = (SshClient::new(), free_port());
    let (listen, key) = (format!("127.0.0.1:{port}"), client.public_key());
    let container =
        Container::start(engine, image, &[("SSH_LISTEN", &listen), ("SSH_AUTHORIZED_KEYS", &key)]);
    wait_for_port(port, || container.logs());
    assert_eq!(client.exec("ada", port, "uname -m").success().stdout.trim(), std::env::consts::ARCH);
    assert_eq!(container.stop(), "0", "SIGTERM ends it in an orderly way");
}

#[test]
fn a_program_for_another_machine_is_refused() {
    let layout = BUILT.layout(NAME);
    let root = BUILT.sandbox.work().join("refused");
    let program = layout.program("linux/arm64", &root);
    let program = program.to_str().unwrap();
    let verify = |platform| BUILT.sandbox.crossdock(&root, &["verify", program, "--for", platform, "--json"]);
    let right = verify("linux/arm64").success().json_lines();
    assert_eq!((right.len(), &right[0]["verdict"]), (1, &"starts".into()));
    let wrong = verify("linux/amd64").ends_with(1).json_lines();
    assert_eq!((wrong.len(), &wrong[0]["verdict"]), (1, &"fails".into()));
    let errors: Vec<_> =
        wrong[0]["findings"].as_array().unwrap().iter().filter(|f| f["severity"] == "error").collect();
    assert!(!errors.is_empty() && errors.iter().all(|finding| finding["code"].is_string()), "{wrong:#?}");
}

#[test]
fn an_unchanged_project_gives_the_same_digest() {
    let again = BUILT.sandbox.crossdock(&BUILT.project, &["dist", "--json"]).success().json();
    assert_eq!(again["images"][0]["digest"], BUILT.image(NAME)["digest"]);
}

#[test]
fn the_programs_are_static_and_record_their_target() {
    let layout = BUILT.layout(NAME);
    for machine in Machine::ALL {
        let program = layout
            .program(machine.platform(), &BUILT.sandbox.work().join(format!("info-{}", machine.name())));
        let info =
            BUILT.sandbox.tool(&BUILT.project, "go", &["version", "-m", program.to_str().unwrap()]).success();
        let goarch = machine.platform().trim_start_matches("linux/");
        assert!(info.stdout.contains(&format!("GOARCH={goarch}")), "{info}");
        assert!(info.stdout.contains("CGO_ENABLED=0"), "{info}");
    }
}
