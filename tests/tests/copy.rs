//! Copies among layouts, archives, registries and engines, read back by other tools.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crossdock_tests::Sandbox;
use crossdock_tests::engine::{Docker, Engine, Podman};
use crossdock_tests::fixture::write;
use crossdock_tests::layout::sha256;
use crossdock_tests::outcome::{Outcome, run};
use crossdock_tests::registry::schedule::{Fault, Place, Planned, Times};
use crossdock_tests::registry::{Distribution, Habits, MemoryRegistry, Proxy, Sample};
use crossdock_tests::tools::need;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(120);
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A sandbox with a layout `image` of two platforms.
fn sample() -> (Sandbox, Sample) {
    let sandbox = Sandbox::new();
    let sample = Sample::write(&sandbox.work().join("image"), 7, 3000);
    (sandbox, sample)
}

fn copy(sandbox: &Sandbox, from: &str, to: &str) -> Outcome {
    sandbox.crossdock(&sandbox.work(), &["copy", from, to]).success()
}

/// Returns the digest of an image as another tool sees it.
fn skopeo(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let mut command = Command::new(need("skopeo"));
    command.args(["inspect", "--raw"]).args(arguments).current_dir(sandbox.work());
    sha256(run(&mut command, LIMIT).success().stdout.as_bytes())
}

/// Returns the digest of the configuration of one platform, which is the image's ID.
fn id(sample: &Sample, architecture: &str) -> String {
    let read = |digest: &Value| -> Value {
        let hex = &digest.as_str().unwrap()["sha256:".len()..];
        serde_json::from_slice(&fs::read(sample.directory.join("blobs/sha256").join(hex)).unwrap()).unwrap()
    };
    let index = read(&Value::from(sample.digest.clone()));
    let manifests = index["manifests"].as_array().unwrap();
    let entry = manifests.iter().find(|entry| entry["platform"]["architecture"] == architecture).unwrap();
    read(&entry["digest"])["config"]["digest"].as_str().unwrap().to_owned()
}

fn host_architecture() -> &'static str {
    if std::env::consts::ARCH == "x86_64" { "amd64" } else { "arm64" }
}

#[test]
fn other_tools_read_the_archives_that_are_written() {
    let (sandbox, sample) = sample();
    let registry = Distribution::start();
    let digest = &sample.digest;
    let oci = copy(&sandbox, "oci:image:v1", "oci-archive:out/image.tar:1.0");
    assert_eq!(oci.stdout.trim(), digest);
    assert_eq!(&skopeo(&sandbox, &["oci-archive:out/image.tar:1.0"]), digest);
    let reference = format!("docker://{}/team/app:1", registry.host());
    assert_eq!(copy(&sandbox, "oci-archive:out/image.tar", &reference).stdout.trim(), digest);
    assert_eq!(&skopeo(&sandbox, &["--tls-verify=false", &reference]), digest);
    assert_eq!(copy(&sandbox, &reference, "oci-archive:back.tar").stdout.trim(), digest);
    assert_eq!(copy(&sandbox, "oci-archive:back.tar", "oci:back").stdout.trim(), digest);

    // docker's form holds one platform, and knows it by its ID.
    let work = sandbox.work();
    let both = ["copy", "oci:image", "docker-archive:docker.tar:team/app:1"];
    let refused = sandbox.crossdock(&work, &both).ends_with(2).complains("linux/amd64, linux/arm64");
    refused.complains("`--platform`");
    assert!(!work.join("docker.tar").exists());
    for architecture in ["amd64", "arm64"] {
        let platform = format!("linux/{architecture}");
        let copied = sandbox.crossdock(&work, &[&both[..], &["--platform", &platform]].concat()).success();
        let id = id(&sample, architecture);
        assert_eq!(copied.stdout.trim(), id);
        assert_eq!(skopeo(&sandbox, &["--config", "docker-archive:docker.tar:team/app:1"]), id);
        // The digest in the source is that of the platform's manifest.
        let copied = copied.complains(&id);
        let again =
            sandbox.crossdock(&work, &["copy", "oci:image", "oci:one", "--platform", &platform]).success();
        copied.complains(again.stdout.trim());
    }
    let absent = ["copy", "oci:image", "oci:one", "--platform", "linux/s390x"];
    sandbox.crossdock(&work, &absent).ends_with(5).complains("no image for linux/s390x");
    // skopeo writes docker's older form. It has no manifest, and the copies get the same one each time.
    run(
        Command::new(need("skopeo"))
            .args(["copy", "--override-arch=amd64", "oci:image:v1", "docker-archive:old.tar:team/app:1"])
            .current_dir(&work),
        LIMIT,
    )
    .success();
    let first = copy(&sandbox, "docker-archive:old.tar", "oci:first").complains(&id(&sample, "amd64"));
    let second = copy(&sandbox, "docker-archive:old.tar", &reference);
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(skopeo(&sandbox, &["--config", "--tls-verify=false", &reference]), id(&sample, "amd64"));
}

#[test]
fn engines_give_and_take_images() {
    let (mut sandbox, sample) = sample();
    let (docker, podman, registry) = (Docker::start(), Podman::start(), Distribution::start());
    sandbox.set("DOCKER_HOST", docker.host());
    for (name, value) in podman.environment() {
        sandbox.set(name, value);
    }
    let work = sandbox.work();
    let id = id(&sample, host_architecture());

    // docker's classic store keeps no manifests: both digests are shown.
    let loaded = copy(&sandbox, "oci:image:v1", "docker-daemon:registry.example/app:1");
    let loaded = loaded.complains(&sample.digest).complains(&id);
    assert_eq!(loaded.stdout.trim(), id);
    let inspect = ["image", "inspect", "--format", "{{.Id}}", "registry.example/app:1"];
    docker.run(&inspect).success().says(&id);

    // The whole way: docker, a layout, a registry, podman.
    let layout = copy(&sandbox, "docker-daemon:registry.example/app:1", "oci:from-docker:1").complains(&id);
    let digest = layout.stdout.trim();
    let reference = format!("docker://{}/team/app:1", registry.host());
    assert_eq!(copy(&sandbox, "oci:from-docker:1", &reference).stdout.trim(), digest);
    assert_eq!(copy(&sandbox, &reference, "podman:registry.example/two:1").stdout.trim(), digest);
    let digests = ["image", "inspect", "--format", "{{.Id}} {{.RepoDigests}}", "registry.example/two:1"];
    podman.run(&digests).success().says(digest).says(&id["sha256:".len()..]);
    // podman compresses the layers again when it gives an image away.
    let from_podman = copy(&sandbox, "containers-storage:registry.example/two:1", "oci:from-podman:1");
    from_podman.complains(digest);
    // podman keeps the digest of an index, of which it needs one platform.
    assert_eq!(copy(&sandbox, "oci:image", "podman:app:1").stdout.trim(), sample.digest);
    podman.run(&["image", "inspect", "--format", "{{.RepoDigests}}", "app:1"]).success().says(&sample.digest);
    let engines = ["docker-daemon:registry.example/app:1", "podman:registry.example/two:1"];
    for from in engines {
        let shown = sandbox.crossdock(&work, &["inspect", from, "--json"]).success().json();
        assert_eq!(shown["platforms"][0]["config"]["config"]["Cmd"], json!(["/file"]), "{from}");
        // The image has no program.
        sandbox.crossdock(&work, &["verify", from]).ends_with(1).says(&format!("{from}@{id}"));
    }
    let pushed = format!("{}/team/pushed:1", registry.host());
    sandbox.crossdock(&work, &["push", &pushed, engines[0]]).success().says(digest);

    // An ID is a name too, and a name without a tag is not every tag of it.
    docker.run(&["tag", &id, "registry.example/app:latest"]).success();
    assert_eq!(copy(&sandbox, &format!("docker-daemon:{id}"), "oci:by-id").stdout.trim(), digest);
    let short = &id["sha256:".len()..][..12];
    assert_eq!(copy(&sandbox, &format!("docker-daemon:{short}"), "oci:by-id").stdout.trim(), digest);
    assert_eq!(copy(&sandbox, "docker-daemon:registry.example/app", "oci:latest").stdout.trim(), digest);
    for (from, part) in [
        ("docker-daemon:absent", "docker has no image `absent:latest`"),
        ("podman:absent", "podman has no image `absent:latest`"),
    ] {
        sandbox.crossdock(&work, &["verify", from]).ends_with(5).complains(part);
        sandbox.crossdock(&work, &["copy", from, "oci:nothing"]).ends_with(5).complains(part);
    }
    assert!(!work.join("nothing").exists());
    let bad = ["copy", "oci:image", &format!("docker-daemon:{id}")];
    sandbox.crossdock(&work, &bad).ends_with(2).complains("docker-daemon:app:1.0");

    // docker's client finds the server of its context.
    sandbox.unset("DOCKER_HOST");
    sandbox.crossdock(&work, &["verify", engines[0]]).ends_with(3).complains("docker");
    let endpoint = format!("host={}", docker.host());
    sandbox.tool(&work, "docker", &["context", "create", "private", "--docker", &endpoint]).success();
    sandbox.set("DOCKER_CONTEXT", "private");
    copy(&sandbox, engines[0], "oci:by-context").says(digest);
    sandbox.unset("DOCKER_CONTEXT");
    sandbox.tool(&work, "docker", &["context", "use", "private"]).success();
    copy(&sandbox, engines[0], "oci:by-context").says(digest);
    assert!(
        fs::read_dir(work.parent().unwrap().join("tmp")).unwrap().next().is_none(),
        "temporary files stay"
    );
}

#[test]
fn no_file_is_lost() {
    let (sandbox, _) = sample();
    let work = sandbox.work();
    write(work.join("notes.tar"), "mine");
    std::os::unix::fs::symlink("nowhere", work.join("link.tar")).unwrap();
    for to in [
        "oci-archive:notes.tar",
        "docker-archive:notes.tar:app:1",
        "oci-archive:link.tar",
        "oci-archive:image",
    ] {
        sandbox.crossdock(&work, &["copy", "oci:image", to]).ends_with(2).complains("remove it");
    }
    assert_eq!(fs::read(work.join("notes.tar")).unwrap(), b"mine");
    copy(&sandbox, "oci:image", "oci-archive:own.tar:1");
    let before = fs::read(work.join("own.tar")).unwrap();
    // The same bytes for the same image, and an archive of crossdock's own is replaced.
    copy(&sandbox, "oci:image", "oci-archive:own.tar:1");
    assert_eq!(fs::read(work.join("own.tar")).unwrap(), before);
    // A damaged source leaves it as it is.
    let damaged = Sample::write(&work.join("damaged"), 8, 3000);
    for blob in fs::read_dir(damaged.directory.join("blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        if fs::metadata(&path).unwrap().len() > 3000 {
            write(&path, vec![0; fs::metadata(&path).unwrap().len() as usize]);
        }
    }
    sandbox.crossdock(&work, &["copy", "oci:damaged", "oci-archive:own.tar:1"]).ends_with(5);
    assert_eq!(fs::read(work.join("own.tar")).unwrap(), before);
    let hidden = |name: &str| name.starts_with('.');
    let left: Vec<String> =
        fs::read_dir(&work).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| hidden(name)), "{left:?}");
    // Onto itself.
    copy(&sandbox, "oci-archive:own.tar", "oci-archive:own.tar:1");
    assert_eq!(fs::read(work.join("own.tar")).unwrap(), before);
    for (arguments, part) in [
        (["copy", "oci:image", "docker-archive:x.tar:1"], "docker-archive:FILE:REPOSITORY:TAG"),
        (["copy", "oci:image", "dir:x"], "`dir:`"),
        (["copy", "./image", "oci:x"], "oci:./image"),
        (["copy", "oci:image:absent", "oci:x"], "it has v1"),
    ] {
        sandbox.crossdock(&work, &arguments).complains(part);
    }
}

/// Writes a blob and returns its descriptor.
fn blob(layout: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = sha256(bytes);
    write(layout.join("blobs/sha256").join(&digest["sha256:".len()..]), bytes);
    json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
}

/// Adds a manifest about another one to a layout, as oras does, and returns its descriptor.
fn attach(layout: &Path, subject: &Value, text: &str) -> Value {
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example.sbom",
        "config": blob(layout, "application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [blob(layout, "application/vnd.example.sbom", text.as_bytes())], "subject": subject,
    });
    let descriptor = blob(layout, MANIFEST, manifest.to_string().as_bytes());
    let mut index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    index["manifests"].as_array_mut().unwrap().push(descriptor.clone());
    write(layout.join("index.json"), index.to_string());
    descriptor
}

#[test]
fn what_is_about_an_image_travels_with_it() {
    let (sandbox, sample) = sample();
    let registry = Distribution::start();
    let index: Value =
        serde_json::from_slice(&fs::read(sample.directory.join("index.json")).unwrap()).unwrap();
    let mut subject = index["manifests"][0].clone();
    subject.as_object_mut().unwrap().remove("annotations");
    let sbom = attach(&sample.directory, &subject, "sbom");
    let signature = attach(&sample.directory, &sbom, "signature of the sbom");
    let other = json!({ "mediaType": MANIFEST, "digest": sha256(b"other"), "size": 5 });
    let foreign = attach(&sample.directory, &other, "about another image");
    let expected = [&sbom["digest"], &signature["digest"]];

    // The layout still has one image.
    sandbox.crossdock(&sandbox.work(), &["inspect", "image"]).success().says("application/vnd.example.sbom");
    let reference = format!("docker://{}/team/app:1", registry.host());
    let places = ["oci:image", reference.as_str(), "oci:second:1", "oci-archive:third.tar:1", "oci:fourth:1"];
    for pair in places.windows(2) {
        let copied =
            sandbox.crossdock(&sandbox.work(), &["copy", pair[0], pair[1], "--json"]).success().json();
        assert_eq!(copied["digest"], sample.digest.as_str(), "{pair:?}");
        let carried: Vec<&Value> = copied["referrers"].as_array().unwrap().iter().collect();
        assert_eq!(carried, expected, "{pair:?}");
        assert_eq!(copied["left"], json!([]), "{pair:?}");
    }
    // Again, which changes nothing.
    let listed = || {
        let index = fs::read(sandbox.work().join("fourth/index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        let mut entries: Vec<String> =
            index["manifests"].as_array().unwrap().iter().map(Value::to_string).collect();
        entries.sort();
        entries.join("\n")
    };
    let before = listed();
    copy(&sandbox, "oci-archive:third.tar", "oci:fourth:1");
    assert_eq!(listed(), before);
    assert!(!before.contains(foreign["digest"].as_str().unwrap()), "{before}");
    // The registry lists them by the tag of distributions without the referrers API.
    let tag = sample.digest.replace(':', "-");
    let list = format!("docker://{}/team/app:{tag}", registry.host());
    let mut command = Command::new(need("skopeo"));
    let raw = run(command.args(["inspect", "--raw", "--tls-verify=false", &list]), LIMIT).success();
    raw.says(sbom["digest"].as_str().unwrap());
    // Where they have no place, they are named.
    let docker = ["copy", "oci:image", "docker-archive:d.tar:app:1", "--platform", "linux/amd64"];
    sandbox.crossdock(&sandbox.work(), &docker).success();
    let one = attach(&sample.directory, &platform_manifest(&sample), "about one platform");
    let left = sandbox.crossdock(&sandbox.work(), &docker).success();
    left.complains(one["digest"].as_str().unwrap()).complains("was left behind");
    // `inspect` shows what is about each platform, and `push` takes it along.
    let shown = sandbox.crossdock(&sandbox.work(), &["inspect", "image", "--json"]).success().json();
    let of_platform: Vec<&Value> = shown["referrers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["subject"] == platform_manifest(&sample)["digest"])
        .map(|entry| &entry["digest"])
        .collect();
    assert_eq!(of_platform, [&one["digest"]]);
    let pushed = format!("{}/team/pushed:1", registry.host());
    let answer = sandbox.crossdock(&sandbox.work(), &["push", &pushed, "image", "--json"]).success().json();
    assert!(answer[0]["referrers"].as_array().unwrap().contains(&one["digest"]), "{answer}");
    let followed = sandbox.crossdock(&sandbox.work(), &["inspect", &pushed, "--json"]).success().json();
    assert_eq!(followed["referrers"].as_array().map(Vec::len), shown["referrers"].as_array().map(Vec::len));
}

/// Returns the descriptor of the first platform's manifest.
fn platform_manifest(sample: &Sample) -> Value {
    let hex = &sample.digest["sha256:".len()..];
    let index = fs::read(sample.directory.join("blobs/sha256").join(hex)).unwrap();
    serde_json::from_slice::<Value>(&index).unwrap()["manifests"][0].clone()
}

#[test]
fn verification_fetches_only_the_layers_of_its_nodes_once() {
    let (sandbox, _) = sample();
    let registry = MemoryRegistry::start(Habits::default());
    let reference = format!("{}/team/app:1", registry.host());
    copy(&sandbox, "oci:image", &format!("docker://{reference}"));
    // Two configurations, a layer that both platforms share, and one of each.
    // Options for this project's images have no effect on another one, and no node that is named is left out.
    for option in ["--image=a", "--tag=a", "--repository=a", "--output=a", "--cgo=true"] {
        let refused = sandbox.crossdock(&sandbox.work(), &["verify", &reference, option]).ends_with(2);
        refused.complains("is for this project's images");
    }
    let both = ["verify", &reference, "--for", "linux/amd64", "--platform", "linux/s390x"];
    sandbox.crossdock(&sandbox.work(), &both).ends_with(1).says("on linux/amd64").says("on linux/s390x");
    for (nodes, expected) in
        [("linux/amd64", 4), ("linux/arm64", 4), ("linux/amd64,linux/arm64", 5), ("linux/s390x", 2)]
    {
        registry.forget_record();
        sandbox.crossdock(&sandbox.work(), &["verify", &reference, "--for", nodes]).ends_with(1);
        let record = registry.record();
        let mut fetched: Vec<&str> = record.of("GET", "/blobs/").map(|entry| entry.target.as_str()).collect();
        assert_eq!(fetched.len(), expected, "{nodes}: {record}");
        fetched.sort_unstable();
        fetched.dedup();
        assert_eq!(fetched.len(), expected, "{nodes}: {record}");
    }
    assert_eq!(registry.faults(), [""; 0]);
}

/// Returns the names below a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_interrupted_download_leaves_nothing_half_made() {
    let (mut sandbox, _) = sample();
    let (registry, work) = (MemoryRegistry::start(Habits::default()), sandbox.work());
    copy(&sandbox, "oci:image", &format!("docker://{}/team/app:1", registry.host()));
    Sample::write(&work.join("other"), 8, 3000);
    copy(&sandbox, "oci:other", "oci:used:kept");
    fs::create_dir(work.join("empty")).unwrap();
    fs::create_dir(work.join("temporary")).unwrap();
    sandbox.set("TMPDIR", work.join("temporary"));
    let before = (names(&work), fs::read(work.join("used/index.json")).unwrap());
    // Each ends once its last request was delayed: all together at the end.
    let mut proxies = Vec::new();
    for call in [
        ["pull", "REF", "--output", "absent"].as_slice(),
        &["pull", "REF", "--output", "empty"],
        &["pull", "REF", "--output", "used"],
        &["copy", "docker://REF", "oci:absent:1"],
        &["copy", "docker://REF", "oci-archive:absent.tar:1"],
        &["copy", "docker://REF", "docker-archive:absent.tar:app:1", "--platform", "linux/amd64"],
    ] {
        // One blob arrives, and the others do not.
        let hangs = Fault::Delay(Duration::from_secs(5));
        let planned = Planned { place: Place::BlobGet, skip: 1, times: Times::UntilHealed, fault: hangs };
        proxies.push(Proxy::start(registry.port(), &[planned], None));
        let proxy = proxies.last().unwrap();
        let reference = format!("{}/team/app:1", proxy.host());
        let call: Vec<String> = call.iter().map(|word| word.replace("REF", &reference)).collect();
        let call: Vec<&str> = call.iter().map(String::as_str).collect();
        let running = sandbox.start(&work, &call);
        let start = Instant::now();
        while proxy.injected() == 0 {
            assert!(start.elapsed() < LIMIT, "{call:?}: {}", proxy.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        running.signal_group(rustix::process::Signal::INT);
        running.wait(LIMIT).ends_with(130);
        assert_eq!((names(&work), fs::read(work.join("used/index.json")).unwrap()), before, "{call:?}");
        assert_eq!(names(&work.join("temporary")), [""; 0], "{call:?}");
        assert_eq!(names(&work.join("empty")), [""; 0], "{call:?}");
    }
}

#[test]
fn a_full_disk_is_named_and_nothing_is_lost() {
    let (sandbox, sample) = sample();
    let (registry, work) = (MemoryRegistry::start(Habits::default()), sandbox.work());
    let large = Sample::write(&work.join("large"), 8, 3_000_000);
    for (layout, tag) in [(&sample, "small"), (&large, "large")] {
        let from = format!("oci:{}", layout.directory.display());
        copy(&sandbox, &from, &format!("docker://{}/team/app:{tag}", registry.host()));
    }
    let full = work.join("full");
    fs::create_dir(&full).unwrap();
    let place = full.to_str().unwrap();
    sandbox.tool(&work, "mount", &["-t", "tmpfs", "-o", "size=1m", "tmpfs", place]).success();
    let used = format!("oci:{place}/used:kept");
    copy(&sandbox, "oci:image", &used);
    let before = (names(&full), fs::read(full.join("used/index.json")).unwrap());
    let reference = format!("{}/team/app:large", registry.host());
    let outcomes = [
        ["pull", &reference, "--output", &format!("{place}/absent")].as_slice(),
        &["pull", &reference, "--output", &format!("{place}/used")],
        &["copy", &format!("docker://{reference}"), &format!("oci:{place}/absent:1")],
        &["copy", "oci:large", &format!("oci:{place}/used:large")],
        &["copy", "oci:large", &format!("oci-archive:{place}/absent.tar:1")],
    ]
    .map(|call| sandbox.crossdock(&work, call));
    let after = (names(&full), fs::read(full.join("used/index.json")).unwrap());
    let kept = sandbox.crossdock(&work, &["inspect", &used]);
    sandbox.tool(&work, "umount", &[place]).success();
    for outcome in outcomes {
        let text = outcome.ends_with(5).complains(place).stderr;
        assert!(text.contains("are free in") || text.to_lowercase().contains("no space left"), "{text}");
    }
    assert_eq!(after, before);
    kept.success();
}

/// A stopped server, or a tunnel to it, accepts connections and never answers. docker's client waits without end.
#[test]
fn an_engine_that_never_answers_is_an_error() {
    let (mut sandbox, _) = sample();
    let socket = tempfile::tempdir().unwrap();
    let path = socket.path().join("s");
    let _never_accepts = UnixListener::bind(&path).unwrap();
    sandbox.set("DOCKER_HOST", format!("unix://{}", path.display()));
    // The first call builds the program.
    sandbox.crossdock(&sandbox.work(), &["version"]).success();
    let start = Instant::now();
    let commands: [&[&str]; 4] = [
        &["verify", "docker-daemon:app:1"],
        &["copy", "docker-daemon:app:1", "oci:x"],
        &["copy", "oci:image", "docker-daemon:app:1"],
        &["inspect", "docker-daemon:app:1"],
    ];
    std::thread::scope(|threads| {
        for command in commands {
            let sandbox = &sandbox;
            threads.spawn(move || {
                let outcome = sandbox.crossdock(&sandbox.work(), command).ends_with(3);
                // Clients of docker before version 23 give up by themselves.
                outcome.complains(" answer").complains("docker context use");
            });
        }
    });
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    // Neither installed nor running.
    sandbox.only(&[]);
    let missing = sandbox.crossdock(&sandbox.work(), &["verify", "podman:app:1"]).ends_with(3);
    missing.complains("podman is not installed").complains("`doctor`");
}
