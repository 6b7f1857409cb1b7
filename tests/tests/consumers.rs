//! Outside programs that use the crates only through their public interface. Each is a workspace of its own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crossdock_tests::program::repository;
use crossdock_tests::tools::need;
use crossdock_tests::{Layout, Machine, Outcome, Sandbox, fixture};

/// More than a busy machine of two processors needs to build the whole library, and to wait for another test of this file
/// that builds it: they share a target directory.
const BUILD_LIMIT: Duration = Duration::from_secs(900);

/// Runs one of the programs in `tests/consumers`.
fn consumer(name: &str, arguments: &[&str]) -> Outcome {
    let directory = repository().join("tests/consumers").join(name);
    let mut command = Command::new(need("cargo"));
    command.args(["run", "--quiet", "--locked", "--"]).args(arguments).current_dir(directory);
    command.env("CARGO_TARGET_DIR", PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("consumers"));
    crossdock_tests::outcome::run(&mut command, BUILD_LIMIT)
}

/// A small Go program for each machine, built by the plain compiler.
fn programs(sandbox: &Sandbox) -> [String; 2] {
    let project = fixture::go_module(&sandbox.work(), "hello");
    Machine::ALL.map(|machine| {
        let mut command = sandbox.command(need("go"), &project);
        command.envs([("GOARCH", machine.platform().trim_start_matches("linux/")), ("CGO_ENABLED", "0")]);
        command.args(["build", "-o", machine.name(), "."]);
        crossdock_tests::outcome::run(&mut command, Duration::from_secs(300)).success();
        project.join(machine.name()).to_str().unwrap().to_owned()
    })
}

#[test]
fn an_environment_is_printed_for_a_shell() {
    let printed = consumer("environment", &["m7g.large"]).success().stdout;
    let script = format!(
        "{printed}printf '%s' \"$CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER $CARGO_BUILD_TARGET\""
    );
    let mut shell = Command::new("sh");
    let outcome =
        crossdock_tests::outcome::run(shell.arg("-c").arg(script), Duration::from_secs(10)).success();
    assert_eq!(outcome.stdout, "aarch64-linux-gnu-gcc aarch64-unknown-linux-gnu");
    consumer("environment", &["linux/arm46"]).ends_with(1).complains("arm64");
}

#[test]
fn an_image_is_assembled_from_given_programs() {
    let sandbox = Sandbox::new();
    let [amd64, arm64] = programs(&sandbox);
    let directory = sandbox.work().join("layout");
    let given = [format!("linux/arm64={arm64}"), format!("linux/amd64={amd64}")];
    let arguments = [directory.to_str().unwrap(), "registry.example/given:v1", &given[0], &given[1]];
    let digest = consumer("assemble", &arguments).success().stdout;
    let layout = Layout::open(&directory);
    assert_eq!(
        (layout.digest(), layout.platforms()),
        (digest.trim(), vec!["linux/amd64".into(), "linux/arm64".into()])
    );
    for machine in Machine::ALL {
        let program = layout.program(machine.platform(), &sandbox.work().join(machine.name()));
        machine.run(&program, &[], Duration::from_secs(30)).success().complains("hello from");
    }
}

#[test]
fn a_pipeline_stops_at_a_program_that_will_not_start() {
    let sandbox = Sandbox::new();
    let [amd64, arm64] = programs(&sandbox);
    let right = consumer("gate", &["linux/arm64", &arm64]).success().json_lines();
    assert_eq!(right[0]["verdict"], "starts");
    let lines = consumer("gate", &["linux/arm64", &arm64, &amd64]).ends_with(1).json_lines();
    assert_eq!((&lines[0]["verdict"], &lines[1]["verdict"]), (&"starts".into(), &"fails".into()));
    consumer("gate", &["linux/arm64", "/nonexistent"]).ends_with(5);
    consumer("gate", &["linux/arm46", &arm64]).ends_with(2);
}

#[test]
fn a_build_tool_discovers_plans_builds_with_its_own_observer_and_verifies() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let output = sandbox.work().join("images");
    let arguments = |node| [project.to_str().unwrap(), output.to_str().unwrap(), node];
    let built = consumer("build-tool", &arguments("m7g.large")).success();
    assert!(built.stdout.contains("program hello of image hello\n"), "{built}");
    assert!(built.stdout.contains("step 1 "), "its own observer saw no step: {built}");
    let layout = Layout::open(output.join("hello"));
    assert_eq!(layout.platforms(), ["linux/amd64", "linux/arm64"]);
    for machine in Machine::ALL {
        let program = layout.program(machine.platform(), &sandbox.work().join(machine.name()));
        machine.run(&program, &[], Duration::from_secs(30)).success().complains("hello from");
    }
    consumer("build-tool", &arguments("linux/s390x")).ends_with(1).complains("linux/s390x: Fails");
    consumer("build-tool", &arguments("linux/arm46")).ends_with(2).complains("linux/arm64");
}
