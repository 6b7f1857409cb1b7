//! Images of files, and the bytes that pinning changes.

use crossdock_kubernetes::{FileKind, ManifestFile, Pinning, Problem, ReadOptions, apply, read};

fn digest() -> String {
    format!("sha256:{}", "1".repeat(64))
}

fn found(name: &str, text: &str) -> ManifestFile {
    read(name, text, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn references(name: &str, text: &str) -> Vec<String> {
    found(name, text).images.into_iter().map(|image| image.reference).collect()
}

fn problem(text: &str) -> (usize, Problem) {
    let error = read("a.yaml", text, &ReadOptions::default()).expect_err(text);
    (error.line, error.problem)
}

/// Pins every image that is not pinned, and writes `D1` for the digest.
fn pinned(name: &str, text: &str) -> String {
    let images = found(name, text).images;
    let open = images.iter().filter(|image| !image.is_pinned());
    let edits: Vec<_> = open.map(|image| image.pin(&digest(), Pinning::KeepTag)).collect();
    apply(text, &edits).replace(&digest(), "D1")
}

fn pod(container: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n{container}")
}

#[test]
fn every_other_byte_is_kept() {
    let text = "\u{feff}# café ☕\r\napiVersion: v1\r\nkind: Pod\r\nspec:\r\n  containers:\r\n  - name: ü\r\n    \
                image: \"R/app:1\"   # naïve\r\n  - {name: b, image: 'R/app:1', args: [\"--image=R/app:1\"]}\r\n...\r\n---\r\n";
    let expected = text.replacen("app:1\"   #", "app:1@D1\"   #", 1).replacen("app:1',", "app:1@D1',", 1);
    assert_eq!(pinned("a.yaml", text), expected);
}

#[test]
fn an_image_may_be_spread_over_lines() {
    let table = [
        ("    image: >-\n      R/app:1\n", "    image: >-\n      R/app:1@D1\n"),
        (
            "    image: |-\n      R/app:1\n\n    tty: true\n",
            "    image: |-\n      R/app:1@D1\n\n    tty: true\n",
        ),
        ("    image:\n      R/app:1 # c\n", "    image:\n      R/app:1@D1 # c\n"),
        ("    image: \"R/app\\\n      :1\\\n      \"\n", "    image: \"R/app\\\n      :1@D1\\\n      \"\n"),
        ("    image: !!str R/app:1", "    image: !!str R/app:1@D1"),
        ("    image: \"R/\\u0061pp:1\"\n", "    image: \"R/\\u0061pp:1@D1\"\n"),
        ("    image: &i !!str |-\n      R/app:1\n", "    image: &i !!str |-\n      R/app:1@D1\n"),
        ("    image: &i # c\n      R/app:1\n", "    image: &i # c\n      R/app:1@D1\n"),
        ("    \"image\": 'R/app:1'\n", "    \"image\": 'R/app:1@D1'\n"),
        ("    ? image\n    : R/app:1\n", "    ? image\n    : R/app:1@D1\n"),
    ];
    for (before, after) in table {
        assert_eq!(pinned("a.yaml", &pod(before)), pod(after));
    }
    assert_eq!(problem(&pod("    image: |\n      R/app:1\n")).1, Problem::LineBreak("R/app:1".into()));
    assert_eq!(problem(&pod("    image: >\n      R/app:1\n")).1, Problem::LineBreak("R/app:1".into()));
}

#[test]
fn a_tag_can_be_dropped() {
    let table = [
        ("R/app:1", "R/app@D1"),
        ("127.0.0.1:5000/app", "127.0.0.1:5000/app@D1"),
        ("127.0.0.1:5000/app:1", "127.0.0.1:5000/app@D1"),
        ("\"app:1\"", "\"app@D1\""),
    ];
    for (before, after) in table {
        let text = pod(&format!("    image: {before}\n"));
        let edit = found("a.yaml", &text).images[0].pin(&digest(), Pinning::DropTag);
        assert_eq!(apply(&text, &[edit]).replace(&digest(), "D1"), pod(&format!("    image: {after}\n")));
    }
}

#[test]
fn pods_are_found_wherever_they_are() {
    let containers =
        "{containers: [{image: a:1}], initContainers: [{image: b:1}], volumes: [{image: {reference: c:1}}]}";
    let table = [
        format!("{{apiVersion: apps/v1, kind: Deployment, spec: {{template: {{spec: {containers}}}}}}}"),
        format!(
            "{{apiVersion: batch/v1, kind: CronJob, spec: {{jobTemplate: {{spec: {{template: {{spec: {containers}}}}}}}}}}}"
        ),
        format!("{{apiVersion: v1, kind: List, items: [{{apiVersion: v1, kind: Pod, spec: {containers}}}]}}"),
        format!("{{apiVersion: v1, kind: PodList, items: [{{spec: {containers}}}]}}"),
        format!(
            "{{apiVersion: serving.knative.dev/v1, kind: Service, spec: {{template: {{spec: {containers}}}}}}}"
        ),
        format!(
            "{{apiVersion: x.io/v1, kind: Many, spec: {{pools: [{{template: {{spec: {containers}}}}}]}}}}"
        ),
    ];
    for text in table {
        assert_eq!(references("a.yaml", &text), ["a:1", "b:1", "c:1"], "{text}");
    }
}

#[test]
fn aliases_and_merge_keys_name_one_image() {
    let text = "apiVersion: v1\nkind: Pod\nspec:\n  initContainers:\n  - &c\n    name: a\n    image: &i R/app:1\n  containers:\n  \
                - name: b\n    image: *i\n  - <<: *c\n    name: c\n";
    assert_eq!(references("a.yaml", text), ["R/app:1"]);
    assert_eq!(pinned("a.yaml", text), text.replace("R/app:1", "R/app:1@D1"));
    // An anchor before the pod, in fields that mean nothing.
    for anchor in ["x-image: &i R/app:1", "metadata: {annotations: {image: &i R/app:1}}"] {
        let text = format!("apiVersion: v1\nkind: Pod\n{anchor}\nspec: {{containers: [{{image: *i}}]}}\n");
        let file = found("a.yaml", &text);
        assert_eq!((file.images.len(), file.untouched.len()), (1, 0), "{text}");
    }
    let shared = pod("    image: &i R/app:1\n    args: [*i]\n");
    assert_eq!(problem(&shared), (6, Problem::Shared { image: "R/app:1".into(), line: 7 }));
    assert_eq!(problem("apiVersion: v1\nkind: Pod\nspec: &s\n  a: *s\n"), (4, Problem::Circle));
}

#[test]
fn what_only_looks_like_an_image_is_listed() {
    let left = |text: &str| -> Vec<(usize, String, String)> {
        let file = found("a.yaml", text);
        assert!(file.images.is_empty(), "{text}: {:?}", file.images);
        file.untouched.into_iter().map(|left| (left.line, left.place, left.value)).collect()
    };
    let config = "apiVersion: v1\nkind: ConfigMap\ndata:\n  x: |\n    a: {{ .Alert }}\n    image: R/app:1\n  y: r.example/a:1\n";
    assert_eq!(
        left(config),
        [
            (6, "text in a ConfigMap".into(), String::new()),
            (7, "value in a ConfigMap".into(), "r.example/a:1".into())
        ]
    );
    let custom = "apiVersion: x.io/v1\nkind: Runner\nspec:\n  template:\n    spec:\n      image: R/app:1\n  image:\n    \
                  repository: R/tool\n    tag: \"2\"\n  env:\n  - {name: IMAGE, value: \"r.example/a:1\"}\n  - {name: URL, value: \"https://r.example/a:1\"}\n";
    assert_eq!(
        left(custom),
        [
            (6, "field `image` outside of a pod's containers".into(), "R/app:1".into()),
            (8, "field `image` of several parts".into(), "R/tool".into()),
            (11, "environment variable `IMAGE`".into(), "r.example/a:1".into()),
        ]
    );
    for malformed in
        ["Runner", ":spec", "Runner:", "Runner:.spec", "Runner:/spec/image", "Runner:list[0]", "*:spec"]
    {
        assert!(malformed.parse::<crossdock_kubernetes::Path>().is_err(), "{malformed}");
    }
    let path: crossdock_kubernetes::Path = "ConfigMap:data.y".parse().unwrap();
    let file = read("a.yaml", config, &ReadOptions { paths: vec![path.clone()] }).unwrap();
    assert_eq!((file.images.len(), file.untouched.len(), file.matched), (1, 1, vec![path]));
    let options = ReadOptions { paths: vec!["Runner:spec.template.spec.image".parse().unwrap()] };
    let file = read("a.yaml", custom, &options).unwrap();
    assert_eq!(file.images.len(), 1);
    assert_eq!((file.images[0].reference.as_str(), file.images[0].line), ("R/app:1", 6));
    assert_eq!(file.untouched.len(), 2);
}

#[test]
fn a_kustomization_gets_digests() {
    let text = "images:\n- name: app # ours\n  newName: R/app\n  newTag: \"1\" # now\n- {name: tool, newTag: v2}\n- newTag: v3\n  \
                name: last";
    let file = found("overlays/prod/kustomization.yaml", text);
    assert_eq!(file.kind, FileKind::Kustomization);
    assert_eq!(references("kustomization.yml", text), ["R/app:1", "tool:v2", "last:v3"]);
    let expected = "images:\n- name: app # ours\n  newName: R/app\n  newTag: \"1\" # now\n  digest: D1\n- {name: tool, newTag: v2, \
                    digest: D1}\n- newTag: v3\n  digest: D1\n  name: last";
    let again = pinned("kustomization.yaml", text);
    assert_eq!(again, expected);
    assert!(found("kustomization.yaml", &again).images.iter().all(|image| image.is_pinned()));
    let json = r#"{"images":[{"name":"R/app","newTag":"1"}]}"#;
    assert_eq!(pinned("kustomization.yaml", json), json.replace(r#""1""#, r#""1", "digest": "D1""#));
    let merged = "x: &x {newTag: v1}\nimages:\n- <<: *x\n  name: app\n";
    let error = read("kustomization.yaml", merged, &ReadOptions::default()).unwrap_err();
    assert_eq!((error.line, error.problem), (3, Problem::Elsewhere("newTag".into())));
    let crlf = "images:\r\n- name: app\r\n  newTag: \"1\"\r\n";
    assert_eq!(pinned("kustomization.yaml", crlf), format!("{crlf}  digest: D1\r\n"));
    let at_the_end = "images:\n- name: app\n  newTag: v1";
    assert_eq!(pinned("kustomization.yaml", at_the_end), format!("{at_the_end}\n  digest: D1"));
}

#[test]
fn helm_values_get_a_digest_where_the_key_exists() {
    let table = [
        ("image: {repository: R/app, tag: \"1\"}\n", "image: {repository: R/app, tag: \"1@D1\"}\n"),
        (
            "image:\n  registry: R\n  repository: app\n  tag: v1 # c\n",
            "image:\n  registry: R\n  repository: app\n  tag: v1@D1 # c\n",
        ),
        (
            "a:\n  repository: R/app\n  tag: v1\n  digest: \"\"\n",
            "a:\n  repository: R/app\n  tag: v1\n  digest: \"D1\"\n",
        ),
        (
            "a:\n  repository: R/app\n  digest:\n  tag: v1\n",
            "a:\n  repository: R/app\n  digest: D1\n  tag: v1\n",
        ),
        (
            "a:\n  repository: R/app\n  digest: # none\n  tag: v1\n",
            "a:\n  repository: R/app\n  digest: D1 # none\n  tag: v1\n",
        ),
        (
            "a:\n  repository: R/app\n  digest: null\n  tag: v1\n",
            "a:\n  repository: R/app\n  digest: D1\n  tag: v1\n",
        ),
        ("a:\n  repository: R/app\n  tag: v1@D1\n", "a:\n  repository: R/app\n  tag: v1@D1\n"),
        ("a:\n  repository: R/app\n  tag: \"\"\n", "a:\n  repository: R/app\n  tag: \"\"\n"),
    ];
    for (before, after) in table {
        assert_eq!(pinned("chart/values-prod.yaml", before), after);
    }
    assert_eq!(found("values.yaml", table[0].0).kind, FileKind::HelmValues);
    let error =
        read("values.yaml", "a: {repository: R/app, tag: 1.10}", &ReadOptions::default()).unwrap_err();
    assert_eq!(error.problem, Problem::Number("1.10".into()));
}

#[test]
fn templates_are_refused() {
    let text = |value: &str| format!("apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: {value}\n");
    assert_eq!(problem(&text("{{ .Values.n }}")), (4, Problem::Template("{{ .Values.n }}".into())));
    assert_eq!(
        problem(&pod("    image: \"{{ .Values.i }}\"\n")).1,
        Problem::Template("{{ .Values.i }}".into())
    );
    for variable in ["${REG}/app:1", "$(REG)/app:1"] {
        assert_eq!(problem(&pod(&format!("    image: {variable}\n"))).1, Problem::Variable(variable.into()));
    }
    let statement = "{{- if .Values.x }}";
    assert_eq!(problem(&format!("a: 1\n{statement}\nb: 2\n")), (2, Problem::Template(statement.into())));
    // Braces elsewhere are nobody's business.
    assert_eq!(references("a.yaml", &pod("    command: [\"{{ x }}\", \"${Y}\"]\n    image: a:1\n")), ["a:1"]);
}

#[test]
fn bad_input_is_told_with_its_line() {
    let twice = Problem::DuplicateKey { key: "image".into(), first: 6 };
    assert_eq!(problem(&pod("    image: a:1\n    image: a:2\n")), (7, twice));
    assert_eq!(problem("a: 1\n"), (1, Problem::Unknown));
    assert_eq!(problem("- a\n"), (1, Problem::Unknown));
    assert!(matches!(problem("a:\n\tb: 1\n"), (2, Problem::Syntax(_))));
    assert!(matches!(problem(&"[".repeat(100_000)).1, Problem::Syntax(_)));
    assert_eq!(references("a.yaml", ""), Vec::<String>::new());
    assert_eq!(references("a.yaml", "---\n# nothing\n---\n"), Vec::<String>::new());
    assert_eq!(
        references("a.json", r#"{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"a:1"}]}}"#),
        ["a:1"]
    );
}

#[test]
fn a_thousand_documents_and_ten_megabytes_are_read() {
    let document = format!("---\n{}", pod("    image: a:1\n"));
    assert_eq!(references("a.yaml", &document.repeat(1000)).len(), 1000);
    let large = pod(&format!("    image: a:1\n    args: [\"{}\"]\n", "ä".repeat(5_000_000)));
    assert_eq!(references("a.yaml", &large), ["a:1"]);
}

/// Damaged files give an error or images, and a pinned file has the same images again.
#[test]
fn damaged_files_never_panic() {
    let whole = [
        pod(
            "    image: &i !!str \"R/\\u00fcapp\\\n      :1\"\n  - <<: {image: *i}\n    env: [{name: A, value: r.example/a:1}]\n",
        ),
        "images:\n- name: ä # ours\n  newName: 'R/''app'\n  newTag: \"1\"\r\n- {name: tool, newTag: v2}\n"
            .to_owned(),
        "image:\n  registry: R\n  repository: ü\n  digest: # none\n  tag: >-\n    v1\n".to_owned(),
    ];
    let names = ["a.yaml", "kustomization.yaml", "values.yaml"];
    let pieces = [
        "&a ", "*a", "!!str ", "{", "}", "[", "- ", ": ", "\n", "\r", "\t", "|\n ", ">-\n  ", "\"", "'",
        "# ", "ü", "\u{feff}", "---\n", "...\n", "<<: ", "{{",
    ];
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    for round in 0..3_000 {
        let mut text: Vec<char> = whole[round % whole.len()].chars().collect();
        for _ in 0..=random(4) {
            let at = random(text.len());
            let removed = random(4).min(text.len() - at);
            let piece = pieces[random(pieces.len())].chars().take(random(4));
            text.splice(at..at + removed, piece);
        }
        let text: String = text.into_iter().collect();
        let name = names[round % whole.len()];
        if let Ok(file) = read(name, &text, &ReadOptions::default()) {
            let open = file.images.iter().filter(|image| !image.is_pinned());
            let edits: Vec<_> = open.map(|image| image.pin(&digest(), Pinning::KeepTag)).collect();
            let pinned = apply(&text, &edits);
            let again = read(name, &pinned, &ReadOptions::default());
            let again = again.unwrap_or_else(|error| panic!("{error}\n{text:?}\n{pinned:?}"));
            assert!(again.images.iter().all(crossdock_kubernetes::Image::is_pinned), "{text:?}\n{pinned:?}");
        }
    }
}

#[test]
fn what_kubectl_reads_is_read() {
    let table = [
        (pod("    image:\tR/app:1\n"), pod("    image:\tR/app:1@D1\n")),
        (
            "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"labels\": {\"a\": \"\\ud83d\\ude00 é\"}}, \"spec\": {\"containers\": \
             [{\"image\": \"R/app:1\"}]}}"
                .to_owned(),
            "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"labels\": {\"a\": \"\\ud83d\\ude00 é\"}}, \"spec\": {\"containers\": \
             [{\"image\": \"R/app:1@D1\"}]}}"
                .to_owned(),
        ),
    ];
    for (before, after) in table {
        assert_eq!(pinned("a.yaml", &before), after);
    }
    let object = |image: &str| {
        format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"ü{{\": \"}}\\\"\",\n\"spec\": {{\"containers\": [{{\"image\": \"{image}\"}}]}}}}"
        )
    };
    let stream = format!("{}\n{} {}\n", object("a:1"), object("b:1"), object("c:1"));
    let images = found("a.json", &stream).images;
    let places: Vec<_> =
        images.iter().map(|image| (image.reference.as_str(), image.line, image.column)).collect();
    assert_eq!(places, [("a:1", 2, 35), ("b:1", 4, 35), ("c:1", 5, 35)]);
    assert_eq!(pinned("a.json", &stream), stream.replace(":1\"", ":1@D1\""));
    let joined = format!(
        "{}---\n\u{feff}{}---\r\n\u{feff}{}",
        pod("    image: é/a\n"),
        pod("    image: b:1\n"),
        pod("    image: c:1\n")
    );
    let expected = joined.replace("é/a", "é/a@D1").replace(":1\n", ":1@D1\n");
    assert_eq!(pinned("a.yaml", &joined), expected);
    let (line, problem) = problem(&format!("{}\n{{\"a\": ]}}", object("a:1")));
    assert!(matches!(problem, Problem::Syntax(_)), "{problem}");
    assert_eq!(line, 3);
}

#[test]
fn other_shapes_of_kustomizations_and_values_are_listed_or_refused() {
    let listed = |name: &str, text: &str| -> Vec<(usize, String)> {
        let file = found(name, text);
        assert_eq!(file.images, []);
        file.untouched.into_iter().map(|left| (left.line, left.value)).collect()
    };
    let kustomization = "patches:\n- patch: |-\n    - op: replace\n      value: r.io/app:1\n- patch: |-\n    spec: {containers: [{image: r.io/app:1}]}\n\
                         helmCharts:\n- valuesInline:\n    image: {repository: r.io/app, tag: \"1\"}\n    b: {image: app:1}\nimageTags:\n\
                         - {name: r.io/app, newTag: \"1\"}\nresources: [pod.yaml]\n";
    let expected = [(4, ""), (6, ""), (9, "r.io/app"), (10, "app:1"), (12, "r.io/app")];
    assert_eq!(
        listed("kustomization.yaml", kustomization),
        expected.map(|(line, value)| (line, value.to_owned()))
    );
    let values = "a: {image: {repository: r.io/app}}\nb: {image: {name: r.io/app, tag: \"1\"}}\nimages: {main: \"r.io/app:1\", more: [\"r.io/app:1\"]}\n\
                  env: [{name: A, value: \"r.io/app:1\"}]\ntext: |\n  x: 1\n  image: r.io/app:1\n";
    let expected =
        [(1, "r.io/app"), (2, "r.io/app"), (3, "r.io/app:1"), (3, "r.io/app:1"), (4, "r.io/app:1"), (7, "")];
    assert_eq!(listed("values.yaml", values), expected.map(|(line, value)| (line, value.to_owned())));
    let refused = |name: &str, text: &str| {
        let error = read(name, text, &ReadOptions::default()).expect_err(text);
        (error.line, error.problem)
    };
    let strings = refused("kustomization.yaml", "images: [app:1]\n");
    assert_eq!(strings, (1, Problem::NotMapping("images[]".to_owned())));
    let global =
        refused("values.yaml", "image: {repository: app, tag: \"1\"}\nglobal: {imageRegistry: r.io}\n");
    assert_eq!(global, (2, Problem::GlobalRegistry("r.io".to_owned())));
    assert_eq!(
        references("values.yaml", "image: {repository: app, tag: \"1\"}\nglobal: {imageRegistry: \"\"}\n"),
        ["app:1"]
    );
}

#[test]
fn odd_images_and_names_are_told() {
    let name = "apiVersion: v1\nkind: Pod\nmetadata: {name: a-{{ .x }}}\n";
    let metadata = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a-{{ .x }}\n";
    assert!(read("a.yaml", name, &ReadOptions::default()).is_err());
    assert_eq!(problem(metadata), (4, Problem::Template("a-{{ .x }}".to_owned())));
    assert_eq!(problem(&pod("    image: true\n")), (6, Problem::NotText("image".to_owned())));
    assert_eq!(problem(&pod("    image: app:1\n      foo\n")), (6, Problem::Spread("app:1 foo".to_owned())));
    for blank in ["|+\n\n", "\" \""] {
        assert_eq!(
            problem(&pod(&format!("    image: {blank}\n    tty: true\n"))).1,
            Problem::Blank,
            "{blank:?}"
        );
    }
    for empty in ["", "~", "null", "\"\"", "[a]", "{a: b}"] {
        assert_eq!(found("a.yaml", &pod(&format!("    image: {empty}\n"))).untouched[0].line, 6, "{empty}");
    }
}

#[test]
fn a_text_that_ends_within_a_value_is_told() {
    let config = |end: &str| format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  a: {end}");
    for (end, is_within) in
        [("|\n    x", true), ("|+\n    x", true), ("|-\n    x", false), ("|\n    x\n", false), ("x", false)]
    {
        assert_eq!(found("a.yaml", &config(end)).ends_in_value, is_within, "{end:?}");
    }
}
