//! Images in a real registry, Debian's: what is pushed has the digest that other clients report.

use std::fs;

use crossdock_tests::layout::Layout;
use crossdock_tests::registry::{Distribution, Habits, MemoryRegistry, Peer, Way};
use crossdock_tests::{Sandbox, fixture};

/// Returns the number of manifests that a registry lists under a repository's tags.
fn tags(host: &str, repository: &str) -> String {
    Peer::Skopeo.run(&Way::default(), &["list-tags", &format!("docker://{host}/{repository}")], host).stdout
}

#[test]
fn a_built_image_is_pushed_with_its_digest_and_pulled_again() {
    let (sandbox, registry) = (Sandbox::new(), Distribution::start());
    let project = fixture::go_module(&sandbox.work(), "hello");
    let repository = format!("{}/team/hello", registry.host());
    let dist = [
        "dist",
        "--push",
        "--platform",
        "linux/amd64,linux/arm64",
        "--repository",
        &repository,
        "--tag",
        "1.0",
    ];
    let files = ["--image-refs", "refs.txt", "--metadata-file", "metadata.json"];
    let outcome = sandbox.crossdock(&project, &[&dist[..], &files[..]].concat()).success();
    let digest = outcome.digest().to_owned();
    let tagged = format!("{repository}:1.0");
    assert_eq!(outcome.stdout.trim(), format!("{tagged}@{digest}"));
    for peer in [Peer::Skopeo, Peer::Crane] {
        assert_eq!(peer.digest(&Way::default(), &tagged), digest, "{peer:?}");
    }
    assert_eq!(fs::read_to_string(project.join("refs.txt")).unwrap(), format!("{repository}@{digest}\n"));
    let metadata: serde_json::Value =
        serde_json::from_slice(&fs::read(project.join("metadata.json")).unwrap()).unwrap();
    assert_eq!(metadata["containerimage.digest"], *digest);
    assert_eq!(metadata["image.name"], *tagged);
    assert_eq!(metadata["images"][0]["digest"], *digest);

    // The same again, and under another name: no blob is sent.
    let again = sandbox.crossdock(&project, &["push", &tagged, "--json"]).success().json();
    assert_eq!((&again[0]["unchanged"], &again[0]["sent"]), (&true.into(), &0.into()), "{again:#}");
    let renamed =
        sandbox.crossdock(&project, &["push", &format!("{repository}:2.0"), "--json"]).success().json();
    assert_eq!((&renamed[0]["unchanged"], &renamed[0]["sent"]), (&false.into(), &0.into()), "{renamed:#}");

    for reference in [tagged.clone(), format!("{repository}:1.0@{digest}"), format!("{repository}@{digest}")]
    {
        let directory = sandbox.work().join(format!("pulled-{}", reference.len()));
        let output = directory.to_str().unwrap();
        let pulled = sandbox.crossdock(&project, &["pull", &reference, "--output", output]).success();
        assert_eq!(pulled.digest(), digest);
        assert_eq!(Layout::open(&directory).platforms(), ["linux/amd64", "linux/arm64"]);
        sandbox.crossdock(&project, &["verify", output]).success();
    }

    let pinned = format!("{repository}@{digest}");
    sandbox.crossdock(&project, &["verify", &pinned, &format!("docker://{tagged}")]).success().says(&pinned);
    sandbox.crossdock(&project, &["verify", &pinned, "--for", "linux/s390x"]).ends_with(1);

    let inspected = sandbox.crossdock(&project, &["inspect", &tagged, "--verify", "--json"]).success().json();
    let verdicts: Vec<_> =
        inspected["verdicts"].as_array().unwrap().iter().map(|verdict| &verdict["verdict"]).collect();
    assert_eq!(verdicts, ["starts", "starts"], "{inspected:#}");
    assert_eq!(inspected["digest"], *digest);
    let platforms: Vec<_> =
        inspected["platforms"].as_array().unwrap().iter().map(|found| &found["platform"]).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
}

#[test]
fn without_a_tag_an_image_is_pushed_by_its_digest() {
    let (sandbox, registry) = (Sandbox::new(), Distribution::start());
    let project = fixture::go_module(&sandbox.work(), "hello");
    let repository = format!("{}/team/hello", registry.host());
    let dist = ["dist", "--push", "--by-digest", "--platform", "linux/amd64", "--repository", &repository];
    let outcome = sandbox.crossdock(&project, &dist).success();
    let pinned = outcome.stdout.trim().to_owned();
    assert_eq!(pinned, format!("{repository}@{}", outcome.digest()));
    assert_eq!(Peer::Crane.digest(&Way::default(), &pinned), outcome.digest());
    assert!(!tags(&registry.host(), "team/hello").contains("latest"));
}

#[test]
fn copies_keep_every_byte() {
    let (sandbox, one, two) =
        (Sandbox::new(), Distribution::start(), MemoryRegistry::start(Habits::default()));
    let project = fixture::go_module(&sandbox.work(), "hello");
    let built = sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64"]).success();
    let layout = "oci:.crossdock/hello".to_owned();
    let (first, second) = (format!("docker://{}/a:1", one.host()), format!("docker://{}/b/c:2", two.host()));
    for (from, to) in [(&layout, &first), (&first, &second), (&second, &"oci:copy:3".to_owned())] {
        let copied = sandbox.crossdock(&project, &["copy", from, to]).success();
        assert_eq!(copied.stdout.trim(), built.digest(), "{from} {to}");
    }
    assert_eq!(Layout::open(project.join("copy")).digest(), built.digest());
}

#[test]
fn bad_calls_say_what_is_wrong_and_push_nothing() {
    let (sandbox, registry) = (Sandbox::new(), Distribution::start());
    let project = fixture::go_module(&sandbox.work(), "hello");
    let host = registry.host();
    let absent = format!("{host}/team/absent:1");
    let local = format!("{host}/team/hello:1");
    for (arguments, code, part) in [
        (vec!["dist", "--push", "--platform", "linux/amd64"], 2, "--repository"),
        (vec!["push", "Registry.example/App:1", "."], 2, "capital letter"),
        (vec!["push", "registry.example/app:a+b", "."], 2, "character 2"),
        (vec!["push", "registry.example/app@sha256:12", "."], 2, "2 digits"),
        (vec!["push", &local], 2, "not built"),
        (vec!["push", &local, "go.mod"], 5, "go.mod"),
        (vec!["push", &local, "./absent"], 5, "./absent does not exist"),
        (vec!["pull", &absent, "--output", "out"], 5, "404"),
        (vec!["pull", &local, "--output", "."], 5, "neither an image layout nor empty"),
        (vec!["pull", "nohost.invalid/app", "--output", "out"], 5, "nohost.invalid"),
        (vec!["inspect", &absent], 5, "404"),
        (vec!["copy", "podman:x", "oci:y"], 2, "`podman:`"),
        (vec!["push", &local, "--chunk-size", "5 parsec"], 2, "50MB"),
        (vec!["push", &local, "--insecure-registry", "http://x"], 2, "not a host"),
    ] {
        sandbox.crossdock(&project, &arguments).ends_with(code).complains(part);
    }
    assert!(!tags(&host, "team/hello").contains("\"1\""));
    assert!(!project.join("out").exists(), "a failed pull leaves its directory");
}
