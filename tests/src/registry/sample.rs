//! An image to push: small, of two platforms, with a layer that they share.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::write;
use crate::layout::sha256;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// An OCI layout with one image under the tag `v1`.
#[derive(Debug)]
pub struct Sample {
    /// The directory of the layout.
    pub directory: PathBuf,
    /// The digest of the index.
    pub digest: String,
}

impl Sample {
    /// Writes a layout whose three layers have `bytes` bytes each, of which none is in a sample of another `seed`.
    pub fn write(directory: &Path, seed: u64, bytes: usize) -> Self {
        let shared = layer(seed, bytes);
        let manifests: Vec<Value> = ["amd64", "arm64"]
            .iter()
            .zip(1..)
            .map(|(architecture, place)| {
                let own = layer(seed + (place << 32), bytes);
                let ids = [sha256(&shared), sha256(&own)];
                let config = json!({
                    "architecture": architecture, "os": "linux", "config": { "Cmd": ["/file"] },
                    "rootfs": { "type": "layers", "diff_ids": ids },
                });
                let manifest = json!({
                    "schemaVersion": 2, "mediaType": MANIFEST,
                    "config": blob(directory, CONFIG, config.to_string().as_bytes()),
                    "layers": [blob(directory, LAYER, &shared), blob(directory, LAYER, &own)],
                });
                let mut descriptor = blob(directory, MANIFEST, manifest.to_string().as_bytes());
                descriptor["platform"] = json!({ "architecture": architecture, "os": "linux" });
                descriptor
            })
            .collect();
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        let mut top = blob(directory, INDEX, index.to_string().as_bytes());
        let digest = top["digest"].as_str().expect("a descriptor has a digest").to_owned();
        top["annotations"] = json!({ "org.opencontainers.image.ref.name": "v1" });
        write(directory.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#);
        write(directory.join("index.json"), json!({ "schemaVersion": 2, "manifests": [top] }).to_string());
        Self { directory: directory.to_owned(), digest }
    }

    /// Returns a layout whose index.json is the image's index.
    pub(super) fn flat(&self) -> TempDir {
        let flat = TempDir::with_prefix("flat-").expect("a temporary directory can be created");
        crate::fixture::copy(&self.directory, flat.path());
        let blobs = self.directory.join("blobs/sha256");
        std::fs::copy(blobs.join(&self.digest["sha256:".len()..]), flat.path().join("index.json"))
            .expect("the index is a blob of the layout");
        flat
    }
}

/// Writes a blob and returns its descriptor.
fn blob(directory: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = sha256(bytes);
    write(directory.join("blobs/sha256").join(&digest["sha256:".len()..]), bytes);
    json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
}

/// Returns a tar with one file of random bytes.
fn layer(seed: u64, bytes: usize) -> Vec<u8> {
    let mut random = super::random::Random::new(seed);
    let content: Vec<u8> =
        std::iter::repeat_with(|| random.number().to_le_bytes()).flatten().take(bytes).collect();
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes as u64);
    header.set_mode(0o755);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, format!("file-{seed}"), content.as_slice())
        .expect("a vector takes any bytes");
    tar.into_inner().expect("a vector takes any bytes")
}
