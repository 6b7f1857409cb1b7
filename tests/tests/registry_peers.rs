//! Pulls pushed images with other clients and with engines: all report the same digest.

use crossdock_tests::engine::{Docker, Engine, Podman};
use crossdock_tests::registry::{
    Access, Distribution, Habits, MemoryRegistry, OciMemory, Peer, Program, TagRule, Way,
};
use crossdock_tests::{Built, Sandbox, fixture};
use tempfile::TempDir;

fn built() -> Built {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    Built::project(sandbox, project, &["--platform", "linux/amd64,linux/arm64"])
}

/// Pushes the image and returns its reference there.
fn push(built: &Built, host: &str) -> String {
    let reference = format!("{host}/team/hello:1.0");
    let pushed = built.sandbox.crossdock(&built.project, &["push", &reference, ".crossdock/hello"]).success();
    assert_eq!(pushed.digest(), built.layout("hello").digest());
    reference
}

#[test]
#[ignore = "long: builds other clients and distribution 3"]
fn long_clients_pull_the_same_digest_from_every_registry() {
    let built = built();
    let digest = built.layout("hello").digest().to_owned();
    let debian = Distribution::with(Program::Debian, Access::Open);
    let version3 = Distribution::with(Program::Version3, Access::Open);
    let oci = OciMemory::start(TagRule::Immutable);
    let ours = MemoryRegistry::start(Habits { redirects_blobs: true, ..Habits::default() });
    for host in [debian.host(), version3.host(), oci.host(), ours.host()] {
        let reference = push(&built, &host);
        for peer in Peer::ALL {
            assert_eq!(peer.digest(&Way::default(), &reference), digest, "{peer:?} at {host}");
            let pulled = TempDir::new().unwrap();
            let directory = pulled.path().join("layout");
            peer.pull(&Way::default(), &reference, &directory).success();
            let index = directory.join("blobs/sha256").join(&digest["sha256:".len()..]);
            assert!(index.is_file(), "{peer:?} pulled another image from {host}");
        }
        // A tag that cannot move, and names the image already, is not a failure.
        push(&built, &host);
    }
    assert_eq!(ours.faults(), [""; 0]);
}

#[test]
#[ignore = "long: starts engines"]
fn long_engines_pull_the_same_digest() {
    let (built, registry) = (built(), Distribution::start());
    let digest = built.layout("hello").digest().to_owned();
    let reference = push(&built, &registry.host());
    let docker = Docker::start();
    docker.run(&["pull", &reference]).success().says(&format!("Digest: {digest}"));
    let listed = docker.run(&["image", "inspect", "--format", "{{.RepoDigests}}", &reference]).success();
    listed.says(&digest);
    docker.ctr(&["images", "pull", "--plain-http", "--all-platforms", &reference]).success();
    docker.ctr(&["images", "list"]).success().says(&digest);
    let podman = Podman::start();
    podman.run(&["pull", "--tls-verify=false", &reference]).success();
    let listed = podman.run(&["image", "inspect", "--format", "{{.RepoDigests}}", &reference]).success();
    listed.says(&digest);
}
