//! The recipes of docs/gate.md: each command as it is written, with substitutes for the builders that push the image.

use std::path::{Path, PathBuf};

use crossdock_tests::fixture;
use crossdock_tests::program::crossdock;
use crossdock_tests::registry::{Habits, MemoryRegistry};
use crossdock_tests::{Outcome, Sandbox};
use serde_json::Value;

/// Returns the code below a heading.
fn code(heading: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/gate.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).expect("the heading is there");
    let (_, code) = section.split_once("```").expect("it has code");
    let (code, _) = code.split_once("\n```").expect("the code ends");
    code.split_once('\n').expect("it has lines").1.to_owned()
}

/// Returns the commands of the service's YAML. An action is the builder's: it must push by digest.
fn commands(code: &str) -> String {
    let Ok(steps) = serde_yaml_ng::from_str::<Value>(code) else { return code.to_owned() };
    let command = |step: &Value| match (step.as_str(), step["run"].as_str()) {
        (Some(line), _) | (_, Some(line)) => Some(line.to_owned()),
        _ => {
            let outputs = step["with"]["outputs"].as_str().expect("an action has outputs");
            assert!(outputs.contains("push-by-digest=true,push=true"), "{outputs}");
            None
        }
    };
    let steps = steps.as_array().or(steps["script"].as_array());
    steps.map_or(code.to_owned(), |steps| steps.iter().filter_map(command).collect::<Vec<_>>().join("\n"))
}

/// A registry with an image that no builder's tag names.
struct Place {
    sandbox: Sandbox,
    layouts: [PathBuf; 2],
}

impl Place {
    /// Builds an image for both nodes of the recipes, and one for only the first.
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let project = fixture::go_module(&sandbox.work(), "app");
        let build = |name: &str, platforms: &str| {
            let arguments = ["dist", "--platform", platforms, "--output", name];
            sandbox.crossdock(&project, &arguments).success();
            project.join(name).join("app")
        };
        let layouts = [build("both", "linux/amd64,linux/arm64"), build("one", "linux/amd64")];
        sandbox.shim("crossdock", &format!("exec '{}' \"$@\"", crossdock().display()));
        sandbox.shim("ko", "echo \"$KO_DOCKER_REPO:candidate@$DIGEST\"");
        sandbox.shim(
            "goreleaser",
            "mkdir -p dist; echo \"${DIGEST#sha256:} $REPO:candidate\" > dist/digests.txt",
        );
        sandbox.shim(
            "docker",
            "case \"$*\" in *push-by-digest=true,push=true*--metadata-file\\ build.json*) ;; *) exit 1;; esac\n\
             echo \"{\\\"containerimage.digest\\\":\\\"$DIGEST\\\"}\" > build.json",
        );
        Self { sandbox, layouts }
    }

    /// Runs a recipe after a builder pushed an image; returns its outcome and the tags of the repository.
    fn run(&mut self, heading: &str, layout: &Path) -> (Outcome, Vec<String>) {
        let registry = MemoryRegistry::start(Habits::default());
        let (host, work) = (registry.host(), self.sandbox.work());
        let repository = format!("{host}/team/app");
        let layout = layout.display().to_string();
        let pushed =
            self.sandbox.crossdock(&work, &["push", &format!("{repository}:candidate"), &layout]).success();
        let digest = pushed.digest().to_owned();
        for name in ["REPO", "CI_REGISTRY_IMAGE"] {
            self.sandbox.set(name, &repository);
        }
        self.sandbox.set("CI_COMMIT_REF_SLUG", "1.0").set("DIGEST", &digest);
        let script = commands(&code(heading))
            .replace("ghcr.io", &host)
            .replace("${{ steps.build.outputs.digest }}", &digest);
        let outcome = self.sandbox.tool(&work, "sh", &["-ec", &script]);
        assert_eq!(registry.faults(), [""; 0]);
        (outcome, registry.tags("team/app"))
    }
}

#[test]
fn the_recipes_of_every_builder_tag_only_what_starts_on_its_nodes() {
    let mut place = Place::new();
    let [both, one] = place.layouts.clone();
    for heading in ["GitHub", "GitLab", "buildx", "goreleaser", "ko"] {
        let (outcome, tags) = place.run(heading, &both);
        outcome.success();
        assert_eq!(tags, ["1.0", "candidate"], "{heading}");
        let (outcome, tags) = place.run(heading, &one);
        outcome.ends_with(1).says("fails").says("m7g.large");
        assert_eq!(tags, ["candidate"], "{heading}");
    }
}
