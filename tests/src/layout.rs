//! An OCI image layout, read and checked without crossdock's own code (OCI image-spec, image-layout.md).

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::outcome::run;
use crate::tools::need;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An OCI image layout in which every reachable blob was checked.
#[derive(Debug)]
pub struct Layout {
    root: PathBuf,
    digest: String,
    index: Value,
    tags: Vec<String>,
}

impl Layout {
    /// Opens a layout with one image and checks it. Panics at the first violated rule.
    pub fn open(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let marker: Value = read_json(&root.join("oci-layout"));
        assert_eq!(marker["imageLayoutVersion"], "1.0.0", "{}", root.display());
        let top = read_json(&root.join("index.json"));
        let entries = array(&top, "manifests");
        let digest = string(&entries[0], "digest").to_owned();
        assert!(entries.iter().all(|e| e["digest"] == digest.as_str()), "one image expected: {top:#}");
        let tag = |entry: &Value| {
            entry["annotations"]["org.opencontainers.image.ref.name"].as_str().map(str::to_owned)
        };
        let tags = entries.iter().filter_map(tag).collect();
        assert_eq!(entries[0]["mediaType"], INDEX, "an image is always an index: {top:#}");
        let index = serde_json::from_slice(&blob(&root, &entries[0])).expect("an index is JSON");
        let layout = Self { root, digest, index, tags };
        layout.check();
        layout
    }

    /// Returns the digest of the image's index.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Returns the tags that point to the image.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// Returns the image's index.
    pub fn index(&self) -> &Value {
        &self.index
    }

    /// Returns the platforms in the order of the index, as `os/architecture[/variant]`.
    pub fn platforms(&self) -> Vec<String> {
        array(&self.index, "manifests").iter().map(|entry| platform(&entry["platform"])).collect()
    }

    /// Returns the manifest of a platform.
    pub fn manifest(&self, platform_name: &str) -> Value {
        let entry =
            array(&self.index, "manifests").iter().find(|e| platform(&e["platform"]) == platform_name);
        let entry = entry.unwrap_or_else(|| panic!("no {platform_name} in {:?}", self.platforms()));
        serde_json::from_slice(&blob(&self.root, entry)).expect("a manifest is JSON")
    }

    /// Returns the image configuration of a platform.
    pub fn config(&self, platform: &str) -> Value {
        serde_json::from_slice(&blob(&self.root, &self.manifest(platform)["config"]))
            .expect("a config is JSON")
    }

    /// Unpacks the layers of a platform with the system's tar.
    pub fn unpack(&self, platform: &str, into: &Path) {
        std::fs::create_dir_all(into).expect("a directory can be created");
        for layer in array(&self.manifest(platform), "layers") {
            let mut tar = Command::new(need("tar"));
            tar.args(["--extract", "--gzip", "--file"])
                .arg(self.blob_path(layer))
                .arg("--directory")
                .arg(into);
            run(&mut tar, Duration::from_secs(120)).success();
        }
    }

    /// Unpacks a platform and returns the path of its entry point.
    pub fn program(&self, platform: &str, into: &Path) -> PathBuf {
        self.unpack(platform, into);
        let config = self.config(platform);
        let entry = config["config"]["Entrypoint"][0].as_str();
        let entry = entry.unwrap_or_else(|| panic!("no entry point: {config:#}"));
        into.join(entry.trim_start_matches('/'))
    }

    /// Returns whether any blob of the layout holds a text, compressed or not.
    pub fn holds(&self, text: &str) -> bool {
        let has = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        let blobs = std::fs::read_dir(self.root.join("blobs/sha256")).expect("a layout has blobs");
        blobs.map(|blob| std::fs::read(blob.expect("a directory can be listed").path())).any(|blob| {
            let blob = blob.expect("a blob can be read");
            let mut tar = Vec::new();
            // A blob that is not gzip was searched already.
            let _unpacked = MultiGzDecoder::new(blob.as_slice()).read_to_end(&mut tar);
            has(&blob) || has(&tar)
        })
    }

    /// Returns the path of a descriptor's blob.
    pub fn blob_path(&self, descriptor: &Value) -> PathBuf {
        blob_path(&self.root, descriptor)
    }

    /// Checks that everything reachable from the index exists, has its size and digest, and agrees with its parent.
    fn check(&self) {
        for entry in array(&self.index, "manifests") {
            assert_eq!(entry["mediaType"], MANIFEST);
            let name = platform(&entry["platform"]);
            let (manifest, config) = (self.manifest(&name), self.config(&name));
            assert_eq!(platform(&config), name, "config and index disagree");
            let layers = array(&manifest, "layers");
            let ids: Vec<Value> =
                layers.iter().map(|layer| diff_id(&blob(&self.root, layer)).into()).collect();
            assert_eq!(&ids, array(&config["rootfs"], "diff_ids"), "diff_ids of {name}");
            if let Some(history) = config["history"].as_array() {
                let filled = history.iter().filter(|step| step["empty_layer"] != true).count();
                assert_eq!(filled, layers.len(), "history of {name}");
            }
        }
    }
}

fn blob_path(root: &Path, descriptor: &Value) -> PathBuf {
    let (algorithm, hex) =
        string(descriptor, "digest").split_once(':').expect("a digest names its algorithm");
    root.join("blobs").join(algorithm).join(hex)
}

/// Reads a blob after checking its size and digest against the descriptor.
fn blob(root: &Path, descriptor: &Value) -> Vec<u8> {
    let path = blob_path(root, descriptor);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(descriptor["size"], bytes.len(), "size of {}", path.display());
    assert_eq!(descriptor["digest"], sha256(&bytes), "digest of {}", path.display());
    bytes
}

/// Returns the digest of a layer's uncompressed content.
fn diff_id(layer: &[u8]) -> String {
    let mut tar = Vec::new();
    MultiGzDecoder::new(layer).read_to_end(&mut tar).expect("a layer is gzip");
    sha256(&tar)
}

/// Returns the digest of bytes in OCI notation.
pub fn sha256(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn platform(value: &Value) -> String {
    let parts = [&value["os"], &value["architecture"], &value["variant"]];
    parts.iter().filter_map(|part| part.as_str()).collect::<Vec<_>>().join("/")
}

fn read_json(path: &Path) -> Value {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn array<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key].as_array().unwrap_or_else(|| panic!("no array {key:?} in {value:#}"))
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no string {key:?} in {value:#}"))
}
