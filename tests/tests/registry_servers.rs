//! The registries of these tests, asked by clients that are not ours: what the tests of our client rest on.

use crossdock_tests::registry::memory::{Auth, Chunks, Mount, Referrers};
use crossdock_tests::registry::{
    Access, Distribution, Habits, MemoryRegistry, OciMemory, Peer, Program, Sample, TagRule, Way, tokens,
};
use tempfile::TempDir;

fn login(user: &str, password: &str) -> Option<(String, String)> {
    Some((user.to_owned(), password.to_owned()))
}

/// Pushes a sample with each peer, and pulls it with each; all agree about the digest.
fn peers_agree(host: &str, way: &Way, peers: &[Peer]) {
    let directory = TempDir::new().unwrap();
    for (seed, pusher) in (0..).zip(peers) {
        let sample = Sample::write(&directory.path().join(format!("from-{pusher:?}")), seed, 1000);
        let reference = format!("{host}/library/sample:{pusher:?}");
        pusher.push(way, &sample, &reference).success();
        for puller in peers {
            assert_eq!(puller.digest(way, &reference), sample.digest, "{puller:?} after {pusher:?}");
            let pulled = directory.path().join(format!("{pusher:?}-{puller:?}"));
            puller.pull(way, &reference, &pulled).success();
            let index = pulled.join("blobs/sha256").join(&sample.digest["sha256:".len()..]);
            assert!(index.is_file(), "{puller:?} pulled another image than {pusher:?} pushed");
        }
    }
}

#[test]
fn debian_registry_serves_in_each_way() {
    let robot = || login(tokens::USER, tokens::PASSWORD);
    for (access, login) in
        [(Access::Open, None), (Access::Tls, None), (Access::TlsHtpasswd, robot()), (Access::Token, robot())]
    {
        let registry = Distribution::with(Program::Debian, access);
        let way = Way { authority: registry.authority(), login };
        peers_agree(&registry.host(), &way, &[Peer::Skopeo]);
    }
}

#[test]
fn debian_registry_refuses_without_credentials_and_pulls_anonymously_with_tokens() {
    let directory = TempDir::new().unwrap();
    let sample = Sample::write(directory.path(), 1, 1000);
    for access in [Access::TlsHtpasswd, Access::Token] {
        let registry = Distribution::with(Program::Debian, access);
        let reference = format!("{}/sample:v1", registry.host());
        let anonymous = Way { authority: registry.authority(), login: None };
        let refused = Peer::Skopeo.push(&anonymous, &sample, &reference);
        assert_ne!(refused.code, Some(0), "{refused}");
        let way = Way { login: login(tokens::USER, tokens::PASSWORD), ..anonymous.clone() };
        Peer::Skopeo.push(&way, &sample, &reference).success();
        let pulled = Peer::Skopeo.run(&anonymous, &["inspect", &format!("docker://{reference}")], &reference);
        assert_eq!(pulled.code == Some(0), access == Access::Token, "{pulled}");
    }
}

#[test]
fn a_tag_of_the_immutable_registry_does_not_move() {
    let (registry, directory) = (OciMemory::start(TagRule::Immutable), TempDir::new().unwrap());
    let (way, reference) = (Way::default(), format!("{}/sample:v1", registry.host()));
    let [first, second] =
        [1, 2].map(|seed| Sample::write(&directory.path().join(format!("{seed}")), seed, 1000));
    Peer::Skopeo.push(&way, &first, &reference).success();
    Peer::Skopeo.push(&way, &first, &reference).success();
    let refused = Peer::Skopeo.push(&way, &second, &reference);
    assert_ne!(refused.code, Some(0), "{refused}");
    assert_eq!(Peer::Skopeo.digest(&way, &reference), first.digest);
}

/// The habits of the hosted services, with which clients that people use every day succeed.
#[test]
fn our_registry_serves_with_each_set_of_habits() {
    let robot = || login("robot", "ghp_secret");
    let sets = [
        ("none", Habits::default(), None),
        ("ecr", Habits::ecr(), login("AWS", "ecr-password")),
        ("ghcr", Habits::ghcr(), robot()),
        ("tokens", Habits { auth: Auth::token("robot", "ghp_secret"), ..Habits::default() }, robot()),
        ("null", Habits { referrers: Referrers::ApiWithNull, ..Habits::default() }, None),
    ];
    for (name, habits, login) in sets {
        // skopeo sends every blob in one chunk and its end with the PUT: what ECR keeps.
        let registry = MemoryRegistry::start(habits);
        registry.create("library/sample");
        peers_agree(&registry.host(), &Way { authority: None, login }, &[Peer::Skopeo]);
        assert_eq!(registry.faults(), [""; 0], "{name}");
    }
}

#[test]
#[ignore = "long: builds distribution 3"]
fn long_every_registry_serves_every_peer() {
    let robot = || login(tokens::USER, tokens::PASSWORD);
    for access in [Access::Open, Access::Tls, Access::TlsHtpasswd, Access::Token] {
        let login = if matches!(access, Access::TlsHtpasswd | Access::Token) { robot() } else { None };
        for program in [Program::Debian, Program::Version3] {
            let registry = Distribution::with(program, access);
            let way = Way { authority: registry.authority(), login: login.clone() };
            peers_agree(&registry.host(), &way, &Peer::ALL);
        }
    }
    peers_agree(&OciMemory::start(TagRule::Movable).host(), &Way::default(), &Peer::ALL);
    let no_mount = Habits { mount: Mount::Answers(202), chunks: Chunks::Any, ..Habits::default() };
    for (habits, login) in [
        (Habits::default(), None),
        (no_mount, None),
        (Habits::ghcr(), login("robot", "ghp_secret")),
        (Habits { manifests_per_second: None, ..Habits::ecr() }, login("AWS", "ecr-password")),
    ] {
        let registry = MemoryRegistry::start(habits);
        registry.create("library/sample");
        peers_agree(&registry.host(), &Way { authority: None, login }, &Peer::ALL);
        assert_eq!(registry.faults(), [""; 0]);
    }
}
