//! One archive that every engine and tool loads.

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
