//! Images on base images of a registry: pinned, cached, inherited from and verified.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossdock_oci::{
    Compression, Content, History, Image, LayerBuilder, Layout as OciLayout, Owner, PlatformImage,
    PlatformObject, Pruning, RuntimeConfig, Timestamp, assemble,
};
use crossdock_tests::registry::MemoryRegistry;
use crossdock_tests::registry::memory::Habits;
use crossdock_tests::terminal::crossdock_on_terminal;
use crossdock_tests::{Layout, Outcome, Sandbox, fixture};
use serde_json::json;

/// A registry with `base:1`, and a project whose image is built on it.
struct Fixture {
    sandbox: Sandbox,
    registry: MemoryRegistry,
    project: PathBuf,
    base: String,
}

impl Fixture {
    fn new() -> Self {
        Self::with(Habits::default())
    }

    fn with(habits: Habits) -> Self {
        let sandbox = Sandbox::new();
        let registry = MemoryRegistry::start(habits);
        let base = format!("{}/base:1", registry.host());
        let project = fixture::go_module(&sandbox.work(), "hello");
        let fixture = Self { sandbox, registry, project, base };
        fixture.push("one", &["amd64", "arm64"]);
        fixture.configure(&fixture.base, "");
        fixture
    }

    /// Pushes a base image with a file as `base:1`, and returns its digest.
    fn push(&self, file: &str, architectures: &[&str]) -> String {
        let layout = write_base(&self.sandbox.work().join(format!("base-{file}")), file, architectures);
        let layout = layout.to_str().unwrap();
        self.sandbox.crossdock(&self.sandbox.work(), &["push", &self.base, layout]).success();
        self.registry.forget_record();
        self.registry.tag("base", "1").unwrap().to_string()
    }

    fn configure(&self, base: &str, rest: &str) {
        let text = format!("[image.hello]\nbase = \"{base}\"\n{rest}");
        fixture::write(self.project.join("crossdock.toml"), text);
    }

    fn dist(&self, arguments: &[&str]) -> Outcome {
        self.sandbox.crossdock(&self.project, &[&["dist"], arguments].concat())
    }

    fn layout(&self) -> Layout {
        Layout::open(self.project.join(".crossdock/hello"))
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.project.join("crossdock.lock")).unwrap()
    }

    /// Returns the number of requests since the last call.
    fn requests(&self) -> usize {
        let record = self.registry.record();
        self.registry.forget_record();
        ["GET", "HEAD"].iter().map(|method| record.of(method, "/v2/base/").count()).sum()
    }
}

/// Writes a base image: two layers, links in the place of directories, and a configuration.
fn write_base(directory: &Path, file: &str, architectures: &[&str]) -> PathBuf {
    let layout = OciLayout::create(directory).unwrap();
    let lock = layout.lock().unwrap();
    let layer = |fill: &dyn Fn(&mut LayerBuilder)| {
        let mut builder = LayerBuilder::new(Timestamp::EPOCH);
        fill(&mut builder);
        let mut blob = layout.blobs().writer().unwrap();
        let layer = builder.write(&mut blob, Compression::Gzip, NonZeroUsize::MIN).unwrap();
        blob.complete().unwrap();
        layer
    };
    let text = |text: &str| Content::from(text.as_bytes().to_vec());
    let root = layer(&|builder| {
        builder.add_dir("opt/local/bin", 0o755, Owner::ROOT).unwrap();
        builder.add_symlink("usr/local", "../opt/local").unwrap();
        builder.add_dir("srv", 0o2775, Owner { uid: 7, gid: 8 }).unwrap();
    });
    let platforms = architectures.iter().map(|architecture| {
        let own = layer(&|builder| {
            builder
                .add_file("etc/base", 0o644, Owner::ROOT, text(&format!("{file} {architecture}")))
                .unwrap();
        });
        PlatformImage {
            platform: PlatformObject::new("linux", architecture),
            config: RuntimeConfig {
                user: "7:8".to_owned(),
                env: vec!["PATH=/opt/local/bin".to_owned(), "LANG=C".to_owned(), "MODE=base".to_owned()],
                entrypoint: vec!["/bin/sh".to_owned()],
                working_dir: "/srv".to_owned(),
                volumes: ["/data".to_owned()].into(),
                exposed_ports: ["9000/udp".to_owned()].into(),
                labels: [("vendor", "us"), ("org.opencontainers.image.title", "base")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
                ..RuntimeConfig::default()
            },
            layers: vec![root.clone(), own],
            history: ["ADD root", "RUN made"]
                .map(|made| History { created_by: Some(made.to_owned()), ..History::default() })
                .into(),
        }
    });
    let image = Image { created: Timestamp::EPOCH, annotations: [].into(), platforms: platforms.collect() };
    let assembled = assemble(layout.blobs(), &image).unwrap();
    layout.publish(&lock, &assembled.index, &[], Pruning::ReplaceAll).unwrap();
    directory.to_owned()
}

#[test]
fn an_image_inherits_from_its_base_and_is_verified_with_it() {
    let fixture = Fixture::new();
    let digest = fixture.registry.tag("base", "1").unwrap().to_string();
    fixture.configure(
        &fixture.base,
        "env = { MODE = \"ours\", LONG = \"$PATH:/x\" }\nlabels = { team = \"a\" }\nfiles = [{ from = \"go.mod\", to = \"/srv/\" }]\n",
    );
    let platforms = ["--platform", "linux/amd64,linux/arm64", "--json"];
    let report = fixture.dist(&platforms).success().json();
    assert_eq!(report["images"][0]["platforms"].as_array().unwrap().len(), 2);
    assert!(fixture.lock().contains(&format!("\"{}\" = \"{digest}\"\n", fixture.base)), "{}", fixture.lock());
    let layout = fixture.layout();
    assert_eq!(layout.index()["annotations"]["org.opencontainers.image.base.name"], fixture.base);
    for platform in ["linux/amd64", "linux/arm64"] {
        let (config, manifest) = (layout.config(platform), layout.manifest(platform));
        assert_eq!(
            config["config"],
            json!({
                "Entrypoint": ["/usr/local/bin/hello"],
                "Env": ["PATH=/opt/local/bin", "LANG=C", "MODE=ours", "LONG=/opt/local/bin:/x"],
                "ExposedPorts": { "9000/udp": {} },
                "Labels": { "team": "a", "vendor": "us" },
                "User": "65532:65532",
                "Volumes": { "/data": {} },
                "WorkingDir": "/srv",
            })
        );
        let history: Vec<_> =
            config["history"].as_array().unwrap().iter().map(|entry| &entry["created_by"]).collect();
        assert_eq!(history, ["ADD root", "RUN made", "crossdock: files", "crossdock: programs"]);
        assert_eq!(manifest["annotations"]["org.opencontainers.image.base.digest"], digest.as_str());
        let unpacked = fixture.sandbox.work().join(platform.replace('/', "-"));
        layout.unpack(platform, &unpacked);
        let architecture = platform.trim_start_matches("linux/");
        assert_eq!(fs::read_to_string(unpacked.join("etc/base")).unwrap(), format!("one {architecture}"));
        // The base's link is still one, and leads to the program.
        assert!(unpacked.join("usr/local").is_symlink());
        assert!(unpacked.join("opt/local/bin/hello").is_file() && unpacked.join("srv/go.mod").is_file());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(unpacked.join("srv")).unwrap().permissions().mode() & 0o7777, 0o2775);
        }
    }
    let shown = fixture.sandbox.crossdock(&fixture.project, &["plan", "--offline"]).success();
    shown
        .says(&digest)
        .says("entry point: `/usr/local/bin/hello` replaces `/bin/sh`")
        .says("user: `65532:65532` replaces `7:8`")
        .says("variable MODE: `ours` replaces `base`");
}

#[test]
fn the_lock_file_and_the_cache_make_a_build_independent_of_the_registry() {
    let fixture = Fixture::new();
    fixture.dist(&["--locked"]).ends_with(2).complains("`--locked` forbids");
    fixture
        .dist(&["--offline"])
        .ends_with(2)
        .complains("does not have the base")
        .complains("crossdock update");
    for shown in [&["plan"][..], &["render", "dockerfile"], &["doctor"]] {
        let shown = fixture.sandbox.crossdock(&fixture.project, shown).success();
        shown.complains("a build or `crossdock update` adds it");
    }
    assert!(!fixture.project.join("crossdock.lock").exists());
    let first = fixture.dist(&["--json"]).success().json()["images"][0]["digest"].clone();
    assert!(fixture.requests() > 0);
    let again = fixture.dist(&["--json", "--locked"]).success().json();
    assert_eq!((&again["images"][0]["digest"], fixture.requests()), (&first, 0));
    let moved = fixture.push("two", &["amd64", "arm64"]);
    assert_eq!(fixture.dist(&["--json", "--offline"]).success().json()["images"][0]["digest"], first);
    assert_eq!(fixture.requests(), 0);
    // Another project finds everything in the cache; only the tag is looked up.
    let other = fixture::go_module(&fixture.sandbox.work().join("other"), "hello");
    fixture::write(other.join("crossdock.toml"), format!("[image.hello]\nbase = \"{}\"\n", fixture.base));
    fixture::write(other.join("crossdock.lock"), fixture.lock());
    fixture.sandbox.crossdock(&other, &["build"]).success();
    assert_eq!(fixture.requests(), 0);
    let update = fixture.sandbox.crossdock(&fixture.project, &["update"]).success();
    update.says(&format!("{}  {moved}  was sha256:", fixture.base));
    let update = fixture.sandbox.crossdock(&fixture.project, &["update", &fixture.base]).success();
    update.says(&format!("{}  {moved}  unchanged", fixture.base));
    let unknown = fixture.sandbox.crossdock(&fixture.project, &["update", "nginx:1"]).ends_with(2);
    unknown.complains("this project has no base image `nginx:1`");
    assert_ne!(fixture.dist(&["--json"]).success().json()["images"][0]["digest"], first);
}

#[test]
fn a_damaged_blob_of_the_cache_is_fetched_again() {
    let fixture = Fixture::new();
    let digest = fixture.dist(&["--json"]).success().json()["images"][0]["digest"].clone();
    fixture.requests();
    let blobs = fixture.sandbox.cache().join("crossdock/bases/blobs/sha256");
    let damage = |is_wanted: &dyn Fn(&[u8]) -> bool| {
        for entry in fs::read_dir(&blobs).unwrap() {
            let path = entry.unwrap().path();
            let content = fs::read(&path).unwrap();
            if is_wanted(&content) {
                // Another name of the file would be changed with it.
                fs::remove_file(&path).unwrap();
                fs::write(&path, vec![0; content.len()]).unwrap();
            }
        }
        fs::remove_dir_all(fixture.project.join(".crossdock")).unwrap();
    };
    // Everything, or only layers.
    for layers_only in [false, true] {
        damage(&|content| !layers_only || !content.starts_with(b"{"));
        let offline = fixture.dist(&["--offline"]).ends_with(2);
        offline.complains("the cache has sha256:").complains(" damaged, and the network is forbidden");
        assert_eq!(fixture.dist(&["--json"]).success().json()["images"][0]["digest"], digest);
        assert!(fixture.requests() > 0);
    }
}

#[test]
fn the_bytes_of_layers_are_counted_while_they_are_fetched() {
    let fixture = Fixture::with(Habits { delay: Duration::from_millis(300), ..Habits::default() });
    let written = crossdock_on_terminal(&fixture.sandbox, &fixture.project, 80, "dist").success().stdout;
    let begun = format!("fetch the base {}  0 B/", fixture.base);
    assert!(written.contains(&begun), "{written}");
}

#[test]
fn a_base_of_one_platform_a_name_without_a_tag_and_an_absent_image_are_told() {
    let fixture = Fixture::new();
    fixture.push("two", &["amd64"]);
    let refused = fixture.dist(&["--platform", "linux/amd64,linux/arm64"]).ends_with(2);
    refused.complains("has only one platform, linux/amd64").complains("has no linux/arm64");
    fixture.configure("alpine", "");
    fixture.dist(&[]).ends_with(2).complains("`base`: `alpine` has no tag: write `alpine:3.22`");
    fixture.configure(&format!("{}/absent:1", fixture.registry.host()), "");
    let at = "crossdock.toml:2:8: the base `";
    fixture.dist(&[]).ends_with(5).complains(at).complains("absent:1");
    fixture.sandbox.crossdock(&fixture.project, &["update"]).ends_with(5).complains(at).complains("absent:1");
    // Nobody listens there.
    fixture.configure("127.0.0.1:1/unreachable:1", "");
    fixture.dist(&[]).ends_with(5).complains(at).complains("unreachable:1");
}

#[test]
fn the_lock_file_of_the_root_is_that_of_included_directories_too() {
    let fixture = Fixture::new();
    let root = fixture.sandbox.work().join("root");
    let included = fixture::go_module(&root, "hello");
    fixture::write(root.join("crossdock.toml"), "include = [\"hello\"]\n");
    fixture::write(included.join("crossdock.toml"), format!("[image.hello]\nbase = \"{}\"\n", fixture.base));
    let locks = || [&root, &included].map(|directory| directory.join("crossdock.lock").exists());
    fixture.sandbox.crossdock(&root, &["build"]).success();
    assert_eq!(locks(), [true, false]);
    fixture.sandbox.crossdock(&root, &["update"]).success().says("unchanged");
    // Used on its own, the directory is a root.
    fixture.sandbox.crossdock(&included, &["build"]).success();
    assert_eq!(locks(), [true, true]);
}

/// A node for arm64 runs images for arm/v7, and a program for arm64 does not start with their libraries.
#[test]
fn a_base_of_another_architecture_is_none_although_a_node_runs_it() {
    let fixture = Fixture::new();
    for (architecture, platform) in [("arm", "linux/arm64"), ("386", "linux/amd64")] {
        fixture.push(architecture, &[architecture]);
        let _absent = fs::remove_file(fixture.project.join("crossdock.lock"));
        let refused = fixture.dist(&["--platform", platform]).ends_with(2);
        refused.complains(&format!("has no {platform}; it has linux/{architecture}"));
    }
}

#[test]
fn a_layout_must_be_the_projects_own_and_no_output() {
    let fixture = Fixture::new();
    fixture.dist(&[]).success();
    fixture.configure("oci:.crossdock/hello", "");
    fixture.dist(&[]).ends_with(2).complains("crossdock's own output, which no build reads");
    let outside = fixture.sandbox.work().join("base-one");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&outside, fixture.project.join("linked")).unwrap();
    fixture.configure("oci:linked", "");
    fixture.dist(&[]).ends_with(2).complains("`linked` cannot be used");
    fixture::copy(&outside, &fixture.project.join("inside"));
    fixture.configure("oci:inside", "");
    fixture.dist(&[]).success();
    let refused = fixture.sandbox.crossdock(&fixture.project, &["render", "dockerfile"]).ends_with(2);
    refused.complains("a FROM cannot name the layout `oci:inside`");
}

#[test]
fn a_platform_that_the_base_does_not_have_is_refused() {
    let fixture = Fixture::new();
    let refused = fixture.dist(&["--platform", "linux/amd64,linux/riscv64"]).ends_with(2);
    refused.complains("crossdock.toml:2:8: image `hello`: the base `").complains(
        "has no linux/riscv64; it has linux/amd64, linux/arm64: leave the platform out, or take another base",
    );
    assert!(!fixture.project.join(".crossdock/hello").exists());
    assert!(!fixture.project.join("crossdock.lock").exists(), "a base that is refused is not pinned");
}

/// Engines refuse an index that is wrong about the size of a manifest.
#[test]
fn an_index_with_a_wrong_size_is_refused() {
    let fixture = Fixture::new();
    let digest = fixture.registry.tag("base", "1").unwrap().to_string();
    let index = fixture.registry.manifest("base", &digest).unwrap();
    let mut document: serde_json::Value = serde_json::from_slice(&index.bytes).unwrap();
    document["manifests"][0]["size"] = json!(7);
    let client = crossdock_registry::Registry::new(crossdock_registry::Settings::new()).unwrap();
    let repository = format!("{}/base", fixture.registry.host()).parse().unwrap();
    let tag = crossdock_registry::Selector::Tag("wrong".parse().unwrap());
    let bytes = document.to_string().into_bytes();
    client.put_manifest(&repository, &tag, &index.media_type, &bytes).unwrap();
    fixture.configure(&fixture.base.replace("base:1", "base:wrong"), "");
    let refused = fixture.dist(&["--platform", "linux/amd64"]).ends_with(5);
    refused.complains("has 7 bytes, and it has ");
    assert!(!fixture.project.join("crossdock.lock").exists());
}

#[test]
fn an_index_that_contradicts_a_configuration_is_refused() {
    let fixture = Fixture::new();
    let directory = fixture.sandbox.work().join("wrong");
    let layout = OciLayout::create(&directory).unwrap();
    let right = write_base(&fixture.sandbox.work().join("right"), "x", &["amd64"]);
    for entry in fs::read_dir(right.join("blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, directory.join("blobs/sha256").join(path.file_name().unwrap())).unwrap();
    }
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(right.join("index.json")).unwrap()).unwrap();
    let blob = |digest: &serde_json::Value| {
        let name = digest.as_str().unwrap().trim_start_matches("sha256:").to_owned();
        fs::read_to_string(right.join("blobs/sha256").join(name)).unwrap()
    };
    let lying = blob(&index["manifests"][0]["digest"]).replace("amd64", "arm64");
    let stored = layout.blobs().put(lying.as_bytes()).unwrap();
    let lock = layout.lock().unwrap();
    let descriptor = crossdock_oci::Descriptor::new(crossdock_oci::media_type::INDEX, stored);
    layout.publish(&lock, &descriptor, &[], Pruning::KeepOthers).unwrap();
    drop(lock);
    // A base in a layout of the project.
    let inside = fixture.project.join("base");
    fixture::copy(&directory, &inside);
    fixture.configure("oci:base", "");
    let refused = fixture.dist(&["--platform", "linux/arm64"]).ends_with(5);
    refused
        .complains("the base `oci:base`: its index names")
        .complains("the image's configuration says linux/amd64");
    fs::remove_dir_all(&inside).unwrap();
    fixture::copy(&right, &inside);
    fixture.dist(&["--platform", "linux/amd64"]).success();
    let layout = fixture.layout();
    assert_eq!(layout.manifest("linux/amd64")["layers"].as_array().unwrap().len(), 3);
    assert!(layout.index()["annotations"].get("org.opencontainers.image.base.name").is_none());
    assert!(!fixture.project.join("crossdock.lock").exists());
}

#[test]
fn a_file_in_the_place_of_a_directory_of_the_base_is_refused() {
    let fixture = Fixture::new();
    fixture.configure(&fixture.base, "files = [{ from = \"go.mod\", to = \"/srv\" }]\n");
    fixture.dist(&[]).ends_with(5).complains("`/srv` is a directory of the base");
}

#[test]
fn a_dockerfile_has_the_same_base_as_its_last_from() {
    let fixture = Fixture::new();
    let digest = fixture.registry.tag("base", "1").unwrap().to_string();
    let rendered = fixture.sandbox.crossdock(&fixture.project, &["render", "dockerfile"]).success();
    rendered.says(&format!("\nFROM {}@{digest}\n", fixture.base));
}

#[test]
fn base_images_are_counted_in_the_cache_and_pruned() {
    let fixture = Fixture::new();
    fixture.dist(&[]).success();
    let info = fixture.sandbox.crossdock(&fixture.project, &["cache", "info", "--json"]).success().json();
    // An index, two manifests, two configurations, and three layers.
    assert_eq!(info["base_blobs"], 8, "{info}");
    fixture.sandbox.crossdock(&fixture.project, &["cache", "prune", "--keep-days", "1"]).success();
    fixture.dist(&["--offline"]).success();
    fixture.sandbox.crossdock(&fixture.project, &["cache", "prune", "--keep-days", "0"]).success();
    let info = fixture.sandbox.crossdock(&fixture.project, &["cache", "info", "--json"]).success().json();
    assert_eq!((&info["base_blobs"], &info["base_bytes"]), (&json!(0), &json!(0)));
    // The layout has the layers, and still they are fetched: nothing is read from a place that others write.
    fixture.dist(&["--offline"]).ends_with(2);
    fixture.dist(&[]).success();
}

#[test]
fn commands_that_need_a_registry_are_refused_without_the_network() {
    let mut fixture = Fixture::new();
    let other = format!("{}/other:1", fixture.registry.host());
    let (base, host) = (fixture.base.clone(), fixture.registry.host());
    fixture::write(
        fixture.project.join("pod.yaml"),
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{ name: p }}\nspec: {{ containers: [{{ name: c, image: \"{base}\" }}] }}\n"
        ),
    );
    let layout = format!("oci:{}", fixture.sandbox.work().join("base-one").display());
    let pulled = fixture.sandbox.work().join("pulled").display().to_string();
    let (copied, index) = (format!("oci:{pulled}-copied:1"), format!("oci:{pulled}-index:1"));
    fixture.sandbox.set("CROSSDOCK_OFFLINE", "1");
    let run = |arguments: &[&str]| fixture.sandbox.crossdock(&fixture.project, arguments);
    for call in [
        &["push", &other, &layout][..],
        &["pull", &base, "--output", &pulled],
        &["copy", &base, &copied],
        &["copy", &layout, &format!("docker://{other}")],
        &["promote", &base, &other],
        &["rebase", &base, "--onto", &other],
        &["resolve", "-f", "pod.yaml"],
        &["verify", &base],
        &["inspect", &base],
        &["index", "create", &other, &layout],
        &["index", "create", &index, &base],
        &["login", &host, "--username", "u", "--password-stdin"],
        &["update"],
        &["dist", "--push", "--repository", &other],
    ] {
        let refused = run(call);
        refused
            .ends_with(2)
            .complains("CROSSDOCK_OFFLINE forbids the network")
            .complains("unset CROSSDOCK_OFFLINE");
    }
    assert_eq!((fixture.registry.record().counts().len(), Path::new(&pulled).exists()), (0, false));
    // Layouts on both sides need no network.
    run(&["copy", &layout, &copied]).success();
    run(&["inspect", &copied]).success();
    // It is verified, and the base has no program.
    run(&["index", "create", &index, &layout, "--platform", "linux/amd64,linux/arm64"]).ends_with(1);
    run(&["resolve", "-f", "pod.yaml", "--only-own"]).success();
    fixture.sandbox.unset("CROSSDOCK_OFFLINE");
    let refused = fixture.dist(&["--push", "--offline", "--repository", &other]).ends_with(2);
    refused
        .complains("`--push` needs a registry, and --offline forbids the network")
        .complains("omit `--offline`");
    assert_eq!(fixture.requests(), 0);
}
