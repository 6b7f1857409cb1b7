//! Node affinity that is inserted into pod specifications.

use std::collections::BTreeSet;

use crossdock_kubernetes::{ManifestFile, NodePlatform, Problem, ReadOptions, apply, read};

fn found(text: &str) -> ManifestFile {
    read("a.yaml", text, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn platforms(names: &str) -> BTreeSet<NodePlatform> {
    let platform = |name: &str| {
        let (os, architecture) = name.split_once('/').expect(name);
        NodePlatform { os: os.to_owned(), architecture: architecture.to_owned() }
    };
    names.split(' ').map(platform).collect()
}

/// Restricts every pod to platforms, and checks that a second call changes nothing.
fn restricted(text: &str, names: &str) -> String {
    let platforms = platforms(names);
    let edits = |text: &str| -> Vec<_> {
        found(text).pods.iter().flat_map(|pod| pod.require(&platforms).expect(text)).collect()
    };
    let changed = apply(text, &edits(text));
    assert_eq!(edits(&changed), [], "{changed}");
    changed
}

fn problem(text: &str, names: &str) -> (usize, Problem) {
    let error = found(text).pods[0].require(&platforms(names)).expect_err(text);
    (error.line, error.problem)
}

const POD: &str = "apiVersion: v1\nkind: Pod\nspec:\n";

/// Returns a pod with some lines before its containers.
fn pod(lines: &str) -> String {
    format!("{POD}{lines}  containers:\n  - image: app:1\n")
}

const EXPRESSIONS: &str = "- key: kubernetes.io/os
            operator: In
            values:
            - linux
          - key: kubernetes.io/arch
            operator: In
            values:
            - amd64
            - arm64
";

#[test]
fn affinity_has_the_style_of_the_text_around() {
    let block = format!(
        "  affinity:\n    nodeAffinity:\n      requiredDuringSchedulingIgnoredDuringExecution:\n        nodeSelectorTerms:\n        \
         - matchExpressions:\n          {EXPRESSIONS}"
    );
    let flow = "{nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: \
                kubernetes.io/os, operator: In, values: [linux]}, {key: kubernetes.io/arch, operator: In, values: [amd64, arm64]}]}]}}}";
    let json = "{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\
                \"kubernetes.io/os\",\"operator\":\"In\",\"values\":[\"linux\"]},{\"key\":\"kubernetes.io/arch\",\"operator\":\"In\",\"values\":\
                [\"amd64\",\"arm64\"]}]}]}}}";
    let table = [
        (pod(""), pod(&block)),
        (
            pod("  # ours\n").replace('\n', "\r\n"),
            format!("{POD}{block}  # ours\n  containers:\n  - image: app:1\n").replace('\n', "\r\n"),
        ),
        (
            pod("  # ours\n  # all\n"),
            format!("{POD}{block}  # ours\n  # all\n  containers:\n  - image: app:1\n"),
        ),
        (pod("").replace('\n', "\r\n"), pod(&block).replace('\n', "\r\n")),
        (pod("  affinity: {}\n"), pod(&format!("  affinity: {flow}\n"))),
        (pod("  affinity:\n"), pod(&format!("  affinity: {flow}\n"))),
        (pod("  affinity: null # none\n"), pod(&format!("  affinity: {flow} # none\n"))),
        (
            "{apiVersion: v1, kind: Pod, spec: { containers: [{image: app:1}] }}".to_owned(),
            format!(
                "{{apiVersion: v1, kind: Pod, spec: {{ affinity: {flow}, containers: [{{image: app:1}}] }}}}"
            ),
        ),
        (
            r#"{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"app:1"}]}}"#.to_owned(),
            format!(
                r#"{{"apiVersion":"v1","kind":"Pod","spec":{{"affinity":{json},"containers":[{{"image":"app:1"}}]}}}}"#
            ),
        ),
    ];
    for (before, after) in table {
        assert_eq!(restricted(&before, "linux/amd64 linux/arm64"), after);
    }
}

#[test]
fn lists_and_levels_are_indented_as_those_around() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nspec:\n    template:\n        spec:\n            containers:\n                - image: app:1\n";
    let expected = "            affinity:\n                nodeAffinity:\n                    \
                    requiredDuringSchedulingIgnoredDuringExecution:\n                        nodeSelectorTerms:\n                            \
                    - matchExpressions:\n                                  - key: kubernetes.io/os\n                                    operator: In\n";
    let changed = restricted(text, "linux/amd64");
    assert!(changed.contains(expected), "{changed}");
    let pretty = in_json(
        "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Pod\",\n  \"spec\": {\n    \"containers\": [\n      {\n        \"image\": \"app:1\"\n      }\n    ]\n  }\n}\n",
    );
    assert!(pretty.starts_with("{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Pod\",\n  \"spec\": {\n    \"affinity\": {\n      \"nodeAffinity\": {\n"));
    assert!(pretty.contains("\n                  \"values\": [\n                    \"linux\"\n                  ]\n                },\n"), "{pretty}");
    assert!(pretty.contains("\n    },\n    \"containers\": [\n"), "{pretty}");
}

fn in_json(text: &str) -> String {
    restricted(text, "linux/amd64")
}

#[test]
fn every_term_gets_what_it_lacks() {
    let terms = |text: &str| {
        pod(&format!(
            "  affinity:\n    nodeAffinity:\n      requiredDuringSchedulingIgnoredDuringExecution:\n        nodeSelectorTerms:\n{text}"
        ))
    };
    let before = terms(
        "        # disks\n        - matchExpressions:\n          # fast\n          - key: disk\n            operator: Exists\n        \
         - matchFields: [{key: metadata.name, operator: In, values: [n1]}]\n        - {}\n        \
         - matchExpressions: [{key: kubernetes.io/arch, operator: In, values: [arm64, s390x]}]\n",
    );
    let after = terms(&format!(
        "        # disks\n        - matchExpressions:\n          {EXPRESSIONS}          # fast\n          - key: disk\n            operator: Exists\n        \
         - matchExpressions:\n          {EXPRESSIONS}          matchFields: [{{key: metadata.name, operator: In, values: [n1]}}]\n        - {{}}\n        \
         - matchExpressions: [{{key: kubernetes.io/os, operator: In, values: [linux]}}, {{key: kubernetes.io/arch, operator: In, values: [amd64, arm64]}}, \
         {{key: kubernetes.io/arch, operator: In, values: [arm64, s390x]}}]\n"
    ));
    assert_eq!(restricted(&before, "linux/amd64 linux/arm64"), after);
    let narrow = terms(
        "        - matchExpressions:\n          - {key: kubernetes.io/os, operator: In, values: [linux]}\n          \
         - {key: kubernetes.io/arch, operator: In, values: [arm64]}\n",
    );
    assert_eq!(restricted(&narrow, "linux/amd64 linux/arm64"), narrow);
}

#[test]
fn systems_with_different_architectures_get_a_term_each() {
    let changed = restricted(&pod(""), "linux/amd64 linux/arm64 windows/amd64");
    assert_eq!(changed.matches("matchExpressions").count(), 2);
    let one = restricted(
        &pod("  nodeSelector: {kubernetes.io/os: linux}\n"),
        "linux/amd64 linux/arm64 windows/amd64",
    );
    assert_eq!(one.matches("matchExpressions").count(), 1);
    let existing = pod(
        "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: \
         [{key: disk, operator: Exists}]}]}}}\n",
    );
    let (line, problem) = problem(&existing, "linux/amd64 linux/arm64 windows/amd64");
    assert_eq!((line, problem), (4, Problem::Mixed("linux/amd64, linux/arm64, windows/amd64".to_owned())));
}

#[test]
fn contradictions_are_told_with_their_lines() {
    let required = |expression: &str| {
        pod(&format!(
            "  affinity:\n    nodeAffinity:\n      requiredDuringSchedulingIgnoredDuringExecution:\n        nodeSelectorTerms:\n        \
             - matchExpressions: [{expression}]\n"
        ))
    };
    let table = [
        (pod("  nodeSelector:\n    kubernetes.io/arch: arm64\n"), 5, "`nodeSelector` arm64"),
        (pod("  nodeSelector:\n    beta.kubernetes.io/arch: arm64\n"), 5, "`nodeSelector` arm64"),
        (pod("  os: {name: windows}\n"), 4, "`os.name` windows"),
        (
            required("{key: kubernetes.io/arch, operator: In, values: [arm64, s390x]}"),
            8,
            "the node affinity `kubernetes.io/arch` In arm64, s390x",
        ),
        (
            required("{key: kubernetes.io/os, operator: NotIn, values: [linux]}"),
            8,
            "the node affinity `kubernetes.io/os` NotIn linux",
        ),
    ];
    for (text, line, by) in table {
        let platforms = "linux/amd64".to_owned();
        assert_eq!(problem(&text, &platforms), (line, Problem::Excluded { by: by.to_owned(), platforms }));
    }
    assert_eq!(
        problem(&pod("  affinity: [a]\n"), "linux/amd64").1,
        Problem::NotMapping("affinity".to_owned())
    );
}

#[test]
fn only_pods_and_pod_templates_are_restricted() {
    let template = "spec: {template: {spec: {containers: [{image: app:1}]}}}";
    let table = [
        (format!("apiVersion: apps/v1\nkind: Deployment\n{template}\n"), 1),
        (format!("apiVersion: x.io/v1\nkind: Rollout\n{template}\n"), 1),
        ("apiVersion: x.io/v1\nkind: X\nspec: {podTemplate: {spec: {containers: [{image: app:1}]}}}\n".to_owned(), 1),
        ("apiVersion: v1\nkind: PodTemplate\ntemplate: {spec: {containers: [{image: app:1}]}}\n".to_owned(), 1),
        ("apiVersion: batch/v1\nkind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{image: app:1}]}}}}}\n".to_owned(), 1),
        ("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, spec: {containers: [{image: app:1}]}}\n".to_owned(), 1),
        ("apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nspec: {containers: [{image: app:1}]}\n".to_owned(), 0),
        ("apiVersion: x.io/v1\nkind: Flow\nspec: {templates: [{containerSet: {containers: [{image: app:1}]}}]}\n".to_owned(), 0),
    ];
    for (text, count) in table {
        assert_eq!(found(&text).pods.iter().filter(|pod| pod.is_template()).count(), count, "{text}");
        assert_eq!(restricted(&text, "linux/amd64").matches("matchExpressions").count(), count, "{text}");
    }
    // A specification that an alias shares is one.
    let shared = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: apps/v1, kind: Deployment, spec: {template: &t {spec: {containers: [{image: app:1}]}}}}\n\
                  - {apiVersion: apps/v1, kind: Deployment, spec: {template: *t}}\n";
    assert_eq!(restricted(shared, "linux/amd64").matches("matchExpressions").count(), 1);
}

#[test]
fn a_pod_lists_the_images_that_its_node_pulls() {
    let text = "apiVersion: v1\nkind: Pod\nspec:\n  initContainers: [{image: a}]\n  containers: [{image: b}, {name: c}]\n  \
                volumes: [{image: {reference: d}}]\n";
    let file = found(text);
    let pod = &file.pods[0];
    let images: Vec<_> = pod.images.iter().map(|image| image.as_deref().unwrap_or("none")).collect();
    assert_eq!((pod.line, pod.column, &images[..]), (4, 3, &["b", "none", "a", "d"][..]));
}

/// Returns a pod with a list of terms.
fn with_terms(terms: &str) -> String {
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    pod(&format!("  affinity:\n    nodeAffinity:\n      {required}:\n        nodeSelectorTerms: {terms}\n"))
}

#[test]
fn a_term_without_nodes_stays_without_nodes_if_another_has_some() {
    let arm = "{matchExpressions: [{key: kubernetes.io/arch, operator: In, values: [arm64]}]}";
    let disk = "{matchExpressions: [{key: disk, operator: Exists}]}";
    let text = with_terms(&format!("[{arm}, {disk}]"));
    let both = "{key: kubernetes.io/os, operator: In, values: [linux]}, {key: kubernetes.io/arch, operator: In, values: [amd64]}, ";
    let expected = text.replace("matchExpressions: [", &format!("matchExpressions: [{both}"));
    assert_eq!(restricted(&text, "linux/amd64"), expected);
    assert_eq!(found(&text).pods[0].terms_without_nodes(&platforms("linux/amd64")), [7]);
    assert_eq!(found(&text).pods[0].terms_without_nodes(&platforms("linux/arm64")), [0; 0]);
    let (_, problem) = problem(&with_terms(&format!("[{arm}, {arm}]")), "linux/amd64");
    assert!(matches!(problem, Problem::Excluded { .. }), "{problem}");
}

#[test]
fn terms_that_the_api_server_refuses_are_told() {
    let expression = |text: &str| with_terms(&format!("[{{matchExpressions: [{text}]}}]"));
    let table = [
        (
            with_terms("[{}]"),
            "`nodeSelectorTerms`, whose terms are empty, excludes every platform of the images: linux/amd64",
        ),
        (with_terms("[null, {matchExpressions: []}]"), "whose terms are empty"),
        (expression("{key: kubernetes.io/arch, operator: in, values: [amd64]}"), "`in` is not an operator"),
        (expression("{key: disk, operator: in, values: [a]}"), "`in` is not an operator"),
        (expression("{key: kubernetes.io/arch, operator: In, values: arm64}"), "`values` must be a list"),
        (expression("{key: kubernetes.io/arch, operator: In, values: []}"), "has no `values`"),
        (expression("{key: kubernetes.io/arch, operator: NotIn}"), "has no `values`"),
        (expression("{key: kubernetes.io/arch, values: [amd64]}"), "has no `operator`"),
        (expression("{operator: Exists}"), "has no `key`"),
        (expression("arch"), "`matchExpressions[]` must be a mapping"),
        (pod("  nodeSelector: arm64\n"), "`nodeSelector` must be a mapping"),
        (pod("  os: linux\n"), "`os` must be a mapping"),
    ];
    for (text, expected) in table {
        let (line, problem) = problem(&text, "linux/amd64");
        assert!(problem.to_string().contains(expected), "{problem}\n{text}");
        assert!(line > 3, "{line}: {text}");
        let needs_no_help = matches!(problem, Problem::NotMapping(_));
        assert!(needs_no_help || problem.help().is_some(), "{problem}");
    }
}
