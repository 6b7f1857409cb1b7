//! The examples work without crossdock: their own tests pass, and built by plain compilers they run and answer.
//! `dist_go.rs` and `dist_rust.rs` test what crossdock builds of them.

use std::path::Path;

use crossdock_tests::client::{SshClient, http_get};
use crossdock_tests::engine::{Container, Docker, Engine, Podman};
use crossdock_tests::server::{Server, free_port, wait_for_port};
use crossdock_tests::{Machine, Sandbox, fixture};

#[test]
fn the_go_example_tests_itself() {
    let sandbox = Sandbox::new();
    let project = fixture::example(&sandbox.work(), "k8s-ssh-server");
    sandbox.tool(&project, "go", &["vet", "./..."]).success();
    sandbox.tool(&project, "go", &["test", "./..."]).success();
    let unformatted = sandbox.tool(&project, "gofmt", &["-l", "."]).success().stdout;
    assert_eq!(unformatted, "", "gofmt would change these");
}

#[test]
fn the_rust_example_tests_itself_and_answers() {
    let sandbox = Sandbox::new();
    let project = fixture::example(&sandbox.work(), "http-api");
    sandbox.tool(&project, "cargo", &["test", "--locked"]).success();
    sandbox.tool(&project, "cargo", &["build", "--locked"]).success();
    let port = free_port();
    let mut command = sandbox.command(project.join("target/debug/http-api"), &project);
    let server = Server::start(command.env("PORT", port.to_string()).env("BIND_IP", "127.0.0.1"), port);
    assert_eq!(http_get(port, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(http_get(port, "/missing").0, 404);
    server.terminate().success();
}

/// Builds the Go example for a machine, statically, with the plain compiler.
fn build_go(sandbox: &Sandbox, project: &Path, machine: Machine) -> std::path::PathBuf {
    let output = sandbox.work().join(machine.name());
    let mut command = sandbox.command(crossdock_tests::tools::need("go"), project);
    let goarch = machine.platform().trim_start_matches("linux/");
    command.env("GOARCH", goarch).env("CGO_ENABLED", "0").args(["build", "-trimpath", "-o"]).arg(&output);
    crossdock_tests::outcome::run(&mut command, std::time::Duration::from_secs(300)).success();
    output
}

#[test]
fn a_stock_ssh_client_logs_in_on_both_machines() {
    let sandbox = Sandbox::new();
    let project = fixture::example(&sandbox.work(), "k8s-ssh-server");
    let client = SshClient::new();
    for machine in Machine::ALL {
        let program = build_go(&sandbox, &project, machine);
        let port = free_port();
        let mut command = machine.command(&program);
        command
            .env("SSH_LISTEN", format!("127.0.0.1:{port}"))
            .env("SSH_AUTHORIZED_KEYS", client.public_key());
        let server = Server::start(&mut command, port);
        assert_eq!(client.exec("ada", port, "whoami").success().stdout, "ada\n");
        assert_eq!(client.exec("ada", port, "uname -m").success().stdout.trim(), machine.name());
        client.exec("ada", port, "exit 7").ends_with(7);
        server.terminate().success();
    }
}

/// Checks that the engines of the harness start containers here; otherwise a failure of a later test would not tell whether
/// the image or the engine is at fault.
#[test]
fn the_engines_start_a_container() {
    let sandbox = Sandbox::new();
    let project = fixture::example(&sandbox.work(), "k8s-ssh-server");
    let program = build_go(&sandbox, &project, Machine::Amd64);
    let name = program.file_name().and_then(|name| name.to_str()).unwrap();
    let root = sandbox.work().join("root.tar");
    let root = root.to_str().unwrap();
    sandbox.tool(&sandbox.work(), "tar", &["--create", "--file", root, name]).success();
    let client = SshClient::new();
    let engines: [&dyn Engine; 2] = [&Docker::start(), &Podman::start()];
    for engine in engines {
        let entry = format!("ENTRYPOINT [\"/{name}\"]");
        engine.run(&["import", "--change", &entry, root, "example.test/imported:1"]).success();
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let key = client.public_key();
        let container = Container::start(
            engine,
            "example.test/imported:1",
            &[("SSH_LISTEN", &listen), ("SSH_AUTHORIZED_KEYS", &key)],
        );
        wait_for_port(port, || container.logs());
        assert_eq!(client.exec("ada", port, "whoami").success().stdout, "ada\n");
        assert_eq!(container.stop(), "0");
    }
}
