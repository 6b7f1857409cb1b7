//! Images that a container engine builds from rendered files: really built, imported, verified and started.
//!
//! No image can be pulled where these tests run. `golang` and `rust` are replaced by images of this machine's own shell,
//! tools and compilers, see [`Base`]; except in `long_` tests, their `go` copies a program that this machine's Go compiled
//! before.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crossdock_tests::engine::{
    Base, BuildKit, Docker, GO_WORDS, Podman, RecordedGo, base_from, builder, builder_in_a_container,
    debian_docker, go_project, install_buildx, says_hello,
};
use crossdock_tests::outcome::run;
use crossdock_tests::program::repository;
use crossdock_tests::{Layout, Machine, Outcome, Sandbox, fixture};
use serde_json::Value;

const MINUTE: Duration = Duration::from_secs(60);

fn rust_project(sandbox: &Sandbox) -> PathBuf {
    let project = fixture::rust_package(&sandbox.work(), "greeter");
    fixture::commit(sandbox, &project);
    project
}

const RUST_WORDS: [(Machine, &str); 2] = [(Machine::Amd64, "x86_64"), (Machine::Arm64, "aarch64")];

/// Installs a docker client that prints the output of `docker version` 28 without a server, and with one.
fn docker_says(sandbox: &mut Sandbox, server: &str, stderr: &str, more: &str) {
    let client = r#"{"Version":"28.2.2","Os":"linux","Arch":"amd64"}"#;
    sandbox.shim(
        "docker",
        &format!(
            "case \"$*\" in\n{more}\nversion*) echo '{{\"Client\":{client},\"Server\":{server}}}'; echo '{stderr}' >&2; [ '{server}' != null ] ;;\n\
             *) echo \"docker: '$1' is not a docker command.\" >&2; exit 1 ;;\nesac"
        ),
    );
}

const SERVER: &str = r#"{"Version":"28.2.2","Os":"linux","Arch":"amd64"}"#;

#[test]
fn images_built_by_docker_are_verified_and_tagged() {
    let (mut sandbox, project) = go_project();
    let docker = Docker::start_apart();
    let directory = sandbox.work();
    sandbox.set("DOCKER_HOST", docker.host()).set("DOCKER_CONFIG", directory);
    debian_docker(&mut sandbox);
    let has_flags = "case \"$1\" in build) [ \"$GOFLAGS\" = -tags=pro ] || exit 9 ;; esac";
    let layout = RecordedGo::new(&sandbox).first(has_flags).layout("good");
    sandbox.set("GOFLAGS", "-tags=pro");
    let base = base_from(&sandbox, &project, &layout);
    let dist = |sandbox: &Sandbox, base: &str, more: &[&str]| -> Outcome {
        let arguments = ["dist", "--json", "--builder", "docker", "--base-from", base];
        sandbox.crossdock(&project, &[&arguments, more].concat())
    };
    let both = ["--platform", "linux/amd64,linux/arm64"];
    let misnamed = format!("golang:none=oci:{}", layout.display());
    let plan = sandbox.crossdock(&project, &["plan", "--builder", "docker", "--base-from", &misnamed]);
    plan.success().says("begins with it; they begin with golang:");

    // A given base replaces a pinned one, and a user's own image of the same name is not touched.
    let name = base.split('=').next().expect("it names an image");
    let pin = format!("[images]\n\"{name}\" = \"sha256:{}\"\n", "0".repeat(64));
    fixture::write(project.join("crossdock.lock"), &pin);
    let handed = ["plan", "--builder", "docker", "--base-from", &base, "--build-arg", "NOBODY=1", "--secret"];
    sandbox
        .crossdock(&project, &[&handed[..], &["id=none,env=HOME"]].concat())
        .success()
        .says("--build-arg NOBODY: no ARG")
        .says("--secret id=none: no step");

    // Docker's own BuildKit, for both platforms.
    let report = dist(&sandbox, &base, &both).success().json();
    let built = Layout::open(project.join(".crossdock/hello"));
    assert_eq!(report["images"][0]["digest"], built.digest());
    assert_eq!(built.platforms(), ["linux/amd64", "linux/arm64"]);
    assert_eq!(built.tags(), ["latest"]);
    says_hello(&sandbox, &built, &GO_WORDS[..2]);
    assert_eq!(built.config("linux/arm64")["config"]["User"], "65532:65532");
    let left = run(&mut docker_images(&docker), MINUTE).success().stdout;
    assert!(!left.contains("crossdock-build"), "our names stay behind: {left}");
    assert!(!left.contains("golang"), "the user's own tag was set: {left}");

    // The classic builder, only for this machine's platform.
    sandbox.set("DOCKER_BUILDKIT", "0");
    dist(&sandbox, &base, &both).ends_with(3).complains("builds only for its own platform");
    assert_eq!(Layout::open(project.join(".crossdock/hello")).digest(), built.digest(), "nothing was lost");
    dist(&sandbox, &base, &["--platform", "linux/amd64"]).success();
    says_hello(&sandbox, &Layout::open(project.join(".crossdock/hello")), &GO_WORDS[..1]);
    sandbox.unset("DOCKER_BUILDKIT");

    std::fs::remove_file(project.join("crossdock.lock")).expect("the pins are there");

    // A compiler that only makes programs for the builder's own platform.
    let before = Layout::open(project.join(".crossdock/hello")).digest().to_owned();
    let wrong = RecordedGo::new(&sandbox).only_for_amd64().layout("wrong");
    let wrong = base_from(&sandbox, &project, &wrong);
    let refused = dist(&sandbox, &wrong, &both).ends_with(1).complains("was not tagged");
    assert!(refused.stdout.contains("\"fails\""), "{}", refused.stdout);
    assert_eq!(Layout::open(project.join(".crossdock/hello")).digest(), before, "the tags stay");

    // An engine that ignores the requested platform but labels the image with it.
    sandbox.shim(
        "docker",
        "if [ \"$1\" = build ]; then shift 3; set -- build \"$@\"; fi\nexec /usr/bin/docker \"$@\"",
    );
    dist(&sandbox, &base, &both)
        .ends_with(1)
        .complains("was asked for linux/arm64 and labels what it built as linux/amd64");
    debian_docker(&mut sandbox);

    a_compile_error_names_the_line_and_its_template(&sandbox, &project, &base);
    assert_eq!(Layout::open(project.join(".crossdock/hello")).digest(), before);
    let left = run(&mut docker_images(&docker), MINUTE).success().stdout;
    assert!(!left.contains("crossdock-build"), "a failed run leaves our names behind: {left}");
}

/// The error is in our template, or in one of the user that overrides a block of it.
fn a_compile_error_names_the_line_and_its_template(sandbox: &Sandbox, project: &Path, base: &str) {
    fixture::write(project.join("broken.go"), "package main\n");
    let dist = || {
        let outcome = sandbox.crossdock(project, &["dist", "--builder", "docker", "--base-from", base]);
        let outcome = outcome.ends_with(4).complains("./broken.go:1:1: it is broken");
        // The base image is removed after the failure.
        outcome
            .complains("go build -trimpath")
            .complains("by hand:\n      cd ")
            .complains("docker load --quiet --input")
    };
    let ours = std::fs::read_to_string(repository().join("templates/files/go.Dockerfile.j2"));
    let ours = ours.expect("our templates lie there");
    let line = 1 + ours.lines().position(|line| line.contains("compile.script")).expect("it compiles");
    dist().complains(&format!(
        "hello.engine/Dockerfile (template `crossdock/go.Dockerfile`, line {line}):\n      RUN "
    ));
    fixture::write(project.join("crossdock.toml"), "templates = \"own\"\n[image.hello]\npath = \".\"\n");
    fixture::write(
        project.join("own/Dockerfile.j2"),
        "{% extends \"crossdock/go.Dockerfile\" %}\n\n{% block compile %}\nCOPY . .\n\n\
         RUN {{ compile.mounts | mounts }}echo from our own; {{ compile.script | continued }}\n{% endblock %}\n",
    );
    dist()
        .complains("hello.engine/Dockerfile (template `Dockerfile`, line 6):\n      RUN ")
        .complains("echo from our own");
}

fn docker_images(docker: &Docker) -> Command {
    let mut command = Command::new("/usr/bin/docker");
    command.env("DOCKER_HOST", docker.host()).args(["images", "--all"]);
    command
}

#[test]
fn an_engine_that_cannot_build_is_reported_with_the_reason() {
    let (mut sandbox, project) = go_project();
    let doctor =
        |sandbox: &Sandbox, builder: &str| sandbox.crossdock(&project, &["doctor", "--builder", builder]);
    sandbox.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    doctor(&sandbox, "docker").ends_with(3).says("server does not answer").says("systemctl start docker");

    let denied = "permission denied while trying to connect to the Docker daemon socket at unix:///x: dial unix /x: connect: permission denied";
    docker_says(&mut sandbox, "null", denied, "");
    doctor(&sandbox, "docker").ends_with(3).says("may not be used by this user");

    docker_says(&mut sandbox, &SERVER.replace("28.2.2", "19.03.5"), "", "");
    doctor(&sandbox, "docker").ends_with(3).says("19.03.5, which is too old: install 20.10 or newer");

    // A client that needs the plugin buildx and lacks it: the classic builder, which builds for one platform.
    docker_says(&mut sandbox, SERVER, "", "");
    doctor(&sandbox, "docker").ends_with(3).says("builds only for its own platform").says("classic builder");
    doctor(&sandbox, "buildx").ends_with(3).says("buildx is not installed");

    let buildx = "'buildx version') echo 'github.com/docker/buildx v0.19.3 48d6a39' ;;\n\
                  'buildx inspect none') echo 'ERROR: no builder \"none\" found' >&2; exit 1 ;;\n\
                  'buildx inspect') printf 'Name: default\\nDriver: docker\\n\\nNodes:\\nName: default\\nPlatforms: linux/amd64\\n' ;;";
    docker_says(&mut sandbox, SERVER, "", buildx);
    doctor(&sandbox, "buildx=none")
        .ends_with(3)
        .says("docker buildx create --name none --driver docker-container");
    doctor(&sandbox, "buildx").ends_with(3).says("exports no multi-platform image as a file");
    doctor(&sandbox, "docker").success().says("BuildKit by buildx");

    let dist = sandbox.crossdock(&project, &["dist", "--builder", "buildx=none"]);
    dist.ends_with(3).complains("buildx has no builder `none`");
    assert!(!project.join(".crossdock").exists(), "nothing is written before everything is there");
}

/// An engine has no variables of the machine that calls it.
#[test]
fn flags_of_the_user_reach_an_engine() {
    let (mut sandbox, project) = go_project();
    docker_says(&mut sandbox, SERVER, "", "");
    sandbox.set("GOFLAGS", "-tags=pro");
    let plan = |sandbox: &Sandbox, project: &Path| {
        let plan = ["plan", "--json", "--platform", "linux/amd64", "--builder", "docker"];
        sandbox.crossdock(project, &plan).success().json()
    };
    let file = |plan: &serde_json::Value| plan["images"][0]["engine"]["files"][0]["content"].to_string();
    let made = plan(&sandbox, &project);
    assert!(file(&made).contains("export GOFLAGS=-tags=pro;"), "{made}");
    let project = fixture::rust_package(&sandbox.work(), "api");
    fixture::write(project.join("build.rs"), "fn main() {\n    std::env::var(\"TARGET_CC\").ok();\n}\n");
    sandbox.set("RUSTFLAGS", "-Ctarget-cpu=x86-64-v3").set("CFLAGS", "-mavx2").set("CC", "gcc -m64");
    let made = plan(&sandbox, &project);
    assert!(file(&made).contains("export RUSTFLAGS=-Ctarget-cpu=x86-64-v3"), "{made}");
    assert!(file(&made).contains("export CFLAGS=-mavx2;"), "{made}");
    let expected = &made["images"][0]["platforms"][0]["programs"][0]["expected"];
    assert_eq!(expected["cpu"], "x86-64-v3");
    assert_eq!(expected["compiler_flags"], serde_json::json!([{"flag": "-mavx2", "place": "CFLAGS"}]));
    assert!(made["warnings"].to_string().contains("leaves out the compiler `gcc -m64` of CC"), "{made}");
}

#[test]
fn unsupported_engine_options_are_reported_before_it_runs() {
    let (mut sandbox, project) = go_project();
    docker_says(&mut sandbox, SERVER, "", "");
    let plan = |sandbox: &Sandbox, arguments: &[&str]| {
        sandbox.crossdock(&project, &[&["plan", "--platform", "linux/amd64"], arguments].concat())
    };
    sandbox.set("TOKEN", "x");
    plan(&sandbox, &["--builder", "docker", "--secret", "id=token,env=TOKEN"])
        .ends_with(2)
        .complains("does not understand --secret");
    plan(&sandbox, &["--builder", "docker", "--ssh", "default"]).ends_with(2).complains("--ssh");
    plan(&sandbox, &["--builder", "docker", "--cache-to", "type=inline"])
        .ends_with(2)
        .complains("--cache-to");
    plan(&sandbox, &["--secret", "id=token,env=TOKEN"])
        .ends_with(2)
        .complains("crossdock itself builds here");
    plan(&sandbox, &["--builder", "dokcer"]).ends_with(2).complains("did you mean `docker`?");
    plan(&sandbox, &["--builder", "docker", "--build-arg", "X Y"]).ends_with(2).complains("NAME=VALUE");
    plan(&sandbox, &["--builder", "docker", "--build-arg", "X"])
        .ends_with(2)
        .complains("the environment has no variable X");
    plan(&sandbox, &["--builder", "docker", "--secret", "id=x,src=nowhere"])
        .ends_with(2)
        .complains("--secret id=x: `src` names no existing file");
    plan(&sandbox, &["--builder", "docker", "--base-from", "golang=oci:nowhere"])
        .ends_with(5)
        .complains("nowhere");
    plan(&sandbox, &["--builder", "docker", "--pack"])
        .ends_with(2)
        .complains("leave out one of --pack and --builder");
    fixture::write(project.join("crossdock.toml"), "[image.hello]\n[image.\"hello.engine\"]\n");
    plan(&sandbox, &["--builder", "docker", "--image", "hello"])
        .ends_with(2)
        .complains("the directory of the image `hello.engine`");
    // The command line overrides the environment, which overrides the file.
    fixture::write(project.join("crossdock.toml"), "builder = \"docker\"\n");
    plan(&sandbox, &[]).success().says("docker build --platform linux/amd64");
    sandbox.set("CROSSDOCK_BUILDER", "embedded");
    plan(&sandbox, &[]).success().says("go build");
    sandbox.set("CROSSDOCK_BUILDER", "none");
    plan(&sandbox, &[]).ends_with(2).complains("CROSSDOCK_BUILDER");
}

#[test]
fn options_reach_every_engine_that_supports_them() {
    let (mut sandbox, project) = go_project();
    let buildx = "'buildx version') echo 'github.com/docker/buildx v0.19.3 48d6a39' ;;\n\
                  'buildx inspect') printf 'Name: one\\nDriver: remote\\n\\nNodes:\\nName: one\\nPlatforms: linux/amd64\\n' ;;\n\
                  info*) echo '[[\"driver-type\",\"io.containerd.snapshotter.v1\"]]' ;;";
    docker_says(&mut sandbox, SERVER, "", buildx);
    sandbox.shim(
        "podman",
        "[ \"$1\" = info ] && echo amd64 || echo '{\"Client\":{\"Version\":\"4.3.1\",\"OsArch\":\"linux/amd64\"}}'",
    );
    fixture::write(sandbox.work().join("netrc"), "machine git.example\n");
    let handed = [
        ["--build-arg", "A=b"],
        ["--secret", "id=netrc,src=../netrc"],
        ["--ssh", "default"],
        ["--cache-from", "registry.example/cache"],
        ["--cache-to", "registry.example/cache"],
    ];
    let secret = format!("id=netrc,src={}", sandbox.work().join("netrc").display());
    for builder in ["docker", "podman", "buildx"] {
        let mut arguments = vec!["plan", "--json", "--platform", "linux/amd64", "--builder", builder];
        arguments.extend(handed.iter().flatten());
        let plan = sandbox.crossdock(&project, &arguments).success().json();
        let engine = &plan["images"][0]["engine"];
        if builder == "buildx" {
            let bake =
                engine["files"].as_array().and_then(|files| files.last()).expect("a bake file is written");
            let bake: Value =
                serde_json::from_str(bake["content"].as_str().expect("a text")).expect("it is JSON");
            let target = &bake["target"]["hello"];
            assert_eq!(target["args"]["A"], "b", "{target:#}");
            assert_eq!(target["ssh"][0], "default");
            assert_eq!(target["cache-from"][0], "registry.example/cache");
            assert_eq!(target["cache-to"][0], "registry.example/cache");
            assert!(
                target["secret"][0].as_str().is_some_and(|text| text.ends_with("work/netrc")),
                "{target:#}"
            );
            continue;
        }
        let words: Vec<&str> = engine["calls"][0]["command"]["arguments"]
            .as_array()
            .expect("a command has arguments")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        for [option, value] in handed {
            let value = if option == "--secret" { secret.as_str() } else { value };
            let is_there = words.windows(2).any(|pair| pair[0] == option && pair[1] == value);
            assert!(is_there, "{builder} does not get {option} {value}: {words:?}");
        }
    }
}

/// A cache only has equal steps, so that the build that reads it and the one that fills it must use the same file.
#[test]
fn the_steps_that_fill_a_cache_read_it() {
    let (mut sandbox, project) = go_project();
    let buildx = "'buildx version') echo 'github.com/docker/buildx v0.19.3 48d6a39' ;;\n\
                  'buildx inspect') printf 'Name: one\\nDriver: remote\\n\\nNodes:\\nName: one\\nPlatforms: linux/amd64\\n' ;;";
    docker_says(&mut sandbox, SERVER, "", buildx);
    let dockerfile = |more: &[&str]| {
        let asked = ["plan", "--json", "--builder", "buildx"];
        let plan = sandbox.crossdock(&project, &[&asked, more].concat()).success().json();
        plan["images"][0]["engine"]["files"][0]["content"]
            .as_str()
            .expect("a Dockerfile is planned")
            .to_owned()
    };
    let filled = dockerfile(&["--cache-to", "registry.example/cache"]);
    assert!(!filled.contains("type=cache"), "{filled}");
    assert_eq!(dockerfile(&["--cache-from", "registry.example/cache"]), filled);
    assert!(dockerfile(&[]).contains("type=cache"));
}

/// An engine has compilers: a machine without any still derives the plan from the projects' files.
#[test]
fn no_compiler_of_the_host_is_needed() {
    let (mut sandbox, project) = go_project();
    let rust = rust_project(&sandbox);
    sandbox.only(&["git", "sh", "cat"]);
    let plan = |sandbox: &Sandbox, project: &Path| {
        sandbox.crossdock(project, &["plan", "--builder", "docker", "--platform", "linux/amd64"])
    };
    plan(&sandbox, &project).ends_with(3).says("docker is not installed");
    docker_says(&mut sandbox, SERVER, "", "");
    let go = plan(&sandbox, &project).success();
    let go = go.says("/usr/local/bin/hello").says("docker build --platform linux/amd64");
    go.complains("`go` was not found").says("tags: hello:latest");
    let planned = plan(&sandbox, &rust).success().says("/usr/local/bin/greeter");
    planned.says("tags: greeter:0.1.0, greeter:latest").complains("`cargo` was not found");
    let here = sandbox.crossdock(&project, &["plan", "--platform", "linux/amd64"]);
    here.ends_with(3).complains("`go` was not found");
}

/// Bake ignores unknown keys silently. The shim prints the file back without one of them.
#[test]
fn an_ignored_bake_key_is_an_error() {
    let (mut sandbox, project) = go_project();
    let buildx = "'buildx version') echo 'github.com/docker/buildx v0.19.3 48d6a39' ;;\n\
                  'buildx inspect two') printf 'Name: two\\nDriver: remote\\n\\nNodes:\\nName: one\\nPlatforms: linux/amd64\\n' ;;\n\
                  *--print) grep -v SOURCE_DATE_EPOCH \"$4\" ;;";
    docker_says(&mut sandbox, SERVER, "", buildx);
    let dist = sandbox.crossdock(&project, &["dist", "--builder", "buildx=two"]);
    dist.ends_with(4).complains("ignores target.hello.args");
    assert!(!project.join(".crossdock/hello/index.json").exists());
}

/// The base images with real compilers, shared by the tests of this file.
struct Compilers {
    go: PathBuf,
    rust: PathBuf,
}

impl Compilers {
    fn new(sandbox: &Sandbox) -> Self {
        let make = |name: &str, with: fn(Base) -> Base| {
            let base = with(Base::new(sandbox.work().join(format!("{name}-root"))));
            base.layout(&sandbox.work().join(format!("{name}-base")))
        };
        Self { go: make("go", Base::with_go), rust: make("rust", Base::with_rust) }
    }
}

/// Builds Go for three platforms and Rust for two, and starts all five programs.
fn builds_both_languages(sandbox: &Sandbox, go: &Path, builder: &str) {
    let compilers = Compilers::new(sandbox);
    let rust = rust_project(sandbox);
    for (project, base, platforms, words) in [
        (go, &compilers.go, "linux/amd64,linux/arm64,linux/arm/v7", &GO_WORDS[..]),
        (&rust, &compilers.rust, "linux/amd64,linux/arm64", &RUST_WORDS[..]),
    ] {
        let base = base_from(sandbox, project, base);
        let arguments =
            ["dist", "--json", "--builder", builder, "--base-from", &base, "--platform", platforms];
        let report = sandbox.crossdock(project, &arguments).success().json();
        let layout = report["images"][0]["layout"].as_str().expect("the answer names the layout");
        let built = Layout::open(project.join(layout));
        let mut asked: Vec<_> = platforms.split(',').collect();
        asked.sort_unstable();
        assert_eq!(built.platforms(), asked, "an index lists its platforms in one order");
        assert!(built.tags().contains(&"latest".to_owned()));
        says_hello(sandbox, &built, words);
    }
}

#[test]
#[ignore = "long: compiles in a container"]
fn long_dockers_own_buildkit_builds_go_and_rust() {
    let (mut sandbox, project) = go_project();
    let docker = Docker::start_apart();
    let directory = sandbox.work();
    sandbox.set("DOCKER_HOST", docker.host()).set("DOCKER_CONFIG", directory);
    debian_docker(&mut sandbox);
    builds_both_languages(&sandbox, &project, "docker");
}

#[test]
#[ignore = "long: compiles in a container"]
fn long_podman_builds_go_and_rust() {
    let (mut sandbox, project) = go_project();
    let podman = Podman::start_on_overlays();
    podman.set_up(&mut sandbox);
    builds_both_languages(&sandbox, &project, "podman");
}

#[test]
#[ignore = "long: builds buildkitd and buildx, and compiles in it"]
fn long_buildkit_builds_go_and_rust_and_the_same_bytes_again() {
    let (mut sandbox, project) = go_project();
    let buildkit = BuildKit::start();
    let buildx = install_buildx(&mut sandbox);
    builder(&sandbox, &buildx, "one", &[(&buildkit, "linux/amd64")]);
    builds_both_languages(&sandbox, &project, "buildx=one");
    let first = Layout::open(project.join(".crossdock/hello")).digest().to_owned();
    let base = base_from(&sandbox, &project, &sandbox.work().join("go-base"));
    let again = BuildKit::start();
    builder(&sandbox, &buildx, "fresh", &[(&again, "linux/amd64")]);
    let platforms = "linux/amd64,linux/arm64,linux/arm/v7";
    let arguments = ["dist", "--builder", "buildx=fresh", "--base-from", &base, "--platform", platforms];
    sandbox.crossdock(&project, &arguments).success();
    assert_eq!(Layout::open(project.join(".crossdock/hello")).digest(), first, "another daemon, other bytes");
}

/// The builder that `docker buildx create` makes by default.
#[test]
#[ignore = "long: builds buildkitd and buildx"]
fn long_a_builder_in_a_container_builds_for_both_platforms() {
    let (mut sandbox, project) = go_project();
    let docker = Docker::start_for_privileged(&sandbox.work());
    let buildx = install_buildx(&mut sandbox);
    sandbox.set("DOCKER_HOST", docker.host());
    builder_in_a_container(&sandbox, &docker, &buildx, "boxed");
    let base = base_from(&sandbox, &project, &RecordedGo::new(&sandbox).layout("good"));
    let both = "linux/amd64,linux/arm64";
    let arguments = ["dist", "--builder", "buildx=boxed", "--base-from", &base, "--platform", both];
    sandbox.crossdock(&project, &arguments).success();
    says_hello(&sandbox, &Layout::open(project.join(".crossdock/hello")), &GO_WORDS[..2]);
}

#[test]
#[ignore = "long: builds buildkitd and buildx, and compiles in it"]
fn long_a_builder_of_two_nodes_builds_a_platform_on_each() {
    let (mut sandbox, project) = go_project();
    let nodes = [BuildKit::start(), BuildKit::start()];
    let buildx = install_buildx(&mut sandbox);
    builder(&sandbox, &buildx, "farm", &[(&nodes[0], "linux/amd64"), (&nodes[1], "linux/arm64")]);
    let go = Base::new(sandbox.work().join("go-root")).with_go().layout(&sandbox.work().join("go-base"));
    let base = base_from(&sandbox, &project, &go);
    let both = "linux/amd64,linux/arm64";
    let arguments = ["dist", "--builder", "buildx=farm", "--base-from", &base, "--platform", both];
    sandbox.crossdock(&project, &arguments).success();
    says_hello(&sandbox, &Layout::open(project.join(".crossdock/hello")), &GO_WORDS[..2]);
    for node in &nodes {
        assert!(node.has_built(), "a node had nothing to do");
    }
}
