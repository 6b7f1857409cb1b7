//! The images that kustomize replaces, as `kubectl kustomize` 1.32 (kustomize 5.5) and kustomize 5.7 render them.

use crossdock_kubernetes::{FileKind, ManifestFile, ReadOptions, link_kustomizations, read};

/// Returns a path without `.` and `..`.
fn place(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/').filter(|part| !["", "."].contains(part)) {
        if part != ".." {
            parts.push(part);
        } else {
            parts.pop();
        }
    }
    parts.join("/")
}

fn linked(files: &[(&str, &str)]) -> Vec<ManifestFile> {
    let read = |(name, text): &(&str, &str)| read(name, text, &ReadOptions::default()).expect(text);
    let mut read: Vec<_> = files.iter().map(read).collect();
    let paths: Vec<String> = files.iter().map(|(name, _)| (*name).to_owned()).collect();
    link_kustomizations(&mut read, &paths, &place);
    read
}

/// Returns the images to pin, each with the place of its file, and the texts that are listed.
fn open(files: &[(&str, &str)]) -> (Vec<(usize, String)>, Vec<String>) {
    let linked = linked(files);
    let images =
        linked.iter().enumerate().flat_map(|(at, file)| file.images.iter().map(move |image| (at, image)));
    let open = images.filter(|(_, image)| image.replaced.is_none());
    let open = open.map(|(at, image)| (at, image.reference.clone())).collect();
    (open, linked.iter().flat_map(|file| &file.untouched).map(|left| left.place.clone()).collect())
}

fn pod(image: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nspec:\n  containers: [{{image: \"{image}\"}}]\n")
}

fn images(resources: &str, images: &str) -> String {
    format!("resources: [{resources}]\nimages: [{images}]\n")
}

const NAMED: &str = "{name: app, newName: R/app, newTag: \"1\"}";

#[test]
fn kustomize_replaces_containers_and_init_containers_only() {
    let object = "apiVersion: x.io/v1\nkind: Runner\nspec:\n  deep:\n    containers: [{image: app}, {image: other:1}]\n    initContainers: [{image: \"app:3\"}]\n    \
                  ephemeralContainers: [{image: app:4}]\n    volumes: [{image: {reference: app:5}}]\n";
    let definition = pod("app:6").replace("Pod", "CustomResourceDefinition");
    let kustomization = images("a.yaml, b.yaml", NAMED);
    let files = [("kustomization.yaml", kustomization.as_str()), ("a.yaml", object), ("b.yaml", &definition)];
    let expected = [(0, "R/app:1"), (1, "other:1"), (1, "app:4"), (1, "app:5"), (2, "app:6")];
    assert_eq!(open(&files).0, expected.map(|(at, image)| (at, image.to_owned())));
    let pods = &linked(&files)[1].pods;
    assert_eq!(pods[0].replaced, [true, false, true, false, false]);
    // One text by an alias: a container has it, and another field.
    let shared = "apiVersion: v1\nkind: Pod\nspec:\n  containers: [{image: &i app}]\n  ephemeralContainers: [{image: *i}]\n";
    let kustomization = images("a.yaml", NAMED);
    assert_eq!(open(&[("kustomization.yaml", &kustomization), ("a.yaml", shared)]).0.len(), 2);
}

#[test]
fn kustomize_replaces_only_in_files_that_a_kustomization_leads_to() {
    let text = pod("app:9");
    let is_replaced = |kustomization: &str, file: &str, more: &[(&str, &str)]| {
        let files = [&[("k/kustomization.yaml", kustomization), (file, &text)], more].concat();
        linked(&files)[1].images[0].replaced.is_some()
    };
    let base = "resources: [pod.yaml]\n";
    let component =
        format!("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages: [{NAMED}]\n");
    assert!(is_replaced(&images("pod.yaml", NAMED), "k/pod.yaml", &[]));
    // An alias that comes again ends nothing: the names before it count, too.
    assert!(is_replaced(&images("pod.yaml, &x x.yaml, *x, *x", NAMED), "k/pod.yaml", &[]));
    assert!(!is_replaced(&images("pod.yaml", NAMED), "pod.yaml", &[]));
    assert!(!is_replaced(&images("", NAMED), "k/pod.yaml", &[]));
    assert!(is_replaced(&images("./../b", NAMED), "b/pod.yaml", &[("b/kustomization.yml", base)]));
    assert!(!is_replaced(&images("../c", NAMED), "b/pod.yaml", &[("b/kustomization.yml", base)]));
    assert!(is_replaced(
        &format!("bases: [../b]\nimages: [{NAMED}]"),
        "b/pod.yaml",
        &[("b/Kustomization", base)]
    ));
    for patches in ["patches: [{path: p.yaml}]", "patchesStrategicMerge: [p.yaml]"] {
        assert!(is_replaced(&format!("{patches}\nimages: [{NAMED}]"), "k/p.yaml", &[]));
    }
    let with_component = "resources: [pod.yaml]\ncomponents: [../c]\n";
    assert!(is_replaced(with_component, "k/pod.yaml", &[("c/kustomization.yaml", &component)]));
    // Another kustomization on top keeps the name.
    let other = ("o/kustomization.yaml", "resources: [../b]\n");
    assert!(!is_replaced(&images("../b", NAMED), "b/pod.yaml", &[("b/kustomization.yml", base), other]));
    // Kustomizations in a circle, which kustomize refuses.
    assert!(!is_replaced(
        "resources: [../b]",
        "b/pod.yaml",
        &[("b/kustomization.yaml", "resources: [../k, pod.yaml]")]
    ));
    // A name is a whole name.
    for image in ["other/app:1", "app2", "app:${X}", "app@sha512:1"] {
        let text = pod(image.replace("${X}", "a+b").as_str());
        let files = [("kustomization.yaml", images("a.yaml", NAMED)), ("a.yaml", text)];
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        assert!(linked(&files)[1].images[0].replaced.is_none(), "{image}");
    }
}

#[test]
fn the_last_entry_of_a_chain_gets_the_digest() {
    let texts = |base: &str, overlay: &str, image: &str| {
        let files = [
            ("o/kustomization.yaml", images("../b", overlay)),
            ("b/kustomization.yaml", images("pod.yaml", base)),
            ("b/pod.yaml", pod(image)),
        ];
        open(&files.each_ref().map(|(name, text)| (*name, text.as_str())))
    };
    let digest = format!("sha256:{}", "1".repeat(64));
    let named = |at: usize, image: &str| (at, image.to_owned());
    let without = "an entry of `images` without `newTag`";
    let table = [
        // The name that the base makes is replaced again, with its tag.
        (NAMED, "{name: R/app, newName: R/mirror}", "app", vec![named(0, "R/mirror:1")], vec![]),
        (NAMED, "{name: R/app, tagSuffix: -x}", "app", vec![named(0, "R/app:1-x")], vec![]),
        (NAMED, "{name: R/app, newTag: v2}", "app", vec![named(0, "R/app:v2")], vec![]),
        (
            NAMED,
            "{name: app, newName: R/other, newTag: v2}",
            "app",
            vec![named(0, "R/other:v2"), named(1, "R/app:1")],
            vec![],
        ),
        (
            "{name: app, newName: R/app}",
            "{name: R/app, newTag: v2}",
            "app",
            vec![named(0, "R/app:v2")],
            vec![],
        ),
        // The tag is that of the resource.
        ("{name: app, newName: R/app}", "", "app:3", vec![named(1, "R/app:3")], vec![]),
        ("{name: app, newName: R/app}", "", "app", vec![], vec![without]),
        ("{name: app}", "", "app:3", vec![named(2, "app:3")], vec![without]),
        // Entries of one kustomization follow each other.
        (
            "{name: app, newName: b, newTag: v1}, {name: b, newName: R/c}",
            "",
            "app",
            vec![named(1, "R/c:v1")],
            vec![],
        ),
    ];
    for (base, overlay, image, expected, left) in table {
        assert_eq!(
            texts(base, overlay, image),
            (expected, left.into_iter().map(str::to_owned).collect()),
            "{base} {overlay}"
        );
    }
    let pinned = format!("{{name: R/app, newName: R/mirror, digest: \"{digest}\"}}");
    assert_eq!(texts(NAMED, &pinned, "app").0, [named(0, &format!("R/mirror:1@{digest}"))]);
    let kept = format!("{{name: app, newName: R/app, digest: \"{digest}\"}}");
    assert_eq!(texts(&kept, "{name: R/app, newName: R/mirror}", "app"), (vec![], vec![]));
}

#[test]
fn an_entry_without_one_tag_stays() {
    let files = [
        ("kustomization.yaml", images("a.yaml, b.yaml", "{name: app, newName: R/app}")),
        ("a.yaml", pod("app:1")),
        ("b.yaml", pod("app:2")),
    ];
    let (open, left) = open(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
    assert_eq!((open.len(), left.as_slice()), (0, &["an entry of `images` without `newTag`".to_owned()][..]));
}

#[test]
fn the_tag_of_another_file_gets_its_digest_in_the_entry() {
    let text = "images:\n- name: app\n  newName: R/app # ours\n- {newName: R/b, name: b}\n- name: c\n  newName: R/c\n  digest:\n";
    let pods =
        "apiVersion: v1\nkind: Pod\nspec:\n  containers: [{image: app:1}, {image: b:1}, {image: c:1}]\n";
    let with_resources = format!("{text}resources: [pod.yaml]\n");
    let files = linked(&[("kustomization.yaml", &with_resources), ("pod.yaml", pods)]);
    let edits: Vec<_> =
        files[0].images.iter().map(|image| image.pin("D1", crossdock_kubernetes::Pinning::KeepTag)).collect();
    let expected = text
        .replace("R/app # ours\n", "R/app # ours\n  digest: D1\n")
        .replace("R/b,", "R/b, digest: D1,")
        .replace("digest:\n", "digest: D1\n");
    assert_eq!(
        crossdock_kubernetes::apply(&with_resources, &edits),
        format!("{expected}resources: [pod.yaml]\n")
    );
}

#[test]
fn transformers_of_images_are_listed() {
    let transformer = "apiVersion: builtin\nkind: ImageTagTransformer\nmetadata: {name: a}\nimageTag: {name: a, newTag: v2}\n";
    let inline = format!("transformers:\n- |-\n  {}\n", transformer.trim_end().replace('\n', "\n  "));
    for (name, text) in [("t.yaml", transformer), ("kustomization.yaml", inline.as_str())] {
        let file = read(name, text, &ReadOptions::default()).unwrap();
        let listed = |left: &crossdock_kubernetes::Untouched| left.place.contains("after they got digests");
        assert!(file.untouched.iter().any(listed), "{name}: {:?}", file.untouched);
    }
}

#[test]
fn json_patches_are_for_kustomize() {
    let patch = "- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: app:1\n- {op: remove, path: /metadata}\n";
    let file = read("patch.yaml", patch, &ReadOptions::default()).unwrap();
    assert_eq!((file.kind, file.images.len()), (FileKind::KustomizeInput, 0));
    assert_eq!((file.untouched[0].line, file.untouched[0].value.as_str()), (3, "app:1"));
    let json = r#"[{"op": "add", "path": "/a", "value": {"image": "r.io/app:1"}}]"#;
    assert_eq!(read("patch.json", json, &ReadOptions::default()).unwrap().untouched.len(), 1);
    for other in ["- a: 1\n", "[]\n", "- {op: add}\n"] {
        assert!(read("patch.yaml", other, &ReadOptions::default()).is_err(), "{other}");
    }
}

#[test]
fn an_entry_whose_tag_something_unread_may_bring_stays() {
    let image = "/spec/containers/0/image";
    let json = format!("- {{op: replace, path: {image}, value: \"R/a:2\"}}\n");
    let merge = "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, image: \"R/a:2\"}]}}";
    let entry = "images: [{name: R/a, newName: R/c}]\n";
    let pod = pod("R/a:1");
    let left = |kustomization: &str| {
        let kustomization = format!("{kustomization}\n{entry}");
        let files = [
            ("k/kustomization.yaml", kustomization.as_str()),
            ("k/d.yaml", &pod),
            ("k/json.yaml", &json),
            ("k/label.yaml", "- {op: add, path: /metadata/labels/a, value: b}\n"),
            ("b/kustomization.yaml", "resources: [\"https://r.example/x\"]"),
            ("c/kustomization.yaml", "resources: []"),
        ];
        let (images, left) = open(&files);
        let left: Vec<_> = left.into_iter().filter(|left| left.contains("newTag")).collect();
        assert_eq!(images.iter().any(|(at, _)| *at == 0), left.is_empty(), "{kustomization}");
        left.first().map(|left| left.rsplit("that of ").next().unwrap().to_owned())
    };
    let table = [
        ("resources: [d.yaml, ../c]".to_owned(), None),
        ("resources: [d.yaml]\npatches: [{path: label.yaml}]".to_owned(), None),
        ("resources: [d.yaml]\npatches: [{patch: 'a: 1', target: {name: image}}]".to_owned(), None),
        (
            "resources: [d.yaml]\npatches: [{path: json.yaml, target: {name: a}}]".to_owned(),
            Some("`json.yaml`"),
        ),
        ("resources: [d.yaml]\npatches: [{path: ../p.yaml}]".to_owned(), Some("`../p.yaml`")),
        ("resources: [d.yaml]\npatchesStrategicMerge: [../p.yaml]".to_owned(), Some("`../p.yaml`")),
        (format!("resources: [d.yaml]\npatches:\n- patch: |-\n    {json}"), Some("a patch in `patches`")),
        (
            format!("resources: [d.yaml]\npatchesJson6902:\n- patch: |-\n    {json}"),
            Some("a patch in `patchesJson6902`"),
        ),
        (
            format!("resources: [d.yaml]\npatchesStrategicMerge:\n- |-\n  {merge}\n- '{merge}'"),
            Some("a patch in `patchesStrategicMerge`"),
        ),
        ("resources: [d.yaml, ../base]".to_owned(), Some("`../base`")),
        ("resources: [d.yaml, \"https://r.example/x\"]".to_owned(), Some("`https://r.example/x`")),
        ("resources: [d.yaml, ../b]".to_owned(), Some("`https://r.example/x`")),
        ("resources: [d.yaml]\ncomponents: [../x]".to_owned(), Some("`../x`")),
        ("resources: [d.yaml]\nconfigurations: [x.yaml]".to_owned(), Some("`configurations`")),
        ("resources: [d.yaml]\ntransformers: [x.yaml]".to_owned(), Some("`transformers`")),
        ("resources: [d.yaml]\ngenerators: [x.yaml]".to_owned(), Some("`generators`")),
        ("resources: [d.yaml]\nhelmCharts: [{name: x}]".to_owned(), Some("`helmCharts`")),
        (
            format!("resources: [d.yaml]\nreplacements: [{{targets: [{{fieldPaths: [{image}]}}]}}]"),
            Some("a patch in `replacements`"),
        ),
    ];
    for (kustomization, what) in table {
        assert_eq!(left(&kustomization).as_deref(), what, "{kustomization}");
    }
}
