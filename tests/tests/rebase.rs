//! Another base for an image: proven, verified, and refused where a program would not start.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crossdock_oci::{
    Blob, Compression, Content, Descriptor, Digest, History, Image, Layer, LayerBuilder, Layout, Owner,
    PlatformImage, PlatformObject, Pruning, RuntimeConfig, Timestamp, assemble, media_type,
};
use crossdock_registry::{Registry, Settings};
use crossdock_tests::outcome::run;
use crossdock_tests::registry::MemoryRegistry;
use crossdock_tests::registry::memory::Habits;
use crossdock_tests::{Outcome, Sandbox, fixture};
use serde_json::json;

/// A file of an image: its path, and its text, its file on this machine, or its bytes.
enum Entry<'a> {
    Text(&'a str, &'a str),
    Machine(&'a str, &'a str),
    Bytes(String, Vec<u8>),
    Link(&'a str, &'a str),
    /// `.wh.NAME`, which removes a name.
    Whiteout(&'a str),
}

use Entry::{Machine, Text};

/// The loader and the C library of this machine, at their names.
const LIBC: [Entry<'static>; 2] = [
    Machine("lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2"),
    Machine("lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6"),
];
const DEBIAN: Entry<'static> = Text("etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian 12\"\n");

struct Fixture {
    sandbox: Sandbox,
    registry: MemoryRegistry,
}

impl Fixture {
    fn new() -> Self {
        Self { sandbox: Sandbox::new(), registry: MemoryRegistry::start(Habits::default()) }
    }

    fn name(&self, reference: &str) -> String {
        format!("{}/{reference}", self.registry.host())
    }

    /// Pushes an image for linux/amd64 whose layers hold these entries, and returns its digest.
    fn push(&self, reference: &str, layers: &[&[&Entry<'_>]], config: RuntimeConfig) -> String {
        let directory = self.sandbox.work().join(reference.replace([':', '/'], "-"));
        write(&directory, layers, config);
        let name = self.name(reference);
        self.run(&["push", &name, directory.to_str().unwrap()]).success();
        let (repository, tag) = reference.split_once(':').unwrap();
        self.registry.tag(repository, tag).unwrap().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        self.sandbox.crossdock(&self.sandbox.work(), arguments)
    }

    fn rebase(&self, source: &str, onto: &str, more: &[&str]) -> Outcome {
        self.run(&[&["rebase", &self.name(source), "--onto", &self.name(onto)], more].concat())
    }

    /// Pulls an image, and returns its configuration and the digests of its layers.
    fn pulled(&self, reference: &str) -> (serde_json::Value, Vec<String>) {
        let inspected = self.run(&["inspect", &self.name(reference), "--json"]).success().json();
        let directory = self.sandbox.work().join("pulled");
        let _absent = fs::remove_dir_all(&directory);
        self.run(&["pull", &self.name(reference), "--output", directory.to_str().unwrap()]).success();
        let layout = crossdock_tests::Layout::open(&directory);
        assert_eq!(layout.digest(), inspected["digest"], "{inspected}");
        let layers = layout.manifest("linux/amd64")["layers"].as_array().unwrap().clone();
        let digests = layers.iter().map(|layer| layer["digest"].as_str().unwrap().to_owned());
        (layout.config("linux/amd64"), digests.collect())
    }
}

fn write(directory: &Path, layers: &[&[&Entry<'_>]], config: RuntimeConfig) -> PathBuf {
    write_layers(directory, config, |layout| layers.iter().map(|entries| layer(layout, entries)).collect())
}

fn write_layers(
    directory: &Path,
    config: RuntimeConfig,
    layers: impl FnOnce(&Layout) -> Vec<Layer>,
) -> PathBuf {
    write_annotated(directory, config, &[], layers)
}

fn write_annotated(
    directory: &Path,
    config: RuntimeConfig,
    annotations: &[(&str, &str)],
    layers: impl FnOnce(&Layout) -> Vec<Layer>,
) -> PathBuf {
    let layout = Layout::create(directory).unwrap();
    let lock = layout.lock().unwrap();
    let made = layers(&layout);
    let history =
        |number: usize| History { created_by: Some(format!("layer {number}")), ..History::default() };
    let image = Image {
        created: Timestamp::EPOCH,
        annotations: annotations
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        platforms: vec![PlatformImage {
            platform: PlatformObject::new("linux", "amd64"),
            config,
            history: (0..made.len()).map(history).collect(),
            layers: made,
        }],
    };
    let assembled = assemble(layout.blobs(), &image).unwrap();
    layout.publish(&lock, &assembled.index, &[], Pruning::ReplaceAll).unwrap();
    directory.to_owned()
}

fn layer(layout: &Layout, entries: &[&Entry<'_>]) -> Layer {
    // The builder writes no whiteouts.
    if entries.iter().any(|entry| matches!(entry, Entry::Whiteout(_))) {
        return layer_of_tar(layout, entries);
    }
    let mut builder = LayerBuilder::new(Timestamp::EPOCH);
    for entry in entries {
        let (path, content) = match entry {
            Entry::Link(path, target) => {
                builder.add_symlink(path, target).unwrap();
                continue;
            }
            Text(path, text) => (path, Content::from(text.as_bytes().to_vec())),
            Machine(path, file) => (path, Content::File(fs::canonicalize(file).unwrap())),
            Entry::Bytes(path, content) => (&path.as_str(), Content::from(content.clone())),
            Entry::Whiteout(_) => unreachable!("another writer takes them"),
        };
        builder.add_file(path, 0o755, Owner::ROOT, content).unwrap();
    }
    let mut blob = layout.blobs().writer().unwrap();
    let layer = builder.write(&mut blob, Compression::Gzip, NonZeroUsize::MIN).unwrap();
    blob.complete().unwrap();
    layer
}

fn layer_of_tar(layout: &Layout, entries: &[&Entry<'_>]) -> Layer {
    let mut tar = tar::Builder::new(Vec::new());
    for entry in entries {
        let (path, content) = match entry {
            Entry::Whiteout(path) => (path, Vec::new()),
            Machine(path, file) => (path, fs::read(file).unwrap()),
            _ => unreachable!("no test needs it"),
        };
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        tar.append_data(&mut header, path, content.as_slice()).unwrap();
    }
    let blob = layout.blobs().put(&tar.into_inner().unwrap()).unwrap();
    Layer {
        descriptor: Descriptor::new(media_type::LAYER, blob),
        diff_id: blob.digest,
        uncompressed_size: blob.size,
    }
}

fn settings(env: &[&str], entrypoint: &str) -> RuntimeConfig {
    RuntimeConfig {
        env: env.iter().map(|&line| line.to_owned()).collect(),
        entrypoint: (!entrypoint.is_empty()).then(|| entrypoint.to_owned()).into_iter().collect(),
        ..RuntimeConfig::default()
    }
}

/// A dynamic program of this machine, which needs only the C library.
const PROGRAM: Entry<'static> = Machine("app", "/bin/true");

fn prepared() -> Fixture {
    let fixture = Fixture::new();
    let libc: Vec<&Entry<'_>> = LIBC.iter().collect();
    let old = [&libc[..], &[&DEBIAN], &[&Text("etc/version", "1")]].concat();
    fixture.push("base:1", &[&old], settings(&["PATH=/old"], ""));
    let new = [&libc[..], &[&DEBIAN], &[&Text("etc/version", "2")]].concat();
    fixture.push("base:2", &[&new, &[&Text("etc/more", "x")]], settings(&["PATH=/new", "LANG=C"], ""));
    fixture.push("app:1", &[&old, &[&PROGRAM]], settings(&["PATH=/old", "MODE=x"], "/app"));
    fixture
}

#[test]
fn the_base_is_found_and_replaced_and_the_program_still_starts() {
    let fixture = prepared();
    let before = fixture.registry.tag("app", "1").unwrap().to_string();
    let (_, old_layers) = fixture.pulled("app:1");
    let report = fixture.rebase("app:1", "base:2", &["--json"]).success().json();
    assert_eq!(
        (&report["pushed"], &report["source"]),
        (&json!(true), &json!(fixture.name(&format!("app@{before}"))))
    );
    let settings = "Env: [\"PATH=/new\",\"LANG=C\",\"MODE=x\"] instead of [\"PATH=/old\",\"MODE=x\"]";
    assert_eq!(
        report["platforms"],
        json!([{ "platform": "linux/amd64", "removed": 1, "added": 2, "kept": 1, "settings": [settings] }])
    );
    let (config, layers) = fixture.pulled("app:1");
    assert_eq!(config["config"]["Env"], json!(["PATH=/new", "LANG=C", "MODE=x"]));
    assert_eq!(config["config"]["Entrypoint"], json!(["/app"]));
    let (_, base) = fixture.pulled("base:2");
    assert_eq!(layers, [&base[..], &old_layers[1..]].concat());
    assert_eq!(config["history"].as_array().unwrap().len(), 3);
    fixture.run(&["verify", &fixture.name("app:1")]).success();
    // The annotations name the base now, so that the next rebase needs no search; a second one changes nothing.
    let again = fixture.rebase("app:1", "base:2", &["--json"]).success().json();
    assert_eq!(again["digest"], report["digest"]);
    assert!(again["from"].as_str().unwrap().contains("base@sha256:"), "{again}");
}

#[test]
fn a_base_on_which_the_program_does_not_start_is_refused_and_nothing_moves() {
    let fixture = prepared();
    let before = fixture.registry.tag("app", "1");
    fixture.push("base:bare", &[&[&DEBIAN]], settings(&[], ""));
    let refused = fixture.rebase("app:1", "base:bare", &["--from", &fixture.name("base:1")]).ends_with(1);
    refused.complains("ld-linux-x86-64.so.2").complains("nothing was pushed");
    let json = ["--from", &fixture.name("base:1"), "--json"];
    let answer = fixture.rebase("app:1", "base:bare", &json).ends_with(1).json();
    assert_eq!((&answer["pushed"], &answer["refused"]), (&json!(false), &json!([])));
    assert!(answer["verdicts"].to_string().contains("ld-linux-x86-64.so.2"), "{answer}");
    fixture.push("other:1", &[&[&Text("etc/os-release", "ID=alpine\nVERSION_ID=3.22\n")]], settings(&[], ""));
    let refused = fixture.rebase("app:1", "other:1", &["--from", &fixture.name("base:1")]).ends_with(1);
    refused.complains("the image is built on Debian 12, and the new base is alpine");
    // All reasons at once, as data too.
    let answer = fixture.rebase("app:1", "other:1", &json).ends_with(1).json();
    let message = "the image is built on Debian 12, and the new base is alpine";
    assert_eq!((&answer["pushed"], &answer["refused"][0]["message"]), (&json!(false), &json!(message)));
    assert!(answer["refused"][0]["hints"][0].as_str().unwrap().contains("build it again"), "{answer}");
    assert!(answer["verdicts"].to_string().contains("ld-linux-x86-64.so.2"), "{answer}");
    assert_eq!(fixture.registry.tag("app", "1"), before);
}

#[test]
fn a_base_that_is_not_the_images_is_refused() {
    let fixture = prepared();
    let wrong = fixture.rebase("app:1", "base:2", &["--from", &fixture.name("base:2")]).ends_with(1);
    wrong.complains("is not built on docker://").complains("its layer 1 is not that of the base");
    let json =
        fixture.rebase("app:1", "base:2", &["--from", &fixture.name("base:2"), "--json"]).ends_with(1).json();
    let message = json["refused"][0]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("is not built on docker://") && json["digest"].is_null(), "{json}");
    let untagged = fixture.rebase("app:1", "base", &[]).ends_with(2);
    untagged.complains("has neither a tag nor a digest");
    let libc: Vec<&Entry<'_>> = LIBC.iter().collect();
    fixture.push("plain:1", &[&libc, &[&PROGRAM]], settings(&[], "/app"));
    fixture
        .rebase("plain:1", "base:2", &[])
        .ends_with(2)
        .complains("does not tell on which base")
        .complains("--from");
    let by_digest = format!("app@{}", fixture.registry.tag("app", "1").unwrap());
    fixture.rebase(&by_digest, "base:2", &[]).ends_with(2).complains("has no tag");
    let named =
        fixture.rebase(&by_digest, "base:2", &[&fixture.name("app:2"), &fixture.name("else:2")]).success();
    named.says("app:2@sha256:").says("else:2@sha256:");
    fixture.rebase("app:1", "absent:1", &[]).ends_with(5);
    fixture.run(&["rebase", "oci:x", "--onto", "a:1"]).ends_with(2).complains("is not in a registry");
}

#[test]
fn a_directory_of_the_image_never_hides_a_link_of_the_new_base() {
    let fixture = prepared();
    let libc: Vec<&Entry<'_>> = LIBC.iter().collect();
    let linked = [&libc[..], &[&DEBIAN, &Entry::Link("opt/tools", "../srv")]].concat();
    fixture.push("base:linked", &[&linked], settings(&[], ""));
    let old = [&libc[..], &[&DEBIAN, &Text("opt/tools/x", "x")]].concat();
    fixture.push("base:plain", &[&old], settings(&[], ""));
    let own = [&PROGRAM, &Text("opt/tools/own", "x")];
    fixture.push("linked:1", &[&old, &own], settings(&[], "/app"));
    let from = fixture.name("base:plain");
    let refused = fixture.rebase("linked:1", "base:linked", &["--from", &from]).ends_with(1);
    refused.complains("has a link to ../srv at /opt/tools, which the image's own layers would replace");
    fixture.push("base:unnamed", &[&libc], settings(&[], ""));
    let refused = fixture.rebase("linked:1", "base:unnamed", &["--from", &from, "--strict"]).ends_with(1);
    refused.complains("does not tell what it is");
    let warned = fixture.rebase("linked:1", "base:unnamed", &["--from", &from]).success();
    warned.complains("does not tell what it is");
}

/// A file with an entry of its own in each base, and an own file of the image.
#[test]
fn programs_and_new_files_of_the_new_base_are_never_hidden() {
    let fixture = prepared();
    let libc: Vec<&Entry<'_>> = LIBC.iter().collect();
    let library = |version: u8| Entry::Bytes("lib/libx.so".to_owned(), [b"\x7fELF", &[version][..]].concat());
    let (one, two) = (library(1), library(2));
    let passwd = [Text("etc/passwd", "root:0"), Text("etc/passwd", "root:1"), Text("etc/passwd", "app:2")];
    let old = [&libc[..], &[&DEBIAN, &one, &passwd[0], &Text("srv/old", "x")]].concat();
    let new =
        [&libc[..], &[&DEBIAN, &two, &passwd[1], &Text("srv/old", "x"), &Text("srv/new", "x")]].concat();
    fixture.push("hide:old", &[&old], settings(&[], ""));
    fixture.push("hide:new", &[&new], settings(&[], ""));
    let rebase = |own: &[&Entry<'_>]| {
        fixture.push("hide:app", &[&old, &[&[&PROGRAM], own].concat()], settings(&[], "/app"));
        fixture.rebase("hide:app", "hide:new", &[])
    };
    rebase(&[&one]).ends_with(1).complains("have another /lib/libx.so than the new base");
    rebase(&[&two]).success();
    rebase(&[&passwd[2]]).success().complains("keep their own /etc/passwd, and so hide");
    rebase(&[&Entry::Whiteout("srv/.wh.old"), &Entry::Whiteout("etc/.wh.passwd")])
        .success()
        .complains("remove /etc/passwd and 1 more, and so hide");
    // An opaque directory hides what the image never saw.
    rebase(&[&Entry::Whiteout("srv/.wh..wh..opq")])
        .ends_with(1)
        .complains("would remove /srv/new of the new base");
    // So does the removal of the whole directory, and a link in its place.
    rebase(&[&Entry::Whiteout(".wh.srv")]).ends_with(1).complains("would remove /srv/new of the new base");
    rebase(&[&Entry::Link("srv", "/opt"), &Text("opt/new", "x"), &Text("opt/old", "x")])
        .ends_with(1)
        .complains("would remove /srv/new of the new base");
}

/// A link of the image in the place of a program or library of the new base, or of its link to one.
#[test]
fn links_of_the_image_never_hide_programs_of_the_new_base() {
    use Entry::Link;
    let fixture = prepared();
    let libc: Vec<&Entry<'_>> = LIBC.iter().collect();
    let elf = |path: &str| Entry::Bytes(path.to_owned(), b"\x7fELF".to_vec());
    let (one, two) = (elf("usr/lib/libssl.so.3.0.1"), elf("usr/lib/libssl.so.3.0.2"));
    let links = [1, 2].map(|version| format!("libssl.so.3.0.{version}"));
    let links = links.each_ref().map(|target| Link("usr/lib/libssl.so.3", target));
    let tool = elf("usr/bin/tool");
    let more = [Link("usr/lib64", "lib"), Link("etc/localtime", "utc"), Text("etc/utc", "x")];
    let common = [&libc[..], &[&DEBIAN, &tool], &more.iter().collect::<Vec<_>>()].concat();
    let old = [&common[..], &[&one, &links[0]]].concat();
    let new = [&common[..], &[&two, &links[1]]].concat();
    fixture.push("link:old", &[&old], settings(&[], ""));
    fixture.push("link:new", &[&new], settings(&[], ""));
    let rebase = |own: &[&Entry<'_>]| {
        fixture.push("link:app", &[&old, &[&[&PROGRAM], own].concat()], settings(&[], "/app"));
        fixture.rebase("link:app", "link:new", &[])
    };
    for (path, target) in [
        ("usr/lib/libssl.so.3", "libssl.so.3.0.1"),
        ("lib/x86_64-linux-gnu/libc.so.6", "/opt/libc"),
        ("lib64/ld-linux-x86-64.so.2", "/opt/ld"),
        ("usr/bin/tool", "/app"),
        ("usr/lib64", "/opt"),
    ] {
        let said = format!("have another /{path} than the new base");
        rebase(&[&Link(path, target)]).ends_with(1).complains(&said);
    }
    rebase(&[&links[1]]).success();
    rebase(&[&Link("usr/lib/libssl.so.3", "/usr/lib64/libssl.so.3.0.2")]).success();
    rebase(&[&Link("etc/localtime", "/app")])
        .success()
        .complains("keep their own /etc/localtime, and so hide");
}

/// Only the configuration of the image says that its first layer is that of the base.
#[test]
fn a_false_first_layer_is_told_by_its_content() {
    let fixture = prepared();
    let libc: Vec<&Entry<'_>> = LIBC.iter().collect();
    let old = [&libc[..], &[&DEBIAN], &[&Text("etc/version", "1")]].concat();
    let directory = fixture.sandbox.work().join("false");
    write_layers(&directory, settings(&[], "/app"), |layout| {
        let base = layer(layout, &old);
        let other = layer(layout, &[&old[..], &[&Text("etc/other", "x")]].concat());
        vec![Layer { diff_id: base.diff_id, ..other }, layer(layout, &[&PROGRAM])]
    });
    fixture.run(&["push", &fixture.name("false:1"), directory.to_str().unwrap()]).success();
    // So do annotations that name another base.
    let annotated = fixture.sandbox.work().join("annotated");
    let base = [("org.opencontainers.image.base.name", fixture.name("base:2"))];
    let base = base.each_ref().map(|(key, name)| (*key, name.as_str()));
    write_annotated(&annotated, settings(&[], "/app"), &base, |layout| {
        vec![layer(layout, &libc), layer(layout, &[&PROGRAM])]
    });
    fixture.run(&["push", &fixture.name("annotated:1"), annotated.to_str().unwrap()]).success();
    let refused = fixture.rebase("annotated:1", "base:2", &[]).ends_with(2);
    refused.complains("base:2 as its base, whose layers the image does not have").complains("--from");
    let from = ["--from", &fixture.name("base:1"), "--json"];
    let refused = fixture.rebase("false:1", "base:2", &from).ends_with(1);
    refused.complains("layer 1 of the image for linux/amd64 is not that of the old base");
}

#[test]
fn the_user_stays_and_a_base_that_is_gone_is_named() {
    let fixture = prepared();
    let libc: Vec<&Entry<'_>> = LIBC.iter().collect();
    let user = |user: &str| RuntimeConfig { user: user.to_owned(), ..settings(&["PATH=/old"], "") };
    let old = [&libc[..], &[&DEBIAN, &Text("etc/version", "user")]].concat();
    fixture.push("user:old", &[&old], user("7:7"));
    let started = RuntimeConfig { entrypoint: vec!["/app".to_owned()], ..user("7:7") };
    fixture.push("user:app", &[&old, &[&PROGRAM]], started);
    let new = [&libc[..], &[&DEBIAN]].concat();
    fixture.push("user:new", &[&new], user(""));
    fixture.rebase("user:app", "user:new", &[]).success();
    assert_eq!(fixture.pulled("user:app").0["config"]["User"], "7:7");
    let digest = fixture.registry.tag("user", "new").unwrap().to_string();
    assert!(fixture.registry.remove("user", &digest));
    let newest = [&new[..], &[&Text("etc/version", "3")]].concat();
    fixture.push("user:newest", &[&newest], user(""));
    let gone = fixture.rebase("user:app", "user:newest", &[]).ends_with(5);
    gone.complains("which the image names").complains("--from");
}

#[test]
fn what_is_about_the_image_is_named_by_its_kind() {
    let fixture = prepared();
    let subject = fixture.registry.tag("app", "1").unwrap().to_string();
    let sbom = attach(&fixture, "app", &subject, "application/spdx+json");
    let signatures = ["v1", "v2"].map(|version| {
        let kind = format!("application/vnd.cncf.notary.signature.{version}");
        attach(&fixture, "app", &subject, &kind)
    });
    let other = attach(&fixture, "app", &subject, "application/vnd.example.report");
    let rebased = fixture.rebase("app:1", "base:2", &["--json"]).success();
    let mut signatures = signatures.to_vec();
    signatures.sort();
    assert_eq!(
        rebased.json()["invalid"],
        json!([
            { "kind": "SBOM", "count": 1, "digests": [sbom] },
            { "kind": "application/vnd.example.report", "count": 1, "digests": [other] },
            { "kind": "signature", "count": 2, "digests": signatures },
        ])
    );
    rebased.complains(&format!("signature: 2 manifests are about the image on its old base, and were not copied; make them again: {}, ", signatures[0]));
}

/// Adds an artifact about an image of the registry, and returns its digest.
fn attach(fixture: &Fixture, repository: &str, subject: &str, kind: &str) -> String {
    let registry = Registry::new(Settings::new()).unwrap();
    let image = fixture.registry.manifest(repository, subject).unwrap();
    let repository = fixture.name(repository).parse().unwrap();
    let empty = Blob { digest: Digest::of(b"{}"), size: 2 };
    registry.put_blob(&repository, &empty, &|_| Ok(Box::new(std::io::Cursor::new(b"{}".to_vec())))).unwrap();
    let empty = Descriptor::new("application/vnd.oci.empty.v1+json", empty);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST, "artifactType": kind, "config": empty, "layers": [empty],
        "subject": { "mediaType": image.media_type, "digest": subject, "size": image.bytes.len() },
    });
    let bytes = manifest.to_string().into_bytes();
    let about = subject.parse().unwrap();
    registry.put_referrer(&repository, media_type::MANIFEST, &bytes, &about).unwrap().to_string()
}

/// The way of a project: built on a base, which is named by annotations, and rebased for both platforms.
#[test]
fn what_was_built_on_a_base_is_rebased_for_all_platforms() {
    let fixture = Fixture::new();
    let base = |tag: &str| {
        let directory = fixture.sandbox.work().join(tag);
        let layout = Layout::create(&directory).unwrap();
        let lock = layout.lock().unwrap();
        let platforms = ["amd64", "arm64"].map(|architecture| PlatformImage {
            platform: PlatformObject::new("linux", architecture),
            config: settings(&["PATH=/bin"], ""),
            layers: vec![layer(&layout, &[&Text("etc/version", &format!("{tag} {architecture}"))])],
            history: Vec::new(),
        });
        let image = Image { created: Timestamp::EPOCH, annotations: [].into(), platforms: platforms.into() };
        let assembled = assemble(layout.blobs(), &image).unwrap();
        layout.publish(&lock, &assembled.index, &[], Pruning::ReplaceAll).unwrap();
        drop(lock);
        fixture.run(&["push", &fixture.name(&format!("base:{tag}")), directory.to_str().unwrap()]).success();
    };
    base("1");
    let project = fixture::go_module(&fixture.sandbox.work(), "hello");
    fixture::write(
        project.join("crossdock.toml"),
        format!("[image.hello]\nbase = \"{}\"\n", fixture.name("base:1")),
    );
    let dist = [
        "dist",
        "--push",
        "--repository",
        &fixture.name("hello"),
        "--tag",
        "1",
        "--platform",
        "linux/amd64,linux/arm64",
    ];
    fixture.sandbox.crossdock(&project, &dist).success();
    base("2");
    let report = fixture.rebase("hello:1", "base:2", &["--json"]).success().json();
    assert_eq!(report["platforms"].as_array().unwrap().len(), 2, "{report}");
    let (config, _) = fixture.pulled("hello:1");
    assert_eq!(config["config"]["User"], "65532:65532");
    fixture::write(project.join("crossdock.lock"), "");
    let dist: Vec<&str> = dist.iter().copied().chain(["--json"]).collect();
    fixture::write(
        project.join("crossdock.toml"),
        format!("[image.hello]\nbase = \"{}\"\n", fixture.name("base:2")),
    );
    let built = fixture.sandbox.crossdock(&project, &dist).success().json();
    // A build on the new base has the same layers.
    let (rebuilt, _) = fixture.pulled("hello:1");
    assert_eq!(rebuilt["rootfs"], config["rootfs"], "{built}");
}

/// Files by their paths.
type Files = Vec<(String, Vec<u8>)>;

/// The libraries of a program of this machine by the paths at which its loader finds them, the loader included.
fn libraries(program: &str) -> Files {
    let listed = run(Command::new("ldd").arg(program), Duration::from_secs(20)).success().stdout;
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(str::to_owned);
    let found: Vec<String> = listed.lines().filter_map(path).collect();
    assert!(found.len() >= 3, "{listed}");
    found.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Whether the loader of this machine starts the program in a root. It needs root, or a user name space.
fn starts(root: &Path, environment: &[&str]) -> bool {
    let chroot =
        if rustix::process::geteuid().is_root() { vec![] } else { vec!["unshare", "--map-root-user"] };
    let words = [&chroot[..], &["chroot", root.to_str().unwrap(), "/app", "/"]].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.envs(environment.iter().map(|line| line.split_once('=').unwrap()));
    run(&mut command, Duration::from_secs(20)).code == Some(0)
}

/// Ten bases of which some start a program and others do not, by the loader itself: none that it rejects is accepted, and
/// none on which the program starts is refused.
#[test]
fn the_loader_agrees_on_ten_pairs_of_bases() {
    let fixture = Fixture::new();
    let program = fs::read("/bin/ls").unwrap();
    let full = libraries("/bin/ls");
    let is_loader = |path: &str| path.contains("/ld-linux");
    let victim =
        full.iter().position(|(path, _)| path.contains("libpcre") || path.contains("libselinux")).unwrap();
    let without =
        || full.iter().enumerate().filter(|(place, _)| *place != victim).map(|(_, file)| file.clone());
    let with =
        |content: Vec<u8>| -> Vec<_> { without().chain([(full[victim].0.clone(), content)]).collect() };
    let moved = |to: &str| -> Files {
        let place = |path: &str| match is_loader(path) {
            true => path.to_owned(),
            false => format!("{to}/{}", path.rsplit('/').next().unwrap()),
        };
        full.iter().map(|(path, content)| (place(path), content.clone())).collect()
    };
    let other_machine = {
        let mut library = full[victim].1.clone();
        // e_machine of the ELF header: AArch64.
        library[18] = 183;
        with(library)
    };
    let no_loader: Vec<_> = full.iter().filter(|(path, _)| !is_loader(path)).cloned().collect();
    let alpine = vec![("/lib/ld-musl-x86_64.so.1".to_owned(), full[0].1.clone())];
    let libc = full.iter().position(|(path, _)| path.contains("libc.so")).unwrap();
    let swapped: Vec<_> = {
        let content =
            |place: usize| if place == victim { full[libc].1.clone() } else { full[place].1.clone() };
        full.iter().enumerate().map(|(place, (path, _))| (path.clone(), content(place))).collect()
    };
    let pairs: [(&str, Files, &[&str]); 10] = [
        ("the same libraries", full.clone(), &[]),
        ("a library missing", without().collect(), &[]),
        ("a library empty", with(Vec::new()), &[]),
        ("a library truncated", with(full[victim].1[..200].to_vec()), &[]),
        ("a library for another machine", other_machine, &[]),
        ("another library under its name", swapped, &[]),
        ("libraries in another directory", moved("/opt/lib"), &[]),
        (
            "libraries in another directory that the base names",
            moved("/opt/lib"),
            &["LD_LIBRARY_PATH=/opt/lib"],
        ),
        ("no loader", no_loader, &[]),
        ("only the loader of musl", alpine, &[]),
    ];
    let mut found = Vec::new();
    for (number, (what, files, environment)) in pairs.iter().enumerate() {
        let root = fixture.sandbox.work().join(format!("root-{number}"));
        for (path, content) in files.iter().chain([&("/app".to_owned(), program.clone())]) {
            let path = root.join(path.trim_start_matches('/'));
            fixture::write(&path, content);
            fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        let truth = starts(&root, environment);
        let of_base = |files: &[(String, Vec<u8>)]| -> Vec<Entry<'_>> {
            files.iter().map(|(path, content)| Entry::Bytes(path.clone(), content.clone())).collect()
        };
        let (old, new, app) =
            (of_base(&full), of_base(files), Entry::Bytes("/app".to_owned(), program.clone()));
        let version = Text("etc/version", "old");
        let old: Vec<&Entry<'_>> = old.iter().chain([&version]).collect();
        fixture.push("pair:old", &[&old], settings(&[], ""));
        fixture.push("pair:new", &[&new.iter().collect::<Vec<_>>()], settings(environment, ""));
        fixture.push("pair:app", &[&old, &[&app]], settings(&[], "/app"));
        let (name, from) = (fixture.name("pair:app"), fixture.name("pair:old"));
        let report = fixture.run(&[
            "rebase",
            &name,
            "--onto",
            &fixture.name("pair:new"),
            "--from",
            &from,
            "--strict",
            "--json",
        ]);
        let pushed = report.code == Some(0);
        if pushed != truth {
            found
                .push(format!("{what}: the loader starts it: {truth}; rebased: {pushed}\n{}", report.stderr));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
