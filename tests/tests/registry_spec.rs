//! The cases of the distribution specification that clients get wrong: referrers, missing subjects, nested indexes, empty
//! blobs, sha512.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::process::Command;

use crossdock_oci::{Algorithm, Blob, BlobStore, Descriptor, Digest, media_type};
use crossdock_registry::{
    ImageContent, PushOptions, Registry, RegistryError, Remote, Settings, Unobserved, copy_into,
};
use crossdock_tests::registry::memory::{Content, Referrers};
use crossdock_tests::registry::{Distribution, Habits, MemoryRegistry, OciMemory, TagRule};
use serde_json::{Value, json};
use tempfile::TempDir;

const REPOSITORY: &str = "team/app";

/// The kind of the artifacts.
const KIND: &str = "application/vnd.example.sbom";

/// Documents and blobs in memory.
#[derive(Default)]
struct Memory(BTreeMap<Digest, Vec<u8>>);

impl Memory {
    fn add(&mut self, media_type: &str, bytes: impl Into<Vec<u8>>) -> Descriptor {
        self.add_as(Algorithm::Sha256, media_type, bytes)
    }

    fn add_as(&mut self, algorithm: Algorithm, media_type: &str, bytes: impl Into<Vec<u8>>) -> Descriptor {
        let bytes = bytes.into();
        let blob = Blob { digest: algorithm.digest(&bytes), size: bytes.len() as u64 };
        self.0.insert(blob.digest, bytes);
        Descriptor::new(media_type, blob)
    }

    /// Adds an image with one layer.
    fn image(&mut self, layer: &[u8]) -> Descriptor {
        let layer = self.add("application/vnd.oci.image.layer.v1.tar", layer);
        let config =
            json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } });
        let config = self.add("application/vnd.oci.image.config.v1+json", config.to_string());
        self.manifest(&json!({ "config": config, "layers": [layer] }))
    }

    /// Adds an artifact about another manifest, with the empty config and an empty layer.
    fn artifact(&mut self, subject: &Descriptor, name: &str) -> Descriptor {
        let config = self.add("application/vnd.oci.empty.v1+json", "{}");
        let layer = self.add(KIND, "");
        self.manifest(&json!({
            "artifactType": KIND, "config": config, "layers": [layer], "subject": subject,
            "annotations": { "name": name },
        }))
    }

    fn manifest(&mut self, fields: &Value) -> Descriptor {
        let mut document = json!({ "schemaVersion": 2, "mediaType": media_type::MANIFEST });
        document.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.add(media_type::MANIFEST, document.to_string())
    }

    fn index(&mut self, manifests: &[Descriptor]) -> Descriptor {
        let document = json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": manifests });
        self.add(media_type::INDEX, document.to_string())
    }
}

impl ImageContent for Memory {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        Ok(self.0[&descriptor.digest].clone())
    }

    fn open(&self, blob: &Blob, at: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let mut bytes = Cursor::new(self.0[&blob.digest].as_slice());
        bytes.set_position(at);
        Ok(Box::new(bytes))
    }

    fn has(&self, blob: &Blob) -> bool {
        self.0.contains_key(&blob.digest)
    }
}

/// A registry to test with.
enum Server {
    Ours(MemoryRegistry),
    OciMemory(OciMemory),
    Debian(Distribution),
}

impl Server {
    fn ours(referrers: Referrers) -> Self {
        Self::Ours(MemoryRegistry::start(Habits { referrers, ..Habits::default() }))
    }

    /// Returns one of each kind that differs in these cases, with its name.
    fn all() -> [(&'static str, Self); 6] {
        [
            ("ours", Self::ours(Referrers::Api)),
            ("ours with null", Self::ours(Referrers::ApiWithNull)),
            ("ours without referrers", Self::ours(Referrers::Absent)),
            ("ours with the subject in place of a list", Self::ours(Referrers::Subject)),
            ("ociregistry", Self::OciMemory(OciMemory::start(TagRule::Movable))),
            ("Debian's", Self::Debian(Distribution::start())),
        ]
    }

    fn host(&self) -> String {
        match self {
            Self::Ours(registry) => registry.host(),
            Self::OciMemory(registry) => registry.host(),
            Self::Debian(registry) => registry.host(),
        }
    }

    /// Pushes an image or artifact by its digest, or with a tag.
    fn push(&self, content: &Memory, image: &Descriptor, tag: Option<&str>) -> Result<(), RegistryError> {
        let options = PushOptions::new(tag.map(|tag| tag.parse().unwrap()));
        client().push(content, image, &repository(&self.host()), &options, &Unobserved).map(drop)
    }

    /// Returns the name annotations of what is about a manifest, in order.
    fn referrers(&self, subject: &Descriptor) -> Vec<String> {
        let listed = client().referrers(&repository(&self.host()), &subject.digest).unwrap();
        assert!(listed.iter().all(|referrer| referrer.artifact_type == KIND), "{listed:?}");
        let mut digests: Vec<_> =
            listed.iter().map(|referrer| referrer.descriptor.digest.to_string()).collect();
        digests.sort();
        digests
    }
}

fn client() -> Registry {
    Registry::new(Settings::new()).unwrap()
}

fn repository(host: &str) -> crossdock_oci::Repository {
    format!("{host}/{REPOSITORY}").parse().unwrap()
}

#[test]
fn what_is_about_an_image_is_listed_by_every_registry() {
    for (name, server) in Server::all() {
        let mut content = Memory::default();
        let image = content.image(b"a layer");
        server.push(&content, &image, Some("v1")).unwrap();
        assert_eq!(server.referrers(&image), [""; 0], "{name}");
        let artifacts = ["sbom", "signature"].map(|artifact| content.artifact(&image, artifact));
        for artifact in &artifacts {
            server.push(&content, artifact, None).unwrap();
        }
        let mut expected = artifacts.map(|artifact| artifact.digest.to_string());
        expected.sort();
        assert_eq!(server.referrers(&image), expected, "{name}");
    }
}

#[test]
fn an_artifact_can_come_before_its_subject() {
    for (name, server) in Server::all() {
        let mut content = Memory::default();
        let image = content.image(b"later");
        let artifact = content.artifact(&image, "early");
        server.push(&content, &artifact, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(server.referrers(&image), [artifact.digest.to_string()], "{name}");
        server.push(&content, &image, Some("v1")).unwrap();
        assert_eq!(server.referrers(&image), [artifact.digest.to_string()], "{name}");
    }
}

/// An index of indexes, with an empty layer at its bottom, keeps its digest on the way there and back.
#[test]
fn nested_indexes_and_empty_blobs_arrive_whole() {
    for (name, server) in Server::all() {
        let mut content = Memory::default();
        let (one, two) = (content.image(b""), content.image(b"two"));
        let inner = content.index(std::slice::from_ref(&one));
        let middle = content.index(&[inner, two]);
        let outer = content.index(&[middle, one]);
        server.push(&content, &outer, Some("nested")).unwrap_or_else(|error| panic!("{name}: {error}"));
        if let Server::Ours(registry) = &server {
            assert_eq!(registry.faults(), [""; 0], "{name}");
        }
        let directory = TempDir::new().unwrap();
        let store = BlobStore::create(directory.path()).unwrap();
        let client = client();
        let remote = Remote::new(&client, &repository(&server.host())).unwrap();
        copy_into(&store, &remote, &outer, 4, &Unobserved).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (digest, bytes) in &content.0 {
            assert_eq!(std::fs::read(store.path(digest)).unwrap(), *bytes, "{name}");
        }
    }
}

/// A registry that checks nothing shows the order: no index is ever there before what it lists.
#[test]
fn children_come_before_their_index() {
    let registry = MemoryRegistry::start(Habits { content: Content::Unchecked, ..Habits::default() });
    let server = Server::Ours(registry);
    let mut content = Memory::default();
    let images = [1, 2, 3].map(|layer| content.image(&[layer; 100]));
    let inner = content.index(&images);
    let outer = content.index(&[inner]);
    server.push(&content, &outer, Some("v1")).unwrap();
    let Server::Ours(registry) = server else { unreachable!("made above") };
    assert_eq!(registry.faults(), [""; 0]);
    assert_eq!(registry.tags(REPOSITORY), ["v1"], "children have no tags");
}

/// A layer, a manifest and an index with sha512 digests: each is written by its digest, and read back.
#[test]
fn sha512_digests_are_kept() {
    let registry = MemoryRegistry::start(Habits::default());
    let mut content = Memory::default();
    let layer = content.add_as(Algorithm::Sha512, "application/vnd.oci.image.layer.v1.tar", "");
    let config = content.add("application/vnd.oci.image.config.v1+json", "{}");
    let fields = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": [layer],
    });
    let manifest = content.add_as(Algorithm::Sha512, media_type::MANIFEST, fields.to_string());
    let fields = json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": [manifest] });
    let index = content.add_as(Algorithm::Sha512, media_type::INDEX, fields.to_string());
    let (to, options) = (repository(&registry.host()), PushOptions::new(["v1".parse().unwrap()]));
    let push = || client().push(&content, &index, &to, &options, &Unobserved).unwrap();
    assert_eq!((push().digest, push().unchanged), (index.digest, true));
    assert_eq!(registry.faults(), [""; 0]);
    let directory = TempDir::new().unwrap();
    let store = BlobStore::create(directory.path()).unwrap();
    let client = client();
    let remote = Remote::new(&client, &to).unwrap();
    copy_into(&store, &remote, &index, 1, &Unobserved).unwrap();
    for blob in [&index, &manifest, &layer, &config] {
        assert_eq!(store.verify(&blob.digest).unwrap(), blob.blob());
    }
}

/// A digest of an algorithm that is not known here is refused with the reason, before anything is written.
#[test]
fn an_unknown_algorithm_is_refused_by_name() {
    let registry = MemoryRegistry::start(Habits::default());
    let mut content = Memory::default();
    let layer = json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar", "size": 0, "digest": format!("blake3:{}", "a".repeat(64)),
    });
    let config = content.add("application/vnd.oci.image.config.v1+json", "{}");
    let image = content.manifest(&json!({ "config": config, "layers": [layer] }));
    let options = PushOptions::new(["v1".parse().unwrap()]);
    let pushed =
        client().push(&content, &image, &repository(&registry.host()), &options, &Unobserved).unwrap_err();
    let message = show(&pushed);
    assert!(message.contains("`blake3` is not supported, only sha256 and sha512"), "{message}");
    assert!(registry.record().entries.iter().all(|entry| entry.method == "GET"), "{}", registry.record());
}

/// Returns an error with its causes.
fn show(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The number of processes that write to one list at the same time.
const WRITERS: usize = 8;

/// Names the host for [`one_writer`], and its number.
const WRITER: &str = "CROSSDOCK_TEST_WRITER";

/// Each writer is a process, as in a pipeline's jobs: threads of one process could take turns.
#[test]
fn parallel_writers_of_the_fallback_tag_keep_all_entries() {
    let server = Server::ours(Referrers::Absent);
    let mut content = Memory::default();
    let image = content.image(b"signed eight times");
    server.push(&content, &image, Some("v1")).unwrap();
    let test = std::env::current_exe().unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let mut command = Command::new(&test);
            command.args(["--exact", "one_writer"]).env(WRITER, format!("{} {number}", server.host()));
            crossdock_tests::Running::start(&mut command)
        })
        .collect();
    for writer in writers {
        writer.wait(std::time::Duration::from_secs(120)).success();
    }
    let mut expected: Vec<String> =
        (0..WRITERS).map(|number| content.artifact(&image, &number.to_string()).digest.to_string()).collect();
    expected.sort();
    assert_eq!(server.referrers(&image), expected);
}

/// Adds an artifact if [`parallel_writers_of_the_fallback_tag_keep_all_entries`] started it.
#[test]
fn one_writer() {
    let Ok(writer) = std::env::var(WRITER) else { return };
    let (host, number) = writer.split_once(' ').unwrap();
    let mut content = Memory::default();
    let image = content.image(b"signed eight times");
    let artifact = content.artifact(&image, number);
    let options = PushOptions::new([]);
    client().push(&content, &artifact, &repository(host), &options, &Unobserved).unwrap();
}
