//! `crossdock init` in empty directories and in projects of all kinds: the files that it writes, and that they work.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crossdock_tests::client::http_get;
use crossdock_tests::fixture::{self, write};
use crossdock_tests::program::repository;
use crossdock_tests::server::{Server, free_port};
use crossdock_tests::{Layout, Machine, Outcome, Sandbox};
use serde_json::Value;

/// Returns all files below a directory with their content, except for build output.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let near = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            match entry.file_type().unwrap() {
                kind if kind.is_dir() && !["target", ".crossdock", ".git"].contains(&near.as_str()) => {
                    directories.push(path)
                }
                kind if kind.is_file() => drop(found.insert(near, std::fs::read(&path).unwrap())),
                _ => {}
            }
        }
    }
    found
}

/// A place of crossdock's archives. Without one, or a source of crossdock, no pipeline is written.
const MIRROR: &str = "https://mirror.example/x";

fn text(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path.as_ref())
        .unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// Returns the state of each file from `--json`.
fn states(outcome: &Outcome) -> BTreeMap<String, String> {
    let answer = outcome.json();
    assert_eq!(answer["schema"], "crossdock.init/1");
    let files = answer["files"].as_array().unwrap().iter();
    files
        .map(|file| (file["path"].as_str().unwrap().to_owned(), file["state"].as_str().unwrap().to_owned()))
        .collect()
}

fn yaml(path: impl AsRef<Path>) -> Vec<Value> {
    use serde::Deserialize;
    let text = text(path);
    let documents = serde_yaml_ng::Deserializer::from_str(&text);
    documents.map(|document| Value::deserialize(document).unwrap()).collect()
}

/// Returns the commands in the README of a scaffold, in order.
fn readme_commands(project: &Path) -> Vec<String> {
    let readme = text(project.join("README.md"));
    let (_, block) = readme.split_once("```sh\n").expect("the README shows commands");
    let (block, _) = block.split_once("```").unwrap();
    let commands: Vec<String> =
        block.lines().map(|line| line.split('#').next().unwrap().trim().to_owned()).collect();
    assert!(commands.iter().any(|command| command.ends_with(" dist")), "{commands:?}");
    commands
}

/// Checks that the program of a scaffold's image answers on both machines.
fn answers(layout: &Layout, name: &str, sandbox: &Sandbox) {
    assert_eq!(layout.platforms(), ["linux/amd64", "linux/arm64"]);
    for (machine, arch) in Machine::ALL.into_iter().zip(["amd64 x86_64", "arm64 aarch64"]) {
        let program = layout.program(machine.platform(), &sandbox.work().join(machine.name()));
        let port = free_port();
        let mut command = machine.command(&program);
        let server = Server::start(command.env("LISTEN", format!("127.0.0.1:{port}")), port);
        let (status, body) = http_get(port, "/");
        assert_eq!(status, 200);
        assert!(body.starts_with(&format!("hello from {name} on linux/")), "{body}");
        assert!(arch.split(' ').any(|arch| body.trim_end().ends_with(arch)), "{body}");
        server.terminate();
    }
}

#[test]
fn a_fresh_go_project_builds_verifies_and_answers_by_the_commands_of_its_readme() {
    let sandbox = Sandbox::new();
    let work = sandbox.work();
    sandbox.crossdock(&work, &["init", "--template", "go", "shop"]).success();
    let project = work.join("shop");
    for command in readme_commands(&project) {
        let words: Vec<&str> = command.split(' ').collect();
        assert_eq!(words[0], "crossdock", "a Go project needs no Rust");
        sandbox.crossdock(&project, &words[1..]).success();
    }
    answers(&Layout::open(project.join(".crossdock/shop")), "shop", &sandbox);
    assert!(!project.join("Cargo.toml").exists() && !project.join("xtask").exists());
    assert_eq!(
        sandbox.tool(&project, "gofmt", &["-l", "."]).success().stdout,
        "",
        "gofmt would change these"
    );
    sandbox.tool(&project, "go", &["vet", "./..."]).success();
}

#[test]
fn a_second_run_writes_nothing_and_check_agrees() {
    for language in ["go", "rust"] {
        let sandbox = Sandbox::new();
        let project = sandbox.work().join("shop");
        let init = ["init", "shop", "--template", language, "--without", "xtask", "--archives", MIRROR];
        sandbox.crossdock(&sandbox.work(), &init).success();
        let before = files(&project);
        assert!(before.len() >= 9, "{:?}", before.keys());
        for arguments in
            [&["init"][..], &["init", "--check"], &["init", "--template", language], &["init", "--force"]]
        {
            sandbox.crossdock(&project, arguments).success();
            assert!(files(&project) == before, "{arguments:?} changed {language}");
        }
        let states = states(&sandbox.crossdock(&project, &["init", "--json"]).success());
        assert!(states.values().all(|state| state == "clean"), "{states:?}");
    }
}

#[test]
fn check_diff_and_dry_run_write_nothing() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "app");
    std::fs::remove_file(project.join("Cargo.lock")).unwrap();
    let before = files(&project);
    sandbox.crossdock(&project, &["init", "--dry-run"]).success();
    let diff = sandbox.crossdock(&project, &["init", "--diff"]).success();
    let check = sandbox.crossdock(&project, &["init", "--check"]).ends_with(1);
    check.complains("crossdock.toml").complains("crossdock init");
    assert!(files(&project) == before, "{:?}", files(&project).keys());
    // `git apply` accepts the diff, which gives the same files as `init`.
    write(sandbox.work().join("diff"), &diff.stdout);
    sandbox.tool(&project, "git", &["init", "--quiet"]).success();
    sandbox.tool(&project, "git", &["apply", "../diff"]).success();
    sandbox.crossdock(&project, &["init", "--check"]).success();
    let applied = files(&project);
    sandbox.crossdock(&project, &["init"]).success();
    assert!(files(&project) == applied);
}

#[test]
fn edited_files_stay_and_force_keeps_a_backup() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    write(project.join("kubernetes/app.yaml"), "kind: Mine\n");
    let first = sandbox.crossdock(&project, &["init", "--json"]).success();
    assert_eq!(states(&first)["kubernetes/app.yaml"], "yours", "{first}");
    assert_eq!(text(project.join("kubernetes/app.yaml")), "kind: Mine\n");
    // A file that crossdock never wrote does not count as drift; an edited one of crossdock does.
    sandbox.crossdock(&project, &["init", "--check"]).success();
    let dockerfile = project.join("Dockerfile");
    let made = text(&dockerfile);
    for edit in ["one", "two"] {
        write(&dockerfile, format!("{made}# {edit}\n"));
        let check = sandbox.crossdock(&project, &["init", "--check", "--json"]).ends_with(1);
        assert_eq!(states(&check)["Dockerfile"], "edited");
        sandbox.crossdock(&project, &["init"]).success();
        assert_eq!(text(&dockerfile), format!("{made}# {edit}\n"));
        sandbox.crossdock(&project, &["init", "--force", "--only", "dockerfile"]).success();
        assert_eq!(text(&dockerfile), made);
    }
    assert_eq!(text(project.join("Dockerfile.orig")), format!("{made}# one\n"));
    assert_eq!(text(project.join("Dockerfile.orig.1")), format!("{made}# two\n"));
    assert_eq!(text(project.join("kubernetes/app.yaml")), "kind: Mine\n", "--only names what force replaces");
    // Without its first line, the header, the file belongs to the user.
    write(&dockerfile, made.split_once('\n').unwrap().1);
    sandbox.crossdock(&project, &["init", "--check"]).success();
}

#[test]
fn a_hand_written_dockerfile_stays_and_gives_the_ports() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    let by_hand = "FROM golang:1.26 AS build\nEXPOSE 1\nRUN go build -o /app .\nFROM alpine:3.22\nEXPOSE 2222\nCMD [\"/app\"]\n";
    write(project.join("Dockerfile"), by_hand);
    sandbox.crossdock(&project, &["init"]).success();
    assert_eq!(text(project.join("Dockerfile")), by_hand);
    assert!(text(project.join("crossdock.toml")).contains("\nexpose = [2222]\n"));
    assert!(text(project.join("kubernetes/app.yaml")).contains("containerPort: 2222"));
    sandbox.crossdock(&project, &["init", "--check"]).success();
    let diff = sandbox.crossdock(&project, &["init", "--diff"]).success();
    assert_eq!(diff.stdout, "", "nothing would change");
    sandbox.crossdock(&project, &["init", "--force"]).success();
    assert_eq!(text(project.join("Dockerfile.orig")), by_hand);
    assert!(text(project.join("Dockerfile")).contains("\nEXPOSE 2222\n"));
    sandbox.crossdock(&project, &["init", "--check"]).success();
}

/// A `.dockerignore` applies to every Dockerfile of its directory; one written for our Dockerfile would exclude what another
/// one copies.
#[test]
fn no_dockerignore_is_written_next_to_a_dockerfile_of_the_user() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    let by_hand = "FROM nginx\nCOPY web /usr/share/nginx/html\n";
    write(project.join("Dockerfile"), by_hand);
    write(project.join("web/index.html"), "<p>hello\n");
    let init = sandbox.crossdock(&project, &["init", "--json"]).success();
    let first = states(&init);
    assert_eq!(first["Dockerfile"], "yours", "{init}");
    assert!(!first.contains_key(".dockerignore"), "{init}");
    let notes = init.json()["notes"].to_string();
    assert!(notes.contains("Dockerfile is yours: neither it nor .dockerignore is written"), "{notes}");
    assert_eq!(text(project.join("Dockerfile")), by_hand);
    assert!(!project.join(".dockerignore").exists());
    sandbox.crossdock(&project, &["init", "--check"]).success();
    sandbox.crossdock(&project, &["init", "--only", "dockerignore", "--force"]).success();
    assert!(!project.join(".dockerignore").exists(), "the Dockerfile is not replaced by this call");
    // An ignore file that an earlier version left there is named.
    sandbox.crossdock(&project, &["init", "--force"]).success();
    assert!(project.join(".dockerignore").exists() && project.join("Dockerfile.orig").exists());
    write(project.join("Dockerfile"), by_hand);
    sandbox.crossdock(&project, &["init"]).success().complains(".dockerignore was generated by crossdock");
    // A Dockerfile under another name shares the build context, too.
    let other = fixture::go_module(&sandbox.work(), "other");
    write(other.join("docker/Dockerfile"), by_hand);
    sandbox.crossdock(&other, &["init"]).success();
    assert!(other.join("Dockerfile").exists() && other.join("Dockerfile.dockerignore").exists());
    assert!(!other.join(".dockerignore").exists());
    sandbox.crossdock(&other, &["init", "--check"]).success();
}

#[test]
fn generated_files_follow_the_configuration() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    sandbox.crossdock(&project, &["init", "--archives", MIRROR]).success();
    let config = project.join("crossdock.toml");
    let edited = text(&config).replace("# expose = [8080]", "expose = [2222]\nuser = \"1000:1000\"");
    write(&config, edited.replace("\"linux/amd64\", \"linux/arm64\"", "\"m7g.large\""));
    let check = sandbox.crossdock(&project, &["init", "--check", "--json"]).ends_with(1);
    let states = states(&check);
    for (file, state) in [
        ("crossdock.toml", "edited"),
        ("Dockerfile", "stale"),
        ("kubernetes/app.yaml", "stale"),
        // The platforms of a pipeline are those of the plan.
        (".github/workflows/crossdock.yml", "clean"),
        (".dockerignore", "clean"),
    ] {
        assert_eq!(states[file], state, "{file}: {states:?}");
    }
    sandbox.crossdock(&project, &["init"]).success();
    sandbox.crossdock(&project, &["init", "--check"]).success();
    assert!(text(project.join("Dockerfile")).contains("\nEXPOSE 2222\n"));
    let documents = yaml(project.join("kubernetes/app.yaml"));
    let pod = &documents[0]["spec"]["template"]["spec"];
    let terms = &pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let expressions = terms["nodeSelectorTerms"][0]["matchExpressions"].as_array().unwrap();
    let arch = expressions.iter().find(|one| one["key"] == "kubernetes.io/arch").unwrap();
    assert_eq!((&arch["operator"], &arch["values"]), (&"In".into(), &serde_json::json!(["arm64"])));
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["runAsUser"], 1000);
    assert_eq!(documents[1]["kind"], "Service");
    assert_eq!(documents[1]["spec"]["ports"][0]["port"], 2222);
    assert_eq!(documents[1]["spec"]["selector"], documents[0]["spec"]["selector"]["matchLabels"]);
    // Options that belong into a file which the user now maintains are errors, not ignored.
    sandbox.crossdock(&project, &["init", "--expose", "1"]).ends_with(2).complains("crossdock.toml");
}

/// The schema is that published by Kubernetes, in a version that the tool includes.
#[test]
fn manifests_conform_to_their_schema() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    sandbox
        .crossdock(&project, &["init", "--for", "m5.large,linux/arm64", "--expose", "8080,53/udp"])
        .success();
    let check = || sandbox.tool(&project, "kubernetes-validate", &["--strict", "kubernetes/app.yaml"]);
    check().success();
    // The schema rejects what it does not allow: an invalid file is found.
    let path = project.join("kubernetes/app.yaml");
    write(&path, text(&path).replace("runAsNonRoot:", "xrunAsNonRoot:"));
    check().ends_with(1);
}

/// A default address that crossdock's developers do not own would put a stranger's program into pipelines and crates.
#[test]
fn without_a_named_place_no_generated_file_takes_crossdock_from_anywhere() {
    for language in ["go", "rust"] {
        let sandbox = Sandbox::new();
        let project = sandbox.work().join(language);
        let init = ["init", language, "--template", language, "--json"];
        let init = sandbox.crossdock(&sandbox.work(), &init).success();
        let notes = init.json()["notes"].to_string();
        for part in ["github", "gitlab"] {
            assert!(notes.contains(&format!("{part} is left out, because no option says where")), "{notes}");
        }
        assert_eq!(
            notes.contains("no xtask crate is written: no option says"),
            language == "rust",
            "{notes}"
        );
        for (path, content) in files(&project) {
            let content = String::from_utf8(content).unwrap();
            assert!(!content.contains("://") && !content.contains("crossdock-cli"), "{path}: {content}");
        }
        sandbox.crossdock(&project, &["init", "--check"]).success();
        // A pipeline that an earlier version wrote is named.
        let before = files(&project);
        sandbox.crossdock(&project, &["init", "--only", "github", "--archives", MIRROR]).success();
        let header = text(project.join(".github/workflows/crossdock.yml"));
        write(project.join("crossdock.toml"), &before["crossdock.toml"]);
        let again = sandbox.crossdock(&project, &["init"]).success();
        again.complains(".github/workflows/crossdock.yml of an earlier call stays");
        assert_eq!(text(project.join(".github/workflows/crossdock.yml")), header);
    }
}

/// crossdock's developers own no address yet. A well-known one would be a stranger's: names of this repository end in
/// `.example`, which RFC 2606 reserves.
#[test]
fn no_manifest_of_this_repository_names_a_place_of_a_stranger() {
    let listed = std::process::Command::new("git")
        .args(["ls-files", "-z", "*Cargo.toml", "*go.mod", "templates/files/scaffold/*"])
        .current_dir(repository())
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let paths: Vec<&str> = listed.split_terminator('\0').collect();
    assert!(paths.iter().any(|path| path.ends_with("go.mod")) && paths.len() > 20, "{paths:?}");
    for path in paths {
        for line in text(repository().join(path)).lines() {
            let place = match line.split_once(['=', ' ']) {
                Some((key, place)) if ["repository", "homepage", "module"].contains(&key.trim()) => place,
                _ => line,
            };
            assert!(!place.contains("crossdock/crossdock"), "{path}: {line}");
            if place != line && !place.contains("{{") && !place.contains("\"registry.example/") {
                let reserved = [".example/", "example.com/"].iter().any(|end| place.contains(end));
                assert!(reserved, "{path}: {line}");
            }
        }
    }
}

/// Returns the path of the library, as `--crossdock path:` takes it.
fn library() -> String {
    format!("path:{}", repository().join("crates/cli").display())
}

#[test]
fn a_rust_project_gets_an_xtask_and_keeps_everything_else() {
    let sandbox = Sandbox::new();
    let project = sandbox.work().join("Größe & Maß");
    let manifest =
        "# mine\r\n[package]\r\nname = \"app\" # called so\r\nversion = \"0.1.0\"\r\nedition = \"2021\"\r\n";
    write(project.join("Cargo.toml"), manifest);
    write(project.join("src/main.rs"), "fn main() {}\n");
    write(project.join(".cargo/config"), "[build]\njobs = 2 # two\n");
    sandbox.tool(&project, "cargo", &["generate-lockfile", "--offline"]).success();
    let before = text(project.join("Cargo.lock")).matches("[[package]]").count();
    let init = sandbox.crossdock(&project, &["init", "--json", "--crossdock", &library()]).success();
    // An existing file that lacks an entry is not missing.
    assert_eq!(states(&init)["Cargo.toml"], "stale", "{init}");
    assert_eq!(states(&init)[".cargo/config"], "stale", "{init}");
    let joins = init.json()["joins"]["count"].as_u64().unwrap();
    let after = text(project.join("Cargo.lock")).matches("[[package]]").count();
    assert_eq!(
        after - before,
        usize::try_from(joins).unwrap(),
        "the preview counts what joins the lock file"
    );
    assert!(joins > 50, "{joins}");
    assert_eq!(
        text(project.join("Cargo.toml")),
        format!("{manifest}\r\n[workspace]\r\nmembers = [\"xtask\"]\r\n")
    );
    assert_eq!(
        text(project.join(".cargo/config")),
        "[build]\njobs = 2 # two\n\n[alias]\nxtask = \"run --package xtask --\"\n"
    );
    assert!(!project.join(".cargo/config.toml").exists(), "cargo reads only the old name if both exist");
    let metadata = sandbox.tool(&project, "cargo", &["metadata", "--format-version", "1", "--locked"]);
    let members = metadata.success().json()["workspace_members"].as_array().unwrap().len();
    assert_eq!(members, 2);
    sandbox.crossdock(&project, &["init", "--check"]).success();
    // Plain `cargo build` builds the same packages as before.
    let plan = sandbox.crossdock(&project, &["plan", "--json"]).success().json();
    assert_eq!(plan["images"].as_array().unwrap().len(), 1);
    let main = text(project.join("xtask/src/main.rs"));
    assert!(
        main.contains("crossdock_cli::App::named(\"cargo xtask\").exec()") && main.lines().count() <= 12,
        "{main}"
    );
}

/// The first run compiles for minutes, in which a person must see cargo's progress.
#[test]
fn the_alias_of_this_repository_shows_what_cargo_compiles() {
    let own = text(crossdock_tests::program::repository().join(".cargo/config.toml"));
    assert!(own.contains("\nxtask = \"run --package xtask --\"\n"), "{own}");
}

#[test]
fn every_kind_of_workspace_gets_an_xtask() {
    let sandbox = Sandbox::new();
    // A virtual workspace with two programs, none of whose globs covers the crate.
    let virtual_one = fixture::workspace(&sandbox.work().join("virtual"), &["api", "worker"]);
    write(
        virtual_one.join("Cargo.toml"),
        "[workspace]\nmembers = [\"api\", \"worker\", \"shared\"]\nresolver = \"2\"\n",
    );
    let joined = sandbox.crossdock(&virtual_one, &["init", "--crossdock", &library()]).success();
    joined.complains("default-members");
    assert!(
        text(virtual_one.join("Cargo.toml"))
            .starts_with("[workspace]\nmembers = [\"api\", \"worker\", \"shared\", \"xtask\"]\n")
    );
    let config = text(virtual_one.join("crossdock.toml"));
    assert!(config.contains("[image.api]\npath = \".\"\npackage = \"api\"\n"), "{config}");
    assert!(config.contains("[image.worker]"), "{config}");
    sandbox.crossdock(&virtual_one, &["init", "--check"]).success();
    sandbox.crossdock(&virtual_one, &["config", "check"]).success();
    assert_eq!(
        sandbox.crossdock(&virtual_one, &["plan", "--json"]).success().json()["images"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    for file in ["kubernetes/api.yaml", "kubernetes/worker.yaml"] {
        assert!(virtual_one.join(file).is_file(), "{file}");
    }
    // A glob that covers the crate suffices; other new directories are excluded, so that it does not take them for
    // packages.
    let globbed = fixture::workspace(&sandbox.work().join("globbed"), &["api"]);
    sandbox.crossdock(&globbed, &["init", "--crossdock", &library(), "--archives", MIRROR]).success();
    let excluded =
        "members = [\"*\"]\nexclude = [\"target\", \".cargo\", \".github\", \".gitlab\", \"kubernetes\"]\n";
    assert!(text(globbed.join("Cargo.toml")).contains(excluded));
    let metadata = ["metadata", "--format-version", "1", "--locked"];
    sandbox.tool(&globbed, "cargo", &metadata).success();
    // A member is refused with the path of its workspace's root, and nothing is written.
    let before = files(&virtual_one.join("api"));
    let member = sandbox.crossdock(&virtual_one.join("api"), &["init"]).ends_with(2);
    member.complains("member of the workspace").complains("crossdock init");
    assert!(files(&virtual_one.join("api")) == before);
    // A workspace within another one that excludes it is independent.
    write(
        virtual_one.join("Cargo.toml"),
        "[workspace]\nmembers = [\"api\", \"worker\", \"shared\"]\nexclude = [\"inner\"]\nresolver = \"2\"\n",
    );
    let inner = fixture::rust_package(&virtual_one, "inner");
    sandbox.crossdock(&inner, &["init", "--without", "xtask"]).success();
    assert!(inner.join("crossdock.toml").is_file());
}

#[test]
fn a_go_workspace_gets_one_image_for_each_of_its_programs() {
    let sandbox = Sandbox::new();
    let root = sandbox.work().join("workspace");
    write(root.join("go.work"), "go 1.24\n\nuse (\n\t./api\n\t./worker\n)\n");
    for module in ["api", "worker"] {
        fixture::go_module(&root, module);
    }
    sandbox.crossdock(&root, &["init"]).success();
    for image in ["api", "worker"] {
        assert!(root.join(format!("{image}.Dockerfile.dockerignore")).is_file());
        assert!(root.join(format!("kubernetes/{image}.yaml")).is_file());
        let readme = text(root.join("README.md"));
        assert!(readme.contains(&format!("`docker build -f {image}.Dockerfile .`")), "{readme}");
        assert!(!readme.contains("`docker build .`"), "the file does not exist: {readme}");
    }
    sandbox.crossdock(&root, &["init", "--check"]).success();
    let plan = sandbox.crossdock(&root, &["plan", "--json"]).success().json();
    assert_eq!(plan["images"].as_array().unwrap().len(), 2);
}

/// `--force` writes the file in its current form; the user's settings are kept, also by later calls.
#[test]
fn force_keeps_the_settings() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    sandbox.crossdock(&project, &["init"]).success();
    let made = text(project.join("crossdock.toml"));
    let edited =
        made.replace("base = \"static\"", "base = \"static\"\n# for the shop\ntags = [\"v1\", \"stable\"]");
    write(project.join("crossdock.toml"), format!("{edited}\n[image.app.labels]\nteam = \"a\"\n"));
    sandbox.crossdock(&project, &["init", "--force", "--for", "m7g.large"]).success();
    let kept = text(project.join("crossdock.toml"));
    for line in
        ["# for the shop\ntags = [\"v1\", \"stable\"]\n", "team = \"a\"\n", "nodes = [\"m7g.large\"]\n"]
    {
        assert!(kept.contains(line), "{kept}");
    }
    assert!(text(project.join("crossdock.toml.orig")).contains("for the shop"));
    assert!(text(project.join("kubernetes/app.yaml")).contains("app:v1"), "the manifests follow it");
    sandbox.crossdock(&project, &["init", "--check"]).success();
    sandbox.crossdock(&project, &["init", "--for", "m5.large"]).success();
    let renewed = text(project.join("crossdock.toml"));
    assert!(renewed.contains("m5.large") && renewed.contains("tags = [\"v1\""), "{renewed}");
}

/// A file written by hand, with another TOML spelling and other line ends.
#[test]
fn force_keeps_the_settings_of_a_hand_written_file() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    let by_hand = "image.app.tags = [\"v1\"]\r\nimage.app.base = \"scratch\"\r\n";
    write(project.join("crossdock.toml"), by_hand);
    let config = |sandbox: &Sandbox| {
        sandbox.crossdock(&project, &["plan", "--json"]).success().json()["images"].clone()
    };
    let before = config(&sandbox);
    sandbox.crossdock(&project, &["init", "--force"]).success();
    let kept = text(project.join("crossdock.toml"));
    assert!(
        kept.contains("tags = [\"v1\"]")
            && kept.contains("base = \"scratch\"")
            && !kept.contains("deploy = []"),
        "{kept}"
    );
    assert_eq!(text(project.join("crossdock.toml.orig")), by_hand);
    assert_eq!(config(&sandbox)[0]["tags"], before[0]["tags"]);
    sandbox.crossdock(&project, &["init", "--check"]).success();
}

/// If `cargo xtask` is an alias of the user, no output recommends it.
#[test]
fn an_alias_of_the_user_is_not_recommended() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "app");
    write(project.join(".cargo/config.toml"), "[alias]\nxtask = \"run --bin mine --\"\n");
    let init = sandbox.crossdock(&project, &["init", "--crossdock", &library()]).success();
    assert!(init.stdout.contains("run --bin mine"), "the table shows the command of the alias: {init}");
    init.complains("next: crossdock dist");
    for file in ["README.md", "crossdock.toml"] {
        assert!(!text(project.join(file)).contains("cargo xtask"), "{file}");
    }
    assert_eq!(text(project.join(".cargo/config.toml")), "[alias]\nxtask = \"run --bin mine --\"\n");
    sandbox.crossdock(&project, &["init", "--check"]).success();
}

#[test]
fn an_existing_xtask_crate_is_never_touched() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "app");
    write(
        project.join("xtask/Cargo.toml"),
        "[package]\nname = \"xtask\"\nversion = \"0.0.0\"\n\n[workspace]\n",
    );
    write(project.join("xtask/src/main.rs"), "fn main() {}\n");
    let before = files(&project);
    let init = sandbox.crossdock(&project, &["init", "--force", "--crossdock", &library()]).success();
    init.complains("xtask crate of its own");
    let after = files(&project);
    assert!(before.iter().all(|(path, content)| after[path] == *content));
    assert!(!after.contains_key(".cargo/config.toml"));
    sandbox.crossdock(&project, &["init", "--only", "xtask"]).ends_with(2).complains("of its own");
}

#[test]
fn an_unavailable_crossdock_leaves_the_project_unchanged() {
    let sandbox = Sandbox::new();
    let project = fixture::rust_package(&sandbox.work(), "app");
    let before = files(&project);
    let nowhere = sandbox.crossdock(&project, &["init", "--crossdock", "path:../nowhere"]).ends_with(2);
    nowhere.complains("path:../nowhere").complains("nothing was written");
    assert!(files(&project) == before);
    for wrong in ["../nowhere", "git:", "svn:x"] {
        sandbox.crossdock(&project, &["init", "--crossdock", wrong]).ends_with(2).complains("path:DIR");
    }
}

#[test]
fn nothing_is_written_if_one_file_cannot_be() {
    let sandbox = Sandbox::new();
    let work = sandbox.work();
    sandbox.crossdock(&work, &["init"]).ends_with(2).complains("not a project").complains("--template");
    sandbox.crossdock(&work, &["init", "nowhere"]).ends_with(2).complains("nowhere");
    write(work.join("full/notes.txt"), "mine");
    let full = sandbox.crossdock(&work, &["init", "full", "--template", "go"]).ends_with(2);
    full.complains("notes.txt").complains("empty directory");
    // A file in place of a directory, and a read-only manifest.
    let go = fixture::go_module(&work, "go");
    write(go.join("kubernetes"), "a file\n");
    let before = files(&go);
    let kept = sandbox.crossdock(&go, &["init", "--only", "kubernetes"]).success();
    assert!(kept.stdout.contains("lies below a file"), "{kept}");
    assert!(files(&go) == before);
    let rust = fixture::rust_package(&work, "rust");
    std::fs::set_permissions(rust.join("Cargo.toml"), PermissionsExt::from_mode(0o444)).unwrap();
    let before = files(&rust);
    let refused = sandbox.crossdock(&rust, &["init", "--crossdock", &library()]).ends_with(5);
    refused.complains("read-only").complains("nothing was written");
    assert!(files(&rust) == before, "{:?}", files(&rust).keys());
}

#[test]
fn no_link_is_followed_out_of_the_project() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    let outside = sandbox.work().join("outside");
    write(outside.join("Dockerfile"), "FROM scratch\n");
    symlink(outside.join("Dockerfile"), project.join("Dockerfile")).unwrap();
    symlink(&outside, project.join(".github")).unwrap();
    symlink("nothing", project.join("README.md")).unwrap();
    let before = files(&outside);
    sandbox.crossdock(&project, &["init"]).success();
    sandbox.crossdock(&project, &["init", "--force"]).ends_with(5).complains("symbolic link");
    assert!(files(&outside) == before, "{:?}", files(&outside).keys());
    assert!(project.join("Dockerfile").is_symlink() && project.join("crossdock.toml").is_file());
}

#[test]
fn options_are_remembered() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    let arguments = [
        "init",
        "--without",
        "gitlab,readme",
        "--repository",
        "registry.example/team/app",
        "--expose",
        "53/udp",
    ];
    sandbox.crossdock(&project, &arguments).success();
    let before = files(&project);
    assert!(!before.contains_key(".gitlab-ci.yml") && !before.contains_key("README.md"));
    sandbox.crossdock(&project, &["init"]).success();
    assert!(files(&project) == before, "the second run needs no options");
    assert!(
        text(project.join("kubernetes/app.yaml")).contains("image: \"registry.example/team/app:latest\"")
    );
    sandbox.crossdock(&project, &["init", "--only", "gitlab", "--archives", MIRROR]).success();
    assert!(project.join(".gitlab-ci.yml").is_file());
    for (arguments, expected) in [
        (["init", "--only", "kubernets"], "did you mean `kubernetes`"),
        (["init", "--without", "xtask2"], "did you mean `xtask`"),
        (["init", "--only", "xtask"], "cannot have `xtask`"),
        (["init", "--config", "other.toml"], "crossdock.toml in the project's directory"),
        (["init", "--archives", "http://plain.example"], "https://"),
        (["init", "--archives", "https://a\"b"], "https://"),
    ] {
        sandbox.crossdock(&project, &arguments).ends_with(2).complains(expected);
    }
}

#[test]
fn a_repository_at_github_needs_no_gitlab() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "app");
    fixture::commit(&sandbox, &project);
    sandbox.tool(&project, "git", &["remote", "add", "origin", "git@github.com:ann/app.git"]).success();
    sandbox.crossdock(&project, &["init", "--archives", MIRROR]).success().complains("gitlab is left out");
    assert!(!project.join(".gitlab-ci.yml").exists());
    assert!(text(project.join(".github/workflows/crossdock.yml")).contains(&format!(
        "\"sh .github/crossdock.sh init --check --without gitlab --archives {MIRROR}\"\n"
    )));
}

/// Compiles crossdock itself, as the first `cargo xtask` of a new user does.
#[test]
#[ignore = "takes minutes: `cargo xtask test --long` runs it"]
fn long_a_fresh_rust_project_builds_verifies_and_answers_by_the_commands_of_its_readme() {
    let sandbox = Sandbox::new();
    let project = sandbox.work().join("shop");
    sandbox
        .crossdock(&sandbox.work(), &["init", "--template", "rust", "shop", "--crossdock", &library()])
        .success();
    for command in readme_commands(&project) {
        let words: Vec<&str> = command.split(' ').collect();
        assert_eq!(words[..2], ["cargo", "xtask"]);
        sandbox.tool(&project, "cargo", &words[1..]).success();
    }
    answers(&Layout::open(project.join("target/crossdock/shop")), "shop", &sandbox);
    sandbox.crossdock(&project, &["init", "--check"]).success();
    // The linter would read settings from a parent directory.
    write(sandbox.work().join("clippy.toml"), "");
    let ours = ["--package", "shop", "--package", "xtask"];
    sandbox.tool(&project, "cargo", &[&["fmt", "--check"][..], &ours].concat()).success();
    sandbox.tool(&project, "cargo", &[&["clippy"][..], &ours, &["--", "-D", "warnings"]].concat()).success();
}
