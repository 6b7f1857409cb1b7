//! `crossdock render` in real projects: the Dockerfile, the files next to it, and files that it never overwrites.

use std::path::{Path, PathBuf};

use crossdock_tests::{Sandbox, fixture};

/// Copies an example and adds settings for its Dockerfile.
fn example(sandbox: &Sandbox, name: &str, dockerfile: &str) -> PathBuf {
    let project = fixture::example(&sandbox.work(), name);
    let config = std::fs::read_to_string(project.join("crossdock.toml")).unwrap();
    fixture::write(
        project.join("crossdock.toml"),
        format!("{config}\n[image.{name}.dockerfile]\n{dockerfile}"),
    );
    project
}

/// Host Apple M3, deploy target EKS on m5.large, a Go SSH server on port 2222.
#[test]
fn the_rendered_file_is_for_the_nodes_and_not_for_the_host() {
    let sandbox = Sandbox::new();
    let project = example(&sandbox, "k8s-ssh-server", "base = \"alpine\"\n");
    // The plan and the rendered file on an M3 are for the nodes, not for the M3.
    let plan = ["plan", "--json", "--host", "darwin/arm64", "--for", "deploy:eks"];
    let plan = sandbox.crossdock(&project, &plan);
    assert_eq!(plan.json()["host"], "darwin/arm64");
    assert_eq!(plan.json()["images"][0]["platforms"][0]["platform"], "linux/amd64");
    for nodes in ["m5.large", "deploy:eks"] {
        let arguments = ["render", "dockerfile", "--quiet", "--mode", "fixed", "--for", nodes];
        let text = sandbox.crossdock(&project, &arguments).success().stdout;
        let stages: Vec<&str> = text.lines().filter(|line| line.starts_with("FROM ")).collect();
        assert_eq!(
            stages,
            [
                "FROM --platform=$BUILDPLATFORM golang:1.26-alpine${ALPINE} AS build",
                "FROM --platform=linux/amd64 alpine:${ALPINE} AS linux-amd64"
            ]
        );
        for expected in ["ENV CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "EXPOSE 2222", "USER 65532:65532"]
        {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        fixture::write(project.join("Dockerfile"), &text);
        sandbox
            .crossdock(&project, &["lint", "Dockerfile", "--for", nodes, "--host", "darwin/arm64"])
            .success();
    }
}

/// Every combination of settings with which both examples render passes hadolint and our own rules.
#[test]
fn every_combination_of_the_examples_passes_the_linters() {
    let sandbox = Sandbox::new();
    let directory = sandbox.work().join("rendered");
    let bases = [
        "scratch",
        "static",
        "distroless-static",
        "alpine",
        "distroless-base",
        "distroless-cc",
        "debian-slim",
    ];
    for name in ["k8s-ssh-server", "http-api"] {
        let project = fixture::example(&sandbox.work(), name);
        let config = std::fs::read_to_string(project.join("crossdock.toml")).unwrap();
        for (base, caching) in bases.iter().flat_map(|base| [(base, "mounts"), (base, "layer")]) {
            let settings = format!("[image.{name}.dockerfile]\nbase = \"{base}\"\ncaching = \"{caching}\"\n");
            fixture::write(project.join("crossdock.toml"), format!("{config}\n{settings}"));
            for mode in ["cross", "fixed"] {
                let output = format!("{}/{base}-{caching}/", directory.display());
                let arguments =
                    ["render", "dockerfile", "--quiet", "--offline", "--mode", mode, "--output", &output];
                sandbox.crossdock(&project, &arguments).success();
            }
        }
    }
    let files = dockerfiles(&directory);
    assert_eq!(
        files.len(),
        2 * 7 * 2 * 3,
        "two examples, seven bases, two cachings, one file for all and two fixed"
    );
    let names: Vec<&str> = files.iter().map(|path| path.to_str().unwrap()).collect();
    sandbox.tool(&directory, "hadolint", &[&["--failure-threshold", "style"], &names[..]].concat()).success();
    sandbox.crossdock(&directory, &[&["lint"], &names[..]].concat()).success();
}

fn dockerfiles(directory: &Path) -> Vec<PathBuf> {
    let entries = |directory: &Path| std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files = entries(directory).flat_map(|directory| entries(&directory).collect::<Vec<_>>());
    files.filter(|path| path.extension().is_some_and(|end| end == "Dockerfile")).collect()
}

#[test]
fn a_file_of_the_user_stays() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let path = project.join("Dockerfile");
    let read = |name: &str| std::fs::read_to_string(project.join(name)).unwrap();
    let render = |more: &[&str]| {
        sandbox.crossdock(&project, &[&["render", "dockerfile", "--output", "Dockerfile"], more].concat())
    };
    fixture::write(&path, "FROM mine\n");
    render(&[]).ends_with(2).complains("was not made by crossdock").complains("--force");
    assert_eq!(read("Dockerfile"), "FROM mine\n");
    assert!(!project.join("Dockerfile.dockerignore").exists(), "all or nothing");
    render(&["--force"]).success();
    assert_eq!(read("Dockerfile.orig"), "FROM mine\n");
    let ours = read("Dockerfile");
    assert!(ours.contains("golang:"), "{ours}");

    // A second call changes nothing; other settings replace a generated file.
    render(&[]).success();
    assert_eq!(read("Dockerfile"), ours);
    render(&["--platform", "linux/arm64"]).success();
    assert!(!read("Dockerfile").contains("linux/amd64"));
    assert!(!project.join("Dockerfile.orig.1").exists());

    fixture::write(&path, format!("{}# mine\n", read("Dockerfile")));
    render(&[]).ends_with(2).complains("was changed since");
    render(&["--force"]).success();
    assert!(read("Dockerfile.orig.1").ends_with("# mine\n"));
    assert_eq!(read("Dockerfile.orig"), "FROM mine\n", "an older copy is never overwritten");
}

#[test]
fn a_member_of_a_workspace_is_built_from_the_whole_workspace() {
    let sandbox = Sandbox::new();
    let root = sandbox.work().join("a space");
    fixture::write(root.join("Cargo.toml"), "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"3\"\n");
    for (name, file) in [("api", "src/main.rs"), ("shared", "src/lib.rs")] {
        let needs = if name == "api" { "[dependencies]\nshared = { path = \"../shared\" }\n" } else { "" };
        let manifest =
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{needs}");
        fixture::write(root.join("crates").join(name).join("Cargo.toml"), manifest);
        let text = if name == "api" { "fn main() {}\n" } else { "" };
        fixture::write(root.join("crates").join(name).join(file), text);
    }
    let member = root.join("crates/api");
    let answer = sandbox.crossdock(&member, &["render", "dockerfile", "--json"]).success().json();
    let file = &answer["dockerfiles"][0];
    assert_eq!(answer["schema"], "crossdock.dockerfile/1");
    assert_eq!(file["context"], root.to_str().unwrap());
    assert!(file["dockerfile"].as_str().unwrap().contains("--package api --bin api"), "{file}");
    let ignore = file["dockerignore"].as_str().unwrap();
    assert!(ignore.contains("!crates/api\n") && ignore.contains("!crates/shared\n"), "{ignore}");
}

#[test]
fn user_templates_extend_ours_and_are_checked_first() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(
        project.join("crossdock.toml"),
        "templates = \"templates\"\n[image.hello]\npath = \".\"\n",
    );
    let template = |text: &str| {
        fixture::write(project.join("templates/Dockerfile.j2"), text);
        sandbox.crossdock(&project, &["render", "dockerfile", "--quiet"])
    };
    let extended = "{% extends \"crossdock/go.Dockerfile\" %}\n{% block labels %}\nLABEL team=own\n{{ super() }}\n{% endblock %}\n";
    assert!(template(extended).success().stdout.contains("LABEL team=own\n"));
    let undefined = extended.replace("team=own", "team={{ teem }}");
    let outcome = template(&undefined).ends_with(2);
    outcome.complains("template `Dockerfile`, line 3").complains("`teem`").complains("> ");
    template("{% extends \"crossdock/go.Dockerfile\" %}\n{% block lables %}x{% endblock %}\n")
        .ends_with(2)
        .complains("the nearest is `labels`");
    template("{% extends \"crossdock/go.Dockerfile\" %}\n{% block labels %}\nLABLE x\n{% endblock %}\n")
        .ends_with(2)
        .complains("is not an instruction");
    template("{% if %}\n").ends_with(2).complains("line 1");
}

#[test]
fn bases_are_pinned_by_the_lock_file() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let digest = format!("sha256:{}", "a".repeat(64));
    fixture::write(
        project.join("crossdock.lock"),
        format!("[images]\n\"golang:1.25-trixie\" = \"{digest}\"\n"),
    );
    let text = sandbox.crossdock(&project, &["render", "dockerfile", "--quiet"]).success().stdout;
    assert!(text.contains(&format!("golang:1.25-trixie@{digest} AS build")), "{text}");
    fixture::write(project.join("crossdock.lock"), "[images]\n\"golang:1.25-trixie\" = \"sha256:1\"\n");
    sandbox.crossdock(&project, &["render", "dockerfile"]).ends_with(2).complains("is not a digest");
    fixture::write(project.join("crossdock.lock"), "[image]\n");
    sandbox.crossdock(&project, &["render", "dockerfile"]).ends_with(2).complains("crossdock.lock");
}

#[test]
fn the_classic_builder_gets_a_native_file_or_a_remedy() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    let render = |more: &[&str]| {
        let call = ["render", "dockerfile", "--engine", "classic", "--host", "linux/arm64"];
        sandbox.crossdock(&project, &[&call[..], more].concat())
    };
    render(&[]).ends_with(3).complains("build with BuildKit");
    render(&["--mode", "fixed", "--platform", "linux/amd64"])
        .ends_with(3)
        .complains("builds only for linux/arm64");
    let text = render(&["--mode", "fixed", "--platform", "linux/arm64"]).success().stdout;
    assert!(!text.contains("BUILDPLATFORM") && !text.contains("--mount"), "{text}");
    let native = ["--mode", "fixed", "--platform", "linux/arm64", "--output", "Dockerfile"];
    render(&native).success().complains("/.dockerignore alone").complains("build with: docker build --file");
}

#[test]
fn a_bake_file_is_the_same_every_time_and_names_everything() {
    let sandbox = Sandbox::new();
    let project = example(&sandbox, "k8s-ssh-server", "private = { netrc = [\"git.example\"] }\n");
    fixture::commit(&sandbox, &project);
    let bake = |more: &[&str]| sandbox.crossdock(&project, &[&["render", "bake"], more].concat()).success();
    let text = bake(&[]).stdout;
    assert_eq!(bake(&[]).stdout, text);
    let json = bake(&["--cache-from", "type=registry,ref=r.example/cache"]).json();
    let target = &json["target"]["k8s-ssh-server"];
    assert_eq!(json["group"]["default"]["targets"][0], "k8s-ssh-server");
    assert_eq!(target["platforms"], serde_json::json!(["linux/amd64", "linux/arm64"]));
    assert_eq!(target["args"]["SOURCE_DATE_EPOCH"], crossdock_tests::sandbox::EPOCH);
    assert_eq!(target["cache-from"][0], "type=registry,ref=r.example/cache");
    assert_eq!(target["secret"][0], "id=netrc,src=${HOME}/.netrc");
    let inline = target["dockerfile-inline"].as_str().unwrap();
    assert!(inline.contains("$${TARGETARCH") && !inline.replace("$${", "").contains("${"), "{inline}");

    bake(&["--output", "out", "--mode", "fixed"]);
    let written = std::fs::read_to_string(project.join("out/bake.json")).unwrap();
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    let arm = &written["target"]["k8s-ssh-server-linux-arm64"];
    let path = arm["dockerfile"].as_str().unwrap();
    assert!(std::fs::read_to_string(path).unwrap().contains("GOARCH=arm64"));
    assert!(Path::new(&format!("{path}.dockerignore")).is_file());
    assert!(arm["tags"][0].as_str().unwrap().ends_with("-linux-arm64"), "{arm}");

    let again = ["render", "bake", "--output", "out", "--mode", "fixed", "--platform", "linux/arm64"];
    sandbox.crossdock(&project, &again).success();
    let path = project.join("out/bake.json");
    let edited = std::fs::read_to_string(&path).unwrap().replace("linux/arm64", "linux/arm");
    fixture::write(&path, &edited);
    sandbox.crossdock(&project, &again).ends_with(2).complains("was changed since crossdock made it");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), edited);
}

#[test]
fn calls_without_a_file_to_render_are_errors() {
    let sandbox = Sandbox::new();
    let empty = sandbox.work().join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    sandbox.crossdock(&empty, &["render", "dockerfile"]).ends_with(2).complains("Cargo.toml");
    let project = fixture::go_module(&sandbox.work(), "hello");
    sandbox
        .crossdock(&project, &["render", "dockerfile", "--mode", "fixed"])
        .ends_with(2)
        .complains("--output");
    sandbox.crossdock(&project, &["render", "dockerfile", "--image", "helo"]).ends_with(2).complains("hello");
    sandbox.crossdock(&project, &["render", "dockerfile", "--platform", "darwin/arm64"]).ends_with(2);
    sandbox.crossdock(&project, &["render", "dockerfile", "--output", "no/such/Dockerfile"]).ends_with(5);
}

/// A module in a workspace, with a library next to it and one that replaces another: Go builds it by the file's commands in
/// a copy of what the `.dockerignore` lets in.
#[test]
fn a_module_of_a_go_workspace_builds_from_the_context() {
    let sandbox = Sandbox::new();
    let root = sandbox.work().join("work");
    fixture::write(root.join("go.work"), "go 1.25\n\nuse (\n\t./apps/server\n\t./lib\n)\n");
    fixture::write(
        root.join("apps/server/go.mod"),
        "module example.com/server\n\ngo 1.25\n\nrequire example.com/other v0.0.0\n\nreplace example.com/other => ../../other\n",
    );
    let main = "package main\n\nimport (\n\t\"example.com/lib\"\n\t\"example.com/other/deep\"\n)\n\nfunc main() { println(lib.Word + deep.Word) }\n";
    fixture::write(root.join("apps/server/cmd/server/main.go"), main);
    fixture::write(root.join("lib/go.mod"), "module example.com/lib\n\ngo 1.25\n");
    fixture::write(root.join("lib/lib.go"), "package lib\n\nconst Word = \"one\"\n");
    fixture::write(root.join("other/go.mod"), "module example.com/other\n\ngo 1.25\n");
    fixture::write(root.join("other/deep/deep.go"), "package deep\n\nconst Word = \"two\"\n");
    fixture::write(root.join("other/secret.txt"), "no source\n");
    let module = root.join("apps/server");
    let answer = sandbox.crossdock(&module, &["render", "dockerfile", "--json"]).success().json();
    let file = &answer["dockerfiles"][0];
    assert_eq!(file["context"], root.to_str().unwrap());
    let text = file["dockerfile"].as_str().unwrap();
    for line in [
        "COPY go.work go.work.sum* ./",
        "COPY apps/server/go.mod apps/server/go.sum* ./apps/server/",
        "COPY lib/go.mod lib/go.sum* ./lib/",
        "COPY other/go.mod other/go.sum* ./other/",
        "go mod download -C apps/server",
        "go build -C apps/server -trimpath",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let copy = sandbox.work().join("copy");
    let let_in = file["dockerignore"].as_str().unwrap().lines().filter_map(|line| line.strip_prefix('!'));
    for path in let_in.filter(|path| root.join(path).exists()) {
        match root.join(path).is_dir() {
            true => fixture::copy(&root.join(path), &copy.join(path)),
            false => fixture::write(copy.join(path), std::fs::read(root.join(path)).unwrap()),
        }
    }
    assert!(!copy.join("other/secret.txt").exists());
    sandbox.tool(&copy, "go", &["mod", "download", "-C", "apps/server"]).success();
    let output = copy.join("program");
    let build = ["build", "-C", "apps/server", "-o", output.to_str().unwrap(), "./cmd/server"];
    sandbox.tool(&copy, "go", &build).success();
    sandbox.tool(&copy, output.to_str().unwrap(), &[]).success().complains("onetwo");
}

/// Cargo builds what the `.dockerignore` of a workspace lets in.
#[test]
fn files_that_cgo_includes_from_another_directory_are_in_the_context() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    let main = "package main\n\n// #cgo CFLAGS: -I${SRCDIR}/third_party/inc -I/usr/include\n// #include \"x.h\"\nimport \"C\"\n\n\
                func main() { println(int(C.X)) }\n";
    fixture::write(project.join("main.go"), main);
    fixture::write(project.join("native.cpp"), "// C++\n");
    fixture::write(project.join("third_party/inc/x.h"), "#define X 7\n");
    fixture::write(project.join("crossdock.toml"), "[image.app]\ncgo = true\n");
    let render = ["render", "dockerfile", "--output", "Dockerfile"];
    sandbox.crossdock(&project, &render).success();
    let ignore = std::fs::read_to_string(project.join("Dockerfile.dockerignore")).unwrap();
    for let_in in ["!*.go\n", "!*.cpp\n", "!third_party/inc\n"] {
        assert!(ignore.contains(let_in), "{let_in}: {ignore}");
    }
    assert!(!ignore.contains("usr"), "{ignore}");
}

#[test]
fn an_unsuitable_compiler_version_is_refused() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    fixture::write(project.join("go.mod"), "module example.com/app\n\ngo 1.24\n");
    for (version, expected) in [
        ("1.20", "asks for `go 1.24`"),
        ("1.25.3-alpine", "is not a plain version"),
        ("nightly", "plain version"),
    ] {
        let config = format!("[image.app.dockerfile]\ntoolchain = \"{version}\"\n");
        fixture::write(project.join("crossdock.toml"), config);
        let refused = sandbox.crossdock(&project, &["render", "dockerfile"]).ends_with(2);
        refused.complains(expected).complains("crossdock.toml:2:13");
    }
}

#[test]
fn a_rust_workspace_builds_from_the_context() {
    let sandbox = Sandbox::new();
    let root = fixture::workspace(&sandbox.work(), &["one", "two"]);
    fixture::write(root.join("notes.txt"), "no source\n");
    let answer =
        sandbox.crossdock(&root, &["render", "dockerfile", "--json", "--image", "one"]).success().json();
    let copy = sandbox.work().join("copy");
    let ignore = answer["dockerfiles"][0]["dockerignore"].as_str().unwrap();
    for path in
        ignore.lines().filter_map(|line| line.strip_prefix('!')).filter(|path| root.join(path).exists())
    {
        match root.join(path).is_dir() {
            true => fixture::copy(&root.join(path), &copy.join(path)),
            false => fixture::write(copy.join(path), std::fs::read(root.join(path)).unwrap()),
        }
    }
    assert!(!copy.join("notes.txt").exists());
    sandbox
        .tool(&copy, "cargo", &["check", "--locked", "--offline", "--package", "one", "--bin", "one"])
        .success();
}

/// A machine with only an engine renders the same file as a machine with compilers.
#[test]
fn rendering_needs_no_compiler() {
    for name in ["k8s-ssh-server", "http-api"] {
        let mut sandbox = Sandbox::new();
        let project = fixture::example(&sandbox.work(), name);
        let render = |sandbox: &Sandbox| {
            sandbox.crossdock(&project, &["render", "dockerfile", "--json"]).success().json()
        };
        let with = render(&sandbox);
        sandbox.only(&["git"]);
        assert_eq!(render(&sandbox), with, "{name}");
        sandbox.crossdock(&project, &["plan"]).ends_with(3);
    }
}

/// One configuration for every builder.
#[test]
fn a_stop_signal_is_in_the_dockerfile_and_in_the_image() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::write(project.join("crossdock.toml"), "[image.hello]\nstop-signal = \"SIGINT\"\n");
    let text = sandbox.crossdock(&project, &["render", "dockerfile", "--quiet"]).success().stdout;
    assert!(text.contains("\nSTOPSIGNAL SIGINT\n"), "{text}");
    sandbox.crossdock(&project, &["dist", "--platform", "linux/amd64"]).success();
    let image = format!("oci:{}", project.join("dist/hello").display());
    let inspect = ["inspect", "--override-os=linux", "--override-arch=amd64", "--config", &image];
    let config = sandbox.tool(&project, "skopeo", &inspect).success().json();
    assert_eq!(config["config"]["StopSignal"], "SIGINT", "{config}");
}
