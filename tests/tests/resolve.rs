//! Digests for the images of manifests: the worked inputs, with a registry that records its requests.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use crossdock_tests::registry::MemoryRegistry;
use crossdock_tests::registry::memory::Habits;
use crossdock_tests::{Built, Outcome, Sandbox, fixture};

/// A project with an image for two platforms.
static BUILT: LazyLock<Built> = LazyLock::new(|| {
    let sandbox = Sandbox::lasting(env!("CARGO_TARGET_TMPDIR"), "resolve");
    let project = fixture::go_module(&sandbox.work(), "hello");
    fixture::commit(&sandbox, &project);
    Built::project(sandbox, project, &["--platform", "linux/amd64,linux/arm64"])
});

/// A registry with `app:1` and `app:latest`, an index, and `tool:2`, an image for one platform.
struct Server {
    registry: MemoryRegistry,
    host: String,
    app: String,
    child: String,
    tool: String,
}

impl Server {
    fn start() -> Self {
        let registry = MemoryRegistry::start(Habits::default());
        let host = registry.host();
        for name in ["app:1", "app:latest"] {
            let name = format!("{host}/{name}");
            BUILT.sandbox.crossdock(&BUILT.project, &["push", &name, ".crossdock/hello"]).success();
        }
        let (from, to) = (format!("docker://{host}/app:1"), format!("docker://{host}/tool:2"));
        let copy = ["copy", "--platform", "linux/amd64", &from, &to];
        BUILT.sandbox.crossdock(&BUILT.project, &copy).success();
        let digest = |repository: &str, tag| registry.tag(repository, tag).unwrap().to_string();
        let (app, tool) = (digest("app", "1"), digest("tool", "2"));
        registry.forget_record();
        Self { app, child: tool.clone(), tool, host, registry }
    }

    /// Writes files, in which `R` is the host and `@C1` the digest for amd64, into a new directory.
    fn files(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let directory = BUILT.sandbox.work().join(name);
        let _absent = fs::remove_dir_all(&directory);
        for (file, text) in files {
            let path = directory.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, self.filled(text)).unwrap();
        }
        directory
    }

    fn filled(&self, text: &str) -> String {
        let text = text.replace("R/", &format!("{}/", self.host)).replace("@C1", &format!("@{}", self.child));
        text.replace("@D1", &format!("@{}", self.app)).replace("@D2", &format!("@{}", self.tool))
    }

    fn resolve(&self, directory: &std::path::Path, arguments: &[&str]) -> Outcome {
        BUILT.sandbox.crossdock(directory, &[&["resolve"], arguments].concat())
    }

    /// Resolves one file, and returns what was printed and the number of manifests that were asked for.
    fn one(&self, file: &str, text: &str, arguments: &[&str]) -> (Outcome, usize) {
        self.registry.forget_record();
        // Tests run at the same time.
        let directory = self.files(&self.registry.port().to_string(), &[(file, text)]);
        let outcome = self.resolve(&directory, &[&["-f", file], arguments].concat());
        let requests = self.registry.record().of("GET", "/manifests/").count();
        (outcome, requests)
    }
}

fn pod(container: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    {container}\n")
}

#[test]
fn only_digests_are_inserted_and_each_reference_is_looked_up_once() {
    let server = Server::start();
    let bytes = "# café ☕\r\napiVersion: v1\r\nkind: Pod\r\nspec:\r\n  containers:\r\n  - name: a\r\n    image: \"R/app:1\"   # naïve\r\n  - \
                 {name: b, image: 'R/app:1', args: [\"--image=R/app:1\"]}\r\n...\r\n---\r\n# no final newline";
    let pinned = bytes.replace("app:1\"   #", "app:1@D1\"   #").replace("app:1',", "app:1@D1',");
    let list = "{apiVersion: v1, kind: List, items: [{apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: {template: \
                {spec: {initContainers: [{image: R/tool:2}], containers: [{image: R/app:1}], volumes: [{image: {reference: R/tool:2}}]}}}}}}]}";
    let listed = list.replace("tool:2", "tool:2@D2").replace("app:1", "app:1@D1");
    let table = [
        (bytes.to_owned(), pinned, 1),
        (pod("image: >-\n      R/app:1"), pod("image: >-\n      R/app:1@D1"), 1),
        (list.to_owned(), listed, 2),
        (pod("image: R/app"), pod("image: R/app@D1"), 1),
        (pod("image: R/app@C1"), pod("image: R/app@C1"), 1),
    ];
    for (before, after, lookups) in table {
        let (outcome, requests) = server.one("a.yaml", &before, &[]);
        let printed = outcome.success().stdout.clone();
        assert_eq!(printed, server.filled(&after));
        assert_eq!(requests, lookups, "{before}");
        let (again, _) = server.one("a.yaml", &after, &[]);
        assert_eq!(again.success().stdout, printed);
    }
    let dropped = server.one("a.yaml", &pod("image: R/app:1 # c"), &["--drop-tag"]).0;
    assert_eq!(dropped.success().stdout, server.filled(&pod("image: R/app@D1 # c")));
    assert_eq!(server.registry.faults(), [""; 0]);
}

#[test]
fn digests_that_stay_are_held_against_the_registry() {
    let server = Server::start();
    let offline = pod(&format!("image: 127.0.0.1:1/app:1@sha256:{}", "0".repeat(64)));
    let (outcome, _) = server.one("a.yaml", &offline, &[]);
    assert_eq!(outcome.success().complains("its tag could not be looked up").stdout, offline);
    let old = format!("R/app:1@sha256:{}", "0".repeat(64));
    let text = format!("{}  - image: R/app@C1\n", pod(&format!("image: {old}")));
    let (outcome, requests) = server.one("a.yaml", &text, &[]);
    let outcome = outcome.success().complains(&format!("app:1 is now {}", server.app));
    let outcome = outcome.complains(&format!("it is only linux/amd64 of {}", server.app));
    let outcome = outcome.complains("its registry does not have this digest");
    assert_eq!(outcome.stdout, server.filled(&text));
    assert_eq!(requests, 2);
    let (outcome, requests) = server.one("a.yaml", &text, &["--only-own"]);
    assert_eq!((outcome.success().stdout, requests), (server.filled(&text), 0));
}

#[test]
fn kustomizations_and_values_are_rewritten_for_their_own_tools() {
    let server = Server::start();
    let kustomization =
        "images:\n- name: app # ours\n  newName: R/app\n  newTag: \"1\"\nresources: [pod.yaml]\n";
    let text = pod("image: app");
    let directory = server.files("kustomize", &[("kustomization.yaml", kustomization), ("pod.yaml", &text)]);
    let printed = server.resolve(&directory, &["-f", "."]);
    let printed =
        printed.ends_with(2).complains("kustomization.yaml is not for kubectl").complains("--in-place");
    assert_eq!(printed.stdout, "");
    server.resolve(&directory, &["-f", ".", "--in-place"]).success().complains("a kustomization replaces it");
    let expected = kustomization.replace("\"1\"\n", "\"1\"\n  digest: D1\n").replace("D1", &server.app);
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    assert_eq!(read("kustomization.yaml"), server.filled(&expected));
    assert_eq!(read("pod.yaml"), text);
    server.resolve(&directory, &["-f", ".", "--in-place"]).success().complains("0 of the files changed");

    let (tree, before) = kustomize_tree(&server);
    server
        .resolve(&tree, &["-R", "-f", ".", "--in-place"])
        .success()
        .complains("a kustomization replaces it");
    let after = |name: &str| fs::read_to_string(tree.join(name)).unwrap();
    for (name, text) in before {
        let expected = match name {
            "overlay/kustomization.yaml" => text.replace("R/tool", "R/tool\n  digest: D2"),
            "base/pod.yaml" => text.replace("R/app:1", "R/app:1@D1"),
            "elsewhere/pod.yaml" => text.replace("R/app", "R/app@D1"),
            _ => text.to_owned(),
        };
        assert_eq!(after(name), server.filled(&expected.replace("D2", &server.tool)), "{name}");
    }

    let values = "image:\n  repository: R/app\n  tag: \"1\" # now\n";
    let (outcome, _) = server.one("values.yaml", values, &[]);
    assert_eq!(outcome.success().stdout, server.filled(&values.replace("\"1\"", "\"1@D1\"")));
}

/// Writes an overlay of a base, whose name `old` it replaces, with a patch and a file that is data.
fn kustomize_tree(server: &Server) -> (PathBuf, [(&'static str, &'static str); 7]) {
    let files = [
        (
            "overlay/kustomization.yaml",
            "resources: [../base]\npatches:\n- path: patch.yaml\n  target: {kind: Pod}\nimages:\n- name: old\n  newName: R/tool\n",
        ),
        ("overlay/patch.yaml", "- {op: add, path: /metadata/labels, value: {a: b}}\n"),
        (
            "base/kustomization.yaml",
            "resources: [pod.yaml]\nconfigMapGenerator: [{name: c, files: [a=c.yaml]}]\nimages: [{name: app, newName: old, newTag: \"2\"}]\n",
        ),
        (
            "base/pod.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: a, image: app}]\n  ephemeralContainers: [{name: e, image: R/app:1}]\n",
        ),
        ("base/c.yaml", "level: {{ debug }}\n"),
        // No kustomization leads to it.
        ("elsewhere/pod.yaml", "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: R/app}]}\n"),
        (
            "elsewhere/kustomization.yaml",
            "images: [{name: R/app, newTag: \"1\", digest: sha256:0000000000000000000000000000000000000000000000000000000000000000}]\n",
        ),
    ];
    (server.files("kustomize-tree", &files), files)
}

#[test]
fn rewritten_files_keep_their_mode_and_links_stay_links() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start();
    let text = pod("image: R/app:1");
    let directory = server.files("in-place", &[("pod.yaml", &text)]);
    let file = directory.join("pod.yaml");
    let link = directory.join("link.yaml");
    std::os::unix::fs::symlink("pod.yaml", &link).unwrap();
    let set = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    set(0o444);
    server.resolve(&directory, &["-f", "pod.yaml", "--in-place"]).ends_with(5).complains("it is read-only");
    assert_eq!(fs::read_to_string(&file).unwrap(), server.filled(&text));
    set(0o600);
    server.resolve(&directory, &["-f", "link.yaml", "--in-place"]).success();
    assert!(link.is_symlink());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&file).unwrap(), server.filled(&pod("image: R/app:1@D1")));
}

#[test]
fn bytes_that_terminals_obey_and_marks_of_files_are_handled() {
    let server = Server::start();
    let odd = "# \u{7f}\n".to_owned() + &pod("image: R/app:1");
    let marked = "\u{feff}".to_owned() + &pod("image: R/app:1");
    let directory = server.files("odd", &[("a.yaml", &odd), ("b.yaml", &marked)]);
    let printed = server.resolve(&directory, &["-f", "."]).success().stdout;
    let expected = format!("{odd}---\n{}", pod("image: R/app:1")).replace("app:1", "app:1@D1");
    assert_eq!(printed, server.filled(&expected));
}

#[test]
fn each_file_is_read_once_however_it_is_named() {
    let server = Server::start();
    let text = pod("image: R/app:1");
    let directory =
        server.files("once", &[("a.yaml", &text), ("Chart.yaml", "name: x\n"), ("values.schema.json", "{}")]);
    std::os::unix::fs::symlink("a.yaml", directory.join("b.yaml")).unwrap();
    let expected = server.filled(&pod("image: R/app:1@D1"));
    for arguments in [&["-f", "."][..], &["-f", "a.yaml", "-f", "./../once/b.yaml"]] {
        assert_eq!(server.resolve(&directory, arguments).success().stdout, expected, "{arguments:?}");
    }
    let script = |script: &str| {
        let program = crossdock_tests::program::crossdock().display().to_string();
        BUILT
            .sandbox
            .tool(&directory, "bash", &["-c", &script.replace("crossdock", &program)])
            .success()
            .stdout
    };
    assert_eq!(script("crossdock resolve -f <(cat a.yaml)"), expected);
    assert_eq!(script("cat a.yaml | crossdock resolve -f /dev/stdin"), expected);
}

/// kubectl reads a stream that starts with `{` as JSON to its end (1.32, `kubectl label --local -f -`).
#[test]
fn json_files_and_yaml_files_are_one_stream_and_pipes_are_none() {
    let server = Server::start();
    let map = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#;
    let (two, text) = (format!("{map}\n{map}\n"), pod("image: R/app:1"));
    let files = [("a.json", map), ("b.yaml", &text), ("c.json", &two)];
    let directory = server.files("streams", &files);
    let made = std::process::Command::new("mkfifo").arg(directory.join("pipe.yaml")).status().unwrap();
    assert!(made.success());
    let printed = server.resolve(&directory, &["-f", "."]).success().stdout;
    let pinned = server.filled(&pod("image: R/app:1@D1"));
    assert_eq!(printed, format!("---\n{map}\n---\n{pinned}---\n{map}\n---\n{map}\n"));
    assert_eq!(server.resolve(&directory, &["-f", "c.json"]).success().stdout, two);
}

#[test]
fn what_cannot_be_printed_or_dropped_is_refused() {
    let server = Server::start();
    let config = "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    x";
    let directory = server.files("ends", &[("a.yaml", config), ("b.yaml", &pod("image: R/app:1"))]);
    let outcome =
        server.resolve(&directory, &["-f", "."]).ends_with(2).complains("a.yaml ends within a value");
    assert_eq!(outcome.stdout, "");
    server.resolve(&directory, &["-f", "b.yaml", "-f", "a.yaml"]).success();
    server.resolve(&directory, &["-f", ".", "--in-place"]).success();
    for (file, text) in [
        ("kustomization.yaml", "images: [{name: R/app, newTag: \"1\"}]\n"),
        ("values.yaml", "image: {repository: R/app, tag: \"1\"}\n"),
    ] {
        let (outcome, _) = server.one(file, text, &["--drop-tag"]);
        let outcome = outcome.ends_with(2).complains("which `--drop-tag` does not remove");
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn what_is_untouched_is_listed() {
    let server = Server::start();
    let config = "apiVersion: v1\nkind: ConfigMap\ndata:\n  x: |\n    {{ .Alert }}\n    image: R/app:1\n";
    let (outcome, requests) = server.one("a.yaml", config, &[]);
    let outcome = outcome.success().complains("untouched: a.yaml:6: text in a ConfigMap");
    assert_eq!(outcome.stdout, server.filled(config));
    let custom = "apiVersion: x.io/v1\nkind: Runner\nspec:\n  template: {spec: {image: R/app:1}}\n  image: {repository: R/tool, tag: \"2\"}\n";
    let (outcome, more) = server.one("a.yaml", custom, &[]);
    let outcome = outcome.success().complains("a.yaml:4: ").complains("a.yaml:5: ");
    assert_eq!(outcome.stdout, server.filled(custom));
    assert_eq!(requests + more, 0);
    let (outcome, _) = server.one("a.yaml", custom, &["--path", "Runner:spec.template.spec.image"]);
    assert_eq!(outcome.success().stdout, server.filled(&custom.replace("app:1", "app:1@D1")));
    let unused = server.one("a.yaml", custom, &["--path", "Runner:spec.nope"]).0;
    unused.success().complains("`--path Runner:spec.nope` leads to nothing");
    let (outcome, requests) = server.one("a.yaml", &pod("image: R/app:1"), &["--only-own"]);
    assert_eq!(outcome.success().stdout, server.filled(&pod("image: R/app:1")));
    assert_eq!(requests, 0);
    let (outcome, _) = server.one("a.yaml", &pod("image: R/app:1"), &["--only-own", "--verify"]);
    outcome.success().complains("nothing was verified");
}

#[test]
fn nothing_is_printed_unless_every_image_has_a_digest() {
    let server = Server::start();
    let table = [
        (pod("image: \"{{ .Values.i }}\""), 2, "a.yaml:6:12: `{{ .Values.i }}` is a Helm template"),
        (pod("image: ${REG}/app:1"), 2, "a.yaml:6:12: the image `${REG}/app:1` has a variable"),
        ("replicas: {{ .Values.n }}\n".to_owned(), 2, "helm template"),
        (pod("image: |\n      R/app:1"), 2, "ends in a line break"),
        (pod("image: R/App:1"), 2, "a.yaml:6:12: "),
        (pod("image: R/app:1:arm"), 2, "/app:1:arm` is not an image: \"1:arm\" is not a tag"),
        (pod("image: crossdock://"), 2, "`crossdock://` names no image"),
        (
            pod("image: a\n    image: b"),
            2,
            "a.yaml:7:5: the key `image` is in this mapping twice, first in line 6",
        ),
        (pod("image: crossdock://app"), 2, "dist --push --resolve"),
        ("a:\n\tb: 1\n".to_owned(), 2, "a.yaml:2:2: this is not YAML"),
        ("a: 1\n".to_owned(), 2, "a.yaml:1:1: this is neither a Kubernetes object"),
        (pod("image: R/app:9\n  - image: R/gone:1\n  - image: R/app:1"), 5, "a.yaml:7:12: "),
    ];
    for (text, code, complaint) in table {
        let (outcome, _) = server.one("a.yaml", &text, &[]);
        let outcome = outcome.ends_with(code).complains(complaint);
        assert_eq!(outcome.stdout, "", "{text}");
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (outcome, _) = server.one("a.yaml", &pod(&format!("image: {free}/app:1")), &[]);
    let outcome = outcome.ends_with(5).complains("a.yaml:6:12: ");
    assert_eq!(outcome.stdout, "");
}

#[test]
fn an_image_that_does_not_start_on_its_nodes_is_refused() {
    let server = Server::start();
    let text = pod("image: R/tool:2");
    let (outcome, _) = server.one("a.yaml", &text, &["--for", "m5.large"]);
    assert_eq!(outcome.success().stdout, server.filled(&pod("image: R/tool:2@D2")));
    let (outcome, _) = server.one("a.yaml", &text, &["--for", "m7g.large"]);
    let outcome = outcome.ends_with(1).complains("nothing was printed");
    assert_eq!(outcome.stdout, "");
}

#[test]
fn pods_get_affinity_for_the_platforms_that_all_their_images_have() {
    let server = Server::start();
    let affinity = |values: &str| {
        format!(
            "{{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{{matchExpressions: [{{key: \
             kubernetes.io/os, operator: In, values: [linux]}}, {{key: kubernetes.io/arch, operator: In, values: [{values}]}}]}}]}}}}}}"
        )
    };
    let spec = |affinity: &str, images: &str| {
        format!("apiVersion: v1\nkind: Pod\nspec:\n  affinity: {affinity}\n  containers: [{images}]\n")
    };
    let table = [
        ("{image: R/app:1@D1}", "amd64, arm64", 2),
        ("{image: R/app:1@D1}, {image: R/tool:2@D2}", "amd64", 3),
        ("{image: R/tool@D2}", "amd64", 1),
    ];
    for (images, values, most) in table {
        let (before, after) = (spec("{}", images), spec(&affinity(values), images));
        let (outcome, requests) = server.one("a.yaml", &before, &["--affinity"]);
        assert_eq!(
            outcome.success().complains("a.yaml:4: node affinity for linux/amd64").stdout,
            server.filled(&after)
        );
        assert!(requests <= most, "{images}: {requests} requests");
        let (again, _) = server.one("a.yaml", &after, &["--affinity"]);
        assert_eq!(again.success().complains("0 of the files changed").stdout, server.filled(&after));
    }
    let (outcome, requests) = server.one("a.yaml", &pod("image: R/app:1"), &["--affinity", "--json"]);
    let pods = &outcome.success().json()["pods"];
    assert_eq!(pods[0]["platforms"], serde_json::json!(["linux/amd64", "linux/arm64"]));
    assert_eq!(requests, 1, "the index that was looked up tells its platforms");
}

/// The API server accepted these texts: the long tests of `kubernetes` ask it.
#[test]
fn what_is_printed_is_what_the_api_server_accepted() {
    let server = Server::start();
    let before = include_str!("kubernetes/manifests.yaml").replace("registry.example/", "R/");
    for (arguments, accepted) in [
        (&[][..], include_str!("kubernetes/resolved.yaml")),
        (&["--affinity"][..], include_str!("kubernetes/affinity.yaml")),
    ] {
        let (outcome, _) = server.one("a.yaml", &before, arguments);
        let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
        let printed = outcome.success().stdout.replace(&server.host, "registry.example");
        let printed = printed.replace(&server.app, &digest("1")).replace(&server.tool, &digest("2"));
        assert_eq!(printed, accepted, "{arguments:?}");
    }
    // The documentation quotes its refusals.
    let documentation = include_str!("../../docs/resolve.md");
    for refusal in [include_str!("kubernetes/misspelt.txt"), include_str!("kubernetes/denied.txt")] {
        let is_quoted = |line: &str| line.len() > 60 && refusal.contains(line);
        assert!(documentation.lines().any(is_quoted), "{refusal}");
    }
}

/// The image with the repository of the configuration is verified for its deploy targets, and images of others for all.
#[test]
fn without_nodes_of_the_call_those_of_the_configuration_count() {
    let server = Server::start();
    let config = "[deploy.web]\nnodes = [\"m7g.large\"]\n[deploy.batch]\nnodes = [\"m5.large\"]\n[image.hello]\nrepository = \
                  \"R/app\"\ndeploy = [\"web\"]\n[image.batch]\nrepository = \"R/batch\"\ndeploy = [\"batch\"]\n";
    let files = [
        ("crossdock.toml", config),
        ("go.mod", "module example.com/x\n"),
        ("own.yaml", &pod("image: R/app:1")),
        ("other.yaml", &pod("image: R/tool:2")),
    ];
    let directory = server.files("nodes", &files);
    let own = server.resolve(&directory, &["-f", "own.yaml", "--verify"]).success();
    let own = own.complains("on m7g.large (deploy web) (linux/arm64)");
    assert!(!own.stderr.contains("m5.large"), "{}", own.stderr);
    let other = server.resolve(&directory, &["-f", "other.yaml", "--verify"]).ends_with(1);
    other.complains("m5.large").complains("m7g.large").complains("nothing was printed or written");
}

#[test]
fn pods_without_nodes_are_refused_and_unknown_ones_stay() {
    let server = Server::start();
    let selected =
        pod("image: R/tool:2").replace("spec:\n", "spec:\n  nodeSelector: {kubernetes.io/arch: arm64}\n");
    let (outcome, _) = server.one("a.yaml", &selected, &["--affinity"]);
    let outcome = outcome
        .ends_with(1)
        .complains("a.yaml:4:38: `nodeSelector` arm64 excludes every platform")
        .complains("[platforms-excluded]");
    assert_eq!(outcome.stdout, "");
    for text in
        [pod("image: R/app@C1"), pod("image: R/app:1").replace("spec:", "template: &t\n  a: 1\nspec:")]
    {
        let (outcome, requests) = server.one("a.yaml", &text, &["--affinity", "--only-own"]);
        let outcome = outcome.success().complains("no node affinity is added to this pod: the platforms of");
        assert_eq!((outcome.stdout, requests), (server.filled(&text), 0));
    }
    // Two pods with other platforms share a field.
    let shared = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec: {affinity: &a {podAffinity: {}}, containers: [{image: R/app:1}]}\n\
                  - apiVersion: v1\n  kind: Pod\n  spec: {affinity: *a, containers: [{image: R/tool:2}]}\n";
    let (outcome, _) = server.one("a.yaml", shared, &["--affinity"]);
    let outcome = outcome.ends_with(2).complains("node affinity cannot be inserted without changing");
    assert_eq!(outcome.stdout, "");
}

/// A patch adds a container, so that the platforms of the file are not those of the pod.
#[test]
fn pods_that_a_kustomization_patches_get_no_affinity() {
    let server = Server::start();
    let patch = pod("image: R/tool:2").replace("name: a", "name: b");
    let inline = "[{\"op\": \"add\", \"path\": \"/spec/containers/-\", \"value\": {}}]";
    let files = |kustomization: &str| {
        let component = format!("kind: Component\n{kustomization}\n");
        server.files(
            &format!("patched-{}", server.registry.port()),
            &[
                ("k/kustomization.yaml", &format!("resources: [d.yaml]\n{kustomization}\n")),
                ("c/kustomization.yaml", &component),
                ("k/d.yaml", &pod("image: R/app:1")),
                ("k/sm.yaml", &patch),
                ("c/sm.yaml", &patch),
                ("k/label.yaml", "- {op: add, path: /metadata/labels/a, value: b}\n"),
            ],
        )
    };
    let affinity = |kustomization: &str| {
        let directory = files(kustomization);
        let outcome = server.resolve(&directory, &["-R", "--in-place", "--affinity", "-f", "."]).success();
        let is_added = fs::read_to_string(directory.join("k/d.yaml")).unwrap().contains("nodeAffinity");
        assert_ne!(
            outcome.stderr.contains("k/d.yaml:4: no node affinity is added to this pod: a kust"),
            is_added
        );
        is_added
    };
    assert!(affinity("namePrefix: a-"));
    assert!(affinity("patches: [{path: label.yaml, target: {kind: Pod}}]"));
    assert!(!affinity("patches: [{path: sm.yaml}]"));
    assert!(!affinity("patches: [{path: ../elsewhere.yaml}]"));
    assert!(!affinity(&format!("patches: [{{target: {{kind: Pod}}, patch: '{inline}'}}]")));
    let directory = files("patches: [{path: sm.yaml}]");
    let text = "resources: [d.yaml]\ncomponents: [../c]\n";
    fs::write(directory.join("k/kustomization.yaml"), text).unwrap();
    let outcome = server.resolve(&directory, &["-R", "--in-place", "--affinity", "-f", "."]).success();
    outcome.complains("k/d.yaml:4: no node affinity").complains("kustomize build DIRECTORY | crossdock");
}

#[test]
fn images_without_a_common_platform_are_refused_and_variants_are_no_label() {
    let server = Server::start();
    let project = BUILT.sandbox.work().join("arm");
    fs::create_dir_all(&project).unwrap();
    let project = fixture::go_module(&project, "tiny");
    fixture::commit(&BUILT.sandbox, &project);
    let manifest = project.join("pod.yaml");
    fs::write(&manifest, pod("image: crossdock://tiny")).unwrap();
    let repository = format!("{}/tiny", server.host);
    let call = ["dist", "--platform", "linux/arm/v7", "--push", "--repository", &repository, "--tag", "1"];
    let resolve = ["--resolve", "pod.yaml", "--affinity"];
    let outcome = BUILT.sandbox.crossdock(&project, &[&call[..], &resolve].concat()).success();
    assert!(outcome.stdout.contains("- linux\n"), "{outcome}");
    assert!(
        outcome.stdout.contains(
            "kubernetes.io/arch\n            operator: In\n            values:\n            - arm\n"
        ),
        "{outcome}"
    );
    // The plan shows a contradiction before the build.
    server.registry.forget_record();
    let selected = pod("image: crossdock://tiny")
        .replace("spec:\n", "spec:\n  nodeSelector: {kubernetes.io/arch: arm64}\n");
    fs::write(&manifest, selected).unwrap();
    let refused = BUILT.sandbox.crossdock(&project, &[&call[..], &resolve].concat());
    refused.ends_with(1).complains("`nodeSelector` arm64 excludes every platform of the images: linux/arm");
    let selected = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, selected.replace("crossdock://tiny", &format!("{repository}:9"))).unwrap();
    let refused = BUILT.sandbox.crossdock(&project, &[&call[..], &resolve].concat());
    refused.ends_with(1).complains("`nodeSelector` arm64 excludes every platform of the images: linux/arm");
    assert_eq!(server.registry.record().entries.len(), 0);
    let text = pod("image: R/tiny:1\n  - image: R/tool:2");
    let (outcome, _) = server.one("a.yaml", &text, &["--affinity"]);
    let outcome = outcome
        .ends_with(1)
        .complains("have no platform in common")
        .complains("has linux/arm; ")
        .complains("[no-common-platform]");
    assert_eq!(outcome.stdout, "");
}

#[test]
fn a_push_gives_its_digest_to_the_manifests() {
    let server = Server::start();
    let host = &server.host;
    let manifest = format!(
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - image: {host}/team/hello:old # ours\n      \
         - image: crossdock://hello\n      - image: {host}/tool:2\n"
    );
    let k8s = BUILT.sandbox.work().join("k8s");
    fs::create_dir_all(&k8s).unwrap();
    fs::write(k8s.join("deployment.yaml"), &manifest).unwrap();
    let repository = format!("{host}/team/hello");
    let call = [
        "dist",
        "--platform",
        "linux/amd64,linux/arm64",
        "--push",
        "--repository",
        &repository,
        "--tag",
        "2",
        "--resolve",
        k8s.to_str().unwrap(),
    ];
    let outcome = BUILT.sandbox.crossdock(&BUILT.project, &call);
    let digest = server.registry.tag("team/hello", "2").expect(&outcome.stderr).to_string();
    let expected = manifest
        .replace(":old #", &format!(":old@{digest} #"))
        .replace("crossdock://hello", &format!("{host}/team/hello:2@{digest}"))
        .replace("tool:2", &format!("tool:2@{}", server.tool));
    assert_eq!(outcome.success().stdout, expected);

    server.registry.forget_record();
    for (text, complaint) in [
        ("a: 1\n".to_owned(), "neither a Kubernetes object"),
        (pod("image: crossdock://other"), "`crossdock://other` names no image that this run pushes: hello"),
    ] {
        fs::write(k8s.join("deployment.yaml"), text).unwrap();
        BUILT.sandbox.crossdock(&BUILT.project, &call).ends_with(2).complains(complaint);
    }
    fs::write(k8s.join("deployment.yaml"), pod("image: crossdock://hello")).unwrap();
    fs::write(k8s.join("a.yaml"), "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    x").unwrap();
    BUILT.sandbox.crossdock(&BUILT.project, &call).ends_with(2).complains("a.yaml ends within a value");
    assert_eq!(server.registry.record().entries.len(), 0, "a bad manifest ends the run before it builds");
}
