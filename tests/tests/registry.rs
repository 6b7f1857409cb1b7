//! Images in a real registry, Debian's: what is pushed has the digest that other clients report.

use std::fs;

use crossdock_tests::handmade::Image;
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
    let files = ["--image-refs", "out/refs.txt", "--metadata-file", "metadata.json"];
    let outcome = sandbox.crossdock(&project, &[&dist[..], &files[..]].concat()).success();
    let digest = outcome.digest().to_owned();
    let tagged = format!("{repository}:1.0");
    assert_eq!(outcome.stdout.trim(), format!("{tagged}@{digest}"));
    for peer in [Peer::Skopeo, Peer::Crane] {
        assert_eq!(peer.digest(&Way::default(), &tagged), digest, "{peer:?}");
    }
    assert_eq!(fs::read_to_string(project.join("out/refs.txt")).unwrap(), format!("{repository}@{digest}\n"));
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

    // The layout of the project is its own.
    let own = ["pull", &tagged, "--output", ".crossdock/hello"];
    sandbox.crossdock(&project, &own).ends_with(2).complains("choose another directory");
    sandbox.crossdock(&project, &["copy", &tagged, "oci:.crossdock/hello:1"]).ends_with(2);

    let pinned = format!("{repository}@{digest}");
    sandbox.crossdock(&project, &["verify", &pinned, &format!("docker://{tagged}")]).success().says(&pinned);
    sandbox.crossdock(&project, &["verify", &pinned, "--for", "linux/s390x"]).ends_with(1);
    let json = sandbox.crossdock(&project, &["verify", "--json", &pinned]).success().stdout;
    assert!(
        json.contains(&format!("\"subject\": \"{pinned}\""))
            || json.contains(&format!("\"subject\":\"{pinned}\"")),
        "{json}"
    );

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
    let named = [&dist[..], &["--tag", "1.0"]].concat();
    sandbox.crossdock(&project, &named).ends_with(2).complains("omit `--tag`").complains("`promote");
    // Neither is anything built nor pushed before the answer has a place.
    let lost = [&dist[..], &["--metadata-file", "go.mod/lost.json"]].concat();
    let refused = sandbox.crossdock(&project, &lost).ends_with(5);
    assert!(!refused.complains("`--metadata-file`: ").stderr.contains("compile"));
    for (option, value, part) in [
        ("--image-refs", "", "it is empty; name a path"),
        ("--output", "", "it is empty; name a path"),
        ("--image-refs", ".", "is a directory; name a file"),
    ] {
        let code = if value.is_empty() { 2 } else { 5 };
        sandbox.crossdock(&project, &[&dist[..], &[option, value]].concat()).ends_with(code).complains(part);
    }
    assert_eq!(Peer::Crane.digest(&Way::default(), &pinned), outcome.digest());
    assert!(!tags(&registry.host(), "team/hello").contains("latest"));
    fixture::write(project.join("crossdock.toml"), "[image.hello]\ntags = []\n");
    let named = dist.into_iter().filter(|argument| *argument != "--by-digest").collect::<Vec<_>>();
    sandbox.crossdock(&project, &named).ends_with(2).complains("`hello` has no tag");
}

#[test]
fn an_image_that_fails_on_a_node_is_not_pushed() {
    let (sandbox, registry) = (Sandbox::new(), MemoryRegistry::start(Habits::default()));
    let project = fixture::go_module(&sandbox.work(), "hello");
    sandbox.crossdock(&project, &["build", "--platform", "linux/arm64"]).success();
    let config = "[deploy.eks]\nnodes = [\"m5.large\"]\n\n[image.hello]\ndeploy = [\"eks\"]\n";
    fixture::write(project.join("crossdock.toml"), config);
    let reference = format!("{}/team/hello:1", registry.host());
    let refused = sandbox.crossdock(&project, &["push", &reference]).ends_with(1);
    refused.complains("fails").complains("image `hello` was not tagged: it would not start on m5.large");
    assert!(registry.tags("team/hello").is_empty());
}

#[test]
fn an_unproven_image_is_pushed_with_a_warning_and_refused_under_strict() {
    let (mut sandbox, registry) = (Sandbox::new(), MemoryRegistry::start(Habits::default()));
    sandbox.set("RUSTFLAGS", "-Ctarget-cpu=native");
    let project = fixture::rust_package(&sandbox.work(), "hello");
    sandbox.crossdock(&project, &["build", "--platform", "linux/amd64"]).success();
    // The node is that of the image: the configuration names none.
    sandbox.set("CROSSDOCK_PLATFORM", "linux/amd64");
    let reference = format!("{}/team/hello:1", registry.host());
    let refused = sandbox.crossdock(&project, &["push", &reference, "--strict"]).ends_with(1);
    refused.complains("[level-unknown]").complains("is not proven to start on linux/amd64");
    assert!(registry.tags("team/hello").is_empty());
    let pushed = sandbox.crossdock(&project, &["push", &reference]).success();
    pushed.complains("warning: hello on linux/amd64:").says(&reference);
    assert_eq!(registry.tags("team/hello"), ["1"]);
}

#[test]
fn an_image_of_another_commit_is_not_pushed() {
    let (sandbox, registry) = (Sandbox::new(), MemoryRegistry::start(Habits::default()));
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::commit(&sandbox, &project);
    sandbox.crossdock(&project, &["build"]).success();
    let first = fixture::short_commit(&sandbox, &project);
    fixture::commit(&sandbox, &project);
    let reference = format!("{}/team/hello:1.0", registry.host());
    let refused = sandbox.crossdock(&project, &["push", &reference]).ends_with(2);
    refused.complains(&format!("commit {first}, not ")).complains("run `build` again");
    assert!(registry.tags("team/hello").is_empty());
    sandbox.crossdock(&project, &["build"]).success();
    sandbox.crossdock(&project, &["push", &reference]).success();
    assert_eq!(registry.tags("team/hello"), ["1.0"]);
}

#[test]
fn an_image_that_fails_is_inspected_with_the_exit_code_of_verify() {
    let (sandbox, registry) = (Sandbox::new(), MemoryRegistry::start(Habits::default()));
    let image = Image {
        name: "absent".to_owned(),
        entries: Vec::new(),
        configuration: serde_json::json!({
            "os": "linux", "architecture": "amd64", "config": { "Entrypoint": ["/absent"] }
        }),
        platform: None,
    };
    let archive = image.archive(&sandbox.work());
    let reference = format!("{}/team/absent:1", registry.host());
    sandbox.crossdock(&sandbox.work(), &["push", &reference, archive.to_str().unwrap()]).success();
    for command in [vec!["verify", &reference], vec!["inspect", "--verify", &reference]] {
        sandbox.crossdock(&sandbox.work(), &command).ends_with(1).says("fails");
    }
    sandbox.crossdock(&sandbox.work(), &["inspect", &reference]).success();
    assert!(fs::read_dir(sandbox.work().parent().unwrap().join("tmp")).unwrap().next().is_none());
}

/// Nothing tells which of two images was built last.
#[test]
fn a_project_does_not_take_an_image_that_another_tool_added() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let dist = |more: &[&str]| {
        sandbox.crossdock(&project, &[&["dist", "--platform", "linux/amd64"], more].concat()).success()
    };
    dist(&[]);
    let other = dist(&["--output", "other", "--platform", "linux/arm64"]);
    let layout = |path: &str| format!("oci:{}", project.join(path).display());
    let (from, to) = (layout("other/hello"), layout(".crossdock/hello") + ":added");
    Peer::Skopeo.run(&Way::default(), &["copy", "--all", &from, &to], "").success();
    let refused = sandbox.crossdock(&project, &["verify"]).ends_with(2);
    refused.complains("has several images").complains(other.digest()).complains("run `build` again");
    sandbox.crossdock(&project, &["tag", "--tag", "2"]).ends_with(2);
    // A build replaces them, and is the newest one even before that.
    sandbox.crossdock(&project, &["build", "--platform", "linux/amd64"]).success();
    sandbox.crossdock(&project, &["verify", "--platform", "linux/amd64"]).success();
}

/// Two images may have the same tag under different repositories.
#[test]
fn an_ambiguous_tag_of_a_layout_is_not_copied() {
    let (sandbox, registry) = (Sandbox::new(), MemoryRegistry::start(Habits::default()));
    let work = sandbox.work();
    let digests = ["one", "two"].map(|name| {
        let project = fixture::go_module(&work.join(name), name);
        let built = sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64"]).success();
        let from = format!("oci:{name}/{name}/.crossdock/{name}");
        sandbox.crossdock(&work, &["copy", &from, &format!("oci:both:team/{name}:1")]).success();
        built.digest().to_owned()
    });
    let to = format!("docker://{}/app:1", registry.host());
    let refused = sandbox.crossdock(&work, &["copy", "oci:both:1", &to]).ends_with(2);
    refused.complains("several images `1`").complains("oci:DIRECTORY:REPOSITORY:TAG");
    let copied = sandbox.crossdock(&work, &["copy", "oci:both:team/two:1", &to]).success();
    assert_eq!(copied.stdout.trim(), digests[1]);
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
        (vec!["push", &local, "go.mod", "--strict"], 2, "crossdock verify go.mod --strict"),
        (vec!["push", &local, "go.mod", "--all"], 2, "crossdock verify go.mod --all"),
        (vec!["push", &local, "absent"], 2, "name a layout, an archive or an image of this project"),
        (vec!["push", &local, "absent.tar"], 2, "name a layout, an archive or an image of this project"),
        (vec!["dist", "--push", "--pack", "--platform", "darwin/arm64"], 2, "no image to push"),
        (vec!["dist", "--bare"], 2, "--push"),
        (vec!["dist", "--chunk-size", "5MB"], 2, "`--chunk-size` has no effect without `--push`"),
        (vec!["dist", "--auth-file", "auth.json"], 2, "`--auth-file` has no effect without `--push`"),
        (vec!["dist", "--recursive"], 2, "`--recursive` has no effect without `--resolve FILE`"),
        (vec!["dist", "--push", "--in-place"], 2, "`--in-place` has no effect without `--resolve FILE`"),
        (vec!["dist", "--push", "--drop-tag"], 2, "`--drop-tag` has no effect without `--resolve FILE`"),
        (vec!["dist", "--path", "R:spec.i"], 2, "`--path` has no effect without `--resolve FILE`"),
        (vec!["run", "--json"], 2, "omit `--json`"),
        (vec!["run", "--publish", ":8080:80"], 2, "not a published port"),
        (vec!["push", &local, "./absent"], 5, "./absent does not exist"),
        (vec!["pull", &absent, "--output", "out"], 5, "404"),
        (vec!["pull", &local, "--output", "."], 5, "neither an image layout nor empty"),
        (vec!["pull", "nohost.invalid/app", "--output", "out"], 5, "nohost.invalid"),
        (vec!["inspect", &absent], 5, "404"),
        (vec!["copy", "dir:x", "oci:y"], 2, "`dir:`"),
        (vec!["copy", &absent, "oci:out"], 5, "404"),
        (vec!["push", &local, "--chunk-size", "5 parsec"], 2, "50MB"),
        (vec!["push", &local, "--insecure-registry", "http://x"], 2, "not a host"),
    ] {
        sandbox.crossdock(&project, &arguments).ends_with(code).complains(part);
    }
    assert!(!tags(&host, "team/hello").contains("\"1\""));
    assert!(!project.join("out").exists(), "a failed pull leaves its directory");
}
