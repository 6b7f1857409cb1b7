//! What is handed on to an engine, used by it for real: secrets and an ssh agent, caches in a registry, base images.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crossdock_tests::engine::{
    BuildKit, Docker, GO_WORDS, Podman, RecordedGo, Registry, Secrets, TRACE, base_from, builder,
    debian_docker, go_project, install_buildx, says_hello,
};
use crossdock_tests::outcome::run;
use crossdock_tests::tools::need;
use crossdock_tests::{Layout, Outcome, Sandbox};

/// Builds with a token and an agent, finds neither in the image nor in the engine's `store`, and without them ends with
/// an error that says which.
fn secrets_are_used_and_kept_nowhere(
    sandbox: &mut Sandbox,
    project: &Path,
    builder: &str,
    store: &Path,
    without: [&str; 2],
) {
    let secrets = Secrets::new(sandbox, project);
    let base = base_from(sandbox, project, &secrets.compiler(sandbox));
    let dist = |more: &[&str]| -> Outcome {
        let asked = ["dist", "--builder", builder, "--platform", "linux/arm64", "--base-from", &base];
        sandbox.crossdock(project, &[&asked, more].concat())
    };
    let [netrc, hosts] = secrets.options();
    let both = ["--secret", &netrc, "--secret", &hosts];
    dist(&both[2..])
        .ends_with(4)
        .complains("needs the secret `netrc`: hand it on with")
        .complains(without[0]);
    dist(&both).ends_with(4).complains("needs an ssh agent: add --ssh default").complains(without[1]);
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
    let without = ["secret netrc not found", "no SSH key"];
    secrets_are_used_and_kept_nowhere(&mut sandbox, &project, "docker", &docker.storage(), without);
}

#[test]
fn podman_mounts_secrets_and_an_agent_and_keeps_neither() {
    let (mut sandbox, project) = go_project();
    let podman = Podman::start_on_overlays();
    podman.set_up(&mut sandbox);
    let without = ["secret required but no secret with id netrc", "ssh required but no ssh with id default"];
    secrets_are_used_and_kept_nowhere(&mut sandbox, &project, "podman", &podman.storage(), without);
}

#[test]
#[ignore = "long: builds buildkitd and buildx"]
fn long_buildkit_mounts_secrets_and_an_agent_and_keeps_neither() {
    let (mut sandbox, project) = go_project();
    let buildkit = BuildKit::start();
    let buildx = install_buildx(&mut sandbox);
    builder(&sandbox, &buildx, "one", &[(&buildkit, "linux/amd64")]);
    let without = ["secret netrc: not found", "unset ssh forward key default"];
    secrets_are_used_and_kept_nowhere(&mut sandbox, &project, "buildx=one", &buildkit.storage(), without);
}

/// The compiler puts a new number into every program's image: images are equal when it did not run again.
#[test]
#[ignore = "long: builds buildkitd and buildx"]
fn long_a_cache_in_a_registry_spares_a_fresh_builder_the_compiler() {
    let (mut sandbox, project) = go_project();
    let buildx = install_buildx(&mut sandbox);
    let registry = Registry::start();
    let number = "if [ \"$1\" = build ]; then mkdir -p /out/etc; cat /proc/sys/kernel/random/uuid > /out/etc/number; fi";
    let compiler = RecordedGo::new(&sandbox).first(number).layout("counting");
    let base = base_from(&sandbox, &project, &compiler);
    let digest = |name: &str, cache: &[&str]| {
        let node = BuildKit::start();
        builder(&sandbox, &buildx, name, &[(&node, "linux/amd64")]);
        let with = format!("buildx={name}");
        let both = ["--platform", "linux/amd64,linux/arm64"];
        let asked = ["dist", "--builder", &with, "--base-from", &base, both[0], both[1]];
        sandbox.crossdock(&project, &[&asked, cache].concat()).success();
        Layout::open(project.join("dist/hello")).digest().to_owned()
    };
    let place = format!("type=registry,ref={}/hello/cache", registry.host());
    let first = digest("first", &["--cache-to", &format!("{place},mode=max")]);
    says_hello(&sandbox, &Layout::open(project.join("dist/hello")), &GO_WORDS[..2]);
    assert_eq!(digest("second", &["--cache-from", &place]), first, "the compiler ran again");
    assert_ne!(digest("third", &[]), first, "the compiler gives no new number");
}
