//! Indexes of every shape, and the manifest that containerd takes for each host: `cases.json`, whose answers are those of
//! `ctr images mount --platform HOST`. Two packages share this file.

use serde_json::{Value, json};

/// The cases.
pub(crate) fn cases() -> Vec<Value> {
    let cases = include_str!("cases.json");
    serde_json::from_str(cases).expect("cases.json is a list")
}

/// Returns the files of the layout of a case, with their paths. `digest` returns the SHA-256 of bytes in hexadecimal.
pub(crate) fn layout(case: &Value, digest: fn(&[u8]) -> String) -> Vec<(String, Vec<u8>)> {
    let mut files = Files { list: Vec::new(), digest, is_docker: case["docker"] == true };
    let mut entries: Vec<Value> =
        case["entries"].as_array().expect("a list").iter().map(|entry| files.entry(entry)).collect();
    let mut top = if case["single"] == true { entries.remove(0) } else { files.index(&entries) };
    top["annotations"] = json!({ "io.containerd.image.name": reference(case) });
    files.list.push(("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()));
    let index = json!({ "schemaVersion": 2, "manifests": [top] });
    files.list.push(("index.json".to_owned(), index.to_string().into_bytes()));
    files.list
}

/// The full name of a case's image.
pub(crate) fn reference(case: &Value) -> String {
    format!("docker.io/cases/{}:1", case["name"].as_str().expect("a name"))
}

struct Files {
    list: Vec<(String, Vec<u8>)>,
    digest: fn(&[u8]) -> String,
    is_docker: bool,
}

impl Files {
    /// Adds a blob and returns its descriptor.
    fn blob(&mut self, oci: &str, docker: &str, bytes: Vec<u8>) -> Value {
        let (kind, hex) = (if self.is_docker { docker } else { oci }, (self.digest)(&bytes));
        let descriptor = json!({ "mediaType": kind, "digest": format!("sha256:{hex}"), "size": bytes.len() });
        self.list.push((format!("blobs/sha256/{hex}"), bytes));
        descriptor
    }

    fn index(&mut self, entries: &[Value]) -> Value {
        const OCI: &str = "application/vnd.oci.image.index.v1+json";
        const DOCKER: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
        let kind = if self.is_docker { DOCKER } else { OCI };
        let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": entries });
        self.blob(OCI, DOCKER, index.to_string().into_bytes())
    }

    fn entry(&mut self, entry: &Value) -> Value {
        let mut descriptor = match entry["index"].as_array() {
            Some(below) => {
                let below: Vec<Value> = below.iter().map(|entry| self.entry(entry)).collect();
                self.index(&below)
            }
            None => self.manifest(entry),
        };
        if let Some(name) = entry["platform"].as_str() {
            descriptor["platform"] = platform(name);
            if !entry["features"].is_null() {
                descriptor["platform"]["os.features"] = entry["features"].clone();
            }
        }
        descriptor
    }

    /// Adds a manifest whose layer has one file and whose entry point, which is absent, has the manifest's name.
    fn manifest(&mut self, entry: &Value) -> Value {
        const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
        const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
        let name = entry["manifest"].as_str().expect("a name");
        let tar = archive(&format!("is-{name}"));
        let diff_id = format!("sha256:{}", (self.digest)(&tar));
        let layer = self.blob(
            "application/vnd.oci.image.layer.v1.tar",
            "application/vnd.docker.image.rootfs.diff.tar",
            tar,
        );
        let mut config = json!({
            "config": { "Entrypoint": [format!("/start-{name}")] },
            "rootfs": { "type": "layers", "diff_ids": [diff_id] },
        });
        if let Some(configured) = entry["config"].as_str().filter(|name| !name.is_empty()) {
            for (key, value) in platform(configured).as_object().expect("an object") {
                config[key] = value.clone();
            }
        }
        let mut config = self.blob(
            "application/vnd.oci.image.config.v1+json",
            "application/vnd.docker.container.image.v1+json",
            config.to_string().into_bytes(),
        );
        if let Some(kind) = entry["config_type"].as_str() {
            config["mediaType"] = kind.into();
        }
        let kind = if self.is_docker { DOCKER } else { OCI };
        let manifest = json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer] });
        self.blob(OCI, DOCKER, manifest.to_string().into_bytes())
    }
}

fn platform(name: &str) -> Value {
    let mut parts = name.split('/');
    let (os, architecture) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match parts.next() {
        Some(variant) => json!({ "os": os, "architecture": architecture, "variant": variant }),
        None => json!({ "os": os, "architecture": architecture }),
    }
}

/// Returns a tar with one empty file.
fn archive(name: &str) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_size(0);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, name, [].as_slice()).expect("a vector takes any bytes");
    tar.into_inner().expect("a vector takes any bytes")
}
