//! The Rust example, built from source for two platforms that answer HTTP.

use std::path::PathBuf;
use std::sync::LazyLock;

use crossdock_tests::client::http_get;
use crossdock_tests::engine::{Container, Docker, Engine, Podman};
use crossdock_tests::server::{Server, free_port, wait_for_port};
use crossdock_tests::{Built, Machine, Sandbox};

const NAME: &str = "http-api";

static BUILT: LazyLock<Built> =
    LazyLock::new(|| Built::example(Sandbox::lasting(env!("CARGO_TARGET_TMPDIR"), "dist-rust"), NAME));

#[test]
fn both_platforms_start_and_answer() {
    let layout = BUILT.layout(NAME);
    assert_eq!(layout.platforms(), ["linux/amd64", "linux/arm64"]);
    for machine in Machine::ALL {
        let program = layout.program(machine.platform(), &BUILT.sandbox.work().join(machine.name()));
        let port = free_port();
        let mut command = machine.command(&program);
        let server = Server::start(command.env("PORT", port.to_string()).env("BIND_IP", "127.0.0.1"), port);
        assert_eq!(http_get(port, "/healthz"), (200, "ok\n".to_owned()));
        let (status, about) = http_get(port, "/");
        assert!(status == 200 && about.contains(&format!("\"arch\":\"{}\"", machine.name())), "{about}");
        server.terminate().success();
    }
}

#[test]
fn the_layout_is_below_target_and_tagged_with_the_version() {
    assert!(BUILT.project.join("target/crossdock").join(NAME).join("index.json").is_file());
    assert!(BUILT.layout(NAME).tags().contains(&"0.1.0".to_owned()), "{:?}", BUILT.layout(NAME).tags());
}

#[test]
fn every_engine_runs_the_loaded_image() {
    let (docker, podman) = (Docker::start(), Podman::start());
    answers(&docker, "docker", vec![("DOCKER_HOST", docker.host().into())]);
    answers(&podman, "podman", podman.environment().to_vec());
}

/// Loads the image of the project that is built already, without compiling again.
fn answers(engine: &dyn Engine, name: &str, variables: Vec<(&str, PathBuf)>) {
    let mut command = BUILT.sandbox.command(crossdock_tests::program::crossdock(), &BUILT.project);
    command.envs(variables).args(["dist", "--load", name]);
    let outcome = crossdock_tests::outcome::run(&mut command, std::time::Duration::from_secs(300)).success();
    let port = free_port();
    let container = Container::start(
        engine,
        outcome.stdout.trim(),
        &[("PORT", &port.to_string()), ("BIND_IP", "127.0.0.1")],
    );
    wait_for_port(port, || container.logs());
    assert_eq!(http_get(port, "/greet/ada"), (200, "{\"message\":\"Hello, ada!\"}".to_owned()));
    assert_eq!(container.stop(), "0");
}
