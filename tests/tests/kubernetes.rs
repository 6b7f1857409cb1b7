//! A real API server and kubectl: they accept what `resolve` prints, and what runs is what was pushed.

use std::fs;

use crossdock_tests::fixture::{self, write};
use crossdock_tests::kubernetes::{Kubernetes, User};
use crossdock_tests::registry::{Habits, MemoryRegistry, Sample};
use crossdock_tests::{Outcome, Sandbox};
use serde_json::{Value, json};

/// Manifests that `resolve` and `resolve --affinity` print, which quick tests hold the program to.
const RESOLVED: &str = include_str!("kubernetes/resolved.yaml");
const AFFINITY: &str = include_str!("kubernetes/affinity.yaml");

/// Words of the API server.
const MISSPELT: &str = include_str!("kubernetes/misspelt.txt");
const DENIED: &str = include_str!("kubernetes/denied.txt");

#[test]
#[ignore = "builds an API server: `cargo xtask test --long` runs it"]
fn long_the_api_server_accepts_manifests_of_resolve_and_words_its_refusals() {
    let kubernetes = Kubernetes::start();
    let sandbox = Sandbox::new();
    let apply = |user, text: &str| {
        write(sandbox.work().join("manifests.yaml"), text);
        kubernetes.kubectl(&sandbox, user, "apply --dry-run=server --output json -f manifests.yaml")
    };
    let affinities = |answer: &Outcome| -> Vec<Value> {
        let items = answer.json()["items"].as_array().unwrap().clone();
        items.iter().map(|item| pod_spec(item)["affinity"]["nodeAffinity"].clone()).collect()
    };
    let without = affinities(&apply(User::Admin, RESOLVED).success());
    assert_eq!([&without[0], &without[2]], [&Value::Null, &Value::Null]);
    let with = affinities(&apply(User::Admin, AFFINITY).success());
    let terms = |affinity: &Value| {
        affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"].clone()
    };
    assert_eq!(terms(&with[0]), json!([{ "matchExpressions": platforms(&["amd64", "arm64"]) }]));
    assert_eq!(terms(&with[2]), json!([{ "matchExpressions": platforms(&["amd64"]) }]));
    let every = terms(&with[1]);
    let every = every.as_array().unwrap();
    assert_eq!(every.len(), 2);
    for term in every {
        assert_eq!(json!(term["matchExpressions"].as_array().unwrap()[..2]), platforms(&["amd64"]));
    }

    let misspelt = apply(User::Admin, &AFFINITY.replace("matchExpressions", "matchExpression"));
    assert_eq!(misspelt.ends_with(1).stderr, MISSPELT);
    let denied = apply(User::Nobody, RESOLVED);
    assert_eq!(denied.ends_with(1).stderr, DENIED);
}

/// Returns the pod specification of an object.
fn pod_spec(object: &Value) -> &Value {
    let spec = match object["kind"].as_str() {
        Some("Pod") => return &object["spec"],
        Some("CronJob") => &object["spec"]["jobTemplate"]["spec"],
        _ => &object["spec"],
    };
    &spec["template"]["spec"]
}

/// Returns the expressions for platforms of Linux.
fn platforms(architectures: &[&str]) -> Value {
    json!([
        { "key": "kubernetes.io/os", "operator": "In", "values": ["linux"] },
        { "key": "kubernetes.io/arch", "operator": "In", "values": architectures },
    ])
}

#[test]
#[ignore = "builds kubectl: `cargo xtask test --long` runs it"]
fn long_kustomize_renders_the_digest_that_was_pinned() {
    let kubernetes = Kubernetes::start();
    let sandbox = Sandbox::new();
    let registry = MemoryRegistry::start(Habits::default());
    let sample = Sample::write(&sandbox.work().join("sample"), 1, 1000);
    let app = format!("{}/app", registry.host());
    let layout = sample.directory.display().to_string();
    sandbox.crossdock(&sandbox.work(), &["push", &format!("{app}:1"), &layout]).success();
    let directory = sandbox.work().join("k8s");
    write(
        directory.join("kustomization.yaml"),
        format!("resources: [pod.yaml]\nimages:\n- name: app\n  newName: {app}\n  newTag: \"1\"\n"),
    );
    write(
        directory.join("pod.yaml"),
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - {name: a, image: app}\n",
    );
    sandbox.crossdock(&directory, &["resolve", "-f", ".", "--in-place"]).success();
    let rendered = kubernetes.kubectl(&sandbox, User::Admin, "kustomize k8s").success();
    assert!(rendered.stdout.contains(&format!("image: {app}:1@{}\n", sample.digest)), "{rendered}");
    kubernetes.kubectl(&sandbox, User::Admin, "apply --dry-run=server -k k8s").success();
}

/// From the source of the Go example to a Deployment in the cluster.
#[test]
#[ignore = "builds an API server: `cargo xtask test --long` runs it"]
fn long_the_deployment_names_the_digest_that_was_pushed() {
    let kubernetes = Kubernetes::start();
    let sandbox = Sandbox::new();
    let registry = MemoryRegistry::start(Habits::ecr());
    registry.create("team/ssh");
    let host = registry.host();
    let login = format!("echo ecr-password | '{}' login --username AWS --password-stdin {host}", program());
    let project = fixture::example(&sandbox.work(), "k8s-ssh-server");
    fixture::commit(&sandbox, &project);
    kubernetes.shell(&sandbox, User::Admin, &project, &login).success();

    let repository = format!("{host}/team/ssh");
    let dist = ["dist", "--push", "--platform", "linux/amd64,linux/arm64", "--repository", &repository];
    let pushed = sandbox.crossdock(&project, &[&dist[..], &["--tag", "1"]].concat()).success();
    let digest = pushed.digest().to_owned();
    write(
        project.join("deployment.yaml"),
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: ssh\nspec:\n  selector:\n    matchLabels: {{app: ssh}}\n  \
             template:\n    metadata:\n      labels: {{app: ssh}}\n    spec:\n      containers:\n      - name: ssh\n        image: {repository}:1\n"
        ),
    );
    let apply =
        format!("'{}' resolve -f deployment.yaml --affinity | kubectl apply --server-side -f -", program());
    kubernetes
        .shell(&sandbox, User::Admin, &project, &apply)
        .success()
        .says("deployment.apps/ssh serverside-applied");
    let read = kubernetes.kubectl(&sandbox, User::Admin, "get deployment ssh --output json").success().json();
    let spec = pod_spec(&read);
    assert_eq!(spec["containers"][0]["image"], json!(format!("{repository}:1@{digest}")));
    let required = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    assert_eq!(required["nodeSelectorTerms"][0]["matchExpressions"], platforms(&["amd64", "arm64"]));
    assert_eq!(registry.tag("team/ssh", "1").map(|tag| tag.to_string()), Some(digest));
    assert_eq!(registry.faults(), [""; 0]);
    // A tag that moves changes nothing in the cluster.
    let text = fs::read_to_string(project.join("deployment.yaml")).unwrap();
    assert!(text.ends_with(":1\n"), "standard output got the digest, and the file stayed");
}

fn program() -> String {
    crossdock_tests::program::crossdock().display().to_string()
}
