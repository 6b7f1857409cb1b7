//! One index of the images that several machines built: the index of `dist` on one machine, or an error.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use crossdock_tests::engine::{Docker, Podman};
use crossdock_tests::layout::sha256;
use crossdock_tests::outcome::run;
use crossdock_tests::registry::encoding::base64;
use crossdock_tests::registry::{Distribution, Habits, MemoryRegistry, Peer, Way};
use crossdock_tests::tools::need;
use crossdock_tests::{Built, Layout, Outcome, Sandbox, fixture};
use serde_json::{Value, json};

const AMD64: &str = "oci:amd64/hello";
const ARM64: &str = "oci:arm64/hello";
const BOTH: &str = "linux/amd64,linux/arm64";

/// A project built for both platforms at once, in `.crossdock/hello`, and for each, in `amd64` and `arm64`.
static BUILT: LazyLock<Built> = LazyLock::new(|| {
    let sandbox = Sandbox::lasting(env!("CARGO_TARGET_TMPDIR"), "index");
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(project.join(".gitignore"), "/*/\n");
    fixture::commit(&sandbox, &project);
    let built = Built::project(sandbox, project, &["--tag", "v1", "--platform", BOTH]);
    for architecture in ["amd64", "arm64"] {
        let platform = format!("linux/{architecture}");
        let arguments =
            ["dist", "--archive", "--tag", "v1", "--platform", &platform, "--output", architecture];
        built.sandbox.crossdock(&built.project, &arguments).success();
    }
    built
});

/// Runs `crossdock index create` in the project.
fn create(arguments: &[&str]) -> Outcome {
    BUILT.sandbox.crossdock(&BUILT.project, &[&["index", "create"], arguments].concat())
}

fn open(directory: &str) -> Layout {
    Layout::open(BUILT.project.join(directory))
}

#[test]
fn an_index_of_two_machines_is_that_of_one_machine() {
    let whole = BUILT.layout("hello");
    let named = format!("hello:v1@{}", whole.digest());
    for (to, arguments) in [
        ("plain", [AMD64, ARM64, "--platform", BOTH].as_slice()),
        ("reversed", &[ARM64, AMD64, "--platform", "linux/arm64,linux/amd64"]),
        ("planned", &[AMD64, ARM64]),
        ("twice", &[AMD64, AMD64, ARM64]),
        ("named", &["oci:amd64/hello:v1", "oci:arm64/hello:docker.io/library/hello:v1"]),
        ("archives", &["oci-archive:amd64/hello.tar", "arm64/hello.tar"]),
        ("from-whole", &["oci:.crossdock/hello", AMD64]),
    ] {
        let to = format!("merged/{to}/hello");
        let reference = format!("oci:{to}:v1");
        let created = create(&[&[reference.as_str()], arguments].concat()).success();
        assert_eq!(created.stdout.trim(), named, "{created}");
        assert_eq!(open(&to).digest(), whole.digest(), "{to}");
        let index =
            |layout: &str| std::fs::read_to_string(BUILT.project.join(layout).join("index.json")).unwrap();
        assert_eq!(index(&to), index(".crossdock/hello"), "{to}");
    }
    let json = create(&["oci:merged/json/hello:v1", AMD64, ARM64, "--json"]).success().json();
    assert_eq!((&json["digest"], &json["named"]), (&json!(whole.digest()), &json!(true)), "{json:#}");
    assert_eq!(
        json["platforms"][1],
        json!({
            "platform": "linux/arm64", "digest": entry(&whole, "arm64")["digest"], "source": ARM64,
        })
    );
    assert_eq!(json["verdicts"].as_array().map(Vec::len), Some(2), "{json:#}");
    assert_eq!(whole.index()["annotations"]["org.opencontainers.image.title"], "hello");
}

#[test]
fn images_in_engines_are_sources() {
    let (docker, podman, mut sandbox) = (Docker::start(), Podman::start(), Sandbox::new());
    sandbox.set("DOCKER_HOST", docker.host());
    for (name, value) in podman.environment() {
        sandbox.set(name, value);
    }
    let run = |arguments: &[&str]| sandbox.crossdock(&BUILT.project, arguments).success();
    run(&["copy", AMD64, "docker-daemon:team/hello:1"]);
    run(&["copy", AMD64, "podman:team/hello:1"]);
    run(&["copy", AMD64, "docker-archive:out/hello.tar:team/hello:1"]);
    for amd64 in ["docker-daemon:team/hello:1", "podman:team/hello:1", "docker-archive:out/hello.tar"] {
        let to = sandbox.work().join(amd64.replace(':', "/")).join("hello");
        let reference = format!("oci:{}:v1", to.display());
        run(&["index", "create", &reference, amd64, ARM64, "--platform", BOTH]);
        assert_eq!(Layout::open(to).platforms(), ["linux/amd64", "linux/arm64"]);
    }
    let missing = ["index", "create", "oci:merged/x", "docker-daemon:nothing:1", "--platform", "linux/amd64"];
    sandbox.crossdock(&BUILT.project, &missing).ends_with(5).complains("nothing:1");
}

#[test]
fn an_index_has_exactly_the_wanted_platforms() {
    for (arguments, complaint) in [
        (&[AMD64][..], "no source holds an image for linux/arm64: oci:amd64/hello"),
        (
            &[AMD64, ARM64, "--platform", "linux/amd64"],
            "`oci:arm64/hello` holds an image for linux/arm64, which the index must not have",
        ),
        (
            &[AMD64, ARM64, "--platform", "linux/amd64,linux/s390x"],
            "no source holds an image for linux/s390x",
        ),
    ] {
        create(&[&["oci:never:v1"], arguments].concat()).ends_with(1).complains(complaint);
    }
    for (arguments, complaint) in [
        (&["oci:never:v1", "oci:amd64/hello:v2"][..], "holds no image `v2`"),
        (&["oci:never:v1", "amd64/none"], "neither an existing path nor of a known transport"),
        (&["registry.example/Hello:v1", AMD64], "capital letter"),
        (&["oci:never:a b", AMD64], "is not a tag"),
        (&["oci:never:v1", AMD64, "--platform", "linux/amd46"], "linux/amd64"),
    ] {
        create(arguments).ends_with(2).complains(complaint);
    }
    create(&["oci:never:v1", "oci:nowhere", "--platform", BOTH]).ends_with(5).complains("nowhere");
    assert!(!BUILT.project.join("never").exists(), "nothing is written before the sources are checked");
}

/// A node would start the wrong image, or refuse it: the index says arm64 of the image for amd64.
#[test]
fn a_configuration_that_contradicts_its_platform_is_refused() {
    let lying = with_index("lying", "arm64/hello", |index| {
        index["manifests"][0]["platform"]["architecture"] = json!("s390x");
    });
    create(&["oci:never-2:v1", AMD64, &lying, "--platform", "linux/amd64,linux/s390x"])
        .ends_with(1)
        .complains("is listed for linux/s390x, and its configuration is of linux/arm64; build it again");
    let unknown = with_index("unknown", "arm64/hello", |index| {
        index["manifests"][0]["platform"]["architecture"] = json!("amd128");
    });
    create(&["oci:never-2:v1", AMD64, &unknown]).ends_with(1).complains("unknown platform `linux/amd128`");
    let other = with_index("other", "amd64/hello", |index| {
        index["manifests"][0]["platform"]["variant"] = json!("v2");
    });
    create(&["oci:never-2:v1", AMD64, &other, "--platform", "linux/amd64,linux/amd64/v2"])
        .ends_with(1)
        .complains("is the image for two platforms");
}

/// BuildKit adds attestations as entries for `unknown/unknown`.
#[test]
fn attestations_are_left_out_and_named() {
    let attested = with_index("attested", "arm64/hello", |index| {
        let image = index["manifests"][0]["digest"].clone();
        let digest = sha256(b"{}");
        index["manifests"].as_array_mut().unwrap().push(json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 2,
            "platform": { "architecture": "unknown", "os": "unknown" },
            "annotations": {
                "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image,
            },
        }));
    });
    create(&["oci:merged/attested/hello:v1", AMD64, &attested])
        .success()
        .complains("not in the index: attestation-manifest sha256:")
        .complains("of oci:changed/attested");
    let merged = open("merged/attested/hello");
    assert_eq!(merged.digest(), BUILT.layout("hello").digest());
    assert_eq!(merged.platforms(), ["linux/amd64", "linux/arm64"]);
}

#[test]
fn an_index_of_two_commits_is_refused() {
    let revised = with_index("revised", "arm64/hello", |index| {
        index["annotations"]["org.opencontainers.image.revision"] = json!("0123456");
    });
    let key = "org.opencontainers.image.revision";
    create(&["oci:never-3:v1", AMD64, &revised])
        .ends_with(1)
        .complains(&format!("the sources differ in `{key}`: `{AMD64}` has "))
        .complains("`oci:changed/revised` has 0123456");
    let chosen = format!("{key}=89abcde");
    create(&["oci:merged/revised/hello:v1", AMD64, &revised, "--annotation", &chosen]).success();
    assert_eq!(open("merged/revised/hello").index()["annotations"][key], "89abcde");

    let noted = with_index("noted", "arm64/hello", |index| {
        index["annotations"]["org.example.machine"] = json!("two");
    });
    create(&["oci:merged/noted/hello:v1", AMD64, &noted])
        .success()
        .complains("annotation `org.example.machine`, in which the sources differ");
    assert_eq!(open("merged/noted/hello").digest(), BUILT.layout("hello").digest());
}

#[test]
fn an_index_that_cannot_start_gets_no_name() {
    create(&["oci:merged/refused/hello:v1", AMD64, ARM64, "--for", "linux/s390x"])
        .ends_with(1)
        .complains("was not named, because it was not verified");
    let layout = BUILT.project.join("merged/refused/hello");
    assert!(!layout.join("index.json").exists(), "nothing names the index");
}

fn skopeo(arguments: &[&str]) -> String {
    let mut command = Command::new(need("skopeo"));
    command.current_dir(&BUILT.project).args(arguments);
    run(&mut command, Duration::from_secs(120)).success().stdout
}

/// Registries and engines accept no index of both families. An image of Docker's family has a manifest list.
#[test]
fn an_index_is_of_one_family_of_media_types() {
    for architecture in ["amd64", "arm64"] {
        std::fs::create_dir_all(BUILT.project.join("docker")).unwrap();
        let archive = format!("docker-archive:docker/{architecture}.tar:hello:v1");
        std::fs::remove_file(BUILT.project.join(format!("docker/{architecture}.tar"))).ok();
        let choose = format!("--override-arch={architecture}");
        skopeo(&[&choose, "copy", &format!("oci:{architecture}/hello:v1"), &archive]);
    }
    create(&["oci:merged/mixed/hello:v1", AMD64, "oci-archive:docker/arm64.tar"]).ends_with(1).complains(
        "the image for linux/arm64 has Docker's media types and the one for linux/amd64 has OCI's",
    );
    let created = create(&["oci:merged/docker/hello:v1", "docker/amd64.tar", "docker/arm64.tar"]).success();
    let created = created.complains("the index has Docker's media types");
    let blob = created.digest().trim_start_matches("sha256:");
    let blob = BUILT.project.join("merged/docker/hello/blobs/sha256").join(blob);
    let list: Value = serde_json::from_slice(&std::fs::read(blob).unwrap()).unwrap();
    assert_eq!(list["mediaType"], "application/vnd.docker.distribution.manifest.list.v2+json");
    assert_eq!(list.get("annotations"), None, "{list:#}");
}

/// GitHub reads the matrix from an output of a step, which has one line; GitLab includes a child pipeline.
#[test]
fn the_jobs_of_a_pipeline_are_one_for_each_platform() {
    let plan = |forge: &str| {
        let platforms = "linux/amd64,linux/arm64,linux/s390x";
        let arguments = ["plan", "--matrix", forge, "--platform", platforms];
        BUILT.sandbox.crossdock(&BUILT.project, &arguments).success().stdout
    };
    let github = plan("github");
    assert_eq!(github.lines().count(), 1, "{github}");
    let job = |platform: &str, runner: &str, native: bool| {
        let artifact = platform.replace('/', "-");
        json!({ "platform": platform, "artifact": artifact, "images": "hello", "runner": runner, "native": native })
    };
    assert_eq!(
        serde_json::from_str::<Value>(&github).unwrap(),
        json!({ "include": [
            job("linux/amd64", "ubuntu-24.04", true),
            job("linux/arm64", "ubuntu-24.04-arm", true),
            job("linux/s390x", "ubuntu-24.04", false),
        ] })
    );
    let gitlab: Value = serde_yaml_ng::from_str(&plan("gitlab")).unwrap();
    let build = &gitlab["build"];
    assert_eq!((&build["extends"], &build["tags"]), (&json!(".crossdock-build"), &json!(["$RUNNER"])));
    assert_eq!(
        build["parallel"]["matrix"][1],
        json!({
            "PLATFORM": "linux/arm64", "ARTIFACT": "linux-arm64", "IMAGES": "hello",
            "RUNNER": "saas-linux-small-arm64",
        })
    );
}

/// Pushes the image of each machine by its digest; returns the JSON files that name them.
fn legs(host: &str) -> [String; 2] {
    ["amd64", "arm64"].map(|architecture| {
        let directory = format!("legs/{}/{architecture}", host.replace(':', "-"));
        let file = format!("{directory}.json");
        let (platform, repository) = (format!("linux/{architecture}"), format!("{host}/team/hello"));
        let options = ["--platform", &platform, "--output", &directory, "--metadata-file", &file];
        let push = ["dist", "--push", "--by-digest", "--repository", &repository];
        BUILT.sandbox.crossdock(&BUILT.project, &[&push[..], &options[..]].concat()).success();
        file
    })
}

/// Returns the reference in a JSON file of [`legs`].
fn pushed(file: &str) -> String {
    let bytes = std::fs::read(BUILT.project.join(file)).unwrap();
    let report: Value = serde_json::from_slice(&bytes).unwrap();
    let image = &report["images"][0];
    assert_eq!(
        (&image["status"], &image["references"]),
        (&json!("judged"), &json!([report["pushed"][0]["reference"]]))
    );
    assert_eq!(report["pushed"][0]["tags"], json!([]));
    report["pushed"][0]["reference"].as_str().unwrap().to_owned()
}

#[test]
fn an_index_in_a_registry_is_that_of_one_machine() {
    let registry = MemoryRegistry::start(Habits::default());
    let (host, whole) = (registry.host(), BUILT.layout("hello").digest().to_owned());
    let [amd64, arm64] = legs(&host);
    assert!(registry.tags("team/hello").is_empty());
    for (to, sources) in [
        ("team/hello:1", [amd64.clone(), arm64.clone()]),
        ("team/hello:2", [pushed(&arm64), pushed(&amd64)]),
        ("prod/hello:1", [format!("docker://{}", pushed(&arm64)), AMD64.to_owned()]),
        ("other/hello", ["oci-archive:amd64/hello.tar".to_owned(), arm64.clone()]),
    ] {
        registry.forget_record();
        let to = format!("{host}/{to}");
        let created = create(&[&to, &sources[0], &sources[1]]).success();
        assert_eq!(created.stdout.trim(), format!("{to}@{whole}"), "{created}");
        // The index comes last, and nothing else gets a tag.
        let record = registry.record();
        let last = &record.of("PUT", "/manifests/").last().unwrap().target;
        let name = to.rsplit_once('/').map_or("", |(_, name)| name.trim_start_matches("hello"));
        assert!(
            last.ends_with(&format!("manifests/{}", name.strip_prefix(':').unwrap_or(&whole))),
            "{record}"
        );
        if to.contains("/team/") {
            assert_eq!(record.of("PUT", "/").count(), 1, "the children are there: {record}");
        }
    }
    assert_eq!(
        (registry.tags("team/hello"), registry.tags("prod/hello")),
        (vec!["1".to_owned(), "2".to_owned()], vec!["1".to_owned()])
    );
    assert_eq!(registry.faults(), [""; 0]);
    // From a registry into a layout.
    create(&["oci:merged/pulled/hello:v1", &amd64, &arm64]).success();
    assert_eq!(open("merged/pulled/hello").digest(), whole);

    let refused =
        create(&[&format!("{host}/refused/hello:1"), &amd64, &arm64, "--for", "linux/s390x"]).ends_with(1);
    assert_eq!(refused.stdout, "");
    assert!(
        registry.tags("refused/hello").is_empty() && registry.manifest("refused/hello", &whole).is_none()
    );
    let to = format!("{host}/team/hello:3");
    create(&[&to, &amd64]).ends_with(1).complains("no source holds an image for linux/arm64");
    for (arguments, code, complaint) in [
        (&[&to, "go.mod"][..], 5, "go.mod"),
        (&[&format!("{to}@{whole}"), &amd64], 2, "leave out `@…`"),
        (&["oci-archive:merged.tar", &amd64], 2, "cannot be written to `oci-archive:`"),
        (
            &[&to, &amd64, &arm64, "--image", "other", "--platform", BOTH],
            2,
            "does not have the image; it has hello",
        ),
        (&[&to, "amd64/none"], 2, "neither an existing path nor of a known transport"),
    ] {
        create(arguments).ends_with(code).complains(complaint);
    }
    assert_eq!(registry.tags("team/hello"), ["1", "2"]);
}

#[test]
fn other_clients_read_the_index() {
    let registry = Distribution::start();
    let [amd64, arm64] = legs(&registry.host());
    let to = format!("{}/team/hello:1.0", registry.host());
    create(&[&to, &amd64, &arm64]).success();
    for peer in Peer::ALL {
        assert_eq!(peer.digest(&Way::default(), &to), BUILT.layout("hello").digest(), "{peer:?}");
    }
}

/// Referrers of an image are copied with it, and those of the index of a leg are named.
#[test]
fn signatures_of_images_follow_into_another_repository() {
    let registry = MemoryRegistry::start(Habits::default());
    let host = registry.host();
    let [amd64, arm64] = legs(&host).map(|file| pushed(&file));
    let leg = arm64.rsplit_once('@').unwrap().1;
    let image = open(&format!("legs/{}/arm64/hello", host.replace(':', "-")));
    let image = entry(&image, "arm64")["digest"].as_str().unwrap().to_owned();
    let [about_leg, about_image] = [leg, &image].map(|subject| sign(&host, subject));
    let to = format!("{host}/prod/hello:1");
    let created = create(&[&to, &amd64, &arm64, "--json"]).success().json();
    assert_eq!(created["attached"], json!([about_image]), "{created:#}");
    let warning = format!("not about the index: referrer {about_leg} of {arm64}");
    assert_eq!(created["warnings"], json!([warning]));
    let listed = BUILT
        .sandbox
        .crossdock(&BUILT.project, &["inspect", &format!("{host}/prod/hello@{image}"), "--json"]);
    assert_eq!(listed.success().json()["referrers"][0]["digest"], *about_image);
    assert_eq!((registry.tags("prod/hello"), registry.faults()), (vec!["1".to_owned()], Vec::new()));
}

/// Adds a manifest about another one to `team/hello`.
fn sign(host: &str, subject: &str) -> String {
    let registry = crossdock_registry::Registry::new(crossdock_registry::Settings::new()).unwrap();
    let repository = format!("{host}/team/hello").parse().unwrap();
    let empty = crossdock_oci::Blob { digest: crossdock_oci::Digest::of(b"{}"), size: 2 };
    registry.put_blob(&repository, &empty, &|_| Ok(Box::new(&b"{}"[..]))).unwrap();
    let media_type = crossdock_oci::media_type::MANIFEST;
    let blob = json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty.digest, "size": 2 });
    let document = json!({
        "schemaVersion": 2, "mediaType": media_type, "artifactType": "application/vnd.example.signature",
        "config": blob, "layers": [blob], "subject": { "mediaType": media_type, "digest": subject, "size": 1 },
    });
    let bytes = document.to_string().into_bytes();
    registry.put_referrer(&repository, media_type, &bytes, &subject.parse().unwrap()).unwrap().to_string()
}

#[test]
fn an_index_is_pushed_to_a_registry_like_ecr() {
    let registry = MemoryRegistry::start(Habits { manifests_per_second: None, ..Habits::ecr() });
    registry.create("team/hello");
    let auth = json!({ "auths": { registry.host(): { "auth": base64(b"AWS:ecr-password") } } });
    fixture::write(BUILT.project.join("changed/ecr.json"), auth.to_string());
    let to = format!("{}/team/hello:1", registry.host());
    create(&[&to, AMD64, ARM64, "--auth-file", "changed/ecr.json"]).success();
    assert_eq!(registry.tag("team/hello", "1").as_deref(), Some(BUILT.layout("hello").digest()));
    assert_eq!(registry.faults(), [""; 0]);
}

/// A registry may hide for a while what was just written.
#[test]
fn a_leg_that_appears_late_is_waited_for() {
    let registry = MemoryRegistry::start(Habits::default());
    let host = registry.host();
    let [amd64, arm64] = legs(&host).map(|file| pushed(&file));
    let digest = arm64.rsplit_once('@').unwrap().1;
    let bytes = registry.manifest("team/hello", digest).unwrap();
    assert!(registry.remove("team/hello", digest));
    let to = format!("{host}/team/hello:1");
    let running = BUILT.sandbox.start(&BUILT.project, &["index", "create", &to, &amd64, &arm64]);
    let asked = || registry.record().of("GET", digest).filter(|entry| entry.status == 404).count();
    let start = std::time::Instant::now();
    while asked() < 2 {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", registry.record());
        std::thread::sleep(Duration::from_millis(20));
    }
    let client = crossdock_registry::Registry::new(crossdock_registry::Settings::new()).unwrap();
    let repository = format!("{host}/team/hello").parse().unwrap();
    let selector = crossdock_registry::Selector::Digest(digest.parse().unwrap());
    client.put_manifest(&repository, &selector, &bytes.media_type, &bytes.bytes).unwrap();
    let outcome = running.wait(Duration::from_secs(60)).success();
    outcome.complains("does not show").says(BUILT.layout("hello").digest());
}

/// BuildKit lists the attestation of an image next to it; in the registry it becomes a referrer.
#[test]
fn attestations_become_referrers() {
    let registry = MemoryRegistry::start(Habits::default());
    let host = registry.host();
    let statement = br#"{"_type":"https://in-toto.io/Statement/v0.1"}"#;
    let mut attested = String::new();
    let leg = with_index("attested-2", "arm64/hello", |index| {
        let image = index["manifests"][0]["digest"].clone();
        attested = image.as_str().unwrap().to_owned();
        let blob = |media_type: &str, bytes: &[u8]| json!({ "mediaType": media_type, "digest": sha256(bytes), "size": bytes.len() });
        let manifest = attestation(statement, &blob).to_string();
        let mut entry = blob("application/vnd.oci.image.manifest.v1+json", manifest.as_bytes());
        entry["platform"] = json!({ "architecture": "unknown", "os": "unknown" });
        entry["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image,
        });
        index["manifests"].as_array_mut().unwrap().push(entry);
    });
    let blobs = BUILT.project.join("changed/attested-2/blobs/sha256");
    let blob = |media_type: &str, bytes: &[u8]| {
        fixture::write(blobs.join(sha256(bytes).trim_start_matches("sha256:")), bytes);
        json!({ "mediaType": media_type, "digest": sha256(bytes), "size": bytes.len() })
    };
    let manifest = attestation(statement, &blob).to_string();
    blob("", manifest.as_bytes());
    // From a layout, and from a registry that it was pushed to.
    let leg_in_registry = format!("{host}/legs/arm64:1");
    let push = ["push", &leg_in_registry, leg.trim_start_matches("oci:")];
    BUILT.sandbox.crossdock(&BUILT.project, &push).success();
    for (place, source) in [("one", leg), ("two", leg_in_registry)] {
        let to = format!("{host}/{place}/hello:1");
        let created = create(&[&to, AMD64, &source, "--json"]).success().json();
        assert_eq!(created["digest"], *BUILT.layout("hello").digest(), "{created:#}");
        let attestation = created["attached"][0].as_str().unwrap();
        let document = registry.manifest(&format!("{place}/hello"), attestation).unwrap();
        let document: Value = serde_json::from_slice(&document.bytes).unwrap();
        assert_eq!(
            (&document["subject"]["digest"], &document["layers"][0]["digest"]),
            (&json!(attested), &json!(sha256(statement)))
        );
        let about = format!("{host}/{place}/hello@{attested}");
        let listed = Peer::Regctl.run(&Way::default(), &["artifact", "list", &about], &about).success();
        assert!(listed.stdout.contains(attestation), "{listed}");
        let index =
            registry.manifest(&format!("{place}/hello"), created["digest"].as_str().unwrap()).unwrap();
        assert!(!String::from_utf8_lossy(&index.bytes).contains("unknown"));
    }
    assert_eq!(registry.faults(), [""; 0]);
}

/// Returns an attestation as BuildKit writes it, whose blobs `blob` describes.
fn attestation(statement: &[u8], blob: &dyn Fn(&str, &[u8]) -> Value) -> Value {
    let config =
        br#"{"architecture":"unknown","os":"unknown","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;
    let mut layer = blob("application/vnd.in-toto+json", statement);
    layer["annotations"] = json!({ "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2" });
    json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("application/vnd.oci.image.config.v1+json", config), "layers": [layer],
    })
}

/// Copies a layout and replaces its index.
fn with_index(name: &str, from: &str, change: impl FnOnce(&mut Value)) -> String {
    let (from, to) = (BUILT.project.join(from), BUILT.project.join("changed").join(name));
    std::fs::remove_dir_all(&to).ok();
    fixture::copy(&from, &to);
    let read = |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let mut top = read(&to.join("index.json"));
    let blob = |digest: &Value| -> PathBuf {
        to.join("blobs/sha256").join(digest.as_str().unwrap().trim_start_matches("sha256:"))
    };
    let mut index = read(&blob(&top["manifests"][0]["digest"]));
    change(&mut index);
    let bytes = index.to_string().into_bytes();
    for entry in top["manifests"].as_array_mut().unwrap() {
        entry["digest"] = json!(sha256(&bytes));
        entry["size"] = json!(bytes.len());
    }
    fixture::write(blob(&json!(sha256(&bytes))), bytes);
    fixture::write(to.join("index.json"), top.to_string());
    format!("oci:changed/{name}")
}

/// Returns an index's entry for an architecture.
fn entry<'a>(layout: &'a Layout, architecture: &str) -> &'a Value {
    let entries = layout.index()["manifests"].as_array().unwrap();
    entries.iter().find(|entry| entry["platform"]["architecture"] == architecture).unwrap()
}
