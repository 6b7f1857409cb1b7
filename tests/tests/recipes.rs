//! The pages for people who come from ko and goreleaser, and the recipes for Skaffold and Tilt: each command as it is written,
//! against a registry.

use std::fs;
use std::path::PathBuf;

use crossdock_tests::fixture::{self, write};
use crossdock_tests::program::{crossdock, repository};
use crossdock_tests::registry::Distribution;
use crossdock_tests::{Outcome, Sandbox};
use serde_yaml_ng::Value;

/// A project as the pages describe it, and a registry instead of `registry.example`.
struct Place {
    sandbox: Sandbox,
    project: PathBuf,
    registry: Distribution,
    page: String,
}

impl Place {
    fn new(page: &str) -> Self {
        let mut sandbox = Sandbox::new();
        let project = sandbox.work().join("shop");
        write(project.join("go.mod"), "module example.com/shop\n\ngo 1.24\n");
        write(
            project.join("cmd/api/main.go"),
            "package main\n\nvar version, built, commit, date = \"\", \"\", \"\", \"\"\n\nfunc main() { println(version, built, commit, date) }\n",
        );
        write(project.join("cmd/api/kodata/index.html"), "hello\n");
        write(
            project.join("k8s/pod.yaml"),
            "apiVersion: v1\nkind: Pod\nmetadata: {name: api}\nspec:\n  containers:\n  - {name: api, image: crossdock://api}\n",
        );
        // Files that git would see mark an image as one of uncommitted changes.
        write(project.join(".gitignore"), "refs.txt\nrelease.yaml\n");
        let registry = Distribution::start();
        let text = fs::read_to_string(repository().join("docs").join(page)).unwrap();
        let page = text.replace("registry.example", &registry.host());
        let configuration = code(&page, "toml").first().cloned();
        write(project.join("crossdock.toml"), configuration.unwrap_or_else(|| "[image.api]\n".to_owned()));
        fixture::commit(&sandbox, &project);
        sandbox.tool(&project, "git", &["tag", "v1.2.0"]).success();
        sandbox.shim("crossdock", &format!("exec '{}' \"$@\"", crossdock().display()));
        sandbox.shim("kubectl", "cat").set("CHANNEL", "stable");
        Self { sandbox, project, registry, page }
    }

    fn shell(&self, script: &str) -> Outcome {
        self.sandbox.tool(&self.project, "sh", &["-c", script])
    }

    /// Runs each line of the page's commands, and returns the outcomes.
    fn lines(&self) -> Vec<Outcome> {
        let commands = code(&self.page, "sh").concat();
        let commands = commands.lines().filter(|line| !line.starts_with('#'));
        commands.map(|line| self.shell(line).success()).collect()
    }

    /// Returns the digest of a tag as the registry tells it.
    fn digest(&self, name: &str) -> String {
        let name = format!("{}/{name}", self.registry.host());
        let found = self.sandbox.crossdock(&self.project, &["inspect", &name, "--json"]).success().json();
        found["digest"].as_str().expect("an image has a digest").to_owned()
    }
}

/// Returns the blocks of a language.
fn code(page: &str, language: &str) -> Vec<String> {
    let start = format!("\n```{language}\n");
    page.split(&start).skip(1).map(|block| format!("{}\n", block.split("\n```").next().unwrap())).collect()
}

#[test]
fn each_command_for_users_of_ko_runs() {
    let place = Place::new("from-ko.md");
    let outcomes = place.lines();
    assert_eq!(outcomes.len(), 6);
    let digest = place.digest("team/api:latest");
    assert_eq!(place.digest("other:test"), digest);
    let arm = fs::read_to_string(place.project.join("refs.txt")).unwrap();
    assert!(!arm.contains(&digest) && arm.contains("/team/api@sha256:"), "{arm}");
    let release = fs::read_to_string(place.project.join("release.yaml")).unwrap();
    assert!(release.contains(&format!("@{digest}}}")), "{release}");
    assert_eq!(outcomes[5].stdout, release);
    let ko = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: ko://example.com/shop/cmd/api}]}\n";
    write(place.project.join("k8s/pod.yaml"), ko);
    place.shell("crossdock resolve -f k8s").ends_with(2).complains("ko://example.com/shop/cmd/api");
}

#[test]
fn each_command_for_users_of_goreleaser_runs() {
    let place = Place::new("from-goreleaser.md");
    assert_eq!(place.lines().len(), 4);
    assert_eq!(place.digest("team/api:v1.2.0"), place.digest("team/api:latest"));
    let release = place.project.join(".crossdock/api.release");
    let sums = fs::read_to_string(release.join("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), 4, "{sums}");
}

#[test]
fn skaffold_gets_the_image_that_it_names() {
    let mut place = Place::new("development.md");
    let recipe: Value = serde_yaml_ng::from_str(&code(&place.page, "yaml")[0]).unwrap();
    let artifact = &recipe["build"]["artifacts"][0];
    let name = artifact["image"].as_str().unwrap();
    place.sandbox.set("IMAGE", format!("{name}:v1-dirty")).set("PUSH_IMAGE", "true");
    let command = artifact["custom"]["buildCommand"].as_str().unwrap();
    for platforms in ["", "linux/arm64", "linux/amd64,linux/arm64"] {
        place.sandbox.set("PLATFORMS", platforms);
        let pushed = place.shell(command).success();
        assert_eq!(place.digest("team/api:v1-dirty"), pushed.digest(), "{platforms}");
    }
}

#[test]
fn tilt_gets_the_image_that_it_names() {
    let mut place = Place::new("development.md");
    let recipe = code(&place.page, "python").concat();
    let words: Vec<&str> = recipe.split('\'').collect();
    let name = words[1];
    place.sandbox.set("EXPECTED_REF", format!("{name}:tilt-build-1"));
    let pushed = place.shell(words[3]).success();
    assert_eq!(place.digest("team/api:tilt-build-1"), pushed.digest());
}
