//! New names for a verified image: the same digest, in few requests, or no name at all.

use std::path::Path;
use std::sync::LazyLock;

use crossdock_oci::{Algorithm, Digest, media_type};
use crossdock_registry::{Registry, Settings};
use crossdock_tests::registry::encoding::base64;
use crossdock_tests::registry::memory::{Mount, Referrers, Tags};
use crossdock_tests::registry::{Distribution, Habits, MemoryRegistry, Peer, Proxy, Sample, Way};
use crossdock_tests::{Built, Outcome, Sandbox, fixture};
use serde_json::{Value, json};

/// A project with an image for two platforms, of which each starts.
static BUILT: LazyLock<Built> = LazyLock::new(|| {
    let sandbox = Sandbox::lasting(env!("CARGO_TARGET_TMPDIR"), "promote");
    let project = fixture::go_module(&sandbox.work(), "hello");
    // A checkout of its own: the sandbox is in that of this repository.
    fixture::commit(&sandbox, &project);
    Built::project(sandbox, project, &["--platform", "linux/amd64,linux/arm64"])
});

fn digest() -> String {
    BUILT.layout("hello").digest().to_owned()
}

/// Pushes the image as `HOST/team/app:candidate` and returns `HOST/team/app@DIGEST`.
fn pushed(host: &str) -> String {
    let candidate = format!("{host}/team/app:candidate");
    BUILT.sandbox.crossdock(&BUILT.project, &["push", &candidate, ".crossdock/hello"]).success();
    format!("{host}/team/app@{}", digest())
}

fn promote(arguments: &[&str]) -> Outcome {
    // Where no configuration names nodes: the sandbox is in the checkout of this repository.
    BUILT.sandbox.crossdock(&std::env::temp_dir(), &[&["promote"], arguments].concat())
}

/// Adds an artifact about a manifest, as a signature is one.
fn attest(host: &str, subject: &str, name: &str) -> String {
    let registry = Registry::new(Settings::new()).unwrap();
    let repository = format!("{host}/team/app").parse().unwrap();
    let layer = crossdock_oci::Blob { digest: Digest::of(name.as_bytes()), size: name.len() as u64 };
    let config = crossdock_oci::Blob { digest: Digest::of(b"{}"), size: 2 };
    for (blob, bytes) in [(layer, name.as_bytes().to_vec()), (config, b"{}".to_vec())] {
        registry
            .put_blob(&repository, &blob, &|_| Ok(Box::new(std::io::Cursor::new(bytes.clone()))))
            .unwrap();
    }
    let size = BUILT.layout("hello").blob_path(&json!({ "digest": subject })).metadata().unwrap().len();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST, "artifactType": "application/vnd.example.signature",
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": config.digest, "size": 2 },
        "layers": [{ "mediaType": "text/plain", "digest": layer.digest, "size": layer.size }],
        "subject": { "mediaType": media_type::INDEX, "digest": subject, "size": size },
    });
    let bytes = manifest.to_string().into_bytes();
    registry
        .put_referrer(&repository, media_type::MANIFEST, &bytes, &subject.parse().unwrap())
        .unwrap()
        .to_string()
}

/// Returns the number of the image's layers and configurations, each counted once.
fn blobs() -> usize {
    let layout = BUILT.layout("hello");
    let manifests = layout.platforms().iter().map(|name| layout.manifest(name)).collect::<Vec<_>>();
    let all = manifests.iter().flat_map(|manifest| {
        let layers = manifest["layers"].as_array().unwrap().iter();
        layers.chain([&manifest["config"]]).map(|blob| blob["digest"].as_str().unwrap())
    });
    all.collect::<std::collections::BTreeSet<_>>().len()
}

#[test]
fn one_digest_gets_all_names_in_few_requests() {
    // An index and its two manifests.
    let (manifests, blobs) = (3, blobs());
    let (within, across) = (6 + manifests, 5 + 2 * manifests + blobs);
    for referrers in [Referrers::Api, Referrers::Absent] {
        let habits = || Habits { referrers, ..Habits::default() };
        let (registry, other) = (MemoryRegistry::start(habits()), MemoryRegistry::start(habits()));
        let (host, other_host) = (registry.host(), other.host());
        let source = pushed(&host);
        for (destination, limit) in [
            (format!("{host}/team/app:1.0"), within),
            (format!("{host}/prod/app:1.0"), across),
            (format!("{host}/prod/app:1.0"), across),
        ] {
            registry.forget_record();
            let promoted = promote(&[&source, &destination]).success();
            assert_eq!(promoted.stdout.trim(), format!("{destination}@{}", digest()));
            let record = registry.record();
            // The verification reads each part of the image once.
            for entry in record.of("GET", "/manifests/sha256:").chain(record.of("GET", "/blobs/sha256:")) {
                let again = record.of("GET", &entry.target).count();
                assert!(again == 1, "{} is read {again} times: {record}", entry.target);
            }
            // Its blobs are not of the promotion's own requests.
            let count = record.entries.len() - blobs;
            assert!(count <= limit, "{count} of {limit}: {record}");
            assert_eq!(record.of("PUT", "/manifests/").last().map(|put| put.received > 0), Some(true));
            // The tag comes last, unless it names the image already.
            let last = record.entries.last().unwrap();
            assert!(last.target.ends_with("/manifests/1.0") || limit == across, "{record}");
        }
        let elsewhere = format!("docker://{other_host}/app:1.0");
        promote(&[&format!("docker://{source}"), &elsewhere]).success();
        assert_eq!(other.tag("app", "1.0"), Some(digest()));
        assert_eq!(registry.faults(), [""; 0]);
        assert_eq!(other.faults(), [""; 0]);
    }
}

/// Docker's registry answers that it does not know the tags of a repository in which nothing was ever tagged.
#[test]
fn an_untagged_image_gets_a_name_in_another_repository_in_few_requests() {
    let registry = Distribution::start();
    let counting = Proxy::start(registry.host().rsplit(':').next().unwrap().parse().unwrap(), &[], None);
    let (host, digest) = (counting.host(), digest());
    let source = format!("{host}/team/app@{digest}");
    BUILT.sandbox.crossdock(&BUILT.project, &["push", &source, ".crossdock/hello"]).success();
    // The log indents answers.
    let requests = |log: &str| log.lines().filter(|line| !line.starts_with(' ')).count();
    let pushed = requests(&counting.log());
    promote(&[&source, &format!("{host}/prod/app:1.0")]).success();
    let log = counting.log();
    // The verification's reading of the blobs comes on top.
    let limit = 5 + 2 * 3 + 2 * blobs();
    let count = requests(&log) - pushed;
    assert!(count <= limit, "{count} of {limit}: {log}");
}

/// Writes the image into another layout with sha512 digests, of blobs, manifests and the index, and returns its digest.
fn write_sha512(to: &Path) -> String {
    let from = BUILT.project.join(".crossdock/hello");
    let read = |entry: &Value| {
        let hex = &entry["digest"].as_str().unwrap()["sha256:".len()..];
        std::fs::read(from.join("blobs/sha256").join(hex)).unwrap()
    };
    let put = |entry: &mut Value, bytes: &[u8]| {
        let digest = Algorithm::Sha512.digest(bytes);
        fixture::write(to.join("blobs/sha512").join(digest.hex()), bytes);
        (entry["digest"], entry["size"]) = (json!(digest), json!(bytes.len()));
    };
    let mut top = json!({ "digest": digest(), "mediaType": media_type::INDEX });
    let mut index: Value = serde_json::from_slice(&read(&top)).unwrap();
    for entry in index["manifests"].as_array_mut().unwrap() {
        let mut manifest: Value = serde_json::from_slice(&read(entry)).unwrap();
        let (bytes, config) = (read(&manifest["config"]), &mut manifest["config"]);
        put(config, &bytes);
        for layer in manifest["layers"].as_array_mut().unwrap() {
            let bytes = read(layer);
            put(layer, &bytes);
        }
        put(entry, manifest.to_string().as_bytes());
    }
    put(&mut top, index.to_string().as_bytes());
    fixture::write(to.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#);
    fixture::write(to.join("index.json"), json!({ "schemaVersion": 2, "manifests": [top] }).to_string());
    top["digest"].as_str().unwrap().to_owned()
}

#[test]
fn an_image_with_sha512_digests_is_verified_pushed_promoted_copied_and_pulled() {
    let (registry, other) =
        (MemoryRegistry::start(Habits::default()), MemoryRegistry::start(Habits::default()));
    let work = BUILT.sandbox.work();
    let layout = work.join("sha512");
    let digest = write_sha512(&layout);
    let crossdock = |arguments: &[&str]| BUILT.sandbox.crossdock(&work, arguments);
    let (app, copied) = (format!("{}/team/app", registry.host()), format!("{}/app", other.host()));
    let pinned = format!("{app}@{digest}");

    crossdock(&["verify", "./sha512"]).success();
    crossdock(&["push", &format!("{app}:candidate"), "./sha512"]).success().says(&digest);
    crossdock(&["push", &format!("{app}:candidate"), "./sha512"]).success();
    crossdock(&["verify", &pinned]).success();
    assert_eq!(crossdock(&["inspect", "--json", &pinned]).success().json()["digest"], digest.as_str());
    crossdock(&["promote", &pinned, &format!("{app}:1.0"), "--immutable"]).success();
    // The tag names it already.
    crossdock(&["promote", &pinned, &format!("{app}:1.0"), "--immutable"]).success();
    crossdock(&["copy", &format!("docker://{pinned}"), &format!("docker://{copied}:1.0")]).success();
    crossdock(&["copy", &format!("docker://{copied}@{digest}"), "oci-archive:sha512.tar"]).success();
    crossdock(&["verify", "sha512.tar"]).success();
    crossdock(&["pull", &pinned, "--output", "pulled"]).success().says(&digest);
    crossdock(&["verify", "./pulled"]).success();
    for server in [&registry, &other] {
        assert_eq!(server.faults(), [""; 0]);
    }

    // Each digest is that of the bytes, and one of another algorithm is refused by its name.
    let changed = layout.join("blobs/sha512").join(&digest["sha512:".len()..]);
    let index = std::fs::read_to_string(&changed).unwrap();
    fixture::write(&changed, index.replace("amd64", "amd65"));
    crossdock(&["push", &format!("{app}:changed"), "./sha512"]).ends_with(5).complains("is corrupt");
    let top = std::fs::read_to_string(layout.join("index.json")).unwrap();
    fixture::write(layout.join("index.json"), top.replace("sha512:", "sha384:"));
    crossdock(&["push", &format!("{app}:changed"), "./sha512"])
        .ends_with(5)
        .complains("the algorithm `sha384` is not supported, only sha256 and sha512");
    assert_eq!(registry.tag("team/app", "changed"), None);
}

/// A tag that moves while the image is verified changes nothing: it is read once.
#[test]
fn a_tag_is_resolved_once() {
    let registry = MemoryRegistry::start(Habits::default());
    let host = registry.host();
    pushed(&host);
    registry.forget_record();
    promote(&[&format!("{host}/team/app:candidate"), &format!("{host}/team/app:1.0")]).success();
    let record = registry.record();
    assert_eq!(record.of("GET", "/manifests/candidate").count(), 1, "{record}");
    assert_eq!(registry.tag("team/app", "1.0"), Some(digest()));
}

#[test]
fn an_image_that_does_not_start_gets_no_name() {
    let registry = MemoryRegistry::start(Habits::default());
    let (host, work) = (registry.host(), BUILT.sandbox.work());
    let source = pushed(&host);
    let names = [format!("{host}/team/app:1.0"), format!("{host}/prod/app:1.0")];
    let call = [&source, &names[0], &names[1], "--for", "linux/s390x"];
    promote(&call)
        .ends_with(1)
        .complains("platform-missing")
        .complains("got no name: verification rejects it");
    let answer = promote(&[&call[..], &["--json"]].concat()).ends_with(1).json();
    assert_eq!(
        (&answer["promoted"], &answer["destinations"][1]["status"]),
        (&json!(false), &json!("untouched"))
    );
    assert_eq!(registry.tags("team/app"), ["candidate"]);
    assert!(registry.tags("prod/app").is_empty());

    // An earlier verdict does not count, and neither does the one of whoever built it: only that of now.
    let sample = Sample::write(&work.join("sample"), 1, 100);
    let broken = format!("{host}/team/broken:1");
    BUILT.sandbox.crossdock(&work, &["push", &broken, sample.directory.to_str().unwrap()]).success();
    promote(&[&broken, &format!("{host}/team/broken:2")]).ends_with(1);
    assert_eq!(registry.tags("team/broken"), ["1"]);

    // The configuration's nodes, found by the repository.
    let deploy = |node: &str| {
        let image =
            format!("[image.hello]\npath = \".\"\nrepository = \"{host}/prod/app\"\ndeploy = [\"eks\"]\n");
        let other = "[image.other]\npath = \".\"\ndeploy = [\"edge\"]\n";
        format!(
            "[deploy.eks]\nnodes = [\"{node}\"]\n\n[deploy.edge]\nnodes = [\"linux/s390x\"]\n\n{image}\n{other}"
        )
    };
    let elsewhere = Sandbox::new();
    let project = fixture::go_module(&elsewhere.work(), "hello");
    let run = |arguments: &[&str]| BUILT.sandbox.crossdock(&project, &[&["promote"], arguments].concat());
    for (node, code) in [("linux/riscv64", 1), ("m7g.large", 0)] {
        fixture::write(project.join("crossdock.toml"), deploy(node));
        run(&[&source, &names[1]]).ends_with(code);
    }
    run(&[&source, &names[1], "--image", "other"]).ends_with(1).complains("linux/s390x");
    run(&[&source, &names[1], "--image", "none"]).ends_with(2).complains("has no image `none`");
    // An image without a repository may be anywhere, and one with another repository is not meant.
    run(&[&source, &names[0]]).ends_with(1).complains("linux/s390x");
    fixture::write(
        project.join("crossdock.toml"),
        format!("{}\n[image.third]\npath = \".\"\n", deploy("m7g.large")),
    );
    run(&[&source, &names[0]]).ends_with(2).complains("other, third").complains("--image");
    run(&[&source, &names[0], "--for", "deploy:eks"]).success();
}

#[test]
fn an_immutable_tag_stays() {
    for tags in [Tags::Movable, Tags::Immutable, Tags::ImmutableEvenIfEqual] {
        let registry = MemoryRegistry::start(Habits { tags, ..Habits::default() });
        let (host, work) = (registry.host(), BUILT.sandbox.work());
        let source = pushed(&host);
        let name = |tag: &str| format!("{host}/team/app:{tag}");
        for status in ["tagged", "unchanged"] {
            let answer = promote(&[&source, &name("1.0"), "--immutable", "--json"]).success().json();
            assert_eq!(answer["destinations"][0]["status"], status, "{tags:?}");
        }
        let sample = Sample::write(&work.join("taken"), 2, 100);
        let directory = sample.directory.to_str().unwrap();
        BUILT.sandbox.crossdock(&work, &["push", &name("2.0"), directory]).success();
        registry.forget_record();
        let refused = promote(&[&source, &name("3.0"), &name("2.0"), "--immutable"]).ends_with(1);
        refused.complains(&format!("2.0 names {} already", sample.digest)).complains("nothing was tagged");
        assert_eq!(registry.record().of("GET", "/blobs/").count(), 0, "nothing needs to be fetched");
        let answer =
            promote(&[&source, &name("3.0"), &name("2.0"), "--immutable", "--json"]).ends_with(1).json();
        let status = |at: usize| answer["destinations"][at]["status"].clone();
        assert_eq!(
            (status(0), status(1), &answer["promoted"]),
            (json!("untouched"), json!("taken"), &json!(false))
        );
        assert_eq!(registry.tags("team/app"), ["1.0", "2.0", "candidate"]);
        let moved = promote(&[&source, &name("3.0"), &name("2.0"), "--json"]);
        match tags {
            Tags::Movable => {
                let moved = moved.success().json();
                let tag = &moved["destinations"][1];
                assert_eq!((&tag["status"], &tag["previous"]), (&json!("moved"), &json!(sample.digest)));
            }
            _ => {
                let answer = moved.ends_with(5).complains("tagged before: ").complains("2.0").json();
                let status = |at: usize| answer["destinations"][at]["status"].clone();
                assert_eq!((status(0), status(1)), (json!("tagged"), json!("failed")));
                assert!(answer["failure"]["message"].as_str().is_some_and(|message| message.contains("2.0")));
            }
        }
    }
}

#[test]
fn signatures_follow_into_another_repository() {
    for referrers in [Referrers::Api, Referrers::Absent, Referrers::Subject] {
        let registry = MemoryRegistry::start(Habits { referrers, ..Habits::default() });
        let host = registry.host();
        let source = pushed(&host);
        let arm64 = BUILT.layout("hello").index()["manifests"][1]["digest"].as_str().unwrap().to_owned();
        let mut about = [attest(&host, &digest(), "whole"), attest(&host, &arm64, "arm64")];
        about.sort();
        let answer = promote(&[&source, &format!("{host}/prod/app:1.0"), "--json"]).success().json();
        let mut followed: Vec<&str> = answer["destinations"][0]["referrers"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        followed.sort_unstable();
        assert_eq!(followed, about, "{referrers:?}");
        assert_eq!(answer["destinations"][0]["left"], json!([]));
        assert!(about.iter().all(|digest| registry.manifest("prod/app", digest).is_some()));
        // Whoever sees the tag sees its signature.
        let last = registry.record().entries.last().unwrap().target.clone();
        assert!(last.ends_with("/prod/app/manifests/1.0"), "{last}");
        let inspected = ["inspect", &format!("{host}/prod/app:1.0"), "--json"];
        let inspected = BUILT.sandbox.crossdock(&BUILT.project, &inspected).success().json();
        assert_eq!(
            inspected["referrers"].as_array().map(Vec::len),
            Some(2),
            "of the index and of a platform: {inspected:#}"
        );
    }
}

/// Mounts that fail, repositories that must exist, limits of requests, redirects.
#[test]
fn an_image_is_promoted_in_a_registry_like_ecr() {
    let registry = MemoryRegistry::start(Habits { manifests_per_second: None, ..Habits::ecr() });
    let host = registry.host();
    registry.create("team/app");
    let auth = json!({ "auths": { &host: { "auth": base64(b"AWS:ecr-password") } } });
    let file = BUILT.sandbox.work().join("ecr.json");
    fixture::write(&file, auth.to_string());
    let file = file.to_str().unwrap();
    let candidate = format!("{host}/team/app:candidate");
    let push = ["push", &candidate, ".crossdock/hello", "--auth-file", file];
    BUILT.sandbox.crossdock(&BUILT.project, &push).success();
    let prod = format!("{host}/prod/app:1.0");
    // The first repository takes the image, and gets no tag because the second one does not.
    let same = format!("{host}/team/app:1.0");
    promote(&[&candidate, &same, &prod, "--auth-file", file]).ends_with(5).complains("NAME_UNKNOWN");
    assert_eq!(registry.tags("team/app"), ["candidate"]);
    registry.create("prod/app");
    promote(&[&candidate, &prod, "--auth-file", file]).success();
    assert_eq!(registry.tag("prod/app", "1.0"), Some(digest()));
    assert_eq!(registry.faults(), [""; 0]);
}

#[test]
fn a_blob_that_no_registry_mounts_is_sent() {
    for status in [202, 401, 403, 405] {
        let registry = MemoryRegistry::start(Habits { mount: Mount::Answers(status), ..Habits::default() });
        let host = registry.host();
        let source = pushed(&host);
        promote(&[&source, &format!("{host}/prod/app:1.0")]).success();
        assert_eq!(registry.faults(), [""; 0], "{status}");
    }
}

/// skopeo and crane read what was promoted in Debian's registry; an image in Docker's format keeps its media types.
#[test]
fn other_clients_read_the_promoted_image() {
    let registry = Distribution::start();
    let host = registry.host();
    let source = pushed(&host);
    let names = [format!("{host}/team/app:1.0"), format!("{host}/prod/app:1.0")];
    promote(&[&source, &names[0], &names[1]]).success();
    for (peer, name) in [(Peer::Skopeo, &names[0]), (Peer::Skopeo, &names[1]), (Peer::Crane, &names[1])] {
        assert_eq!(peer.digest(&Way::default(), name), digest());
    }
    let docker = format!("{host}/docker/app:1");
    let (from, to) = (format!("docker://{}", names[0]), format!("docker://{docker}"));
    let convert = ["copy", "--override-arch=amd64", "--override-os=linux", "--format=v2s2", &from, &to];
    Peer::Skopeo.run(&Way::default(), &convert, &docker).success();
    let promoted = format!("{host}/docker/app:2");
    promote(&[&docker, &promoted, &format!("{host}/docker/other:2")]).success();
    let raw = |name: &str| Peer::Crane.run(&Way::default(), &["manifest", name], name).success().stdout;
    assert_eq!(raw(&promoted), raw(&docker));
    assert_eq!(raw(&format!("{host}/docker/other:2")), raw(&docker));
    assert!(raw(&docker).contains("vnd.docker.distribution.manifest.v2+json"));
}

#[test]
fn bad_calls_say_what_is_wrong() {
    let registry = MemoryRegistry::start(Habits::default());
    let host = registry.host();
    let source = pushed(&host);
    let name = format!("{host}/team/app:1.0");
    for (arguments, code, part) in [
        (vec![source.as_str()], 2, "name the destinations"),
        (vec![&source, &format!("{host}/team/app")], 2, "has no tag"),
        (vec![&source, &source], 2, "leave out `@…`"),
        (vec![&source, "App:1"], 2, "capital letter"),
        (vec![&source, &name, "--for", "linux/amd46"], 2, "linux/amd64"),
        (vec![&format!("{host}/team/app:absent"), &name], 5, "404"),
        (vec![&format!("{host}/none/app@{}", digest()), &name], 5, "404"),
        (vec!["oci:layout", &name], 2, "promote"),
    ] {
        promote(&arguments).ends_with(code).complains(part);
    }
    assert_eq!(registry.tags("team/app"), ["candidate"]);
    let file = BUILT.sandbox.work().join("promoted.json");
    promote(&[&source, &name, "--metadata-file", file.to_str().unwrap(), "--quiet"]).success();
    let written: Value = serde_json::from_slice(&std::fs::read(Path::new(&file)).unwrap()).unwrap();
    assert_eq!((&written["schema"], &written["digest"]), (&json!("crossdock.promotion/1"), &json!(digest())));
}

/// Without destinations a pipeline gets the tags of the project's plan, if the image is of the project's commit.
#[test]
fn an_image_gets_the_tags_of_the_project() {
    let registry = MemoryRegistry::start(Habits::default());
    let source = pushed(&registry.host());
    let run = |arguments: &[&str]| {
        BUILT.sandbox.crossdock(&BUILT.project, &[&["promote", &source], arguments].concat())
    };
    run(&["--tag", "{{ git.short }}", "--tag", "stable"]).success();
    let commit = fixture::short_commit(&BUILT.sandbox, &BUILT.project);
    let commit = registry.tags("team/app").into_iter().find(|tag| tag.starts_with(&commit));
    assert!(commit.is_some(), "{:?}", registry.tags("team/app"));
    run(&[]).success();
    for tag in ["stable", "latest"] {
        assert_eq!(registry.tag("team/app", tag), Some(digest()), "{tag}");
    }
    let clone = Sandbox::new();
    let project = clone.work().join("hello");
    fixture::copy(&BUILT.project, &project);
    fixture::commit(&clone, &project);
    let other = clone.crossdock(&project, &["promote", &source]).ends_with(2);
    other.complains("the image is of revision ").complains("nothing was tagged");
    let empty = clone.work().join("empty");
    fixture::write(empty.join("note.txt"), "");
    clone.crossdock(&empty, &["promote", &source]).ends_with(2).complains("name the destinations");
}
