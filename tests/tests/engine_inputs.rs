//! DockerfileInputs that are passed to an engine and that it really uses: secrets, an ssh agent, caches in a registry, base images.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crossdock_tests::engine::{
    Base, BuildKit, Docker, GO_WORDS, Podman, RecordedGo, Secrets, TRACE, base_from, builder, compiler_image,
    debian_docker, go_project, install_buildx, says_hello,
};
use crossdock_tests::outcome::run;
use crossdock_tests::registry::Distribution;
use crossdock_tests::tools::need;
use crossdock_tests::{Layout, Outcome, Sandbox, fixture};

/// Builds with a token and an agent, and finds neither in the image nor in the engine's `store`. Without them the build
/// ends before the engine starts, with an error that names the missing one.
fn secrets_are_used_and_not_kept(sandbox: &mut Sandbox, project: &Path, builder: &str, store: &Path) {
    let secrets = Secrets::new(sandbox, project);
    let base = base_from(sandbox, project, &secrets.compiler(sandbox));
    let dist = |more: &[&str]| -> Outcome {
        let asked = ["dist", "--builder", builder, "--platform", "linux/arm64", "--base-from", &base];
        sandbox.crossdock(project, &[&asked, more].concat())
    };
    let [netrc, hosts] = secrets.options();
    let both = ["--secret", &netrc, "--secret", &hosts];
    dist(&both[2..])
        .ends_with(2)
        .complains("cannot be built without --secret id=netrc,src=FILE --ssh default: add it to the call");
    dist(&both).ends_with(2).complains("cannot be built without --ssh default: add it to the call");
    assert!(!project.join(".crossdock/hello/index.json").exists(), "what failed made an image");

    let all = [&both[..], &["--ssh", "default"]].concat();
    let outcome = dist(&all).success();
    assert!(!format!("{outcome}").contains(&secrets.token), "{outcome}");
    let built = Layout::open(project.join(".crossdock/hello"));
    says_hello(sandbox, &built, &GO_WORDS[1..2]);
    assert!(built.holds("hello from ") && built.holds("65532"), "the search finds nothing at all");
    assert!(!built.holds(&secrets.token), "the image holds the token");
    assert!(
        any_file_contains(store, TRACE),
        "the search does not see what the step wrote into {}",
        store.display()
    );
    for place in [store, project, &sandbox.cache()] {
        assert!(!any_file_contains(place, &secrets.token), "{} holds the token", place.display());
    }
}

/// Returns whether any file below a directory holds a text.
fn any_file_contains(directory: &Path, text: &str) -> bool {
    let mut grep = Command::new(need("grep"));
    grep.args(["--recursive", "--text", "--quiet", "--no-messages", "--fixed-strings", "-e", text]);
    run(grep.arg(directory), Duration::from_secs(120)).code == Some(0)
}

#[test]
fn docker_mounts_secrets_and_an_agent_and_keeps_neither() {
    let (mut sandbox, project) = go_project();
    let docker = Docker::start_apart();
    let directory = sandbox.work();
    sandbox.set("DOCKER_HOST", docker.host()).set("DOCKER_CONFIG", directory);
    debian_docker(&mut sandbox);
    secrets_are_used_and_not_kept(&mut sandbox, &project, "docker", &docker.storage());
}

#[test]
fn podman_mounts_secrets_and_an_agent_and_keeps_neither() {
    let (mut sandbox, project) = go_project();
    let podman = Podman::start_on_overlays();
    podman.set_up(&mut sandbox);
    secrets_are_used_and_not_kept(&mut sandbox, &project, "podman", &podman.storage());
}

#[test]
#[ignore = "long: builds buildkitd and buildx"]
fn long_buildkit_mounts_secrets_and_an_agent_and_keeps_neither() {
    let (mut sandbox, project) = go_project();
    let buildkit = BuildKit::start();
    let buildx = install_buildx(&mut sandbox);
    builder(&sandbox, &buildx, "one", &[(&buildkit, "linux/amd64")]);
    secrets_are_used_and_not_kept(&mut sandbox, &project, "buildx=one", &buildkit.storage());
}

const BOTH: &str = "linux/amd64,linux/arm64";

const ON_SLIM: &str = "[image.hello]\npath = \".\"\n\n[image.hello.dockerfile]\nbase = \"debian-slim\"\n";

/// Creates a replacement for `debian:…-slim` that records its architecture.
fn slim(sandbox: &Sandbox) -> PathBuf {
    let work = sandbox.work();
    let slim = ["amd64", "arm64"].map(|architecture| {
        Base::bare(work.join(format!("slim-{architecture}")), &format!("not debian for {architecture}\n"))
    });
    Base::layout_of(&[("amd64", &slim[0]), ("arm64", &slim[1])], &work.join("slim"))
}

/// Checks that each platform's program starts and is on the base of that platform: an engine may label one and take the
/// other.
fn is_on_its_own_base(sandbox: &Sandbox, built: &Layout) {
    says_hello(sandbox, built, &GO_WORDS[..2]);
    for (machine, word) in &GO_WORDS[..2] {
        let root = sandbox.work().join(format!("unpacked-{}-{}", machine.name(), built.digest()));
        let base = std::fs::read_to_string(root.join("etc/stand-in")).expect("the program lies on the base");
        assert_eq!(base, format!("not debian for {word}\n"));
    }
}

#[test]
fn docker_builds_each_platform_on_its_own_base() {
    let (mut sandbox, project) = go_project();
    let docker = Docker::start_apart();
    let directory = sandbox.work();
    sandbox.set("DOCKER_HOST", docker.host()).set("DOCKER_CONFIG", directory);
    debian_docker(&mut sandbox);
    fixture::write(project.join("crossdock.toml"), ON_SLIM);
    let compiler = base_from(&sandbox, &project, &RecordedGo::new(&sandbox).layout("given"));
    let base = format!("debian:trixie-slim=oci:{}", slim(&sandbox).display());
    let bases = ["--base-from", &compiler, "--base-from", &base];
    let asked = ["dist", "--builder", "docker", "--platform", BOTH];
    sandbox.crossdock(&project, &[&asked[..], &bases].concat()).success();
    is_on_its_own_base(&sandbox, &Layout::open(project.join(".crossdock/hello")));
}

/// Builds on bases that the engine pulls by the names in the templates, also if `crossdock.lock` pins them.
fn bases_come_from_a_registry(sandbox: &Sandbox, project: &Path, registry: &Distribution, builder: &str) {
    fixture::write(project.join("crossdock.toml"), ON_SLIM);
    let compiler = compiler_image(sandbox, project);
    let slim = slim(sandbox);
    registry.push(&RecordedGo::new(sandbox).layout("pulled"), &format!("library/{compiler}"));
    let digest = registry.push(&slim, "library/debian:trixie-slim");
    let dist = || sandbox.crossdock(project, &["dist", "--builder", builder, "--platform", BOTH]);

    dist().success();
    let built = Layout::open(project.join(".crossdock/hello"));
    is_on_its_own_base(sandbox, &built);

    let pin = |digest: &str| {
        let lock = format!("[images]\n\"debian:trixie-slim\" = \"{digest}\"\n");
        fixture::write(project.join("crossdock.lock"), lock);
    };
    pin(&digest);
    dist().success();
    assert_eq!(
        Layout::open(project.join(".crossdock/hello")).digest(),
        built.digest(),
        "pinned to what the tag is"
    );
    pin(&format!("sha256:{}", "0".repeat(64)));
    dist().ends_with(4).complains("debian:trixie-slim@sha256:0000");
    std::fs::remove_file(project.join("crossdock.lock")).expect("it is there");
}

#[test]
#[ignore = "long: builds buildkitd and buildx"]
fn long_buildkit_pulls_its_bases_from_a_registry() {
    let (mut sandbox, project) = go_project();
    let registry = Distribution::start();
    let node = BuildKit::start_behind(&registry);
    let buildx = install_buildx(&mut sandbox);
    builder(&sandbox, &buildx, "one", &[(&node, "linux/amd64")]);
    bases_come_from_a_registry(&sandbox, &project, &registry, "buildx=one");
}

#[test]
#[ignore = "long: seven builds"]
fn long_podman_pulls_its_bases_and_caches_from_a_registry() {
    let (mut sandbox, project) = go_project();
    let registry = Distribution::start();
    let podman = Podman::start_on_overlays().behind(&registry);
    podman.set_up(&mut sandbox);
    bases_come_from_a_registry(&sandbox, &project, &registry, "podman");
    let place = format!("{}/hello/cache", registry.host());
    // Debian's podman caches no step after an ARG (buildah's issue 4315), so that it only finds the dependencies.
    a_cache_saves_compiling("mod", sandbox, &project, &place, &place, |sandbox, _| {
        let fresh = Podman::start_on_overlays().behind(&registry);
        fresh.set_up(sandbox);
        ("podman".to_owned(), fresh)
    });
}

#[test]
#[ignore = "long: builds buildkitd and buildx"]
fn long_a_cache_in_a_registry_saves_a_fresh_buildkit_from_compiling() {
    let (mut sandbox, project) = go_project();
    let buildx = install_buildx(&mut sandbox);
    let registry = Distribution::start();
    let place = format!("type=registry,ref={}/hello/cache", registry.host());
    a_cache_saves_compiling(
        "build",
        sandbox,
        &project,
        &format!("{place},mode=max"),
        &place,
        |sandbox, name| {
            let node = BuildKit::start();
            builder(sandbox, &buildx, name, &[(&node, "linux/amd64")]);
            (format!("buildx={name}"), node)
        },
    );
}

/// Builds in three fresh engines that `start` makes and names: one fills the cache, one reads it, one does not know it. `go
/// STEP` writes a new number into every image, so that equal images prove that it did not run again.
fn a_cache_saves_compiling<E>(
    step: &str,
    mut sandbox: Sandbox,
    project: &Path,
    to: &str,
    from: &str,
    start: impl Fn(&mut Sandbox, &str) -> (String, E),
) {
    let number = format!(
        "[ \"$1\" != {step} ] || cat /proc/sys/kernel/random/uuid > /number\n\
         [ \"$1\" != build ] || {{ mkdir -p /out/etc; cat /number > /out/etc/number; }}"
    );
    let compiler = RecordedGo::new(&sandbox).first(&number).layout("counting");
    let base = base_from(&sandbox, project, &compiler);
    let mut digest = |name: &str, cache: &[&str]| {
        let (builder, _engine) = start(&mut sandbox, name);
        let asked = ["dist", "--builder", &builder, "--base-from", &base, "--platform", BOTH];
        let outcome = sandbox.crossdock(project, &[&asked, cache].concat()).success();
        let limited = builder == "podman" && name == "second";
        assert_eq!(outcome.stderr.contains("ignores the steps after an ARG"), limited, "{outcome}");
        let built = Layout::open(project.join(".crossdock/hello"));
        says_hello(&sandbox, &built, &GO_WORDS[..2]);
        built.digest().to_owned()
    };
    let first = digest("first", &["--cache-to", to]);
    assert_eq!(digest("second", &["--cache-from", from]), first, "the step ran again");
    assert_ne!(digest("third", &[]), first, "the step gives no new number");
}
