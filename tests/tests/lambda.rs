//! Images for AWS Lambda: the manifest of one platform, without an index, with layers of gzip.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crossdock_tests::Sandbox;
use crossdock_tests::fixture::{self, write};
use crossdock_tests::outcome::run;
use crossdock_tests::registry::{Distribution, Sample};
use crossdock_tests::tools::need;
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(120);
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Returns the document that a registry answers for a reference, as skopeo sees it.
fn raw(reference: &str) -> Value {
    let mut command = Command::new(need("skopeo"));
    command.args(["inspect", "--raw", "--tls-verify=false"]).arg(format!("docker://{reference}"));
    serde_json::from_str(&run(&mut command, LIMIT).success().stdout).unwrap()
}

#[test]
fn an_image_for_lambda_is_one_manifest() {
    let (sandbox, registry) = (Sandbox::new(), Distribution::start());
    let project = fixture::go_module(&sandbox.work(), "hello");
    let repository = format!("{}/team/hello", registry.host());
    let push = ["dist", "--push", "--repository", &repository, "--tag", "1"];
    let pushed = sandbox.crossdock(&project, &[&push[..], &["--for", "lambda/arm64"]].concat()).success();
    let reference = format!("{repository}:1");
    let manifest = raw(&reference);
    assert_eq!(manifest["mediaType"], MANIFEST);
    for layer in manifest["layers"].as_array().unwrap() {
        assert_eq!(layer["mediaType"], GZIP);
    }
    let shown = sandbox.crossdock(&project, &["inspect", &reference, "--json"]).success().json();
    assert_eq!(shown["digest"], pushed.digest());
    assert_eq!(shown["platforms"][0]["platform"], "linux/arm64");
    for subject in [reference.as_str(), ".crossdock/hello"] {
        let verify = ["verify", subject, "--for", "lambda/arm64"];
        sandbox.crossdock(&project, &verify).success().says("starts").says("on lambda/arm64");
    }
    // The same manifest as in an index.
    let index = sandbox.crossdock(&project, &["dist", "--platform", "linux/arm64"]).success();
    assert_ne!(index.digest(), pushed.digest());
    sandbox.crossdock(&project, &["inspect", ".crossdock/hello"]).success().says(pushed.digest());
    // Engines load it, and `push` and `tag` know it.
    sandbox.crossdock(&project, &["dist", "--for", "lambda", "--archive"]).success();
    let archive = sandbox.crossdock(&project, &["verify", ".crossdock/hello.tar", "--for", "lambda"]);
    archive.success().says("on lambda");
    let amd64 = format!("{repository}:amd64");
    sandbox.crossdock(&project, &["push", &amd64, ".crossdock/hello"]).success();
    assert_eq!(raw(&amd64)["mediaType"], MANIFEST);
}

#[test]
fn several_architectures_for_lambda_are_refused_with_the_remedy() {
    let sandbox = Sandbox::new();
    let project = fixture::go_module(&sandbox.work(), "hello");
    for arguments in [
        ["--for", "lambda/arm64,lambda/x86_64"],
        ["--for", "lambda,m7g.large"],
        ["--for=lambda", "--platform=linux/amd64,linux/arm64"],
    ] {
        let refused = sandbox.crossdock(&project, &[&["dist"][..], &arguments].concat()).ends_with(2);
        refused.complains("takes an image of one platform").complains("--for lambda/arm64");
    }
    sandbox.crossdock(&project, &["dist", "--for", "lambda/arm"]).ends_with(2).complains("lambda/arm64");
    // The configuration says it too, and other nodes of the platform take the manifest.
    write(
        project.join("crossdock.toml"),
        "[image.hello]\npath = \".\"\ndeploy = [\"function\", \"cluster\"]\n\n[deploy.function]\nnodes = \
         [\"lambda/arm64\"]\n\n[deploy.cluster]\nnodes = [\"m7g.large\"]\n",
    );
    let plan = sandbox.crossdock(&project, &["plan", "--json"]).success().json();
    assert_eq!(plan["images"][0]["shape"], "manifest", "{plan:#}");
    sandbox.crossdock(&project, &["dist"]).success();
    let index: Value =
        serde_json::from_slice(&fs::read(project.join(".crossdock/hello/index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"][0]["mediaType"], MANIFEST, "{index:#}");
}

#[test]
fn what_lambda_refuses_is_an_error() {
    let sandbox = Sandbox::new();
    let work = sandbox.work();
    let project = fixture::go_module(&work, "hello");
    sandbox.crossdock(&project, &["dist"]).success();
    let verify = |subject: &str| {
        let outcome = sandbox.crossdock(&project, &["verify", subject, "--for", "lambda/arm64", "--json"]);
        let findings = outcome.json_lines()[0]["findings"].clone();
        let findings: Vec<String> = findings
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["code"].as_str().unwrap().to_owned())
            .collect();
        (outcome.code.unwrap(), findings)
    };
    let refused = |code: &str| (1, vec![code.to_owned()]);
    assert_eq!(verify(".crossdock/hello"), refused("lambda-index"));
    let copy = ["copy", "oci:.crossdock/hello", "oci:one:1", "--platform", "linux/arm64"];
    sandbox.crossdock(&project, &copy).success();
    assert_eq!(verify("one"), (0, Vec::new()));
    let mut zstd = Command::new(need("skopeo"));
    zstd.args(["copy", "--dest-compress-format", "zstd", "oci:one:1", "oci:zstd:1"]).current_dir(&project);
    run(&mut zstd, LIMIT).success();
    assert_eq!(verify("zstd"), refused("lambda-layer"));
    // Plain layers: <https://github.com/bazel-contrib/rules_oci/issues/777>.
    Sample::write(&project.join("plain"), 7, 3000);
    let copy = ["copy", "oci:plain", "oci:plain-one:1", "--platform", "linux/arm64"];
    sandbox.crossdock(&project, &copy).success();
    assert!(verify("plain-one").1.contains(&"lambda-layer".to_owned()));
    // Any other node takes them.
    sandbox.crossdock(&project, &["verify", "zstd", "--for", "m7g.large"]).success();
    // Images that docker pushes from its older archives have layers of gzip.
    let mut old = Command::new(need("skopeo"));
    old.args(["copy", "oci:one:1", "docker-archive:old.tar:app:1"]).current_dir(&project);
    run(&mut old, LIMIT).success();
    assert_eq!(verify("old.tar"), (0, Vec::new()));
    sandbox.crossdock(&project, &["copy", "docker-archive:old.tar", "oci:again:1"]).success();
    assert_eq!(verify("again"), (0, Vec::new()));
}
