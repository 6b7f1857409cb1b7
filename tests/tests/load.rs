//! One archive that every engine and tool loads, images that `run` starts in an engine, and nodes of a cluster.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use crossdock_tests::engine::{Container, Docker, Engine, Podman};
use crossdock_tests::outcome::run;
use crossdock_tests::tools::need;
use crossdock_tests::{Built, Sandbox, fixture};

const NAME: &str = "hello";
const LIMIT: Duration = Duration::from_secs(120);

static BUILT: LazyLock<Built> = LazyLock::new(|| {
    let sandbox = Sandbox::lasting(env!("CARGO_TARGET_TMPDIR"), "load");
    let project = fixture::go_module(&sandbox.work(), NAME);
    fixture::commit(&sandbox, &project);
    Built::project(sandbox, project, &["--archive", "--repository", "registry.example/hello", "--tag", "v1"])
});

fn archive() -> PathBuf {
    let path =
        BUILT.image(NAME)["archive"].as_str().unwrap_or_else(|| panic!("no archive: {:#}", BUILT.report));
    BUILT.project.join(path)
}

/// Starts the image in an engine and waits for the output of its program.
fn says_hello(engine: &dyn Engine) {
    let container = Container::start(engine, "registry.example/hello:v1", &[]);
    let expected = if std::env::consts::ARCH == "x86_64" { "hello from amd64" } else { "hello from arm64" };
    crossdock_tests::processes::wait_until(
        Duration::from_secs(30),
        || container.logs().contains(expected),
        || container.logs(),
    );
}

#[test]
fn docker_loads_the_archive() {
    let docker = Docker::start();
    docker.run(&["load", "--input", archive().to_str().unwrap()]).success();
    says_hello(&docker);
}

#[test]
fn podman_loads_the_archive() {
    let podman = Podman::start();
    podman.run(&["load", "--input", archive().to_str().unwrap()]).success();
    says_hello(&podman);
}

/// An image that podman pushed with zstd layers was not made by crossdock, and is read all the same.
#[test]
fn layers_of_another_compression_are_verified() {
    let podman = Podman::start();
    podman.run(&["load", "--input", archive().to_str().unwrap()]).success();
    let zstd = BUILT.sandbox.work().join("zstd");
    let to = format!("oci:{}:v1", show(&zstd));
    podman.run(&["push", "--compression-format", "zstd", "registry.example/hello:v1", &to]).success();
    let verified = BUILT.sandbox.crossdock(&BUILT.project, &["verify", zstd.to_str().unwrap(), "--json"]);
    let manifest = std::fs::read_dir(zstd.join("blobs/sha256")).unwrap();
    let documents = manifest.filter_map(|blob| std::fs::read_to_string(blob.unwrap().path()).ok());
    assert!(documents.collect::<String>().contains("tar+zstd"), "podman did not compress with zstd");
    assert!(verified.success().stdout.contains("\"verdict\":\"starts\""));
}

#[test]
fn containerd_imports_the_archive_with_both_platforms() {
    let docker = Docker::start();
    docker.ctr(&["images", "import", "--all-platforms", archive().to_str().unwrap()]).success();
    let listed = docker.ctr(&["images", "list"]).success().stdout;
    let line =
        listed.lines().find(|line| line.starts_with("registry.example/hello:v1")).unwrap_or_else(|| {
            panic!("the image's full name is not there: {listed}");
        });
    assert!(line.contains("linux/amd64,linux/arm64"), "{line}");
    let digest = BUILT.image(NAME)["digest"].as_str().unwrap();
    assert!(line.contains(digest), "containerd holds another digest than {digest}: {line}");
}

/// The engine's server has another architecture than this machine, as on an Apple machine.
#[test]
fn an_engine_of_another_platform_gets_a_built_one_with_a_warning() {
    let mut sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), NAME);
    sandbox.shim(
        "docker",
        "case \"$1\" in\nversion) echo linux/arm64 ;;\nload) [ -s \"$3\" ] && echo 'Loaded image: hello:latest' ;;\n\
         image) echo sha256:1 ;;\n*) exit 1 ;;\nesac",
    );
    let load = |platforms: &str| {
        let arguments = ["dist", "--load", "docker", "--platform", platforms];
        sandbox.crossdock(&project, &arguments).success().says("sha256:1")
    };
    let warning = "warning: the engine's server is linux/arm64, which is not built: linux/amd64 is loaded, and runs only under emulation";
    load("linux/amd64").complains(warning).complains("docker has hello:latest (linux/amd64)");
    let native = load("linux/amd64,linux/arm64").complains("docker has hello:latest (linux/arm64)");
    assert!(!native.stderr.contains("emulation"), "{native}");
}

/// A program that prints its arguments, ends with a code, or waits for a signal.
const PROGRAM: &str = r#"package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

func main() {
	fmt.Println("arguments", os.Args[1:])
	switch {
	case len(os.Args) > 2 && os.Args[1] == "exit":
		code, _ := strconv.Atoi(os.Args[2])
		os.Exit(code)
	case len(os.Args) > 1 && os.Args[1] == "read":
		text, _ := io.ReadAll(os.Stdin)
		fmt.Printf("read %q\n", text)
	case len(os.Args) > 1 && os.Args[1] == "wait":
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
		fmt.Println("waiting")
		fmt.Println("stopped by", <-signals)
	}
}
"#;

/// Writes a project of [`PROGRAM`] whose image exposes two ports.
fn runnable(sandbox: &Sandbox) -> PathBuf {
    let project = fixture::go_module(&sandbox.work(), NAME);
    fixture::write(project.join("main.go"), PROGRAM);
    fixture::write(
        project.join("crossdock.toml"),
        "[image.hello]\npath = \".\"\nexpose = [8080, \"53/udp\"]\ncmd = [\"from\", \"image\"]\n",
    );
    project
}

/// Runs the program in an engine: its arguments, its exit code, and what is left of it.
fn runs(sandbox: &Sandbox, project: &Path, engine: &dyn Engine, more: &[&str]) {
    let run = |arguments: &[&str]| {
        let words = [&["run", "hello"], more, &["--"], arguments].concat();
        sandbox.crossdock(project, &words)
    };
    run(&[]).success().says("arguments [from image]");
    run(&["exit", "7"]).ends_with(7).says("arguments [exit 7]");
    run(&["read"]).success().says("read \"\"");

    let running = sandbox.start(project, &[&["run", "-q"], more, &["--", "wait"]].concat());
    let containers = || engine.run(&["ps", "--all", "--format", "{{.Names}}"]).success().stdout;
    let started = || engine.run(&["logs", containers().trim()]).stdout.contains("waiting");
    crossdock_tests::processes::wait_until(LIMIT, || !containers().is_empty() && started(), containers);
    // As a terminal sends it: to the group, which the engine's client is not in.
    running.signal_group(rustix::process::Signal::INT);
    running.wait(LIMIT).ends_with(130).says("stopped by terminated");
    assert_eq!(containers(), "", "no container is left");
    let images = engine.run(&["images", "--format", "{{.Repository}}:{{.Tag}}"]).success().stdout;
    assert!(!images.contains("crossdock-run-"), "{images}");
    assert!(!project.join(".crossdock").exists(), "the project's own images stay as they are");
}

/// The client chooses the server: by DOCKER_HOST, DOCKER_CONTEXT, or the context in its configuration, as those that
/// Colima, OrbStack and Docker Desktop install.
#[test]
fn docker_runs_the_image_on_the_server_of_its_context() {
    let docker = Docker::start();
    let mut sandbox = Sandbox::new();
    let project = runnable(&sandbox);
    // Without a bridge a container has no network, and no ports.
    let config = std::fs::read_to_string(project.join("crossdock.toml")).unwrap();
    fixture::write(project.join("crossdock.toml"), config.replace("expose", "# expose"));
    let host = format!("host={}", docker.host());
    sandbox.tool(&project, "docker", &["context", "create", "colima", "--docker", &host]).success();
    sandbox.set("DOCKER_CONTEXT", "colima");
    runs(&sandbox, &project, &docker, &[]);
    sandbox.unset("DOCKER_CONTEXT");
    let run = ["run", "--load", "docker"];
    sandbox.crossdock(&project, &run).ends_with(3).complains("--load docker needs a running engine");
    sandbox.tool(&project, "docker", &["context", "use", "colima"]).success();
    sandbox.crossdock(&project, &run).success().says("arguments [from image]");
    // Images from elsewhere, as they are.
    sandbox.crossdock(&project, &["dist", "--archive"]).success();
    for image in ["oci:.crossdock/hello", "./.crossdock/hello", "oci-archive:.crossdock/hello.tar"] {
        let words = ["run", image, "--", "exit", "7"];
        sandbox.crossdock(&project, &words).ends_with(7).says("arguments [exit 7]");
    }
    let images = docker.run(&["images", "--format", "{{.Repository}}:{{.Tag}}"]).success().stdout;
    assert!(!images.contains("crossdock-run"), "{images}");
    sandbox.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    sandbox.crossdock(&project, &run).ends_with(3).complains("/nowhere/docker.sock");
}

#[test]
fn podman_runs_the_image() {
    let podman = Podman::start();
    let mut sandbox = Sandbox::new();
    for (name, value) in podman.environment() {
        sandbox.set(name, value);
    }
    // A docker without a server.
    sandbox.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let project = runnable(&sandbox);
    let config = std::fs::read_to_string(project.join("crossdock.toml")).unwrap();
    fixture::write(project.join("crossdock.toml"), config.replace("expose", "# expose"));
    runs(&sandbox, &project, &podman, &[]);
}

#[test]
fn exposed_ports_are_published_on_the_loopback_address() {
    let mut sandbox = Sandbox::new();
    let project = runnable(&sandbox);
    sandbox.shim(
        "docker",
        "case \"$1\" in\nversion) echo linux/arm64 ;;\nload) echo 'Loaded image: crossdock-run-' ;;\n\
         run) echo \"$@\"; exit 125 ;;\nimage) echo sha256:1 ;;\n*) exit 1 ;;\nesac",
    );
    let run = |arguments: &[&str]| sandbox.crossdock(&project, &[&["run"], arguments].concat());
    run(&["--", "-v", "--", "x"])
        .ends_with(125)
        .says("run --rm --name hello-run-")
        .says(
            "--interactive --publish 127.0.0.1:8080:8080/tcp --publish 127.0.0.1:53:53/udp sha256:1 -v -- x",
        )
        .complains("hello for linux/arm64 runs in docker, 127.0.0.1:8080 → 8080/tcp")
        .complains("publish another one");
    run(&["-p", "0.0.0.0:80:8080", "--publish", "5353:53/udp", "-p", "1:2"])
        .ends_with(125)
        .says("--publish 0.0.0.0:80:8080/tcp --publish 127.0.0.1:5353:53/udp --publish 127.0.0.1:1:2/tcp sha256:1\n");
    run(&["-p", "8080"]).ends_with(2).complains("is not a published port; write it as");
    run(&["none"]).ends_with(2).complains("no image `none`");
    fixture::write(project.join("crossdock.toml"), "[image.one]\npath = \".\"\n[image.two]\npath = \".\"\n");
    run(&[]).ends_with(2).complains("the project has 2 images: one, two").complains("crossdock run one");
}

/// Two nodes: a containerd of this machine, and one whose archive for another architecture is kept and read.
#[test]
fn every_node_of_a_kind_cluster_imports_its_platform() {
    let docker = Docker::start();
    let mut sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), NAME);
    let (ours, other) = match std::env::consts::ARCH {
        "x86_64" => ("x86_64", "aarch64"),
        ours => (ours, "x86_64"),
    };
    sandbox.shim(
        "kind",
        "[ \"$*\" = 'get nodes --name dev' ] || { echo 'No kind nodes found' >&2; exit 0; }\n\
         echo dev-control-plane; echo dev-worker; echo dev-external-load-balancer",
    );
    let (socket, archive) = (docker.containerd(), sandbox.work().join("other.tar"));
    sandbox.shim(
        "docker",
        &format!(
            "case \"$*\" in\n'exec dev-control-plane uname -m') echo {ours} ;;\n'exec dev-worker uname -m') echo {other} ;;\n\
             'exec --interactive dev-control-plane ctr '*) shift 4; exec ctr --address '{}' \"$@\" ;;\n\
             'exec --interactive dev-worker ctr '*) exec cat > '{}' ;;\n*) exit 9 ;;\nesac",
            socket.display(),
            archive.display()
        ),
    );
    let dist = |load: &str, platforms: &str| {
        let arguments = ["dist", "--json", "--load", load, "--tag", "v1", "--platform", platforms];
        sandbox.crossdock(&project, &arguments)
    };
    let outcome = dist("kind:dev", "linux/amd64,linux/arm64").success();
    let outcome =
        outcome.complains("2 nodes of dev have hello@sha256:").complains("next: kubectl run hello --image");
    let report = outcome.json();
    assert_eq!(report["images"][0]["nodes"], serde_json::json!(["dev-control-plane", "dev-worker"]));
    let digest = report["images"][0]["digest"].as_str().unwrap();

    // containerd has both names, with the digest of the whole image, and starts it.
    let names = ["docker.io/library/hello:v1".to_owned(), format!("docker.io/library/hello@{digest}")];
    let listed = docker.ctr(&["--namespace", "k8s.io", "images", "list"]).success().stdout;
    for name in &names {
        let line = listed.lines().find(|line| line.starts_with(&format!("{name} ")));
        assert!(line.is_some_and(|line| line.contains(digest)), "no {name} in {listed}");
    }
    let ran = docker.ctr(&["--namespace", "k8s.io", "run", "--rm", &names[1], "one"]).success();
    let expected = if ours == "x86_64" { "hello from amd64" } else { "hello from arm64" };
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains(expected), "{ran}");

    // The other archive has the same index, and of its manifests only the node's own, whole.
    let listed =
        run(Command::new(need("tar")).arg("--list").arg("--file").arg(&archive), LIMIT).success().stdout;
    let blobs: Vec<&str> = listed.lines().filter_map(|line| line.strip_prefix("blobs/sha256/")).collect();
    let whole = crossdock_tests::Layout::open(project.join(".crossdock/hello"));
    for (architecture, is_there) in [("arm64", other == "aarch64"), ("amd64", other == "x86_64")] {
        let manifest = whole.manifest(&format!("linux/{architecture}"));
        let layers = manifest["layers"].as_array().unwrap();
        let program = layers.last().unwrap()["digest"].as_str().unwrap();
        for digest in [program, manifest["config"]["digest"].as_str().unwrap()] {
            assert_eq!(blobs.contains(&&digest[7..]), is_there, "{digest} of {architecture}: {listed}");
        }
    }
    assert!(blobs.contains(&&digest[7..]), "{listed}");
    let left = std::fs::read_dir(project.join(".crossdock")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(
        left.filter(|name| name.to_string_lossy().ends_with(".tar")).count(),
        0,
        "archives are removed"
    );

    let ours = if ours == "x86_64" { "linux/amd64" } else { "linux/arm64" };
    dist("kind:dev", ours).ends_with(2).complains("which is not built").complains("add it to --platform");
    dist("kind", ours).ends_with(3).complains("kind has no cluster `kind`");
    dist("kind:", ours).ends_with(2).complains("choose docker, podman, kind or kind:CLUSTER");
}

fn skopeo(arguments: &[&str]) -> String {
    run(Command::new(need("skopeo")).args(arguments), LIMIT).success().stdout
}

#[test]
fn skopeo_copies_the_layout_and_the_archive_whole() {
    let to = BUILT.sandbox.work().join("copied");
    let layout = BUILT.project.join(".crossdock").join(NAME);
    let archive = archive();
    for (name, from) in [
        ("layout", format!("oci:{}:v1", show(&layout))),
        ("archive", format!("oci-archive:{}:v1", show(&archive))),
    ] {
        let to = to.join(name);
        std::fs::create_dir_all(&to).unwrap();
        skopeo(&["copy", "--all", "--preserve-digests", &from, &format!("oci:{}:v1", show(&to))]);
        assert_eq!(crossdock_tests::Layout::open(&to).digest(), BUILT.layout(NAME).digest());
    }
    let config = skopeo(&["inspect", "--config", &format!("docker-archive:{}", show(&archive))]);
    assert!(config.contains("\"architecture\""), "{config}");
}

fn show(path: &Path) -> std::path::Display<'_> {
    path.display()
}
