//! Images that come back from an engine: whichever one builds, the configuration is the same and the base is the right one.

use std::path::Path;

use crossdock_tests::engine::{
    Base, BuildKit, Docker, GO_WORDS, Podman, RecordedGo, base_from, builder, debian_docker, go_project,
    install_buildx, says_hello,
};
use crossdock_tests::layout::sha256;
use crossdock_tests::{Layout, Outcome, Sandbox, fixture};
use serde_json::{Value, json};

/// Indexes of every shape, which the tests of `crossdock-subjects` verify.
#[path = "../../crates/subjects/tests/entries/mod.rs"]
mod entries;

const BOTH: &str = "linux/amd64,linux/arm64";
const REVERSED: &str = "linux/arm64,linux/amd64";

const CONFIGURATION: &str = "[image.hello]\npath = \".\"\n\n\
                             [image.hello.health]\ncommand = [\"/usr/local/bin/hello\", \"--health\"]\ninterval = 10\n\n\
                             [image.hello.env]\nHOUSE = \"5 $$ & ${PATH:+it's} \\\\ \\\"x\\\"\"\nPATH = \"/opt/bin:$PATH\"\n\n\
                             [image.hello.labels]\nprice = \"{{ '$HOUSE' }}\"\n\n\
                             [image.hello.dockerfile]\nbase = \"debian-slim\"\n";

fn built(project: &Path) -> Layout {
    Layout::open(project.join(".crossdock/hello"))
}

/// Returns the health check of each platform with the configured variables and label, and the base that the index names.
fn says_of_itself(layout: &Layout) -> (Vec<Value>, Value) {
    let check = |platform: &String| {
        let config = layout.config(platform)["config"].clone();
        let mut env: Vec<Value> = config["Env"].as_array().cloned().unwrap_or_default();
        let configured = ["HOUSE=", "PATH="];
        env.retain(|pair| {
            configured.iter().any(|name| pair.as_str().is_some_and(|pair| pair.starts_with(name)))
        });
        env.sort_by_key(ToString::to_string);
        json!({ "check": config["Healthcheck"], "env": env, "price": config["Labels"]["price"] })
    };
    let base = layout.index()["annotations"]["org.opencontainers.image.base.name"].clone();
    (layout.platforms().iter().map(check).collect(), base)
}

/// Builds on a replacement for `debian-slim`; its health check is that of crossdock's own image.
fn is_like_crossdocks_own(sandbox: &Sandbox, project: &Path, builder: &str) {
    let work = sandbox.work();
    fixture::write(project.join("crossdock.toml"), CONFIGURATION);
    sandbox.crossdock(project, &["dist", "--platform", BOTH]).success();
    let in_order = built(project).digest().to_owned();
    sandbox.crossdock(project, &["dist", "--platform", REVERSED]).success();
    assert_eq!(built(project).digest(), in_order);
    let (own, base) = says_of_itself(&built(project));
    let check = json!({
        "Test": ["CMD", "/usr/local/bin/hello", "--health"],
        "Interval": 10_000_000_000_u64, "Timeout": 30_000_000_000_u64, "Retries": 3,
    });
    let path = "PATH=/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let check = json!({ "check": check, "env": ["HOUSE=5 $ & it's \\ \"x\"", path], "price": "$HOUSE" });
    assert_eq!(own, [check.clone(), check], "crossdock's own image");
    assert!(base.as_str().is_some_and(|base| base.starts_with("crossdock/static:")), "{base}");

    let compiler = base_from(sandbox, project, &RecordedGo::new(sandbox).layout("good"));
    let slim = ["amd64", "arm64"].map(|architecture| {
        Base::bare(work.join(format!("slim-{architecture}")), &format!("not debian for {architecture}\n"))
    });
    let both = Base::layout_of(&[("amd64", &slim[0]), ("arm64", &slim[1])], &work.join("slim"));
    let one = Base::layout_of(&[("amd64", &slim[0])], &work.join("slim-for-one"));
    let dist = |slim: &Path, platforms: &str| -> Outcome {
        let slim = format!("debian:trixie-slim=oci:{}", slim.display());
        let asked = ["dist", "--builder", builder, "--base-from", &compiler, "--base-from", &slim];
        sandbox.crossdock(project, &[&asked[..], &["--platform", platforms]].concat())
    };
    let before = built(project).digest().to_owned();
    dist(&one, BOTH)
        .ends_with(2)
        .complains("has it for linux/amd64, and a stage of the Dockerfile uses it for linux/arm64");
    assert_eq!(built(project).digest(), before, "what is refused changes nothing");
    dist(&one, "linux/amd64").success();
    dist(&both, BOTH).success();
    let result = built(project);
    says_hello(sandbox, &result, &GO_WORDS[..2]);
    for (machine, word) in &GO_WORDS[..2] {
        let root = work.join(format!("unpacked-{}-{}", machine.name(), result.digest()));
        let base = std::fs::read_to_string(root.join("etc/stand-in")).expect("the program lies on the base");
        assert_eq!(base, format!("not debian for {word}\n"));
    }
    let (checks, base) = says_of_itself(&result);
    assert_eq!(checks, own, "{builder} has another configuration");
    assert!(base.is_null(), "it lies on debian-slim, and says {base}");
    let in_order = result.digest().to_owned();
    dist(&both, REVERSED).success();
    assert_eq!(built(project).digest(), in_order, "the index depends on the order of --platform");
}

#[test]
fn docker_builds_the_same_configuration_on_the_right_base() {
    let (mut sandbox, project) = go_project();
    let docker = Docker::start_apart();
    let directory = sandbox.work();
    sandbox.set("DOCKER_HOST", docker.host()).set("DOCKER_CONFIG", directory);
    debian_docker(&mut sandbox);
    is_like_crossdocks_own(&sandbox, &project, "docker");
}

#[test]
fn podman_builds_the_same_configuration_on_the_right_base() {
    let (mut sandbox, project) = go_project();
    let podman = Podman::start_on_overlays();
    podman.set_up(&mut sandbox);
    is_like_crossdocks_own(&sandbox, &project, "podman");
}

#[test]
#[ignore = "long: builds buildkitd and buildx"]
fn long_buildkit_builds_the_same_configuration_on_the_right_base() {
    let (mut sandbox, project) = go_project();
    let buildkit = BuildKit::start();
    let buildx = install_buildx(&mut sandbox);
    builder(&sandbox, &buildx, "one", &[(&buildkit, "linux/amd64")]);
    is_like_crossdocks_own(&sandbox, &project, "buildx=one");
}

/// Installs a `podman` that answers `info` as one that builds elsewhere or here does, and nothing else.
fn podman_says(sandbox: &mut Sandbox, info: &str) {
    let version = r#"{"Client":{"Version":"4.3.1","OsArch":"linux/amd64"}}"#;
    sandbox.shim("podman", &format!("[ \"$1\" = info ] && echo '{info}' || echo '{version}'"));
}

#[test]
fn a_cache_is_written_in_each_engines_own_syntax_or_refused() {
    let (mut sandbox, project) = go_project();
    podman_says(&mut sandbox, "{}");
    let plan = |sandbox: &Sandbox, builder: &str, cache: &str| {
        sandbox.crossdock(&project, &["plan", "--builder", builder, "--cache-to", cache])
    };
    plan(&sandbox, "podman", "type=registry,ref=registry.example/c")
        .success()
        .says("--cache-to registry.example/c ");
    plan(&sandbox, "podman", "type=local,dest=/c")
        .ends_with(2)
        .complains("podman keeps a cache in a repository");
    let version = r#"{"Version":"28.2.2","Os":"linux","Arch":"amd64"}"#;
    let docker = |store: &str| {
        format!(
            "case \"$*\" in\nversion*) echo '{{\"Client\":{version},\"Server\":{version}}}' ;;\n\
             'buildx version') echo 'github.com/docker/buildx v0.19.3 48d6a39' ;;\n\
             *DriverStatus*) echo '[[\"driver-type\",\"{store}\"]]' ;;\n*) exit 1 ;;\nesac"
        )
    };
    sandbox.shim("docker", &docker("overlay2"));
    plan(&sandbox, "docker", "type=local,dest=/c").ends_with(2).complains("containerd's image store");
    plan(&sandbox, "docker", "type=inline").success();
    sandbox.shim("docker", &docker("io.containerd.snapshotter.v1"));
    plan(&sandbox, "docker", "type=local,dest=/c").success();
}

#[test]
fn a_step_that_runs_foreign_programs_needs_a_machine_that_runs_them() {
    let (mut sandbox, project) = go_project();
    fixture::write(
        project.join("crossdock.toml"),
        "[image.hello]\npath = \".\"\n\n[image.hello.dockerfile]\nbase = \"debian-slim\"\nruntime-packages = [\"curl\"]\n",
    );
    let plan =
        |sandbox: &Sandbox| sandbox.crossdock(&project, &["plan", "--builder", "podman", "--platform", BOTH]);
    podman_says(&mut sandbox, r#"{"kernel":"1.0-elsewhere","hostname":"elsewhere"}"#);
    plan(&sandbox).success().says("runs programs of linux/arm64, and it is unknown whether podman");
    let emulates = r#"{"kernel":"1.0","hostname":"a","emulatedArchitectures":["linux/NAME"]}"#;
    podman_says(&mut sandbox, &emulates.replace("NAME", "s390x"));
    plan(&sandbox).ends_with(3).says("runs none: install emulation");
    podman_says(&mut sandbox, &emulates.replace("NAME", "arm64"));
    let quiet = plan(&sandbox).success();
    assert!(!quiet.stdout.contains("runs programs of"), "{quiet}");
    let doctor = sandbox.crossdock(&project, &["doctor", "--builder", "podman"]);
    doctor.success().says("(runs linux/amd64, linux/386, linux/arm64)");
}

/// A rendered bake file equals the one that `dist` runs, except for the output of the build.
#[test]
fn the_rendered_bake_file_is_the_one_that_runs() {
    let (mut sandbox, project) = go_project();
    sandbox.shim(
        "docker",
        "case \"$*\" in\n'buildx version') echo 'github.com/docker/buildx v0.19.3 48d6a39' ;;\n\
         'buildx inspect') printf 'Name: one\\nDriver: remote\\n\\nNodes:\\nName: one\\nPlatforms: linux/amd64\\n' ;;\n\
         *) exit 1 ;;\nesac",
    );
    let compiler = base_from(
        &sandbox,
        &project,
        &Base::bare(sandbox.work().join("go"), "go").layout(&sandbox.work().join("base")),
    );
    fixture::write(sandbox.work().join("netrc"), "machine git.example\n");
    sandbox.set("TOKEN", "hunter2");
    let handed = [
        ["--base-from", &compiler],
        ["--build-arg", "A=${b}"],
        ["--build-arg", "TOKEN"],
        ["--secret", "id=netrc,src=../netrc"],
        ["--ssh", "default"],
        ["--cache-to", "type=registry,ref=registry.example/c,mode=max"],
        ["--platform", BOTH],
    ];
    let handed: Vec<&str> = handed.into_iter().flatten().collect();
    let render = sandbox.crossdock(&project, &[&["render", "bake"], &handed[..]].concat()).success().json();
    let plan =
        sandbox.crossdock(&project, &[&["plan", "--json", "--builder", "buildx"], &handed[..]].concat());
    let plan = plan.success().json();
    let files = &plan["images"][0]["engine"]["files"];
    let file = |end: &str| {
        let mut files = files.as_array().expect("files are written").iter();
        let file = files.find(|file| file["path"].as_str().is_some_and(|path| path.ends_with(end)));
        file.and_then(|file| file["content"].as_str()).expect("it is written").to_owned()
    };
    let run: Value = serde_json::from_str(&file("bake.json")).expect("it is JSON");
    let (rendered, run) = (&render["target"]["hello"], &run["target"]["hello"]);
    for key in ["platforms", "contexts", "args", "secret", "ssh", "cache-to"] {
        assert!(!run[key].is_null(), "{key}: {run:#}");
        assert_eq!(rendered[key], run[key], "{key}");
    }
    let inline = rendered["dockerfile-inline"].as_str().expect("the file holds the Dockerfile");
    assert_eq!(inline.replace("$${", "${").replace("%%{", "%{"), file("Dockerfile"));
    assert_eq!(run["args"]["A"], "$${b}");
    // The file names the variable; its value is nowhere.
    assert_eq!(run["args"]["TOKEN"], "${TOKEN}");
    assert!(!plan.to_string().contains("hunter2"), "{plan:#}");
}

#[test]
fn included_files_that_the_dockerignore_excludes_are_reported() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "greeter");
    let render = || sandbox.crossdock(&project, &["render", "dockerfile"]).success();
    let before = render();
    assert!(!before.stderr.contains("`context`"), "{before}");
    fixture::write(project.join("README.md"), "words\n");
    fixture::write(project.join("build.rs"), "fn main() {}\n");
    fixture::write(project.join("src/words.rs"), "pub const WORDS: &str = include_str!(\"../README.md\");\n");
    render()
        .complains("src/words.rs includes README.md, which the .dockerignore excludes: add it to `context`")
        .complains("build.rs can read only files that the .dockerignore includes");
    fixture::write(
        project.join("crossdock.toml"),
        "[image.greeter]\n\n[image.greeter.dockerfile]\ncontext = [\"README.md\"]\n",
    );
    let named = render();
    assert!(!named.stderr.contains("`context`"), "{named}");
}

/// The answers of the table are containerd's.
#[test]
#[ignore = "long: imports 39 images"]
fn long_containerd_takes_the_image_of_the_table() {
    let docker = Docker::start();
    let sandbox = Sandbox::new();
    let (layout, archive, mount) =
        (sandbox.work().join("layout"), sandbox.work().join("layout.tar"), sandbox.work().join("mount"));
    std::fs::create_dir(&mount).unwrap();
    let (archive, mount) = (archive.to_str().unwrap(), mount.to_str().unwrap());
    for case in entries::cases() {
        drop(std::fs::remove_dir_all(&layout));
        for (path, bytes) in entries::layout(&case, |bytes| sha256(bytes).replace("sha256:", "")) {
            fixture::write(layout.join(path), bytes);
        }
        sandbox.tool(&layout, "tar", &["-cf", archive, "oci-layout", "index.json", "blobs"]).success();
        docker.ctr(&["images", "import", "--all-platforms", "--no-unpack", archive]).success();
        for (host, expected) in case["hosts"].as_object().unwrap() {
            let outcome =
                docker.ctr(&["images", "mount", "--platform", host, &entries::reference(&case), mount]);
            let found = std::fs::read_dir(mount).unwrap().next().map(|file| file.unwrap().file_name());
            let found = found.map(|name| name.to_str().unwrap().trim_start_matches("is-").to_owned());
            assert_eq!(found.as_deref(), expected.as_str(), "{} on {host}: {outcome}", case["name"]);
            docker.ctr(&["images", "unmount", "--rm", mount]);
        }
    }
}
