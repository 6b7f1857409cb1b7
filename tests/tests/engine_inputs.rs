//! What is handed on to an engine, used by it for real: secrets and an ssh agent, caches in a registry, base images.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crossdock_tests::engine::{
    Base, BuildKit, Docker, GO_WORDS, Podman, RecordedGo, Registry, Secrets, TRACE, base_from, builder,
    compiler_image, debian_docker, go_project, install_buildx, says_hello,
};
use crossdock_tests::outcome::run;
use crossdock_tests::tools::need;
use crossdock_tests::{Layout, Outcome, Sandbox, fixture};

/// Builds with a token and an agent, finds neither in the image nor in the engine's `store`, and without them ends
/// before the engine begins, with an error that says which.
fn secrets_are_used_and_kept_nowhere(sandbox: &mut Sandbox, project: &Path, builder: &str, store: &Path) {
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
    assert!(!project.join("dist/hello/index.json").exists(), "what failed made an image");

    let all = [&both[..], &["--ssh", "default"]].concat();
    let outcome = dist(&all).success();
    assert!(!format!("{outcome}").contains(&secrets.token), "{outcome}");
    let built = Layout::open(project.join("dist/hello"));
    says_hello(sandbox, &built, &GO_WORDS[1..2]);
    assert!(built.holds("hello from ") && built.holds("65532"), "the search finds nothing at all");
    assert!(!built.holds(&secrets.token), "the image holds the token");
    assert!(files_with(store, TRACE), "the search does not see what the step wrote into {}", store.display());
    for place in [store, project, &sandbox.cache()] {
        assert!(!files_with(place, &secrets.token), "{} holds the token", place.display());
    }
}

/// Whether any file below a folder holds a text.
fn files_with(folder: &Path, text: &str) -> bool {
    let mut grep = Command::new(need("grep"));
    grep.args(["--recursive", "--text", "--quiet", "--no-messages", "--fixed-strings", "-e", text]);
    run(grep.arg(folder), Duration::from_secs(120)).code == Some(0)
}

#[test]
fn docker_mounts_secrets_and_an_agent_and_keeps_neither() {
    let (mut sandbox, project) = go_project();
    let docker = Docker::start_apart();
    let folder = sandbox.work();
    sandbox.set("DOCKER_HOST", docker.host()).set("DOCKER_CONFIG", folder);
    debian_docker(&mut sandbox);
    secrets_are_used_and_kept_nowhere(&mut sandbox, &project, "docker", &docker.storage());
}

#[test]
fn podman_mounts_secrets_and_an_agent_and_keeps_neither() {
    let (mut sandbox, project) = go_project();
    let podman = Podman::start_on_overlays();
    podman.set_up(&mut sandbox);
    secrets_are_used_and_kept_nowhere(&mut sandbox, &project, "podman", &podman.storage());
}

#[test]
#[ignore = "long: builds buildkitd and buildx"]
fn long_buildkit_mounts_secrets_and_an_agent_and_keeps_neither() {
    let (mut sandbox, project) = go_project();
    let buildkit = BuildKit::start();
    let buildx = install_buildx(&mut sandbox);
    builder(&sandbox, &buildx, "one", &[(&buildkit, "linux/amd64")]);
    secrets_are_used_and_kept_nowhere(&mut sandbox, &project, "buildx=one", &buildkit.storage());
}

const BOTH: &str = "linux/amd64,linux/arm64";

const ON_SLIM: &str = "[image.hello]\npath = \".\"\n\n[image.hello.dockerfile]\nbase = \"debian-slim\"\n";

/// A stand-in for `debian:…-slim` that says for which architecture it is.
fn slim(sandbox: &Sandbox) -> PathBuf {
    let work = sandbox.work();
    let slim = ["amd64", "arm64"].map(|architecture| {
        Base::bare(work.join(format!("slim-{architecture}")), &format!("not debian for {architecture}\n"))
    });
    Base::layout_of(&[("amd64", &slim[0]), ("arm64", &slim[1])], &work.join("slim"))
}

/// Each platform's program starts, and lies on the base of that platform: an engine may label the one and take the other.
fn lies_on_its_own_base(sandbox: &Sandbox, built: &Layout) {
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
    let folder = sandbox.work();
    sandbox.set("DOCKER_HOST", docker.host()).set("DOCKER_CONFIG", folder);
    debian_docker(&mut sandbox);
    fixture::write(project.join("crossdock.toml"), ON_SLIM);
    let compiler = base_from(&sandbox, &project, &RecordedGo::new(&sandbox).layout("given"));
    let base = format!("debian:trixie-slim=oci:{}", slim(&sandbox).display());
    let bases = ["--base-from", &compiler, "--base-from", &base];
    let asked = ["dist", "--builder", "docker", "--platform", BOTH];
    sandbox.crossdock(&project, &[&asked[..], &bases].concat()).success();
    lies_on_its_own_base(&sandbox, &Layout::open(project.join("dist/hello")));
}

/// Builds on bases that the engine pulls under the names that the templates use, also where `crossdock.lock` pins them.
fn bases_come_from_a_registry(sandbox: &Sandbox, project: &Path, registry: &Registry, builder: &str) {
    fixture::write(project.join("crossdock.toml"), ON_SLIM);
    let compiler = compiler_image(sandbox, project);
    let slim = slim(sandbox);
    registry.push(&RecordedGo::new(sandbox).layout("pulled"), &format!("library/{compiler}"));
    let digest = registry.push(&slim, "library/debian:trixie-slim");
    let dist = || sandbox.crossdock(project, &["dist", "--builder", builder, "--platform", BOTH]);

    dist().success();
    let built = Layout::open(project.join("dist/hello"));
    lies_on_its_own_base(sandbox, &built);

    let pin = |digest: &str| {
        let lock = format!("[images]\n\"debian:trixie-slim\" = \"{digest}\"\n");
        fixture::write(project.join("crossdock.lock"), lock);
    };
    pin(&digest);
    dist().success();
    assert_eq!(
        Layout::open(project.join("dist/hello")).digest(),
        built.digest(),
        "pinned to what the tag is"
    );
    pin(&format!("sha256:{}", "0".repeat(64)));
    dist().ends_with(4).complains("debian:trixie-slim@sha256:0000");
    std::fs::remove_file(project.join("crossdock.lock")).expect("it is there");
}

#[test]
#[ignore = "long: builds buildkitd and buildx"]
fn long_buildkit_takes_its_bases_from_a_registry() {
    let (mut sandbox, project) = go_project();
    let registry = Registry::start();
    let node = BuildKit::start_behind(&registry);
    let buildx = install_buildx(&mut sandbox);
    builder(&sandbox, &buildx, "one", &[(&node, "linux/amd64")]);
    bases_come_from_a_registry(&sandbox, &project, &registry, "buildx=one");
}

#[test]
#[ignore = "long: seven builds"]
fn long_podman_takes_its_bases_and_caches_from_a_registry() {
    let (mut sandbox, project) = go_project();
    let registry = Registry::start();
    let podman = Podman::start_on_overlays().behind(&registry);
    podman.set_up(&mut sandbox);
    bases_come_from_a_registry(&sandbox, &project, &registry, "podman");
    let place = format!("{}/hello/cache", registry.host());
    // Debian's podman looks for no step behind an ARG (buildah's issue 4315), and so finds dependencies alone.
    a_cache_spares("mod", sandbox, &project, &place, &place, |sandbox, _| {
        let fresh = Podman::start_on_overlays().behind(&registry);
        fresh.set_up(sandbox);
        ("podman".to_owned(), fresh)
    });
}

#[test]
#[ignore = "long: builds buildkitd and buildx"]
fn long_a_cache_in_a_registry_spares_a_fresh_buildkit_the_compiler() {
    let (mut sandbox, project) = go_project();
    let buildx = install_buildx(&mut sandbox);
    let registry = Registry::start();
    let place = format!("type=registry,ref={}/hello/cache", registry.host());
    a_cache_spares("build", sandbox, &project, &format!("{place},mode=max"), &place, |sandbox, name| {
        let node = BuildKit::start();
        builder(sandbox, &buildx, name, &[(&node, "linux/amd64")]);
        (format!("buildx={name}"), node)
    });
}

/// Builds in three fresh engines, each made and named by `start`: one fills the cache, one reads it, one knows nothing of
/// it. `go STEP` puts a new number into every image, so that images are equal when it did not run again.
fn a_cache_spares<E>(
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
        assert_eq!(outcome.stderr.contains("no step behind an ARG"), limited, "{outcome}");
        let built = Layout::open(project.join("dist/hello"));
        says_hello(&sandbox, &built, &GO_WORDS[..2]);
        built.digest().to_owned()
    };
    let first = digest("first", &["--cache-to", to]);
    assert_eq!(digest("second", &["--cache-from", from]), first, "the step ran again");
    assert_ne!(digest("third", &[]), first, "the step gives no new number");
}
